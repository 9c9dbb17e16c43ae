/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Much that came in over TLS, where lws reads one record at a time: how much of it
 * one wsio_dowork takes. */
#include <netinet/in.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "clock.h"
#include "expect.h"
#include "trusted.h"

enum { KIB = 1024, BYTES_A_TURN = 64 * KIB, LARGEST_RECORD = 16 * KIB };

/* A client, and the server that it talks to. */
typedef struct TALK_TAG {
    TRUSTED trusted;
    SESSION session;
    SERVER server;
    PEER peer;
    /* Of the turns in which anything came, or was sent. */
    unsigned turns;
    size_t most_received;
    unsigned most_sent;
    size_t heard; /* by the server, where the test reads for it */
} TALK;

static void drive(void* client)
{
    TALK* talk = client;
    SESSION* session = &talk->session;
    size_t received = session->received_size;
    unsigned sent = session_sends(session);
    if (session->io == NULL)
    {
        return;
    }
    wsio_dowork(session->io);
    received = session->received_size - received;
    sent = session_sends(session) - sent;
    talk->turns += received > 0 || sent > 0;
    talk->most_received = received > talk->most_received ? received : talk->most_received;
    talk->most_sent = sent > talk->most_sent ? sent : talk->most_sent;
}

static void start(TALK* talk)
{
    static const BYTES answer = LITERAL(GOOD_ANSWER);
    unsigned char* composed;
    size_t size;
    WSIO_CONFIG config;
    clock_stop_coarse();
    memset(talk, 0, sizeof *talk);
    talk->trusted = trusted_server(TLS1_3_VERSION);
    server_start(&talk->server);
    config = config_for("127.0.0.1", talk->server.port, "/", talk->trusted.certificate);
    session_create(&talk->session, &config);
    talk->session.test = talk;
    peer_init(&talk->peer, drive, talk);
    CHECK_INT(session_open(&talk->session), 0);
    peer_accept(&talk->peer, &talk->server);
    CHECK(peer_start_tls(&talk->peer, talk->trusted.context));
    CHECK(peer_read_request(&talk->peer));
    composed = peer_compose(&talk->peer, answer, &size);
    CHECK(peer_send(&talk->peer, composed, size));
    free(composed);
    PUMP_UNTIL(&talk->peer, talk->session.opened[IO_OPEN_OK] == 1);
    talk->turns = 0;
}

static void end(TALK* talk)
{
    session_destroy(&talk->session);
    session_check_balance(&talk->session);
    peer_free(&talk->peer);
    server_stop(&talk->server);
    trusted_free(&talk->trusted);
}

/* The one that is connected to the server. */
static int client_socket(const TALK* talk)
{
    int fd = 0;
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    while (getpeername(fd, (struct sockaddr*)&address, &size) != 0 || address.sin_family != AF_INET
           || ntohs(address.sin_port) != talk->server.port)
    {
        fd++;
        size = sizeof address;
        CHECK(fd < 64);
    }
    return fd;
}

/* Sends it, and waits until the client can read it, or much of it. */
static void send_wire(TALK* talk, const unsigned char* wire, size_t size)
{
    enum { MUCH = 32 * KIB };
    DEADLINE deadline = deadline_after(20);
    int client = client_socket(talk);
    int there = 0;
    CHECK(peer_send_raw(&talk->peer, wire, size));
    while (there < MUCH && (size_t)there < size)
    {
        CHECK_INT(ioctl(client, FIONREAD, &there), 0);
        CHECK(!deadline_passed(deadline));
        sched_yield();
    }
}

/* Sends `count` frames of `size` bytes, each in a record of its own, in one go: the
 * client does nothing meanwhile. */
