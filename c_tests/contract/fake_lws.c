/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "fake_lws.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/socket.h>

#include "check.h"
#include "fake_openssl.h"

/* What the library holds pointers to. */
struct lws_vhost
{
    struct lws_context* context;
};

struct lws
{
    struct lws_context* context;
};

struct lws_context
{
    unsigned number;
    struct lws_vhost vhost;
    struct lws other_wsi;
    unsigned in_callback;
    bool in_service;
    bool destroying;
    /* As in the real one, the end of the context's memory. */
    unsigned char service_buffer[];
};

static FAKE_CONTEXT contexts[512];
static unsigned made;
/* Whether lws holds bytes that the kernel has not taken. */
static bool partial;

FAKE_CONTEXT* fake_context(unsigned number)
{
    CHECK(number >= 1 && number <= made);
    return &contexts[number - 1];
}

FAKE_CONTEXT* newest_context(void)
{
    return fake_context(made);
}

unsigned contexts_made(void)
{
    return made;
}

unsigned contexts_alive(void)
{
    unsigned alive = 0;
    for (unsigned i = 0; i < made; i++)
    {
        alive += contexts[i].handle != NULL;
    }
    return alive;
}

unsigned char* lws_service_buffer(void)
{
    return newest_context()->handle->service_buffer;
}

/* Stale pointers end the test -------------------------------------------- */

static FAKE_CONTEXT* living_context(const char* caller, const struct lws_context* handle)
{
    for (unsigned i = 0; i < made; i++)
    {
        if (handle != NULL && contexts[i].handle == handle)
        {
            return &contexts[i];
        }
    }
    check_fail(__FILE__, __LINE__, caller, "a context that is NULL or gone", "a living one");
    return NULL;
}

static FAKE_CONTEXT* living_wsi(const char* caller, const struct lws* wsi)
{
    for (unsigned i = 0; i < made; i++)
    {
        if (wsi != NULL && contexts[i].handle != NULL && contexts[i].wsi == wsi)
        {
            return &contexts[i];
        }
    }
    check_fail(__FILE__, __LINE__, caller, "a wsi that is NULL or gone", "a living one");
    return NULL;
}

/* " #2" for the second context and so on, for the journal. */
static const char* suffix(const FAKE_CONTEXT* context)
{
    static char text[16];
    unsigned number = (unsigned)(context - contexts) + 1;
    snprintf(text, sizeof(text), " #%u", number);
    return number > 1 ? text : "";
}

static void copy_text(char* to, size_t size, const char* from)
{
    CHECK(from == NULL || strlen(from) < size);
    snprintf(to, size, "%s", from != NULL ? from : "");
}

/* What lws keeps pointers to must live as long as the context. */
static void check_borrowed(const FAKE_CONTEXT* context)
{
    CHECK_STR(context->protocols[0].name, context->protocol_name);
    CHECK_MEM(context->info.retry_and_idle_policy, &context->idle_policy,
        sizeof(context->idle_policy));
    if (context->has_tls)
    {
        CHECK(ssl_ctx_is_alive(context->tls.provided_client_ssl_ctx));
    }
}

/* Events ------------------------------------------------------------------- */

typedef struct
{
    enum { REPORT, DROP_WSI, SSL_ERROR } what;
    enum lws_callback_reasons reason;
    void* user;
    const void* in;
    size_t len;
    bool of_another;
    unsigned long code;
} EVENT;

static struct
{
    EVENT events[256];
    unsigned first;
    unsigned end;
} queues[WHENS];

static bool connect_returns_null;

static EVENT* queue(WHEN when)
{
    CHECK(queues[when].end < sizeof(queues[when].events) / sizeof(queues[when].events[0]));
    EVENT* event = &queues[when].events[queues[when].end++];
    memset(event, 0, sizeof(*event));
    return event;
}

void lws_will_report(WHEN when, enum lws_callback_reasons reason, const void* in, size_t len)
{
    EVENT* event = queue(when);
    event->reason = reason;
    event->in = in;
    event->len = len;
}

void lws_will_report_of_another(WHEN when, enum lws_callback_reasons reason, const void* in,
    size_t len)
{
    lws_will_report(when, reason, in, len);
    queues[when].events[queues[when].end - 1].of_another = true;
}

void lws_will_ask_for_certificates(WHEN when, SSL_CTX* ssl)
{
    EVENT* event = queue(when);
    event->reason = LWS_CALLBACK_OPENSSL_LOAD_EXTRA_CLIENT_VERIFY_CERTS;
    event->user = ssl;
    event->of_another = true;
}

