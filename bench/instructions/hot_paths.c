/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The hot paths over an lws that does nothing, for callgrind to count what they
 * cost: wsio's own instructions, those of list.h and of malloc.
 *
 *     hot_paths PATH         runs one of `paths`, COUNT times, WINDOW sends queued */
#include <libwebsockets.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <valgrind/callgrind.h>

#include "wsio.h"

enum { COUNT = 1000, WINDOW = 50, SIZE = 64 };

static CONCRETE_IO_HANDLE io;
static unsigned sent, received, failed;

/* lws ------------------------------------------------------------------------ */

static struct
{
    lws_callback_function* callback;
    void* user;
    enum lws_callback_reasons reason; /* what lws_service reports, */
    unsigned reports;                 /* so often */
} fake;

/* Opaque to wsio: any addresses will do. */
static max_align_t context, wsi, vhost;

struct lws_context* lws_create_context(const struct lws_context_creation_info* info)
{
    fake.callback = info->protocols[0].callback;
    fake.user = info->user;
    return (struct lws_context*)&context;
}

void lws_context_destroy(struct lws_context* unused)
{
    (void)unused;
}

void* lws_context_user(struct lws_context* unused)
{
    (void)unused;
    return fake.user;
}

struct lws_context* lws_get_context(const struct lws* unused)
{
    (void)unused;
    return (struct lws_context*)&context;
}

struct lws_vhost* lws_get_vhost_by_name(struct lws_context* unused, const char* name)
{
    (void)unused;
    (void)name;
    return (struct lws_vhost*)&vhost;
}

int lws_set_proxy(struct lws_vhost* unused, const char* proxy)
{
    (void)unused;
    (void)proxy;
    return 0;
}

int lws_init_vhost_client_ssl(const struct lws_context_creation_info* info, struct lws_vhost* unused)
{
    (void)info;
    (void)unused;
    return 0;
}

struct lws* lws_client_connect_via_info(const struct lws_client_connect_info* info)
{
    *info->pwsi = (struct lws*)&wsi;
    return (struct lws*)&wsi;
}

int lws_service(struct lws_context* unused, int timeout)
{
    static unsigned char bytes[SIZE];
    (void)unused;
    (void)timeout;
    for (unsigned i = 0; i < fake.reports; i++)
    {
        fake.callback((struct lws*)&wsi, fake.reason, NULL, bytes, sizeof(bytes));
    }
    return 0;
}

void lws_cancel_service(struct lws_context* unused)
{
    (void)unused;
}

int lws_callback_on_writable(struct lws* unused)
{
    (void)unused;
    return 1;
}

int lws_partial_buffered(struct lws* unused)
{
    (void)unused;
    return 0;
}

SSL* lws_get_ssl(struct lws* unused)
{
    (void)unused;
    return NULL;
}

lws_sockfd_type lws_get_socket_fd(struct lws* unused)
{
    (void)unused;
    return -1;
}

int lws_write(struct lws* unused, unsigned char* bytes, size_t size, enum lws_write_protocol kind)
{
    (void)unused;
    (void)bytes;
    (void)kind;
    return (int)size;
}

void lws_set_log_level(int level, void (*emit)(int level, const char* line))
{
    (void)level;
    (void)emit;
}

int lwsl_visible(int level)
{
    (void)level;
    return 0;
}

/* Time stands still: wsio works for a bounded time, and valgrind is slow. */
int clock_gettime(clockid_t clock, struct timespec* now)
{
    (void)clock;
    memset(now, 0, sizeof(*now));
    return 0;
}

/* The user ------------------------------------------------------------------- */

static void on_open(void* unused, IO_OPEN_RESULT result)
{
    (void)unused;
    failed += result != IO_OPEN_OK;
}

static void on_bytes(void* unused, const unsigned char* bytes, size_t size)
{
    (void)unused;
    (void)bytes;
    received += size == SIZE;
}

static void on_error(void* unused)
{
    (void)unused;
    failed++;
}

static void on_sent(void* unused, IO_SEND_RESULT result)
{
    (void)unused;
    sent += result == IO_SEND_OK;
}

static void send_window(void)
{
    static const unsigned char bytes[SIZE];
    for (int i = 0; i < WINDOW; i++)
    {
        failed += wsio_send(io, bytes, sizeof(bytes), on_sent, NULL) != 0;
    }
}

static void report(enum lws_callback_reasons reason, unsigned times)
{
    fake.reason = reason;
    fake.reports = times;
    wsio_dowork(io);
    fake.reports = 0;
}

/* The paths ------------------------------------------------------------------ */

static void complete_window(void)
{
    report(LWS_CALLBACK_CLIENT_WRITEABLE, 1);
}

static void path_send(void)
{
    for (int i = 0; i < COUNT / WINDOW; i++)
    {
        CALLGRIND_TOGGLE_COLLECT;
        send_window();
        CALLGRIND_TOGGLE_COLLECT;
        complete_window();
    }
    failed += sent != COUNT;
}

static void path_complete(void)
{
    for (int i = 0; i < COUNT / WINDOW; i++)
    {
        send_window();
        CALLGRIND_TOGGLE_COLLECT;
        complete_window();
        CALLGRIND_TOGGLE_COLLECT;
    }
    failed += sent != COUNT;
}

static void path_receive(void)
{
    CALLGRIND_TOGGLE_COLLECT;
    report(LWS_CALLBACK_CLIENT_RECEIVE, COUNT);
    CALLGRIND_TOGGLE_COLLECT;
    failed += received != COUNT;
}

static void path_idle(void)
{
    CALLGRIND_TOGGLE_COLLECT;
    for (int i = 0; i < COUNT; i++)
    {
        wsio_dowork(io);
    }
    CALLGRIND_TOGGLE_COLLECT;
}

static const struct
{
    const char* name;
    void (*run)(void);
} paths[] = {
    { "send", path_send },
    { "complete", path_complete },
    { "receive", path_receive },
    { "idle", path_idle },
};

int main(int argc, char** argv)
{
    WSIO_CONFIG config = { "127.0.0.1", 80, "", "/", false, NULL };
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
    {
        if (argc == 2 && strcmp(argv[1], paths[i].name) == 0)
        {
            io = wsio_create(&config, NULL);
            failed += wsio_open(io, on_open, on_bytes, on_error, NULL) != 0;
            report(LWS_CALLBACK_CLIENT_ESTABLISHED, 1);
            /* What is allocated once is not counted. */
            send_window();
            complete_window();
            failed += sent != WINDOW;
            sent = 0;
            paths[i].run();
            wsio_destroy(io);
            return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
        }
    }
    fprintf(stderr, "usage: hot_paths send|complete|receive|idle\n");
    return 2;
}
