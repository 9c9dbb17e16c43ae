//! The host's own handling of SIGPIPE must not change: `lws_create_context` sets
//! it to SIG_IGN for the whole process (docs/ARCHITECTURE.md, "Foreign objects").

use core::mem::MaybeUninit;
use core::ptr::null;

/// Puts the process's SIGPIPE disposition back when dropped, and a SIGPIPE that
/// was pending: to ignore a signal discards it.
///
/// The disposition is process-wide: hold the lock that all who change it hold.
pub(crate) struct SigpipeDisposition {
    action: libc::sigaction,
    was_pending: bool,
}

impl SigpipeDisposition {
    pub(crate) fn save() -> Self {
        let mut action = MaybeUninit::<libc::sigaction>::zeroed();
        // SAFETY: sigaction fills `action`; all zeroes is valid if it could not.
        let action = unsafe {
            libc::sigaction(libc::SIGPIPE, null(), action.as_mut_ptr());
            action.assume_init()
        };
        Self { action, was_pending: is_pending() }
    }
}

impl Drop for SigpipeDisposition {
    fn drop(&mut self) {
        // SAFETY: what `save` read; a signal that is blocked in this thread.
        unsafe {
            libc::sigaction(libc::SIGPIPE, &self.action, core::ptr::null_mut());
            if self.was_pending && !is_pending() {
                libc::raise(libc::SIGPIPE);
            }
        }
    }
}

/// Whether a SIGPIPE waits, which is so only while the thread blocks it.
fn is_pending() -> bool {
    let mut set = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: sigpending fills the set.
    unsafe {
        libc::sigpending(set.as_mut_ptr()) == 0
            && libc::sigismember(set.as_ptr(), libc::SIGPIPE) == 1
    }
}
