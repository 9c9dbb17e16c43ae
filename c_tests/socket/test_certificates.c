/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Whom wsio trusts, and whom not: a table of certificates, over each version of
 * TLS. Where a server is refused it gets no byte of the application's, and the
 * log says why. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/x509_vfy.h>

#include "trust.h"
#include "trust_cases.h"

/* Running it. ------------------------------------------------------------------ */

static void run_case(const TRUST_CASE* row, int version, int level)
{
    const char* address = strchr(row->host, ':') != NULL ? TRUST_IPV6 : TRUST_IPV4;
    SIDE side = { tls_of(version, row->sent), 0, 0 };
    RAW_SERVER* server = raw_server_start(address, echo_messages, &side);
    WSIO_CONFIG config = config_for(row->host, raw_server_port(server), "/", "");
    char reason[256];
    config.trusted_ca = row->trusted != NULL ? pem_of(row->trusted) : NULL;
    trust_of_the_system(row->system);
    if (row->why == X509_V_OK || level < row->level) {
        expect_accepted(&config);
        raw_server_stop(server);
        CHECK_INT(side.trusted, 1);
    } else {
        snprintf(reason, sizeof reason, "the server's certificate is refused: %s",
                 X509_verify_cert_error_string(row->why));
        expect_refused(&config, reason, server);
        raw_server_stop(server);
        CHECK_INT(side.trusted, 0);
        CHECK_INT(side.bytes, 0);
    }
    SSL_CTX_free(side.tls);
}

static void run_cases(int version, bool weak_only)
{
    int level = system_level();
    unsigned accepted = 0;
    unsigned refused = 0;
    for (size_t i = 0; i < trust_cases_count; i++) {
        if (weak_only && trust_cases[i].level == 0) {
            continue;
        }
        trying = trust_cases[i].what;
        run_case(&trust_cases[i], version, level);
        bool ok = trust_cases[i].why == X509_V_OK || level < trust_cases[i].level;
        accepted += ok;
        refused += !ok;
    }
    trying = NULL;
    printf("security level %d: %u accepted, %u refused\n", level, accepted, refused);
}

/* SRS_WSIO_01_027, SRS_WSIO_01_037, SRS_WSIO_01_089, SRS_WSIO_01_100 */
TEST(all_over_tls_1_2)
{
    prepare();
    run_cases(TLS1_2_VERSION, false);
}

/* SRS_WSIO_01_027, SRS_WSIO_01_037, SRS_WSIO_01_089, SRS_WSIO_01_100 */
TEST(all_over_tls_1_3)
{
    prepare();
    run_cases(TLS1_3_VERSION, false);
}

/* The configuration of OpenSSL for this process, which must not have used it. */
static void configure_openssl(const char* settings)
{
    const char* path = temporary_file("openssl.cnf");
    FILE* file = fopen(path, "w");
    CHECK(file != NULL);
    fprintf(file, "openssl_conf = all\n[all]\nssl_conf = ssl\n[ssl]\nsystem_default = tls\n[tls]\n%s\n",
            settings);
    CHECK_INT(fclose(file), 0);
    CHECK_INT(setenv("OPENSSL_CONF", path, 1), 0);
}

/* How weak a key or a hash may be is the system's to say: wsio obeys. */
static void expect_level(int level)
{
    char settings[64];
    snprintf(settings, sizeof settings, "CipherString = DEFAULT:@SECLEVEL=%d", level);
    configure_openssl(settings);
    CHECK_INT(system_level(), level);
    prepare();
    run_cases(TLS1_2_VERSION, true);
    run_cases(TLS1_3_VERSION, true);
}

TEST(weak_ones_at_level_0) { expect_level(0); }
TEST(weak_ones_at_level_1) { expect_level(1); }
TEST(weak_ones_at_level_2) { expect_level(2); }
TEST(weak_ones_at_level_3) { expect_level(3); }

/* Old versions of TLS. --------------------------------------------------------------- */

/* The system would allow them: it is wsio that does not. */
static void allow_everything(void)
{
    configure_openssl("MinProtocol = TLSv1\nCipherString = ALL:@SECLEVEL=0");
    CHECK_INT(system_level(), 0);
    prepare();
}

static void expect_no_version(int version)
{
    allow_everything();
    SIDE side = { tls_of(version, "good"), 0, 0 };
    RAW_SERVER* server = raw_server_start(TRUST_IPV4, echo_messages, &side);
    WSIO_CONFIG config = config_for(TRUST_IPV4, raw_server_port(server), "/", pem_of("root"));
    trust_of_the_system("");
    expect_refused(&config, "alert protocol version", server);
    raw_server_stop(server);
    CHECK_INT(side.trusted, 0);
    CHECK_INT(side.bytes, 0);
    SSL_CTX_free(side.tls);
}

TEST(tls_1_0_is_refused) { expect_no_version(TLS1_VERSION); }
TEST(tls_1_1_is_refused) { expect_no_version(TLS1_1_VERSION); }

/* It goes on with TLS 1.1, whatever the client has offered. */
static void insist_on_tls_1_1(RAW_PEER* peer, void* context)
{
    enum { RECORD_HEADER = 5, SERVER_HELLO = 42 };
    unsigned char hello[4096];
    unsigned char answer[RECORD_HEADER + SERVER_HELLO] = {
        0x16, 3, 2, 0, SERVER_HELLO, 2, 0, 0, SERVER_HELLO - 4, 3, 2
    };
    size_t* bytes = context;
    CHECK_INT(raw_read(peer, hello, RECORD_HEADER), RECORD_HEADER);
    size_t size = (size_t)(hello[3] << 8 | hello[4]);
    CHECK(size <= sizeof hello);
    CHECK_INT(raw_read(peer, hello, size), size);
    answer[sizeof answer - 3] = 0xC0; /* TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA */
    answer[sizeof answer - 2] = 0x09;
    raw_write(peer, answer, sizeof answer);
    *bytes = raw_drain(peer);
}

TEST(a_server_that_insists_on_tls_1_1_is_refused)
{
    enum { ALERT = 7 };
    allow_everything();
    size_t bytes = 0;
    RAW_SERVER* server = raw_server_start(TRUST_IPV4, insist_on_tls_1_1, &bytes);
    WSIO_CONFIG config = config_for(TRUST_IPV4, raw_server_port(server), "/", pem_of("root"));
    trust_of_the_system("");
    expect_refused(&config, "unsupported protocol", server);
    raw_server_stop(server);
    CHECK_INT(bytes, ALERT);
}
