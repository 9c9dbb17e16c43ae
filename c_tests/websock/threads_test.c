/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* websock_close, and several threads at once on one handle. */
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "trust_server.h"

enum { KIB = 1024, MIB = 1024 * 1024 };

/* How long websock_close waits for the server's Close, about. */
static int close_limit_ms(void)
{
    return 1000 + soon_ms();
}

/* Closes; that must not take longer. */
static void close_within(websock_handle_t handle, int ms)
{
    long long start = clock_ms();
    websock_close(handle);
    CHECK(clock_ms() - start < ms);
}

/* Over TLS, too. A script of the server's that begins with TLS, and a client for it. */
typedef struct SECURED_TAG {
    SSL_CTX* tls; /* NULL: plain */
    RAW_SCRIPT script;
    RAW_SERVER* server;
} SECURED;

static void begin_with_tls(RAW_PEER* peer, void* context)
{
    SECURED* secured = context;
    if (secured->tls == NULL || raw_start_tls(peer, secured->tls)) {
        secured->script(peer, NULL);
    }
}

static void secured_start(SECURED* secured, bool tls, RAW_SCRIPT script)
{
    secured->tls = tls ? tls_of(TLS1_3_VERSION, "good") : NULL;
    secured->script = script;
    secured->server = raw_server_start("127.0.0.1", begin_with_tls, secured);
}

static websock_handle_t secured_open(const SECURED* secured)
{
    websock_config_t config = config_at(raw_server_port(secured->server), "/");
    if (secured->tls != NULL) {
        config.secured = 1;
        config.ssl_config.auth_mode = SSL_WRAP_VERIFY_REQUIRED;
        config.ssl_config.ca_cert.buf = pem_of("root");
        config.ssl_config.ca_cert.len = (int)strlen(config.ssl_config.ca_cert.buf);
    }
    return open_with(&config);
}

static void secured_stop(SECURED* secured)
{
    raw_server_stop(secured->server);
    SSL_CTX_free(secured->tls);
    if (secured->tls != NULL) {
        issued_free_all();
    }
}

/* Closing. --------------------------------------------------------------------------- */

TEST(goodbye)
{
    TALK talking = TALK_OF("");
    RAW_SERVER* server = talk_start(&talking);
    close_within(open_at(raw_server_port(server)), 900 * slowness()); /* it is answered */
    raw_server_stop(server);
    CHECK(HEARD_ONLY(&talking, GOODBYE));
}

TEST(goodbye_after_data)
{
    TALK talking = TALK_OF("\x81\x02hi\x81\x02ho");
    RAW_SERVER* server = talk_start(&talking);
    websock_handle_t handle = open_at(raw_server_port(server));
    CHECK_INT(websock_send_text(handle, (char*)"x", 1), 0);
    EXPECT_FRAME(handle, 1, RAW_TEXT, "hi");
    close_within(handle, 900 * slowness());
    raw_server_stop(server);
    CHECK(HEARD_ONLY(&talking, "\x81\x01x" GOODBYE));
}

TEST(a_server_that_does_not_answer_the_goodbye)
{
    TALK talking = TALK_OF("");
    talking.answers_no_close = true;
    RAW_SERVER* server = talk_start(&talking);
    close_within(open_at(raw_server_port(server)), close_limit_ms());
    WAIT_UNTIL(atomic_load(&talking.hung_up));
    raw_server_stop(server);
    CHECK(HEARD(&talking, GOODBYE));
}

/* It goes on with its own things until it reads the Close. */
static void say_much_and_answer(RAW_PEER* peer, void* context)
{
    static char block[64 * KIB];
    unsigned char payload[128];
    size_t size;
    int first = 0;
    atomic_int* heard = context;
    if (raw_handshake(peer, NULL)) {
        for (int i = 0; i < 64; i++) {
            raw_send_frame(peer, RAW_FIN | RAW_BINARY, block, sizeof block);
        }
        while (raw_read_frame(peer, &first, payload, sizeof payload, &size)) {
            if (first == (RAW_FIN | RAW_CLOSE)) {
                atomic_store(heard, payload[0] << 8 | payload[1]);
                raw_send_frame(peer, first, payload, size);
                break;
            }
        }
        raw_drain(peer);
    }
}

