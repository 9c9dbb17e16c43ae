/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "tls_server.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "check.h"

struct TLS_SERVER_TAG {
    SSL* ssl;
    BIO* input;
    BIO* output;
};

/* A certificate that signs itself, for 127.0.0.1. */
static X509* certificate_for(EVP_PKEY* key)
{
    X509* certificate = X509_new();
    X509_NAME* name = X509_get_subject_name(certificate);
    X509_EXTENSION* address =
        X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "IP:127.0.0.1");
    CHECK(address != NULL);
    CHECK_INT(X509_set_version(certificate, X509_VERSION_3), 1);
    CHECK_INT(ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1), 1);
    CHECK_INT(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                         (const unsigned char*)"hostile", -1, -1, 0), 1);
    CHECK_INT(X509_set_issuer_name(certificate, name), 1);
    CHECK(X509_gmtime_adj(X509_getm_notBefore(certificate), -3600) != NULL);
    CHECK(X509_gmtime_adj(X509_getm_notAfter(certificate), 3600) != NULL);
    CHECK_INT(X509_add_ext(certificate, address, -1), 1);
    CHECK_INT(X509_set_pubkey(certificate, key), 1);
    CHECK(X509_sign(certificate, key, EVP_sha256()) > 0);
    X509_EXTENSION_free(address);
    return certificate;
}

static char* pem_of(X509* certificate)
{
    BIO* text = BIO_new(BIO_s_mem());
    char* bytes;
    long size;
    char* copy;
    CHECK_INT(PEM_write_bio_X509(text, certificate), 1);
    size = BIO_get_mem_data(text, &bytes);
    copy = calloc(1, (size_t)size + 1);
    CHECK(copy != NULL);
    memcpy(copy, bytes, (size_t)size);
    BIO_free(text);
    return copy;
}

SSL_CTX* tls_context_new(int version, char** certificate)
{
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* x509 = certificate_for(key);
    SSL_CTX* context = SSL_CTX_new(TLS_server_method());
    CHECK(context != NULL);
    CHECK_INT(SSL_CTX_set_min_proto_version(context, version), 1);
    CHECK_INT(SSL_CTX_set_max_proto_version(context, version), 1);
    CHECK_INT(SSL_CTX_use_certificate(context, x509), 1);
    CHECK_INT(SSL_CTX_use_PrivateKey(context, key), 1);
    /* What the server remembers would look like a leak. */
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    *certificate = pem_of(x509);
    X509_free(x509);
    EVP_PKEY_free(key);
    return context;
}

TLS_SERVER* tls_server_new(SSL_CTX* context)
{
    TLS_SERVER* tls = calloc(1, sizeof *tls);
    CHECK(tls != NULL);
    tls->ssl = SSL_new(context);
    tls->input = BIO_new(BIO_s_mem());
    tls->output = BIO_new(BIO_s_mem());
    CHECK(tls->ssl != NULL && tls->input != NULL && tls->output != NULL);
    SSL_set_bio(tls->ssl, tls->input, tls->output);
    SSL_set_accept_state(tls->ssl);
    return tls;
}

void tls_server_free(TLS_SERVER* tls)
{
    if (tls != NULL)
    {
        SSL_free(tls->ssl); /* with both BIOs */
        free(tls);
    }
}

/* The client, in the same thread, is not to find errors of the server's. */
static int done(int result)
{
    ERR_clear_error();
    return result;
}

void tls_server_input(TLS_SERVER* tls, const void* bytes, size_t size)
{
    CHECK_INT(BIO_write(tls->input, bytes, (int)size), (int)size);
}

size_t tls_server_output(TLS_SERVER* tls, void* bytes, size_t capacity)
{
    int size = done(BIO_read(tls->output, bytes, (int)capacity));
    return size > 0 ? (size_t)size : 0;
}

bool tls_server_is_ready(TLS_SERVER* tls)
{
    return done(SSL_do_handshake(tls->ssl)) == 1;
}

size_t tls_server_read(TLS_SERVER* tls, void* bytes, size_t capacity)
{
    size_t size = 0;
    return done(SSL_read_ex(tls->ssl, bytes, capacity, &size)) == 1 ? size : 0;
}

bool tls_server_write(TLS_SERVER* tls, const void* bytes, size_t size)
{
    size_t written = 0;
    return done(SSL_write_ex(tls->ssl, bytes, size, &written)) == 1 && written == size;
}

void tls_server_renew_keys(TLS_SERVER* tls)
{
    CHECK_INT(done(SSL_key_update(tls->ssl, SSL_KEY_UPDATE_REQUESTED)), 1);
}

void tls_server_goodbye(TLS_SERVER* tls)
{
    done(SSL_shutdown(tls->ssl));
}
