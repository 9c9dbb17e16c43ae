/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* LWS_CALLBACK_CLIENT_WRITEABLE: what becomes of the pending sends.
 *
 * How many go out in one event is the library's business. Where a test needs an
 * end after the first, the fake keeps a part of it in lws's buffer, on top of
 * which nothing may be written. */
#include "rig.h"

static void writeable(void)
{
    report(LWS_CALLBACK_CLIENT_WRITEABLE, NULL, 0);
}

/* One WRITEABLE event in which lws takes one message whole, but the kernel not. */
static void writeable_once(void)
{
    lws_write_will_leave_partial(true);
    writeable();
    lws_write_will_leave_partial(false);
    lws_set_partial(false);
}

/* Success ------------------------------------------------------------------- */

/* SRS_WSIO_01_057, SRS_WSIO_01_071, SRS_WSIO_01_075, SRS_WSIO_01_077,
 * SRS_WSIO_01_078, SRS_WSIO_01_120 */
TEST(sends_what_is_pending)
{
    start(NULL);
    CHECK_INT(send_text("hello"), 0);
    forget_journal();
    writeable();
    /* The callback may destroy everything: the item leaves the list first. */
    CHECK_JOURNAL(IN_LWS | IN_LIST | TO_USER, "lws_service -1", "lws_write BINARY hello",
        "list_remove", "hello sent OK");
    CHECK_INT(list_items_live(), 0);
    finish();
}

/* The fake overwrites the LWS_PRE bytes before the payload, as lws does, and the
 * payload itself: this must be room of the library's, and a copy.
 * SRS_WSIO_01_072, SRS_WSIO_01_074 */
TEST(the_payload_is_copied_behind_the_padding)
{
    static unsigned char bytes[100000];
    start(NULL);
    for (size_t size = 1; size <= sizeof(bytes); size = size * 3 + 1)
    {
        memset(bytes, (int)size, sizeof(bytes));
        lws_forget_written();
        CHECK_INT(send_bytes("a", bytes, size), 0);
        write_all();
        CHECK_INT(lws_written_size(), size);
        CHECK_MEM(lws_written(), bytes, size);
        CHECK(lws_last_buffer() < bytes || lws_last_buffer() >= bytes + sizeof(bytes));
    }
    finish();
}

/* SRS_WSIO_01_071, SRS_WSIO_01_081 */
TEST(does_nothing_when_nothing_is_pending)
{
    start(NULL);
    writeable();
    CHECK_JOURNAL(IN_LWS | IN_LIST | TO_USER, "lws_service -1");
    finish();
}

/* SRS_WSIO_01_081, SRS_WSIO_01_115 */
TEST(asks_again_while_something_is_pending)
{
    start(NULL);
    CHECK_INT(send_text("a"), 0);
    CHECK_INT(send_text("b"), 0);
    forget_journal();
    writeable_once();
    CHECK_JOURNAL(IN_LWS, "lws_service -1", "lws_write BINARY a", "lws_callback_on_writable");
    writeable_once();
    CHECK_JOURNAL(IN_LWS | TO_USER, "lws_service -1", "a sent OK", "lws_write BINARY b",
        "lws_callback_on_writable");
    writeable();
    CHECK_JOURNAL(IN_LWS | TO_USER, "lws_service -1", "b sent OK");
    finish();
}

/* SRS_WSIO_01_081 */
TEST(asks_no_more_when_nothing_is_pending)
{
    start(NULL);
    CHECK_INT(send_text("a"), 0);
    newest_context()->writeable_requests = 0;
    writeable();
    CHECK_INT(newest_context()->writeable_requests, 0);
    finish();
}

