/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Whom websock_open trusts, as its configuration says; who the client is; and what of
 * a configuration is refused. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>

#include "client.h"
#include "files.h"
#include "trust_cases.h"
#include "trust_server.h"

static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

/* Sources. ------------------------------------------------------------------------------ */

static ssl_wrap_cert_t buffer_of(char* bytes, size_t size)
{
    return (ssl_wrap_cert_t){ .buf = bytes, .len = (int)size };
}

static ssl_wrap_cert_t text_buffer(char* pem)
{
    return buffer_of(pem, strlen(pem));
}

static ssl_wrap_cert_t file_of(const char* name, const ssl_wrap_cert_t* content)
{
    const char* path = temporary_file(name);
    FILE* file = fopen(path, "wb");
    CHECK(file != NULL);
    CHECK_INT(fwrite(content->buf, 1, (size_t)content->len, file), content->len);
    CHECK_INT(fclose(file), 0);
    return (ssl_wrap_cert_t){ .path = (char*)(size_t)path };
}

static ssl_wrap_cert_t der_of(const char* name)
{
    unsigned char* der = NULL;
    int size = i2d_X509(issued(name)->x509, &der);
    CHECK(size > 0);
    unsigned char* copy = keep(malloc((size_t)size));
    memcpy(copy, der, (size_t)size);
    OPENSSL_free(der);
    return buffer_of((char*)copy, (size_t)size);
}

static char* key_pem_of(const char* name, const char* password)
{
    BIO* bio = BIO_new(BIO_s_mem());
    CHECK_INT(PEM_write_bio_PrivateKey(bio, issued(name)->key,
                                       password != NULL ? EVP_aes_128_cbc() : NULL,
                                       (const unsigned char*)password,
                                       password != NULL ? (int)strlen(password) : 0, NULL, NULL), 1);
    return text_of(bio);
}

static ssl_wrap_cert_t key_der_of(const char* name)
{
    unsigned char* der = NULL;
    int size = i2d_PrivateKey(issued(name)->key, &der);
    CHECK(size > 0);
    unsigned char* copy = keep(malloc((size_t)size));
    memcpy(copy, der, (size_t)size);
    OPENSSL_free(der);
    return buffer_of((char*)copy, (size_t)size);
}

/* Outcomes. ------------------------------------------------------------------------------ */

/* What the host had left in OpenSSL's error queue stays there. */
static void leave_an_error(void)
{
    ERR_clear_error();
    ERR_raise_data(ERR_LIB_USER, 7, "the host's");
}

static void expect_that_error(void)
{
    unsigned long code = ERR_get_error();
    CHECK_INT(ERR_GET_LIB(code), ERR_LIB_USER);
    CHECK_INT(ERR_GET_REASON(code), 7);
    CHECK_INT(ERR_peek_error(), 0);
}

static websock_config_t secured(const char* host, int port)
{
    websock_config_t config = config_at(port, "/");
    config.hostname = (char*)(size_t)host;
    config.secured = 1;
    config.ssl_config.auth_mode = SSL_WRAP_VERIFY_REQUIRED;
    return config;
}

/* Data goes there and back. One line has `remark` in it, if that is not NULL. */
static void expect_accepted_with(websock_config_t* config, const char* remark)
{
    log_keep();
    log_forget();
    leave_an_error();
    websock_handle_t handle = open_with(config);
    CHECK_INT(websock_send_binary(handle, (char*)"secret", 6), 0);
    EXPECT_FRAME(handle, 1, RAW_BINARY, "secret");
    websock_close(handle);
    expect_that_error();
    if (log_count() != (remark != NULL)) {
        log_show();
    }
    CHECK_INT(log_count(), remark != NULL);
    CHECK(remark == NULL || log_has(remark));
}

static void expect_accepted(websock_config_t* config)
{
    expect_accepted_with(config, NULL);
}

/* One line says why. */
static void expect_refused(websock_config_t* config, const char* reason)
{
    leave_an_error();
    expect_no_open(config, reason);
    expect_that_error();
}

/* With a server of its own, of this version and certificates. */
typedef struct TRIAL_TAG {
    SIDE side;
    RAW_SERVER* server;
    websock_config_t config;
} TRIAL;

static TRIAL* try_with(int version, const char* sent, const char* host)
{
    TRIAL* trial = keep(calloc(1, sizeof *trial));
    trial->side.tls = tls_of(version, sent);
    trial->server = raw_server_start(strchr(host, ':') != NULL ? TRUST_IPV6 : TRUST_IPV4,
                                     echo_messages, &trial->side);
    trial->config = secured(host, raw_server_port(trial->server));
    return trial;
}

