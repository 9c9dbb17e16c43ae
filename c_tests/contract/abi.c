/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Which context goes to which callback, in the ABI that was built. */
#include "rig.h"

static void* opened_with;
static void* received_with;
static void* failed_with;

static void on_opened(void* context, IO_OPEN_RESULT result)
{
    (void)result;
    opened_with = context;
}

static void on_received(void* context, const unsigned char* bytes, size_t size)
{
    (void)bytes;
    (void)size;
    received_with = context;
}

static void on_failed(void* context)
{
    failed_with = context;
}

static void run_all_callbacks(void)
{
    report(LWS_CALLBACK_CLIENT_ESTABLISHED, NULL, 0);
    report(LWS_CALLBACK_CLIENT_RECEIVE, "bytes", 5);
    report_end(LWS_CALLBACK_CLIENT_CLOSED);
}

/* 2016-01: one for all three; 2016-03: each its own. SRS_WSIO_01_039,
 * SRS_WSIO_01_086 */
TEST(each_callback_gets_its_context)
{
    int of_open;
#ifdef WSIO_ABI_2016_03
    int of_bytes;
    int of_error;
    create_io(NULL);
    CHECK_INT(wsio_open(io, on_opened, &of_open, on_received, &of_bytes, on_failed, &of_error), 0);
    run_all_callbacks();
    CHECK_PTR(received_with, &of_bytes);
    CHECK_PTR(failed_with, &of_error);
#else
    create_io(NULL);
    CHECK_INT(wsio_open(io, on_opened, on_received, on_failed, &of_open), 0);
    run_all_callbacks();
    CHECK_PTR(received_with, &of_open);
    CHECK_PTR(failed_with, &of_open);
#endif
    CHECK_PTR(opened_with, &of_open);
    finish();
}

/* As it is, NULL too. SRS_WSIO_01_039, SRS_WSIO_01_086 */
TEST(null_is_a_context)
{
    opened_with = received_with = failed_with = &io;
    create_io(NULL);
    CHECK_INT(test_open(io, on_opened, on_received, on_failed, NULL), 0);
    run_all_callbacks();
    CHECK_PTR(opened_with, NULL);
    CHECK_PTR(received_with, NULL);
    CHECK_PTR(failed_with, NULL);
    finish();
}