/* OK means that the kernel has it. SRS_WSIO_01_057, SRS_WSIO_01_078 */
TEST(reports_success_when_the_kernel_has_the_last_byte)
{
    start(NULL);
    CHECK_INT(send_text("hello"), 0);
    forget_journal();
    lws_write_will_leave_partial(true);
    writeable();
    CHECK_JOURNAL_EMPTY(TO_USER | IN_LIST);
    /* lws reports again as it gets rid of more. */
    for (int i = 0; i < 5; i++)
    {
        CHECK(newest_context()->writeable_requests > 0);
        newest_context()->writeable_requests = 0;
        writeable();
        CHECK_JOURNAL(IN_LWS | IN_LIST | TO_USER, "lws_service -1", "lws_callback_on_writable");
    }
    lws_set_partial(false);
    writeable();
    CHECK_JOURNAL(IN_LWS | TO_USER, "lws_service -1", "hello sent OK");
    CHECK_INT(lws_written_size(), 5);
    finish();
}

/* A write on top of unsent bytes corrupts the stream; the fake ends the test
 * then. */
TEST(never_writes_on_top_of_unsent_bytes)
{
    start(NULL);
    lws_set_partial(true);
    CHECK_INT(send_text("a"), 0);
    forget_journal();
    writeable();
    writeable();
    CHECK_INT(lws_written_size(), 0);
    lws_set_partial(false);
    writeable();
    CHECK_JOURNAL(TO_USER, "a sent OK");
    finish();
}

/* SRS_WSIO_01_120 */
TEST(is_ignored_when_lost)
{
    start(NULL);
    CHECK_INT(send_text("a"), 0);
    forget_journal();
    /* Lost by an error of the protocol: the connection itself still stands. */
    lws_will_report(WHEN_SERVED, LWS_CALLBACK_CLIENT_RECEIVE, NULL, 0);
    writeable();
    CHECK_JOURNAL(IN_LWS | TO_USER, "lws_service -1", "io failed");
    CHECK_INT(lws_written_size(), 0);
    finish();
}

/* SRS_WSIO_01_121 */
TEST(fails_an_open_in_progress)
{
    start_opening(NULL);
    writeable();
    CHECK_JOURNAL(IN_LWS | TO_USER, "lws_service -1", "io opened ERROR", "lws_context_destroy");
    finish();
}

/* There is a bound to what one wsio_dowork does. */
TEST(does_a_bounded_amount_of_work)
{
    static const char bytes[64 * 1024];
    enum { COUNT = 256 };
    start(NULL);
    for (int i = 0; i < COUNT; i++)
    {
        CHECK_INT(send_bytes("a", bytes, sizeof(bytes)), 0);
    }
    writeable();
    CHECK(lws_written_size() >= sizeof(bytes));
    CHECK(lws_written_size() < COUNT / 4 * sizeof(bytes));
    write_all();
    CHECK_INT(lws_written_size(), COUNT * sizeof(bytes));
    CHECK_INT(journal_count("a sent OK"), COUNT);
    finish();
}

static void take_2_ms(const char* name, IO_SEND_RESULT result)
{
    (void)name;
    (void)result;
    clock_advance_ms(2);
}

/* In time too, as far as it depends on it: callbacks may be slow. */
TEST(works_for_a_bounded_time)
{
    enum { COUNT = 100 };
    start(NULL);
    for (int i = 0; i < COUNT; i++)
    {
        CHECK_INT(send_text("a"), 0);
    }
    hooks.sent = take_2_ms;
    writeable();
    CHECK(lws_written_size() >= 2);
    CHECK(lws_written_size() <= 5);
    write_all();
    CHECK_INT(journal_count("a sent OK"), COUNT);
    finish();
}

/* However little is left to spend: what is done is reported in the same event. */
TEST(a_large_send_ends_in_one_event)
{
    static const char bytes[1024 * 1024];
    start(NULL);
    CHECK_INT(send_bytes("large", bytes, sizeof(bytes)), 0);
    forget_journal();
    writeable();
    CHECK_JOURNAL(TO_USER, "large sent OK");
    finish();
}

/* Segments ------------------------------------------------------------------ */

TEST(one_message_is_sent_at_once)
{
    start(NULL);
    CHECK_INT(send_text("a"), 0);
    forget_journal();
    writeable();
    CHECK_JOURNAL(IN_LWS | IN_KERNEL, "lws_service -1", "lws_write BINARY a");
    finish();
}

