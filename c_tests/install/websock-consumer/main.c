/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Both faces are there, each with what it needs, and neither minds the other. */
#include <stdio.h>
#include <string.h>

#include "websock.h"
#ifndef WEBSOCK_ONLY
#include "wsio.h"
#endif

static int lines;

static void count(void* context, const char* line)
{
    (void)context;
    lines += strstr(line, "hostname is NULL") != NULL;
}

int main(void)
{
    websock_config_t config;

    memset(&config, 0, sizeof config);
    websock_set_log_handler(count, NULL);
    if (websock_open(&config) != NULL || lines != 1)
    {
        return 1;
    }
#ifndef WEBSOCK_ONLY
    if (wsio_get_interface_description() == NULL)
    {
        return 1;
    }
#endif
    puts("websock is there");
    return 0;
}
