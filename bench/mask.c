/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* How long libwebsockets 4.1 to 4.3 masks a byte on this machine: its position is
 * in memory, behind a pointer that the payload might overlap, so each byte waits
 * for the one before. No client on it can be faster. Prints nanoseconds. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { SIZE = 1 << 20, ROUNDS = 20 };

struct masking {
    unsigned char key[4];
    unsigned char position;
};

__attribute__((noinline)) static void mask(struct masking* masking, unsigned char* bytes, int size)
{
    for (int i = 0; i < size; i++) {
        bytes[i] ^= masking->key[masking->position++ & 3];
    }
}

static double now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

int main(void)
{
    struct masking masking = { { 1, 2, 3, 4 }, 0 };
    unsigned char* bytes = calloc(1, SIZE);
    double best = 1e9;
    if (bytes == NULL) {
        return EXIT_FAILURE;
    }
    for (int round = 0; round < ROUNDS; round++) {
        double began = now_ns();
        mask(&masking, bytes, SIZE);
        double took = (now_ns() - began) / SIZE;
        best = took < best ? took : best;
    }
    printf("%.4f\n", best);
    free(bytes);
    return EXIT_SUCCESS;
}
