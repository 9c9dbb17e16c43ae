//! Records that are collected, to be sent in one go, or that the kernel has no room for.

use alloc::vec::Vec;

/// What TLS has written and the kernel has not.
#[derive(Default)]
pub(super) struct Gather {
    records: Vec<u8>,
    /// So many bytes of them are out.
    sent: usize,
    /// Whether all that is written is taken.
    holds: bool,
    /// Whether it is collected first, rather than sent at once.
    collects: bool,
    /// Whether something was sent, or tried to be, since that began.
    is_full: bool,
    /// Whether the kernel took less than it was given since then.
    is_blocked: bool,
    /// How much more is expected to be written.
    expected: usize,
    /// Bytes that were taken although nobody collects.
    extra: usize,
}

/// Why the kernel took nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// There is no room.
    ForNow,
    ForGood,
}

impl Gather {
    /// So much is collected at most before it is sent: one of the largest records and
    /// some. More would gain little, and a socket that has room at all often has no
    /// room for more: what does not go out at once nobody is told of.
    const ROOM: usize = 17 * 1024;

    /// From now on all that is written is taken: records of about `expected` bytes of
    /// payload. `collects`: they are many, and go together.
    pub(super) fn hold(&mut self, expected: usize, collects: bool) {
        self.holds = true;
        self.collects = collects;
        self.is_full = false;
        self.is_blocked = false;
        self.expected = expected;
    }

    /// Whether all that was written since [`Self::hold`] did not fit.
    pub(super) fn is_full(&self) -> bool {
        self.is_full
    }

    /// Takes `bytes`, or passes them on by `send`, behind what was taken before. The
    /// result is how many of them.
    ///
    /// While it holds, what the kernel has no room for is taken too, be it much: OpenSSL
    /// could not answer a KeyUpdate (RFC 8446 section 4.6.3) in the middle of a record,
    /// and ends the connection. lws would copy it as well. That answer, a handshake
    /// message, is taken too while something waits to be released, or else nothing could
    /// be read until it is out; but not without end.
    pub(super) fn write(
        &mut self,
        bytes: &[u8],
        is_handshake: bool,
        send: impl FnMut([&[u8]; 2]) -> Result<usize, Refused>,
    ) -> Result<usize, Refused> {
        let fits = self.records.len() + bytes.len() <= Self::ROOM;
        if self.holds && self.collects && fits && self.has_memory() {
            self.take(bytes);
            return Ok(bytes.len());
        }
        self.is_full = true;
        let sent = match self.holds && self.is_blocked {
            true => Err(Refused::ForNow),
            false => self.pass_on(bytes, send),
        };
        let left = match sent {
            Ok(count) => bytes.get(count..).unwrap_or_default(),
            Err(Refused::ForNow) => bytes,
            Err(Refused::ForGood) => return sent,
        };
        if left.is_empty() || !self.may_take(left, is_handshake) || !self.has_memory_for(left) {
            return sent;
        }
        self.is_blocked = true;
        self.take(left);
        Ok(bytes.len())
    }

    /// Passes on what was taken, and takes no more.
    pub(super) fn release(
        &mut self,
        send: impl FnMut([&[u8]; 2]) -> Result<usize, Refused>,
    ) -> Result<usize, Refused> {
        self.holds = false;
        self.pass_on(&[], send)
    }

    /// What was taken, then `bytes`.
    fn pass_on(
        &mut self,
        bytes: &[u8],
        mut send: impl FnMut([&[u8]; 2]) -> Result<usize, Refused>,
    ) -> Result<usize, Refused> {
        while !self.is_empty() || !bytes.is_empty() {
            let rest = self.records.get(self.sent..).unwrap_or_default();
            let count = send([rest, bytes])?;
            if count < rest.len() {
                self.sent += count;
                continue;
            }
            let count = count - rest.len();
            self.drop();
            if count > 0 {
                return Ok(count);
            }
        }
        Ok(0)
    }

    fn may_take(&self, bytes: &[u8], is_handshake: bool) -> bool {
        let waits = is_handshake && !self.is_empty();
        self.holds || waits && self.extra + bytes.len() <= Self::ROOM
    }

    fn take(&mut self, bytes: &[u8]) {
        if !self.holds {
            self.extra += bytes.len();
        }
        self.records.extend_from_slice(bytes);
        self.expected = self.expected.saturating_sub(bytes.len());
    }

