//! NUL-terminated strings whose making can fail.

use alloc::vec::Vec;
use core::ffi::c_char;
use core::fmt;

/// An owned C string. Its bytes contain no NUL before the last.
pub(crate) struct Text(Vec<u8>);

impl Text {
    /// The parts one after the other, or `None` when memory is short.
    ///
    /// The parts come from C strings and so contain no NUL; were there one, C
    /// would see the text end there.
    pub(crate) fn try_concat(parts: &[&[u8]]) -> Option<Self> {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(length + 1).ok()?;
        parts.iter().for_each(|part| bytes.extend_from_slice(part));
        bytes.push(0);
        Some(Self(bytes))
    }

    pub(crate) fn as_ptr(&self) -> *const c_char {
        self.0.as_ptr().cast()
    }

    /// Without the NUL.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.split_last().map_or(&[], |(_, bytes)| bytes)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.as_bytes().is_empty()
    }
}

/// For log lines: what is not UTF-8 is left out.
impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().utf8_chunks().try_for_each(|chunk| f.write_str(chunk.valid()))
    }
}

/// A short text of known greatest length, on the stack.
pub(crate) struct ShortText<const SIZE: usize> {
    bytes: [u8; SIZE],
    length: usize,
}

impl<const SIZE: usize> ShortText<SIZE> {
    pub(crate) fn new() -> Self {
        Self { bytes: [0; SIZE], length: 0 }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

/// Fails when there is no room, and writes nothing then.
impl<const SIZE: usize> fmt::Write for ShortText<SIZE> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.length + text.len();
        let room = self.bytes.get_mut(self.length..end).ok_or(fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}
