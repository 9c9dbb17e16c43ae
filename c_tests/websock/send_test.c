/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What is sent arrives as it was given; what may not be sent is not. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client.h"

enum { MIB = 1024 * 1024 };

/* Any size, either kind. -------------------------------------------------------------- */

/* Takes messages in and compares them with what is expected. */
typedef struct TAKING_TAG {
    unsigned seed;
    bool ascii;           /* the bytes are halved, to be text */
    atomic_uint messages; /* that came whole */
    size_t sizes[64];
    int opcodes[64];
    size_t wrong; /* bytes */
    atomic_bool may_read;
    atomic_size_t waiting; /* bytes that the kernel had for it before it might */
} TAKING;

static bool read_head(RAW_PEER* peer, int* first, unsigned long long* size, unsigned char mask[4])
{
    unsigned char head[14];
    if (raw_read(peer, head, 2) != 2) {
        return false;
    }
    CHECK((head[1] & 0x80) != 0);
    *first = head[0];
    *size = head[1] & 0x7f;
    size_t more = *size == 126 ? 2 : *size == 127 ? 8 : 0;
    if (raw_read(peer, head, more) != more) {
        return false;
    }
    for (size_t i = 0; i < more; i++) {
        *size = (i == 0 ? 0 : *size << 8) | head[i];
    }
    return raw_read(peer, mask, 4) == 4;
}

static void take(RAW_PEER* peer, void* context)
{
    static unsigned char part[65536];
    TAKING* taking = context;
    unsigned long long size;
    unsigned long long place = 0;
    unsigned char mask[4];
    bool inside = false;
    int first;
    if (!raw_handshake(peer, NULL)) {
        return;
    }
    while (!atomic_load(&taking->may_read)) {
        struct pollfd gone = { .fd = peer->fd, .events = POLLRDHUP };
        int waiting = 0;
        ioctl(peer->fd, FIONREAD, &waiting);
        atomic_store(&taking->waiting, (size_t)waiting);
        if (poll(&gone, 1, 1) > 0) {
            break;
        }
    }
    while (read_head(peer, &first, &size, mask)) {
        unsigned message = atomic_load(&taking->messages);
        if ((first & 0x0f) == RAW_CLOSE) {
            CHECK_INT(raw_read(peer, part, size), size);
            raw_send_frame(peer, RAW_FIN | RAW_CLOSE, "", 0);
            return;
        }
        CHECK_INT((first & 0x0f) == RAW_CONTINUATION, inside);
        CHECK_INT(first & 0x70, 0);
        if (!inside) {
            taking->opcodes[message % 64] = first & 0x0f;
            place = 0;
        }
        for (unsigned long long done = 0; done < size;) {
            size_t want = size - done < sizeof part ? (size_t)(size - done) : sizeof part;
            if (raw_read(peer, part, want) != want) {
                return;
            }
            for (size_t i = 0; i < want; i++, done++, place++) {
                unsigned char expected = byte_at(taking->seed, place);
                taking->wrong += (part[i] ^ mask[done % 4])
                    != (taking->ascii ? expected & 0x7f : expected);
            }
        }
        inside = (first & RAW_FIN) == 0;
        if (!inside) {
            taking->sizes[message % 64] = (size_t)place;
            atomic_store(&taking->messages, message + 1);
        }
    }
}

static RAW_SERVER* take_start(TAKING* taking)
{
    return raw_server_start("127.0.0.1", take, taking);
}

typedef int (*SEND)(websock_handle_t, char*, int);

