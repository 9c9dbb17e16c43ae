/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* websock_open: what it asks the server, what it refuses, how long it takes. */
#include <ctype.h>
#include <dlfcn.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "client.h"

/* The default ports lead to this one, if it is not 0: nobody may listen there. */
static int default_port_is;

/* Stands before libc's for lws too; glibc declares it in another way. */
int connect_here(int fd, const struct sockaddr* address, socklen_t size) __asm__("connect");
int connect_here(int fd, const struct sockaddr* address, socklen_t size)
{
    union {
        void* address;
        int (*call)(int, const struct sockaddr*, socklen_t);
    } real;
    struct sockaddr_in other;
    real.address = dlsym(RTLD_NEXT, "connect");
    if (default_port_is != 0 && address->sa_family == AF_INET && size >= sizeof other) {
        memcpy(&other, address, sizeof other);
        if (other.sin_port == htons(80) || other.sin_port == htons(443)) {
            other.sin_port = htons((unsigned short)default_port_is);
            return real.call(fd, (struct sockaddr*)&other, sizeof other);
        }
    }
    return real.call(fd, address, size);
}

/* The request. ------------------------------------------------------------------------ */

/* The value of a header, which must be there once at most; NULL if it is not. The
 * result is static. */
static const char* header(const char* request, const char* name)
{
    static char values[8][1024];
    static unsigned next;
    char* value = values[next++ % 8];
    const char* found = NULL;
    for (const char* line = strstr(request, "\r\n"); line != NULL; line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':') {
            CHECK_PTR(found, NULL);
            found = line + strlen(name) + 1;
            found += strspn(found, " ");
        }
    }
    if (found == NULL) {
        return NULL;
    }
    snprintf(value, sizeof values[0], "%.*s", (int)strcspn(found, "\r"), found);
    return value;
}

/* Opens at a server on `address`, and closes; what was asked. */
static const char* request_for(TALK* talking, websock_config_t* config, const char* address)
{
    RAW_SERVER* server = raw_server_start(address, talk, talking);
    if (config->port == 0) {
        config->port = raw_server_port(server);
    } else {
        default_port_is = raw_server_port(server);
    }
    websock_close(open_with(config));
    raw_server_stop(server);
    default_port_is = 0;
    return talking->peer.request;
}

static const char* request_of(TALK* talking, websock_config_t* config)
{
    return request_for(talking, config, "127.0.0.1");
}

/* Every line is a header but the first, and an empty line is the end. */
static void check_form(const char* request, const char* first)
{
    size_t length = strlen(request);
    CHECK(length > 4);
    CHECK_STR(request + length - 4, "\r\n\r\n");
    CHECK_INT(strncmp(request, first, strlen(first)), 0);
    const char* line = strstr(request, "\r\n") + 2;
    CHECK_INT(line - request, strlen(first) + 2);
    while (strcmp(line, "\r\n") != 0) {
        size_t size = strcspn(line, "\r\n");
        size_t name = strcspn(line, ":");
        CHECK(name > 0 && name < size);
        for (size_t i = 0; i < name; i++) {
            CHECK(isalnum((unsigned char)line[i]) || line[i] == '-');
        }
        CHECK_INT(strncmp(line + size, "\r\n", 2), 0);
        line += size + 2;
    }
}

TEST(the_request)
{
    TALK talking = TALK_OF("");
    websock_config_t config = config_at(0, "/chat?room=1");
    char host[64];
    const char* request = request_of(&talking, &config);
    check_form(request, "GET /chat?room=1 HTTP/1.1");
    snprintf(host, sizeof host, "127.0.0.1:%d", config.port);
    CHECK_STR(header(request, "Host"), host);
    CHECK_INT(strcasecmp(header(request, "Upgrade"), "websocket"), 0);
    CHECK_INT(strcasecmp(header(request, "Connection"), "Upgrade"), 0);
    CHECK_STR(header(request, "Sec-WebSocket-Version"), "13");
    CHECK_STR(header(request, "Sec-WebSocket-Protocol"), NULL);
    CHECK(HEARD_ONLY(&talking, GOODBYE));
}

