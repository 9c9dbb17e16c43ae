/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What wsio asks the server: the whole request, byte for byte (RFC 6455 section
 * 4.1). */
#include <ctype.h>
#include <dlfcn.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "raw_server.h"
#include "servers.h"

/* Stands before libc's for lws too: every name is this machine's, so that names
 * of any length can be tried. Addresses stay what they are. */
int getaddrinfo(const char* node, const char* service, const struct addrinfo* hints,
                struct addrinfo** found)
{
    union {
        void* address;
        int (*call)(const char*, const char*, const struct addrinfo*, struct addrinfo**);
    } real;
    real.address = dlsym(RTLD_NEXT, "getaddrinfo");
    bool is_name = node != NULL && isalpha((unsigned char)node[0]) && strchr(node, ':') == NULL;
    return real.call(is_name ? "127.0.0.1" : node, service, hints, found);
}

static void accept_and_keep(RAW_PEER* peer, void* context)
{
    raw_handshake(peer, NULL);
    memcpy(context, peer, sizeof *peer);
    raw_drain(peer);
}

/* Opens with this configuration, but the server's port; the request. */
static const char* request_of(WSIO_CONFIG config, const char* address, int* port)
{
    static RAW_PEER peer;
    SESSION session;
    RAW_SERVER* server = raw_server_start(address, accept_and_keep, &peer);
    *port = raw_server_port(server);
    config.port = *port;
    session_start(&session, &config);
    session_destroy(&session);
    raw_server_stop(server);
    CHECK_INT(strlen(peer.request), peer.request_size);
    return peer.request;
}

/* Every line ends in CRLF, the first is as expected, all others are headers,
 * and an empty one comes last and only there. */
static void check_form(const char* request, const char* first_line)
{
    size_t length = strlen(request);
    CHECK(length > 4);
    CHECK_STR(request + length - 4, "\r\n\r\n");
    CHECK_INT(strncmp(request, first_line, strlen(first_line)), 0);
    const char* line = request + strlen(first_line);
    CHECK_INT(strncmp(line, "\r\n", 2), 0);
    line += 2;
    while (strcmp(line, "\r\n") != 0) {
        size_t size = strcspn(line, "\r\n");
        size_t name = strcspn(line, ":");
        CHECK(name > 0 && name < size);
        for (size_t i = 0; i < name; i++) {
            CHECK(isalnum((unsigned char)line[i]) || line[i] == '-');
        }
        CHECK_INT(line[name + 1], ' ');
        CHECK_INT(strncmp(line + size, "\r\n", 2), 0);
        line += size + 2;
    }
}

/* The value of a header, which must be there once at most; NULL if it isn't. */
static const char* header(const char* request, const char* name)
{
    static char value[4096];
    const char* found = NULL;
    for (const char* line = strstr(request, "\r\n"); line != NULL; line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':') {
            CHECK_PTR(found, NULL);
            found = line + strlen(name) + 2;
        }
    }
    if (found == NULL) {
        return NULL;
    }
    size_t size = strcspn(found, "\r");
    CHECK(size < sizeof value);
    memcpy(value, found, size);
    value[size] = '\0';
    return value;
}

static void check_common_headers(const char* request, const char* host, const char* origin,
                                 const char* protocol)
{
    CHECK_STR(header(request, "Host"), host);
    CHECK_STR(header(request, "Origin"), origin);
    CHECK_STR(header(request, "Sec-WebSocket-Protocol"), protocol);
    CHECK_INT(strcasecmp(header(request, "Upgrade"), "websocket"), 0);
    CHECK_INT(strcasecmp(header(request, "Connection"), "Upgrade"), 0);
    CHECK_STR(header(request, "Sec-WebSocket-Version"), "13"); /* SRS_WSIO_01_032 */
    CHECK_INT(strlen(header(request, "Sec-WebSocket-Key")), 24);
    CHECK_STR(header(request, "Sec-WebSocket-Key") + 22, "==");
    const char* extensions = header(request, "Sec-WebSocket-Extensions"); /* SRS_WSIO_01_091 */
#ifdef WSIO_PERMESSAGE_DEFLATE
    CHECK(extensions != NULL && strncmp(extensions, "permessage-deflate", 18) == 0);
#else
    CHECK_STR(extensions, NULL);
#endif
    CHECK_PTR(header(request, "Cookie"), NULL);
    CHECK_PTR(header(request, "Authorization"), NULL);
}