static void end_trial(TRIAL* trial, bool accepted)
{
    raw_server_stop(trial->server);
    if (!accepted) {
        CHECK_INT(trial->side.trusted, 0);
        CHECK_INT(trial->side.bytes, 0); /* no byte of the application's */
    }
    SSL_CTX_free(trial->side.tls);
}

/* Whom to trust. -------------------------------------------------------------------------- */

static void run_case(const TRUST_CASE* row, int version, ssl_auth_mode_t mode)
{
    TRIAL* trial = try_with(version, row->sent, row->host);
    bool good = row->why == X509_V_OK || system_level() < row->level;
    trial->config.ssl_config.auth_mode = mode;
    if (row->trusted != NULL) {
        trial->config.ssl_config.ca_cert = text_buffer(pem_of(row->trusted));
    }
    trust_of_the_system(row->system);
    const char* why = X509_verify_cert_error_string(row->why);
    if (good || mode == SSL_WRAP_VERIFY_NONE) {
        expect_accepted(&trial->config);
    } else if (mode == SSL_WRAP_VERIFY_OPTIONAL) {
        expect_accepted_with(&trial->config, why);
    } else {
        expect_refused(&trial->config, why);
    }
    end_trial(trial, good || mode != SSL_WRAP_VERIFY_REQUIRED);
}

/* Those with certificates of ours besides the system's: here only ours are trusted. */
static bool is_about_both(const TRUST_CASE* row)
{
    return row->trusted != NULL && row->system[0] != '\0';
}

static void run_cases(int version, ssl_auth_mode_t mode)
{
    prepare();
    for (size_t i = 0; i < trust_cases_count; i++) {
        trying = trust_cases[i].what;
        if (!is_about_both(&trust_cases[i])) {
            run_case(&trust_cases[i], version, mode);
        }
    }
    trying = NULL;
}

TEST(all_over_tls_1_2) { run_cases(TLS1_2_VERSION, SSL_WRAP_VERIFY_REQUIRED); }
TEST(all_over_tls_1_3) { run_cases(TLS1_3_VERSION, SSL_WRAP_VERIFY_REQUIRED); }

/* Whoever it is, it is accepted; said is what is wrong only if that is asked for. */
TEST(all_without_verification) { run_cases(TLS1_3_VERSION, SSL_WRAP_VERIFY_NONE); }
TEST(all_with_optional_verification) { run_cases(TLS1_3_VERSION, SSL_WRAP_VERIFY_OPTIONAL); }
TEST(all_without_verification_over_tls_1_2) { run_cases(TLS1_2_VERSION, SSL_WRAP_VERIFY_NONE); }

TEST(the_system_is_not_trusted_beside_a_ca)
{
    prepare();
    for (size_t i = 0; i < 2; i++) {
        TRIAL* trial = try_with(versions[i], "good", "127.0.0.1");
        trial->config.ssl_config.ca_cert = text_buffer(pem_of("stranger"));
        trust_of_the_system("root");
        expect_refused(&trial->config, "unable to get local issuer certificate");
        end_trial(trial, false);
    }
}

TEST(a_mode_that_is_none)
{
    static const int modes[] = { -1, 3, 1 << 20 };
    prepare();
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        TRIAL* trial = try_with(TLS1_3_VERSION, "good", "127.0.0.1");
        trial->config.ssl_config.ca_cert = text_buffer(pem_of("root"));
        memcpy(&trial->config.ssl_config.auth_mode, &modes[i], sizeof modes[i]);
        expect_refused(&trial->config, "auth_mode");
        end_trial(trial, false);
    }
}

/* One handle's trust is not another's, though both are for the same server. */
TEST(each_handle_has_its_own_trust)
{
    prepare();
    trust_of_the_system("");
    TRIAL* trial = try_with(TLS1_3_VERSION, "good", "127.0.0.1");
    for (int i = 0; i < 3; i++) {
        trial->config.ssl_config.auth_mode = SSL_WRAP_VERIFY_NONE;
        trial->config.ssl_config.ca_cert = (ssl_wrap_cert_t){ 0 };
        expect_accepted(&trial->config);
        trial->config.ssl_config.auth_mode = SSL_WRAP_VERIFY_REQUIRED;
        expect_refused(&trial->config, "unable to get local issuer certificate");
        trial->config.ssl_config.ca_cert = text_buffer(pem_of("root"));
        expect_accepted(&trial->config);
        trial->config.ssl_config.ca_cert = text_buffer(pem_of("stranger"));
        expect_refused(&trial->config, "unable to get local issuer certificate");
    }
    end_trial(trial, true);
}

