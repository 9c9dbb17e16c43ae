/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What comes out of websock_recv, and what the library does by itself meanwhile. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client.h"

enum { KIB = 1024, MIB = 1024 * 1024 };

/* A server that says what TALK says, and a connection to it. */
typedef struct LINK_TAG {
    RAW_SERVER* server;
    websock_handle_t handle;
} LINK;

static LINK link_to(TALK* talking)
{
    LINK link;
    link.server = talk_start(talking);
    link.handle = open_at(raw_server_port(link.server));
    return link;
}

static void unlink_from(LINK* link)
{
    websock_close(link->handle);
    raw_server_stop(link->server);
}

/* Waiting. ---------------------------------------------------------------------------- */

TEST(time_outs)
{
    static const int times[] = { 0, 1, 50, 300 };
    TALK talking = TALK_OF("");
    LINK link = link_to(&talking);
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        long long start = clock_ms();
        expect_nothing(link.handle, times[i]);
        CHECK(clock_ms() - start >= times[i] - 1);
        CHECK(clock_ms() - start < times[i] + soon_ms());
    }
    unlink_from(&link);
}

/* Says "hi" when it is told to. */
typedef struct ON_DEMAND_TAG {
    atomic_bool now;
} ON_DEMAND;

static void say_on_demand(RAW_PEER* peer, void* context)
{
    ON_DEMAND* demand = context;
    if (raw_handshake(peer, NULL)) {
        WAIT_UNTIL(atomic_load(&demand->now));
        raw_send_frame(peer, RAW_FIN | RAW_TEXT, "hi", 2);
        raw_drain(peer);
    }
}

TEST(it_waits_no_longer_than_it_must)
{
    ON_DEMAND demand = { false };
    RAW_SERVER* server = raw_server_start("127.0.0.1", say_on_demand, &demand);
    websock_handle_t handle = open_at(raw_server_port(server));
    expect_nothing(handle, 20);
    long long start = clock_ms();
    atomic_store(&demand.now, true);
    EXPECT_FRAME(handle, 1, RAW_TEXT, "hi");
    CHECK(clock_ms() - start < soon_ms());
    websock_close(handle);
    raw_server_stop(server);
}

