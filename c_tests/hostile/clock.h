/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The clock that wsio reads, turned by the test. lws keeps the real one. */
#ifndef WSIO_TEST_CLOCK_H
#define WSIO_TEST_CLOCK_H

/* To be linked with -Wl,--wrap=clock_gettime. */
void clock_advance_ms(long long ms);

#endif
