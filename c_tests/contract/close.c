/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* wsio_close. */
#include "rig.h"

/* SRS_WSIO_01_041, SRS_WSIO_01_043, SRS_WSIO_01_044, SRS_WSIO_01_047,
 * SRS_WSIO_01_048: the rig checks that the callback comes inside wsio_close,
 * with its context. */
TEST(closes_an_open_io)
{
    start(NULL);
    CHECK_INT(close_io("close"), 0);
    CHECK_JOURNAL(IN_LWS | TO_USER, "lws_write CLOSE 03e8", "lws_context_destroy",
        "close closed");
    CHECK_INT(contexts_alive(), 0);
    finish();
}

/* SRS_WSIO_01_041, SRS_WSIO_01_043 */
TEST(closes_an_io_that_is_being_opened)
{
    start_opening(NULL);
    CHECK_INT(close_io("close"), 0);
    CHECK_JOURNAL(IN_LWS | TO_USER, "io opened CANCELLED", "lws_context_destroy", "close closed");
    finish();
}

/* Without an on_io_error, the connection being gone already. SRS_WSIO_01_041,
 * SRS_WSIO_01_043, SRS_WSIO_01_044 */
TEST(closes_a_lost_io)
{
    start(NULL);
    report_end(LWS_CALLBACK_CLIENT_CLOSED);
    forget_journal();
    CHECK_INT(close_io("close"), 0);
    CHECK_JOURNAL(IN_LWS | TO_USER, "lws_context_destroy", "close closed");
    finish();
}

/* SRS_WSIO_01_042 */
TEST(refuses_null)
{
    CHECK(close_io("close") != 0);
    CHECK_INT(calls_made(), 0);
    check_nothing_owed();
}

/* SRS_WSIO_01_045 */
TEST(refuses_an_io_that_was_never_opened)
{
    create_io(NULL);
    forget_journal();
    CHECK(close_io("close") != 0);
    CHECK_JOURNAL_EMPTY(IN_LWS | IN_LIST | IN_SSL | TO_USER);
    CHECK_INT(log_count(), 1);
    finish();
}

/* SRS_WSIO_01_046 */
TEST(refuses_a_second_close)
{
    start(NULL);
    CHECK_INT(close_io("first"), 0);
    forget_journal();
    CHECK(close_io("second") != 0);
    CHECK_JOURNAL_EMPTY(IN_LWS | IN_LIST | IN_SSL | TO_USER);
    CHECK_INT(log_count(), 1);
    finish();
}

/* SRS_WSIO_01_045 */
TEST(refuses_an_io_whose_open_failed)
{
    start_opening(NULL);
    report_end(LWS_CALLBACK_CLIENT_CONNECTION_ERROR);
    forget_journal();
    CHECK(close_io("close") != 0);
    CHECK_JOURNAL_EMPTY(IN_LWS | IN_LIST | IN_SSL | TO_USER);
    finish();
}

/* SRS_WSIO_01_045 */
TEST(refuses_an_io_that_could_not_be_opened)
{
    create_io(NULL);
    fail_nth(CALL_lws_create_context, 1);
    CHECK(open_io("io") != 0);
    forget_journal();
    CHECK(close_io("close") != 0);
    CHECK_JOURNAL_EMPTY(IN_LWS | IN_LIST | IN_SSL | TO_USER);
    finish();
}

/* SRS_WSIO_01_049 */
TEST(the_callback_is_optional)
{
    start(NULL);
    CHECK_INT(send_text("a"), 0);
    CHECK_INT(wsio_close(io, NULL, NULL), 0);
    CHECK_INT(contexts_alive(), 0);
    CHECK_INT(open_io("again"), 0);
    CHECK_INT(wsio_close(io, NULL, &io), 0);
    CHECK(wsio_close(io, NULL, NULL) != 0);
    finish();
}

/* SRS_WSIO_01_048 */
static void on_closed(void* context)
{
    journal(TO_USER, "closed with %s", context == NULL ? "NULL" : (const char*)context);
}

/* SRS_WSIO_01_048 */
TEST(the_context_is_passed_as_it_is)
{
    start(NULL);
    CHECK_INT(wsio_close(io, on_closed, "this"), 0);
    CHECK_INT(open_io("io"), 0);
    forget_journal();
    CHECK_INT(wsio_close(io, on_closed, NULL), 0);
    CHECK_JOURNAL(TO_USER, "io opened CANCELLED", "closed with NULL");
    finish();
}

/* Oldest first, each with its own context, before the close is reported.
 * SRS_WSIO_01_108, SRS_WSIO_01_109, SRS_WSIO_01_110, SRS_WSIO_01_111 */
TEST(cancels_every_pending_send)
{
    unsigned heads;
    start(NULL);
    CHECK_INT(send_text("a"), 0);
    CHECK_INT(send_text("b"), 0);
    CHECK_INT(send_text("c"), 0);
    forget_journal();
    heads = calls_of(CALL_list_get_head_item);
    CHECK_INT(close_io("close"), 0);
    CHECK_JOURNAL(IN_LIST | TO_USER, "list_remove", "a sent CANCELLED", "list_remove",
        "b sent CANCELLED", "list_remove", "c sent CANCELLED", "close closed");
    /* Once for each, and once to see that there is none. */
    CHECK(calls_of(CALL_list_get_head_item) - heads >= 4);
    CHECK_INT(list_items_live(), 0);
    finish();
}

