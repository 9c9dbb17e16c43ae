/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Answers to the handshake that RFC 6455 section 4.1 wants refused, and odd ones
 * that it allows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "script.h"

#define ANSWER(title, text) .name = title, .answer = LITERAL(text)
#define REFUSED .outcome = OPEN_ERROR
#define TAKEN .outcome = OPEN_AND_BYTES
#define REST UPGRADE ACCEPT "\r\n"

/* Each as such an answer looks, and with everything else as in a good one. */
TEST(statuses)
{
    static const char* const statuses[] = {
        "100 Continue", "102 Processing", "103 Early Hints", "199 ",
        "200 OK", "201 Created", "202 Accepted", "204 No Content", "206 Partial Content",
        "299 ", "300 Multiple Choices", "304 Not Modified", "305 Use Proxy", "399 ",
        "400 Bad Request", "401 Unauthorized", "402 Payment Required", "403 Forbidden",
        "404 Not Found", "405 Method Not Allowed", "407 Proxy Authentication Required",
        "408 Request Timeout", "410 Gone", "413 Content Too Large", "414 URI Too Long",
        "426 Upgrade Required", "429 Too Many Requests", "431 Header Fields Too Large", "499 ",
        "500 Internal Server Error", "501 Not Implemented", "502 Bad Gateway",
        "503 Service Unavailable", "504 Gateway Timeout", "505 Version Not Supported",
        "511 Network Authentication Required", "599 ", "600 ", "999 ",
    };
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
    {
        char plain[256];
        char dressed[256];
        SCRIPT script = { .name = statuses[i], REFUSED };
        int size = snprintf(plain, sizeof plain,
                            "HTTP/1.1 %s\r\nContent-Type: text/html\r\nContent-Length: 6\r\n"
                            "\r\n<html>", statuses[i]);
        script.answer = (BYTES){ plain, (size_t)size };
        expect_outcome(&script);
        size = snprintf(dressed, sizeof dressed, "HTTP/1.1 %s\r\n%s", statuses[i], REST);
        script.answer = (BYTES){ dressed, (size_t)size };
        expect_outcome_in(PLAIN, &script);
        expect_outcome_in(BYTEWISE, &script);
    }
}

TEST(statuses_that_are_none)
{
    static const SCRIPT scripts[] = {
        { ANSWER("0", "HTTP/1.1 0 Zero\r\n" REST), REFUSED },
        { ANSWER("000", "HTTP/1.1 000 Zero\r\n" REST), REFUSED },
        { ANSWER("10", "HTTP/1.1 10 Ten\r\n" REST), REFUSED },
        { ANSWER("1010", "HTTP/1.1 1010 Switching\r\n" REST), REFUSED },
        { ANSWER("-101", "HTTP/1.1 -101 Switching\r\n" REST), REFUSED },
        { ANSWER("a word", "HTTP/1.1 Switching Protocols\r\n" REST), REFUSED },
        { ANSWER("nothing", "HTTP/1.1\r\n" REST), REFUSED },
        { ANSWER("a space", "HTTP/1.1 \r\n" REST), REFUSED },
        /* lws reads it with atoi, which makes 101 of it. */
        { ANSWER("4294967397", "HTTP/1.1 4294967397 Switching\r\n" REST), TAKEN },
    };
    EXPECT_ALL(scripts);
}

/* Redirects are not followed: not to the server itself, nor anywhere else.
 * expect_outcome checks that the server is not called again. */
TEST(redirects)
{
    static const char* const statuses[] = { "300", "301", "302", "303", "307", "308" };
    static const char* const locations[] = {
        "ws://127.0.0.1:@PORT@/elsewhere", "http://127.0.0.1:@PORT@/elsewhere",
        "https://127.0.0.1:@PORT@/", "/elsewhere", "elsewhere", "//127.0.0.1:@PORT@/", "", ":",
        "http://", "file:///etc/passwd",
    };
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
    {
        for (size_t j = 0; j < sizeof locations / sizeof *locations; j++)
        {
            char text[256];
            char name[128];
            int size = snprintf(text, sizeof text,
                                "HTTP/1.1 %s Moved\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n",
                                statuses[i], locations[j]);
            SCRIPT script = { .name = name, .answer = { text, (size_t)size }, REFUSED };
            snprintf(name, sizeof name, "%s to %s", statuses[i], locations[j]);
            expect_outcome(&script);
        }
    }
}

