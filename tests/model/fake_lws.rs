// SPDX-License-Identifier: MIT OR Apache-2.0
//! A libwebsockets that does what the test says. The symbols here come before
//! those of the shared library. One world a thread.
//!
//! It knows of each event what the user must hear then, and sees to it that
//! nothing else is heard ([`witness`]); and it is as strict with its caller as
//! the real one is fragile.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::ffi::{c_char, c_int, c_uchar, c_void};
use std::ptr::{null, null_mut, without_provenance_mut};

use libwebsockets_sys as lws;
use wsio::ffi::xio::*;

use crate::clock;
use crate::contract::{self, Heard, Moment, State};

/// As long as an open may take; the clock goes in greater steps than 1 ms.
pub const OPEN_TIMEOUT_MS: u64 = 20_000;

/// What the next service of a context reports.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event {
    Established,
    ConnectionError,
    HttpClosed,
    Closed,
    Writeable,
    /// The same; lws refuses all `lws_callback_on_writable` meanwhile.
    WriteableOnce,
    Receive(u8),
    ReceiveNull,
    /// A Close frame, before the connection ends.
    PeerClose,
    /// The kernel takes what lws has kept.
    Drained,
    /// The end of another wsi in that context.
    Stranger,
    /// `lws_service` returns -1 after this.
    ServiceFails,
}

/// What `lws_write` does next. It does `All` when nothing is said.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Write {
    All,
    /// lws takes all and keeps a part.
    Buffered,
    Nothing,
    Half,
    Fail,
    TooMuch,
}

/// What fails in the next open.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum OpenFault {
    None,
    Context,
    Connect,
    /// As lws 4.3: the error is reported inside the call, which returns NULL.
    ConnectWithEvent,
    /// The error is reported inside, and a wsi returned all the same.
    EventOnly,
}

/// What the user must hear of the event that is being reported.
#[derive(Clone, Debug, PartialEq)]
enum Due {
    Opened,
    OpenError,
    Received(Vec<u8>),
    Failed,
}

#[derive(Default)]
struct Context {
    callback: lws::lws_callback_function,
    user: Option<usize>,
    alive: bool,
    wsi_alive: bool,
    established: bool,
    peer_closed: bool,
    partial: bool,
    wants_writeable: bool,
    /// Its eventfd.
    wakeup: Option<c_int>,
    connected_at: u64,
    due: Option<(Moment, Due)>,
    /// How many of the connection's sends lws was done with, and how many bytes
    /// it took of the next.
    done: usize,
    taken: usize,
    /// The sends that failed, and those that lws took.
    failed: Vec<usize>,
    written: Vec<usize>,
    /// A write failed, or a message was begun that cannot be ended: lws may have
    /// sent anything.
    broken: bool,
    goodbye: bool,
    /// Calls into lws with this context that are running.
    depth: u32,
}

pub struct World {
    contexts: Vec<Context>,
    pub events: VecDeque<Event>,
    pub writes: VecDeque<Write>,
    pub open_fault: OpenFault,
    /// `lws_callback_on_writable` fails inside `wsio_send`, and elsewhere.
    pub refuse_send: bool,
    refuse_writeable: bool,
    /// How often `lws_service` was called.
    pub services: usize,
}

thread_local! {
    static WORLD: RefCell<World> = const { RefCell::new(World::new()) };
}

impl World {
    const fn new() -> Self {
        Self {
            contexts: Vec::new(),
            events: VecDeque::new(),
            writes: VecDeque::new(),
            open_fault: OpenFault::None,
            refuse_send: false,
            refuse_writeable: false,
            services: 0,
        }
    }

    pub fn contexts_alive(&self) -> usize {
        self.contexts.iter().filter(|context| context.alive).count()
    }

    /// What can come of a connection as it is; `None`: nothing.
    pub fn natural_event(&self) -> Option<Event> {
        let context = self.contexts.last().filter(|context| context.wsi_alive)?;
        match (context.partial, context.wants_writeable) {
            (true, _) => Some(Event::Drained),
            (false, true) => Some(Event::Writeable),
            (false, false) => None,
        }
    }
}

fn violation(text: &str) {
    contract::violation(text.to_owned());
}

/// The world of this thread. Nothing that calls back may run inside `f`.
pub fn world<R>(f: impl FnOnce(&mut World) -> R) -> R {
    WORLD.with(|world| f(&mut world.borrow_mut()))
}

fn context<R>(index: usize, f: impl FnOnce(&mut Context) -> R) -> R {
    world(|world| f(&mut world.contexts[index]))
}

