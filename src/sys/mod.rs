//! The little of `std` and of the host that the layers above share.

#[cfg(not(any(test, feature = "std")))]
mod freestanding;
mod line;
mod mutex;
mod shared;
mod signal;
mod text;
#[cfg(feature = "websock")]
pub(crate) mod threads;

pub(crate) use line::Line;
pub(crate) use mutex::Mutex;
pub(crate) use shared::{Blocks, Shared};
pub(crate) use signal::SigpipeDisposition;
pub(crate) use text::{ShortText, Text};

/// Milliseconds of a clock that only goes forward (CLOCK_MONOTONIC).
pub(crate) fn now_ms() -> u64 {
    read_ms(libc::CLOCK_MONOTONIC)
}

/// As `now_ms`, up to 10 ms late, for a quarter of the cost.
pub(crate) fn about_now_ms() -> u64 {
    read_ms(libc::CLOCK_MONOTONIC_COARSE)
}

fn read_ms(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid place to write to; these clocks exist on Linux.
    unsafe { libc::clock_gettime(clock, &mut time) };
    (time.tv_sec as u64).saturating_mul(1000) + (time.tv_nsec / 1_000_000) as u64
}
