/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* wsio_open, and what ends an open. */
#include <signal.h>

#include "rig.h"

/* What lws is told -------------------------------------------------------- */

/* SRS_WSIO_01_010, SRS_WSIO_01_023, SRS_WSIO_01_104 */
TEST(creates_a_context_and_connects)
{
    create_io(NULL);
    forget_journal();
    CHECK_INT(open_io("io"), 0);
    CHECK_JOURNAL(IN_LWS | IN_SSL | TO_USER, "lws_create_context", "lws_set_proxy",
        "lws_client_connect_via_info");
    finish();
}

/* SRS_WSIO_01_011, SRS_WSIO_01_092, SRS_WSIO_01_093, SRS_WSIO_01_094,
 * SRS_WSIO_01_095, SRS_WSIO_01_096, SRS_WSIO_01_097 */
static void check_context_info(void)
{
    const struct lws_context_creation_info* info = &newest_context()->info;
    CHECK_INT(info->port, CONTEXT_PORT_NO_LISTEN);
    CHECK_INT((int)info->gid, -1);
    CHECK_INT((int)info->uid, -1);
    CHECK_PTR(info->iface, NULL);
    CHECK_PTR(info->token_limits, NULL);
    CHECK_PTR(info->ssl_cert_filepath, NULL);
    CHECK_PTR(info->ssl_private_key_filepath, NULL);
    CHECK_PTR(info->ssl_private_key_password, NULL);
    CHECK_PTR(info->ssl_ca_filepath, NULL);
    CHECK_PTR(info->ssl_cipher_list, NULL);
    CHECK_PTR(info->provided_client_ssl_ctx, NULL);
    CHECK_PTR(info->http_proxy_address, NULL);
    CHECK_INT(info->options, 0);
    CHECK(info->user != NULL);
    CHECK_INT(info->ka_time, 0);
    /* No TLS file of any other name, no listener, no extra anything. */
    CHECK_PTR(info->client_ssl_ca_filepath, NULL);
    CHECK_PTR(info->client_ssl_cert_filepath, NULL);
    CHECK_PTR(info->client_ssl_private_key_filepath, NULL);
    CHECK_PTR(info->mounts, NULL);
    CHECK_PTR(info->headers, NULL);
    CHECK_PTR(info->pvo, NULL);
}

/* SRS_WSIO_01_011, SRS_WSIO_01_092, SRS_WSIO_01_093, SRS_WSIO_01_094,
 * SRS_WSIO_01_095, SRS_WSIO_01_096, SRS_WSIO_01_097 */
TEST(the_context_of_a_plain_connection)
{
    start_opening(NULL);
    check_context_info();
    finish();
}

/* TLS is attached later: the context is the same.
 * SRS_WSIO_01_093, SRS_WSIO_01_095 */
TEST(the_context_of_a_tls_connection)
{
    WSIO_CONFIG config = tls_config(PEM("ca"));
    start_opening(&config);
    check_context_info();
    finish();
}

/* SRS_WSIO_01_091 */
TEST(the_extensions_are_those_that_were_built_in)
{
    const struct lws_extension* extensions;
    start_opening(NULL);
    extensions = newest_context()->info.extensions;
#ifdef WSIO_PERMESSAGE_DEFLATE
    CHECK(extensions != NULL);
    CHECK_STR(extensions[0].name, "permessage-deflate");
    CHECK(extensions[0].callback == lws_extension_callback_pm_deflate);
    CHECK_PTR(extensions[1].name, NULL);
#else
    CHECK_PTR(extensions, NULL);
#endif
    finish();
}

/* lws pings after 300 s of silence and hangs up at 310, unless told otherwise.
 * SRS_WSIO_01_097 */
TEST(there_is_no_keep_alive)
{
    static const lws_retry_bo_t never;
    start_opening(NULL);
    CHECK(newest_context()->info.retry_and_idle_policy != NULL);
    CHECK_MEM(&newest_context()->idle_policy, &never, sizeof(never));
    CHECK(newest_context()->connect.retry_and_idle_policy != NULL);
    CHECK_MEM(&newest_context()->connect_idle_policy, &never, sizeof(never));
    finish();
}

/* By default lws sets memory aside for each descriptor that the process may
 * have, and refuses answers with headers of 4 KiB. */
TEST(a_context_is_small_but_has_room_for_headers)
{
    start_opening(NULL);
    CHECK(newest_context()->info.fd_limit_per_thread >= 4);
    CHECK(newest_context()->info.fd_limit_per_thread <= 64);
    CHECK(newest_context()->info.max_http_header_data >= 8192);
    finish();
}

