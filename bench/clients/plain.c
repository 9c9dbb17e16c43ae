/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A C client as the requirements read when they are followed step by step on
 * lws 4: the stand-in for the code that wsio replaces. A send is copied and
 * queued; each WRITEABLE event allocates a padded buffer, copies the oldest into
 * it and writes it. The context has default fields. The queue is what the SDK's
 * list.h of early 2016 was: items that point to what is queued, walked to the
 * end to append. The one liberty: TLS must be asked for at context creation on
 * lws 4. */
#include "../client.h"

#include <libwebsockets.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

/* lws 1.x's lws_service(context, 0), which returned at once. */
#define WITHOUT_WAITING -1

const bool client_keeps_bytes = false;

struct pending {
    unsigned char* bytes;
    size_t size;
};

struct item {
    struct pending* value;
    struct item* next;
};

struct client {
    struct lws_context* context;
    struct lws* wsi;
    struct item* head;
    const struct endpoint* endpoint;
    struct session* session;
};

static bool list_add(struct client* client, struct pending* pending)
{
    struct item** end = &client->head;
    struct item* item = malloc(sizeof(*item));
    if (item == NULL) {
        return false;
    }
    item->value = pending;
    item->next = NULL;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = item;
    return true;
}

static void remove_head(struct client* client)
{
    struct item* head = client->head;
    client->head = head->next;
    free(head->value->bytes);
    free(head->value);
    free(head);
}

static void load_certificates(struct client* client, SSL_CTX* tls)
{
    X509_STORE* store = SSL_CTX_get_cert_store(tls);
    BIO* bio = BIO_new(BIO_s_mem());
    X509* certificate;
    if (bio == NULL || client->endpoint->trusted_ca == NULL) {
        BIO_free(bio);
        return;
    }
    BIO_puts(bio, client->endpoint->trusted_ca);
    while ((certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
        X509_STORE_add_cert(store, certificate);
        X509_free(certificate);
    }
    BIO_free(bio);
}

static void send_first(struct client* client)
{
    if (client->head == NULL) {
        return;
    }
    struct pending* pending = client->head->value;
    unsigned char* buffer = malloc(LWS_PRE + pending->size);
    if (buffer == NULL) {
        on_failed(client->session, "out of memory");
        return;
    }
    memcpy(buffer + LWS_PRE, pending->bytes, pending->size);
    int written = lws_write(client->wsi, buffer + LWS_PRE, pending->size, LWS_WRITE_BINARY);
    free(buffer);
    if (written < 0 || (size_t)written > pending->size) {
        on_failed(client->session, "lws_write failed");
    } else if ((size_t)written < pending->size) {
        pending->size -= (size_t)written;
        memmove(pending->bytes, pending->bytes + written, pending->size);
    } else {
        remove_head(client);
        on_sent(client->session, 1);
    }
    if (client->head != NULL) {
        lws_callback_on_writable(client->wsi);
    }
}

static int on_ws_callback(struct lws* wsi, enum lws_callback_reasons reason, void* user, void* in, size_t len)
{
    struct client* client = lws_context_user(lws_get_context(wsi));
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
        send_first(client);
        break;
    case LWS_CALLBACK_CLIENT_RECEIVE:
        on_received(client->session, len);
        break;
    case LWS_CALLBACK_OPENSSL_LOAD_EXTRA_CLIENT_VERIFY_CERTS:
        load_certificates(client, user);
        break;
    default:
        break;
    }
    return 0;
}

struct client* client_open(const struct endpoint* endpoint, struct session* session)
{
    struct lws_protocols protocols[2] = { { .name = "bench", .callback = on_ws_callback } };
    struct client* client = calloc(1, sizeof(*client));
    if (client == NULL) {
        return NULL;
    }
    client->endpoint = endpoint;
    client->session = session;
    lws_set_log_level(0, NULL);

    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .protocols = protocols,
        .gid = (gid_t)-1,
        .uid = (uid_t)-1,
        .user = client,
        .options = endpoint->tls ? LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT : 0,
    };
    client->context = lws_create_context(&info);
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
    };
    client->wsi = client->context != NULL ? lws_client_connect_via_info(&connect) : NULL;
    if (client->wsi == NULL) {
        client_close(client);
        return NULL;
    }
    return client;
}

void client_send(struct client* client, const unsigned char* bytes, size_t size)
{
    struct pending* pending = malloc(sizeof(*pending));
    unsigned char* copy = malloc(size);
    if (pending == NULL || copy == NULL) {
        on_failed(client->session, "out of memory");
        return;
    }
    memcpy(copy, bytes, size);
    pending->bytes = copy;
    pending->size = size;
    if (!list_add(client, pending)) {
        on_failed(client->session, "out of memory");
        return;
    }
    lws_callback_on_writable(client->wsi);
}

void client_service(struct client* client)
{
    lws_service(client->context, WITHOUT_WAITING);
}

void client_close(struct client* client)
{
    client->wsi = NULL; /* what lws reports from here on is expected */
    lws_context_destroy(client->context);
    while (client->head != NULL) {
        remove_head(client);
    }
    free(client);
}
