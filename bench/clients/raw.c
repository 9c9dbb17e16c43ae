/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The best client on lws that its documented use allows, with no promise to keep
 * but the order: nothing is copied when queued, one padded buffer that is still
 * in the cache takes each message just before lws masks it, many messages a
 * WRITEABLE event under TCP_CORK, and the context's fields as they serve best. */
#include "../client.h"

#include <libwebsockets.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#define BUDGET (64 * 1024) /* bytes an event; more gains nothing */
#define WITHOUT_WAITING -1

const bool client_keeps_bytes = true;

struct message {
    const unsigned char* bytes;
    size_t size;
};

struct client {
    struct lws_context* context;
    struct lws* wsi;
    struct message* ring;
    size_t room, first, used; /* of the ring; `room` is a power of two */
    unsigned char* padded;
    size_t padded_room;
    bool unreported; /* one is written, but lws holds some of it */
    bool draining;
    struct session* session;
};

static const lws_retry_bo_t no_pings;

/* One for all connections. */
static SSL_CTX* make_tls(const char* trusted_ca)
{
    static SSL_CTX* tls;
    X509* certificate;
    if (tls != NULL) {
        return tls;
    }
    tls = SSL_CTX_new(TLS_client_method());
    BIO* bio = BIO_new_mem_buf(trusted_ca, -1);
    while ((certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
        X509_STORE_add_cert(SSL_CTX_get_cert_store(tls), certificate);
        X509_free(certificate);
    }
    BIO_free(bio);
    return tls;
}

static void cork(struct client* client, int on)
{
    setsockopt(lws_get_socket_fd(client->wsi), IPPROTO_TCP, TCP_CORK, &on, sizeof(on));
}

static void report_sent(struct client* client)
{
    client->unreported = false;
    on_sent(client->session, 1);
}

static bool write_first(struct client* client)
{
    struct message* message = &client->ring[client->first];
    if (client->padded_room < message->size) {
        free(client->padded);
        client->padded = malloc(LWS_PRE + message->size);
        client->padded_room = message->size;
    }
    memcpy(client->padded + LWS_PRE, message->bytes, message->size);
    if (lws_write(client->wsi, client->padded + LWS_PRE, message->size, LWS_WRITE_BINARY) < 0) {
        on_failed(client->session, "lws_write failed");
        return false;
    }
    client->first = (client->first + 1) & (client->room - 1);
    client->used--;
    return true;
}

/* Reports each as soon as lws has passed it on, so that the next can join. */
static void write_queued(struct client* client)
{
    size_t bytes = 0;
    bool corked = false;
    while (client->used > 0 && bytes < BUDGET) {
        if (!corked && (bytes > 0 || client->used > 1)) {
            cork(client, 1);
            corked = true;
        }
        bytes += client->ring[client->first].size;
        if (!write_first(client)) {
            return;
        }
        if (lws_partial_buffered(client->wsi)) {
            client->unreported = true;
            break;
        }
        report_sent(client);
    }
    if (corked) {
        cork(client, 0);
    }
}

static void drain(struct client* client)
{
    client->draining = true;
    if (client->unreported) {
        report_sent(client); /* WRITEABLE: lws holds nothing */
    }
    write_queued(client);
    client->draining = false;
    if (client->used > 0 || client->unreported) {
        lws_callback_on_writable(client->wsi);
    }
}

static int on_event(struct lws* wsi, enum lws_callback_reasons reason, void* user, void* in, size_t len)
{
    struct client* client = lws_context_user(lws_get_context(wsi));
    (void)user;
    (void)in;
    switch (reason) {
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
        on_opened(client->session);
        break;
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        on_failed(client->session, "not opened");
        break;
    case LWS_CALLBACK_CLIENT_CLOSED:
        if (client->wsi != NULL) {
            on_failed(client->session, "connection lost");
        }
        break;
    case LWS_CALLBACK_CLIENT_WRITEABLE:
        drain(client);
        break;
    case LWS_CALLBACK_CLIENT_RECEIVE:
        on_received(client->session, len);
        break;
    default:
        break;
    }
    return 0;
}

struct client* client_open(const struct endpoint* endpoint, struct session* session)
{
    /* tx_packet_size: the most in one send(); by default 4,116 bytes. */
    struct lws_protocols protocols[2] = { { .name = "bench", .callback = on_event, .tx_packet_size = 16 << 20 } };
    struct client* client = calloc(1, sizeof(*client));
    if (client == NULL) {
        return NULL;
    }
    client->session = session;
    client->room = 64;
    client->ring = malloc(client->room * sizeof(*client->ring));
    lws_set_log_level(0, NULL);

    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .protocols = protocols,
        .gid = (gid_t)-1,
        .uid = (uid_t)-1,
        .user = client,
        .fd_limit_per_thread = 8,    /* by default one entry for each of RLIMIT_NOFILE */
        .pt_serv_buf_size = 1 << 16, /* the most in one read() */
        .retry_and_idle_policy = &no_pings,
    };
    client->context = lws_create_context(&info);
    if (client->context == NULL) {
        client_close(client);
        return NULL;
    }
    if (endpoint->tls) {
        struct lws_context_creation_info tls = {
            .options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT,
            .provided_client_ssl_ctx = make_tls(endpoint->trusted_ca),
        };
        lws_init_vhost_client_ssl(&tls, lws_get_vhost_by_name(client->context, "default"));
    }
    struct lws_client_connect_info connect = {
        .context = client->context,
        .address = endpoint->host,
        .port = endpoint->port,
        .ssl_connection = endpoint->tls ? LCCSCF_USE_SSL : 0,
        .path = endpoint->path,
        .host = endpoint->host,
        .origin = endpoint->host,
        .protocol = "bench",
        .ietf_version_or_minus_one = -1,
        .retry_and_idle_policy = &no_pings,
    };
    client->wsi = lws_client_connect_via_info(&connect);
    if (client->wsi == NULL) {
        client_close(client);
        return NULL;
    }
    return client;
}

static void grow(struct client* client)
{
    struct message* ring = malloc(client->room * 2 * sizeof(*ring));
    if (ring == NULL) {
        on_failed(client->session, "out of memory");
        return;
    }
    for (size_t i = 0; i < client->used; i++) {
        ring[i] = client->ring[(client->first + i) & (client->room - 1)];
    }
    free(client->ring);
    client->ring = ring;
    client->first = 0;
    client->room *= 2;
}

void client_send(struct client* client, const unsigned char* bytes, size_t size)
{
    if (client->used == client->room) {
        grow(client);
    }
    client->ring[(client->first + client->used) & (client->room - 1)] = (struct message){ bytes, size };
    if (client->used++ == 0 && !client->draining) {
        lws_callback_on_writable(client->wsi);
    }
}

void client_service(struct client* client)
{
    lws_service(client->context, WITHOUT_WAITING);
}

void client_close(struct client* client)
{
    client->wsi = NULL; /* what lws reports from here on is expected */
    lws_context_destroy(client->context);
    free(client->ring);
    free(client->padded);
    free(client);
}
