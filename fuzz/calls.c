/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Any order of calls, events and failures, also from inside callbacks, over the
 * fakes of c_tests/contract. The rig there sees to it that everything is answered
 * once and nothing after wsio_destroy; the fakes end the process when they are
 * used as the real ones must not be; at the end the IO must still work, and
 * nothing may be leaked.
 *
 * Input: one byte of flags (1: TLS), then a program. Each byte is an operation,
 * some with operands after it; callbacks read on where the call that runs is. */

#include "rig.h"

static WSIO_CONFIG config;
static const uint8_t* program;
static size_t program_left;

/* Callbacks that are running. */
static unsigned inside;
static bool doomed; /* a wsio_destroy is running */

static char names[8192][8];
static unsigned named;
static unsigned answered_last;

/* How often lws was served, and how often when the newest open began. */
static unsigned served;
static unsigned served_before_open;

/* The next byte, below `limit`; 0 where the program has ended. */
static unsigned next(unsigned limit)
{
    if (program_left == 0)
    {
        return 0;
    }
    program_left--;
    return *program++ % limit;
}

/* Sends are answered in the order of their names. */
static const char* next_name(void)
{
    CHECK(named < sizeof(names) / sizeof(names[0]));
    snprintf(names[named], sizeof(names[0]), "%u", named + 1);
    return names[named++];
}

/* Calls --------------------------------------------------------------------- */

static bool is_alive(void)
{
    return io != NULL && !doomed;
}

static void destroy(void)
{
    doomed = true;
    destroy_io();
    doomed = false;
}

static void send_some(size_t size)
{
    static unsigned char bytes[70000];
    (void)send_bytes(next_name(), bytes, size);
}

static void nested_serve(void)
{
    unsigned before = calls_of(CALL_lws_service);
    serve();
    CHECK_INT(calls_of(CALL_lws_service), before);
}

static void call(unsigned which)
{
    if (!is_alive())
    {
        return;
    }
    switch (which)
    {
    case 0:
        if (open_io("io") == 0)
        {
            served_before_open = served;
        }
        break;
    case 1:
        (void)close_io("close");
        break;
    case 2:
        send_some(next(256));
        break;
    case 3:
        send_some(next(70) * 1000);
        break;
    case 4:
        if (inside > 0)
        {
            nested_serve();
        }
        break;
    case 5:
        destroy();
        break;
    }
}

/* What a user does inside a callback: up to three calls. */
static void react(void)
{
    inside++;
    forget_journal();
    forget_log();
    for (unsigned count = next(4); count > 0; count--)
    {
        call(next(6));
    }
    inside--;
}

static void opened(IO_OPEN_RESULT result)
{
    /* What happened before, or to the connection before, is no answer. */
    CHECK(result == IO_OPEN_CANCELLED || served > served_before_open);
    react();
}

static void received(const unsigned char* bytes, size_t size)
{
    CHECK(bytes != NULL && size > 0);
    react();
}

static void sent(const char* name, IO_SEND_RESULT result)
{
    unsigned number = (unsigned)strtoul(name, NULL, 10);
    (void)result;
    CHECK(number > answered_last);
    answered_last = number;
    react();
}

/* Events -------------------------------------------------------------------- */

static FAKE_CONTEXT* connection(void)
{
    FAKE_CONTEXT* context = contexts_made() > 0 ? newest_context() : NULL;
    return context != NULL && context->handle != NULL && context->wsi != NULL ? context : NULL;
}

/* Queues one; whether the connection lives on. */
static bool queue_event(void)
{
    static const unsigned char bytes[256];
    static const enum lws_callback_reasons ends[] = {LWS_CALLBACK_CLIENT_CONNECTION_ERROR,
        LWS_CALLBACK_CLOSED_CLIENT_HTTP, LWS_CALLBACK_CLIENT_CLOSED, LWS_CALLBACK_CLOSED,
        LWS_CALLBACK_WSI_DESTROY};

    switch (next(12))
    {
    default:
        lws_will_report(WHEN_SERVED, LWS_CALLBACK_CLIENT_WRITEABLE, NULL, 0);
        return true;
    case 1:
    case 2:
        lws_will_report(WHEN_SERVED, LWS_CALLBACK_CLIENT_ESTABLISHED, NULL, 0);
        return true;
    case 3:
        lws_will_report(WHEN_SERVED, LWS_CALLBACK_CLIENT_RECEIVE, bytes, next(256));
        return true;
    case 4:
        lws_will_report(WHEN_SERVED, LWS_CALLBACK_CLIENT_RECEIVE, NULL, next(2));
        return true;
    case 5:
        lws_will_report(WHEN_SERVED, LWS_CALLBACK_WS_PEER_INITIATED_CLOSE, bytes, next(4));
        return true;
    case 6:
        lws_will_end(WHEN_SERVED, ends[next(sizeof(ends) / sizeof(ends[0]))], NULL, 0);
        return false;
    case 7:
        lws_will_report_of_another(WHEN_SERVED, ends[next(sizeof(ends) / sizeof(ends[0]))], NULL,
            0);
        return true;
    case 8:
        lws_will_ask_for_certificates(WHEN_SERVED, ssl_ctx_of_lws());
        return true;
    case 9:
        if (config.use_ssl)
        {
            lws_will_report_verification(WHEN_SERVED, ssl_verification((int)next(2) * 10));
        }
        return true;
    }
}