/* RFC 6455 section 4.1, point 7 of the request: 16 bytes, new each time. */
TEST(a_fresh_key_each_time)
{
    enum { TIMES = 8 };
    char keys[TIMES][32];
    for (int i = 0; i < TIMES; i++) {
        TALK talking = TALK_OF("");
        websock_config_t config = config_at(0, "/");
        unsigned char nonce[32];
        snprintf(keys[i], sizeof keys[i], "%s",
                 header(request_of(&talking, &config), "Sec-WebSocket-Key"));
        CHECK_INT(strlen(keys[i]), 24);
        CHECK_STR(keys[i] + 22, "==");
        CHECK_INT(EVP_DecodeBlock(nonce, (unsigned char*)keys[i], 24), 18);
        for (int j = 0; j < i; j++) {
            CHECK(strcmp(keys[i], keys[j]) != 0);
        }
    }
}

TEST(paths)
{
    static const char* const paths[][2] = {
        { NULL, "/" }, { "", "/" }, { "/", "/" }, { "a", "/a" }, { "/a/b", "/a/b" },
        { "a/b?c=d&e=%20", "/a/b?c=d&e=%20" }, { "?q", "/?q" },
    };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        TALK talking = TALK_OF("");
        websock_config_t config = config_at(0, paths[i][0]);
        char first[64];
        snprintf(first, sizeof first, "GET %s HTTP/1.1", paths[i][1]);
        check_form(request_of(&talking, &config), first);
    }
}

TEST(the_port_is_in_the_host_unless_it_is_the_default)
{
    static const struct { int port; const char* host; } hosts[] = {
        { 80, "127.0.0.1" }, { 443, "127.0.0.1:443" },
    };
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        TALK talking = TALK_OF("");
        websock_config_t config = config_at(hosts[i].port, "/");
        CHECK_STR(header(request_of(&talking, &config), "Host"), hosts[i].host);
    }
}

TEST(a_host_by_name)
{
    TALK talking = TALK_OF("");
    websock_config_t config = config_at(0, "/");
    char host[64];
    config.hostname = (char*)"localhost";
    const char* request = request_of(&talking, &config);
    snprintf(host, sizeof host, "localhost:%d", config.port);
    CHECK_STR(header(request, "Host"), host);
}

TEST(a_host_by_ipv6_address)
{
    TALK talking = TALK_OF("");
    websock_config_t config = config_at(0, "/");
    char host[64];
    config.hostname = (char*)"::1";
    const char* request = request_for(&talking, &config, "::1");
    snprintf(host, sizeof host, "[::1]:%d", config.port);
    CHECK_STR(header(request, "Host"), host);
}

/* The caller's own headers. ----------------------------------------------------------- */

static void add_header(websock_config_t* config, const char* name, const char* value)
{
    config->hndshk_hdrs[config->num_hndshk_hdrs].name = (char*)(size_t)name;
    config->hndshk_hdrs[config->num_hndshk_hdrs].val = (char*)(size_t)value;
    config->num_hndshk_hdrs++;
}

TEST(headers_are_added)
{
    TALK talking = TALK_OF("");
    websock_config_t config = config_at(0, "/");
    add_header(&config, "Authorization", "Basic YTpi");
    add_header(&config, "X-Empty", "");
    add_header(&config, "Cookie", "a=b; c=\"d\"");
    add_header(&config, "X-Tab", "a\tb");
    add_header(&config, "User-Agent", "a test/1.0 (\xc3\xa4)");
    const char* request = request_of(&talking, &config);
    check_form(request, "GET / HTTP/1.1");
    CHECK_STR(header(request, "Authorization"), "Basic YTpi");
    CHECK_STR(header(request, "X-Empty"), "");
    CHECK_STR(header(request, "Cookie"), "a=b; c=\"d\"");
    CHECK_STR(header(request, "X-Tab"), "a\tb");
    CHECK_STR(header(request, "User-Agent"), "a test/1.0 (\xc3\xa4)");
}

