/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* wsio_send. What happens to what it queued is in writeable.c. */
#include "rig.h"

/* Nothing is written yet. SRS_WSIO_01_050, SRS_WSIO_01_054, SRS_WSIO_01_056,
 * SRS_WSIO_01_105, SRS_WSIO_01_107: the fake checks that it is the list of
 * wsio_create and the wsi of wsio_open. */
TEST(queues_and_asks_for_a_writeable_event)
{
    start(NULL);
    CHECK_INT(send_text("hello"), 0);
    CHECK_JOURNAL(IN_LWS | IN_LIST | TO_USER, "list_add", "lws_callback_on_writable");
    CHECK_INT(list_live(), 1);
    CHECK_INT(list_items_live(), 1);
    CHECK_INT(log_count(), 0);
    finish();
}

/* SRS_WSIO_01_054 */
TEST(writes_nothing_before_the_event)
{
    start(NULL);
    CHECK_INT(send_text("hello"), 0);
    forget_journal();
    serve();
    report(LWS_CALLBACK_CLIENT_RECEIVE, "x", 1);
    CHECK_JOURNAL(IN_LWS | TO_USER, "lws_service -1", "lws_service -1", "io received x");
    report(LWS_CALLBACK_CLIENT_WRITEABLE, NULL, 0);
    CHECK_JOURNAL(IN_LWS | TO_USER, "lws_service -1", "lws_write BINARY hello",
        "hello sent OK");
    finish();
}

/* SRS_WSIO_01_050 */
TEST(copies_the_bytes)
{
    char bytes[] = "hello";
    start(NULL);
    CHECK_INT(send_bytes("a", bytes, 5), 0);
    memset(bytes, 'x', sizeof(bytes));
    report(LWS_CALLBACK_CLIENT_WRITEABLE, NULL, 0);
    CHECK_INT(lws_written_size(), 5);
    CHECK_MEM(lws_written(), "hello", 5);
    finish();
}

/* NULs and all. SRS_WSIO_01_050 */
TEST(takes_any_bytes)
{
    unsigned char bytes[256];
    for (size_t i = 0; i < sizeof(bytes); i++)
    {
        bytes[i] = (unsigned char)i;
    }
    start(NULL);
    CHECK_INT(send_bytes("a", bytes, sizeof(bytes)), 0);
    write_all();
    CHECK_INT(lws_written_size(), sizeof(bytes));
    CHECK_MEM(lws_written(), bytes, sizeof(bytes));
    finish();
}

/* First in, first out. SRS_WSIO_01_050, SRS_WSIO_01_071 */
TEST(keeps_the_order)
{
    start(NULL);
    CHECK_INT(send_text("a"), 0);
    CHECK_INT(send_text("b"), 0);
    report(LWS_CALLBACK_CLIENT_WRITEABLE, NULL, 0);
    CHECK_INT(send_text("c"), 0);
    write_all();
    CHECK_MEM(lws_written(), "abc", 3);
    CHECK_JOURNAL(TO_USER, "a sent OK", "b sent OK", "c sent OK");
    finish();
}

/* The call is refused: nothing is queued, one line says why. */
static void check_refused(int result)
{
    CHECK(result != 0);
    CHECK_JOURNAL_EMPTY(IN_LWS | IN_LIST | IN_SSL | TO_USER);
    CHECK_INT(list_items_live(), 0);
    CHECK_INT(log_count(), 1);
    forget_log();
}

/* SRS_WSIO_01_051 */
TEST(refuses_before_the_open)
{
    create_io(NULL);
    forget_journal();
    check_refused(send_text("a"));
    finish();
}

/* SRS_WSIO_01_051 */
TEST(refuses_while_the_open_is_in_progress)
{
    start_opening(NULL);
    check_refused(send_text("a"));
    finish();
}

/* SRS_WSIO_01_051 */
TEST(refuses_after_the_close)
{
    start(NULL);
    CHECK_INT(close_io("close"), 0);
    forget_journal();
    check_refused(send_text("a"));
    finish();
}

