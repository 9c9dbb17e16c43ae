//! SIGPIPE must never kill the host, nor must the host's own handling change.
//!
//! lws sends on plain sockets with MSG_NOSIGNAL, but OpenSSL's socket BIO
//! writes without it, and `lws_create_context` sets SIGPIPE to SIG_IGN for the
//! whole process (docs/ARCHITECTURE.md, "Foreign objects").

use core::mem::MaybeUninit;
use core::ptr::null;

/// SIGPIPE is blocked for this thread until this is dropped; one that our own
/// writes raised meanwhile is taken off.
///
/// SIGPIPE is sent to the thread that wrote, so no other thread notices.
pub(crate) struct SigpipeBlocked {
    /// `None`: it was blocked already, whatever is pending is the host's.
    before: Option<libc::sigset_t>,
}

impl SigpipeBlocked {
    pub(crate) fn enter() -> Self {
        let mut before = MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: valid sets; pthread_sigmask fills `before`.
        let before = unsafe {
            libc::pthread_sigmask(libc::SIG_BLOCK, &sigpipe(), before.as_mut_ptr());
            before.assume_init()
        };
        // SAFETY: a valid set.
        let was_blocked = unsafe { libc::sigismember(&before, libc::SIGPIPE) } == 1;
        Self { before: (!was_blocked).then_some(before) }
    }
}

impl Drop for SigpipeBlocked {
    fn drop(&mut self) {
        let Some(before) = self.before else { return };
        let at_once = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: valid sets and time; errno is put back for the host.
        unsafe {
            let errno = *libc::__errno_location();
            while libc::sigtimedwait(&sigpipe(), core::ptr::null_mut(), &at_once) == -1
                && *libc::__errno_location() == libc::EINTR
            {}
            libc::pthread_sigmask(libc::SIG_SETMASK, &before, core::ptr::null_mut());
            *libc::__errno_location() = errno;
        }
    }
}

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

fn sigpipe() -> libc::sigset_t {
    let mut set = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: sigemptyset initialises the set.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigaddset(set.as_mut_ptr(), libc::SIGPIPE);
        set.assume_init()
    }
}
