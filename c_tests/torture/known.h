/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What lws and OpenSSL themselves do not survive. */
#ifndef WSIO_TORTURE_KNOWN_H
#define WSIO_TORTURE_KNOWN_H

#include <stdbool.h>

#include "failing.h"

/* How a run ends. */
typedef enum ENDING_TAG {
    AS_PROMISED,
    CRASHES, /* by a signal */
    HANGS,   /* what is owed does not come */
    FAILS    /* otherwise against the contract */
} ENDING;

const char* ending_name(ENDING ending);

/* The name of a function that a library exports and that this is in, or near. */
const char* function_at(const void* address);

/* Whether the table has this ending: after one of the allocations of the report
 * failed; with a crash in this library, or with this said of the failure. */
bool is_known(ENDING ending, const REPORT* report, const char* library, const char* said);

const char* lws_version(void);

#endif
