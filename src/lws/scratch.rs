//! The buffer that lws receives into: one for each context, large, and resident
//! as a whole since lws fills it with zeroes.

use core::cell::Cell;
use core::ffi::{c_char, c_void};
use core::ops::Range;

use libwebsockets_sys as lws;

/// The size of it: the most that is received at once. Against lws's own 4 KiB it
/// makes receiving 5 to 8 % faster on lws 4.1 and 4.3, against 32 KiB 1 to 2 %.
pub(super) const SIZE: u32 = 62 * 1024;

/// Where the buffer is, as far as lws told. Nothing lives in it between two
/// calls of `lws_service`: what was read and not handled yet is copied elsewhere
/// (`lws_buflist_append_segment`).
#[derive(Default)]
pub(super) struct Scratch(Cell<Range<usize>>);

impl Scratch {
    /// lws 4.1 to 4.3 write the request into the buffer, which is the end of the
    /// context's own block of memory, and report the place and how many bytes
    /// are left. Other versions, or other places, are not touched.
    ///
    /// # Safety
    /// From LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER: `place` points to a
    /// pointer to `left` bytes.
    pub(super) unsafe fn find(
        &self,
        context: *mut lws::lws_context,
        place: *const c_void,
        left: usize,
    ) {
        if !cfg!(lws_scratch) || place.is_null() {
            return;
        }
        // SAFETY: promised by the caller.
        let start = unsafe { *place.cast::<*const c_char>() }.expose_provenance();
        let behind = start.wrapping_sub(context.addr());
        // The context proper is some KiB.
        if behind < SIZE as usize && left < SIZE as usize {
            self.0.set(start..start + left);
        }
    }

    /// Gives the memory back to the system; it is there again, zeroed, when lws
    /// writes to it. Not while lws is running.
    pub(super) fn release(&self) {
        let Range { start, end } = self.0.take();
        self.0.set(start..end);
        if start == end {
            return;
        }
        // SAFETY: no preconditions.
        let Ok(page) = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }) else {
            return;
        };
        let first = start.next_multiple_of(page);
        let size = (end - end % page).saturating_sub(first);
        if size > 0 {
            let first = core::ptr::with_exposed_provenance_mut(first);
            // SAFETY: whole pages of a buffer whose content nobody needs.
            unsafe { libc::madvise(first, size, libc::MADV_DONTNEED) };
        }
    }
}