/* SRS_WSIO_01_012, SRS_WSIO_01_013, SRS_WSIO_01_014, SRS_WSIO_01_015,
 * SRS_WSIO_01_016, SRS_WSIO_01_017, SRS_WSIO_01_019 */
TEST(there_is_one_protocol_and_the_empty_one)
{
    const struct lws_protocols* protocols;
    start_opening(NULL);
    protocols = newest_context()->protocols;
    CHECK(protocols[0].callback != NULL);
    CHECK_INT(protocols[0].id, 0);
    CHECK_STR(newest_context()->protocol_name, "mqtt");
    CHECK_INT(protocols[0].per_session_data_size, 0);
    CHECK_INT(protocols[0].rx_buffer_size, 0);
    CHECK_PTR(protocols[0].user, NULL);

    CHECK(protocols[1].callback == NULL);
    CHECK_INT(protocols[1].id, 0);
    CHECK_PTR(protocols[1].name, NULL);
    CHECK_INT(protocols[1].per_session_data_size, 0);
    CHECK_INT(protocols[1].rx_buffer_size, 0);
    CHECK_PTR(protocols[1].user, NULL);
    CHECK_INT(protocols[1].tx_packet_size, 0);
    finish();
}

/* lws is given a user context, finds it again, and the library its IO by it.
 * SRS_WSIO_01_013, SRS_WSIO_01_096 */
TEST(each_context_reports_to_its_own_io)
{
    CONCRETE_IO_HANDLE first;
    CONCRETE_IO_HANDLE second;
    start_opening(NULL);
    first = io;
    create_io(NULL);
    second = io;
    CHECK_INT(open_io("second"), 0);
    forget_journal();
    report(LWS_CALLBACK_CLIENT_ESTABLISHED, NULL, 0);
    CHECK_JOURNAL(TO_USER, "second opened OK");
    io = first;
    report(LWS_CALLBACK_CLIENT_ESTABLISHED, NULL, 0);
    CHECK_JOURNAL(TO_USER, "io opened OK");
    io = second;
    report(LWS_CALLBACK_CLIENT_RECEIVE, "a", 1);
    CHECK_JOURNAL(TO_USER, "second received a");
    wsio_destroy(first);
    CHECK(fake_context(1)->info.user != fake_context(2)->info.user);
    finish();
}

/* SRS_WSIO_01_024, SRS_WSIO_01_025, SRS_WSIO_01_026, SRS_WSIO_01_028,
 * SRS_WSIO_01_030, SRS_WSIO_01_031, SRS_WSIO_01_032, SRS_WSIO_01_103 */
TEST(connects_with_what_was_configured)
{
    FAKE_CONTEXT* context;
    start_opening(NULL);
    context = newest_context();
    CHECK_PTR(context->connect.context, context->handle);
    CHECK_STR(context->address, "example.org");
    CHECK_INT(context->connect.port, 8080);
    CHECK_INT(context->connect.ssl_connection, LCCSCF_HTTP_NO_FOLLOW_REDIRECT);
    CHECK_STR(context->path, "/path");
    CHECK_STR(context->origin, "example.org");
    CHECK_STR(context->protocol, "mqtt");
    CHECK_INT(context->connect.ietf_version_or_minus_one, -1);
    /* A WebSocket over HTTP/1.1, and nothing else. */
    CHECK_PTR(context->connect.method, NULL);
    CHECK_STR(context->alpn, "http/1.1");
    CHECK_PTR(context->connect.parent_wsi, NULL);
    CHECK(context->connect.pwsi != NULL);
    finish();
}

/* Exactly these flags: none of those that weaken the verification.
 * SRS_WSIO_01_027 */
TEST(connects_with_tls)
{
    WSIO_CONFIG config = tls_config(NULL);
    start_opening(&config);
    CHECK_INT(newest_context()->connect.ssl_connection,
        LCCSCF_USE_SSL | LCCSCF_HTTP_NO_FOLLOW_REDIRECT);
    finish();
}

/* Any non-zero byte is true in C; the library reads it as one.
 * SRS_WSIO_01_027 */
TEST(any_true_is_true)
{
    WSIO_CONFIG config = plain_config();
    memset(&config.use_ssl, 0x80, 1);
    io = wsio_create(&config, recording_log);
    CHECK(io != NULL);
    CHECK_INT(open_io("io"), 0);
    CHECK_INT(newest_context()->connect.ssl_connection,
        LCCSCF_USE_SSL | LCCSCF_HTTP_NO_FOLLOW_REDIRECT);
    finish();
}