/* SRS_WSIO_01_051 */
TEST(refuses_after_a_failed_open)
{
    start_opening(NULL);
    report_end(LWS_CALLBACK_CLIENT_CONNECTION_ERROR);
    forget_journal();
    forget_log();
    check_refused(send_text("a"));
    finish();
}

/* SRS_WSIO_01_051 */
TEST(refuses_after_the_connection_is_lost)
{
    start(NULL);
    report_end(LWS_CALLBACK_CLIENT_CLOSED);
    forget_journal();
    forget_log();
    check_refused(send_text("a"));
    finish();
}

/* SRS_WSIO_01_052 */
TEST(refuses_no_handle)
{
    CHECK(send_text("a") != 0);
    CHECK_INT(calls_made(), 0);
    check_nothing_owed();
}

/* SRS_WSIO_01_052 */
TEST(refuses_no_buffer)
{
    start(NULL);
    check_refused(send_bytes("a", NULL, 1));
    check_refused(send_bytes("b", NULL, 0));
    finish();
}

/* SRS_WSIO_01_053 */
TEST(refuses_nothing)
{
    start(NULL);
    check_refused(send_bytes("a", "", 0));
    finish();
}

/* More than lws_write can count; the buffer is not touched. SRS_WSIO_01_055 */
TEST(refuses_too_much)
{
    start(NULL);
    check_refused(send_bytes("a", "x", (size_t)2147483632));
    check_refused(send_bytes("b", "x", (size_t)1 << 32));
    check_refused(send_bytes("c", "x", SIZE_MAX / 2 + 2));
    check_refused(send_bytes("d", "x", SIZE_MAX));
    finish();
}

/* SRS_WSIO_01_055 */
TEST(fails_when_list_add_fails)
{
    start(NULL);
    fail_nth(CALL_list_add, 1);
    CHECK(send_text("a") != 0);
    CHECK_JOURNAL(IN_LWS | IN_LIST | TO_USER, "list_add fails");
    CHECK_INT(log_count(), 1);
    CHECK(log_has("list_add"));
    /* The IO goes on. */
    CHECK_INT(send_text("b"), 0);
    write_all();
    CHECK_INT(lws_written_size(), 1);
    CHECK_INT(journal_count("b sent OK"), 1);
    finish();
}

/* SRS_WSIO_01_055 */
TEST(fails_when_an_allocation_fails)
{
    unsigned nth = 1;
    start(NULL);
    for (;; nth++)
    {
        int result;
        forget_log();
        heap_fail_nth(nth);
        result = send_text("a");
        heap_fail_none();
        if (!heap_failed())
        {
            CHECK_INT(result, 0);
            break;
        }
        CHECK(result != 0);
        CHECK_INT(list_items_live(), 0);
        CHECK_INT(log_count(), 1);
        CHECK(log_has("memory"));
    }
    CHECK(nth > 1);
    write_all();
    CHECK_INT(lws_written_size(), 1);
    finish();
}

/* And what was queued goes out of the list again: it is not sent after all.
 * SRS_WSIO_01_106 */
TEST(fails_when_no_event_can_be_asked_for)
{
    start(NULL);
    fail_nth(CALL_lws_callback_on_writable, 1);
    CHECK(send_text("a") != 0);
    CHECK_JOURNAL(IN_LWS | IN_LIST | TO_USER, "list_add", "lws_callback_on_writable fails",
        "list_remove");
    CHECK_INT(list_items_live(), 0);
    CHECK_INT(log_count(), 1);
    CHECK(log_has("lws_callback_on_writable"));
    CHECK_INT(send_text("b"), 0);
    write_all();
    CHECK_INT(lws_written_size(), 1);
    CHECK_MEM(lws_written(), "b", 1);
    finish();
}

/* The one that failed goes, not those before it. SRS_WSIO_01_106 */
TEST(a_failed_send_does_not_harm_the_others)
{
    start(NULL);
    CHECK_INT(send_text("a"), 0);
    fail_nth(CALL_lws_callback_on_writable, 1);
    CHECK(send_text("b") != 0);
    CHECK_INT(send_text("c"), 0);
    forget_journal();
    write_all();
    CHECK_MEM(lws_written(), "ac", 2);
    CHECK_JOURNAL(TO_USER, "a sent OK", "c sent OK");
    finish();
}

