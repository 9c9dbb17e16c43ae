//! A borrowed SSL_CTX.

use core::ffi::c_void;
use core::ptr::NonNull;

use libwebsockets_sys as ssl;

/// An SSL_CTX that somebody else owns: lws, during an event, or a `ClientTls`.
#[derive(Clone, Copy)]
pub(crate) struct Context(NonNull<ssl::SSL_CTX>);

impl Context {
    /// `None` for NULL.
    ///
    /// # Safety
    /// `raw` is NULL or an SSL_CTX that lives as long as this is used.
    pub(crate) unsafe fn from_raw(raw: *mut c_void) -> Option<Self> {
        NonNull::new(raw.cast()).map(Self)
    }

    pub(super) fn as_ptr(self) -> *mut ssl::SSL_CTX {
        self.0.as_ptr()
    }
}
