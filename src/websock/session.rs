//! What a handle stands for, under its lock: the connection, what came from it, and
//! who is doing what.

use alloc::vec::Vec;
use core::cell::Cell;
use core::ffi::{c_int, c_short};
use core::fmt;

use super::config::Config;
use super::inbox::{Header, Inbox};
use super::utf8::Utf8;
use crate::ffi::websock::EventHandler;
use crate::lws::{Connection, Event, Frame, Listener, Reason};
use crate::sys::threads::{Deadline, Thread};
use crate::sys::{self, Line};

/// RFC 6455 section 7.4.1.
mod code {
    pub(super) const NORMAL: u16 = 1000;
    pub(super) const PROTOCOL_ERROR: u16 = 1002;
    pub(super) const INVALID_PAYLOAD: u16 = 1007;
    pub(super) const INTERNAL_ERROR: u16 = 1011;

    /// Whether it may be in a Close frame (also RFC 6455 section 7.4.2). lws has an
    /// opinion of its own, and puts 1002 in the place of some.
    pub(super) fn may_be_sent(code: u16) -> bool {
        matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
    }
}

/// How long the peer's Close is waited for after ours.
const FAREWELL_MS: u64 = 1_000;

/// lws's own timers are served this often while it has any.
const TICK_MS: u64 = 50;

/// A pong may be left to do when what lws was to read came in just before: it is
/// looked for once more after this time.
const AFTERMATH_MS: u64 = 1;

/// lws is served at least that often by those who need not wait.
const KEEP_UP_MS: u64 = 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Opening,
    Open,
    /// Our Close is on its way, or was sent. Nothing is received any more.
    Leaving,
    Over,
}

pub(crate) struct Session {
    pub(super) config: Config,
    connection: Cell<Option<Connection<Session>>>,
    phase: Cell<Phase>,
    was_open: Cell<bool>,
    /// Of the phase Leaving.
    leave_by: Cell<Deadline>,
    inbox: Cell<Inbox>,
    is_paused: Cell<bool>,
    /// The frame that is coming in, and how much of it is yet to come.
    frame: Cell<(Header, usize)>,
    /// Of the text message that is coming in.
    text: Cell<Option<Utf8>>,

    /// A thread is waiting for the socket.
    pub(super) is_polling: Cell<bool>,
    /// Threads that wait for that thread.
    pub(super) waiting: Cell<u32>,
    /// They should have a look.
    pub(super) has_news: Cell<bool>,
    /// lws has nothing to do until the socket has.
    is_settled: Cell<bool>,
    /// Nothing has come since the last time that lws was served.
    is_quiet: Cell<bool>,
    served_at: Cell<u64>,
    /// A message is being sent.
    pub(super) is_sending: Cell<bool>,
    /// Threads that wait for their turn to send.
    pub(super) senders: Cell<u32>,
    /// Calls that are inside.
    pub(super) calls: Cell<u32>,
    /// websock_close was called.
    pub(super) is_closing: Cell<bool>,
    /// To be logged as soon as the lock is released.
    note: Cell<Option<Line>>,

    pub(super) handler: Cell<Option<EventHandler>>,
    pub(super) thread: Cell<Option<Thread>>,
    pub(super) thread_buffer: Cell<Vec<u8>>,
    /// The thread that a handler is running in. It may be another than the one above,
    /// which takes its place when the handler sets a handler.
    pub(super) handling: Cell<Option<Thread>>,
    /// It was told that the connection is over.
    pub(super) end_is_told: Cell<bool>,
}

impl Session {
    pub(super) fn new(config: Config) -> Self {
        Self {
            config,
            connection: Cell::new(None),
            phase: Cell::new(Phase::Opening),
            was_open: Cell::new(false),
            leave_by: Cell::new(Deadline::NEVER),
            inbox: Cell::default(),
            is_paused: Cell::new(false),
            frame: Cell::new((Header { is_final: false, opcode: 0, payload_length: 0 }, 0)),
            text: Cell::new(None),
            is_polling: Cell::new(false),
            waiting: Cell::new(0),
            has_news: Cell::new(false),
            is_settled: Cell::new(false),
            is_quiet: Cell::new(false),
            served_at: Cell::new(0),
            is_sending: Cell::new(false),
            senders: Cell::new(0),
            calls: Cell::new(0),
            is_closing: Cell::new(false),
            note: Cell::new(None),
            handler: Cell::new(None),
            thread: Cell::new(None),
            thread_buffer: Cell::default(),
            handling: Cell::new(None),
            end_is_told: Cell::new(false),
        }
    }

    pub(super) fn phase(&self) -> Phase {
        self.phase.get()
    }

    /// Whether it is now does not matter.
    pub(super) fn was_open(&self) -> bool {
        self.was_open.get()
    }