/* Not even the list lets go of it: it is still never sent and never answered.
 * SRS_WSIO_01_106 */
TEST(a_failed_send_that_stays_in_the_list_is_not_sent)
{
    start(NULL);
    CHECK_INT(send_text("a"), 0);
    fail_nth(CALL_lws_callback_on_writable, 1);
    fail_nth(CALL_list_remove, 1);
    CHECK(send_text("b") != 0);
    CHECK_INT(send_text("c"), 0);
    fail_none();
    forget_journal();
    write_all();
    CHECK_INT(lws_written_size(), 2);
    CHECK_MEM(lws_written(), "ac", 2);
    CHECK_JOURNAL(TO_USER, "a sent OK", "c sent OK");
    finish();
}

/* Likewise when it is cancelled. SRS_WSIO_01_106, SRS_WSIO_01_109 */
TEST(a_failed_send_that_stays_in_the_list_is_not_cancelled)
{
    start(NULL);
    fail_nth(CALL_lws_callback_on_writable, 1);
    fail_nth(CALL_list_remove, 1);
    CHECK(send_text("b") != 0);
    CHECK_INT(send_text("c"), 0);
    forget_journal();
    CHECK_INT(close_io("close"), 0);
    CHECK_JOURNAL(TO_USER, "c sent CANCELLED", "close closed");
    finish();
}

/* Only a negative result is a failure. SRS_WSIO_01_106 */
TEST(zero_and_positive_results_are_fine)
{
    start(NULL);
    lws_on_writable_will_return(0);
    CHECK_INT(send_text("a"), 0);
    lws_on_writable_will_return(7);
    CHECK_INT(send_text("b"), 0);
    forget_journal();
    write_all();
    CHECK_JOURNAL(TO_USER, "a sent OK", "b sent OK");
    finish();
}

/* SRS_WSIO_01_106 */
TEST(every_negative_result_is_a_failure)
{
    start(NULL);
    lws_on_writable_will_return(-2);
    CHECK(send_text("a") != 0);
    CHECK_INT(list_items_live(), 0);
    finish();
}

/* SRS_WSIO_01_060 */
TEST(the_callback_is_optional)
{
    start(NULL);
    CHECK_INT(wsio_send(io, "a", 1, NULL, NULL), 0);
    CHECK_INT(wsio_send(io, "b", 1, NULL, &io), 0);
    write_all();
    CHECK_MEM(lws_written(), "ab", 2);
    CHECK_INT(list_items_live(), 0);
    /* And for a failure. */
    CHECK_INT(wsio_send(io, "c", 1, NULL, NULL), 0);
    lws_write_will_return(-1);
    report(LWS_CALLBACK_CLIENT_WRITEABLE, NULL, 0);
    CHECK_INT(list_items_live(), 0);
    finish();
}

static const void* sent_with;

static void on_sent(void* context, IO_SEND_RESULT result)
{
    CHECK_INT(result, IO_SEND_OK);
    sent_with = context;
}

/* SRS_WSIO_01_059 */
TEST(the_context_is_passed_as_it_is)
{
    int mine;
    start(NULL);
    CHECK_INT(wsio_send(io, "a", 1, on_sent, &mine), 0);
    write_all();
    CHECK_PTR(sent_with, &mine);
    CHECK_INT(wsio_send(io, "b", 1, on_sent, NULL), 0);
    write_all();
    CHECK_PTR(sent_with, NULL);
    finish();
}

/* Payload is nobody's business but the server's. */
TEST(payload_is_not_logged)
{
    start(NULL);
    CHECK_INT(send_text("secret"), 0);
    CHECK_INT(send_text("secret too"), 0);
    lws_write_will_return(-1);
    write_all();
    fail_nth(CALL_list_add, 1);
    CHECK(send_text("secret as well") != 0);
    CHECK(log_count() > 0);
    CHECK(!log_has("secret"));
    finish();
}