static void send_records(TALK* talk, unsigned count, size_t size)
{
    size_t room = count * (size + 64);
    unsigned char* frame = calloc(1, size + 4);
    unsigned char* wire = malloc(room);
    unsigned turns = talk->turns;
    CHECK(frame != NULL && wire != NULL);
    frame[0] = 0x82;
    frame[1] = size < 126 ? (unsigned char)size : 126;
    frame[2] = (unsigned char)(size >> 8);
    frame[3] = (unsigned char)size;
    for (unsigned i = 0; i < count; i++)
    {
        CHECK(tls_server_write(talk->peer.tls, frame, size + (size < 126 ? 2 : 4)));
    }
    send_wire(talk, wire, tls_server_output(talk->peer.tls, wire, room));
    CHECK_INT(talk->turns, turns);
    free(wire);
    free(frame);
}

/* An SDK that calls seldom is not to fall behind a server that says little, but
 * often. */
TEST(small_records_come_in_one_turn)
{
    enum { COUNT = 100 };
    TALK talk;
    start(&talk);
    send_records(&talk, COUNT, 2);
    PUMP_UNTIL(&talk.peer, talk.session.received_size == 2 * COUNT);
    CHECK_INT(talk.session.receives, COUNT);
    CHECK_INT(talk.turns, 1);
    end(&talk);
}

/* `count` times these frames, each of `parts` in a record of its own. */
static void send_parts(TALK* talk, unsigned count, const BYTES* parts, size_t number)
{
    unsigned char wire[32 * KIB];
    for (unsigned i = 0; i < count * number; i++)
    {
        CHECK(tls_server_write(talk->peer.tls, parts[i % number].bytes, parts[i % number].size));
    }
    send_wire(talk, wire, tls_server_output(talk->peer.tls, wire, sizeof wire));
}