/// The one that is open or opening, where there is one.
fn newest<R>(f: impl FnOnce(&mut Context) -> R) -> Option<R> {
    world(|world| world.contexts.last_mut().map(f))
}

fn is_newest(index: usize) -> bool {
    world(|world| world.contexts.len() == index + 1)
}

pub fn reset() {
    world(|world| *world = World::new());
}

// What the user hears -----------------------------------------------------------

/// Whether the callback has a reason.
pub fn witness(heard: &Heard) -> Result<(), String> {
    match heard {
        Heard::Opened(IO_OPEN_RESULT::IO_OPEN_OK) => fulfil(Due::Opened),
        Heard::Opened(IO_OPEN_RESULT::IO_OPEN_ERROR) => {
            let late = newest(|context| clock::now_ms() - context.connected_at >= OPEN_TIMEOUT_MS);
            fulfil(Due::OpenError).or_else(|why| if late == Some(true) { Ok(()) } else { Err(why) })
        }
        Heard::Received(bytes) => fulfil(Due::Received(bytes.to_vec())),
        Heard::Failed => fulfil(Due::Failed),
        Heard::Sent(number, IO_SEND_RESULT::IO_SEND_OK) => newest(|context| {
            let out = context.written.contains(number) && !context.partial;
            out.then_some(()).ok_or_else(|| "not all of it is out".to_owned())
        })
        .expect("a connection"),
        Heard::Sent(number, IO_SEND_RESULT::IO_SEND_ERROR) => newest(|context| {
            let failed = context.failed.contains(number);
            failed.then_some(()).ok_or_else(|| "it did not fail".to_owned())
        })
        .expect("a connection"),
        Heard::Opened(_) | Heard::Sent(..) | Heard::Closed => Ok(()),
    }
}

fn fulfil(heard: Due) -> Result<(), String> {
    let due = newest(|context| context.due.take()).flatten();
    match due {
        Some((_, due)) if due == heard => Ok(()),
        Some((_, due)) => Err(format!("{due:?} was due")),
        None => Err("nothing was due".to_owned()),
    }
}

/// From now on the user must hear `when_open` of it, if it is open, and so on.
fn owe(index: usize, when_opening: Option<Due>, when_open: Option<Due>) {
    if !is_newest(index) {
        return;
    }
    let due = match contract::state() {
        State::Opening => when_opening,
        State::Open => when_open,
        _ => None,
    };
    if let Some(due) = due {
        context(index, |context| context.due = Some((contract::moment(), due)));
    }
}

/// What was due was heard, unless the user has closed the IO meanwhile.
fn settle(index: usize) {
    if let Some((moment, due)) = context(index, |context| context.due.take()) {
        if moment == contract::moment() {
            contract::violation(format!("not heard: {due:?}"));
        }
    }
}

/// To be called after a `wsio_dowork`, which may report what is in no event.
pub fn settle_newest() {
    let count = world(|world| world.contexts.len());
    if count == 0 {
        return;
    }
    settle(count - 1);
    let age = newest(|context| clock::now_ms() - context.connected_at);
    if contract::state() == State::Opening && age >= Some(OPEN_TIMEOUT_MS) {
        violation("opening does not end");
    }
}

/// Whether a close has to say goodbye now, and in which context.
pub fn farewell() -> Option<(usize, bool)> {
    if !matches!(contract::state(), State::Opening | State::Open | State::Lost) {
        return None;
    }
    world(|world| {
        let context = world.contexts.last()?;
        let can = context.established && !context.partial && context.taken == 0 && !context.broken;
        Some((world.contexts.len() - 1, can && !context.peer_closed))
    })
}

pub fn check_farewell((index, wanted): (usize, bool)) {
    let said = context(index, |context| context.goodbye);
    if said != wanted {
        contract::violation(format!("Close frame: {said}, should be {wanted}"));
    }
}

// Handles are indexes: a context is 16 × n, its wsi one more, another wsi two.

fn context_handle(index: usize) -> *mut lws::lws_context {
    without_provenance_mut(16 * (index + 1))
}
fn wsi_handle(index: usize) -> *mut lws::lws {
    without_provenance_mut(16 * (index + 1) + 1)
}
fn stranger_handle(index: usize) -> *mut lws::lws {
    without_provenance_mut(16 * (index + 1) + 2)
}
fn index<T>(handle: *const T) -> usize {
    handle.addr() / 16 - 1
}

