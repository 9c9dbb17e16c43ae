/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* usage: AGENT PORT [CASE...]
 *
 * Runs the server's cases by their position from 1 (all, if none is given) and
 * has it write its report. Fails when a session did not come to an end. */
#include "agent.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The server gives most cases a second, and the longest ones 1000. */
#define SESSION_SECONDS 300

static time_t overdue_at;

static time_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec;
}

bool agent_overdue(void)
{
    return now() > overdue_at;
}

void agent_wait(void)
{
    const struct timespec moment = { 0, 100 * 1000 };
    nanosleep(&moment, NULL);
}

void session_keep(struct session* session, const void* bytes, size_t size)
{
    size_t room = sizeof session->reply - 1 - session->reply_size;
    if (size > room) {
        size = room;
    }
    memcpy(session->reply + session->reply_size, bytes, size);
    session->reply_size += size;
    session->reply[session->reply_size] = '\0';
}

static bool run(struct session* session)
{
    overdue_at = now() + SESSION_SECONDS;
    bool ended = run_session(session);
    if (!ended) {
        fprintf(stderr, "%s: %s did not come to an end\n", agent_name, session->path);
    }
    return ended;
}

static bool run_case(int port, int number)
{
    char path[128];
    snprintf(path, sizeof path, "/runCase?case=%d&agent=%s", number, agent_name);
    struct session session = { .port = port, .path = path, .echo = true };
    return run(&session);
}

int main(int argc, char** argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: %s PORT [CASE...]\n", argv[0]);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    int port = atoi(argv[1]);
    int failures = 0;
    if (argc > 2) {
        for (int i = 2; i < argc; i++) {
            failures += !run_case(port, atoi(argv[i]));
        }
    } else {
        struct session count = { .port = port, .path = "/getCaseCount" };
        int cases = run(&count) ? atoi(count.reply) : 0;
        if (cases < 1) {
            fprintf(stderr, "%s: the server says \"%s\" cases\n", agent_name, count.reply);
            return 1;
        }
        for (int number = 1; number <= cases; number++) {
            failures += !run_case(port, number);
        }
    }
    char path[128];
    snprintf(path, sizeof path, "/updateReports?agent=%s", agent_name);
    struct session report = { .port = port, .path = path };
    failures += !run(&report);
    return failures == 0 ? 0 : 1;
}