TEST(ten_headers)
{
    static char names[10][8];
    TALK talking = TALK_OF("");
    websock_config_t config = config_at(0, "/");
    for (int i = 0; i < 10; i++) {
        snprintf(names[i], sizeof names[i], "X-%d", i);
        add_header(&config, names[i], names[9 - i]);
    }
    const char* request = request_of(&talking, &config);
    for (int i = 0; i < 10; i++) {
        char value[8];
        snprintf(value, sizeof value, "X-%d", 9 - i);
        CHECK_STR(header(request, names[i]), value);
    }
}

/* No connection is even tried. */
static void expect_refused(websock_config_t* config)
{
    TALK talking = TALK_OF("");
    RAW_SERVER* server = talk_start(&talking);
    config->port = raw_server_port(server);
    expect_no_open(config, "");
    CHECK_INT(raw_server_accepted(server), 0);
    raw_server_stop(server);
}

TEST(headers_that_are_refused)
{
    static const char* const headers[][2] = {
        /* They would inject a line. */
        { "X", "a\r\nEvil: 1" }, { "X", "a\nEvil: 1" }, { "X", "a\rEvil: 1" }, { "X", "a\r\n" },
        { "X\r\nEvil", "1" }, { "X: a\r\nEvil", "1" },
        /* They would replace, or be beside, an implicit one. */
        { "Host", "a" }, { "host", "a" }, { "Upgrade", "h2c" }, { "Connection", "close" },
        { "Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==" }, { "SEC-WEBSOCKET-VERSION", "8" },
        { "Sec-WebSocket-Extensions", "permessage-deflate" }, { "Sec-WebSocket-Accept", "x" },
        { "Content-Length", "5" }, { "Transfer-Encoding", "chunked" },
        /* They are no names, or no values: RFC 7230 section 3.2. */
        { "", "a" }, { NULL, "a" }, { "X", NULL }, { "X Y", "a" }, { "X:", "a" }, { " X", "a" },
        { "X\t", "a" }, { "X(", "a" }, { "X\xc3\xa4", "a" }, { "X", "a\x01" }, { "X", "a\x7f" },
        { "X", "a\x1b[0m" },
    };
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        websock_config_t config = config_at(0, "/");
        add_header(&config, "X-Good", "good");
        add_header(&config, headers[i][0], headers[i][1]);
        expect_refused(&config);
    }
}

TEST(numbers_of_headers_that_are_refused)
{
    static const int numbers[] = { -1, 11, 1 << 30, -(1 << 30) };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        websock_config_t config = config_at(0, "/");
        for (int j = 0; j < 10; j++) {
            add_header(&config, "X-Good", "good");
        }
        config.num_hndshk_hdrs = numbers[i];
        expect_refused(&config);
    }
}

/* All of it is asked, or nothing is opened: a part would be another request. */
TEST(headers_of_any_size_are_whole_or_refused)
{
    bool refused = false;
    for (size_t size = 64; size <= 1 << 20; size += size / 4) {
        TALK talking = TALK_OF("");
        RAW_SERVER* server = talk_start(&talking);
        websock_config_t config = config_at(raw_server_port(server), "/");
        char* value = malloc(size + 1);
        memset(value, 'v', size);
        value[size] = '\0';
        add_header(&config, "X-Large", value);
        add_header(&config, "X-Last", "last");
        log_keep();
        log_forget();
        config.time_out = 5000 * slowness();
        websock_handle_t handle = websock_open(&config);
        CHECK(handle == NULL || !refused);
        if (handle != NULL) {
            websock_close(handle);
        } else {
            refused = true;
            CHECK_INT(log_count(), 1);
        }
        raw_server_stop(server);
        if (handle != NULL) {
            const char* found = strstr(talking.peer.request, value);
            CHECK(found != NULL);
            CHECK_INT(strncmp(found + size, "\r\n", 2), 0);
            CHECK_STR(header(talking.peer.request, "X-Last"), "last");
        }
        free(value);
    }
}

