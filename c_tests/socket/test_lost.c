/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Connections that end without our doing: on_io_error once, nothing goes on
 * until wsio_close, and then the handle is as good as new. */
#include <stdlib.h>
#include <sys/socket.h>

#include "raw_server.h"
#include "servers.h"

/* The open session has lost its connection, or is about to. */
static void expect_lost(SESSION* session)
{
    unsigned before = session->errors;
    unsigned closed = session->closed;
    unsigned opens = session_opens(session);
    DRIVE_UNTIL(session, session->errors > before);
    CHECK(session_send(session, "x", 1) != 0);
    CHECK(session_open(session) != 0);
    session_settle(session);
    CHECK_INT(session->errors, before + 1);
    CHECK_INT(session->closed, closed);
    CHECK_INT(session_close(session), 0);
    CHECK_INT(session->closed, closed + 1);
    CHECK(session_close(session) != 0);
    CHECK_INT(session->errors, before + 1);
    CHECK_INT(session_opens(session), opens);
    session_check_balance(session);
}

/* Loses the connection twice by this path of the echo server, and goes on with
 * the same handle each time. */
static void lose_by_path(bool tls, const char* path, const char* reason)
{
    ECHO echo;
    SESSION session;
    echo_start(&echo, tls);
    WSIO_CONFIG config = echo_config(&echo, path);
    session_create(&session, &config);
    for (int i = 0; i < 2; i++) {
        session_connect(&session);
        log_forget();
        CHECK_INT(session_send(&session, "go", 2), 0);
        expect_lost(&session);
        CHECK_INT(log_lines_with("the open IO failed"), 1);
        CHECK(log_has(reason));
    }
    session_connect(&session);
    session_destroy(&session);
    session_check_balance(&session);
}

TEST_WS_AND_WSS(closed_by_the_server)
{
    lose_by_path(tls, "/close", "1001");
}

TEST_WS_AND_WSS(dropped_by_the_server)
{
    lose_by_path(tls, "/drop", "lost");
}

TEST_WS_AND_WSS(reset_by_the_server)
{
    lose_by_path(tls, "/reset", "lost");
}

TEST_WS_AND_WSS(server_killed)
{
    ECHO echo;
    SESSION session;
    echo_start(&echo, tls);
    WSIO_CONFIG config = echo_config(&echo, "/echo");
    session_start(&session, &config);
    child_kill(&echo.child);
    expect_lost(&session);
    /* Nobody is there now; the handle can be used all the same. */
    session_fail_to_open(&session);
    session_destroy(&session);
}

/* How a raw server ends the connections that it has accepted. */
typedef enum ENDING_TAG {
    WITH_FIN,
    WITH_RST,
    WITH_CLOSE_1011,
    WITH_CLOSE_WITHOUT_CODE,
    WITH_HALF_A_FRAME
} ENDING;

static void accept_and_end(RAW_PEER* peer, void* context)
{
    const ENDING* ending = context;
    char first;
    if (!raw_handshake(peer, NULL)) {
        return;
    }
    raw_read(peer, &first, 1); /* the client has heard of the handshake */
    switch (*ending) {
    case WITH_FIN:
        break;
    case WITH_RST:
        raw_reset(peer);
        return;
    case WITH_CLOSE_1011:
        raw_send_frame(peer, RAW_FIN | RAW_CLOSE, "\x03\xF3", 2);
        break;
    case WITH_CLOSE_WITHOUT_CODE:
        raw_send_frame(peer, RAW_FIN | RAW_CLOSE, "", 0);
        break;
    case WITH_HALF_A_FRAME:
        raw_write(peer, "\x82\x7E\x01", 3);
        break;
    }
    shutdown(peer->fd, SHUT_WR);
    raw_drain(peer);
}

static void lose_by_ending(ENDING ending)
{
    SESSION session;
    RAW_SERVER* server = raw_server_start("127.0.0.1", accept_and_end, &ending);
    WSIO_CONFIG config = config_for("127.0.0.1", raw_server_port(server), "/", NULL);
    session_create(&session, &config);
    for (int i = 0; i < 2; i++) {
        session_connect(&session);
        CHECK_INT(session_send(&session, "go", 2), 0);
        expect_lost(&session);
    }
    session_destroy(&session);
    CHECK_INT(session.received_size, 0);
    raw_server_stop(server);
}

TEST(ended_by_fin)
{
    lose_by_ending(WITH_FIN);
}

TEST(ended_by_rst)
{
    lose_by_ending(WITH_RST);
}

TEST(ended_by_a_close_frame)
{
    lose_by_ending(WITH_CLOSE_1011);
    CHECK(log_has("1011"));
}

TEST(ended_by_a_close_frame_without_a_code)
{
    lose_by_ending(WITH_CLOSE_WITHOUT_CODE);
}

TEST(ended_inside_a_frame)
{
    lose_by_ending(WITH_HALF_A_FRAME);
}

/* Counts the completions of one send. */
static void count_cancelled(void* context, IO_SEND_RESULT result)
{
    unsigned* count = context;
    CHECK_INT(result, IO_SEND_CANCELLED);
    ++*count;
}

/* The server reads nothing and then dies: more is pending by then than the
 * kernel has taken. It stays pending until the IO is closed, or destroyed. */
static void pending_sends_are_cancelled(bool tls, bool destroy)
{
    enum { COUNT = 100, EVERY_TENTH = 10 };
    static unsigned cancelled[COUNT];
    const size_t size = (size_t)32 * 1024 * 1024;
    unsigned char* bytes = payload(size, 1);
    ECHO echo;
    SESSION session;
    echo_start(&echo, tls);
    WSIO_CONFIG config = echo_config(&echo, "/sink");
    session_start(&session, &config);
    child_pause(&echo.child);
    CHECK_INT(wsio_send(session.io, bytes, size, count_cancelled, &cancelled[0]), 0);
    for (unsigned i = 1; i < COUNT; i++) {
        bool silent = i % EVERY_TENTH == 0; /* SRS_WSIO_01_060 */
        CHECK_INT(wsio_send(session.io, "pending", 7, silent ? NULL : count_cancelled,
                            &cancelled[i]), 0);
    }
    session_settle(&session);
    child_kill(&echo.child);
    DRIVE_UNTIL(&session, session.errors > 0);
    session_settle(&session);
    for (unsigned i = 0; i < COUNT; i++) {
        CHECK_INT(cancelled[i], 0);
    }
    if (destroy) {
        session_destroy(&session);
    } else {
        CHECK_INT(session_close(&session), 0);
    }
    for (unsigned i = 0; i < COUNT; i++) {
        CHECK_INT(cancelled[i], i == 0 || i % EVERY_TENTH != 0);
    }
    if (!destroy) {
        session_destroy(&session);
    }
    for (unsigned i = 0; i < COUNT; i++) {
        CHECK_INT(cancelled[i], i == 0 || i % EVERY_TENTH != 0);
    }
    CHECK_INT(session.errors, 1);
    free(bytes);
}

/* SRS_WSIO_01_108, SRS_WSIO_01_109, SRS_WSIO_01_110, SRS_WSIO_01_111 */
TEST_WS_AND_WSS(pending_sends_are_cancelled_by_close)
{
    pending_sends_are_cancelled(tls, false);
}

/* SRS_WSIO_01_007, SRS_WSIO_01_009, SRS_WSIO_01_109 */
TEST_WS_AND_WSS(pending_sends_are_cancelled_by_destroy)
{
    pending_sends_are_cancelled(tls, true);
}
