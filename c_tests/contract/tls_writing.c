/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* How TLS writes: to a pair of sockets here, and without encrypting. */
#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rig.h"

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
static int start_handshake_over(int kind, int* mine)
{
    int pair[2];
    start_tls();
    CHECK_INT(socketpair(AF_UNIX, kind | SOCK_NONBLOCK, 0, pair), 0);
    *mine = pair[0];
    ssl_start_handshake(newest_context()->tls.provided_client_ssl_ctx, pair[0]);
    return pair[1];
}

static int start_handshake(int* mine)
{
    return start_handshake_over(SOCK_STREAM, mine);
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

/* Many records, one system call --------------------------------------------------- */

/* Each read returns what one system call has written. */
static int start_counting(int* mine)
{
    return start_handshake_over(SOCK_SEQPACKET, mine);
}

static void end(int mine, int peer)
{
    CHECK_INT(close_io("close"), 0);
    ssl_end_handshake();
    close(mine);
    close(peer);
    finish();
}

/* What one system call has written, or that there is nothing. */
static void check_written(int peer, const char* text)
{
    char got[100];
    ssize_t size = read(peer, got, sizeof(got));
    CHECK_INT(size, text != NULL ? (long)strlen(text) : -1);
    CHECK_MEM(got, text, size > 0 ? (size_t)size : 0);
}

static void queue_three(void)
{
    CHECK_INT(send_text("one"), 0);
    CHECK_INT(send_text("two"), 0);
    CHECK_INT(send_text("three"), 0);
    forget_journal();
}

static void writeable(void)
{
    newest_context()->writeable_requests = 0;
    report(LWS_CALLBACK_CLIENT_WRITEABLE, NULL, 0);
}

/* One lws_write a send all the same. SRS_WSIO_01_075, SRS_WSIO_01_077,
 * SRS_WSIO_01_078 */
TEST(tls_sends_many_at_once)
{
    int mine;
    int peer = start_counting(&mine);
    queue_three();
    writeable();
    CHECK_JOURNAL(IN_LWS | IN_LIST | TO_USER, "lws_service -1", "lws_write BINARY one",
        "lws_write BINARY two", "lws_write BINARY three", "list_remove", "one sent OK",
        "list_remove", "two sent OK", "list_remove", "three sent OK");
    check_written(peer, "onetwothree");
    check_written(peer, NULL);
    end(mine, peer);
}

/* More than is collected at once. */
TEST(tls_sends_a_long_queue)
{
    enum { COUNT = 300, SIZE = 1000 };
    static char bytes[SIZE];
    static char got[COUNT * SIZE];
    size_t size = 0;
    int mine;
    int peer = start_handshake(&mine);
    for (int i = 0; i < COUNT; i++)
    {
        memset(bytes, i, sizeof(bytes));
        CHECK_INT(send_bytes("part", bytes, sizeof(bytes)), 0);
        forget_journal();
    }
    while (newest_context()->writeable_requests > 0)
    {
        ssize_t more;
        writeable();
        forget_journal();
        lws_set_partial(false);
        while ((more = read(peer, got + size, sizeof(got) - size)) > 0)
        {
            size += (size_t)more;
        }
    }
    CHECK_INT(size, sizeof(got));
    for (int i = 0; i < COUNT; i++)
    {
        CHECK_INT(got[i * SIZE], (char)i);
        CHECK_INT(got[i * SIZE + SIZE - 1], (char)i);
    }
    end(mine, peer);
}

static void fill(int mine)
{
    static const char bytes[1000];
    while (send(mine, bytes, sizeof(bytes), 0) > 0)
    {
    }
}

static void empty(int peer)
{
    char bytes[1000];
    while (read(peer, bytes, sizeof(bytes)) == (ssize_t)sizeof(bytes))
    {
    }
}

/* A full socket: nothing is reported before the kernel has it. SRS_WSIO_01_077,
 * SRS_WSIO_01_081 */
TEST(tls_reports_what_the_kernel_has)
{
    int mine;
    int peer = start_counting(&mine);
    fill(mine);
    queue_three();
    writeable();
    CHECK_JOURNAL(IN_LWS | TO_USER, "lws_service -1", "lws_write BINARY one",
        "lws_write BINARY two", "lws_write BINARY three", "lws_callback_on_writable");
    writeable(); /* and it still is */
    CHECK_JOURNAL(IN_LWS | TO_USER, "lws_service -1", "lws_callback_on_writable");
    CHECK_INT(send_text("four"), 0);
    empty(peer);
    forget_journal();
    writeable();
    CHECK_JOURNAL(IN_LWS | TO_USER, "lws_service -1", "one sent OK", "two sent OK",
        "three sent OK", "lws_write BINARY four", "four sent OK");
    check_written(peer, "onetwothree");
    check_written(peer, "four");
    end(mine, peer);
}

/* What lws writes meanwhile, a pong say, goes behind what is held. */
TEST(tls_keeps_the_order)
{
    int mine;
    int peer = start_counting(&mine);
    fill(mine);
    queue_three();
    writeable();
    CHECK_INT(ssl_write("pong", 4), -1);
    CHECK(ssl_should_retry_write());
    empty(peer);
    CHECK_INT(ssl_write("pong", 4), 4);
    check_written(peer, "onetwothreepong");
    writeable();
    CHECK_INT(journal_count("three sent OK"), 1);
    end(mine, peer);
}

/* What the kernel does not have by then is cancelled, and nothing of it may be sent
 * afterwards, not even with TLS's own goodbye. SRS_WSIO_01_108 */
TEST(tls_cancels_what_the_kernel_does_not_have)
{
    int mine;
    int peer = start_counting(&mine);
    fill(mine);
    queue_three();
    writeable();
    empty(peer);
    forget_journal();
    CHECK_INT(close_io("close"), 0);
    CHECK_JOURNAL(IN_LWS | TO_USER, "lws_context_destroy", "one sent CANCELLED",
        "two sent CANCELLED", "three sent CANCELLED", "close closed");
    CHECK_INT(ssl_write("goodbye", 7), -1);
    CHECK(!ssl_should_retry_write());
    check_written(peer, NULL);
    ssl_end_handshake();
    close(mine);
    close(peer);
    finish();
}

/* A connection that is gone: lws does not know yet. */
TEST(tls_reports_nothing_that_is_lost)
{
    int mine;
    int peer = start_counting(&mine);
    signal(SIGPIPE, on_host_signal);
    close(peer);
    queue_three();
    writeable();
    CHECK_JOURNAL_EMPTY(TO_USER);
    CHECK(lws_was_told_to_hang_up());
    CHECK_INT(host_signals, 0);
    report_end(LWS_CALLBACK_CLIENT_CLOSED);
    CHECK_JOURNAL(TO_USER, "io failed");
    CHECK_INT(close_io("close"), 0);
    CHECK_JOURNAL(TO_USER, "one sent CANCELLED", "two sent CANCELLED",
        "three sent CANCELLED", "close closed");
    ssl_end_handshake();
    close(mine);
    finish();
}

/* What went before it is reported before it, and what is behind it waits.
 * SRS_WSIO_01_076, SRS_WSIO_01_116 */
TEST(tls_reports_a_failure_in_its_turn)
{
    int mine;
    int peer = start_counting(&mine);
    queue_three();
    fail_nth(CALL_lws_write, 2);
    writeable();
    CHECK_JOURNAL(IN_LWS | TO_USER, "lws_service -1", "lws_write BINARY one",
        "lws_write BINARY two", "one sent OK", "two sent ERROR", "lws_callback_on_writable");
    check_written(peer, "one");
    end(mine, peer);
}

/* One that could not be taken back when asking lws failed. SRS_WSIO_01_106 */
TEST(tls_passes_over_what_was_taken_back)
{
    int mine;
    int peer = start_counting(&mine);
    CHECK_INT(send_text("one"), 0);
    fail_nth(CALL_lws_callback_on_writable, 1);
    fail_nth(CALL_list_remove, 1);
    CHECK(send_text("two") != 0);
    CHECK_INT(send_text("three"), 0);
    forget_journal();
    writeable();
    CHECK_JOURNAL(TO_USER, "one sent OK", "three sent OK");
    end(mine, peer);
}

/* Without memory to collect them they go out one by one. */
TEST(tls_needs_no_memory_to_send)
{
    int mine;
    int peer = start_counting(&mine);
    CHECK_INT(send_text("zeroth"), 0);
    fail_all(CALL_lws_write);
    writeable(); /* there is a padded buffer now */
    fail_none();
    queue_three();
    heap_fail_all();
    writeable();
    heap_fail_none();
    CHECK_JOURNAL(TO_USER, "one sent OK", "two sent OK", "three sent OK");
    check_written(peer, "one");
    check_written(peer, "two");
    check_written(peer, "three");
    end(mine, peer);
}

/* What is needed to collect them goes when it is quiet. */
TEST(tls_gives_its_memory_back)
{
    enum { QUIET_MS = 1001 };
    size_t held;
    int mine;
    int peer = start_counting(&mine);
    held = heap_bytes();
    queue_three();
    writeable();
    CHECK(heap_bytes() > held + 15 * 1024);
    clock_advance_ms(QUIET_MS);
    serve();
    CHECK(heap_bytes() <= held);
    end(mine, peer);
}

/* A callback may close the IO while there is more to report. SRS_WSIO_01_109 */
static void close_inside(const char* name, IO_SEND_RESULT result)
{
    if (result == IO_SEND_OK)
    {
        CHECK_STR(name, "one");
        CHECK_INT(close_io("close"), 0);
    }
}

TEST(tls_may_be_closed_by_a_report)
{
    int mine;
    int peer = start_counting(&mine);
    queue_three();
    hooks.sent = close_inside;
    writeable();
    CHECK_JOURNAL(TO_USER, "one sent OK", "two sent CANCELLED", "three sent CANCELLED",
        "close closed");
    check_written(peer, "onetwothree");
    ssl_end_handshake();
    close(mine);
    close(peer);
    finish();
}

/* Many are written at once, yet one event takes a bounded time. */
static void take_long(const char* name, IO_SEND_RESULT result)
{
    (void)name;
    (void)result;
    clock_advance_ms(2);
}

TEST(tls_reports_for_a_bounded_time)
{
    enum { COUNT = 40 };
    unsigned reported = 0;
    int mine;
    int peer = start_counting(&mine);
    hooks.sent = take_long;
    for (int i = 0; i < COUNT; i++)
    {
        CHECK_INT(send_text("slow"), 0);
        forget_journal();
    }
    while (newest_context()->writeable_requests > 0)
    {
        unsigned now;
        writeable();
        now = journal_count("slow sent OK");
        CHECK(now > 0 && now < 5);
        reported += now;
        forget_journal();
    }
    CHECK_INT(reported, COUNT);
    end(mine, peer);
}

/* A part of one behind others ends the event, as of one alone. SRS_WSIO_01_080 */
TEST(tls_writes_no_more_behind_a_part)
{
    int mine;
    int peer = start_counting(&mine);
    queue_three();
    lws_write_will_return(3);
    lws_write_will_return(1);
    writeable();
    CHECK_JOURNAL(IN_LWS | TO_USER, "lws_service -1", "lws_write BINARY one",
        "lws_write BINARY two", "one sent OK", "lws_callback_on_writable");
    writeable();
    CHECK_JOURNAL(IN_LWS | TO_USER, "lws_service -1", "lws_write BINARY wo",
        "lws_write BINARY three", "two sent OK", "three sent OK");
    end(mine, peer);
}