TEST(a_subprotocol)
{
    static const struct { const char* asked; const char* answered; bool opens; } cases[] = {
        { "chat", "chat", true }, { "chat", NULL, true }, { "a, b", "b", true },
        { "chat", "other", false }, { "a, b", "c", false }, { NULL, "chat", false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        TALK talking = TALK_OF("");
        talking.protocol = cases[i].answered;
        RAW_SERVER* server = talk_start(&talking);
        websock_config_t config = config_at(raw_server_port(server), "/");
        if (cases[i].asked != NULL) {
            add_header(&config, "Sec-WebSocket-Protocol", cases[i].asked);
        }
        if (cases[i].opens) {
            websock_close(open_with(&config));
        } else {
            expect_no_open(&config, "");
        }
        raw_server_stop(server);
        const char* asked = header(talking.peer.request, "Sec-WebSocket-Protocol");
        CHECK_INT(asked != NULL, cases[i].asked != NULL);
        if (asked != NULL) {
            const char* expected = cases[i].asked;
            for (; *asked != '\0'; asked++) { /* whatever spaces are between them */
                expected += strspn(expected, " ");
                CHECK(*asked == ' ' || *asked == *expected++);
            }
            CHECK_STR(expected, "");
        }
    }
}

/* What is refused. -------------------------------------------------------------------- */

TEST(a_bad_configuration)
{
    static const char* const hosts[] = { NULL, "", "a b", "a\r\nb", "a/b", "[::1", "http://a" };
    static const char* const paths[] = { "a b", "/a\r\nX: y", "/\x01", "/\x7f",
                                         "ws://127.0.0.1/", "wss://127.0.0.1/" };
    static const int ports[] = { 0, -1, 65536, 1 << 30 };
    expect_no_open(NULL, "");
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        websock_config_t config = config_at(1, "/");
        config.hostname = (char*)(size_t)hosts[i];
        expect_no_open(&config, "");
    }
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        websock_config_t config = config_at(0, paths[i]);
        expect_refused(&config);
    }
    for (size_t i = 0; i < sizeof ports / sizeof *ports; i++) {
        websock_config_t config = config_at(ports[i], "/");
        expect_no_open(&config, "");
    }
    websock_config_t config = config_at(0, "/");
    config.time_out = -1;
    expect_refused(&config);
}

TEST(a_path_that_is_too_long)
{
    bool refused = false;
    for (size_t size = 512; size <= 1 << 20; size += size / 2) {
        char* path = malloc(size + 2);
        TALK talking = TALK_OF("");
        RAW_SERVER* server = talk_start(&talking);
        memset(path, 'p', size + 1);
        path[0] = '/';
        path[size + 1] = '\0';
        websock_config_t config = config_at(raw_server_port(server), path);
        log_keep();
        log_forget();
        websock_handle_t handle = websock_open(&config);
        CHECK(handle == NULL || !refused);
        refused = handle == NULL;
        CHECK_INT(log_count(), refused);
        websock_close(handle);
        raw_server_stop(server);
        if (!refused) {
            const char* asked = strstr(talking.peer.request, path);
            CHECK(asked != NULL);
            CHECK_INT(strncmp(asked + size + 1, " HTTP/1.1\r\n", 11), 0);
        }
        free(path);
    }
    CHECK(refused);
}

/* Nobody is there. -------------------------------------------------------------------- */

TEST(nobody_listens)
{
    TALK talking = TALK_OF("");
    RAW_SERVER* server = talk_start(&talking);
    websock_config_t config = config_at(raw_server_port(server), "/");
    raw_server_stop(server);
    long long start = clock_ms();
    expect_no_open(&config, "");
    CHECK(clock_ms() - start < 5LL * soon_ms());
}

TEST(a_name_that_does_not_exist)
{
    websock_config_t config = config_at(80, "/");
    config.hostname = (char*)"nowhere.invalid";
    expect_no_open(&config, "nowhere.invalid");
}