TEST(the_goodbye_does_not_wait_behind_a_backlog)
{
    atomic_int code = 0;
    RAW_SERVER* server = raw_server_start("127.0.0.1", say_much_and_answer, &code);
    websock_handle_t handle = open_at(raw_server_port(server));
    websock_msg_hdr_t header;
    char byte;
    CHECK_INT(receive(handle, &header, &byte, 1, LONG_MS), 1);
    close_within(handle, close_limit_ms());
    WAIT_UNTIL(raw_server_served(server) == 1);
    raw_server_stop(server);
    CHECK_INT(code, 1000);
}

TEST(handles_that_are_none)
{
    int local;
    websock_close(NULL);
    websock_close((websock_handle_t)(size_t)1);
    websock_close((websock_handle_t)(size_t)0x7fffffff);
    websock_close((websock_handle_t)(intptr_t)-1);
    websock_close(&local);
}

TEST(a_handle_is_never_used_again)
{
    enum { MANY = 200 };
    TALK talking = TALK_OF("\x81\x02hi");
    RAW_SERVER* server = talk_start(&talking);
    websock_handle_t stale[MANY];
    for (int i = 0; i < MANY; i++) {
        stale[i] = open_at(raw_server_port(server));
        for (int j = 0; j < i; j++) {
            CHECK(stale[j] != stale[i]);
        }
        if (i > 0) {
            expect_end(stale[i - 1], 0);
            CHECK_INT(websock_send_text(stale[i - 1], (char*)"x", 1), -1);
            websock_close(stale[i - 1]);
        }
        EXPECT_FRAME(stale[i], 1, RAW_TEXT, "hi");
        websock_close(stale[i]);
    }
    raw_server_stop(server);
}

TEST(nothing_is_left)
{
    TALK talking = TALK_OF("\x81\x02hi");
    RAW_SERVER* server = talk_start(&talking);
    unsigned files = 0;
    long memory = 0;
    for (int i = 0; i < 300; i++) {
        websock_handle_t handle = open_at(raw_server_port(server));
        if (i % 2 == 0) {
            EXPECT_FRAME(handle, 1, RAW_TEXT, "hi");
        }
        CHECK_INT(websock_send_binary(handle, (char*)"bytes", 5), 0);
        websock_close(handle);
        if (i == 100) {
            WAIT_UNTIL(raw_server_served(server) == 101u);
            files = open_files();
            memory = resident_kib();
        }
    }
    WAIT_UNTIL(raw_server_served(server) == 300u);
    CHECK_INT(open_files(), files);
    check_growth(memory, 2 * KIB);
    raw_server_stop(server);
}

/* One is closed while others are on it. ------------------------------------------------ */

typedef struct WAITING_TAG {
    websock_handle_t handle;
    size_t size; /* to send; 0: to receive */
    atomic_bool begun;
    atomic_bool ended;
    int result;
    pthread_t thread;
} WAITING;

static void* wait_in_it(void* context)
{
    WAITING* waiting = context;
    websock_msg_hdr_t header;
    char buffer[16];
    char* bytes = calloc(1, waiting->size + 1);
    atomic_store(&waiting->begun, true);
    waiting->result = waiting->size > 0
        ? websock_send_binary(waiting->handle, bytes, (int)waiting->size)
        : receive(waiting->handle, &header, buffer, sizeof buffer, 10 * LONG_MS);
    atomic_store(&waiting->ended, true);
    free(bytes);
    return NULL;
}

static void start_waiting(WAITING* waiting)
{
    CHECK_INT(pthread_create(&waiting->thread, NULL, wait_in_it, waiting), 0);
    WAIT_UNTIL(atomic_load(&waiting->begun));
}

/* websock_close has returned: it has ended, or does so now. */
static void expect_over(WAITING* waiting)
{
    WAIT_UNTIL(atomic_load(&waiting->ended));
    pthread_join(waiting->thread, NULL);
    CHECK_INT(waiting->result, -1);
}

static void settle(void)
{
    for (int i = 0; i < 30; i++) {
        a_moment(); /* for the threads to be inside by then, mostly */
    }
}

