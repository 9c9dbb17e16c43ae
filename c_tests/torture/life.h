/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The life of a connection during one step of which allocations fail. Of each face:
 * life.c, and ../websock/life.c. */
#ifndef WSIO_TORTURE_LIFE_H
#define WSIO_TORTURE_LIFE_H

#include <stdbool.h>

#include "failing.h"
#include "server.h"

typedef enum STEP_TAG {
    CERTIFICATES, /* wsio_open alone, with a bundle to load (wsio) */
    OPEN,         /* until it is open */
    GREET,        /* the same; the first message comes together with the answer */
    REFUSE,       /* the same; the server is not to be trusted */
    SEND_SMALL,
    SEND_LARGE,
    RECEIVE,
    SERVER_CLOSES,
    CLOSE,
    DESTROY,        /* (wsio) */
    DESTROY_OPENING, /* (wsio) */
    HANDLE_EVENTS   /* an event handler is set, and takes the stream (websock) */
} STEP;

typedef struct SCENARIO_TAG {
    const char* name;
    STEP step;
    bool tls;
    const char* host;  /* as the client calls the server */
    bool other_ca;     /* trusts others than the server */
    bool warm;         /* another IO has been open before: OpenSSL is set up */
} SCENARIO;

/* Lives it, in a process for itself, and ends the process with status 1 when the
 * contract is broken: what is owed is answered once and in time; what arrives is
 * right; a server that is not to be trusted is refused; and afterwards, with all
 * allocations working, the IO works, if OpenSSL does, and no file descriptor is
 * left. */
void live(const SCENARIO* scenario, const SERVER* server, REPORT* report);

#endif
