/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Scripts with wsio as the client: each open, send and close is answered once, and
 * nothing is called after; calls that the state does not allow are refused. */
#ifndef WSIO_TEST_EXPECT_H
#define WSIO_TEST_EXPECT_H

#include "script.h"
#include "session.h"

/* Opens the session's IO on this server, exchanges a message each way, closes.
 * `opened`: wsio_open was called already. */
void expect_usable(SESSION* session, const SERVER* server, SSL_CTX* tls, bool opened);

/* The DRIVE of a session. */
void drive_session(void* session);

#endif