/* How the CA is given. -------------------------------------------------------------------- */

static void expect_ca(ssl_wrap_cert_t ca)
{
    for (size_t i = 0; i < 2; i++) {
        TRIAL* good = try_with(versions[i], "good", "server.test");
        TRIAL* bad = try_with(versions[i], "by-stranger", "server.test");
        trust_of_the_system("");
        good->config.ssl_config.ca_cert = bad->config.ssl_config.ca_cert = ca;
        expect_accepted(&good->config);
        expect_refused(&bad->config, "unable to get local issuer certificate");
        end_trial(good, true);
        end_trial(bad, false);
    }
}

TEST(a_ca_in_every_form)
{
    prepare();
    ssl_wrap_cert_t pem = text_buffer(pem_of("root"));
    ssl_wrap_cert_t der = der_of("root");
    expect_ca(pem);
    expect_ca(buffer_of(pem.buf, strlen(pem.buf) + 1)); /* with its NUL */
    expect_ca(text_buffer(pem_of("intermediate root rsa-root")));
    expect_ca(der);
    expect_ca(file_of("ca.pem", &pem));
    expect_ca(file_of("ca.der", &der));
}

/* The buffer is read as far as `len` says, and no further. */
TEST(a_buffer_without_a_nul)
{
    prepare();
    char* pem = pem_of("root");
    size_t size = strlen(pem);
    char* exact = malloc(size);
    memcpy(exact, pem, size);
    expect_ca(buffer_of(exact, size));
    CHECK_MEM(exact, pem, size);
    free(exact);
}

/* websock_open itself refuses: no server is called. */
static void expect_bad(ssl_wrap_cert_t ca, ssl_wrap_cert_t certificate, ssl_wrap_cert_t key,
                       const char* reason)
{
    TALK talking = TALK_OF("");
    RAW_SERVER* server = talk_start(&talking);
    websock_config_t config = secured("127.0.0.1", raw_server_port(server));
    trust_of_the_system("root");
    config.ssl_config.ca_cert = ca;
    config.ssl_config.client_cert = certificate;
    config.ssl_config.client_key = key;
    expect_refused(&config, reason);
    CHECK_INT(raw_server_accepted(server), 0);
    raw_server_stop(server);
}

static const ssl_wrap_cert_t none;

TEST(a_ca_that_is_none)
{
    prepare();
    char* pem = pem_of("root");
    char* cut = keep(strdup(pem));
    char* both = keep(malloc(2 * strlen(pem) + 1));
    ssl_wrap_cert_t der = der_of("root");
    ssl_wrap_cert_t garbage = text_buffer((char*)"garbage");
    ssl_wrap_cert_t nothing = text_buffer((char*)"");
    cut[strlen(cut) - 40] = '\0';
    sprintf(both, "%s%s", pem, cut);
    expect_bad(garbage, none, none, "ca_cert");
    expect_bad(text_buffer(cut), none, none, "ca_cert");
    expect_bad(text_buffer(both), none, none, "ca_cert"); /* half a bundle is none */
    expect_bad(buffer_of(der.buf, (size_t)der.len - 1), none, none, "ca_cert");
    expect_bad(text_buffer(key_pem_of("root", NULL)), none, none, "ca_cert");
    expect_bad(file_of("garbage", &garbage), none, none, "ca_cert");
    expect_bad(file_of("empty", &nothing), none, none, "ca_cert");
    expect_bad((ssl_wrap_cert_t){ .path = (char*)"/nowhere/ca.pem" }, none, none, "ca_cert");
    expect_bad((ssl_wrap_cert_t){ .path = (char*)"/" }, none, none, "ca_cert");
    expect_bad((ssl_wrap_cert_t){ .buf = pem, .len = -1 }, none, none, "ca_cert");
}

/* Who the client is. ------------------------------------------------------------------------ */

