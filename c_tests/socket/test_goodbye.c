/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* How wsio takes its leave: a Close frame with code 1000 (RFC 6455 section
 * 7.4.1), on the wire before wsio_close and wsio_destroy return. */
#include <string.h>

#include "raw_server.h"
#include "servers.h"

/* SRS_WSIO_01_041, SRS_WSIO_01_043, SRS_WSIO_01_044, SRS_WSIO_01_047 */
TEST_WS_AND_WSS(close_says_1000)
{
    ECHO echo;
    SESSION session;
    echo_start(&echo, tls);
    WSIO_CONFIG config = echo_config(&echo, "/echo");
    session_start(&session, &config);
    CHECK_INT(session_close(&session), 0);
    CHECK_INT(session.closed, 1);
    echo_expect_report(&echo, &session, "closed 1000", 1);
    session_destroy(&session);
}

/* SRS_WSIO_01_007, SRS_WSIO_01_009 */
TEST_WS_AND_WSS(destroy_says_1000)
{
    ECHO echo;
    SESSION session;
    echo_start(&echo, tls);
    WSIO_CONFIG config = echo_config(&echo, "/echo");
    session_start(&session, &config);
    session_destroy(&session);
    CHECK_INT(session.closed, 0);
    CHECK_INT(session.errors, 0);
    echo_expect_report(&echo, &session, "closed 1000", 1);
}

/* Everything that was reported sent arrives before the goodbye. */
TEST_WS_AND_WSS(close_after_data_says_1000)
{
    enum { COUNT = 50 };
    ECHO echo;
    SESSION session;
    echo_start(&echo, tls);
    WSIO_CONFIG config = echo_config(&echo, "/sink");
    session_start(&session, &config);
    for (int i = 0; i < COUNT; i++) {
        CHECK_INT(session_send(&session, "0123456789", 10), 0);
    }
    DRIVE_UNTIL(&session, session.sent[IO_SEND_OK] == COUNT);
    CHECK_INT(session_close(&session), 0);
    echo_expect_report(&echo, &session, "closed 1000", 1);
    session_destroy(&session);
}

/* Sends that are still pending are cancelled, and the goodbye goes out. */
TEST_WS_AND_WSS(close_with_sends_pending_says_1000)
{
    ECHO echo;
    SESSION session;
    echo_start(&echo, tls);
    WSIO_CONFIG config = echo_config(&echo, "/echo");
    session_start(&session, &config);
    CHECK_INT(session_send(&session, "never", 5), 0);
    CHECK_INT(session_send(&session, "sent", 4), 0);
    CHECK_INT(session_close(&session), 0);
    CHECK_INT(session.sent[IO_SEND_CANCELLED], 2); /* SRS_WSIO_01_109 */
    session_check_balance(&session);
    echo_expect_report(&echo, &session, "closed 1000", 1);
    session_destroy(&session);
}

typedef struct GOODBYE_TAG {
    bool handshake;
    bool frame;
    int first;
    unsigned char payload[125];
    size_t size;
    size_t behind; /* bytes between the frame and the end of the connection */
} GOODBYE;

static void hear_goodbye(RAW_PEER* peer, void* context)
{
    GOODBYE* goodbye = context;
    goodbye->handshake = raw_handshake(peer, NULL);
    goodbye->frame = raw_read_frame(peer, &goodbye->first, goodbye->payload,
                                    sizeof goodbye->payload, &goodbye->size);
    goodbye->behind = raw_drain(peer);
}

/* The frame itself: masked, final, and nothing in it but the code. */
TEST(the_close_frame_on_the_wire)
{
    GOODBYE goodbye;
    SESSION session;
    memset(&goodbye, 0, sizeof goodbye);
    RAW_SERVER* server = raw_server_start("127.0.0.1", hear_goodbye, &goodbye);
    WSIO_CONFIG config = config_for("127.0.0.1", raw_server_port(server), "/", NULL);
    session_start(&session, &config);
    CHECK_INT(session_close(&session), 0);
    DRIVE_UNTIL(&session, raw_server_served(server) == 1); /* it waits for the end */
    raw_server_stop(server);
    CHECK(goodbye.handshake);
    CHECK(goodbye.frame);
    CHECK_INT(goodbye.first, RAW_FIN | RAW_CLOSE);
    CHECK_INT(goodbye.size, 2);
    CHECK_MEM(goodbye.payload, "\x03\xE8", 2);
    CHECK_INT(goodbye.behind, 0);
    session_destroy(&session);
}
