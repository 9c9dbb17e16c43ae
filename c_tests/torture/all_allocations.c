/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Allocations of anybody fail: of wsio, lws, OpenSSL and libc. What is defined
 * here is what all libraries of the program call, libc itself included. */
#include <errno.h>
#include <stdlib.h>

#include <libwebsockets.h>

#include "torture.h"

void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* block, size_t size);
void* __libc_memalign(size_t alignment, size_t size);

/* What lws is allocating for, while it does. Volatile: a compiler knows that
 * realloc reads nothing of the program's. */
static const char* volatile purpose;

static bool fails(void)
{
    if (!allocation_fails(purpose))
    {
        return false;
    }
    errno = ENOMEM;
    return true;
}

void* malloc(size_t size)
{
    return fails() ? NULL : __libc_malloc(size);
}

void* calloc(size_t count, size_t size)
{
    return fails() ? NULL : __libc_calloc(count, size);
}

void* realloc(void* block, size_t size)
{
    return fails() ? NULL : __libc_realloc(block, size);
}

void* memalign(size_t alignment, size_t size)
{
    return fails() ? NULL : __libc_memalign(alignment, size);
}

void* aligned_alloc(size_t alignment, size_t size)
{
    return memalign(alignment, size);
}

int posix_memalign(void** block, size_t alignment, size_t size)
{
    void* memory = memalign(alignment, size);
    if (memory == NULL)
    {
        return ENOMEM;
    }
    *block = memory;
    return 0;
}

static void* allocate_for_lws(void* block, size_t size, const char* what)
{
    if (size == 0)
    {
        free(block);
        return NULL;
    }
    purpose = what;
    block = realloc(block, size);
    purpose = NULL;
    return block;
}

void torture_begin(void)
{
    lws_set_allocator(allocate_for_lws);
}