/* A message that dribbles in does not extend the wait, nor is it lost. */
TEST(a_time_out_while_a_frame_is_on_its_way)
{
    TALK talking = TALK_OF("\x82\x7e\x01\x00"
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
    talking.at_a_time = 1;
    LINK link = link_to(&talking);
    char buffer[512];
    size_t total = 0;
    while (total < 256) {
        websock_msg_hdr_t header;
        long long start = clock_ms();
        int got = receive(link.handle, &header, buffer + total, (int)(sizeof buffer - total), 20);
        CHECK(clock_ms() - start < 20 + soon_ms());
        CHECK(got >= 0);
        CHECK_INT(header.opcode, got == 0 ? -1 : RAW_BINARY);
        CHECK(got == 0 || header.payload_len == 256);
        total += (size_t)got;
    }
    CHECK_MEM(buffer, (const char*)talking.frames + 4, 256);
    unlink_from(&link);
}

TEST(bad_arguments)
{
    TALK talking = TALK_OF("\x81\x02hi");
    LINK link = link_to(&talking);
    websock_msg_hdr_t header;
    char buffer[16];
    int length = sizeof buffer;
    int negative = -1;
    int zero = 0;
    CHECK_INT(websock_recv(NULL, &header, buffer, &length, 0), -1);
    CHECK_INT(websock_recv(link.handle, NULL, buffer, &length, 0), -1);
    CHECK_INT(websock_recv(link.handle, &header, NULL, &length, 0), -1);
    CHECK_INT(websock_recv(link.handle, &header, buffer, NULL, 0), -1);
    CHECK_INT(websock_recv(link.handle, &header, buffer, &negative, 0), -1);
    CHECK_INT(websock_recv(link.handle, &header, buffer, &length, -1), -1);
    CHECK_INT(websock_recv((websock_handle_t)(size_t)0x7654321, &header, buffer, &length, 0), -1);
    CHECK_INT(websock_recv((websock_handle_t)&talking, &header, buffer, &length, 0), -1);
    CHECK_INT(length, sizeof buffer);
    CHECK_INT(negative, -1);
    /* Nothing was taken out by all that; nor can it be into no room. */
    CHECK_INT(websock_recv(link.handle, &header, buffer, &zero, 100), 0);
    CHECK(header.opcode < 0);
    CHECK_INT(websock_recv(link.handle, &header, NULL, &zero, 0), 0);
    CHECK(header.opcode < 0);
    EXPECT_FRAME(link.handle, 1, RAW_TEXT, "hi");
    unlink_from(&link);
}

/* Frames. ------------------------------------------------------------------------------- */

TEST(text_and_binary)
{
    TALK talking = TALK_OF("\x81\x02hi\x82\x03\x00\xff\x80\x81\x02ho");
    LINK link = link_to(&talking);
    EXPECT_FRAME(link.handle, 1, RAW_TEXT, "hi");
    EXPECT_FRAME(link.handle, 1, RAW_BINARY, "\x00\xff\x80");
    EXPECT_FRAME(link.handle, 1, RAW_TEXT, "ho");
    expect_nothing(link.handle, 50);
    unlink_from(&link);
}

/* They are handed out as they came, in any pieces of TCP's. */
static void expect_fragments(size_t at_a_time)
{
    TALK talking = TALK_OF("\x01\x03" "abc" "\x00\x01" "d" "\x00\x00" "\x89\x01?" "\x80\x02" "ef"
                           "\x02\x00" "\x80\x00" "\x01\x00" "\x80\x01" "g" "\x82\x01h");
    talking.at_a_time = at_a_time;
    LINK link = link_to(&talking);
    EXPECT_FRAME(link.handle, 0, RAW_TEXT, "abc");
    EXPECT_FRAME(link.handle, 0, RAW_CONTINUATION, "d");
    EXPECT_FRAME(link.handle, 0, RAW_CONTINUATION, "");
    EXPECT_FRAME(link.handle, 1, RAW_CONTINUATION, "ef");
    EXPECT_FRAME(link.handle, 0, RAW_BINARY, "");
    EXPECT_FRAME(link.handle, 1, RAW_CONTINUATION, "");
    EXPECT_FRAME(link.handle, 0, RAW_TEXT, "");
    EXPECT_FRAME(link.handle, 1, RAW_CONTINUATION, "g");
    EXPECT_FRAME(link.handle, 1, RAW_BINARY, "h");
    expect_nothing(link.handle, 50);
    CHECK(HEARD(&talking, "\x8a\x01?"));
    unlink_from(&link);
}

TEST(fragments) { expect_fragments(0); }
TEST(fragments_in_single_bytes) { expect_fragments(1); }
TEST(fragments_in_odd_pieces) { expect_fragments(5); }

TEST(empty_messages)
{
    TALK talking = TALK_OF("\x81\x00\x82\x00\x81\x7e\x00\x00\x82\x01!");
    LINK link = link_to(&talking);
    EXPECT_FRAME(link.handle, 1, RAW_TEXT, "");
    /* They need no room. */
    websock_msg_hdr_t header = { 0, -1, 7 };
    CHECK_INT(receive(link.handle, &header, NULL, 0, LONG_MS), 0);
    CHECK_INT(header.opcode, RAW_BINARY);
    CHECK_INT(header.fin, 1);
    CHECK_INT(header.payload_len, 0);
    EXPECT_FRAME(link.handle, 1, RAW_TEXT, "");
    EXPECT_FRAME(link.handle, 1, RAW_BINARY, "!");
    unlink_from(&link);
}

/* Two frames are never put together, and no more is put than there is room. */
TEST(a_buffer_of_every_size)
{
    for (int room = 1; room <= 12; room++) {
        TALK talking = TALK_OF("\x81\x0a" "0123456789" "\x02\x03" "abc" "\x80\x02" "de");
        static const struct { const char* bytes; int size, opcode, fin; } frames[] = {
            { "0123456789", 10, RAW_TEXT, 1 }, { "abc", 3, RAW_BINARY, 0 },
            { "de", 2, RAW_CONTINUATION, 1 },
        };
        LINK link = link_to(&talking);
        for (size_t i = 0; i < 3; i++) {
            for (int place = 0; place < frames[i].size;) {
                char buffer[16];
                websock_msg_hdr_t header = { -7, -7, -7 };
                memset(buffer, '~', sizeof buffer);
                int got = receive(link.handle, &header, buffer, room, LONG_MS);
                CHECK(got > 0);
                CHECK(place + got <= frames[i].size);
                CHECK_MEM(buffer, frames[i].bytes + place, (size_t)got);
                CHECK_INT(buffer[got], '~');
                CHECK_INT(header.opcode, frames[i].opcode);
                CHECK_INT(header.fin, frames[i].fin);
                CHECK_INT(header.payload_len, frames[i].size);
                place += got;
            }
        }
        expect_nothing(link.handle, 0);
        unlink_from(&link);
    }
}

/* Sizes. ---------------------------------------------------------------------------------- */

static const size_t sizes[] = { 0, 1, 125, 126, 127, 65535, 65536, 262143, 262144, 262145,
                                MIB - 1, MIB, MIB + 1, 5 * MIB + 7 };
enum { SIZES = sizeof sizes / sizeof *sizes };

static void say_all_sizes(RAW_PEER* peer, void* context)
{
    (void)context;
    if (!raw_handshake(peer, NULL)) {
        return;
    }
    for (size_t i = 0; i < SIZES; i++) {
        unsigned char* bytes = bytes_of((unsigned)i, sizes[i]);
        raw_send_frame(peer, RAW_FIN | RAW_BINARY, bytes, sizes[i]);
        free(bytes);
    }
    raw_drain(peer);
}

static void expect_all_sizes(int room)
{
    RAW_SERVER* server = raw_server_start("127.0.0.1", say_all_sizes, NULL);
    websock_handle_t handle = open_at(raw_server_port(server));
    unsigned char* buffer = malloc((size_t)room);
    for (size_t i = 0; i < SIZES; i++) {
        size_t place = 0;
        do {
            websock_msg_hdr_t header;
            int got = receive(handle, &header, buffer, room, LONG_MS * slowness());
            CHECK(got >= 0);
            CHECK_INT(header.opcode, RAW_BINARY);
            CHECK_INT(header.payload_len, sizes[i]);
            CHECK(got > 0 || sizes[i] == 0);
            for (int j = 0; j < got; j++) {
                CHECK_INT(buffer[j], byte_at((unsigned)i, place++));
            }
            CHECK(place <= sizes[i]);
            /* Exact for frames of up to 1 MiB; for the last piece of any. */
            if (sizes[i] <= MIB || place == sizes[i]) {
                CHECK_INT(header.fin, 1);
            }
        } while (place < sizes[i]);
    }
    expect_nothing(handle, 0);
    websock_close(handle);
    raw_server_stop(server);
    free(buffer);
}

TEST(frames_of_any_size) { expect_all_sizes(8 * MIB); }
TEST(frames_of_any_size_through_4_kib) { expect_all_sizes(4096); }
TEST(frames_of_any_size_through_an_odd_buffer) { expect_all_sizes(1001); }

/* With the handshake's answer in one segment. */
TEST(a_frame_that_comes_with_the_answer)
{
    TALK talking = TALK_OF("\x81\x02hi\x89\x01?\x82\x02ho");
    talking.with_answer = true;
    LINK link = link_to(&talking);
    EXPECT_FRAME(link.handle, 1, RAW_TEXT, "hi");
    EXPECT_FRAME(link.handle, 1, RAW_BINARY, "ho");
    WAIT_UNTIL((expect_nothing(link.handle, 1), HEARD(&talking, "\x8a\x01?")));
    unlink_from(&link);
}

/* Pings and pongs. -------------------------------------------------------------------------- */

TEST(a_ping_is_answered_with_its_payload)
{
    TALK talking = TALK_OF("\x89\x05hello\x81\x02hi");
    LINK link = link_to(&talking);
    EXPECT_FRAME(link.handle, 1, RAW_TEXT, "hi");
    WAIT_UNTIL((expect_nothing(link.handle, 1), HEARD_ONLY(&talking, "\x8a\x05hello")));
    unlink_from(&link);
}

TEST(the_largest_and_the_smallest_ping)
{
    unsigned char frames[2 + 125 + 2];
    TALK talking = { .frames = frames, .size = sizeof frames, .lock = PTHREAD_MUTEX_INITIALIZER };
    memset(frames, 0xff, sizeof frames);
    frames[0] = 0x89;
    frames[1] = 125;
    frames[127] = 0x8a; /* a pong that nobody asked for */
    frames[128] = 0;
    unsigned char reply[2 + 125];
    memcpy(reply, frames, sizeof reply);
    reply[0] = 0x8a;
    LINK link = link_to(&talking);
    WAIT_UNTIL((expect_nothing(link.handle, 1),
                talk_heard_only(&talking, (char*)reply, sizeof reply)));
    unlink_from(&link);

    TALK empty = TALK_OF("\x89\x00");
    link = link_to(&empty);
    WAIT_UNTIL((expect_nothing(link.handle, 1), HEARD_ONLY(&empty, "\x8a\x00")));
    unlink_from(&link);
}

/* Data before the ping is unread: it is answered all the same, while that is read, or
 * something else is done. */
static TALK backlog_and_ping(size_t size)
{
    unsigned char* frames = malloc(10 + size + 7);
    TALK talking = { .frames = frames, .size = 4 + size + 7, .lock = PTHREAD_MUTEX_INITIALIZER };
    frames[0] = RAW_FIN | RAW_BINARY;
    frames[1] = 126;
    frames[2] = (unsigned char)(size >> 8);
    frames[3] = (unsigned char)size;
    memset(frames + 4, 'b', size);
    memcpy(frames + 4 + size, "\x89\x05hello", 7);
    return talking;
}

TEST(a_ping_is_answered_while_a_backlog_is_read_slowly)
{
    TALK talking = backlog_and_ping(60000);
    LINK link = link_to(&talking);
    size_t total = 0;
    WAIT_UNTIL(atomic_load(&talking.said));
    while (!HEARD(&talking, "\x8a\x05hello")) {
        websock_msg_hdr_t header;
        char byte = 'b';
        total += (size_t)receive(link.handle, &header, &byte, 1, total == 0 ? LONG_MS : 0);
        CHECK_INT(byte, 'b');
        CHECK(total > 0 && total < 20000); /* well before the end of what is there */
        a_moment();
    }
    unlink_from(&link);
    free((void*)(size_t)talking.frames);
}

TEST(a_ping_is_answered_while_a_backlog_is_not_read)
{
    TALK talking = backlog_and_ping(60000);
    LINK link = link_to(&talking);
    websock_msg_hdr_t header;
    WAIT_UNTIL((CHECK_INT(receive(link.handle, &header, NULL, 0, 1), 0),
                HEARD(&talking, "\x8a\x05hello")));
    unlink_from(&link);
    free((void*)(size_t)talking.frames);
}

TEST(a_ping_is_answered_while_a_backlog_is_unread_and_sends_go_out)
{
    TALK talking = backlog_and_ping(60000);
    LINK link = link_to(&talking);
    WAIT_UNTIL((CHECK_INT(websock_send_text(link.handle, (char*)"x", 1), 0),
                HEARD(&talking, "\x8a\x05hello")));
    unlink_from(&link);
    free((void*)(size_t)talking.frames);
}

/* Between the fragments of a message. */
TEST(control_frames_inside_a_message)
{
    TALK talking = TALK_OF("\x01\x01" "a" "\x89\x01" "1" "\x8a\x01" "2" "\x00\x01" "b"
                           "\x80\x01" "c");
    LINK link = link_to(&talking);
    EXPECT_FRAME(link.handle, 0, RAW_TEXT, "a");
    EXPECT_FRAME(link.handle, 0, RAW_CONTINUATION, "b");
    EXPECT_FRAME(link.handle, 1, RAW_CONTINUATION, "c");
    WAIT_UNTIL((expect_nothing(link.handle, 1), HEARD_ONLY(&talking, "\x8a\x01" "1")));
    unlink_from(&link);
}

/* Close. ------------------------------------------------------------------------------------- */

/* `frames` are said, one Close among them; `reply` is heard, and nothing else. */
static void expect_closed(const void* frames, size_t size, const void* reply, size_t reply_size,
                          size_t at_a_time)
{
    TALK talking = { .frames = frames, .size = size, .at_a_time = at_a_time,
                     .lock = PTHREAD_MUTEX_INITIALIZER };
    log_keep();
    LINK link = link_to(&talking);
    websock_msg_hdr_t header;
    char buffer[16];
    do {
        header.opcode = -1; /* fragments may come before it */
    } while (receive(link.handle, &header, buffer, sizeof buffer, LONG_MS * slowness()) >= 0
             && header.opcode >= 0);
    expect_end(link.handle, 0);
    WAIT_UNTIL(raw_server_served(link.server) == 1);
    if (!talk_heard_only(&talking, reply, reply_size)) {
        fprintf(stderr, "heard %zu bytes:", talking.heard_size);
        for (size_t i = 0; i < talking.heard_size && i < 32; i++) {
            fprintf(stderr, " %02x", talking.heard[i]);
        }
        fprintf(stderr, " after %02x of %zu bytes\n", ((const unsigned char*)frames)[0], size);
        log_show();
    }
    CHECK(talk_heard_only(&talking, reply, reply_size));
    unlink_from(&link);
    CHECK(talk_heard_only(&talking, reply, reply_size)); /* websock_close says nothing more */
}
#define EXPECT_CLOSED(frames, reply)                                                       \
    expect_closed((frames), sizeof(frames) - 1, (reply), sizeof(reply) - 1, 0)

TEST(close_is_answered_with_its_code)
{
    static const unsigned codes[] = { 1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011,
                                      3000, 3999, 4000, 4999 };
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        const char frame[] = { (char)0x88, 2, (char)(codes[i] >> 8), (char)codes[i] };
        expect_closed(frame, sizeof frame, frame, sizeof frame, 0);
    }
    EXPECT_CLOSED("\x88\x00", "\x88\x00");
}

