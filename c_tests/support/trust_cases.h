/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Whom a client is to trust, and whom not: a table. In programs that have it, names
 * in .test are this machine's. */
#ifndef WSIO_TEST_TRUST_CASES_H
#define WSIO_TEST_TRUST_CASES_H

#include <stddef.h>

#define TRUST_IPV4 "127.0.0.1"
#define TRUST_IPV6 "::1"

typedef struct TRUST_CASE_TAG {
    const char* what;
    const char* host;
    const char* sent;    /* by the server, its own first */
    const char* trusted; /* by the client's configuration */
    const char* system;  /* trusted by the system */
    int why;             /* it is refused; X509_V_OK: it is not */
    int level;           /* the security level from which on it is refused */
} TRUST_CASE;

extern const TRUST_CASE trust_cases[];
extern const size_t trust_cases_count;

/* The security level that the system gives to a client (SSL_CTX_set_security_level(3)),
 * which the library does not change. */
int system_level(void);

#endif
