/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The part of the SDK's xlogging.h that wsio uses, for programs without an SDK.
 * The SDK's own header has the same guard. */
#ifndef XLOGGING_H
#define XLOGGING_H

#ifdef __cplusplus
extern "C" {
#endif

/* The SDK's older logger.h (guard LOGGER_H) declares the type itself. */
#ifndef LOGGER_H

/* options: the logger is to end the line. */
#define LOG_NONE 0x00
#define LOG_LINE 0x01

/* printf-like. `options` is LOG_NONE or LOG_LINE. */
typedef void (*LOGGER_LOG)(unsigned int options, char* format, ...);

#endif

#ifdef __cplusplus
}
#endif

#endif
