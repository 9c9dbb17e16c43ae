//! The padded buffer that `lws_write` wants.

use alloc::vec::Vec;

use libwebsockets_sys::WSIO_LWS_PRE;

/// Room that lws needs before the payload, for the frame header.
pub(crate) const PADDING: usize = WSIO_LWS_PRE as usize;

/// A payload with LWS_PRE bytes before it; reused from message to message.
///
/// lws masks the payload in place and writes the header before it, so it cannot
/// work on queued bytes that have no such room. With permessage-deflate lws goes
/// on reading it after `lws_write` has returned, until nothing is unsent: it must
/// not be filled anew before.
#[derive(Default)]
pub(super) struct SendBuffer(Vec<u8>);

impl SendBuffer {
    /// Takes a copy of `payload`. `Err` when memory is short.
    pub(super) fn fill(&mut self, payload: &[u8]) -> Result<(), ()> {
        self.0.clear();
        self.0.try_reserve_exact(PADDING + payload.len()).map_err(|_| ())?;
        self.0.extend_from_slice(&[0; PADDING]);
        self.0.extend_from_slice(payload);
        Ok(())
    }

    pub(super) fn payload_mut(&mut self) -> &mut [u8] {
        self.0.get_mut(PADDING..).unwrap_or_default()
    }
}
