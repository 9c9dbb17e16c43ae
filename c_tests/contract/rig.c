/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "rig.h"

#include <stdarg.h>

CONCRETE_IO_HANDLE io;
HOOKS hooks;

/* One call that passed a callback. */
typedef struct
{
    const char* name;
    enum { AN_OPEN, A_SEND, A_CLOSE } kind;
    enum { RUNNING, ACCEPTED, REFUSED } state;
    unsigned answers;
    bool is_open; /* of an open: bytes and the error may come */
} WATCH;

static WATCH watches[4096];
static unsigned watch_count;

/* Between the start of a wsio_destroy and its end, and after that, until the
 * next IO is created. */
static bool destroying;
static bool destroyed;

static WATCH* watch(const char* name, int kind)
{
    CHECK(watch_count < sizeof(watches) / sizeof(watches[0]));
    WATCH* new_watch = &watches[watch_count++];
    memset(new_watch, 0, sizeof(*new_watch));
    new_watch->name = name;
    new_watch->kind = kind;
    return new_watch;
}

static int returned(WATCH* call, int result)
{
    call->state = result == 0 ? ACCEPTED : REFUSED;
    return result;
}

/* Whether the callback may be called at all. */
static WATCH* called_back(void* context, int kind)
{
    WATCH* call = context;
    CHECK(call >= watches && call < watches + watch_count);
    CHECK_INT(call->kind, kind);
    CHECK(!destroyed);
    return call;
}

static void answered(WATCH* call)
{
    call->answers++;
    if (call->answers != 1 || call->state == REFUSED)
    {
        check_fail(__FILE__, __LINE__, call->name,
            call->state == REFUSED ? "answered, although refused" : "answered twice",
            "exactly one answer to what returned 0");
    }
}

/* The recorders ------------------------------------------------------------ */

static const char* const open_results[] = {"OK", "ERROR", "CANCELLED"};
static const char* const send_results[] = {"OK", "ERROR", "CANCELLED"};

static void on_opened(void* context, IO_OPEN_RESULT result)
{
    WATCH* call = called_back(context, AN_OPEN);
    journal(TO_USER, "%s opened %s", call->name, open_results[result]);
    answered(call);
    /* wsio_open itself calls nothing. */
    CHECK_INT(call->state, ACCEPTED);
    CHECK(!destroying || result == IO_OPEN_CANCELLED);
    call->is_open = result == IO_OPEN_OK;
    if (hooks.opened != NULL)
    {
        hooks.opened(result);
    }
}

static void on_received(void* context, const unsigned char* bytes, size_t size)
{
    WATCH* call = called_back(context, AN_OPEN);
    journal(TO_USER, "%s received %.*s", call->name, size < 32 ? (int)size : 32,
        (const char*)bytes);
    CHECK(call->is_open);
    CHECK(!destroying);
    if (hooks.received != NULL)
    {
        hooks.received(bytes, size);
    }
}

static void on_failed(void* context)
{
    WATCH* call = called_back(context, AN_OPEN);
    journal(TO_USER, "%s failed", call->name);
    CHECK(call->is_open);
    CHECK(!destroying);
    call->is_open = false;
    if (hooks.failed != NULL)
    {
        hooks.failed();
    }
}

static void on_sent(void* context, IO_SEND_RESULT result)
{
    WATCH* call = called_back(context, A_SEND);
    journal(TO_USER, "%s sent %s", call->name, send_results[result]);
    answered(call);
    CHECK_INT(call->state, ACCEPTED);
    CHECK(!destroying || result == IO_SEND_CANCELLED);
    if (hooks.sent != NULL)
    {
        hooks.sent(call->name, result);
    }
}

static void on_closed(void* context)
{
    WATCH* call = called_back(context, A_CLOSE);
    journal(TO_USER, "%s closed", call->name);
    answered(call);
    /* Inside wsio_close. */
    CHECK_INT(call->state, RUNNING);
    CHECK(!destroying);
    if (hooks.closed != NULL)
    {
        hooks.closed();
    }
}

/* The functions ------------------------------------------------------------ */

WSIO_CONFIG plain_config(void)
{
    WSIO_CONFIG config = {"example.org", 8080, "mqtt", "/path", false, NULL};
    return config;
}

WSIO_CONFIG tls_config(const char* trusted_ca)
{
    WSIO_CONFIG config = plain_config();
    config.use_ssl = true;
    config.trusted_ca = trusted_ca;
    return config;
}

