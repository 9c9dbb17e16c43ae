/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Lives a scenario again and again, each time with other failing allocations and
 * in a process of its own, and judges how it ended. */
#ifndef WSIO_TORTURE_TORTURE_H
#define WSIO_TORTURE_TORTURE_H

#include "life.h"

/* Fails the test when a run ends otherwise than the contract and the table of
 * what others cannot survive (known.c) say. Prints the figures.
 *
 * WSIO_TORTURE_RUNS is how many runs there are, about, of each kind: one
 * allocation fails; all from one on; some at random. Where that is fewer than
 * there are allocations, they are evenly spread. WSIO_TORTURE_RUN="nth 12" makes
 * that one run only, as a failure names it. */
void torture(SCENARIO scenario);

/* Of the program's own: makes the allocations that it is about ask
 * `allocation_fails`, in a new process. */
void torture_begin(void);

#endif
