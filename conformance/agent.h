/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What Autobahn calls an agent: a client that asks the fuzzing server for each
 * case in turn and echoes what it gets. agent.c is the part that all agents
 * share; each brings its own run_session. */
#ifndef WSIO_CONFORMANCE_AGENT_H
#define WSIO_CONFORMANCE_AGENT_H

#include <stdbool.h>
#include <stddef.h>

/* One connection to the server. */
struct session {
    int port;
    const char* path;
    bool echo;          /* send back what comes, else keep it in `reply` */
    char reply[64];     /* NUL-terminated */
    size_t reply_size;
};

/* The name in the report. */
extern const char agent_name[];

/* Keeps what fits. */
void session_keep(struct session* session, const void* bytes, size_t size);

/* Runs a session until its end, by whichever side. Calls agent_overdue, then
 * agent_wait, as long as it waits. False when there was no connection, or when
 * it was still there when overdue. */
bool run_session(struct session* session);

/* Whether the session has taken too long. */
bool agent_overdue(void);

/* Lets the server work for a moment: neither library can wait for its socket
 * and return as soon as something is there. */
void agent_wait(void);

#endif
