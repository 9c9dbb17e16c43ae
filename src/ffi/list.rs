//! The SDK's `list.h` as an owning queue.
//!
//! The requirements name the calls, and SDK test suites replace them, so they
//! go through the C ABI even where the implementation is the bundled one.

use core::cell::Cell;
use core::ffi::{c_int, c_void};
use core::marker::PhantomData;
use core::ptr::{NonNull, null_mut};

use crate::sys::Shared;

#[repr(C)]
struct LIST_INSTANCE_TAG {
    _opaque: [u8; 0],
}
#[repr(C)]
struct LIST_ITEM_INSTANCE_TAG {
    _opaque: [u8; 0],
}
type LIST_HANDLE = *mut LIST_INSTANCE_TAG;
type LIST_ITEM_HANDLE = *mut LIST_ITEM_INSTANCE_TAG;

unsafe extern "C" {
    fn list_create() -> LIST_HANDLE;
    fn list_destroy(list: LIST_HANDLE);
    fn list_add(list: LIST_HANDLE, item: *const c_void) -> LIST_ITEM_HANDLE;
    fn list_get_head_item(list: LIST_HANDLE) -> LIST_ITEM_HANDLE;
    fn list_get_next_item(item: LIST_ITEM_HANDLE) -> LIST_ITEM_HANDLE;
    fn list_remove(list: LIST_HANDLE, item: LIST_ITEM_HANDLE) -> c_int;
    fn list_item_get_value(item: LIST_ITEM_HANDLE) -> *const c_void;
}

/// A queue of `Shared<T>`, first in, first out. The list owns what is in it.
pub(crate) struct List<T> {
    /// NULL only after a `list_create` failed in [`List::renew`].
    handle: Cell<LIST_HANDLE>,
    _owns: PhantomData<Shared<T>>,
}

/// An item that is in a list, and what it holds.
pub(crate) struct Item<T> {
    handle: NonNull<LIST_ITEM_INSTANCE_TAG>,
    raw: NonNull<c_void>,
    _holds: PhantomData<Shared<T>>,
}

impl<T> Item<T> {
    /// Whether another item is behind this one.
    pub(crate) fn has_next(&self) -> bool {
        // SAFETY: the item is in the list.
        !unsafe { list_get_next_item(self.handle.as_ptr()) }.is_null()
    }

    /// The item behind this one, if that is not removed meanwhile.
    pub(crate) fn next(&self) -> Option<Self> {
        // SAFETY: the item is in the list, and so is the next one.
        unsafe {
            let handle = NonNull::new(list_get_next_item(self.handle.as_ptr()))?;
            let raw = NonNull::new(list_item_get_value(handle.as_ptr()).cast_mut())?;
            Some(Self { handle, raw, _holds: PhantomData })
        }
    }

    /// A further owner of what the item holds.
    pub(crate) fn value(&self) -> Shared<T> {
        // SAFETY: the list owns one as long as the item is in it.
        unsafe { Shared::from_raw_borrowed(self.raw) }
    }
}

impl<T> List<T> {
    /// `None` when `list_create` fails.
    pub(crate) fn try_new() -> Option<Self> {
        // SAFETY: no preconditions.
        let handle = unsafe { list_create() };
        (!handle.is_null()).then(|| Self { handle: Cell::new(handle), _owns: PhantomData })
    }

    /// Whether there is a list: makes one where [`List::renew`] could not.
    pub(crate) fn ensure(&self) -> bool {
        if self.handle.get().is_null() {
            // SAFETY: no preconditions.
            self.handle.set(unsafe { list_create() });
        }
        !self.handle.get().is_null()
    }

    /// Appends. `None` when `list_add` fails; `value` is dropped then.
    pub(crate) fn add(&self, value: Shared<T>) -> Option<Item<T>> {
        let raw = value.into_raw();
        let list = self.handle.get();
        let mut handle = null_mut();
        if !list.is_null() {
            // SAFETY: a list that `list_create` made.
            handle = unsafe { list_add(list, raw) };
        }
        let handle = NonNull::new(handle);
        let raw = NonNull::new(raw)?;
        if handle.is_none() {
            // SAFETY: given away above, and the list did not take it.
            drop(unsafe { Shared::<T>::from_raw(raw) });
        }
        Some(Item { handle: handle?, raw, _holds: PhantomData })
    }

    /// The oldest item.
    pub(crate) fn head(&self) -> Option<Item<T>> {
        let list = self.handle.get();
        if list.is_null() {
            return None;
        }
        // SAFETY: a list that `list_create` made.
        self.item(unsafe { list_get_head_item(list) })
    }