void lws_will_report_verification(WHEN when, X509_STORE_CTX* store)
{
    EVENT* event = queue(when);
    event->reason = LWS_CALLBACK_OPENSSL_PERFORM_SERVER_CERT_VERIFICATION;
    event->user = store;
    event->len = 1; /* "preverify_ok", not a length; `in` is the SSL */
}

void lws_will_end(WHEN when, enum lws_callback_reasons reason, const void* in, size_t len)
{
    lws_will_report(when, reason, in, len);
    lws_will_report(when, LWS_CALLBACK_WSI_DESTROY, NULL, 0);
    lws_will_drop_wsi(when);
}

void lws_will_drop_wsi(WHEN when)
{
    queue(when)->what = DROP_WSI;
}

void lws_will_leave_ssl_error(unsigned long code)
{
    EVENT* event = queue(WHEN_SERVED);
    event->what = SSL_ERROR;
    event->code = code;
}

bool lws_has_more_to_report(void)
{
    bool more = false;
    for (int when = 0; when < WHENS; when++)
    {
        more = more || queues[when].first != queues[when].end;
    }
    return more;
}

void lws_forget_events(void)
{
    memset(queues, 0, sizeof(queues));
    connect_returns_null = false;
}

static bool hung_up;

bool lws_was_told_to_hang_up(void)
{
    return hung_up;
}

void lws_start_afresh(void)
{
    CHECK_INT(contexts_alive(), 0);
    lws_forget_events();
    lws_write_will_return_all();
    lws_forget_written();
    made = 0;
    partial = false;
    hung_up = false;
}

/* In the callback that is running. */
static bool write_failed;

static void call_back(FAKE_CONTEXT* context, struct lws* wsi, enum lws_callback_reasons reason,
    void* user, const void* in, size_t len)
{
    int result;
    context->handle->in_callback++;
    write_failed = false;
    result = context->protocols[0].callback(wsi, reason, user, (void*)(size_t)in, len);
    context->handle->in_callback--;
    /* lws is told to hang up when a write has failed. Nothing else is needed: the
     * library ends a connection with its context. */
    CHECK(result == 0 || reason == LWS_CALLBACK_CLIENT_WRITEABLE);
    hung_up = hung_up || result != 0;
    CHECK(result != 0 || !write_failed);
}

static void drop_wsi(FAKE_CONTEXT* context)
{
    outside_free(context->wsi);
    context->wsi = NULL;
    context->established = false;
}

static void report(FAKE_CONTEXT* context, const EVENT* event)
{
    struct lws* wsi = event->of_another ? &context->handle->other_wsi : context->wsi;
    switch (event->what)
    {
    case REPORT:
        /* A test that queues an event of a connection that has ended is wrong. */
        CHECK(wsi != NULL);
        if (event->reason == LWS_CALLBACK_CLIENT_ESTABLISHED && !event->of_another)
        {
            context->established = true;
        }
        call_back(context, wsi, event->reason, event->user, event->in, event->len);
        break;
    case DROP_WSI:
        drop_wsi(context);
        break;
    case SSL_ERROR:
        ssl_push_error(event->code);
        break;
    }
}

static void report_all(FAKE_CONTEXT* context, WHEN when)
{
    while (queues[when].first != queues[when].end)
    {
        EVENT event = queues[when].events[queues[when].first++];
        report(context, &event);
    }
    queues[when].first = 0;
    queues[when].end = 0;
}

/* Contexts ----------------------------------------------------------------- */

struct lws_context* lws_create_context(const struct lws_context_creation_info* info)
{
    FAKE_CONTEXT* context;
    /* As the real one, for the whole process. */
    signal(SIGPIPE, SIG_IGN);
    if (enter(CALL_lws_create_context))
    {
        journal(IN_LWS, "lws_create_context fails");
        return NULL;
    }
    CHECK(made < sizeof(contexts) / sizeof(contexts[0]));
    partial = false;
    context = &contexts[made++];
    memset(context, 0, sizeof(*context));
    size_t size = sizeof(*context->handle) + info->pt_serv_buf_size;
    context->handle = outside_malloc(size);
    memset(context->handle, 0, size);
    context->handle->number = made;
    context->handle->vhost.context = context->handle;
    context->handle->other_wsi.context = context->handle;
    context->info = *info;
    memcpy(context->protocols, info->protocols, sizeof(context->protocols));
    copy_text(context->protocol_name, sizeof(context->protocol_name), info->protocols[0].name);
    if (info->retry_and_idle_policy != NULL)
    {
        context->idle_policy = *info->retry_and_idle_policy;
    }
    journal(IN_LWS, "lws_create_context%s", suffix(context));
    call_back(context, &context->handle->other_wsi, LWS_CALLBACK_PROTOCOL_INIT, NULL, NULL, 0);
    report_all(context, WHEN_CREATED);
    return context->handle;
}

