/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What is expected of wsio with servers that it may or may not trust. */
#ifndef WSIO_TEST_TRUST_H
#define WSIO_TEST_TRUST_H

#include "servers.h"
#include "trust_server.h"

/* Data goes there and back. */
void expect_accepted(const WSIO_CONFIG* config);

/* One IO_OPEN_ERROR, and one line that says why; and the same again. `server`
 * sees the end of both, if it is not NULL. */
void expect_refused(const WSIO_CONFIG* config, const char* reason, RAW_SERVER* server);

/* wsio_open itself refuses, and says why in one line. SRS_WSIO_01_129 */
void expect_refused_at_once(const WSIO_CONFIG* config, const char* reason);

#endif