/* The code is what counts: RFC 6455 leaves open whether the reason is sent back. */
TEST(a_close_with_a_reason)
{
    TALK talking = TALK_OF("\x88\x05\x03\xe9" "bye");
    LINK link = link_to(&talking);
    expect_end(link.handle, LONG_MS);
    WAIT_UNTIL(raw_server_served(link.server) == 1);
    CHECK(talking.heard_size >= 4);
    CHECK_INT(talking.heard[0], 0x88);
    CHECK_MEM(talking.heard + 2, "\x03\xe9", 2);
    unlink_from(&link);
}

TEST(close_codes_that_must_not_be_sent)
{
    static const unsigned codes[] = { 0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999 };
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        const char frame[] = { (char)0x88, 2, (char)(codes[i] >> 8), (char)codes[i] };
        expect_closed(frame, sizeof frame, "\x88\x02\x03\xea", 4, 0);
    }
}

TEST(a_close_of_one_byte)
{
    EXPECT_CLOSED("\x88\x01\x03", "\x88\x02\x03\xea");
}

TEST(a_close_with_a_bad_reason)
{
    EXPECT_CLOSED("\x88\x04\x03\xe8\xff\xfe", "\x88\x02\x03\xef");
    EXPECT_CLOSED("\x88\x03\x03\xe8\xc3", "\x88\x02\x03\xef");
}

