/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "failing.h"

#include <execinfo.h>
#include <stdio.h>
#include <stdlib.h>

static REPORT* report;
static PLAN plan;
static bool armed;
static unsigned long random_state;

const char* how_name(HOW how)
{
    static const char* const names[] = { "none", "nth", "from", "some" };
    return names[how];
}

/* Knuth's MMIX generator: the same numbers everywhere. */
static unsigned long random_number(void)
{
    random_state = random_state * 6364136223846793005UL + 1442695040888963407UL;
    return random_state >> 33;
}

unsigned long failures_kept(const REPORT* from)
{
    return from->failures < FAILURES_KEPT ? from->failures : FAILURES_KEPT;
}

const FAILURE* last_failure(const REPORT* from)
{
    return &from->failed[failures_kept(from) - 1];
}

void failing_plan(REPORT* to, PLAN what)
{
    TRACE unused;
    report = to;
    plan = what;
    random_state = what.number;
    random_number();
    trace_here(&unused); /* its first call loads a library */
}

void failing_arm(void)
{
    armed = true;
}

void failing_disarm(void)
{
    armed = false;
}

void trace_here(TRACE* trace)
{
    trace->size = backtrace(trace->addresses, TRACE_SIZE);
}

static bool is_its_turn(unsigned long number)
{
    switch (plan.how)
    {
    case FAIL_NTH:
        return number == plan.number;
    case FAIL_FROM:
        return number >= plan.number;
    case FAIL_SOME:
        return random_number() % (2UL << plan.number % 10) == 0;
    default:
        return false;
    }
}

bool allocation_fails(const char* purpose)
{
    FAILURE* failure;
    if (!armed || !is_its_turn(++report->allocations))
    {
        return false;
    }
    armed = false; /* what follows may allocate */
    report->failures++;
    failure = &report->failed[failures_kept(report) - 1];
    snprintf(failure->purpose, sizeof failure->purpose, "%s", purpose != NULL ? purpose : "");
    trace_here(&failure->trace);
    armed = true;
    return true;
}
