/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "expect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"

/* One script being played. */
typedef struct RUN_TAG {
    const SCRIPT* script;
    MODE mode;
    SESSION session;
    SERVER server;
    PEER peer;
    unsigned accepted; /* sends that wsio_send has taken */
    bool acted;
} RUN;

/* What the client does in its callbacks. ------------------------------------ */

/* In the callback that reports the outcome. */
static void act(RUN* run)
{
    if (run->acted)
    {
        return;
    }
    if (run->mode == ACTING)
    {
        run->acted = true;
        if (run->script->outcome == OPEN_ERROR)
        {
            CHECK_INT(session_open(&run->session), 0);
        }
        else
        {
            CHECK_INT(session_close(&run->session), 0);
        }
    }
    else if (run->mode == DESTROYING)
    {
        CONCRETE_IO_HANDLE io = run->session.io;
        run->acted = true;
        run->session.io = NULL;
        wsio_destroy(io);
    }
}

static void act_when_all_is_there(RUN* run)
{
    if (run->script->outcome == OPEN_AND_BYTES
        && run->session.received_size == run->script->payload.size)
    {
        act(run);
    }
}

static void on_open(SESSION* session, IO_OPEN_RESULT result)
{
    RUN* run = session->test;
    if (result == IO_OPEN_OK && run->mode == SENDING && run->accepted == 0)
    {
        CHECK_INT(session_send(session, MESSAGE, sizeof MESSAGE - 1), 0);
        run->accepted++;
    }
    if (result == IO_OPEN_ERROR)
    {
        act(run);
    }
    else
    {
        act_when_all_is_there(run);
    }
}

static void on_bytes(SESSION* session, const unsigned char* bytes, size_t size)
{
    (void)bytes;
    (void)size;
    act_when_all_is_there(session->test);
}

static void on_error(SESSION* session)
{
    act(session->test);
}

void drive_session(void* client)
{
    SESSION* session = client;
    wsio_dowork(session->io); /* NULL once destroyed */
}

/* The checks. ---------------------------------------------------------------- */

static bool outcome_is_there(const RUN* run)
{
    const SESSION* session = &run->session;
    switch (run->script->outcome)
    {
    case OPEN_ERROR:
        return session->opened[IO_OPEN_ERROR] > 0;
    case OPEN_THEN_IO_ERROR:
        return session->errors > 0;
    default:
        return session->opened[IO_OPEN_OK] > 0
            && session->received_size >= run->script->payload.size
            && (run->accepted == 0 || session->sent[IO_SEND_OK] > 0);
    }
}

/* SRS_WSIO_01_036, SRS_WSIO_01_037, SRS_WSIO_01_066, SRS_WSIO_01_069,
 * SRS_WSIO_01_070, SRS_WSIO_01_083 to SRS_WSIO_01_085 */
static void check_counts(const RUN* run)
{
    const SCRIPT* script = run->script;
    const SESSION* session = &run->session;
    CHECK_INT(session->opened[IO_OPEN_ERROR], script->outcome == OPEN_ERROR);
    CHECK_INT(session->opened[IO_OPEN_OK], script->outcome != OPEN_ERROR);
    CHECK_INT(session->opened[IO_OPEN_CANCELLED], 0);
    CHECK_INT(session->errors, script->outcome == OPEN_THEN_IO_ERROR);
    CHECK(session_sends(session) <= run->accepted);

    CHECK(session->received_size >= script->payload.size);
    CHECK(session->received_size <= script->payload.size + script->partial.size);
    if (script->payload.size > 0)
    {
        CHECK_MEM(session->received, script->payload.bytes, script->payload.size);
    }
    if (session->received_size > script->payload.size)
    {
        CHECK_MEM(session->received + script->payload.size, script->partial.bytes,
                  session->received_size - script->payload.size);
    }
}

/* One line says why. */
static void check_log(const RUN* run)
{
    CHECK_INT(log_count(), run->script->outcome == OPEN_AND_BYTES ? 0 : 1);
    /* What OpenSSL says of a number that is no error of its. */
    CHECK(!log_has("::reason("));
}

/* SRS_WSIO_01_034, SRS_WSIO_01_045, SRS_WSIO_01_051 */
static void check_refusals(RUN* run)
{
    SESSION* session = &run->session;
    unsigned opens = session_opens(session);
    unsigned sends = session_sends(session);
    if (run->script->outcome == OPEN_ERROR)
    {
        CHECK(session_close(session) != 0);
    }
    else
    {
        CHECK(session_open(session) != 0);
    }
    if (run->script->outcome != OPEN_AND_BYTES)
    {
        CHECK(session_send(session, "x", 1) != 0);
    }
    peer_settle(&run->peer);
    CHECK_INT(session_opens(session), opens);
    CHECK_INT(session_sends(session), sends);
    CHECK_INT(session->closed, 0);
}

/* SRS_WSIO_01_044, SRS_WSIO_01_046, SRS_WSIO_01_047, SRS_WSIO_01_109 */
static void check_close(RUN* run)
{
    SESSION* session = &run->session;
    if (run->script->outcome != OPEN_ERROR)
    {
        if (session->closed == 0)
        {
            CHECK_INT(session_close(session), 0);
        }
        CHECK(session_close(session) != 0);
        CHECK_INT(session->closed, 1);
    }
    CHECK_INT(session_sends(session), run->accepted);
}