static void check_headers(const char* host, int port, bool use_ssl, const char* host_header,
    const char* origin)
{
    WSIO_CONFIG config = plain_config();
    config.host = host;
    config.port = port;
    config.use_ssl = use_ssl;
    create_io(&config);
    CHECK_INT(open_io("io"), 0);
    CHECK_STR(newest_context()->address, host);
    CHECK_STR(newest_context()->host, host_header);
    CHECK_STR(newest_context()->origin, origin);
    destroy_io();
}

/* The port belongs in the header unless it is the scheme's (RFC 6455 4.1), an
 * IPv6 address in brackets. SRS_WSIO_01_025, SRS_WSIO_01_029, SRS_WSIO_01_030 */
TEST(the_host_header_is_valid)
{
    check_headers("example.org", 80, false, "example.org", "example.org");
    check_headers("example.org", 443, true, "example.org", "example.org");
    check_headers("example.org", 443, false, "example.org:443", "example.org");
    check_headers("example.org", 80, true, "example.org:80", "example.org");
    check_headers("example.org", 65535, false, "example.org:65535", "example.org");
    check_headers("192.0.2.1", 8080, false, "192.0.2.1:8080", "192.0.2.1");
    check_headers("::1", 80, false, "[::1]", "[::1]");
    check_headers("::1", 8080, false, "[::1]:8080", "[::1]");
    check_headers("2001:db8::1", 443, true, "[2001:db8::1]", "[2001:db8::1]");
    finish();
}

static void check_path(const char* given, const char* sent)
{
    WSIO_CONFIG config = plain_config();
    config.relative_path = given;
    create_io(&config);
    CHECK_INT(open_io("io"), 0);
    CHECK_STR(newest_context()->path, sent);
    destroy_io();
}

/* SRS_WSIO_01_028 */
TEST(the_path_begins_with_a_slash)
{
    check_path("/", "/");
    check_path("", "/");
    check_path("a/b", "/a/b");
    check_path("/a/b?c=d", "/a/b?c=d");
    check_path("?c=d", "/?c=d");
    check_path("//a", "//a");
    finish();
}

/* lws takes a proxy from the environment when none is given: it is told
 * "0:0". SRS_WSIO_01_094 */
TEST(there_is_no_proxy)
{
    setenv("http_proxy", "proxy.example:3128", 1);
    start_opening(NULL);
    CHECK_STR(newest_context()->proxy, "0:0");
    finish();
}

/* SRS_WSIO_01_010 */
TEST(each_open_makes_a_new_context)
{
    start(NULL);
    for (unsigned i = 2; i < 20; i++)
    {
        CHECK_INT(close_io("close"), 0);
        CHECK_INT(open_io("again"), 0);
        CHECK_INT(contexts_made(), i);
        CHECK_INT(contexts_alive(), 1);
        report(LWS_CALLBACK_CLIENT_ESTABLISHED, NULL, 0);
        CHECK_INT(send_text("a"), 0);
        write_all();
    }
    finish();
}

/* Failures ----------------------------------------------------------------- */

/* wsio_open must fail, call nothing back, leave nothing behind, say why in one
 * line, and must not spoil the next open. */
static void check_open_fails(const char* why)
{
    forget_log();
    forget_journal();
    CHECK(open_io("failing") != 0);
    CHECK_JOURNAL_EMPTY(TO_USER);
    CHECK_INT(contexts_alive(), 0);
    CHECK_INT(log_count(), 1);
    if (!log_has(why))
    {
        CHECK_STR(log_line(0), why);
    }
    fail_none();
    /* It is not open. */
    CHECK(send_text("refused") != 0);
    CHECK(close_io("refused") != 0);
    forget_journal();
    CHECK_INT(open_io("again"), 0);
    report(LWS_CALLBACK_CLIENT_ESTABLISHED, NULL, 0);
    CHECK_JOURNAL(TO_USER, "again opened OK");
}

TEST(refuses_null)
{
    CHECK(open_io("io") != 0);
    CHECK_INT(calls_made(), 0);
}

/* SRS_WSIO_01_022 */
TEST(fails_when_the_context_fails)
{
    create_io(NULL);
    fail_nth(CALL_lws_create_context, 1);
    check_open_fails("lws_create_context");
    finish();
}

/* SRS_WSIO_01_033 */
TEST(fails_when_connecting_fails)
{
    create_io(NULL);
    fail_nth(CALL_lws_client_connect_via_info, 1);
    check_open_fails("lws_client_connect_via_info");
    finish();
}

