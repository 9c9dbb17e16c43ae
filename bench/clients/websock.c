/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* websock through its public interface: it blocks. */
#include "../client.h"

#include "websock.h"

#include <stdlib.h>
#include <string.h>

enum { ROOM = 64 * 1024, WAIT_MS = 1000 };

const bool client_keeps_bytes = false;

struct client {
    websock_handle_t socket;
    struct session* session;
    bool reported_open;
    char received[ROOM];
};

struct client* client_open(const struct endpoint* endpoint, struct session* session)
{
    websock_config_t config = { .hostname = (char*)endpoint->host,
        .port = endpoint->port,
        .uri = (char*)endpoint->path,
        .secured = endpoint->tls };
    struct client* client = malloc(sizeof(*client));
    if (client == NULL) {
        return NULL;
    }
    if (endpoint->tls) {
        config.ssl_config.auth_mode = SSL_WRAP_VERIFY_REQUIRED;
        config.ssl_config.ca_cert.buf = (char*)endpoint->trusted_ca;
        config.ssl_config.ca_cert.len = (int)strlen(endpoint->trusted_ca);
    }
    client->session = session;
    client->reported_open = false;
    client->socket = websock_open(&config);
    if (client->socket == NULL) {
        free(client);
        return NULL;
    }
    return client;
}

/* Returns when it is sent. */
void client_send(struct client* client, const unsigned char* bytes, size_t size)
{
    if (websock_send_binary(client->socket, (char*)bytes, (int)size) != 0) {
        on_failed(client->session, "a send failed");
    }
    on_sent(client->session, 1);
}

void client_service(struct client* client)
{
    if (!client->reported_open) {
        client->reported_open = true;
        on_opened(client->session);
    }
}

void client_wait(struct client* client)
{
    websock_msg_hdr_t header;
    int room = ROOM;
    int received = websock_recv(client->socket, &header, client->received, &room, WAIT_MS);
    if (received < 0) {
        on_failed(client->session, "connection lost");
    } else if (header.opcode >= 0) {
        on_received(client->session, (size_t)received);
    }
}

void client_close(struct client* client)
{
    websock_close(client->socket);
    free(client);
}
