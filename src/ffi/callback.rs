//! The user's callbacks, each with its context, callable from safe code.
//!
//! Whoever calls one must hold nothing that the user could invalidate: the
//! callback may call any wsio function on the same handle, `wsio_destroy`
//! included.

use core::ffi::c_void;

use super::xio::*;

/// An optional callback and the context to pass to it.
#[derive(Clone, Copy)]
pub(crate) struct Callback<F> {
    function: Option<F>,
    context: *mut c_void,
}

impl<F> Callback<F> {
    /// # Safety
    /// `function` must be callable with `context`, on this thread, as long as
    /// the wsio instance lives: what the header asks of the C caller.
    pub(crate) unsafe fn new(function: Option<F>, context: *mut c_void) -> Self {
        Self { function, context }
    }
}

pub(crate) type OpenComplete = Callback<unsafe extern "C" fn(*mut c_void, IO_OPEN_RESULT)>;
pub(crate) type BytesReceived = Callback<unsafe extern "C" fn(*mut c_void, *const u8, usize)>;
pub(crate) type SendComplete = Callback<unsafe extern "C" fn(*mut c_void, IO_SEND_RESULT)>;
/// `on_io_error` and `on_io_close_complete`.
pub(crate) type Notice = Callback<unsafe extern "C" fn(*mut c_void)>;

impl OpenComplete {
    pub(crate) fn call(self, result: IO_OPEN_RESULT) {
        if let Some(function) = self.function {
            // SAFETY: promised to `new`.
            unsafe { function(self.context, result) }
        }
    }
}

impl BytesReceived {
    pub(crate) fn call(self, bytes: &[u8]) {
        if let Some(function) = self.function {
            // SAFETY: promised to `new`; the bytes are valid during the call.
            unsafe { function(self.context, bytes.as_ptr(), bytes.len()) }
        }
    }
}

impl SendComplete {
    pub(crate) fn call(self, result: IO_SEND_RESULT) {
        if let Some(function) = self.function {
            // SAFETY: promised to `new`.
            unsafe { function(self.context, result) }
        }
    }
}

impl Notice {
    pub(crate) fn call(self) {
        if let Some(function) = self.function {
            // SAFETY: promised to `new`.
            unsafe { function(self.context) }
        }
    }
}
