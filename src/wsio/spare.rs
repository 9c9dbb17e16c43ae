//! Memory that sends had, kept for the next.

use alloc::vec::Vec;
use core::cell::Cell;

use super::pending::PendingSend;
use crate::lws::PADDING;
use crate::sys::{self, Blocks, Shared};

/// malloc gives a large block that is freed back to the system, when no other is in
/// use. A new one then costs a page fault each 4 KiB, together as much as the rest of
/// a send but for the masking. One is enough: where there are more, malloc keeps
/// them. Of the small ones there are many.
#[derive(Default)]
pub(crate) struct Spare {
    /// Of a large payload.
    large: Cell<Vec<u8>>,
    small: Blocks<PendingSend>,
    /// On `sys::about_now_ms`; `None` when there is nothing.
    kept_since: Cell<Option<u64>>,
}

impl Spare {
    /// From this size on payloads are in blocks of their own, from which they are
    /// written: to copy them once more costs more than the padding does.
    pub(crate) const LARGE: usize = 4 * 1024;

    /// Kept of small ones when nothing is queued.
    const SMALL_MAX_IDLE: usize = 64 * 1024;

    /// Then it goes, needed or not: to get it anew once a second costs nothing.
    const KEPT_MS: u64 = 1_000;

    /// A copy of `bytes` after [`PADDING`]; `None` when memory is short.
    pub(crate) fn copy(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let size = PADDING.checked_add(bytes.len())?;
        let mut block = self.large.take();
        // Not grown, which would copy what is in it; nor a block for a much larger one.
        if !(size..=size.saturating_mul(4)).contains(&block.capacity()) {
            block = Vec::new();
            block.try_reserve_exact(size).ok()?;
        }
        block.clear();
        block.extend_from_slice(&[0; PADDING]);
        block.extend_from_slice(bytes);
        Some(block)
    }

    pub(crate) fn keep_large(&self, block: Vec<u8>) {
        self.large.set(block);
        self.note();
    }

    /// Keeps the memory of a send that nobody else owns any more.
    pub(crate) fn keep(&self, send: Shared<PendingSend>) {
        send.recycle(&self.small);
        self.note();
    }

    pub(crate) fn small(&self) -> &Blocks<PendingSend> {
        &self.small
    }

    /// The queue has run empty: a long one's memory goes.
    pub(crate) fn shrink(&self) {
        self.small.shrink(Self::SMALL_MAX_IDLE);
    }

    pub(crate) fn drop_when_old(&self) {
        if let Some(since) = self.kept_since.get() {
            if sys::about_now_ms() >= since.saturating_add(Self::KEPT_MS) {
                self.drop();
            }
        }
    }

    pub(crate) fn drop(&self) {
        self.kept_since.set(None);
        self.large.take();
        self.small.shrink(0);
    }

    fn note(&self) {
        if self.kept_since.get().is_none() {
            self.kept_since.set(Some(sys::about_now_ms()));
        }
    }
}