static void say_nothing(RAW_PEER* peer, void* context)
{
    (void)context;
    raw_drain(peer);
}

static void expect_time_out(websock_config_t* config, int ms)
{
    config->time_out = ms;
    long long start = clock_ms();
    expect_no_open(config, "time");
    long long passed = clock_ms() - start;
    CHECK(passed >= (ms > 0 ? ms : 20000) - 10);
    CHECK(passed < (ms > 0 ? ms : 20000) + soon_ms());
}

TEST(a_server_that_does_not_answer)
{
    RAW_SERVER* server = raw_server_start("127.0.0.1", say_nothing, NULL);
    websock_config_t config = config_at(raw_server_port(server), "/");
    unsigned files = 0;
    for (int i = 0; i < 3; i++) {
        expect_time_out(&config, 100 + 200 * i);
        WAIT_UNTIL(raw_server_served(server) == (unsigned)i + 1);
        CHECK(i == 0 || open_files() == files);
        files = open_files();
    }
    raw_server_stop(server);
}

static void say_a_little(RAW_PEER* peer, void* context)
{
    (void)context;
    if (raw_read_request(peer) && raw_say(peer, "HTTP/1.1 101 Switching Protocols\r\nX: ")) {
        while (raw_say(peer, "x")) {
            a_moment();
        }
    }
}

/* A byte now and then does not make it last longer. */
TEST(a_server_that_answers_for_ever)
{
    RAW_SERVER* server = raw_server_start("127.0.0.1", say_a_little, NULL);
    websock_config_t config = config_at(raw_server_port(server), "/");
    expect_time_out(&config, 300);
    raw_server_stop(server);
}

/* Its queue of callers is full: not even a connection comes about. */
TEST(a_server_that_accepts_nobody)
{
    enum { CALLERS = 16 };
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t size = sizeof address;
    int callers[CALLERS];
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK_INT(bind(listener, (struct sockaddr*)&address, size), 0);
    CHECK_INT(listen(listener, 0), 0);
    CHECK_INT(getsockname(listener, (struct sockaddr*)&address, &size), 0);
    for (int i = 0; i < CALLERS; i++) {
        callers[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)connect(callers[i], (struct sockaddr*)&address, sizeof address);
    }
    websock_config_t config = config_at(ntohs(address.sin_port), "/");
    expect_time_out(&config, 300);
    for (int i = 0; i < CALLERS; i++) {
        close(callers[i]);
    }
    close(listener);
}

/* Others can do their work while one waits. */
static void* open_in_vain(void* config)
{
    CHECK_PTR(websock_open(config), NULL);
    return NULL;
}

TEST(one_that_waits_does_not_hold_up_others)
{
    TALK talking = TALK_OF("\x81\x02hi");
    RAW_SERVER* mute = raw_server_start("127.0.0.1", say_nothing, NULL);
    RAW_SERVER* server = talk_start(&talking);
    websock_config_t config = config_at(raw_server_port(mute), "/");
    pthread_t thread;
    config.time_out = 2000 * slowness();
    CHECK_INT(pthread_create(&thread, NULL, open_in_vain, &config), 0);
    WAIT_UNTIL(raw_server_accepted(mute) == 1);
    websock_handle_t handle = open_at(raw_server_port(server));
    EXPECT_FRAME(handle, 1, 1, "hi");
    websock_close(handle);
    CHECK_INT(raw_server_served(mute), 0);
    pthread_join(thread, NULL);
    raw_server_stop(server);
    raw_server_stop(mute);
}

/* The log. ---------------------------------------------------------------------------- */

TEST(without_a_log_handler_it_is_silent)
{
    int output = memfd_create("output", MFD_CLOEXEC);
    int before = dup(STDERR_FILENO);
    websock_config_t config = config_at(1, "/");
    char text[1024] = "";
    fflush(NULL);
    CHECK(dup2(output, STDERR_FILENO) >= 0);
    websock_handle_t handles[3];
    handles[0] = websock_open(&config);
    websock_set_log_handler(NULL, NULL);
    handles[1] = websock_open(&config);
    handles[2] = websock_open(NULL);
    fflush(NULL);
    CHECK(dup2(before, STDERR_FILENO) >= 0);
    CHECK(pread(output, text, sizeof text - 1, 0) >= 0);
    CHECK_STR(text, "");
    for (int i = 0; i < 3; i++) {
        CHECK_PTR(handles[i], NULL);
    }
    close(before);
    close(output);
}

