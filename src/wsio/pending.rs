//! A send that has not ended yet.

use alloc::vec::Vec;
use core::cell::Cell;

use crate::ffi::callback::SendComplete;
use crate::ffi::xio::IO_SEND_RESULT;
use crate::lws::{Connection, Listener, PADDING};
use crate::sys::Shared;

use super::spare::Spare;

/// The most that one send may be: `lws_write` counts in an int, header included.
pub(crate) const LARGEST_SEND: usize = i32::MAX as usize - 16;

/// What `wsio_send` queued. The payload is the bytes of its [`Shared`], one block
/// of memory with this, unless it is large.
pub(crate) struct PendingSend {
    /// After [`PADDING`]. Empty unless it is large (`Spare::LARGE`).
    large: Cell<Vec<u8>>,
    length: u32,
    /// How many bytes of the payload lws has taken.
    sent: Cell<u32>,
    /// Why it was not written, if the user was not told yet.
    failure: Cell<Option<WriteError>>,
    /// `None` once it was called: each send is answered once.
    complete: Cell<Option<SendComplete>>,
    /// Where it waits to be cancelled outside of a list.
    next: Cell<Option<Shared<PendingSend>>>,
}

impl PendingSend {
    /// A copy of `bytes`; `None` when memory is short.
    pub(crate) fn try_new(
        bytes: &[u8],
        complete: SendComplete,
        spare: &Spare,
    ) -> Option<Shared<Self>> {
        let is_large = bytes.len() >= Spare::LARGE;
        let send = Self {
            large: Cell::new(if is_large { spare.copy(bytes)? } else { Vec::new() }),
            length: u32::try_from(bytes.len()).ok()?,
            sent: Cell::new(0),
            failure: Cell::new(None),
            complete: Cell::new(Some(complete)),
            next: Cell::new(None),
        };
        Shared::try_new_with(send, if is_large { &[] } else { bytes }, spare.small())
    }

    pub(crate) fn rest_length(&self) -> usize {
        (self.length - self.sent.get()) as usize
    }

    /// The memory of a large payload, for the next one. There is no payload then.
    pub(crate) fn take_large(&self) -> Option<Vec<u8>> {
        self.is_large().then(|| self.large.take())
    }

    fn is_large(&self) -> bool {
        self.length as usize >= Spare::LARGE
    }

    pub(crate) fn set_failure(&self, why: WriteError) {
        self.failure.set(Some(why));
    }

    pub(crate) fn failure(&self) -> Option<WriteError> {
        self.failure.get()
    }

    pub(crate) fn is_partially_sent(&self) -> bool {
        self.sent.get() > 0 && !self.is_with_lws()
    }

    /// lws has taken the whole of it; the kernel may not have.
    pub(crate) fn is_with_lws(&self) -> bool {
        self.sent.get() == self.length
    }

    pub(crate) fn is_answered(&self) -> bool {
        let complete = self.complete.take();
        self.complete.set(complete);
        complete.is_none()
    }

    /// Reports the result to the user, the first time only.
    /// SRS_WSIO_01_060, SRS_WSIO_01_110
    pub(crate) fn answer(&self, result: IO_SEND_RESULT) {
        if let Some(complete) = self.complete.take() {
            complete.call(result);
        }
    }

    /// The user was told by a return value: there is no report.
    pub(crate) fn forget(&self) {
        self.complete.set(None);
    }

    pub(crate) fn set_next(&self, next: Shared<Self>) {
        self.next.set(Some(next));
    }

    pub(crate) fn take_next(&self) -> Option<Shared<Self>> {
        self.next.take()
    }
}

impl Shared<PendingSend> {
    /// Writes what lws has not taken yet. Whether it has taken all of it now.
    #[inline(always)]
    pub(crate) fn write_on<L: Listener>(
        &self,
        connection: &Connection<L>,
    ) -> Result<bool, WriteError> {
        let sent = self.sent.get() as usize;
        let written = if self.is_large() {
            let mut large = self.large.take();
            let written = connection.write_block(&mut large, PADDING + sent);
            self.large.set(large);
            written
        } else {
            connection.write(self.bytes().get(sent..).unwrap_or_default())
        };
        // SRS_WSIO_01_073, SRS_WSIO_01_113
        let written = written.ok_or(WriteError::NoMemory)?;
        // SRS_WSIO_01_076, SRS_WSIO_01_114
        let count = u32::try_from(written).map_err(|_| WriteError::Refused)?;
        // SRS_WSIO_01_118, SRS_WSIO_01_119
        if count > self.length - self.sent.get() {
            return Err(WriteError::TooMuch);
        }
        self.sent.set(self.sent.get() + count); // SRS_WSIO_01_080
        Ok(self.is_with_lws())
    }
}

/// Why a send was not written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum WriteError {
    NoMemory,
    Refused,
    TooMuch,
}

impl WriteError {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::NoMemory => "out of memory for lws_write",
            Self::Refused => "lws_write failed",
            Self::TooMuch => "lws_write wrote too much",
        }
    }
}
