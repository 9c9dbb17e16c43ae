/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What arrives, in the forms that servers give it. */
#include <stdio.h>
#include <string.h>

#include "raw_server.h"
#include "servers.h"

/* SRS_WSIO_01_087 */
TEST_WS_AND_WSS(an_empty_message_is_an_error)
{
    ECHO echo;
    SESSION session;
    echo_start(&echo, tls);
    WSIO_CONFIG config = echo_config(&echo, "/empty");
    session_start(&session, &config);
    CHECK_INT(session_send(&session, "go", 2), 0);
    DRIVE_UNTIL(&session, session.errors > 0);
    session_settle(&session);
    CHECK_INT(session.errors, 1);
    CHECK_INT(session.receives, 0);
    CHECK(session_send(&session, "x", 1) != 0);
    CHECK(session_open(&session) != 0);
    CHECK_INT(session_close(&session), 0);
    session_connect(&session);
    session_destroy(&session);
    session_check_balance(&session);
}

static void send_empty_messages(RAW_PEER* peer, void* context)
{
    (void)context;
    if (raw_handshake(peer, NULL)) {
        raw_send_frame(peer, RAW_FIN | RAW_BINARY, "before", 6);
        for (int i = 0; i < 3; i++) {
            raw_send_frame(peer, RAW_FIN | RAW_BINARY, "", 0);
        }
        raw_send_frame(peer, RAW_FIN | RAW_BINARY, "after", 5);
        raw_drain(peer);
    }
}

/* The first one ends it: one error, and nothing that comes behind it. */
TEST(several_empty_messages_are_one_error)
{
    SESSION session;
    RAW_SERVER* server = raw_server_start("127.0.0.1", send_empty_messages, NULL);
    WSIO_CONFIG config = config_for("127.0.0.1", raw_server_port(server), "/", NULL);
    session_start(&session, &config);
    DRIVE_UNTIL(&session, session.errors > 0);
    session_settle(&session);
    CHECK_INT(session.errors, 1);
    CHECK_INT(session.received_size, 6);
    CHECK_MEM(session.received, "before", 6);
    session_destroy(&session);
    session_check_balance(&session);
    raw_server_stop(server);
}

/* SRS_WSIO_01_083, SRS_WSIO_01_084, SRS_WSIO_01_085 */
TEST_WS_AND_WSS(fragments_arrive_in_order)
{
    ECHO echo;
    SESSION session;
    echo_start(&echo, tls);
    WSIO_CONFIG config = echo_config(&echo, "/fragments");
    session_start(&session, &config);
    CHECK_INT(session_send(&session, "go", 2), 0);
    DRIVE_UNTIL(&session, session.received_size >= strlen("one two three"));
    CHECK_INT(session.received_size, strlen("one two three"));
    CHECK_MEM(session.received, "one two three", strlen("one two three"));
    CHECK_INT(session.errors, 0);
    session_destroy(&session);
}

/* More than fits into any buffer on the way. */
TEST_WS_AND_WSS(much_arrives_whole)
{
    const size_t size = (size_t)8 * 1024 * 1024;
    ECHO echo;
    SESSION session;
    echo_start(&echo, tls);
    WSIO_CONFIG config = echo_config(&echo, "/source?8388608");
    session_start(&session, &config);
    CHECK_INT(session_send(&session, "go", 2), 0);
    DRIVE_UNTIL_IN(&session, session.received_size >= size, 60);
    CHECK_INT(session.received_size, size);
    for (size_t i = 0; i < size; i++) {
        if (session.received[i] != i % 251) {
            CHECK_INT(session.received[i], i % 251);
        }
    }
    session_destroy(&session);
}

typedef struct TALK_TAG {
    bool pong;
    int first;
    unsigned char payload[125];
    size_t size;
} TALK;

/* Two messages and a ping between their fragments. */
static void talk(RAW_PEER* peer, void* context)
{
    TALK* heard = context;
    char go[16];
    int first;
    size_t size;
    if (!raw_handshake(peer, NULL) || !raw_read_frame(peer, &first, go, sizeof go, &size)) {
        return;
    }
    raw_send_frame(peer, RAW_TEXT, "te", 2);
    raw_send_frame(peer, RAW_FIN | RAW_PING, "ping?", 5);
    raw_send_frame(peer, RAW_FIN | RAW_CONTINUATION, "xt", 2);
    raw_send_frame(peer, RAW_FIN | RAW_BINARY, "\0\xFF", 2);
    heard->pong = raw_read_frame(peer, &heard->first, heard->payload, sizeof heard->payload,
                                 &heard->size);
    raw_drain(peer);
}

/* Text and binary alike, byte for byte; control frames are none of the user's. */
TEST(control_frames_between_fragments)
{
    TALK heard;
    SESSION session;
    memset(&heard, 0, sizeof heard);
    RAW_SERVER* server = raw_server_start("127.0.0.1", talk, &heard);
    WSIO_CONFIG config = config_for("127.0.0.1", raw_server_port(server), "/", NULL);
    session_start(&session, &config);
    CHECK_INT(session_send(&session, "go", 2), 0);
    DRIVE_UNTIL(&session, session.received_size >= 6);
    session_settle(&session); /* the pong goes out */
    CHECK_INT(session_close(&session), 0);
    raw_server_stop(server);
    CHECK_INT(session.received_size, 6);
    CHECK_MEM(session.received, "text\0\xFF", 6);
    CHECK_INT(session.errors, 0);
    CHECK(heard.pong);
    CHECK_INT(heard.first, RAW_FIN | RAW_PONG);
    CHECK_INT(heard.size, 5);
    CHECK_MEM(heard.payload, "ping?", 5);
    session_destroy(&session);
}

/* The answer and the first message in one packet. */
static void speak_at_once(RAW_PEER* peer, void* context)
{
    char accept[32];
    char answer[512];
    (void)context;
    if (!raw_read_request(peer)) {
        return;
    }
    raw_accept_key(peer, accept);
    int size = snprintf(answer, sizeof answer,
                        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                        "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n"
                        "\x82\x05" "first",
                        accept);
    raw_write(peer, answer, (size_t)size);
    raw_drain(peer);
}

TEST(data_right_behind_the_handshake)
{
    SESSION session;
    RAW_SERVER* server = raw_server_start("127.0.0.1", speak_at_once, NULL);
    WSIO_CONFIG config = config_for("127.0.0.1", raw_server_port(server), "/", NULL);
    session_start(&session, &config);
    DRIVE_UNTIL(&session, session.received_size >= 5);
    CHECK_INT(session.received_size, 5);
    CHECK_MEM(session.received, "first", 5);
    CHECK_INT(session.opened[IO_OPEN_OK], 1);
    CHECK_INT(session.errors, 0);
    session_destroy(&session);
    raw_server_stop(server);
}
