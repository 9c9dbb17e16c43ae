/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Whether the program's own list is used, by wsio and by the program itself. */
#include <stdio.h>

#include "list.h"
#include "own_list.h"
#include "wsio.h"

static int created_by_wsio(void)
{
    WSIO_CONFIG config = {"localhost", 80, "", "/", false, NULL};
    int before = own_list_created;
    wsio_destroy(wsio_create(&config, NULL));
    return own_list_created - before;
}

static int created_by_program(void)
{
    int before = own_list_created;
    list_destroy(list_create());
    return own_list_created - before;
}

int main(void)
{
    int by_wsio = created_by_wsio();
    int by_program = created_by_program();
    if (by_wsio != 1 || by_program != 1)
    {
        (void)fprintf(stderr, "own list_create: %d calls by wsio, %d by the program; expected 1, 1\n",
                      by_wsio, by_program);
        return 1;
    }
    return 0;
}
