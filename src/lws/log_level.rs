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

/// A log of a context's own, since lws 4.3: silent, and with a counter of its
/// users that one thread changes at a time. The one that all contexts share
/// otherwise is counted without a lock, and lws aborts when two threads collide.
#[cfg(lws_log_cx)]
pub(super) struct OwnLog(core::cell::UnsafeCell<lws::lws_log_cx_t>);

#[cfg(lws_log_cx)]
impl OwnLog {
    pub(super) fn new() -> Self {
        // SAFETY: integers, pointers and optional functions: zero is valid, and
        // means no level, no parent, nobody yet.
        Self(core::cell::UnsafeCell::new(unsafe { core::mem::zeroed() }))
    }

    /// For lws; to be kept in its place as long as the context lives.
    pub(super) fn as_ptr(&self) -> *mut lws::lws_log_cx_t {
        self.0.get()
    }
}
