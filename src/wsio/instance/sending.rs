//! What becomes of the pending sends when lws can write.

use super::Instance;
use crate::ffi::list::Item;
use crate::ffi::logger::log;
use crate::ffi::xio::IO_SEND_RESULT;
use crate::lws::{Connection, Cork, Gathering};
use crate::sys::Shared;
use crate::wsio::budget::Budget;
use crate::wsio::pending::{PendingSend, WriteError};
use crate::wsio::state::State;

/// One WRITEABLE event.
struct Round<'a> {
    connection: &'a Connection<Instance>,
    budget: Budget,
    /// From the second message on, known or expected: one alone goes out at
    /// once, without the two system calls.
    cork: Option<Cork<'a, Instance>>,
    has_written: bool,
    has_reported: bool,
    /// No more is to be written.
    is_over: bool,
}

/// How far one step of a round came.
#[derive(PartialEq, Eq)]
enum Step {
    /// There may be more to do: nothing is held back, by lws or TLS.
    Done,
    /// No more can be done now.
    Stop,
    /// Nothing is pending.
    Empty,
}

impl Round<'_> {
    #[inline(always)]
    fn write(&mut self, send: &Shared<PendingSend>) -> Result<bool, WriteError> {
        self.has_written = true;
        self.budget.spend(send.rest_length());
        let whole = send.write_on(self.connection);
        self.is_over = whole != Ok(true);
        whole
    }

    /// Writes the sends behind `item` as well. Nothing is reported here: it is not known
    /// yet whether the kernel takes what is gathered. What fails is reported when
    /// its turn comes, unless it was for want of memory.
    fn write_behind(&mut self, item: &Item<PendingSend>, gathering: &Gathering<'_, Instance>) {
        let mut next = item.next();
        while let Some(item) = next {
            let send = item.value();
            let ready = self.can_write() && !gathering.is_full() && !self.connection.has_unsent();
            if !ready || send.is_answered() {
                return;
            }
            if let Err(why @ (WriteError::Refused | WriteError::TooMuch)) = self.write(&send) {
                send.set_failure(why);
            }
            next = item.next();
        }
    }

    fn can_write(&self) -> bool {
        !self.is_over && self.budget.is_left()
    }
}

impl Instance {
    /// Hands pending sends to lws, oldest first, as long as it can pass them on
    /// to the kernel at once and the budget lasts.
    pub(super) fn send_pending(&self) {
        let Some(connection) = self.connection() else { return };
        // Then nothing is written, but what has gone out by now is reported.
        let only_receives = self.only_receives.get();
        let mut round = Round {
            connection: &connection,
            budget: if only_receives { self.outgoing.get() } else { Budget::start() },
            cork: None,
            has_written: false,
            has_reported: only_receives,
            is_over: only_receives,
        };
        let mut step = if connection.has_unsent() { Step::Stop } else { Step::Done };
        // Callbacks in `step` may close, destroy and open again.
        while step == Step::Done && self.can_send_on(&connection) {
            step = self.step(&mut round);
        }
        if connection.reads_records() && !only_receives {
            // Sending has had its time: receiving is to have as much.
            self.outgoing.set(round.budget);
            self.incoming.set(Budget::start());
        }
        if step == Step::Empty {
            return self.spare.shrink();
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

    /// Reports the oldest pending send if lws has it, else writes it. Not while
    /// anything is held back. SRS_WSIO_01_071
    fn step(&self, round: &mut Round<'_>) -> Step {
        let connection = round.connection;
        let Some(item) = self.pending.head() else { return Step::Empty };
        let send = item.value();
        if send.is_with_lws() || send.is_answered() {
            // Several may have been written, and each callback may take long.
            if round.has_reported && !round.budget.has_time() {
                return Step::Stop;
            }
            round.has_reported = true;
            self.finish(connection, item, send, IO_SEND_RESULT::IO_SEND_OK);
            return Step::Done;
        }
        if let Some(why) = send.failure() {
            return self.fail(connection, item, send, why);
        }
        if !round.can_write() {
            return Step::Stop;
        }
        let many = round.has_written || item.has_next();
        if many && round.cork.is_none() {
            round.cork = Some(connection.cork());
        }
        let whole = {
            let gathering = connection.gather(send.rest_length(), many);
            let whole = round.write(&send);
            if let Some(gathering) = &gathering {
                round.write_behind(&item, gathering);
            }
            whole
        };
        match whole {
            Ok(true) if connection.has_unsent() => Step::Stop,
            Ok(true) => {
                round.has_reported = true;
                self.finish(connection, item, send, IO_SEND_RESULT::IO_SEND_OK);
                Step::Done
            }
            Ok(false) => Step::Stop,
            Err(why) => self.fail(connection, item, send, why),
        }
    }

    /// The send failed. The IO goes on, unless part of a message is out.
    fn fail(
        &self,
        connection: &Connection<Self>,
        item: Item<PendingSend>,
        send: Shared<PendingSend>,
        why: WriteError,
    ) -> Step {
        let why = why.as_str();
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
