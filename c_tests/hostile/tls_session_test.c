/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* TLS that falls silent anywhere in the handshake, and that has things of its own to
 * say later. */
#include <stdlib.h>

#include "clock.h"
#include "expect.h"
#include "trusted.h"

enum { OPEN_LIMIT_MS = 20000 };

/* The signature's size is random, by some bytes. */
enum { SLACK = 16 };

/* Nothing comes, at every stage: the time limit holds. */
TEST(silence_in_the_handshake)
{
    TRUSTED trusted = trusted_server(TLS1_3_VERSION);
    SCRIPT whole = { .name = "TLS", .tls = trusted.context, .ca = trusted.certificate,
                     .answer = LITERAL(GOOD_ANSWER), .outcome = OPEN_AND_BYTES };
    size_t handshake;
    expect_outcome_in(PLAIN, &whole);
    handshake = last_extent().handshake;
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
