/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "life.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "session.h"

/* How long it may take until wsio says what became of something. */
enum { PATIENCE = 10 };

enum { MIB = 1024 * 1024 };

typedef struct LIFE_TAG {
    const SCENARIO* scenario;
    const SERVER* server;
    REPORT* report;
    SESSION session;
    size_t arrived; /* bytes of the stream */
} LIFE;

static unsigned open_fds(void)
{
    DIR* folder = opendir("/proc/self/fd");
    unsigned count = 0;
    CHECK(folder != NULL);
    while (readdir(folder) != NULL)
    {
        count++;
    }
    closedir(folder);
    return count;
}

static void check_bytes(SESSION* session, const unsigned char* bytes, size_t size)
{
    LIFE* life = session->test;
    for (size_t i = 0; i < size; i++)
    {
        CHECK_INT(bytes[i], stream_byte(life->arrived++));
    }
}

static void begin(LIFE* life)
{
    const SCENARIO* scenario = life->scenario;
    const SERVER* server = life->server;
    /* Of names that are all the same OpenSSL tries the first only. */
    const char* parts[2] = { server->certificate, server->others };
    char bundle[sizeof server->others + sizeof server->certificate];
    WSIO_CONFIG config;
    snprintf(bundle, sizeof bundle, "%s%s", scenario->other_ca ? "" : parts[0], parts[1]);
    config = config_for(scenario->host, server->port,
                        scenario->step == GREET ? "/greet" : "/",
                        scenario->tls ? bundle : NULL);
    life->arrived = 0;
    session_create(&life->session, &config);
    life->session.keep_received = false;
    life->session.on_bytes = check_bytes;
    life->session.test = life;
}

static bool is_open(const LIFE* life)
{
    const SESSION* session = &life->session;
    return session->opened[IO_OPEN_OK] > session->errors + session->closed;
}

/* Until wsio_open's result is there. lws may have lost the connection from its
 * lists when memory was short: then wsio's own deadline ends the open. */
static void await_open(LIFE* life)
{
    SESSION* session = &life->session;
    DEADLINE late = clock_ms() + 100 * slowness();
    while (session_opens(session) < session->opens_owed
           && !(deadline_passed(late) && life->report->failures > 0))
    {
        session_step(session);
    }
    if (session_opens(session) < session->opens_owed)
    {
        clock_advance_ms(20001);
        life->report->clock_turned = true;
    }
    DRIVE_UNTIL_IN(session, session_opens(session) == session->opens_owed, PATIENCE);
}

/* The IO works both ways, or has failed. */
static void exchange(LIFE* life)
{
    SESSION* session = &life->session;
    unsigned errors = session->errors;
    life->arrived = 0;
    CHECK_INT(session_send(session, "R", 1), 0);
    DRIVE_UNTIL_IN(session, life->arrived >= STREAM_SIZE || session->errors > errors,
                   PATIENCE * slowness());
    CHECK(life->arrived <= STREAM_SIZE);
}

static void send_bytes(LIFE* life, size_t size)
{
    SESSION* session = &life->session;
    unsigned sends = session_sends(session);
    unsigned char* message = malloc(size);
    unsigned owed;
    message[0] = 'S';
    for (size_t i = 1; i < size; i++)
    {
        message[i] = stream_byte(i);
    }
    failing_arm();
    owed = session_send(session, message, size) == 0;
    owed += session_send(session, message, 2) == 0;
    DRIVE_UNTIL_IN(session, session_sends(session) == sends + owed || session->errors > 0,
                   PATIENCE * slowness());
    failing_disarm();
    free(message);
}

/* Asks the server for something, without failures. */
static void ask(LIFE* life, const char* what)
{
    SESSION* session = &life->session;
    unsigned sent = session->sent[IO_SEND_OK];
    life->arrived = 0;
    CHECK_INT(session_send(session, what, 1), 0);
    DRIVE_UNTIL_IN(session, session->sent[IO_SEND_OK] > sent, PATIENCE * slowness());
}

static void open_and_await(LIFE* life)
{
    failing_arm();
    if (session_open(&life->session) == 0)
    {
        await_open(life);
    }
    failing_disarm();
}

