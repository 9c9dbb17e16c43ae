//! The eventfd that lws 4.3 leaves behind.
//!
//! A context has an eventfd to wake it by. When the last wsi of the context is
//! freed, lws 4.3 forgets the descriptor before it could close it (close.c,
//! `dummy_pipe_fds`): one for each context, so one for each `wsio_open`. lws has
//! no call that names the descriptor, so it is found and recognised by its
//! counter, which the kernel shows in /proc/self/fdinfo. lws 4.1 is free of this.

use core::ffi::{CStr, c_int};
use core::fmt::Write;

use libwebsockets_sys as lws;

use crate::sys::{Mutex, ShortText};

/// Whether the installed lws may leave the descriptor open.
const NEEDED: bool = lws::LWS_LIBRARY_VERSION_MAJOR > 4 || lws::LWS_LIBRARY_VERSION_MINOR > 1;

/// How far up to look: lws opens few descriptors before this one, but other threads
/// open theirs meanwhile. And close theirs: below it may be anywhere.
const ABOVE: c_int = 256;

/// Held while looking. Two threads that wake their contexts at once would each
/// find that the other's counter has moved as its own should, and one would close
/// the descriptor of the other.
static LOOKING: Mutex<()> = Mutex::new(());

/// The eventfd of a context.
#[derive(Clone, Copy)]
pub(super) struct Wakeup {
    /// Free just before the context was made, so the eventfd is likely not far.
    lowest: c_int,
    found: Option<c_int>,
}

/// What tells the descriptor from one that got its number later.
pub(super) struct Mark {
    descriptor: c_int,
    count: u64,
}

impl Wakeup {
    /// To be made just before the context.
    pub(super) fn new() -> Self {
        let mut lowest = -1;
        if NEEDED {
            // SAFETY: opens a descriptor and closes it again.
            unsafe {
                lowest = libc::eventfd(0, libc::EFD_CLOEXEC);
                if lowest >= 0 {
                    libc::close(lowest);
                }
            }
        }
        Self { lowest, found: None }
    }

    /// Looks for the eventfd of `context`, if not found yet. That takes a free
    /// descriptor, so it is tried when the context is new and when it goes.
    ///
    /// # Safety
    /// `context` is alive.
    pub(super) unsafe fn find(&mut self, context: *mut lws::lws_context) {
        if !NEEDED || self.lowest < 0 || self.found.is_some() {
            return;
        }
        let above = self.lowest..self.lowest.saturating_add(ABOVE);
        let below = 0..self.lowest;
        self.found = LOOKING.with(|()| {
            above.chain(below.rev()).find(|&descriptor| {
                // More than once, since a counter of the host's may move meanwhile.
                [3, 1, 2].iter().all(|&times| {
                    // SAFETY: promised by the caller.
                    unsafe { moves_with(context, descriptor, times) }
                })
            })
        });
    }

    /// Marks the descriptor, for [`Mark::close_if_left`] after its context is
    /// gone. Just before that: a wake-up in between would change the mark.
    pub(super) fn mark(self) -> Option<Mark> {
        let descriptor = self.found?;
        let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: valid places to read from and write to; the descriptor is
        // lws's, open, and does not block.
        unsafe {
            libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut now);
            // Nobody else's counter is likely to have this value, ever.
            let count = 1 << 62
                | (now.tv_sec as u64) << 40 ^ (now.tv_nsec as u64) << 16 ^ descriptor as u64;
            let mut old = 0u64;
            libc::read(descriptor, (&raw mut old).cast(), size_of::<u64>());
            let written = libc::write(descriptor, (&raw const count).cast(), size_of::<u64>());
            (written == size_of::<u64>() as isize).then_some(Mark { descriptor, count })
        }
    }
}

impl Mark {
    pub(super) fn close_if_left(self) {
        if count_of(self.descriptor) == Some(self.count) {
            // SAFETY: lws's descriptor, which lws has forgotten.
            unsafe { libc::close(self.descriptor) };
        }
    }
}

/// Whether waking `context` so many times adds as many to the counter of
/// `descriptor`. What else comes of it is an event that nobody hears.
///
/// # Safety
/// `context` is alive.
unsafe fn moves_with(context: *mut lws::lws_context, descriptor: c_int, times: u64) -> bool {
    let Some(before) = count_of(descriptor) else { return false };
    for _ in 0..times {
        // SAFETY: promised by the caller.
        unsafe { lws::lws_cancel_service(context) };
    }
    count_of(descriptor) == before.checked_add(times)
}

/// The counter of an eventfd; `None` for any other descriptor.
fn count_of(descriptor: c_int) -> Option<u64> {
    const FIELD: &[u8] = b"eventfd-count:";
    let mut path = ShortText::<32>::new();
    write!(path, "/proc/self/fdinfo/{descriptor}\0").ok()?;
    let path = CStr::from_bytes_with_nul(path.as_bytes()).ok()?;
    let mut text = [0u8; 256];
    // SAFETY: a C string and a buffer of that size.
    let length = unsafe {
        let file = libc::open(path.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC);
        if file < 0 {
            return None;
        }
        let length = libc::read(file, text.as_mut_ptr().cast(), text.len());
        libc::close(file);
        length
    };
    let text = text.get(..usize::try_from(length).ok()?)?;
    let start = text.windows(FIELD.len()).position(|word| word == FIELD)? + FIELD.len();
    let value = text.get(start..)?.split(|&byte| byte == b'\n').next()?;
    u64::from_str_radix(core::str::from_utf8(value).ok()?.trim(), 16).ok()
}
