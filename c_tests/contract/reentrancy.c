/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* From any callback the user may call any function of the same handle.
 *
 * Each place that calls back is tried with each thing that the user may do
 * there, alone and with what lws may still report of the old connection before
 * it returns. The rig sees to it that everything is answered once and that
 * nothing is called after the end of wsio_destroy; the fake lws, that no context
 * is destroyed inside a callback, none is used after its end, and no stale wsi. */
#include "rig.h"

typedef enum
{
    DO_SEND,
    DO_SEND_OFTEN,
    DO_CLOSE,
    DO_CLOSE_TWICE,
    DO_DOWORK,
    DO_OPEN,
    DO_CLOSE_AND_OPEN,
    DO_CLOSE_AND_OPEN_AND_CLOSE,
    DO_OPEN_AND_DESTROY,
    DO_CLOSE_AND_DESTROY,
    DO_DESTROY,
    ACTIONS
} ACTION;

/* What a function returns in some place. */
typedef enum
{
    REFUSED,
    ACCEPTED,
    EITHER /* where the document leaves the order of two callbacks open */
} ANSWER;

/* What the user may do in one callback, and how to get there. */
typedef struct
{
    const char* callback; /* the line in the journal */
    void (*arrange)(void);
    void (*trigger)(void);
    ANSWER to_send;
    ANSWER to_close;
    ANSWER to_open;
    ANSWER to_open_after_close;
} PLACE;

static const PLACE* place;
static ACTION action;
static bool acted;

static void check_answer(int result, ANSWER expected)
{
    if (expected != EITHER)
    {
        CHECK_INT(result == 0, expected == ACCEPTED);
    }
}

static void act(void)
{
    const unsigned services = calls_of(CALL_lws_service);
    if (acted || journal_count(place->callback) == 0)
    {
        return;
    }
    acted = true;
    switch (action)
    {
    case DO_SEND:
        check_answer(send_text("inside"), place->to_send);
        break;
    case DO_SEND_OFTEN:
        for (int i = 0; i < 20; i++)
        {
            check_answer(send_text("inside"), place->to_send);
        }
        break;
    case DO_CLOSE:
        check_answer(close_io("close"), place->to_close);
        break;
    case DO_CLOSE_TWICE:
        check_answer(close_io("close"), place->to_close);
        check_answer(close_io("close"), REFUSED);
        break;
    case DO_DOWORK:
        serve();
        serve();
        break;
    case DO_OPEN:
        check_answer(open_io("inside"), place->to_open);
        break;
    case DO_CLOSE_AND_OPEN:
        check_answer(close_io("close"), place->to_close);
        check_answer(open_io("inside"), place->to_open_after_close);
        break;
    case DO_CLOSE_AND_OPEN_AND_CLOSE:
        check_answer(close_io("close"), place->to_close);
        check_answer(open_io("inside"), place->to_open_after_close);
        check_answer(close_io("close"), place->to_open_after_close);
        break;
    case DO_OPEN_AND_DESTROY:
        check_answer(open_io("inside"), place->to_open);
        destroy_io();
        break;
    case DO_CLOSE_AND_DESTROY:
        check_answer(close_io("close"), place->to_close);
        destroy_io();
        break;
    case DO_DESTROY:
        destroy_io();
        break;
    default:
        CHECK(false);
    }
    /* Never nested. */
    CHECK_INT(calls_of(CALL_lws_service), services);
}

static void on_opened(IO_OPEN_RESULT result)
{
    (void)result;
    act();
}

static void on_received(const unsigned char* bytes, size_t size)
{
    (void)bytes;
    (void)size;
    act();
}

static void on_sent(const char* name, IO_SEND_RESULT result)
{
    (void)name;
    (void)result;
    act();
}

/* What may follow in the same lws_service. */
static void queue_late_events(void)
{
    lws_will_report(WHEN_SERVED, LWS_CALLBACK_CLIENT_RECEIVE, "late", 4);
    lws_will_report(WHEN_SERVED, LWS_CALLBACK_CLIENT_WRITEABLE, NULL, 0);
    lws_will_report(WHEN_SERVED, LWS_CALLBACK_WS_PEER_INITIATED_CLOSE, "\x03\xe8", 2);
    lws_will_report(WHEN_SERVED, LWS_CALLBACK_CLIENT_ESTABLISHED, NULL, 0);
    lws_will_end(WHEN_SERVED, LWS_CALLBACK_CLIENT_CLOSED, NULL, 0);
}

