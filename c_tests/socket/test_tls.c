/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Whom wsio trusts, and whom not: it fails closed. SRS_WSIO_01_027,
 * SRS_WSIO_01_089, SRS_WSIO_01_100, SRS_WSIO_01_126, SRS_WSIO_01_129 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/x509.h>

#include "servers.h"

/* Nothing but what the test gives is trusted, whatever the system has. */
static void distrust_the_system(void)
{
    setenv("SSL_CERT_FILE", certificate_file("empty.pem"), 1);
    setenv("SSL_CERT_DIR", "/nowhere", 1);
}

static char* certificate(const char* name)
{
    return read_text(certificate_file(name));
}

/* The wss server is accepted, and data goes there and back. */
static void expect_accepted(const WSIO_CONFIG* config)
{
    SESSION session;
    session_start(&session, config);
    CHECK_INT(session_send(&session, "secret", 6), 0);
    DRIVE_UNTIL(&session, session.received_size >= 6);
    CHECK_MEM(session.received, "secret", 6);
    session_destroy(&session);
    session_check_balance(&session);
}

/* It is refused with one IO_OPEN_ERROR and one line that says why; again when
 * tried again. */
static void expect_refused(const WSIO_CONFIG* config, const char* reason)
{
    SESSION session;
    session_create(&session, config);
    for (unsigned i = 1; i <= 2; i++) {
        log_forget();
        CHECK_INT(session_open(&session), 0);
        DRIVE_UNTIL(&session, session_opens(&session) >= i);
        CHECK_INT(session.opened[IO_OPEN_ERROR], i);
        session_settle(&session);
        CHECK_INT(session_opens(&session), i);
        if (log_count() != 1 || !log_has(reason)) {
            log_show();
        }
        CHECK_INT(log_count(), 1);
        CHECK_INT(log_lines_with(reason), 1);
    }
    CHECK_INT(session.errors, 0);
    session_destroy(&session);
    session_check_balance(&session);
}

/* wsio_open itself refuses the configuration, in one line. */
static void expect_refused_at_once(const WSIO_CONFIG* config, const char* reason)
{
    SESSION session;
    session_create(&session, config);
    for (int i = 0; i < 2; i++) {
        log_forget();
        CHECK(session_open(&session) != 0);
        session_settle(&session);
        if (log_count() != 1 || !log_has(reason)) {
            log_show();
        }
        CHECK_INT(log_count(), 1);
        CHECK_INT(log_lines_with(reason), 1);
    }
    session_destroy(&session);
    CHECK_INT(session_opens(&session), 0);
}

/* A server with this certificate on that address, as the client sees it. */
static WSIO_CONFIG server_with(const char* name, const char* address)
{
    static ECHO echo;
    distrust_the_system();
    echo_start_at(&echo, address, name);
    WSIO_CONFIG config = echo_config(&echo, "/echo");
    config.host = address;
    return config;
}

/* Names and addresses. ------------------------------------------------------- */

TEST(right_ipv4_address)
{
    WSIO_CONFIG config = server_with("server", "127.0.0.1");
    expect_accepted(&config);
}

TEST(right_ipv6_address)
{
    WSIO_CONFIG config = server_with("server", "::1");
    expect_accepted(&config);
}

TEST(right_ipv6_address_written_at_length)
{
    WSIO_CONFIG config = server_with("server", "::1");
    config.host = "0:0:0:0:0:0:0:1";
    expect_accepted(&config);
}

TEST(right_name)
{
    WSIO_CONFIG config = server_with("server", "127.0.0.1");
    config.host = "localhost";
    expect_accepted(&config);
}

TEST(wrong_name)
{
    WSIO_CONFIG config = server_with("wrong-name", "127.0.0.1");
    config.host = "localhost";
    expect_refused(&config, "mismatch");
}

TEST(wrong_ipv4_address)
{
    WSIO_CONFIG config = server_with("wrong-name", "127.0.0.1");
    expect_refused(&config, "mismatch");
}

TEST(ipv4_address_that_the_certificate_does_not_name)
{
    WSIO_CONFIG config = server_with("server", "127.0.0.2");
    expect_refused(&config, "mismatch");
}

