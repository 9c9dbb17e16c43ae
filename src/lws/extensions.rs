//! WebSocket extensions to offer: what `lws_get_internal_extensions` returned
//! until lws 3.0.

use libwebsockets_sys::lws_extension;

/// None by default: lws's permessage-deflate costs memory, CPU and 1 KiB receive
/// chunks on every connection (lws 4.1).
#[cfg(not(feature = "permessage-deflate"))]
pub(super) fn internal_extensions() -> *const lws_extension {
    core::ptr::null()
}

/// RFC 7692, as lws implements it.
#[cfg(feature = "permessage-deflate")]
pub(super) fn internal_extensions() -> *const lws_extension {
    use core::ptr::null;

    struct Table([lws_extension; 2]);
    // SAFETY: never written; the pointers are to constants.
    unsafe impl Sync for Table {}
    static TABLE: Table = Table([
        lws_extension {
            name: c"permessage-deflate".as_ptr(),
            callback: Some(libwebsockets_sys::lws_extension_callback_pm_deflate),
            client_offer: c"permessage-deflate; client_no_context_takeover; client_max_window_bits"
                .as_ptr(),
        },
        lws_extension { name: null(), callback: None, client_offer: null() },
    ]);
    TABLE.0.as_ptr()
}