    /// With the connection that was just begun.
    pub(super) fn begin(&self, connection: Connection<Self>) {
        self.connection.set(Some(connection));
        self.drop_connection_when_over();
    }

    /// Lets lws do what can be done without waiting.
    pub(super) fn serve(&self) {
        self.is_quiet.set(true);
        self.is_settled.set(true);
        // The second time is for what the first has found to be answered; a goodbye
        // takes one to be asked for, one to be begun and one to be sent.
        for round in 0..4 {
            if round >= 2 && self.phase.get() != Phase::Leaving {
                break;
            }
            let Some(connection) = self.connection() else { break };
            if connection.service() < 0 {
                self.end(&Reason::Service);
            }
            if self.phase.get() == Phase::Open && connection.is_failing() {
                self.write_note(&"the server broke the protocol");
                self.begin_to_leave();
            }
            self.is_settled.set(!connection.has_more_work());
            self.drop_connection_when_over();
        }
        self.served_at.set(sys::about_now_ms());
        if self.phase.get() == Phase::Leaving && self.leave_by.get().is_over() {
            self.end(&"the server did not answer the Close frame");
            self.drop_connection_when_over();
        }
        if self.is_sending.get() && self.can_write().is_some() {
            self.has_news.set(true);
        }
    }

    /// The same for those who find what they want without it, now and then.
    pub(super) fn keep_up(&self) {
        let now = sys::about_now_ms();
        if !self.is_polling.get() && now >= self.served_at.get().saturating_add(KEEP_UP_MS) {
            self.serve();
        }
    }

    /// Whether waiting makes sense, or lws is to be served first.
    pub(super) fn is_settled(&self) -> bool {
        self.is_settled.get()
    }

    /// What to wait for, and until when at most.
    pub(super) fn interest(&self) -> (Option<(c_int, c_short)>, Deadline) {
        let receives = !self.is_paused.get();
        let socket = self
            .connection()
            .and_then(|connection| connection.interest(receives, self.is_quiet.get()));
        let until = match self.phase.get() {
            Phase::Open if !self.is_quiet.get() => Deadline::in_ms(AFTERMATH_MS),
            // lws may have given up already, and be trying to send what it has.
            Phase::Open if socket.is_some_and(|(_, events)| events & libc::POLLOUT != 0) => {
                Deadline::in_ms(TICK_MS)
            }
            Phase::Open => Deadline::NEVER,
            Phase::Opening | Phase::Leaving => Deadline::in_ms(TICK_MS),
            // There is nothing to wait for; whoever comes here has an error.
            Phase::Over => Deadline::NEVER,
        };
        (socket, until.min(self.leave_by.get()))
    }

    /// Whether a message can be written; `Err` when none ever will be.
    pub(super) fn can_write(&self) -> Option<Result<Connection<Self>, ()>> {
        if self.phase.get() != Phase::Open || self.is_closing.get() {
            return Some(Err(()));
        }
        match self.connection() {
            Some(connection) if connection.has_unsent() => None,
            Some(connection) => Some(Ok(connection)),
            None => Some(Err(())),
        }
    }

    /// Reads from what has come, see [`Inbox::read`].
    pub(super) fn read(&self, buffer: &mut [u8]) -> Option<(Header, usize)> {
        let (read, has_room) =
            self.with_inbox(|inbox| (inbox.read(buffer), inbox.has_room_again()));
        if has_room && self.is_paused.replace(false) {
            if let Some(connection) = self.connection() {
                connection.receive(true);
            }
            self.is_settled.set(false);
        }
        read
    }

    pub(super) fn has_received(&self) -> bool {
        self.with_inbox(|inbox| !inbox.is_empty())
    }

    pub(super) fn is_paused(&self) -> bool {
        self.is_paused.get()
    }

    /// Begins to end the connection with 1000.
    pub(super) fn say_goodbye(&self) {
        if self.phase.get() == Phase::Open {
            self.leave(code::NORMAL);
        }
    }

    /// A failure that only this side knows of.
    pub(super) fn fault(&self, why: &dyn fmt::Display) {
        self.end(why);
        self.drop_connection_when_over();
    }

    /// Gives up the connection, at once.
    pub(super) fn hang_up(&self) {
        self.phase.set(Phase::Over);
        self.drop_connection_when_over();
    }

    /// Whether a handler is running, and not in this thread.
    pub(super) fn is_handling_elsewhere(&self) -> bool {
        self.handling.get().is_some_and(|thread| !thread.is_this())
    }

    /// What is to be logged, once.
    pub(super) fn take_note(&self) -> Option<Line> {
        self.note.take()
    }

