//! A mutex around a value, with a condition to wait for: what `std` has as Mutex
//! and Condvar, for values that core's types alone would keep in one thread.

use core::cell::UnsafeCell;
use core::ops::Deref;
use core::ptr::{null, null_mut};
use core::sync::atomic::{AtomicU32, Ordering};

use super::deadline::Deadline;

/// A value that several threads may use in turns although its parts are bound to
/// one, because nothing else leads to those parts.
///
/// # Safety
/// Nothing that is reached through the value outlives the [`Guard`] through which it
/// was reached, nor is reached in another way: not a [`crate::sys::Shared`] in it, either.
pub(crate) unsafe trait Confined {}

pub(crate) struct Monitor<T: Confined> {
    mutex: UnsafeCell<libc::pthread_mutex_t>,
    /// Held by the thread that gets `mutex` next, so that one that lets go of it and
    /// wants it again comes later: pthread's mutex alone lets it in front, for seconds.
    next: UnsafeCell<libc::pthread_mutex_t>,
    /// Moves with each notification, so that none is missed between unlocking and
    /// waiting.
    notified: AtomicU32,
    value: T,
}

// SAFETY: `value` is used by the thread that holds `mutex`, and `Confined` says that
// this is enough.
unsafe impl<T: Confined> Send for Monitor<T> {}
// SAFETY: as above.
unsafe impl<T: Confined> Sync for Monitor<T> {}

impl<T: Confined> Monitor<T> {
    /// Not to be moved once it was locked.
    pub(crate) fn new(value: T) -> Self {
        Self {
            mutex: UnsafeCell::new(libc::PTHREAD_MUTEX_INITIALIZER),
            next: UnsafeCell::new(libc::PTHREAD_MUTEX_INITIALIZER),
            notified: AtomicU32::new(0),
            value,
        }
    }

    /// Not twice in one thread.
    pub(crate) fn lock(&self) -> Guard<'_, T> {
        // SAFETY: initialised in `new`.
        unsafe {
            libc::pthread_mutex_lock(self.next.get());
            libc::pthread_mutex_lock(self.mutex.get());
            libc::pthread_mutex_unlock(self.next.get());
        }
        Guard(self)
    }

    fn unlock(&self) {
        // SAFETY: locked by this thread: only a guard's methods call this.
        unsafe { libc::pthread_mutex_unlock(self.mutex.get()) };
    }
}

impl<T: Confined> Drop for Monitor<T> {
    fn drop(&mut self) {
        // SAFETY: nobody holds or awaits them: there is no other reference.
        unsafe {
            libc::pthread_mutex_destroy(self.mutex.get());
            libc::pthread_mutex_destroy(self.next.get());
        }
    }
}

/// The lock is held as long as this lives.
pub(crate) struct Guard<'a, T: Confined>(&'a Monitor<T>);

impl<T: Confined> Guard<'_, T> {
    /// Runs `f` without the lock.
    pub(crate) fn unlocked<R>(&mut self, f: impl FnOnce() -> R) -> R {
        struct Relock<'a, T: Confined>(&'a Monitor<T>);
        impl<T: Confined> Drop for Relock<'_, T> {
            fn drop(&mut self) {
                core::mem::forget(self.0.lock());
            }
        }
        self.0.unlock();
        let _relock = Relock(self.0);
        f()
    }

    /// Lets one of those in who want the lock.
    pub(crate) fn give_way(&mut self) {
        self.unlocked(|| ());
    }

    /// Lets go of the lock until somebody notifies, the time is over, or for no
    /// reason.
    pub(crate) fn wait(&mut self, until: Deadline) {
        let notified = &self.0.notified;
        let before = notified.load(Ordering::Relaxed);
        self.unlocked(|| {
            let timeout = until.remaining();
            // SAFETY: waits on that number while it is as it was; the timeout is
            // relative, on CLOCK_MONOTONIC, or NULL for ever.
            unsafe {
                libc::syscall(
                    libc::SYS_futex,
                    notified.as_ptr(),
                    libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG,
                    before,
                    timeout.as_ref().map_or(null(), core::ptr::from_ref),
                )
            };
        });
    }

    /// Wakes all who wait.
    pub(crate) fn notify_all(&self) {
        self.0.notified.fetch_add(1, Ordering::Relaxed);
        // SAFETY: wakes those who wait on that number.
        unsafe {
            libc::syscall(
                libc::SYS_futex,
                self.0.notified.as_ptr(),
                libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG,
                i32::MAX,
                null_mut::<libc::timespec>(),
            )
        };
    }
}

impl<T: Confined> Deref for Guard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0.value
    }
}

impl<T: Confined> Drop for Guard<'_, T> {
    fn drop(&mut self) {
        self.0.unlock();
    }
}
