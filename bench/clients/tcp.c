/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The physical limit: the bytes that a WebSocket client would send, made into
 * frames beforehand, through write() and read() on a socket (or OpenSSL). All
 * messages that are queued go out in as few calls as possible. */
#include "../client.h"
#include "../frames.h"
#include "../stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define RUN (256 * 1024) /* frames are made for so many bytes at once */
#define READ_SIZE (256 * 1024)

const bool client_keeps_bytes = false;

struct client {
    struct stream stream;
    bool opened;
    unsigned char* frames; /* copies of the frame, one behind the other */
    size_t frames_size, frame_size, message_size;
    size_t queued; /* messages */
    size_t done;   /* bytes of the first that are out */
    struct frame_parser parser;
    struct session* session;
};

static const unsigned char mask[4] = { 1, 2, 3, 4 };

static SSL_CTX* make_tls(const char* trusted_ca)
{
    static SSL_CTX* tls;
    X509* certificate;
    if (tls == NULL) {
        tls = SSL_CTX_new(TLS_client_method());
        BIO* bio = BIO_new_mem_buf(trusted_ca, -1);
        while ((certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
            X509_STORE_add_cert(SSL_CTX_get_cert_store(tls), certificate);
            X509_free(certificate);
        }
        BIO_free(bio);
        SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
    }
    return tls;
}

struct client* client_open(const struct endpoint* endpoint, struct session* session)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)endpoint->port) };
    struct client* client = calloc(1, sizeof(*client));
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    char request[512];
    if (client == NULL || inet_pton(AF_INET, endpoint->host, &address.sin_addr) != 1 ||
        connect(fd, (struct sockaddr*)&address, sizeof(address)) != 0 ||
        stream_start(&client->stream, fd, endpoint->tls ? make_tls(endpoint->trusted_ca) : NULL) != 0) {
        free(client);
        return NULL;
    }
    client->session = session;
    if (client->stream.ssl != NULL) {
        SSL_set_connect_state(client->stream.ssl);
    }
    int size = snprintf(request, sizeof(request),
        "GET %s HTTP/1.1\r\nHost: %s:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        endpoint->path, endpoint->host, endpoint->port);
    ssize_t written;
    while ((written = stream_write(&client->stream, request, (size_t)size)) == 0) {
    }
    if (written != size) {
        client_close(client);
        return NULL;
    }
    return client;
}

static void make_frames(struct client* client, size_t size)
{
    unsigned char header[FRAME_HEADER_MAX];
    size_t header_size = frame_header(header, OPCODE_BINARY, size, mask);
    client->message_size = size;
    client->frame_size = header_size + size;
    size_t count = RUN / client->frame_size + 1;
    client->frames_size = count * client->frame_size;
    free(client->frames);
    client->frames = calloc(count, client->frame_size);
    if (client->frames == NULL) {
        on_failed(client->session, "out of memory");
        return;
    }
    for (size_t i = 0; i < count; i++) {
        memcpy(client->frames + i * client->frame_size, header, header_size);
    }
}

/* The frames are there already; what is in them makes no difference here. */
void client_send(struct client* client, const unsigned char* bytes, size_t size)
{
    (void)bytes;
    if (size != client->message_size) {
        make_frames(client, size);
    }
    client->queued++;
}

static void write_queued(struct client* client)
{
    size_t left = client->queued * client->frame_size - client->done;
    size_t ready = client->frames_size - client->done;
    ssize_t size = stream_write(&client->stream, client->frames + client->done, left < ready ? left : ready);
    if (size < 0) {
        on_failed(client->session, "connection lost");
        return;
    }
    client->done += (size_t)size;
    size_t count = client->done / client->frame_size;
    client->done %= client->frame_size;
    client->queued -= count;
    if (count > 0) {
        on_sent(client->session, count);
    }
}

static void take_response(struct client* client, unsigned char* bytes, size_t size)
{
    bytes[size] = '\0';
    if (memcmp(bytes, "HTTP/1.1 101", 12) != 0 || strstr((char*)bytes, "\r\n\r\n") == NULL) {
        on_failed(client->session, "not opened"); /* this server sends it in one piece */
        return;
    }
    client->opened = true;
    on_opened(client->session);
}

static void read_some(struct client* client)
{
    static unsigned char bytes[READ_SIZE + 1];
    ssize_t size = stream_read(&client->stream, bytes, READ_SIZE);
    if (size < 0) {
        on_failed(client->session, "connection lost");
    } else if (size > 0 && !client->opened) {
        take_response(client, bytes, (size_t)size);
    } else {
        size_t payload = 0;
        for (size_t at = 0; at < (size_t)size;) {
            struct frame_piece piece;
            at += frame_next(&client->parser, bytes + at, (size_t)size - at, &piece);
            payload += piece.size;
        }
        if (payload > 0) {
            on_received(client->session, payload);
        }
    }
}

void client_service(struct client* client)
{
    if (client->queued > 0) {
        write_queued(client);
    }
    read_some(client);
}

void client_close(struct client* client)
{
    stream_stop(&client->stream);
    free(client->frames);
    free(client);
}
