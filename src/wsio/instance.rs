//! One wsio: what its handle stands for.
//!
//! Everything that changes is in a `Cell`, read and written in one go, so that
//! nothing is borrowed while a user's callback runs: the callback may call any
//! wsio function on the same handle. After each callback the code looks anew.

mod sending;

use core::cell::Cell;
use core::ffi::c_int;
use core::fmt;

use crate::ffi::callback::{BytesReceived, Notice, OpenComplete, SendComplete};
use crate::ffi::list::List;
use crate::ffi::logger::{Logger, log};
use crate::ffi::xio::{IO_OPEN_RESULT, IO_SEND_RESULT};
use crate::lws::{Connection, Endpoint, Event, Listener, Reason};
use crate::sys::{self, Shared};
use crate::tls::{self, ClientTls};

use super::budget::Budget;
use super::config::Config;
use super::pending::PendingSend;
use super::spare::Spare;
use super::state::{Input, Reaction, State};

/// An open must be done within this time: connecting, TLS and the server's
/// answer together. lws's own limits differ from version to version and do not
/// always hold.
const OPEN_TIMEOUT_MS: u64 = 20_000;

/// What `wsio_open` was given.
#[derive(Clone, Copy)]
pub(crate) struct OpenCallbacks {
    pub(crate) open_complete: OpenComplete,
    pub(crate) bytes_received: BytesReceived,
    pub(crate) io_error: Notice,
}

pub(crate) struct Instance {
    config: Config,
    logger: Logger,
    state: Cell<State>,
    /// Of the last open; the open-complete is taken when it is called.
    callbacks: Cell<Option<OpenCallbacks>>,
    open_complete: Cell<Option<OpenComplete>>,
    /// When an open that is not done has failed, on `sys::now_ms`.
    deadline: Cell<u64>,
    connection: Cell<Option<Connection<Instance>>>,
    pending: List<PendingSend>,
    spare: Spare,
    /// Sends to be cancelled that were in a list which lets nothing be removed.
    orphans: Cell<Option<Shared<PendingSend>>>,
    /// Kept from open to open, being expensive to make.
    tls: Cell<Option<ClientTls>>,
    /// wsio calls on this instance that are running and may call back.
    running: Cell<u32>,
    /// Where records are read: what the current `wsio_dowork` may still send, and
    /// receive.
    outgoing: Cell<Budget>,
    incoming: Cell<Budget>,
    /// What is pending is for the next `wsio_dowork`.
    only_receives: Cell<bool>,
    destroyed: Cell<bool>,
}

/// Why a call failed.
pub(crate) enum Refusal {
    Because(&'static str),
    Tls(tls::Error),
    /// Logged where it happened.
    Logged,
}

impl Instance {
    pub(crate) fn new(config: Config, logger: Logger, pending: List<PendingSend>) -> Self {
        Self {
            config,
            logger,
            state: Cell::new(State::Closed),
            callbacks: Cell::new(None),
            open_complete: Cell::new(None),
            deadline: Cell::new(0),
            connection: Cell::new(None),
            pending,
            spare: Spare::default(),
            orphans: Cell::new(None),
            tls: Cell::new(None),
            running: Cell::new(0),
            outgoing: Cell::new(Budget::start()),
            incoming: Cell::new(Budget::start()),
            only_receives: Cell::new(false),
            destroyed: Cell::new(false),
        }
    }

    pub(crate) fn logger(&self) -> Logger {
        self.logger
    }

    /// `wsio_open`. Calls nothing back.
    pub(crate) fn open(io: &Shared<Self>, callbacks: OpenCallbacks) -> Result<(), Refusal> {
        if let Some(why) = io.state.get().refuses_open() {
            return Err(why.into());
        }
        let _running = io.enter();
        io.state.set(State::Connecting);
        match Self::connect(io) {
            // Failed by an event meanwhile, which was logged.
            Err(_) if io.state.get() != State::Connecting => Err(Refusal::Logged),
            Err(why) => {
                io.state.set(State::Closed);
                Err(why)
            }
            Ok(connection) if io.state.get() != State::Connecting => {
                connection.close(false);
                Err(Refusal::Logged)
            }
            Ok(connection) => {
                io.callbacks.set(Some(callbacks));
                io.open_complete.set(Some(callbacks.open_complete));
                io.deadline.set(sys::now_ms().saturating_add(OPEN_TIMEOUT_MS));
                io.connection.set(Some(connection));
                io.state.set(State::Opening);
                Ok(()) // SRS_WSIO_01_104
            }
        }
    }

    fn connect(io: &Shared<Self>) -> Result<Connection<Self>, Refusal> {
        if !io.pending.ensure() {
            return Err("list_create failed".into());
        }
        let config = &io.config;
        let tls = if config.use_ssl { Some(io.client_tls()?) } else { None };
        let endpoint = Endpoint {
            address: &config.host.address,
            port: config.port,
            path: &config.path,
            host: &config.host.header,
            origin: Some(&config.host.origin),
            protocol: &config.protocol,
            tls: tls.as_ref(),
            whole_frames: 0,
            timeout_secs: (OPEN_TIMEOUT_MS / 1000) as u32,
        };
        let connection = Connection::open(io, &endpoint)?;
        io.tls.set(tls);
        Ok(connection)
    }

