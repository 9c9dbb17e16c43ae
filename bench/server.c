/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The server of all measurements: one thread, epoll, WebSocket over TCP and TLS.
 *
 *   server CERTIFICATE KEY AWAKE_US
 *
 * prints "ws PORT wss PORT" and serves until stdin ends. AWAKE_US is how long it
 * looks for events without sleeping after each; 0: as servers do.
 *
 *   /sink?count=N              takes messages; after each N sends one of 8 bytes
 *   /source?size=S&count=N     for each message sends N messages of S bytes
 *   /echo                      sends each message back when it is complete
 *   /stats                     plain HTTP: what it has done so far, as JSON
 *
 * It is to be faster than any client. So payloads of the sink are neither
 * unmasked nor, when large, copied out of the kernel (MSG_TRUNC); the source
 * writes frames that were made before, many at once. */
#define _GNU_SOURCE
#include "frames.h"
#include "stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SCRATCH (1024 * 1024)
#define PREPARED (1024 * 1024) /* frames that the source writes at once */
#define TRUNCATE_FROM (32 * 1024)

enum mode { HANDSHAKE, SINK, SOURCE, ECHO };

struct buffer {
    unsigned char* bytes;
    size_t used, room;
};

struct connection {
    struct stream stream;
    enum mode mode;
    bool over;           /* close it once all is written */
    struct buffer in;    /* the request; the echo's message */
    struct buffer out;
    size_t out_done;
    struct frame_parser parser;
    uint64_t messages;
    uint64_t count;      /* as in the URL */
    struct buffer frames; /* the source's, PREPARED or more bytes of whole ones */
    size_t frame_size;
    uint64_t source_left; /* bytes still to be sent */
    size_t source_at;    /* where in `frames` */
    bool wants_write;
};

/* What /stats reports. */
static struct {
    uint64_t connections, messages, bytes;
    long long busy_ns; /* spent serving, waiting left out */
} stats;

static unsigned char scratch[SCRATCH];
static int epoll;

static void die(const char* what)
{
    fprintf(stderr, "server: %s: %s\n", what, strerror(errno));
    exit(1);
}

static long long now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static unsigned char* reserve(struct buffer* buffer, size_t more)
{
    if (buffer->room - buffer->used < more) {
        buffer->room = (buffer->used + more) * 2;
        buffer->bytes = realloc(buffer->bytes, buffer->room);
        if (buffer->bytes == NULL) {
            die("out of memory");
        }
    }
    return buffer->bytes + buffer->used;
}

static void append(struct buffer* buffer, const void* bytes, size_t size)
{
    memcpy(reserve(buffer, size), bytes, size);
    buffer->used += size;
}

static void append_frame(struct buffer* buffer, unsigned opcode, const void* payload, size_t size)
{
    unsigned char header[FRAME_HEADER_MAX];
    append(buffer, header, frame_header(header, opcode, size, NULL));
    append(buffer, payload, size);
}

/* The handshake ------------------------------------------------------------------ */

static uint64_t query_number(const char* path, const char* name, uint64_t otherwise)
{
    const char* found = strstr(path, name);
    return found == NULL ? otherwise : strtoull(found + strlen(name), NULL, 10);
}

static bool header_value(const char* request, const char* name, char* value, size_t room)
{
    const char* found = strcasestr(request, name);
    if (found == NULL) {
        return false;
    }
    found += strlen(name);
    found += strspn(found, " ");
    snprintf(value, room, "%.*s", (int)strcspn(found, "\r,"), found);
    return true;
}

static void prepare_source(struct connection* connection, size_t size)
{
    unsigned char* payload = calloc(1, size);
    if (payload == NULL) {
        die("out of memory");
    }
    do {
        append_frame(&connection->frames, OPCODE_BINARY, payload, size);
        if (connection->frame_size == 0) {
            connection->frame_size = connection->frames.used;
        }
    } while (connection->frames.used < PREPARED);
    free(payload);
}

static void answer_stats(struct connection* connection)
{
    char body[256], head[512];
    int size = snprintf(body, sizeof(body),
        "{\"connections\": %llu, \"messages\": %llu, \"bytes\": %llu, \"busy_ns\": %lld}\n",
        (unsigned long long)stats.connections, (unsigned long long)stats.messages, (unsigned long long)stats.bytes,
        stats.busy_ns);
    int head_size =
        snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n", size);
    append(&connection->out, head, (size_t)head_size);
    append(&connection->out, body, (size_t)size);
    connection->over = true;
}