/* Nor behind one that writes in small pieces, or says something in between. */
TEST(records_without_payload_do_not_end_the_turn)
{
    enum { COUNT = 100 };
    static const BYTES cases[][2] = {
        { LITERAL("\x82\x02"), LITERAL("hi") },         /* header and payload */
        { LITERAL("\x82\x02hi"), LITERAL("\x8a\x01x") }, /* message and pong */
        { LITERAL("\x89\x01x"), LITERAL("\x82\x02hi") }, /* ping and message */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    {
        TALK talk;
        start(&talk);
        send_parts(&talk, COUNT, cases[i], 2);
        PUMP_UNTIL(&talk.peer, talk.session.received_size == 2 * COUNT);
        CHECK_INT(talk.turns, 1);
        CHECK_INT(talk.session.errors, 0);
        end(&talk);
    }
}

TEST(no_more_than_the_budget_comes_in_one_turn)
{
    enum { COUNT = 20, SIZE = LARGEST_RECORD - 4 };
    TALK talk;
    start(&talk);
    talk.session.keep_received = false;
    send_records(&talk, COUNT, SIZE);
    PUMP_UNTIL(&talk.peer, talk.session.received_size == COUNT * SIZE);
    CHECK(talk.most_received >= BYTES_A_TURN - LARGEST_RECORD);
    CHECK(talk.most_received < BYTES_A_TURN + LARGEST_RECORD);
    end(&talk);
}

static void take_long(SESSION* session, const unsigned char* bytes, size_t size)
{
    (void)session;
    (void)bytes;
    (void)size;
    clock_advance_ms(20);
}

TEST(a_callback_that_takes_long_ends_the_turn)
{
    enum { COUNT = 5 };
    TALK talk;
    start(&talk);
    talk.session.on_bytes = take_long;
    send_records(&talk, COUNT, 2);
    PUMP_UNTIL(&talk.peer, talk.session.received_size == 2 * COUNT);
    CHECK_INT(talk.most_received, 2);
    CHECK_INT(talk.turns, COUNT);
    end(&talk);
}

/* What is sent has its own budget, which is one for all that a turn reads; and it
 * does go out while much comes in. */
TEST(sends_do_not_go_out_with_each_record)
{
    enum { COUNT = 50, SENDS = 200 };
    static const unsigned char message[KIB];
    TALK talk;
    start(&talk);
    for (int i = 0; i < SENDS; i++)
    {
        CHECK_INT(session_send(&talk.session, message, sizeof message), 0);
    }
    send_records(&talk, COUNT, 2);
    PUMP_UNTIL(&talk.peer, session_sends(&talk.session) == SENDS);
    CHECK_INT(talk.session.sent[IO_SEND_OK], SENDS);
    CHECK_INT(talk.session.received_size, 2 * COUNT);
    CHECK(talk.most_sent <= BYTES_A_TURN / sizeof message);
    PUMP_UNTIL(&talk.peer, talk.peer.received_size >= SENDS * sizeof message);
    end(&talk);
}

static void send_again(SESSION* session, IO_SEND_RESULT result)
{
    clock_advance_ms(1);
    if (result == IO_SEND_OK)
    {
        CHECK_INT(session_send(session, "x", 1), 0);
    }
}

/* A program that takes its time over what was sent, and sends on, still hears. */
TEST(slow_sends_leave_time_to_receive)
{
    enum { COUNT = 100 };
    TALK talk;
    start(&talk);
    talk.session.on_sent = send_again;
    for (int i = 0; i < 64; i++)
    {
        CHECK_INT(session_send(&talk.session, "x", 1), 0);
    }
    talk.turns = 0;
    send_records(&talk, COUNT, 2);
    PUMP_UNTIL(&talk.peer, talk.session.received_size == 2 * COUNT);
    CHECK_INT(talk.most_received, 2 * COUNT);
    CHECK_INT(talk.turns, 1);
    talk.session.on_sent = NULL;
    end(&talk);
}

static void answer(SESSION* session, const unsigned char* bytes, size_t size)
{
    CHECK_INT(session_send(session, bytes, size), 0);
}

/* Each is answered from within the callback: all come out in the end. */
TEST(answers_from_the_callback_go_out)
{
    enum { COUNT = 100 };
    TALK talk;
    start(&talk);
    talk.session.on_bytes = answer;
    send_records(&talk, COUNT, 2);
    PUMP_UNTIL(&talk.peer, talk.session.sent[IO_SEND_OK] == COUNT);
    CHECK_INT(talk.session.received_size, 2 * COUNT);
    CHECK_INT(talk.session.errors, 0);
    end(&talk);
}

static void close_it(SESSION* session, const unsigned char* bytes, size_t size)
{
    (void)bytes;
    (void)size;
    CHECK_INT(session_close(session), 0);
}

static void destroy_it(SESSION* session, const unsigned char* bytes, size_t size)
{
    CONCRETE_IO_HANDLE io = session->io;
    (void)bytes;
    (void)size;
    session->io = NULL;
    wsio_destroy(io);
}

static void reopen_it(SESSION* session, const unsigned char* bytes, size_t size)
{
    close_it(session, bytes, size);
    CHECK_INT(session_open(session), 0);
}

/* Nothing of the old connection comes after the callback has left it. */
TEST(the_callback_of_the_first_record_leaves)
{
    static void (*const leaves[])(SESSION*, const unsigned char*, size_t) = {
        close_it, destroy_it, reopen_it
    };
    for (size_t i = 0; i < sizeof leaves / sizeof leaves[0]; i++)
    {
        TALK talk;
        start(&talk);
        talk.session.on_bytes = leaves[i];
        send_records(&talk, 50, 2);
        PUMP_UNTIL(&talk.peer, talk.peer.client_left);
        CHECK_INT(talk.session.receives, 1);
        CHECK_INT(talk.session.errors, 0);
        end(&talk);
    }
}

/* The client's socket takes so much at a time. */
static void narrow(TALK* talk, int room)
{
    CHECK_INT(setsockopt(client_socket(talk), SOL_SOCKET, SO_SNDBUF, &room, sizeof room), 0);
}

/* The server asks for new keys while what was sent waits for it. OpenSSL cannot
 * answer in the middle of a record, which would be the end. */
static void expect_new_keys(size_t size, unsigned count)
{
    enum { ROUNDS = 100 };
    const int room = LARGEST_RECORD; /* often a part of a record */
    TALK talk;
    unsigned char* message = calloc(1, size);
    CHECK(message != NULL);
    start(&talk);
    narrow(&talk, room);
    CHECK_INT(setsockopt(talk.peer.fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room), 0);
    talk.peer.kept = talk.peer.request_size;
    for (unsigned i = 0; i < count; i++)
    {
        CHECK_INT(session_send(&talk.session, message, size), 0);
    }
    for (unsigned round = 1; round <= ROUNDS; round++)
    {
        talk.peer.deaf = round % 3 != 0;
        tls_server_renew_keys(talk.peer.tls);
        CHECK(peer_send(&talk.peer, "\x82\x02hi", 4));
        PUMP_UNTIL(&talk.peer, talk.session.received_size == 2 * round || talk.session.errors > 0);
        CHECK_INT(talk.session.errors, 0);
        peer_pump(&talk.peer);
    }
    CHECK(session_sends(&talk.session) < count);
    talk.peer.deaf = false;
    PUMP_UNTIL(&talk.peer, session_sends(&talk.session) == count || talk.session.errors > 0);
    CHECK_INT(talk.session.sent[IO_SEND_OK], count);
    PUMP_UNTIL(&talk.peer, talk.peer.received_size - talk.peer.request_size >= count * size);
    CHECK_INT(session_close(&talk.session), 0);
    CHECK_INT(talk.session.errors, 0);
    end(&talk);
    free(message);
}

TEST(new_keys_while_much_is_pending)
{
    expect_new_keys(500, 20000);
    expect_new_keys(LARGEST_RECORD, 600);
    expect_new_keys(100 * KIB, 100);
}

/* The server reads all that is there. */
static void hear(TALK* talk)
{
    unsigned char bytes[LARGEST_RECORD];
    ssize_t got;
    size_t size;
    while ((got = recv(talk->peer.fd, bytes, sizeof bytes, MSG_DONTWAIT)) > 0)
    {
        tls_server_input(talk->peer.tls, bytes, (size_t)got);
        while ((size = tls_server_read(talk->peer.tls, bytes, sizeof bytes)) > 0)
        {
            talk->heard += size;
        }
    }
}

static void hear_then_close(SESSION* session, const unsigned char* bytes, size_t size)
{
    if (session->receives == 1)
    {
        hear(session->test);
    }
    else if (session->receives == 4)
    {
        close_it(session, bytes, size);
    }
}

/* In the turn that reads the records there is room for what waited: its send is
 * reported as sent, not cancelled by the callback of a later record. */
TEST(what_the_server_got_is_not_cancelled)
{
    enum { HEADER = 8, TURNS = 100 };
    for (size_t size = 1000; size < 40000; size *= 2)
    {
        const size_t total = 4 * KIB * KIB;
        TALK talk;
        unsigned char* message = calloc(1, size);
        CHECK(message != NULL);
        start(&talk);
        narrow(&talk, 4 * KIB);
        for (size_t queued = 0; queued < total; queued += size)
        {
            CHECK_INT(session_send(&talk.session, message, size), 0);
        }
        talk.peer.deaf = true;
        for (int i = 0; i < TURNS; i++)
        {
            peer_pump(&talk.peer);
        }
        talk.session.on_bytes = hear_then_close;
        send_records(&talk, 10, 2);
        PUMP_UNTIL(&talk.peer, talk.session.closed == 1);
        hear(&talk);
        CHECK(talk.session.sent[IO_SEND_CANCELLED] > 0);
        CHECK(talk.heard / (size + HEADER) <= talk.session.sent[IO_SEND_OK]);
        end(&talk);
        free(message);
    }
}
