/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The clock that wsio reads, turned by the test. lws keeps the real one. */
#ifndef WSIO_TEST_CLOCK_H
#define WSIO_TEST_CLOCK_H

/* To be linked with -Wl,--wrap=clock_gettime. */
void clock_advance_ms(long long ms);

/* The coarse clock, by which wsio ends a turn, goes on in no other way from now on:
 * however slow the machine is. */
void clock_stop_coarse(void);

#endif
