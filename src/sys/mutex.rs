//! A mutex for statics, over pthread's (core has none).

use core::cell::UnsafeCell;

/// Protects `T` between threads. Not recursive.
pub(crate) struct Mutex<T> {
    raw: UnsafeCell<libc::pthread_mutex_t>,
    value: UnsafeCell<T>,
}

// SAFETY: `value` is reached only in `with`, by the thread that holds `raw`.
unsafe impl<T: Send> Sync for Mutex<T> {}

impl<T> Mutex<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self {
            raw: UnsafeCell::new(libc::PTHREAD_MUTEX_INITIALIZER),
            value: UnsafeCell::new(value),
        }
    }

    /// Runs `f` with the lock held. `f` must not take the same lock.
    pub(crate) fn with<R>(&'static self, f: impl FnOnce(&mut T) -> R) -> R {
        struct Unlock(*mut libc::pthread_mutex_t);
        impl Drop for Unlock {
            fn drop(&mut self) {
                // SAFETY: locked by this thread just below.
                unsafe { libc::pthread_mutex_unlock(self.0) };
            }
        }
        // SAFETY: a static mutex, statically initialised, never moved.
        unsafe { libc::pthread_mutex_lock(self.raw.get()) };
        let _unlock = Unlock(self.raw.get());
        // SAFETY: the lock is held until `_unlock` drops.
        f(unsafe { &mut *self.value.get() })
    }
}
