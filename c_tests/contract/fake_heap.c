/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* malloc and its kin, through the linker's --wrap, and the clock likewise. */
#include <errno.h>
#include <malloc.h>
#include <time.h>

#include "check.h"
#include "fake.h"

void* __real_malloc(size_t size);
void* __real_calloc(size_t count, size_t size);
void* __real_realloc(void* block, size_t size);
void __real_free(void* block);
int __real_clock_gettime(clockid_t clock, struct timespec* time);

void* __wrap_malloc(size_t size);
void* __wrap_calloc(size_t count, size_t size);
void* __wrap_realloc(void* block, size_t size);
void __wrap_free(void* block);
int __wrap_clock_gettime(clockid_t clock, struct timespec* time);

static unsigned made;
static unsigned fail_at; /* 0: not */
static unsigned fail_from; /* 0: not */
static bool has_failed;
static long live;
static size_t bytes;

void heap_fail_nth(unsigned nth)
{
    fail_at = made + nth;
    has_failed = false;
}

void heap_fail_from(unsigned nth)
{
    fail_from = made + nth;
    has_failed = false;
}

void heap_fail_all(void)
{
    heap_fail_from(1);
}

void heap_fail_none(void)
{
    fail_at = 0;
    fail_from = 0;
}

bool heap_failed(void)
{
    return has_failed;
}

long heap_live(void)
{
    return live;
}

size_t heap_bytes(void)
{
    return bytes;
}

unsigned heap_allocations(void)
{
    return made;
}

static bool fails(void)
{
    made++;
    if (made == fail_at || (fail_from != 0 && made >= fail_from))
    {
        has_failed = true;
        errno = ENOMEM;
        return true;
    }
    return false;
}

static void* counted(void* block)
{
    live += block != NULL;
    bytes += malloc_usable_size(block);
    return block;
}

static void uncounted(void* block)
{
    live -= block != NULL;
    bytes -= malloc_usable_size(block);
}

void* __wrap_malloc(size_t size)
{
    return fails() ? NULL : counted(__real_malloc(size));
}

void* __wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : counted(__real_calloc(count, size));
}

void* __wrap_realloc(void* block, size_t size)
{
    if (block == NULL)
    {
        return __wrap_malloc(size);
    }
    if (fails())
    {
        return NULL;
    }
    uncounted(block);
    return counted(__real_realloc(block, size));
}

void __wrap_free(void* block)
{
    uncounted(block);
    __real_free(block);
}

void* outside_malloc(size_t size)
{
    void* block = __real_malloc(size);
    CHECK(block != NULL);
    return block;
}

void outside_free(void* block)
{
    __real_free(block);
}

static long long now_ms = 1000000;

void clock_advance_ms(long long ms)
{
    now_ms += ms;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec* time)
{
    if (clock != CLOCK_MONOTONIC && clock != CLOCK_MONOTONIC_COARSE)
    {
        return __real_clock_gettime(clock, time);
    }
    time->tv_sec = (time_t)(now_ms / 1000);
    time->tv_nsec = (long)(now_ms % 1000) * 1000000;
    return 0;
}
