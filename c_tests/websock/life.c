/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* live() of torture/life.h, with websock.h. */
#include "life.h"

#include <dirent.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "check.h"
#include "deadline.h"
#include "websock.h"

/* How long it may take until what is to come is there. */
enum { PATIENCE_MS = 10000 };

/* lws may have lost the connection from its lists when memory was short: then the
 * library's own deadline ends the open. */
enum { OPEN_MS = 1500 };

enum { MIB = 1024 * 1024 };

typedef struct LIFE_TAG {
    const SCENARIO* scenario;
    const SERVER* server;
    REPORT* report;
    websock_handle_t handle; /* NULL: there is none */
    atomic_bool over;        /* websock_recv, or the handler, says so */
    atomic_size_t arrived;   /* bytes of the stream */
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

static websock_handle_t open_it(const LIFE* life)
{
    const SCENARIO* scenario = life->scenario;
    const SERVER* server = life->server;
    /* Of names that are all the same OpenSSL tries the first only. */
    static char bundle[sizeof server->others + sizeof server->certificate];
    websock_config_t all;
    websock_config_t* config = &all;
    memset(config, 0, sizeof *config);
    config->hostname = (char*)(size_t)scenario->host;
    config->port = server->port;
    config->uri = (char*)(scenario->step == GREET ? "/greet" : "/");
    config->time_out = OPEN_MS * slowness();
    config->num_hndshk_hdrs = 1;
    config->hndshk_hdrs[0].name = (char*)"X-Test";
    config->hndshk_hdrs[0].val = (char*)"torture";
    if (scenario->tls)
    {
        snprintf(bundle, sizeof bundle, "%s%s", scenario->other_ca ? "" : server->certificate,
                 server->others);
        config->secured = 1;
        config->ssl_config.auth_mode = SSL_WRAP_VERIFY_REQUIRED;
        config->ssl_config.ca_cert.buf = bundle;
        config->ssl_config.ca_cert.len = (int)strlen(bundle);
    }
    return websock_open(config);
}

/* Without failures it opens. */
static void open_well(LIFE* life)
{
    atomic_store(&life->over, false);
    atomic_store(&life->arrived, 0);
    life->handle = open_it(life);
    if (life->handle == NULL)
    {
        check_fail(__FILE__, __LINE__, "websock_open(config)", "NULL", "a handle");
    }
}

static void check_bytes(LIFE* life, const char* bytes, int size)
{
    size_t place = atomic_load(&life->arrived);
    for (int i = 0; i < size; i++)
    {
        CHECK_INT((unsigned char)bytes[i], stream_byte(place++));
    }
    atomic_store(&life->arrived, place);
}

/* Until so many bytes are there, or it is over. */
static void receive_until(LIFE* life, size_t size)
{
    char buffer[3000];
    int got = 1;
    while (got > 0 && atomic_load(&life->arrived) < size)
    {
        websock_msg_hdr_t header;
        int length = sizeof buffer;
        got = websock_recv(life->handle, &header, buffer, &length, PATIENCE_MS * slowness());
        check_bytes(life, buffer, got);
    }
    if (got == 0)
    {
        check_fail(__FILE__, __LINE__, "waited in vain", "nothing", "data, or the end");
    }
    atomic_store(&life->over, got < 0);
    CHECK(atomic_load(&life->arrived) <= STREAM_SIZE);
}

static void ask(LIFE* life, const char* what)
{
    char text[2];
    snprintf(text, sizeof text, "%s", what);
    atomic_store(&life->arrived, 0);
    CHECK_INT(websock_send_binary(life->handle, text, 1), 0);
}

static void send_bytes(LIFE* life, size_t size)
{
    char* message = malloc(size);
    message[0] = 'S';
    for (size_t i = 1; i < size; i++)
    {
        message[i] = (char)stream_byte(i);
    }
    failing_arm();
    int first = websock_send_binary(life->handle, message, (int)size);
    int second = websock_send_binary(life->handle, message, 2);
    failing_disarm();
    CHECK(first == 0 || first == -1);
    CHECK(second == 0 || second == -1);
    CHECK(life->report->failures > 0 || (first == 0 && second == 0));
    free(message);
}

static void on_event(void* context, websock_cb_event_t event, websock_msg_hdr_t* header,
                     char* bytes, int size)
{
    LIFE* life = context;
    (void)header;
    CHECK(!atomic_load(&life->over));
    if (event == WEBSOCK_CB_EVENT_DATA)
    {
        check_bytes(life, bytes, size);
    }
    else
    {
        atomic_store(&life->over, true);
    }
}

static void handle_events(LIFE* life)
{
    const struct timespec moment = { 0, 100 * 1000 };
    DEADLINE deadline = clock_ms() + PATIENCE_MS * slowness();
    ask(life, "R");
    failing_arm();
    bool set = websock_set_event_handler(life->handle, on_event, life) == 0;
    while (set && !atomic_load(&life->over) && atomic_load(&life->arrived) < STREAM_SIZE)
    {
        if (deadline_passed(deadline))
        {
            check_fail(__FILE__, __LINE__, "waited in vain", "nothing", "data, or the end");
        }
        nanosleep(&moment, NULL);
    }
    failing_disarm();
    /* There is always a way back. */
    (void)websock_set_event_handler(life->handle, NULL, NULL);
    if (!set)
    {
        CHECK(life->report->failures > 0);
        receive_until(life, STREAM_SIZE);
    }
}

/* The step in which allocations fail. */
static void suffer(LIFE* life)
{
    STEP step = life->scenario->step;
    if (step != OPEN && step != GREET && step != REFUSE)
    {
        open_well(life);
    }
    switch (step)
    {
    case OPEN:
    case REFUSE:
        failing_arm();
        life->handle = open_it(life);
        failing_disarm();
        break;
    case GREET:
        failing_arm();
        life->handle = open_it(life);
        if (life->handle != NULL)
        {
            receive_until(life, GREETING_SIZE);
        }
        failing_disarm();
        break;
    case SEND_SMALL:
        send_bytes(life, 100);
        break;
    case SEND_LARGE:
        /* More than the kernel takes at once. */
        send_bytes(life, (life->scenario->tls ? 6 : 12) * MIB);
        break;
    case RECEIVE:
        ask(life, "R");
        failing_arm();
        receive_until(life, STREAM_SIZE);
        failing_disarm();
        break;
    case HANDLE_EVENTS:
        handle_events(life);
        break;
    case SERVER_CLOSES:
        ask(life, "C");
        failing_arm();
        receive_until(life, STREAM_SIZE);
        failing_disarm();
        CHECK(atomic_load(&life->over));
        break;
    case CLOSE:
        failing_arm();
        websock_close(life->handle);
        failing_disarm();
        life->handle = NULL;
        break;
    default:
        CHECK(!"a step of websock");
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

/* What it is good for now: both ways, or it says that it is over. */
static void use(LIFE* life)
{
    atomic_store(&life->arrived, 0);
    if (websock_send_binary(life->handle, (char*)"R", 1) == 0)
    {
        receive_until(life, STREAM_SIZE);
    }
    else
    {
        CHECK(life->report->failures > 0 || life->scenario->step == SERVER_CLOSES);
    }
}

static void check_over(LIFE* life)
{
    websock_msg_hdr_t header;
    char buffer[16];
    int length = sizeof buffer;
    CHECK_INT(websock_recv(life->handle, &header, buffer, &length, 0), -1);
    CHECK_INT(websock_send_binary(life->handle, buffer, 1), -1);
}

/* A new connection does all that it should. */
static void recover(LIFE* life)
{
    if (may_have_spoilt_openssl(life))
    {
        websock_close(open_it(life));
        return;
    }
    if (life->scenario->step == REFUSE)
    {
        CHECK_PTR(open_it(life), NULL);
        return;
    }
    open_well(life);
    if (life->scenario->step == GREET)
    {
        receive_until(life, GREETING_SIZE);
        CHECK_INT(atomic_load(&life->arrived), GREETING_SIZE);
    }
    use(life);
    CHECK(!atomic_load(&life->over));
    websock_close(life->handle);
}

void live(const SCENARIO* scenario, const SERVER* server, REPORT* report)
{
    static LIFE life;
    unsigned fds = open_fds();
    life.scenario = scenario;
    life.server = server;
    life.report = report;
    if (scenario->warm)
    {
        websock_close(open_it(&life));
    }
    suffer(&life);
    if (scenario->step == REFUSE)
    {
        CHECK_PTR(life.handle, NULL);
    }
    else if (report->failures == 0 && scenario->step != CLOSE)
    {
        CHECK(life.handle != NULL);
        CHECK_INT(atomic_load(&life.over), scenario->step == SERVER_CLOSES);
    }
    if (life.handle != NULL && !atomic_load(&life.over))
    {
        use(&life);
    }
    else if (life.handle != NULL)
    {
        check_over(&life);
    }
    websock_close(life.handle);
    recover(&life);
    CHECK_INT(open_fds(), fds);
    CHECK_STR(server->fault, "");
}
