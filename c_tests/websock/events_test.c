/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* websock_set_event_handler: data and the end of the connection come to a function. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"

enum { KIB = 1024, MIB = 1024 * 1024 };

/* What a handler was told, and what it is to do. */
typedef struct LISTENER_TAG {
    websock_handle_t handle;
    pthread_mutex_t lock; /* of what was received */
    char received[4096];  /* each piece as "opcode/fin/payload_len:bytes;" */
    size_t received_size;
    atomic_size_t bytes;
    atomic_uint pieces;
    atomic_uint errors;
    atomic_uint inside; /* calls right now */
    atomic_bool overlapped;
    atomic_bool after_error;
    atomic_bool hold;   /* the handler stays inside as long as this holds */
    pthread_t thread;   /* that called */
    void (*act)(struct LISTENER_TAG* listener, websock_cb_event_t event, const char* bytes, int size);
    void* test;
} LISTENER;

#define LISTENER_OF(its_handle) { .handle = (its_handle), .lock = PTHREAD_MUTEX_INITIALIZER }

static void listen_to(void* context, websock_cb_event_t event, websock_msg_hdr_t* header,
                      char* bytes, int size)
{
    LISTENER* listener = context;
    if (atomic_fetch_add(&listener->inside, 1) != 0) {
        atomic_store(&listener->overlapped, true);
    }
    if (atomic_load(&listener->errors) > 0) {
        atomic_store(&listener->after_error, true);
    }
    pthread_mutex_lock(&listener->lock);
    listener->thread = pthread_self();
    if (event == WEBSOCK_CB_EVENT_DATA) {
        CHECK(header != NULL);
        CHECK(size >= 0);
        CHECK(size <= header->payload_len);
        char* next = listener->received + listener->received_size;
        size_t room = sizeof listener->received - listener->received_size;
        int part = snprintf(next, room, "%d/%d/%lld:%.*s;", header->opcode, header->fin,
                            header->payload_len, size < 64 ? size : 64, size > 0 ? bytes : "");
        listener->received_size += (size_t)part < room ? (size_t)part : 0;
    } else {
        CHECK_INT(event, WEBSOCK_CB_EVENT_ERROR);
        CHECK_PTR(header, NULL);
        CHECK_PTR(bytes, NULL);
        CHECK_INT(size, 0);
    }
    pthread_mutex_unlock(&listener->lock);
    if (listener->act != NULL) {
        listener->act(listener, event, bytes, size);
    }
    if (event == WEBSOCK_CB_EVENT_DATA) {
        atomic_fetch_add(&listener->bytes, (size_t)size);
        atomic_fetch_add(&listener->pieces, 1);
    }
    while (atomic_load(&listener->hold)) {
        a_moment();
    }
    atomic_fetch_sub(&listener->inside, 1);
    if (event == WEBSOCK_CB_EVENT_ERROR) {
        atomic_fetch_add(&listener->errors, 1);
    }
}

static void check_received(LISTENER* listener, const char* expected)
{
    pthread_mutex_lock(&listener->lock);
    CHECK_STR(listener->received, expected);
    pthread_mutex_unlock(&listener->lock);
    CHECK(!atomic_load(&listener->overlapped));
    CHECK(!atomic_load(&listener->after_error));
}

static void set_handler(LISTENER* listener)
{
    websock_set_event_handler(listener->handle, listen_to, listener);
}

/* A while in which nothing must happen. */
static void settle(void)
{
    for (int i = 0; i < 50; i++) {
        a_moment();
    }
}