/* SRS_WSIO_01_060, SRS_WSIO_01_109 */
TEST(cancels_sends_without_callbacks)
{
    start(NULL);
    CHECK_INT(wsio_send(io, "a", 1, NULL, NULL), 0);
    CHECK_INT(send_text("b"), 0);
    CHECK_INT(wsio_send(io, "c", 1, NULL, NULL), 0);
    forget_journal();
    CHECK_INT(close_io("close"), 0);
    CHECK_JOURNAL(TO_USER, "b sent CANCELLED", "close closed");
    CHECK_INT(list_items_live(), 0);
    finish();
}

/* The first part is out; the whole is cancelled. SRS_WSIO_01_109 */
TEST(cancels_a_send_that_is_partly_out)
{
    start(NULL);
    CHECK_INT(send_text("abc"), 0);
    lws_write_will_return(1);
    report(LWS_CALLBACK_CLIENT_WRITEABLE, NULL, 0);
    forget_journal();
    CHECK_INT(close_io("close"), 0);
    CHECK_JOURNAL(TO_USER, "abc sent CANCELLED", "close closed");
    finish();
}

/* lws has taken it, the kernel has not: it may never arrive. SRS_WSIO_01_109 */
TEST(cancels_a_send_that_lws_still_holds)
{
    start(NULL);
    CHECK_INT(send_text("abc"), 0);
    lws_write_will_leave_partial(true);
    report(LWS_CALLBACK_CLIENT_WRITEABLE, NULL, 0);
    CHECK_JOURNAL_EMPTY(TO_USER);
    CHECK_INT(close_io("close"), 0);
    CHECK_JOURNAL(TO_USER, "abc sent CANCELLED", "close closed");
    finish();
}

/* Each in turn; every send is answered once, whatever list_remove says.
 * SRS_WSIO_01_108, SRS_WSIO_01_109 */
TEST(cancels_also_when_list_remove_fails)
{
    for (unsigned nth = 1; nth <= 4; nth++)
    {
        start(NULL);
        CHECK_INT(send_text("a"), 0);
        CHECK_INT(send_text("b"), 0);
        CHECK_INT(send_text("c"), 0);
        fail_nth(CALL_list_remove, nth);
        forget_journal();
        CHECK_INT(close_io("close"), 0);
        CHECK_JOURNAL(TO_USER, "a sent CANCELLED", "b sent CANCELLED", "c sent CANCELLED",
            "close closed");
        /* The IO works again. */
        CHECK_INT(open_io("again"), 0);
        report(LWS_CALLBACK_CLIENT_ESTABLISHED, NULL, 0);
        CHECK_INT(send_text("d"), 0);
        write_all();
        CHECK_INT(journal_count("d sent OK"), 1);
        finish();
    }
}

/* It never works, and nothing hangs. SRS_WSIO_01_108, SRS_WSIO_01_109 */
TEST(cancels_when_list_remove_always_fails)
{
    start(NULL);
    CHECK_INT(send_text("a"), 0);
    CHECK_INT(send_text("b"), 0);
    fail_all(CALL_list_remove);
    forget_journal();
    CHECK_INT(close_io("close"), 0);
    CHECK_JOURNAL(TO_USER, "a sent CANCELLED", "b sent CANCELLED", "close closed");
    finish();
}

/* And no new list can be had either. SRS_WSIO_01_109 */
TEST(cancels_when_the_whole_list_fails)
{
    start(NULL);
    CHECK_INT(send_text("a"), 0);
    CHECK_INT(send_text("b"), 0);
    fail_all(CALL_list_remove);
    fail_all(CALL_list_create);
    forget_journal();
    CHECK_INT(close_io("close"), 0);
    CHECK_JOURNAL(TO_USER, "a sent CANCELLED", "b sent CANCELLED", "close closed");
    fail_none();
    CHECK_INT(open_io("again"), 0);
    report(LWS_CALLBACK_CLIENT_ESTABLISHED, NULL, 0);
    CHECK_INT(send_text("c"), 0);
    write_all();
    CHECK_INT(journal_count("c sent OK"), 1);
    finish();
}

/* A failed send is not answered again later. SRS_WSIO_01_109 */
TEST(does_not_cancel_what_was_answered)
{
    start(NULL);
    CHECK_INT(send_text("a"), 0);
    CHECK_INT(send_text("b"), 0);
    lws_write_will_return(-1);
    lws_write_will_leave_partial(true);
    report(LWS_CALLBACK_CLIENT_WRITEABLE, NULL, 0);
    CHECK_INT(journal_count("a sent ERROR"), 1);
    forget_journal();
    CHECK_INT(close_io("close"), 0);
    CHECK_JOURNAL(TO_USER, "b sent CANCELLED", "close closed");
    finish();
}

