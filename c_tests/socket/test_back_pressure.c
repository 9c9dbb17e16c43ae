/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Servers that do not read: sends wait, nothing blocks, and only what the kernel
 * has taken is reported as sent. */
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "raw_server.h"
#include "servers.h"
#include "trust.h"

/* A large message is more than the kernel takes at once. */
enum { LARGE_MESSAGES = 4, MESSAGES = 64, SMALL_MESSAGES = 40000 };
#define LARGE_MESSAGE_SIZE ((size_t)16 * 1024 * 1024)
#define MESSAGE_SIZE ((size_t)1024 * 1024)
#define SMALL_MESSAGE_SIZE ((size_t)1000)

/* What a call took, if it waited for something: the kernel counts when a thread
 * gives up the processor by itself. A busy machine takes it away, which says
 * nothing of the call. */
typedef struct STOPWATCH_TAG {
    long waits;
    long long start;
} STOPWATCH;

static long waits_of_this_thread(void)
{
    struct rusage usage;
    CHECK_INT(getrusage(RUSAGE_THREAD, &usage), 0);
    return usage.ru_nvcsw;
}

static STOPWATCH stopwatch(void)
{
    return (STOPWATCH){ waits_of_this_thread(), clock_ms() };
}

static long long waited_ms(STOPWATCH since)
{
    return waits_of_this_thread() != since.waits ? clock_ms() - since.start : 0;
}

/* valgrind's threads wait for each other. */
static long long longest_wait_ms(void)
{
    return 200 * slowness();
}

typedef struct SLOW_READER_TAG {
    SSL_CTX* tls; /* or NULL */
    atomic_bool reads;
    atomic_size_t received;
} SLOW_READER;

static void read_when_told(RAW_PEER* peer, void* context)
{
    SLOW_READER* reader = context;
    if ((reader->tls != NULL && !raw_start_tls(peer, reader->tls)) || !raw_handshake(peer, NULL)) {
        return;
    }
    DEADLINE deadline = deadline_after(60);
    while (!atomic_load(&reader->reads) && !deadline_passed(deadline)) {
        poll(NULL, 0, 1);
    }
    atomic_store(&reader->received, raw_drain(peer));
}

/* Queues this many messages, the parts of one payload; more in all than the
 * kernel's buffers hold. */
static void queue(SESSION* session, unsigned count, size_t size)
{
    unsigned char* bytes = payload(count * size, 3);
    for (unsigned i = 0; i < count; i++) {
        CHECK_INT(session_send(session, bytes + i * size, size), 0);
    }
    free(bytes);
}

/* Drives until nothing has been sent for a while; how long one wsio_dowork has
 * waited at most. */
static long long drive_to_a_halt(SESSION* session)
{
    enum { ENOUGH = 200 };
    long long longest = 0;
    unsigned before = session_sends(session);
    for (int quiet = 0; quiet < ENOUGH; quiet++) {
        STOPWATCH start = stopwatch();
        wsio_dowork(session->io);
        long long waited = waited_ms(start);
        longest = waited > longest ? waited : longest;
        if (session_sends(session) != before) {
            before = session_sends(session);
            quiet = 0;
        }
        session_step(session);
    }
    return longest;
}

static void check_halted(SESSION* session)
{
    CHECK(session->sent[IO_SEND_OK] < session->sends_owed);
    CHECK_INT(session->sent[IO_SEND_ERROR], 0);
    CHECK_INT(session->sent[IO_SEND_CANCELLED], 0);
    CHECK_INT(session->errors, 0);
    CHECK_INT(session_send(session, "one more", 8), 0);
}

/* What was reported as sent can be read by the server after the close, and the
 * rest is cancelled. */