// Events ------------------------------------------------------------------------

/// What the callback returns: whether the connection is to go on.
fn call_back(
    index: usize,
    wsi: *mut lws::lws,
    reason: lws::lws_callback_reasons,
    data: Data,
) -> bool {
    let callback = context(index, |context| context.callback).expect("a callback");
    // SAFETY: the callback that wsio gave, with arguments as lws has them.
    unsafe { callback(wsi, reason, null_mut(), data.0.cast_mut().cast(), data.1) == 0 }
}

/// Where the bytes are, and how many.
type Data = (*const u8, usize);
const NO_DATA: Data = (null(), 0);

fn raise(index: usize, reason: lws::lws_callback_reasons, data: Data) {
    let goes_on = call_back(index, wsi_handle(index), reason, data);
    settle(index);
    if !goes_on {
        lose(index, lws::LWS_CALLBACK_CLIENT_CLOSED);
    }
}

/// Ends the connection and reports it with `report`, if it lives.
fn end(
    index: usize,
    reason: lws::lws_callback_reasons,
    report: fn(usize, lws::lws_callback_reasons),
) {
    let was_alive = context(index, |context| {
        context.established = false;
        std::mem::replace(&mut context.wsi_alive, false)
    });
    if was_alive {
        report(index, reason);
        report(index, lws::LWS_CALLBACK_WSI_DESTROY);
    }
}

/// The connection ends by itself, of which the user must hear.
fn lose(index: usize, reason: lws::lws_callback_reasons) {
    if context(index, |context| context.wsi_alive) {
        owe(index, Some(Due::OpenError), Some(Due::Failed));
    }
    end(index, reason, |index, reason| raise(index, reason, NO_DATA));
}

fn dispatch(index: usize, event: Event) {
    let (established, alive) = context(index, |context| (context.established, context.wsi_alive));
    if event == Event::ServiceFails || !alive {
        return;
    }
    let bytes: [u8; 256] = std::array::from_fn(|at| at as u8);
    match event {
        Event::Established => {
            context(index, |context| context.established = true);
            owe(index, Some(Due::Opened), Some(Due::Failed));
            raise(index, lws::LWS_CALLBACK_CLIENT_ESTABLISHED, NO_DATA);
        }
        Event::ConnectionError => lose(index, lws::LWS_CALLBACK_CLIENT_CONNECTION_ERROR),
        Event::HttpClosed if !established => lose(index, lws::LWS_CALLBACK_CLOSED_CLIENT_HTTP),
        Event::Closed | Event::HttpClosed => lose(index, lws::LWS_CALLBACK_CLIENT_CLOSED),
        Event::Writeable | Event::WriteableOnce => {
            context(index, |context| context.wants_writeable = false);
            owe(index, Some(Due::OpenError), None);
            world(|world| world.refuse_writeable = event == Event::WriteableOnce);
            raise(index, lws::LWS_CALLBACK_CLIENT_WRITEABLE, NO_DATA);
            world(|world| world.refuse_writeable = false);
        }
        Event::Receive(length) => {
            let bytes = &bytes[bytes.len() - 1 - usize::from(length)..][..length.into()];
            let due = if length > 0 { Due::Received(bytes.to_vec()) } else { Due::Failed };
            owe(index, Some(Due::OpenError), Some(due));
            raise(index, lws::LWS_CALLBACK_CLIENT_RECEIVE, (bytes.as_ptr(), bytes.len()));
        }
        Event::ReceiveNull => {
            owe(index, Some(Due::OpenError), Some(Due::Failed));
            raise(index, lws::LWS_CALLBACK_CLIENT_RECEIVE, (null(), 5));
        }
        Event::PeerClose => {
            let code = 1001u16.to_be_bytes();
            context(index, |context| context.peer_closed = true);
            raise(index, lws::LWS_CALLBACK_WS_PEER_INITIATED_CLOSE, (code.as_ptr(), code.len()));
        }
        Event::Drained => {
            let wanted = context(index, |context| {
                context.partial = false;
                context.wants_writeable
            });
            if wanted {
                dispatch(index, Event::Writeable);
            }
        }
        Event::Stranger => {
            let reasons = [
                lws::LWS_CALLBACK_CLIENT_CONNECTION_ERROR,
                lws::LWS_CALLBACK_CLIENT_CLOSED,
                lws::LWS_CALLBACK_WSI_DESTROY,
            ];
            for reason in reasons {
                call_back(index, stranger_handle(index), reason, NO_DATA);
            }
        }
        Event::ServiceFails => {}
    }
}