    /// Forgets what was taken.
    pub(super) fn drop(&mut self) {
        if self.records.capacity() > Self::ROOM {
            self.records = Vec::new();
        }
        self.records.clear();
        self.sent = 0;
        self.extra = 0;
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

    /// Room for what is expected to follow as well, so that it is not moved for each
    /// record.
    fn has_memory_for(&mut self, bytes: &[u8]) -> bool {
        let room = self.records.capacity() - self.records.len();
        if room >= bytes.len() {
            return true;
        }
        // A record is 22 bytes longer than its payload, of up to 16 KiB.
        let all = self.expected.saturating_add(self.expected / 512).saturating_add(Self::ROOM);
        self.records.try_reserve_exact(all.max(bytes.len())).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

        fn send(&mut self, parts: [&[u8]; 2]) -> Result<usize, Refused> {
            let bytes = parts.concat();
            assert!(!bytes.is_empty());
            self.calls += 1;
            let count = bytes.len().min(self.room);
            self.room -= count;
            self.got.extend_from_slice(&bytes[..count]);
            if count == 0 { Err(Refused::ForNow) } else { Ok(count) }
        }
    }

    fn holding() -> Gather {
        let mut gather = Gather::default();
        gather.hold(0, true);
        gather
    }

    #[test]
    fn many_records_are_one_send() {
        let (mut gather, mut kernel) = (holding(), Kernel::with_room(1000));
        for record in [b"one".as_slice(), b"two", b"three"] {
            assert_eq!(gather.write(record, false, |b| kernel.send(b)), Ok(record.len()));
        }
        assert_eq!((kernel.calls, gather.is_full()), (0, false));
        assert!(gather.release(|b| kernel.send(b)).is_ok());
        assert!(gather.is_empty());
        assert_eq!((kernel.calls, kernel.got.as_slice()), (1, b"onetwothree".as_slice()));
    }

    /// lws hears of it, and asks for a WRITEABLE event.
    #[test]
    fn without_holding_nothing_is_taken() {
        let (mut gather, mut kernel) = (Gather::default(), Kernel::with_room(3));
        assert_eq!(gather.write(b"four", false, |b| kernel.send(b)), Ok(3));
        assert_eq!(gather.write(b"r", false, |b| kernel.send(b)), Err(Refused::ForNow));
        assert!(gather.is_empty());
    }

    /// One message needs no memory, but where it does not go out.
    #[test]
    fn without_collecting_only_what_is_left_is_taken() {
        let (mut gather, mut kernel) = (Gather::default(), Kernel::with_room(5));
        gather.hold(3, false);
        assert_eq!(gather.write(b"one", false, |b| kernel.send(b)), Ok(3));
        assert!(gather.release(|b| kernel.send(b)).is_ok());
        assert_eq!((kernel.calls, gather.records.capacity()), (1, 0));
        gather.hold(3, false);
        assert_eq!(gather.write(b"two", false, |b| kernel.send(b)), Ok(3));
        assert_eq!(gather.release(|b| kernel.send(b)), Err(Refused::ForNow));
        kernel.room = 100;
        assert!(gather.release(|b| kernel.send(b)).is_ok());
        assert_eq!(kernel.got, b"onetwo");
    }

    #[test]
    fn what_the_kernel_does_not_take_is_kept_and_goes_first() {
        let (mut gather, mut kernel) = (holding(), Kernel::with_room(4));
        assert_eq!(gather.write(b"abc", false, |b| kernel.send(b)), Ok(3));
        assert_eq!(gather.write(b"def", false, |b| kernel.send(b)), Ok(3));
        assert_eq!(gather.release(|b| kernel.send(b)), Err(Refused::ForNow));
        assert!(!gather.is_empty());
        let refused = gather.write(b"pong", false, |b| kernel.send(b));
        assert_eq!(refused, Err(Refused::ForNow), "lws is to hear of it");
        assert_eq!(gather.write(b"ghi", true, |b| kernel.send(b)), Ok(3));
        kernel.room = 100;
        assert_eq!(gather.write(b"jkl", false, |b| kernel.send(b)), Ok(3));
        assert!(gather.is_empty());
        assert_eq!(kernel.got, b"abcdefghijkl");
    }

    /// A server may ask for new keys again and again, and read none of the answers.
    #[test]
    fn what_is_written_besides_is_not_kept_without_end() {
        let (mut gather, mut kernel) = (holding(), Kernel::default());
        assert_eq!(gather.write(b"held", false, |b| kernel.send(b)), Ok(4));
        assert_eq!(gather.release(|b| kernel.send(b)), Err(Refused::ForNow));
        let answer = [7; 27];
        for _ in 0..3 {
            let taken =
                (0..).take_while(|_| gather.write(&answer, true, |b| kernel.send(b)).is_ok());
            assert_eq!(taken.count(), Gather::ROOM / 27);
            kernel.room = usize::MAX;
            assert!(gather.release(|b| kernel.send(b)).is_ok());
            kernel.room = 0;
            gather.hold(0, true);
            assert_eq!(gather.write(b"held", false, |b| kernel.send(b)), Ok(4));
            assert_eq!(gather.release(|b| kernel.send(b)), Err(Refused::ForNow));
        }
    }

    #[test]
    fn what_does_not_fit_goes_out_with_what_was_taken() {
        let (mut gather, mut kernel) = (holding(), Kernel::with_room(usize::MAX));
        let large = std::vec![7; Gather::ROOM];
        assert_eq!(gather.write(b"small", false, |b| kernel.send(b)), Ok(5));
        assert_eq!(gather.write(&large, false, |b| kernel.send(b)), Ok(large.len()));
        assert!(gather.is_empty() && gather.is_full());
        assert_eq!(kernel.calls, 1);
        assert_eq!(kernel.got, [b"small", large.as_slice()].concat());
    }

    /// However much of it the kernel takes, OpenSSL is not left in mid record.
    #[test]
    fn while_holding_all_is_taken() {
        let large = std::vec![7; Gather::ROOM];
        for room in [0, 3, 5, 6, 4000, Gather::ROOM + 4, Gather::ROOM + 5] {
            let (mut gather, mut kernel) = (holding(), Kernel::with_room(room));
            assert_eq!(gather.write(b"small", false, |b| kernel.send(b)), Ok(5));
            for _ in 0..10 {
                assert_eq!(gather.write(&large, false, |b| kernel.send(b)), Ok(large.len()));
            }
            assert!(gather.is_full());
            assert!(
                kernel.calls <= 4,
                "{room}: {}, the kernel is not asked for each",
                kernel.calls
            );
            let all = [b"small", large.repeat(10).as_slice()].concat();
            assert_eq!(gather.records.len() - gather.sent, all.len() - room);
            assert_eq!(gather.release(|b| kernel.send(b)), Err(Refused::ForNow));
            kernel.room = usize::MAX;
            assert!(gather.release(|b| kernel.send(b)).is_ok());
            assert_eq!(kernel.got, all, "{room}");
            assert!(gather.records.capacity() <= Gather::ROOM, "the rest of the memory goes");
        }
    }

    #[test]
    fn what_is_expected_is_not_moved_again_and_again() {
        const RECORD: usize = 16 * 1024;
        let mut gather = Gather::default();
        let mut kernel = Kernel::default();
        gather.hold(100 * RECORD, true);
        let mut capacities = Vec::new();
        for _ in 0..100 {
            assert!(gather.write(&[0; RECORD + 22], false, |b| kernel.send(b)).is_ok());
            capacities.push(gather.records.capacity());
        }
        capacities.dedup();
        assert!(capacities.len() <= 2, "{capacities:?}");
        assert!(gather.records.capacity() <= gather.records.len() + 2 * Gather::ROOM);
    }

    #[test]
    fn a_lasting_error_is_told() {
        let mut gather = holding();
        let large = std::vec![7; Gather::ROOM + 1];
        assert_eq!(gather.write(&large, false, |_| Err(Refused::ForGood)), Err(Refused::ForGood));
        let mut gather = holding();
        assert_eq!(gather.write(b"small", false, |_| Err(Refused::ForGood)), Ok(5));
        assert_eq!(gather.release(|_| Err(Refused::ForGood)), Err(Refused::ForGood));
    }

    #[test]
    fn memory_does_not_grow_while_the_kernel_takes_all() {
        let (mut gather, mut kernel) = (holding(), Kernel::with_room(usize::MAX));
        let record = [1; 1000];
        for _ in 0..1000 {
            assert_eq!(gather.write(&record, false, |b| kernel.send(b)), Ok(1000));
            assert!(gather.records.len() <= Gather::ROOM);
            assert_eq!(gather.is_full(), kernel.calls > 0);
            assert_eq!(gather.records.capacity(), Gather::ROOM, "never more memory");
        }
        assert!(gather.release(|b| kernel.send(b)).is_ok());
        assert_eq!(kernel.got.len(), 1_000_000);
    }

    #[test]
    fn memory_goes_only_when_nothing_is_in_it() {
        let (mut gather, mut kernel) = (holding(), Kernel::default());
        assert!(gather.write(b"kept", false, |b| kernel.send(b)).is_ok());
        gather.rest();
        kernel.room = 100;
        assert!(gather.release(|b| kernel.send(b)).is_ok());
        gather.rest();
        assert_eq!((gather.records.capacity(), kernel.got.as_slice()), (0, b"kept".as_slice()));
    }
}
