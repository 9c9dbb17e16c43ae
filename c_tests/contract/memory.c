/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What is held between messages, and given back when it is quiet. */
#include <stdlib.h>

#include "rig.h"

/* Longer than any conversation pauses. */
enum { QUIET_MS = 1000 };

static void be_quiet(void)
{
    clock_advance_ms(QUIET_MS);
    serve();
}

/* The send buffer ----------------------------------------------------------- */

/* What a large message needs is kept for reuse, and given back when there was none
 * for a second, be there other traffic or not. */
TEST(does_not_hold_much_memory_for_nothing)
{
    static const char bytes[1024 * 1024];
    size_t held;
    start(NULL);
    held = heap_bytes();
    for (int i = 0; i < 10; i++)
    {
        for (int j = 0; j < 10; j++)
        {
            lws_forget_written();
            CHECK_INT(send_bytes("large", bytes, sizeof(bytes)), 0);
            write_all();
            CHECK(heap_bytes() < held + 2 * sizeof(bytes) + 100000);
        }
        for (int j = 0; j < 11; j++)
        {
            clock_advance_ms(QUIET_MS / 10);
            CHECK_INT(send_text("small"), 0);
            write_all();
        }
        CHECK(heap_bytes() < held + 100000);
    }
    finish();
}

/* Nothing of it outlives the connection. */
TEST(a_closed_io_holds_no_buffers)
{
    static const char bytes[1024 * 1024];
    size_t held;
    create_io(NULL);
    held = heap_bytes();
    CHECK_INT(open_io("io"), 0);
    report(LWS_CALLBACK_CLIENT_ESTABLISHED, NULL, 0);
    CHECK_INT(send_bytes("large", bytes, sizeof(bytes)), 0);
    write_all();
    CHECK_INT(close_io("close"), 0);
    CHECK_INT(heap_bytes(), held);
    finish();
}

/* One after the other, each in the memory of the one before. */
TEST(large_sends_need_no_new_memory)
{
    static char bytes[1024 * 1024];
    unsigned before;
    start(NULL);
    for (int i = 0; i < 10; i++)
    {
        bytes[0] = (char)i;
        before = heap_allocations();
        lws_forget_written();
        CHECK_INT(send_bytes("large", bytes, sizeof(bytes) - (size_t)i), 0);
        write_all();
        CHECK_INT(lws_written_size(), sizeof(bytes) - (size_t)i);
        CHECK_MEM(lws_written(), bytes, sizeof(bytes) - (size_t)i);
        if (i > 0)
        {
            CHECK_INT(heap_allocations(), before);
        }
    }
    finish();
}

/* Nor do small ones, of about the same size. */
TEST(small_sends_need_no_new_memory)
{
    static const char bytes[256];
    size_t held;
    unsigned before = 0;
    start(NULL);
    held = heap_bytes();
    for (size_t size = sizeof(bytes); size >= 200; size -= 8)
    {
        for (int i = 0; i < 3; i++)
        {
            CHECK_INT(send_bytes("small", bytes, size), 0);
        }
        write_all();
        if (size == sizeof(bytes))
        {
            before = heap_allocations();
        }
        CHECK_INT(heap_allocations(), before);
    }
    be_quiet();
    CHECK_INT(heap_bytes(), held);
    finish();
}

/* After a burst not all of its memory is kept, and none for long. */
TEST(a_burst_leaves_little)
{
    static const char bytes[200];
    enum { COUNT = 1000, MOST = 70 * 1024 };
    size_t held;
    start(NULL);
    held = heap_bytes();
    for (int i = 0; i < COUNT; i++)
    {
        CHECK_INT(send_bytes("burst", bytes, sizeof(bytes)), 0);
        forget_journal();
    }
    CHECK(heap_bytes() - held > MOST);
    while (newest_context()->writeable_requests > 0)
    {
        newest_context()->writeable_requests = 0;
        report(LWS_CALLBACK_CLIENT_WRITEABLE, NULL, 0);
        forget_journal();
    }
    CHECK(heap_bytes() - held < MOST);
    be_quiet();
    CHECK_INT(heap_bytes(), held);
    finish();
}

/* A short message does not take the block of a long one. */
TEST(a_block_is_not_wasted_on_a_small_send)
{
    static const char bytes[256];
    unsigned before;
    start(NULL);
    CHECK_INT(send_bytes("long", bytes, sizeof(bytes)), 0);
    write_all();
    before = heap_allocations();
    CHECK_INT(send_text("a"), 0);
    CHECK_INT(heap_allocations() - before, 1);
    write_all();
    finish();
}

