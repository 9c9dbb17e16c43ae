/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Servers that a test starts as child processes. Each is killed when the test
 * ends, however it ends. */
#ifndef WSIO_TEST_PROCESS_H
#define WSIO_TEST_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

typedef struct CHILD_TAG {
    pid_t pid;
    int output; /* our end of its stdout */
    char unread[512];
    size_t unread_size;
} CHILD;

/* Runs argv[0] with the arguments up to NULL; the test fails when it can't.
 * To be called from the test's main thread. */
void child_start(CHILD* child, const char* const argv[]);

/* Its next line of output, without the line end. False when there is none in
 * time. A longer line is cut. */
bool child_read_line(CHILD* child, char* line, size_t size);

/* Reads output until the line `port N` and returns N; the test fails when the
 * line does not come. */
int child_read_port(CHILD* child);

/* Whether it still runs. */
bool child_is_running(CHILD* child);

/* Stops it in its tracks: it reads and answers nothing, but its connections
 * stay. And lets it go on. */
void child_pause(CHILD* child);
void child_resume(CHILD* child);

/* Ends it at once (SIGKILL), or politely (SIGTERM), and waits until it is gone.
 * A child that is gone already is left alone. */
void child_kill(CHILD* child);
void child_terminate(CHILD* child);

#endif