static void expect_sent(SEND send, int opcode, const size_t* sizes, size_t count)
{
    TAKING taking = { .seed = 7, .ascii = opcode == RAW_TEXT, .may_read = true };
    RAW_SERVER* server = take_start(&taking);
    websock_handle_t handle = open_at(raw_server_port(server));
    for (size_t i = 0; i < count; i++) {
        unsigned char* bytes = bytes_of(7, sizes[i]);
        for (size_t j = 0; taking.ascii && j < sizes[i]; j++) {
            bytes[j] &= 0x7f;
        }
        unsigned char* copy = malloc(sizes[i] + 1);
        memcpy(copy, bytes, sizes[i]);
        CHECK_INT(send(handle, (char*)bytes, (int)sizes[i]), 0);
        CHECK_MEM(bytes, copy, sizes[i]); /* the caller's bytes stay as they were */
        free(copy);
        free(bytes);
        WAIT_UNTIL(atomic_load(&taking.messages) == i + 1);
        CHECK_INT(taking.sizes[i], sizes[i]);
        CHECK_INT(taking.opcodes[i], opcode);
        CHECK_INT(taking.wrong, 0);
    }
    websock_close(handle);
    raw_server_stop(server);
    CHECK_INT(taking.messages, count);
}

static const size_t sizes[] = { 0, 1, 2, 3, 4, 5, 7, 8, 125, 126, 127, 128, 1000, 4095, 4096, 4097,
                                65535, 65536, 65537, 100000, MIB, MIB + 1 };
enum { SIZES = sizeof sizes / sizeof *sizes };

TEST(text_of_any_size) { expect_sent(websock_send_text, RAW_TEXT, sizes, SIZES); }
TEST(binary_of_any_size) { expect_sent(websock_send_binary, RAW_BINARY, sizes, SIZES); }

/* One message, whatever frames it takes. */
TEST(very_large_messages)
{
    static const size_t large[] = { 16 * MIB - 1, 16 * MIB, 16 * MIB + 1, 40 * MIB + 3, 5 };
    expect_sent(websock_send_text, RAW_TEXT, large, 5);
    expect_sent(websock_send_binary, RAW_BINARY, large, 5);
}

/* A message that is not a multiple of four changes no mask of the next. */
TEST(many_small_messages)
{
    enum { MANY = 2000 };
    TAKING taking = { .seed = 3, .may_read = true };
    RAW_SERVER* server = take_start(&taking);
    websock_handle_t handle = open_at(raw_server_port(server));
    unsigned char* bytes = bytes_of(3, 64);
    for (int i = 0; i < MANY; i++) {
        CHECK_INT(websock_send_binary(handle, (char*)bytes, i % 64), 0);
    }
    WAIT_UNTIL(atomic_load(&taking.messages) == MANY);
    websock_close(handle);
    raw_server_stop(server);
    CHECK_INT(taking.wrong, 0);
    free(bytes);
}

/* The caller's memory is read only. */
TEST(a_payload_that_cannot_be_written_to)
{
    TALK talking = TALK_OF("");
    RAW_SERVER* server = talk_start(&talking);
    websock_handle_t handle = open_at(raw_server_port(server));
    char* page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(page != MAP_FAILED);
    memcpy(page + 4096 - 5, "hello", 5); /* nor are the bytes behind it there */
    CHECK_INT(mprotect(page, 4096, PROT_READ), 0);
    CHECK_INT(websock_send_text(handle, page + 4096 - 5, 5), 0);
    CHECK_INT(websock_send_binary(handle, page + 4096 - 5, 5), 0);
    CHECK_INT(websock_send_ping(handle, page + 4096 - 5, 5), 0);
    CHECK_INT(websock_send_pong(handle, page + 4096 - 5, 5), 0);
    websock_close(handle);
    raw_server_stop(server);
    CHECK(HEARD_ONLY(&talking, "\x81\x05hello\x82\x05hello\x89\x05hello\x8a\x05hello" GOODBYE));
    munmap(page, 4096);
}

