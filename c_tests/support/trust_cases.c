/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "trust_cases.h"

#include <dlfcn.h>
#include <netdb.h>
#include <stdbool.h>
#include <string.h>

#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

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

int system_level(void)
{
    SSL_CTX* tls = SSL_CTX_new(TLS_client_method());
    int level = SSL_CTX_get_security_level(tls);
    SSL_CTX_free(tls);
    return level;
}

#define ACCEPTED X509_V_OK, 0
#define REFUSED(why) X509_V_ERR_##why, 0
#define WEAK(level, why) X509_V_ERR_##why, level
#define NAME "server.test"
#define IPV4 TRUST_IPV4
#define IPV6 TRUST_IPV6

const TRUST_CASE trust_cases[] = {
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

const size_t trust_cases_count = sizeof trust_cases / sizeof *trust_cases;