TEST(closed_while_one_receives)
{
    TALK talking = TALK_OF("");
    RAW_SERVER* server = talk_start(&talking);
    WAITING waiting = { .handle = open_at(raw_server_port(server)) };
    start_waiting(&waiting);
    settle();
    CHECK(!atomic_load(&waiting.ended));
    close_within(waiting.handle, close_limit_ms());
    expect_over(&waiting);
    expect_end(waiting.handle, 0);
    raw_server_stop(server);
    CHECK(HEARD_ONLY(&talking, GOODBYE));
}

TEST(closed_while_many_receive)
{
    enum { MANY = 8 };
    TALK talking = TALK_OF("");
    RAW_SERVER* server = talk_start(&talking);
    WAITING waiting[MANY];
    websock_handle_t handle = open_at(raw_server_port(server));
    for (int i = 0; i < MANY; i++) {
        waiting[i] = (WAITING){ .handle = handle };
        start_waiting(&waiting[i]);
    }
    settle();
    close_within(handle, close_limit_ms());
    for (int i = 0; i < MANY; i++) {
        expect_over(&waiting[i]);
    }
    raw_server_stop(server);
}

/* A server that reads nothing. */
static void say_nothing(RAW_PEER* peer, void* context)
{
    (void)context;
    raw_handshake(peer, NULL);
    struct pollfd gone = { .fd = peer->fd, .events = POLLRDHUP };
    poll(&gone, 1, -1);
}

/* The kernel's buffers take a few MiB; the rest waits. */
static void expect_closed_while_a_send_waits(bool tls)
{
    SECURED secured;
    secured_start(&secured, tls, say_nothing);
    websock_handle_t handle = secured_open(&secured);
    WAITING sending[3];
    WAITING receiving = { .handle = handle };
    for (int i = 0; i < 3; i++) {
        sending[i] = (WAITING){ .handle = handle, .size = 32 * MIB };
        start_waiting(&sending[i]);
    }
    start_waiting(&receiving);
    settle();
    for (int i = 0; i < 3; i++) {
        CHECK(!atomic_load(&sending[i].ended));
    }
    close_within(handle, close_limit_ms());
    for (int i = 0; i < 3; i++) {
        expect_over(&sending[i]);
    }
    expect_over(&receiving);
    secured_stop(&secured);
}

TEST(closed_while_a_send_waits) { expect_closed_while_a_send_waits(false); }
TEST(closed_while_a_send_waits_over_tls) { expect_closed_while_a_send_waits(true); }

static void* close_it(void* handle)
{
    websock_close(handle);
    return NULL;
}

TEST(closed_by_many_at_once)
{
    enum { MANY = 8 };
    for (int round = 0; round < 30; round++) {
        TALK talking = TALK_OF("");
        RAW_SERVER* server = talk_start(&talking);
        websock_handle_t handle = open_at(raw_server_port(server));
        pthread_t threads[MANY];
        for (int i = 0; i < MANY; i++) {
            CHECK_INT(pthread_create(&threads[i], NULL, close_it, handle), 0);
        }
        for (int i = 0; i < MANY; i++) {
            pthread_join(threads[i], NULL);
        }
        expect_end(handle, 0);
        raw_server_stop(server);
        CHECK(HEARD_ONLY(&talking, GOODBYE));
    }
}

/* At any moment, with everything going on. */
static void* use_until_refused(void* handle)
{
    websock_msg_hdr_t header;
    char buffer[64];
    for (unsigned i = 0; receive(handle, &header, buffer, sizeof buffer, 1) >= 0; i++) {
        if (i % 4 == 0 && websock_send_text(handle, (char*)"hello", 5) != 0) {
            break;
        }
    }
    return NULL;
}

static void echo_all(RAW_PEER* peer, void* context)
{
    static _Thread_local unsigned char payload[70000];
    size_t size;
    int first;
    (void)context;
    bool good = raw_handshake(peer, NULL);
    while (good && raw_read_frame(peer, &first, payload, sizeof payload, &size)) {
        good = raw_send_frame(peer, first, payload, size) && first != (RAW_FIN | RAW_CLOSE);
    }
}

