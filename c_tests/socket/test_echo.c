/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Data there and back, over real connections. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "servers.h"

#define MIB ((size_t)1024 * 1024)

/* Sends `size` bytes in one go and gets them back. */
static void echo_messages(SESSION* session, size_t size)
{
    unsigned char* bytes = payload(size, (unsigned)size);
    unsigned sent = session->sent[IO_SEND_OK];
    session_forget_received(session);
    CHECK_INT(session_send(session, bytes, size), 0);
    DRIVE_UNTIL_IN(session, session->received_size >= size, 60);
    DRIVE_UNTIL(session, session_sends(session) > sent);
    CHECK_INT(session->received_size, size);
    CHECK_MEM(session->received, bytes, size);
    CHECK_INT(session->sent[IO_SEND_OK], sent + 1);
    CHECK_INT(session->errors, 0);
    free(bytes);
}

/* SRS_WSIO_01_001, SRS_WSIO_01_036, SRS_WSIO_01_050, SRS_WSIO_01_057,
 * SRS_WSIO_01_066, SRS_WSIO_01_075, SRS_WSIO_01_077, SRS_WSIO_01_078,
 * SRS_WSIO_01_083, SRS_WSIO_01_084, SRS_WSIO_01_085, SRS_WSIO_01_104,
 * SRS_WSIO_01_107, and the sizes around the frame header's forms. */
TEST_WS_AND_WSS(echo_of_every_frame_size)
{
    static const size_t sizes[] = { 1, 2, 125, 126, 127, 65535, 65536, 65537, MIB };
    ECHO echo;
    SESSION session;
    echo_start(&echo, tls);
    WSIO_CONFIG config = echo_config(&echo, "/echo");
    session_start(&session, &config);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        echo_messages(&session, sizes[i]);
    }
    CHECK_INT(session_close(&session), 0);
    CHECK_INT(session.closed, 1);
    CHECK_INT(session.errors, 0);
    CHECK_INT(session_opens(&session), 1);
    CHECK_INT(session_sends(&session), sizeof sizes / sizeof sizes[0]);
    session_destroy(&session);
}

/* SRS_WSIO_01_050, SRS_WSIO_01_080 */
TEST_WS_AND_WSS(echo_of_16_mib)
{
    ECHO echo;
    SESSION session;
    echo_start(&echo, tls);
    WSIO_CONFIG config = echo_config(&echo, "/echo");
    session_start(&session, &config);
    echo_messages(&session, 16 * MIB);
    session_destroy(&session);
    CHECK_INT(session.closed, 0); /* destroy owes no close-complete */
}

typedef struct IN_ORDER_TAG {
    unsigned next;
    unsigned wrong;
} IN_ORDER;

static IN_ORDER completions;

static void completed_in_order(void* context, IO_SEND_RESULT result)
{
    const unsigned* number = context;
    completions.wrong += result != IO_SEND_OK || *number != completions.next;
    completions.next++;
}

/* SRS_WSIO_01_054, SRS_WSIO_01_059, SRS_WSIO_01_071, SRS_WSIO_01_081,
 * SRS_WSIO_01_105, SRS_WSIO_01_115 */
TEST_WS_AND_WSS(ten_thousand_messages_in_order)
{
    enum { COUNT = 10000 };
    static unsigned numbers[COUNT];
    ECHO echo;
    SESSION session;
    echo_start(&echo, tls);
    WSIO_CONFIG config = echo_config(&echo, "/echo");
    session_start(&session, &config);
    for (unsigned i = 0; i < COUNT; i++) {
        numbers[i] = i;
        CHECK_INT(wsio_send(session.io, &numbers[i], sizeof numbers[i], completed_in_order,
                            &numbers[i]), 0);
    }
    CHECK_INT(completions.next, 0); /* nothing is sent outside wsio_dowork */
    DRIVE_UNTIL_IN(&session, session.received_size >= sizeof numbers, 60);
    DRIVE_UNTIL(&session, completions.next == COUNT);
    CHECK_INT(completions.wrong, 0);
    CHECK_INT(session.received_size, sizeof numbers);
    CHECK_MEM(session.received, numbers, sizeof numbers);
    session_destroy(&session);
}

/* More than the kernel's buffers hold: the server goes on only while it can get
 * rid of its answers, so the client must receive while it sends. */
