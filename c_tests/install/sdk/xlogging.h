/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Stands in for an SDK's header: same guard, same types, in its own way. */
#ifndef XLOGGING_H
#define XLOGGING_H

typedef void (*LOGGER_LOG)(unsigned int options, char* format, ...);

#endif
