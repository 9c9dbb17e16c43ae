/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The process that wsio is in is left as it was, whatever a server does. OpenSSL's
 * errors and the environment's proxies are in socket/test_host_process.c. */
#include <dirent.h>
#include <fcntl.h>
#include <locale.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "expect.h"

extern char** environ;

enum { SKIPPED = 77 }; /* ctest's SKIP_RETURN_CODE */

/* Opens, is refused, fails, is reset in the middle of a send. */
static void live_through_everything(void)
{
    static const SCRIPT scripts[] = {
        { .name = "well", .answer = LITERAL(GOOD_ANSWER), .frames = LITERAL("\x82\x02hi"),
          .outcome = OPEN_AND_BYTES, .payload = LITERAL("hi") },
        { .name = "refused", .answer = LITERAL("HTTP/1.1 404 No\r\n\r\n"), .outcome = OPEN_ERROR },
        { .name = "garbage", .answer = LITERAL("garbage\r\n\r\n"), .outcome = OPEN_ERROR,
          .ending = GOES },
        { .name = "no answer", .outcome = OPEN_ERROR, .ending = RST },
        { .name = "a bad frame", .answer = LITERAL(GOOD_ANSWER), .frames = LITERAL("\xf2\x02hi"),
          .outcome = OPEN_THEN_IO_ERROR },
        { .name = "a bad length", .answer = LITERAL(GOOD_ANSWER),
          .frames = LITERAL("\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff"),
          .outcome = OPEN_THEN_IO_ERROR },
        { .name = "closed", .answer = LITERAL(GOOD_ANSWER), .frames = LITERAL("\x88\x02\x03\xe8"),
          .outcome = OPEN_THEN_IO_ERROR, .reply = LITERAL("\x88\x02\x03\xe8") },
        { .name = "reset", .answer = LITERAL(GOOD_ANSWER), .ending = RST,
          .outcome = OPEN_THEN_IO_ERROR },
    };
    char* ca;
    SSL_CTX* tls = tls_context_new(TLS1_3_VERSION, &ca);
    EXPECT_ALL(scripts);
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++)
    {
        SCRIPT script = scripts[i];
        script.tls = tls;
        script.ca = ca;
        expect_outcome(&script);
    }
    SSL_CTX_free(tls);
    free(ca);
}

static void on_signal(int number)
{
    (void)number;
    check_fail(__FILE__, __LINE__, "SIGPIPE", "delivered", "never");
}

static void expect_signals_as_they_were(void (*handler)(int))
{
    struct sigaction action;
    struct sigaction after;
    sigset_t mask;
    sigset_t mask_after;
    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    action.sa_flags = SA_RESTART;
    CHECK_INT(sigaddset(&action.sa_mask, SIGUSR2), 0);
    CHECK_INT(sigaction(SIGPIPE, &action, NULL), 0);
    CHECK_INT(sigemptyset(&mask), 0);
    CHECK_INT(sigaddset(&mask, SIGUSR1), 0);
    CHECK_INT(pthread_sigmask(SIG_SETMASK, &mask, NULL), 0);

    live_through_everything();

    CHECK_INT(sigaction(SIGPIPE, NULL, &after), 0);
    CHECK(after.sa_handler == handler);
    CHECK_INT(after.sa_flags & SA_RESTART, SA_RESTART);
    CHECK_INT(sigismember(&after.sa_mask, SIGUSR2), 1);
    CHECK_INT(pthread_sigmask(SIG_SETMASK, NULL, &mask_after), 0);
    for (int number = 1; number < NSIG; number++)
    {
        CHECK_INT(sigismember(&mask_after, number), sigismember(&mask, number));
    }
    CHECK_INT(sigpending(&mask), 0);
    CHECK_INT(sigisemptyset(&mask), 1);
}

/* Not even where nothing but the kernel would see to it. */
TEST(signals_stay_as_they_are)
{
    expect_signals_as_they_were(SIG_DFL);
    expect_signals_as_they_were(on_signal);
    expect_signals_as_they_were(SIG_IGN);
}

/* The host's own SIGPIPE is still pending after ours was swallowed. */
TEST(a_pending_sigpipe_of_the_host_stays)
{
    sigset_t mask;
    CHECK_INT(sigemptyset(&mask), 0);
    CHECK_INT(sigaddset(&mask, SIGPIPE), 0);
    CHECK_INT(pthread_sigmask(SIG_BLOCK, &mask, NULL), 0);
    CHECK_INT(raise(SIGPIPE), 0);
    live_through_everything();
    CHECK_INT(sigpending(&mask), 0);
    CHECK_INT(sigismember(&mask, SIGPIPE), 1);
}