TEST(several_messages_share_segments)
{
    start(NULL);
    CHECK_INT(send_text("a"), 0);
    CHECK_INT(send_text("b"), 0);
    CHECK_INT(send_text("c"), 0);
    forget_journal();
    writeable();
    CHECK_JOURNAL(IN_LWS | IN_KERNEL, "lws_service -1", "cork", "lws_write BINARY a",
        "lws_write BINARY b", "lws_write BINARY c", "uncork");
    finish();
}

static unsigned sends_left;

static void send_another(const char* name, IO_SEND_RESULT result)
{
    (void)name;
    CHECK_INT(result, IO_SEND_OK);
    if (sends_left > 0)
    {
        sends_left--;
        CHECK_INT(send_text("more"), 0);
    }
}

/* Nobody knows of more when the first goes out. */
TEST(those_that_callbacks_send_share_segments)
{
    start(NULL);
    sends_left = 2;
    hooks.sent = send_another;
    CHECK_INT(send_text("a"), 0);
    forget_journal();
    writeable();
    CHECK_JOURNAL(IN_LWS | IN_KERNEL, "lws_service -1", "lws_write BINARY a",
        "lws_callback_on_writable", "cork", "lws_write BINARY more", "lws_callback_on_writable",
        "lws_write BINARY more", "uncork");
    finish();
}

static void close_now(const char* name, IO_SEND_RESULT result)
{
    (void)name;
    hooks.sent = NULL;
    CHECK_INT(result, IO_SEND_OK);
    CHECK_INT(close_io("close"), 0);
}

/* And no segment waits longer than the event, whatever happens in it: neither
 * what is unsent nor a close leaves the socket corked. */
TEST(nothing_is_held_back_for_long)
{
    start(NULL);
    CHECK_INT(send_text("a"), 0);
    CHECK_INT(send_text("b"), 0);
    forget_journal();
    writeable_once();
    CHECK_JOURNAL(IN_KERNEL, "cork", "uncork");
    hooks.sent = close_now;
    CHECK_INT(send_text("c"), 0);
    forget_journal();
    writeable();
    CHECK_JOURNAL(IN_LWS | IN_KERNEL | TO_USER, "lws_service -1", "a sent OK",
        "lws_write CLOSE 03e8", "b sent CANCELLED", "c sent CANCELLED", "close closed",
        "lws_context_destroy");
    finish();
}

TEST(a_close_in_the_middle_takes_the_cork_off)
{
    start(NULL);
    CHECK_INT(send_text("a"), 0);
    CHECK_INT(send_text("b"), 0);
    hooks.sent = close_now;
    forget_journal();
    writeable();
    CHECK_JOURNAL(IN_LWS | IN_KERNEL | TO_USER, "lws_service -1", "cork", "lws_write BINARY a",
        "a sent OK", "lws_write CLOSE 03e8", "b sent CANCELLED", "close closed", "uncork",
        "lws_context_destroy");
    finish();
}

TEST(goes_on_without_a_cork)
{
    start(NULL);
    CHECK_INT(send_text("a"), 0);
    CHECK_INT(send_text("b"), 0);
    fail_all(CALL_setsockopt);
    forget_journal();
    writeable();
    CHECK_JOURNAL(TO_USER, "a sent OK", "b sent OK");
    finish();
}

/* SRS_WSIO_01_081 has no other end: the error is the IO's. */
TEST(a_refused_request_for_the_next_event_loses_the_io)
{
    start(NULL);
    CHECK_INT(send_text("a"), 0);
    CHECK_INT(send_text("b"), 0);
    forget_journal();
    fail_nth(CALL_lws_callback_on_writable, 1);
    writeable_once();
    CHECK_JOURNAL(TO_USER, "io failed");
    CHECK(send_text("c") != 0);
    CHECK_INT(close_io("close"), 0);
    CHECK_JOURNAL(TO_USER, "a sent CANCELLED", "b sent CANCELLED", "close closed");
    finish();
}

/* Parts ---------------------------------------------------------------------- */

