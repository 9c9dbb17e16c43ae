//! A line for a log.

use core::ffi::c_char;
use core::fmt::{self, Write};

/// A line of bounded length on the stack: logging allocates nothing.
#[derive(Clone, Copy)]
pub(crate) struct Line {
    bytes: [u8; Line::SIZE],
    length: usize,
}

impl Line {
    const SIZE: usize = 512;

    /// Longer text is cut, control characters are replaced.
    pub(crate) fn new(text: fmt::Arguments<'_>) -> Self {
        let mut line = Self { bytes: [0; Self::SIZE], length: 0 };
        // The only error is a full line.
        let _ = line.write_fmt(text);
        line
    }

    /// A C string.
    pub(crate) fn as_ptr(&self) -> *const c_char {
        self.bytes.as_ptr().cast()
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.bytes.get(..self.length).unwrap_or_default();
        text.utf8_chunks().try_for_each(|chunk| f.write_str(chunk.valid()))
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
        let mut line = Line::new(format_args!(""));
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
