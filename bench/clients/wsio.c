/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* wsio through its public interface. */
#include "../client.h"

#include "wsio.h"

#include <stdlib.h>

const bool client_keeps_bytes = false;

struct client {
    CONCRETE_IO_HANDLE io;
    struct session* session;
};

static void on_io_open_complete(void* context, IO_OPEN_RESULT result)
{
    struct client* client = context;
    if (result == IO_OPEN_OK) {
        on_opened(client->session);
    } else {
        on_failed(client->session, "not opened");
    }
}

static void on_bytes_received(void* context, const unsigned char* bytes, size_t size)
{
    struct client* client = context;
    (void)bytes;
    on_received(client->session, size);
}

static void on_io_error(void* context)
{
    struct client* client = context;
    on_failed(client->session, "connection lost");
}

static void on_send_complete(void* context, IO_SEND_RESULT result)
{
    struct client* client = context;
    if (result == IO_SEND_OK) {
        on_sent(client->session, 1);
    } else if (result == IO_SEND_ERROR) {
        on_failed(client->session, "a send failed");
    }
}

struct client* client_open(const struct endpoint* endpoint, struct session* session)
{
    WSIO_CONFIG config = { endpoint->host, endpoint->port, "bench", endpoint->path, endpoint->tls,
        endpoint->trusted_ca };
    struct client* client = malloc(sizeof(*client));
    if (client == NULL) {
        return NULL;
    }
    client->session = session;
    client->io = wsio_create(&config, NULL);
    if (wsio_open(client->io, on_io_open_complete, on_bytes_received, on_io_error, client) != 0) {
        wsio_destroy(client->io);
        free(client);
        return NULL;
    }
    return client;
}

void client_send(struct client* client, const unsigned char* bytes, size_t size)
{
    if (wsio_send(client->io, bytes, size, on_send_complete, client) != 0) {
        on_failed(client->session, "a send was refused");
    }
}

void client_service(struct client* client)
{
    wsio_dowork(client->io);
}

void client_close(struct client* client)
{
    wsio_destroy(client->io);
    free(client);
}