/* An open inside the callback is a new connection: nothing of the old one may
 * answer, feed or break it. */
static void check_new_open_is_untouched(void)
{
    CHECK_INT(journal_count("inside opened ERROR"), 0);
    CHECK_INT(journal_count("inside opened OK"), 0);
    CHECK_INT(journal_count("inside failed"), 0);
    CHECK_INT(contexts_alive(), 1);
    report(LWS_CALLBACK_CLIENT_ESTABLISHED, NULL, 0);
    CHECK_INT(journal_count("inside opened OK"), 1);
    CHECK_INT(send_text("afterwards"), 0);
    write_all();
    CHECK_INT(journal_count("afterwards sent OK"), 1);
    report(LWS_CALLBACK_CLIENT_RECEIVE, "a", 1);
    CHECK_INT(journal_count("inside received a"), 1);
    CHECK_INT(journal_count("inside failed"), 0);
}

static void try_action(bool late)
{
    bool opened_inside;
    hooks.opened = on_opened;
    hooks.received = on_received;
    hooks.failed = act;
    hooks.sent = on_sent;
    hooks.closed = act;
    acted = false;
    forget_journal();
    place->arrange();
    CHECK(!acted);
    if (late)
    {
        queue_late_events();
    }
    place->trigger();
    CHECK(acted);
    memset(&hooks, 0, sizeof(hooks));
    lws_write_will_return_all();
    fail_none();
    opened_inside = (action == DO_OPEN && place->to_open == ACCEPTED)
        || (action == DO_CLOSE_AND_OPEN && place->to_open_after_close == ACCEPTED);
    if (opened_inside)
    {
        check_new_open_is_untouched();
    }
    else if (io != NULL)
    {
        /* It still works, whatever state it is in. */
        (void)close_io("at last");
        CHECK_INT(contexts_alive(), 0);
        CHECK_INT(open_io("at last"), 0);
        report(LWS_CALLBACK_CLIENT_ESTABLISHED, NULL, 0);
        CHECK_INT(journal_count("at last opened OK"), 1);
    }
    finish();
}

static void try_all(const PLACE* where, bool with_late_events)
{
    place = where;
    for (int i = 0; i < ACTIONS; i++)
    {
        action = (ACTION)i;
        if (place->trigger == destroy_io
            && (action == DO_DESTROY || action == DO_OPEN_AND_DESTROY
                || action == DO_CLOSE_AND_DESTROY))
        {
            continue; /* nobody may destroy a handle twice */
        }
        try_action(false);
        if (with_late_events)
        {
            try_action(true);
        }
    }
}

/* The places ------------------------------------------------------------------ */

static void arrange_opening(void)
{
    start_opening(NULL);
}

static void arrange_established(void)
{
    arrange_opening();
    lws_will_report(WHEN_SERVED, LWS_CALLBACK_CLIENT_ESTABLISHED, NULL, 0);
}

/* SRS_WSIO_01_036, SRS_WSIO_01_066 */
TEST(from_open_ok)
{
    static const PLACE where = {"io opened OK", arrange_established, serve,
        ACCEPTED, ACCEPTED, REFUSED, ACCEPTED};
    try_all(&where, true);
}

static void arrange_connection_error(void)
{
    arrange_opening();
    lws_will_report(WHEN_SERVED, LWS_CALLBACK_CLIENT_CONNECTION_ERROR, NULL, 0);
}

/* SRS_WSIO_01_037, SRS_WSIO_01_069 */
TEST(from_open_error)
{
    static const PLACE where = {"io opened ERROR", arrange_connection_error, serve,
        REFUSED, REFUSED, ACCEPTED, ACCEPTED};
    try_all(&where, true);
}

static void serve_too_late(void)
{
    clock_advance_ms(20000);
    serve();
}

