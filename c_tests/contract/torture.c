/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Everything that can fail, fails: each allocation and each call of lws, OpenSSL
 * and the list in turn, in each step of an IO's life. Nothing crashes, nothing
 * leaks, everything is answered once, and afterwards the IO works.
 *
 * What exactly becomes of each failure is in the other files. */
#include "rig.h"

/* A life ---------------------------------------------------------------------- */

static WSIO_CONFIG configuration;

/* Like the hasty user: does everything, whatever the results were. */
static void live(void)
{
    static const char bytes[3000];
    if (!try_create_io(&configuration))
    {
        return;
    }
    for (int i = 0; i < 2; i++)
    {
        if (open_io("io") == 0)
        {
            if (configuration.use_ssl)
            {
                lws_will_ask_for_certificates(WHEN_SERVED, ssl_ctx_of_lws());
            }
            serve();
            ssl_empty_store_of_lws();
            if (contexts_alive() > 0)
            {
                report(LWS_CALLBACK_CLIENT_ESTABLISHED, NULL, 0);
            }
        }
        (void)send_text("a");
        (void)send_bytes("b", bytes, sizeof(bytes));
        (void)wsio_send(io, "c", 1, NULL, NULL);
        if (contexts_alive() > 0)
        {
            lws_write_will_return(1);
            report(LWS_CALLBACK_CLIENT_WRITEABLE, NULL, 0);
            lws_write_will_leave_partial(true);
            report(LWS_CALLBACK_CLIENT_WRITEABLE, NULL, 0);
            lws_write_will_leave_partial(false);
            lws_set_partial(false);
            report(LWS_CALLBACK_CLIENT_WRITEABLE, NULL, 0);
            report(LWS_CALLBACK_CLIENT_RECEIVE, "d", 1);
        }
        (void)send_text("left over");
        (void)close_io("close");
        lws_write_will_return_all();
    }
    (void)open_io("last");
    destroy_io();
}

/* A life in which one thing has failed must end like every other, and the next
 * must be as if nothing had happened. */
static void check_life(void)
{
    forget_journal();
    forget_log();
    live();
    lws_write_will_return_all();
    lws_forget_events();
    finish();
}

static void check_undisturbed_life(void)
{
    check_life();
    CHECK_INT(log_count(), 0);
    CHECK_INT(journal_count("a sent OK"), 2);
    CHECK_INT(journal_count("b sent OK"), 2);
    CHECK_INT(journal_count("io received d"), 2);
    CHECK_INT(journal_count("left over sent CANCELLED"), 2);
    CHECK_INT(journal_count("last opened CANCELLED"), 1);
}

static void fail_every_allocation(void)
{
    unsigned nth = 0;
    do
    {
        heap_fail_nth(++nth);
        check_life();
        heap_fail_none();
    } while (heap_failed());
    CHECK(nth > 10);
    /* And all from the nth on. */
    for (unsigned first = 1; first < nth; first++)
    {
        heap_fail_from(first);
        check_life();
        heap_fail_none();
    }
    check_undisturbed_life();
}

static void fail_every_call(void)
{
    /* Those that can fail. */
    static const CALL calls[] = {
        CALL_lws_create_context, CALL_lws_get_vhost_by_name, CALL_lws_set_proxy,
        CALL_lws_init_vhost_client_ssl, CALL_lws_client_connect_via_info, CALL_lws_service,
        CALL_lws_callback_on_writable, CALL_lws_write, CALL_list_create, CALL_list_add,
        CALL_list_remove, CALL_BIO_meth_new, CALL_SSL_CTX_new, CALL_CRYPTO_get_ex_new_index,
        CALL_SSL_CTX_set_ex_data,
        CALL_SSL_CTX_ctrl, CALL_SSL_CTX_set_default_verify_dir, CALL_X509_STORE_add_lookup,
        CALL_SSL_CTX_set_default_verify_paths, CALL_SSL_CTX_get_cert_store, CALL_BIO_new,
        CALL_BIO_puts, CALL_PEM_read_bio_X509, CALL_X509_STORE_add_cert,
    };
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
    {
        unsigned nth = 0;
        do
        {
            fail_nth(calls[i], ++nth);
            check_life();
            fail_none();
        } while (failed());
        fail_all(calls[i]);
        check_life();
        fail_none();
    }
    check_undisturbed_life();
}

/* SRS_WSIO_01_005, SRS_WSIO_01_055, SRS_WSIO_01_073 */
TEST(every_allocation_of_a_plain_life)
{
    configuration = plain_config();
    check_undisturbed_life();
    fail_every_allocation();
}

/* SRS_WSIO_01_005, SRS_WSIO_01_055, SRS_WSIO_01_073, SRS_WSIO_01_129 */
TEST(every_allocation_of_a_tls_life)
{
    configuration = tls_config(PEM("one") PEM("two"));
    check_undisturbed_life();
    fail_every_allocation();
}

/* SRS_WSIO_01_022, SRS_WSIO_01_033, SRS_WSIO_01_055, SRS_WSIO_01_076,
 * SRS_WSIO_01_079, SRS_WSIO_01_099, SRS_WSIO_01_106 */
TEST(every_call_of_a_plain_life)
{
    configuration = plain_config();
    fail_every_call();
}

/* SRS_WSIO_01_129, SRS_WSIO_01_133 */
TEST(every_call_of_a_tls_life)
{
    configuration = tls_config(PEM("one") PEM("two"));
    fail_every_call();
}

/* An allocation and a call at once. */
TEST(every_allocation_with_every_failing_removal)
{
    unsigned nth = 0;
    configuration = plain_config();
    do
    {
        heap_fail_nth(++nth);
        fail_all(CALL_list_remove);
        check_life();
        heap_fail_none();
        fail_none();
    } while (heap_failed());
    check_undisturbed_life();
}