/* False when the request is of no use. */
static bool answer(struct connection* connection, const char* request)
{
    char path[256], key[64], protocol[64], accept[64], response[512];
    unsigned char digest[SHA_DIGEST_LENGTH];

    if (sscanf(request, "GET %255s", path) != 1) {
        return false;
    }
    if (strcmp(path, "/stats") == 0) {
        answer_stats(connection);
        return true;
    }
    if (!header_value(request, "Sec-WebSocket-Key:", key, sizeof(key))) {
        return false;
    }
    strncat(key, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11", sizeof(key) - strlen(key) - 1);
    SHA1((unsigned char*)key, strlen(key), digest);
    EVP_EncodeBlock((unsigned char*)accept, digest, sizeof(digest));
    int size = snprintf(response, sizeof(response),
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n",
        accept);
    append(&connection->out, response, (size_t)size);
    if (header_value(request, "Sec-WebSocket-Protocol:", protocol, sizeof(protocol))) {
        size = snprintf(response, sizeof(response), "Sec-WebSocket-Protocol: %s\r\n", protocol);
        append(&connection->out, response, (size_t)size);
    }
    append(&connection->out, "\r\n", 2);

    connection->count = query_number(path, "count=", 1);
    if (strncmp(path, "/source", 7) == 0) {
        connection->mode = SOURCE;
        prepare_source(connection, (size_t)query_number(path, "size=", 1));
    } else {
        connection->mode = strncmp(path, "/sink", 5) == 0 ? SINK : ECHO;
    }
    stats.connections++;
    return true;
}

/* What comes in ------------------------------------------------------------------- */

static void on_message(struct connection* connection)
{
    connection->messages++;
    stats.messages++;
    if (connection->mode == SINK && connection->messages % connection->count == 0) {
        append_frame(&connection->out, OPCODE_BINARY, "received", 8);
    } else if (connection->mode == SOURCE) {
        connection->source_left += connection->count * connection->frame_size;
    } else if (connection->mode == ECHO) {
        append_frame(&connection->out, OPCODE_BINARY, connection->in.bytes, connection->in.used);
        connection->in.used = 0;
    }
}

static void on_frame_end(struct connection* connection)
{
    switch (frame_opcode(&connection->parser)) {
    case OPCODE_CLOSE:
        append_frame(&connection->out, OPCODE_CLOSE, "\x03\xe8", 2);
        connection->over = true;
        break;
    case OPCODE_PING:
        append_frame(&connection->out, OPCODE_PONG, NULL, 0); /* no client sends one with payload */
        break;
    case OPCODE_PONG:
        break;
    default:
        if (frame_is_final(&connection->parser)) {
            on_message(connection);
        }
    }
}

static void on_bytes(struct connection* connection, unsigned char* bytes, size_t size)
{
    struct frame_piece piece;
    while (size > 0 && !connection->over) {
        size_t used = frame_next(&connection->parser, bytes, size, &piece);
        stats.bytes += piece.size;
        if (connection->mode == ECHO && piece.size > 0 && frame_opcode(&connection->parser) < OPCODE_CLOSE) {
            append(&connection->in, piece.payload, piece.size);
        }
        if (piece.frame_ends) {
            const unsigned char* mask = frame_mask(&connection->parser);
            if (connection->mode == ECHO && mask != NULL) {
                /* Clients here send each message in one frame. */
                frame_unmask(connection->in.bytes, connection->in.used, mask);
            }
            on_frame_end(connection);
        }
        bytes += used;
        size -= used;
    }
}

static bool on_request_bytes(struct connection* connection, const unsigned char* bytes, size_t size)
{
    append(&connection->in, bytes, size);
    append(&connection->in, "", 1);
    connection->in.used--;
    if (strstr((char*)connection->in.bytes, "\r\n\r\n") == NULL) {
        return connection->in.used < 16 * 1024;
    }
    bool ok = answer(connection, (char*)connection->in.bytes); /* clients send nothing before they have this */
    connection->in.used = 0;
    return ok;
}

/* Takes bytes off the socket; as stream_read. */
static ssize_t take(struct connection* connection)
{
    struct frame_parser* parser = &connection->parser;
    bool skip = connection->mode == SINK && connection->stream.ssl == NULL && parser->left > TRUNCATE_FROM;
    if (skip) {
        /* All but one byte, which on_bytes sees and ends the frame with. */
        ssize_t size = recv(connection->stream.fd, NULL, parser->left - 1, MSG_TRUNC);
        if (size > 0) {
            parser->left -= (uint64_t)size;
            stats.bytes += (uint64_t)size;
            return size;
        }
        return size < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
    }
    ssize_t size = stream_read(&connection->stream, scratch, sizeof(scratch));
    if (size > 0) {
        if (connection->mode != HANDSHAKE) {
            on_bytes(connection, scratch, (size_t)size);
        } else if (!on_request_bytes(connection, scratch, (size_t)size)) {
            return -1;
        }
    }
    return size;
}

/* What goes out ------------------------------------------------------------------- */

/* False when the connection is lost. */
static bool flush(struct connection* connection)
{
    struct buffer* out = &connection->out;
    while (connection->out_done < out->used) {
        size_t left = out->used - connection->out_done;
        ssize_t size = stream_write(&connection->stream, out->bytes + connection->out_done, left);
        if (size <= 0) {
            return size == 0;
        }
        connection->out_done += (size_t)size;
    }
    out->used = connection->out_done = 0;
    /* Some writes only, so that other connections have their turn. */
    for (int turn = 0; turn < 4 && connection->source_left > 0; turn++) {
        size_t size = connection->frames.used - connection->source_at;
        if (size > connection->source_left) {
            size = (size_t)connection->source_left;
        }
        ssize_t written = stream_write(&connection->stream, connection->frames.bytes + connection->source_at, size);
        if (written <= 0) {
            return written == 0;
        }
        connection->source_left -= (uint64_t)written;
        connection->source_at = (connection->source_at + (size_t)written) % connection->frames.used;
    }
    return true;
}

static bool has_output(const struct connection* connection)
{
    return connection->out.used > 0 || connection->source_left > 0;
}

/* Connections --------------------------------------------------------------------- */

static void drop(struct connection* connection)
{
    stream_stop(&connection->stream);
    free(connection->in.bytes);
    free(connection->out.bytes);
    free(connection->frames.bytes);
    free(connection);
}

static void watch(struct connection* connection, int operation)
{
    struct epoll_event event = { .data.ptr = connection };
    connection->wants_write = has_output(connection);
    event.events = EPOLLIN | (connection->wants_write ? EPOLLOUT : 0);
    if (epoll_ctl(epoll, operation, connection->stream.fd, &event) != 0) {
        die("epoll_ctl");
    }
}

static void serve(struct connection* connection, uint32_t events)
{
    if ((events & ~(uint32_t)EPOLLOUT) != 0) {
        ssize_t size;
        do {
            size = take(connection);
            /* OpenSSL may hold bytes that epoll does not know of. */
        } while (size > 0 && connection->stream.ssl != NULL && !connection->over);
        if (size < 0) {
            drop(connection);
            return;
        }
    }
    if (!flush(connection) || (connection->over && !has_output(connection))) {
        drop(connection);
    } else if (has_output(connection) != connection->wants_write) {
        watch(connection, EPOLL_CTL_MOD);
    }
}

/* A listening socket is known to epoll by one of these. */
struct listener {
    int fd;
    SSL_CTX* tls;
};

static void welcome(const struct listener* listener)
{
    int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        return;
    }
    struct connection* connection = calloc(1, sizeof(*connection));
    if (connection == NULL || stream_start(&connection->stream, fd, listener->tls) != 0) {
        die("accept");
    }
    if (connection->stream.ssl != NULL) {
        SSL_set_accept_state(connection->stream.ssl);
    }
    watch(connection, EPOLL_CTL_ADD);
}

