/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Each allocation of lws's own fails in turn. */
#include "torture.h"

#include <stdlib.h>

#include <libwebsockets.h>

#include "check.h"

static void* allocate(void* block, size_t size, const char* purpose)
{
    if (size == 0)
    {
        free(block);
        return NULL;
    }
    return allocation_fails(purpose) ? NULL : realloc(block, size);
}

void torture_begin(void)
{
    lws_set_allocator(allocate);
}
