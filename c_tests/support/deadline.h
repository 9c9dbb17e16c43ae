/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Time limits of the tests themselves. They use CLOCK_BOOTTIME, so that a test
 * can turn the clock that the library reads (CLOCK_MONOTONIC). */
#ifndef WSIO_TEST_DEADLINE_H
#define WSIO_TEST_DEADLINE_H

#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

/* Milliseconds of that clock. */
typedef long long DEADLINE;

static inline long long clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static inline DEADLINE deadline_after(int seconds)
{
    return clock_ms() + seconds * 1000LL;
}

/* How many times slower than usual everything is, under valgrind for one: the
 * factor for limits on how long wsio may take. */
static inline int slowness(void)
{
    const char* factor = getenv("WSIO_TEST_SLOWNESS");
    return factor != NULL ? atoi(factor) : 1;
}

/* Never negative. */
static inline int deadline_left_ms(DEADLINE deadline)
{
    long long left = deadline - clock_ms();
    return left > 0 ? (int)left : 0;
}

static inline bool deadline_passed(DEADLINE deadline)
{
    return deadline_left_ms(deadline) == 0;
}

#endif
