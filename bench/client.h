/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What every client that is measured implements, and what it reports to the
 * driver. One program is driver.c and one client; it has one thread. */
#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

struct endpoint {
    const char* host;
    int port;
    const char* path;
    bool tls;
    const char* trusted_ca; /* PEM */
};

struct client;  /* a connection */
struct session; /* the driver's side of it */

/* The client ---------------------------------------------------------------------- */

/* Starts to connect. NULL when that fails. The endpoint outlives the client. */
struct client* client_open(const struct endpoint* endpoint, struct session* session);

/* Whether it needs the bytes of a message until it has reported that it is sent. */
extern const bool client_keeps_bytes;

/* Queues a message. */
void client_send(struct client* client, const unsigned char* bytes, size_t size);

/* Does what can be done without waiting, and reports it. */
void client_service(struct client* client);

/* Waits for what the server sends, and reports it: clients that block. The others
 * leave it to the driver, whose version asks without waiting. */
void client_wait(struct client* client);

void client_close(struct client* client);

/* The driver ---------------------------------------------------------------------- */

/* on_sent() may call client_send(), the others call nothing. */
void on_opened(struct session* session);
void on_sent(struct session* session, size_t messages);
void on_received(struct session* session, size_t bytes);
void on_failed(struct session* session, const char* why);

#endif
