/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "process.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "deadline.h"

/* The children that are running, for the end of the test. */
static pid_t running[64];
static pid_t owner;

static void kill_all(void)
{
    for (size_t i = 0; getpid() == owner && i < sizeof running / sizeof running[0]; i++) {
        if (running[i] > 0) {
            kill(running[i], SIGKILL);
        }
    }
}

static void replace_running(pid_t before, pid_t after)
{
    if (owner == 0) {
        owner = getpid();
        atexit(kill_all);
    }
    for (size_t i = 0; i < sizeof running / sizeof running[0]; i++) {
        if (running[i] == before) {
            running[i] = after;
            return;
        }
    }
    CHECK(!"too many children");
}

static void become(const char* const argv[], int output, pid_t parent)
{
    sigset_t none;
    /* The server goes when the test goes, also when that crashes. In a process
     * group of its own it is woken then if it is stopped. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setpgid(0, 0);
    if (getppid() != parent) {
        _exit(127);
    }
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    dup2(output, STDOUT_FILENO);
    /* exec takes char* for historical reasons and changes nothing. */
    execvp(argv[0], (char* const*)(void*)argv);
    fprintf(stderr, "cannot run %s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

void child_start(CHILD* child, const char* const argv[])
{
    int ends[2];
    pid_t parent = getpid();
    memset(child, 0, sizeof *child);
    CHECK_INT(pipe(ends), 0);
    fflush(NULL);
    child->pid = fork();
    CHECK(child->pid >= 0);
    if (child->pid == 0) {
        close(ends[0]);
        become(argv, ends[1], parent);
    }
    replace_running(0, child->pid);
    close(ends[1]);
    child->output = ends[0];
}

bool child_read_line(CHILD* child, char* line, size_t size)
{
    DEADLINE deadline = deadline_after(20);
    for (;;) {
        char* end = memchr(child->unread, '\n', child->unread_size);
        if (end != NULL || child->unread_size == sizeof child->unread) {
            size_t length = end != NULL ? (size_t)(end - child->unread) : child->unread_size;
            size_t used = end != NULL ? length + 1 : length;
            snprintf(line, size, "%.*s", (int)length, child->unread);
            child->unread_size -= used;
            memmove(child->unread, child->unread + used, child->unread_size);
            return true;
        }
        struct pollfd readable = { .fd = child->output, .events = POLLIN };
        if (poll(&readable, 1, deadline_left_ms(deadline)) <= 0) {
            return false;
        }
        ssize_t got = read(child->output, child->unread + child->unread_size,
                           sizeof child->unread - child->unread_size);
        if (got <= 0) {
            return false;
        }
        child->unread_size += (size_t)got;
    }
}

int child_read_port(CHILD* child)
{
    char line[256];
    int port = 0;
    while (port == 0 && child_read_line(child, line, sizeof line)) {
        if (sscanf(line, "port %d", &port) != 1) {
            port = 0;
        }
    }
    CHECK(port > 0);
    return port;
}

static void forget(CHILD* child)
{
    replace_running(child->pid, 0);
    child->pid = 0;
}

bool child_is_running(CHILD* child)
{
    if (child->pid > 0 && waitpid(child->pid, NULL, WNOHANG) == child->pid) {
        forget(child);
    }
    return child->pid > 0;
}

void child_pause(CHILD* child)
{
    int status = 0;
    kill(child->pid, SIGSTOP);
    CHECK_INT(waitpid(child->pid, &status, WUNTRACED), child->pid);
    CHECK(WIFSTOPPED(status));
}

void child_resume(CHILD* child)
{
    kill(child->pid, SIGCONT);
}

static void end_with(CHILD* child, int signal_number)
{
    if (child_is_running(child)) {
        kill(child->pid, signal_number);
        waitpid(child->pid, NULL, 0);
        forget(child);
    }
    if (child->output > 0) {
        close(child->output);
        child->output = 0;
    }
}

void child_kill(CHILD* child)
{
    end_with(child, SIGKILL);
}

void child_terminate(CHILD* child)
{
    end_with(child, SIGTERM);
}
