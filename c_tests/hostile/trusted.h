/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A server at 127.0.0.1 with TLS, for clients that trust it alone. */
#ifndef WSIO_TEST_TRUSTED_H
#define WSIO_TEST_TRUSTED_H

#include <stdlib.h>

#include "check.h"
#include "tls_server.h"

static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

/* Who it is, and what those trust who trust it. */
typedef struct TRUSTED_TAG {
    SSL_CTX* context;
    char* certificate;
} TRUSTED;

static inline TRUSTED trusted_server(int version)
{
    TRUSTED trusted;
    /* The system's many certificates take time, and are not wanted here. */
    CHECK_INT(setenv("SSL_CERT_FILE", "/dev/null", 1), 0);
    CHECK_INT(setenv("SSL_CERT_DIR", "/dev/null", 1), 0);
    trusted.context = tls_context_new(version, &trusted.certificate);
    return trusted;
}

static inline void trusted_free(TRUSTED* trusted)
{
    SSL_CTX_free(trusted->context);
    free(trusted->certificate);
}

#endif
