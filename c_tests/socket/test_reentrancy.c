/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Every wsio function from within every callback, over real connections. */
#include <stdio.h>

#include "servers.h"

/* Where the callback's user acts. */
typedef enum TRIGGER_TAG {
    ON_OPEN_OK,
    ON_OPEN_ERROR,
    ON_OPEN_CANCELLED,
    ON_BYTES,
    ON_SEND_OK,
    ON_SEND_CANCELLED,
    ON_ERROR,
    ON_CLOSED,
    TRIGGERS
} TRIGGER;

static const char* const trigger_names[TRIGGERS] = {
    "open OK", "open ERROR", "open CANCELLED", "bytes received",
    "send OK", "send CANCELLED", "io error", "close complete"
};

/* What it does there. */
typedef enum ACTION_TAG { SEND, OPEN, CLOSE, DESTROY, DOWORK, CLOSE_AND_OPEN } ACTION;

typedef struct STAGED_TAG {
    TRIGGER trigger;
    ACTION action;
    bool acted;
    int result; /* of the call, the last one of several */
    bool nested; /* another callback came during wsio_dowork */
    bool inside;
    bool destroyed;
    bool late; /* a callback other than a cancelled send came after the destroy */
} STAGED;

static void act(SESSION* session, TRIGGER trigger)
{
    STAGED* staged = session->test;
    staged->nested |= staged->inside;
    if (staged->trigger != trigger || staged->acted) {
        return;
    }
    staged->acted = true;
    switch (staged->action) {
    case SEND:
        staged->result = session_send(session, "again", 5);
        break;
    case OPEN:
        staged->result = session_open(session);
        break;
    case CLOSE:
        staged->result = session_close(session);
        break;
    case DESTROY:
        staged->destroyed = true;
        session_destroy(session);
        break;
    case DOWORK:
        staged->inside = true;
        for (int i = 0; i < 50; i++) {
            wsio_dowork(session->io);
        }
        staged->inside = false;
        break;
    case CLOSE_AND_OPEN:
        staged->result = session_close(session);
        if (staged->result == 0) {
            staged->result = session_open(session);
        }
        break;
    }
}

static void note_late(SESSION* session)
{
    STAGED* staged = session->test;
    staged->late |= staged->destroyed;
}

static void on_open(SESSION* session, IO_OPEN_RESULT result)
{
    static const TRIGGER triggers[] = { ON_OPEN_OK, ON_OPEN_ERROR, ON_OPEN_CANCELLED };
    note_late(session);
    act(session, triggers[result]);
}

static void on_bytes(SESSION* session, const unsigned char* bytes, size_t size)
{
    (void)bytes;
    (void)size;
    note_late(session);
    act(session, ON_BYTES);
}

static void on_sent(SESSION* session, IO_SEND_RESULT result)
{
    STAGED* staged = session->test;
    staged->late |= staged->destroyed && result != IO_SEND_CANCELLED;
    act(session, result == IO_SEND_OK ? ON_SEND_OK : ON_SEND_CANCELLED);
}

static void on_error(SESSION* session)
{
    note_late(session);
    act(session, ON_ERROR);
}

static void on_closed(SESSION* session)
{
    note_late(session);
    act(session, ON_CLOSED);
}

/* Brings about the callback that is to be acted in. */
static void pull_trigger(SESSION* session, TRIGGER trigger)
{
    STAGED* staged = session->test;
    CHECK_INT(session_open(session), 0);
    switch (trigger) {
    case ON_OPEN_OK:
    case ON_OPEN_ERROR:
        break;
    case ON_OPEN_CANCELLED:
        session_close(session);
        break;
    case ON_BYTES:
    case ON_SEND_OK:
    case ON_ERROR:
        DRIVE_UNTIL(session, session_opens(session) == 1);
        CHECK_INT(session_send(session, "1", 1), 0);
        CHECK_INT(session_send(session, "2", 1), 0);
        CHECK_INT(session_send(session, "3", 1), 0);
        break;
    case ON_SEND_CANCELLED:
    case ON_CLOSED:
        DRIVE_UNTIL(session, session_opens(session) == 1);
        CHECK_INT(session_send(session, "1", 1), 0);
        CHECK_INT(session_send(session, "2", 1), 0);
        session_close(session);
        break;
    case TRIGGERS:
        break;
    }
    DRIVE_UNTIL(session, staged->acted);
}

/* Whether `action` is possible there. */
static bool is_possible(TRIGGER trigger, ACTION action)
{
    bool open = trigger == ON_OPEN_OK || trigger == ON_BYTES || trigger == ON_SEND_OK;
    switch (action) {
    case SEND:
        return open;
    case OPEN:
        return trigger == ON_OPEN_ERROR || trigger == ON_CLOSED; /* it is closed */
    case CLOSE:
    case CLOSE_AND_OPEN:
        return open || trigger == ON_ERROR;
    case DESTROY:
    case DOWORK:
        break;
    }
    return true;
}

static void act_in(TRIGGER trigger, ACTION action, const ECHO* echo)
{
    STAGED staged = { .trigger = trigger, .action = action };
    SESSION session;
    WSIO_CONFIG config = echo_config(echo, trigger == ON_ERROR        ? "/drop"
                                           : trigger == ON_OPEN_ERROR ? "/no-such-path"
                                                                      : "/echo");
    session_create(&session, &config);
    session.test = &staged;
    session.on_open = on_open;
    session.on_bytes = on_bytes;
    session.on_sent = on_sent;
    session.on_error = on_error;
    session.on_closed = on_closed;
    pull_trigger(&session, trigger);
    session_settle(&session);

    CHECK_INT(staged.result == 0, is_possible(trigger, action));
    CHECK(!staged.nested);
    CHECK(!staged.late);
    if (action == DESTROY) {
        CHECK_PTR(session.io, NULL);
    } else {
        /* Whatever was done, the handle is fit for use. */
        session.test = &(STAGED){ .trigger = TRIGGERS };
        session_close(&session);
        if (trigger != ON_OPEN_ERROR) {
            session_connect(&session);
        }
        session_destroy(&session);
    }
    session_check_balance(&session);
}

static void act_everywhere(ACTION action, bool tls)
{
    ECHO echo;
    echo_start(&echo, tls);
    for (int trigger = 0; trigger < TRIGGERS; trigger++) {
        printf("in %s\n", trigger_names[trigger]);
        act_in((TRIGGER)trigger, action, &echo);
    }
}

/* SRS_WSIO_01_051, SRS_WSIO_01_066 */
TEST_WS_AND_WSS(send_in_every_callback) { act_everywhere(SEND, tls); }

/* SRS_WSIO_01_034, SRS_WSIO_01_035 */
TEST_WS_AND_WSS(open_in_every_callback) { act_everywhere(OPEN, tls); }

/* SRS_WSIO_01_041, SRS_WSIO_01_045, SRS_WSIO_01_046 */
TEST_WS_AND_WSS(close_in_every_callback) { act_everywhere(CLOSE, tls); }

/* SRS_WSIO_01_007, SRS_WSIO_01_009 */
TEST_WS_AND_WSS(destroy_in_every_callback) { act_everywhere(DESTROY, tls); }

TEST_WS_AND_WSS(dowork_in_every_callback) { act_everywhere(DOWORK, tls); }

TEST_WS_AND_WSS(close_and_open_in_every_callback) { act_everywhere(CLOSE_AND_OPEN, tls); }
