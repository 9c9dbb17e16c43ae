/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Opens that fail. Each is answered once, says why in one line of the log, and
 * leaves a handle that can be opened. SRS_WSIO_01_033, SRS_WSIO_01_037,
 * SRS_WSIO_01_069 */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "raw_server.h"
#include "servers.h"

/* Opens in vain, twice. */
static void expect_refusals(SESSION* session)
{
    for (int i = 0; i < 2; i++) {
        log_forget();
        session_fail_to_open(session);
        if (log_count() != 1) {
            log_show();
        }
        CHECK_INT(log_count(), 1);
        CHECK(session_send(session, "x", 1) != 0);
        CHECK(session_close(session) != 0); /* it is closed: SRS_WSIO_01_045 */
    }
    session_check_balance(session);
}

static void expect_open_error(SESSION* session)
{
    unsigned before = session->opened[IO_OPEN_ERROR];
    expect_refusals(session);
    CHECK_INT(session->opened[IO_OPEN_ERROR], before + 2);
}

TEST_WS_AND_WSS(connection_refused)
{
    /* Bound, so that nobody else listens there, but not listening. */
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    SESSION session;
    int holder = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_INT(bind(holder, (struct sockaddr*)&address, size), 0);
    CHECK_INT(getsockname(holder, (struct sockaddr*)&address, &size), 0);
    WSIO_CONFIG config = config_for("127.0.0.1", ntohs(address.sin_port), "/",
                                    tls ? test_ca() : NULL);
    session_create(&session, &config);
    expect_refusals(&session);
    session_destroy(&session);
    close(holder);
}

TEST_WS_AND_WSS(unknown_host)
{
    SESSION session;
    WSIO_CONFIG config = config_for("nonexistent.invalid", 80, "/", tls ? test_ca() : NULL);
    session_create(&session, &config);
    expect_refusals(&session);
    session_destroy(&session);
}

/* What a raw server says to the first two requests; the third is accepted. */
typedef struct REFUSER_TAG {
    const char* answer; /* @ stands for the right Sec-WebSocket-Accept */
    const char* protocol; /* of the connection that is accepted */
    unsigned requests;
} REFUSER;

static void answer_request(RAW_PEER* peer, const char* answer)
{
    char accept[32];
    const char* mark = strchr(answer, '@');
    if (!raw_read_request(peer)) {
        return;
    }
    raw_accept_key(peer, accept);
    if (mark == NULL) {
        raw_say(peer, answer);
    } else {
        raw_write(peer, answer, (size_t)(mark - answer));
        raw_say(peer, accept);
        raw_say(peer, mark + 1);
    }
}

static void refuse_twice(RAW_PEER* peer, void* context)
{
    REFUSER* refuser = context;
    if (refuser->requests++ < 2) {
        answer_request(peer, refuser->answer);
        shutdown(peer->fd, SHUT_WR);
    } else {
        raw_handshake(peer, refuser->protocol);
    }
    raw_drain(peer);
}

static void expect_refused_with(const char* answer, const char* protocol)
{
    REFUSER refuser = { answer, protocol, 0 };
    SESSION session;
    RAW_SERVER* server = raw_server_start("127.0.0.1", refuse_twice, &refuser);
    WSIO_CONFIG config = config_for("127.0.0.1", raw_server_port(server), "/", NULL);
    config.protocol_name = protocol != NULL ? protocol : "";
    session_create(&session, &config);
    expect_open_error(&session);
    session_connect(&session);
    CHECK_INT(session_close(&session), 0);
    session_destroy(&session);
    session_check_balance(&session);
    raw_server_stop(server);
    CHECK_INT(refuser.requests, 3);
}

#define NO_BODY "Content-Length: 0\r\n\r\n"
#define SWITCHING "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
#define RIGHT_ANSWER SWITCHING "Connection: Upgrade\r\nSec-WebSocket-Accept: @\r\n"

TEST(refused_with_200)
{
    expect_refused_with("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", NULL);
}

TEST(refused_with_401)
{
    expect_refused_with("HTTP/1.1 401 Unauthorized\r\n"
                        "WWW-Authenticate: Basic realm=\"x\"\r\n" NO_BODY, NULL);
}

TEST(refused_with_403)
{
    expect_refused_with("HTTP/1.1 403 Forbidden\r\n" NO_BODY, NULL);
}

TEST(refused_with_404)
{
    expect_refused_with("HTTP/1.1 404 Not Found\r\n" NO_BODY, NULL);
}

TEST(refused_with_503)
{
    expect_refused_with("HTTP/1.1 503 Service Unavailable\r\n" NO_BODY, NULL);
}

TEST(answer_that_is_not_http)
{
    expect_refused_with("SSH-2.0-OpenSSH_9.2\r\n\r\n", NULL);
}

TEST(no_answer_but_the_end)
{
    expect_refused_with("", NULL);
}

TEST(half_an_answer)
{
    expect_refused_with("HTTP/1.1 101 Switching Proto", NULL);
}

TEST(wrong_accept)
{
    expect_refused_with(SWITCHING "Connection: Upgrade\r\n"
                        "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n", NULL);
}

