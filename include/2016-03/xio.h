/* Generated from the Rust source by cbindgen; see tests/headers.rs. */
/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a concrete IO is: the part of the SDK's xio.h that wsio uses, for
 * programs without an SDK. The SDK's own header has the same guard. */

#ifndef XIO_H
#define XIO_H

#include <stdbool.h>
#include <stddef.h>

#include <xlogging.h>


/**
 * How a send ended.
 */
enum IO_SEND_RESULT_TAG {
    /**
     * The operating system has taken the last byte.
     */
    IO_SEND_OK,
    /**
     * The bytes could not be sent, or not all of them.
     */
    IO_SEND_ERROR,
    /**
     * The IO was closed or destroyed before the last byte was sent.
     */
    IO_SEND_CANCELLED,
};

/**
 * How an open ended.
 */
enum IO_OPEN_RESULT_TAG {
    /**
     * The IO is open: data can be sent and may arrive.
     */
    IO_OPEN_OK,
    /**
     * The IO could not be opened. It is closed and can be opened again.
     */
    IO_OPEN_ERROR,
    /**
     * The IO was closed or destroyed before it was open.
     */
    IO_OPEN_CANCELLED,
};

/**
 * Bytes arrived. `buffer` is valid during the call only.
 */
typedef void (*ON_BYTES_RECEIVED)(void *context,
                                  const unsigned char *buffer,
                                  size_t size);

/**
 * How a send ended.
 */
typedef enum IO_SEND_RESULT_TAG IO_SEND_RESULT;

/**
 * The send that was given this `context` has ended. Called exactly once.
 */
typedef void (*ON_SEND_COMPLETE)(void *context,
                                 IO_SEND_RESULT send_result);

/**
 * How an open ended.
 */
typedef enum IO_OPEN_RESULT_TAG IO_OPEN_RESULT;

/**
 * The open that was given this `context` has ended. Called exactly once.
 */
typedef void (*ON_IO_OPEN_COMPLETE)(void *context,
                                    IO_OPEN_RESULT open_result);

/**
 * The IO is closed.
 */
typedef void (*ON_IO_CLOSE_COMPLETE)(void *context);

/**
 * The open IO has failed; it should be closed.
 */
typedef void (*ON_IO_ERROR)(void *context);

/**
 * A concrete IO, as its `concrete_io_create` returned it. Opaque.
 */
typedef void *CONCRETE_IO_HANDLE;

/**
 * Makes a concrete IO from parameters that only it understands.
 */
typedef CONCRETE_IO_HANDLE (*IO_CREATE)(void *io_create_parameters,
                                        LOGGER_LOG logger_log);

/**
 * Closes the IO where needed and frees it.
 */
typedef void (*IO_DESTROY)(CONCRETE_IO_HANDLE concrete_io);

/**
 * Opens the IO; each callback has its own context.
 */
typedef int (*IO_OPEN)(CONCRETE_IO_HANDLE concrete_io,
                       ON_IO_OPEN_COMPLETE on_io_open_complete,
                       void *on_io_open_complete_context,
                       ON_BYTES_RECEIVED on_bytes_received,
                       void *on_bytes_received_context,
                       ON_IO_ERROR on_io_error,
                       void *on_io_error_context);

/**
 * Closes the IO.
 */
typedef int (*IO_CLOSE)(CONCRETE_IO_HANDLE concrete_io,
                        ON_IO_CLOSE_COMPLETE on_io_close_complete,
                        void *callback_context);

/**
 * Queues bytes for sending.
 */
typedef int (*IO_SEND)(CONCRETE_IO_HANDLE concrete_io,
                       const void *buffer,
                       size_t size,
                       ON_SEND_COMPLETE on_send_complete,
                       void *callback_context);

/**
 * Does what can be done without waiting; callbacks are called from here.
 */
typedef void (*IO_DOWORK)(CONCRETE_IO_HANDLE concrete_io);

/**
 * Sets an option by its name.
 */
typedef int (*IO_SETOPTION)(CONCRETE_IO_HANDLE concrete_io,
                            const char *optionName,
                            const void *value);

/**
 * The functions of a concrete IO. Callers that know the first six only may use
 * it as well.
 */
struct IO_INTERFACE_DESCRIPTION_TAG {
    /**
     * Makes the IO.
     */
    IO_CREATE concrete_io_create;
    /**
     * Frees the IO.
     */
    IO_DESTROY concrete_io_destroy;
    /**
     * Opens it.
     */
    IO_OPEN concrete_io_open;
    /**
     * Closes it.
     */
    IO_CLOSE concrete_io_close;
    /**
     * Sends bytes.
     */
    IO_SEND concrete_io_send;
    /**
     * Does what can be done now.
     */
    IO_DOWORK concrete_io_dowork;
    /**
     * Sets an option.
     */
    IO_SETOPTION concrete_io_setoption;
};

/**
 * The functions of a concrete IO.
 */
typedef struct IO_INTERFACE_DESCRIPTION_TAG IO_INTERFACE_DESCRIPTION;

#endif  /* XIO_H */