/* A thread that leaves all signals to another. */
TEST(all_signals_may_be_blocked)
{
    sigset_t all;
    sigset_t mask;
    sigset_t mask_after;
    CHECK_INT(sigfillset(&all), 0);
    CHECK_INT(pthread_sigmask(SIG_SETMASK, &all, NULL), 0);
    CHECK_INT(pthread_sigmask(SIG_SETMASK, NULL, &mask), 0);
    live_through_everything();
    CHECK_INT(pthread_sigmask(SIG_SETMASK, NULL, &mask_after), 0);
    for (int number = 1; number < NSIG; number++)
    {
        CHECK_INT(sigismember(&mask_after, number), sigismember(&mask, number));
    }
    CHECK_INT(sigpending(&mask), 0);
    CHECK_INT(sigisemptyset(&mask), 1);
}

/* A locale whose numbers look otherwise, made here: few machines have one. */
TEST(a_locale_with_a_decimal_comma)
{
    static const char commands[] =
        "exec > log 2>&1; printf 'LC_NUMERIC\ndecimal_point \",\"\nthousands_sep \".\"\n"
        "grouping 3;3\nEND LC_NUMERIC\n' > source; localedef -c -i ./source ./comma";
    char folder[] = "/tmp/wsio-test-XXXXXX";
    char text[1024];
    bool made;
    CHECK(mkdtemp(folder) != NULL);
    snprintf(text, sizeof text, "cd %s && { %s; }", folder, commands);
    (void)!system(text); /* It warns about what the source leaves out. */
    CHECK_INT(setenv("LOCPATH", folder, 1), 0);
    made = setlocale(LC_NUMERIC, "comma") != NULL;
    snprintf(text, sizeof text, "rm -r %s", folder);
    CHECK_INT(system(text), 0);
    if (!made)
    {
        fprintf(stderr, "skipped: localedef does not make a locale here\n");
        exit(SKIPPED);
    }
    snprintf(text, sizeof text, "%.1f", 1.5);
    CHECK_STR(text, "1,5");

    live_through_everything();

    CHECK_STR(setlocale(LC_NUMERIC, NULL), "comma");
    snprintf(text, sizeof text, "%.1f", 1.5);
    CHECK_STR(text, "1,5");
}

TEST(locale_umask_folder_and_environment_stay)
{
    static char folder[4096];
    static char folder_after[4096];
    char* before[256];
    size_t count = 0;
    char* locale;
    mode_t mask = umask(027);
    CHECK(setlocale(LC_ALL, "C.UTF-8") != NULL);
    locale = strdup(setlocale(LC_ALL, NULL));
    CHECK(getcwd(folder, sizeof folder) != NULL);
    for (; environ[count] != NULL && count < 256; count++)
    {
        before[count] = environ[count];
    }

    live_through_everything();

    CHECK_STR(setlocale(LC_ALL, NULL), locale);
    CHECK_INT(umask(mask), 027);
    CHECK(getcwd(folder_after, sizeof folder_after) != NULL);
    CHECK_STR(folder_after, folder);
    for (size_t i = 0; i < count; i++)
    {
        CHECK_PTR(environ[i], before[i]);
    }
    CHECK(count == 256 || environ[count] == NULL);
    free(locale);
}

/* Not a byte, whatever happens, and with a NULL logger too. */
TEST(nothing_is_printed)
{
    int output = memfd_create("output", MFD_CLOEXEC);
    int kept = dup(STDERR_FILENO);
    struct stat written;
    WSIO_CONFIG config = { "no such host", 0, "", "/", true, "no certificate" };
    CHECK(output >= 0 && kept >= 0);
    fflush(NULL);
    CHECK_INT(dup2(output, STDOUT_FILENO), STDOUT_FILENO);
    CHECK_INT(dup2(output, STDERR_FILENO), STDERR_FILENO);

    live_through_everything();
    CHECK_PTR(wsio_create(&config, NULL), NULL);
    config.host = "127.0.0.1";
    config.port = 1;
    CONCRETE_IO_HANDLE io = wsio_create(&config, NULL);
    CHECK(open_io(io, NULL, NULL, NULL, NULL) != 0);
    wsio_destroy(io);

    fflush(NULL);
    CHECK_INT(dup2(kept, STDERR_FILENO), STDERR_FILENO);
    CHECK_INT(fstat(output, &written), 0);
    CHECK_INT(written.st_size, 0);
    CHECK_INT(close(kept), 0);
    CHECK_INT(close(output), 0);
}

/* fork. ----------------------------------------------------------------------- */

/* Waits for a child that must end with this status. */
static void expect_child(pid_t child, int expected)
{
    int status = 0;
    CHECK(child > 0);
    CHECK_INT(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status));
    CHECK_INT(WEXITSTATUS(status), expected);
}

