/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Configuration strings and PEM bundles: whatever they are, wsio_create and
 * wsio_open accept or refuse them, and nothing is leaked.
 *
 * Input: two bytes of port, one of flags, then host, protocol_name,
 * relative_path and trusted_ca, each ending with a NUL. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "wsio.h"

/* The next string of the input; the last one ends with it. */
static char* next_string(const uint8_t** data, size_t* size)
{
    const uint8_t* end = memchr(*data, 0, *size);
    size_t length = end != NULL ? (size_t)(end - *data) : *size;
    char* text = malloc(length + 1);

    memcpy(text, *data, length);
    text[length] = '\0';
    *data += length + (end != NULL);
    *size -= length + (end != NULL);
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size)
{
    char* strings[4];
    WSIO_CONFIG config;
    CONCRETE_IO_HANDLE io;
    int port;
    uint8_t flags;

    if (size < 3)
    {
        return 0;
    }
    port = (int16_t)(data[0] | data[1] << 8);
    flags = data[2];
    data += 3;
    size -= 3;
    for (int i = 0; i < 4; i++)
    {
        strings[i] = next_string(&data, &size);
    }
    config.host = strings[0];
    config.port = port;
    config.protocol_name = strings[1];
    config.relative_path = strings[2];
    config.use_ssl = (flags & 1) != 0;
    config.trusted_ca = (flags & 2) != 0 ? strings[3] : NULL;
    wsio_destroy(wsio_create(&config, NULL));

    /* The bundle, with a host that needs no look-up and refuses at once. */
    config.host = "127.0.0.1";
    config.port = 1;
    config.use_ssl = true;
    config.trusted_ca = strings[3];
    io = wsio_create(&config, NULL);
    if (io != NULL)
    {
        if (wsio_open(io, NULL, NULL, NULL, NULL) == 0)
        {
            wsio_dowork(io);
        }
        wsio_destroy(io);
    }
    for (int i = 0; i < 4; i++)
    {
        free(strings[i]);
    }
    return 0;
}