void lws_context_destroy(struct lws_context* handle)
{
    FAKE_CONTEXT* context = living_context("lws_context_destroy", handle);
    /* It leaks on lws 4.1 and frees too early on 4.3. */
    CHECK_INT(handle->in_callback, 0);
    CHECK(!handle->in_service);
    CHECK(!handle->destroying);
    handle->destroying = true;
    enter(CALL_lws_context_destroy);
    journal(IN_LWS, "lws_context_destroy%s", suffix(context));
    check_borrowed(context);
    if (context->wsi != NULL)
    {
        bool established = context->established;
        call_back(context, context->wsi,
            established ? LWS_CALLBACK_CLIENT_CLOSED : LWS_CALLBACK_CLIENT_CONNECTION_ERROR, NULL,
            NULL, 0);
        call_back(context, context->wsi, LWS_CALLBACK_WSI_DESTROY, NULL, NULL, 0);
        drop_wsi(context);
    }
    call_back(context, &handle->other_wsi, LWS_CALLBACK_PROTOCOL_DESTROY, NULL, NULL, 0);
    context->handle = NULL;
    outside_free(handle);
}

void* lws_context_user(struct lws_context* handle)
{
    enter(CALL_lws_context_user);
    return living_context("lws_context_user", handle)->info.user;
}

struct lws_context* lws_get_context(const struct lws* wsi)
{
    enter(CALL_lws_get_context);
    for (unsigned i = 0; i < made; i++)
    {
        if (contexts[i].handle != NULL && wsi == &contexts[i].handle->other_wsi)
        {
            return contexts[i].handle;
        }
    }
    return living_wsi("lws_get_context", wsi)->handle;
}

SSL* lws_get_ssl(struct lws* wsi)
{
    living_wsi("lws_get_ssl", wsi);
    return enter(CALL_lws_get_ssl) ? NULL : ssl_of_handshake();
}

struct lws_vhost* lws_get_vhost_by_name(struct lws_context* handle, const char* name)
{
    FAKE_CONTEXT* context = living_context("lws_get_vhost_by_name", handle);
    bool known = strcmp(name, "default") == 0;
    return enter(CALL_lws_get_vhost_by_name) || !known ? NULL : &context->handle->vhost;
}

int lws_set_proxy(struct lws_vhost* vhost, const char* proxy)
{
    FAKE_CONTEXT* context = living_context("lws_set_proxy", vhost->context);
    if (enter(CALL_lws_set_proxy))
    {
        journal(IN_LWS, "lws_set_proxy fails%s", suffix(context));
        return -1;
    }
    copy_text(context->proxy, sizeof(context->proxy), proxy);
    journal(IN_LWS, "lws_set_proxy%s", suffix(context));
    return 0;
}

int lws_init_vhost_client_ssl(const struct lws_context_creation_info* info, struct lws_vhost* vhost)
{
    FAKE_CONTEXT* context = living_context("lws_init_vhost_client_ssl", vhost->context);
    if (enter(CALL_lws_init_vhost_client_ssl))
    {
        journal(IN_LWS, "lws_init_vhost_client_ssl fails%s", suffix(context));
        ssl_push_error(ERR_PACK(ERR_LIB_SSL, 0, SSL_R_NO_METHOD_SPECIFIED));
        return 1;
    }
    context->has_tls = true;
    context->tls = *info;
    journal(IN_LWS, "lws_init_vhost_client_ssl%s", suffix(context));
    return 0;
}

/* Connecting --------------------------------------------------------------- */

void lws_connect_will_return_null(void)
{
    connect_returns_null = true;
}

