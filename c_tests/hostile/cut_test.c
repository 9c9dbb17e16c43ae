/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The connection ends, or falls silent, at every byte; and what comes is split at
 * every byte. */
#include <string.h>

#include "script.h"

/* Four messages, with a header of each size, and a ping. */
typedef struct STREAM_TAG {
    unsigned char frames[2048];
    size_t size;
    unsigned char payload[2048];
    size_t payload_size;
    /* Where each message ends, in frames and payload. */
    size_t ends[4];
    size_t payload_ends[4];
} STREAM;

static void add_message(STREAM* stream, int number, size_t size, size_t length_bytes)
{
    unsigned char* head = stream->frames + stream->size;
    head[0] = 0x82;
    head[1] = (unsigned char)(length_bytes == 0 ? size : length_bytes == 2 ? 126 : 127);
    for (size_t i = 0; i < length_bytes; i++)
    {
        head[2 + i] = (unsigned char)((unsigned long long)size >> (8 * (length_bytes - 1 - i)));
    }
    stream->size += 2 + length_bytes;
    for (size_t i = 0; i < size; i++)
    {
        unsigned char byte = (unsigned char)(number + i);
        stream->frames[stream->size++] = byte;
        stream->payload[stream->payload_size++] = byte;
    }
    stream->ends[number] = stream->size;
    stream->payload_ends[number] = stream->payload_size;
}

static const STREAM* stream(void)
{
    static STREAM all;
    if (all.size == 0)
    {
        add_message(&all, 0, 2, 0);
        add_message(&all, 1, 130, 2);
        add_message(&all, 2, 20, 8);
        memcpy(all.frames + all.size, "\x89\x01?", 3);
        all.size += 3;
        add_message(&all, 3, 1, 0);
    }
    return &all;
}

/* The script of the whole stream; what is expected when `sent` bytes come. */
static SCRIPT cut_after(size_t sent, ENDING ending)
{
    const STREAM* all = stream();
    SCRIPT script = { .name = "a stream", .answer = LITERAL(GOOD_ANSWER),
                      .frames = { all->frames, all->size }, .cut_at = sent + 1, .cut = ending,
                      .outcome = sent < ANSWER_SIZE ? OPEN_ERROR : OPEN_THEN_IO_ERROR };
    if (sent >= ANSWER_SIZE)
    {
        size_t frames = sent - ANSWER_SIZE;
        size_t whole = 0;
        for (int i = 0; i < 4 && all->ends[i] <= frames; i++)
        {
            whole = all->payload_ends[i];
        }
        script.payload = (BYTES){ all->payload, whole };
        script.partial = (BYTES){ all->payload + whole, all->payload_size - whole };
        if (frames >= all->ends[2] + 3)
        {
            script.reply = (BYTES)LITERAL("\x8a\x01?");
        }
    }
    return script;
}

static void expect_cuts(ENDING ending)
{
    static const MODE modes[] = { PLAIN, SENDING, ACTING, DESTROYING };
    size_t all = ANSWER_SIZE + stream()->size;
    for (size_t sent = 0; sent < all; sent++)
    {
        SCRIPT script = cut_after(sent, ending);
        expect_outcome_in(modes[sent % 4], &script);
        expect_outcome_in(PLAIN, &script);
    }
}

TEST(fin_at_every_byte)
{
    expect_cuts(FIN);
}

TEST(closed_at_every_byte)
{
    expect_cuts(GOES);
}

TEST(reset_at_every_byte)
{
    expect_cuts(RST);
}

TEST(a_stream_is_taken_in_every_mode)
{
    SCRIPT script = cut_after(ANSWER_SIZE + stream()->size, STAYS);
    script.cut_at = 0;
    script.outcome = OPEN_AND_BYTES;
    expect_outcome(&script);
}

/* In two parts, split at every byte, and in parts of every small size. */
TEST(split_at_every_byte)
{
    SCRIPT script = cut_after(ANSWER_SIZE + stream()->size, STAYS);
    script.cut_at = 0;
    script.outcome = OPEN_AND_BYTES;
    for (size_t first = 1; first < ANSWER_SIZE + stream()->size; first++)
    {
        script.split_at = first;
        expect_outcome_in(COALESCED, &script);
    }
    script.split_at = 0;
    for (size_t chunk = 1; chunk < 160; chunk++)
    {
        script.chunk = chunk;
        expect_outcome_in(COALESCED, &script);
    }
}

/* With the last bytes comes the end: they are not lost. */
TEST(the_end_comes_with_the_last_bytes)
{
    static const ENDING endings[] = { FIN, GOES };
    for (size_t i = 0; i < 2; i++)
    {
        SCRIPT script = { .name = "at once", .answer = LITERAL(GOOD_ANSWER),
                          .frames = LITERAL("\x82\x02hi"), .ending = endings[i], .abrupt = true,
                          .outcome = OPEN_THEN_IO_ERROR, .payload = LITERAL("hi") };
        expect_outcome_in(PLAIN, &script);
        expect_outcome_in(COALESCED, &script);
        script.frames = (BYTES)LITERAL("\x82\x02hi\x88\x02\x03\xe8");
        script.reply = (BYTES)LITERAL("\x88\x02\x03\xe8");
        script.may_not_reply = true; /* nobody may be there to hear it */
        expect_outcome_in(PLAIN, &script);
        expect_outcome_in(COALESCED, &script);
    }
}

/* An open connection waits for ever, whatever is half there. */
TEST(silence_at_every_byte_of_the_frames)
{
    for (size_t sent = ANSWER_SIZE; sent <= ANSWER_SIZE + stream()->size; sent++)
    {
        SCRIPT script = cut_after(sent, STAYS);
        script.outcome = OPEN_AND_BYTES;
        script.hours_pass = true;
        expect_outcome_in(PLAIN, &script);
    }
}
