//! The caller's `LOGGER_LOG`: one line an event, never a payload byte.

use core::ffi::{c_char, c_uint};
use core::fmt;

use crate::sys::Line;

/// The logger function of the SDK (`xlogging.h`), printf-like.
pub type LOGGER_LOG = Option<unsafe extern "C" fn(options: c_uint, format: *mut c_char, ...)>;

/// `options` of a line that the logger ends itself (the SDK's LOG_LINE).
const LOG_LINE: c_uint = 1;

/// Where the lines of one instance go; to nowhere without a logger.
#[derive(Clone, Copy)]
pub(crate) struct Logger(LOGGER_LOG);

impl Logger {
    pub(crate) fn new(log: LOGGER_LOG) -> Self {
        Self(log)
    }

    /// Logs one line. Longer text is cut, control characters are replaced.
    pub(crate) fn log(self, text: fmt::Arguments<'_>) {
        let Some(log) = self.0 else { return };
        let line = Line::new(text);
        // SAFETY: a printf-like function by its contract. It takes the format
        // as `char*` for historical reasons and does not write to it.
        unsafe { log(LOG_LINE, c"wsio: %s".as_ptr().cast_mut(), line.as_ptr()) };
    }
}

/// `log!(logger, "format {}", …)`.
macro_rules! log {
    ($logger:expr, $($text:tt)+) => { $logger.log(core::format_args!($($text)+)) };
}
pub(crate) use log;