    /// The one of the last open that worked, or a new one.
    fn client_tls(&self) -> Result<ClientTls, Refusal> {
        self.forget_retired_tls();
        match self.tls.take() {
            Some(tls) => Ok(tls),
            None => ClientTls::get(self.config.trusted_ca.as_ref(), self.config.host.ipv6)
                .map_err(Refusal::Tls),
        }
    }

    fn forget_retired_tls(&self) {
        self.tls.set(self.tls.take().filter(ClientTls::is_current));
    }

    /// `wsio_close`.
    pub(crate) fn close(&self, complete: Notice) -> Result<(), &'static str> {
        if let Some(why) = self.state.get().refuses_close() {
            return Err(why);
        }
        let _running = self.enter();
        self.shut();
        if self.destroyed.get() {
            return Err("the IO was destroyed by a callback");
        }
        self.state.set(State::Closed);
        complete.call(); // SRS_WSIO_01_047, SRS_WSIO_01_049
        Ok(()) // SRS_WSIO_01_044
    }

    /// `wsio_destroy`, but for the memory, which goes with its last owner.
    pub(crate) fn destroy(&self) {
        let _running = self.enter();
        self.destroyed.set(true);
        // SRS_WSIO_01_009; a close that is running is brought to its end here.
        if self.state.get() != State::Closed {
            self.shut();
        }
        // For good: a callback on the way out cannot open it again.
        self.state.set(State::Closing);
    }

    /// The close action: answers all that is owed and lets go of the connection.
    fn shut(&self) {
        self.state.set(State::Closing);
        // SRS_WSIO_01_038
        if let Some(open_complete) = self.open_complete.take() {
            open_complete.call(IO_OPEN_RESULT::IO_OPEN_CANCELLED);
        }
        self.hang_up();
        self.spare.drop();
        self.cancel_pending();
    }

    fn hang_up(&self) {
        if let Some(connection) = self.connection.take() {
            connection.close(true); // SRS_WSIO_01_043
        }
    }

    /// Answers all that is pending, oldest first. A callback may destroy the IO
    /// and by that do the rest of it: nothing pending is out of its sight.
    /// SRS_WSIO_01_108, SRS_WSIO_01_109, SRS_WSIO_01_111
    fn cancel_pending(&self) {
        loop {
            if let Some(orphan) = self.orphans.take() {
                self.orphans.set(orphan.take_next());
                orphan.answer(IO_SEND_RESULT::IO_SEND_CANCELLED);
            } else if let Some(head) = self.pending.head() {
                match self.pending.remove(head) {
                    Ok(send) => send.answer(IO_SEND_RESULT::IO_SEND_CANCELLED),
                    Err(()) => self.orphan_pending(),
                }
            } else {
                return;
            }
        }
    }

    fn orphan_pending(&self) {
        log!(self.logger, "list_remove failed");
        let mut last: Option<Shared<PendingSend>> = None;
        self.pending.renew(|send| {
            match last.replace(send.clone()) {
                Some(before) => before.set_next(send),
                None => self.orphans.set(Some(send)),
            };
        });
    }