/* lws looks at the name before the first colon only, which is none. */
TEST(wrong_ipv6_address)
{
    WSIO_CONFIG config = server_with("wrong-name", "::1");
    expect_refused(&config, "mismatch");
}

/* Time. ---------------------------------------------------------------------- */

TEST(expired_certificate)
{
    WSIO_CONFIG config = server_with("expired", "127.0.0.1");
    expect_refused(&config, "expired");
}

TEST(certificate_of_the_future)
{
    WSIO_CONFIG config = server_with("not-yet", "127.0.0.1");
    expect_refused(&config, "not yet valid");
}

TEST(expired_certificate_at_an_ipv6_address)
{
    WSIO_CONFIG config = server_with("expired", "::1");
    expect_refused(&config, "expired");
}

/* Authorities. --------------------------------------------------------------- */

TEST(self_signed_certificate)
{
    WSIO_CONFIG config = server_with("self-signed", "127.0.0.1");
    expect_refused(&config, "self-signed");
}

TEST(self_signed_certificate_at_an_ipv6_address)
{
    WSIO_CONFIG config = server_with("self-signed", "::1");
    expect_refused(&config, "self-signed");
}

TEST(unknown_authority)
{
    WSIO_CONFIG config = server_with("server", "127.0.0.1");
    config.trusted_ca = certificate("other-ca.pem");
    expect_refused(&config, "issuer");
}

TEST(no_authority_but_the_system)
{
    WSIO_CONFIG config = server_with("server", "127.0.0.1");
    config.trusted_ca = NULL;
    expect_refused(&config, "issuer");
}

/* SRS_WSIO_01_100: without trusted_ca the system's authorities count. */
TEST(an_authority_of_the_system)
{
    WSIO_CONFIG config = server_with("server", "127.0.0.1");
    setenv("SSL_CERT_FILE", certificate_file("ca.pem"), 1);
    config.trusted_ca = NULL;
    expect_accepted(&config);
}

/* trusted_ca adds to them. */
TEST(an_authority_of_the_system_beside_another)
{
    WSIO_CONFIG config = server_with("server", "127.0.0.1");
    setenv("SSL_CERT_FILE", certificate_file("ca.pem"), 1);
    config.trusted_ca = certificate("other-ca.pem");
    expect_accepted(&config);
}

/* Where lws's own client would look: a folder relative to the current one. */
TEST(an_authority_planted_in_a_relative_folder)
{
    char link[64];
    WSIO_CONFIG config = server_with("server", "127.0.0.1");
    BIO* bio = BIO_new_mem_buf(test_ca(), -1);
    X509* ca = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    CHECK(ca != NULL);
    CHECK_INT(mkdir(temporary_file("share"), 0700), 0);
    CHECK_INT(mkdir(temporary_file("work"), 0700), 0);
    snprintf(link, sizeof link, "share/%08lx.0", X509_subject_name_hash(ca));
    char* trusted = realpath(certificate_file("ca.pem"), NULL);
    CHECK_INT(symlink(trusted, temporary_file(link)), 0);
    CHECK_INT(chdir(temporary_file("work")), 0);
    CHECK_INT(access("../share", R_OK), 0);
    config.trusted_ca = NULL;
    expect_refused(&config, "issuer");
    /* The trap itself is sound: told of the folder, OpenSSL finds the CA. */
    setenv("SSL_CERT_DIR", "../share", 1);
    expect_accepted(&config);
    CHECK_INT(chdir("/"), 0);
    free(trusted);
    X509_free(ca);
    BIO_free(bio);
}

/* Bundles. ------------------------------------------------------------------- */

TEST(the_last_of_150_authorities)
{
    WSIO_CONFIG config = server_with("server", "127.0.0.1");
    config.trusted_ca = certificate("bundle150.pem");
    expect_accepted(&config);
}

/* Two texts as one. */
static char* joined(const char* first, const char* second)
{
    size_t size = strlen(first) + strlen(second) + 1;
    char* text = keep(malloc(size));
    snprintf(text, size, "%s%s", first, second);
    return text;
}