TEST(no_accept)
{
    expect_refused_with(SWITCHING "Connection: Upgrade\r\n\r\n", NULL);
}

TEST(wrong_upgrade)
{
    expect_refused_with("HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n"
                        "Connection: Upgrade\r\nSec-WebSocket-Accept: @\r\n\r\n", NULL);
}

TEST(wrong_subprotocol)
{
    expect_refused_with(RIGHT_ANSWER "Sec-WebSocket-Protocol: soap\r\n\r\n", "mqtt");
}

TEST(subprotocol_that_begins_like_ours)
{
    expect_refused_with(RIGHT_ANSWER "Sec-WebSocket-Protocol: mqtts\r\n\r\n", "mqtt");
}

TEST(subprotocol_that_ours_begins_like)
{
    expect_refused_with(RIGHT_ANSWER "Sec-WebSocket-Protocol: mq\r\n\r\n", "mqtt");
}

/* RFC 6455 section 4.1, point 6. */
TEST(subprotocol_that_was_not_asked_for)
{
    expect_refused_with(RIGHT_ANSWER "Sec-WebSocket-Protocol: soap\r\n\r\n", NULL);
}

/* RFC 6455 section 4.1, point 5. */
TEST(extension_that_was_not_asked_for)
{
    expect_refused_with(RIGHT_ANSWER "Sec-WebSocket-Extensions: x-unknown\r\n\r\n", NULL);
}

static void reset_at_once(RAW_PEER* peer, void* context)
{
    (void)context;
    raw_read_request(peer);
    raw_reset(peer);
}

TEST(reset_before_the_answer)
{
    SESSION session;
    RAW_SERVER* server = raw_server_start("127.0.0.1", reset_at_once, NULL);
    WSIO_CONFIG config = config_for("127.0.0.1", raw_server_port(server), "/", NULL);
    session_create(&session, &config);
    expect_open_error(&session);
    session_destroy(&session);
    raw_server_stop(server);
}

static void accept_any(RAW_PEER* peer, void* context)
{
    const char* protocol = context;
    raw_handshake(peer, protocol);
    raw_drain(peer);
}

/* A redirect is not followed, wherever it leads. */
static void expect_no_redirect(const char* status)
{
    char answer[256];
    RAW_SERVER* target = raw_server_start("127.0.0.1", accept_any, NULL);
    snprintf(answer, sizeof answer,
             "HTTP/1.1 %s\r\nLocation: http://127.0.0.1:%d/\r\nContent-Length: 0\r\n\r\n", status,
             raw_server_port(target));
    expect_refused_with(answer, NULL);
    CHECK_INT(raw_server_accepted(target), 0);
    raw_server_stop(target);
}

TEST(redirect_301_is_not_followed) { expect_no_redirect("301 Moved Permanently"); }
TEST(redirect_302_is_not_followed) { expect_no_redirect("302 Found"); }
TEST(redirect_307_is_not_followed) { expect_no_redirect("307 Temporary Redirect"); }
TEST(redirect_308_is_not_followed) { expect_no_redirect("308 Permanent Redirect"); }

/* RFC 6455 section 4.1 leaves a missing subprotocol to the client: accepted. */
TEST(no_subprotocol_in_the_answer_is_accepted)
{
    SESSION session;
    RAW_SERVER* server = raw_server_start("127.0.0.1", accept_any, NULL);
    WSIO_CONFIG config = config_for("127.0.0.1", raw_server_port(server), "/", NULL);
    config.protocol_name = "mqtt";
    session_start(&session, &config);
    session_destroy(&session);
    raw_server_stop(server);
}

TEST(the_right_subprotocol_is_accepted)
{
    static char protocol[] = "mqtt";
    SESSION session;
    RAW_SERVER* server = raw_server_start("127.0.0.1", accept_any, protocol);
    WSIO_CONFIG config = config_for("127.0.0.1", raw_server_port(server), "/", NULL);
    config.protocol_name = "mqtt";
    session_start(&session, &config);
    session_destroy(&session);
    raw_server_stop(server);
}

/* The wrong kind of server behind the port. */
TEST(tls_asked_of_a_plain_server)
{
    ECHO echo;
    SESSION session;
    echo_start(&echo, false);
    WSIO_CONFIG config = config_for("127.0.0.1", echo.port, "/echo", test_ca());
    session_create(&session, &config);
    expect_open_error(&session);
    session_destroy(&session);
}

TEST(plain_asked_of_a_tls_server)
{
    ECHO echo;
    SESSION session;
    echo_start(&echo, true);
    WSIO_CONFIG config = config_for("127.0.0.1", echo.port, "/echo", NULL);
    session_create(&session, &config);
    expect_open_error(&session);
    session_destroy(&session);
}

TEST_WS_AND_WSS(path_refused_by_the_server)
{
    ECHO echo;
    SESSION session;
    echo_start(&echo, tls);
    WSIO_CONFIG config = echo_config(&echo, "/no-such-path");
    session_create(&session, &config);
    expect_open_error(&session);
    session_destroy(&session);
}
