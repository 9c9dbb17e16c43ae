/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What trusted_ca may contain: half a bundle is none. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/pem.h>

#include "trust.h"

static char* joined(const char* first, const char* second)
{
    size_t size = strlen(first) + strlen(second) + 1;
    char* text = keep(malloc(size));
    snprintf(text, size, "%s%s", first, second);
    return text;
}

static char* first_bytes(const char* text, size_t count)
{
    char* part = keep(strdup(text));
    CHECK(count < strlen(part));
    part[count] = '\0';
    return part;
}

static char* with_crlf(const char* text)
{
    char* result = keep(calloc(2, strlen(text) + 1));
    for (char* end = result; *text != '\0'; text++) {
        if (*text == '\n') {
            *end++ = '\r';
        }
        *end++ = *text;
    }
    return result;
}

/* Roots that have signed nothing here. */
static char* other_roots(unsigned count)
{
    BIO* bio = BIO_new(BIO_s_mem());
    while (count-- > 0) {
        char name[32];
        snprintf(name, sizeof name, "root %u", count);
        CERTIFICATE root = { .name = name, .basic_constraints = "critical,CA:TRUE" };
        ISSUED other = issue(&root, NULL);
        CHECK_INT(PEM_write_bio_X509(bio, other.x509), 1);
        issued_free(&other);
    }
    return text_of(bio);
}

static char* key_of(const char* name)
{
    BIO* bio = BIO_new(BIO_s_mem());
    CHECK_INT(PEM_write_bio_PrivateKey(bio, issued(name)->key, NULL, NULL, 0, NULL, NULL), 1);
    return text_of(bio);
}

/* Well-formed PEM around nonsense. */
static char* nonsense(void)
{
    char* pem = pem_of("stranger");
    memset(strchr(pem, '\n') + 1, 'A', 40);
    return pem;
}

/* As `openssl x509 -trustout` writes it. */
static char* trusted_format(void)
{
    BIO* bio = BIO_new(BIO_s_mem());
    CHECK_INT(PEM_write_bio_X509_AUX(bio, issued("stranger")->x509), 1);
    return text_of(bio);
}

/* A part of a bundle, by its name. */
static const char* part(const char* name)
{
    if (strcmp(name, "149") == 0) {
        return other_roots(149);
    }
    if (strcmp(name, "text") == 0) {
        return "# Not a certificate: 100% text\nIssuer: CN = root\n\n";
    }
    if (strcmp(name, "crlf") == 0) {
        return with_crlf(pem_of("root"));
    }
    if (strcmp(name, "unended") == 0) {
        return first_bytes(pem_of("root"), strlen(pem_of("root")) - 1);
    }
    if (strcmp(name, "key") == 0) {
        return key_of("root");
    }
    if (strcmp(name, "half") == 0) {
        return first_bytes(pem_of("root"), strlen(pem_of("root")) / 2);
    }
    if (strcmp(name, "nonsense") == 0) {
        return nonsense();
    }
    if (strcmp(name, "indent") == 0) {
        return "  ";
    }
    if (strcmp(name, "bom") == 0) {
        return "\xEF\xBB\xBF";
    }
    if (strcmp(name, "trusted") == 0) {
        return trusted_format();
    }
    return pem_of(name);
}

static const struct {
    const char* parts;
    const char* why; /* wsio_open refuses it; NULL: it is good */
} bundles[] = {
#define NONE "wsio_open: trusted_ca contains no certificate"
#define BROKEN "wsio_open: trusted_ca contains a broken certificate"
    { "149 root", NULL },
    { "text root text", NULL },
    { "text stranger text root text", NULL },
    { "crlf", NULL },
    { "unended", NULL },
    { "root root", NULL },
    { "bom root", NULL },
    { "stranger bom root", NULL },
    { "key root", NULL },
    { "good root", NULL },
    { "expired-root root", NULL },
    { "", NONE },
    { "text", NONE },
    { "key", NONE },
    { "half", BROKEN },
    { "nonsense", BROKEN },
    { "root half", BROKEN },
    { "half root", BROKEN },
    { "root nonsense", BROKEN },
    { "nonsense root", BROKEN },
    { "root nonsense stranger", BROKEN },
    { "149 half root", BROKEN },
    /* OpenSSL passes over certificates that do not start their line, and those
     * with a trust of their own. */
    { "root text bom stranger", BROKEN },
    { "root indent stranger", BROKEN },
    { "trusted", BROKEN },
    { "root trusted", BROKEN },
};

/* SRS_WSIO_01_126, SRS_WSIO_01_132 */
TEST(bundles_are_good_or_refused)
{
    prepare();
    trust_of_the_system("");
    for (size_t i = 0; i < sizeof bundles / sizeof *bundles; i++) {
        const char* parts = bundles[i].parts;
        const char* pem = "";
        char name[64];
        trying = parts;
        while (next_word(&parts, name)) {
            pem = joined(pem, part(name));
        }
        SIDE side = { tls_of(TLS1_3_VERSION, "good"), 0, 0 };
        RAW_SERVER* server = raw_server_start("127.0.0.1", echo_messages, &side);
        WSIO_CONFIG config = config_for("127.0.0.1", raw_server_port(server), "/", pem);
        if (bundles[i].why == NULL) {
            expect_accepted(&config);
        } else {
            expect_refused_at_once(&config, bundles[i].why);
            CHECK_INT(raw_server_accepted(server), 0);
        }
        raw_server_stop(server);
        SSL_CTX_free(side.tls);
    }
    trying = NULL;
}

/* Wherever it was cut. */
TEST(a_bundle_that_ends_inside_a_certificate_is_refused)
{
    prepare();
    trust_of_the_system("");
    const char* whole = pem_of("stranger");
    size_t first_cut = strlen("-----BEGIN ");
    size_t last_cut = strlen(whole) - strlen("--\n"); /* inside the END line */
    for (size_t cut = first_cut; cut <= last_cut; cut += 3) {
        char* pem = joined(pem_of("root"), first_bytes(whole, cut));
        WSIO_CONFIG config = config_for("127.0.0.1", 1, "/", pem);
        expect_refused_at_once(&config, BROKEN);
    }
}
