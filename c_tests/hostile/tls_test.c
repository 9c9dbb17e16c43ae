/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Hostile below the WebSocket: no TLS at all, and TLS that is cut or damaged
 * anywhere. */
#include "script.h"
#include "trusted.h"

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

/* Plays it once to learn that. */
static EXTENT extent_of(const TRUSTED* trusted)
{
    SCRIPT script = script_for(trusted);
    expect_outcome_in(PLAIN, &script);
    return last_extent();
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
