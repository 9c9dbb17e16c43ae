// SPDX-License-Identifier: MIT OR Apache-2.0
//! CLOCK_MONOTONIC and its coarse sister, which stand still in a thread that asks for it.

use std::cell::Cell;
use std::ffi::{c_int, c_long};

thread_local! {
    static STOPPED_AT_MS: Cell<Option<u64>> = const { Cell::new(None) };
}

/// What the time is in this thread from now on; `None`: what it really is.
pub fn set(ms: Option<u64>) {
    STOPPED_AT_MS.set(ms);
}

pub fn now_ms() -> u64 {
    STOPPED_AT_MS.get().expect("a stopped clock")
}

pub fn advance(ms: u64) {
    set(Some(now_ms() + ms));
}

/// Comes before libc's.
#[unsafe(no_mangle)]
unsafe extern "C" fn clock_gettime(clock: libc::clockid_t, time: *mut libc::timespec) -> c_int {
    match STOPPED_AT_MS.try_with(Cell::get) {
        Ok(Some(ms)) if matches!(clock, libc::CLOCK_MONOTONIC | libc::CLOCK_MONOTONIC_COARSE) => {
            let (tv_sec, tv_nsec) = ((ms / 1000) as i64, (ms % 1000) as c_long * 1_000_000);
            // SAFETY: the caller's place to write to.
            unsafe { time.write(libc::timespec { tv_sec, tv_nsec }) };
            0
        }
        // SAFETY: the caller's arguments, as libc passes them on.
        _ => unsafe { libc::syscall(libc::SYS_clock_gettime, clock, time) as c_int },
    }
}
