//! Records that are collected, to be sent in one go.

use alloc::vec::Vec;

/// What TLS has written and the kernel has not.
#[derive(Default)]
pub(super) struct Gather {
    records: Vec<u8>,
    /// So many bytes of them are out.
    sent: usize,
    /// Whether records are collected, rather than sent at once.
    holds: bool,
    /// Whether something was sent since that began.
    has_sent: bool,
}

impl Gather {
    /// So much is collected at most: one of the largest records and some. More would
    /// gain little, and a socket that has room at all often has no room for more:
    /// what does not go out at once nobody is told of.
    const ROOM: usize = 17 * 1024;

    /// From now on records are collected.
    pub(super) fn hold(&mut self) {
        self.holds = true;
        self.has_sent = false;
    }

    pub(super) fn has_sent(&self) -> bool {
        self.has_sent
    }

    /// Takes `bytes`, or passes them on by `send`, behind what was taken before.
    /// The result is that of `send`: how many of them, or that there was an error.
    pub(super) fn write(&mut self, bytes: &[u8], send: impl FnMut([&[u8]; 2]) -> isize) -> isize {
        let fits = self.records.len() + bytes.len() <= Self::ROOM;
        if self.holds && fits && self.has_memory() {
            self.records.extend_from_slice(bytes);
            return bytes.len() as isize;
        }
        self.pass_on(bytes, send)
    }

    /// Passes on what was taken, and takes no more; the last result of `send`.
    pub(super) fn release(&mut self, send: impl FnMut([&[u8]; 2]) -> isize) -> isize {
        self.holds = false;
        self.pass_on(&[], send)
    }

    /// What was taken, then `bytes`.
    fn pass_on(&mut self, bytes: &[u8], mut send: impl FnMut([&[u8]; 2]) -> isize) -> isize {
        let mut result = 0;
        while !self.is_empty() || !bytes.is_empty() {
            let rest = self.records.get(self.sent..).unwrap_or_default();
            result = send([rest, bytes]);
            let Ok(count @ 1..) = usize::try_from(result) else { break };
            self.has_sent = true;
            if count < rest.len() {
                self.sent += count;
                continue;
            }
            let count = count - rest.len();
            self.drop();
            if count > 0 {
                return count as isize;
            }
        }
        result
    }

    /// Forgets what was taken.
    pub(super) fn drop(&mut self) {
        self.records.clear();
        self.sent = 0;
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

        fn send(&mut self, parts: [&[u8]; 2]) -> isize {
            let bytes = parts.concat();
            assert!(!bytes.is_empty());
            self.calls += 1;
            let count = bytes.len().min(self.room);
            self.room -= count;
            self.got.extend_from_slice(&bytes[..count]);
            if count == 0 { WOULD_BLOCK } else { count as isize }
        }
    }

    fn holding() -> Gather {
        let mut gather = Gather::default();
        gather.hold();
        gather
    }

    #[test]
    fn many_records_are_one_send() {
        let (mut gather, mut kernel) = (holding(), Kernel::with_room(1000));
        for record in [b"one".as_slice(), b"two", b"three"] {
            assert_eq!(gather.write(record, |b| kernel.send(b)), record.len() as isize);
        }
        assert_eq!((kernel.calls, gather.has_sent()), (0, false));
        assert_eq!(gather.release(|b| kernel.send(b)), 11);
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
        assert_eq!(gather.release(|b| kernel.send(b)), WOULD_BLOCK);
        assert!(!gather.is_empty());
        assert_eq!(gather.write(b"ghi", |b| kernel.send(b)), WOULD_BLOCK, "not before the rest");
        kernel.room = 100;
        assert_eq!(gather.write(b"ghi", |b| kernel.send(b)), 3);
        assert!(gather.is_empty());
        assert_eq!(kernel.got, b"abcdefghi");
    }

    #[test]
    fn what_does_not_fit_goes_out_with_what_was_taken() {
        let (mut gather, mut kernel) = (holding(), Kernel::with_room(usize::MAX));
        let large = std::vec![7; Gather::ROOM];
        gather.write(b"small", |b| kernel.send(b));
        assert_eq!(gather.write(&large, |b| kernel.send(b)), large.len() as isize);
        assert!(gather.is_empty());
        assert_eq!(kernel.calls, 1);
        assert_eq!(kernel.got, [b"small", large.as_slice()].concat());
    }

    #[test]
    fn what_does_not_fit_may_go_out_in_part() {
        let large = std::vec![7; Gather::ROOM];
        for (room, result, left) in
            [(3, WOULD_BLOCK, 2), (5, WOULD_BLOCK, 0), (6, 1, 0), (4000, 3995, 0)]
        {
            let (mut gather, mut kernel) = (holding(), Kernel::with_room(room));
            gather.write(b"small", |b| kernel.send(b));
            assert_eq!(gather.write(&large, |b| kernel.send(b)), result, "{room}");
            assert_eq!(gather.records.len() - gather.sent, left, "{room}");
            assert_eq!(kernel.got, [b"small", large.as_slice()].concat()[..room], "{room}");
        }
    }

    #[test]
    fn no_more_is_taken_than_there_is_room_for() {
        let (mut gather, mut kernel) = (holding(), Kernel::with_room(usize::MAX));
        let record = [1; 1000];
        for _ in 0..1000 {
            assert_eq!(gather.write(&record, |b| kernel.send(b)), 1000);
            assert!(gather.records.len() <= Gather::ROOM);
            assert_eq!(gather.has_sent(), kernel.calls > 0);
            assert_eq!(gather.records.capacity(), Gather::ROOM, "never more memory");
        }
        // A kernel that takes nothing: the record that has no room is refused.
        kernel.room = 0;
        let refused = (0..1000).find(|_| gather.write(&record, |b| kernel.send(b)) < 0);
        assert!(refused.is_some_and(|count| count <= Gather::ROOM / 1000));
        let kept = gather.records.len();
        kernel.room = usize::MAX;
        gather.release(|b| kernel.send(b));
        assert_eq!(kernel.got.len() % 1000, 0);
        assert!(kept > 0 && gather.is_empty());
    }

    #[test]
    fn memory_goes_only_when_nothing_is_in_it() {
        let (mut gather, mut kernel) = (holding(), Kernel::default());
        gather.write(b"kept", |b| kernel.send(b));
        gather.rest();
        kernel.room = 100;
        gather.release(|b| kernel.send(b));
        gather.rest();
        assert_eq!((gather.records.capacity(), kernel.got.as_slice()), (0, b"kept".as_slice()));
    }
}