    /// `wsio_send`. Calls nothing back. SRS_WSIO_01_050, SRS_WSIO_01_054
    pub(crate) fn send(&self, bytes: &[u8], complete: SendComplete) -> Result<(), &'static str> {
        if bytes.is_empty() {
            return Err("size is 0"); // SRS_WSIO_01_053
        }
        if let Some(why) = self.state.get().refuses_send() {
            return Err(why);
        }
        let connection = self.connection().ok_or("there is no connection")?;
        let send = PendingSend::try_new(bytes, complete, &self.spare).ok_or("out of memory")?;
        // SRS_WSIO_01_105, SRS_WSIO_01_055
        let item = self.pending.add(send).ok_or("list_add failed")?;
        // SRS_WSIO_01_056
        if connection.request_writeable() < 0 {
            item.value().forget();
            // If this fails, the item is skipped when its turn comes.
            let _ = self.pending.remove(item);
            return Err("lws_callback_on_writable failed"); // SRS_WSIO_01_106
        }
        Ok(()) // SRS_WSIO_01_107
    }

    /// `wsio_dowork`.
    pub(crate) fn dowork(&self) {
        // Nested in a callback.
        if self.running.get() > 0 {
            return;
        }
        let _running = self.enter();
        // SRS_WSIO_01_062
        let Some(connection) = self.connection() else { return };
        let result = match connection.reads_records() {
            true => self.serve_records(&connection),
            false => connection.service(),
        };
        self.spare.drop_when_old();
        if connection.is_closed() {
            return;
        }
        if result < 0 {
            self.on_event(Event::Ended(Reason::Service));
        } else if self.state.get() == State::Opening && sys::now_ms() >= self.deadline.get() {
            self.on_event(Event::Ended(Reason::Timeout));
        }
    }

    /// Lets lws work, again and again until what has come is read, or enough of it.
    #[inline(never)] // without TLS, it is not to cost anything
    fn serve_records(&self, connection: &Connection<Self>) -> c_int {
        let budget = Budget::start();
        self.outgoing.set(budget);
        self.incoming.set(budget);
        loop {
            let read = connection.bytes_read();
            let result = connection.service();
            let is_enough = connection.bytes_read() == read || !self.incoming.get().is_left();
            if result < 0 || is_enough || !connection.has_more_to_read() {
                self.only_receives.set(false);
                return result;
            }
            self.only_receives.set(true);
        }
    }

    /// Takes in `input`, and does what it asks for.
    fn handle(&self, input: Input, why: &dyn fmt::Display) {
        let (state, reaction) = self.state.get().on(input);
        self.state.set(state);
        match reaction {
            // The last two are for who has what they need.
            Reaction::Nothing | Reaction::LoadCertificates | Reaction::Deliver => {}
            Reaction::FailConnecting => {
                log!(self.logger, "wsio_open: {}: {why}", self.config.host.address);
            }
            Reaction::ReportOpen => self.answer_open(IO_OPEN_RESULT::IO_OPEN_OK), // SRS_WSIO_01_036
            Reaction::ReportOpenError => {
                log!(self.logger, "opening failed: {}: {why}", self.config.host.address);
                if let Some(connection) = self.connection.take() {
                    connection.close(false);
                }
                self.forget_retired_tls();
                self.answer_open(IO_OPEN_RESULT::IO_OPEN_ERROR);
            }
            Reaction::ReportIoError => {
                log!(self.logger, "the open IO failed: {why}");
                if let Some(callbacks) = self.callbacks.get() {
                    callbacks.io_error.call();
                }
            }
            Reaction::Send => self.send_pending(),
        }
    }

    /// SRS_WSIO_01_040
    fn answer_open(&self, result: IO_OPEN_RESULT) {
        if let Some(open_complete) = self.open_complete.take() {
            open_complete.call(result);
        }
    }

    fn fault(&self, why: &str) {
        self.handle(Input::Fault, &why);
    }

    /// SRS_WSIO_01_089, SRS_WSIO_01_129, SRS_WSIO_01_130
    fn load_certificates(&self, context: tls::Context) {
        let (state, reaction) = self.state.get().on(Input::CertificatesWanted);
        if reaction != Reaction::LoadCertificates {
            return self.handle(Input::CertificatesWanted, &"unexpected TLS event");
        }
        self.state.set(state);
        if let Some(pem) = &self.config.trusted_ca {
            if let Err(why) = context.trust(pem) {
                self.handle(Input::Fault, &why);
            }
        }
    }

    /// SRS_WSIO_01_083, SRS_WSIO_01_084, SRS_WSIO_01_085
    fn receive(&self, bytes: &[u8]) {
        match self.state.get().on(Input::Received) {
            (_, Reaction::Deliver) => {
                let mut incoming = self.incoming.get();
                incoming.spend(bytes.len());
                self.incoming.set(incoming);
                if let Some(callbacks) = self.callbacks.get() {
                    callbacks.bytes_received.call(bytes);
                }
            }
            _ => self.handle(Input::Received, &"bytes came before it was open"),
        }
    }

    fn connection(&self) -> Option<Connection<Self>> {
        let connection = self.connection.take();
        self.connection.set(connection.clone());
        connection
    }

    /// Marks a call as running until the result is dropped.
    fn enter(&self) -> Running<'_> {
        self.running.set(self.running.get() + 1);
        Running(&self.running)
    }
}

struct Running<'a>(&'a Cell<u32>);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

impl Listener for Instance {
    // In each place it is known which event it is.
    #[inline(always)]
    fn on_event(&self, event: Event<'_>) {
        match event {
            Event::Established => self.handle(Input::Established, &"established twice"),
            Event::Ended(reason) => self.handle(Input::Ended, &reason),
            Event::Writeable => self.handle(Input::Writeable, &"writeable before open"),
            Event::LoadCertificates(context) => self.load_certificates(context),
            // SRS_WSIO_01_087
            Event::Received(Some([])) => self.fault("an empty message came"),
            Event::Received(Some(bytes)) => self.receive(bytes),
            // SRS_WSIO_01_088
            Event::Received(None) => self.fault("lws reported bytes at NULL"),
        }
    }
}

impl From<&'static str> for Refusal {
    fn from(why: &'static str) -> Self {
        Self::Because(why)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Because(why) => f.write_str(why),
            Self::Tls(why) => why.fmt(f),
            Self::Logged => f.write_str("see above"),
        }
    }
}
