/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Whom wsio trusts, and whom not: a table of certificates, over each version of
 * TLS. Where a server is refused it gets no byte of the application's, and the
 * log says why. */
#include <dlfcn.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/x509_vfy.h>

#include "trust.h"

/* Stands before libc's for lws too: names in .test are this machine's. */
int getaddrinfo(const char* node, const char* service, const struct addrinfo* hints,
                struct addrinfo** found)
{
    union {
        void* address;
        int (*call)(const char*, const char*, const struct addrinfo*, struct addrinfo**);
    } real;
    real.address = dlsym(RTLD_NEXT, "getaddrinfo");
    bool ours = node != NULL && strcasestr(node, ".test") != NULL;
    return real.call(ours ? "127.0.0.1" : node, service, hints, found);
}

/* The table. ----------------------------------------------------------------- */

typedef struct CASE_TAG {
    const char* what;
    const char* host;
    const char* sent;    /* by the server, its own first */
    const char* trusted; /* as trusted_ca */
    const char* system;  /* trusted by the system */
    int why;             /* it is refused; X509_V_OK: it is not */
    int level;           /* the security level from which on it is refused */
} CASE;

#define ACCEPTED X509_V_OK, 0
#define REFUSED(why) X509_V_ERR_##why, 0
#define WEAK(level, why) X509_V_ERR_##why, level
#define NAME "server.test"
#define IPV4 "127.0.0.1"
#define IPV6 "::1"

