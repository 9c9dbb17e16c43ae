//! A thread whose making can fail.

use core::ffi::c_void;
use core::mem::MaybeUninit;
use core::ptr::{NonNull, null, null_mut};

use super::Arc;
use crate::ffi::guard::guard;

/// What a thread does.
pub(crate) trait Run: Send + Sync {
    fn run(this: &Arc<Self>)
    where
        Self: Sized;
}

/// A thread that was started. [`Thread::end`] is owed to it.
#[derive(Clone, Copy)]
pub(crate) struct Thread(libc::pthread_t);

impl Thread {
    /// Runs `work` in a new thread, which gets none of the process's signals but those
    /// that it causes itself.
    pub(crate) fn start<T: Run>(work: Arc<T>) -> Option<Self> {
        let work = work.into_raw();
        let mut thread = MaybeUninit::uninit();
        // SAFETY: signal sets that are filled before they are used; `body` takes
        // back the owner that it is given.
        let failed = unsafe {
            let mut all = MaybeUninit::uninit();
            let mut before = MaybeUninit::uninit();
            libc::sigfillset(all.as_mut_ptr());
            for own in [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP] {
                libc::sigdelset(all.as_mut_ptr(), own);
            }
            libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr());
            let failed =
                libc::pthread_create(thread.as_mut_ptr(), null(), body::<T>, work.as_ptr().cast());
            libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), null_mut());
            failed
        };
        if failed != 0 {
            // SAFETY: from `into_raw`; there is no thread to take it.
            drop(unsafe { Arc::<T>::from_raw(work) });
            return None;
        }
        // SAFETY: pthread_create has succeeded.
        Some(Self(unsafe { thread.assume_init() }))
    }

    pub(crate) fn is_this(self) -> bool {
        // SAFETY: no preconditions; a thread that was not ended yet.
        unsafe { libc::pthread_equal(libc::pthread_self(), self.0) != 0 }
    }

    /// Waits until the thread has returned; called by that thread itself, lets it go
    /// on by itself.
    pub(crate) fn end(self) {
        // SAFETY: a thread that was neither joined nor detached: this takes `self`,
        // and whoever copied it knows.
        unsafe {
            if self.is_this() {
                libc::pthread_detach(self.0);
            } else {
                libc::pthread_join(self.0, null_mut());
            }
        }
    }
}

extern "C" fn body<T: Run>(work: *mut c_void) -> *mut c_void {
    guard((), || {
        if let Some(work) = NonNull::new(work) {
            // SAFETY: from `into_raw` in `start`, once.
            let work = unsafe { Arc::<T>::from_raw(work.cast()) };
            T::run(&work);
        }
    });
    null_mut()
}