static int listen_on_loopback(struct listener* listener)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof(address);
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = listener };
    listener->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener->fd < 0 || bind(listener->fd, (struct sockaddr*)&address, size) != 0 ||
        listen(listener->fd, SOMAXCONN) != 0 || getsockname(listener->fd, (struct sockaddr*)&address, &size) != 0 ||
        epoll_ctl(epoll, EPOLL_CTL_ADD, listener->fd, &event) != 0) {
        die("listen");
    }
    return ntohs(address.sin_port);
}

static SSL_CTX* make_tls(const char* certificate, const char* key)
{
    SSL_CTX* tls = SSL_CTX_new(TLS_server_method());
    if (tls == NULL || SSL_CTX_use_certificate_chain_file(tls, certificate) != 1 ||
        SSL_CTX_use_PrivateKey_file(tls, key, SSL_FILETYPE_PEM) != 1) {
        ERR_print_errors_fp(stderr);
        exit(1);
    }
    SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS);
    /* Clients come anew each time. */
    SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
    return tls;
}

int main(int argc, char** argv)
{
    static struct listener ws, wss;
    static char until_stdin_ends;
    struct epoll_event events[256];
    long long awake_until = 0;

    if (argc != 4) {
        fputs("usage: server CERTIFICATE KEY AWAKE_US\n", stderr);
        return 1;
    }
    const long long awake_ns = atoll(argv[3]) * 1000;
    signal(SIGPIPE, SIG_IGN);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    wss.tls = make_tls(argv[1], argv[2]);
    int ws_port = listen_on_loopback(&ws);
    int wss_port = listen_on_loopback(&wss);
    struct epoll_event stdin_event = { .events = EPOLLIN | EPOLLHUP, .data.ptr = &until_stdin_ends };
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, STDIN_FILENO, &stdin_event) != 0) {
        die("stdin");
    }
    printf("ws %d wss %d\n", ws_port, wss_port);
    fflush(stdout);

    for (;;) {
        int count = epoll_wait(epoll, events, 256, now_ns() < awake_until ? 0 : -1);
        if (count <= 0) {
            continue;
        }
        long long began = now_ns();
        for (int i = 0; i < count; i++) {
            void* what = events[i].data.ptr;
            if (what == &until_stdin_ends) {
                return 0;
            } else if (what == &ws || what == &wss) {
                welcome(what);
            } else {
                serve(what, events[i].events);
            }
        }
        long long ended = now_ns();
        stats.busy_ns += ended - began;
        awake_until = ended + awake_ns;
    }
}