/* Step by step ---------------------------------------------------------------- */

/* Fails each allocation that `step` makes, in a fresh IO that `arrange` has
 * brought there; `check` looks at what became of it. */
static unsigned fail_in(void (*arrange)(void), void (*step)(void), void (*check)(void))
{
    unsigned nth = 0;
    bool has_failed;
    do
    {
        arrange();
        forget_journal();
        forget_log();
        heap_fail_nth(++nth);
        step();
        heap_fail_none();
        has_failed = heap_failed();
        if (has_failed)
        {
            check();
        }
        finish();
    } while (has_failed);
    return nth - 1;
}

static void arrange_created(void)
{
    create_io(&configuration);
}

static int result;

static void step_open(void)
{
    result = open_io("io");
}

static void check_open_failed(void)
{
    CHECK(result != 0);
    CHECK_INT(contexts_alive(), 0);
    CHECK_INT(log_count(), 1);
    CHECK_INT(open_io("again"), 0);
    report(LWS_CALLBACK_CLIENT_ESTABLISHED, NULL, 0);
    CHECK_INT(journal_count("again opened OK"), 1);
}

TEST(every_allocation_of_an_open)
{
    configuration = plain_config();
    CHECK(fail_in(arrange_created, step_open, check_open_failed) > 0);
    configuration = tls_config(PEM("one") PEM("two"));
    CHECK(fail_in(arrange_created, step_open, check_open_failed) > 1);
}

static void arrange_opening(void)
{
    start_opening(&configuration);
}

static void step_establish(void)
{
    report(LWS_CALLBACK_CLIENT_ESTABLISHED, NULL, 0);
}

static void check_established(void)
{
    CHECK_INT(journal_count("io opened OK"), 1);
}

/* It works without memory. SRS_WSIO_01_066 */
TEST(every_allocation_of_established)
{
    configuration = plain_config();
    (void)fail_in(arrange_opening, step_establish, check_established);
}

static void arrange_open(void)
{
    start(&configuration);
}

static void step_send(void)
{
    result = send_text("a");
}

static void check_send_refused(void)
{
    CHECK(result != 0);
    CHECK_INT(list_items_live(), 0);
    CHECK_INT(log_count(), 1);
    CHECK_INT(send_text("b"), 0);
    write_all();
    CHECK_INT(journal_count("b sent OK"), 1);
    CHECK_INT(journal_count("lws_write BINARY a"), 0);
}

/* SRS_WSIO_01_055 */
TEST(every_allocation_of_a_send)
{
    configuration = plain_config();
    CHECK(fail_in(arrange_open, step_send, check_send_refused) > 0);
}

static void arrange_pending(void)
{
    start(&configuration);
    CHECK_INT(send_text("a"), 0);
    CHECK_INT(send_text("b"), 0);
}

static void step_writeable(void)
{
    report(LWS_CALLBACK_CLIENT_WRITEABLE, NULL, 0);
}

static void check_send_failed(void)
{
    CHECK_INT(journal_count("a sent ERROR") + journal_count("b sent ERROR"), 1);
    CHECK_INT(journal_count("io failed"), 0);
    write_all();
    CHECK_INT(journal_count("a sent OK") + journal_count("b sent OK"), 1);
}

/* SRS_WSIO_01_073 */
TEST(every_allocation_of_writeable)
{
    configuration = plain_config();
    CHECK(fail_in(arrange_pending, step_writeable, check_send_failed) > 0);
}

static void step_close(void)
{
    result = close_io("close");
}

static void check_closed(void)
{
    CHECK_INT(result, 0);
    CHECK_INT(journal_count("a sent CANCELLED"), 1);
    CHECK_INT(journal_count("b sent CANCELLED"), 1);
    CHECK_INT(journal_count("close closed"), 1);
    CHECK_INT(contexts_alive(), 0);
}

/* It cannot fail, at most the goodbye is not said. SRS_WSIO_01_043,
 * SRS_WSIO_01_044 */
TEST(every_allocation_of_a_close)
{
    configuration = plain_config();
    (void)fail_in(arrange_pending, step_close, check_closed);
    configuration = tls_config(NULL);
    (void)fail_in(arrange_pending, step_close, check_closed);
}

static void check_destroyed(void)
{
    CHECK_INT(journal_count("a sent CANCELLED"), 1);
    CHECK_INT(journal_count("b sent CANCELLED"), 1);
    CHECK_INT(contexts_alive(), 0);
    CHECK_INT(heap_live(), 0);
}

/* SRS_WSIO_01_007, SRS_WSIO_01_009 */
TEST(every_allocation_of_a_destroy)
{
    configuration = plain_config();
    (void)fail_in(arrange_pending, destroy_io, check_destroyed);
    configuration = tls_config(NULL);
    (void)fail_in(arrange_pending, destroy_io, check_destroyed);
}

/* A host's error in OpenSSL's queue may get lost when there is no memory to keep
 * it, nothing else. SRS_WSIO_01_104 */
static void step_open_with_errors(void)
{
    ssl_push_error_with(ERR_PACK(ERR_LIB_USER, 0, 7), "host.c", 42, "f", "text");
    result = open_io("io");
    ERR_clear_error();
}

static void check_consistent(void)
{
    if (result == 0)
    {
        report(LWS_CALLBACK_CLIENT_ESTABLISHED, NULL, 0);
        CHECK_INT(journal_count("io opened OK"), 1);
    }
    else
    {
        check_open_failed();
    }
}

TEST(every_allocation_of_an_open_with_host_errors)
{
    configuration = tls_config(PEM("ca"));
    CHECK(fail_in(arrange_created, step_open_with_errors, check_consistent) > 1);
}