TEST(fails_without_a_vhost)
{
    create_io(NULL);
    fail_nth(CALL_lws_get_vhost_by_name, 1);
    check_open_fails("vhost");
    finish();
}

/* Otherwise it could go through a proxy of the environment. SRS_WSIO_01_094 */
TEST(fails_when_the_proxy_cannot_be_taken_away)
{
    create_io(NULL);
    fail_nth(CALL_lws_set_proxy, 1);
    check_open_fails("lws_set_proxy");
    finish();
}

TEST(fails_when_tls_cannot_be_attached)
{
    WSIO_CONFIG config = tls_config(NULL);
    create_io(&config);
    fail_nth(CALL_lws_init_vhost_client_ssl, 1);
    check_open_fails("lws_init_vhost_client_ssl");
    finish();
}

TEST(fails_when_there_is_no_ssl_ctx)
{
    WSIO_CONFIG config = tls_config(NULL);
    create_io(&config);
    fail_nth(CALL_SSL_CTX_new, 1);
    check_open_fails("SSL_CTX_new");
    finish();
}

/* Never less than TLS 1.2, never without the system's certificates. */
TEST(fails_when_tls_cannot_be_configured)
{
    WSIO_CONFIG config = tls_config(NULL);
    create_io(&config);
    fail_nth(CALL_SSL_CTX_ctrl, 1);
    check_open_fails("TLS");
    CHECK_INT(close_io("close"), 0);
    destroy_io();
    create_io(&config);
    fail_nth(CALL_SSL_CTX_set_default_verify_paths, 1);
    check_open_fails("SSL_CTX_set_default_verify_paths");
    finish();
}

TEST(fails_when_an_allocation_fails)
{
    WSIO_CONFIG config = tls_config(PEM("ca"));
    unsigned nth = 1;
    create_io(&config);
    for (;; nth++)
    {
        long live = heap_live();
        int result;
        forget_log();
        forget_journal();
        heap_fail_nth(nth);
        result = open_io("io");
        heap_fail_none();
        if (!heap_failed())
        {
            CHECK_INT(result, 0);
            break;
        }
        CHECK(result != 0);
        CHECK_JOURNAL_EMPTY(TO_USER);
        CHECK_INT(log_count(), 1);
        CHECK_INT(contexts_alive(), 0);
        CHECK_INT(heap_live(), live);
    }
    CHECK(nth > 1);
    finish();
}

/* lws 4.3 reports a name that does not resolve inside the call, which then
 * returns NULL. SRS_WSIO_01_033 */
TEST(fails_once_when_connecting_fails_with_an_event)
{
    create_io(NULL);
    lws_will_end(WHEN_CONNECTING, LWS_CALLBACK_CLIENT_CONNECTION_ERROR, "no such host", 12);
    lws_connect_will_return_null();
    forget_journal();
    CHECK(open_io("failing") != 0);
    CHECK_JOURNAL(IN_LWS | TO_USER, "lws_create_context", "lws_set_proxy",
        "lws_client_connect_via_info", "lws_context_destroy");
    CHECK_INT(log_count(), 1);
    CHECK(log_has("no such host"));
    CHECK_INT(open_io("io"), 0);
    finish();
}

/* The same, before lws has said which wsi it is. SRS_WSIO_01_033 */
TEST(fails_once_when_connecting_fails_early)
{
    create_io(NULL);
    lws_will_report(WHEN_CONNECTING_UNKNOWN, LWS_CALLBACK_CLIENT_CONNECTION_ERROR, "too early", 9);
    lws_connect_will_return_null();
    forget_journal();
    CHECK(open_io("failing") != 0);
    CHECK_JOURNAL_EMPTY(TO_USER);
    CHECK_INT(log_count(), 1);
    CHECK(log_has("too early"));
    CHECK_INT(open_io("io"), 0);
    report(LWS_CALLBACK_CLIENT_ESTABLISHED, NULL, 0);
    CHECK_JOURNAL(TO_USER, "io opened OK");
    finish();
}

