/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The hostile server. It has no thread: it takes turns with the client, so that
 * a script decides what the client has seen when the next byte is sent, and each
 * run is the same. Every function here drives the client while it waits. */
#ifndef WSIO_TEST_PEER_H
#define WSIO_TEST_PEER_H

#include <stdbool.h>
#include <stddef.h>

#include "tls_server.h"

typedef struct BYTES_TAG {
    const void* bytes;
    size_t size;
} BYTES;

/* A string literal as BYTES, its NULs included, for initialisers. */
#define LITERAL(text) { text, sizeof(text) - 1 }

/* How the server leaves. */
typedef enum ENDING_TAG {
    STAYS, /* not at all, and says nothing more */
    FIN,   /* it has nothing more to say, and still listens */
    GOES,  /* it closes the socket */
    RST    /* it resets the connection */
} ENDING;

/* A listening socket on 127.0.0.1. */
typedef struct SERVER_TAG {
    int listener;
    int port;
} SERVER;

void server_start(SERVER* server);
void server_stop(SERVER* server);
/* Whether a client waits to be accepted. */
bool server_has_caller(const SERVER* server);

/* Another client, which says nothing; a socket to be closed. */
int server_call_without_waiting(const SERVER* server);

/* What lets the client run while the server waits. */
typedef void (*DRIVE)(void* client);

/* One connection, seen from the server. */
typedef struct PEER_TAG {
    DRIVE drive;
    void* client;
    int fd;          /* -1: none (any more) */
    int server_port;
    int client_port;
    TLS_SERVER* tls; /* NULL: plain */

    /* The wire, on the way to the client. */
    size_t chunk;    /* bytes that go at a time, each read before the next; 0: all */
    size_t room;     /* bytes until the connection is cut */
    ENDING cut;      /* how it is cut then */
    size_t flipped;  /* the byte on the wire that is damaged, counted from 1; 0: none */
    size_t sent;     /* bytes on the wire so far */
    bool silent;     /* cut, or ended by the server */

    /* What the client has said; the request first. */
    unsigned char* received;
    size_t received_size;
    size_t request_size;
    bool deaf;        /* nothing is read */
    size_t kept;      /* how much of it is kept, at most; the rest is counted */
    bool client_left; /* by FIN or RST */
} PEER;

/* A peer without connection. */
void peer_init(PEER* peer, DRIVE drive, void* client);
/* Closes the connection, and frees. */
void peer_free(PEER* peer);

/* Waits for the client and accepts it; with TLS if `tls` is not NULL. False when
 * the TLS handshake does not come to its end. */
void peer_accept(PEER* peer, const SERVER* server);
bool peer_start_tls(PEER* peer, SSL_CTX* context);

/* Reads the whole request; false when the client leaves before. */
bool peer_read_request(PEER* peer);

/* Sends; false when not all could be sent. */
bool peer_send(PEER* peer, const void* bytes, size_t size);
/* As it is: not through TLS. */
bool peer_send_raw(PEER* peer, const void* bytes, size_t size);

/* The answer in `text`, with the right value in place of @ACCEPT@, that with its
 * upper and lower case swapped in place of @SWAPPED@, without its last byte in
 * place of @SHORT@, and the server's port in place of @PORT@. To be freed. */
unsigned char* peer_compose(const PEER* peer, BYTES text, size_t* size);

/* A turn of the client; takes what it says. */
void peer_pump(PEER* peer);
/* Pumps until the client has read everything, and has done what follows. */
void peer_settle(PEER* peer);
void peer_end(PEER* peer, ENDING ending);

/* What came after the request: the frames, unmasked and one after another. Fails
 * the test when one is not masked, not whole or otherwise not RFC 6455's. */
size_t peer_frames(const PEER* peer, unsigned char* frames, size_t capacity);

/* Whether lws is the oldest that is supported: later ones are stricter. */
bool lws_is_4_1(void);

/* How many file descriptors this process has open. */
unsigned open_fds(void);

/* Pumps until `condition` holds, and fails the test when it takes too long. */
#define PUMP_UNTIL(peer, condition)                                                       \
    do                                                                                    \
    {                                                                                     \
        DEADLINE pump_deadline_ = deadline_after(20);                                     \
        while (!(condition))                                                              \
        {                                                                                 \
            if (deadline_passed(pump_deadline_))                                          \
            {                                                                             \
                check_fail(__FILE__, __LINE__, #condition, "not in time", "true");        \
            }                                                                             \
            peer_pump(peer);                                                              \
        }                                                                                 \
    } while (0)

#endif
