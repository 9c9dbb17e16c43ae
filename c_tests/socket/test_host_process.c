/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* wsio is a guest in its process: signals, output, OpenSSL's error queue, the
 * environment and file descriptors stay the host's. */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <libwebsockets.h>
#include <openssl/err.h>

#include "raw_server.h"
#include "servers.h"

/* SIGPIPE. ------------------------------------------------------------------- */

/* Writes into connections whose server is dead, in every way that wsio has:
 * sending, the goodbye of close and destroy, and that of TLS. */
static void write_to_the_dead(bool tls)
{
    enum { ROUNDS = 12 };
    for (int round = 0; round < ROUNDS; round++) {
        ECHO echo;
        SESSION session;
        echo_start(&echo, tls);
        WSIO_CONFIG config = echo_config(&echo, "/echo");
        session_start(&session, &config);
        /* What it has not read when it dies makes the kernel send RST. */
        child_pause(&echo.child);
        for (int i = 0; i < round; i++) {
            CHECK_INT(session_send(&session, "unread", 6), 0);
            wsio_dowork(session.io);
        }
        child_kill(&echo.child);
        if (round % 3 == 0) {
            session_send(&session, "x", 1);
            session_settle(&session);
        }
        if (round % 2 == 0) {
            CHECK_INT(session_close(&session), 0);
        }
        session_destroy(&session);
        session_check_balance(&session);
    }
}

static bool same_mask(const sigset_t* one, const sigset_t* other)
{
    for (int number = 1; number < NSIG; number++) {
        if (sigismember(one, number) != sigismember(other, number)) {
            return false;
        }
    }
    return true;
}

static void check_not_pending(int number)
{
    sigset_t pending;
    CHECK_INT(sigpending(&pending), 0);
    CHECK_INT(sigismember(&pending, number), 0);
}

TEST_WS_AND_WSS(sigpipe_does_not_kill_the_host)
{
    struct sigaction action;
    sigset_t before;
    sigset_t after;
    CHECK(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
    sigprocmask(SIG_BLOCK, NULL, &before);
    CHECK_INT(sigismember(&before, SIGPIPE), 0);
    write_to_the_dead(tls);
    CHECK_INT(sigaction(SIGPIPE, NULL, &action), 0);
    CHECK(action.sa_handler == SIG_DFL);
    sigprocmask(SIG_BLOCK, NULL, &after);
    CHECK(same_mask(&before, &after));
    check_not_pending(SIGPIPE);
}

static volatile sig_atomic_t sigpipes;

static void count_sigpipe(int number)
{
    (void)number;
    sigpipes++;
}

TEST_WS_AND_WSS(the_hosts_sigpipe_handler_stays)
{
    struct sigaction ours;
    struct sigaction action;
    memset(&ours, 0, sizeof ours);
    ours.sa_handler = count_sigpipe;
    ours.sa_flags = SA_RESTART;
    sigaddset(&ours.sa_mask, SIGUSR1);
    CHECK_INT(sigaction(SIGPIPE, &ours, NULL), 0);
    write_to_the_dead(tls);
    CHECK_INT(sigpipes, 0);
    CHECK_INT(sigaction(SIGPIPE, NULL, &action), 0);
    CHECK(action.sa_handler == count_sigpipe);
    CHECK_INT(action.sa_flags & SA_RESTART, SA_RESTART);
    CHECK_INT(sigismember(&action.sa_mask, SIGUSR1), 1);
    raise(SIGPIPE);
    CHECK_INT(sigpipes, 1);
}

/* A SIGPIPE of the host's own that is pending is not taken from it. */
TEST_WS_AND_WSS(the_hosts_blocked_sigpipe_stays_pending)
{
    sigset_t blocked;
    sigset_t pending;
    sigset_t after;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGPIPE);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    raise(SIGPIPE);
    write_to_the_dead(tls);
    CHECK_INT(sigpending(&pending), 0);
    CHECK_INT(sigismember(&pending, SIGPIPE), 1);
    sigprocmask(SIG_BLOCK, NULL, &after);
    CHECK_INT(sigismember(&after, SIGPIPE), 1);
}

/* Output. -------------------------------------------------------------------- */

