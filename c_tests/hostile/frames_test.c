/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Frames that RFC 6455 forbids, and odd ones that it allows. */
#include <stdlib.h>
#include <string.h>

#include "script.h"

#define FRAME_CASE(title, text)                                                           \
    .name = title, .answer = LITERAL(GOOD_ANSWER), .frames = LITERAL(text)
#define REFUSED .outcome = OPEN_THEN_IO_ERROR
#define TAKEN .outcome = OPEN_AND_BYTES

#define SIZE_OF(text) (sizeof(text) - 1)
#define HI "\x82\x02hi"

TEST(frames_that_are_allowed)
{
    static const SCRIPT scripts[] = {
        { FRAME_CASE("nothing", ""), TAKEN },
        { FRAME_CASE("binary", HI), TAKEN, .payload = LITERAL("hi") },
        { FRAME_CASE("text", "\x81\x02hi"), TAKEN, .payload = LITERAL("hi") },
        { FRAME_CASE("two messages", HI "\x81\x02ho"), TAKEN, .payload = LITERAL("hiho") },
        { FRAME_CASE("fragments", "\x02\x01h\x00\x01o\x80\x02hi"), TAKEN,
          .payload = LITERAL("hohi") },
        { FRAME_CASE("a start of a message only", "\x02\x02hi"), TAKEN,
          .payload = LITERAL("hi") },
        { FRAME_CASE("a ping between fragments", "\x02\x02hi\x89\x01?\x80\x02ho"), TAKEN,
          .payload = LITERAL("hiho"), .reply = LITERAL("\x8a\x01?") },
        { FRAME_CASE("an empty ping", "\x89\x00"), TAKEN, .reply = LITERAL("\x8a\x00") },
        { FRAME_CASE("an unasked pong", "\x8a\x02hi"), TAKEN },
        { FRAME_CASE("an empty pong", "\x8a\x00"), TAKEN },
        { FRAME_CASE("a pong between fragments", "\x02\x02hi\x8a\x00\x80\x02ho"), TAKEN,
          .payload = LITERAL("hiho") },
    };
    EXPECT_ALL(scripts);
}

#define COMPLAINT .reply = LITERAL("\x88\x0a\x03\xea" "srv mask")

/* RFC 6455 section 5.1: a client must fail the connection. lws 4.1 takes them. */
TEST(masked_frames)
{
    static const SCRIPT taken[] = {
        { FRAME_CASE("masked with zeroes", "\x82\x82\x00\x00\x00\x00hi"), TAKEN,
          .payload = LITERAL("hi") },
        { FRAME_CASE("a masked ping", "\x89\x82\x00\x00\x00\x00hi"), TAKEN,
          .reply = LITERAL("\x8a\x02hi") },
        { FRAME_CASE("a masked Close", "\x88\x82\x00\x00\x00\x00\x03\xe8"), REFUSED,
          .reply = LITERAL("\x88\x02\x03\xe8") },
    };
    static const SCRIPT refused[] = {
        { FRAME_CASE("masked with zeroes", "\x82\x82\x00\x00\x00\x00hi"), REFUSED, COMPLAINT },
        { FRAME_CASE("a masked ping", "\x89\x82\x00\x00\x00\x00hi"), REFUSED, COMPLAINT },
        { FRAME_CASE("a masked Close", "\x88\x82\x00\x00\x00\x00\x03\xe8"), REFUSED, COMPLAINT },
        { FRAME_CASE("masked", "\x82\x82\x01\x02\x03\x04ik"), REFUSED, COMPLAINT },
    };
    static const SCRIPT masked = { FRAME_CASE("masked", "\x82\x82\x01\x02\x03\x04ik"), TAKEN,
                                   .payload = LITERAL("hi") };
    if (!lws_is_4_1())
    {
        EXPECT_ALL(refused);
        return;
    }
    EXPECT_ALL(taken);
    /* With a mask worth the name lws 4.1 gets the bytes right only as long as the
     * client has sent nothing: the mask's position is one for both ways. */
    expect_outcome_in(PLAIN, &masked);
    expect_outcome_in(COALESCED, &masked);
    expect_outcome_in(BYTEWISE, &masked);
}

