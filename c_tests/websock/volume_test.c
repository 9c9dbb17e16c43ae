/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* 100 MiB both ways at once through a buffer of 4 KiB, byte for byte. */
#include <stdlib.h>

#include <openssl/ssl.h>

#include "client.h"
#include "pki.h"

enum { MIB = 1024 * 1024, ALL = 100 * MIB, BUFFER = 4096 };

/* Messages of these sizes, in turn; of each side its own bytes. */
static size_t size_of(unsigned number)
{
    static const size_t sizes[] = { 1, 4096, 65536, 17, 300000, 5, 1000, 2 * MIB, 100 };
    return sizes[number % (sizeof sizes / sizeof *sizes)];
}

/* The server's two halves, each with a thread. ------------------------------------------ */

typedef struct HALF_TAG {
    RAW_PEER* peer;
    unsigned long long bytes;
    bool good;
} HALF;

static void* say_all(void* context)
{
    HALF* half = context;
    unsigned char* bytes = malloc(2 * MIB);
    half->good = true;
    for (unsigned i = 0; half->good && half->bytes < ALL; i++) {
        size_t size = size_of(i);
        for (size_t j = 0; j < size; j++) {
            bytes[j] = byte_at(1, half->bytes + j);
        }
        half->good = raw_send_frame(half->peer, RAW_FIN | RAW_BINARY, bytes, size);
        half->bytes += size;
    }
    free(bytes);
    return NULL;
}

static void hear_all(HALF* half)
{
    unsigned char* bytes = malloc(2 * MIB);
    size_t size = 0;
    int first;
    half->good = true;
    for (unsigned i = 0; half->good && half->bytes < ALL; i++) {
        half->good = raw_read_frame(half->peer, &first, bytes, 2 * MIB, &size)
            && first == (RAW_FIN | RAW_BINARY) && size == size_of(i);
        for (size_t j = 0; half->good && j < size; j++) {
            half->good = bytes[j] == byte_at(2, half->bytes + j);
        }
        half->bytes += size;
    }
    free(bytes);
}

static void say_and_hear(RAW_PEER* peer, void* context)
{
    HALF* halves = context;
    pthread_t thread;
    halves[0].peer = halves[1].peer = peer;
    if (raw_handshake(peer, NULL)) {
        CHECK_INT(pthread_create(&thread, NULL, say_all, &halves[0]), 0);
        hear_all(&halves[1]);
        pthread_join(thread, NULL);
        raw_drain(peer);
    }
}

/* The client's. ---------------------------------------------------------------------------- */

static void* send_all(void* handle)
{
    unsigned long long place = 0;
    unsigned char* bytes = malloc(2 * MIB);
    for (unsigned i = 0; place < ALL; i++) {
        size_t size = size_of(i);
        for (size_t j = 0; j < size; j++) {
            bytes[j] = byte_at(2, place++);
        }
        CHECK_INT(websock_send_binary(handle, (char*)bytes, (int)size), 0);
    }
    free(bytes);
    return NULL;
}

static void receive_all(websock_handle_t handle, unsigned seed)
{
    unsigned char buffer[BUFFER];
    unsigned long long place = 0;
    for (unsigned i = 0; place < ALL; i++) {
        for (size_t left = size_of(i); left > 0;) {
            websock_msg_hdr_t header;
            int got = receive(handle, &header, buffer, BUFFER, LONG_MS * slowness());
            CHECK(got > 0);
            CHECK_INT(header.opcode, RAW_BINARY);
            CHECK_INT(header.payload_len, size_of(i));
            CHECK((size_t)got <= left);
            for (int j = 0; j < got; j++) {
                CHECK_INT(buffer[j], byte_at(seed, place++));
            }
            left -= (size_t)got;
        }
    }
}

TEST(both_ways_at_once)
{
    HALF halves[2] = { { 0 }, { 0 } };
    RAW_SERVER* server = raw_server_start("127.0.0.1", say_and_hear, halves);
    websock_handle_t handle = open_at(raw_server_port(server));
    pthread_t thread;
    CHECK_INT(pthread_create(&thread, NULL, send_all, handle), 0);
    receive_all(handle, 1);
    pthread_join(thread, NULL);
    websock_close(handle);
    raw_server_stop(server);
    CHECK(halves[0].good);
    CHECK(halves[1].good);
    CHECK(halves[1].bytes >= ALL);
}

/* Over TLS, what was sent comes back: one OpenSSL connection has one user at a time. */
static void echo_over_tls(RAW_PEER* peer, void* context)
{
    unsigned char* bytes = malloc(2 * MIB);
    size_t size;
    int first;
    bool good = raw_start_tls(peer, context) && raw_handshake(peer, NULL);
    while (good && raw_read_frame(peer, &first, bytes, 2 * MIB, &size)) {
        good = raw_send_frame(peer, first, bytes, size) && first != (RAW_FIN | RAW_CLOSE);
    }
    free(bytes);
}

TEST(both_ways_at_once_over_tls)
{
    SSL_CTX* tls = SSL_CTX_new(TLS_server_method());
    CHECK_INT(SSL_CTX_use_certificate(tls, issued("good")->x509), 1);
    CHECK_INT(SSL_CTX_use_PrivateKey(tls, issued("good")->key), 1);
    RAW_SERVER* server = raw_server_start("127.0.0.1", echo_over_tls, tls);
    websock_config_t config = config_at(raw_server_port(server), "/");
    pthread_t thread;
    config.secured = 1;
    config.ssl_config.auth_mode = SSL_WRAP_VERIFY_REQUIRED;
    config.ssl_config.ca_cert.buf = pem_of("root");
    config.ssl_config.ca_cert.len = (int)strlen(config.ssl_config.ca_cert.buf);
    websock_handle_t handle = open_with(&config);
    CHECK_INT(pthread_create(&thread, NULL, send_all, handle), 0);
    receive_all(handle, 2);
    pthread_join(thread, NULL);
    websock_close(handle);
    raw_server_stop(server);
    SSL_CTX_free(tls);
    issued_free_all();
}