TEST(data_comes_to_the_handler)
{
    TALK talking = TALK_OF("\x81\x02hi\x02\x01" "a\x89\x01?\x80\x01" "b\x82\x00");
    RAW_SERVER* server = talk_start(&talking);
    LISTENER listener = LISTENER_OF(open_at(raw_server_port(server)));
    set_handler(&listener);
    WAIT_UNTIL(atomic_load(&listener.pieces) == 4);
    check_received(&listener, "1/1/2:hi;2/0/1:a;0/1/1:b;2/1/0:;");
    CHECK(!pthread_equal(listener.thread, pthread_self()));
    WAIT_UNTIL(HEARD_ONLY(&talking, "\x8a\x01?")); /* nobody needs to call anything */
    expect_end(listener.handle, 0); /* recv has nothing to give */
    websock_close(listener.handle);
    raw_server_stop(server);
    CHECK(atomic_load(&listener.errors) <= 1);
    CHECK(HEARD_ONLY(&talking, "\x8a\x01?" GOODBYE));
}

TEST(what_was_there_before_the_handler_comes_to_it)
{
    TALK talking = TALK_OF("\x81\x02hi\x81\x02ho");
    RAW_SERVER* server = talk_start(&talking);
    LISTENER listener = LISTENER_OF(open_at(raw_server_port(server)));
    websock_msg_hdr_t header;
    char byte;
    WAIT_UNTIL(atomic_load(&talking.said));
    CHECK_INT(receive(listener.handle, &header, &byte, 1, LONG_MS), 1);
    CHECK_INT(byte, 'h');
    set_handler(&listener);
    WAIT_UNTIL(atomic_load(&listener.pieces) == 2);
    check_received(&listener, "1/1/2:i;1/1/2:ho;");
    websock_close(listener.handle);
    raw_server_stop(server);
}

/* However it ends. */
static void expect_one_error(TALK* talking)
{
    RAW_SERVER* server = talk_start(talking);
    LISTENER listener = LISTENER_OF(open_at(raw_server_port(server)));
    set_handler(&listener);
    WAIT_UNTIL(atomic_load(&listener.errors) == 1);
    settle();
    CHECK_INT(atomic_load(&listener.errors), 1);
    expect_end(listener.handle, 0);
    CHECK_INT(websock_send_text(listener.handle, (char*)"x", 1), -1);
    websock_close(listener.handle);
    CHECK_INT(atomic_load(&listener.errors), 1);
    check_received(&listener, talking->resets ? "" : "1/1/2:hi;");
    raw_server_stop(server);
}

TEST(an_error_when_the_server_says_goodbye)
{
    TALK talking = TALK_OF("\x81\x02hi" GOODBYE);
    expect_one_error(&talking);
}

TEST(an_error_when_the_server_goes)
{
    TALK talking = TALK_OF("\x81\x02hi");
    talking.ends = true;
    expect_one_error(&talking);
}

TEST(an_error_when_the_server_resets)
{
    TALK talking = TALK_OF("");
    talking.resets = true;
    expect_one_error(&talking);
}

TEST(an_error_when_text_is_bad)
{
    TALK talking = TALK_OF("\x81\x02hi\x81\x01\xff");
    expect_one_error(&talking);
    CHECK(HEARD_ONLY(&talking, "\x88\x02\x03\xef"));
}

/* The connection has ended before there was a handler. */
TEST(an_error_for_a_connection_that_is_over)
{
    TALK talking = TALK_OF("\x81\x02hi" GOODBYE);
    RAW_SERVER* server = talk_start(&talking);
    LISTENER listener = LISTENER_OF(open_at(raw_server_port(server)));
    EXPECT_FRAME(listener.handle, 1, RAW_TEXT, "hi");
    expect_end(listener.handle, LONG_MS);
    set_handler(&listener);
    WAIT_UNTIL(atomic_load(&listener.errors) == 1);
    websock_close(listener.handle);
    raw_server_stop(server);
    check_received(&listener, "");
}

/* What it may call. ----------------------------------------------------------------- */

static void send_it_back(LISTENER* listener, websock_cb_event_t event, const char* bytes, int size)
{
    if (event == WEBSOCK_CB_EVENT_DATA) {
        char copy[64];
        CHECK(size < (int)sizeof copy);
        memcpy(copy, bytes, (size_t)size);
        CHECK_INT(websock_send_text(listener->handle, copy, size), 0);
        CHECK_INT(websock_send_ping(listener->handle, NULL, 0), 0);
        websock_msg_hdr_t header;
        CHECK_INT(receive(listener->handle, &header, copy, sizeof copy, 1000), -1);
    }
}

