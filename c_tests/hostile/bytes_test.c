/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Frames of which wsio makes what an IO of bytes makes of them. */
#include <stdio.h>

#include "script.h"

#define FRAME_CASE(title, text)                                                           \
    .name = title, .answer = LITERAL(GOOD_ANSWER), .frames = LITERAL(text)
#define REFUSED .outcome = OPEN_THEN_IO_ERROR
#define TAKEN .outcome = OPEN_AND_BYTES

#define HI "\x82\x02hi"

/* SRS_WSIO_01_087: to this interface, empty messages and fragments are errors.
 * The connection itself is well, so wsio_close says goodbye. */
#define EMPTY REFUSED, .reply = LITERAL("\x88\x02\x03\xe8")
TEST(empty_messages)
{
    static const SCRIPT scripts[] = {
        { FRAME_CASE("binary", "\x82\x00"), EMPTY },
        { FRAME_CASE("text", "\x81\x00"), EMPTY },
        { FRAME_CASE("after a message", HI "\x82\x00"), EMPTY, .payload = LITERAL("hi") },
        { FRAME_CASE("nothing follows it", "\x82\x00" HI), EMPTY },
        { FRAME_CASE("an empty start", "\x02\x00\x80\x02hi"), EMPTY },
        { FRAME_CASE("an empty end", "\x02\x02hi\x80\x00"), EMPTY, .payload = LITERAL("hi") },
        { FRAME_CASE("16 bits of length", "\x82\x7e\x00\x00"), EMPTY },
        { FRAME_CASE("64 bits of length", "\x82\x7f\x00\x00\x00\x00\x00\x00\x00\x00"), EMPTY },
    };
    EXPECT_ALL(scripts);
}

/* Bytes are bytes here: text is not checked, and is passed on. */
TEST(text_that_is_not_utf8)
{
    static const SCRIPT scripts[] = {
        { FRAME_CASE("a surrogate", "\x81\x03\xed\xa0\x80"), TAKEN,
          .payload = LITERAL("\xed\xa0\x80") },
        { FRAME_CASE("a lone continuation", "\x81\x01\x80"), TAKEN, .payload = LITERAL("\x80") },
        { FRAME_CASE("a NUL", "\x81\x01\x00"), TAKEN, .payload = LITERAL("\x00") },
    };
    EXPECT_ALL(scripts);
}

/* RFC 6455 section 7.4.1. */
TEST(close_codes_that_are_not_to_be_sent)
{
    static const unsigned codes[] = { 0, 999, 1004, 1005, 1006, 1015, 1016, 2999 };
    enum { NO_TLS = 1015 };
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
    {
        const unsigned char frame[] = { 0x88, 2, (unsigned char)(codes[i] >> 8),
                                        (unsigned char)codes[i] };
        char name[32];
        SCRIPT script = { .name = name, .answer = LITERAL(GOOD_ANSWER),
                          .frames = { frame, sizeof frame }, REFUSED,
                          .reply = LITERAL("\x88\x02\x03\xea") }; /* 1002: protocol error */
        if (codes[i] == NO_TLS && !lws_is_4_1())
        {
            script.reply = script.frames; /* later lws forgets this one */
        }
        snprintf(name, sizeof name, "code %u", codes[i]);
        expect_outcome(&script);
    }
}

TEST(close_frames_that_are_malformed)
{
    static const SCRIPT scripts[] = {
        /* RFC 6455 section 5.5.1: a body has a code of two bytes. lws echoes it. */
        { FRAME_CASE("one byte", "\x88\x01\x03"), REFUSED, .reply = LITERAL("\x88\x01\x03") },
        /* The reason is to be UTF-8. lws echoes it. */
        { FRAME_CASE("bad UTF-8", "\x88\x04\x03\xe8\xff\xfe"), REFUSED,
          .reply = LITERAL("\x88\x04\x03\xe8\xff\xfe") },
    };
    EXPECT_ALL(scripts);
}