TEST(what_came_before_a_close_is_readable)
{
    TALK talking = TALK_OF("\x81\x02hi\x02\x03" "abc\x80\x00\x81\x00\x88\x02\x03\xe9");
    LINK link = link_to(&talking);
    /* It is all there, and answered, before any of it is read. */
    websock_msg_hdr_t header;
    WAIT_UNTIL((receive(link.handle, &header, NULL, 0, 1),
                HEARD_ONLY(&talking, "\x88\x02\x03\xe9")));
    WAIT_UNTIL(raw_server_served(link.server) == 1);
    EXPECT_FRAME(link.handle, 1, RAW_TEXT, "hi");
    EXPECT_FRAME(link.handle, 0, RAW_BINARY, "abc");
    EXPECT_FRAME(link.handle, 1, RAW_CONTINUATION, "");
    EXPECT_FRAME(link.handle, 1, RAW_TEXT, "");
    expect_end(link.handle, 0);
    unlink_from(&link);
}

TEST(what_came_before_the_end_is_readable)
{
    TALK talking = TALK_OF("\x81\x02hi\x82\x03" "abc");
    talking.ends = true;
    LINK link = link_to(&talking);
    WAIT_UNTIL(raw_server_served(link.server) == 1);
    CHECK_INT(websock_send_ping(link.handle, NULL, 0) <= 0, 1); /* whatever that says */
    EXPECT_FRAME(link.handle, 1, RAW_TEXT, "hi");
    EXPECT_FRAME(link.handle, 1, RAW_BINARY, "abc");
    expect_end(link.handle, LONG_MS);
    unlink_from(&link);
}

