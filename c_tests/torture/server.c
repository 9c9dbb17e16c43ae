/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "server.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/ssl.h>

#include "check.h"
#include "tls_server.h"

enum { CONTINUED = 0x00, BINARY = 0x02, CLOSE = 0x08, PING = 0x09, PONG = 0x0a, FINAL = 0x80 };

/* One connection; each has a process of its own, which simply ends when the
 * client does. */
typedef struct PEER_TAG {
    int fd;
    SSL* ssl; /* NULL: plain */
    SERVER* server;
    size_t streamed;
} PEER;

static void blame(PEER* peer, const char* format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(peer->server->fault, sizeof peer->server->fault, format, arguments);
    va_end(arguments);
    _exit(EXIT_FAILURE);
}

static void get(PEER* peer, void* bytes, size_t size)
{
    unsigned char* next = bytes;
    while (size > 0)
    {
        int part = size < 65536 ? (int)size : 65536;
        ssize_t got = peer->ssl != NULL ? SSL_read(peer->ssl, next, part)
                                        : recv(peer->fd, next, (size_t)part, 0);
        if (got <= 0)
        {
            _exit(EXIT_SUCCESS);
        }
        next += got;
        size -= (size_t)got;
    }
}

static void put(PEER* peer, const void* bytes, size_t size)
{
    const unsigned char* next = bytes;
    while (size > 0)
    {
        int part = size < 65536 ? (int)size : 65536;
        ssize_t sent = peer->ssl != NULL ? SSL_write(peer->ssl, next, part)
                                         : send(peer->fd, next, (size_t)part, MSG_NOSIGNAL);
        if (sent <= 0)
        {
            _exit(EXIT_SUCCESS);
        }
        next += sent;
        size -= (size_t)sent;
    }
}

/* RFC 6455 section 5.2, with the next bytes of the stream as the payload. */
static size_t stream_frame(PEER* peer, unsigned char* frame, int first, size_t size)
{
    size_t header = 2;
    frame[0] = (unsigned char)first;
    if (size < 126)
    {
        frame[1] = (unsigned char)size;
    }
    else if (size < 65536)
    {
        header = 4;
        frame[1] = 126;
        frame[2] = (unsigned char)(size >> 8);
        frame[3] = (unsigned char)size;
    }
    else
    {
        header = 10;
        frame[1] = 127;
        for (size_t i = 0; i < 8; i++)
        {
            frame[2 + i] = (unsigned char)((unsigned long long)size >> (56 - 8 * i));
        }
    }
    for (size_t i = 0; i < size; i++)
    {
        frame[header + i] = stream_byte(peer->streamed++);
    }
    return header + size;
}

static void say_stream(PEER* peer)
{
    unsigned char ping[2 + 125] = { FINAL | PING, 125 }; /* as long as can be */
    unsigned char* frame = malloc(STREAM_SIZE);
    if (frame == NULL)
    {
        _exit(EXIT_FAILURE);
    }
    peer->streamed = 0;
    put(peer, frame, stream_frame(peer, frame, FINAL | BINARY, 100));
    put(peer, frame, stream_frame(peer, frame, FINAL | BINARY, 100000));
    put(peer, frame, stream_frame(peer, frame, BINARY, 5000));
    put(peer, frame, stream_frame(peer, frame, CONTINUED, 5000));
    put(peer, ping, sizeof ping);
    put(peer, frame, stream_frame(peer, frame, FINAL | CONTINUED, 5000));
    put(peer, frame, stream_frame(peer, frame, FINAL | BINARY, 1));
    free(frame);
}

static void answer(PEER* peer)
{
    static const char name[] = "Sec-WebSocket-Key: ";
    char request[4096] = "";
    unsigned char digest[EVP_MAX_MD_SIZE];
    char key[64];
    char text[512 + GREETING_SIZE];
    size_t size = 0;
    const char* found;
    int length;
    while (strstr(request, "\r\n\r\n") == NULL)
    {
        get(peer, request + size++, 1);
        if (size == sizeof request - 1)
        {
            blame(peer, "a request without end");
        }
    }
    found = strstr(request, name);
    if (found == NULL)
    {
        blame(peer, "a request without key");
        return;
    }
    length = snprintf(key, sizeof key, "%.24s258EAFA5-E914-47DA-95CA-C5AB0DC85B11",
                      found + sizeof name - 1);
    EVP_Digest(key, (size_t)length, digest, NULL, EVP_sha1(), NULL);
    EVP_EncodeBlock((unsigned char*)key, digest, 20);
    length = snprintf(text, 512, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                      "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n", key);
    if (strncmp(request, "GET /greet ", 11) == 0)
    {
        length += (int)stream_frame(peer, (unsigned char*)text + length, FINAL | BINARY,
                                    GREETING_SIZE);
    }
    put(peer, text, (size_t)length);
}