TEST(the_log_handler_can_be_taken_away)
{
    websock_config_t config = config_at(1, "/");
    expect_no_open(&config, "");
    log_forget();
    websock_set_log_handler(NULL, NULL);
    CHECK_PTR(websock_open(&config), NULL);
    CHECK_INT(log_count(), 0);
    expect_no_open(&config, "");
}

/* Nothing of the caller's configuration is used after the call, or changed by it. */
TEST(the_configuration_may_go)
{
    TALK talking = TALK_OF("");
    RAW_SERVER* server = talk_start(&talking);
    char* host = strdup("127.0.0.1");
    char* path = strdup("/a");
    char* name = strdup("X-A");
    char* value = strdup("b");
    websock_config_t* config = malloc(sizeof *config);
    websock_config_t copy;
    *config = config_at(raw_server_port(server), path);
    config->hostname = host;
    add_header(config, name, value);
    memcpy(&copy, config, sizeof copy);
    websock_handle_t handle = open_with(config);
    CHECK_MEM(config, &copy, sizeof copy);
    CHECK_STR(host, "127.0.0.1");
    CHECK_STR(path, "/a");
    CHECK_STR(name, "X-A");
    CHECK_STR(value, "b");
    free(host);
    free(path);
    free(name);
    free(value);
    memset(config, 0xff, sizeof *config);
    free(config);
    CHECK_INT(websock_send_text(handle, (char*)"hi", 2), 0);
    websock_close(handle);
    raw_server_stop(server);
    CHECK(HEARD_ONLY(&talking, "\x81\x02hi" GOODBYE));
}

/* The layout that programs were compiled against (x86-64 and other LP64). */
TEST(the_layout)
{
    CHECK_INT(sizeof(void*), 8);
    CHECK_INT(sizeof(ssl_wrap_cert_t), 24);
    CHECK_INT(sizeof(ssl_wrap_cfg_t), 88);
    CHECK_INT(offsetof(ssl_wrap_cfg_t, client_cert), 24);
    CHECK_INT(offsetof(ssl_wrap_cfg_t, client_key), 48);
    CHECK_INT(offsetof(ssl_wrap_cfg_t, auth_mode), 72);
    CHECK_INT(offsetof(ssl_wrap_cfg_t, max_frag_len), 76);
    CHECK_INT(offsetof(ssl_wrap_cfg_t, p_data), 80);
    CHECK_INT(offsetof(websock_config_t, hostname), 0);
    CHECK_INT(offsetof(websock_config_t, port), 8);
    CHECK_INT(offsetof(websock_config_t, uri), 16);
    CHECK_INT(offsetof(websock_config_t, secured), 24);
    CHECK_INT(offsetof(websock_config_t, ssl_config), 32);
    CHECK_INT(offsetof(websock_config_t, time_out), 120);
    CHECK_INT(offsetof(websock_config_t, hndshk_hdrs), 128);
    CHECK_INT(offsetof(websock_config_t, num_hndshk_hdrs), 288);
    CHECK_INT(sizeof(websock_config_t), 296);
    CHECK_INT(sizeof(websock_msg_hdr_t), 16);
    CHECK_INT(offsetof(websock_msg_hdr_t, opcode), 4);
    CHECK_INT(offsetof(websock_msg_hdr_t, payload_len), 8);
    CHECK_INT(SSL_WRAP_VERIFY_NONE, 0);
    CHECK_INT(SSL_WRAP_VERIFY_OPTIONAL, 1);
    CHECK_INT(SSL_WRAP_VERIFY_REQUIRED, 2);
}
