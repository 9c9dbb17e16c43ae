/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Stands in for an SDK's header: same guard, same types, in its own way. */
#ifndef LIST_H
#define LIST_H

typedef struct LIST_INSTANCE_TAG* LIST_HANDLE;

#ifdef __cplusplus
extern "C"
#endif
LIST_HANDLE list_create(void);

#endif
