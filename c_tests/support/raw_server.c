/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "raw_server.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "check.h"

struct RAW_SERVER_TAG {
    RAW_SCRIPT script;
    void* context;
    int listener;
    int port;
    pthread_t thread;
    pthread_mutex_t lock; /* of the two that follow */
    int peer;             /* the connection being served, or -1 */
    bool stopping;
    atomic_uint accepted;
    atomic_uint served;
};

/* Whether to serve this connection: not when the server is being stopped. */
static bool begin(RAW_SERVER* server, int peer)
{
    pthread_mutex_lock(&server->lock);
    bool go = !server->stopping;
    server->peer = go ? peer : -1;
    pthread_mutex_unlock(&server->lock);
    return go;
}

static void end(RAW_SERVER* server, RAW_PEER* peer)
{
    pthread_mutex_lock(&server->lock);
    server->peer = -1;
    SSL_free(peer->tls);
    if (peer->fd >= 0) {
        close(peer->fd);
    }
    pthread_mutex_unlock(&server->lock);
    atomic_fetch_add(&server->served, 1);
}

static void* serve(void* argument)
{
    RAW_SERVER* server = argument;
    RAW_PEER peer;
    while ((peer.fd = accept(server->listener, NULL, NULL)) >= 0) {
        if (!begin(server, peer.fd)) {
            close(peer.fd);
            break;
        }
        atomic_fetch_add(&server->accepted, 1);
        peer.tls = NULL;
        peer.request_size = 0;
        peer.request[0] = '\0';
        server->script(&peer, server->context);
        end(server, &peer);
    }
    return NULL;
}

static int listen_on(const char* address, int* port)
{
    struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM,
                              .ai_flags = AI_NUMERICHOST };
    struct addrinfo* found = NULL;
    CHECK_INT(getaddrinfo(address, "0", &hints, &found), 0);
    int listener = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_INT(bind(listener, found->ai_addr, found->ai_addrlen), 0);
    CHECK_INT(listen(listener, 16), 0);
    freeaddrinfo(found);

    struct sockaddr_in6 bound; /* of either family: the port is at the same place */
    socklen_t size = sizeof bound;
    CHECK_INT(getsockname(listener, (struct sockaddr*)&bound, &size), 0);
    *port = ntohs(bound.sin6_port);
    return listener;
}

RAW_SERVER* raw_server_start(const char* address, RAW_SCRIPT script, void* context)
{
    RAW_SERVER* server = calloc(1, sizeof *server);
    CHECK(server != NULL);
    server->script = script;
    server->context = context;
    server->peer = -1;
    server->listener = listen_on(address, &server->port);
    pthread_mutex_init(&server->lock, NULL);
    CHECK_INT(pthread_create(&server->thread, NULL, serve, server), 0);
    return server;
}

int raw_server_port(const RAW_SERVER* server)
{
    return server->port;
}

unsigned raw_server_accepted(RAW_SERVER* server)
{
    return atomic_load(&server->accepted);
}

unsigned raw_server_served(RAW_SERVER* server)
{
    return atomic_load(&server->served);
}

void raw_server_stop(RAW_SERVER* server)
{
    pthread_mutex_lock(&server->lock);
    server->stopping = true;
    shutdown(server->listener, SHUT_RDWR);
    if (server->peer >= 0) {
        shutdown(server->peer, SHUT_RDWR);
    }
    pthread_mutex_unlock(&server->lock);
    pthread_join(server->thread, NULL);
    close(server->listener);
    pthread_mutex_destroy(&server->lock);
    free(server);
}

bool raw_start_tls(RAW_PEER* peer, SSL_CTX* context)
{
    /* OpenSSL writes without MSG_NOSIGNAL. */
    sigset_t sigpipe;
    sigemptyset(&sigpipe);
    sigaddset(&sigpipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &sigpipe, NULL);
    SSL* tls = SSL_new(context);
    CHECK(tls != NULL);
    CHECK_INT(SSL_set_fd(tls, peer->fd), 1);
    if (SSL_accept(tls) == 1) {
        peer->tls = tls;
    } else {
        SSL_free(tls);
    }
    return peer->tls != NULL;
}

/* As send and recv. */
static ssize_t send_some(RAW_PEER* peer, const void* bytes, size_t size)
{
    size_t sent = 0;
    if (peer->tls == NULL) {
        return send(peer->fd, bytes, size, MSG_NOSIGNAL);
    }
    return SSL_write_ex(peer->tls, bytes, size, &sent) == 1 ? (ssize_t)sent : -1;
}

static ssize_t receive_some(RAW_PEER* peer, void* bytes, size_t size)
{
    size_t got = 0;
    if (peer->tls == NULL) {
        return recv(peer->fd, bytes, size, 0);
    }
    return SSL_read_ex(peer->tls, bytes, size, &got) == 1 ? (ssize_t)got : -1;
}

