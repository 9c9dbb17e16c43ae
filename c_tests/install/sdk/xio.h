/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Stands in for an SDK's header: same guard, same types, in its own way. Only
 * what wsio.h needs. */
#ifndef XIO_H
#define XIO_H

#include <stddef.h>
#include "xlogging.h"

typedef void* CONCRETE_IO_HANDLE;
typedef enum IO_OPEN_RESULT_TAG { IO_OPEN_OK, IO_OPEN_ERROR, IO_OPEN_CANCELLED } IO_OPEN_RESULT;
typedef enum IO_SEND_RESULT_TAG { IO_SEND_OK, IO_SEND_ERROR, IO_SEND_CANCELLED } IO_SEND_RESULT;

typedef void (*ON_IO_OPEN_COMPLETE)(void* context, IO_OPEN_RESULT open_result);
typedef void (*ON_IO_CLOSE_COMPLETE)(void* context);
typedef void (*ON_BYTES_RECEIVED)(void* context, const unsigned char* buffer, size_t size);
typedef void (*ON_SEND_COMPLETE)(void* context, IO_SEND_RESULT send_result);
typedef void (*ON_IO_ERROR)(void* context);

/* The tests need no more of it than a pointer. */
typedef struct IO_INTERFACE_DESCRIPTION_TAG IO_INTERFACE_DESCRIPTION;

#define XIO_H_IS_THE_SDKS

#endif
