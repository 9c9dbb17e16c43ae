/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the fake OpenSSL was told, and its error queue.
 *
 * Its PEM is text: each "-----BEGIN CERTIFICATE-----" to "-----END
 * CERTIFICATE-----" is a certificate, unless there is "broken" in between. */
#ifndef WSIO_TEST_FAKE_OPENSSL_H
#define WSIO_TEST_FAKE_OPENSSL_H

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "fake.h"

/* A certificate in the fake's PEM. */
#define PEM(name) "-----BEGIN CERTIFICATE-----\n" name "\n-----END CERTIFICATE-----\n"

typedef int VERIFY(X509_STORE_CTX* store, void* argument);

/* What an SSL_CTX that is alive was set to. */
bool ssl_ctx_is_alive(const SSL_CTX* ssl);
uint64_t ssl_ctx_options(const SSL_CTX* ssl);
long ssl_ctx_mode(const SSL_CTX* ssl);
long ssl_ctx_min_version(const SSL_CTX* ssl);
bool ssl_ctx_has_default_paths(const SSL_CTX* ssl);
bool ssl_ctx_has_default_dir(const SSL_CTX* ssl);
bool ssl_ctx_has_default_file(const SSL_CTX* ssl);
VERIFY* ssl_ctx_verify_callback(const SSL_CTX* ssl, void** argument);
/* The bodies of the certificates in its store, in order, each with a line end. */
const char* ssl_ctx_certificates(const SSL_CTX* ssl);

/* SSL_CTXs, BIOs and X509s that live. */
long ssl_live(void);

/* An SSL_CTX of lws's own, for the certificate event. Not the library's to free. */
SSL_CTX* ssl_ctx_of_lws(void);
/* Frees the certificates in its store. */
void ssl_empty_store_of_lws(void);

/* The SSL of the handshake that is going on. */
SSL* ssl_of_handshake(void);
/* Tells of progress in it, as OpenSSL does, with this error (or 0) in the queue. */
void ssl_tell_progress(const SSL_CTX* ssl, int place, int result, unsigned long error);

/* A handshake over this socket starts: from then on what lws writes goes there; what
 * else is written; whether OpenSSL would try again; and its end, which frees its BIOs. */
void ssl_start_handshake(const SSL_CTX* ssl, int socket);
bool ssl_writes(void);
int ssl_write(const char* bytes, int size);
bool ssl_should_retry_write(void);
void ssl_end_handshake(void);

/* Which name the server is asked for by (SNI) when lws says this one. */
const char* ssl_name_asked_for(const SSL_CTX* ssl, const char* name);

/* A verification that is going on, and what it was told. */
X509_STORE_CTX* ssl_verification(int error);
/* The same without error; it is to check an address, or nothing but the chain. */
X509_STORE_CTX* ssl_verification_of_address(void);
X509_STORE_CTX* ssl_verification_of_nothing(void);
bool ssl_verification_has_host(void);
const unsigned char* ssl_verification_ip(size_t* size);
/* What X509_verify_cert will return. */
void ssl_verification_will_return(int result);
/* The next time only, with this error noted. */
void ssl_verification_will_first_return(int result, int error);

/* OpenSSL's error queue of this thread. */
void ssl_push_error(unsigned long code);
void ssl_push_error_with(unsigned long code, const char* file, int line, const char* function,
    const char* data);
unsigned ssl_error_count(void);
/* The nth, from 0 on, oldest first. */
unsigned long ssl_error(unsigned n, const char** file, int* line, const char** function,
    const char** data);

#endif
