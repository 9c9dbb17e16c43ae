/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Hostile below the WebSocket: no TLS at all, and TLS that is cut, damaged or
 * silent anywhere. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "clock.h"
#include "expect.h"

enum { OPEN_LIMIT_MS = 20000 };

static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

typedef struct TRUSTED_TAG {
    SSL_CTX* context;
    char* certificate;
} TRUSTED;

static TRUSTED trusted_server(int version)
{
    TRUSTED trusted;
    /* The system's many certificates take time, and are not wanted here. */
    CHECK_INT(setenv("SSL_CERT_FILE", "/dev/null", 1), 0);
    CHECK_INT(setenv("SSL_CERT_DIR", "/dev/null", 1), 0);
    trusted.context = tls_context_new(version, &trusted.certificate);
    return trusted;
}

static void trusted_free(TRUSTED* trusted)
{
    SSL_CTX_free(trusted->context);
    free(trusted->certificate);
}

/* A message, a ping, and half a message. */
#define FRAMES "\x82\x05hello\x89\x01?\x82\x05wo"

static SCRIPT script_for(const TRUSTED* trusted)
{
    return (SCRIPT){ .name = "TLS", .tls = trusted->context, .ca = trusted->certificate,
                     .answer = LITERAL(GOOD_ANSWER), .frames = LITERAL(FRAMES),
                     .outcome = OPEN_AND_BYTES, .payload = LITERAL("hello"),
                     .partial = LITERAL("wo"), .reply = LITERAL("\x8a\x01?") };
}

TEST(tls_in_every_mode)
{
    for (size_t i = 0; i < 2; i++)
    {
        TRUSTED trusted = trusted_server(versions[i]);
        SCRIPT script = script_for(&trusted);
        expect_outcome(&script);
        for (size_t chunk = 1; chunk < 40; chunk += 3)
        {
            script.chunk = chunk;
            expect_outcome_in(COALESCED, &script);
        }
        trusted_free(&trusted);
    }
}

/* How many bytes of the wire come before the answer, and in all. */
typedef struct EXTENT_TAG {
    size_t handshake;
    size_t opened; /* the answer included */
    size_t all;
} EXTENT;

/* Plays it once by hand to learn that. */
static EXTENT extent_of(const TRUSTED* trusted)
{
    static const BYTES answer = LITERAL(GOOD_ANSWER);
    EXTENT extent;
    SESSION session;
    SERVER server;
    PEER peer;
    WSIO_CONFIG config;
    unsigned char* composed;
    size_t size;
    server_start(&server);
    config = config_for("127.0.0.1", server.port, "/", trusted->certificate);
    session_create(&session, &config);
    peer_init(&peer, drive_session, &session);
    CHECK_INT(session_open(&session), 0);
    peer_accept(&peer, &server);
    CHECK(peer_start_tls(&peer, trusted->context));
    extent.handshake = peer.sent;
    CHECK(peer_read_request(&peer));
    composed = peer_compose(&peer, answer, &size);
    CHECK(peer_send(&peer, composed, size));
    free(composed);
    extent.opened = peer.sent;
    CHECK(peer_send(&peer, FRAMES, sizeof FRAMES - 1));
    extent.all = peer.sent;
    session_destroy(&session);
    peer_free(&peer);
    server_stop(&server);
    return extent;
}

/* The signature's size is random, by some bytes: cuts are counted from the start
 * of the handshake, and the few around its end are left to expect_cuts_of_answer. */
enum { SLACK = 16 };

static void expect_cuts_of_handshake(const TRUSTED* trusted, ENDING ending)
{
    EXTENT extent = extent_of(trusted);
    for (size_t sent = 0; sent + SLACK < extent.handshake; sent += 23)
    {
        SCRIPT script = script_for(trusted);
        script.cut_at = sent + 1;
        script.cut = ending;
        script.outcome = OPEN_ERROR;
        script.payload = script.partial = script.reply = (BYTES){ NULL, 0 };
        expect_outcome_in(sent % 2 == 0 ? PLAIN : DESTROYING, &script);
    }
}