static void expect_closed_at_any_moment(bool tls)
{
    enum { THREADS = 4, ROUNDS = 150 };
    SECURED secured;
    secured_start(&secured, tls, echo_all);
    unsigned files = 0;
    for (int round = 0; round < ROUNDS; round++) {
        websock_handle_t handle = secured_open(&secured);
        pthread_t threads[THREADS];
        for (int i = 0; i < THREADS; i++) {
            CHECK_INT(pthread_create(&threads[i], NULL, use_until_refused, handle), 0);
        }
        for (volatile int spin = 0; spin < round * 2000; spin++) {
        }
        close_within(handle, close_limit_ms());
        for (int i = 0; i < THREADS; i++) {
            pthread_join(threads[i], NULL);
        }
        WAIT_UNTIL(raw_server_served(secured.server) == (unsigned)round + 1);
        CHECK(round == 0 || open_files() == files);
        files = open_files();
    }
    secured_stop(&secured);
}

TEST(closed_at_any_moment) { expect_closed_at_any_moment(false); }
TEST(closed_at_any_moment_over_tls) { expect_closed_at_any_moment(true); }

/* And the server ends it at any moment. */
static void leave_at_some_moment(RAW_PEER* peer, void* context)
{
    unsigned char payload[256];
    size_t size;
    int first;
    static unsigned rounds;
    unsigned round = rounds++;
    (void)context;
    bool good = raw_handshake(peer, NULL);
    for (unsigned i = 0; good && i <= round % 50; i++) { /* once, for the client to be open */
        good = raw_read_frame(peer, &first, payload, sizeof payload, &size)
            && raw_send_frame(peer, first, payload, size);
    }
    if (round % 3 == 0) {
        raw_send_frame(peer, RAW_FIN | RAW_CLOSE, "\x03\xe8", 2);
    } else if (round % 3 == 1) {
        raw_reset(peer);
    }
}

static void expect_the_server_to_leave(bool tls)
{
    enum { THREADS = 4, ROUNDS = 150 };
    SECURED secured;
    log_keep();
    secured_start(&secured, tls, leave_at_some_moment);
    for (unsigned round = 0; round < ROUNDS; round++) {
        log_forget();
        websock_handle_t handle = secured_open(&secured);
        pthread_t threads[THREADS];
        for (int i = 0; i < THREADS; i++) {
            CHECK_INT(pthread_create(&threads[i], NULL, use_until_refused, handle), 0);
        }
        for (int i = 0; i < THREADS; i++) {
            pthread_join(threads[i], NULL); /* all of them hear of it */
        }
        close_within(handle, close_limit_ms());
    }
    secured_stop(&secured);
}

TEST(the_server_leaves_at_any_moment) { expect_the_server_to_leave(false); }
TEST(the_server_leaves_at_any_moment_over_tls) { expect_the_server_to_leave(true); }

/* Many senders. ------------------------------------------------------------------------- */

enum { SENDERS = 4, MESSAGES = 300 };

/* A message: its sender, its number, and bytes that both determine. */
static size_t message_size(int sender, int number)
{
    static const size_t sizes[] = { 8, 100, 5000, 66000 };
    return sizes[(number + sender) % 4] + (size_t)number % 13;
}

static void make_message(unsigned char* bytes, int sender, int number)
{
    size_t size = message_size(sender, number);
    bytes[0] = (unsigned char)sender;
    bytes[1] = (unsigned char)(number >> 8);
    bytes[2] = (unsigned char)number;
    for (size_t i = 3; i < size; i++) {
        bytes[i] = byte_at((unsigned)(sender * MESSAGES + number), i);
    }
}

typedef struct SENDER_TAG {
    websock_handle_t handle;
    int number;
    pthread_t thread;
} SENDER;

static void* send_messages(void* context)
{
    SENDER* sender = context;
    unsigned char* bytes = malloc(70000);
    for (int i = 0; i < MESSAGES; i++) {
        make_message(bytes, sender->number, i);
        CHECK_INT(websock_send_binary(sender->handle, (char*)bytes,
                                      (int)message_size(sender->number, i)), 0);
        if (i % 16 == 0) {
            CHECK_INT(websock_send_ping(sender->handle, (char*)"?", 1), 0);
        }
    }
    free(bytes);
    return NULL;
}