/* Here no lws function is on the stack. SRS_WSIO_01_037 */
TEST(from_open_error_by_time)
{
    static const PLACE where = {"io opened ERROR", arrange_opening, serve_too_late,
        REFUSED, REFUSED, ACCEPTED, ACCEPTED};
    try_all(&where, false);
}

static void serve_failing(void)
{
    fail_nth(CALL_lws_service, 1);
    serve();
}

/* SRS_WSIO_01_037 */
TEST(from_open_error_by_service)
{
    static const PLACE where = {"io opened ERROR", arrange_opening, serve_failing,
        REFUSED, REFUSED, ACCEPTED, ACCEPTED};
    try_all(&where, false);
}

static void close_outside(void)
{
    (void)close_io("outside");
}

/* SRS_WSIO_01_035, SRS_WSIO_01_038 */
TEST(from_open_cancelled)
{
    static const PLACE where = {"io opened CANCELLED", arrange_opening, close_outside,
        REFUSED, REFUSED, REFUSED, REFUSED};
    try_all(&where, false);
}

/* SRS_WSIO_01_009, SRS_WSIO_01_038 */
TEST(from_open_cancelled_by_destroy)
{
    static const PLACE where = {"io opened CANCELLED", arrange_opening, destroy_io,
        REFUSED, REFUSED, REFUSED, REFUSED};
    try_all(&where, false);
}

static void arrange_open(void)
{
    HOOKS later = hooks;
    memset(&hooks, 0, sizeof(hooks));
    start(NULL);
    hooks = later;
}

static void arrange_bytes(void)
{
    arrange_open();
    lws_will_report(WHEN_SERVED, LWS_CALLBACK_CLIENT_RECEIVE, "a", 1);
}

/* SRS_WSIO_01_083 */
TEST(from_bytes_received)
{
    static const PLACE where = {"io received a", arrange_bytes, serve,
        ACCEPTED, ACCEPTED, REFUSED, ACCEPTED};
    try_all(&where, true);
}

static void arrange_sends(void)
{
    arrange_open();
    CHECK_INT(send_text("one"), 0);
    CHECK_INT(send_text("two"), 0);
    CHECK_INT(send_text("three"), 0);
}

static void arrange_bytes_and_sends(void)
{
    arrange_sends();
    lws_will_report(WHEN_SERVED, LWS_CALLBACK_CLIENT_RECEIVE, "a", 1);
}

/* SRS_WSIO_01_083, SRS_WSIO_01_109 */
TEST(from_bytes_received_with_pending_sends)
{
    static const PLACE where = {"io received a", arrange_bytes_and_sends, serve,
        ACCEPTED, ACCEPTED, REFUSED, ACCEPTED};
    try_all(&where, true);
}

static void arrange_empty_message(void)
{
    arrange_sends();
    lws_will_report(WHEN_SERVED, LWS_CALLBACK_CLIENT_RECEIVE, NULL, 0);
}

/* The connection still stands when the user hears of it. SRS_WSIO_01_087 */
TEST(from_io_error)
{
    static const PLACE where = {"io failed", arrange_empty_message, serve,
        REFUSED, ACCEPTED, REFUSED, ACCEPTED};
    try_all(&where, true);
}

static void arrange_end(void)
{
    arrange_sends();
    lws_will_end(WHEN_SERVED, LWS_CALLBACK_CLIENT_CLOSED, NULL, 0);
}

/* SRS_WSIO_01_070 */
TEST(from_io_error_at_the_end)
{
    static const PLACE where = {"io failed", arrange_end, serve,
        REFUSED, ACCEPTED, REFUSED, ACCEPTED};
    try_all(&where, false);
}

/* SRS_WSIO_01_070 */
TEST(from_io_error_by_service)
{
    static const PLACE where = {"io failed", arrange_sends, serve_failing,
        REFUSED, ACCEPTED, REFUSED, ACCEPTED};
    try_all(&where, false);
}

static void arrange_writeable(void)
{
    arrange_sends();
    for (int i = 0; i < 3; i++)
    {
        lws_will_report(WHEN_SERVED, LWS_CALLBACK_CLIENT_WRITEABLE, NULL, 0);
    }
}