TEST(the_handshake_is_cut)
{
    for (size_t i = 0; i < 2; i++)
    {
        TRUSTED trusted = trusted_server(versions[i]);
        expect_cuts_of_handshake(&trusted, FIN);
        expect_cuts_of_handshake(&trusted, GOES);
        expect_cuts_of_handshake(&trusted, RST);
        trusted_free(&trusted);
    }
}

/* After the handshake every byte of every record: counted from where the answer
 * starts. */
static void expect_cuts_of_records(const TRUSTED* trusted, ENDING ending, size_t step)
{
    EXTENT extent = extent_of(trusted);
    size_t answer = extent.opened - extent.handshake;
    size_t all = extent.all - extent.handshake;
    for (size_t sent = 0; sent < all; sent += step)
    {
        SCRIPT script = script_for(trusted);
        script.cut_at = sent + 1;
        script.cut_after_tls = true;
        script.cut = ending;
        /* Answer and frames are one record each, of which nothing is believed
         * before its last byte. */
        script.outcome = sent < answer ? OPEN_ERROR : OPEN_THEN_IO_ERROR;
        script.payload = script.partial = script.reply = (BYTES){ NULL, 0 };
        expect_outcome_in(sent % 2 == 0 ? PLAIN : SENDING, &script);
    }
}

TEST(a_record_is_cut)
{
    for (size_t i = 0; i < 2; i++)
    {
        TRUSTED trusted = trusted_server(versions[i]);
        expect_cuts_of_records(&trusted, FIN, 1);
        expect_cuts_of_records(&trusted, GOES, 5);
        expect_cuts_of_records(&trusted, RST, 3);
        trusted_free(&trusted);
    }
}

/* One bit is wrong in what follows the handshake: nothing of it is believed. */
TEST(a_record_is_damaged)
{
    enum { HEADER = 5 };
    for (size_t i = 0; i < 2; i++)
    {
        TRUSTED trusted = trusted_server(versions[i]);
        EXTENT extent = extent_of(&trusted);
        size_t answer = extent.opened - extent.handshake;
        size_t all = extent.all - extent.handshake;
        for (size_t byte = HEADER; byte < all; byte++)
        {
            SCRIPT script = script_for(&trusted);
            if (byte >= answer && byte < answer + HEADER)
            {
                continue; /* a longer record would be waited for */
            }
            script.flipped = byte + 1;
            script.cut_after_tls = true;
            script.outcome = byte < answer ? OPEN_ERROR : OPEN_THEN_IO_ERROR;
            script.payload = script.partial = script.reply = (BYTES){ NULL, 0 };
            expect_outcome_in(PLAIN, &script);
        }
        trusted_free(&trusted);
    }
}

/* What the server says instead of a ServerHello. */
TEST(not_tls)
{
    static const SCRIPT scripts[] = {
        { .name = "HTTP", .greeting = LITERAL("HTTP/1.1 400 Bad Request\r\n\r\n") },
        { .name = "a good answer", .greeting = LITERAL(GOOD_ANSWER) },
        { .name = "an alert", .greeting = LITERAL("\x15\x03\x03\x00\x02\x02\x28") },
        { .name = "a warning", .greeting = LITERAL("\x15\x03\x03\x00\x02\x01\x00") },
        { .name = "zeroes", .greeting = LITERAL("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0") },
        { .name = "0xff", .greeting = LITERAL("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff") },
        { .name = "SSH", .greeting = LITERAL("SSH-2.0-OpenSSH_9.2\r\n") },
        { .name = "SSL 2", .greeting = LITERAL("\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10") },
        { .name = "a broken ServerHello",
          .greeting = LITERAL("\x16\x03\x03\x00\x08\x02\x00\x00\x04\x03\x03\x00\x00") },
        { .name = "application data", .greeting = LITERAL("\x17\x03\x03\x00\x02hi") },
    };
    TRUSTED trusted = trusted_server(TLS1_3_VERSION);
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++)
    {
        static const MODE modes[] = { PLAIN, BYTEWISE, ACTING, DESTROYING };
        for (size_t j = 0; j < 4; j++)
        {
            SCRIPT script = scripts[i];
            script.tls = trusted.context; /* for when it is opened again */
            script.ca = trusted.certificate;
            script.speaks_no_tls = true;
            script.not_read = true;
            script.ending = GOES;
            script.outcome = OPEN_ERROR;
            expect_outcome_in(modes[j], &script);
        }
    }
    trusted_free(&trusted);
}