/* The goodbye: RFC 6455 5.5.1, code 1000 -------------------------------------- */

/* The frame would end up inside another: the connection ends without. */
TEST(says_nothing_on_top_of_unsent_bytes)
{
    start(NULL);
    lws_set_partial(true);
    CHECK_INT(close_io("close"), 0);
    CHECK_JOURNAL(IN_LWS | TO_USER, "lws_context_destroy", "close closed");
    finish();
}

TEST(says_nothing_inside_a_message)
{
    start(NULL);
    CHECK_INT(send_text("abc"), 0);
    lws_write_will_return(1);
    report(LWS_CALLBACK_CLIENT_WRITEABLE, NULL, 0);
    forget_journal();
    CHECK_INT(close_io("close"), 0);
    CHECK_JOURNAL(IN_LWS, "lws_context_destroy");
    finish();
}

/* lws has passed the whole message on meanwhile: nothing is in the way. */
TEST(says_goodbye_behind_a_whole_message)
{
    start(NULL);
    CHECK_INT(send_text("abc"), 0);
    lws_write_will_leave_partial(true);
    report(LWS_CALLBACK_CLIENT_WRITEABLE, NULL, 0);
    lws_set_partial(false);
    forget_journal();
    CHECK_INT(close_io("close"), 0);
    CHECK_JOURNAL(IN_LWS, "lws_write CLOSE 03e8", "lws_context_destroy");
    finish();
}

TEST(says_nothing_before_the_handshake_is_done)
{
    start_opening(NULL);
    CHECK_INT(close_io("close"), 0);
    CHECK_JOURNAL(IN_LWS, "lws_context_destroy");
    finish();
}

TEST(says_nothing_on_a_lost_connection)
{
    start(NULL);
    report_end(LWS_CALLBACK_CLIENT_CLOSED);
    forget_journal();
    CHECK_INT(close_io("close"), 0);
    CHECK_JOURNAL(IN_LWS, "lws_context_destroy");
    finish();
}

/* lws answers that itself: there is one Close frame a side. */
TEST(says_nothing_after_the_peers_goodbye)
{
    start(NULL);
    report(LWS_CALLBACK_WS_PEER_INITIATED_CLOSE, "\x03\xe8", 2);
    forget_journal();
    CHECK_INT(close_io("close"), 0);
    CHECK_JOURNAL(IN_LWS | TO_USER, "lws_context_destroy", "close closed");
    finish();
}

/* Best effort. SRS_WSIO_01_043, SRS_WSIO_01_044 */
TEST(a_failing_goodbye_is_nothing)
{
    start(NULL);
    fail_nth(CALL_lws_write, 1);
    CHECK_INT(close_io("close"), 0);
    CHECK_JOURNAL(IN_LWS | TO_USER, "lws_write CLOSE 03e8", "lws_context_destroy",
        "close closed");
    finish();
}

/* Pending sends are cancelled, not sent after all: wsio_close does not wait. */
TEST(sends_nothing_but_the_goodbye)
{
    start(NULL);
    CHECK_INT(send_text("a"), 0);
    forget_journal();
    CHECK_INT(close_io("close"), 0);
    CHECK_JOURNAL(IN_LWS, "lws_write CLOSE 03e8", "lws_context_destroy");
    CHECK_INT(calls_of(CALL_lws_service), 1);
    finish();
}

/* Closing needs no memory. SRS_WSIO_01_043, SRS_WSIO_01_044, SRS_WSIO_01_109 */
TEST(works_with_a_full_heap)
{
    start(NULL);
    CHECK_INT(send_text("a"), 0);
    CHECK_INT(send_text("b"), 0);
    forget_journal();
    heap_fail_all();
    CHECK_INT(close_io("close"), 0);
    heap_fail_none();
    CHECK_JOURNAL(TO_USER, "a sent CANCELLED", "b sent CANCELLED", "close closed");
    CHECK_INT(contexts_alive(), 0);
    finish();
}

/* lws_context_destroy reports the end of the connection, which is no error:
 * the user asked for it. */
TEST(its_own_end_is_no_error)
{
    start(NULL);
    CHECK_INT(close_io("close"), 0);
    CHECK_INT(journal_count("io failed"), 0);
    CHECK_INT(log_count(), 0);
    finish();
}

/* Nothing of the old connection is left in the new one. */
TEST(the_handle_can_be_opened_again)
{
    start(NULL);
    for (int i = 0; i < 100; i++)
    {
        CHECK_INT(send_text("left over"), 0);
        CHECK_INT(close_io("close"), 0);
        CHECK_INT(open_io("again"), 0);
        report(LWS_CALLBACK_CLIENT_ESTABLISHED, NULL, 0);
        lws_forget_written();
        CHECK_INT(send_text("hello"), 0);
        write_all();
        CHECK_INT(lws_written_size(), 5);
        CHECK_MEM(lws_written(), "hello", 5);
        report(LWS_CALLBACK_CLIENT_RECEIVE, "answer", 6);
        CHECK_INT(journal_count("again received answer"), 1);
        forget_journal();
    }
    finish();
}
