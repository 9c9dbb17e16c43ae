//! What of `xio.h` is particular to this era.

use core::ffi::{c_int, c_void};

use crate::ffi::xio::*;

/// Opens the IO; `callback_context` goes to each of the three callbacks.
pub type IO_OPEN = Option<
    unsafe extern "C" fn(
        concrete_io: CONCRETE_IO_HANDLE,
        on_io_open_complete: ON_IO_OPEN_COMPLETE,
        on_bytes_received: ON_BYTES_RECEIVED,
        on_io_error: ON_IO_ERROR,
        callback_context: *mut c_void,
    ) -> c_int,
>;

/// The functions of a concrete IO. Callers that know the first six only may use
/// it as well.
#[repr(C)]
pub struct IO_INTERFACE_DESCRIPTION_TAG {
    /// Makes the IO.
    pub concrete_io_create: IO_CREATE,
    /// Frees the IO.
    pub concrete_io_destroy: IO_DESTROY,
    /// Opens it.
    pub concrete_io_open: IO_OPEN,
    /// Closes it.
    pub concrete_io_close: IO_CLOSE,
    /// Sends bytes.
    pub concrete_io_send: IO_SEND,
    /// Does what can be done now.
    pub concrete_io_dowork: IO_DOWORK,
    /// Sets an option.
    pub concrete_io_setoption: IO_SETOPTION,
}
/// The functions of a concrete IO.
pub type IO_INTERFACE_DESCRIPTION = IO_INTERFACE_DESCRIPTION_TAG;