/* The client says nothing that it should not. RFC 6455 sections 5.1, 5.5, 7. */
static void check_wire(RUN* run)
{
    static unsigned char frames[65536];
    const SCRIPT* script = run->script;
    PEER* peer = &run->peer;
    bool acted = run->mode == ACTING || run->mode == DESTROYING;
    size_t size;
    if (peer->request_size == 0)
    {
        return; /* the script has not read it */
    }
    size = peer_frames(peer, frames, sizeof frames);
    if (script->outcome == OPEN_ERROR)
    {
        CHECK_INT(size, 0);
        return;
    }
    bool arrived = take_out(frames, &size, MESSAGE_FRAME, sizeof MESSAGE_FRAME - 1);
    if (peer->fd >= 0 && run->session.sent[IO_SEND_OK] > 0)
    {
        CHECK(arrived); /* OK means sent */
    }
    if (script->outcome == OPEN_AND_BYTES && peer->fd >= 0)
    {
        /* Close 1000 is the last word. */
        CHECK(size >= sizeof GOODBYE - 1);
        size -= sizeof GOODBYE - 1;
        CHECK_MEM(frames + size, GOODBYE, sizeof GOODBYE - 1);
    }
    /* An IO that was closed inside a callback may have left it unsaid. */
    if (!acted && !script->may_not_reply)
    {
        CHECK_INT(size, script->reply.size);
    }
    CHECK(size <= script->reply.size);
    if (size > 0)
    {
        CHECK_MEM(frames, script->reply.bytes, size);
    }
}

void expect_usable(SESSION* session, const SERVER* server, SSL_CTX* tls, bool opened)
{
    static const BYTES answer = LITERAL(GOOD_ANSWER);
    static const char expected[] = "\x82\x02yo" GOODBYE;
    unsigned char frames[64];
    SESSION before = *session;
    PEER peer;
    peer_init(&peer, drive_session, session);
    if (!opened)
    {
        CHECK_INT(session_open(session), 0);
    }
    peer_accept(&peer, server);
    CHECK(tls == NULL || peer_start_tls(&peer, tls));
    CHECK(peer_read_request(&peer));
    CHECK(script_say(&peer, answer));
    CHECK(peer_send(&peer, "\x82\x02hi", 4));
    PUMP_UNTIL(&peer, session->received_size >= before.received_size + 2);
    CHECK_MEM(session->received + before.received_size, "hi", 2);
    CHECK_INT(session->opened[IO_OPEN_OK], before.opened[IO_OPEN_OK] + 1);
    CHECK_INT(session_send(session, "yo", 2), 0);
    PUMP_UNTIL(&peer, session->sent[IO_SEND_OK] > before.sent[IO_SEND_OK]);
    CHECK_INT(session_close(session), 0);
    CHECK_INT(session->closed, before.closed + 1);
    PUMP_UNTIL(&peer, peer.client_left);
    CHECK_INT(peer_frames(&peer, frames, sizeof frames), sizeof expected - 1);
    CHECK_MEM(frames, expected, sizeof expected - 1);

    CHECK_INT(session->errors, before.errors);
    CHECK_INT(session->received_size, before.received_size + 2);
    CHECK_INT(session_opens(session), session_opens(&before) + 1);
    CHECK_INT(session_sends(session), session_sends(&before) + 1);
    peer_free(&peer);
}

void expect_outcome_in(MODE mode, const SCRIPT* script)
{
    static RUN run;
    unsigned fds = open_fds();
    WSIO_CONFIG config;

    at_work_on_script(script, mode);
    log_forget();
    memset(&run, 0, sizeof run);
    run.script = script;
    run.mode = mode;
    server_start(&run.server);
    config = config_for("127.0.0.1", run.server.port, "/", script->ca);
    config.protocol_name = script->protocol != NULL ? script->protocol : "";
    session_create(&run.session, &config);
    run.session.test = &run;
    run.session.on_open = on_open;
    run.session.on_bytes = on_bytes;
    run.session.on_error = on_error;
    peer_init(&run.peer, drive_session, &run.session);

    CHECK_INT(session_open(&run.session), 0);
    script_play(script, mode, &run.peer, &run.server);
    PUMP_UNTIL(&run.peer, outcome_is_there(&run));
    peer_settle(&run.peer);
    if (script->hours_pass)
    {
        clock_advance_ms(5 * 3600 * 1000LL);
        peer_settle(&run.peer);
    }
    check_counts(&run);
    check_log(&run);
    if (mode == ACTING && script->outcome == OPEN_ERROR)
    {
        CHECK(run.acted);
        run.session.on_open = NULL;
        expect_usable(&run.session, &run.server, script->tls, true);
    }
    else if (mode != DESTROYING)
    {
        if (mode != ACTING)
        {
            check_refusals(&run);
        }
        check_close(&run);
    }
    if (run.peer.fd >= 0)
    {
        PUMP_UNTIL(&run.peer, run.peer.client_left);
    }
    check_wire(&run);
    CHECK(!server_has_caller(&run.server)); /* it does not call again by itself */
    run.session.on_open = NULL;
    run.session.on_bytes = NULL;
    if (mode != DESTROYING)
    {
        expect_usable(&run.session, &run.server, script->tls, false);
    }
    else
    {
        CHECK(run.acted);
        check_counts(&run);
    }

    session_destroy(&run.session);
    peer_free(&run.peer);
    server_stop(&run.server);
    CHECK_INT(open_fds(), fds);
    at_work_on(NULL);
}