    fn leave(&self, code: u16) {
        let Some(connection) = self.connection() else { return };
        self.begin_to_leave();
        // The peer's Close may be behind what nobody wants to read any more.
        if self.is_paused.replace(false) {
            connection.receive(true);
        }
        connection.fail(code);
    }

    fn begin_to_leave(&self) {
        self.phase.set(Phase::Leaving);
        self.leave_by.set(Deadline::in_ms(FAREWELL_MS));
        self.is_settled.set(false);
        self.has_news.set(true);
    }

    /// The connection is over; why is noted, unless it was known.
    fn end(&self, why: &dyn fmt::Display) {
        let before = self.phase.replace(Phase::Over);
        self.has_news.set(true);
        match before {
            Phase::Opening => self.write_note(&format_args!("open failed: {why}")),
            Phase::Open => self.write_note(why),
            Phase::Leaving | Phase::Over => {}
        }
    }

    fn write_note(&self, why: &dyn fmt::Display) {
        self.note.set(Some(Line::new(format_args!("{}: {why}", self.config.host.address))));
    }

    fn drop_connection_when_over(&self) {
        if self.phase.get() == Phase::Over {
            if let Some(connection) = self.connection.take() {
                connection.close(false);
            }
        }
    }

    fn received(&self, bytes: &[u8], frame: &Frame) -> Result<(), (u16, &'static str)> {
        let (mut header, rest) = self.frame.get();
        if rest == 0 {
            header.opcode = match (frame.is_first, frame.is_binary) {
                (false, _) => 0,
                (true, false) => 1,
                (true, true) => 2,
            };
            header.payload_length = (bytes.len() + frame.remaining) as u64;
            if frame.is_first {
                self.text.set((!frame.is_binary).then(Utf8::new));
            }
        }
        header.is_final = frame.is_end;
        self.frame.set((header, frame.remaining));

        if let Some(text) = self.text.get() {
            let text = text.after(bytes).filter(|text| text.is_complete() || !frame.is_end);
            if text.is_none() {
                return Err((code::INVALID_PAYLOAD, "the server sent text that is not UTF-8"));
            }
            self.text.set(text);
        }
        let (is_kept, is_full) =
            self.with_inbox(|inbox| (inbox.put(header, bytes).is_ok(), inbox.is_full()));
        if !is_kept {
            return Err((code::INTERNAL_ERROR, "out of memory for what the server sent"));
        }
        if is_full && !self.is_paused.replace(true) {
            if let Some(connection) = self.connection() {
                connection.receive(false);
            }
        }
        Ok(())
    }

    fn with_inbox<R>(&self, f: impl FnOnce(&mut Inbox) -> R) -> R {
        let mut inbox = self.inbox.take();
        let result = f(&mut inbox);
        self.inbox.set(inbox);
        result
    }

    fn connection(&self) -> Option<Connection<Self>> {
        let connection = self.connection.take();
        self.connection.set(connection.clone());
        connection
    }
}

impl Listener for Session {
    fn on_event(&self, event: Event<'_>) {
        self.is_quiet.set(false);
        match event {
            Event::Established => {
                self.phase.set(Phase::Open);
                self.was_open.set(true);
                // With SSL_WRAP_VERIFY_OPTIONAL.
                if let Some(why) = self.connection().and_then(|it| it.distrust()) {
                    self.write_note(&format_args!("accepted nevertheless: {why}"));
                }
                self.has_news.set(true);
            }
            Event::Ended(reason) => self.end(&reason),
            Event::Received(bytes) if self.phase.get() == Phase::Open => {
                self.has_news.set(true);
                let frame = self.connection().and_then(|connection| connection.frame());
                let (Some(bytes), Some(frame)) = (bytes, frame) else { return };
                if let Err((code, why)) = self.received(bytes, &frame) {
                    self.write_note(&why);
                    self.leave(code);
                }
            }
            Event::Received(_) | Event::Writeable | Event::LoadCertificates(_) => {}
        }
    }

    fn extra_headers(&self) -> &[u8] {
        &self.config.headers
    }

    fn on_close_frame(&self, payload: &[u8]) -> Result<(), u16> {
        if self.phase.get() != Phase::Open {
            return Ok(());
        }
        let code = payload.first_chunk().map(|&code| u16::from_be_bytes(code));
        self.write_note(&Reason::ClosedByPeer(code));
        self.begin_to_leave();
        match code {
            None if payload.is_empty() => Ok(()),
            Some(code) if code::may_be_sent(code) => {
                match core::str::from_utf8(payload.get(2..).unwrap_or_default()) {
                    Ok(_) => Ok(()),
                    Err(_) => Err(code::INVALID_PAYLOAD),
                }
            }
            _ => Err(code::PROTOCOL_ERROR),
        }
    }
}