/* The same, with every event that ends a connection. SRS_WSIO_01_033 */
TEST(fails_whatever_ends_the_connection_meanwhile)
{
    static const enum lws_callback_reasons reasons[] = {
        LWS_CALLBACK_CLIENT_CONNECTION_ERROR,
        LWS_CALLBACK_CLOSED_CLIENT_HTTP,
        LWS_CALLBACK_CLIENT_CLOSED,
        LWS_CALLBACK_CLOSED,
        LWS_CALLBACK_WSI_DESTROY,
    };
    create_io(NULL);
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
    {
        lws_will_report(WHEN_CONNECTING, reasons[i], NULL, 0);
        lws_connect_will_return_null();
        forget_journal();
        CHECK(open_io("failing") != 0);
        CHECK_JOURNAL_EMPTY(TO_USER);
        CHECK_INT(contexts_alive(), 0);
    }
    CHECK_INT(open_io("io"), 0);
    finish();
}

/* The connection has ended, yet lws returns something: it must not be used. */
TEST(fails_when_the_connection_ends_although_lws_returns_it)
{
    create_io(NULL);
    lws_will_report(WHEN_CONNECTING, LWS_CALLBACK_CLIENT_CONNECTION_ERROR, NULL, 0);
    forget_journal();
    CHECK(open_io("failing") != 0);
    CHECK_JOURNAL_EMPTY(TO_USER);
    CHECK_INT(contexts_alive(), 0);
    CHECK_INT(open_io("io"), 0);
    report(LWS_CALLBACK_CLIENT_ESTABLISHED, NULL, 0);
    CHECK_JOURNAL(TO_USER, "io opened OK");
    finish();
}

/* Nothing is connected twice. SRS_WSIO_01_034 */
TEST(refuses_a_second_open_meanwhile)
{
    start_opening(NULL);
    CHECK(open_io("second") != 0);
    CHECK_JOURNAL_EMPTY(IN_LWS | IN_LIST | IN_SSL | TO_USER);
    CHECK_INT(log_count(), 1);
    /* The first goes on. */
    report(LWS_CALLBACK_CLIENT_ESTABLISHED, NULL, 0);
    CHECK_JOURNAL(TO_USER, "io opened OK");
    finish();
}

/* SRS_WSIO_01_034 */
TEST(refuses_a_second_open_when_open)
{
    start(NULL);
    CHECK(open_io("second") != 0);
    CHECK_JOURNAL_EMPTY(IN_LWS | IN_LIST | IN_SSL | TO_USER);
    CHECK_INT(log_count(), 1);
    /* Bytes and errors go to the first. */
    report(LWS_CALLBACK_CLIENT_RECEIVE, "a", 1);
    report_end(LWS_CALLBACK_CLIENT_CLOSED);
    CHECK_JOURNAL(TO_USER, "io received a", "io failed");
    finish();
}

/* Until it is closed. SRS_WSIO_01_034 */
TEST(refuses_to_open_a_lost_io)
{
    start(NULL);
    report_end(LWS_CALLBACK_CLIENT_CLOSED);
    forget_journal();
    forget_log();
    CHECK(open_io("second") != 0);
    CHECK_JOURNAL_EMPTY(IN_LWS | IN_LIST | IN_SSL | TO_USER);
    CHECK_INT(log_count(), 1);
    CHECK_INT(close_io("close"), 0);
    CHECK_INT(open_io("third"), 0);
    finish();
}

static void open_while_closing(const char* name, IO_SEND_RESULT result)
{
    (void)name;
    CHECK_INT(result, IO_SEND_CANCELLED);
    forget_journal();
    CHECK(open_io("meanwhile") != 0);
    CHECK_JOURNAL_EMPTY(IN_LWS | IN_LIST | IN_SSL | TO_USER);
}

/* SRS_WSIO_01_035 */
TEST(refuses_to_open_while_closing)
{
    start(NULL);
    CHECK_INT(send_text("a"), 0);
    hooks.sent = open_while_closing;
    CHECK_INT(close_io("close"), 0);
    CHECK_INT(contexts_made(), 1);
    finish();
}

/* How an open ends --------------------------------------------------------- */

/* Once. SRS_WSIO_01_036, SRS_WSIO_01_039, SRS_WSIO_01_066 */
TEST(reports_success)
{
    start_opening(NULL);
    CHECK(send_text("too early") != 0);
    report(LWS_CALLBACK_CLIENT_ESTABLISHED, NULL, 0);
    CHECK_JOURNAL(TO_USER, "io opened OK");
    /* From now on data can be sent and received. */
    CHECK_INT(send_text("a"), 0);
    report(LWS_CALLBACK_CLIENT_WRITEABLE, NULL, 0);
    report(LWS_CALLBACK_CLIENT_RECEIVE, "b", 1);
    CHECK_JOURNAL(TO_USER, "a sent OK", "io received b");
    finish();
}

/* The event ends the open with an error, once; the IO is closed then and can be
 * opened again. */
