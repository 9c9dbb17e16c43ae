/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* wsio_dowork returns at once when there is nothing to do: SRS_WSIO_01_061,
 * SRS_WSIO_01_062, SRS_WSIO_01_112. */
#include "servers.h"

enum { CALLS = 10000 };

/* Fails when `CALLS` calls take a millisecond each, on average, or more. */
static void check_quick(SESSION* session)
{
    long long start = clock_ms();
    for (int i = 0; i < CALLS; i++) {
        wsio_dowork(session->io);
    }
    long long took = clock_ms() - start;
    CHECK(took < (long long)CALLS * slowness());
}

TEST_WS_AND_WSS(idle_dowork_returns_at_once)
{
    ECHO echo;
    SESSION session;
    echo_start(&echo, tls);
    WSIO_CONFIG config = echo_config(&echo, "/echo");
    session_create(&session, &config);
    check_quick(&session); /* closed */
    session_connect(&session);
    check_quick(&session); /* open */
    CHECK_INT(session_send(&session, "x", 1), 0);
    DRIVE_UNTIL(&session, session.received_size == 1);
    check_quick(&session); /* open, and used */
    child_kill(&echo.child);
    DRIVE_UNTIL(&session, session.errors == 1);
    check_quick(&session); /* lost */
    CHECK_INT(session_close(&session), 0);
    check_quick(&session);
    session_destroy(&session);
    wsio_dowork(NULL); /* SRS_WSIO_01_063 */
    session_check_balance(&session);
}

/* While the server does not answer the open either. */
TEST(dowork_returns_at_once_while_opening)
{
    ECHO echo;
    SESSION session;
    echo_start(&echo, false);
    child_pause(&echo.child);
    WSIO_CONFIG config = echo_config(&echo, "/echo");
    session_create(&session, &config);
    CHECK_INT(session_open(&session), 0);
    check_quick(&session);
    CHECK_INT(session_opens(&session), 0);
    child_resume(&echo.child);
    DRIVE_UNTIL(&session, session.opened[IO_OPEN_OK] == 1);
    session_destroy(&session);
}