TEST(it_may_send)
{
    TALK talking = TALK_OF("\x81\x02hi\x81\x02ho");
    RAW_SERVER* server = talk_start(&talking);
    LISTENER listener = LISTENER_OF(open_at(raw_server_port(server)));
    listener.act = send_it_back;
    set_handler(&listener);
    WAIT_UNTIL(HEARD_ONLY(&talking, "\x81\x02hi\x89\x00\x81\x02ho\x89\x00"));
    websock_close(listener.handle);
    raw_server_stop(server);
}

static void close_it(LISTENER* listener, websock_cb_event_t event, const char* bytes, int size)
{
    char before[64] = "";
    memcpy(before, bytes != NULL ? bytes : "", (size_t)size);
    long long start = clock_ms();
    websock_close(listener->handle);
    CHECK(clock_ms() - start < 1000 + soon_ms());
    CHECK_MEM(bytes != NULL ? bytes : "", before, (size_t)size); /* valid during the call */
    CHECK_INT(websock_send_text(listener->handle, (char*)"x", 1), -1);
    (void)event;
}

static void expect_closed_inside(TALK* talking)
{
    unsigned files;
    RAW_SERVER* server = talk_start(talking);
    websock_close(open_at(raw_server_port(server)));
    WAIT_UNTIL(raw_server_served(server) == 1);
    files = open_files();
    LISTENER listener = LISTENER_OF(open_at(raw_server_port(server)));
    listener.act = close_it;
    set_handler(&listener);
    WAIT_UNTIL(atomic_load(&listener.pieces) + atomic_load(&listener.errors) == 1);
    WAIT_UNTIL(raw_server_served(server) == 2);
    settle();
    CHECK_INT(atomic_load(&listener.pieces) + atomic_load(&listener.errors), 1);
    expect_end(listener.handle, 0);
    websock_close(listener.handle);
    WAIT_UNTIL(open_files() == files);
    raw_server_stop(server);
}

TEST(it_may_close_when_data_comes)
{
    TALK talking = TALK_OF("\x81\x02hi\x81\x02ho\x81\x02hu");
    expect_closed_inside(&talking);
    CHECK(HEARD_ONLY(&talking, GOODBYE GOODBYE));
}

TEST(it_may_close_on_the_error)
{
    TALK talking = TALK_OF(GOODBYE);
    expect_closed_inside(&talking);
}

static void open_another(LISTENER* listener, websock_cb_event_t event, const char* bytes, int size)
{
    int port = *(int*)listener->test;
    (void)bytes;
    (void)size;
    if (event == WEBSOCK_CB_EVENT_DATA) {
        websock_handle_t other = open_at(port);
        EXPECT_FRAME(other, 1, RAW_TEXT, "hu");
        CHECK_INT(websock_send_text(other, (char*)"x", 1), 0);
        websock_close(other);
    }
}

TEST(it_may_use_other_handles)
{
    TALK talking = TALK_OF("\x81\x02hi");
    TALK others = TALK_OF("\x81\x02hu");
    RAW_SERVER* server = talk_start(&talking);
    RAW_SERVER* other = talk_start(&others);
    int port = raw_server_port(other);
    LISTENER listener = LISTENER_OF(open_at(raw_server_port(server)));
    listener.act = open_another;
    listener.test = &port;
    set_handler(&listener);
    WAIT_UNTIL(atomic_load(&listener.pieces) == 1);
    CHECK(HEARD_ONLY(&others, "\x81\x01x" GOODBYE));
    websock_close(listener.handle);
    raw_server_stop(server);
    raw_server_stop(other);
}

/* Setting and taking away. ------------------------------------------------------------- */