/* SRS_WSIO_01_028, SRS_WSIO_01_029, SRS_WSIO_01_030, SRS_WSIO_01_031 */
static void check_request(const char* host, const char* path, const char* protocol,
                          const char* sent_path)
{
    char first_line[4096];
    char sent_host[256];
    char origin[256];
    int port;
    bool is_ipv6 = strchr(host, ':') != NULL;
    WSIO_CONFIG config = config_for(host, 0, path, NULL);
    config.protocol_name = protocol;
    const char* request = request_of(config, is_ipv6 ? "::1" : "127.0.0.1", &port);
    snprintf(first_line, sizeof first_line, "GET %s HTTP/1.1", sent_path);
    snprintf(sent_host, sizeof sent_host, is_ipv6 ? "[%s]:%d" : "%s:%d", host, port);
    snprintf(origin, sizeof origin, is_ipv6 ? "http://[%s]" : "http://%s", host);
    check_form(request, first_line);
    check_common_headers(request, sent_host, origin, protocol[0] != '\0' ? protocol : NULL);
}

TEST(request_by_name)
{
    check_request("localhost", "/chat", "mqtt", "/chat");
}

TEST(request_by_ipv4_address)
{
    check_request("127.0.0.1", "/chat", "mqtt", "/chat");
}

TEST(request_by_ipv6_address_is_bracketed)
{
    check_request("::1", "/chat", "mqtt", "/chat");
}

TEST(a_path_without_a_slash_gets_one)
{
    check_request("localhost", "a/b/c", "mqtt", "/a/b/c");
}

TEST(an_empty_path_is_a_slash)
{
    check_request("localhost", "", "mqtt", "/");
}

TEST(a_query_goes_out_whole)
{
    check_request("localhost", "/p?a=b&c=%20d;e", "mqtt", "/p?a=b&c=%20d;e");
}

TEST(a_query_without_a_path_gets_a_slash)
{
    check_request("localhost", "?q=1", "mqtt", "/?q=1");
}

TEST(no_subprotocol_is_asked_for_when_its_name_is_empty)
{
    check_request("localhost", "/chat", "", "/chat");
}

TEST(several_subprotocols)
{
    check_request("localhost", "/chat", "mqtt,mqttv3.1", "/chat");
}

/* `size` letters, in labels of at most 50, behind `start`. */
static const char* long_text(char* text, const char* start, size_t size, char separator)
{
    strcpy(text, start);
    for (size_t i = strlen(start); i < size; i++) {
        text[i] = i % 50 == 49 && i + 1 < size ? separator : (char)('a' + i % 26);
    }
    text[size] = '\0';
    return text;
}

/* The header's documented limits. Beyond them wsio_create refuses, so that
 * nothing goes out cut. */
enum { LONGEST_HOST = 110, LONGEST_PROTOCOL = 256, LONGEST_PATH = 2000 };

static void check_refused(WSIO_CONFIG config, const char* reason)
{
    log_forget();
    CHECK_PTR(wsio_create(&config, recording_log), NULL);
    if (!log_has(reason)) {
        log_show();
    }
    CHECK_INT(log_count(), 1);
    CHECK_INT(log_lines_with(reason), 1);
}

TEST(the_longest_host)
{
    char host[LONGEST_HOST + 2];
    WSIO_CONFIG config;
    check_request(long_text(host, "", LONGEST_HOST, '.'), "/", "mqtt", "/");
    config = config_for(long_text(host, "", LONGEST_HOST + 1, '.'), 80, "/", NULL);
    check_refused(config, "host");
}