struct lws* lws_client_connect_via_info(const struct lws_client_connect_info* info)
{
    FAKE_CONTEXT* context = living_context("lws_client_connect_via_info", info->context);
    struct lws** place = info->pwsi;
    if (enter(CALL_lws_client_connect_via_info))
    {
        journal(IN_LWS, "lws_client_connect_via_info fails%s", suffix(context));
        return NULL;
    }
    CHECK(context->wsi == NULL);
    CHECK_PTR(info->vhost, &context->handle->vhost);
    context->connect = *info;
    copy_text(context->address, sizeof(context->address), info->address);
    copy_text(context->path, sizeof(context->path), info->path);
    copy_text(context->host, sizeof(context->host), info->host);
    copy_text(context->origin, sizeof(context->origin), info->origin);
    copy_text(context->protocol, sizeof(context->protocol), info->protocol);
    copy_text(context->alpn, sizeof(context->alpn), info->alpn);
    if (info->retry_and_idle_policy != NULL)
    {
        context->connect_idle_policy = *info->retry_and_idle_policy;
    }
    journal(IN_LWS, "lws_client_connect_via_info%s", suffix(context));
    context->wsi = outside_malloc(sizeof(*context->wsi));
    context->wsi->context = context->handle;
    report_all(context, WHEN_CONNECTING_UNKNOWN);
    if (place != NULL)
    {
        *place = context->wsi;
    }
    report_all(context, WHEN_CONNECTING);
    if (connect_returns_null)
    {
        connect_returns_null = false;
        if (context->wsi != NULL)
        {
            drop_wsi(context);
        }
        if (place != NULL)
        {
            *place = NULL;
        }
        return NULL;
    }
    return context->wsi;
}

/* Service ------------------------------------------------------------------ */

static int service_result;

void lws_service_will_return(int result)
{
    service_result = result;
}

int lws_service(struct lws_context* handle, int timeout_ms)
{
    FAKE_CONTEXT* context = living_context("lws_service", handle);
    CHECK_INT(handle->in_callback, 0);
    CHECK(!handle->in_service);
    journal(IN_LWS, "lws_service %d%s", timeout_ms, suffix(context));
    check_borrowed(context);
    if (enter(CALL_lws_service))
    {
        return -1;
    }
    handle->in_service = true;
    report_all(context, WHEN_SERVED);
    handle->in_service = false;
    /* The context must outlive the call. */
    CHECK_PTR(context->handle, handle);
    return service_result;
}

/* Writing ------------------------------------------------------------------ */

static int on_writable_result = 1;
static bool leaves_partial;
static int write_results[64];
static unsigned write_results_first;
static unsigned write_results_end;
static unsigned char* written;
static size_t written_size;
static const unsigned char* last_buffer;

enum { WRITTEN_CAPACITY = 64 * 1024 * 1024 };

void lws_on_writable_will_return(int result)
{
    on_writable_result = result;
}

void lws_write_will_return(int result)
{
    CHECK(write_results_end < sizeof(write_results) / sizeof(write_results[0]));
    write_results[write_results_end++] = result;
}

void lws_write_will_return_all(void)
{
    write_results_first = 0;
    write_results_end = 0;
}

void lws_write_will_leave_partial(bool value)
{
    leaves_partial = value;
}

void lws_set_partial(bool value)
{
    partial = value;
}

const unsigned char* lws_written(void)
{
    return written;
}

size_t lws_written_size(void)
{
    return written_size;
}

const unsigned char* lws_last_buffer(void)
{
    return last_buffer;
}

void lws_forget_written(void)
{
    written_size = 0;
}

int lws_callback_on_writable(struct lws* wsi)
{
    FAKE_CONTEXT* context = living_wsi("lws_callback_on_writable", wsi);
    if (enter(CALL_lws_callback_on_writable))
    {
        journal(IN_LWS, "lws_callback_on_writable fails%s", suffix(context));
        return -1;
    }
    context->writeable_requests++;
    journal(IN_LWS, "lws_callback_on_writable%s", suffix(context));
    return on_writable_result;
}

/* The socket's number says whose it is. */
enum { FIRST_SOCKET = 1000 };

lws_sockfd_type lws_get_socket_fd(struct lws* wsi)
{
    enter(CALL_lws_get_socket_fd);
    return FIRST_SOCKET + (int)(living_wsi("lws_get_socket_fd", wsi) - contexts);
}

int __wrap_setsockopt(int socket, int level, int option, const void* value, socklen_t size);

