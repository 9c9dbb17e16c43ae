//! The user's event handler, callable from safe code.

use core::ffi::{c_int, c_void};
use core::ptr::null_mut;

use super::types::{websock_cb_event_t, websock_cb_function, websock_msg_hdr_t};
use crate::websock::Header;

/// A `websock_cb_t` that is not NULL, and its context.
#[derive(Clone, Copy)]
pub(crate) struct EventHandler {
    function: websock_cb_function,
    context: *mut c_void,
}

impl EventHandler {
    /// # Safety
    /// `function` can be called with `context`, in another thread, until it was
    /// replaced or the handle closed.
    pub(super) unsafe fn new(function: websock_cb_function, context: *mut c_void) -> Self {
        Self { function, context }
    }

    /// With what came, or with the connection's end. Whoever calls this holds no lock.
    pub(crate) fn call(self, message: Option<(Header, &mut [u8])>) {
        // SAFETY: promised to `new`; header and bytes are valid during the call.
        unsafe {
            match message {
                Some((header, bytes)) => {
                    let mut header = websock_msg_hdr_t::from(header);
                    (self.function)(
                        self.context,
                        websock_cb_event_t::WEBSOCK_CB_EVENT_DATA,
                        &mut header,
                        bytes.as_mut_ptr().cast(),
                        c_int::try_from(bytes.len()).unwrap_or(c_int::MAX),
                    );
                }
                None => (self.function)(
                    self.context,
                    websock_cb_event_t::WEBSOCK_CB_EVENT_ERROR,
                    null_mut(),
                    null_mut(),
                    0,
                ),
            }
        }
    }
}