/* Half a frame is none. */
TEST(the_end_inside_a_frame)
{
    TALK talking = TALK_OF("\x81\x02hi\x82\x05" "abc");
    talking.ends = true;
    LINK link = link_to(&talking);
    websock_msg_hdr_t header;
    char buffer[16];
    int got;
    EXPECT_FRAME(link.handle, 1, RAW_TEXT, "hi");
    while ((got = receive(link.handle, &header, buffer, sizeof buffer, LONG_MS)) > 0) {
        CHECK_INT(header.fin, 0); /* if any of it, then not its end */
        CHECK_INT(header.payload_len, 5);
    }
    CHECK_INT(got, -1);
    expect_end(link.handle, 0);
    unlink_from(&link);
}

TEST(a_reset)
{
    TALK talking = TALK_OF("");
    talking.resets = true;
    LINK link = link_to(&talking);
    expect_end(link.handle, LONG_MS);
    unlink_from(&link);
}

/* Data after a Close is none. */
TEST(what_comes_after_a_close)
{
    EXPECT_CLOSED("\x88\x02\x03\xe8\x81\x02hi", "\x88\x02\x03\xe8");
    EXPECT_CLOSED("\x88\x02\x03\xe8\x89\x00", "\x88\x02\x03\xe8");
}

/* UTF-8. --------------------------------------------------------------------------------------- */

