/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* wsio_create. */
#include <limits.h>

#include "rig.h"

/* wsio_create must refuse this, with one line that names the field. */
static void check_refused(const WSIO_CONFIG* config, const char* field)
{
    forget_log();
    CHECK_PTR(wsio_create((void*)(size_t)config, recording_log), NULL);
    CHECK_INT(log_count(), 1);
    if (!log_has(field))
    {
        CHECK_STR(log_line(0), field);
    }
    CHECK_INT(heap_live(), 0);
    CHECK_INT(list_live(), 0);
    /* The same without a logger. */
    CHECK_PTR(wsio_create((void*)(size_t)config, NULL), NULL);
    CHECK_INT(heap_live(), 0);
}

/* It must be accepted, silently, and can be opened. */
static void check_accepted(const WSIO_CONFIG* config)
{
    forget_log();
    create_io(config);
    CHECK_INT(open_io("io"), 0);
    destroy_io();
    CHECK_INT(log_count(), 0);
    check_nothing_owed();
}

static const char* repeated(char letter, size_t count)
{
    static char text[4096];
    CHECK(count < sizeof(text));
    memset(text, letter, count);
    text[count] = '\0';
    return text;
}

/* SRS_WSIO_01_001, SRS_WSIO_01_003 */
TEST(returns_a_handle)
{
    WSIO_CONFIG config = plain_config();
    io = wsio_create(&config, recording_log);
    CHECK(io != NULL);
    CHECK_INT(log_count(), 0);
    finish();
}

/* SRS_WSIO_01_001 */
TEST(each_handle_is_another)
{
    WSIO_CONFIG config = plain_config();
    CONCRETE_IO_HANDLE other = wsio_create(&config, recording_log);
    create_io(NULL);
    CHECK(other != NULL);
    CHECK(io != other);
    CHECK_INT(list_live(), 2);
    wsio_destroy(other);
    CHECK_INT(list_live(), 1);
    finish();
}

TEST(needs_no_logger)
{
    WSIO_CONFIG config = plain_config();
    io = wsio_create(&config, NULL);
    CHECK(io != NULL);
    /* What would be logged. */
    CHECK(wsio_send(io, NULL, 0, NULL, NULL) != 0);
    CHECK(wsio_close(io, NULL, NULL) != 0);
    CHECK_INT(open_io("io"), 0);
    report_end(LWS_CALLBACK_CLIENT_CONNECTION_ERROR);
    CHECK_JOURNAL(TO_USER, "io opened ERROR");
    finish();
}

/* SRS_WSIO_01_002 */
TEST(refuses_no_parameters)
{
    check_refused(NULL, "io_create_parameters");
    CHECK_INT(calls_made(), 0);
}

/* SRS_WSIO_01_004 */
TEST(refuses_a_missing_host)
{
    WSIO_CONFIG config = plain_config();
    config.host = NULL;
    check_refused(&config, "host");
}

/* SRS_WSIO_01_004 */
TEST(refuses_a_missing_protocol_name)
{
    WSIO_CONFIG config = plain_config();
    config.protocol_name = NULL;
    check_refused(&config, "protocol_name");
}

/* SRS_WSIO_01_004 */
TEST(refuses_a_missing_relative_path)
{
    WSIO_CONFIG config = plain_config();
    config.relative_path = NULL;
    check_refused(&config, "relative_path");
}

/* SRS_WSIO_01_100 */
TEST(trusted_ca_is_optional)
{
    WSIO_CONFIG config = plain_config();
    check_accepted(&config);
    config = tls_config(NULL);
    check_accepted(&config);
    config = tls_config(PEM("ca"));
    check_accepted(&config);
    finish();
}

/* Without TLS there is nothing to trust: whatever it is, it does no harm.
 * SRS_WSIO_01_100 */
TEST(trusted_ca_is_not_used_without_tls)
{
    WSIO_CONFIG config = plain_config();
    config.trusted_ca = "no certificate";
    check_accepted(&config);
    CHECK_JOURNAL_EMPTY(IN_SSL);
    finish();
}

/* SRS_WSIO_01_003, SRS_WSIO_01_006 */
TEST(copies_the_strings)
{
    char host[] = "example.org";
    char protocol_name[] = "mqtt";
    char relative_path[] = "/path";
    char trusted_ca[] = PEM("mine");
    WSIO_CONFIG config = {host, 8080, protocol_name, relative_path, true, trusted_ca};
    io = wsio_create(&config, recording_log);
    CHECK(io != NULL);
    memset(host, 'x', sizeof(host) - 1);
    memset(protocol_name, 'x', sizeof(protocol_name) - 1);
    memset(relative_path, 'x', sizeof(relative_path) - 1);
    memset(trusted_ca, 'x', sizeof(trusted_ca) - 1);
    memset(&config, 'x', sizeof(config));

    CHECK_INT(open_io("io"), 0);
    CHECK_STR(newest_context()->address, "example.org");
    CHECK_INT(newest_context()->connect.port, 8080);
    CHECK_STR(newest_context()->protocol, "mqtt");
    CHECK_STR(newest_context()->protocol_name, "mqtt");
    CHECK_STR(newest_context()->path, "/path");
    CHECK_STR(ssl_ctx_certificates(newest_context()->tls.provided_client_ssl_ctx), "mine\n");
    finish();
}