/* Children that leave the handle alone, as they must: they leave at once, leave
 * properly, run another program, and use handles of their own. */
static void fork_children(const SERVER* server, SSL_CTX* tls, const char* ca)
{
    pid_t child = fork();
    if (child == 0)
    {
        _exit(1);
    }
    expect_child(child, 1);
    child = fork();
    if (child == 0)
    {
        exit(2);
    }
    expect_child(child, 2);
    child = fork();
    if (child == 0)
    {
        execl("/bin/sh", "sh", "-c", "exit 3", (char*)NULL);
        _exit(127);
    }
    expect_child(child, 3);
    child = fork();
    if (child == 0)
    {
        WSIO_CONFIG config = config_for("127.0.0.1", server->port, "/", ca);
        SESSION session;
        session_create(&session, &config);
        expect_usable(&session, server, tls, false);
        session_destroy(&session);
        _exit(4);
    }
    expect_child(child, 4);
}

static void fork_a_child(SESSION* session, const unsigned char* bytes, size_t size)
{
    pid_t child = fork();
    (void)session;
    (void)bytes;
    (void)size;
    if (child == 0)
    {
        _exit(5);
    }
    expect_child(child, 5);
}

/* The descriptors that there are. */
static size_t list_fds(int* fds, size_t capacity)
{
    DIR* folder = opendir("/proc/self/fd");
    size_t count = 0;
    struct dirent* entry;
    CHECK(folder != NULL);
    while ((entry = readdir(folder)) != NULL)
    {
        int fd = atoi(entry->d_name);
        if (entry->d_name[0] != '.' && fd != dirfd(folder))
        {
            CHECK(count < capacity);
            fds[count++] = fd;
        }
    }
    closedir(folder);
    return count;
}

/* lws 4.3 opens a socket to hear of changes of the routes without that flag. */
static bool is_netlink_of_lws(int fd)
{
    int domain = 0;
    socklen_t size = sizeof domain;
    return !lws_is_4_1() && getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0
        && domain == AF_NETLINK;
}

/* Another program in the same process, or in a child, gets none of what wsio and
 * lws have open, but for that. */
