//! `std`'s Arc with a constructor that can fail.

use alloc::alloc::{Layout, alloc, dealloc};
use core::ops::Deref;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicUsize, Ordering, fence};

struct Counted<T> {
    owners: AtomicUsize,
    value: T,
}

/// Shared ownership between threads.
pub(crate) struct Arc<T>(NonNull<Counted<T>>);

// SAFETY: owners in several threads share a `T`, and any may be the last.
unsafe impl<T: Send + Sync> Send for Arc<T> {}
// SAFETY: as above: a reference can be cloned into an owner.
unsafe impl<T: Send + Sync> Sync for Arc<T> {}

impl<T> Arc<T> {
    const LAYOUT: Layout = Layout::new::<Counted<T>>();

    /// `None` when memory is short.
    pub(crate) fn try_new(value: T) -> Option<Self> {
        // SAFETY: the layout is not empty, it holds the counter.
        let place = NonNull::new(unsafe { alloc(Self::LAYOUT) })?.cast::<Counted<T>>();
        // SAFETY: fresh memory of the right layout.
        unsafe { place.write(Counted { owners: AtomicUsize::new(1), value }) };
        Some(Self(place))
    }

    /// Gives this owner away, as a pointer; [`Arc::from_raw`] takes it back.
    pub(crate) fn into_raw(self) -> NonNull<()> {
        core::mem::ManuallyDrop::new(self).0.cast()
    }

    /// Takes back the owner that `into_raw` gave away.
    ///
    /// # Safety
    /// `raw` came from `into_raw` of the same `T` and was not taken back before.
    pub(crate) unsafe fn from_raw(raw: NonNull<()>) -> Self {
        Self(raw.cast())
    }

    fn counted(&self) -> &Counted<T> {
        // SAFETY: alive as long as any owner is, and `self` is one.
        unsafe { self.0.as_ref() }
    }
}

impl<T> Clone for Arc<T> {
    fn clone(&self) -> Self {
        self.counted().owners.fetch_add(1, Ordering::Relaxed);
        Self(self.0)
    }
}

impl<T> Deref for Arc<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.counted().value
    }
}

impl<T> Drop for Arc<T> {
    fn drop(&mut self) {
        if self.counted().owners.fetch_sub(1, Ordering::AcqRel) > 1 {
            return;
        }
        // What the other owners did happens before.
        fence(Ordering::Acquire);
        // SAFETY: this was the last owner; allocated with this layout.
        unsafe {
            self.0.drop_in_place();
            dealloc(self.0.as_ptr().cast(), Self::LAYOUT);
        }
    }
}
