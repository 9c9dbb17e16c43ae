/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "trust.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

const char* trying;

static void say_what_was_tried(void)
{
    if (trying != NULL) {
        fprintf(stderr, "that was: %s\n", trying);
    }
}

void prepare(void)
{
    atexit(issued_free_all);
    atexit(say_what_was_tried);
}

void trust_of_the_system(const char* names)
{
    const char* path = temporary_file("system.pem");
    FILE* file = fopen(path, "w");
    CHECK(file != NULL);
    CHECK(fputs(pem_of(names), file) >= 0);
    CHECK_INT(fclose(file), 0);
    CHECK_INT(setenv("SSL_CERT_FILE", path, 1), 0);
    CHECK_INT(setenv("SSL_CERT_DIR", "/nowhere", 1), 0);
}

/* The servers. ------------------------------------------------------------------ */

void echo_once(RAW_PEER* peer, void* context)
{
    SIDE* side = context;
    char message[64];
    size_t size;
    int first;
    if (raw_start_tls(peer, side->tls)) {
        side->trusted++;
        if (raw_handshake(peer, NULL)
            && raw_read_frame(peer, &first, message, sizeof message, &size)) {
            raw_send_frame(peer, first, message, size);
            side->bytes += size;
        }
    }
    side->bytes += raw_drain(peer);
}

SSL_CTX* tls_of(int version, const char* names)
{
    char name[64];
    SSL_CTX* tls = SSL_CTX_new(TLS_server_method());
    CHECK(tls != NULL);
    SSL_CTX_set_security_level(tls, 0);
    CHECK_INT(SSL_CTX_set_cipher_list(tls, "ALL:@SECLEVEL=0"), 1);
    CHECK_INT(SSL_CTX_set_min_proto_version(tls, version), 1);
    CHECK_INT(SSL_CTX_set_max_proto_version(tls, version), 1);
    SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
    CHECK(next_word(&names, name));
    CHECK_INT(SSL_CTX_use_certificate(tls, issued(name)->x509), 1);
    CHECK_INT(SSL_CTX_use_PrivateKey(tls, issued(name)->key), 1);
    while (next_word(&names, name)) {
        CHECK_INT(SSL_CTX_add1_chain_cert(tls, issued(name)->x509), 1);
    }
    return tls;
}

/* What is expected. ------------------------------------------------------------ */

/* What the host had left in OpenSSL's error queue. */
static void leave_an_error(void)
{
    ERR_clear_error();
    ERR_raise_data(ERR_LIB_USER, 7, "the host's");
}

static void expect_that_error(void)
{
    const char* data;
    int flags;
    unsigned long code = ERR_get_error_all(NULL, NULL, NULL, &data, &flags);
    CHECK_INT(ERR_GET_LIB(code), ERR_LIB_USER);
    CHECK_INT(ERR_GET_REASON(code), 7);
    CHECK_STR(data, "the host's");
    CHECK_INT(ERR_peek_error(), 0);
}

static void expect_logged(const char* reason)
{
    if (log_count() != 1 || !log_has(reason)) {
        fprintf(stderr, "not logged, or not alone: %s\n", reason);
        log_show();
    }
    CHECK_INT(log_count(), 1);
    CHECK_INT(log_lines_with(reason), 1);
}

void expect_accepted(const WSIO_CONFIG* config)
{
    SESSION session;
    log_forget();
    leave_an_error();
    session_start(&session, config);
    CHECK_INT(session_send(&session, "secret", 6), 0);
    DRIVE_UNTIL(&session, session.received_size >= 6);
    CHECK_MEM(session.received, "secret", 6);
    CHECK_INT(session.sent[IO_SEND_OK], 1);
    CHECK_INT(session.errors, 0);
    session_destroy(&session);
    session_check_balance(&session);
    expect_that_error();
    CHECK_INT(log_count(), 0);
}

void expect_refused(const WSIO_CONFIG* config, const char* reason, RAW_SERVER* server)
{
    SESSION session;
    leave_an_error();
    session_create(&session, config);
    for (unsigned i = 1; i <= 2; i++) {
        log_forget();
        CHECK_INT(session_open(&session), 0);
        DRIVE_UNTIL(&session, session_opens(&session) >= i);
        CHECK_INT(session.opened[IO_OPEN_ERROR], i);
        expect_logged(reason);
        CHECK(session_send(&session, "secret", 6) != 0);
        if (server != NULL) {
            DRIVE_UNTIL(&session, raw_server_served(server) >= i);
            CHECK_INT(raw_server_accepted(server), i);
        }
        CHECK_INT(session_opens(&session), i);
    }
    CHECK_INT(session.errors, 0);
    session_destroy(&session);
    session_check_balance(&session);
    CHECK_INT(session_sends(&session), 0);
    expect_that_error();
}

void expect_refused_at_once(const WSIO_CONFIG* config, const char* reason)
{
    SESSION session;
    leave_an_error();
    session_create(&session, config);
    for (int i = 0; i < 2; i++) {
        log_forget();
        CHECK(session_open(&session) != 0);
        expect_logged(reason);
        wsio_dowork(session.io);
    }
    session_destroy(&session);
    CHECK_INT(session_opens(&session), 0);
    expect_that_error();
}
