//! The calls of the face, and how they wait.

use core::fmt;

use super::config::{Config, Settings};
use super::inbox::Header;
use super::registry;
use super::session::{Phase, Session};
use crate::endpoint::Refused;
use crate::ffi::websock::log;
use crate::lws::{Connection, Endpoint, Kind};
use crate::sys::threads::{Arc, Deadline, Doorbell, Guard, Monitor};
use crate::sys::{Line, Shared};
use crate::tls;

/// What a handle stands for.
pub(crate) struct Client {
    pub(super) session: Monitor<Shared<Session>>,
    /// Wakes the thread that waits for the socket.
    pub(super) bell: Doorbell,
}

pub(super) type Locked<'a> = Guard<'a, Shared<Session>>;

/// Frames up to this size are passed on whole, and FIN is known of all their bytes.
const WHOLE_FRAMES: usize = 1024 * 1024;

/// Longer messages are sent as several frames: lws may keep a copy of one.
const LONGEST_FRAME: usize = 16 * 1024 * 1024;

/// What is to be sent.
#[derive(Clone, Copy)]
pub(crate) struct Message<'a> {
    pub(crate) kind: Kind,
    pub(crate) payload: &'a [u8],
}

/// Why there is no connection.
pub(crate) enum Failure {
    Refused(Refused),
    Because(&'static str),
    /// Logged where it happened.
    Logged,
}

/// Why a connection cannot be begun.
enum Begin {
    Tls(tls::Error),
    Because(&'static str),
}

impl Client {
    /// Waits until `wish` is granted; `None` when the time is over before.
    ///
    /// Whoever finds that nobody waits for the socket does it for all.
    pub(super) fn wait_for<R>(
        &self,
        session: &mut Locked<'_>,
        until: Deadline,
        mut wish: impl FnMut(&Session) -> Option<R>,
    ) -> Option<R> {
        let mut is_late = false;
        let granted = loop {
            let granted = wish(session);
            if granted.is_some() || is_late {
                break granted;
            }
            // One last time: also who does not wait at all has lws served.
            is_late = until.is_over();
            if session.is_polling.get() {
                session.waiting.set(session.waiting.get() + 1);
                session.wait(until);
                session.waiting.set(session.waiting.get() - 1);
            } else {
                self.lead(session, until);
            }
        };
        // Another one may have to wait for the socket now.
        if !session.is_polling.get() && session.waiting.get() > 0 {
            session.notify_all();
        }
        granted
    }

    /// Waits for the socket, once, and lets lws work.
    fn lead(&self, session: &mut Locked<'_>, until: Deadline) {
        if session.is_settled() {
            let (socket, at_most) = session.interest();
            session.is_polling.set(true);
            session.unlocked(|| self.bell.wait(socket, until.min(at_most)));
            session.is_polling.set(false);
        } else {
            session.give_way();
        }
        session.serve();
        self.spread_news(session);
    }

    /// To be called after what may have changed what others wait for.
    pub(super) fn spread_news(&self, session: &Locked<'_>) {
        if session.has_news.replace(false) && session.waiting.get() > 0 {
            session.notify_all();
        }
    }

    /// To be called after what changes for which events the socket is waited for.
    pub(super) fn wake_leader(&self, session: &Locked<'_>) {
        if session.is_polling.get() {
            self.bell.ring();
        }
    }

    fn connect(&self, settings: &Settings<'_>) -> Result<(), Failure> {
        let mut session = self.session.lock();
        if let Err(why) = Self::begin(&session, settings) {
            session.fault(&why);
        }
        let until = Deadline::in_ms(session.config.timeout_ms.into());
        self.wait_for(&mut session, until, |session| {
            (session.phase() != Phase::Opening).then_some(())
        });
        // It may be over already; what came before can still be read.
        if session.was_open() {
            return Ok(());
        }
        session.fault(&"no answer in time");
        let note = session.take_note();
        drop(session);
        tell(note);
        Err(Failure::Logged)
    }

    fn begin(session: &Shared<Session>, settings: &Settings<'_>) -> Result<(), Begin> {
        let config = &session.config;
        let tls = match &settings.tls {
            Some(tls) => Some(tls.client(&config.host).map_err(Begin::Tls)?),
            None => None,
        };
        let endpoint = Endpoint {
            address: &config.host.address,
            port: config.port,
            path: &config.path,
            host: &config.host.header,
            origin: None,
            protocol: &config.protocol,
            tls: tls.as_ref(),
            whole_frames: WHOLE_FRAMES,
            // Ours is to be over first.
            timeout_secs: config.timeout_ms / 1000 + 2,
        };
        session.begin(Connection::open(session, &endpoint).map_err(Begin::Because)?);
        Ok(())
    }

    fn send(&self, session: &mut Locked<'_>, message: Message<'_>) -> Result<(), ()> {
        session.keep_up();
        // One at a time.
        session.senders.set(session.senders.get() + 1);
        let turn = self.wait_for(session, Deadline::NEVER, |session| match session.can_write() {
            Some(Err(())) => Some(Err(())),
            _ => (!session.is_sending.replace(true)).then_some(Ok(())),
        });
        session.senders.set(session.senders.get() - 1);
        turn.unwrap_or(Err(()))?;
        let sent = self.send_frames(session, message);
        session.is_sending.set(false);
        if session.senders.get() > 0 {
            // The next may be the one that waits for the socket.
            session.notify_all();
            self.wake_leader(session);
        }
        sent
    }

