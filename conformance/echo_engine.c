/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The engine below wsio as an agent: libwebsockets, configured as
 * src/lws/connect.rs does it, echoing whole messages and their type. What
 * fails here is libwebsockets' doing; what fails with wsio only is wsio's. */
#include "agent.h"

#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>

const char agent_name[] = "engine";

enum { WITHOUT_WAITING = -1 };

struct message {
    struct message* next;
    enum lws_write_protocol type;
    bool written;
    size_t size;
    unsigned char bytes[]; /* LWS_PRE bytes, then the payload */
};

struct connection {
    struct session* session;
    struct lws* wsi;
    bool open;
    bool ended;
    bool busy;                 /* something has happened in this turn */
    struct message* incoming;  /* as far as it has come */
    size_t capacity;
    struct message* head;      /* to be sent */
    struct message** tail;
};

/* Appends to the incoming message. Out of memory ends the program. */
static void append(struct connection* connection, const void* bytes, size_t size)
{
    struct message* message = connection->incoming;
    size_t used = message == NULL ? 0 : message->size;
    if (message == NULL || used + size > connection->capacity) {
        connection->capacity = 2 * (used + size);
        message = realloc(message, sizeof *message + LWS_PRE + connection->capacity);
        if (message == NULL) {
            abort();
        }
        message->size = used;
        connection->incoming = message;
    }
    if (size > 0) {
        memcpy(message->bytes + LWS_PRE + used, bytes, size);
    }
    message->size += size;
}

/* A message, or the next part of one, came. */
static void receive(struct connection* connection, const void* bytes, size_t size)
{
    if (!connection->session->echo) {
        session_keep(connection->session, bytes, size);
        return;
    }
    append(connection, bytes, size);
    struct message* message = connection->incoming;
    if (!lws_is_final_fragment(connection->wsi)) {
        return;
    }
    connection->incoming = NULL;
    message->type = lws_frame_is_binary(connection->wsi) ? LWS_WRITE_BINARY : LWS_WRITE_TEXT;
    message->written = false;
    message->next = NULL;
    *connection->tail = message;
    connection->tail = &message->next;
    lws_callback_on_writable(connection->wsi);
}

static bool has_unsent(struct lws* wsi)
{
#ifdef OFFER_DEFLATE
    /* The extension keeps a remainder that only this knows of. */
    if (lws_send_pipe_choked(wsi)) {
        return true;
    }
#endif
    return lws_partial_buffered(wsi);
}

/* Negative when the connection is to be closed. */
static int send_queued(struct connection* connection)
{
    while (connection->head != NULL && !has_unsent(connection->wsi)) {
        struct message* message = connection->head;
        if (!message->written) {
            int size = (int)message->size;
            if (lws_write(connection->wsi, message->bytes + LWS_PRE, message->size,
                          message->type) < size) {
                return -1;
            }
            /* permessage-deflate goes on reading it until nothing is unsent. */
            message->written = true;
            continue;
        }
        connection->head = message->next;
        free(message);
        if (connection->head == NULL) {
            connection->tail = &connection->head;
        }
    }
    if (connection->head != NULL) {
        lws_callback_on_writable(connection->wsi);
    }
    return 0;
}

static int on_event(struct lws* wsi, enum lws_callback_reasons reason, void* user, void* in,
                    size_t size)
{
    (void)user;
    struct connection* connection = lws_context_user(lws_get_context(wsi));
    if (connection->wsi != wsi) {
        return 0;
    }
    switch (reason) {
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
        connection->open = true;
        break;
    case LWS_CALLBACK_CLIENT_RECEIVE:
        connection->busy = true;
        receive(connection, in, size);
        break;
    case LWS_CALLBACK_CLIENT_WRITEABLE:
        connection->busy = true;
        return send_queued(connection);
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
    case LWS_CALLBACK_CLOSED_CLIENT_HTTP:
    case LWS_CALLBACK_CLIENT_CLOSED:
    case LWS_CALLBACK_WSI_DESTROY:
        connection->ended = true;
        break;
    default:
        break;
    }
    return 0;
}

static struct lws_context* create_context(struct connection* connection)
{
    static const lws_retry_bo_t no_keep_alive;
    static const struct lws_protocols protocols[] = {
        { .name = "", .callback = on_event, .tx_packet_size = 16 * 1024 * 1024 },
        { 0 },
    };
    static const struct lws_extension extensions[] = {
#ifdef OFFER_DEFLATE
        { "permessage-deflate", lws_extension_callback_pm_deflate,
          "permessage-deflate; client_no_context_takeover; client_max_window_bits" },
#endif
        { NULL, NULL, NULL },
    };
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .protocols = protocols,
        .extensions = extensions[0].name == NULL ? NULL : extensions,
        .gid = -1,
        .uid = -1,
        .fd_limit_per_thread = 8,
        .max_http_header_data = 33 * 1024,
        .pt_serv_buf_size = 32 * 1024,
        .timeout_secs = 20,
        .connect_timeout_secs = 20,
        .retry_and_idle_policy = &no_keep_alive,
        .user = connection,
    };
    return lws_create_context(&info);
}

static bool connect_to_server(struct lws_context* context, struct connection* connection)
{
    static const lws_retry_bo_t no_keep_alive;
    char host[32];
    struct lws_vhost* vhost = lws_get_vhost_by_name(context, "default");
    lws_set_proxy(vhost, "0:0");
    lws_snprintf(host, sizeof host, "127.0.0.1:%d", connection->session->port);
    struct lws_client_connect_info info = {
        .context = context,
        .vhost = vhost,
        .address = "127.0.0.1",
        .port = connection->session->port,
        .ssl_connection = LCCSCF_HTTP_NO_FOLLOW_REDIRECT,
        .path = connection->session->path,
        .host = host,
        .origin = "127.0.0.1",
        .ietf_version_or_minus_one = -1,
        .alpn = "http/1.1",
        .retry_and_idle_policy = &no_keep_alive,
        .pwsi = &connection->wsi,
    };
    return lws_client_connect_via_info(&info) != NULL;
}

static void free_messages(struct connection* connection)
{
    free(connection->incoming);
    while (connection->head != NULL) {
        struct message* message = connection->head;
        connection->head = message->next;
        free(message);
    }
}

bool run_session(struct session* session)
{
    struct connection connection = { .session = session };
    connection.tail = &connection.head;
    lws_set_log_level(0, NULL);
    struct lws_context* context = create_context(&connection);
    if (context == NULL) {
        return false;
    }
    bool connecting = connect_to_server(context, &connection);
    while (connecting && !connection.ended && !agent_overdue()) {
        connection.busy = false;
        lws_service(context, WITHOUT_WAITING);
        if (!connection.busy) {
            agent_wait();
        }
    }
    bool ended = connection.ended;
    lws_context_destroy(context);
    free_messages(&connection);
    return connection.open && ended;
}
