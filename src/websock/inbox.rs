//! What has come and was not read yet.

use alloc::collections::VecDeque;

/// Of the frame that bytes belong to (RFC 6455 section 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) is_final: bool,
    pub(crate) opcode: u8,
    pub(crate) payload_length: u64,
}

/// Payload bytes of one frame, as they came.
struct Piece {
    header: Header,
    unread: usize,
}

#[derive(Default)]
pub(super) struct Inbox {
    pieces: VecDeque<Piece>,
    /// Of all pieces.
    bytes: VecDeque<u8>,
}

impl Inbox {
    /// From here on the peer has to wait. Counts pieces, too: there are empty ones.
    const FULL: usize = 256 * 1024;
    /// Down to here.
    const ROOM_AGAIN: usize = Self::FULL / 2;
    /// More memory than this goes when it is empty.
    const KEPT: usize = 256 * 1024;

    /// `Err` when memory is short.
    pub(super) fn put(&mut self, header: Header, bytes: &[u8]) -> Result<(), ()> {
        self.pieces.try_reserve(1).map_err(|_| ())?;
        self.bytes.try_reserve(bytes.len()).map_err(|_| ())?;
        self.bytes.extend(bytes);
        self.pieces.push_back(Piece { header, unread: bytes.len() });
        Ok(())
    }

    /// Moves bytes of the oldest piece to `buffer`; how many. `None` when there is
    /// nothing, or no room in `buffer` for anything.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Option<(Header, usize)> {
        let piece = self.pieces.front_mut()?;
        let count = piece.unread.min(buffer.len());
        if count == 0 && piece.unread > 0 {
            return None;
        }
        let header = piece.header;
        let (front, back) = self.bytes.as_slices();
        let from_front = count.min(front.len());
        buffer.get_mut(..from_front)?.copy_from_slice(front.get(..from_front)?);
        buffer.get_mut(from_front..count)?.copy_from_slice(back.get(..count - from_front)?);
        self.bytes.drain(..count);
        piece.unread -= count;
        if piece.unread == 0 {
            self.pieces.pop_front();
        }
        if self.is_empty() && self.bytes.capacity() > Self::KEPT {
            *self = Self::default();
        }
        Some((header, count))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.weight() >= Self::FULL
    }

    pub(super) fn has_room_again(&self) -> bool {
        self.weight() <= Self::ROOM_AGAIN
    }

    fn weight(&self) -> usize {
        self.bytes.len() + self.pieces.len() * size_of::<Piece>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: Header = Header { is_final: true, opcode: 1, payload_length: 5 };
    const EMPTY: Header = Header { is_final: true, opcode: 2, payload_length: 0 };

    #[test]
    fn a_piece_is_read_in_as_many_turns_as_it_takes() {
        let mut inbox = Inbox::default();
        let mut buffer = [0; 3];
        inbox.put(TEXT, b"hello").expect("memory");
        inbox.put(EMPTY, b"").expect("memory");
        inbox.put(TEXT, b"again").expect("memory");
        assert_eq!(inbox.read(&mut []), None, "no room");
        assert_eq!((inbox.read(&mut buffer), &buffer), (Some((TEXT, 3)), b"hel"));
        assert_eq!((inbox.read(&mut buffer), &buffer[..2]), (Some((TEXT, 2)), &b"lo"[..]));
        assert_eq!(inbox.read(&mut []), Some((EMPTY, 0)));
        assert_eq!((inbox.read(&mut buffer), &buffer), (Some((TEXT, 3)), b"aga"));
        assert_eq!(inbox.read(&mut buffer), Some((TEXT, 2)));
        assert_eq!(inbox.read(&mut buffer), None);
    }

    #[test]
    fn bytes_stay_in_order_where_the_ring_wraps() {
        let mut inbox = Inbox::default();
        let mut next_in = 0u8;
        let mut next_out = 0u8;
        let mut buffer = [0; 64];
        for round in 0..1000usize {
            let mut bytes = [0; 41];
            bytes.iter_mut().for_each(|byte| {
                *byte = next_in;
                next_in = next_in.wrapping_add(1);
            });
            inbox.put(TEXT, &bytes).expect("memory");
            while let Some((_, count)) = inbox.read(&mut buffer[..1 + round % 64]) {
                for &byte in &buffer[..count] {
                    assert_eq!(byte, next_out);
                    next_out = next_out.wrapping_add(1);
                }
            }
        }
    }

    #[test]
    fn empty_frames_fill_it_too() {
        let mut inbox = Inbox::default();
        let mut count = 0;
        while !inbox.is_full() {
            inbox.put(EMPTY, b"").expect("memory");
            count += 1;
        }
        assert!(count <= 16 * 1024, "{count} frames");
        assert!(!inbox.has_room_again());
        for _ in 0..count {
            assert_eq!(inbox.read(&mut []), Some((EMPTY, 0)));
        }
        assert!(inbox.is_empty() && inbox.has_room_again());
    }
}
