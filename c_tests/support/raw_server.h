/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A server of plain sockets, or TLS, in a thread of the test: it says byte for
 * byte what the test's script says, which no proper server would. */
#ifndef WSIO_TEST_RAW_SERVER_H
#define WSIO_TEST_RAW_SERVER_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/ssl.h>

enum
{
    RAW_CONTINUATION = 0,
    RAW_TEXT = 1,
    RAW_BINARY = 2,
    RAW_CLOSE = 8,
    RAW_PING = 9,
    RAW_PONG = 10,
    RAW_FIN = 0x80
};

/* One connection, as the script sees it. Nothing here waits longer than the
 * test's own time limits: what blocks ends early when the server is stopped. */
typedef struct RAW_PEER_TAG {
    int fd;
    SSL* tls; /* NULL before raw_start_tls */
    char request[8192]; /* of raw_read_request, with a NUL behind */
    size_t request_size;
} RAW_PEER;

/* Serves one connection, which is closed afterwards. Runs in the server's
 * thread: it must not call wsio, and reports through `context`. */
typedef void (*RAW_SCRIPT)(RAW_PEER* peer, void* context);

typedef struct RAW_SERVER_TAG RAW_SERVER;

/* Listens on a free port of a loopback address ("127.0.0.1", "::1") and serves
 * connections one after another. */
RAW_SERVER* raw_server_start(const char* address, RAW_SCRIPT script, void* context);

int raw_server_port(const RAW_SERVER* server);

/* How many connections were accepted, and how many scripts have ended. */
unsigned raw_server_accepted(RAW_SERVER* server);
unsigned raw_server_served(RAW_SERVER* server);

/* Ends what is running, waits for the thread, and frees the server. */
void raw_server_stop(RAW_SERVER* server);

/* For scripts. ------------------------------------------------------------ */

/* The server's side of a TLS handshake: whether it ended well. If so, everything
 * below goes through TLS from now on. */
bool raw_start_tls(RAW_PEER* peer, SSL_CTX* context);

/* Reads the whole of the client's HTTP request. */
bool raw_read_request(RAW_PEER* peer);

/* The answer to the request's Sec-WebSocket-Key (RFC 6455 section 4.2.2). */
void raw_accept_key(const RAW_PEER* peer, char accept[32]);

/* Sends text, or bytes. */
bool raw_say(RAW_PEER* peer, const char* text);
bool raw_write(RAW_PEER* peer, const void* bytes, size_t size);

/* Reads the request and accepts it, with this subprotocol if not NULL. */
bool raw_handshake(RAW_PEER* peer, const char* protocol);

/* Sends one unmasked frame; first is the opcode, with RAW_FIN or without. */
bool raw_send_frame(RAW_PEER* peer, int first, const void* payload, size_t size);

/* Reads one frame of the client and unmasks it; true when it fits and came
 * masked. `first` is its first byte. */
bool raw_read_frame(RAW_PEER* peer, int* first, void* payload, size_t capacity, size_t* size);

/* Reads up to `size` bytes; how many there were before the end. */
size_t raw_read(RAW_PEER* peer, void* bytes, size_t size);

/* Waits until the client has gone; how many bytes came before that. */
size_t raw_drain(RAW_PEER* peer);

/* Ends the connection with RST instead of FIN. */
void raw_reset(RAW_PEER* peer);

#endif
