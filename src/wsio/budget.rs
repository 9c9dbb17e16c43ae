//! How much one `wsio_dowork` sends, and how much it receives.

use crate::sys;

/// Bytes and time that are left, so that a long queue keeps neither what comes
/// in nor the caller waiting. Whichever is used up first ends it.
#[derive(Clone, Copy)]
pub(super) struct Budget {
    bytes: usize,
    until: u64,
}

impl Budget {
    /// Payload bytes: what a socket takes at once, about. With more, sending
    /// and receiving take turns too seldom, and the peer waits for a turn.
    const BYTES: usize = 64 * 1024;
    /// For callbacks that take long, too.
    const MS: u64 = 5;

    pub(super) fn start() -> Self {
        Self { bytes: Self::BYTES, until: sys::about_now_ms().saturating_add(Self::MS) }
    }

    pub(super) fn spend(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    pub(super) fn is_left(&self) -> bool {
        self.bytes > 0 && self.has_time()
    }

    pub(super) fn has_time(&self) -> bool {
        sys::about_now_ms() < self.until
    }
}
