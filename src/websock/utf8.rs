//! Whether text that comes in pieces is UTF-8 (RFC 3629).

/// Where in a character the text has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Utf8 {
    /// Bytes that are missing of the last character.
    missing: u8,
    /// What the next of them may be.
    lowest: u8,
    highest: u8,
}

impl Utf8 {
    const BETWEEN: Self = Self { missing: 0, lowest: 0x80, highest: 0xBF };

    pub(super) fn new() -> Self {
        Self::BETWEEN
    }

    /// The state after `bytes`; `None` when no text begins like that.
    pub(super) fn after(self, bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        let mut state = self;
        while state.missing > 0 {
            let Some((&byte, others)) = rest.split_first() else { return Some(state) };
            state = state.within(byte)?;
            rest = others;
        }
        match core::str::from_utf8(rest) {
            Ok(_) => Some(Self::BETWEEN),
            // A character that is cut, at most three bytes.
            Err(error) if error.error_len().is_none() => {
                let (&first, others) = rest.get(error.valid_up_to()..)?.split_first()?;
                others.iter().try_fold(Self::begin(first)?, |state, &byte| state.within(byte))
            }
            Err(_) => None,
        }
    }

    /// Whether the text may end here.
    pub(super) fn is_complete(self) -> bool {
        self.missing == 0
    }

    /// The first byte of a character of several.
    fn begin(byte: u8) -> Option<Self> {
        let (missing, lowest, highest) = match byte {
            0xC2..=0xDF => (1, 0x80, 0xBF),
            // Neither longer than needed nor a surrogate.
            0xE0 => (2, 0xA0, 0xBF),
            0xED => (2, 0x80, 0x9F),
            0xE1..=0xEF => (2, 0x80, 0xBF),
            // Up to U+10FFFF.
            0xF0 => (3, 0x90, 0xBF),
            0xF1..=0xF3 => (3, 0x80, 0xBF),
            0xF4 => (3, 0x80, 0x8F),
            _ => return None,
        };
        Some(Self { missing, lowest, highest })
    }

    /// One of the bytes that are missing.
    fn within(self, byte: u8) -> Option<Self> {
        (self.lowest..=self.highest)
            .contains(&byte)
            .then(|| Self { missing: self.missing - 1, ..Self::BETWEEN })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// However the text is cut, the verdict is that of the whole.
    #[test]
    fn pieces_are_judged_as_the_whole() {
        let texts: [&[u8]; 14] = [
            b"",
            b"plain",
            "κόσμε \u{7ff} \u{800} \u{ffff} \u{10000} \u{10ffff}".as_bytes(),
            b"\x80",
            b"a\xC3",
            b"\xC0\xAF",
            b"\xE0\x9F\xBF",
            b"\xED\xA0\x80",
            b"\xF0\x8F\xBF\xBF",
            b"\xF4\x90\x80\x80",
            b"\xF5\x80\x80\x80",
            b"\xFF",
            b"\xE2\x82\xAC\xE2\x82",
            b"\xC3(",
        ];
        for text in texts {
            let expected = core::str::from_utf8(text).is_ok();
            for size in 1..=text.len().max(1) {
                let end =
                    text.chunks(size).try_fold(Utf8::new(), |state, piece| state.after(piece));
                let verdict = end.is_some_and(Utf8::is_complete);
                assert_eq!(verdict, expected, "{text:x?} in pieces of {size}");
            }
        }
    }

    #[test]
    fn what_cannot_become_text_is_refused_at_once() {
        assert_eq!(Utf8::new().after(b"\xF4\x90"), None);
        assert_eq!(Utf8::new().after(b"\xF4").and_then(|state| state.after(b"\x90")), None);
        assert!(Utf8::new().after(b"\xF4\x8F").is_some_and(|state| !state.is_complete()));
    }
}
