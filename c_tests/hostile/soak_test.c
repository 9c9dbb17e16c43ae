/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Many times, many at once, and many threads: everything comes back. */
#include <dirent.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "expect.h"

enum { KIB = 1024, MIB = 1024 * 1024 };

/* What ctest takes for a skipped test. */
enum { SKIPPED = 77 };

/* Whether a sanitizer looks for leaks and races. */
#ifdef WSIO_SANITIZED
enum { SANITIZED = true };
#else
enum { SANITIZED = false };
#endif

/* What a process has. */
typedef struct HOLDINGS_TAG {
    unsigned fds;
    unsigned threads;
    size_t heap;
    size_t resident;
} HOLDINGS;

static unsigned threads(void)
{
    DIR* folder = opendir("/proc/self/task");
    unsigned count = 0;
    CHECK(folder != NULL);
    while (readdir(folder) != NULL)
    {
        count++;
    }
    closedir(folder);
    return count - 2; /* ".", ".." */
}

static size_t resident(void)
{
    FILE* file = fopen("/proc/self/statm", "r");
    unsigned long pages = 0;
    CHECK(file != NULL);
    CHECK_INT(fscanf(file, "%*u %lu", &pages), 1);
    fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static HOLDINGS holdings(void)
{
    struct mallinfo2 info;
    HOLDINGS now = { open_fds(), threads(), 0, 0 };
    malloc_trim(0);
    info = mallinfo2();
    now.heap = info.uordblks + info.hblkhd;
    now.resident = resident();
    return now;
}

static void check_holdings(HOLDINGS before, size_t slack)
{
    HOLDINGS now = holdings();
    char had[128];
    char has[128];
    CHECK_INT(now.fds, before.fds);
    if (SANITIZED)
    {
        return; /* It keeps what was freed, and has a thread of its own. */
    }
    CHECK_INT(now.threads, before.threads);
    if (now.heap > before.heap + slack || now.resident > before.resident + slack + MIB)
    {
        snprintf(had, sizeof had, "%zu heap, %zu resident", before.heap, before.resident);
        snprintf(has, sizeof has, "%zu heap, %zu resident", now.heap, now.resident);
        check_fail(__FILE__, __LINE__, "memory", has, had);
    }
}

/* As many file descriptors as the system gives; skips the test when these are
 * not enough. */
static void need_fds(rlim_t wanted)
{
    struct rlimit limit;
    CHECK_INT(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &limit), 0);
    if (limit.rlim_cur < wanted)
    {
        fprintf(stderr, "skipped: RLIMIT_NOFILE is %lu\n", (unsigned long)limit.rlim_cur);
        exit(SKIPPED);
    }
}

/* Opens, exchanges messages and closes, again and again. */
static void cycle(SESSION* session, const SERVER* server, SSL_CTX* tls, unsigned times)
{
    for (unsigned i = 0; i < times; i++)
    {
        session_forget_received(session);
        expect_usable(session, server, tls, false);
    }
}

static SSL_CTX* trusted_server(int version, char** certificate)
{
    /* The system's many certificates take time, and are not wanted here. */
    CHECK_INT(setenv("SSL_CERT_FILE", "/dev/null", 1), 0);
    CHECK_INT(setenv("SSL_CERT_DIR", "/dev/null", 1), 0);
    return tls_context_new(version, certificate);
}

static void expect_cycles(unsigned times, size_t slack, SSL_CTX* tls, const char* ca)
{
    enum { WARM_UP = 100 };
    SESSION session;
    SERVER server;
    WSIO_CONFIG config;
    HOLDINGS before;
    server_start(&server);
    config = config_for("127.0.0.1", server.port, "/", ca);
    session_create(&session, &config);
    cycle(&session, &server, tls, WARM_UP);
    before = holdings();
    cycle(&session, &server, tls, times);
    check_holdings(before, slack);
    CHECK_INT(session.opened[IO_OPEN_OK], WARM_UP + times);
    CHECK_INT(session.sent[IO_SEND_OK], WARM_UP + times);
    CHECK_INT(session.closed, WARM_UP + times);
    CHECK_INT(session.errors, 0);
    session_destroy(&session);
    server_stop(&server);
}

TEST(ten_thousand_cycles_on_one_handle)
{
    need_fds(12000); /* lws 4.3 leaks one each time; see open_fds */
    expect_cycles(10000, 4 * KIB, NULL, NULL);
}

TEST(three_thousand_tls_cycles_on_one_handle)
{
    char* ca;
    SSL_CTX* tls = trusted_server(TLS1_3_VERSION, &ca);
    need_fds(3500);
    /* malloc counts the free chunks that it keeps at hand as used. */
    expect_cycles(3000, 256 * KIB, tls, ca);
    SSL_CTX_free(tls);
    free(ca);
}

/* A handle for every open. */
TEST(two_thousand_handles_one_after_another)
{
    SERVER server;
    WSIO_CONFIG config;
    HOLDINGS before = { 0, 0, 0, 0 };
    need_fds(2500);
    server_start(&server);
    config = config_for("127.0.0.1", server.port, "/", NULL);
    for (unsigned i = 0; i < 2100; i++)
    {
        SESSION session;
        session_create(&session, &config);
        cycle(&session, &server, NULL, 1);
        session_destroy(&session);
        if (i == 100)
        {
            before = holdings();
        }
    }
    check_holdings(before, 4 * KIB);
    server_stop(&server);
}