TEST(bad_arguments)
{
    websock_set_event_handler(NULL, listen_to, NULL);
    websock_set_event_handler((websock_handle_t)(size_t)0x1234567, listen_to, NULL);
    websock_set_event_handler(NULL, NULL, NULL);
    TALK talking = TALK_OF("\x81\x02hi");
    RAW_SERVER* server = talk_start(&talking);
    websock_handle_t handle = open_at(raw_server_port(server));
    websock_set_event_handler(handle, NULL, NULL); /* there is none */
    EXPECT_FRAME(handle, 1, RAW_TEXT, "hi");
    websock_close(handle);
    websock_set_event_handler(handle, listen_to, NULL);
    raw_server_stop(server);
}

/* Says "hi" for each byte that it is sent. */
static void say_hi(RAW_PEER* peer, void* context)
{
    unsigned char payload[128];
    size_t size;
    int first;
    (void)context;
    bool good = raw_handshake(peer, NULL);
    while (good && raw_read_frame(peer, &first, payload, sizeof payload, &size)) {
        if (first == (RAW_FIN | RAW_CLOSE)) {
            raw_send_frame(peer, first, payload, size);
            break;
        }
        good = raw_send_frame(peer, RAW_FIN | RAW_TEXT, "hi", 2);
    }
}

static void ask(websock_handle_t handle)
{
    CHECK_INT(websock_send_text(handle, (char*)"?", 1), 0);
}

TEST(it_is_taken_away)
{
    RAW_SERVER* server = raw_server_start("127.0.0.1", say_hi, NULL);
    LISTENER listener = LISTENER_OF(open_at(raw_server_port(server)));
    for (unsigned round = 1; round <= 20; round++) {
        set_handler(&listener);
        ask(listener.handle);
        WAIT_UNTIL(atomic_load(&listener.pieces) == round);
        websock_set_event_handler(listener.handle, NULL, NULL);
        CHECK_INT(atomic_load(&listener.inside), 0);
        ask(listener.handle);
        EXPECT_FRAME(listener.handle, 1, RAW_TEXT, "hi");
        CHECK_INT(atomic_load(&listener.pieces), round);
    }
    websock_close(listener.handle);
    raw_server_stop(server);
    CHECK_INT(atomic_load(&listener.errors), 0); /* it was there no more */
}

TEST(it_is_replaced)
{
    RAW_SERVER* server = raw_server_start("127.0.0.1", say_hi, NULL);
    websock_handle_t handle = open_at(raw_server_port(server));
    LISTENER listeners[2] = { LISTENER_OF(handle), LISTENER_OF(handle) };
    for (unsigned round = 1; round <= 20; round++) {
        for (int i = 0; i < 2; i++) {
            set_handler(&listeners[i]);
            ask(handle);
            WAIT_UNTIL(atomic_load(&listeners[i].pieces) == round);
        }
    }
    websock_close(handle);
    raw_server_stop(server);
    CHECK_INT(atomic_load(&listeners[0].pieces), 20);
    CHECK_INT(atomic_load(&listeners[0].errors), 0);
}

/* Taking it away waits for a call that is going on. */
static void* let_go_later(void* context)
{
    LISTENER* listener = context;
    settle();
    CHECK_INT(atomic_load(&listener->inside), 1);
    atomic_store(&listener->hold, false);
    return NULL;
}

TEST(taking_it_away_waits_for_the_call)
{
    RAW_SERVER* server = raw_server_start("127.0.0.1", say_hi, NULL);
    LISTENER listener = LISTENER_OF(open_at(raw_server_port(server)));
    pthread_t thread;
    atomic_store(&listener.hold, true);
    set_handler(&listener);
    ask(listener.handle);
    WAIT_UNTIL(atomic_load(&listener.inside) == 1);
    CHECK_INT(pthread_create(&thread, NULL, let_go_later, &listener), 0);
    websock_set_event_handler(listener.handle, NULL, NULL);
    CHECK_INT(atomic_load(&listener.inside), 0);
    pthread_join(thread, NULL);
    websock_close(listener.handle);
    raw_server_stop(server);
}