/* The step in which allocations fail. */
static void suffer(LIFE* life)
{
    SESSION* session = &life->session;
    STEP step = life->scenario->step;
    if (step >= SEND_SMALL && step != DESTROY_OPENING)
    {
        session_connect(session);
    }
    switch (step)
    {
    case CERTIFICATES:
        failing_arm();
        (void)session_open(session);
        failing_disarm();
        await_open(life);
        break;
    case OPEN:
    case REFUSE:
        open_and_await(life);
        break;
    case GREET:
        open_and_await(life);
        failing_arm();
        DRIVE_UNTIL_IN(session, !is_open(life) || life->arrived == GREETING_SIZE, PATIENCE);
        failing_disarm();
        break;
    case SEND_SMALL:
        send_bytes(life, 100);
        break;
    case SEND_LARGE:
        /* More than lws can pass on at once. */
        send_bytes(life, (life->scenario->tls ? 6 : 12) * MIB);
        break;
    case RECEIVE:
        ask(life, "R");
        failing_arm();
        DRIVE_UNTIL_IN(session, session->errors > 0 || life->arrived >= STREAM_SIZE,
                       PATIENCE * slowness());
        failing_disarm();
        break;
    case SERVER_CLOSES:
        ask(life, "C");
        failing_arm();
        DRIVE_UNTIL_IN(session, session->errors > 0, PATIENCE * slowness());
        failing_disarm();
        break;
    case CLOSE:
        failing_arm();
        CHECK_INT(session_close(session), 0);
        failing_disarm();
        break;
    case DESTROY_OPENING:
        CHECK_INT(session_open(session), 0);
        session_step(session);
        failing_arm();
        session_destroy(session);
        failing_disarm();
        break;
    case DESTROY:
        (void)session_send(session, "S", 1);
        failing_arm();
        session_destroy(session);
        failing_disarm();
        break;
    default:
        CHECK(!"a step of wsio");
    }
}

/* OpenSSL sets itself up when it is first used. What fails of that (initialisers
 * that run once, algorithms that a provider brings) it does not try again. */
static bool may_have_spoilt_openssl(const LIFE* life)
{
    const SCENARIO* scenario = life->scenario;
    return scenario->tls && !scenario->warm && scenario->step <= REFUSE
        && life->report->failures > 0;
}

static void be_refused(LIFE* life)
{
    SESSION* session = &life->session;
    unsigned errors = session->opened[IO_OPEN_ERROR];
    CHECK_INT(session_open(session), 0);
    await_open(life);
    CHECK_INT(session->opened[IO_OPEN_ERROR], errors + 1);
}

/* The same handle, or a new one if it is gone, does all that it should. */
static void recover(LIFE* life)
{
    SESSION* session = &life->session;
    unsigned errors;
    if (session->io == NULL)
    {
        session_check_balance(session);
        begin(life);
    }
    if (may_have_spoilt_openssl(life))
    {
        if (session_open(session) == 0)
        {
            await_open(life);
        }
        return;
    }
    if (life->scenario->step == REFUSE)
    {
        be_refused(life);
        return;
    }
    errors = session->errors;
    life->arrived = 0;
    session_connect(session);
    if (life->scenario->step == GREET)
    {
        DRIVE_UNTIL_IN(session, life->arrived >= GREETING_SIZE, PATIENCE * slowness());
    }
    exchange(life);
    CHECK_INT(session->errors, errors);
    CHECK_INT(session_close(session), 0);
}

/* Another IO, without failures. */
static void warm_up(LIFE* life)
{
    begin(life);
    if (life->scenario->step == REFUSE)
    {
        be_refused(life);
    }
    else
    {
        session_connect(&life->session);
    }
    session_destroy(&life->session);
}

void live(const SCENARIO* scenario, const SERVER* server, REPORT* report)
{
    static LIFE life;
    SESSION* session = &life.session;
    unsigned fds = open_fds();
    unsigned errors;
    life.scenario = scenario;
    life.server = server;
    life.report = report;
    if (scenario->warm)
    {
        warm_up(&life);
    }
    begin(&life);
    suffer(&life);
    CHECK(session_opens(session) <= 1);
    CHECK(session->errors <= session->opened[IO_OPEN_OK]);
    if (scenario->step == REFUSE)
    {
        CHECK_INT(session->opened[IO_OPEN_OK], 0);
    }
    if (report->failures == 0 && scenario->step != REFUSE && scenario->step != DESTROY_OPENING)
    {
        CHECK_INT(session->opened[IO_OPEN_OK], 1);
        CHECK_INT(session->errors, scenario->step == SERVER_CLOSES);
    }
    if (is_open(&life) && session->io != NULL)
    {
        exchange(&life);
    }
    errors = session->errors;
    if (session->io != NULL && session->opened[IO_OPEN_OK] > session->closed)
    {
        CHECK_INT(session_close(session), 0);
    }
    if (session->io != NULL)
    {
        CHECK(session_close(session) != 0);
        session_check_balance(session);
    }
    CHECK_INT(session->errors, errors);
    recover(&life);
    CHECK(scenario->step != REFUSE || session->opened[IO_OPEN_OK] == 0);
    session_destroy(session);
    session_check_balance(session);
    CHECK_INT(open_fds(), fds);
    CHECK_STR(server->fault, "");
}
