//! The little of `std` and of the host that the layers above share.

#[cfg(not(any(test, feature = "std")))]
mod freestanding;
mod mutex;
mod shared;
mod signal;
mod text;

pub(crate) use mutex::Mutex;
pub(crate) use shared::Shared;
pub(crate) use signal::{SigpipeBlocked, SigpipeDisposition};
pub(crate) use text::{ShortText, Text};

/// Milliseconds of a clock that only goes forward (CLOCK_MONOTONIC).
pub(crate) fn now_ms() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid place to write to; this clock exists on Linux.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
    (time.tv_sec as u64).saturating_mul(1000) + (time.tv_nsec / 1_000_000) as u64
}
