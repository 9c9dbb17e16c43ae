/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "clock.h"

#include <stdbool.h>
#include <time.h>

int __real_clock_gettime(clockid_t clock, struct timespec* time);
int __wrap_clock_gettime(clockid_t clock, struct timespec* time);

static long long ahead_ms;
static bool coarse_is_stopped;
static struct timespec stopped_at;

void clock_advance_ms(long long ms)
{
    ahead_ms += ms;
}

void clock_stop_coarse(void)
{
    coarse_is_stopped = __real_clock_gettime(CLOCK_MONOTONIC_COARSE, &stopped_at) == 0;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec* time)
{
    int result = __real_clock_gettime(clock, time);
    if (clock == CLOCK_MONOTONIC_COARSE && coarse_is_stopped)
    {
        *time = stopped_at;
    }
    if (result == 0 && (clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_COARSE))
    {
        long long ms = time->tv_nsec / 1000000 + ahead_ms;
        time->tv_sec += ms / 1000;
        time->tv_nsec = ms % 1000 * 1000000;
    }
    return result;
}
