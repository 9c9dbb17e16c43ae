//! The padded buffer that `lws_write` wants.

use alloc::vec::Vec;

use libwebsockets_sys::WSIO_LWS_PRE;

use crate::sys;

/// Room that lws needs before the payload, for the frame header.
const PADDING: usize = WSIO_LWS_PRE as usize;

/// A payload with LWS_PRE bytes before it; reused from message to message.
///
/// lws masks the payload in place and writes the header before it, so it cannot
/// work on the queued bytes themselves. With permessage-deflate lws goes on
/// reading it after `lws_write` has returned, until nothing is unsent: it must
/// not be filled anew before.
#[derive(Default)]
pub(super) struct SendBuffer {
    bytes: Vec<u8>,
    /// When it was last needed in its full size, on `sys::about_now_ms`.
    large_at: u64,
}

impl SendBuffer {
    /// More than this is not kept for long when it is not needed.
    const KEEP: usize = 64 * 1024;
    const KEEP_MS: u64 = 1_000;

    /// Takes a copy of `payload`. `Err` when memory is short.
    pub(super) fn fill(&mut self, payload: &[u8]) -> Result<(), ()> {
        let size = PADDING + payload.len();
        self.bytes.clear();
        self.bytes.try_reserve_exact(size).map_err(|_| ())?;
        self.bytes.extend_from_slice(&[0; PADDING]);
        self.bytes.extend_from_slice(payload);
        if size > Self::KEEP {
            self.large_at = sys::about_now_ms();
        }
        Ok(())
    }

    /// Gives back the memory of a large message, when there was none for a while.
    pub(super) fn trim(&mut self) {
        if self.bytes.capacity() > Self::KEEP
            && sys::about_now_ms() >= self.large_at.saturating_add(Self::KEEP_MS)
        {
            self.bytes = Vec::new();
        }
    }

    pub(super) fn payload_mut(&mut self) -> &mut [u8] {
        self.bytes.get_mut(PADDING..).unwrap_or_default()
    }
}