TEST(accept_values)
{
    static const SCRIPT scripts[] = {
        { ANSWER("none", SWITCHING UPGRADE "\r\n"), REFUSED },
        { ANSWER("empty", SWITCHING UPGRADE "Sec-WebSocket-Accept: \r\n\r\n"), REFUSED },
        { ANSWER("of another key",
                 SWITCHING UPGRADE "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"),
          REFUSED },
        { ANSWER("upper and lower case swapped",
                 SWITCHING UPGRADE "Sec-WebSocket-Accept: @SWAPPED@\r\n\r\n"), REFUSED },
        { ANSWER("too short", SWITCHING UPGRADE "Sec-WebSocket-Accept: @SHORT@\r\n\r\n"),
          REFUSED },
        { ANSWER("too long", SWITCHING UPGRADE "Sec-WebSocket-Accept: @ACCEPT@x\r\n\r\n"),
          REFUSED },
        { ANSWER("quoted", SWITCHING UPGRADE "Sec-WebSocket-Accept: \"@ACCEPT@\"\r\n\r\n"),
          REFUSED },
        { ANSWER("a byte before it", SWITCHING UPGRADE "Sec-WebSocket-Accept: x@ACCEPT@\r\n\r\n"),
          REFUSED },
        { ANSWER("under another name", SWITCHING UPGRADE "Sec-WebSocket-Key: @ACCEPT@\r\n\r\n"),
          REFUSED },
        { ANSWER("1,000 bytes", SWITCHING UPGRADE
                 "Sec-WebSocket-Accept: @ACCEPT@@ACCEPT@@ACCEPT@@ACCEPT@@ACCEPT@\r\n\r\n"),
          REFUSED },
    };
    EXPECT_ALL(scripts);
}

/* RFC 6455 section 4.1, points 2 and 3 of the answer's validation. */
TEST(upgrade_and_connection)
{
    static const SCRIPT scripts[] = {
        { ANSWER("neither", SWITCHING ACCEPT "\r\n"), REFUSED },
        { ANSWER("no Upgrade", SWITCHING "Connection: Upgrade\r\n" ACCEPT "\r\n"), REFUSED },
        { ANSWER("no Connection", SWITCHING "Upgrade: websocket\r\n" ACCEPT "\r\n"), REFUSED },
        { ANSWER("another Upgrade",
                 SWITCHING "Upgrade: h2c\r\nConnection: Upgrade\r\n" ACCEPT "\r\n"), REFUSED },
        { ANSWER("an empty Upgrade",
                 SWITCHING "Upgrade: \r\nConnection: Upgrade\r\n" ACCEPT "\r\n"), REFUSED },
        { ANSWER("another Connection",
                 SWITCHING "Upgrade: websocket\r\nConnection: close\r\n" ACCEPT "\r\n"), REFUSED },
        { ANSWER("mixed case",
                 SWITCHING "UPGRADE: WebSocket\r\nconnection: uPGRADE\r\n" ACCEPT "\r\n"), TAKEN },
        { ANSWER("a list in Connection", SWITCHING
                 "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n" ACCEPT "\r\n"),
          TAKEN },
        { ANSWER("no space", SWITCHING
                 "Upgrade:websocket\r\nConnection:Upgrade\r\nSec-WebSocket-Accept:@ACCEPT@\r\n\r\n"),
          TAKEN },
        { ANSWER("any order", SWITCHING ACCEPT UPGRADE "\r\n"), TAKEN },
        { ANSWER("other headers", SWITCHING "Server: x\r\nDate: y\r\nSet-Cookie: a=b\r\n" UPGRADE
                 "X-Any: thing\r\n" ACCEPT "X-More: things\r\n\r\n"), TAKEN },
    };
    EXPECT_ALL(scripts);
}

#define PROTOCOL(text) SWITCHING UPGRADE ACCEPT "Sec-WebSocket-Protocol: " text "\r\n\r\n"