/* As `openssl x509 -text` and certificate bundles of the world write them. */
TEST(a_bundle_with_comments)
{
    WSIO_CONFIG config = server_with("server", "127.0.0.1");
    char* commented = joined("# The CA of the tests\nIssuer: CN = wsio\n\n", test_ca());
    config.trusted_ca = joined(commented, "\n# the end\n");
    expect_accepted(&config);
}

TEST(a_bundle_with_crlf)
{
    WSIO_CONFIG config = server_with("server", "127.0.0.1");
    const char* pem = test_ca();
    char* text = keep(calloc(2, strlen(pem) + 1));
    char* end = text;
    for (; *pem != '\0'; pem++) {
        if (*pem == '\n') {
            *end++ = '\r';
        }
        *end++ = *pem;
    }
    config.trusted_ca = text;
    expect_accepted(&config);
}

TEST(a_bundle_with_the_same_certificate_twice)
{
    WSIO_CONFIG config = server_with("server", "127.0.0.1");
    config.trusted_ca = joined(test_ca(), test_ca());
    expect_accepted(&config);
}

/* SRS_WSIO_01_132: half a bundle is none. */
TEST(a_broken_bundle)
{
    WSIO_CONFIG config = server_with("server", "127.0.0.1");
    config.trusted_ca = certificate("broken.pem");
    expect_refused_at_once(&config, "trusted_ca");
}

/* Well-formed PEM around nonsense. */
static const char* damaged_certificate(void)
{
    char* damaged = certificate("other-ca.pem");
    memset(strchr(damaged, '\n') + 1, 'A', 40);
    return damaged;
}

TEST(a_bundle_with_a_damaged_certificate_first)
{
    WSIO_CONFIG config = server_with("server", "127.0.0.1");
    config.trusted_ca = joined(damaged_certificate(), test_ca());
    expect_refused_at_once(&config, "trusted_ca");
}

TEST(a_bundle_with_a_damaged_certificate_last)
{
    WSIO_CONFIG config = server_with("server", "127.0.0.1");
    config.trusted_ca = joined(test_ca(), damaged_certificate());
    expect_refused_at_once(&config, "trusted_ca");
}

/* Wherever it was cut. */
TEST(a_bundle_that_ends_inside_a_certificate)
{
    WSIO_CONFIG config = server_with("server", "127.0.0.1");
    const char* whole = certificate("other-ca.pem");
    char* last = keep(strdup(whole));
    size_t first_cut = strlen("-----BEGIN ");
    size_t last_cut = strlen(whole) - strlen("--\n"); /* the end of the END line */
    for (size_t cut = first_cut; cut <= last_cut; cut += 3) {
        SESSION session;
        memcpy(last, whole, cut);
        last[cut] = '\0';
        config.trusted_ca = joined(test_ca(), last);
        session_create(&session, &config);
        if (session_open(&session) == 0) {
            printf("accepted when cut behind %zu bytes\n", cut);
            CHECK(!"refused");
        }
        session_destroy(&session);
    }
}

TEST(a_bundle_of_garbage)
{
    WSIO_CONFIG config = server_with("server", "127.0.0.1");
    config.trusted_ca = certificate("garbage.pem");
    expect_refused_at_once(&config, "trusted_ca");
}

TEST(an_empty_bundle)
{
    WSIO_CONFIG config = server_with("server", "127.0.0.1");
    config.trusted_ca = certificate("empty.pem");
    expect_refused_at_once(&config, "trusted_ca");
}

/* trusted_ca is for TLS: without it nobody looks at it. */
TEST(a_bundle_of_garbage_without_tls)
{
    ECHO echo;
    echo_start(&echo, false);
    WSIO_CONFIG config = echo_config(&echo, "/echo");
    config.trusted_ca = "garbage";
    expect_accepted(&config);
}

/* A key is not an authority. */
TEST(a_bundle_of_a_private_key)
{
    WSIO_CONFIG config = server_with("server", "127.0.0.1");
    config.trusted_ca = certificate("server.key");
    expect_refused_at_once(&config, "trusted_ca");
}

/* Several at once. ----------------------------------------------------------- */

/* Four handles with three kinds of trust, their handshakes step by step in turn:
 * none disturbs another, and none trusts what another trusts. */
