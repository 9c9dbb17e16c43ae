/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* An SDK's own list.h, in front of the one in libwsio.a. A failing list_remove
 * leaves the item in the list. */
#include "list.h"

#include "check.h"
#include "fake.h"

struct LIST_ITEM_INSTANCE_TAG
{
    const void* value;
    LIST_HANDLE list;
    LIST_ITEM_HANDLE next;
};

struct LIST_INSTANCE_TAG
{
    LIST_ITEM_HANDLE head;
    LIST_HANDLE next_list;
};

/* All that live, so that a stale handle is noticed. */
static LIST_HANDLE lists;
static long live;
static long items;

long list_live(void)
{
    return live;
}

long list_items_live(void)
{
    return items;
}

static void check_list(LIST_HANDLE list)
{
    LIST_HANDLE known = lists;
    while (known != NULL && known != list)
    {
        known = known->next_list;
    }
    CHECK(list != NULL);
    CHECK_PTR(list, known);
}

static void check_item(LIST_ITEM_HANDLE item)
{
    bool found = false;
    for (LIST_HANDLE list = lists; list != NULL; list = list->next_list)
    {
        for (LIST_ITEM_HANDLE known = list->head; known != NULL; known = known->next)
        {
            found = found || known == item;
        }
    }
    CHECK(item != NULL);
    CHECK(found);
}

LIST_HANDLE list_create(void)
{
    LIST_HANDLE list;
    if (enter(CALL_list_create))
    {
        journal(IN_LIST, "list_create fails");
        return NULL;
    }
    list = outside_malloc(sizeof(*list));
    list->head = NULL;
    list->next_list = lists;
    lists = list;
    live++;
    journal(IN_LIST, "list_create");
    return list;
}

void list_destroy(LIST_HANDLE list)
{
    LIST_HANDLE* place = &lists;
    enter(CALL_list_destroy);
    check_list(list);
    while (list->head != NULL)
    {
        LIST_ITEM_HANDLE item = list->head;
        list->head = item->next;
        items--;
        outside_free(item);
    }
    while (*place != list)
    {
        place = &(*place)->next_list;
    }
    *place = list->next_list;
    outside_free(list);
    live--;
    journal(IN_LIST, "list_destroy");
}

LIST_ITEM_HANDLE list_add(LIST_HANDLE list, const void* value)
{
    LIST_ITEM_HANDLE item;
    LIST_ITEM_HANDLE* place = &list->head;
    check_list(list);
    CHECK(value != NULL);
    if (enter(CALL_list_add))
    {
        journal(IN_LIST, "list_add fails");
        return NULL;
    }
    item = outside_malloc(sizeof(*item));
    item->value = value;
    item->list = list;
    item->next = NULL;
    while (*place != NULL)
    {
        place = &(*place)->next;
    }
    *place = item;
    items++;
    journal(IN_LIST, "list_add");
    return item;
}

LIST_ITEM_HANDLE list_get_head_item(LIST_HANDLE list)
{
    enter(CALL_list_get_head_item);
    check_list(list);
    return list->head;
}

LIST_ITEM_HANDLE list_get_next_item(LIST_ITEM_HANDLE item)
{
    enter(CALL_list_get_next_item);
    check_item(item);
    return item->next;
}

LIST_ITEM_HANDLE list_find(LIST_HANDLE list, LIST_MATCH_FUNCTION match, const void* context)
{
    LIST_ITEM_HANDLE item;
    enter(CALL_list_find);
    check_list(list);
    for (item = list->head; item != NULL && !match(item, context); item = item->next)
    {
    }
    return item;
}

int list_remove(LIST_HANDLE list, LIST_ITEM_HANDLE item)
{
    LIST_ITEM_HANDLE* place = &list->head;
    check_list(list);
    check_item(item);
    CHECK_PTR(item->list, list);
    if (enter(CALL_list_remove))
    {
        journal(IN_LIST, "list_remove fails");
        return 1;
    }
    while (*place != item)
    {
        place = &(*place)->next;
    }
    *place = item->next;
    outside_free(item);
    items--;
    journal(IN_LIST, "list_remove");
    return 0;
}

const void* list_item_get_value(LIST_ITEM_HANDLE item)
{
    enter(CALL_list_item_get_value);
    check_item(item);
    return item->value;
}
