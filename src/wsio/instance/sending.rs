//! What becomes of the pending sends when lws can write.

use super::Instance;
use crate::ffi::list::Item;
use crate::ffi::logger::log;
use crate::ffi::xio::IO_SEND_RESULT;
use crate::lws::{Connection, Cork};
use crate::sys::Shared;
use crate::wsio::budget::Budget;
use crate::wsio::pending::PendingSend;
use crate::wsio::state::State;

/// One WRITEABLE event.
struct Round<'a> {
    connection: &'a Connection<Instance>,
    budget: Budget,
    /// From the second message on, known or expected: one alone goes out at
    /// once, without the two system calls.
    cork: Option<Cork<'a, Instance>>,
    has_written: bool,
}

/// How far one step of a round came.
enum Step {
    /// There may be more to do.
    Done,
    /// No more can be written now.
    Stop,
    /// Nothing is pending.
    Empty,
}

/// What became of a write.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Written {
    Whole,
    Part,
    Not(&'static str),
}

impl Written {
    const NO_MEMORY: &str = "out of memory for lws_write";
    const REFUSED: &str = "lws_write failed";
}

impl Round<'_> {
    fn write(&mut self, send: &Shared<PendingSend>) -> Written {
        self.has_written = true;
        let length = send.rest_length();
        self.budget.spend(length);
        // SRS_WSIO_01_073, SRS_WSIO_01_113
        let Some(written) = send.write_on(self.connection) else {
            return Written::Not(Written::NO_MEMORY);
        };
        match usize::try_from(written) {
            Err(_) => Written::Not(Written::REFUSED), // SRS_WSIO_01_076, SRS_WSIO_01_114
            // SRS_WSIO_01_118, SRS_WSIO_01_119
            Ok(count) if count > length => Written::Not("lws_write wrote too much"),
            Ok(count) => {
                send.advance(count);
                if count == length { Written::Whole } else { Written::Part }
            }
        }
    }

    /// Writes the sends behind `item` as well. Nothing is reported here: it is not known
    /// yet whether the kernel takes what is gathered. What fails is reported when
    /// its turn comes.
    fn write_behind(&mut self, item: &Item<PendingSend>) {
        let mut next = item.next();
        while let Some(item) = next {
            let send = item.value();
            if send.is_answered() || !self.budget.is_left() || self.connection.has_unsent() {
                return;
            }
            match self.write(&send) {
                Written::Whole => next = item.next(),
                Written::Part | Written::Not(Written::NO_MEMORY) => return,
                Written::Not(_) => return send.set_failed(),
            }
        }
    }
}

impl Instance {
    /// Hands pending sends to lws, oldest first, as long as it can pass them on
    /// to the kernel at once and the budget lasts.
    pub(super) fn send_pending(&self) {
        let Some(connection) = self.connection() else { return };
        let mut round = Round {
            connection: &connection,
            budget: Budget::start(),
            cork: None,
            has_written: false,
        };
        // Callbacks in `step` may close, destroy and open again.
        while self.can_send_on(&connection) && !connection.has_unsent() {
            match self.step(&mut round) {
                Step::Done => {}
                Step::Stop => break,
                Step::Empty => return self.spare.shrink(),
            }
        }
        // SRS_WSIO_01_081, SRS_WSIO_01_115, SRS_WSIO_01_116
        if self.can_send_on(&connection)
            && self.pending.head().is_some()
            && connection.request_writeable() < 0
        {
            self.fault("lws_callback_on_writable failed");
        }
    }

    fn can_send_on(&self, connection: &Connection<Self>) -> bool {
        self.state.get() == State::Open && !connection.is_closed()
    }

    /// Reports the oldest pending send if lws has it, else writes it.
    /// SRS_WSIO_01_071
    fn step(&self, round: &mut Round<'_>) -> Step {
        let connection = round.connection;
        let Some(item) = self.pending.head() else { return Step::Empty };
        let send = item.value();
        if send.is_answered() || send.is_with_lws() {
            // It went out, and nothing of it is held any more.
            self.finish(connection, item, send, IO_SEND_RESULT::IO_SEND_OK);
            return Step::Done;
        }
        if send.has_failed() {
            return self.fail(connection, item, send, Written::REFUSED);
        }
        if !round.budget.is_left() {
            return Step::Stop;
        }
        if round.cork.is_none() && (round.has_written || item.has_next()) {
            round.cork = Some(connection.cork());
        }
        let written = {
            let gathering = connection.gather();
            let written = round.write(&send);
            if gathering.is_some() && written == Written::Whole {
                round.write_behind(&item);
            }
            written
        };
        match written {
            Written::Whole => {
                // Otherwise when what is held has gone out.
                if !connection.has_unsent() {
                    self.finish(connection, item, send, IO_SEND_RESULT::IO_SEND_OK);
                }
                Step::Done
            }
            Written::Part => Step::Stop,
            Written::Not(why) => self.fail(connection, item, send, why),
        }
    }

    /// The send failed. The IO goes on, unless part of a message is out.
    fn fail(
        &self,
        connection: &Connection<Self>,
        item: Item<PendingSend>,
        send: Shared<PendingSend>,
        why: &str,
    ) -> Step {
        let partial = send.is_partially_sent();
        if !partial {
            log!(self.logger, "a send failed: {why}");
        }
        self.finish(connection, item, send, IO_SEND_RESULT::IO_SEND_ERROR);
        if partial {
            self.fault_on(connection, why);
        }
        Step::Stop
    }

    /// Takes the send off the list, then reports its result.
    fn finish(
        &self,
        connection: &Connection<Self>,
        item: Item<PendingSend>,
        send: Shared<PendingSend>,
        result: IO_SEND_RESULT,
    ) {
        let removed = self.pending.remove(item).is_ok(); // SRS_WSIO_01_077
        // The callback may send the next.
        if let Some(block) = send.take_large() {
            self.spare.keep_large(block);
        }
        send.answer(result); // SRS_WSIO_01_057, SRS_WSIO_01_078
        self.spare.keep(send);
        if !removed {
            // SRS_WSIO_01_079, and SRS_WSIO_01_117 by the state machine.
            self.fault_on(connection, "list_remove failed");
        }
    }

    /// A fault that came before a callback is none of a connection's that the
    /// callback made.
    fn fault_on(&self, connection: &Connection<Self>, why: &str) {
        if !connection.is_closed() {
            self.fault(why);
        }
    }
}