static void close_in_a_jam(bool tls, unsigned count, size_t size)
{
    SLOW_READER reader = { tls ? tls_of(TLS1_3_VERSION, "good") : NULL, false, 0 };
    SESSION session;
    RAW_SERVER* server = raw_server_start("127.0.0.1", read_when_told, &reader);
    WSIO_CONFIG config = config_for("127.0.0.1", raw_server_port(server), "/",
        tls ? pem_of("root") : NULL);
    session_start(&session, &config);
    queue(&session, count, size);
    CHECK_INT(session_sends(&session), 0);
    CHECK(drive_to_a_halt(&session) < longest_wait_ms());
    check_halted(&session);
    unsigned ok = session.sent[IO_SEND_OK];

    STOPWATCH start = stopwatch();
    CHECK_INT(session_close(&session), 0);
    CHECK(waited_ms(start) < longest_wait_ms()); /* it waits for nobody */
    CHECK_INT(session.sent[IO_SEND_OK], ok);
    CHECK_INT(session.sent[IO_SEND_CANCELLED], count + 1 - ok);
    session_check_balance(&session);

    atomic_store(&reader.reads, true);
    DRIVE_UNTIL(&session, raw_server_served(server) == 1);
    size_t head = size < 65536 ? 8 : 14; /* with the mask */
    CHECK(atomic_load(&reader.received) >= ok * (head + size));
    session_destroy(&session);
    raw_server_stop(server);
    SSL_CTX_free(reader.tls);
    issued_free_all();
}

/* SRS_WSIO_01_054, SRS_WSIO_01_080, SRS_WSIO_01_109, and "OK means sent". */
TEST_WS_AND_WSS(what_is_reported_sent_has_left)
{
    close_in_a_jam(tls, MESSAGES, MESSAGE_SIZE);
}

TEST_WS_AND_WSS(what_is_reported_sent_in_large_messages_has_left)
{
    close_in_a_jam(tls, LARGE_MESSAGES, LARGE_MESSAGE_SIZE);
}

TEST_WS_AND_WSS(what_is_reported_sent_in_small_messages_has_left)
{
    close_in_a_jam(tls, SMALL_MESSAGES, SMALL_MESSAGE_SIZE);
}

/* The server sleeps, and wakes again: nothing is lost or mixed up meanwhile. */
static void sleep_and_wake(bool tls, unsigned count, size_t size)
{
    ECHO echo;
    SESSION session;
    echo_start(&echo, tls);
    WSIO_CONFIG config = echo_config(&echo, "/echo");
    session_start(&session, &config);
    child_pause(&echo.child);
    queue(&session, count, size);
    CHECK(drive_to_a_halt(&session) < longest_wait_ms());
    check_halted(&session);
    child_resume(&echo.child);
    DRIVE_UNTIL_IN(&session, session.received_size >= count * size + 8, 90);
    CHECK_INT(session.sent[IO_SEND_OK], count + 1);
    unsigned char* bytes = payload(count * size, 3);
    CHECK_MEM(session.received, bytes, count * size);
    CHECK_MEM(session.received + count * size, "one more", 8);
    free(bytes);
    session_destroy(&session);
    session_check_balance(&session);
}

TEST_WS_AND_WSS(sends_go_on_when_the_server_reads_again)
{
    sleep_and_wake(tls, MESSAGES, MESSAGE_SIZE);
}

TEST_WS_AND_WSS(large_sends_go_on_when_the_server_reads_again)
{
    sleep_and_wake(tls, LARGE_MESSAGES, LARGE_MESSAGE_SIZE);
}

TEST_WS_AND_WSS(small_sends_go_on_when_the_server_reads_again)
{
    sleep_and_wake(tls, SMALL_MESSAGES, SMALL_MESSAGE_SIZE);
}

/* SRS_WSIO_01_007, SRS_WSIO_01_109 */
TEST_WS_AND_WSS(destroy_does_not_wait_for_the_server)
{
    ECHO echo;
    SESSION session;
    echo_start(&echo, tls);
    WSIO_CONFIG config = echo_config(&echo, "/sink");
    session_start(&session, &config);
    child_pause(&echo.child);
    queue(&session, MESSAGES, MESSAGE_SIZE);
    drive_to_a_halt(&session);
    unsigned ok = session.sent[IO_SEND_OK];
    STOPWATCH start = stopwatch();
    session_destroy(&session);
    CHECK(waited_ms(start) < longest_wait_ms());
    CHECK_INT(session.sent[IO_SEND_CANCELLED], MESSAGES - ok);
    session_check_balance(&session);
}