/* RFC 6455 section 5.2. */
TEST(reserved_bits)
{
    static const SCRIPT scripts[] = {
        { FRAME_CASE("rsv1", "\xc2\x02hi"), REFUSED },
        { FRAME_CASE("rsv2", "\xa2\x02hi"), REFUSED },
        { FRAME_CASE("rsv3", "\x92\x02hi"), REFUSED },
        { FRAME_CASE("all three", "\xf2\x02hi"), REFUSED },
        { FRAME_CASE("rsv1 on text", "\xc1\x02hi"), REFUSED },
        { FRAME_CASE("rsv1 on a continuation", "\x02\x02hi\xc0\x02ho"), REFUSED,
          .payload = LITERAL("hi") },
        { FRAME_CASE("rsv1 on a ping", "\xc9\x00"), REFUSED },
        { FRAME_CASE("rsv1 on a pong", "\xca\x00"), REFUSED },
        { FRAME_CASE("rsv1 on a close", "\xc8\x02\x03\xe8"), REFUSED },
        { FRAME_CASE("after a good message", HI "\xc2\x02ho"), REFUSED, .payload = LITERAL("hi") },
    };
    EXPECT_ALL(scripts);
}

TEST(reserved_opcodes)
{
    static const unsigned char opcodes[] = { 3, 4, 5, 6, 7, 11, 12, 13, 14, 15 };
    for (size_t i = 0; i < sizeof opcodes; i++)
    {
        for (unsigned final = 0; final <= 0x80; final += 0x80)
        {
            const unsigned char frames[] = { 0x82, 2, 'h', 'i', (unsigned char)(final | opcodes[i]),
                                             2, 'h', 'o' };
            char name[32];
            SCRIPT script = { .name = name, .answer = LITERAL(GOOD_ANSWER),
                              .frames = { frames, sizeof frames }, REFUSED,
                              .payload = LITERAL("hi") };
            snprintf(name, sizeof name, "opcode %u, final %u", opcodes[i], final);
            expect_outcome(&script);
        }
    }
}

TEST(lengths_that_cannot_be)
{
    static const SCRIPT scripts[] = {
        { FRAME_CASE("the top bit", "\x82\x7f\x80\x00\x00\x00\x00\x00\x00\x02hi"), REFUSED },
        { FRAME_CASE("all bits", "\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xffhi"), REFUSED },
        { FRAME_CASE("the top bit in a text frame", "\x81\x7f\x80\x00\x00\x00\x00\x00\x00\x02hi"),
          REFUSED },
    };
    EXPECT_ALL(scripts);
}

/* Allowed, and never to be believed: no memory is set aside for it. */
TEST(a_length_that_never_comes)
{
    static const SCRIPT scripts[] = {
        { FRAME_CASE("2^63 - 1", "\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xffhi"), TAKEN,
          .partial = LITERAL("hi") },
        { FRAME_CASE("4 GiB", "\x82\x7f\x00\x00\x00\x01\x00\x00\x00\x00hi"), TAKEN,
          .partial = LITERAL("hi") },
        { FRAME_CASE("2 GiB", "\x82\x7f\x00\x00\x00\x00\x80\x00\x00\x00hi"), TAKEN,
          .partial = LITERAL("hi") },
        { FRAME_CASE("2^63 - 1, and gone", "\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xffhi"), REFUSED,
          .ending = GOES, .partial = LITERAL("hi") },
    };
    EXPECT_ALL(scripts);
}

/* RFC 6455 section 5.2: "the minimal number of bytes MUST be used". lws takes
 * them as they are. */
TEST(lengths_that_are_not_minimal)
{
    static const SCRIPT scripts[] = {
        { FRAME_CASE("2 in 16 bits", "\x82\x7e\x00\x02hi"), TAKEN, .payload = LITERAL("hi") },
        { FRAME_CASE("2 in 64 bits", "\x82\x7f\x00\x00\x00\x00\x00\x00\x00\x02hi"), TAKEN,
          .payload = LITERAL("hi") },
    };
    EXPECT_ALL(scripts);
}

/* RFC 6455 section 5.5. */
TEST(control_frames_in_fragments)
{
    static const SCRIPT scripts[] = {
        { FRAME_CASE("ping", "\x09\x01?"), REFUSED },
        { FRAME_CASE("pong", "\x0a\x01!"), REFUSED },
        { FRAME_CASE("close", "\x08\x02\x03\xe8"), REFUSED },
        { FRAME_CASE("ping, continued", "\x09\x01?\x80\x01?"), REFUSED },
    };
    EXPECT_ALL(scripts);
}

TEST(control_frames_that_are_too_long)
{
    for (unsigned opcode = 8; opcode <= 10; opcode++)
    {
        unsigned char first = (unsigned char)(0x80 | opcode);
        const unsigned char wide[] = { first, 127, 0, 0, 0, 0, 0, 0, 0, 126 };
        unsigned char frame[4 + 126] = { first, 126, 0, 126 };
        SCRIPT script = { .name = "126 bytes", .answer = LITERAL(GOOD_ANSWER),
                          .frames = { frame, sizeof frame }, REFUSED };
        memset(frame + 4, 'x', 126);
        expect_outcome(&script);
        script.name = "126 bytes in 64 bits";
        script.frames = (BYTES){ wide, sizeof wide };
        expect_outcome(&script);
    }
}

