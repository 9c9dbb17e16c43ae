/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Which allocations fail, and what became of it. One plan a process; whoever
 * allocates asks `allocation_fails`. */
#ifndef WSIO_TORTURE_FAILING_H
#define WSIO_TORTURE_FAILING_H

#include <stdbool.h>

typedef enum HOW_TAG {
    FAIL_NONE,
    FAIL_NTH,  /* one */
    FAIL_FROM, /* and all after it */
    FAIL_SOME  /* one in two to some hundred, at random; `number` is the seed */
} HOW;

typedef struct PLAN_TAG {
    HOW how;
    unsigned long number; /* counted from 1 */
} PLAN;

const char* how_name(HOW how);

enum { TRACE_SIZE = 48 };

/* Where the program was: return addresses, the innermost first. */
typedef struct TRACE_TAG {
    int size;
    void* addresses[TRACE_SIZE];
} TRACE;

/* An allocation that failed. */
typedef struct FAILURE_TAG {
    char purpose[48]; /* what lws says that it is for; "" for others' */
    TRACE trace;
} FAILURE;

enum { FAILURES_KEPT = 16384 };

/* Shared with the process that judges. */
typedef struct REPORT_TAG {
    unsigned long allocations; /* while armed */
    unsigned long failures;
    TRACE crashed_at;
    bool clock_turned; /* lws forgot an open, which ended by wsio's own deadline */
    FAILURE failed[FAILURES_KEPT]; /* the first of them, and the last at the end */
} REPORT;

/* How many of the failures are kept, and the last of them. */
unsigned long failures_kept(const REPORT* report);
const FAILURE* last_failure(const REPORT* report);

/* Nothing fails unless armed. */
void failing_plan(REPORT* report, PLAN plan);
void failing_arm(void);
void failing_disarm(void);

/* `purpose` may be NULL. */
bool allocation_fails(const char* purpose);

/* The callers of the caller. */
void trace_here(TRACE* trace);

#endif