/* SRS_WSIO_01_080 */
TEST(sends_the_rest_later)
{
    start(NULL);
    CHECK_INT(send_text("abcdef"), 0);
    forget_journal();
    lws_write_will_return(1);
    lws_write_will_return(3);
    writeable();
    CHECK_JOURNAL(IN_LWS | IN_LIST | TO_USER, "lws_service -1", "lws_write BINARY abcdef",
        "lws_callback_on_writable");
    writeable();
    CHECK_JOURNAL(IN_LWS | IN_LIST | TO_USER, "lws_service -1", "lws_write BINARY bcdef",
        "lws_callback_on_writable");
    writeable();
    CHECK_JOURNAL(IN_LWS | IN_LIST | TO_USER, "lws_service -1", "lws_write BINARY ef",
        "list_remove", "abcdef sent OK");
    CHECK_INT(lws_written_size(), 6);
    CHECK_MEM(lws_written(), "abcdef", 6);
    finish();
}

/* The rest of one goes before the next. SRS_WSIO_01_080 */
TEST(sends_the_rest_before_the_next)
{
    start(NULL);
    CHECK_INT(send_text("abc"), 0);
    CHECK_INT(send_text("def"), 0);
    lws_write_will_return(2);
    forget_journal();
    write_all();
    CHECK_MEM(lws_written(), "abcdef", 6);
    CHECK_JOURNAL(TO_USER, "abc sent OK", "def sent OK");
    finish();
}

/* Nothing was taken: the whole is pending as before, not partly sent. */
TEST(zero_bytes_written_is_nothing_written)
{
    start(NULL);
    CHECK_INT(send_text("abc"), 0);
    lws_write_will_return(0);
    forget_journal();
    writeable();
    CHECK_JOURNAL(IN_LWS | IN_LIST | TO_USER, "lws_service -1", "lws_write BINARY abc",
        "lws_callback_on_writable");
    /* A failure now is one of a whole send: the IO goes on. SRS_WSIO_01_076 */
    lws_write_will_return(-1);
    writeable();
    CHECK_JOURNAL(TO_USER, "abc sent ERROR");
    CHECK_INT(send_text("def"), 0);
    write_all();
    CHECK_INT(journal_count("def sent OK"), 1);
    finish();
}

/* Failures ------------------------------------------------------------------- */

/* The IO goes on with the next. SRS_WSIO_01_076, SRS_WSIO_01_081,
 * SRS_WSIO_01_116 */
TEST(a_failing_write_fails_the_send)
{
    start(NULL);
    CHECK_INT(send_text("a"), 0);
    CHECK_INT(send_text("b"), 0);
    lws_write_will_return(-1);
    lws_write_will_leave_partial(true);
    forget_journal();
    writeable();
    CHECK_INT(journal_count("a sent ERROR"), 1);
    CHECK_INT(journal_count("io failed"), 0);
    CHECK(journal_count("lws_callback_on_writable") > 0);
    CHECK_INT(log_count(), 1);
    CHECK(log_has("lws_write"));
    lws_write_will_leave_partial(false);
    lws_set_partial(false);
    write_all();
    CHECK_INT(journal_count("b sent OK"), 1);
    CHECK_MEM(lws_written(), "b", 1);
    finish();
}

/* It was the last: there is no reason to ask again. SRS_WSIO_01_076,
 * SRS_WSIO_01_081 */
TEST(a_failing_write_of_the_last_send)
{
    start(NULL);
    CHECK_INT(send_text("a"), 0);
    lws_write_will_return(-5);
    forget_journal();
    writeable();
    CHECK_JOURNAL(IN_LWS | IN_LIST | TO_USER, "lws_service -1", "lws_write BINARY a",
        "list_remove", "a sent ERROR");
    finish();
}

/* Half a message is out: the connection is of no use any more.
 * SRS_WSIO_01_076, SRS_WSIO_01_114 */
TEST(a_failing_write_of_the_rest_loses_the_io)
{
    start(NULL);
    CHECK_INT(send_text("abc"), 0);
    CHECK_INT(send_text("d"), 0);
    lws_write_will_return(1);
    lws_write_will_return(-1);
    forget_journal();
    writeable();
    CHECK_JOURNAL_EMPTY(TO_USER);
    writeable();
    CHECK_JOURNAL(TO_USER, "abc sent ERROR", "io failed");
    CHECK(send_text("e") != 0);
    CHECK_INT(close_io("close"), 0);
    CHECK_JOURNAL(TO_USER, "d sent CANCELLED", "close closed");
    finish();
}