static void check_event_fails_open(enum lws_callback_reasons reason, const void* in, size_t len)
{
    start_opening(NULL);
    forget_log();
    report(reason, in, len);
    CHECK_JOURNAL(TO_USER, "io opened ERROR");
    CHECK_INT(contexts_alive(), 0);
    CHECK_INT(log_count(), 1);
    CHECK(send_text("refused") != 0);
    CHECK(close_io("refused") != 0);
    serve();
    CHECK_JOURNAL_EMPTY(TO_USER);
    CHECK_INT(open_io("again"), 0);
    report(LWS_CALLBACK_CLIENT_ESTABLISHED, NULL, 0);
    CHECK_JOURNAL(TO_USER, "again opened OK");
    finish();
}

/* SRS_WSIO_01_037, SRS_WSIO_01_039, SRS_WSIO_01_069 */
TEST(connection_error_fails_it)
{
    check_event_fails_open(LWS_CALLBACK_CLIENT_CONNECTION_ERROR, "HS: ws upgrade response", 23);
    CHECK(log_has("HS: ws upgrade response"));
}

/* SRS_WSIO_01_037, SRS_WSIO_01_069 */
TEST(connection_error_without_text_fails_it)
{
    check_event_fails_open(LWS_CALLBACK_CLIENT_CONNECTION_ERROR, NULL, 0);
}

/* The text is not always NUL-terminated. SRS_WSIO_01_037 */
TEST(the_length_of_the_error_text_counts)
{
    start_opening(NULL);
    report(LWS_CALLBACK_CLIENT_CONNECTION_ERROR, "refused\x80\xFFgarbage", 7);
    CHECK(log_has("refused"));
    CHECK(!log_has("garbage"));
    finish();
}

/* What a server says goes into one line, whatever it is. */
TEST(the_error_text_is_made_printable)
{
    static char text[2000];
    memset(text, 'x', sizeof(text));
    memcpy(text, "a\r\nb%s%n\0c", 10);
    start_opening(NULL);
    report(LWS_CALLBACK_CLIENT_CONNECTION_ERROR, text, sizeof(text));
    CHECK_JOURNAL(TO_USER, "io opened ERROR");
    CHECK_INT(log_count(), 1);
    CHECK(log_has("%s%n"));
    finish();
}

/* lws 4.1, when the server accepts and says nothing. SRS_WSIO_01_037 */
TEST(closed_client_http_fails_it)
{
    check_event_fails_open(LWS_CALLBACK_CLOSED_CLIENT_HTTP, NULL, 0);
}

/* SRS_WSIO_01_037 */
TEST(client_closed_fails_it)
{
    check_event_fails_open(LWS_CALLBACK_CLIENT_CLOSED, NULL, 0);
}

/* SRS_WSIO_01_037 */
TEST(closed_fails_it)
{
    check_event_fails_open(LWS_CALLBACK_CLOSED, NULL, 0);
}

/* SRS_WSIO_01_037 */
TEST(wsi_destroy_fails_it)
{
    check_event_fails_open(LWS_CALLBACK_WSI_DESTROY, NULL, 0);
}

/* SRS_WSIO_01_037, SRS_WSIO_01_121 */
TEST(writeable_fails_it)
{
    check_event_fails_open(LWS_CALLBACK_CLIENT_WRITEABLE, NULL, 0);
}

/* SRS_WSIO_01_037, SRS_WSIO_01_122 */
TEST(bytes_fail_it)
{
    check_event_fails_open(LWS_CALLBACK_CLIENT_RECEIVE, "a", 1);
}

/* SRS_WSIO_01_037, SRS_WSIO_01_122 */
TEST(an_empty_message_fails_it)
{
    check_event_fails_open(LWS_CALLBACK_CLIENT_RECEIVE, NULL, 0);
}

/* All the events that real lws makes of one failure. SRS_WSIO_01_037 */
TEST(is_answered_once)
{
    start_opening(NULL);
    lws_will_report(WHEN_SERVED, LWS_CALLBACK_CLIENT_CONNECTION_ERROR, "x", 1);
    lws_will_report(WHEN_SERVED, LWS_CALLBACK_CLOSED_CLIENT_HTTP, NULL, 0);
    lws_will_report(WHEN_SERVED, LWS_CALLBACK_CLIENT_CLOSED, NULL, 0);
    lws_will_report(WHEN_SERVED, LWS_CALLBACK_CLIENT_ESTABLISHED, NULL, 0);
    lws_will_report(WHEN_SERVED, LWS_CALLBACK_CLIENT_RECEIVE, "a", 1);
    lws_will_report(WHEN_SERVED, LWS_CALLBACK_WSI_DESTROY, NULL, 0);
    lws_will_drop_wsi(WHEN_SERVED);
    serve();
    CHECK_JOURNAL(TO_USER, "io opened ERROR");
    CHECK_INT(contexts_alive(), 0);
    finish();
}