/* So does closing. Afterwards the context may go. */
TEST(closing_waits_for_the_call)
{
    RAW_SERVER* server = raw_server_start("127.0.0.1", say_hi, NULL);
    LISTENER listener = LISTENER_OF(open_at(raw_server_port(server)));
    pthread_t thread;
    atomic_store(&listener.hold, true);
    set_handler(&listener);
    ask(listener.handle);
    WAIT_UNTIL(atomic_load(&listener.inside) == 1);
    CHECK_INT(pthread_create(&thread, NULL, let_go_later, &listener), 0);
    websock_close(listener.handle);
    CHECK_INT(atomic_load(&listener.inside), 0);
    pthread_join(thread, NULL);
    memset(&listener, 0xff, sizeof listener);
    settle();
    raw_server_stop(server);
}

/* One takes it away and waits for it, while it closes the connection, which waits for
 * all who are inside. */
static void close_when_let_go(LISTENER* listener, websock_cb_event_t event, const char* bytes,
                              int size)
{
    (void)event;
    (void)bytes;
    (void)size;
    while (atomic_load(&listener->hold)) {
        a_moment();
    }
    websock_close(listener->handle);
}

TEST(taken_away_while_it_closes)
{
    for (int round = 0; round < 5; round++) {
        RAW_SERVER* server = raw_server_start("127.0.0.1", say_hi, NULL);
        LISTENER listener = LISTENER_OF(open_at(raw_server_port(server)));
        pthread_t thread;
        listener.act = close_when_let_go;
        atomic_store(&listener.hold, true);
        set_handler(&listener);
        ask(listener.handle);
        WAIT_UNTIL(atomic_load(&listener.inside) == 1);
        CHECK_INT(pthread_create(&thread, NULL, let_go_later, &listener), 0);
        websock_set_event_handler(listener.handle, round % 2 == 0 ? NULL : listen_to, &listener);
        pthread_join(thread, NULL);
        WAIT_UNTIL(atomic_load(&listener.inside) == 0);
        expect_end(listener.handle, 0);
        raw_server_stop(server);
    }
}

static void take_itself_away(LISTENER* listener, websock_cb_event_t event, const char* bytes,
                             int size)
{
    (void)event;
    (void)bytes;
    (void)size;
    websock_set_event_handler(listener->handle, NULL, NULL);
}

TEST(it_may_take_itself_away)
{
    RAW_SERVER* server = raw_server_start("127.0.0.1", say_hi, NULL);
    LISTENER listener = LISTENER_OF(open_at(raw_server_port(server)));
    listener.act = take_itself_away;
    for (unsigned round = 1; round <= 5; round++) {
        set_handler(&listener);
        ask(listener.handle);
        WAIT_UNTIL(atomic_load(&listener.pieces) == round && atomic_load(&listener.inside) == 0);
        ask(listener.handle);
        EXPECT_FRAME(listener.handle, 1, RAW_TEXT, "hi");
    }
    websock_close(listener.handle);
    raw_server_stop(server);
    CHECK_INT(atomic_load(&listener.pieces), 5);
}

static void replace_itself(LISTENER* listener, websock_cb_event_t event, const char* bytes, int size)
{
    LISTENER* next = listener->test;
    (void)bytes;
    (void)size;
    if (event == WEBSOCK_CB_EVENT_DATA) {
        set_handler(next);
    }
}

TEST(it_may_replace_itself)
{
    RAW_SERVER* server = raw_server_start("127.0.0.1", say_hi, NULL);
    websock_handle_t handle = open_at(raw_server_port(server));
    LISTENER listeners[2] = { LISTENER_OF(handle), LISTENER_OF(handle) };
    for (int i = 0; i < 2; i++) {
        listeners[i].act = replace_itself;
        listeners[i].test = &listeners[1 - i];
    }
    set_handler(&listeners[0]);
    for (unsigned i = 0; i < 10; i++) {
        ask(handle);
        WAIT_UNTIL(atomic_load(&listeners[i % 2].pieces) == i / 2 + 1);
    }
    websock_close(handle);
    raw_server_stop(server);
}

