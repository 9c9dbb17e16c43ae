/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* wsio_destroy. */
#include "rig.h"

/* SRS_WSIO_01_007 */
TEST(frees_an_io_that_was_never_open)
{
    WSIO_CONFIG config = tls_config(PEM("ca"));
    create_io(&config);
    forget_journal();
    destroy_io();
    CHECK_JOURNAL(IN_LWS | IN_LIST | IN_SSL | TO_USER, "list_destroy");
    finish();
}

/* SRS_WSIO_01_008 */
TEST(does_nothing_with_null)
{
    wsio_destroy(NULL);
    CHECK_INT(calls_made(), 0);
    CHECK_INT(heap_allocations(), 0);
}

/* SRS_WSIO_01_007, SRS_WSIO_01_009 */
TEST(closes_an_open_io)
{
    start(NULL);
    destroy_io();
    CHECK_JOURNAL(IN_LWS | IN_LIST | TO_USER, "lws_write CLOSE 03e8", "lws_context_destroy",
        "list_destroy");
    finish();
}

/* SRS_WSIO_01_007, SRS_WSIO_01_009 */
TEST(cancels_what_is_pending)
{
    start(NULL);
    CHECK_INT(send_text("a"), 0);
    CHECK_INT(send_text("b"), 0);
    CHECK_INT(wsio_send(io, "c", 1, NULL, NULL), 0);
    forget_journal();
    destroy_io();
    CHECK_JOURNAL(TO_USER, "a sent CANCELLED", "b sent CANCELLED");
    finish();
}

/* SRS_WSIO_01_009, SRS_WSIO_01_038 */
TEST(cancels_an_open_in_progress)
{
    start_opening(NULL);
    destroy_io();
    CHECK_JOURNAL(IN_LWS | TO_USER, "io opened CANCELLED", "lws_context_destroy");
    finish();
}

/* SRS_WSIO_01_007 */
TEST(frees_a_closed_io)
{
    start(NULL);
    CHECK_INT(close_io("close"), 0);
    forget_journal();
    destroy_io();
    CHECK_JOURNAL(IN_LWS | IN_LIST | TO_USER, "list_destroy");
    finish();
}

/* SRS_WSIO_01_007 */
TEST(frees_an_io_whose_open_failed)
{
    start_opening(NULL);
    report_end(LWS_CALLBACK_CLIENT_CONNECTION_ERROR);
    CHECK_INT(contexts_alive(), 0);
    forget_journal();
    destroy_io();
    CHECK_JOURNAL(IN_LWS | IN_LIST | TO_USER, "list_destroy");
    finish();
}

/* SRS_WSIO_01_007, SRS_WSIO_01_009 */
TEST(frees_a_lost_io)
{
    start(NULL);
    CHECK_INT(send_text("a"), 0);
    report_end(LWS_CALLBACK_CLIENT_CLOSED);
    CHECK_JOURNAL(TO_USER, "io failed");
    destroy_io();
    CHECK_JOURNAL(IN_LWS | TO_USER, "lws_context_destroy", "a sent CANCELLED");
    finish();
}

/* SRS_WSIO_01_007 */
TEST(frees_tls)
{
    WSIO_CONFIG config = tls_config(PEM("ca"));
    start(&config);
    CHECK(ssl_live() > 0);
    destroy_io();
    CHECK_INT(ssl_live(), 0);
    finish();
}

/* An open that failed in wsio_open itself. SRS_WSIO_01_007 */
TEST(frees_an_io_that_could_not_connect)
{
    WSIO_CONFIG config = tls_config(PEM("ca"));
    create_io(&config);
    fail_nth(CALL_lws_client_connect_via_info, 1);
    CHECK(open_io("io") != 0);
    finish();
}
