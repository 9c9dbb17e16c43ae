//! Many TLS records, one system call.

use super::connection::Connection;
use super::event::Listener;
use super::link::Link;
use crate::tls::{self, Released};

/// Until this is dropped, all that is written on a connection with TLS is taken, and if
/// it is much, collected and sent in one go. lws believes all of it sent meanwhile:
/// nobody may be told so before this is dropped and [`Connection::has_unsent`] is asked.
pub(crate) struct Gathering<'a, L: Listener>(&'a Connection<L>);

impl<'a, L: Listener> Gathering<'a, L> {
    /// `None` without TLS.
    pub(super) fn start(
        connection: &'a Connection<L>,
        expected: usize,
        many: bool,
    ) -> Option<Self> {
        // SAFETY: NULL, or the living SSL of a living wsi.
        unsafe { tls::hold(connection.0.ssl(), expected, many) }.then(|| Self(connection))
    }
}

impl<L: Listener> Gathering<'_, L> {
    /// Whether it is time to end it: something was sent, for want of room, and those
    /// it belongs to should hear of it.
    pub(crate) fn is_full(&self) -> bool {
        // SAFETY: NULL, or the living SSL of a living wsi.
        unsafe { tls::is_full(self.0.0.ssl()) }
    }
}

impl<L: Listener> Drop for Gathering<'_, L> {
    fn drop(&mut self) {
        self.0.0.release_tls();
    }
}

impl<L: Listener> Link<L> {
    /// Passes on what TLS holds, as far as the kernel takes it.
    pub(super) fn release_tls(&self) {
        // SAFETY: NULL, or the living SSL of a living wsi.
        let released = unsafe { tls::release(self.ssl()) };
        self.tls_is_stuck.set(released != Released::All);
        if released == Released::Failed {
            // lws does not know: it takes it for sent.
            self.broken.set(true);
        }
    }
}
