/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* One wsio over the fakes. What the user's callbacks get goes into the journal:
 *
 *     "NAME opened OK"  "NAME received BYTES"  "NAME failed"
 *     "NAME sent OK"    "NAME closed"
 *
 * where NAME is that of the call which passed the callback. The rig itself sees
 * to it that each callback is called as often as it may, and when it may. */
#ifndef WSIO_TEST_RIG_H
#define WSIO_TEST_RIG_H

#include "check.h"
#include "fake.h"
#include "fake_lws.h"
#include "fake_openssl.h"
#include "wsio.h"

/* wsio_open with one context for all callbacks, whatever the ABI. */
static inline int test_open(CONCRETE_IO_HANDLE io, ON_IO_OPEN_COMPLETE on_io_open_complete,
    ON_BYTES_RECEIVED on_bytes_received, ON_IO_ERROR on_io_error, void* context)
{
#ifdef WSIO_ABI_2016_03
    return wsio_open(io, on_io_open_complete, context, on_bytes_received, context, on_io_error,
        context);
#else
    return wsio_open(io, on_io_open_complete, on_bytes_received, on_io_error, context);
#endif
}

/* The IO under test; NULL before create_io and after destroy_io. */
extern CONCRETE_IO_HANDLE io;

/* ws://example.org:8080/path with the subprotocol mqtt, and wss:// likewise. */
WSIO_CONFIG plain_config(void);
WSIO_CONFIG tls_config(const char* trusted_ca);

/* wsio_create; whether it succeeded. NULL: plain_config. */
bool try_create_io(const WSIO_CONFIG* config);
/* The same, and it must succeed. */
void create_io(const WSIO_CONFIG* config);
/* The other functions, with recording callbacks; what they return. */
int open_io(const char* name);
int send_text(const char* text); /* its name is the text */
int send_bytes(const char* name, const void* bytes, size_t size);
int close_io(const char* name);
void destroy_io(void);

/* wsio_dowork, after all of what lws is to report was queued. */
void serve(void);
/* Queues this event and serves. */
void report(enum lws_callback_reasons reason, const void* in, size_t len);
/* The same with lws_will_end. */
void report_end(enum lws_callback_reasons reason);
/* Reports WRITEABLE as often as it was asked for. */
void write_all(void);

/* Creates an IO and opens it, up to and without ESTABLISHED; or with that. The
 * open is called "io", and the journal is forgotten. NULL: plain_config. */
void start_opening(const WSIO_CONFIG* config);
void start(const WSIO_CONFIG* config);

/* The end of every test: destroys the IO if it lives; nothing may leak, nothing
 * may be owed. */
void finish(void);
/* The same, to go on with another IO. */
void check_nothing_owed(void);

/* What a test does inside the callbacks, after they were recorded. */
typedef struct HOOKS_TAG {
    void (*opened)(IO_OPEN_RESULT result);
    void (*received)(const unsigned char* bytes, size_t size);
    void (*failed)(void);
    void (*sent)(const char* name, IO_SEND_RESULT result);
    void (*closed)(void);
} HOOKS;
extern HOOKS hooks;

/* The logger that create_io passes. */
void recording_log(unsigned int options, char* format, ...);
unsigned log_count(void);
const char* log_line(unsigned n); /* from 0 on */
bool log_has(const char* text);
void forget_log(void);

#endif