/* And nothing more is asked of lws. SRS_WSIO_01_114, SRS_WSIO_01_116 */
TEST(a_lost_io_asks_no_more)
{
    start(NULL);
    CHECK_INT(send_text("abc"), 0);
    CHECK_INT(send_text("d"), 0);
    lws_write_will_return(1);
    lws_write_will_return(-1);
    writeable();
    forget_journal();
    writeable();
    CHECK_JOURNAL(IN_LWS, "lws_service -1", "lws_write BINARY bc");
    finish();
}

/* SRS_WSIO_01_073, SRS_WSIO_01_081, SRS_WSIO_01_116 */
TEST(a_failing_allocation_fails_the_send)
{
    start(NULL);
    CHECK_INT(send_text("a"), 0);
    CHECK_INT(send_text("b"), 0);
    forget_journal();
    heap_fail_nth(1);
    writeable();
    CHECK(heap_failed());
    CHECK_INT(journal_count("a sent ERROR"), 1);
    CHECK_INT(journal_count("io failed"), 0);
    write_all();
    CHECK_INT(journal_count("b sent OK"), 1);
    CHECK_MEM(lws_written(), "b", 1);
    CHECK_INT(log_count(), 1);
    CHECK(log_has("memory"));
    finish();
}

/* The buffer grows for a larger one, up to the size from which on sends are written
 * from where they were queued. SRS_WSIO_01_072, SRS_WSIO_01_073 */
TEST(a_failing_allocation_for_a_larger_send)
{
    static const char bytes[4000];
    start(NULL);
    CHECK_INT(send_text("a"), 0);
    write_all();
    CHECK_INT(send_bytes("large", bytes, sizeof(bytes)), 0);
    forget_journal();
    heap_fail_all();
    writeable();
    heap_fail_none();
    CHECK_JOURNAL(TO_USER, "large sent ERROR");
    CHECK_INT(send_text("b"), 0);
    write_all();
    CHECK_INT(journal_count("b sent OK"), 1);
    finish();
}

/* A buffer that is kept for the rest needs no allocation, one that is not may
 * fail: both are answered once. SRS_WSIO_01_073, SRS_WSIO_01_113 */
TEST(a_failing_allocation_for_the_rest_loses_the_io)
{
    start(NULL);
    CHECK_INT(send_text("abc"), 0);
    lws_write_will_return(1);
    forget_journal();
    writeable();
    heap_fail_all();
    writeable();
    heap_fail_none();
    if (heap_failed())
    {
        CHECK_JOURNAL(TO_USER, "abc sent ERROR", "io failed");
    }
    else
    {
        CHECK_JOURNAL(TO_USER, "abc sent OK");
    }
    finish();
}

/* lws cannot have sent more than it was given. SRS_WSIO_01_118 */
TEST(more_bytes_than_there_were_is_an_error)
{
    start(NULL);
    CHECK_INT(send_text("abc"), 0);
    CHECK_INT(send_text("d"), 0);
    lws_write_will_return(4);
    forget_journal();
    writeable();
    CHECK_INT(journal_count("abc sent ERROR"), 1);
    CHECK_INT(journal_count("io failed"), 0);
    write_all();
    CHECK_INT(journal_count("d sent OK"), 1);
    finish();
}

/* SRS_WSIO_01_118, SRS_WSIO_01_119 */
TEST(more_bytes_than_the_rest_loses_the_io)
{
    start(NULL);
    CHECK_INT(send_text("abc"), 0);
    lws_write_will_return(1);
    lws_write_will_return(3);
    forget_journal();
    writeable();
    writeable();
    CHECK_JOURNAL(TO_USER, "abc sent ERROR", "io failed");
    finish();
}

