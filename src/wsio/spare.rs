//! The memory of one large payload, kept for the next.

use alloc::vec::Vec;
use core::cell::Cell;

use crate::sys;

/// malloc gives blocks of this size and more back to the system when they are
/// freed. New ones then cost a page fault each 4 KiB, together as much as the
/// rest of a send but for the masking. One block is enough: the budget of a
/// `wsio_dowork` lets one such message go.
#[derive(Default)]
pub(crate) struct Spare {
    block: Cell<Vec<u8>>,
    /// On `sys::about_now_ms`; `None` when there is nothing.
    kept_since: Cell<Option<u64>>,
}

impl Spare {
    /// From this size on payloads are in blocks of their own.
    pub(crate) const LARGE: usize = 64 * 1024;

    /// Longer than the pauses within a conversation.
    const KEPT_MS: u64 = 1_000;

    /// A copy of `bytes`; `None` when memory is short.
    pub(crate) fn copy(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        self.kept_since.set(None);
        let mut block = self.block.take();
        if block.capacity() < bytes.len() {
            // Not grown: that would copy what is in it.
            block = Vec::new();
            block.try_reserve_exact(bytes.len()).ok()?;
        }
        block.clear();
        block.extend_from_slice(bytes);
        Some(block)
    }

    pub(crate) fn keep(&self, block: Vec<u8>) {
        self.kept_since.set(Some(sys::about_now_ms()));
        self.block.set(block);
    }

    pub(crate) fn drop_when_unused(&self) {
        if let Some(since) = self.kept_since.get() {
            if sys::about_now_ms() >= since.saturating_add(Self::KEPT_MS) {
                self.drop();
            }
        }
    }

    pub(crate) fn drop(&self) {
        self.kept_since.set(None);
        self.block.take();
    }
}