/* The context is gone when wsio_dowork returns, but not before lws has
 * returned, which the fake checks. SRS_WSIO_01_069 */
TEST(a_failed_open_frees_the_context)
{
    start_opening(NULL);
    report_end(LWS_CALLBACK_CLIENT_CONNECTION_ERROR);
    CHECK_JOURNAL(IN_LWS, "lws_service -1", "lws_context_destroy");
    CHECK_INT(contexts_alive(), 0);
    finish();
}

/* SRS_WSIO_01_038, SRS_WSIO_01_041 */
TEST(close_cancels_it)
{
    start_opening(NULL);
    CHECK_INT(close_io("close"), 0);
    CHECK_JOURNAL(IN_LWS | TO_USER, "io opened CANCELLED", "lws_context_destroy", "close closed");
    finish();
}

/* SRS_WSIO_01_040 */
TEST(callbacks_are_optional)
{
    create_io(NULL);
    CHECK_INT(test_open(io, NULL, NULL, NULL, NULL), 0);
    report(LWS_CALLBACK_CLIENT_ESTABLISHED, NULL, 0);
    report(LWS_CALLBACK_CLIENT_RECEIVE, "a", 1);
    report_end(LWS_CALLBACK_CLIENT_CLOSED);
    CHECK(send_text("refused") != 0);
    CHECK_INT(close_io("close"), 0);

    CHECK_INT(test_open(io, NULL, NULL, NULL, NULL), 0);
    report_end(LWS_CALLBACK_CLIENT_CONNECTION_ERROR);
    CHECK(close_io("refused") != 0);

    CHECK_INT(test_open(io, NULL, NULL, NULL, NULL), 0);
    CHECK_INT(close_io("close"), 0);

    CHECK_INT(test_open(io, NULL, NULL, NULL, NULL), 0);
    finish();
}

/* lws has other events, and other wsis in the same context (4.5 watches the
 * network with one). None of them concerns the open. */
TEST(other_events_and_other_connections_are_ignored)
{
    static const enum lws_callback_reasons others[] = {
        LWS_CALLBACK_PROTOCOL_INIT,
        LWS_CALLBACK_GET_THREAD_ID,
        LWS_CALLBACK_WSI_CREATE,
        LWS_CALLBACK_ADD_POLL_FD,
        LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER,
        LWS_CALLBACK_CLIENT_FILTER_PRE_ESTABLISH,
        LWS_CALLBACK_CLIENT_RECEIVE_PONG,
        LWS_CALLBACK_EVENT_WAIT_CANCELLED,
        LWS_CALLBACK_CLIENT_HTTP_REDIRECT,
        LWS_CALLBACK_USER,
    };
    static const enum lws_callback_reasons ours[] = {
        LWS_CALLBACK_CLIENT_ESTABLISHED,
        LWS_CALLBACK_CLIENT_CONNECTION_ERROR,
        LWS_CALLBACK_CLIENT_WRITEABLE,
        LWS_CALLBACK_CLIENT_RECEIVE,
        LWS_CALLBACK_CLIENT_CLOSED,
        LWS_CALLBACK_CLOSED,
        LWS_CALLBACK_CLOSED_CLIENT_HTTP,
        LWS_CALLBACK_WSI_DESTROY,
    };
    start_opening(NULL);
    for (int is_open = 0; is_open < 2; is_open++)
    {
        for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        {
            report(others[i], NULL, 0);
        }
        for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
        {
            lws_will_report_of_another(WHEN_SERVED, ours[i], "x", 1);
            serve();
        }
        CHECK_JOURNAL_EMPTY(TO_USER);
        if (!is_open)
        {
            report(LWS_CALLBACK_CLIENT_ESTABLISHED, NULL, 0);
            CHECK_JOURNAL(TO_USER, "io opened OK");
        }
    }
    CHECK_INT(send_text("a"), 0);
    report(LWS_CALLBACK_CLIENT_WRITEABLE, NULL, 0);
    CHECK_JOURNAL(TO_USER, "a sent OK");
    finish();
}

/* Before lws has said which wsi is ours, others report too: PROTOCOL_INIT, and
 * on lws 4.5 the end of its own. */