#define BAD_TEXT "\x88\x02\x03\xef" /* 1007 */

TEST(bad_text)
{
    static const char* const bad[] = {
        "\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2\x41", "\xe0\x80\x80", "\xe0\x9f\xbf",
        "\xe1\x80", "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf", "\xf0\x90\x80",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xf8\x88\x80\x80\x80", "\xfe", "\xff", "a\xffz",
        "\xce\xba\xe1\xbd",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char frame[16];
        int size = snprintf(frame, sizeof frame, "\x81%c%s", (int)strlen(bad[i]), bad[i]);
        expect_closed(frame, (size_t)size, BAD_TEXT, 4, 0);
        expect_closed(frame, (size_t)size, BAD_TEXT, 4, 1);
    }
}

/* In whichever fragment; and a character may be cut by their border, but must end. */
TEST(bad_text_across_fragments)
{
    EXPECT_CLOSED("\x01\x01\xc3\x80\x00", BAD_TEXT);
    EXPECT_CLOSED("\x01\x01\xc3\x80\x01\x41", BAD_TEXT);
    EXPECT_CLOSED("\x01\x02\xf4\x90", BAD_TEXT); /* at once: nothing can make it good */
    EXPECT_CLOSED("\x01\x00\x00\x01\xff", BAD_TEXT);
    EXPECT_CLOSED("\x01\x01\xe2\x00\x00\x00\x01\x82\x80\x00", BAD_TEXT);
    EXPECT_CLOSED("\x01\x02\xed\xa0\x80\x01\x80", BAD_TEXT);
}

TEST(good_text_across_fragments)
{
    TALK talking = TALK_OF("\x01\x01\xf0\x00\x00\x00\x02\x90\x80\x89\x00\x80\x01\x80\x81\x01z"
                           "\x81\x04\xf4\x8f\xbf\xbf\x81\x01\x00");
    LINK link = link_to(&talking);
    EXPECT_FRAME(link.handle, 0, RAW_TEXT, "\xf0");
    EXPECT_FRAME(link.handle, 0, RAW_CONTINUATION, "");
    EXPECT_FRAME(link.handle, 0, RAW_CONTINUATION, "\x90\x80");
    EXPECT_FRAME(link.handle, 1, RAW_CONTINUATION, "\x80");
    EXPECT_FRAME(link.handle, 1, RAW_TEXT, "z");
    EXPECT_FRAME(link.handle, 1, RAW_TEXT, "\xf4\x8f\xbf\xbf");
    EXPECT_FRAME(link.handle, 1, RAW_TEXT, "\x00");
    unlink_from(&link);
}