TEST(pings_and_pongs)
{
    static char bytes[126];
    TALK talking = TALK_OF("");
    RAW_SERVER* server = talk_start(&talking);
    websock_handle_t handle = open_at(raw_server_port(server));
    memset(bytes, 'p', sizeof bytes);
    CHECK_INT(websock_send_ping(handle, NULL, 0), 0);
    CHECK_INT(websock_send_pong(handle, NULL, 0), 0);
    CHECK_INT(websock_send_ping(handle, bytes, 0), 0);
    CHECK_INT(websock_send_ping(handle, bytes, 125), 0);
    CHECK_INT(websock_send_pong(handle, bytes, 125), 0);
    CHECK_INT(websock_send_ping(handle, bytes, 126), -1);
    CHECK_INT(websock_send_pong(handle, bytes, 126), -1);
    CHECK_INT(websock_send_ping(handle, (char*)"\xff", 1), 0); /* any bytes */
    websock_close(handle);
    raw_server_stop(server);
    unsigned char expected[512] = { 0x89, 0, 0x8a, 0, 0x89, 0, 0x89, 125 };
    memset(expected + 8, 'p', 125);
    expected[133] = 0x8a;
    expected[134] = 125;
    memset(expected + 135, 'p', 125);
    memcpy(expected + 260, "\x89\x01\xff" GOODBYE, 7);
    CHECK(talk_heard_only(&talking, (char*)expected, 267));
}

/* What is refused. -------------------------------------------------------------------- */

TEST(bad_arguments)
{
    static const SEND sends[] = { websock_send_text, websock_send_binary, websock_send_ping,
                                  websock_send_pong };
    TALK talking = TALK_OF("");
    RAW_SERVER* server = talk_start(&talking);
    websock_handle_t handle = open_at(raw_server_port(server));
    for (size_t i = 0; i < sizeof sends / sizeof *sends; i++) {
        CHECK_INT(sends[i](NULL, (char*)"hi", 2), -1);
        CHECK_INT(sends[i](NULL, NULL, 0), -1);
        CHECK_INT(sends[i](handle, NULL, 2), -1);
        CHECK_INT(sends[i](handle, (char*)"hi", -1), -1);
        CHECK_INT(sends[i](handle, NULL, -1), -1);
        CHECK_INT(sends[i](handle, (char*)"hi", -2147483647 - 1), -1);
        CHECK_INT(sends[i]((websock_handle_t)(size_t)0x1234567, (char*)"hi", 2), -1);
        CHECK_INT(sends[i]((websock_handle_t)&talking, (char*)"hi", 2), -1);
    }
    CHECK_INT(websock_send_text(handle, (char*)"ok", 2), 0); /* it is none the worse */
    websock_close(handle);
    raw_server_stop(server);
    CHECK(HEARD_ONLY(&talking, "\x81\x02ok" GOODBYE));
}

TEST(text_must_be_utf8)
{
    static const char* const good[] = {
        "a", "\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
        "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "\xef\xbb\xbf", "\xce\xba\xe1\xbd\xb9",
    };
    static const char* const bad[] = {
        "\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2\x41", "\xe0\x80\x80", "\xe0\x9f\xbf",
        "\xe1\x80", "\xe1\x80\x41", "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf", "\xf0\x90\x80",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xf8\x88\x80\x80\x80", "\xfe", "\xff", "a\xffz",
        "\xce\xba\xe1\xbd",
    };
    TALK talking = TALK_OF("");
    RAW_SERVER* server = talk_start(&talking);
    websock_handle_t handle = open_at(raw_server_port(server));
    unsigned char expected[256];
    size_t size = 0;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK_INT(websock_send_text(handle, (char*)(size_t)bad[i], (int)strlen(bad[i])), -1);
    }
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        CHECK_INT(websock_send_text(handle, (char*)(size_t)good[i], (int)strlen(good[i])), 0);
        expected[size++] = 0x81;
        expected[size++] = (unsigned char)strlen(good[i]);
        memcpy(expected + size, good[i], strlen(good[i]));
        size += strlen(good[i]);
    }
    CHECK_INT(websock_send_text(handle, (char*)"\0", 1), 0); /* U+0000 is a character */
    memcpy(expected + size, "\x81\x01\0" GOODBYE, 7);
    websock_close(handle);
    raw_server_stop(server);
    CHECK(talk_heard_only(&talking, (char*)expected, size + 7));
}