static const CASE cases[] = {
    { "a DNS name", NAME, "good", "root", "", ACCEPTED },
    { "a DNS name in other letters", "SERVER.Test", "good", "root", "", ACCEPTED },
    { "one name of many", NAME, "many-names", "root", "", ACCEPTED },
    { "an IPv4 address", IPV4, "good", "root", "", ACCEPTED },
    { "an IPv6 address", IPV6, "good", "root", "", ACCEPTED },
    { "an IPv6 address at length", "0:0:0:0:0:0:0:1", "good", "root", "", ACCEPTED },
    { "an IPv4 address alone", IPV4, "only-ipv4", "root", "", ACCEPTED },
    { "an IPv6 address alone", IPV6, "only-ipv6", "root", "", ACCEPTED },
    { "no extensions but the names", NAME, "plain", "root", "", ACCEPTED },
    { "a wildcard", "a.server.test", "wildcard", "root", "", ACCEPTED },
    { "a wildcard for two labels", "a.b.server.test", "wildcard", "root", "",
      REFUSED(HOSTNAME_MISMATCH) },
    { "a wildcard for none", NAME, "wildcard", "root", "", REFUSED(HOSTNAME_MISMATCH) },
    { "a wildcard for part of a label", "www.server.test", "half-wildcard", "root", "",
      REFUSED(HOSTNAME_MISMATCH) },
    { "a wildcard for a top-level domain", NAME, "wide-wildcard", "root", "",
      REFUSED(HOSTNAME_MISMATCH) },
    { "another name", NAME, "other-name", "root", "", REFUSED(HOSTNAME_MISMATCH) },
    { "a longer name", NAME, "longer-name", "root", "", REFUSED(HOSTNAME_MISMATCH) },
    { "a name with a NUL in it", NAME, "name-with-nul", "root", "", REFUSED(HOSTNAME_MISMATCH) },
    { "another IPv4 address", IPV4, "other-ipv4", "root", "", REFUSED(IP_ADDRESS_MISMATCH) },
    { "another IPv6 address", IPV6, "other-ipv6", "root", "", REFUSED(IP_ADDRESS_MISMATCH) },
    { "only a name for an IPv4 address", IPV4, "other-name", "root", "",
      REFUSED(IP_ADDRESS_MISMATCH) },
    { "only a name for an IPv6 address", IPV6, "other-name", "root", "",
      REFUSED(IP_ADDRESS_MISMATCH) },
    { "an IPv4 address as a DNS name", IPV4, "address-as-name", "root", "",
      REFUSED(IP_ADDRESS_MISMATCH) },
    { "an IPv6 address as a DNS name", IPV6, "address-as-name", "root", "",
      REFUSED(IP_ADDRESS_MISMATCH) },
    { "the name as CN, others as SAN", NAME, "cn-besides", "root", "", REFUSED(HOSTNAME_MISMATCH) },
    /* OpenSSL still does what RFC 2818 allowed, for names. */
    { "the name as CN, no SAN", NAME, "cn-only", "root", "", ACCEPTED },
    { "the IPv4 address as CN, no SAN", IPV4, "ipv4-as-cn", "root", "",
      REFUSED(IP_ADDRESS_MISMATCH) },
    { "the IPv6 address as CN, no SAN", IPV6, "ipv6-as-cn", "root", "",
      REFUSED(IP_ADDRESS_MISMATCH) },

    { "valid for a hundred years", NAME, "far-future", "root", "", ACCEPTED },
    { "expired", NAME, "expired", "root", "", REFUSED(CERT_HAS_EXPIRED) },
    { "expired, IPv4", IPV4, "expired", "root", "", REFUSED(CERT_HAS_EXPIRED) },
    { "expired, IPv6", IPV6, "expired", "root", "", REFUSED(CERT_HAS_EXPIRED) },
    { "not yet valid", NAME, "not-yet", "root", "", REFUSED(CERT_NOT_YET_VALID) },
    { "not yet valid, IPv6", IPV6, "not-yet", "root", "", REFUSED(CERT_NOT_YET_VALID) },
    { "an expired root", NAME, "by-expired-root", "expired-root", "", REFUSED(CERT_HAS_EXPIRED) },
    { "an expired intermediate", NAME, "by-expired-intermediate expired-intermediate", "root", "",
      REFUSED(CERT_HAS_EXPIRED) },

    { "an intermediate", NAME, "by-intermediate intermediate", "root", "", ACCEPTED },
    { "an intermediate, IPv6", IPV6, "by-intermediate intermediate", "root", "", ACCEPTED },
    { "two intermediates", NAME, "by-second second intermediate", "root", "", ACCEPTED },
    { "two intermediates in disorder", NAME, "by-second intermediate second", "root", "",
      ACCEPTED },
    { "the root is sent, too", NAME, "by-intermediate intermediate root", "root", "", ACCEPTED },
    { "a stranger is sent, too", NAME, "good stranger", "root", "", ACCEPTED },
    { "the intermediate is not sent", NAME, "by-intermediate", "root", "",
      REFUSED(UNABLE_TO_GET_ISSUER_CERT_LOCALLY) },
    { "the intermediate is not sent, IPv6", IPV6, "by-intermediate", "root", "",
      REFUSED(UNABLE_TO_GET_ISSUER_CERT_LOCALLY) },
    { "one of two intermediates is not sent", NAME, "by-second second", "root", "",
      REFUSED(UNABLE_TO_GET_ISSUER_CERT_LOCALLY) },
    { "the intermediate is trusted, with the root", NAME, "by-intermediate", "root intermediate",
      "", ACCEPTED },
    /* Trust begins at a certificate that signs itself. */
    { "the intermediate is trusted, without the root", NAME, "by-intermediate", "intermediate", "",
      REFUSED(UNABLE_TO_GET_ISSUER_CERT) },
    { "the intermediate is trusted and sent", NAME, "by-intermediate intermediate", "intermediate",
      "", REFUSED(UNABLE_TO_GET_ISSUER_CERT) },
    { "the server itself is trusted, not its issuer", NAME, "good", "good", "",
      REFUSED(UNABLE_TO_GET_ISSUER_CERT_LOCALLY) },
    { "signed by itself", NAME, "self-signed", "root", "", REFUSED(DEPTH_ZERO_SELF_SIGNED_CERT) },
    { "signed by itself, IPv6", IPV6, "self-signed", "root", "",
      REFUSED(DEPTH_ZERO_SELF_SIGNED_CERT) },
    { "signed by itself, and trusted", NAME, "self-signed", "self-signed", "", ACCEPTED },
    { "signed by itself, and trusted, IPv6", IPV6, "self-signed", "self-signed", "", ACCEPTED },
    { "an unknown root", NAME, "by-stranger", "root", "",
      REFUSED(UNABLE_TO_GET_ISSUER_CERT_LOCALLY) },
    { "an unknown root, IPv6", IPV6, "by-stranger", "root", "",
      REFUSED(UNABLE_TO_GET_ISSUER_CERT_LOCALLY) },
    { "an unknown root, which is sent", NAME, "by-stranger stranger", "root", "",
      REFUSED(SELF_SIGNED_CERT_IN_CHAIN) },
    { "an impostor of the root's name", NAME, "by-impostor", "root", "",
      REFUSED(CERT_SIGNATURE_FAILURE) },
    { "an impostor, who is sent", NAME, "by-impostor impostor", "root", "",
      REFUSED(CERT_SIGNATURE_FAILURE) },
    { "a root beside its successor of the same name", NAME, "by-old-root", "old-root new-root", "",
      ACCEPTED },
    { "a root beside its predecessor of the same name", NAME, "by-new-root", "old-root new-root",
      "", ACCEPTED },

    { "the system's root", NAME, "good", NULL, "root", ACCEPTED },
    { "the system's root, IPv6", IPV6, "good", NULL, "root", ACCEPTED },
    { "the system's root beside another", NAME, "good", "stranger", "root", ACCEPTED },
    { "another beside the system's", NAME, "good", "root", "stranger", ACCEPTED },
    { "no root of the system's", NAME, "good", NULL, "stranger",
      REFUSED(UNABLE_TO_GET_ISSUER_CERT_LOCALLY) },
    { "a system without roots", NAME, "good", NULL, "",
      REFUSED(UNABLE_TO_GET_ISSUER_CERT_LOCALLY) },

    { "a root that is no CA", NAME, "by-flagless-root", "flagless-root", "", REFUSED(INVALID_CA) },
    { "a root that is no CA, IPv6", IPV6, "by-flagless-root", "flagless-root", "",
      REFUSED(INVALID_CA) },
    { "an intermediate that does not say it is a CA", NAME,
      "by-silent-intermediate silent-intermediate", "root", "", REFUSED(INVALID_CA) },
    { "a server as CA", NAME, "by-good good", "root", "", REFUSED(INVALID_CA) },
    /* X.509 version 1 could not say it: OpenSSL takes its roots for CAs. */
    { "a root of version 1", NAME, "by-root-of-version-1", "root-of-version-1", "", ACCEPTED },
    { "a CA that may not sign", NAME, "by-mute-intermediate mute-intermediate", "root", "",
      REFUSED(INVALID_CA) },
    { "as long as the path may be", NAME, "by-short-intermediate short-intermediate", "root", "",
      ACCEPTED },
    { "a longer path", NAME, "by-too-long too-long short-intermediate", "root", "",
      REFUSED(PATH_LENGTH_EXCEEDED) },
    { "a CA for other names", NAME, "by-narrow-intermediate narrow-intermediate", "root", "",
      REFUSED(PERMITTED_VIOLATION) },
    { "for clients only", NAME, "client", "root", "", REFUSED(INVALID_PURPOSE) },
    { "for clients only, IPv6", IPV6, "client", "root", "", REFUSED(INVALID_PURPOSE) },
    { "for clients and servers", NAME, "client-and-server", "root", "", ACCEPTED },
    { "a CA of clients only", NAME, "by-client-intermediate client-intermediate", "root", "",
      REFUSED(INVALID_PURPOSE) },
    { "a critical extension that nobody knows", NAME, "unknown-demand", "root", "",
      REFUSED(UNHANDLED_CRITICAL_EXTENSION) },

    { "RSA 2048", NAME, "rsa2048", "root", "", WEAK(3, EE_KEY_TOO_SMALL) },
    { "RSA 1024", NAME, "rsa1024", "root", "", WEAK(2, EE_KEY_TOO_SMALL) },
    { "RSA 768", NAME, "rsa768", "root", "", WEAK(1, EE_KEY_TOO_SMALL) },
    { "RSA 768, IPv6", IPV6, "rsa768", "root", "", WEAK(1, EE_KEY_TOO_SMALL) },
    { "a root with RSA 1024", NAME, "by-rsa1024-root", "rsa1024-root", "",
      WEAK(2, CA_KEY_TOO_SMALL) },
    { "a root with RSA 512", NAME, "by-rsa512-root", "rsa512-root", "", WEAK(1, CA_KEY_TOO_SMALL) },
    { "signed with SHA-1", NAME, "sha1", "root", "", WEAK(1, CA_MD_TOO_WEAK) },
    { "signed with MD5", NAME, "md5", "rsa-root", "", WEAK(1, CA_MD_TOO_WEAK) },
    { "an intermediate signed with SHA-1", NAME, "by-sha1-intermediate sha1-intermediate", "root",
      "", WEAK(1, CA_MD_TOO_WEAK) },
    /* Nobody needs a root's own signature. */
    { "a root signed with SHA-1", NAME, "by-sha1-root", "sha1-root", "", ACCEPTED },
};

