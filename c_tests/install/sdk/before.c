/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The SDK's headers first: they are used. */
#include "list.h"
#include "xio.h"

#include "wsio.h"

#ifndef XIO_H_IS_THE_SDKS
#error "wsio.h did not use the xio.h that was there"
#endif

const IO_INTERFACE_DESCRIPTION* description(void);
const IO_INTERFACE_DESCRIPTION* description(void)
{
    return list_create() != NULL ? wsio_get_interface_description() : NULL;
}