bool try_create_io(const WSIO_CONFIG* config)
{
    WSIO_CONFIG copy = config != NULL ? *config : plain_config();
    io = wsio_create(&copy, recording_log);
    destroyed = false;
    return io != NULL;
}

void create_io(const WSIO_CONFIG* config)
{
    CHECK(try_create_io(config));
}

int open_io(const char* name)
{
    WATCH* call = watch(name, AN_OPEN);
    return returned(call, test_open(io, on_opened, on_received, on_failed, call));
}

int send_text(const char* text)
{
    return send_bytes(text, text, strlen(text));
}

int send_bytes(const char* name, const void* bytes, size_t size)
{
    WATCH* call = watch(name, A_SEND);
    return returned(call, wsio_send(io, bytes, size, on_sent, call));
}

int close_io(const char* name)
{
    WATCH* call = watch(name, A_CLOSE);
    return returned(call, wsio_close(io, on_closed, call));
}

void destroy_io(void)
{
    CONCRETE_IO_HANDLE doomed = io;
    CHECK(!destroying);
    destroying = true;
    wsio_destroy(doomed);
    destroying = false;
    destroyed = true;
    io = NULL;
}

void serve(void)
{
    wsio_dowork(io);
}

void report(enum lws_callback_reasons reason, const void* in, size_t len)
{
    lws_will_report(WHEN_SERVED, reason, in, len);
    serve();
}

void report_end(enum lws_callback_reasons reason)
{
    lws_will_end(WHEN_SERVED, reason, NULL, 0);
    serve();
}

void write_all(void)
{
    static unsigned rounds;
    FAKE_CONTEXT* context = newest_context();
    for (rounds = 0; context->writeable_requests > 0; rounds++)
    {
        CHECK(rounds < 100000);
        context->writeable_requests = 0;
        report(LWS_CALLBACK_CLIENT_WRITEABLE, NULL, 0);
    }
}

void start_opening(const WSIO_CONFIG* config)
{
    create_io(config);
    CHECK_INT(open_io("io"), 0);
    forget_journal();
}

void start(const WSIO_CONFIG* config)
{
    start_opening(config);
    report(LWS_CALLBACK_CLIENT_ESTABLISHED, NULL, 0);
    CHECK_JOURNAL(TO_USER, "io opened OK");
}

void check_nothing_owed(void)
{
    for (unsigned i = 0; i < watch_count; i++)
    {
        if (watches[i].answers != (watches[i].state == ACCEPTED))
        {
            char text[32];
            snprintf(text, sizeof(text), "%u answers", watches[i].answers);
            check_fail(__FILE__, __LINE__, watches[i].name, text,
                watches[i].state == ACCEPTED ? "1 answer" : "0 answers");
        }
    }
    watch_count = 0;
}

void finish(void)
{
    if (io != NULL)
    {
        destroy_io();
    }
    check_nothing_owed();
    ssl_empty_store_of_lws();
    CHECK(!lws_has_more_to_report());
    CHECK_INT(contexts_alive(), 0);
    CHECK_INT(list_items_live(), 0);
    CHECK_INT(list_live(), 0);
    CHECK_INT(ssl_live(), 0);
    CHECK_INT(heap_live(), 0);
}

/* The logger --------------------------------------------------------------- */

static char log_lines[512][600];
static unsigned lines;

void recording_log(unsigned int options, char* format, ...)
{
    va_list arguments;
    int length;
    CHECK_INT(options, LOG_LINE);
    CHECK(lines < sizeof(log_lines) / sizeof(log_lines[0]));
    va_start(arguments, format);
    length = vsnprintf(log_lines[lines], sizeof(log_lines[0]), format, arguments);
    va_end(arguments);
    CHECK(length > 0 && (size_t)length < sizeof(log_lines[0]));
    /* One line, of text. */
    for (int i = 0; i < length; i++)
    {
        CHECK((unsigned char)log_lines[lines][i] >= ' ');
    }
    lines++;
}

unsigned log_count(void)
{
    return lines;
}

const char* log_line(unsigned n)
{
    CHECK(n < lines);
    return log_lines[n];
}

bool log_has(const char* text)
{
    bool has = false;
    for (unsigned i = 0; i < lines; i++)
    {
        has = has || strstr(log_lines[i], text) != NULL;
    }
    return has;
}

void forget_log(void)
{
    lines = 0;
}
