/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* wsio_dowork. */
#include <signal.h>

#include "rig.h"

/* With the timeout that returns at once on lws 4: there, 0 waits.
 * SRS_WSIO_01_061, SRS_WSIO_01_112 */
TEST(serves_the_context_without_waiting)
{
    start_opening(NULL);
    serve();
    CHECK_JOURNAL(IN_LWS, "lws_service -1");
    report(LWS_CALLBACK_CLIENT_ESTABLISHED, NULL, 0);
    forget_journal();
    serve();
    CHECK_JOURNAL(IN_LWS | IN_LIST | IN_SSL | TO_USER, "lws_service -1");
    finish();
}

/* SRS_WSIO_01_062 */
TEST(does_nothing_before_the_open)
{
    create_io(NULL);
    forget_journal();
    serve();
    CHECK_JOURNAL_EMPTY(IN_LWS | IN_LIST | IN_SSL | TO_USER);
    finish();
}

/* SRS_WSIO_01_062 */
TEST(does_nothing_after_the_close)
{
    start(NULL);
    CHECK_INT(close_io("close"), 0);
    forget_journal();
    serve();
    CHECK_JOURNAL_EMPTY(IN_LWS | IN_LIST | IN_SSL | TO_USER);
    finish();
}

/* SRS_WSIO_01_062 */
TEST(does_nothing_after_a_failed_open)
{
    start_opening(NULL);
    report_end(LWS_CALLBACK_CLIENT_CONNECTION_ERROR);
    forget_journal();
    serve();
    CHECK_JOURNAL_EMPTY(IN_LWS | IN_LIST | IN_SSL | TO_USER);
    finish();
}

/* SRS_WSIO_01_063 */
TEST(does_nothing_with_null)
{
    wsio_dowork(NULL);
    CHECK_INT(calls_made(), 0);
}

/* A lost IO is not closed. SRS_WSIO_01_062 */
TEST(goes_on_after_the_connection_is_lost)
{
    start(NULL);
    report_end(LWS_CALLBACK_CLIENT_CLOSED);
    CHECK_JOURNAL(TO_USER, "io failed");
    serve();
    serve();
    CHECK_JOURNAL_EMPTY(TO_USER);
    finish();
}

/* The context that the open at hand made. SRS_WSIO_01_061 */
TEST(serves_the_newest_context)
{
    start(NULL);
    CHECK_INT(close_io("close"), 0);
    CHECK_INT(open_io("again"), 0);
    forget_journal();
    serve();
    CHECK_JOURNAL(IN_LWS, "lws_service -1 #2");
    finish();
}

/* SRS_WSIO_01_037 */
TEST(a_failing_service_ends_an_open)
{
    start_opening(NULL);
    fail_nth(CALL_lws_service, 1);
    serve();
    CHECK_JOURNAL(IN_LWS | TO_USER, "lws_service -1", "lws_context_destroy", "io opened ERROR");
    finish();
}

/* Nothing can come from that connection any more. */
TEST(a_failing_service_loses_an_open_io)
{
    start(NULL);
    CHECK_INT(send_text("a"), 0);
    fail_all(CALL_lws_service);
    serve();
    serve();
    CHECK_JOURNAL(TO_USER, "io failed");
    CHECK(send_text("b") != 0);
    CHECK_INT(close_io("close"), 0);
    CHECK_JOURNAL(TO_USER, "a sent CANCELLED", "close closed");
    finish();
}

static volatile sig_atomic_t host_signals;

static void on_host_signal(int number)
{
    (void)number;
    host_signals++;
}

/* One that the host has blocked and not taken yet stays pending. */
TEST(the_hosts_pending_sigpipe_stays)
{
    sigset_t set;
    WSIO_CONFIG config = tls_config(NULL);
    signal(SIGPIPE, on_host_signal);
    start(&config);
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    raise(SIGPIPE);
    serve();
    sigpending(&set);
    CHECK_INT(sigismember(&set, SIGPIPE), 1);
    finish();
}