TEST(the_send_buffer_goes_when_it_is_quiet)
{
    static const char bytes[60000];
    size_t held;
    start(NULL);
    held = heap_bytes();
    CHECK_INT(send_bytes("a", bytes, sizeof(bytes)), 0);
    write_all();
    CHECK(heap_bytes() > held);
    clock_advance_ms(QUIET_MS - 1);
    serve();
    CHECK(heap_bytes() > held);
    be_quiet();
    CHECK_INT(heap_bytes(), held);
    CHECK_INT(send_bytes("a", bytes, sizeof(bytes)), 0);
    write_all();
    CHECK_INT(journal_count("a sent OK"), 2);
    finish();
}

/* With permessage-deflate lws goes on reading it. */
TEST(the_send_buffer_stays_while_lws_holds_bytes)
{
    size_t held;
    start(NULL);
    CHECK_INT(send_text("a"), 0);
    lws_write_will_leave_partial(true);
    report(LWS_CALLBACK_CLIENT_WRITEABLE, NULL, 0);
    held = heap_bytes();
    be_quiet();
    be_quiet();
    CHECK_INT(heap_bytes(), held);
    lws_write_will_leave_partial(false);
    lws_set_partial(false);
    be_quiet();
    CHECK(heap_bytes() < held);
    write_all();
    finish();
}

/* lws's receive buffer ------------------------------------------------------ */

enum { REQUEST = 300, LEFT_OVER = 12, MARK = 0x55 };

static size_t buffer_size(void)
{
    return newest_context()->info.pt_serv_buf_size;
}

static void fill_buffer(void)
{
    memset(lws_service_buffer(), MARK, buffer_size());
}

static size_t marked(const unsigned char* bytes, size_t size)
{
    size_t count = 0;
    for (size_t i = 0; i < size; i++)
    {
        count += bytes[i] == MARK;
    }
    return count;
}

/* All but what is on the pages of other things. */
static void check_released(void)
{
    const unsigned char* buffer = lws_service_buffer();
    CHECK(marked(buffer, buffer_size()) < 2 * 4096 + REQUEST);
    CHECK_INT(marked(buffer, REQUEST), REQUEST);
    CHECK_INT(marked(buffer + buffer_size() - LEFT_OVER, LEFT_OVER), LEFT_OVER);
}

/* lws says where its request is going to be continued. */
static void report_request(void* place, size_t left)
{
    static void* address;
    address = place;
    report(LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER, &address, left);
}

static void open_with_buffer(void)
{
    if (LWS_LIBRARY_VERSION_MAJOR > 4 || LWS_LIBRARY_VERSION_MINOR > 3)
    {
        fprintf(stderr, "skipped: where the buffer is in this libwebsockets is not known\n");
        exit(77); /* ctest's SKIP_RETURN_CODE */
    }
    start_opening(NULL);
    report_request(lws_service_buffer() + REQUEST, buffer_size() - REQUEST - LEFT_OVER);
    fill_buffer();
    report(LWS_CALLBACK_CLIENT_ESTABLISHED, NULL, 0);
}

TEST(the_receive_buffer_goes_when_it_is_open)
{
    open_with_buffer();
    check_released();
    finish();
}

TEST(the_receive_buffer_goes_when_it_is_quiet)
{
    open_with_buffer();
    fill_buffer();
    report(LWS_CALLBACK_CLIENT_RECEIVE, "a", 1);
    CHECK_INT(marked(lws_service_buffer(), buffer_size()), buffer_size());
    clock_advance_ms(QUIET_MS - 1);
    serve();
    CHECK_INT(marked(lws_service_buffer(), buffer_size()), buffer_size());
    be_quiet();
    check_released();
    /* Once: lws does not use it while nothing is received. */
    fill_buffer();
    be_quiet();
    CHECK_INT(marked(lws_service_buffer(), buffer_size()), buffer_size());
    finish();
}

/* A buffer elsewhere may be anybody's by now. */
TEST(no_other_memory_is_released)
{
    static unsigned char elsewhere[64 * 1024];
    start_opening(NULL);
    memset(elsewhere, MARK, sizeof(elsewhere));
    report_request(elsewhere, sizeof(elsewhere));
    report_request(elsewhere, 16 * 1024);
    report_request(NULL, 0);
    report(LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER, NULL, 0);
    report(LWS_CALLBACK_CLIENT_ESTABLISHED, NULL, 0);
    CHECK_INT(marked(elsewhere, sizeof(elsewhere)), sizeof(elsewhere));
    finish();
}