TEST(interleaved_handshakes_with_different_trust)
{
    enum { HANDLES = 4, ROUNDS = 10 };
    ECHO by_ca;
    ECHO by_itself;
    distrust_the_system();
    echo_start_at(&by_ca, "127.0.0.1", "server");
    echo_start_at(&by_itself, "127.0.0.1", "self-signed");
    WSIO_CONFIG configs[HANDLES] = {
        echo_config(&by_ca, "/echo"), echo_config(&by_itself, "/echo"),
        echo_config(&by_ca, "/echo"), echo_config(&by_itself, "/echo")
    };
    configs[1].trusted_ca = certificate("self-signed.pem");
    configs[2].trusted_ca = certificate("self-signed.pem");
    for (int round = 0; round < ROUNDS; round++) {
        SESSION sessions[HANDLES];
        for (int i = 0; i < HANDLES; i++) {
            session_create(&sessions[i], &configs[i]);
            CHECK_INT(session_open(&sessions[i]), 0);
        }
        DEADLINE deadline = deadline_after(20);
        for (int done = 0; done < HANDLES && !deadline_passed(deadline);) {
            done = 0;
            for (int i = 0; i < HANDLES; i++) {
                session_step(&sessions[i]);
                done += session_opens(&sessions[i]) == 1;
            }
        }
        CHECK_INT(sessions[0].opened[IO_OPEN_OK], 1);
        CHECK_INT(sessions[1].opened[IO_OPEN_OK], 1);
        CHECK_INT(sessions[2].opened[IO_OPEN_ERROR], 1);
        CHECK_INT(sessions[3].opened[IO_OPEN_ERROR], 1);
        for (int i = 0; i < 2; i++) {
            CHECK_INT(session_send(&sessions[i], "hello", 5), 0);
            DRIVE_UNTIL(&sessions[i], sessions[i].received_size >= 5);
        }
        for (int i = 0; i < HANDLES; i++) {
            session_destroy(&sessions[i]);
            session_check_balance(&sessions[i]);
        }
    }
}

typedef struct WORKER_TAG {
    pthread_t thread;
    WSIO_CONFIG config;
    bool trusted;
    unsigned right; /* opens that ended as they should */
} WORKER;

enum { OPENS = 10 };

static void* open_often(void* argument)
{
    WORKER* worker = argument;
    for (int i = 0; i < OPENS; i++) {
        SESSION session;
        session_create(&session, &worker->config);
        if (worker->trusted) {
            session_connect(&session);
            CHECK_INT(session_send(&session, "hello", 5), 0);
            DRIVE_UNTIL(&session, session.received_size >= 5);
            CHECK_MEM(session.received, "hello", 5);
            worker->right += session.opened[IO_OPEN_OK] == 1;
        } else {
            CHECK_INT(session_open(&session), 0);
            DRIVE_UNTIL(&session, session_opens(&session) == 1);
            worker->right += session.opened[IO_OPEN_ERROR] == 1;
        }
        session_destroy(&session);
        session_check_balance(&session);
    }
    return NULL;
}

static void open_in_threads(bool tls)
{
    enum { THREADS = 8 };
    WORKER workers[THREADS];
    ECHO echo;
    const char* trust[] = { test_ca(), certificate("bundle150.pem"), certificate("other-ca.pem") };
    distrust_the_system();
    echo_start(&echo, tls);
    for (int i = 0; i < THREADS; i++) {
        memset(&workers[i], 0, sizeof workers[i]);
        workers[i].config = echo_config(&echo, "/echo");
        workers[i].trusted = !tls || i % 3 != 2;
        if (tls) {
            workers[i].config.trusted_ca = trust[i % 3];
        }
    }
    for (int i = 0; i < THREADS; i++) {
        CHECK_INT(pthread_create(&workers[i].thread, NULL, open_often, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        CHECK_INT(pthread_join(workers[i].thread, NULL), 0);
        CHECK_INT(workers[i].right, OPENS);
    }
}

/* Eight threads open, use and destroy handles of their own. */
TEST_WS_AND_WSS(eight_threads)
{
    open_in_threads(tls);
}