TEST(subprotocols)
{
    static const SCRIPT scripts[] = {
        { ANSWER("the one asked for", PROTOCOL("chat")), TAKEN, .protocol = "chat" },
        /* RFC 6455 leaves this to the client. */
        { ANSWER("none", GOOD_ANSWER), TAKEN, .protocol = "chat" },
        { ANSWER("another", PROTOCOL("other")), REFUSED, .protocol = "chat" },
        { ANSWER("the start of it", PROTOCOL("cha")), REFUSED, .protocol = "chat" },
        { ANSWER("more than it", PROTOCOL("chats")), REFUSED, .protocol = "chat" },
        { ANSWER("in capitals", PROTOCOL("CHAT")), REFUSED, .protocol = "chat" },
        { ANSWER("two", PROTOCOL("chat, other")), REFUSED, .protocol = "chat" },
        { ANSWER("one of those asked for", PROTOCOL("b")), TAKEN, .protocol = "a,b" },
        { ANSWER("none of those asked for", PROTOCOL("c")), REFUSED, .protocol = "a,b" },
        { ANSWER("not asked for", PROTOCOL("chat")), REFUSED },
        { ANSWER("empty", PROTOCOL("")), TAKEN, .protocol = "chat" },
        { ANSWER("empty and not asked for", PROTOCOL("")), TAKEN },
        /* The header must not come twice. lws reads the first. */
        { ANSWER("twice", SWITCHING UPGRADE ACCEPT
                 "Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: other\r\n\r\n"), TAKEN,
          .protocol = "chat" },
    };
    EXPECT_ALL(scripts);
}

#define EXTENSION(text) SWITCHING UPGRADE ACCEPT "Sec-WebSocket-Extensions: " text "\r\n\r\n"

TEST(extensions)
{
    static const SCRIPT scripts[] = {
        { ANSWER("permessage-deflate", EXTENSION("permessage-deflate")), REFUSED },
        { ANSWER("with parameters",
                 EXTENSION("permessage-deflate; server_no_context_takeover")), REFUSED },
        { ANSWER("unknown", EXTENSION("x-unknown")), REFUSED },
        { ANSWER("two", EXTENSION("x-one, x-two")), REFUSED },
        { ANSWER("a comma", EXTENSION(",")), REFUSED },
        { ANSWER("none", EXTENSION("")), TAKEN },
    };
    EXPECT_ALL(scripts);
}