    /// Takes the item out of the list and hands over what it held. When
    /// `list_remove` fails it is still in there.
    ///
    /// For an item just got from `add` or `head`, with no other removal since.
    pub(crate) fn remove(&self, item: Item<T>) -> Result<Shared<T>, ()> {
        // SAFETY: `item` is in this list.
        if unsafe { list_remove(self.handle.get(), item.handle.as_ptr()) } != 0 {
            return Err(());
        }
        // SAFETY: the list's owner, which nobody else takes back.
        Ok(unsafe { Shared::from_raw(item.raw) })
    }

    /// Starts afresh with an empty list, for when `list_remove` fails, and
    /// hands over all that the old one held, oldest first.
    pub(crate) fn renew(&self, mut each: impl FnMut(Shared<T>)) {
        // SAFETY: no preconditions.
        let old = self.handle.replace(unsafe { list_create() });
        if old.is_null() {
            return;
        }
        // SAFETY: the old list is ours alone now; what its items own is taken
        // back once each, before it is freed.
        unsafe {
            let mut next = self.item(list_get_head_item(old));
            while let Some(item) = next {
                each(Shared::from_raw(item.raw));
                next = self.item(list_get_next_item(item.handle.as_ptr()));
            }
            list_destroy(old);
        }
    }

    fn item(&self, handle: LIST_ITEM_HANDLE) -> Option<Item<T>> {
        let handle = NonNull::new(handle)?;
        // SAFETY: `handle` is in a list of ours.
        let raw = NonNull::new(unsafe { list_item_get_value(handle.as_ptr()) }.cast_mut())?;
        Some(Item { handle, raw, _holds: PhantomData })
    }
}

impl<T> Drop for List<T> {
    fn drop(&mut self) {
        let list = self.handle.get();
        if !list.is_null() {
            // SAFETY: made by `list_create` and not used after this.
            unsafe { list_destroy(list) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::rc::Rc;
    use std::vec::Vec;

    /// A value whose owners can be counted from outside.
    fn value(number: u32) -> (Rc<u32>, Shared<Rc<u32>>) {
        let witness = Rc::new(number);
        let shared = Shared::try_new(witness.clone()).expect("memory");
        (witness, shared)
    }

    fn list() -> List<Rc<u32>> {
        List::try_new().expect("memory")
    }

    #[test]
    fn first_in_first_out() {
        let list = list();
        for number in 0..3 {
            assert!(list.add(value(number).1).is_some());
        }
        for number in 0..3 {
            let head = list.head().expect("an item");
            assert_eq!(**head.value(), number);
            let removed = list.remove(head).expect("in the list");
            assert_eq!(**removed, number);
        }
        assert!(list.head().is_none());
    }

    #[test]
    fn the_list_owns_what_is_in_it() {
        let list = list();
        let (witness, shared) = value(7);
        let item = list.add(shared).expect("memory");
        assert_eq!(Rc::strong_count(&witness), 2, "the list's");
        let removed = list.remove(item).expect("in the list");
        assert_eq!(Rc::strong_count(&witness), 2, "handed over");
        drop(removed);
        assert_eq!(Rc::strong_count(&witness), 1);
    }

    #[test]
    fn renew_hands_over_everything_in_order() {
        let list = list();
        let mut witnesses = Vec::new();
        for number in 0..3 {
            let (witness, shared) = value(number);
            witnesses.push(witness);
            assert!(list.add(shared).is_some());
        }
        let mut numbers = Vec::new();
        list.renew(|shared| {
            numbers.push(**shared);
            // As a callback might.
            assert!(list.head().is_none());
        });
        assert_eq!(numbers, [0, 1, 2]);
        assert!(witnesses.iter().all(|witness| Rc::strong_count(witness) == 1));
        assert!(list.ensure());
    }

    #[test]
    fn an_item_can_be_removed_from_anywhere() {
        let list = list();
        let items: Vec<_> = (0..3).map(|n| list.add(value(n).1).expect("memory")).collect();
        let mut items = items.into_iter();
        let (first, middle, last) = (items.next(), items.next(), items.next());
        assert!(list.remove(last.expect("an item")).is_ok());
        assert!(list.add(value(3).1).is_some(), "after the tail went");
        assert!(list.remove(middle.expect("an item")).is_ok());
        assert!(list.remove(first.expect("an item")).is_ok());
        assert_eq!(**list.head().expect("an item").value(), 3);
        list.renew(drop);
    }
}