/* SRS_WSIO_01_077, SRS_WSIO_01_079 */
TEST(a_send_that_cannot_be_removed_loses_the_io)
{
    start(NULL);
    CHECK_INT(send_text("a"), 0);
    CHECK_INT(send_text("b"), 0);
    fail_nth(CALL_list_remove, 1);
    lws_write_will_leave_partial(true);
    writeable();
    lws_write_will_leave_partial(false);
    lws_set_partial(false);
    forget_journal();
    writeable();
    CHECK_JOURNAL(TO_USER, "a sent OK", "io failed");
    /* It is not sent again, nor answered again. */
    CHECK_INT(close_io("close"), 0);
    CHECK_JOURNAL(TO_USER, "b sent CANCELLED", "close closed");
    CHECK_INT(lws_written_size(), 1);
    finish();
}

/* It failed, and stays in the list: answered once all the same.
 * SRS_WSIO_01_076 */
TEST(a_failed_send_that_cannot_be_removed)
{
    start(NULL);
    CHECK_INT(send_text("a"), 0);
    CHECK_INT(send_text("b"), 0);
    fail_all(CALL_list_remove);
    lws_write_will_return(-1);
    forget_journal();
    writeable();
    CHECK_INT(journal_count("a sent ERROR"), 1);
    CHECK(journal_count("io failed") <= 1);
    fail_none();
    (void)close_io("close");
    CHECK_INT(journal_count("a sent ERROR"), 1);
    CHECK_INT(journal_count("a sent CANCELLED"), 0);
    finish();
}

/* SRS_WSIO_01_114, SRS_WSIO_01_117 */
TEST(the_error_is_reported_once)
{
    start(NULL);
    CHECK_INT(send_text("abc"), 0);
    lws_write_will_return(1);
    lws_write_will_return(-1);
    fail_all(CALL_list_remove);
    forget_journal();
    writeable();
    writeable();
    CHECK_INT(journal_count("abc sent ERROR"), 1);
    CHECK_INT(journal_count("io failed"), 1);
    CHECK_INT(close_io("close"), 0);
    CHECK_INT(journal_count("io failed"), 1);
    finish();
}

/* Not from that event, nor from later ones. SRS_WSIO_01_117 */
TEST(the_error_is_not_reported_again_when_the_connection_ends)
{
    start(NULL);
    CHECK_INT(send_text("abc"), 0);
    lws_write_will_return(1);
    lws_write_will_return(-1);
    forget_journal();
    writeable();
    writeable();
    report(LWS_CALLBACK_CLIENT_RECEIVE, NULL, 0);
    report_end(LWS_CALLBACK_CLIENT_CLOSED);
    CHECK_INT(journal_count("io failed"), 1);
    finish();
}

/* The same after each of the failures of a whole send: the connection's end is
 * reported when it comes. SRS_WSIO_01_076 */
TEST(the_end_is_reported_after_a_failed_send)
{
    start(NULL);
    CHECK_INT(send_text("a"), 0);
    lws_write_will_return(-1);
    forget_journal();
    writeable();
    CHECK_JOURNAL(TO_USER, "a sent ERROR");
    report_end(LWS_CALLBACK_CLIENT_CLOSED);
    CHECK_JOURNAL(TO_USER, "io failed");
    finish();
}

/* Whole sends, parts, nothing and unsent bytes by turns: the bytes come out as
 * they went in, and each send is answered once, which the rig checks.
 * SRS_WSIO_01_057, SRS_WSIO_01_080 */
TEST(a_long_mixture_of_outcomes)
{
    unsigned random = 1;
    start(NULL);
    for (int round = 0; round < 300; round++)
    {
        random = random * 1103515245u + 12345u;
        CHECK_INT(send_text("abc"), 0);
        if (random / 256 % 3 == 0)
        {
            lws_write_will_return((int)(random / 1024 % 2));
        }
        lws_write_will_leave_partial(random / 4096 % 5 == 0);
        writeable();
        lws_set_partial(false);
        forget_journal();
        lws_write_will_return_all();
    }
    lws_write_will_leave_partial(false);
    write_all();
    CHECK_INT(list_items_live(), 0);
    CHECK_INT(lws_written_size(), 300 * 3);
    for (size_t i = 0; i < lws_written_size(); i++)
    {
        CHECK_INT(lws_written()[i], "abc"[i % 3]);
    }
    finish();
}
