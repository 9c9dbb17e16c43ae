/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "trust.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

/* What the host had left in OpenSSL's error queue. */
static void leave_an_error(void)
{
    ERR_clear_error();
    ERR_raise_data(ERR_LIB_USER, 7, "the host's");
}

static void expect_that_error(void)
{
    const char* data;
    int flags;
    unsigned long code = ERR_get_error_all(NULL, NULL, NULL, &data, &flags);
    CHECK_INT(ERR_GET_LIB(code), ERR_LIB_USER);
    CHECK_INT(ERR_GET_REASON(code), 7);
    CHECK_STR(data, "the host's");
    CHECK_INT(ERR_peek_error(), 0);
}

static void expect_logged(const char* reason)
{
    if (log_count() != 1 || !log_has(reason)) {
        fprintf(stderr, "not logged, or not alone: %s\n", reason);
        log_show();
    }
    CHECK_INT(log_count(), 1);
    CHECK_INT(log_lines_with(reason), 1);
}

void expect_accepted(const WSIO_CONFIG* config)
{
    SESSION session;
    log_forget();
    leave_an_error();
    session_start(&session, config);
    CHECK_INT(session_send(&session, "secret", 6), 0);
    DRIVE_UNTIL(&session, session.received_size >= 6);
    CHECK_MEM(session.received, "secret", 6);
    CHECK_INT(session.sent[IO_SEND_OK], 1);
    CHECK_INT(session.errors, 0);
    session_destroy(&session);
    session_check_balance(&session);
    expect_that_error();
    CHECK_INT(log_count(), 0);
}

void expect_refused(const WSIO_CONFIG* config, const char* reason, RAW_SERVER* server)
{
    SESSION session;
    leave_an_error();
    session_create(&session, config);
    for (unsigned i = 1; i <= 2; i++) {
        log_forget();
        CHECK_INT(session_open(&session), 0);
        DRIVE_UNTIL(&session, session_opens(&session) >= i);
        CHECK_INT(session.opened[IO_OPEN_ERROR], i);
        expect_logged(reason);
        CHECK(session_send(&session, "secret", 6) != 0);
        if (server != NULL) {
            DRIVE_UNTIL(&session, raw_server_served(server) >= i);
            CHECK_INT(raw_server_accepted(server), i);
        }
        CHECK_INT(session_opens(&session), i);
    }
    CHECK_INT(session.errors, 0);
    session_destroy(&session);
    session_check_balance(&session);
    CHECK_INT(session_sends(&session), 0);
    expect_that_error();
}

void expect_refused_at_once(const WSIO_CONFIG* config, const char* reason)
{
    SESSION session;
    leave_an_error();
    session_create(&session, config);
    for (int i = 0; i < 2; i++) {
        log_forget();
        CHECK(session_open(&session) != 0);
        expect_logged(reason);
        wsio_dowork(session.io);
    }
    session_destroy(&session);
    CHECK_INT(session_opens(&session), 0);
    expect_that_error();
}
