/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Servers that a client may or may not trust. */
#ifndef WSIO_TEST_TRUST_SERVER_H
#define WSIO_TEST_TRUST_SERVER_H

#include <stddef.h>

#include <openssl/ssl.h>

#include "pki.h"
#include "raw_server.h"

/* What is being tried, shown when a check ends the process. */
extern const char* trying;

/* To be called first: shows `trying`, and frees the certificates, at the end. */
void prepare(void);

/* What the system trusts: nothing but the certificates of these names. */
void trust_of_the_system(const char* names);

/* The server's side. */
typedef struct SIDE_TAG {
    SSL_CTX* tls;
    unsigned trusted; /* handshakes that the client brought to an end */
    size_t bytes;     /* that came from a client after its handshake, or instead */
} SIDE;

/* A RAW_SCRIPT: a WebSocket over TLS that sends messages back, and a Close. */
void echo_messages(RAW_PEER* peer, void* side);

/* A server's TLS of this version only, with these certificates, its own first. It
 * has no scruples of its own. */
SSL_CTX* tls_of(int version, const char* names);

#endif