// libwebsockets -------------------------------------------------------------------

#[unsafe(no_mangle)]
unsafe extern "C" fn lws_create_context(
    info: *const lws::lws_context_creation_info,
) -> *mut lws::lws_context {
    // SAFETY: what wsio passes, complete.
    let (user, callback) = unsafe { ((*info).user, (*(*info).protocols).callback) };
    world(|world| {
        if world.open_fault == OpenFault::Context {
            return null_mut();
        }
        let user = Some(user.expose_provenance());
        let context = Context { callback, user, alive: true, wakeup: wakeup(), ..<_>::default() };
        world.contexts.push(context);
        context_handle(world.contexts.len() - 1)
    })
}

#[unsafe(no_mangle)]
extern "C" fn lws_context_destroy(handle: *mut lws::lws_context) {
    let index = index(handle);
    let (depth, alive) =
        context(index, |context| (context.depth, std::mem::replace(&mut context.alive, false)));
    if depth > 0 {
        violation("context destroyed inside a call into lws");
    }
    if !alive {
        violation("context destroyed twice");
    }
    let reason = if context(index, |context| context.established) {
        lws::LWS_CALLBACK_CLIENT_CLOSED
    } else {
        lws::LWS_CALLBACK_CLIENT_CONNECTION_ERROR
    };
    end(index, reason, |index, reason| {
        call_back(index, wsi_handle(index), reason, NO_DATA);
    });
}

/// lws 4.2 and newer have one for each context, and leave it open in the end.
fn wakeup() -> Option<c_int> {
    let has_one = (lws::LWS_LIBRARY_VERSION_MAJOR, lws::LWS_LIBRARY_VERSION_MINOR) > (4, 1);
    // SAFETY: makes a descriptor.
    has_one.then(|| unsafe { libc::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC) })
}

#[unsafe(no_mangle)]
extern "C" fn lws_cancel_service(handle: *mut lws::lws_context) {
    let wakeup = context(index(handle), |context| context.wakeup);
    // SAFETY: the context is alive, and so is its descriptor.
    unsafe { libc::eventfd_write(wakeup.expect("a descriptor"), 1) };
}

#[unsafe(no_mangle)]
extern "C" fn lws_get_context(wsi: *const lws::lws) -> *mut lws::lws_context {
    context_handle(index(wsi))
}

#[unsafe(no_mangle)]
extern "C" fn lws_context_user(handle: *mut lws::lws_context) -> *mut c_void {
    let user = context(index(handle), |context| context.user);
    std::ptr::with_exposed_provenance_mut(user.expect("a user pointer"))
}

#[unsafe(no_mangle)]
extern "C" fn lws_get_vhost_by_name(
    context: *mut lws::lws_context,
    _name: *const c_char,
) -> *mut lws::lws_vhost {
    context.cast()
}

#[unsafe(no_mangle)]
extern "C" fn lws_set_proxy(_vhost: *mut lws::lws_vhost, _proxy: *const c_char) -> c_int {
    0
}

#[unsafe(no_mangle)]
unsafe extern "C" fn lws_client_connect_via_info(
    info: *const lws::lws_client_connect_info,
) -> *mut lws::lws {
    // SAFETY: what wsio passes, complete.
    let index = index(unsafe { (*info).context });
    let fault = world(|world| world.open_fault);
    context(index, |context| {
        context.wsi_alive = true;
        context.connected_at = clock::now_ms();
        context.depth += 1;
    });
    if matches!(fault, OpenFault::ConnectWithEvent | OpenFault::EventOnly) {
        lose(index, lws::LWS_CALLBACK_CLIENT_CONNECTION_ERROR);
    }
    context(index, |context| {
        context.depth -= 1;
        if matches!(fault, OpenFault::Connect | OpenFault::ConnectWithEvent) {
            context.wsi_alive = false;
            return null_mut();
        }
        wsi_handle(index)
    })
}

#[unsafe(no_mangle)]
extern "C" fn lws_callback_on_writable(wsi: *mut lws::lws) -> c_int {
    let index = index(wsi);
    if !context(index, |context| context.wsi_alive) {
        violation("lws_callback_on_writable with a dead wsi");
    }
    let sending = contract::is_sending();
    if world(|world| if sending { world.refuse_send } else { world.refuse_writeable }) {
        if !sending {
            owe(index, None, Some(Due::Failed));
        }
        return -1;
    }
    context(index, |context| context.wants_writeable = true);
    1
}