TEST_WS_AND_WSS(both_directions_at_once)
{
    enum { COUNT = 96 };
    const size_t size = MIB / 2;
    unsigned char* bytes = payload(COUNT * size, 7);
    unsigned received_before_last_sent = 0;
    ECHO echo;
    SESSION session;
    echo_start(&echo, tls);
    WSIO_CONFIG config = echo_config(&echo, "/echo");
    session_start(&session, &config);
    for (unsigned i = 0; i < COUNT; i++) {
        CHECK_INT(session_send(&session, bytes + i * size, size), 0);
    }
    DEADLINE deadline = deadline_after(90);
    while (session.received_size < COUNT * size && !deadline_passed(deadline)) {
        session_step(&session);
        received_before_last_sent += session.received_size > 0 && session.sent[IO_SEND_OK] < COUNT;
    }
    CHECK_INT(session.received_size, COUNT * size);
    CHECK_INT(session.sent[IO_SEND_OK], COUNT);
    CHECK(received_before_last_sent > 0);
    CHECK_MEM(session.received, bytes, COUNT * size);
    session_destroy(&session);
    free(bytes);
}

TEST_WS_AND_WSS(several_handles_at_once)
{
    enum { HANDLES = 6, ROUNDS = 20 };
    const size_t size = 10000;
    ECHO echo;
    SESSION sessions[HANDLES];
    unsigned char* bytes[HANDLES];
    echo_start(&echo, tls);
    WSIO_CONFIG config = echo_config(&echo, "/echo");
    for (unsigned i = 0; i < HANDLES; i++) {
        bytes[i] = payload(size, i + 1);
        session_create(&sessions[i], &config);
        CHECK_INT(session_open(&sessions[i]), 0);
    }
    /* All handshakes at once, then all of their data at once. */
    for (unsigned i = 0; i < HANDLES; i++) {
        DRIVE_UNTIL(&sessions[i], (session_step(&sessions[(i + 1) % HANDLES]),
                                   session_opens(&sessions[i]) == 1));
        CHECK_INT(sessions[i].opened[IO_OPEN_OK], 1);
    }
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < HANDLES; i++) {
            CHECK_INT(session_send(&sessions[i], bytes[i], size), 0);
            session_step(&sessions[i]);
        }
    }
    for (unsigned i = 0; i < HANDLES; i++) {
        DRIVE_UNTIL(&sessions[i], sessions[i].received_size >= ROUNDS * size);
        CHECK_INT(sessions[i].received_size, ROUNDS * size);
        for (unsigned round = 0; round < ROUNDS; round++) {
            CHECK_MEM(sessions[i].received + round * size, bytes[i], size);
        }
    }
    /* One that goes leaves the others alone. */
    session_destroy(&sessions[0]);
    for (unsigned i = 1; i < HANDLES; i++) {
        session_forget_received(&sessions[i]);
        CHECK_INT(session_send(&sessions[i], bytes[i], size), 0);
        DRIVE_UNTIL(&sessions[i], sessions[i].received_size >= size);
        CHECK_MEM(sessions[i].received, bytes[i], size);
        session_destroy(&sessions[i]);
    }
    for (unsigned i = 0; i < HANDLES; i++) {
        CHECK_INT(sessions[i].errors, 0);
        free(bytes[i]);
    }
}

/* SRS_WSIO_01_041, SRS_WSIO_01_043, SRS_WSIO_01_044, SRS_WSIO_01_046,
 * SRS_WSIO_01_047 */
TEST_WS_AND_WSS(one_handle_opened_twenty_times)
{
    ECHO echo;
    SESSION session;
    echo_start(&echo, tls);
    WSIO_CONFIG config = echo_config(&echo, "/echo");
    session_create(&session, &config);
    for (unsigned i = 1; i <= 20; i++) {
        session_connect(&session);
        echo_messages(&session, 1000 * i);
        CHECK_INT(session_close(&session), 0);
        CHECK_INT(session.closed, i);
        CHECK(session_close(&session) != 0);
        CHECK_INT(session.closed, i);
        CHECK(session_send(&session, "x", 1) != 0);
    }
    session_destroy(&session);
    CHECK_INT(session.opened[IO_OPEN_OK], 20);
    CHECK_INT(session_opens(&session), 20);
    CHECK_INT(session.errors, 0);
}

/* SRS_WSIO_01_025, SRS_WSIO_01_026: names and addresses of every kind. */
TEST_WS_AND_WSS(by_the_name_localhost)
{
    ECHO echo;
    SESSION session;
    echo_start(&echo, tls);
    WSIO_CONFIG config = echo_config(&echo, "/echo");
    config.host = "localhost";
    session_start(&session, &config);
    echo_messages(&session, 5000);
    session_destroy(&session);
}

TEST_WS_AND_WSS(by_ipv6_address)
{
    ECHO echo;
    SESSION session;
    echo_start_at(&echo, "::1", tls ? "server" : NULL);
    WSIO_CONFIG config = echo_config(&echo, "/echo");
    config.host = "::1";
    session_start(&session, &config);
    echo_messages(&session, 5000);
    session_destroy(&session);
}

