/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Servers that a client may or may not trust, and what is expected of wsio then. */
#ifndef WSIO_TEST_TRUST_H
#define WSIO_TEST_TRUST_H

#include <stddef.h>

#include <openssl/ssl.h>

#include "pki.h"
#include "raw_server.h"
#include "servers.h"

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

/* A RAW_SCRIPT: a WebSocket over TLS that sends one message back. */
void echo_once(RAW_PEER* peer, void* side);

/* A server's TLS of this version only, with these certificates, its own first. It
 * has no scruples of its own. */
SSL_CTX* tls_of(int version, const char* names);

/* Data goes there and back. */
void expect_accepted(const WSIO_CONFIG* config);

/* One IO_OPEN_ERROR, and one line that says why; and the same again. `server`
 * sees the end of both, if it is not NULL. */
void expect_refused(const WSIO_CONFIG* config, const char* reason, RAW_SERVER* server);

/* wsio_open itself refuses, and says why in one line. SRS_WSIO_01_129 */
void expect_refused_at_once(const WSIO_CONFIG* config, const char* reason);

#endif
