/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The server, in a process of its own: no allocation of its fails, and it stays
 * when a client dies. It does what messages of the client say:
 *
 *     S and bytes   the bytes are checked
 *     R             it sends the stream: small, large and fragmented messages
 *     C             it says goodbye */
#ifndef WSIO_TORTURE_SERVER_H
#define WSIO_TORTURE_SERVER_H

#include <stdbool.h>
#include <stddef.h>

enum
{
    GREETING_SIZE = 100,    /* sent together with the HTTP answer, for path /greet */
    STREAM_SIZE = 100 + 100000 + 3 * 5000 + 1
};

/* Any of the bytes that the two say to each other. */
static inline unsigned char stream_byte(size_t place)
{
    return (unsigned char)(place * 31 + place / 256);
}

/* Shared with the server's process. */
typedef struct SERVER_TAG {
    int port;
    char certificate[2048]; /* PEM; for 127.0.0.1 only */
    char others[4096];      /* two that are not the server's */
    char fault[128];        /* what a client did wrong */
} SERVER;

/* Listens on a free port of this loopback address, for the life of the calling
 * process. NULL when there is no such address here. */
SERVER* server_start(const char* address, bool tls);

#endif
