/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* One wsio handle with everything that it reports, and the loop that drives it.
 * The tests use wsio through this, so that they are the same for every ABI. */
#ifndef WSIO_TEST_SESSION_H
#define WSIO_TEST_SESSION_H

#include <stdbool.h>
#include <stddef.h>

#include "check.h"
#include "deadline.h"
#include "wsio.h"

/* wsio_open with one context for all callbacks, whatever the ABI. */
static inline int open_io(CONCRETE_IO_HANDLE io, ON_IO_OPEN_COMPLETE on_open,
                          ON_BYTES_RECEIVED on_bytes, ON_IO_ERROR on_error, void* context)
{
#ifdef WSIO_ABI_2016_03
    return wsio_open(io, on_open, context, on_bytes, context, on_error, context);
#else
    return wsio_open(io, on_open, on_bytes, on_error, context);
#endif
}

typedef struct SESSION_TAG SESSION;

struct SESSION_TAG {
    CONCRETE_IO_HANDLE io; /* NULL once destroyed */

    /* How often each callback came, by result where it has one. */
    unsigned opened[3];
    unsigned sent[3];
    unsigned errors;
    unsigned closed;

    /* How many calls of each kind returned 0, and so owe one callback. */
    unsigned opens_owed;
    unsigned sends_owed;
    unsigned closes_owed;

    /* What arrived; the bytes are only counted when keep_received is false. */
    bool keep_received;
    unsigned char* received;
    size_t received_size;
    size_t received_capacity;
    unsigned receives;

    /* Called after the counting, when not NULL: a test's own doing inside the
     * callbacks. */
    void (*on_open)(SESSION* session, IO_OPEN_RESULT result);
    void (*on_bytes)(SESSION* session, const unsigned char* bytes, size_t size);
    void (*on_error)(SESSION* session);
    void (*on_sent)(SESSION* session, IO_SEND_RESULT result);
    void (*on_closed)(SESSION* session);
    void* test; /* for these */
};

/* A configuration for a server on this machine; `ca` (PEM text) selects TLS. */
WSIO_CONFIG config_for(const char* host, int port, const char* path, const char* ca);

/* wsio_create, which must succeed, with the recording logger. */
void session_create(SESSION* session, const WSIO_CONFIG* config);

/* The wsio calls with the recorders as callbacks and their own results. */
int session_open(SESSION* session);
int session_send(SESSION* session, const void* bytes, size_t size);
int session_close(SESSION* session);

/* wsio_destroy and what was recorded. */
void session_destroy(SESSION* session);

/* Opens, and drives until IO_OPEN_OK. */
void session_connect(SESSION* session);

/* session_create and session_connect in one. */
void session_start(SESSION* session, const WSIO_CONFIG* config);

/* Opens; the open must fail in either way, but in one only: a non-zero
 * wsio_open, or one IO_OPEN_ERROR. */
void session_fail_to_open(SESSION* session);

/* wsio_dowork once; lets the servers run when nothing happened. */
void session_step(SESSION* session);

/* Drives a while longer, for what must not come (any more). */
void session_settle(SESSION* session);

unsigned session_opens(const SESSION* session); /* open completes of all results */
unsigned session_sends(const SESSION* session); /* send completes of all results */

/* Exactly once: every call that returned 0 has had its callback, and no other
 * has had one. To be called when the IO is closed or destroyed. */
void session_check_balance(const SESSION* session);

/* Forgets the bytes received so far, not the counts. */
void session_forget_received(SESSION* session);

/* Drives `session` until `condition` holds; fails the test after `seconds`. */
#define DRIVE_UNTIL_IN(session, condition, seconds)                                       \
    do                                                                                    \
    {                                                                                     \
        DEADLINE drive_deadline_ = deadline_after(seconds);                               \
        while (!(condition))                                                              \
        {                                                                                 \
            if (deadline_passed(drive_deadline_))                                         \
            {                                                                             \
                session_fail_waiting((session), __FILE__, __LINE__, #condition);          \
            }                                                                             \
            session_step(session);                                                        \
        }                                                                                 \
    } while (0)

#define DRIVE_UNTIL(session, condition) DRIVE_UNTIL_IN(session, condition, 20)

/* Says what was waited for and what was seen instead, and fails the test. */
void session_fail_waiting(const SESSION* session, const char* file, int line,
                          const char* condition);

/* The recording logger: the lines of all handles and threads. */
void recording_log(unsigned int options, char* format, ...);
unsigned log_count(void);
bool log_has(const char* text); /* in any line */
unsigned log_lines_with(const char* text);
void log_forget(void);
void log_show(void); /* on stderr, to explain a failure */

#endif
