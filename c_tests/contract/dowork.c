/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* wsio_dowork. */
#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

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

static void start_tls(void)
{
    WSIO_CONFIG config = tls_config(NULL);
    start(&config);
}

static volatile sig_atomic_t host_signals;

static void on_host_signal(int number)
{
    (void)number;
    host_signals++;
}

/* A handshake over one end of a pair of sockets; the other end. */
static int start_handshake(int* mine)
{
    int pair[2];
    start_tls();
    CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    *mine = pair[0];
    ssl_start_handshake(newest_context()->tls.provided_client_ssl_ctx, pair[0]);
    return pair[1];
}

/* What OpenSSL writes to a broken connection raises no SIGPIPE. */
TEST(tls_writes_without_sigpipe)
{
    char got[8];
    int mine;
    int peer = start_handshake(&mine);
    signal(SIGPIPE, on_host_signal);
    CHECK_INT(ssl_write("hello", 5), 5);
    CHECK_INT(read(peer, got, sizeof(got)), 5);
    CHECK_MEM(got, "hello", 5);
    CHECK(!ssl_should_retry_write());
    close(peer);
    CHECK_INT(ssl_write("x", 1), -1);
    CHECK_INT(errno, EPIPE);
    CHECK(!ssl_should_retry_write());
    CHECK_INT(host_signals, 0);
    raise(SIGPIPE);
    CHECK_INT(host_signals, 1);
    ssl_end_handshake();
    close(mine);
    finish();
}

/* OpenSSL is told to try again when the socket is full, and no longer. */
TEST(tls_waits_for_a_full_socket)
{
    static char bytes[65536];
    int mine;
    int peer = start_handshake(&mine);
    while (ssl_write(bytes, sizeof(bytes)) > 0)
    {
        CHECK(!ssl_should_retry_write());
    }
    CHECK(ssl_should_retry_write());
    while (read(peer, bytes, sizeof(bytes)) > 0)
    {
    }
    CHECK(ssl_write(bytes, 1) == 1);
    CHECK(!ssl_should_retry_write());
    ssl_end_handshake();
    close(peer);
    close(mine);
    finish();
}

/* A handshake within the connection changes nothing (renegotiation, TLS 1.3's
 * messages after the handshake). */
TEST(tls_writes_as_before_after_another_handshake)
{
    char got[1];
    int mine;
    int peer = start_handshake(&mine);
    unsigned bios = calls_of(CALL_BIO_new);
    ssl_tell_progress(newest_context()->tls.provided_client_ssl_ctx, SSL_CB_HANDSHAKE_START, 1, 0);
    CHECK_INT(calls_of(CALL_BIO_new), bios);
    CHECK_INT(ssl_write("x", 1), 1);
    CHECK_INT(read(peer, got, 1), 1);
    ssl_end_handshake();
    close(peer);
    close(mine);
    finish();
}

/* Without memory for that nothing is written at all. */
TEST(tls_writes_nothing_rather_than_raise_sigpipe)
{
    SSL_CTX* ssl;
    start_tls();
    ssl = newest_context()->tls.provided_client_ssl_ctx;
    fail_nth(CALL_BIO_new, 1);
    ssl_start_handshake(ssl, 0);
    CHECK(failed());
    CHECK_PTR(SSL_get_wbio(ssl_of_handshake()), NULL);
    ssl_end_handshake();
    finish();
}

/* One that the host has blocked and not taken yet stays pending. */
TEST(the_hosts_pending_sigpipe_stays)
{
    sigset_t set;
    signal(SIGPIPE, on_host_signal);
    start_tls();
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    raise(SIGPIPE);
    serve();
    sigpending(&set);
    CHECK_INT(sigismember(&set, SIGPIPE), 1);
    finish();
}
