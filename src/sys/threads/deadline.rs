//! Until when to wait.

use core::ffi::c_int;

/// A time on CLOCK_MONOTONIC, or never.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Deadline(u64);

impl Deadline {
    pub(crate) const NEVER: Self = Self(u64::MAX);

    pub(crate) fn in_ms(ms: u64) -> Self {
        Self(crate::sys::now_ms().saturating_add(ms))
    }

    pub(crate) fn is_over(self) -> bool {
        self != Self::NEVER && crate::sys::now_ms() >= self.0
    }

    fn remaining_ms(self) -> u64 {
        self.0.saturating_sub(crate::sys::now_ms())
    }

    /// How long that is from now; `None` for ever.
    pub(super) fn remaining(self) -> Option<libc::timespec> {
        if self == Self::NEVER {
            return None;
        }
        let ms = self.remaining_ms();
        // A deadline is at most an int of milliseconds away.
        Some(libc::timespec {
            tv_sec: (ms / 1000) as libc::time_t,
            tv_nsec: ((ms % 1000) * 1_000_000) as libc::c_long,
        })
    }

    /// The same for `poll`, which goes round again when that is too short.
    pub(super) fn as_poll_timeout(self) -> c_int {
        if self == Self::NEVER {
            return -1;
        }
        c_int::try_from(self.remaining_ms()).unwrap_or(c_int::MAX)
    }
}
