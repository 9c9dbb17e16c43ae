/* Generated from the Rust source by cbindgen; see tests/headers.rs. */
/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* wsio: a concrete IO that sends and receives through a WebSocket. */

#ifndef WSIO_H
#define WSIO_H

#include <stdbool.h>
#include <stddef.h>

#include <xio.h>
#include <xlogging.h>


/**
 * What wsio_create needs to know. All strings are copied.
 */
struct WSIO_CONFIG_TAG {
    /**
     * Host name, IPv4 or IPv6 address (without brackets) of the server: not
     * NULL, not empty, at most 110 bytes, no control character and no space.
     */
    const char *host;
    /**
     * TCP port of the server, 1 to 65535.
     */
    int port;
    /**
     * Subprotocol to ask for, as in Sec-WebSocket-Protocol (RFC 6455 section
     * 4.1): not NULL, at most 256 bytes; empty asks for none.
     */
    const char *protocol_name;
    /**
     * Path and query of the URL: not NULL, at most 2,000 bytes. A missing
     * slash in front is added; empty means "/".
     */
    const char *relative_path;
    /**
     * Whether to use TLS (wss). The server's certificate is always verified:
     * chain, validity and name.
     */
    bool use_ssl;
    /**
     * Certificates (PEM, any number) to trust besides those that the system
     * trusts, or NULL. Used with use_ssl only.
     */
    const char *trusted_ca;
};

/**
 * What wsio_create needs to know.
 */
