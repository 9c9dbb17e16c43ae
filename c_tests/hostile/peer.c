/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "peer.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "check.h"
#include "deadline.h"

const char* lws_get_library_version(void);

bool lws_is_4_1(void)
{
    return strncmp(lws_get_library_version(), "4.1.", 4) == 0;
}

/* Of what the client says: more than any script but a flood makes it say. */
enum { KEPT = 256 * 1024 };

void server_start(SERVER* server)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t size = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_INT(bind(server->listener, (struct sockaddr*)&address, size), 0);
    CHECK_INT(listen(server->listener, 16), 0);
    CHECK_INT(getsockname(server->listener, (struct sockaddr*)&address, &size), 0);
    server->port = ntohs(address.sin_port);
}

void server_stop(SERVER* server)
{
    CHECK_INT(close(server->listener), 0);
    server->listener = -1;
}

static bool readable(int fd, int wait_ms)
{
    struct pollfd event = { .fd = fd, .events = POLLIN };
    return poll(&event, 1, wait_ms) == 1;
}

bool server_has_caller(const SERVER* server)
{
    return readable(server->listener, 0);
}

int server_call_without_waiting(const SERVER* server)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons((unsigned short)server->port);
    CHECK(connect(fd, (struct sockaddr*)&address, sizeof address) == 0 || errno == EINPROGRESS);
    return fd;
}

void peer_init(PEER* peer, DRIVE drive, void* client)
{
    memset(peer, 0, sizeof *peer);
    peer->drive = drive;
    peer->client = client;
    peer->fd = -1;
    peer->room = SIZE_MAX;
    peer->kept = KEPT;
    peer->received = malloc(KEPT);
    CHECK(peer->received != NULL);
}

static void hang_up(PEER* peer)
{
    if (peer->fd >= 0)
    {
        close(peer->fd);
        peer->fd = -1;
    }
}

void peer_free(PEER* peer)
{
    hang_up(peer);
    tls_server_free(peer->tls);
    free(peer->received);
    memset(peer, 0, sizeof *peer);
    peer->fd = -1;
}

static int port_of(int fd, int (*name)(int, struct sockaddr*, socklen_t*))
{
    struct sockaddr_in address = { 0 };
    socklen_t size = sizeof address;
    bool inet = name(fd, (struct sockaddr*)&address, &size) == 0 && address.sin_family == AF_INET;
    return inet ? ntohs(address.sin_port) : -1;
}

void peer_accept(PEER* peer, const SERVER* server)
{
    int at_once = 1;
    PUMP_UNTIL(peer, server_has_caller(server));
    peer->fd = accept(server->listener, NULL, NULL);
    CHECK(peer->fd >= 0);
    CHECK_INT(setsockopt(peer->fd, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once), 0);
    peer->server_port = server->port;
    peer->client_port = port_of(peer->fd, getpeername);
}

/* The client's socket, if it has one still. It is older than the peer's. */
static int client_fd(const PEER* peer)
{
    for (int fd = peer->fd; fd >= 0; fd--)
    {
        if (port_of(fd, getsockname) == peer->client_port
            && port_of(fd, getpeername) == peer->server_port)
        {
            return fd;
        }
    }
    return -1;
}

static void keep(PEER* peer, const unsigned char* bytes, size_t size)
{
    size_t left = peer->received_size < peer->kept ? peer->kept - peer->received_size : 0;
    memcpy(peer->received + peer->kept - left, bytes, size < left ? size : left);
    peer->received_size += size;
}

/* Passes on what TLS wants to say. */
static bool flush_tls(PEER* peer)
{
    unsigned char bytes[4096];
    size_t size;
    bool sent = true;
    while ((size = tls_server_output(peer->tls, bytes, sizeof bytes)) > 0)
    {
        sent = sent && peer_send_raw(peer, bytes, size);
    }
    return sent;
}

