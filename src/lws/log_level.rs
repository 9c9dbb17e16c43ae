//! lws's own log goes to stderr unless told otherwise, and its level is one for
//! the whole process.

use core::sync::atomic::{AtomicBool, Ordering};

use libwebsockets_sys as lws;

/// The levels that lws logs when nobody has said anything.
const DEFAULT: i32 = (lws::LLL_ERR | lws::LLL_WARN | lws::LLL_NOTICE) as i32;

/// Silences lws, once a process, unless the host has chosen its levels itself:
/// then its choice stands. The host's emitter, if any, is left in place.
pub(super) fn silence() {
    static DONE: AtomicBool = AtomicBool::new(false);
    if !DONE.swap(true, Ordering::Relaxed) {
        // SAFETY: both only read or write lws's level; NULL keeps the emitter.
        unsafe {
            // Non-zero for a level that is on: itself on 4.1, 1 on 4.3.
            let chosen = (0..lws::LLL_COUNT)
                .map(|bit| 1 << bit)
                .filter(|&level| lws::lwsl_visible(level) != 0)
                .fold(0, |levels, level| levels | level);
            if chosen == DEFAULT {
                lws::lws_set_log_level(0, None);
            }
        }
    }
}