bool raw_write(RAW_PEER* peer, const void* bytes, size_t size)
{
    const char* next = bytes;
    while (size > 0) {
        ssize_t sent = send_some(peer, next, size);
        if (sent <= 0) {
            return false;
        }
        next += sent;
        size -= (size_t)sent;
    }
    return true;
}

bool raw_say(RAW_PEER* peer, const char* text)
{
    return raw_write(peer, text, strlen(text));
}

size_t raw_read(RAW_PEER* peer, void* bytes, size_t size)
{
    size_t total = 0;
    while (total < size) {
        ssize_t got = receive_some(peer, (char*)bytes + total, size - total);
        if (got <= 0) {
            break;
        }
        total += (size_t)got;
    }
    return total;
}

size_t raw_drain(RAW_PEER* peer)
{
    char buffer[65536];
    size_t total = 0;
    size_t got;
    while ((got = raw_read(peer, buffer, sizeof buffer)) > 0) {
        total += got;
    }
    return total;
}

void raw_reset(RAW_PEER* peer)
{
    struct linger at_once = { .l_onoff = 1, .l_linger = 0 };
    setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

bool raw_read_request(RAW_PEER* peer)
{
    /* Byte by byte: what follows the request belongs to raw_read_frame. */
    while (peer->request_size + 1 < sizeof peer->request) {
        if (raw_read(peer, peer->request + peer->request_size, 1) == 0) {
            return false;
        }
        peer->request[++peer->request_size] = '\0';
        if (peer->request_size >= 4
            && memcmp(peer->request + peer->request_size - 4, "\r\n\r\n", 4) == 0) {
            return true;
        }
    }
    return false;
}

void raw_accept_key(const RAW_PEER* peer, char accept[32])
{
    static const char name[] = "Sec-WebSocket-Key: ";
    char text[128];
    unsigned char digest[EVP_MAX_MD_SIZE];
    const char* key = strcasestr(peer->request, name);
    int length = 0;
    accept[0] = '\0';
    if (key != NULL) {
        key += sizeof name - 1;
        length = (int)strcspn(key, "\r\n");
    }
    if (length == 24) {
        int size = snprintf(text, sizeof text, "%.24s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
        EVP_Digest(text, (size_t)size, digest, NULL, EVP_sha1(), NULL);
        EVP_EncodeBlock((unsigned char*)accept, digest, 20);
    }
}

bool raw_handshake(RAW_PEER* peer, const char* protocol)
{
    char accept[32];
    char answer[512];
    if (!raw_read_request(peer)) {
        return false;
    }
    raw_accept_key(peer, accept);
    snprintf(answer, sizeof answer,
             "HTTP/1.1 101 Switching Protocols\r\n"
             "Upgrade: websocket\r\n"
             "Connection: Upgrade\r\n"
             "Sec-WebSocket-Accept: %s\r\n"
             "%s%s%s"
             "\r\n",
             accept, protocol != NULL ? "Sec-WebSocket-Protocol: " : "",
             protocol != NULL ? protocol : "", protocol != NULL ? "\r\n" : "");
    return raw_say(peer, answer);
}

bool raw_send_frame(RAW_PEER* peer, int first, const void* payload, size_t size)
{
    unsigned char head[10] = { (unsigned char)first };
    size_t length = 2;
    if (size < 126) {
        head[1] = (unsigned char)size;
    } else {
        int bytes = size < 65536 ? 2 : 8;
        head[1] = bytes == 2 ? 126 : 127;
        for (int i = 0; i < bytes; i++) {
            head[length++] = (unsigned char)((unsigned long long)size >> (8 * (bytes - 1 - i)));
        }
    }
    return raw_write(peer, head, length) && raw_write(peer, payload, size);
}

bool raw_read_frame(RAW_PEER* peer, int* first, void* payload, size_t capacity, size_t* size)
{
    unsigned char head[2];
    unsigned char more[8];
    unsigned char mask[4];
    unsigned char* bytes = payload;
    if (raw_read(peer, head, 2) != 2 || (head[1] & 0x80) == 0) {
        return false;
    }
    *first = head[0];
    *size = head[1] & 0x7f;
    if (*size >= 126) {
        size_t length = *size == 126 ? 2 : 8;
        if (raw_read(peer, more, length) != length) {
            return false;
        }
        *size = 0;
        for (size_t i = 0; i < length; i++) {
            *size = *size << 8 | more[i];
        }
    }
    if (*size > capacity || raw_read(peer, mask, 4) != 4 || raw_read(peer, bytes, *size) != *size) {
        return false;
    }
    for (size_t i = 0; i < *size; i++) {
        bytes[i] ^= mask[i % 4];
    }
    return true;
}