/* Each sender's messages come back whole and in their order. */
static void expect_messages(websock_handle_t handle)
{
    unsigned char* bytes = malloc(70000);
    unsigned char* expected = malloc(70000);
    int next[SENDERS] = { 0 };
    for (int count = 0; count < SENDERS * MESSAGES; count++) {
        websock_msg_hdr_t header;
        size_t size = 0;
        do {
            int got = receive(handle, &header, bytes + size, 4096, LONG_MS * slowness());
            CHECK(got > 0);
            CHECK_INT(header.opcode, RAW_BINARY);
            CHECK_INT(header.fin, 1);
            size += (size_t)got;
        } while (size < (size_t)header.payload_len);
        int sender = bytes[0];
        CHECK(sender < SENDERS);
        CHECK_INT(bytes[1] << 8 | bytes[2], next[sender]);
        CHECK_INT(size, message_size(sender, next[sender]));
        make_message(expected, sender, next[sender]++);
        CHECK_MEM(bytes, expected, size);
    }
    free(bytes);
    free(expected);
}

static void expect_four_senders(bool tls)
{
    SECURED secured;
    secured_start(&secured, tls, echo_all);
    websock_handle_t handle = secured_open(&secured);
    SENDER senders[SENDERS];
    for (int i = 0; i < SENDERS; i++) {
        senders[i] = (SENDER){ .handle = handle, .number = i };
        CHECK_INT(pthread_create(&senders[i].thread, NULL, send_messages, &senders[i]), 0);
    }
    expect_messages(handle);
    for (int i = 0; i < SENDERS; i++) {
        pthread_join(senders[i].thread, NULL);
    }
    websock_close(handle);
    secured_stop(&secured);
}

TEST(one_receives_and_four_send) { expect_four_senders(false); }
TEST(one_receives_and_four_send_over_tls) { expect_four_senders(true); }

/* Messages that take several frames, and pings, which may come between those. */
typedef struct LARGE_TAG {
    unsigned messages;
    unsigned pings;
    bool mixed;
} LARGE;

static void take_large(RAW_PEER* peer, void* context)
{
    LARGE* large = context;
    size_t capacity = 20 * MIB;
    unsigned char* payload = malloc(capacity);
    size_t size;
    int first;
    int inside = -1;
    bool good = raw_handshake(peer, NULL);
    while (good && raw_read_frame(peer, &first, payload, capacity, &size)) {
        int opcode = first & 0x0f;
        if (opcode == RAW_CLOSE) {
            raw_send_frame(peer, first, payload, size);
            break;
        }
        if (opcode == RAW_PING) {
            large->pings++;
            continue;
        }
        large->mixed = large->mixed || (opcode == RAW_CONTINUATION) != (inside >= 0);
        for (size_t i = 0; i < size; i++) {
            large->mixed = large->mixed || (inside >= 0 && payload[i] != inside);
            inside = payload[i];
        }
        if ((first & RAW_FIN) != 0) {
            inside = -1;
            large->messages++;
        }
    }
    free(payload);
}

static void* send_large(void* context)
{
    SENDER* sender = context;
    char* bytes = malloc(20 * MIB);
    memset(bytes, sender->number, 20 * MIB);
    for (int i = 0; i < 3; i++) {
        CHECK_INT(websock_send_binary(sender->handle, bytes, 20 * MIB), 0);
        CHECK_INT(websock_send_ping(sender->handle, bytes, 100), 0);
    }
    free(bytes);
    return NULL;
}

TEST(large_messages_are_not_mixed)
{
    LARGE large = { 0 };
    RAW_SERVER* server = raw_server_start("127.0.0.1", take_large, &large);
    websock_handle_t handle = open_at(raw_server_port(server));
    SENDER senders[SENDERS];
    for (int i = 0; i < SENDERS; i++) {
        senders[i] = (SENDER){ .handle = handle, .number = i };
        CHECK_INT(pthread_create(&senders[i].thread, NULL, send_large, &senders[i]), 0);
    }
    for (int i = 0; i < SENDERS; i++) {
        pthread_join(senders[i].thread, NULL);
    }
    websock_close(handle);
    raw_server_stop(server);
    CHECK(!large.mixed);
    CHECK_INT(large.messages, 3 * SENDERS);
    CHECK_INT(large.pings, 3 * SENDERS);
}

