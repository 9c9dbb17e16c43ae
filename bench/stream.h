/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A non-blocking socket, with TLS or without. */
#ifndef BENCH_STREAM_H
#define BENCH_STREAM_H

#include <openssl/ssl.h>
#include <stddef.h>
#include <sys/types.h>

struct stream {
    int fd;
    SSL* ssl; /* NULL: plain TCP */
};

/* Makes the socket non-blocking and sends small writes at once. `tls` may be
 * NULL; the TLS handshake then happens within reading and writing. */
int stream_start(struct stream* stream, int fd, SSL_CTX* tls);

/* Bytes read or written; 0: not now; -1: it is over. */
ssize_t stream_read(struct stream* stream, void* bytes, size_t size);
ssize_t stream_write(struct stream* stream, const void* bytes, size_t size);

void stream_stop(struct stream* stream);

#endif