/* The server demands a certificate by "root". */
static TRIAL* demanding(int version)
{
    TRIAL* trial = try_with(version, "good", "127.0.0.1");
    CHECK_INT(X509_STORE_add_cert(SSL_CTX_get_cert_store(trial->side.tls), issued("root")->x509), 1);
    SSL_CTX_set_verify(trial->side.tls, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    trial->config.ssl_config.ca_cert = text_buffer(pem_of("root"));
    trust_of_the_system("");
    return trial;
}

static void expect_client(ssl_wrap_cert_t certificate, ssl_wrap_cert_t key, bool accepted)
{
    for (size_t i = 0; i < 2; i++) {
        TRIAL* trial = demanding(versions[i]);
        trial->config.ssl_config.client_cert = certificate;
        trial->config.ssl_config.client_key = key;
        if (accepted) {
            expect_accepted(&trial->config);
        } else {
            expect_refused(&trial->config, "");
        }
        end_trial(trial, true); /* in TLS 1.3 the client has spoken by then */
        CHECK_INT(trial->side.trusted, accepted);
    }
}

TEST(a_client_certificate_in_every_form)
{
    prepare();
    ssl_wrap_cert_t pem = text_buffer(pem_of("client"));
    ssl_wrap_cert_t der = der_of("client");
    ssl_wrap_cert_t key = text_buffer(key_pem_of("client", NULL));
    ssl_wrap_cert_t key_der = key_der_of("client");
    expect_client(pem, key, true);
    expect_client(der, key_der, true);
    expect_client(pem, key_der, true);
    expect_client(buffer_of(pem.buf, strlen(pem.buf) + 1), buffer_of(key.buf, strlen(key.buf) + 1),
                  true);
    expect_client(file_of("c.pem", &pem), file_of("k.pem", &key), true);
    expect_client(file_of("c.der", &der), file_of("k.der", &key_der), true);
}

/* The server knows the root only. */
TEST(a_client_certificate_with_its_chain)
{
    prepare();
    ssl_wrap_cert_t key = text_buffer(key_pem_of("by-second", NULL));
    expect_client(text_buffer(pem_of("by-second second intermediate")), key, true);
    expect_client(text_buffer(pem_of("by-second")), key, false);
}

TEST(no_client_certificate_where_one_is_demanded)
{
    prepare();
    expect_client(none, none, false);
}

TEST(a_client_certificate_of_a_stranger)
{
    prepare();
    expect_client(text_buffer(pem_of("by-stranger")), text_buffer(key_pem_of("by-stranger", NULL)),
                  false);
}

/* Nobody asks for it. */
TEST(a_client_certificate_where_none_is_demanded)
{
    prepare();
    TRIAL* trial = try_with(TLS1_3_VERSION, "good", "127.0.0.1");
    trial->config.ssl_config.ca_cert = text_buffer(pem_of("root"));
    trial->config.ssl_config.client_cert = text_buffer(pem_of("client"));
    trial->config.ssl_config.client_key = text_buffer(key_pem_of("client", NULL));
    expect_accepted(&trial->config);
    end_trial(trial, true);
}

TEST(bad_client_certificates)
{
    prepare();
    ssl_wrap_cert_t pem = text_buffer(pem_of("client"));
    ssl_wrap_cert_t key = text_buffer(key_pem_of("client", NULL));
    ssl_wrap_cert_t garbage = text_buffer((char*)"garbage");
    ssl_wrap_cert_t nowhere = { .path = (char*)"/nowhere/a.pem" };
    expect_bad(none, pem, none, "client_key");
    expect_bad(none, none, key, "client_cert");
    expect_bad(none, pem, text_buffer(key_pem_of("good", NULL)), "client_key");
    expect_bad(none, garbage, key, "client_cert");
    expect_bad(none, pem, garbage, "client_key");
    expect_bad(none, nowhere, key, "client_cert");
    expect_bad(none, pem, nowhere, "client_key");
    expect_bad(none, key, pem, "client_cert");
    expect_bad(none, buffer_of(pem.buf, strlen(pem.buf) - 40), key, "client_cert");
    expect_bad(none, pem, buffer_of(key.buf, strlen(key.buf) - 40), "client_key");
}

/* It asks nobody for the password. */
TEST(an_encrypted_key)
{
    prepare();
    CHECK_PTR(freopen("/dev/null", "r", stdin), stdin);
    setsid(); /* and there is no terminal */
    expect_bad(none, text_buffer(pem_of("client")), text_buffer(key_pem_of("client", "secret")),
               "client_key");
}

/* Other. --------------------------------------------------------------------------------------- */

TEST(fragment_lengths)
{
    static const int good[] = { 0, 512, 1024, 2048, 4096 };
    static const int bad[] = { -1, 1, 511, 4097, 16384, 65536 + 512 };
    prepare();
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        TRIAL* trial = try_with(TLS1_2_VERSION, "good", "127.0.0.1");
        trial->config.ssl_config.ca_cert = text_buffer(pem_of("root"));
        trial->config.ssl_config.max_frag_len = good[i];
        expect_accepted(&trial->config);
        end_trial(trial, true);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        TRIAL* trial = try_with(TLS1_2_VERSION, "good", "127.0.0.1");
        trial->config.ssl_config.ca_cert = text_buffer(pem_of("root"));
        trial->config.ssl_config.max_frag_len = bad[i];
        expect_refused(&trial->config, "max_frag_len");
        end_trial(trial, false);
    }
}