/* Several receivers share what comes; each piece goes to one of them. */
typedef struct SHARER_TAG {
    websock_handle_t handle;
    unsigned frames;
    pthread_t thread;
} SHARER;

static void* share(void* context)
{
    SHARER* sharer = context;
    websock_msg_hdr_t header;
    char buffer[16];
    while (receive(sharer->handle, &header, buffer, sizeof buffer, 10 * LONG_MS) > 0) {
        CHECK_INT(header.payload_len, 2);
        sharer->frames++;
    }
    return NULL;
}

static void say_many_and_close(RAW_PEER* peer, void* context)
{
    (void)context;
    if (raw_handshake(peer, NULL)) {
        for (int i = 0; i < 1000; i++) {
            raw_send_frame(peer, RAW_FIN | RAW_BINARY, "hi", 2);
        }
        raw_send_frame(peer, RAW_FIN | RAW_CLOSE, "\x03\xe8", 2);
        raw_drain(peer);
    }
}

TEST(several_receivers)
{
    RAW_SERVER* server = raw_server_start("127.0.0.1", say_many_and_close, NULL);
    websock_handle_t handle = open_at(raw_server_port(server));
    SHARER sharers[3];
    unsigned frames = 0;
    for (int i = 0; i < 3; i++) {
        sharers[i] = (SHARER){ .handle = handle };
        CHECK_INT(pthread_create(&sharers[i].thread, NULL, share, &sharers[i]), 0);
    }
    for (int i = 0; i < 3; i++) {
        pthread_join(sharers[i].thread, NULL);
        frames += sharers[i].frames;
    }
    CHECK_INT(frames, 1000);
    websock_close(handle);
    raw_server_stop(server);
}

/* A receiver with a short time out is not held up by others. */
TEST(each_has_a_time_out_of_its_own)
{
    TALK talking = TALK_OF("");
    RAW_SERVER* server = talk_start(&talking);
    WAITING waiting = { .handle = open_at(raw_server_port(server)) };
    start_waiting(&waiting);
    settle();
    for (int i = 0; i < 5; i++) {
        long long start = clock_ms();
        expect_nothing(waiting.handle, 50);
        CHECK(clock_ms() - start >= 49);
        CHECK(clock_ms() - start < 50 + soon_ms());
    }
    /* Nor are senders. */
    long long start = clock_ms();
    CHECK_INT(websock_send_text(waiting.handle, (char*)"x", 1), 0);
    CHECK(clock_ms() - start < soon_ms());
    WAIT_UNTIL(HEARD(&talking, "\x81\x01x"));
    websock_close(waiting.handle);
    expect_over(&waiting);
    raw_server_stop(server);
}

/* The leader's time is up: another one must take over. */
TEST(others_go_on_when_the_first_has_gone)
{
    RAW_SERVER* server = raw_server_start("127.0.0.1", echo_all, NULL);
    websock_handle_t handle = open_at(raw_server_port(server));
    for (int round = 0; round < 20; round++) {
        /* This thread leads for 20 ms, with the other behind it, or the other way round. */
        WAITING other = { .handle = handle };
        websock_msg_hdr_t header;
        char buffer[16];
        CHECK_INT(pthread_create(&other.thread, NULL, wait_in_it, &other), 0);
        CHECK_INT(receive(handle, &header, buffer, sizeof buffer, 20), 0);
        CHECK_INT(websock_send_text(handle, (char*)"hi", 2), 0);
        WAIT_UNTIL(atomic_load(&other.ended));
        pthread_join(other.thread, NULL);
        CHECK_INT(other.result, 2);
    }
    websock_close(handle);
    raw_server_stop(server);
}

/* Many handles, each with a thread. */
static void* one_life(void* context)
{
    int port = *(int*)context;
    for (int i = 0; i < 5; i++) {
        websock_handle_t handle = open_at(port);
        CHECK_INT(websock_send_text(handle, (char*)"hello", 5), 0);
        websock_close(handle);
    }
    return NULL;
}

TEST(many_handles_at_once)
{
    enum { THREADS = 8 };
    TALK talking = TALK_OF("");
    RAW_SERVER* server = talk_start(&talking);
    int port = raw_server_port(server);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        CHECK_INT(pthread_create(&threads[i], NULL, one_life, &port), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    raw_server_stop(server);
}
