/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* TLS: whom to trust. One routine loads trusted_ca, for lws's event
 * LOAD_EXTRA_CLIENT_VERIFY_CERTS and for the library's own SSL_CTX. */
#include <errno.h>

#include "rig.h"

/* As OpenSSL has an errno in its queue. */
#define SYSTEM_ERROR ((unsigned long)ERR_SYSTEM_FLAG | ENOENT)

#define THREE PEM("one") PEM("two") PEM("three")

static SSL_CTX* ssl_of(FAKE_CONTEXT* context)
{
    CHECK(context->has_tls);
    return context->tls.provided_client_ssl_ctx;
}

/* wsio_open must fail without a callback, for a reason that the log names. */
static void check_open_fails(const char* trusted_ca, const char* why)
{
    WSIO_CONFIG config = tls_config(trusted_ca);
    create_io(&config);
    forget_log();
    forget_journal();
    CHECK(open_io("failing") != 0);
    CHECK_JOURNAL_EMPTY(TO_USER);
    CHECK_INT(contexts_alive(), 0);
    CHECK_INT(ssl_live(), 0);
    CHECK_INT(ssl_error_count(), 0);
    CHECK_INT(log_count(), 1);
    if (!log_has(why))
    {
        CHECK_STR(log_line(0), why);
    }
    finish();
}

/* The library's own SSL_CTX --------------------------------------------------- */

/* Before lws is asked for anything: certificates that are no good are no reason
 * to connect. SRS_WSIO_01_089, SRS_WSIO_01_123, SRS_WSIO_01_125,
 * SRS_WSIO_01_126, SRS_WSIO_01_127, SRS_WSIO_01_128, SRS_WSIO_01_131,
 * SRS_WSIO_01_132 */
TEST(loads_every_certificate)
{
    WSIO_CONFIG config = tls_config(THREE);
    create_io(&config);
    forget_journal();
    CHECK_INT(open_io("io"), 0);
    /* Each certificate is freed also after it was added: the store has its own
     * reference. */
    CHECK_JOURNAL(IN_LWS | IN_SSL, "SSL_CTX_new", "SSL_CTX_set_default_verify_dir",
        "SSL_CTX_get_cert_store", "X509_STORE_add_lookup",
        "SSL_CTX_get_cert_store", "BIO_new", "BIO_puts",
        "PEM_read_bio_X509 one", "X509_STORE_add_cert one", "X509_free one",
        "PEM_read_bio_X509 two", "X509_STORE_add_cert two", "X509_free two",
        "PEM_read_bio_X509 three", "X509_STORE_add_cert three", "X509_free three",
        "PEM_read_bio_X509 NULL", "BIO_free",
        "lws_create_context", "lws_set_proxy", "lws_init_vhost_client_ssl",
        "lws_client_connect_via_info");
    CHECK_STR(ssl_ctx_certificates(ssl_of(newest_context())), "one\ntwo\nthree\n");
    CHECK_INT(ssl_error_count(), 0);
    finish();
}

/* Comments between certificates are what bundles have. SRS_WSIO_01_126 */
TEST(loads_a_bundle_with_comments)
{
    WSIO_CONFIG config = tls_config("# first\n" PEM("one") "\n# second\n" PEM("two") "# end\n");
    start_opening(&config);
    CHECK_STR(ssl_ctx_certificates(ssl_of(newest_context())), "one\ntwo\n");
    finish();
}

static int verify_server(void)
{
    void* argument;
    VERIFY* verify = ssl_ctx_verify_callback(ssl_of(newest_context()), &argument);
    CHECK(verify != NULL);
    return verify(ssl_verification(0), argument);
}