int __wrap_setsockopt(int socket, int level, int option, const void* value, socklen_t size)
{
    CHECK(socket >= FIRST_SOCKET && socket - FIRST_SOCKET < (int)made);
    const FAKE_CONTEXT* context = &contexts[socket - FIRST_SOCKET];
    CHECK(context->handle != NULL);
    CHECK_INT(level, IPPROTO_TCP);
    CHECK_INT(option, TCP_CORK);
    CHECK_INT(size, sizeof(int));
    journal(IN_KERNEL, "%s%s", *(const int*)value ? "cork" : "uncork", suffix(context));
    return enter(CALL_setsockopt) ? -1 : 0;
}

int lws_partial_buffered(struct lws* wsi)
{
    enter(CALL_lws_partial_buffered);
    living_wsi("lws_partial_buffered", wsi);
    return partial;
}

int lws_send_pipe_choked(struct lws* wsi)
{
    enter(CALL_lws_send_pipe_choked);
    living_wsi("lws_send_pipe_choked", wsi);
    return partial;
}

/* The payload as text, where it is short and printable, else its length. */
static const char* shown(const unsigned char* payload, size_t size)
{
    static char text[64];
    bool printable = size < 32;
    for (size_t i = 0; printable && i < size; i++)
    {
        printable = payload[i] >= ' ' && payload[i] < 0x7F;
    }
    if (printable)
    {
        snprintf(text, sizeof(text), "%.*s", (int)size, (const char*)payload);
    }
    else
    {
        snprintf(text, sizeof(text), "(%zu bytes)", size);
    }
    return text;
}

static void keep(const unsigned char* payload, size_t size)
{
    if (written == NULL)
    {
        written = outside_malloc(WRITTEN_CAPACITY);
    }
    CHECK(size <= WRITTEN_CAPACITY - written_size);
    memcpy(written + written_size, payload, size);
    written_size += size;
}

/* As the real one: masks the payload in place and puts a header before it. */
static void spoil(unsigned char* payload, size_t size)
{
    memset(payload - LWS_PRE, 0xEE, LWS_PRE);
    for (size_t i = 0; i < size; i++)
    {
        payload[i] ^= 0x5A;
    }
}

int lws_write(struct lws* wsi, unsigned char* payload, size_t size, enum lws_write_protocol type)
{
    FAKE_CONTEXT* context = living_wsi("lws_write", wsi);
    bool fails = enter(CALL_lws_write);
    int result = (int)size;
    CHECK(context->established);
    /* It would corrupt the stream. */
    CHECK(!partial);
    if ((int)type == 4) /* LWS_WRITE_CLOSE, which some versions keep private */
    {
        CHECK_INT(size, 2);
        journal(IN_LWS, "lws_write CLOSE %02x%02x%s", payload[0], payload[1], suffix(context));
        spoil(payload, size);
        return fails ? -1 : result;
    }
    CHECK_INT(type, LWS_WRITE_BINARY);
    CHECK(size > 0);
    journal(IN_LWS, "lws_write BINARY %s%s", shown(payload, size), suffix(context));
    if (write_results_first != write_results_end)
    {
        result = write_results[write_results_first++];
    }
    if (fails)
    {
        result = -1;
    }
    if (result > 0)
    {
        keep(payload, (size_t)result < size ? (size_t)result : size);
    }
    write_failed = write_failed || result < 0;
    partial = leaves_partial;
    if (ssl_writes() && result == (int)size && ssl_write((char*)payload, result) != result)
    {
        partial = true; /* lws keeps it, to try again */
    }
    last_buffer = payload;
    spoil(payload, size);
    return result;
}

/* lws's own log ------------------------------------------------------------ */

static int level = LLL_ERR | LLL_WARN | LLL_NOTICE;

void lws_set_level(int value)
{
    level = value;
}

int lws_level(void)
{
    return level;
}

int lwsl_visible(int value)
{
    enter(CALL_lwsl_visible);
    return level & value;
}

/* Called on lws 4.2 and newer, to find the eventfd of a context; here is none. */
void lws_cancel_service(struct lws_context* context)
{
    living_context("lws_cancel_service", context);
}

void lws_set_log_level(int value, void (*emit)(int level, const char* line))
{
    enter(CALL_lws_set_log_level);
    CHECK(emit == NULL);
    level = value;
}

/* Only its address is used, with permessage-deflate. */
int lws_extension_callback_pm_deflate(struct lws_context* context,
    const struct lws_extension* extension, struct lws* wsi,
    enum lws_extension_callback_reasons reason, void* user, void* in, size_t len)
{
    (void)context;
    (void)extension;
    (void)wsi;
    (void)reason;
    (void)user;
    (void)in;
    (void)len;
    return 0;
}