static void expect_closed_on_exec(const int* before, size_t count, int fd_of_peer)
{
    int fds[64];
    size_t now = list_fds(fds, 64);
    unsigned ours = 0;
    for (size_t i = 0; i < now; i++)
    {
        bool is_ours = fds[i] != fd_of_peer;
        for (size_t j = 0; j < count; j++)
        {
            is_ours = is_ours && fds[i] != before[j];
        }
        if (is_ours && !is_netlink_of_lws(fds[i]))
        {
            ours++;
            CHECK_INT(fcntl(fds[i], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
        }
    }
    CHECK(ours > 0);
}

/* An open connection goes on as if nothing had happened. */
static void expect_to_survive_children(SSL_CTX* tls, const char* ca)
{
    static const BYTES answer = LITERAL(GOOD_ANSWER);
    static const char expected[] = "\x82\x02yo\x88\x02\x03\xe8";
    unsigned char* composed;
    unsigned char frames[64];
    int before[64];
    size_t count;
    size_t size;
    SESSION session;
    SERVER server;
    WSIO_CONFIG config;
    PEER peer;
    server_start(&server);
    config = config_for("127.0.0.1", server.port, "/", ca);
    session_create(&session, &config);
    count = list_fds(before, 64);
    CHECK_INT(session_open(&session), 0);
    expect_closed_on_exec(before, count, -1);
    peer_init(&peer, drive_session, &session);
    peer_accept(&peer, &server);
    CHECK(tls == NULL || peer_start_tls(&peer, tls));
    CHECK(peer_read_request(&peer));
    fork_children(&server, tls, ca);
    composed = peer_compose(&peer, answer, &size);
    CHECK(peer_send(&peer, composed, size));
    free(composed);
    PUMP_UNTIL(&peer, session.opened[IO_OPEN_OK] == 1);
    expect_closed_on_exec(before, count, peer.fd);
    fork_children(&server, tls, ca);
    session.on_bytes = fork_a_child;
    CHECK(peer_send(&peer, "\x82\x02hi", 4));
    CHECK_INT(session_send(&session, "yo", 2), 0);
    PUMP_UNTIL(&peer, session.received_size == 2 && session.sent[IO_SEND_OK] == 1);
    CHECK_MEM(session.received, "hi", 2);
    fork_children(&server, tls, ca);
    CHECK_INT(session_close(&session), 0);
    PUMP_UNTIL(&peer, peer.client_left);
    CHECK_INT(peer_frames(&peer, frames, sizeof frames), sizeof expected - 1);
    CHECK_MEM(frames, expected, sizeof expected - 1);
    CHECK_INT(session.errors, 0);
    session_destroy(&session);
    peer_free(&peer);
    server_stop(&server);
}

TEST(children_do_not_disturb_a_connection)
{
    expect_to_survive_children(NULL, NULL);
}

TEST(children_do_not_disturb_tls)
{
    char* ca;
    SSL_CTX* tls = tls_context_new(TLS1_3_VERSION, &ca);
    expect_to_survive_children(tls, ca);
    SSL_CTX_free(tls);
    free(ca);
}

/* RLIMIT_NOFILE. -------------------------------------------------------------- */

/* Few descriptors: some opens fail, and nothing is lost by that. */
TEST(sixty_four_file_descriptors)
{
    enum { HANDLES = 40, LIMIT = 64 };
    struct rlimit limit;
    SESSION sessions[HANDLES];
    SERVER server;
    WSIO_CONFIG config;
    unsigned fds;
    unsigned refused = 0;
    server_start(&server);
    config = config_for("127.0.0.1", server.port, "/", NULL);
    CHECK_INT(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = LIMIT;
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &limit), 0);
    fds = open_fds();
    for (int i = 0; i < HANDLES; i++)
    {
        session_create(&sessions[i], &config);
        refused += session_open(&sessions[i]) != 0;
    }
    CHECK(refused > 0);
    for (int i = 0; i < HANDLES; i++)
    {
        for (int turn = 0; turn < 5; turn++)
        {
            wsio_dowork(sessions[i].io);
        }
        CHECK(session_opens(&sessions[i]) <= 1);
        CHECK_INT(sessions[i].opened[IO_OPEN_OK], 0);
    }
    for (int i = 0; i < HANDLES; i++)
    {
        session_destroy(&sessions[i]);
        CHECK(session_opens(&sessions[i]) <= 1);
    }
    /* lws 4.3 loses the one it wakes itself by when it cannot make the context. */
    CHECK(open_fds() <= (lws_is_4_1() ? fds : fds + 2));
    while (server_has_caller(&server))
    {
        CHECK_INT(close(accept(server.listener, NULL, NULL)), 0);
    }
    /* With descriptors again, it works again. */
    session_create(&sessions[0], &config);
    expect_usable(&sessions[0], &server, NULL, false);
    session_destroy(&sessions[0]);
    server_stop(&server);
}

/* Where this process may not have so many, lws hears that it may: that is where
 * it asks. */
enum { MILLION = 1048576 };
static bool pretend_a_million;

long __sysconf(int name);

#ifdef WSIO_SANITIZED
__attribute__((disable_sanitizer_instrumentation)) /* which asks, too, early */
#endif
long sysconf(int name)
{
    return pretend_a_million && name == _SC_OPEN_MAX ? MILLION : __sysconf(name);
}

/* What handles that are being opened have allocated together. */
static size_t memory_of_opening(const SERVER* server)
{
    enum { HANDLES = 10 };
    SESSION sessions[HANDLES];
    WSIO_CONFIG config = config_for("127.0.0.1", server->port, "/", NULL);
    struct mallinfo2 before = mallinfo2();
    struct mallinfo2 after;
    for (int i = 0; i < HANDLES; i++)
    {
        session_create(&sessions[i], &config);
        CHECK_INT(session_open(&sessions[i]), 0);
    }
    after = mallinfo2();
    for (int i = 0; i < HANDLES; i++)
    {
        session_destroy(&sessions[i]);
    }
    return after.uordblks + after.hblkhd - before.uordblks - before.hblkhd;
}

/* Many descriptors: a handle takes no more memory. lws would have 16 bytes for
 * each that is allowed. */
TEST(a_million_file_descriptors)
{
    enum { SLACK = 10 * 1024 };
    struct rlimit limit = { MILLION, MILLION };
    SESSION session;
    SERVER server;
    WSIO_CONFIG config;
    size_t usual;
    server_start(&server);
    memory_of_opening(&server); /* what is allocated once in a process */
    usual = memory_of_opening(&server);
    pretend_a_million = setrlimit(RLIMIT_NOFILE, &limit) != 0;
    CHECK_INT(sysconf(_SC_OPEN_MAX), MILLION);
    CHECK(memory_of_opening(&server) < usual + SLACK);
    while (server_has_caller(&server))
    {
        CHECK_INT(close(accept(server.listener, NULL, NULL)), 0);
    }
    config = config_for("127.0.0.1", server.port, "/", NULL);
    session_create(&session, &config);
    expect_usable(&session, &server, NULL, false);
    session_destroy(&session);
    server_stop(&server);
}