/* SRS_WSIO_01_034, SRS_WSIO_01_051, SRS_WSIO_01_052, SRS_WSIO_01_053 over a
 * connection that goes on all the same. */
TEST_WS_AND_WSS(refused_calls_harm_nothing)
{
    ECHO echo;
    SESSION session;
    echo_start(&echo, tls);
    WSIO_CONFIG config = echo_config(&echo, "/echo");
    session_create(&session, &config);
    CHECK(session_send(&session, "x", 1) != 0);
    CHECK_INT(session_open(&session), 0);
    CHECK(session_open(&session) != 0);
    CHECK(session_send(&session, "x", 1) != 0);
    DRIVE_UNTIL(&session, session_opens(&session) > 0);
    CHECK(session_open(&session) != 0);
    CHECK(session_send(&session, NULL, 1) != 0);
    CHECK(session_send(&session, "x", 0) != 0);
    CHECK(wsio_send(NULL, "x", 1, NULL, NULL) != 0);
    echo_messages(&session, 3);
    CHECK_INT(session_opens(&session), 1);
    CHECK_INT(session_sends(&session), 1);
    session_destroy(&session);
}

/* SRS_WSIO_01_040, SRS_WSIO_01_049, SRS_WSIO_01_060 */
TEST_WS_AND_WSS(every_callback_is_optional)
{
    ECHO echo;
    SESSION session;
    echo_start(&echo, tls);
    WSIO_CONFIG config = echo_config(&echo, "/echo");
    session_create(&session, &config);
    CHECK_INT(open_io(session.io, NULL, NULL, NULL, NULL), 0);
    /* It is open when it takes something to send. */
    DRIVE_UNTIL(&session, wsio_send(session.io, "hello", 5, NULL, NULL) == 0);
    session_settle(&session);
    CHECK_INT(wsio_close(session.io, NULL, NULL), 0);
    echo_expect_report(&echo, &session, "closed 1000", 1);

    CHECK_INT(open_io(session.io, NULL, NULL, NULL, NULL), 0);
    DRIVE_UNTIL(&session, wsio_send(session.io, "bye", 3, NULL, NULL) == 0);
    child_kill(&echo.child); /* an error without on_io_error */
    DRIVE_UNTIL(&session, wsio_send(session.io, "x", 1, NULL, NULL) != 0);
    session_destroy(&session);
}

/* What each callback got as its context. */
static void* seen[5];

static void see_open(void* context, IO_OPEN_RESULT result)
{
    CHECK_INT(result, IO_OPEN_OK);
    seen[0] = context;
}

static void see_bytes(void* context, const unsigned char* bytes, size_t size)
{
    CHECK_INT(size, 4);
    CHECK_MEM(bytes, "ping", 4);
    seen[1] = context;
}

static void see_error(void* context)
{
    seen[2] = context;
}

static void see_sent(void* context, IO_SEND_RESULT result)
{
    CHECK_INT(result, IO_SEND_OK);
    seen[3] = context;
}

static void see_closed(void* context)
{
    seen[4] = context;
}

/* SRS_WSIO_01_039, SRS_WSIO_01_048, SRS_WSIO_01_059, SRS_WSIO_01_086 */
TEST_WS_AND_WSS(each_callback_gets_its_own_context)
{
    static int contexts[5];
    ECHO echo;
    SESSION session;
    echo_start(&echo, tls);
    WSIO_CONFIG config = echo_config(&echo, "/echo");
    session_create(&session, &config);
#ifdef WSIO_ABI_2016_03
    void* of_bytes = &contexts[1];
    void* of_error = &contexts[2];
    CHECK_INT(wsio_open(session.io, see_open, &contexts[0], see_bytes, of_bytes, see_error,
                        of_error), 0);
#else
    void* of_bytes = &contexts[0];
    void* of_error = &contexts[0];
    CHECK_INT(wsio_open(session.io, see_open, see_bytes, see_error, &contexts[0]), 0);
#endif
    DRIVE_UNTIL(&session, seen[0] != NULL);
    CHECK_INT(wsio_send(session.io, "ping", 4, see_sent, &contexts[3]), 0);
    DRIVE_UNTIL(&session, seen[1] != NULL && seen[3] != NULL);
    child_kill(&echo.child);
    DRIVE_UNTIL(&session, seen[2] != NULL);
    CHECK_INT(wsio_close(session.io, see_closed, &contexts[4]), 0);
    CHECK_PTR(seen[0], &contexts[0]);
    CHECK_PTR(seen[1], of_bytes);
    CHECK_PTR(seen[2], of_error);
    CHECK_PTR(seen[3], &contexts[3]);
    CHECK_PTR(seen[4], &contexts[4]);
    session_destroy(&session);
}