static void* set_and_take_away(void* context)
{
    LISTENER* listener = context;
    for (int i = 0; i < 200; i++) {
        set_handler(listener);
        websock_set_event_handler(listener->handle, NULL, NULL);
    }
    return NULL;
}

TEST(two_threads_set_it_and_take_it_away)
{
    RAW_SERVER* server = raw_server_start("127.0.0.1", say_hi, NULL);
    LISTENER listener = LISTENER_OF(open_at(raw_server_port(server)));
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) {
        CHECK_INT(pthread_create(&threads[i], NULL, set_and_take_away, &listener), 0);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }
    CHECK_INT(atomic_load(&listener.inside), 0);
    set_handler(&listener);
    ask(listener.handle);
    WAIT_UNTIL(atomic_load(&listener.pieces) == 1);
    websock_close(listener.handle);
    raw_server_stop(server);
    check_received(&listener, "1/1/2:hi;");
}

/* Set while others are inside. ---------------------------------------------------------- */

static void* receive_for_ever(void* context)
{
    websock_msg_hdr_t header;
    char buffer[16];
    LISTENER* listener = context;
    while (receive(listener->handle, &header, buffer, sizeof buffer, 10 * LONG_MS) >= 0) {
    }
    return NULL;
}

TEST(a_receiver_ends_when_a_handler_is_set)
{
    RAW_SERVER* server = raw_server_start("127.0.0.1", say_hi, NULL);
    LISTENER listener = LISTENER_OF(open_at(raw_server_port(server)));
    pthread_t thread;
    CHECK_INT(pthread_create(&thread, NULL, receive_for_ever, &listener), 0);
    settle();
    set_handler(&listener);
    pthread_join(thread, NULL);
    ask(listener.handle);
    WAIT_UNTIL(atomic_load(&listener.pieces) == 1);
    websock_close(listener.handle);
    raw_server_stop(server);
}

/* A handler that takes its time holds the server up, not the memory. */
static void say_without_end(RAW_PEER* peer, void* context)
{
    static char block[10000];
    atomic_size_t* said = context;
    if (raw_handshake(peer, NULL)) {
        while (raw_send_frame(peer, RAW_FIN | RAW_BINARY, block, sizeof block)) {
            atomic_fetch_add(said, sizeof block);
        }
    }
}

TEST(a_slow_handler_holds_the_server_up)
{
    atomic_size_t said = 0;
    RAW_SERVER* server = raw_server_start("127.0.0.1", say_without_end, &said);
    LISTENER listener = LISTENER_OF(open_at(raw_server_port(server)));
    long memory = resident_kib();
    size_t before = 0;
    int same = 0;
    atomic_store(&listener.hold, true);
    set_handler(&listener);
    while (same < 200) {
        size_t now = atomic_load(&said);
        same = now > 0 && now == before ? same + 1 : 0;
        before = now;
        CHECK(now < 64 * MIB);
        a_moment();
    }
    check_growth(memory, 4 * KIB);
    atomic_store(&listener.hold, false);
    WAIT_UNTIL(atomic_load(&listener.bytes) > 64u * MIB / (unsigned)slowness());
    websock_close(listener.handle);
    raw_server_stop(server);
    CHECK(!atomic_load(&listener.overlapped));
}

/* Many senders beside it. */
static void* send_many(void* context)
{
    LISTENER* listener = context;
    for (int i = 0; i < 500; i++) {
        ask(listener->handle);
    }
    return NULL;
}

TEST(senders_beside_a_handler)
{
    enum { THREADS = 4 };
    RAW_SERVER* server = raw_server_start("127.0.0.1", say_hi, NULL);
    LISTENER listener = LISTENER_OF(open_at(raw_server_port(server)));
    pthread_t threads[THREADS];
    set_handler(&listener);
    for (int i = 0; i < THREADS; i++) {
        CHECK_INT(pthread_create(&threads[i], NULL, send_many, &listener), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    WAIT_UNTIL(atomic_load(&listener.pieces) == THREADS * 500);
    websock_close(listener.handle);
    raw_server_stop(server);
    CHECK(!atomic_load(&listener.overlapped));
}
