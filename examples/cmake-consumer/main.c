/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The least that shows that wsio is there: makes an IO and frees it, through the
 * vtable, as an SDK does. No server is needed. */
#include <stdarg.h>
#include <stdio.h>

#include "wsio.h"

static void log_line(unsigned int options, char* format, ...)
{
    va_list arguments;
    (void)options;
    va_start(arguments, format);
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
    (void)fputc('\n', stderr);
}

int main(void)
{
    const IO_INTERFACE_DESCRIPTION* wsio = wsio_get_interface_description();
    WSIO_CONFIG config = {"localhost", 443, "mqtt", "/mqtt", true, NULL};
    CONCRETE_IO_HANDLE io = wsio->concrete_io_create(&config, log_line);

    if (io == NULL)
    {
        return 1;
    }
    wsio->concrete_io_dowork(io);
    wsio->concrete_io_destroy(io);
    (void)puts("wsio is there");
    return 0;
}
