/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Bytes from a server, through the real libwebsockets, into wsio.
 *
 * Input: one byte of flags, then what the server sends. With flag 1 a valid
 * answer to the handshake comes first, and the input is frames; otherwise it is
 * the answer. With flag 2 it arrives byte by byte. Each completion must come
 * exactly once, whatever happens. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wsio.h"

static int opens, sends, errors, closes;

static void on_open(void* context, IO_OPEN_RESULT result)
{
    (void)context;
    (void)result;
    opens++;
}

static void on_bytes(void* context, const unsigned char* bytes, size_t size)
{
    volatile unsigned char sum = 0;
    (void)context;
    for (size_t i = 0; i < size; i++)
    {
        sum = (unsigned char)(sum + bytes[i]);
    }
}

static void on_error(void* context)
{
    (void)context;
    errors++;
}

static void on_sent(void* context, IO_SEND_RESULT result)
{
    (void)context;
    (void)result;
    sends++;
}

static void on_closed(void* context)
{
    (void)context;
    closes++;
}

static void must(int holds, const char* what)
{
    if (!holds)
    {
        fprintf(stderr, "broken promise: %s\n", what);
        abort();
    }
}

static int listener(int* port)
{
    static int fd = -1;
    static int number;

    if (fd < 0)
    {
        struct sockaddr_in address = {.sin_family = AF_INET};
        socklen_t length = sizeof(address);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        fd = socket(AF_INET, SOCK_STREAM, 0);
        must(fd >= 0 && bind(fd, (struct sockaddr*)&address, length) == 0 &&
                 listen(fd, 64) == 0 && getsockname(fd, (struct sockaddr*)&address, &length) == 0,
             "a socket");
        number = ntohs(address.sin_port);
    }
    *port = number;
    return fd;
}

/* The answer to the handshake in `request`. */
static size_t answer_to(const char* request, char* answer, size_t size)
{
    static const char name[] = "Sec-WebSocket-Key: ";
    const char* key = strstr(request, name);
    char text[128];
    unsigned char digest[SHA_DIGEST_LENGTH];
    unsigned char accept[64];

    must(key != NULL, "a key");
    snprintf(text, sizeof(text), "%.24s258EAFA5-E914-47DA-95CA-C5AB0DC85B11",
             key + sizeof(name) - 1);
    SHA1((const unsigned char*)text, strlen(text), digest);
    EVP_EncodeBlock(accept, digest, sizeof(digest));
    return (size_t)snprintf(answer, size,
                            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                            "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
                            (const char*)accept);
}

static void work(CONCRETE_IO_HANDLE io, int times)
{
    while (times-- > 0)
    {
        wsio_dowork(io);
    }
}

/* Sends all, as the client reads. */
static void serve(int peer, CONCRETE_IO_HANDLE io, const void* bytes, size_t size, size_t piece)
{
    const char* from = bytes;
    int patience = 1000;

    while (size > 0 && patience > 0)
    {
        ssize_t count = send(peer, from, size < piece ? size : piece, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count > 0)
        {
            from += count;
            size -= (size_t)count;
        }
        else if (errno != EAGAIN)
        {
            break;
        }
        else
        {
            patience--;
        }
        work(io, 2);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size)
{
    char request[8192];
    size_t have = 0;
    int port;
    int fd = listener(&port);
    WSIO_CONFIG config = {"127.0.0.1", 0, "", "/", false, NULL};
    CONCRETE_IO_HANDLE io;
    int peer;
    int sent = 0;
    const int one = 1;

    if (size < 1)
    {
        return 0;
    }
    config.port = port;
    opens = sends = errors = closes = 0;
    io = wsio_create(&config, NULL);
    must(io != NULL && wsio_open(io, on_open, on_bytes, on_error, NULL) == 0, "an open");
    peer = accept(fd, NULL, NULL);
    must(peer >= 0, "a connection");
    setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    request[0] = '\0';
    while (strstr(request, "\r\n\r\n") == NULL && have < sizeof(request) - 1)
    {
        ssize_t count = recv(peer, request + have, sizeof(request) - 1 - have, MSG_DONTWAIT);
        if (count > 0)
        {
            have += (size_t)count;
            request[have] = '\0';
        }
        wsio_dowork(io);
    }
    if (data[0] & 1)
    {
        char answer[512];
        serve(peer, io, answer, answer_to(request, answer, sizeof(answer)), sizeof(answer));
        for (int i = 0; i < 100000 && opens == 0; i++)
        {
            wsio_dowork(io);
        }
        must(opens == 1, "a good answer opens");
        sent += wsio_send(io, "ping", 4, on_sent, NULL) == 0;
    }
    serve(peer, io, data + 1, size - 1, (data[0] & 2) ? 1 : size);
    shutdown(peer, SHUT_WR);
    work(io, 50);
    sent += wsio_send(io, "late", 4, on_sent, NULL) == 0;
    must(opens <= 1 && errors <= 1 && sends <= sent, "answers come once");
    if (wsio_close(io, on_closed, NULL) == 0)
    {
        must(closes == 1, "a close is answered");
    }
    must(opens == 1 && sends == sent, "every open and send is answered once");
    wsio_destroy(io);
    close(peer);
    return 0;
}