/* SRS_WSIO_01_057, SRS_WSIO_01_078 */
TEST(from_send_ok)
{
    static const PLACE where = {"one sent OK", arrange_writeable, serve,
        ACCEPTED, ACCEPTED, REFUSED, ACCEPTED};
    try_all(&where, true);
}

/* In the middle, and at the end. SRS_WSIO_01_057, SRS_WSIO_01_078 */
TEST(from_later_send_ok)
{
    static const PLACE second = {"two sent OK", arrange_writeable, serve,
        ACCEPTED, ACCEPTED, REFUSED, ACCEPTED};
    static const PLACE third = {"three sent OK", arrange_writeable, serve,
        ACCEPTED, ACCEPTED, REFUSED, ACCEPTED};
    try_all(&second, true);
    try_all(&third, true);
}

static void arrange_failing_write(void)
{
    arrange_writeable();
    lws_write_will_return(-1);
}

/* SRS_WSIO_01_076 */
TEST(from_send_error)
{
    static const PLACE where = {"one sent ERROR", arrange_failing_write, serve,
        ACCEPTED, ACCEPTED, REFUSED, ACCEPTED};
    try_all(&where, true);
}

static void arrange_failing_rest(void)
{
    arrange_sends();
    lws_write_will_return(1);
    report(LWS_CALLBACK_CLIENT_WRITEABLE, NULL, 0);
    lws_write_will_return(-1);
    lws_will_report(WHEN_SERVED, LWS_CALLBACK_CLIENT_WRITEABLE, NULL, 0);
}

/* The io error goes with it, unless the user has closed the IO.
 * SRS_WSIO_01_114 */
TEST(from_send_error_of_the_rest)
{
    static const PLACE error = {"one sent ERROR", arrange_failing_rest, serve,
        EITHER, ACCEPTED, REFUSED, ACCEPTED};
    static const PLACE failure = {"io failed", arrange_failing_rest, serve,
        REFUSED, ACCEPTED, REFUSED, ACCEPTED};
    try_all(&error, true);
    try_all(&failure, true);
}

static void arrange_failing_removal(void)
{
    arrange_writeable();
    fail_nth(CALL_list_remove, 1);
}

/* The item is still in the list then. SRS_WSIO_01_079 */
TEST(from_send_ok_that_cannot_be_removed)
{
    static const PLACE ok = {"one sent OK", arrange_failing_removal, serve,
        EITHER, ACCEPTED, REFUSED, ACCEPTED};
    static const PLACE failure = {"io failed", arrange_failing_removal, serve,
        REFUSED, ACCEPTED, REFUSED, ACCEPTED};
    try_all(&ok, true);
    try_all(&failure, true);
}

/* SRS_WSIO_01_035, SRS_WSIO_01_109 */
TEST(from_send_cancelled)
{
    static const char* const callbacks[] = {
        "one sent CANCELLED", "two sent CANCELLED", "three sent CANCELLED"};
    for (int i = 0; i < 3; i++)
    {
        PLACE where = {callbacks[i], arrange_sends, close_outside,
            REFUSED, REFUSED, REFUSED, REFUSED};
        try_all(&where, false);
    }
}

/* SRS_WSIO_01_009, SRS_WSIO_01_109 */
TEST(from_send_cancelled_by_destroy)
{
    static const PLACE where = {"one sent CANCELLED", arrange_sends, destroy_io,
        REFUSED, REFUSED, REFUSED, REFUSED};
    try_all(&where, false);
}

static void arrange_list_that_keeps_all(void)
{
    arrange_sends();
    fail_all(CALL_list_remove);
}

/* Then what is left is answered from elsewhere. SRS_WSIO_01_108 */
TEST(from_send_cancelled_that_cannot_be_removed)
{
    static const char* const callbacks[] = {
        "one sent CANCELLED", "two sent CANCELLED", "three sent CANCELLED"};
    for (int i = 0; i < 3; i++)
    {
        PLACE where = {callbacks[i], arrange_list_that_keeps_all, close_outside,
            REFUSED, REFUSED, REFUSED, REFUSED};
        try_all(&where, false);
    }
}