static void serve_events(void)
{
    if (connection() != NULL)
    {
        for (unsigned count = next(6); count > 0 && queue_event(); count--)
        {
        }
    }
    lws_service_will_return(next(16) == 15 ? -1 : 0);
    served++;
    serve();
    lws_service_will_return(0);
    lws_forget_events();
    ssl_empty_store_of_lws();
}

/* An open in which the connection ends, and lws says so or not. */
static void open_in_vain(void)
{
    lws_will_end(next(2) ? WHEN_CONNECTING : WHEN_CONNECTING_UNKNOWN,
        LWS_CALLBACK_CLIENT_CONNECTION_ERROR, NULL, 0);
    if (next(2))
    {
        lws_connect_will_return_null();
    }
    call(0);
    lws_forget_events();
}

/* Failures ------------------------------------------------------------------ */

static void fail_a_call(void)
{
    static const CALL calls[] = {CALL_lws_create_context, CALL_lws_get_vhost_by_name,
        CALL_lws_set_proxy, CALL_lws_init_vhost_client_ssl, CALL_lws_client_connect_via_info,
        CALL_lws_service, CALL_lws_callback_on_writable, CALL_lws_write, CALL_list_create,
        CALL_list_add, CALL_list_remove, CALL_SSL_CTX_new, CALL_SSL_CTX_get_cert_store,
        CALL_BIO_new, CALL_BIO_puts, CALL_PEM_read_bio_X509, CALL_X509_STORE_add_cert};
    fail_nth(calls[next(sizeof(calls) / sizeof(calls[0]))], 1 + next(4));
}

/* How the next lws_write ends: with a part, nothing, too much or a failure. What
 * was said before and did not happen is forgotten. */
static void write_otherwise(void)
{
    lws_write_will_return_all();
    static const int results[] = {0, 1, 2, 100, -1, 1000000};
    lws_write_will_return(results[next(sizeof(results) / sizeof(results[0]))]);
}

static void stop_failing(void)
{
    fail_none();
    heap_fail_none();
    lws_write_will_return_all();
    lws_write_will_leave_partial(false);
    lws_set_partial(false);
}

/* The program --------------------------------------------------------------- */

static void step(void)
{
    unsigned operation = next(16);

    forget_journal();
    forget_log();
    lws_forget_written();
    if (io == NULL && !try_create_io(&config))
    {
        return;
    }
    switch (operation)
    {
    default:
        call(operation);
        break;
    case 6:
    case 7:
    case 8:
        serve_events();
        break;
    case 9:
        open_in_vain();
        break;
    case 10:
        fail_a_call();
        break;
    case 11:
        heap_fail_nth(1 + next(8));
        break;
    case 12:
        write_otherwise();
        break;
    case 13:
        lws_write_will_leave_partial(next(2));
        break;
    case 14:
        lws_set_partial(false);
        break;
    case 15:
        clock_advance_ms(next(32) * 1000);
        break;
    }
}

/* Whatever has happened, an IO can be closed, opened and used. */
static void check_that_it_works(void)
{
    unsigned sent_so_far = answered_last;

    stop_failing();
    if (io == NULL)
    {
        create_io(&config);
    }
    (void)close_io("close");
    CHECK_INT(open_io("last"), 0);
    served++;
    report(LWS_CALLBACK_CLIENT_ESTABLISHED, NULL, 0);
    send_some(1);
    report(LWS_CALLBACK_CLIENT_WRITEABLE, NULL, 0);
    CHECK(answered_last > sent_so_far);
    CHECK_INT(close_io("close"), 0);
    ssl_empty_store_of_lws();
    finish();
}

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size)
{
    program = data;
    program_left = size;
    config = next(2) == 1 ? tls_config(PEM("one") PEM("two")) : plain_config();
    hooks = (HOOKS){opened, received, react, sent, react};
    named = 0;
    served = 0;
    served_before_open = 0;
    answered_last = 0;
    while (program_left > 0 && contexts_made() < 400)
    {
        step();
    }
    program_left = 0;
    check_that_it_works();
    lws_start_afresh();
    return 0;
}
