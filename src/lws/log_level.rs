//! lws's own log goes to stderr unless told otherwise, and its level is one for
//! the whole process.

use core::sync::atomic::{AtomicBool, Ordering};

use libwebsockets_sys as lws;

/// The levels that lws logs when nobody has said anything.
const DEFAULT: u32 = lws::LLL_ERR | lws::LLL_WARN | lws::LLL_NOTICE;

/// Silences lws, once a process, unless the host has chosen its levels itself:
/// then its choice stands. The host's emitter, if any, is left in place.
pub(super) fn silence() {
    static DONE: AtomicBool = AtomicBool::new(false);
    if !DONE.swap(true, Ordering::Relaxed) {
        // SAFETY: both only read or write lws's level; NULL keeps the emitter.
        unsafe {
            let chosen = (0..lws::LLL_COUNT)
                .fold(0, |levels, bit| levels | (lws::lwsl_visible(1 << bit) as u32 & (1 << bit)));
            if chosen == DEFAULT {
                lws::lws_set_log_level(0, None);
            }
        }
    }
}