void peer_pump(PEER* peer)
{
    unsigned char bytes[65536];
    ssize_t got;
    peer->drive(peer->client);
    if (peer->fd < 0 || peer->client_left || peer->deaf || !readable(peer->fd, 0))
    {
        return;
    }
    got = recv(peer->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (got <= 0)
    {
        peer->client_left = got == 0 || errno != EAGAIN;
    }
    else if (peer->tls == NULL)
    {
        keep(peer, bytes, (size_t)got);
    }
    else
    {
        unsigned char plain[4096];
        size_t size;
        tls_server_input(peer->tls, bytes, (size_t)got);
        while ((size = tls_server_read(peer->tls, plain, sizeof plain)) > 0)
        {
            keep(peer, plain, size);
        }
    }
}

void peer_settle(PEER* peer)
{
    enum { TURNS_AFTER = 4 };
    int fd = client_fd(peer);
    int unread = 0;
    if (fd >= 0)
    {
        PUMP_UNTIL(peer, client_fd(peer) != fd || ioctl(fd, FIONREAD, &unread) != 0 || unread == 0);
    }
    for (int i = 0; i < TURNS_AFTER; i++)
    {
        peer_pump(peer);
    }
}

void peer_end(PEER* peer, ENDING ending)
{
    if (ending == FIN && peer->fd >= 0)
    {
        shutdown(peer->fd, SHUT_WR);
    }
    else if (ending == RST && peer->fd >= 0)
    {
        struct linger at_once = { .l_onoff = 1, .l_linger = 0 };
        CHECK_INT(setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
    }
    if (ending == GOES || ending == RST)
    {
        hang_up(peer);
    }
    peer->silent = true;
}

bool peer_send_raw(PEER* peer, const void* bytes, size_t size)
{
    DEADLINE deadline = deadline_after(20);
    const unsigned char* next = bytes;
    while (size > 0 && !peer->silent)
    {
        size_t part = peer->chunk > 0 && peer->chunk < size ? peer->chunk : size;
        bool damaged = peer->flipped == peer->sent + 1;
        unsigned char bad = *next ^ 1;
        ssize_t sent;
        if (part > peer->room)
        {
            part = peer->room;
        }
        if (damaged)
        {
            part = 1;
        }
        else if (peer->flipped > peer->sent && peer->flipped <= peer->sent + part)
        {
            part = peer->flipped - peer->sent - 1;
        }
        sent = send(peer->fd, damaged ? &bad : next, part, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0)
        {
            if (errno != EAGAIN)
            {
                return false;
            }
            CHECK(!deadline_passed(deadline)); /* the client reads nothing */
            peer_pump(peer);
            continue;
        }
        next += sent;
        size -= (size_t)sent;
        peer->sent += (size_t)sent;
        peer->room -= (size_t)sent;
        if (peer->chunk > 0 || peer->room == 0)
        {
            peer_settle(peer);
        }
        if (peer->room == 0)
        {
            peer_end(peer, peer->cut);
        }
    }
    return size == 0;
}

bool peer_send(PEER* peer, const void* bytes, size_t size)
{
    if (peer->tls == NULL)
    {
        return peer_send_raw(peer, bytes, size);
    }
    return (size == 0 || tls_server_write(peer->tls, bytes, size)) && flush_tls(peer);
}

bool peer_start_tls(PEER* peer, SSL_CTX* context)
{
    DEADLINE deadline = deadline_after(20);
    peer->tls = tls_server_new(context);
    while (!tls_server_is_ready(peer->tls))
    {
        CHECK(!deadline_passed(deadline));
        peer_pump(peer);
        if (!flush_tls(peer) || peer->client_left || peer->silent)
        {
            return false;
        }
    }
    return true;
}

bool peer_read_request(PEER* peer)
{
    DEADLINE deadline = deadline_after(20);
    while (peer->request_size == 0)
    {
        const unsigned char* end = memmem(peer->received, peer->received_size, "\r\n\r\n", 4);
        if (end != NULL)
        {
            peer->request_size = (size_t)(end - peer->received) + 4;
            break;
        }
        if (peer->client_left)
        {
            return false;
        }
        CHECK(!deadline_passed(deadline));
        peer_pump(peer);
    }
    return true;
}

/* RFC 6455 section 4.2.2, point 5.4. */
static void accept_value(const PEER* peer, char value[32])
{
    static const char name[] = "Sec-WebSocket-Key: ";
    const char* key = memmem(peer->received, peer->request_size, name, sizeof name - 1);
    unsigned char digest[EVP_MAX_MD_SIZE];
    char text[64];
    int size;
    CHECK(key != NULL);
    size = snprintf(text, sizeof text, "%.24s258EAFA5-E914-47DA-95CA-C5AB0DC85B11",
                    key + sizeof name - 1);
    CHECK_INT(EVP_Digest(text, (size_t)size, digest, NULL, EVP_sha1(), NULL), 1);
    EVP_EncodeBlock((unsigned char*)value, digest, 20);
}

unsigned char* peer_compose(const PEER* peer, BYTES text, size_t* size)
{
    enum { ACCEPT, SWAPPED, SHORT, PORT, MARKS };
    static const char* const marks[MARKS] = { "@ACCEPT@", "@SWAPPED@", "@SHORT@", "@PORT@" };
    char values[MARKS][32] = { "", "", "", "" };
    unsigned char* composed = malloc(text.size + 256);
    const unsigned char* next = text.size > 0 ? text.bytes : composed;
    const unsigned char* end = next + text.size;
    CHECK(composed != NULL);
    if (peer->request_size > 0)
    {
        accept_value(peer, values[ACCEPT]);
        snprintf(values[SHORT], sizeof values[SHORT], "%.27s", values[ACCEPT]);
        for (size_t i = 0; values[ACCEPT][i] != '\0'; i++)
        {
            int byte = (unsigned char)values[ACCEPT][i];
            values[SWAPPED][i] = (char)(islower(byte) ? toupper(byte) : tolower(byte));
        }
    }
    snprintf(values[PORT], sizeof values[PORT], "%d", peer->server_port);
    *size = 0;
    while (next < end)
    {
        int mark = 0;
        while (mark < MARKS
               && ((size_t)(end - next) < strlen(marks[mark])
                   || memcmp(next, marks[mark], strlen(marks[mark])) != 0))
        {
            mark++;
        }
        if (mark == MARKS)
        {
            composed[(*size)++] = *next++;
            continue;
        }
        memcpy(composed + *size, values[mark], strlen(values[mark]));
        *size += strlen(values[mark]);
        next += strlen(marks[mark]);
    }
    return composed;
}

size_t peer_frames(const PEER* peer, unsigned char* frames, size_t capacity)
{
    const unsigned char* next = peer->received + peer->request_size;
    size_t left = peer->received_size - peer->request_size;
    size_t size = 0;
    CHECK(peer->received_size <= peer->kept);
    while (left > 0)
    {
        size_t length = left > 1 ? next[1] & 0x7f : 0;
        CHECK(left >= 6 && left - 6 >= length);       /* whole */
        CHECK((next[1] & 0x80) != 0 && length < 126); /* masked; these are short */
        CHECK((next[0] & 0xf0) == 0x80);              /* final, no reserved bit */
        CHECK(size + 2 + length <= capacity);
        frames[size++] = next[0];
        frames[size++] = (unsigned char)length;
        for (size_t i = 0; i < length; i++)
        {
            frames[size++] = next[6 + i] ^ next[2 + i % 4];
        }
        next += 6 + length;
        left -= 6 + length;
    }
    return size;
}

unsigned open_fds(void)
{
    DIR* folder = opendir("/proc/self/fd");
    unsigned count = 0;
    struct dirent* entry;
    CHECK(folder != NULL);
    while ((entry = readdir(folder)) != NULL)
    {
        count++;
    }
    closedir(folder);
    return count - 3; /* ".", "..", and the folder itself */
}
