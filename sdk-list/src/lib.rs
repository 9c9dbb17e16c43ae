//! The SDK's `list.h`: a singly linked list of borrowed pointers, in order of
//! arrival.
//!
//! wsio keeps its pending sends in this list and calls it through its C ABI, so
//! a program that brings its own `list.o` keeps its own. For that the names are
//! *weak* aliases: a strong definition elsewhere in the program wins, in any
//! link order. This crate is an archive member of its own and nothing in it is
//! reached by a Rust path.
//!
//! A list belongs to one thread at a time.

#![no_std]

use core::ffi::{c_int, c_void};
use core::mem::size_of;
use core::ptr::null_mut;

/// A node; C sees it as the opaque `LIST_ITEM_HANDLE`.
struct Item {
    value: *const c_void,
    next: *mut Item,
}

/// The list; C sees it as the opaque `LIST_HANDLE`.
///
/// `tail` makes adding O(1), however long the queue; it is meaningful only
/// while `head` is not null. Items that were removed are kept for the next:
/// malloc and free would take most of the time of a queue.
struct List {
    head: *mut Item,
    tail: *mut Item,
    spare: *mut Item,
    spare_count: usize,
}

/// The most that is kept while the list is not empty: 128 KiB.
const SPARE_MAX: usize = 4096;
/// The most that is kept when it is: 2 KiB.
const SPARE_MAX_EMPTY: usize = 64;

type Match = Option<unsafe extern "C" fn(*mut Item, *const c_void) -> bool>;

/// Gives each function its C name, weakly (see above). Not `#[no_mangle]`: that
/// would define strong symbols, and export them from `libwsio.so`.
macro_rules! weak_alias {
    ($($name:literal => $function:ident),+ $(,)?) => {
        $(core::arch::global_asm!(
            concat!(".weak ", $name),
            concat!(".type ", $name, ", @function"),
            concat!(".set ", $name, ", {function}"),
            function = sym $function,
        );)+
    };
}

weak_alias! {
    "list_create" => create,
    "list_destroy" => destroy,
    "list_add" => add,
    "list_get_head_item" => get_head_item,
    "list_get_next_item" => get_next_item,
    "list_find" => find,
    "list_remove" => remove,
    "list_item_get_value" => item_get_value,
}

/// A new, empty list, or NULL when memory is short.
extern "C" fn create() -> *mut List {
    // SAFETY: plain allocation; the fields are written before anyone reads them.
    unsafe {
        let list: *mut List = libc::malloc(size_of::<List>()).cast();
        if !list.is_null() {
            list.write(List {
                head: null_mut(),
                tail: null_mut(),
                spare: null_mut(),
                spare_count: 0,
            });
        }
        list
    }
}

/// Frees the list and its items, not what they point to.
unsafe extern "C" fn destroy(list: *mut List) {
    if list.is_null() {
        return;
    }
    // SAFETY: `list` came from `create`; every item in it from `add`.
    unsafe {
        free_all((*list).head);
        free_all((*list).spare);
        libc::free(list.cast());
    }
}

/// # Safety
/// From `add`, and in no list any more.
unsafe fn free_all(mut item: *mut Item) {
    while !item.is_null() {
        // SAFETY: promised by the caller.
        unsafe {
            let next = (*item).next;
            libc::free(item.cast());
            item = next;
        }
    }
}

/// Appends; NULL when an argument is NULL or memory is short.
unsafe extern "C" fn add(list: *mut List, value: *const c_void) -> *mut Item {
    if list.is_null() || value.is_null() {
        return null_mut();
    }
    // SAFETY: `list` came from `create`; `tail` is its last item when there is one.
    unsafe {
        let mut item = (*list).spare;
        if item.is_null() {
            item = libc::malloc(size_of::<Item>()).cast();
            if item.is_null() {
                return null_mut();
            }
        } else {
            (*list).spare = (*item).next;
            (*list).spare_count -= 1;
        }
        item.write(Item { value, next: null_mut() });
        if (*list).head.is_null() {
            (*list).head = item;
        } else {
            (*(*list).tail).next = item;
        }
        (*list).tail = item;
        item
    }
}

unsafe extern "C" fn get_head_item(list: *mut List) -> *mut Item {
    if list.is_null() {
        return null_mut();
    }
    // SAFETY: `list` came from `create`.
    unsafe { (*list).head }
}

unsafe extern "C" fn get_next_item(item: *mut Item) -> *mut Item {
    if item.is_null() {
        return null_mut();
    }
    // SAFETY: `item` came from `add` and was not removed.
    unsafe { (*item).next }
}

/// The first item for which `matches` says true, or NULL.
unsafe extern "C" fn find(list: *mut List, matches: Match, context: *const c_void) -> *mut Item {
    let Some(matches) = matches else {
        return null_mut();
    };
    // SAFETY: `list` is NULL or came from `create`; the caller vouches for
    // `matches`, which must not change the list.
    unsafe {
        let mut item = get_head_item(list);
        while !item.is_null() && !matches(item, context) {
            item = (*item).next;
        }
        item
    }
}

/// Takes the item out, which is none any more: 0, or non-zero when it is not in the list.
///
/// It is looked for from the head, so that a stale handle is an error and not a
/// crash; the head itself, the only item that wsio removes, is found at once.
unsafe extern "C" fn remove(list: *mut List, item: *mut Item) -> c_int {
    if list.is_null() || item.is_null() {
        return 1;
    }
    // SAFETY: `list` came from `create`; only items found in it are touched.
    unsafe {
        let mut previous: *mut Item = null_mut();
        let mut current = (*list).head;
        while !current.is_null() && current != item {
            previous = current;
            current = (*current).next;
        }
        if current.is_null() {
            return 1;
        }
        if previous.is_null() {
            (*list).head = (*current).next;
        } else {
            (*previous).next = (*current).next;
        }
        if (*list).tail == current {
            (*list).tail = previous;
        }
        if (*list).spare_count < SPARE_MAX {
            (*current).next = (*list).spare;
            (*list).spare = current;
            (*list).spare_count += 1;
        } else {
            libc::free(current.cast());
        }
        if (*list).head.is_null() {
            trim(list);
        }
        0
    }
}

/// Gives back what a long queue leaves behind.
///
/// # Safety
/// From `create`.
unsafe fn trim(list: *mut List) {
    // SAFETY: promised by the caller; spare items came from `malloc`.
    unsafe {
        while (*list).spare_count > SPARE_MAX_EMPTY {
            let item = (*list).spare;
            (*list).spare = (*item).next;
            (*list).spare_count -= 1;
            libc::free(item.cast());
        }
    }
}

unsafe extern "C" fn item_get_value(item: *mut Item) -> *const c_void {
    if item.is_null() {
        return core::ptr::null();
    }
    // SAFETY: `item` came from `add` and was not removed.
    unsafe { (*item).value }
}
