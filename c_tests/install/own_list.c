/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A program's own list.h implementation: strong definitions of every name. */
#include "own_list.h"

#include <stdlib.h>

#include "list.h"

enum { ROOM = 8 };

struct LIST_INSTANCE_TAG
{
    size_t count;
    const void* values[ROOM];
};

int own_list_created;

LIST_HANDLE list_create(void)
{
    own_list_created++;
    return calloc(1, sizeof(struct LIST_INSTANCE_TAG));
}

void list_destroy(LIST_HANDLE list)
{
    free(list);
}

LIST_ITEM_HANDLE list_add(LIST_HANDLE list, const void* item)
{
    if (list->count == ROOM)
    {
        return NULL;
    }
    list->values[list->count] = item;
    return (LIST_ITEM_HANDLE)(void*)&list->values[list->count++];
}

LIST_ITEM_HANDLE list_get_head_item(LIST_HANDLE list)
{
    return list->count == 0 ? NULL : (LIST_ITEM_HANDLE)(void*)&list->values[0];
}

LIST_ITEM_HANDLE list_get_next_item(LIST_ITEM_HANDLE item_handle)
{
    (void)item_handle;
    return NULL;
}

LIST_ITEM_HANDLE list_find(LIST_HANDLE list, LIST_MATCH_FUNCTION match_function,
                           const void* match_context)
{
    (void)list;
    (void)match_function;
    (void)match_context;
    return NULL;
}

int list_remove(LIST_HANDLE list, LIST_ITEM_HANDLE item_handle)
{
    (void)list;
    (void)item_handle;
    return 1;
}

const void* list_item_get_value(LIST_ITEM_HANDLE item_handle)
{
    return *(const void**)(void*)item_handle;
}