/* Binary is not text, nor are its continuations, nor pings. */
TEST(binary_may_be_anything)
{
    TALK talking = TALK_OF("\x02\x01\xff\x80\x01\xfe\x89\x01\xff\x82\x02\xc3\x28\x81\x01z");
    LINK link = link_to(&talking);
    EXPECT_FRAME(link.handle, 0, RAW_BINARY, "\xff");
    EXPECT_FRAME(link.handle, 1, RAW_CONTINUATION, "\xfe");
    EXPECT_FRAME(link.handle, 1, RAW_BINARY, "\xc3\x28");
    EXPECT_FRAME(link.handle, 1, RAW_TEXT, "z");
    unlink_from(&link);
}

TEST(what_came_before_bad_text_is_readable)
{
    TALK talking = TALK_OF("\x81\x02hi\x82\x00\x81\x01\xff");
    LINK link = link_to(&talking);
    websock_msg_hdr_t header;
    WAIT_UNTIL((receive(link.handle, &header, NULL, 0, 1), HEARD_ONLY(&talking, BAD_TEXT)));
    EXPECT_FRAME(link.handle, 1, RAW_TEXT, "hi");
    EXPECT_FRAME(link.handle, 1, RAW_BINARY, "");
    expect_end(link.handle, LONG_MS);
    CHECK_INT(websock_send_text(link.handle, (char*)"x", 1), -1);
    unlink_from(&link);
}

static void say_long_bad_text(RAW_PEER* peer, void* context)
{
    enum { SIZE = 3 * MIB };
    int* code = context;
    unsigned char payload[128];
    size_t size;
    int first;
    char* text = malloc(SIZE);
    memset(text, 'a', SIZE);
    text[SIZE - 1] = (char)0xc3;
    if (raw_handshake(peer, NULL)) {
        raw_send_frame(peer, RAW_FIN | RAW_TEXT, text, SIZE);
        if (raw_read_frame(peer, &first, payload, sizeof payload, &size)
            && first == (RAW_FIN | RAW_CLOSE) && size >= 2) {
            *code = payload[0] << 8 | payload[1];
        }
    }
    free(text);
}

TEST(long_text_that_is_bad_at_its_end)
{
    int code = 0;
    RAW_SERVER* server = raw_server_start("127.0.0.1", say_long_bad_text, &code);
    websock_handle_t handle = open_at(raw_server_port(server));
    char* buffer = malloc(MIB);
    websock_msg_hdr_t header;
    int got;
    while ((got = receive(handle, &header, buffer, MIB, LONG_MS * slowness())) > 0) {
        CHECK_INT(header.fin, 0);
    }
    CHECK_INT(got, -1);
    WAIT_UNTIL(raw_server_served(server) == 1);
    websock_close(handle);
    raw_server_stop(server);
    CHECK_INT(code, 1007);
    free(buffer);
}

/* Back-pressure. --------------------------------------------------------------------------------- */

/* Says numbered bytes, or a frame again and again, until the connection ends. */
typedef struct FLOOD_TAG {
    const char* again; /* this frame; NULL: messages of 10,000 bytes */
    size_t size;
    atomic_size_t said; /* bytes */
} FLOOD;

enum { MESSAGE = 10000 };

static void flood(RAW_PEER* peer, void* context)
{
    static unsigned char block[65536];
    FLOOD* flood = context;
    unsigned long long place = 0;
    bool good = raw_handshake(peer, NULL);
    for (size_t i = 0; flood->again != NULL && i + flood->size <= sizeof block; i += flood->size) {
        memcpy(block + i, flood->again, flood->size);
    }
    while (good) {
        if (flood->again != NULL) {
            size_t size = sizeof block / flood->size * flood->size;
            good = raw_write(peer, block, size);
            atomic_fetch_add(&flood->said, size);
            continue;
        }
        for (size_t i = 0; i < MESSAGE; i++) {
            block[i] = byte_at(1, place++);
        }
        good = raw_send_frame(peer, RAW_FIN | RAW_BINARY, block, MESSAGE);
        atomic_fetch_add(&flood->said, MESSAGE + 4);
    }
}

