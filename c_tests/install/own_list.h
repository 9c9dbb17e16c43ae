/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef OWN_LIST_H
#define OWN_LIST_H

/* How often the program's own list_create was called. */
extern int own_list_created;

#endif
