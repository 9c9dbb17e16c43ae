/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Our header first, the SDK's later: no clash. */
#include "wsio.h"

#include "list.h"
#include "xio.h"

const IO_INTERFACE_DESCRIPTION* description(void);
const IO_INTERFACE_DESCRIPTION* description(void)
{
    return list_create() != NULL ? wsio_get_interface_description() : NULL;
}