/* The fault is far inside, or is the very last byte. */
TEST(long_text_must_be_utf8)
{
    enum { LONG = 20 * MIB };
    TALK talking = TALK_OF("");
    RAW_SERVER* server = talk_start(&talking);
    websock_handle_t handle = open_at(raw_server_port(server));
    char* text = malloc(LONG);
    memset(text, 'a', LONG);
    text[LONG - 1] = (char)0xc3;
    CHECK_INT(websock_send_text(handle, text, LONG), -1);
    text[LONG - 1] = 'a';
    text[17 * MIB + 5] = (char)0x80;
    CHECK_INT(websock_send_text(handle, text, LONG), -1);
    free(text);
    websock_close(handle);
    raw_server_stop(server);
    CHECK(HEARD_ONLY(&talking, GOODBYE)); /* nothing of it was sent */
}

/* When the connection is over. -------------------------------------------------------- */

static void send_until_refused(websock_handle_t handle)
{
    DEADLINE deadline = deadline_after(20 * slowness());
    while (websock_send_text(handle, (char*)"hi", 2) == 0) {
        CHECK(!deadline_passed(deadline));
    }
    CHECK_INT(websock_send_text(handle, (char*)"hi", 2), -1);
    CHECK_INT(websock_send_binary(handle, (char*)"hi", 2), -1);
    CHECK_INT(websock_send_ping(handle, NULL, 0), -1);
    expect_end(handle, LONG_MS);
    websock_close(handle);
}

TEST(the_server_has_gone)
{
    TALK talking = TALK_OF("");
    talking.ends = true;
    RAW_SERVER* server = talk_start(&talking);
    send_until_refused(open_at(raw_server_port(server)));
    raw_server_stop(server);
}

TEST(the_server_has_reset_the_connection)
{
    TALK talking = TALK_OF("");
    talking.resets = true;
    RAW_SERVER* server = talk_start(&talking);
    send_until_refused(open_at(raw_server_port(server)));
    raw_server_stop(server);
}

TEST(the_server_has_said_goodbye)
{
    TALK talking = TALK_OF(GOODBYE);
    RAW_SERVER* server = talk_start(&talking);
    websock_handle_t handle = open_at(raw_server_port(server));
    expect_end(handle, LONG_MS);
    CHECK_INT(websock_send_text(handle, (char*)"hi", 2), -1);
    websock_close(handle);
    raw_server_stop(server);
    CHECK(HEARD_ONLY(&talking, GOODBYE));
}

/* A server that does not read. -------------------------------------------------------- */

typedef struct SENDER_TAG {
    websock_handle_t handle;
    size_t size;
    int result;
    atomic_bool done;
    pthread_t thread;
} SENDER;

static void* send_it(void* context)
{
    SENDER* sender = context;
    unsigned char* bytes = bytes_of(5, sender->size);
    sender->result = websock_send_binary(sender->handle, (char*)bytes, (int)sender->size);
    atomic_store(&sender->done, true);
    free(bytes);
    return NULL;
}

/* Until what the kernel has for the server grows no more. */
static void wait_until_stuck(TAKING* taking)
{
    size_t before = 0;
    int same = 0;
    while (same < 100) {
        size_t now = atomic_load(&taking->waiting);
        same = now > 0 && now == before ? same + 1 : 0;
        before = now;
        a_moment();
    }
}