/* All open at once, and each gets what is its own. */
static void expect_handles_at_once(unsigned count, SSL_CTX* tls, const char* ca)
{
    static const BYTES answer = LITERAL(GOOD_ANSWER);
    SESSION* sessions = calloc(count, sizeof *sessions);
    PEER* peers = calloc(count, sizeof *peers);
    SERVER server;
    WSIO_CONFIG config;
    CHECK(sessions != NULL && peers != NULL);
    server_start(&server);
    config = config_for("127.0.0.1", server.port, "/", ca);
    for (unsigned i = 0; i < count; i++)
    {
        unsigned char* composed;
        size_t size;
        session_create(&sessions[i], &config);
        peer_init(&peers[i], drive_session, &sessions[i]);
        CHECK_INT(session_open(&sessions[i]), 0);
        peer_accept(&peers[i], &server);
        CHECK(tls == NULL || peer_start_tls(&peers[i], tls));
        CHECK(peer_read_request(&peers[i]));
        composed = peer_compose(&peers[i], answer, &size);
        CHECK(peer_send(&peers[i], composed, size));
        free(composed);
        PUMP_UNTIL(&peers[i], sessions[i].opened[IO_OPEN_OK] == 1);
    }
    for (unsigned i = 0; i < count; i++)
    {
        unsigned char message[] = { 0x82, 4, (unsigned char)(i >> 8), (unsigned char)i, 'h', 'i' };
        CHECK(peer_send(&peers[i], message, sizeof message));
        CHECK_INT(session_send(&sessions[i], message + 2, 4), 0);
    }
    for (unsigned i = 0; i < count; i++)
    {
        unsigned char message[] = { 0x82, 4, (unsigned char)(i >> 8), (unsigned char)i, 'h', 'i' };
        unsigned char frames[64];
        PUMP_UNTIL(&peers[i], sessions[i].received_size == 4
                                  && sessions[i].sent[IO_SEND_OK] == 1
                                  && peers[i].received_size > peers[i].request_size);
        CHECK_MEM(sessions[i].received, message + 2, 4);
        CHECK_INT(peer_frames(&peers[i], frames, sizeof frames), sizeof message);
        CHECK_MEM(frames, message, sizeof message);
    }
    for (unsigned i = 0; i < count; i++)
    {
        CHECK_INT(session_close(&sessions[i]), 0);
        CHECK_INT(sessions[i].errors, 0);
        session_destroy(&sessions[i]);
        peer_free(&peers[i]);
    }
    server_stop(&server);
    free(sessions);
    free(peers);
}

TEST(a_thousand_handles_at_once)
{
    HOLDINGS before;
    need_fds(6500);
    expect_handles_at_once(10, NULL, NULL);
    before = holdings();
    expect_handles_at_once(1000, NULL, NULL);
    check_holdings(before, 64 * KIB);
}

TEST(two_hundred_tls_handles_at_once)
{
    HOLDINGS before;
    char* ca;
    SSL_CTX* tls = trusted_server(TLS1_3_VERSION, &ca);
    need_fds(1500);
    expect_handles_at_once(10, tls, ca);
    before = holdings();
    expect_handles_at_once(200, tls, ca);
    check_holdings(before, 256 * KIB);
    SSL_CTX_free(tls);
    free(ca);
}

/* Threads. ------------------------------------------------------------------- */

enum { THREADS = 8, CYCLES = 100 };

typedef struct WORK_TAG {
    SSL_CTX* tls;
    const char* ca;
} WORK;

/* Plain and TLS in turn, with handles of its own; some live long, some do not. */
static void* work_alone(void* argument)
{
    const WORK* work = argument;
    SERVER server;
    WSIO_CONFIG plain;
    WSIO_CONFIG secure;
    SESSION kept;
    server_start(&server);
    plain = config_for("127.0.0.1", server.port, "/", NULL);
    secure = config_for("127.0.0.1", server.port, "/", work->ca);
    session_create(&kept, &secure);
    for (unsigned i = 0; i < CYCLES; i++)
    {
        bool tls = i % 2 == 0;
        SESSION session;
        session_create(&session, tls ? &secure : &plain);
        cycle(&session, &server, tls ? work->tls : NULL, 1);
        session_destroy(&session);
        cycle(&kept, &server, work->tls, 1);
    }
    CHECK_INT(kept.opened[IO_OPEN_OK], CYCLES);
    CHECK_INT(kept.errors, 0);
    session_destroy(&kept);
    server_stop(&server);
    return NULL;
}

TEST(eight_threads_with_handles_of_their_own)
{
    pthread_t all[THREADS];
    WORK work[THREADS];
    char* ca[2];
    SSL_CTX* tls[2] = { trusted_server(TLS1_2_VERSION, &ca[0]),
                        trusted_server(TLS1_3_VERSION, &ca[1]) };
    HOLDINGS before = holdings();
    need_fds(2500);
    for (int i = 0; i < THREADS; i++)
    {
        work[i] = (WORK){ tls[i % 2], ca[i % 2] };
        CHECK_INT(pthread_create(&all[i], NULL, work_alone, &work[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
    {
        CHECK_INT(pthread_join(all[i], NULL), 0);
    }
    /* Each thread's first use of TLS leaves OpenSSL's own things behind. */
    check_holdings(before, 16 * MIB);
    for (int i = 0; i < 2; i++)
    {
        SSL_CTX_free(tls[i]);
        free(ca[i]);
    }
}
