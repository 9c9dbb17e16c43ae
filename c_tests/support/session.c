/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "session.h"

#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The callbacks. ------------------------------------------------------------ */

static void record_open(void* context, IO_OPEN_RESULT result)
{
    SESSION* session = context;
    CHECK((unsigned)result < 3);
    session->opened[result]++;
    if (session->on_open != NULL) {
        session->on_open(session, result);
    }
}

static void record_bytes(void* context, const unsigned char* bytes, size_t size)
{
    SESSION* session = context;
    CHECK(bytes != NULL);
    CHECK(size > 0);
    session->receives++;
    if (session->keep_received) {
        if (session->received_size + size > session->received_capacity) {
            session->received_capacity = 2 * (session->received_size + size);
            session->received = realloc(session->received, session->received_capacity);
            CHECK(session->received != NULL);
        }
        memcpy(session->received + session->received_size, bytes, size);
    }
    session->received_size += size;
    if (session->on_bytes != NULL) {
        session->on_bytes(session, bytes, size);
    }
}

static void record_error(void* context)
{
    SESSION* session = context;
    session->errors++;
    if (session->on_error != NULL) {
        session->on_error(session);
    }
}

static void record_sent(void* context, IO_SEND_RESULT result)
{
    SESSION* session = context;
    CHECK((unsigned)result < 3);
    session->sent[result]++;
    if (session->on_sent != NULL) {
        session->on_sent(session, result);
    }
}

static void record_closed(void* context)
{
    SESSION* session = context;
    session->closed++;
    if (session->on_closed != NULL) {
        session->on_closed(session);
    }
}

/* The calls. ---------------------------------------------------------------- */

WSIO_CONFIG config_for(const char* host, int port, const char* path, const char* ca)
{
    WSIO_CONFIG config;
    memset(&config, 0, sizeof config);
    config.host = host;
    config.port = port;
    config.protocol_name = "";
    config.relative_path = path;
    config.use_ssl = ca != NULL;
    config.trusted_ca = ca;
    return config;
}

void session_create(SESSION* session, const WSIO_CONFIG* config)
{
    WSIO_CONFIG parameters = *config;
    memset(session, 0, sizeof *session);
    session->keep_received = true;
    session->io = wsio_create(&parameters, recording_log);
    CHECK(session->io != NULL);
}

int session_open(SESSION* session)
{
    int result = open_io(session->io, record_open, record_bytes, record_error, session);
    session->opens_owed += result == 0;
    return result;
}

int session_send(SESSION* session, const void* bytes, size_t size)
{
    int result = wsio_send(session->io, bytes, size, record_sent, session);
    session->sends_owed += result == 0;
    return result;
}

int session_close(SESSION* session)
{
    int result = wsio_close(session->io, record_closed, session);
    session->closes_owed += result == 0;
    return result;
}

void session_destroy(SESSION* session)
{
    CONCRETE_IO_HANDLE io = session->io;
    session->io = NULL;
    wsio_destroy(io);
    free(session->received);
    session->received = NULL;
}

void session_connect(SESSION* session)
{
    unsigned opens = session_opens(session);
    unsigned ok = session->opened[IO_OPEN_OK];
    CHECK_INT(session_open(session), 0);
    DRIVE_UNTIL(session, session_opens(session) > opens);
    if (session->opened[IO_OPEN_OK] == ok) {
        log_show();
    }
    CHECK_INT(session->opened[IO_OPEN_OK], ok + 1);
}

void session_start(SESSION* session, const WSIO_CONFIG* config)
{
    session_create(session, config);
    session_connect(session);
}

void session_fail_to_open(SESSION* session)
{
    unsigned before = session_opens(session);
    unsigned failed = session->opened[IO_OPEN_ERROR];
    unsigned errors = session->errors;
    if (session_open(session) == 0) {
        DRIVE_UNTIL_IN(session, session_opens(session) > before, 60);
        CHECK_INT(session->opened[IO_OPEN_ERROR], failed + 1);
        before++;
    }
    session_settle(session);
    CHECK_INT(session_opens(session), before);
    CHECK_INT(session->errors, errors);
}

/* Driving. ------------------------------------------------------------------ */

/* Anything that shows that the last wsio_dowork had something to do. */
static size_t activity(const SESSION* session)
{
    return session_opens(session) + session_sends(session) + session->errors + session->receives;
}

void session_step(SESSION* session)
{
    size_t before = activity(session);
    if (session->io != NULL) {
        wsio_dowork(session->io);
    }
    if (activity(session) == before) {
        poll(NULL, 0, 1); /* the server's turn */
    }
}

void session_settle(SESSION* session)
{
    enum { ROUNDS = 100 };
    for (int i = 0; i < ROUNDS; i++) {
        session_step(session);
    }
}

unsigned session_opens(const SESSION* session)
{
    return session->opened[0] + session->opened[1] + session->opened[2];
}

unsigned session_sends(const SESSION* session)
{
    return session->sent[0] + session->sent[1] + session->sent[2];
}

void session_check_balance(const SESSION* session)
{
    CHECK_INT(session_opens(session), session->opens_owed);
    CHECK_INT(session_sends(session), session->sends_owed);
    CHECK_INT(session->closed, session->closes_owed);
}

void session_forget_received(SESSION* session)
{
    session->received_size = 0;
}

/* What was logged. ---------------------------------------------------------- */

enum { LOG_LINES = 256, LOG_LINE_SIZE = 600 };

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static char log_lines[LOG_LINES][LOG_LINE_SIZE];
static unsigned log_used;

void recording_log(unsigned int options, char* format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    pthread_mutex_lock(&log_lock);
    CHECK_INT(options, LOG_LINE);
    /* More lines than fit are counted only. */
    if (log_used < LOG_LINES) {
        vsnprintf(log_lines[log_used], LOG_LINE_SIZE, format, arguments);
    }
    log_used++;
    pthread_mutex_unlock(&log_lock);
    va_end(arguments);
}

unsigned log_count(void)
{
    return log_used;
}

unsigned log_lines_with(const char* text)
{
    unsigned count = 0;
    pthread_mutex_lock(&log_lock);
    for (unsigned i = 0; i < log_used && i < LOG_LINES; i++) {
        count += strstr(log_lines[i], text) != NULL;
    }
    pthread_mutex_unlock(&log_lock);
    return count;
}

bool log_has(const char* text)
{
    return log_lines_with(text) > 0;
}

void log_forget(void)
{
    pthread_mutex_lock(&log_lock);
    log_used = 0;
    pthread_mutex_unlock(&log_lock);
}

void log_show(void)
{
    for (unsigned i = 0; i < log_used && i < LOG_LINES; i++) {
        fprintf(stderr, "    logged: %s\n", log_lines[i]);
    }
}

void session_fail_waiting(const SESSION* session, const char* file, int line,
                          const char* condition)
{
    char seen[256];
    snprintf(seen, sizeof seen,
             "opened %u/%u/%u sent %u/%u/%u (OK/ERROR/CANCELLED) errors %u closed %u"
             " received %zu",
             session->opened[0], session->opened[1], session->opened[2], session->sent[0],
             session->sent[1], session->sent[2], session->errors, session->closed,
             session->received_size);
    log_show();
    check_fail(file, line, "waited in vain", seen, condition);
}