TEST(other_events_during_the_call_are_ignored)
{
    create_io(NULL);
    lws_will_report_of_another(WHEN_CREATED, LWS_CALLBACK_GET_THREAD_ID, NULL, 0);
    lws_will_report_of_another(WHEN_CREATED, LWS_CALLBACK_WSI_DESTROY, NULL, 0);
    lws_will_report_of_another(WHEN_CONNECTING, LWS_CALLBACK_CLIENT_RECEIVE, "x", 1);
    CHECK_INT(open_io("io"), 0);
    report(LWS_CALLBACK_CLIENT_ESTABLISHED, NULL, 0);
    CHECK_JOURNAL(TO_USER, "io opened OK");
    finish();
}

/* Time ---------------------------------------------------------------------- */

/* Whatever lws does: an open has 20 seconds. SRS_WSIO_01_037 */
TEST(ends_after_20_seconds)
{
    start_opening(NULL);
    serve();
    clock_advance_ms(19999);
    serve();
    CHECK_JOURNAL_EMPTY(TO_USER);
    clock_advance_ms(1);
    serve();
    CHECK_JOURNAL(TO_USER, "io opened ERROR");
    CHECK_INT(contexts_alive(), 0);
    CHECK_INT(log_count(), 1);
    finish();
}

/* Each has its own 20. */
TEST(the_next_open_has_20_seconds_again)
{
    start_opening(NULL);
    clock_advance_ms(15000);
    CHECK_INT(close_io("close"), 0);
    CHECK_INT(open_io("again"), 0);
    forget_journal();
    clock_advance_ms(19999);
    serve();
    CHECK_JOURNAL_EMPTY(TO_USER);
    clock_advance_ms(1);
    serve();
    CHECK_JOURNAL(TO_USER, "again opened ERROR");
    finish();
}

/* What comes in the same call counts. */
TEST(an_answer_at_the_last_moment_counts)
{
    start_opening(NULL);
    clock_advance_ms(30000);
    report(LWS_CALLBACK_CLIENT_ESTABLISHED, NULL, 0);
    CHECK_JOURNAL(TO_USER, "io opened OK");
    finish();
}

TEST(an_open_io_has_no_time_limit)
{
    start(NULL);
    clock_advance_ms(1000LL * 3600 * 24 * 365);
    serve();
    CHECK_JOURNAL_EMPTY(TO_USER);
    CHECK_INT(send_text("a"), 0);
    finish();
}

/* lws's own timers are set to no more, where it has them. */
TEST(lws_is_told_the_time_limit)
{
    start_opening(NULL);
    CHECK_INT(newest_context()->info.timeout_secs, 20);
    finish();
}

/* The host's process -------------------------------------------------------- */

/* lws's log goes to stderr by default. */
TEST(silences_lws)
{
    start(NULL);
    CHECK_INT(lws_level(), 0);
    finish();
}

/* Once: afterwards the level is the host's to set. */
TEST(silences_lws_once)
{
    start(NULL);
    lws_set_level(LLL_ERR | LLL_WARN | LLL_NOTICE);
    CHECK_INT(close_io("close"), 0);
    CHECK_INT(open_io("again"), 0);
    CHECK_INT(lws_level(), LLL_ERR | LLL_WARN | LLL_NOTICE);
    finish();
}

TEST(the_hosts_own_level_stands)
{
    lws_set_level(LLL_ERR | LLL_DEBUG);
    start(NULL);
    CHECK_INT(lws_level(), LLL_ERR | LLL_DEBUG);
    CHECK_INT(calls_of(CALL_lws_set_log_level), 0);
    finish();
}

static void on_signal(int number)
{
    (void)number;
}

/* lws_create_context ignores SIGPIPE for the whole process. */
TEST(the_hosts_sigpipe_handler_stands)
{
    struct sigaction action;
    memset(&action, 0, sizeof(action));
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    sigaction(SIGPIPE, &action, NULL);
    start(NULL);
    CHECK_INT(close_io("close"), 0);
    sigaction(SIGPIPE, NULL, &action);
    CHECK(action.sa_handler == on_signal);
    CHECK_INT(action.sa_flags & SA_RESTART, SA_RESTART);
    finish();
}

/* Also when the context could not be made. */
TEST(sigpipe_stands_after_a_failure)
{
    create_io(NULL);
    fail_nth(CALL_lws_create_context, 1);
    CHECK(open_io("io") != 0);
    CHECK(signal(SIGPIPE, SIG_DFL) == SIG_DFL);
    finish();
}