/* The IO is closed and can be opened. SRS_WSIO_01_047 */
TEST(from_close_complete)
{
    static const PLACE open = {"outside closed", arrange_sends, close_outside,
        REFUSED, REFUSED, ACCEPTED, ACCEPTED};
    static const PLACE opening = {"outside closed", arrange_opening, close_outside,
        REFUSED, REFUSED, ACCEPTED, ACCEPTED};
    try_all(&open, false);
    try_all(&opening, false);
}

/* Deeper ------------------------------------------------------------------------ */

static void destroy_at_first(const char* name, IO_SEND_RESULT result)
{
    (void)name;
    CHECK_INT(result, IO_SEND_CANCELLED);
    if (io != NULL)
    {
        hooks.sent = NULL;
        destroy_io();
    }
}

/* The rest is cancelled, the close is not reported. SRS_WSIO_01_109 */
TEST(destroy_inside_a_running_close)
{
    arrange_sends();
    hooks.sent = destroy_at_first;
    forget_journal();
    CHECK(close_io("close") != 0);
    CHECK_JOURNAL(TO_USER, "one sent CANCELLED", "two sent CANCELLED", "three sent CANCELLED");
    finish();
}

static void destroy_when_cancelled(IO_OPEN_RESULT result)
{
    CHECK_INT(result, IO_OPEN_CANCELLED);
    destroy_io();
}

/* SRS_WSIO_01_038 */
TEST(destroy_inside_a_close_of_an_opening_io)
{
    arrange_opening();
    hooks.opened = destroy_when_cancelled;
    CHECK(close_io("close") != 0);
    CHECK_JOURNAL(TO_USER, "io opened CANCELLED");
    finish();
}

static void close_then_destroy(const char* name, IO_SEND_RESULT result)
{
    if (strcmp(name, "one") == 0)
    {
        CHECK_INT(result, IO_SEND_OK);
        CHECK(close_io("close") != 0);
        CHECK_PTR(io, NULL);
    }
    else if (strcmp(name, "two") == 0)
    {
        CHECK_INT(result, IO_SEND_CANCELLED);
        destroy_io();
    }
}

/* Inside lws_service inside wsio_dowork: a send, in its callback a close, in
 * whose callback a destroy. */
TEST(destroy_inside_a_close_inside_a_send)
{
    arrange_open();
    CHECK_INT(send_text("one"), 0);
    lws_write_will_leave_partial(true);
    report(LWS_CALLBACK_CLIENT_WRITEABLE, NULL, 0);
    lws_set_partial(false);
    CHECK_INT(send_text("two"), 0);
    CHECK_INT(send_text("three"), 0);
    hooks.sent = close_then_destroy;
    forget_journal();
    report(LWS_CALLBACK_CLIENT_WRITEABLE, NULL, 0);
    CHECK_JOURNAL(TO_USER, "one sent OK", "two sent CANCELLED", "three sent CANCELLED");
    finish();
}

static unsigned depth;

static void open_and_close_again(void)
{
    if (++depth < 50)
    {
        CHECK_INT(open_io("deeper"), 0);
        CHECK_INT(close_io("deeper"), 0);
    }
}

/* SRS_WSIO_01_047 */
TEST(closes_inside_close_completes)
{
    start(NULL);
    hooks.closed = open_and_close_again;
    CHECK_INT(close_io("close"), 0);
    CHECK_INT(depth, 50);
    CHECK_INT(contexts_made(), 50);
    CHECK_INT(contexts_alive(), 0);
    finish();
}

static void open_and_close_often(const unsigned char* bytes, size_t size)
{
    (void)bytes;
    (void)size;
    hooks.received = NULL;
    for (int i = 0; i < 20; i++)
    {
        CHECK_INT(close_io("close"), 0);
        CHECK_INT(open_io("again"), 0);
    }
}

/* All but the last context are gone when wsio_dowork returns. */
TEST(many_opens_inside_one_callback)
{
    arrange_open();
    hooks.received = open_and_close_often;
    report(LWS_CALLBACK_CLIENT_RECEIVE, "a", 1);
    CHECK_INT(contexts_made(), 21);
    CHECK_INT(contexts_alive(), 1);
    CHECK(newest_context()->handle != NULL);
    report(LWS_CALLBACK_CLIENT_ESTABLISHED, NULL, 0);
    CHECK_INT(journal_count("again opened OK"), 1);
    finish();
}

