/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "pki.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/pem.h>

#include "check.h"
#include "files.h"

#define NAMES "DNS:server.test,IP:127.0.0.1,IP:::1"
#define CA "critical,CA:TRUE"
#define NO_CA "critical,CA:FALSE"


/* An issuer precedes those that it has signed. */
static const CERTIFICATE certificates[] = {
    { .name = "root", .basic_constraints = CA, .key_usage = "critical,keyCertSign,cRLSign" },
    { .name = "good", .issuer = "root", .subject_alt_name = NAMES, .basic_constraints = NO_CA,
      .key_usage = "critical,digitalSignature", .extended_key_usage = "serverAuth" },
    { .name = "plain", .issuer = "root", .subject_alt_name = NAMES },

    /* Names. */
    { .name = "many-names", .issuer = "root",
      .subject_alt_name = "DNS:a.test,email:x@server.test,IP:192.0.2.1,DNS:server.test,DNS:z.test" },
    { .name = "wildcard", .issuer = "root", .subject_alt_name = "DNS:*.server.test" },
    { .name = "half-wildcard", .issuer = "root", .subject_alt_name = "DNS:w*.server.test" },
    { .name = "wide-wildcard", .issuer = "root", .subject_alt_name = "DNS:*.test" },
    { .name = "other-name", .issuer = "root", .subject_alt_name = "DNS:other.test" },
    { .name = "longer-name", .issuer = "root", .subject_alt_name = "DNS:server.test.example.test" },
    /* DNS:server.test\0.example */
    { .name = "name-with-nul", .issuer = "root",
      .subject_alt_name = "DER:30:16:82:14:73:65:72:76:65:72:2e:74:65:73:74:00:2e:65:78:61:6d:70:6c:65" },
    { .name = "other-ipv4", .issuer = "root", .subject_alt_name = "IP:127.0.0.2,IP:::1" },
    { .name = "other-ipv6", .issuer = "root", .subject_alt_name = "IP:127.0.0.1,IP:::2" },
    { .name = "only-ipv4", .issuer = "root", .subject_alt_name = "IP:127.0.0.1" },
    { .name = "only-ipv6", .issuer = "root", .subject_alt_name = "IP:::1" },
    { .name = "address-as-name", .issuer = "root", .subject_alt_name = "DNS:127.0.0.1,DNS:::1" },
    { .name = "cn-besides", .issuer = "root", .subject_alt_name = "DNS:other.test",
      .common_name = "server.test" },
    { .name = "cn-only", .issuer = "root", .common_name = "server.test" },
    { .name = "ipv4-as-cn", .issuer = "root", .common_name = "127.0.0.1" },
    { .name = "ipv6-as-cn", .issuer = "root", .common_name = "::1" },

    /* Time. */
    { .name = "expired", .issuer = "root", .subject_alt_name = NAMES, .from = -2, .to = -1 },
    { .name = "not-yet", .issuer = "root", .subject_alt_name = NAMES, .from = 1, .to = 2 },
    { .name = "far-future", .issuer = "root", .subject_alt_name = NAMES, .from = -1,
      .to = 365 * 100 },
    { .name = "expired-root", .basic_constraints = CA, .from = -2, .to = -1 },
    { .name = "by-expired-root", .issuer = "expired-root", .subject_alt_name = NAMES },
    { .name = "expired-intermediate", .issuer = "root", .basic_constraints = CA, .from = -2,
      .to = -1 },
    { .name = "by-expired-intermediate", .issuer = "expired-intermediate",
      .subject_alt_name = NAMES },

    /* Chains. */
    { .name = "self-signed", .subject_alt_name = NAMES },
    { .name = "intermediate", .issuer = "root", .basic_constraints = CA },
    { .name = "second", .issuer = "intermediate", .basic_constraints = CA },
    { .name = "by-intermediate", .issuer = "intermediate", .subject_alt_name = NAMES },
    { .name = "by-second", .issuer = "second", .subject_alt_name = NAMES },
    { .name = "stranger", .basic_constraints = CA },
    { .name = "by-stranger", .issuer = "stranger", .subject_alt_name = NAMES },
    { .name = "impostor", .basic_constraints = CA, .common_name = "root" },
    { .name = "by-impostor", .issuer = "impostor", .subject_alt_name = NAMES },
    { .name = "old-root", .basic_constraints = CA, .common_name = "twin",
      .key_identifiers = true },
    { .name = "new-root", .basic_constraints = CA, .common_name = "twin",
      .key_identifiers = true },
    { .name = "by-old-root", .issuer = "old-root", .subject_alt_name = NAMES,
      .key_identifiers = true },
    { .name = "by-new-root", .issuer = "new-root", .subject_alt_name = NAMES,
      .key_identifiers = true },

    /* What a certificate may be used for. */
    { .name = "flagless-root", .basic_constraints = NO_CA },
    { .name = "by-flagless-root", .issuer = "flagless-root", .subject_alt_name = NAMES },
    { .name = "silent-intermediate", .issuer = "root" },
    { .name = "by-silent-intermediate", .issuer = "silent-intermediate",
      .subject_alt_name = NAMES },
    { .name = "by-good", .issuer = "good", .subject_alt_name = NAMES },
    { .name = "root-of-version-1", .version = 1 },
    { .name = "by-root-of-version-1", .issuer = "root-of-version-1", .subject_alt_name = NAMES },
    { .name = "mute-intermediate", .issuer = "root", .basic_constraints = CA,
      .key_usage = "critical,digitalSignature" },
    { .name = "by-mute-intermediate", .issuer = "mute-intermediate", .subject_alt_name = NAMES },
    { .name = "short-intermediate", .issuer = "root",
      .basic_constraints = "critical,CA:TRUE,pathlen:0" },
    { .name = "by-short-intermediate", .issuer = "short-intermediate", .subject_alt_name = NAMES },
    { .name = "too-long", .issuer = "short-intermediate", .basic_constraints = CA },
    { .name = "by-too-long", .issuer = "too-long", .subject_alt_name = NAMES },
    { .name = "narrow-intermediate", .issuer = "root", .basic_constraints = CA,
      .name_constraints = "critical,permitted;DNS:example.test" },
    { .name = "by-narrow-intermediate", .issuer = "narrow-intermediate",
      .subject_alt_name = "DNS:server.test" },
    { .name = "client", .issuer = "root", .subject_alt_name = NAMES,
      .extended_key_usage = "clientAuth" },
    { .name = "client-and-server", .issuer = "root", .subject_alt_name = NAMES,
      .extended_key_usage = "clientAuth,serverAuth" },
    { .name = "client-intermediate", .issuer = "root", .basic_constraints = CA,
      .extended_key_usage = "clientAuth" },
    { .name = "by-client-intermediate", .issuer = "client-intermediate",
      .subject_alt_name = NAMES },
    { .name = "unknown-demand", .issuer = "root", .subject_alt_name = NAMES,
      .comment = "critical,obey" },

    /* Strength. */
    { .name = "rsa2048", .issuer = "root", .subject_alt_name = NAMES, .rsa_bits = 2048 },
    { .name = "rsa1024", .issuer = "root", .subject_alt_name = NAMES, .rsa_bits = 1024 },
    { .name = "rsa768", .issuer = "root", .subject_alt_name = NAMES, .rsa_bits = 768 },
    { .name = "rsa1024-root", .basic_constraints = CA, .rsa_bits = 1024 },
    { .name = "by-rsa1024-root", .issuer = "rsa1024-root", .subject_alt_name = NAMES },
    { .name = "rsa512-root", .basic_constraints = CA, .rsa_bits = 512 },
    { .name = "by-rsa512-root", .issuer = "rsa512-root", .subject_alt_name = NAMES },
    { .name = "sha1", .issuer = "root", .subject_alt_name = NAMES, .digest = "SHA1" },
    { .name = "rsa-root", .basic_constraints = CA, .rsa_bits = 2048 },
    { .name = "md5", .issuer = "rsa-root", .subject_alt_name = NAMES, .digest = "MD5" },
    { .name = "sha1-intermediate", .issuer = "root", .basic_constraints = CA, .digest = "SHA1" },
    { .name = "by-sha1-intermediate", .issuer = "sha1-intermediate", .subject_alt_name = NAMES },
    { .name = "sha1-root", .basic_constraints = CA, .digest = "SHA1" },
    { .name = "by-sha1-root", .issuer = "sha1-root", .subject_alt_name = NAMES },
};

