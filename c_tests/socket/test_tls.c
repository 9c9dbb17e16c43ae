/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Trust where it could leak: from elsewhere in the process or the system. Whom
 * wsio trusts, and whom not, is in test_certificates.c. SRS_WSIO_01_027,
 * SRS_WSIO_01_089, SRS_WSIO_01_100 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/x509.h>

#include "trust.h"

/* Nothing but what the test gives is trusted, whatever the system has. */
static void distrust_the_system(void)
{
    setenv("SSL_CERT_FILE", "/dev/null", 1);
    setenv("SSL_CERT_DIR", "/nowhere", 1);
}

static char* certificate(const char* name)
{
    return read_text(certificate_file(name));
}

/* Where lws's own client would look: a folder relative to the current one. */
TEST(an_authority_planted_in_a_relative_folder)
{
    char link[64];
    ECHO echo;
    distrust_the_system();
    echo_start(&echo, true);
    WSIO_CONFIG config = echo_config(&echo, "/echo");
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
    expect_refused(&config, "issuer", NULL);
    /* The trap itself is sound: told of the folder, OpenSSL finds the CA. */
    setenv("SSL_CERT_DIR", "../share", 1);
    expect_accepted(&config);
    CHECK_INT(chdir("/"), 0);
    free(trusted);
    X509_free(ca);
    BIO_free(bio);
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

static const char* both_authorities(void)
{
    const char* other = certificate("other-ca.pem");
    size_t size = strlen(other) + strlen(test_ca()) + 1;
    char* text = keep(malloc(size));
    snprintf(text, size, "%s%s", other, test_ca());
    return text;
}

static void open_in_threads(bool tls)
{
    enum { THREADS = 8 };
    WORKER workers[THREADS];
    ECHO echo;
    const char* trust[] = { test_ca(), both_authorities(), certificate("other-ca.pem") };
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
