/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "authority.h"

#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "check.h"

static void add_extension(X509* x509, X509* issuer, int kind, const char* value)
{
    X509V3_CTX context;
    if (value != NULL) {
        X509V3_set_ctx(&context, issuer, x509, NULL, NULL, 0);
        X509_EXTENSION* extension = X509V3_EXT_conf_nid(NULL, &context, kind, value);
        CHECK(extension != NULL);
        CHECK_INT(X509_add_ext(x509, extension, -1), 1);
        X509_EXTENSION_free(extension);
    }
}

static void set_times(X509* x509, int from, int to)
{
    enum { HOUR = 3600 };
    bool today = from == 0 && to == 0;
    CHECK(X509_time_adj_ex(X509_getm_notBefore(x509), from, today ? -HOUR : 0, NULL) != NULL);
    CHECK(X509_time_adj_ex(X509_getm_notAfter(x509), to, today ? HOUR : 0, NULL) != NULL);
}

ISSUED issue(const CERTIFICATE* certificate, const ISSUED* issuer)
{
    static long serial;
    ISSUED issued;
    const char* subject =
        certificate->common_name != NULL ? certificate->common_name : certificate->name;
    const EVP_MD* digest =
        certificate->digest != NULL ? EVP_get_digestbyname(certificate->digest) : EVP_sha256();
    CHECK(digest != NULL);
    issued.x509 = X509_new();
    issued.key = certificate->rsa_bits != 0 ? EVP_RSA_gen((unsigned)certificate->rsa_bits)
                                            : EVP_EC_gen("P-256");
    CHECK(issued.x509 != NULL && issued.key != NULL);
    if (issuer == NULL) {
        issuer = &issued;
    }

    CHECK_INT(X509_set_version(issued.x509,
                               certificate->version != 0 ? certificate->version - 1
                                                         : X509_VERSION_3), 1);
    CHECK_INT(ASN1_INTEGER_set(X509_get_serialNumber(issued.x509), ++serial), 1);
    CHECK_INT(X509_NAME_add_entry_by_txt(X509_get_subject_name(issued.x509), "CN", MBSTRING_ASC,
                                         (const unsigned char*)subject, -1, -1, 0), 1);
    CHECK_INT(X509_set_issuer_name(issued.x509, X509_get_subject_name(issuer->x509)), 1);
    set_times(issued.x509, certificate->from, certificate->to);
    CHECK_INT(X509_set_pubkey(issued.x509, issued.key), 1);
    add_extension(issued.x509, issuer->x509, NID_subject_alt_name, certificate->subject_alt_name);
    add_extension(issued.x509, issuer->x509, NID_basic_constraints, certificate->basic_constraints);
    add_extension(issued.x509, issuer->x509, NID_key_usage, certificate->key_usage);
    add_extension(issued.x509, issuer->x509, NID_ext_key_usage, certificate->extended_key_usage);
    add_extension(issued.x509, issuer->x509, NID_name_constraints, certificate->name_constraints);
    add_extension(issued.x509, issuer->x509, NID_netscape_comment, certificate->comment);
    if (certificate->key_identifiers) {
        add_extension(issued.x509, issuer->x509, NID_subject_key_identifier, "hash");
        add_extension(issued.x509, issuer->x509, NID_authority_key_identifier, "keyid");
    }
    CHECK(X509_sign(issued.x509, issuer->key, digest) > 0);
    return issued;
}

void issued_free(ISSUED* issued)
{
    X509_free(issued->x509);
    EVP_PKEY_free(issued->key);
}