#define COUNT (sizeof certificates / sizeof *certificates)

static ISSUED all_issued[COUNT];

void issued_free_all(void)
{
    for (size_t i = 0; i < COUNT; i++) {
        issued_free(&all_issued[i]);
    }
}

const ISSUED* issued(const char* name)
{
    size_t i = 0;
    while (i < COUNT && strcmp(certificates[i].name, name) != 0) {
        i++;
    }
    if (i == COUNT) {
        fprintf(stderr, "there is no certificate %s\n", name);
    }
    CHECK(i < COUNT);
    if (all_issued[i].x509 == NULL) {
        const char* issuer = certificates[i].issuer;
        all_issued[i] = issue(&certificates[i], issuer != NULL ? issued(issuer) : NULL);
    }
    return &all_issued[i];
}

bool next_word(const char** text, char word[64])
{
    *text += strspn(*text, " ");
    size_t length = strcspn(*text, " ");
    CHECK(length < 64);
    memcpy(word, *text, length);
    word[length] = '\0';
    *text += length;
    return length > 0;
}

char* text_of(BIO* bio)
{
    char* bytes;
    long size = BIO_get_mem_data(bio, &bytes);
    char* text = keep(calloc(1, (size_t)size + 1));
    if (size > 0) {
        memcpy(text, bytes, (size_t)size);
    }
    BIO_free(bio);
    return text;
}

char* pem_of(const char* names)
{
    BIO* bio = BIO_new(BIO_s_mem());
    char name[64];
    while (next_word(&names, name)) {
        CHECK_INT(PEM_write_bio_X509(bio, issued(name)->x509), 1);
    }
    return text_of(bio);
}
