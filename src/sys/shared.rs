//! `Rc` with a constructor that can fail, and with room for bytes: one block of
//! memory where there would be two.

use alloc::alloc::{Layout, alloc, dealloc};
use core::cell::Cell;
use core::ffi::c_void;
use core::ops::Deref;
use core::ptr::NonNull;

/// `size` bytes follow it.
struct Counted<T> {
    owners: Cell<usize>,
    size: usize,
    value: T,
}

impl<T> Counted<T> {
    /// `None` when that is more than there can be.
    fn layout(size: usize) -> Option<Layout> {
        let value = Layout::new::<Self>();
        Layout::from_size_align(value.size().checked_add(size)?, value.align()).ok()
    }
}

/// Shared ownership within one thread at a time.
///
/// A call that is on the stack owns what it works on, so a user's callback may
/// destroy the handle that the call came in by: the memory stays until the
/// outermost call returns.
pub(crate) struct Shared<T>(NonNull<Counted<T>>);

impl<T> Shared<T> {
    /// `None` when memory is short.
    pub(crate) fn try_new(value: T) -> Option<Self> {
        Self::try_new_with(value, &[])
    }

    /// The same, with a copy of `bytes`.
    pub(crate) fn try_new_with(value: T, bytes: &[u8]) -> Option<Self> {
        let layout = Counted::<T>::layout(bytes.len())?;
        // SAFETY: the layout is not empty, it holds the counter.
        let place = NonNull::new(unsafe { alloc(layout) })?.cast::<Counted<T>>();
        // SAFETY: fresh memory of the right layout, with room for the bytes.
        unsafe {
            place.write(Counted { owners: Cell::new(1), size: bytes.len(), value });
            place
                .add(1)
                .cast::<u8>()
                .copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len());
        }
        Some(Self(place))
    }

    /// Those that it was made with.
    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: they are there as long as any owner is, and never change.
        unsafe { NonNull::slice_from_raw_parts(self.0.add(1).cast(), self.counted().size).as_ref() }
    }

    /// Gives this owner to C; [`Shared::from_raw`] takes it back.
    pub(crate) fn into_raw(self) -> *mut c_void {
        let raw = self.0.as_ptr().cast();
        core::mem::forget(self);
        raw
    }

    /// Takes back the owner that `into_raw` gave away.
    ///
    /// # Safety
    /// `raw` came from `into_raw` of the same `T` and was not taken back before.
    pub(crate) unsafe fn from_raw(raw: NonNull<c_void>) -> Self {
        Self(raw.cast())
    }

    /// A further owner, beside the one that C holds.
    ///
    /// # Safety
    /// As for [`Shared::from_raw`]; C's owner stays with C.
    pub(crate) unsafe fn from_raw_borrowed(raw: NonNull<c_void>) -> Self {
        // SAFETY: promised by the caller; never dropped.
        let lent = core::mem::ManuallyDrop::new(unsafe { Self::from_raw(raw) });
        Self::clone(&lent)
    }

    fn counted(&self) -> &Counted<T> {
        // SAFETY: alive as long as any owner is, and `self` is one.
        unsafe { self.0.as_ref() }
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        let owners = &self.counted().owners;
        owners.set(owners.get() + 1);
        Self(self.0)
    }
}

impl<T> Deref for Shared<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.counted().value
    }
}

impl<T> Drop for Shared<T> {
    fn drop(&mut self) {
        let owners = &self.counted().owners;
        owners.set(owners.get() - 1);
        if owners.get() == 0 {
            let Some(layout) = Counted::<T>::layout(self.counted().size) else { return };
            // SAFETY: this was the last owner; allocated with this layout.
            unsafe {
                self.0.drop_in_place();
                dealloc(self.0.as_ptr().cast(), layout);
            }
        }
    }
}
