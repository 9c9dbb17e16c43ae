/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The server falls silent, or goes, at every stage of the opening; and after
 * wsio_close. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "expect.h"

/* wsio.h: an open takes at most 20 seconds. */
enum { OPEN_LIMIT_MS = 20000 };

typedef struct OPENING_TAG {
    SESSION session;
    SERVER server;
    PEER peer;
} OPENING;

static void start_opening(OPENING* opening)
{
    WSIO_CONFIG config;
    server_start(&opening->server);
    config = config_for("127.0.0.1", opening->server.port, "/", NULL);
    session_create(&opening->session, &config);
    peer_init(&opening->peer, drive_session, &opening->session);
    CHECK_INT(session_open(&opening->session), 0);
}

/* Nothing until the time is up, then one IO_OPEN_ERROR, and the IO is usable. */
static void expect_timeout(OPENING* opening)
{
    SESSION* session = &opening->session;
    peer_settle(&opening->peer);
    clock_advance_ms(OPEN_LIMIT_MS - 2000);
    peer_settle(&opening->peer);
    CHECK_INT(session_opens(session), 0);
    clock_advance_ms(2000);
    peer_settle(&opening->peer);
    CHECK_INT(session_opens(session), 1);
    CHECK_INT(session->opened[IO_OPEN_ERROR], 1);
    CHECK(log_has("time"));
    if (opening->peer.fd >= 0)
    {
        PUMP_UNTIL(&opening->peer, opening->peer.client_left);
    }
    clock_advance_ms(OPEN_LIMIT_MS);
    peer_settle(&opening->peer);
    CHECK_INT(session_opens(session), 1);
    CHECK_INT(session->errors, 0);
    CHECK(session_close(session) != 0);
}

static void end_opening(OPENING* opening)
{
    session_destroy(&opening->session);
    peer_free(&opening->peer);
    server_stop(&opening->server);
}

/* SRS_WSIO_01_037 */
TEST(silence_before_accept)
{
    OPENING opening;
    unsigned fds = open_fds();
    int accepted;
    start_opening(&opening);
    expect_timeout(&opening);
    accepted = accept(opening.server.listener, NULL, NULL); /* what was left there */
    CHECK(accepted >= 0);
    CHECK_INT(close(accepted), 0);
    expect_usable(&opening.session, &opening.server, NULL, false);
    end_opening(&opening);
    CHECK_INT(open_fds(), fds);
}

TEST(silence_at_every_byte_of_the_answer)
{
    for (size_t sent = 0; sent < ANSWER_SIZE; sent++)
    {
        static const BYTES answer = LITERAL(GOOD_ANSWER);
        OPENING opening;
        unsigned fds = open_fds();
        unsigned char* composed;
        size_t size;
        log_forget();
        start_opening(&opening);
        peer_accept(&opening.peer, &opening.server);
        CHECK(peer_read_request(&opening.peer));
        composed = peer_compose(&opening.peer, answer, &size);
        CHECK_INT(size, ANSWER_SIZE);
        CHECK(peer_send(&opening.peer, composed, sent));
        free(composed);
        expect_timeout(&opening);
        CHECK_INT(opening.peer.received_size, opening.peer.request_size); /* nothing more */
        expect_usable(&opening.session, &opening.server, NULL, false);
        end_opening(&opening);
        CHECK_INT(open_fds(), fds);
    }
}

/* A byte now and then does not make it last longer. */
TEST(an_answer_that_trickles)
{
    OPENING opening;
    long long passed = 0;
    start_opening(&opening);
    peer_accept(&opening.peer, &opening.server);
    CHECK(peer_read_request(&opening.peer));
    CHECK(peer_send(&opening.peer, SWITCHING "X: ", sizeof SWITCHING "X: " - 1));
    while (session_opens(&opening.session) == 0)
    {
        CHECK(passed <= OPEN_LIMIT_MS);
        peer_settle(&opening.peer);
        CHECK(peer_send(&opening.peer, "x", 1));
        clock_advance_ms(1000);
        passed += 1000;
        peer_settle(&opening.peer);
    }
    CHECK(passed > OPEN_LIMIT_MS - 2000);
    CHECK_INT(opening.session.opened[IO_OPEN_ERROR], 1);
    expect_usable(&opening.session, &opening.server, NULL, false);
    end_opening(&opening);
}

/* The server's queue of callers is full: not even a connection comes about. */
TEST(a_server_that_accepts_no_connection)
{
    enum { CALLERS = 64 };
    OPENING opening;
    int callers[CALLERS];
    SERVER full;
    WSIO_CONFIG config;
    server_start(&full);
    CHECK_INT(listen(full.listener, 0), 0);
    for (int i = 0; i < CALLERS; i++)
    {
        callers[i] = server_call_without_waiting(&full);
    }
    config = config_for("127.0.0.1", full.port, "/", NULL);
    session_create(&opening.session, &config);
    peer_init(&opening.peer, drive_session, &opening.session);
    opening.server = full;
    CHECK_INT(session_open(&opening.session), 0);
    expect_timeout(&opening);
    for (int i = 0; i < CALLERS; i++)
    {
        CHECK_INT(close(callers[i]), 0);
    }
    end_opening(&opening);
}

/* Before the connection was accepted. SRS_WSIO_01_037 */
TEST(the_listener_closes)
{
    OPENING opening;
    start_opening(&opening);
    PUMP_UNTIL(&opening.peer, server_has_caller(&opening.server));
    server_stop(&opening.server); /* resets those who wait */
    PUMP_UNTIL(&opening.peer, session_opens(&opening.session) > 0);
    peer_settle(&opening.peer);
    CHECK_INT(session_opens(&opening.session), 1);
    CHECK_INT(opening.session.opened[IO_OPEN_ERROR], 1);
    session_destroy(&opening.session);
    peer_free(&opening.peer);
}

/* What the server does once wsio_close was called concerns nobody. */
TEST(any_end_after_close)
{
    static const ENDING endings[] = { STAYS, FIN, GOES, RST };
    static const BYTES answer = LITERAL(GOOD_ANSWER);
    for (size_t i = 0; i < 4; i++)
    {
        OPENING opening;
        unsigned char* composed;
        unsigned char frames[64];
        size_t size;
        unsigned fds = open_fds();
        start_opening(&opening);
        peer_accept(&opening.peer, &opening.server);
        CHECK(peer_read_request(&opening.peer));
        composed = peer_compose(&opening.peer, answer, &size);
        CHECK(peer_send(&opening.peer, composed, size));
        free(composed);
        PUMP_UNTIL(&opening.peer, opening.session.opened[IO_OPEN_OK] == 1);
        CHECK_INT(session_close(&opening.session), 0);
        CHECK_INT(opening.session.closed, 1);
        PUMP_UNTIL(&opening.peer, opening.peer.client_left);
        CHECK_INT(peer_frames(&opening.peer, frames, sizeof frames), 4);
        peer_send(&opening.peer, "\x82\x02hi\x88\x02\x03\xe8", 8);
        peer_end(&opening.peer, endings[i]);
        peer_settle(&opening.peer);
        CHECK_INT(opening.session.errors, 0);
        CHECK_INT(opening.session.received_size, 0);
        CHECK_INT(opening.session.closed, 1);
        CHECK_INT(session_opens(&opening.session), 1);
        expect_usable(&opening.session, &opening.server, NULL, false);
        end_opening(&opening);
        CHECK_INT(open_fds(), fds);
    }
}