/* SRS_WSIO_01_100 */
TEST(without_trusted_ca_the_system_is_trusted)
{
    WSIO_CONFIG config = tls_config(NULL);
    create_io(&config);
    forget_journal();
    CHECK_INT(open_io("io"), 0);
    CHECK_JOURNAL(IN_SSL, "SSL_CTX_new", "SSL_CTX_set_default_verify_paths");
    CHECK(ssl_ctx_has_default_paths(ssl_of(newest_context())));
    CHECK_STR(ssl_ctx_certificates(ssl_of(newest_context())), "");
    /* All of it, so there is nothing to try again with. */
    ssl_verification_will_first_return(0, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
    CHECK_INT(verify_server(), 0);
    CHECK_INT(calls_of(CALL_X509_verify_cert), 1);
    finish();
}

/* With trusted_ca the system is trusted as well; its file of certificates takes
 * its time and is read when a server is not known without it. SRS_WSIO_01_100 */
TEST(the_systems_file_is_read_when_it_is_needed)
{
    WSIO_CONFIG config = tls_config(PEM("ca"));
    SSL_CTX* ssl;
    start_opening(&config);
    ssl = ssl_of(newest_context());
    CHECK(ssl_ctx_has_default_dir(ssl));
    CHECK_INT(verify_server(), 1);
    CHECK(!ssl_ctx_has_default_file(ssl));
    forget_journal();
    ssl_verification_will_first_return(0, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
    CHECK_INT(verify_server(), 1);
    CHECK_JOURNAL(IN_SSL, "X509_verify_cert", "X509_LOOKUP_ctrl", "X509_verify_cert");
    CHECK(ssl_ctx_has_default_file(ssl));
    /* Once. */
    forget_journal();
    ssl_verification_will_first_return(0, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
    CHECK_INT(verify_server(), 0);
    CHECK_JOURNAL(IN_SSL, "X509_verify_cert");
    finish();
}

/* lws makes X509_verify_cert say yes to errors, and looks at the error later. */
TEST(an_overruled_error_is_one)
{
    WSIO_CONFIG config = tls_config(PEM("ca"));
    start_opening(&config);
    ssl_verification_will_first_return(1, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
    CHECK_INT(verify_server(), 1);
    CHECK_INT(calls_of(CALL_X509_verify_cert), 2);
    finish();
}

TEST(a_server_that_nobody_knows_is_refused)
{
    WSIO_CONFIG config = tls_config(PEM("ca"));
    start_opening(&config);
    ssl_verification_will_return(0);
    CHECK_INT(verify_server(), 0);
    CHECK_INT(calls_of(CALL_X509_verify_cert), 2);
    ssl_verification_will_return(1);
    finish();
}

/* Attached to the context's vhost, with an SSL_CTX of the library's own: the
 * context itself has none (SRS_WSIO_01_093, SRS_WSIO_01_095). */
TEST(lws_uses_our_ssl_ctx)
{
    const struct lws_context_creation_info* tls;
    WSIO_CONFIG config = tls_config(PEM("ca"));
    start_opening(&config);
    tls = &newest_context()->tls;
    CHECK_INT(tls->options, LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT);
    CHECK(ssl_ctx_is_alive(tls->provided_client_ssl_ctx));
    CHECK_PTR(tls->client_ssl_ca_filepath, NULL);
    CHECK_PTR(tls->client_ssl_cert_filepath, NULL);
    CHECK_INT(tls->ssl_client_options_set, 0);
    CHECK_INT(tls->ssl_client_options_clear, 0);
    finish();
}

/* TLS 1.2 at least, no compression. The verification is lws's and OpenSSL's;
 * that nothing turns it off also follows from what this program links. */
TEST(the_ssl_ctx_is_strict)
{
    const SSL_CTX* ssl;
    void* argument;
    WSIO_CONFIG config = tls_config(NULL);
    start_opening(&config);
    ssl = ssl_of(newest_context());
    CHECK_INT(ssl_ctx_min_version(ssl), TLS1_2_VERSION);
    CHECK_INT(ssl_ctx_options(ssl) & SSL_OP_NO_COMPRESSION, SSL_OP_NO_COMPRESSION);
    /* lws writes from buffers that move. */
    CHECK_INT(ssl_ctx_mode(ssl) & SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER,
        SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    CHECK(ssl_ctx_verify_callback(ssl, &argument) != NULL);
    finish();
}

TEST(a_plain_connection_needs_no_tls)
{
    start(NULL);
    CHECK_INT(close_io("close"), 0);
    CHECK_INT(calls_of(CALL_SSL_CTX_new), 0);
    CHECK_INT(calls_of(CALL_lws_init_vhost_client_ssl), 0);
    finish();
}

/* Kept from open to open, being expensive. */
TEST(the_ssl_ctx_is_made_once)
{
    WSIO_CONFIG config = tls_config(PEM("ca"));
    start(&config);
    for (int i = 0; i < 10; i++)
    {
        CHECK_INT(close_io("close"), 0);
        CHECK_INT(open_io("again"), 0);
        CHECK(ssl_ctx_is_alive(ssl_of(newest_context())));
    }
    CHECK_INT(calls_of(CALL_SSL_CTX_new), 1);
    finish();
}

/* One for each that is trusted, whoever asks. */
TEST(ssl_ctxs_are_shared_by_those_who_trust_the_same)
{
    static const char* const bundles[] = {NULL, PEM("a"), PEM("b"), PEM("a") PEM("b")};
    enum { BUNDLES = sizeof(bundles) / sizeof(bundles[0]) };
    CONCRETE_IO_HANDLE ios[2 * BUNDLES];
    SSL_CTX* ssls[2 * BUNDLES];
    for (int i = 0; i < 2 * BUNDLES; i++)
    {
        WSIO_CONFIG config = tls_config(bundles[i % BUNDLES]);
        create_io(&config);
        ios[i] = io;
        CHECK_INT(open_io("io"), 0);
        ssls[i] = ssl_of(newest_context());
    }
    CHECK_INT(calls_of(CALL_SSL_CTX_new), BUNDLES);
    for (int i = 0; i < BUNDLES; i++)
    {
        CHECK_PTR(ssls[i + BUNDLES], ssls[i]);
        for (int j = 0; j < i; j++)
        {
            CHECK(ssls[i] != ssls[j]);
        }
    }
    /* The first goes, the second keeps it alive. */
    for (int i = 0; i < 2 * BUNDLES; i++)
    {
        io = ios[i];
        CHECK(ssl_ctx_is_alive(ssls[i]));
        CHECK_INT(close_io("close"), 0);
        wsio_destroy(io);
    }
    io = NULL;
    finish();
}

/* Refused: an open that would trust less than the user meant -------------------- */

TEST(refuses_an_empty_bundle)
{
    check_open_fails("", "trusted_ca");
}

TEST(refuses_what_is_no_certificate)
{
    check_open_fails("hello", "trusted_ca");
}

TEST(refuses_other_pem)
{
    check_open_fails("-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\n", "trusted_ca");
}

TEST(refuses_a_broken_certificate)
{
    check_open_fails(PEM("broken"), "trusted_ca");
}

TEST(refuses_a_broken_certificate_after_a_good_one)
{
    check_open_fails(PEM("one") PEM("broken"), "trusted_ca");
}

TEST(refuses_a_broken_certificate_before_a_good_one)
{
    check_open_fails(PEM("broken") PEM("two"), "trusted_ca");
}

TEST(refuses_a_bundle_that_was_cut)
{
    check_open_fails(PEM("one") "-----BEGIN CERTIFICATE-----\ntw", "trusted_ca");
}

/* Each API in turn, own SSL_CTX. SRS_WSIO_01_128, SRS_WSIO_01_129,
 * SRS_WSIO_01_133: nothing may leak, which check_open_fails sees. */
TEST(every_failing_call_fails_the_open)
{
    static const CALL calls[] = {
        CALL_BIO_meth_new, CALL_SSL_CTX_new, CALL_CRYPTO_get_ex_new_index,
        CALL_SSL_CTX_set_ex_data, CALL_SSL_CTX_ctrl,
        CALL_SSL_CTX_set_default_verify_dir, CALL_X509_STORE_add_lookup,
        CALL_SSL_CTX_get_cert_store, CALL_BIO_new, CALL_BIO_puts, CALL_PEM_read_bio_X509,
        CALL_X509_STORE_add_cert,
    };
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
    {
        fail_nth(calls[i], 1);
        check_open_fails(THREE, "wsio_open");
        CHECK(failed());
        fail_none();
    }
}

/* In the middle of the bundle. SRS_WSIO_01_133 */
TEST(a_certificate_that_cannot_be_added_is_freed)
{
    WSIO_CONFIG config = tls_config(THREE);
    create_io(&config);
    forget_journal();
    fail_nth(CALL_X509_STORE_add_cert, 2);
    CHECK(open_io("failing") != 0);
    CHECK_JOURNAL(IN_LWS | IN_SSL, "SSL_CTX_new", "SSL_CTX_set_default_verify_dir",
        "SSL_CTX_get_cert_store", "X509_STORE_add_lookup",
        "SSL_CTX_get_cert_store", "BIO_new", "BIO_puts",
        "PEM_read_bio_X509 one", "X509_STORE_add_cert one", "X509_free one",
        "PEM_read_bio_X509 two", "X509_STORE_add_cert two fails", "X509_free two", "BIO_free",
        "SSL_CTX_free");
    CHECK(log_has("X509_STORE_add_cert"));
    /* OpenSSL's own words are in the line. */
    CHECK(log_has("openssl error"));
    CHECK_INT(open_io("io"), 0);
    finish();
}

/* PEM_read_bio_X509 in turn: the failure is not taken for the end of the text.
 * SRS_WSIO_01_129, SRS_WSIO_01_132 */
TEST(a_failing_read_is_not_the_end)
{
    for (unsigned nth = 1; nth <= 4; nth++)
    {
        fail_nth(CALL_PEM_read_bio_X509, nth);
        check_open_fails(THREE, "trusted_ca");
        CHECK(failed());
        fail_none();
    }
}

/* lws's event ------------------------------------------------------------------ */

static WSIO_CONFIG configuration;

static void start_asking(WHEN when, const char* trusted_ca)
{
    configuration = tls_config(trusted_ca);
    lws_will_ask_for_certificates(when, ssl_ctx_of_lws());
}

/* Into the store of the SSL_CTX that the event names, as for our own.
 * SRS_WSIO_01_089, SRS_WSIO_01_090, SRS_WSIO_01_123, SRS_WSIO_01_124,
 * SRS_WSIO_01_125, SRS_WSIO_01_126, SRS_WSIO_01_127, SRS_WSIO_01_128,
 * SRS_WSIO_01_131, SRS_WSIO_01_132: the fake checks that the BIO is of
 * BIO_s_mem's method, and that it is freed. */
TEST(the_event_loads_every_certificate)
{
    configuration = tls_config(THREE);
    start_opening(&configuration);
    lws_will_ask_for_certificates(WHEN_SERVED, ssl_ctx_of_lws());
    serve();
    CHECK_JOURNAL(IN_SSL | TO_USER, "SSL_CTX_get_cert_store", "BIO_new", "BIO_puts",
        "PEM_read_bio_X509 one", "X509_STORE_add_cert one", "X509_free one",
        "PEM_read_bio_X509 two", "X509_STORE_add_cert two", "X509_free two",
        "PEM_read_bio_X509 three", "X509_STORE_add_cert three", "X509_free three",
        "PEM_read_bio_X509 NULL", "BIO_free");
    CHECK_STR(ssl_ctx_certificates(ssl_ctx_of_lws()), "one\ntwo\nthree\n");
    CHECK_INT(ssl_error_count(), 0);
    /* The open goes on. */
    report(LWS_CALLBACK_CLIENT_ESTABLISHED, NULL, 0);
    CHECK_JOURNAL(TO_USER, "io opened OK");
    finish();
}

/* Inside lws_create_context, where lws raises it: the context is not known to
 * the caller yet. SRS_WSIO_01_089 */
TEST(the_event_comes_while_the_context_is_made)
{
    start_asking(WHEN_CREATED, PEM("ca"));
    start_opening(&configuration);
    CHECK_STR(ssl_ctx_certificates(ssl_ctx_of_lws()), "ca\n");
    report(LWS_CALLBACK_CLIENT_ESTABLISHED, NULL, 0);
    CHECK_JOURNAL(TO_USER, "io opened OK");
    finish();
}

/* SRS_WSIO_01_089, SRS_WSIO_01_100 */
TEST(the_event_needs_no_trusted_ca)
{
    configuration = tls_config(NULL);
    start_opening(&configuration);
    lws_will_ask_for_certificates(WHEN_SERVED, ssl_ctx_of_lws());
    serve();
    CHECK_JOURNAL_EMPTY(IN_SSL | TO_USER);
    report(LWS_CALLBACK_CLIENT_ESTABLISHED, NULL, 0);
    CHECK_JOURNAL(TO_USER, "io opened OK");
    finish();
}

/* Without an SSL_CTX there is nothing to do it with; nothing crashes. */
TEST(the_event_may_have_no_ssl_ctx)
{
    configuration = tls_config(PEM("ca"));
    start_opening(&configuration);
    lws_will_ask_for_certificates(WHEN_SERVED, NULL);
    serve();
    CHECK_JOURNAL_EMPTY(IN_SSL);
    finish();
}

/* Each API in turn. SRS_WSIO_01_128, SRS_WSIO_01_129, SRS_WSIO_01_133 */
TEST(a_failing_call_in_the_event_fails_the_open)
{
    static const CALL calls[] = {
        CALL_SSL_CTX_get_cert_store, CALL_BIO_new, CALL_BIO_puts, CALL_PEM_read_bio_X509,
        CALL_X509_STORE_add_cert,
    };
    configuration = tls_config(THREE);
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
    {
        for (unsigned nth = 1; nth <= 4; nth++)
        {
            start_opening(&configuration);
            forget_log();
            fail_nth(calls[i], nth);
            lws_will_ask_for_certificates(WHEN_SERVED, ssl_ctx_of_lws());
            serve();
            if (!failed())
            {
                /* It is not called that often. */
                CHECK(nth > 1);
                fail_none();
                finish();
                break;
            }
            fail_none();
            CHECK_JOURNAL(TO_USER, "io opened ERROR");
            CHECK_INT(contexts_alive(), 0);
            CHECK_INT(ssl_error_count(), 0);
            CHECK_INT(log_count(), 1);
            finish();
        }
    }
}

/* While wsio_open runs it fails, and calls nothing back. SRS_WSIO_01_129 */
TEST(a_failing_call_in_the_event_fails_wsio_open)
{
    configuration = tls_config(PEM("ca"));
    create_io(&configuration);
    /* The first BIO is for our own SSL_CTX, the second for the event's. */
    lws_will_ask_for_certificates(WHEN_CREATED, ssl_ctx_of_lws());
    fail_nth(CALL_BIO_new, 2);
    forget_journal();
    CHECK(open_io("failing") != 0);
    CHECK(failed());
    CHECK_JOURNAL_EMPTY(TO_USER);
    CHECK_INT(contexts_alive(), 0);
    CHECK_INT(log_count(), 1);
    CHECK_INT(open_io("io"), 0);
    finish();
}

/* SRS_WSIO_01_130 */
TEST(the_event_loses_an_open_io)
{
    configuration = tls_config(PEM("ca"));
    start(&configuration);
    lws_will_ask_for_certificates(WHEN_SERVED, ssl_ctx_of_lws());
    serve();
    CHECK_JOURNAL(IN_SSL | TO_USER, "io failed");
    /* Once. */
    lws_will_ask_for_certificates(WHEN_SERVED, ssl_ctx_of_lws());
    serve();
    CHECK_JOURNAL_EMPTY(IN_SSL | TO_USER);
    finish();
}

/* Names and addresses ----------------------------------------------------------- */

/* lws cuts the name to verify at the first colon: of an IPv6 address nothing is
 * left to check. The library checks the address itself. */
TEST(an_ipv6_server_is_verified_by_its_address)
{
    static const unsigned char address[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 0x01};
    const unsigned char* ip;
    size_t size;
    void* argument;
    VERIFY* verify;
    WSIO_CONFIG config = tls_config(NULL);
    config.host = "2001:db8::1";
    start_opening(&config);
    verify = ssl_ctx_verify_callback(ssl_of(newest_context()), &argument);
    CHECK(verify != NULL);

    /* The name is taken out, the address put in, and OpenSSL decides. */
    for (int verdict = 0; verdict <= 1; verdict++)
    {
        X509_STORE_CTX* store = ssl_verification(0);
        ssl_verification_will_return(verdict);
        forget_journal();
        CHECK_INT(verify(store, argument), verdict);
        CHECK_JOURNAL(IN_SSL, "X509_VERIFY_PARAM_set1_host NULL", "X509_VERIFY_PARAM_set1_ip",
            "X509_verify_cert");
        CHECK(!ssl_verification_has_host());
        ip = ssl_verification_ip(&size);
        CHECK_INT(size, sizeof(address));
        CHECK_MEM(ip, address, sizeof(address));
    }
    finish();
}

/* It fails closed. */
TEST(an_ipv6_server_that_cannot_be_verified_is_refused)
{
    static const CALL calls[] = {CALL_X509_VERIFY_PARAM_set1_host, CALL_X509_VERIFY_PARAM_set1_ip};
    void* argument;
    VERIFY* verify;
    WSIO_CONFIG config = tls_config(NULL);
    config.host = "::1";
    start_opening(&config);
    verify = ssl_ctx_verify_callback(ssl_of(newest_context()), &argument);
    CHECK(verify != NULL);
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
    {
        X509_STORE_CTX* store = ssl_verification(0);
        fail_nth(calls[i], 1);
        CHECK_INT(verify(store, argument), 0);
        CHECK(failed());
        CHECK_INT(calls_of(CALL_X509_verify_cert), 0);
    }
    finish();
}

/* lws sets the name to verify, and does not look whether that worked: then it
 * would be left out. */
TEST(a_server_whose_name_would_not_be_verified_is_refused)
{
    void* argument;
    VERIFY* verify;
    WSIO_CONFIG config = tls_config(NULL);
    start_opening(&config);
    verify = ssl_ctx_verify_callback(ssl_of(newest_context()), &argument);
    CHECK(verify != NULL);
    ssl_verification_will_return(1);
    CHECK_INT(verify(ssl_verification(0), argument), 1);
    CHECK_INT(calls_of(CALL_X509_verify_cert), 1);
    CHECK_INT(verify(ssl_verification_of_address(), argument), 1);
    CHECK_INT(calls_of(CALL_X509_verify_cert), 2);
    CHECK_INT(verify(ssl_verification_of_nothing(), argument), 0);
    CHECK_INT(calls_of(CALL_X509_verify_cert), 2);
    finish();
}

/* OpenSSL passes over certificates that it has no memory for: after a handshake
 * has failed the certificates are loaded anew. */
TEST(a_failed_handshake_is_not_tried_again_with_the_same_ssl_ctx)
{
    SSL_CTX* first;
    SSL_CTX* second;
    configuration = tls_config(PEM("ca"));
    start_opening(&configuration);
    first = ssl_of(newest_context());
    lws_will_report_verification(WHEN_SERVED, ssl_verification(X509_V_ERR_CERT_HAS_EXPIRED));
    lws_will_end(WHEN_SERVED, LWS_CALLBACK_CLIENT_CONNECTION_ERROR, "tls failed", 10);
    serve();
    CHECK_INT(journal_count("io opened ERROR"), 1);
    CHECK(!ssl_ctx_is_alive(first));
    CHECK_INT(open_io("io"), 0);
    second = ssl_of(newest_context());
    /* What has nothing to do with it does not count. */
    lws_will_end(WHEN_SERVED, LWS_CALLBACK_CLIENT_CONNECTION_ERROR, "conn fail", 9);
    serve();
    CHECK_INT(open_io("io"), 0);
    CHECK_PTR(ssl_of(newest_context()), second);
    finish();
}

/* Nor after lws had no memory to begin one: OpenSSL may have had none, either, for
 * what it keeps with a certificate. */
TEST(a_handshake_that_could_not_begin_is_not_tried_again_with_the_same_ssl_ctx)
{
    SSL_CTX* first;
    configuration = tls_config(PEM("ca"));
    start_opening(&configuration);
    first = ssl_of(newest_context());
    lws_will_end(WHEN_SERVED, LWS_CALLBACK_CLIENT_CONNECTION_ERROR, "bio_create failed", 17);
    serve();
    CHECK_INT(journal_count("io opened ERROR"), 1);
    CHECK(log_has("out of memory for TLS"));
    CHECK(!ssl_ctx_is_alive(first));
    CHECK_INT(open_io("io"), 0);
    finish();
}

/* Two servers with the same trust have the same SSL_CTX only when it checks the
 * same. */
TEST(ipv6_servers_have_ssl_ctxs_of_their_own)
{
    static const char* const hosts[] = {"::1", "::2", "example.org", "192.0.2.1"};
    CONCRETE_IO_HANDLE ios[4];
    SSL_CTX* ssls[4];
    for (int i = 0; i < 4; i++)
    {
        WSIO_CONFIG config = tls_config(PEM("ca"));
        config.host = hosts[i];
        create_io(&config);
        ios[i] = io;
        CHECK_INT(open_io("io"), 0);
        ssls[i] = ssl_of(newest_context());
    }
    CHECK(ssls[0] != ssls[1]);
    CHECK(ssls[0] != ssls[2]);
    CHECK(ssls[1] != ssls[2]);
    for (int i = 0; i < 4; i++)
    {
        io = ios[i];
        CHECK_INT(close_io("close"), 0);
        wsio_destroy(io);
    }
    io = NULL;
    finish();
}

/* What was wrong with the server's certificate is in the log; the verdict is
 * OpenSSL's, the event only tells. SRS_WSIO_01_037 */
TEST(the_log_names_what_is_wrong_with_a_certificate)
{
    configuration = tls_config(PEM("ca"));
    start_opening(&configuration);
    lws_will_report_verification(WHEN_SERVED, ssl_verification(X509_V_ERR_CERT_HAS_EXPIRED));
    lws_will_end(WHEN_SERVED, LWS_CALLBACK_CLIENT_CONNECTION_ERROR, "tls failed", 10);
    serve();
    CHECK_JOURNAL(IN_SSL | TO_USER, "io opened ERROR", "SSL_CTX_free");
    CHECK_INT(log_count(), 1);
    CHECK(log_has("verify error 10"));
    finish();
}

/* lws asks for a server by its address, too, which TLS forbids, and by "[" for
 * some. */
TEST(no_server_is_asked_for_by_its_address)
{
    SSL_CTX* ssl;
    configuration = tls_config(PEM("ca"));
    start_opening(&configuration);
    ssl = ssl_of(newest_context());
    CHECK_STR(ssl_name_asked_for(ssl, "example.org"), "example.org");
    CHECK_STR(ssl_name_asked_for(ssl, "192.0.2.example.org"), "192.0.2.example.org");
    CHECK_PTR(ssl_name_asked_for(ssl, "192.0.2.1"), NULL);
    CHECK_PTR(ssl_name_asked_for(ssl, "["), NULL);
    CHECK_PTR(ssl_name_asked_for(ssl, "2001:db8::1"), NULL);
    CHECK_PTR(ssl_name_asked_for(ssl, NULL), NULL);
    finish();
}

/* So is why a handshake failed, which lws has lost by then. */
TEST(the_log_names_why_a_handshake_failed)
{
    SSL_CTX* ssl;
    configuration = tls_config(PEM("ca"));
    start_opening(&configuration);
    ssl = ssl_of(newest_context());
    /* On its way, waiting for the server, and given up. */
    ssl_tell_progress(ssl, SSL_CB_CONNECT_LOOP, 1, 0x111);
    ssl_tell_progress(ssl, SSL_CB_CONNECT_EXIT, -1, 0);
    ssl_tell_progress(ssl, SSL_CB_READ_ALERT, 0x246, 0x222);
    ssl_tell_progress(ssl, SSL_CB_CONNECT_EXIT, -1, 0x333);
    lws_will_end(WHEN_SERVED, LWS_CALLBACK_CLIENT_CONNECTION_ERROR, "SSL err 1", 9);
    serve();
    CHECK_JOURNAL(TO_USER, "io opened ERROR");
    CHECK_INT(log_count(), 1);
    CHECK(log_has("TLS failed: openssl error 333"));
    finish();
}

/* Without memory for the reason, lws's text is all there is. */
TEST(a_reason_that_cannot_be_noted)
{
    configuration = tls_config(PEM("ca"));
    start_opening(&configuration);
    fail_nth(CALL_SSL_set_ex_data, 1);
    ssl_tell_progress(ssl_of(newest_context()), SSL_CB_CONNECT_EXIT, -1, 0x333);
    CHECK(failed());
    lws_will_end(WHEN_SERVED, LWS_CALLBACK_CLIENT_CONNECTION_ERROR, "SSL err 1", 9);
    serve();
    CHECK_INT(log_count(), 1);
    CHECK(log_has("SSL err 1"));
    finish();
}

/* OpenSSL's error queue ------------------------------------------------------- */

static void check_queue_is_the_hosts(void)
{
    const char* file;
    const char* function;
    const char* data;
    int line;
    CHECK_INT(ssl_error_count(), 2);
    CHECK_INT(ssl_error(0, &file, &line, &function, &data), ERR_PACK(ERR_LIB_USER, 0, 7));
    CHECK_STR(file, "host.c");
    CHECK_INT(line, 42);
    CHECK_STR(function, "host_function");
    CHECK_STR(data, "100% its own");
    CHECK_INT(ssl_error(1, &file, &line, &function, &data), SYSTEM_ERROR);
    CHECK_INT(line, 1);
    CHECK_STR(file, "other.c");
}

/* The host's errors are there after every call, in order, and ours are not. */
TEST(the_hosts_errors_stay)
{
    configuration = tls_config(PEM("ca"));
    create_io(&configuration);
    ssl_push_error_with(ERR_PACK(ERR_LIB_USER, 0, 7), "host.c", 42, "host_function",
        "100% its own");
    ssl_push_error_with(SYSTEM_ERROR, "other.c", 1, "", NULL);
    CHECK_INT(open_io("io"), 0);
    check_queue_is_the_hosts();
    lws_will_leave_ssl_error(ERR_PACK(ERR_LIB_SSL, 0, 1));
    serve();
    check_queue_is_the_hosts();
    report(LWS_CALLBACK_CLIENT_ESTABLISHED, NULL, 0);
    CHECK_INT(send_text("a"), 0);
    lws_will_leave_ssl_error(ERR_PACK(ERR_LIB_SSL, 0, 2));
    report(LWS_CALLBACK_CLIENT_WRITEABLE, NULL, 0);
    check_queue_is_the_hosts();
    CHECK_INT(close_io("close"), 0);
    check_queue_is_the_hosts();
    destroy_io();
    check_queue_is_the_hosts();
    finish();
}

/* Also when something fails. */
TEST(the_hosts_errors_stay_after_failures)
{
    static const CALL calls[] = {
        CALL_SSL_CTX_new, CALL_BIO_new, CALL_PEM_read_bio_X509, CALL_X509_STORE_add_cert,
        CALL_lws_create_context, CALL_lws_init_vhost_client_ssl, CALL_lws_client_connect_via_info,
    };
    configuration = tls_config(PEM("ca"));
    ssl_push_error_with(ERR_PACK(ERR_LIB_USER, 0, 7), "host.c", 42, "host_function",
        "100% its own");
    ssl_push_error_with(SYSTEM_ERROR, "other.c", 1, "", NULL);
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
    {
        create_io(&configuration);
        fail_nth(calls[i], 1);
        CHECK(open_io("failing") != 0);
        CHECK(failed());
        check_queue_is_the_hosts();
        destroy_io();
    }
    finish();
}

/* A host error in the queue is not taken for one of ours. */
TEST(the_hosts_errors_do_not_spoil_the_certificates)
{
    configuration = tls_config(THREE);
    create_io(&configuration);
    ssl_push_error(ERR_PACK(ERR_LIB_PEM, 0, PEM_R_BAD_BASE64_DECODE));
    CHECK_INT(open_io("io"), 0);
    CHECK_INT(ssl_error_count(), 1);
    lws_will_ask_for_certificates(WHEN_SERVED, ssl_ctx_of_lws());
    serve();
    CHECK_STR(ssl_ctx_certificates(ssl_ctx_of_lws()), "one\ntwo\nthree\n");
    CHECK_INT(ssl_error_count(), 1);
    finish();
}

/* lws's explanation is all there is on a plain connection, whose errors in
 * OpenSSL's queue are somebody else's. */
TEST(the_hosts_errors_do_not_explain_ours)
{
    start_opening(NULL);
    ssl_push_error(ERR_PACK(ERR_LIB_USER, 0, 7));
    report(LWS_CALLBACK_CLIENT_CONNECTION_ERROR, "refused", 7);
    CHECK(log_has("refused"));
    CHECK(!log_has("openssl error"));
    CHECK_INT(ssl_error_count(), 1);
    finish();
}
