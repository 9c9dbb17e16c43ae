//! TCP_CORK: many small frames, few segments.

use core::ffi::{c_int, c_void};
use core::mem::size_of;

use super::connection::Connection;
use super::event::Listener;

/// Until this is dropped the kernel sends full segments only; then the rest.
///
/// lws makes a `send()` of each frame, and without this the kernel a segment of
/// each (lws sets TCP_NODELAY), which takes several times as long as all the
/// rest. A writev of several frames would be better still, but is not to be had
/// with one `lws_write` a message.
pub(crate) struct Cork<'a, L: Listener>(&'a Connection<L>);

impl<'a, L: Listener> Cork<'a, L> {
    pub(super) fn put(connection: &'a Connection<L>) -> Self {
        set_cork(connection, true);
        Self(connection)
    }
}

impl<L: Listener> Drop for Cork<'_, L> {
    fn drop(&mut self) {
        set_cork(self.0, false);
    }
}

/// Best effort: without it, it is only slower.
fn set_cork<L: Listener>(connection: &Connection<L>, on: bool) {
    // No wsi any more: no socket either, and its number may be another's.
    let Some(socket) = connection.socket() else { return };
    let on = c_int::from(on);
    // SAFETY: an open socket, an int of that size.
    unsafe {
        let value: *const c_void = (&raw const on).cast();
        let size = size_of::<c_int>() as libc::socklen_t;
        libc::setsockopt(socket, libc::IPPROTO_TCP, libc::TCP_CORK, value, size);
    }
}