static void obey(PEER* peer, const unsigned char* payload, size_t size)
{
    static const unsigned char goodbye[] = "\x88\x09\x03\xe9so long";
    switch (size > 0 ? payload[0] : 0)
    {
    case 'S':
        for (size_t i = 1; i < size; i++)
        {
            if (payload[i] != stream_byte(i))
            {
                blame(peer, "byte %zu of %zu is wrong", i, size);
            }
        }
        break;
    case 'R':
        say_stream(peer);
        break;
    case 'C':
        put(peer, goodbye, sizeof goodbye - 1);
        break;
    default:
        blame(peer, "a message of %zu bytes that begins with %d", size, payload[0]);
    }
}

static void serve_frame(PEER* peer)
{
    unsigned char head[2];
    unsigned char length[8];
    unsigned char mask[4];
    unsigned char* payload;
    size_t size;
    size_t more;
    get(peer, head, sizeof head);
    size = head[1] & 0x7f;
    more = size == 127 ? 8 : size == 126 ? 2 : 0;
    if ((head[1] & 0x80) == 0)
    {
        blame(peer, "a frame that is not masked");
    }
    if (more > 0)
    {
        get(peer, length, more);
        size = 0;
        for (size_t i = 0; i < more; i++)
        {
            size = size * 256 + length[i];
        }
    }
    get(peer, mask, sizeof mask);
    payload = size < 64 * 1024 * 1024 ? malloc(size + 1) : NULL;
    if (payload == NULL)
    {
        blame(peer, "a frame of %zu bytes", size);
        return;
    }
    get(peer, payload, size);
    for (size_t i = 0; i < size; i++)
    {
        payload[i] ^= mask[i % 4];
    }
    switch (head[0])
    {
    case FINAL | BINARY:
        obey(peer, payload, size);
        break;
    case FINAL | PONG:
        break;
    case FINAL | CLOSE:
        _exit(EXIT_SUCCESS);
    default:
        blame(peer, "a frame that begins with %02x", head[0]);
    }
    free(payload);
}

/* One connection; does not return. */
static void serve(SERVER* server, int fd, SSL_CTX* tls)
{
    PEER peer = { .fd = fd, .server = server };
    struct timeval patience = { .tv_sec = 60 };
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (tls != NULL)
    {
        peer.ssl = SSL_new(tls);
        SSL_set_fd(peer.ssl, fd);
        if (SSL_accept(peer.ssl) != 1)
        {
            _exit(EXIT_SUCCESS);
        }
    }
    answer(&peer);
    for (;;)
    {
        serve_frame(&peer);
    }
}

static void run(SERVER* server, int listener, SSL_CTX* tls)
{
    signal(SIGCHLD, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    for (;;)
    {
        int fd = accept(listener, NULL, NULL);
        if (fd >= 0 && fork() == 0)
        {
            close(listener);
            serve(server, fd, tls);
        }
        close(fd);
    }
}

/* A certificate with its key, as text, and what serves it. */
static SSL_CTX* new_identity(char* text, size_t capacity)
{
    char* certificate;
    SSL_CTX* tls = tls_context_new(TLS1_3_VERSION, &certificate);
    CHECK(strlen(text) + strlen(certificate) < capacity);
    strcat(text, certificate);
    free(certificate);
    return tls;
}

static int listen_on(const char* address, int* port)
{
    struct addrinfo hints = { .ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM };
    struct addrinfo* found;
    struct sockaddr_storage name;
    socklen_t size = sizeof name;
    int room = 16 * 1024; /* little, so that a large message does not go at once */
    int listener;
    CHECK_INT(getaddrinfo(address, "0", &hints, &found), 0);
    listener = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, found->ai_addr, found->ai_addrlen) != 0)
    {
        return -1;
    }
    freeaddrinfo(found);
    CHECK_INT(setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &room, sizeof room), 0);
    CHECK_INT(listen(listener, 16), 0);
    CHECK_INT(getsockname(listener, (struct sockaddr*)&name, &size), 0);
    *port = ntohs(name.ss_family == AF_INET6 ? ((struct sockaddr_in6*)&name)->sin6_port
                                             : ((struct sockaddr_in*)&name)->sin_port);
    return listener;
}

SERVER* server_start(const char* address, bool tls)
{
    SERVER* server = mmap(NULL, sizeof *server, PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t parent = getpid();
    int ready[2];
    char byte;
    int listener;
    CHECK(server != MAP_FAILED);
    listener = listen_on(address, &server->port);
    if (listener < 0)
    {
        return NULL;
    }
    CHECK_INT(pipe(ready), 0);
    fflush(NULL);
    if (fork() == 0)
    {
        /* OpenSSL is not used in the tests' process: each child starts anew. */
        SSL_CTX* context = NULL;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
        {
            _exit(EXIT_FAILURE);
        }
        if (tls)
        {
            context = new_identity(server->certificate, sizeof server->certificate);
            SSL_CTX_free(new_identity(server->others, sizeof server->others));
            SSL_CTX_free(new_identity(server->others, sizeof server->others));
        }
        CHECK_INT(write(ready[1], "!", 1), 1);
        close(ready[1]);
        run(server, listener, context);
    }
    close(listener);
    close(ready[1]);
    CHECK_INT(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return server;
}
