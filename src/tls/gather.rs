//! Records that are collected, to be sent in one go.

use alloc::vec::Vec;

/// What TLS has written and the kernel has not.
#[derive(Default)]
pub(super) struct Gather {
    records: Vec<u8>,
    /// So many bytes of them are out.
    sent: usize,
    /// Whether records are collected, rather than sent at once.
    pub(super) holds: bool,
}

impl Gather {
    /// So much is collected at most: four of the largest records.
    const ROOM: usize = 68 * 1024;

    /// Takes `bytes`, or passes them on by `send`, behind what was taken before.
    /// The result is that of `send`: how many bytes, or that there was an error.
    pub(super) fn write(&mut self, bytes: &[u8], mut send: impl FnMut(&[u8]) -> isize) -> isize {
        let collected = self.holds && bytes.len() <= Self::ROOM && self.has_memory();
        if !collected || self.records.len() + bytes.len() > Self::ROOM {
            let result = self.flush(&mut send);
            if !self.is_empty() {
                return result;
            }
        }
        if collected {
            self.records.extend_from_slice(bytes);
            bytes.len() as isize
        } else {
            send(bytes)
        }
    }

    /// Passes on what was taken; the last result of `send`.
    pub(super) fn flush(&mut self, mut send: impl FnMut(&[u8]) -> isize) -> isize {
        let mut result = 0;
        while let Some(rest @ [_, ..]) = self.records.get(self.sent..) {
            result = send(rest);
            match usize::try_from(result) {
                Ok(count @ 1..) => self.sent += count,
                _ => return result,
            }
        }
        self.records.clear();
        self.sent = 0;
        result
    }

    /// Whether all that was taken is out.
    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Gives the memory back, if nothing is in it.
    pub(super) fn rest(&mut self) {
        if self.is_empty() {
            self.records = Vec::new();
        }
    }

    fn has_memory(&mut self) -> bool {
        self.records.capacity() >= Self::ROOM
            || self.is_empty() && self.records.try_reserve_exact(Self::ROOM).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WOULD_BLOCK: isize = -1;

    /// A kernel that takes so many bytes and no more.
    #[derive(Default)]
    struct Kernel {
        room: usize,
        got: Vec<u8>,
        calls: usize,
    }

    impl Kernel {
        fn with_room(room: usize) -> Self {
            Self { room, ..Self::default() }
        }

        fn send(&mut self, bytes: &[u8]) -> isize {
            self.calls += 1;
            let count = bytes.len().min(self.room);
            self.room -= count;
            self.got.extend_from_slice(&bytes[..count]);
            if count == 0 { WOULD_BLOCK } else { count as isize }
        }
    }

    fn holding() -> Gather {
        Gather { holds: true, ..Gather::default() }
    }

    #[test]
    fn many_records_are_one_send() {
        let (mut gather, mut kernel) = (holding(), Kernel::with_room(1000));
        for record in [b"one".as_slice(), b"two", b"three"] {
            assert_eq!(gather.write(record, |b| kernel.send(b)), record.len() as isize);
        }
        assert_eq!(kernel.calls, 0);
        assert_eq!(gather.flush(|b| kernel.send(b)), 11);
        assert!(gather.is_empty());
        assert_eq!((kernel.calls, kernel.got.as_slice()), (1, b"onetwothree".as_slice()));
    }

    #[test]
    fn without_holding_it_goes_out_at_once() {
        let (mut gather, mut kernel) = (Gather::default(), Kernel::with_room(3));
        assert_eq!(gather.write(b"four", |b| kernel.send(b)), 3);
        assert_eq!(gather.write(b"r", |b| kernel.send(b)), WOULD_BLOCK);
        assert!(gather.is_empty());
    }

    #[test]
    fn what_the_kernel_does_not_take_is_kept_and_goes_first() {
        let (mut gather, mut kernel) = (holding(), Kernel::with_room(4));
        gather.write(b"abc", |b| kernel.send(b));
        gather.write(b"def", |b| kernel.send(b));
        assert_eq!(gather.flush(|b| kernel.send(b)), WOULD_BLOCK);
        assert!(!gather.is_empty());
        gather.holds = false;
        assert_eq!(gather.write(b"ghi", |b| kernel.send(b)), WOULD_BLOCK, "not before the rest");
        kernel.room = 100;
        assert_eq!(gather.write(b"ghi", |b| kernel.send(b)), 3);
        assert!(gather.is_empty());
        assert_eq!(kernel.got, b"abcdefghi");
    }

    #[test]
    fn more_than_there_is_room_for_goes_out_at_once() {
        let (mut gather, mut kernel) = (holding(), Kernel::with_room(usize::MAX));
        let large = std::vec![7; Gather::ROOM + 1];
        gather.write(b"small", |b| kernel.send(b));
        assert_eq!(gather.write(&large, |b| kernel.send(b)), large.len() as isize);
        assert!(gather.is_empty());
        assert_eq!(kernel.got, [b"small", large.as_slice()].concat());
    }

    #[test]
    fn no_more_is_taken_than_there_is_room_for() {
        let (mut gather, mut kernel) = (holding(), Kernel::with_room(usize::MAX));
        let record = [1; 1000];
        for _ in 0..1000 {
            assert_eq!(gather.write(&record, |b| kernel.send(b)), 1000);
            assert!(gather.records.len() <= Gather::ROOM);
            assert_eq!(gather.records.capacity(), Gather::ROOM, "never more memory");
        }
        // A kernel that takes nothing: the record that has no room is refused.
        kernel.room = 0;
        let refused = (0..1000).find(|_| gather.write(&record, |b| kernel.send(b)) < 0);
        assert!(refused.is_some_and(|count| count <= Gather::ROOM / 1000));
        let kept = gather.records.len();
        kernel.room = usize::MAX;
        gather.flush(|b| kernel.send(b));
        assert_eq!(kernel.got.len() % 1000, 0);
        assert!(kept > 0 && gather.is_empty());
    }

    #[test]
    fn memory_goes_only_when_nothing_is_in_it() {
        let (mut gather, mut kernel) = (holding(), Kernel::default());
        gather.write(b"kept", |b| kernel.send(b));
        gather.rest();
        kernel.room = 100;
        gather.flush(|b| kernel.send(b));
        gather.rest();
        assert_eq!((gather.records.capacity(), kernel.got.as_slice()), (0, b"kept".as_slice()));
    }
}
