//! `Rc` with a constructor that can fail, and with room for bytes: one block of
//! memory where there would be two, which can be kept for the next.

use alloc::alloc::{Layout, alloc, dealloc};
use core::cell::Cell;
use core::ffi::c_void;
use core::marker::PhantomData;
use core::mem::{align_of, size_of};
use core::ops::Deref;
use core::ptr::NonNull;

/// `size` bytes follow it, and there is room for `room`.
struct Counted<T> {
    owners: Cell<u32>,
    size: u32,
    room: u32,
    value: T,
}

impl<T> Counted<T> {
    /// `None` when that is more than there can be.
    fn layout(room: u32) -> Option<Layout> {
        let value = Layout::new::<Self>();
        let size = value.size().checked_add(usize::try_from(room).ok()?)?;
        Layout::from_size_align(size, value.align()).ok()
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
        Self::try_new_with(value, &[], &Blocks::default())
    }

    /// The same, with a copy of `bytes`, in one of these blocks if one fits.
    pub(crate) fn try_new_with(value: T, bytes: &[u8], blocks: &Blocks<T>) -> Option<Self> {
        let size = u32::try_from(bytes.len()).ok()?;
        let (place, room) = match blocks.take(size) {
            Some(block) => block,
            None => {
                let layout = Counted::<T>::layout(size)?;
                // SAFETY: the layout is not empty, it holds the counter.
                (NonNull::new(unsafe { alloc(layout) })?.cast::<Counted<T>>(), size)
            }
        };
        // SAFETY: memory of the right layout that is in nobody's use, with room
        // for the bytes.
        unsafe {
            place.write(Counted { owners: Cell::new(1), size, room, value });
            place
                .add(1)
                .cast::<u8>()
                .copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len());
        }
        Some(Self(place))
    }

    /// Drops this owner; if it was the last, the memory is kept.
    pub(crate) fn recycle(self, blocks: &Blocks<T>) {
        let counted = self.counted();
        let room = counted.room;
        if counted.owners.get() > 1 || !blocks.wants(room) {
            return;
        }
        let place = self.into_place();
        // SAFETY: this was the last owner; the memory is put to no other use.
        unsafe {
            place.drop_in_place();
            blocks.put(place, room);
        }
    }

    fn into_place(self) -> NonNull<Counted<T>> {
        core::mem::ManuallyDrop::new(self).0
    }

    /// Those that it was made with.
    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: they are there as long as any owner is, and never change.
        unsafe {
            let size = self.counted().size as usize;
            NonNull::slice_from_raw_parts(self.0.add(1).cast(), size).as_ref()
        }
    }

    /// Gives this owner to C; [`Shared::from_raw`] takes it back.
    pub(crate) fn into_raw(self) -> *mut c_void {
        self.into_place().as_ptr().cast()
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

    /// What C holds an owner of.
    ///
    /// # Safety
    /// As for [`Shared::from_raw`]; C's owner stays with C as long as the result is
    /// used.
    pub(crate) unsafe fn borrow_raw<'a>(raw: NonNull<c_void>) -> &'a T {
        // SAFETY: promised by the caller.
        unsafe { &raw.cast::<Counted<T>>().as_ref().value }
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
            let Some(layout) = Counted::<T>::layout(self.counted().room) else { return };
            // SAFETY: this was the last owner; allocated with this layout.
            unsafe {
                self.0.drop_in_place();
                dealloc(self.0.as_ptr().cast(), layout);
            }
        }
    }
}

/// Memory that [`Shared`]s had, for the next ones: malloc and free take half the
/// instructions of a small send.
pub(crate) struct Blocks<T> {
    first: Cell<Option<NonNull<Free>>>,
    /// Of all of them.
    bytes: Cell<usize>,
    _of: PhantomData<Counted<T>>,
}

/// A block in which there is nothing but this.
struct Free {
    next: Option<NonNull<Free>>,
    room: u32,
}

impl<T> Blocks<T> {
    /// Beyond that the work on the bytes counts more than that on the block.
    const LARGEST: u32 = 256;
    /// A block with that much more room than is needed is too good for it.
    const SLACK: u32 = 64;
    const MAX_BYTES: usize = 512 * 1024;

    fn wants(&self, room: u32) -> bool {
        const { assert!(size_of::<Counted<T>>() >= size_of::<Free>()) };
        const { assert!(align_of::<Counted<T>>() >= align_of::<Free>()) };
        room <= Self::LARGEST && self.bytes.get() < Self::MAX_BYTES
    }

    /// The last one, and its room, if that is right for `size` bytes.
    fn take(&self, size: u32) -> Option<(NonNull<Counted<T>>, u32)> {
        let first = self.first.get()?;
        // SAFETY: all in the list are alive, and ours.
        let Free { next, room } = unsafe { first.read() };
        if !(size..=size + Self::SLACK).contains(&room) {
            return None;
        }
        self.first.set(next);
        self.bytes.set(self.bytes.get() - Self::size(room));
        Some((first.cast(), room))
    }

    /// # Safety
    /// Memory for a `Counted` with this room, which nobody uses.
    unsafe fn put(&self, place: NonNull<Counted<T>>, room: u32) {
        let free = place.cast::<Free>();
        // SAFETY: promised by the caller; `wants` has compared the sizes.
        unsafe { free.write(Free { next: self.first.get(), room }) };
        self.first.set(Some(free));
        self.bytes.set(self.bytes.get() + Self::size(room));
    }

    /// Gives back what is more than `bytes`.
    pub(crate) fn shrink(&self, bytes: usize) {
        while self.bytes.get() > bytes {
            let Some(free) = self.first.get() else { return };
            // SAFETY: as in `take`; allocated with this layout.
            unsafe {
                let Free { next, room } = free.read();
                self.first.set(next);
                self.bytes.set(self.bytes.get() - Self::size(room));
                if let Some(layout) = Counted::<T>::layout(room) {
                    dealloc(free.as_ptr().cast(), layout);
                }
            }
        }
    }

    fn size(room: u32) -> usize {
        size_of::<Counted<T>>() + room as usize
    }
}

impl<T> Default for Blocks<T> {
    fn default() -> Self {
        Self { first: Cell::new(None), bytes: Cell::new(0), _of: PhantomData }
    }
}

impl<T> Drop for Blocks<T> {
    fn drop(&mut self) {
        self.shrink(0);
    }
}