static void fail_to_open_again(IO_OPEN_RESULT result)
{
    CHECK_INT(result, IO_OPEN_ERROR);
    hooks.opened = NULL;
    fail_nth(CALL_lws_client_connect_via_info, 1);
    CHECK(open_io("inside") != 0);
    lws_will_end(WHEN_CONNECTING, LWS_CALLBACK_CLIENT_CONNECTION_ERROR, NULL, 0);
    lws_connect_will_return_null();
    CHECK(open_io("inside") != 0);
}

/* SRS_WSIO_01_033, SRS_WSIO_01_037 */
TEST(a_failing_open_inside_a_failing_open)
{
    arrange_opening();
    hooks.opened = fail_to_open_again;
    report_end(LWS_CALLBACK_CLIENT_CONNECTION_ERROR);
    CHECK_JOURNAL(TO_USER, "io opened ERROR");
    CHECK_INT(contexts_alive(), 0);
    CHECK_INT(open_io("again"), 0);
    finish();
}

static void open_again(IO_OPEN_RESULT result)
{
    if (result == IO_OPEN_ERROR)
    {
        CHECK_INT(open_io("again"), 0);
    }
}

/* A program that never gives up. SRS_WSIO_01_037 */
TEST(opens_again_from_every_failure)
{
    arrange_opening();
    hooks.opened = open_again;
    for (int i = 0; i < 100; i++)
    {
        report_end(LWS_CALLBACK_CLIENT_CONNECTION_ERROR);
        CHECK_INT(contexts_alive(), 1);
    }
    report(LWS_CALLBACK_CLIENT_ESTABLISHED, NULL, 0);
    CHECK_INT(journal_count("again opened OK"), 1);
    finish();
}

/* lws_service fails for the old context; the new one has nothing to do with it,
 * nor with the old one's time. SRS_WSIO_01_037 */
TEST(a_failing_service_spares_the_newer_connection)
{
    arrange_opening();
    hooks.opened = open_again;
    clock_advance_ms(30000);
    lws_will_report(WHEN_SERVED, LWS_CALLBACK_CLIENT_CONNECTION_ERROR, NULL, 0);
    lws_service_will_return(-1);
    serve();
    lws_service_will_return(0);
    CHECK_JOURNAL(TO_USER, "io opened ERROR");
    report(LWS_CALLBACK_CLIENT_ESTABLISHED, NULL, 0);
    CHECK_JOURNAL(TO_USER, "again opened OK");
    finish();
}

static unsigned links;

static void send_the_next(const char* name, IO_SEND_RESULT result)
{
    (void)name;
    if (result == IO_SEND_OK && ++links < 500)
    {
        CHECK_INT(send_text("link"), 0);
    }
}

/* Each send from the callback of the one before. SRS_WSIO_01_057 */
TEST(a_chain_of_sends)
{
    arrange_open();
    hooks.sent = send_the_next;
    CHECK_INT(send_text("link"), 0);
    write_all();
    CHECK_INT(links, 500);
    CHECK_INT(lws_written_size(), 500 * 4);
    finish();
}

/* Two handles ------------------------------------------------------------------ */

static CONCRETE_IO_HANDLE other;

static void use_the_other(const unsigned char* bytes, size_t size)
{
    (void)bytes;
    (void)size;
    hooks.received = NULL;
    wsio_dowork(other);
    CHECK_INT(wsio_send(other, "x", 1, NULL, NULL), 0);
    CHECK_INT(wsio_close(other, NULL, NULL), 0);
    CHECK_INT(test_open(other, NULL, NULL, NULL, NULL), 0);
    wsio_destroy(other);
}

/* In a callback of one handle another is as free as outside. */
TEST(another_handle_inside_a_callback)
{
    start(NULL);
    other = io;
    arrange_open();
    hooks.received = use_the_other;
    report(LWS_CALLBACK_CLIENT_RECEIVE, "a", 1);
    CHECK_INT(contexts_alive(), 1);
    CHECK_INT(send_text("b"), 0);
    report(LWS_CALLBACK_CLIENT_WRITEABLE, NULL, 0);
    CHECK_INT(journal_count("b sent OK"), 1);
    finish();
}
