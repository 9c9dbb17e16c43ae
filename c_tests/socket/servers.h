/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Certificates, files and the echo server of the socket tests. */
#ifndef WSIO_TEST_SERVERS_H
#define WSIO_TEST_SERVERS_H

#include <stdbool.h>
#include <stddef.h>

#include "files.h"
#include "process.h"
#include "session.h"

/* Makes two tests of one body: over ws:// and over wss://. CMakeLists.txt looks
 * for this at the beginning of a line, as it does for TEST. */
#define TEST_WS_AND_WSS(name)        \
    static void name(bool tls);      \
    TEST(name##_ws) { name(false); } \
    TEST(name##_wss) { name(true); } \
    static void name(bool tls)

/* A file that make-certs has made. The result stays valid for a few more calls. */
const char* certificate_file(const char* name);

/* The private CA that has signed the certificates, as PEM text. */
const char* test_ca(void);

typedef struct ECHO_TAG {
    CHILD child;
    int port;
    bool tls;
    const char* report; /* where it writes how connections ended */
} ECHO;

/* The echo server on 127.0.0.1, with a certificate for it if `tls`. */
void echo_start(ECHO* echo, bool tls);

/* As above, on `address`, and with the certificate and key of this name. */
void echo_start_at(ECHO* echo, const char* address, const char* certificate);

/* As above, with these files, or without TLS when they are NULL. */
void echo_start_with(ECHO* echo, const char* address, const char* pem, const char* key);

/* Its configuration for a client: host 127.0.0.1, our CA if it uses TLS. */
WSIO_CONFIG echo_config(const ECHO* echo, const char* path);

/* Drives `session` until the server's report says `text`, as often as `times`. */
void echo_expect_report(const ECHO* echo, SESSION* session, const char* text, unsigned times);

/* `size` bytes that look random and differ by `seed`; the caller frees them. */
unsigned char* payload(size_t size, unsigned seed);

#endif
