/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Certificates of every kind, good and bad, made while the test runs. */
#ifndef WSIO_TEST_AUTHORITY_H
#define WSIO_TEST_AUTHORITY_H

#include <stdbool.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

/* What to make. Texts are as in x509v3_config(5); NULL leaves an extension out. */
typedef struct CERTIFICATE_TAG {
    const char* name;             /* what the test calls it */
    const char* issuer;           /* what the test calls that; NULL: itself */
    const char* subject_alt_name;
    const char* basic_constraints;
    const char* key_usage;
    const char* extended_key_usage;
    const char* name_constraints;
    const char* comment;          /* critical, it is an extension that nobody knows */
    const char* common_name;      /* of the subject; NULL: its name */
    bool key_identifiers;         /* of the subject and the issuer */
    int from, to;                 /* the days when it is valid, from now; 0, 0: today */
    int rsa_bits;                 /* 0: a key of P-256 */
    const char* digest;           /* of the signature; NULL: SHA-256 */
    int version;                  /* 0: 3 */
} CERTIFICATE;

typedef struct ISSUED_TAG {
    X509* x509;
    EVP_PKEY* key;
} ISSUED;

/* Makes a key and a certificate for it, signed by `issuer` (NULL: by itself). */
ISSUED issue(const CERTIFICATE* certificate, const ISSUED* issuer);
void issued_free(ISSUED* issued);

#endif
