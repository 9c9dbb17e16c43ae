/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What ends a connection that is open: on_io_error, once. */
#include "rig.h"

/* The event is reported once; the IO refuses everything but the close, which
 * works; afterwards it can be opened again. */
static void check_loses(enum lws_callback_reasons reason, const void* in, size_t len)
{
    start(NULL);
    CHECK_INT(send_text("a"), 0);
    forget_log();
    forget_journal();
    report(reason, in, len);
    CHECK_JOURNAL(TO_USER, "io failed");
    CHECK_INT(log_count(), 1);
    CHECK(send_text("b") != 0);
    CHECK(open_io("refused") != 0);
    serve();
    CHECK_JOURNAL_EMPTY(TO_USER);
    CHECK_INT(close_io("close"), 0);
    CHECK_JOURNAL(TO_USER, "a sent CANCELLED", "close closed");
    CHECK_INT(open_io("again"), 0);
    report(LWS_CALLBACK_CLIENT_ESTABLISHED, NULL, 0);
    CHECK_JOURNAL(TO_USER, "again opened OK");
    finish();
}

/* SRS_WSIO_01_068 */
TEST(established_twice)
{
    check_loses(LWS_CALLBACK_CLIENT_ESTABLISHED, NULL, 0);
}

/* SRS_WSIO_01_070 */
TEST(connection_error)
{
    check_loses(LWS_CALLBACK_CLIENT_CONNECTION_ERROR, "reset by peer", 13);
    CHECK(log_has("reset by peer"));
}

/* lws 4 reports this, */
TEST(client_closed)
{
    check_loses(LWS_CALLBACK_CLIENT_CLOSED, NULL, 0);
}

/* older ones this, */
TEST(closed)
{
    check_loses(LWS_CALLBACK_CLOSED, NULL, 0);
}

TEST(closed_client_http)
{
    check_loses(LWS_CALLBACK_CLOSED_CLIENT_HTTP, NULL, 0);
}

/* and some only this. */
TEST(wsi_destroy)
{
    check_loses(LWS_CALLBACK_WSI_DESTROY, NULL, 0);
}

/* SRS_WSIO_01_130 */
TEST(certificates_asked_for_when_open)
{
    start(NULL);
    lws_will_ask_for_certificates(WHEN_SERVED, ssl_ctx_of_lws());
    serve();
    CHECK_JOURNAL(IN_SSL | TO_USER, "io failed");
    CHECK_INT(log_count(), 1);
    finish();
}

/* All that lws reports of one end. SRS_WSIO_01_068, SRS_WSIO_01_070 */
TEST(is_reported_once)
{
    start(NULL);
    lws_will_report(WHEN_SERVED, LWS_CALLBACK_CLIENT_CLOSED, NULL, 0);
    lws_will_report(WHEN_SERVED, LWS_CALLBACK_CLOSED, NULL, 0);
    lws_will_report(WHEN_SERVED, LWS_CALLBACK_CLIENT_CONNECTION_ERROR, NULL, 0);
    lws_will_report(WHEN_SERVED, LWS_CALLBACK_CLIENT_ESTABLISHED, NULL, 0);
    lws_will_report(WHEN_SERVED, LWS_CALLBACK_CLIENT_WRITEABLE, NULL, 0);
    lws_will_report(WHEN_SERVED, LWS_CALLBACK_CLIENT_RECEIVE, "a", 1);
    lws_will_report(WHEN_SERVED, LWS_CALLBACK_WSI_DESTROY, NULL, 0);
    lws_will_drop_wsi(WHEN_SERVED);
    serve();
    CHECK_JOURNAL(TO_USER, "io failed");
    finish();
}

/* The wsi dangles then; the fake ends the test when it is used.
 * SRS_WSIO_01_070 */
TEST(the_connection_is_not_used_any_more)
{
    start(NULL);
    CHECK_INT(send_text("a"), 0);
    report_end(LWS_CALLBACK_CLIENT_CLOSED);
    CHECK(send_text("b") != 0);
    serve();
    CHECK_INT(close_io("close"), 0);
    CHECK_INT(lws_written_size(), 0);
    finish();
}

/* A Close frame is no end yet: bytes that came before it are still delivered,
 * and lws answers it. */
TEST(the_peers_goodbye_ends_nothing_by_itself)
{
    start(NULL);
    report(LWS_CALLBACK_WS_PEER_INITIATED_CLOSE, "\x03\xe9gone", 6);
    report(LWS_CALLBACK_CLIENT_RECEIVE, "a", 1);
    CHECK_JOURNAL(TO_USER, "io received a");
    report_end(LWS_CALLBACK_CLIENT_CLOSED);
    CHECK_JOURNAL(TO_USER, "io failed");
    CHECK_INT(log_count(), 1);
    CHECK(log_has("1001"));
    CHECK(!log_has("gone"));
    finish();
}

/* Without a code, with half a one, at NULL. */
TEST(the_peers_goodbye_may_say_nothing)
{
    static const struct
    {
        const void* in;
        size_t len;
    } goodbyes[] = {{NULL, 0}, {"", 0}, {"\x03", 1}, {NULL, 2}};
    for (size_t i = 0; i < sizeof(goodbyes) / sizeof(goodbyes[0]); i++)
    {
        start(NULL);
        report(LWS_CALLBACK_WS_PEER_INITIATED_CLOSE, goodbyes[i].in, goodbyes[i].len);
        report_end(LWS_CALLBACK_CLIENT_CLOSED);
        CHECK_JOURNAL(TO_USER, "io failed");
        finish();
    }
}

/* The goodbye of one connection is not that of the next. */
TEST(the_peers_goodbye_is_forgotten)
{
    start(NULL);
    report(LWS_CALLBACK_WS_PEER_INITIATED_CLOSE, "\x03\xe9", 2);
    report_end(LWS_CALLBACK_CLIENT_CLOSED);
    CHECK_INT(close_io("close"), 0);
    forget_log();
    CHECK_INT(open_io("again"), 0);
    report(LWS_CALLBACK_CLIENT_ESTABLISHED, NULL, 0);
    report_end(LWS_CALLBACK_CLIENT_CLOSED);
    CHECK_INT(log_count(), 1);
    CHECK(!log_has("1001"));
    finish();
}

/* Once on the wire, and then the connection is lost: what the kernel has not
 * confirmed is cancelled, never OK. SRS_WSIO_01_109 */
TEST(what_lws_still_holds_is_cancelled)
{
    start(NULL);
    CHECK_INT(send_text("a"), 0);
    lws_write_will_leave_partial(true);
    report(LWS_CALLBACK_CLIENT_WRITEABLE, NULL, 0);
    report_end(LWS_CALLBACK_CLIENT_CLOSED);
    CHECK_JOURNAL(TO_USER, "io failed");
    CHECK_INT(close_io("close"), 0);
    CHECK_JOURNAL(TO_USER, "a sent CANCELLED", "close closed");
    finish();
}

/* The error needs no callback, and no memory. */
TEST(works_with_a_full_heap)
{
    start(NULL);
    heap_fail_all();
    report_end(LWS_CALLBACK_CLIENT_CLOSED);
    CHECK_JOURNAL(TO_USER, "io failed");
    CHECK_INT(close_io("close"), 0);
    heap_fail_none();
    finish();
}
