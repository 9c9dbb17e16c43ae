/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The SDK's list.h, for programs without an SDK. libwsio.a brings an
 * implementation that gives way to one that the program brings itself. The SDK's
 * own header has the same guard. */
#ifndef LIST_H
#define LIST_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A list of pointers that belong to the caller; one thread at a time. */
typedef struct LIST_INSTANCE_TAG* LIST_HANDLE;

/* One item in a list; invalid once it was removed. */
typedef struct LIST_ITEM_INSTANCE_TAG* LIST_ITEM_HANDLE;

/* Says whether `list_item` is the one that list_find looks for. */
typedef bool (*LIST_MATCH_FUNCTION)(LIST_ITEM_HANDLE list_item, const void* match_context);

/* A new, empty list, or NULL when memory is short. */
extern LIST_HANDLE list_create(void);

/* Frees the list with its items, not what they point to. NULL does nothing. */
extern void list_destroy(LIST_HANDLE list);

/* Appends; NULL when an argument is NULL or memory is short. */
extern LIST_ITEM_HANDLE list_add(LIST_HANDLE list, const void* item);

/* The first item, or NULL. */
extern LIST_ITEM_HANDLE list_get_head_item(LIST_HANDLE list);

/* Takes the item out and frees it. 0, or non-zero when it is not in the list. */
extern int list_remove(LIST_HANDLE list, LIST_ITEM_HANDLE item_handle);

/* The item after this one, or NULL. */
extern LIST_ITEM_HANDLE list_get_next_item(LIST_ITEM_HANDLE item_handle);

/* The first item for which match_function returns true, or NULL. */
extern LIST_ITEM_HANDLE list_find(LIST_HANDLE list, LIST_MATCH_FUNCTION match_function, const void* match_context);

/* What was given to list_add, or NULL. */
extern const void* list_item_get_value(LIST_ITEM_HANDLE item_handle);

#ifdef __cplusplus
}
#endif

#endif