/* A bit of everything that could make somebody print something. */
static void scenario(bool tls)
{
    static const char* const paths[] = { "/echo", "/close", "/drop", "/reset", "/empty",
                                         "/fragments", "/no-such-path" };
    ECHO echo;
    echo_start(&echo, tls);
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        SESSION session;
        WSIO_CONFIG config = echo_config(&echo, paths[i]);
        session_create(&session, &config);
        CHECK_INT(session_open(&session), 0);
        DRIVE_UNTIL(&session, session_opens(&session) == 1);
        session_send(&session, "hello", 5);
        session_settle(&session);
        session_close(&session);
        session_destroy(&session);
    }
    static const char* const hosts[] = { "nonexistent.invalid", "127.0.0.1" };
    static const char* const authorities[] = { NULL, "garbage", "" };
    for (size_t i = 0; i < 2; i++) {
        for (size_t j = 0; j < 3; j++) {
            SESSION session;
            WSIO_CONFIG config = echo_config(&echo, "/echo");
            config.host = hosts[i];
            config.use_ssl = true; /* against a ws:// server too */
            config.trusted_ca = authorities[j];
            session_create(&session, &config);
            session_fail_to_open(&session);
            session_destroy(&session);
        }
    }
    WSIO_CONFIG bad = echo_config(&echo, "/");
    bad.port = 0;
    CHECK_PTR(wsio_create(&bad, recording_log), NULL);
    CHECK_PTR(wsio_create(&bad, NULL), NULL);
    CHECK_PTR(wsio_create(NULL, recording_log), NULL);
}

static long size_of(const char* path)
{
    struct stat status;
    CHECK_INT(stat(path, &status), 0);
    return (long)status.st_size;
}

TEST_WS_AND_WSS(nothing_is_printed)
{
    const char* path = temporary_file("printed");
    fflush(NULL);
    int out = dup(STDOUT_FILENO);
    int err = dup(STDERR_FILENO);
    int file = open(path, O_CREAT | O_RDWR | O_APPEND, 0600);
    CHECK(file >= 0);
    dup2(file, STDOUT_FILENO);
    dup2(file, STDERR_FILENO);
    scenario(tls);
    fflush(NULL);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    if (size_of(path) != 0) {
        fprintf(stderr, "%s\n", read_text(path));
    }
    CHECK_INT(size_of(path), 0);
    CHECK(log_count() > 0); /* the failures were told to the logger */
}

/* OpenSSL's error queue. ----------------------------------------------------- */

enum { HOSTS_REASON = 77 };

static void put_hosts_errors(void)
{
    ERR_clear_error();
    ERR_raise_data(ERR_LIB_USER, HOSTS_REASON, "the first of the host");
    ERR_raise_data(ERR_LIB_USER, HOSTS_REASON + 1, "the second of the host");
}

static void check_hosts_error(int reason, const char* expected)
{
    const char* data = NULL;
    int flags = 0;
    unsigned long code = ERR_get_error_all(NULL, NULL, NULL, &data, &flags);
    CHECK_INT(ERR_GET_LIB(code), ERR_LIB_USER);
    CHECK_INT(ERR_GET_REASON(code), reason);
    CHECK(flags & ERR_TXT_STRING);
    CHECK_STR(data, expected);
}

/* The host's two errors are there, in order, and no other. */
static void check_hosts_errors(void)
{
    check_hosts_error(HOSTS_REASON, "the first of the host");
    check_hosts_error(HOSTS_REASON + 1, "the second of the host");
    CHECK_INT(ERR_peek_error(), 0);
    put_hosts_errors();
}

static void drive_checked(SESSION* session, int rounds)
{
    for (int i = 0; i < rounds; i++) {
        session_step(session);
        check_hosts_errors();
    }
}

/* Every call on the way of one connection, as far as it comes. */
static void queue_survives(const WSIO_CONFIG* config)
{
    SESSION session;
    put_hosts_errors();
    session_create(&session, config);
    check_hosts_errors();
    bool opening = session_open(&session) == 0;
    check_hosts_errors();
    for (int i = 0; opening && session_opens(&session) == 0 && i < 5000; i++) {
        drive_checked(&session, 1);
    }
    CHECK_INT(session_opens(&session), opening);
    session_send(&session, "hello", 5);
    check_hosts_errors();
    drive_checked(&session, 100);
    session_close(&session);
    check_hosts_errors();
    session_open(&session);
    check_hosts_errors();
    session_close(&session);
    check_hosts_errors();
    session_destroy(&session);
    check_hosts_errors();
}