enum { COUNT = sizeof cases / sizeof *cases };

/* Running it. ------------------------------------------------------------------ */

/* The security level that the system gives to a client (SSL_CTX_set_security_level(3)),
 * which wsio does not change. */
static int system_level(void)
{
    SSL_CTX* tls = SSL_CTX_new(TLS_client_method());
    int level = SSL_CTX_get_security_level(tls);
    SSL_CTX_free(tls);
    return level;
}

static void run_case(const CASE* row, int version, int level)
{
    const char* address = strchr(row->host, ':') != NULL ? IPV6 : IPV4;
    SIDE side = { tls_of(version, row->sent), 0, 0 };
    RAW_SERVER* server = raw_server_start(address, echo_once, &side);
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
    for (int i = 0; i < COUNT; i++) {
        if (weak_only && cases[i].level == 0) {
            continue;
        }
        trying = cases[i].what;
        run_case(&cases[i], version, level);
        bool ok = cases[i].why == X509_V_OK || level < cases[i].level;
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
    RAW_SERVER* server = raw_server_start(IPV4, echo_once, &side);
    WSIO_CONFIG config = config_for(IPV4, raw_server_port(server), "/", pem_of("root"));
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
    RAW_SERVER* server = raw_server_start(IPV4, insist_on_tls_1_1, &bytes);
    WSIO_CONFIG config = config_for(IPV4, raw_server_port(server), "/", pem_of("root"));
    trust_of_the_system("");
    expect_refused(&config, "unsupported protocol", server);
    raw_server_stop(server);
    CHECK_INT(bytes, ALERT);
}