typedef struct WSIO_CONFIG_TAG WSIO_CONFIG;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Makes a wsio: a concrete IO whose bytes go through a WebSocket connection.
 * It is closed at first.
 *
 * @param io_create_parameters  a WSIO_CONFIG*; not needed after the call.
 * @param logger_log  printf-like function that gets one line an event, with
 *                    options 1 (the SDK's LOG_LINE); NULL: no logging. It must
 *                    not call wsio functions.
 * @return the handle, which wsio_destroy frees, or NULL when an argument or
 *         field is missing or refused (the logger is told which and why), or
 *         memory is short.
 *
 * Threads: a handle belongs to one thread at a time, with all its callbacks;
 * different handles may be used in different threads at once.
 *
 * Callbacks are called from within the wsio functions and may call any of them
 * on the same handle, wsio_destroy included; a wsio_dowork inside a callback
 * does nothing.
 *
 * (SRS_WSIO_01_001 to 006, 098 to 100)
 */
CONCRETE_IO_HANDLE wsio_create(void *io_create_parameters,
                               LOGGER_LOG logger_log);

/**
 * Closes the IO if it is not closed, and frees it.
 *
 * @param ws_io  from wsio_create, not used after this; NULL does nothing.
 *
 * A pending open is answered with IO_OPEN_CANCELLED, pending sends with
 * IO_SEND_CANCELLED, before this returns; no callback is called later. The
 * server gets a Close frame with code 1000 when the IO is open.
 *
 * (SRS_WSIO_01_007 to 009)
 */
void wsio_destroy(CONCRETE_IO_HANDLE ws_io);

/**
 * Closes the IO and waits for nothing: the server gets a Close frame with code
 * 1000 if it can be sent at once, a pending open is answered with
 * IO_OPEN_CANCELLED, pending sends with IO_SEND_CANCELLED, all before this
 * returns. The IO can be opened again afterwards.
 *
 * @param ws_io                 from wsio_create.
 * @param on_io_close_complete  called once, before this returns 0; from there
 *                              on the IO can be opened again. May be NULL.
 * @param callback_context      passed to on_io_close_complete as it is.
 * @return 0, or non-zero when ws_io is NULL, when the IO is not open, being
 *         opened or failed, when a wsio_close is running, or when a callback
 *         destroyed the IO meanwhile. on_io_close_complete is not called then.
 *
 * (SRS_WSIO_01_041 to 049, 108 to 111)
 */
int wsio_close(CONCRETE_IO_HANDLE ws_io,
               ON_IO_CLOSE_COMPLETE on_io_close_complete,
               void *callback_context);

/**
 * Queues bytes; they are sent as one binary message from within wsio_dowork.
 *
 * @param ws_io             from wsio_create.
 * @param buffer            the bytes; copied, not needed after the call.
 * @param size              how many, 1 to 2,147,483,631.
 * @param on_send_complete  called exactly once if this returns 0, from
 *                          wsio_dowork, wsio_close or wsio_destroy. May be
 *                          NULL.
 * @param callback_context  passed to on_send_complete as it is.
 * @return 0, or non-zero when ws_io or buffer is NULL, size is zero or too
 *         large, the IO is not open, or memory is short. on_send_complete is
 *         not called then.
 *
 * (SRS_WSIO_01_050 to 060, 105 to 107)
 */
int wsio_send(CONCRETE_IO_HANDLE ws_io,
              const void *buffer,
              size_t size,
              ON_SEND_COMPLETE on_send_complete,
              void *callback_context);

/**
 * Does what can be done now, without waiting: connects, sends, receives, and
 * calls the callbacks. Call it often, whenever the IO is not closed.
 *
 * @param ws_io  from wsio_create; NULL does nothing.
 *
 * (SRS_WSIO_01_061 to 063, 112)
 */
void wsio_dowork(CONCRETE_IO_HANDLE ws_io);

/**
 * Sets an option. There are none.
 *
 * @param socket_io   from wsio_create, or NULL.
 * @param optionName  any name, or NULL.
 * @param value       anything, or NULL.
 * @return non-zero, always.
 *
 * (SRS_WSIO_03_001)
 */
int wsio_setoption(CONCRETE_IO_HANDLE socket_io,
                   const char *optionName,
                   const void *value);

/**
 * Starts to open the IO: resolves the host name, then connects to it in the
 * background; call wsio_dowork until on_io_open_complete reports the result.
 *
 * The whole of connecting, TLS and the server's answer may take 20 seconds;
 * after that the open ends with IO_OPEN_ERROR.
 *
 * @param ws_io                from wsio_create.
 * @param on_io_open_complete  called exactly once if this returns 0, with
 *                             IO_OPEN_OK, IO_OPEN_ERROR (the IO can be opened
 *                             again) or IO_OPEN_CANCELLED (by wsio_close or
 *                             wsio_destroy). May be NULL.
 * @param on_bytes_received    called with the payload bytes of the messages
 *                             that arrive, in pieces as they come: message
 *                             boundaries are not kept. May be NULL.
 * @param on_io_error          called once when the open IO fails: the
 *                             connection is lost, or was closed by the
 *                             server. wsio_send fails from then on; call
 *                             wsio_close. May be NULL.
 * @param callback_context     passed to the three callbacks as it is; the
 *                             caller keeps it valid until the IO is closed.
 * @return 0, or non-zero when ws_io is NULL; when the IO is already open or
 *         being opened, is being closed, or has failed and was not closed;
 *         when the host name does not resolve, trusted_ca holds no valid
 *         certificate or a broken one, or memory is short. No callback is
 *         called then.
 *
 * This is the one function that may block: while the system resolves the host
 * name. An IP address takes no time.
 *
 * (SRS_WSIO_01_010, 022, 033, 034, 035, 104)
 */
int wsio_open(CONCRETE_IO_HANDLE ws_io,
              ON_IO_OPEN_COMPLETE on_io_open_complete,
              ON_BYTES_RECEIVED on_bytes_received,
              ON_IO_ERROR on_io_error,
              void *callback_context);

/**
 * The functions of this concrete IO, for xio_create and the like.
 *
 * @return a table that lives as long as the program. Never NULL.
 *
 * (SRS_WSIO_01_064)
 */
const IO_INTERFACE_DESCRIPTION *wsio_get_interface_description(void);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* WSIO_H */
