//! The caller's `LOGGER_LOG`: one line an event, never a payload byte.

use core::ffi::{c_char, c_uint};
use core::fmt::{self, Write};

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
        let mut line = Line::new();
        // The only error is a full line.
        let _ = line.write_fmt(text);
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

/// A line of bounded length on the stack: logging allocates nothing.
struct Line {
    bytes: [u8; Line::SIZE],
    length: usize,
}

impl Line {
    const SIZE: usize = 512;

    fn new() -> Self {
        Self { bytes: [0; Self::SIZE], length: 0 }
    }

    fn as_ptr(&self) -> *const c_char {
        self.bytes.as_ptr().cast()
    }
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // One byte stays zero: the end of the C string.
        let room = Self::SIZE - 1 - self.length;
        for (place, &byte) in self.bytes[self.length..].iter_mut().zip(text.as_bytes()).take(room) {
            *place = if byte.is_ascii_control() { b'?' } else { byte };
        }
        self.length += room.min(text.len());
        if text.len() > room { Err(fmt::Error) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;

    fn line(text: &str) -> (String, fmt::Result) {
        let mut line = Line::new();
        let result = line.write_str(text);
        assert_eq!(line.bytes[line.length], 0, "ends with a NUL");
        (String::from_utf8_lossy(&line.bytes[..line.length]).into_owned(), result)
    }

    #[test]
    fn a_line_is_one_line() {
        assert_eq!(line("a\r\nb\0c").0, "a??b?c");
    }

    #[test]
    fn a_long_line_is_cut() {
        let (text, result) = line(&"x".repeat(Line::SIZE));
        assert_eq!(text.len(), Line::SIZE - 1);
        assert!(result.is_err());
        let (text, result) = line(&"x".repeat(Line::SIZE - 1));
        assert_eq!(text.len(), Line::SIZE - 1);
        assert!(result.is_ok());
    }
}