/* Until the server gets rid of nothing more, though the library is given time. */
static void wait_until_blocked(FLOOD* flood, websock_handle_t handle)
{
    size_t start = atomic_load(&flood->said);
    size_t before = 0;
    int same = 0;
    while (same < 200) {
        websock_msg_hdr_t header;
        CHECK_INT(receive(handle, &header, NULL, 0, 1), 0);
        size_t now = atomic_load(&flood->said);
        same = now > 0 && now == before ? same + 1 : 0;
        before = now;
        CHECK(now - start < 64 * MIB); /* the kernel's buffers, and a little */
        a_moment();
    }
}

enum { MEMORY_KIB = 4 * KIB };

TEST(an_unread_backlog_holds_the_server_up)
{
    FLOOD flooding = { 0 };
    RAW_SERVER* server = raw_server_start("127.0.0.1", flood, &flooding);
    websock_handle_t handle = open_at(raw_server_port(server));
    unsigned char buffer[4096];
    unsigned long long place = 0;
    long memory = resident_kib();
    wait_until_blocked(&flooding, handle);
    check_growth(memory, MEMORY_KIB);
    /* Reading it makes room for more, and none was lost. */
    while (place < 64ull * MIB / (unsigned)slowness()) {
        websock_msg_hdr_t header;
        int got = receive(handle, &header, buffer, sizeof buffer, LONG_MS * slowness());
        CHECK(got > 0);
        CHECK_INT(header.payload_len, MESSAGE);
        for (int i = 0; i < got; i++) {
            CHECK_INT(buffer[i], byte_at(1, place++));
        }
    }
    wait_until_blocked(&flooding, handle);
    check_growth(memory, MEMORY_KIB);
    websock_close(handle);
    raw_server_stop(server);
}

/* They have no bytes, but take memory. */
TEST(a_flood_of_empty_messages)
{
    FLOOD flooding = { .again = "\x82\x00", .size = 2 };
    RAW_SERVER* server = raw_server_start("127.0.0.1", flood, &flooding);
    websock_handle_t handle = open_at(raw_server_port(server));
    long memory = resident_kib();
    DEADLINE deadline = deadline_after(1);
    while (!deadline_passed(deadline)) { /* sends let it read, too */
        CHECK_INT(websock_send_ping(handle, NULL, 0), 0);
        a_moment();
    }
    check_growth(memory, MEMORY_KIB);
    for (int i = 0; i < 20000; i++) {
        EXPECT_FRAME(handle, 1, RAW_BINARY, "");
    }
    websock_close(handle);
    raw_server_stop(server);
}

/* The server does not read the pongs. */
TEST(a_flood_of_pings)
{
    FLOOD flooding = { .again = "\x89\x04ping", .size = 6 };
    RAW_SERVER* server = raw_server_start("127.0.0.1", flood, &flooding);
    websock_handle_t handle = open_at(raw_server_port(server));
    long memory = resident_kib();
    DEADLINE deadline = deadline_after(2);
    while (!deadline_passed(deadline)) {
        websock_msg_hdr_t header;
        char byte;
        if (receive(handle, &header, &byte, 1, 10) < 0) {
            break; /* it may take that for an attack */
        }
    }
    check_growth(memory, MEMORY_KIB);
    long long start = clock_ms();
    websock_close(handle);
    CHECK(clock_ms() - start < 3LL * soon_ms());
    raw_server_stop(server);
}

/* A length that never comes sets no memory aside. */
TEST(a_frame_that_never_ends)
{
    TALK talking = TALK_OF("\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xffhi");
    LINK link = link_to(&talking);
    long memory = resident_kib();
    websock_msg_hdr_t header;
    char buffer[16];
    int got = receive(link.handle, &header, buffer, sizeof buffer, 100);
    CHECK(got >= 0 && got <= 2);
    CHECK(got == 0 || header.payload_len == 0x7fffffffffffffff);
    check_growth(memory, MEMORY_KIB);
    unlink_from(&link);
}