/* SRS_WSIO_01_098 */
TEST(creates_the_list)
{
    create_io(NULL);
    CHECK_JOURNAL(IN_LWS | IN_LIST | IN_SSL, "list_create");
    finish();
}

/* SRS_WSIO_01_099 */
TEST(fails_when_list_create_fails)
{
    WSIO_CONFIG config = tls_config(PEM("ca"));
    fail_nth(CALL_list_create, 1);
    CHECK_PTR(wsio_create(&config, recording_log), NULL);
    CHECK_INT(log_count(), 1);
    CHECK(log_has("list_create"));
    finish();
}

/* SRS_WSIO_01_005 */
TEST(fails_when_an_allocation_fails)
{
    WSIO_CONFIG config = tls_config(PEM("ca"));
    unsigned nth = 1;
    for (;; nth++)
    {
        forget_log();
        heap_fail_nth(nth);
        io = wsio_create(&config, recording_log);
        heap_fail_none();
        if (!heap_failed())
        {
            break;
        }
        CHECK_PTR(io, NULL);
        CHECK_INT(log_count(), 1);
        CHECK(log_has("memory"));
        CHECK_INT(heap_live(), 0);
        CHECK_INT(list_live(), 0);
    }
    CHECK(io != NULL);
    CHECK(nth > 1);
    finish();
}

/* Configuration that cannot work, or would change what is on the wire, is
 * refused with a reason (SRS_WSIO_01_001 otherwise). */
TEST(refuses_a_host_that_is_none)
{
    static const char* const hosts[] = {
        "", " ", "a b", "a\tb", "a\rb", "a\nb", "a\r\nX-Injected: y", "\x01", "a\x1F", "a\x7F",
        "ws://example.org", "example.org/path", "user@example.org", "[::1]", "example.org:80",
        "1:2:3", "a?b", "a#b", "+/run/x",
    };
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
    {
        WSIO_CONFIG config = plain_config();
        config.host = hosts[i];
        check_refused(&config, "host");
    }
}

TEST(refuses_a_host_that_is_too_long)
{
    WSIO_CONFIG config = plain_config();
    config.host = repeated('a', 111);
    check_refused(&config, "host");
    config.host = repeated('a', 4000);
    check_refused(&config, "host");
    config.host = repeated('a', 110);
    check_accepted(&config);
    CHECK_STR(newest_context()->address, config.host);
    CHECK_STR(newest_context()->origin, config.host);
    finish();
}

TEST(accepts_names_and_addresses)
{
    static const char* const hosts[] = {
        "a", "localhost", "example.org", "example.org.", "a-b_c.example", "127.0.0.1", "::1",
        "2001:db8::1", "::ffff:192.0.2.1", "fe80::1%eth0",
    };
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
    {
        WSIO_CONFIG config = plain_config();
        config.host = hosts[i];
        check_accepted(&config);
        CHECK_STR(newest_context()->address, hosts[i]);
    }
    finish();
}

TEST(refuses_a_port_out_of_range)
{
    static const int ports[] = {INT_MIN, -80, -1, 0, 65536, 65536 + 80, INT_MAX};
    for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
    {
        WSIO_CONFIG config = plain_config();
        config.port = ports[i];
        check_refused(&config, "port");
    }
}

TEST(accepts_every_port_in_range)
{
    static const int ports[] = {1, 80, 443, 32768, 65535};
    for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
    {
        WSIO_CONFIG config = plain_config();
        config.port = ports[i];
        check_accepted(&config);
        CHECK_INT(newest_context()->connect.port, ports[i]);
    }
    finish();
}

static const char* const injections[] = {
    " ", "a b", " a", "a ", "a\tb", "a\rb", "a\nb", "a\r\nX-Injected: y", "\x01", "a\x1F", "a\x7F",
};

TEST(refuses_a_protocol_name_that_breaks_the_header)
{
    WSIO_CONFIG config = plain_config();
    for (size_t i = 0; i < sizeof(injections) / sizeof(injections[0]); i++)
    {
        config.protocol_name = injections[i];
        check_refused(&config, "protocol_name");
    }
    config.protocol_name = repeated('p', 257);
    check_refused(&config, "protocol_name");
}

/* Nothing asked for: the field of the header is left out (RFC 6455 4.1). */
TEST(accepts_no_protocol_and_a_long_one)
{
    WSIO_CONFIG config = plain_config();
    config.protocol_name = "";
    check_accepted(&config);
    CHECK_PTR(newest_context()->connect.protocol, NULL);
    config.protocol_name = repeated('p', 256);
    check_accepted(&config);
    CHECK_STR(newest_context()->protocol, config.protocol_name);
    finish();
}

TEST(refuses_a_path_that_breaks_the_request)
{
    WSIO_CONFIG config = plain_config();
    for (size_t i = 0; i < sizeof(injections) / sizeof(injections[0]); i++)
    {
        config.relative_path = injections[i];
        check_refused(&config, "relative_path");
    }
    config.relative_path = repeated('p', 2001);
    check_refused(&config, "relative_path");
}

TEST(accepts_a_long_path)
{
    WSIO_CONFIG config = plain_config();
    config.relative_path = repeated('/', 2000);
    check_accepted(&config);
    CHECK_STR(newest_context()->path, config.relative_path);
    finish();
}
