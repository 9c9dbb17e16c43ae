/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "trust_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "files.h"

const char* trying;

static void say_what_was_tried(void)
{
    if (trying != NULL) {
        fprintf(stderr, "that was: %s\n", trying);
    }
}

void prepare(void)
{
    atexit(issued_free_all);
    atexit(say_what_was_tried);
}

void trust_of_the_system(const char* names)
{
    const char* path = temporary_file("system.pem");
    FILE* file = fopen(path, "w");
    CHECK(file != NULL);
    CHECK(fputs(pem_of(names), file) >= 0);
    CHECK_INT(fclose(file), 0);
    CHECK_INT(setenv("SSL_CERT_FILE", path, 1), 0);
    CHECK_INT(setenv("SSL_CERT_DIR", "/nowhere", 1), 0);
}

void echo_messages(RAW_PEER* peer, void* context)
{
    SIDE* side = context;
    char message[64];
    size_t size;
    int first;
    if (raw_start_tls(peer, side->tls)) {
        side->trusted++;
        bool good = raw_handshake(peer, NULL);
        while (good && raw_read_frame(peer, &first, message, sizeof message, &size)) {
            good = raw_send_frame(peer, first, message, size) && first != (RAW_FIN | RAW_CLOSE);
            side->bytes += size;
        }
    }
    side->bytes += raw_drain(peer);
}

SSL_CTX* tls_of(int version, const char* names)
{
    char name[64];
    SSL_CTX* tls = SSL_CTX_new(TLS_server_method());
    CHECK(tls != NULL);
    SSL_CTX_set_security_level(tls, 0);
    CHECK_INT(SSL_CTX_set_cipher_list(tls, "ALL:@SECLEVEL=0"), 1);
    CHECK_INT(SSL_CTX_set_min_proto_version(tls, version), 1);
    CHECK_INT(SSL_CTX_set_max_proto_version(tls, version), 1);
    SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
    CHECK(next_word(&names, name));
    CHECK_INT(SSL_CTX_use_certificate(tls, issued(name)->x509), 1);
    CHECK_INT(SSL_CTX_use_PrivateKey(tls, issued(name)->key), 1);
    while (next_word(&names, name)) {
        CHECK_INT(SSL_CTX_add1_chain_cert(tls, issued(name)->x509), 1);
    }
    return tls;
}