#[unsafe(no_mangle)]
extern "C" fn lws_partial_buffered(wsi: *mut lws::lws) -> c_int {
    let (alive, partial) = context(index(wsi), |context| (context.wsi_alive, context.partial));
    if !alive {
        violation("lws_partial_buffered with a dead wsi");
    }
    partial.into()
}

#[unsafe(no_mangle)]
extern "C" fn lws_get_socket_fd(wsi: *mut lws::lws) -> c_int {
    if !context(index(wsi), |context| context.wsi_alive) {
        violation("lws_get_socket_fd with a dead wsi");
    }
    -1
}

/// Called with permessage-deflate only.
#[unsafe(no_mangle)]
extern "C" fn lws_send_pipe_choked(wsi: *mut lws::lws) -> c_int {
    lws_partial_buffered(wsi)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn lws_write(
    wsi: *mut lws::lws,
    buffer: *mut c_uchar,
    length: usize,
    protocol: lws::lws_write_protocol,
) -> c_int {
    let index = index(wsi);
    let refused = context(index, |context| {
        if !context.wsi_alive || !context.established {
            Some("lws_write without a connection")
        } else if context.partial {
            Some("lws_write while lws holds a remainder")
        } else if context.broken || context.goodbye {
            Some("lws_write after the end of what can be written")
        } else if protocol != lws::LWS_WRITE_BINARY && context.taken > 0 {
            Some("lws_write of something else inside a message")
        } else {
            None
        }
    });
    if let Some(text) = refused {
        violation(text);
        return -1;
    }
    // SAFETY: what wsio passes.
    let bytes = unsafe { std::slice::from_raw_parts(buffer, length) };
    if protocol == lws::LWS_WRITE_BINARY {
        write_binary(index, bytes)
    } else {
        if bytes != 1000u16.to_be_bytes() {
            violation("a Close frame of other bytes");
        }
        context(index, |context| context.goodbye = true);
        length as c_int
    }
}

/// Takes the rest of the oldest send that is not out yet, and nothing else.
fn write_binary(index: usize, bytes: &[u8]) -> c_int {
    let (done, taken) = context(index, |context| (context.done, context.taken));
    let send = contract::accepted(contract::moment().opens, done).filter(|_| is_newest(index));
    let Some(send) = send.filter(|_| contract::state() == State::Open) else {
        violation("lws_write of nothing that was sent");
        return -1;
    };
    if contract::payload(send.number, send.size).get(taken..) != Some(bytes) {
        contract::violation(format!("not the rest from {taken} of {send:?} on"));
    }
    let write = world(|world| world.writes.pop_front()).unwrap_or(Write::All);
    let count = match write {
        Write::All | Write::Buffered => bytes.len(),
        Write::Nothing => 0,
        Write::Half => bytes.len() / 2,
        Write::Fail | Write::TooMuch => {
            context(index, |context| {
                context.failed.push(send.number);
                context.broken = write == Write::Fail || context.taken > 0;
                context.done += 1;
                context.taken = 0;
            });
            if taken > 0 {
                owe(index, None, Some(Due::Failed));
            }
            return if write == Write::Fail { -1 } else { bytes.len() as c_int + 1 };
        }
    };
    context(index, |context| {
        context.partial = write == Write::Buffered;
        context.taken += count;
        if context.taken == send.size {
            context.written.push(send.number);
            context.done += 1;
            context.taken = 0;
        }
    });
    count as c_int
}

#[unsafe(no_mangle)]
extern "C" fn lws_service(handle: *mut lws::lws_context, timeout: c_int) -> c_int {
    let index = index(handle);
    if timeout != -1 {
        violation("lws_service may wait");
    }
    if context(index, |context| !context.alive || context.depth > 0) {
        violation("lws_service with a dead context, or nested");
    }
    world(|world| world.services += 1);
    context(index, |context| context.depth += 1);
    let mut result = 0;
    while let Some(event) = world(|world| world.events.pop_front()) {
        if event == Event::ServiceFails {
            result = -1;
        }
        dispatch(index, event);
    }
    if result < 0 {
        owe(index, Some(Due::OpenError), Some(Due::Failed));
    }
    context(index, |context| context.depth -= 1);
    result
}

#[unsafe(no_mangle)]
extern "C" fn lwsl_visible(_level: c_int) -> c_int {
    0
}

#[unsafe(no_mangle)]
extern "C" fn lws_set_log_level(_level: c_int, _emit: *const c_void) {}