TEST(control_frames_of_the_largest_size)
{
    unsigned char frames[2 * (2 + 125)];
    SCRIPT script = { .name = "125 bytes", .answer = LITERAL(GOOD_ANSWER),
                      .frames = { frames, sizeof frames }, TAKEN,
                      .reply = { frames + 127, 127 } };
    memset(frames, 'x', sizeof frames);
    frames[0] = 0x89;
    frames[1] = 125;
    frames[127] = 0x8a; /* an unasked pong, which looks like the reply */
    frames[128] = 125;
    expect_outcome(&script);
}

/* RFC 6455 section 5.4. */
TEST(fragments_out_of_order)
{
    static const SCRIPT scripts[] = {
        { FRAME_CASE("a continuation of nothing", "\x80\x02hi"), REFUSED },
        { FRAME_CASE("a continuation of nothing, not final", "\x00\x02hi"), REFUSED },
        { FRAME_CASE("a continuation after a whole message", HI "\x80\x02ho"), REFUSED,
          .payload = LITERAL("hi") },
        { FRAME_CASE("a continuation after the last", "\x02\x02hi\x80\x02ho\x80\x01!"), REFUSED,
          .payload = LITERAL("hiho") },
        { FRAME_CASE("a message inside a message", "\x02\x02hi\x82\x02ho"), REFUSED,
          .payload = LITERAL("hi") },
        { FRAME_CASE("a start inside a message", "\x02\x02hi\x02\x02ho"), REFUSED,
          .payload = LITERAL("hi") },
        { FRAME_CASE("text inside binary", "\x02\x02hi\x81\x02ho"), REFUSED,
          .payload = LITERAL("hi") },
    };
    EXPECT_ALL(scripts);
}

/* RFC 6455 section 5.5.1: answered with a Close that echoes the code. */
TEST(close_frames)
{
    static const SCRIPT scripts[] = {
        { FRAME_CASE("without a code", "\x88\x00"), REFUSED, .reply = LITERAL("\x88\x00") },
        { FRAME_CASE("1000", "\x88\x02\x03\xe8"), REFUSED, .reply = LITERAL("\x88\x02\x03\xe8") },
        { FRAME_CASE("1001 with a reason", "\x88\x05\x03\xe9" "bye"), REFUSED,
          .reply = LITERAL("\x88\x05\x03\xe9" "bye") },
        { FRAME_CASE("3000", "\x88\x02\x0b\xb8"), REFUSED, .reply = LITERAL("\x88\x02\x0b\xb8") },
        { FRAME_CASE("4999", "\x88\x02\x13\x87"), REFUSED, .reply = LITERAL("\x88\x02\x13\x87") },
        { FRAME_CASE("after a message", HI "\x88\x02\x03\xe8"), REFUSED, .payload = LITERAL("hi"),
          .reply = LITERAL("\x88\x02\x03\xe8") },
        { FRAME_CASE("inside a message", "\x02\x02hi\x88\x02\x03\xe8"), REFUSED,
          .payload = LITERAL("hi"), .reply = LITERAL("\x88\x02\x03\xe8") },
        { FRAME_CASE("and FIN", "\x88\x02\x03\xe8"), REFUSED, .ending = FIN,
          .reply = LITERAL("\x88\x02\x03\xe8") },
    };
    EXPECT_ALL(scripts);
}

/* Nothing counts any more after a Close. */
TEST(data_after_close)
{
    static const SCRIPT scripts[] = {
        { FRAME_CASE("a message", "\x88\x02\x03\xe8" HI), REFUSED,
          .reply = LITERAL("\x88\x02\x03\xe8") },
        { FRAME_CASE("a ping", "\x88\x02\x03\xe8\x89\x00"), REFUSED,
          .reply = LITERAL("\x88\x02\x03\xe8") },
        { FRAME_CASE("the same Close", "\x88\x02\x03\xe8\x88\x02\x03\xe8"), REFUSED,
          .reply = LITERAL("\x88\x02\x03\xe8") },
        /* lws may stumble over it before it has answered the Close. */
        { FRAME_CASE("garbage", "\x88\x02\x03\xe8\xff\xff\xff\xff\xff\xff"), REFUSED,
          .reply = LITERAL("\x88\x02\x03\xe8"), .may_not_reply = true },
    };
    EXPECT_ALL(scripts);
}

TEST(garbage_after_the_handshake)
{
    static const SCRIPT scripts[] = {
        { FRAME_CASE("HTTP", "HTTP/1.1 200 OK\r\n\r\n"), REFUSED },
        { FRAME_CASE("0xff", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), REFUSED },
        { FRAME_CASE("zeroes", "\x00\x00\x00\x00\x00\x00\x00\x00"), REFUSED },
    };
    EXPECT_ALL(scripts);
}