TEST_WS_AND_WSS(openssl_error_queue_stays_the_hosts)
{
    static const char* const paths[] = { "/echo", "/close", "/drop", "/reset", "/nowhere" };
    ECHO echo;
    echo_start(&echo, tls);
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        WSIO_CONFIG config = echo_config(&echo, paths[i]);
        queue_survives(&config);
    }
}

TEST_WS_AND_WSS(openssl_error_queue_survives_refusals)
{
    static const char* const authorities[] = { NULL, "garbage", "", "-----BEGIN CERTIFICATE-----\n" };
    ECHO echo;
    echo_start(&echo, tls); /* asked for wss:// in either case */
    for (size_t i = 0; i < sizeof authorities / sizeof authorities[0]; i++) {
        WSIO_CONFIG config = config_for("127.0.0.1", echo.port, "/echo", "");
        config.trusted_ca = authorities[i];
        queue_survives(&config);
    }
}

/* An empty queue stays empty: a stale entry would fail the host's own TLS. */
TEST_WS_AND_WSS(openssl_error_queue_stays_empty)
{
    ECHO echo;
    SESSION session;
    echo_start(&echo, tls);
    WSIO_CONFIG config = echo_config(&echo, "/drop");
    ERR_clear_error();
    session_start(&session, &config);
    CHECK_INT(ERR_peek_error(), 0);
    CHECK_INT(session_send(&session, "go", 2), 0);
    DRIVE_UNTIL(&session, (CHECK_INT(ERR_peek_error(), 0), session.errors == 1));
    CHECK_INT(ERR_peek_error(), 0);
    session_destroy(&session);
    CHECK_INT(ERR_peek_error(), 0);
}

/* The environment. ----------------------------------------------------------- */

/* SRS_WSIO_01_094 */
TEST_WS_AND_WSS(a_proxy_in_the_environment_is_ignored)
{
    static const char* const names[] = { "http_proxy", "https_proxy", "all_proxy", "socks_proxy",
                                         "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "SOCKS_PROXY" };
    ECHO echo;
    SESSION session;
    echo_start(&echo, tls);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        setenv(names[i], "http://127.0.0.1:1", 1);
    }
    unsetenv("no_proxy");
    WSIO_CONFIG config = echo_config(&echo, "/echo");
    session_start(&session, &config);
    CHECK_INT(session_send(&session, "direct", 6), 0);
    DRIVE_UNTIL(&session, session.received_size == 6);
    session_destroy(&session);
}

/* File descriptors. ---------------------------------------------------------- */

static int open_descriptors(void)
{
    int count = 0;
    DIR* folder = opendir("/proc/self/fd");
    CHECK(folder != NULL);
    while (readdir(folder) != NULL) {
        count++;
    }
    closedir(folder);
    return count;
}

/* Also where lws itself forgets one with each context, as 4.3.5 does. */
TEST_WS_AND_WSS(file_descriptors_are_given_back)
{
    enum { ROUNDS = 5 };
    ECHO echo;
    echo_start(&echo, tls);
    int before = open_descriptors();
    for (int i = 0; i < ROUNDS; i++) {
        SESSION session;
        WSIO_CONFIG config = echo_config(&echo, i % 2 == 0 ? "/echo" : "/drop");
        session_start(&session, &config);
        CHECK(open_descriptors() > before);
        CHECK_INT(session_send(&session, "x", 1), 0);
        session_settle(&session);
        CHECK_INT(session_close(&session), 0);
        CHECK_INT(open_descriptors(), before);
        CHECK_INT(session_open(&session), 0);
        session_destroy(&session);
        CHECK_INT(open_descriptors(), before);
    }
    /* Opens that fail, and fail again. */
    child_kill(&echo.child);
    before = open_descriptors();
    for (int i = 0; i < ROUNDS; i++) {
        SESSION session;
        WSIO_CONFIG config = echo_config(&echo, "/echo");
        config.host = i % 2 == 0 ? "127.0.0.1" : "nonexistent.invalid";
        session_create(&session, &config);
        session_fail_to_open(&session);
        CHECK_INT(open_descriptors(), before);
        session_fail_to_open(&session);
        session_destroy(&session);
        CHECK_INT(open_descriptors(), before);
    }
}
