/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The list that libwsio.a brings, for programs that bring none. */
#include "check.h"

#include "list.h"

static const int A = 1, B = 2, C = 3;

static LIST_HANDLE list_of_abc(void)
{
    LIST_HANDLE list = list_create();
    CHECK(list != NULL);
    CHECK(list_add(list, &A) != NULL);
    CHECK(list_add(list, &B) != NULL);
    CHECK(list_add(list, &C) != NULL);
    return list;
}

static bool has_value(LIST_ITEM_HANDLE item, const void* value)
{
    return list_item_get_value(item) == value;
}

static bool never(LIST_ITEM_HANDLE item, const void* context)
{
    (void)item;
    (void)context;
    return false;
}

/* `expected` ends with NULL. */
static void check_values(LIST_HANDLE list, const void* const* expected)
{
    LIST_ITEM_HANDLE item = list_get_head_item(list);
    for (; *expected != NULL; expected++)
    {
        CHECK_PTR(list_item_get_value(item), *expected);
        item = list_get_next_item(item);
    }
    CHECK_PTR(item, NULL);
}

#define CHECK_VALUES(list, ...) check_values(list, (const void* const[]){__VA_ARGS__, NULL})

TEST(a_new_list_is_empty)
{
    LIST_HANDLE list = list_create();
    CHECK(list != NULL);
    CHECK_PTR(list_get_head_item(list), NULL);
    list_destroy(list);
}

TEST(items_stay_in_order)
{
    LIST_HANDLE list = list_of_abc();
    CHECK_VALUES(list, &A, &B, &C);
    list_destroy(list);
}

TEST(the_same_value_can_be_in_it_twice)
{
    LIST_HANDLE list = list_of_abc();
    LIST_ITEM_HANDLE again = list_add(list, &A);
    CHECK(again != list_get_head_item(list));
    CHECK_VALUES(list, &A, &B, &C, &A);
    CHECK_INT(list_remove(list, again), 0);
    CHECK_VALUES(list, &A, &B, &C);
    list_destroy(list);
}

TEST(add_returns_the_item)
{
    LIST_HANDLE list = list_create();
    LIST_ITEM_HANDLE item = list_add(list, &A);
    CHECK_PTR(item, list_get_head_item(list));
    CHECK_PTR(list_item_get_value(item), &A);
    list_destroy(list);
}

TEST(the_first_the_last_and_a_middle_item_can_be_removed)
{
    const void* const values[] = {&A, &B, &C};
    const void* const left[][3] = {{&B, &C, NULL}, {&A, &C, NULL}, {&A, &B, NULL}};
    for (size_t i = 0; i < 3; i++)
    {
        LIST_HANDLE list = list_of_abc();
        CHECK_INT(list_remove(list, list_find(list, has_value, values[i])), 0);
        check_values(list, left[i]);
        list_destroy(list);
    }
}

TEST(what_is_added_after_a_removal_is_last)
{
    LIST_HANDLE list = list_of_abc();
    CHECK_INT(list_remove(list, list_find(list, has_value, &C)), 0);
    CHECK(list_add(list, &C) != NULL);
    CHECK_VALUES(list, &A, &B, &C);
    for (size_t i = 0; i < 3; i++)
    {
        CHECK_INT(list_remove(list, list_get_head_item(list)), 0);
    }
    CHECK_PTR(list_get_head_item(list), NULL);
    CHECK(list_add(list, &B) != NULL);
    CHECK_VALUES(list, &B);
    list_destroy(list);
}

TEST(an_item_of_another_list_is_not_removed)
{
    LIST_HANDLE list = list_of_abc();
    LIST_HANDLE other = list_create();
    LIST_ITEM_HANDLE item = list_add(other, &A);
    CHECK(list_remove(list, item) != 0);
    CHECK_VALUES(list, &A, &B, &C);
    CHECK_VALUES(other, &A);
    list_destroy(list);
    list_destroy(other);
}

TEST(find_returns_the_first_match)
{
    LIST_HANDLE list = list_of_abc();
    CHECK(list_add(list, &B) != NULL);
    LIST_ITEM_HANDLE found = list_find(list, has_value, &B);
    CHECK_PTR(list_item_get_value(found), &B);
    CHECK_PTR(list_item_get_value(list_get_next_item(found)), &C);
    CHECK_PTR(list_find(list, never, &B), NULL);
    list_destroy(list);
}

TEST(missing_arguments_are_refused)
{
    LIST_HANDLE list = list_of_abc();
    list_destroy(NULL);
    CHECK_PTR(list_add(NULL, &A), NULL);
    CHECK_PTR(list_add(list, NULL), NULL);
    CHECK_PTR(list_get_head_item(NULL), NULL);
    CHECK_PTR(list_get_next_item(NULL), NULL);
    CHECK_PTR(list_find(NULL, has_value, &A), NULL);
    CHECK_PTR(list_find(list, NULL, &A), NULL);
    CHECK(list_remove(NULL, list_get_head_item(list)) != 0);
    CHECK(list_remove(list, NULL) != 0);
    CHECK_PTR(list_item_get_value(NULL), NULL);
    CHECK_VALUES(list, &A, &B, &C);
    list_destroy(list);
}
