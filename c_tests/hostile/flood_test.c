/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Servers that send without end, and servers that read nothing: memory, and the
 * work of one wsio_dowork, stay bounded. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "expect.h"

enum { MIB = 1024 * 1024, FLOOD = 16 * MIB, BLOCK = 64 * 1024 };

/* What wsio and lws may take in all, for one connection. */
enum { MEMORY = MIB };

/* What may come out of one wsio_dowork. */
enum { BYTES_A_TURN = 256 * 1024 };

static size_t memory_in_use(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

/* A client, and the server that it talks to. */
typedef struct FLOODED_TAG {
    SESSION session;
    SERVER server;
    PEER peer;
    size_t memory; /* before */
    size_t most_in_a_turn;
} FLOODED;

static void drive(void* client)
{
    FLOODED* flooded = client;
    size_t before = flooded->session.received_size;
    wsio_dowork(flooded->session.io);
    if (flooded->session.received_size - before > flooded->most_in_a_turn)
    {
        flooded->most_in_a_turn = flooded->session.received_size - before;
    }
    if (memory_in_use() > flooded->memory + MEMORY)
    {
        char used[64];
        snprintf(used, sizeof used, "%zu bytes", memory_in_use() - flooded->memory);
        check_fail(__FILE__, __LINE__, "memory in use", used, "at most a MiB");
    }
}

static void start(FLOODED* flooded)
{
    WSIO_CONFIG config;
    memset(flooded, 0, sizeof *flooded);
    server_start(&flooded->server);
    config = config_for("127.0.0.1", flooded->server.port, "/", NULL);
    session_create(&flooded->session, &config);
    flooded->session.keep_received = false;
    peer_init(&flooded->peer, drive, flooded);
    flooded->memory = memory_in_use();
    CHECK_INT(session_open(&flooded->session), 0);
    peer_accept(&flooded->peer, &flooded->server);
    CHECK(peer_read_request(&flooded->peer));
    flooded->peer.kept = flooded->peer.request_size;
}

static void open_it(FLOODED* flooded)
{
    static const BYTES answer = LITERAL(GOOD_ANSWER);
    size_t size;
    unsigned char* composed;
    start(flooded);
    composed = peer_compose(&flooded->peer, answer, &size);
    flooded->memory += size + 256;
    CHECK(peer_send(&flooded->peer, composed, size));
    free(composed);
    PUMP_UNTIL(&flooded->peer, flooded->session.opened[IO_OPEN_OK] == 1);
}

static void end(FLOODED* flooded)
{
    flooded->session.keep_received = true;
    flooded->session.received_size = 0;
    expect_usable(&flooded->session, &flooded->server, NULL, false);
    session_destroy(&flooded->session);
    peer_free(&flooded->peer);
    server_stop(&flooded->server);
}

/* As many `part`s as fit into BLOCK bytes. */
static BYTES block_of(const char* part, size_t size)
{
    static unsigned char block[BLOCK];
    size_t filled = 0;
    while (filled + size <= sizeof block)
    {
        memcpy(block + filled, part, size);
        filled += size;
    }
    return (BYTES){ block, filled };
}

/* Sends it again and again, up to `total` bytes; false when the client leaves. */
static bool flood(PEER* peer, BYTES block, size_t total)
{
    bool there = true;
    for (size_t sent = 0; sent < total && there; sent += block.size)
    {
        there = peer_send(peer, block.bytes, block.size);
        peer_pump(peer);
    }
    return there;
}

static void expect_flood_of_headers(const char* start_line, const char* part)
{
    FLOODED flooded;
    at_work_on(part);
    start(&flooded);
    CHECK(peer_send(&flooded.peer, start_line, strlen(start_line)));
    if (flood(&flooded.peer, block_of(part, strlen(part)), FLOOD))
    {
        /* lws skips what it has no use for; the time limit holds. */
        CHECK_INT(session_opens(&flooded.session), 0);
        clock_advance_ms(20000);
    }
    PUMP_UNTIL(&flooded.peer, session_opens(&flooded.session) > 0);
    peer_settle(&flooded.peer);
    CHECK_INT(session_opens(&flooded.session), 1);
    CHECK_INT(flooded.session.opened[IO_OPEN_ERROR], 1);
    CHECK_INT(flooded.session.errors, 0);
    end(&flooded);
    at_work_on(NULL);
}

TEST(floods_of_headers)
{
    expect_flood_of_headers(SWITCHING, "X-Unknown: value\r\n");
    expect_flood_of_headers(SWITCHING, "Set-Cookie: name=value\r\n");
    expect_flood_of_headers(SWITCHING, "Sec-WebSocket-Protocol: chat\r\n");
    expect_flood_of_headers(SWITCHING, "Server: one\r\nDate: two\r\nLocation: three\r\n");
    expect_flood_of_headers(SWITCHING, ":\r\n");
    expect_flood_of_headers(SWITCHING "Set-Cookie: ", "without an end ");
    expect_flood_of_headers(SWITCHING "X-Unknown: ", "without an end ");
    expect_flood_of_headers(SWITCHING "X-", "a-name-without-an-end-");
    expect_flood_of_headers("HTTP/1.1 101 ", "a reason without an end ");
    expect_flood_of_headers("HTTP/1.1 ", "0");
    expect_flood_of_headers("", "\r\n");
    expect_flood_of_headers("", "x");
    expect_flood_of_headers("", " ");
    expect_flood_of_headers("HTTP/1.1 404 No\r\n", "X-Unknown: value\r\n");
    expect_flood_of_headers("HTTP/1.1 200 OK\r\n\r\n", "a body without an end ");
}

/* Headers that are many, but fit: lws takes 33 KiB in all, and 80 lines of those
 * that it knows. */
TEST(many_headers_that_fit)
{
    enum { COOKIES = 64, SIZE = 200 };
    static char answer[COOKIES * 2 * SIZE];
    SCRIPT script = { .name = "12 KiB of cookies", .outcome = OPEN_AND_BYTES };
    size_t size = (size_t)snprintf(answer, sizeof answer, "%s%s%s", SWITCHING, UPGRADE, ACCEPT);
    for (int i = 0; i < COOKIES; i++)
    {
        size += (size_t)snprintf(answer + size, sizeof answer - size, "Set-Cookie: %0*d\r\n",
                                 SIZE - 14, i);
    }
    size += (size_t)snprintf(answer + size, sizeof answer - size, "\r\n");
    script.answer = (BYTES){ answer, size };
    expect_outcome(&script);
}

static void expect_alive(FLOODED* flooded, size_t bytes)
{
    SESSION* session = &flooded->session;
    CHECK(peer_send(&flooded->peer, "\x82\x02hi", 4));
    PUMP_UNTIL(&flooded->peer, session->received_size == bytes + 2);
    CHECK_INT(session_send(session, "yo", 2), 0);
    PUMP_UNTIL(&flooded->peer, session->sent[IO_SEND_OK] == 1);
    CHECK_INT(session->errors, 0);
    CHECK(flooded->most_in_a_turn <= BYTES_A_TURN);
    CHECK_INT(session_close(session), 0);
    CHECK_INT(session_sends(session), 1);
    CHECK_INT(session_opens(session), 1);
}

static void expect_flood_of_frames(const char* part, size_t size, size_t payload, size_t total)
{
    FLOODED flooded;
    BYTES block = block_of(part, size);
    size_t blocks = (total + block.size - 1) / block.size;
    at_work_on(part);
    open_it(&flooded);
    CHECK(flood(&flooded.peer, block, total));
    expect_alive(&flooded, blocks * (block.size / size) * payload);
    end(&flooded);
    at_work_on(NULL);
}

TEST(floods_of_control_frames)
{
    char ping[2 + 125] = { (char)0x89, 125 };
    char pong[2 + 125] = { (char)0x8a, 125 };
    expect_flood_of_frames("\x89\x00", 2, 0, 2 * MIB);
    expect_flood_of_frames(ping, sizeof ping, 0, FLOOD);
    expect_flood_of_frames("\x8a\x00", 2, 0, 2 * MIB);
    expect_flood_of_frames(pong, sizeof pong, 0, FLOOD);
}

TEST(floods_of_messages)
{
    expect_flood_of_frames("\x82\x01x", 3, 1, 2 * MIB);
    expect_flood_of_frames("\x01\x01x\x80\x01y", 6, 2, 2 * MIB);
    expect_flood_of_frames("\x82\x7d" "1234567890123456789012345678901234567890123456789012345678"
                           "9012345678901234567890123456789012345678901234567890123456789012345",
                           127, 125, FLOOD);
}

/* A message that never ends. */
TEST(a_flood_of_fragments)
{
    FLOODED flooded;
    BYTES block = block_of("\x00\x01x", 3);
    size_t blocks = (2 * MIB + block.size - 1) / block.size;
    open_it(&flooded);
    CHECK(peer_send(&flooded.peer, "\x02\x01x", 3));
    CHECK(flood(&flooded.peer, block, 2 * MIB));
    CHECK(peer_send(&flooded.peer, "\x80\x01x", 3));
    expect_alive(&flooded, 2 + blocks * (block.size / 3));
    end(&flooded);
}

/* A frame of 64 MiB is passed on as it comes. */
TEST(one_huge_frame)
{
    enum { HUGE_FRAME = 64 * MIB };
    FLOODED flooded;
    open_it(&flooded);
    CHECK(peer_send(&flooded.peer, "\x82\x7f\x00\x00\x00\x00\x04\x00\x00\x00", 10));
    CHECK(flood(&flooded.peer, block_of("x", 1), HUGE_FRAME));
    expect_alive(&flooded, HUGE_FRAME);
    end(&flooded);
}

/* Pings come, and the answers are not read. */
TEST(pings_to_a_deaf_servers_client)
{
    char ping[2 + 125] = { (char)0x89, 125 };
    FLOODED flooded;
    open_it(&flooded);
    flooded.peer.deaf = true;
    CHECK(flood(&flooded.peer, block_of(ping, sizeof ping), FLOOD));
    flooded.peer.deaf = false;
    expect_alive(&flooded, 0);
    end(&flooded);
}

/* A server that reads nothing: the send stays pending, wsio_dowork returns, and
 * whatever ends it, the send is answered once. */
static void expect_a_send_that_hangs(ENDING ending)
{
    enum { SIZE = 32 * MIB };
    FLOODED flooded;
    SESSION* session = &flooded.session;
    unsigned char* bytes = calloc(1, SIZE);
    CHECK(bytes != NULL);
    open_it(&flooded);
    flooded.memory += 3 * (size_t)SIZE; /* the queue's, the padded, and lws's copy */
    flooded.peer.deaf = true;
    CHECK_INT(session_send(session, bytes, SIZE), 0);
    CHECK_INT(session_send(session, bytes, 1), 0);
    for (int i = 0; i < 1000; i++)
    {
        peer_pump(&flooded.peer);
    }
    CHECK_INT(session_sends(session), 0);
    /* What comes meanwhile is received. */
    CHECK(peer_send(&flooded.peer, "\x82\x02hi", 4));
    PUMP_UNTIL(&flooded.peer, session->received_size == 2);
    if (ending != STAYS)
    {
        peer_end(&flooded.peer, ending);
        PUMP_UNTIL(&flooded.peer, session->errors == 1);
        CHECK(session_send(session, "x", 1) != 0);
    }
    CHECK_INT(session->sent[IO_SEND_OK], 0);
    CHECK_INT(session_close(session), 0);
    CHECK_INT(session_sends(session), 2);
    CHECK_INT(session->errors, ending != STAYS);
    flooded.peer.deaf = false;
    end(&flooded);
    free(bytes);
}

TEST(a_server_that_reads_nothing)
{
    expect_a_send_that_hangs(STAYS);
    expect_a_send_that_hangs(FIN);
    expect_a_send_that_hangs(GOES);
    expect_a_send_that_hangs(RST);
}