/* A self-signed certificate for this name; its own authority. */
static void make_certificate(const char* name, const char* pem, const char* key)
{
    char names[256];
    EVP_PKEY* pair = EVP_EC_gen("P-256");
    X509* made = X509_new();
    snprintf(names, sizeof names, "DNS:%s", name);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);
    CHECK(pair != NULL && made != NULL && extension != NULL);
    X509_set_version(made, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made), 1);
    X509_gmtime_adj(X509_getm_notBefore(made), -3600);
    X509_gmtime_adj(X509_getm_notAfter(made), 3600);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(made), "CN", MBSTRING_ASC,
                               (const unsigned char*)"a long name", -1, -1, 0);
    X509_set_issuer_name(made, X509_get_subject_name(made));
    X509_set_pubkey(made, pair);
    X509_add_ext(made, extension, -1);
    CHECK(X509_sign(made, pair, EVP_sha256()) > 0);
    FILE* file = fopen(pem, "w");
    CHECK_INT(PEM_write_X509(file, made), 1);
    fclose(file);
    file = fopen(key, "w");
    CHECK_INT(PEM_write_PrivateKey(file, pair, NULL, NULL, 0, NULL, NULL), 1);
    fclose(file);
    X509_EXTENSION_free(extension);
    X509_free(made);
    EVP_PKEY_free(pair);
}

/* TLS verifies the longest name whole, to its last letter. */
TEST(the_longest_host_with_tls)
{
    char host[LONGEST_HOST + 1];
    char other[LONGEST_HOST + 1];
    ECHO echo;
    SESSION session;
    const char* pem = temporary_file("long.pem");
    const char* key = temporary_file("long.key");
    make_certificate(long_text(host, "", LONGEST_HOST, '.'), pem, key);
    echo_start_with(&echo, "127.0.0.1", pem, key);
    WSIO_CONFIG config = config_for(host, echo.port, "/echo", read_text(pem));
    session_start(&session, &config);
    session_destroy(&session);

    strcpy(other, host);
    other[LONGEST_HOST - 1] = other[LONGEST_HOST - 1] == 'x' ? 'y' : 'x';
    config.host = other;
    log_forget();
    session_create(&session, &config);
    session_fail_to_open(&session);
    CHECK_INT(log_lines_with("mismatch"), 1);
    session_destroy(&session);
}

TEST(the_longest_path)
{
    char path[LONGEST_PATH + 2];
    WSIO_CONFIG config;
    check_request("localhost", long_text(path, "/", LONGEST_PATH, '/'), "mqtt", path);
    config = config_for("localhost", 80, long_text(path, "/", LONGEST_PATH + 1, '/'), NULL);
    check_refused(config, "path");
}

TEST(the_longest_path_without_a_slash)
{
    char path[1 + LONGEST_PATH + 1] = "/";
    long_text(path + 1, "", LONGEST_PATH, '/');
    check_request("localhost", path + 1, "mqtt", path);
}

TEST(the_longest_protocol)
{
    char protocol[LONGEST_PROTOCOL + 2];
    WSIO_CONFIG config = config_for("localhost", 80, "/", NULL);
    check_request("localhost", "/", long_text(protocol, "", LONGEST_PROTOCOL, '-'), "/");
    config.protocol_name = long_text(protocol, "", LONGEST_PROTOCOL + 1, '-');
    check_refused(config, "protocol");
}

/* All limits at once still fit into what lws sends. */
TEST(the_longest_request)
{
    char host[LONGEST_HOST + 1];
    char path[LONGEST_PATH + 1];
    char protocol[LONGEST_PROTOCOL + 1];
    check_request(long_text(host, "", LONGEST_HOST, '.'),
                  long_text(path, "/", LONGEST_PATH, '/'),
                  long_text(protocol, "", LONGEST_PROTOCOL, '-'), path);
}

/* Whatever could end a line or a word of the request is refused: nobody writes
 * headers through a configuration value. */
TEST(header_injection_is_refused)
{
    static const char* const bad[] = { "a\r\nX: y", "a\nb", "a\rb", "a b", "a\tb", "a\x7f",
                                       "\r\n", "a\x01", " ", "a\x1f" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        WSIO_CONFIG config = config_for("localhost", 80, "/", NULL);
        config.host = bad[i];
        check_refused(config, "host");
        config.host = "localhost";
        config.relative_path = bad[i];
        check_refused(config, "path");
        config.relative_path = "/";
        config.protocol_name = bad[i];
        check_refused(config, "protocol");
    }
}

TEST(bad_ports_are_refused)
{
    static const int bad[] = { -1, 0, 65536, 1 << 20, -2147483647 - 1 };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        check_refused(config_for("localhost", bad[i], "/", NULL), "port");
    }
    check_refused(config_for("", 80, "/", NULL), "host");
}
