//! The SDK's `xio.h`, as far as it is the same in every era: what a concrete IO
//! is and what it reports. `include/xio.h` is generated from this file and the
//! `xio.rs` of the era.

use core::ffi::{c_char, c_int, c_uchar, c_void};

use super::logger::LOGGER_LOG;

/// A concrete IO, as its `concrete_io_create` returned it. Opaque.
pub type CONCRETE_IO_HANDLE = *mut c_void;

/// How an open ended.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IO_OPEN_RESULT_TAG {
    /// The IO is open: data can be sent and may arrive.
    IO_OPEN_OK,
    /// The IO could not be opened. It is closed and can be opened again.
    IO_OPEN_ERROR,
    /// The IO was closed or destroyed before it was open.
    IO_OPEN_CANCELLED,
}
/// How an open ended.
pub type IO_OPEN_RESULT = IO_OPEN_RESULT_TAG;

/// How a send ended.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IO_SEND_RESULT_TAG {
    /// The operating system has taken the last byte.
    IO_SEND_OK,
    /// The bytes could not be sent, or not all of them.
    IO_SEND_ERROR,
    /// The IO was closed or destroyed before the last byte was sent.
    IO_SEND_CANCELLED,
}
/// How a send ended.
pub type IO_SEND_RESULT = IO_SEND_RESULT_TAG;

/// Bytes arrived. `buffer` is valid during the call only.
pub type ON_BYTES_RECEIVED =
    Option<unsafe extern "C" fn(context: *mut c_void, buffer: *const c_uchar, size: usize)>;

/// The send that was given this `context` has ended. Called exactly once.
pub type ON_SEND_COMPLETE =
    Option<unsafe extern "C" fn(context: *mut c_void, send_result: IO_SEND_RESULT)>;

/// The open that was given this `context` has ended. Called exactly once.
pub type ON_IO_OPEN_COMPLETE =
    Option<unsafe extern "C" fn(context: *mut c_void, open_result: IO_OPEN_RESULT)>;

/// The IO is closed.
pub type ON_IO_CLOSE_COMPLETE = Option<unsafe extern "C" fn(context: *mut c_void)>;

/// The open IO has failed; it should be closed.
pub type ON_IO_ERROR = Option<unsafe extern "C" fn(context: *mut c_void)>;

/// Makes a concrete IO from parameters that only it understands.
pub type IO_CREATE = Option<
    unsafe extern "C" fn(
        io_create_parameters: *mut c_void,
        logger_log: LOGGER_LOG,
    ) -> CONCRETE_IO_HANDLE,
>;

/// Closes the IO where needed and frees it.
pub type IO_DESTROY = Option<unsafe extern "C" fn(concrete_io: CONCRETE_IO_HANDLE)>;

/// Closes the IO.
pub type IO_CLOSE = Option<
    unsafe extern "C" fn(
        concrete_io: CONCRETE_IO_HANDLE,
        on_io_close_complete: ON_IO_CLOSE_COMPLETE,
        callback_context: *mut c_void,
    ) -> c_int,
>;

/// Queues bytes for sending.
pub type IO_SEND = Option<
    unsafe extern "C" fn(
        concrete_io: CONCRETE_IO_HANDLE,
        buffer: *const c_void,
        size: usize,
        on_send_complete: ON_SEND_COMPLETE,
        callback_context: *mut c_void,
    ) -> c_int,
>;

/// Does what can be done without waiting; callbacks are called from here.
pub type IO_DOWORK = Option<unsafe extern "C" fn(concrete_io: CONCRETE_IO_HANDLE)>;

/// Sets an option by its name.
pub type IO_SETOPTION = Option<
    unsafe extern "C" fn(
        concrete_io: CONCRETE_IO_HANDLE,
        optionName: *const c_char,
        value: *const c_void,
    ) -> c_int,
>;
