/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Servers that never answer, and opens that are given up. The program is linked
 * with --wrap=clock_gettime: the clock that libwsio.a reads is turned by the
 * tests, those of lws and of the tests are not. */
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "raw_server.h"
#include "servers.h"

static long long turned_ms;

int __real_clock_gettime(clockid_t clock, struct timespec* now);
int __wrap_clock_gettime(clockid_t clock, struct timespec* now);

int __wrap_clock_gettime(clockid_t clock, struct timespec* now)
{
    int result = __real_clock_gettime(clock, now);
    if (clock == CLOCK_MONOTONIC) {
        long long ns = now->tv_nsec + turned_ms % 1000 * 1000000;
        now->tv_sec += (time_t)(turned_ms / 1000 + ns / 1000000000);
        now->tv_nsec = (long)(ns % 1000000000);
    }
    return result;
}

/* How far a server gets before it falls silent. */
static void say_and_wait(RAW_PEER* peer, void* context)
{
    const char* text = context;
    raw_say(peer, text);
    raw_drain(peer);
}

static void read_say_and_wait(RAW_PEER* peer, void* context)
{
    if (raw_read_request(peer)) {
        say_and_wait(peer, context);
    }
}

/* A session whose open goes nowhere, after some time of trying. */
static void open_in_vain(SESSION* session, int port, bool tls)
{
    WSIO_CONFIG config = config_for("127.0.0.1", port, "/", tls ? test_ca() : NULL);
    session_create(session, &config);
    CHECK_INT(session_open(session), 0);
    session_settle(session);
    CHECK_INT(session_opens(session), 0);
}

/* The open ends at the documented 20 seconds, not before, and once. */
static void expect_timeout(int port, bool tls)
{
    SESSION session;
    open_in_vain(&session, port, tls);
    turned_ms += 14000;
    session_settle(&session);
    CHECK_INT(session_opens(&session), 0);
    CHECK(session_open(&session) != 0);
    turned_ms += 6000;
    session_step(&session);
    CHECK_INT(session.opened[IO_OPEN_ERROR], 1);
    CHECK_INT(log_lines_with("opening failed"), 1);
    CHECK(log_has("time"));
    session_settle(&session);
    CHECK_INT(session_opens(&session), 1);
    CHECK_INT(session.errors, 0);
    /* Again, with a deadline of its own. */
    CHECK_INT(session_open(&session), 0);
    session_settle(&session);
    CHECK_INT(session_opens(&session), 1);
    turned_ms += 20000;
    session_step(&session);
    CHECK_INT(session.opened[IO_OPEN_ERROR], 2);
    session_destroy(&session);
    session_check_balance(&session);
}

static void expect_timeout_with(RAW_SCRIPT script, const char* text, bool tls)
{
    char copy[256];
    RAW_SERVER* server = raw_server_start("127.0.0.1", script, strcpy(copy, text));
    expect_timeout(raw_server_port(server), tls);
    raw_server_stop(server);
}

/* SRS_WSIO_01_037 */
TEST_WS_AND_WSS(a_server_that_says_nothing)
{
    expect_timeout_with(say_and_wait, "", tls);
}

TEST(a_server_that_reads_and_says_nothing)
{
    expect_timeout_with(read_say_and_wait, "", false);
}

TEST(a_server_that_stops_in_its_answer)
{
    expect_timeout_with(read_say_and_wait, "HTTP/1.1 101 Switching Protocols\r\nUpgra", false);
}

TEST(a_tls_server_that_stops_in_its_answer)
{
    /* The beginning of a TLS record of 90 bytes. */
    expect_timeout_with(say_and_wait, "\x16\x03\x03\x01\x5a\x02", true);
}

/* Its listen queue is full: not even TCP is connected. */
static int full_listener(int fillers[], size_t count)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_INT(bind(listener, (struct sockaddr*)&address, size), 0);
    CHECK_INT(listen(listener, 0), 0);
    CHECK_INT(getsockname(listener, (struct sockaddr*)&address, &size), 0);
    for (size_t i = 0; i < count; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(fillers[i], (struct sockaddr*)&address, size);
    }
    return ntohs(address.sin_port);
}

TEST_WS_AND_WSS(a_server_that_cannot_be_reached)
{
    int fillers[8];
    expect_timeout(full_listener(fillers, 8), tls);
}

/* The order of the callbacks of one session. */
static char order[8];

static void note(char what)
{
    size_t used = strlen(order);
    CHECK(used + 1 < sizeof order);
    order[used] = what;
}

static void note_open(SESSION* session, IO_OPEN_RESULT result)
{
    (void)session;
    CHECK_INT(result, IO_OPEN_CANCELLED);
    note('o');
}

static void note_closed(SESSION* session)
{
    (void)session;
    note('c');
}

typedef enum STAGE_TAG { CONNECTING, SILENT, ANSWERING } STAGE;

/* SRS_WSIO_01_009, SRS_WSIO_01_038, SRS_WSIO_01_041, SRS_WSIO_01_047 */
static void give_up(STAGE stage, bool tls, bool destroy)
{
    static char half_answer[] = "HTTP/1.1 101 Switch";
    static char nothing[] = "";
    int fillers[8];
    SESSION session;
    RAW_SERVER* server = NULL;
    int port;
    if (stage == CONNECTING) {
        port = full_listener(fillers, 8);
    } else {
        server = stage == SILENT ? raw_server_start("127.0.0.1", say_and_wait, nothing)
                                 : raw_server_start("127.0.0.1", read_say_and_wait, half_answer);
        port = raw_server_port(server);
    }
    open_in_vain(&session, port, tls);
    session.on_open = note_open;
    session.on_closed = note_closed;
    if (destroy) {
        session_destroy(&session);
        CHECK_STR(order, "o");
    } else {
        CHECK_INT(session_close(&session), 0);
        CHECK_STR(order, "oc");
        CHECK(session_close(&session) != 0);
        session_settle(&session);
        session_destroy(&session);
        CHECK_STR(order, "oc");
    }
    CHECK_INT(session.opened[IO_OPEN_CANCELLED], 1);
    CHECK_INT(session.errors, 0);
    session_check_balance(&session);
    if (server != NULL) {
        raw_server_stop(server);
    }
}

TEST_WS_AND_WSS(close_while_connecting) { give_up(CONNECTING, tls, false); }
TEST_WS_AND_WSS(destroy_while_connecting) { give_up(CONNECTING, tls, true); }
TEST_WS_AND_WSS(close_while_the_server_is_silent) { give_up(SILENT, tls, false); }
TEST_WS_AND_WSS(destroy_while_the_server_is_silent) { give_up(SILENT, tls, true); }
TEST(close_while_the_server_answers) { give_up(ANSWERING, false, false); }
TEST(destroy_while_the_server_answers) { give_up(ANSWERING, false, true); }

/* Right after wsio_open, before anything is serviced. */
TEST_WS_AND_WSS(close_right_after_open)
{
    ECHO echo;
    SESSION session;
    echo_start(&echo, tls);
    WSIO_CONFIG config = echo_config(&echo, "/echo");
    session_create(&session, &config);
    for (unsigned i = 1; i <= 5; i++) {
        CHECK_INT(session_open(&session), 0);
        CHECK_INT(session_close(&session), 0);
        CHECK_INT(session.opened[IO_OPEN_CANCELLED], i);
    }
    session_connect(&session);
    CHECK_INT(session_close(&session), 0);
    session_destroy(&session);
    session_check_balance(&session);
}