    fn send_frames(&self, session: &mut Locked<'_>, message: Message<'_>) -> Result<(), ()> {
        let mut rest = message.payload;
        let mut is_first = true;
        loop {
            let connection = self.wait_for_room(session)?;
            let (frame, others) = rest.split_at(rest.len().min(LONGEST_FRAME));
            rest = others;
            let written = connection.write_frame(frame, message.kind, is_first, rest.is_empty());
            drop(connection);
            if let Err(why) = written {
                session.fault(&why);
                self.wake_leader(session);
                return Err(());
            }
            is_first = false;
            if rest.is_empty() {
                break;
            }
        }
        // Sent is what the kernel has.
        self.wait_for_room(session).map(drop)
    }

    fn wait_for_room(&self, session: &mut Locked<'_>) -> Result<Connection<Session>, ()> {
        match session.can_write() {
            Some(connection) => connection,
            None => {
                // Who waits for the socket does not know yet that there is something
                // to be sent.
                self.wake_leader(session);
                self.wait_for(session, Deadline::NEVER, Session::can_write).unwrap_or(Err(()))
            }
        }
    }

    fn receive(
        &self,
        session: &mut Locked<'_>,
        buffer: &mut [u8],
        until: Deadline,
    ) -> Result<Option<(Header, usize)>, ()> {
        session.keep_up();
        let come = self.wait_for(session, until, |session| {
            if session.is_closing.get() || session.handler.get().is_some() {
                Some(Err(()))
            } else if session.has_received() {
                Some(Ok(()))
            } else {
                (session.phase() == Phase::Over).then_some(Err(()))
            }
        });
        match come {
            None => Ok(None),
            Some(Err(())) => Err(()),
            Some(Ok(())) => Ok(self.read(session, buffer)),
        }
    }

    /// Reads what has come, and lets more come when there is room again.
    pub(super) fn read(&self, session: &Locked<'_>, buffer: &mut [u8]) -> Option<(Header, usize)> {
        let was_paused = session.is_paused();
        let read = session.read(buffer);
        if was_paused && !session.is_paused() {
            self.wake_leader(session);
        }
        read
    }
}

/// `websock_open`: the handle.
pub(crate) fn open(settings: &Settings<'_>) -> Result<usize, Failure> {
    const NO_MEMORY: Failure = Failure::Because("out of memory");
    let config = Config::new(settings).map_err(Failure::Refused)?;
    let session = Shared::try_new(Session::new(config)).ok_or(NO_MEMORY)?;
    let bell = Doorbell::new().ok_or(Failure::Because("eventfd failed"))?;
    let client = Client { session: Monitor::new(session), bell };
    let client = Arc::try_new(client).ok_or(NO_MEMORY)?;
    client.connect(settings)?;
    let Some(handle) = registry::add(client.clone()) else {
        client.session.lock().hang_up();
        return Err(NO_MEMORY);
    };
    let note = client.session.lock().take_note();
    tell(note);
    Ok(handle)
}

/// `websock_send_…`.
pub(crate) fn send(handle: usize, message: Message<'_>) -> Result<(), ()> {
    inside(handle, |client, session| client.send(session, message))
}

/// `websock_recv`.
pub(crate) fn receive(
    handle: usize,
    buffer: &mut [u8],
    until: Deadline,
) -> Result<Option<(Header, usize)>, ()> {
    inside(handle, |client, session| client.receive(session, buffer, until))
}

/// `websock_close`.
pub(crate) fn close(handle: usize) {
    let Some(client) = registry::remove(handle) else { return };
    let mut session = client.session.lock();
    session.is_closing.set(true);
    session.notify_all();
    client.bell.ring();
    session.say_goodbye();
    client.wait_for(&mut session, Deadline::NEVER, |session| {
        (session.phase() == Phase::Over).then_some(())
    });
    while session.calls.get() > 0 || session.is_handling_elsewhere() {
        session.wait(Deadline::NEVER);
    }
    let thread = session.thread.take();
    let note = session.take_note();
    drop(session);
    if let Some(thread) = thread {
        thread.end();
    }
    tell(note);
}

/// Runs a call on the client of `handle`, unless that is closed.
pub(super) fn inside<R>(
    handle: usize,
    call: impl FnOnce(&Arc<Client>, &mut Locked<'_>) -> Result<R, ()>,
) -> Result<R, ()> {
    let client = registry::find(handle).ok_or(())?;
    let mut session = client.session.lock();
    if session.is_closing.get() {
        return Err(());
    }
    session.calls.set(session.calls.get() + 1);
    let result = call(&client, &mut session);
    session.calls.set(session.calls.get() - 1);
    if session.is_closing.get() {
        session.notify_all();
    }
    let note = session.take_note();
    drop(session);
    tell(note);
    result
}

/// Not under the lock: the log handler may call anything.
pub(super) fn tell(note: Option<Line>) {
    if let Some(line) = note {
        log(format_args!("{line}"));
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(why) => why.fmt(f),
            Self::Because(why) => f.write_str(why),
            Self::Logged => f.write_str("see above"),
        }
    }
}

impl fmt::Display for Begin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tls(why) => why.fmt(f),
            Self::Because(why) => f.write_str(why),
        }
    }
}