TEST(not_http)
{
    static const SCRIPT scripts[] = {
        { ANSWER("SSH", "SSH-2.0-OpenSSH_9.2\r\n"), REFUSED, .ending = GOES },
        { ANSWER("SMTP", "220 mail.example ESMTP\r\n\r\n"), REFUSED, .ending = GOES },
        { ANSWER("a TLS alert", "\x15\x03\x01\x00\x02\x02\x46"), REFUSED, .ending = GOES },
        { ANSWER("HTTP/2", "\x00\x00\x12\x04\x00\x00\x00\x00\x00"), REFUSED, .ending = GOES },
        { ANSWER("HTML", "<html><body>Hello</body></html>\r\n\r\n"), REFUSED, .ending = GOES },
        { ANSWER("NULs", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\r\n\r\n"), REFUSED, .ending = GOES },
        { ANSWER("0xff", "\xff\xff\xff\xff\xff\xff\xff\xff\r\n\r\n"), REFUSED, .ending = GOES },
        { ANSWER("line ends", "\r\n\r\n\r\n\r\n"), REFUSED, .ending = GOES },
        { ANSWER("a frame", "\x82\x02hi"), REFUSED, .ending = GOES },
        { ANSWER("ICY", "ICY 101 OK\r\n" REST), REFUSED, .ending = GOES },
        { ANSWER("a request", "GET / HTTP/1.1\r\nHost: x\r\n\r\n"), REFUSED, .ending = GOES },
    };
    EXPECT_ALL(scripts);
}

/* A server that speaks first. */
TEST(greetings)
{
    static const SCRIPT scripts[] = {
        { .name = "a greeting", .greeting = LITERAL("220 hello\r\n\r\n"),
          .answer = LITERAL(GOOD_ANSWER), REFUSED, .ending = GOES },
        { .name = "an answer before the request", .greeting = LITERAL(GOOD_ANSWER), REFUSED,
          .ending = GOES },
        { .name = "a refusal before the request",
          .greeting = LITERAL("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"), REFUSED,
          .ending = GOES },
    };
    EXPECT_ALL(scripts);
}

/* The first of several decides. */
TEST(answers_in_a_row)
{
    static const SCRIPT scripts[] = {
        { ANSWER("100 and then a good one", "HTTP/1.1 100 Continue\r\n\r\n" GOOD_ANSWER), REFUSED },
        { ANSWER("404 and then a good one",
                 "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n" GOOD_ANSWER), REFUSED },
        /* 'H' is a text frame's first byte to nobody. */
        { ANSWER("a good one and then another", GOOD_ANSWER GOOD_ANSWER),
          .outcome = OPEN_THEN_IO_ERROR },
    };
    EXPECT_ALL(scripts);
}

/* How an answer may be written, and what lws is lenient about. */
TEST(syntax_that_is_taken)
{
    static const SCRIPT scripts[] = {
        { ANSWER("no reason phrase", "HTTP/1.1 101\r\n" REST), TAKEN },
        { ANSWER("a long reason phrase",
                 "HTTP/1.1 101 Switching Protocols as you have asked me to, dear client\r\n" REST),
          TAKEN },
        { ANSWER("two spaces", "HTTP/1.1  101 Switching Protocols\r\n" REST), TAKEN },
        { ANSWER("lower case", "http/1.1 101 Switching Protocols\r\n" REST), TAKEN },
        { ANSWER("HTTP/1.0", "HTTP/1.0 101 Switching Protocols\r\n" REST), TAKEN },
        { ANSWER("LF without CR", "HTTP/1.1 101 Switching\nUpgrade: websocket\n"
                 "Connection: Upgrade\nSec-WebSocket-Accept: @ACCEPT@\n\n"), TAKEN },
        { ANSWER("a NUL in a header", SWITCHING "X-Nul: a\0b\r\n" REST), TAKEN },
        { ANSWER("bytes over 127", SWITCHING "X-\xc3\xa4: \xc3\xb6\r\n" REST), TAKEN },
        { ANSWER("a header of HTTP/2", SWITCHING ":status: 101\r\n" REST), TAKEN },
        { ANSWER("a length", SWITCHING UPGRADE ACCEPT "Content-Length: 4\r\n\r\n\x82\x02hi"), TAKEN,
          .payload = LITERAL("hi") },
        { ANSWER("chunks",
                 SWITCHING UPGRADE ACCEPT "Transfer-Encoding: chunked\r\n\r\n\x82\x02hi"), TAKEN,
          .payload = LITERAL("hi") },
        { ANSWER("the right value and a wrong one",
                 SWITCHING UPGRADE ACCEPT "Sec-WebSocket-Accept: x\r\n\r\n"), TAKEN },
    };
    EXPECT_ALL(scripts);
}

TEST(syntax_that_is_refused)
{
    static const SCRIPT scripts[] = {
        { ANSWER("no version", "101 Switching Protocols\r\n" REST), REFUSED },
        { ANSWER("HTTP/2", "HTTP/2 101 Switching Protocols\r\n" REST), REFUSED },
        { ANSWER("HTTP/0.9", "HTTP/0.9 101 Switching Protocols\r\n" REST), REFUSED },
        { ANSWER("a line without a colon", SWITCHING "Nonsense\r\n" REST), REFUSED },
        { ANSWER("a space before the colon",
                 SWITCHING UPGRADE "Sec-WebSocket-Accept : @ACCEPT@\r\n\r\n"), REFUSED },
        { ANSWER("an empty line first", "\r\n" GOOD_ANSWER), REFUSED },
        { ANSWER("a wrong value and the right one",
                 SWITCHING UPGRADE "Sec-WebSocket-Accept: x\r\n" ACCEPT "\r\n"), REFUSED },
    };
    EXPECT_ALL(scripts);
}

/* lws does not see these end; it waits for more, until the server goes (here) or
 * the time is up (silence_test). */
TEST(syntax_without_an_end)
{
    static const SCRIPT scripts[] = {
        { ANSWER("CR without LF", "HTTP/1.1 101 Switching\rUpgrade: websocket\r"
                 "Connection: Upgrade\rSec-WebSocket-Accept: @ACCEPT@\r\r"), REFUSED,
          .ending = GOES },
        { ANSWER("a line without a colon at the end",
                 SWITCHING UPGRADE ACCEPT "Nonsense\r\n\r\n"), REFUSED, .ending = GOES },
        { ANSWER("a folded line",
                 SWITCHING UPGRADE "Sec-WebSocket-Accept:\r\n @ACCEPT@\r\n\r\n"), REFUSED,
          .ending = GOES },
    };
    EXPECT_ALL(scripts);
}
