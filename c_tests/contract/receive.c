/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* LWS_CALLBACK_CLIENT_RECEIVE. */
#include "rig.h"

static const unsigned char* seen_bytes;
static size_t seen_size;

static void see(const unsigned char* bytes, size_t size)
{
    seen_bytes = bytes;
    seen_size = size;
}

/* The very bytes that lws points to, not a copy. SRS_WSIO_01_083,
 * SRS_WSIO_01_084, SRS_WSIO_01_085 */
TEST(passes_the_bytes_on)
{
    static const char bytes[] = "hello\0world";
    start(NULL);
    hooks.received = see;
    report(LWS_CALLBACK_CLIENT_RECEIVE, bytes, 11);
    CHECK_JOURNAL(IN_LWS | IN_LIST | TO_USER, "lws_service -1", "io received hello");
    CHECK_PTR(seen_bytes, bytes);
    CHECK_INT(seen_size, 11);
    finish();
}

/* SRS_WSIO_01_083, SRS_WSIO_01_085 */
TEST(passes_every_size_on)
{
    static unsigned char bytes[1 << 20];
    start(NULL);
    hooks.received = see;
    for (size_t size = 1; size <= sizeof(bytes); size *= 2)
    {
        report(LWS_CALLBACK_CLIENT_RECEIVE, bytes, size);
        CHECK_PTR(seen_bytes, bytes);
        CHECK_INT(seen_size, size);
    }
    finish();
}

/* SRS_WSIO_01_083 */
TEST(passes_everything_on_in_order)
{
    start(NULL);
    lws_will_report(WHEN_SERVED, LWS_CALLBACK_CLIENT_RECEIVE, "a", 1);
    lws_will_report(WHEN_SERVED, LWS_CALLBACK_CLIENT_RECEIVE, "bc", 2);
    lws_will_report(WHEN_SERVED, LWS_CALLBACK_CLIENT_RECEIVE, "d", 1);
    serve();
    CHECK_JOURNAL(TO_USER, "io received a", "io received bc", "io received d");
    finish();
}

static void on_received(void* context, const unsigned char* bytes, size_t size)
{
    (void)bytes;
    CHECK_INT(size, 1);
    *(int*)context += 1;
}

/* SRS_WSIO_01_086 */
TEST(passes_the_context_of_the_open)
{
    int first = 0;
    int second = 0;
    create_io(NULL);
    CHECK_INT(test_open(io, NULL, on_received, NULL, &first), 0);
    report(LWS_CALLBACK_CLIENT_ESTABLISHED, NULL, 0);
    report(LWS_CALLBACK_CLIENT_RECEIVE, "a", 1);
    CHECK_INT(first, 1);
    /* The context of this open, not of the one before. */
    CHECK_INT(close_io("close"), 0);
    CHECK_INT(test_open(io, NULL, on_received, NULL, &second), 0);
    report(LWS_CALLBACK_CLIENT_ESTABLISHED, NULL, 0);
    report(LWS_CALLBACK_CLIENT_RECEIVE, "b", 1);
    CHECK_INT(first, 1);
    CHECK_INT(second, 1);
    finish();
}

/* Also when there is a pointer. SRS_WSIO_01_087 */
TEST(no_bytes_are_an_error)
{
    start(NULL);
    report(LWS_CALLBACK_CLIENT_RECEIVE, "a", 0);
    CHECK_JOURNAL(TO_USER, "io failed");
    CHECK_INT(log_count(), 1);
    CHECK_INT(close_io("close"), 0);

    CHECK_INT(open_io("again"), 0);
    report(LWS_CALLBACK_CLIENT_ESTABLISHED, NULL, 0);
    forget_journal();
    report(LWS_CALLBACK_CLIENT_RECEIVE, NULL, 0);
    CHECK_JOURNAL(TO_USER, "again failed");
    finish();
}

/* SRS_WSIO_01_088 */
TEST(bytes_at_null_are_an_error)
{
    start(NULL);
    report(LWS_CALLBACK_CLIENT_RECEIVE, NULL, 1);
    CHECK_JOURNAL(TO_USER, "io failed");
    CHECK_INT(log_count(), 1);
    finish();
}

/* SRS_WSIO_01_082 */
TEST(nothing_is_passed_on_when_lost)
{
    start(NULL);
    lws_will_report(WHEN_SERVED, LWS_CALLBACK_CLIENT_RECEIVE, NULL, 0);
    lws_will_report(WHEN_SERVED, LWS_CALLBACK_CLIENT_RECEIVE, "a", 1);
    lws_will_report(WHEN_SERVED, LWS_CALLBACK_CLIENT_RECEIVE, NULL, 0);
    lws_will_report(WHEN_SERVED, LWS_CALLBACK_CLIENT_RECEIVE, NULL, 1);
    serve();
    CHECK_JOURNAL(TO_USER, "io failed");
    finish();
}

static void close_now(const unsigned char* bytes, size_t size)
{
    (void)bytes;
    (void)size;
    CHECK_INT(close_io("close"), 0);
}

/* SRS_WSIO_01_082 */
TEST(nothing_is_passed_on_when_closed)
{
    start(NULL);
    hooks.received = close_now;
    lws_will_report(WHEN_SERVED, LWS_CALLBACK_CLIENT_RECEIVE, "a", 1);
    lws_will_report(WHEN_SERVED, LWS_CALLBACK_CLIENT_RECEIVE, "b", 1);
    serve();
    CHECK_JOURNAL(TO_USER, "io received a", "close closed");
    finish();
}

/* SRS_WSIO_01_122 */
TEST(fails_an_open_in_progress)
{
    start_opening(NULL);
    report(LWS_CALLBACK_CLIENT_RECEIVE, "a", 1);
    CHECK_JOURNAL(IN_LWS | TO_USER, "lws_service -1", "io opened ERROR", "lws_context_destroy");
    finish();
}

TEST(the_callback_is_optional)
{
    create_io(NULL);
    CHECK_INT(test_open(io, NULL, NULL, NULL, NULL), 0);
    report(LWS_CALLBACK_CLIENT_ESTABLISHED, NULL, 0);
    report(LWS_CALLBACK_CLIENT_RECEIVE, "a", 1);
    /* It is still open. */
    CHECK_INT(send_text("b"), 0);
    finish();
}

/* Receiving allocates nothing: a full heap is no reason to lose bytes. */
TEST(works_with_a_full_heap)
{
    start(NULL);
    heap_fail_all();
    report(LWS_CALLBACK_CLIENT_RECEIVE, "a", 1);
    heap_fail_none();
    CHECK_JOURNAL(TO_USER, "io received a");
    finish();
}

TEST(payload_is_not_logged)
{
    start(NULL);
    lws_will_report(WHEN_SERVED, LWS_CALLBACK_CLIENT_RECEIVE, "secret", 6);
    lws_will_report(WHEN_SERVED, LWS_CALLBACK_CLIENT_RECEIVE, "secret", 0);
    serve();
    CHECK_INT(log_count(), 1);
    CHECK(!log_has("secret"));
    finish();
}
