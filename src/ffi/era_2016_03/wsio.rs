//! What of `wsio.h` is particular to this era.

use core::ffi::{c_int, c_void};

use super::xio::IO_INTERFACE_DESCRIPTION;
use crate::ffi::entry::{self, *};
use crate::ffi::xio::*;

/// Starts to open the IO: resolves the host name, then connects to it in the
/// background; call wsio_dowork until on_io_open_complete reports the result.
///
/// The whole of connecting, TLS and the server's answer may take 20 seconds;
/// after that the open ends with IO_OPEN_ERROR.
///
/// @param ws_io                from wsio_create.
/// @param on_io_open_complete  called exactly once if this returns 0, with
///                             IO_OPEN_OK, IO_OPEN_ERROR (the IO can be opened
///                             again) or IO_OPEN_CANCELLED (by wsio_close or
///                             wsio_destroy). May be NULL.
/// @param on_bytes_received    called with the payload bytes of the messages
///                             that arrive, in pieces as they come: message
///                             boundaries are not kept. May be NULL.
/// @param on_io_error          called once when the open IO fails: the
///                             connection is lost, or was closed by the
///                             server. wsio_send fails from then on; call
///                             wsio_close. May be NULL.
/// @param on_io_open_complete_context,on_bytes_received_context,on_io_error_context
///                             passed to the callback of that name as it is;
///                             the caller keeps it valid until the IO is
///                             closed.
/// @return 0, or non-zero when ws_io is NULL; when the IO is already open or
///         being opened, is being closed, or has failed and was not closed;
///         when the host name does not resolve, trusted_ca holds no valid
///         certificate or a broken one, or memory is short. No callback is
///         called then.
///
/// This is the one function that may block: while the system resolves the host
/// name. An IP address takes no time.
///
/// (SRS_WSIO_01_010, 022, 033, 034, 035, 104)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsio_open(
    ws_io: CONCRETE_IO_HANDLE,
    on_io_open_complete: ON_IO_OPEN_COMPLETE,
    on_io_open_complete_context: *mut c_void,
    on_bytes_received: ON_BYTES_RECEIVED,
    on_bytes_received_context: *mut c_void,
    on_io_error: ON_IO_ERROR,
    on_io_error_context: *mut c_void,
) -> c_int {
    // SAFETY: the C caller's promises, passed on.
    unsafe {
        entry::open(
            ws_io,
            (on_io_open_complete, on_io_open_complete_context),
            (on_bytes_received, on_bytes_received_context),
            (on_io_error, on_io_error_context),
        )
    }
}

static INTERFACE: IO_INTERFACE_DESCRIPTION = IO_INTERFACE_DESCRIPTION {
    concrete_io_create: Some(wsio_create),
    concrete_io_destroy: Some(wsio_destroy),
    concrete_io_open: Some(wsio_open),
    concrete_io_close: Some(wsio_close),
    concrete_io_send: Some(wsio_send),
    concrete_io_dowork: Some(wsio_dowork),
    concrete_io_setoption: Some(wsio_setoption),
};

/// The functions of this concrete IO, for xio_create and the like.
///
/// @return a table that lives as long as the program. Never NULL.
///
/// (SRS_WSIO_01_064)
#[unsafe(no_mangle)]
pub extern "C" fn wsio_get_interface_description() -> *const IO_INTERFACE_DESCRIPTION {
    &INTERFACE // SRS_WSIO_01_064
}