/* A server that talks TLS with one who does not. */
TEST(tls_on_a_plain_port)
{
    static const SCRIPT script = { .name = "ServerHello to a plain client", .outcome = OPEN_ERROR,
        .answer = LITERAL("\x16\x03\x03\x00\x02\x02\x00"), .ending = GOES };
    expect_outcome(&script);
}

/* Nothing comes, at every stage: the time limit holds. */
TEST(silence_in_the_handshake)
{
    TRUSTED trusted = trusted_server(TLS1_3_VERSION);
    size_t handshake = extent_of(&trusted).handshake;
    for (size_t sent = 0; sent + SLACK < handshake; sent += 50)
    {
        SESSION session;
        SERVER server;
        PEER peer;
        WSIO_CONFIG config;
        server_start(&server);
        config = config_for("127.0.0.1", server.port, "/", trusted.certificate);
        session_create(&session, &config);
        peer_init(&peer, drive_session, &session);
        peer.room = sent;
        peer.cut = STAYS;
        CHECK_INT(session_open(&session), 0);
        peer_accept(&peer, &server);
        if (sent > 0)
        {
            CHECK(!peer_start_tls(&peer, trusted.context));
        }
        peer_settle(&peer);
        clock_advance_ms(OPEN_LIMIT_MS - 2000);
        peer_settle(&peer);
        CHECK_INT(session_opens(&session), 0);
        clock_advance_ms(2000);
        peer_settle(&peer);
        CHECK_INT(session_opens(&session), 1);
        CHECK_INT(session.opened[IO_OPEN_ERROR], 1);
        PUMP_UNTIL(&peer, peer.client_left);
        expect_usable(&session, &server, trusted.context, false);
        session_destroy(&session);
        peer_free(&peer);
        server_stop(&server);
    }
    trusted_free(&trusted);
}

/* After the handshake TLS has things of its own to say. */
TEST(tls_messages_while_open)
{
    for (size_t i = 0; i < 2; i++)
    {
        static const BYTES answer = LITERAL(GOOD_ANSWER);
        TRUSTED trusted = trusted_server(versions[i]);
        SESSION session;
        SERVER server;
        PEER peer;
        WSIO_CONFIG config;
        unsigned char* composed;
        size_t size;
        server_start(&server);
        config = config_for("127.0.0.1", server.port, "/", trusted.certificate);
        session_create(&session, &config);
        peer_init(&peer, drive_session, &session);
        CHECK_INT(session_open(&session), 0);
        peer_accept(&peer, &server);
        CHECK(peer_start_tls(&peer, trusted.context));
        CHECK(peer_read_request(&peer));
        composed = peer_compose(&peer, answer, &size);
        CHECK(peer_send(&peer, composed, size));
        free(composed);
        PUMP_UNTIL(&peer, session.opened[IO_OPEN_OK] == 1);
        for (unsigned round = 0; round < 20; round++)
        {
            if (versions[i] == TLS1_3_VERSION)
            {
                tls_server_renew_keys(peer.tls);
            }
            CHECK(peer_send(&peer, "\x82\x02hi", 4));
            PUMP_UNTIL(&peer, session.received_size == 2 * (round + 1));
            CHECK_INT(session_send(&session, "yo", 2), 0);
            PUMP_UNTIL(&peer, session.sent[IO_SEND_OK] == round + 1);
        }
        /* close_notify without a Close frame. */
        tls_server_goodbye(peer.tls);
        CHECK(peer_send(&peer, "", 0));
        PUMP_UNTIL(&peer, session.errors == 1);
        peer_settle(&peer);
        CHECK_INT(session.errors, 1);
        CHECK_INT(session_close(&session), 0);
        expect_usable(&session, &server, trusted.context, false);
        session_destroy(&session);
        peer_free(&peer);
        server_stop(&server);
        trusted_free(&trusted);
    }
}