/* ssl_config is nobody's business without `secured`. */
TEST(without_tls_its_configuration_is_ignored)
{
    TALK talking = TALK_OF("\x81\x02hi");
    RAW_SERVER* server = talk_start(&talking);
    websock_config_t config = config_at(raw_server_port(server), "/");
    memset(&config.ssl_config, 0xff, sizeof config.ssl_config);
    websock_handle_t handle = open_with(&config);
    EXPECT_FRAME(handle, 1, RAW_TEXT, "hi");
    websock_close(handle);
    raw_server_stop(server);
}

/* A server that accepts, and does not begin with TLS. */
static void say_nothing(RAW_PEER* peer, void* context)
{
    (void)context;
    raw_drain(peer);
}

TEST(silence_instead_of_tls)
{
    prepare();
    RAW_SERVER* server = raw_server_start("127.0.0.1", say_nothing, NULL);
    websock_config_t config = secured("127.0.0.1", raw_server_port(server));
    config.ssl_config.ca_cert = text_buffer(pem_of("root"));
    config.time_out = 400;
    long long start = clock_ms();
    expect_refused(&config, "time");
    CHECK(clock_ms() - start >= 390);
    CHECK(clock_ms() - start < 400 + soon_ms());
    raw_server_stop(server);
}

TEST(a_server_without_tls)
{
    prepare();
    TALK talking = TALK_OF("");
    RAW_SERVER* server = talk_start(&talking);
    websock_config_t config = secured("127.0.0.1", raw_server_port(server));
    config.ssl_config.ca_cert = text_buffer(pem_of("root"));
    config.time_out = 1000 * slowness(); /* it waits for the end of a request */
    expect_refused(&config, "");
    raw_server_stop(server);
}

/* TLS is well: what is said of the failure is about the answer. */
static void answer_404(RAW_PEER* peer, void* context)
{
    if ((context == NULL || raw_start_tls(peer, context)) && raw_read_request(peer)) {
        raw_say(peer, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
        raw_drain(peer);
    }
}

TEST(a_refusal_over_tls)
{
    prepare();
    for (size_t i = 0; i < 2; i++) {
        SSL_CTX* tls = tls_of(versions[i], "good");
        RAW_SERVER* server = raw_server_start("127.0.0.1", answer_404, tls);
        websock_config_t config = secured("127.0.0.1", raw_server_port(server));
        config.ssl_config.ca_cert = text_buffer(pem_of("root"));
        expect_refused(&config, "101");
        if (log_has("TLS failed")) {
            log_show();
        }
        CHECK(!log_has("TLS failed"));
        raw_server_stop(server);
        SSL_CTX_free(tls);
    }
}

TEST(a_refusal_without_tls)
{
    RAW_SERVER* server = raw_server_start("127.0.0.1", answer_404, NULL);
    websock_config_t config = config_at(raw_server_port(server), "/");
    expect_no_open(&config, "101");
    raw_server_stop(server);
}

/* One record with several messages: none is left behind in OpenSSL. */
static void say_all_in_one_record(RAW_PEER* peer, void* context)
{
    char bytes[16000];
    for (size_t i = 0; i < sizeof bytes; i += 4) {
        memcpy(bytes + i, "\x82\x02hi", 4);
    }
    if (raw_start_tls(peer, context) && raw_handshake(peer, NULL)) {
        raw_write(peer, bytes, sizeof bytes);
        raw_drain(peer);
    }
}

TEST(many_messages_in_one_record)
{
    prepare();
    for (size_t i = 0; i < 2; i++) {
        SSL_CTX* tls = tls_of(versions[i], "good");
        RAW_SERVER* server = raw_server_start("127.0.0.1", say_all_in_one_record, tls);
        websock_config_t config = secured("127.0.0.1", raw_server_port(server));
        config.ssl_config.ca_cert = text_buffer(pem_of("root"));
        websock_handle_t handle = open_with(&config);
        for (int j = 0; j < 4000; j++) {
            EXPECT_FRAME(handle, 1, RAW_BINARY, "hi");
        }
        expect_nothing(handle, 20);
        websock_close(handle);
        raw_server_stop(server);
        SSL_CTX_free(tls);
    }
}