TEST(a_send_waits_for_room)
{
    TAKING taking = { .seed = 5 };
    RAW_SERVER* server = take_start(&taking);
    SENDER sender = { .handle = open_at(raw_server_port(server)), .size = 32 * MIB };
    CHECK_INT(pthread_create(&sender.thread, NULL, send_it, &sender), 0);
    wait_until_stuck(&taking);
    CHECK(!atomic_load(&sender.done));
    atomic_store(&taking.may_read, true);
    WAIT_UNTIL(atomic_load(&sender.done));
    pthread_join(sender.thread, NULL);
    CHECK_INT(sender.result, 0);
    WAIT_UNTIL(atomic_load(&taking.messages) == 1);
    websock_close(sender.handle);
    raw_server_stop(server);
    CHECK_INT(taking.wrong, 0);
    CHECK_INT(taking.sizes[0], 32 * MIB);
}

TEST(a_send_that_waits_ends_with_the_connection)
{
    TAKING taking = { .seed = 5 };
    RAW_SERVER* server = take_start(&taking);
    SENDER sender = { .handle = open_at(raw_server_port(server)), .size = 32 * MIB };
    CHECK_INT(pthread_create(&sender.thread, NULL, send_it, &sender), 0);
    wait_until_stuck(&taking);
    raw_server_stop(server); /* unread bytes: this resets it */
    WAIT_UNTIL(atomic_load(&sender.done));
    pthread_join(sender.thread, NULL);
    CHECK_INT(sender.result, -1);
    expect_end(sender.handle, LONG_MS);
    websock_close(sender.handle);
}

/* Both wait: the server for the client to read, the client for the server. What comes
 * is taken in while a send waits, as far as there is room for it. */
static void echo_of_the_same_size(RAW_PEER* peer, void* context)
{
    enum { SIZE = 200 * 1000 };
    unsigned char* bytes = bytes_of(9, SIZE);
    (void)context;
    if (raw_handshake(peer, NULL) && raw_send_frame(peer, RAW_FIN | RAW_PING, "now?", 4)
        && raw_send_frame(peer, RAW_FIN | RAW_BINARY, bytes, SIZE)) {
        raw_drain(peer);
    }
    free(bytes);
}

TEST(what_comes_while_a_send_waits_is_kept)
{
    enum { SIZE = 200 * 1000 };
    RAW_SERVER* server = raw_server_start("127.0.0.1", echo_of_the_same_size, NULL);
    websock_handle_t handle = open_at(raw_server_port(server));
    unsigned char* bytes = bytes_of(9, SIZE);
    char* large = calloc(1, 32 * MIB);
    CHECK_INT(websock_send_binary(handle, large, 32 * MIB), 0);
    expect_frame(handle, 1, RAW_BINARY, bytes, SIZE);
    websock_close(handle);
    raw_server_stop(server);
    free(large);
    free(bytes);
}

/* 0 means that the kernel has it. ------------------------------------------------------- */

/* The process ends right after the send, without a goodbye. */
TEST(a_send_that_succeeded_outlives_the_process)
{
    enum { SIZE = 3 * MIB };
    TAKING taking = { .seed = 5, .may_read = true };
    int port_pipe[2];
    int port = 0;
    int status;
    CHECK_INT(pipe(port_pipe), 0);
    pid_t child = fork(); /* before there are threads */
    if (child == 0) {
        unsigned char* bytes = bytes_of(5, SIZE);
        CHECK_INT(read(port_pipe[0], &port, sizeof port), sizeof port);
        websock_handle_t handle = open_at(port);
        _exit(websock_send_binary(handle, (char*)bytes, SIZE) == 0 ? 0 : 1);
    }
    RAW_SERVER* server = take_start(&taking);
    port = raw_server_port(server);
    CHECK_INT(write(port_pipe[1], &port, sizeof port), sizeof port);
    CHECK_INT(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status));
    CHECK_INT(WEXITSTATUS(status), 0);
    WAIT_UNTIL(raw_server_served(server) == 1);
    raw_server_stop(server);
    CHECK_INT(taking.messages, 1);
    CHECK_INT(taking.sizes[0], SIZE);
    CHECK_INT(taking.wrong, 0);
    close(port_pipe[0]);
    close(port_pipe[1]);
}
