/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The server's side of TLS without a socket: what is on the wire goes in and
 * comes out as bytes, so that a script can cut and damage it anywhere. */
#ifndef WSIO_TEST_TLS_SERVER_H
#define WSIO_TEST_TLS_SERVER_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/ssl.h>

typedef struct TLS_SERVER_TAG TLS_SERVER;

/* For servers at 127.0.0.1 with this TLS version, with a new key and certificate
 * (its PEM text for those who trust it, to be freed). */
SSL_CTX* tls_context_new(int version, char** certificate);

TLS_SERVER* tls_server_new(SSL_CTX* context);
void tls_server_free(TLS_SERVER* tls);

/* From and to the wire. */
void tls_server_input(TLS_SERVER* tls, const void* bytes, size_t size);
size_t tls_server_output(TLS_SERVER* tls, void* bytes, size_t capacity);

/* Goes on with the handshake; whether it is done. */
bool tls_server_is_ready(TLS_SERVER* tls);
size_t tls_server_read(TLS_SERVER* tls, void* bytes, size_t capacity);
bool tls_server_write(TLS_SERVER* tls, const void* bytes, size_t size);
/* Asks the client for new keys (TLS 1.3). */
void tls_server_renew_keys(TLS_SERVER* tls);
/* Says close_notify. */
void tls_server_goodbye(TLS_SERVER* tls);

#endif
