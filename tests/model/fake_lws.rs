//! A libwebsockets that does what the test says. The symbols here come before
//! those of the shared library. One world a thread.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::ffi::{c_char, c_int, c_uchar, c_void};
use std::ptr::{null_mut, without_provenance_mut};

use libwebsockets_sys as lws;

/// What the next service of a context reports.
#[derive(Clone, Copy, Debug)]
pub enum Event {
    Established,
    ConnectionError,
    HttpClosed,
    Closed,
    Writeable,
    Receive(u8),
    ReceiveNull,
    PeerClose,
    /// The kernel takes what lws has kept.
    Drained,
}

/// What `lws_write` does next. It does `All` when nothing is said.
#[derive(Clone, Copy, Debug)]
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

struct Context {
    callback: lws::lws_callback_function,
    user: *mut c_void,
    alive: bool,
    wsi_alive: bool,
    established: bool,
    partial: bool,
    wants_writeable: bool,
    /// Whether anything was ever reported of it.
    heard_of: bool,
    /// Calls into lws with this context that are running.
    depth: u32,
}

pub struct World {
    contexts: Vec<Context>,
    pub events: VecDeque<Event>,
    pub writes: VecDeque<Write>,
    pub open_fault: OpenFault,
    pub refuse_writeable: bool,
    /// What was done that no caller of lws may do.
    pub violations: Vec<String>,
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
            refuse_writeable: false,
            violations: Vec::new(),
        }
    }

    fn violation(&mut self, text: &str) {
        self.violations.push(text.to_owned());
    }

    /// Whether anything was reported of the newest connection.
    pub fn newest_was_heard_of(&self) -> bool {
        self.contexts.last().is_some_and(|context| context.heard_of)
    }

    pub fn contexts_alive(&self) -> usize {
        self.contexts.iter().filter(|context| context.alive).count()
    }
}

/// The world of this thread. Nothing that calls back may run inside `f`.
pub fn world<R>(f: impl FnOnce(&mut World) -> R) -> R {
    WORLD.with(|world| f(&mut world.borrow_mut()))
}

pub fn reset() {
    world(|world| *world = World::new());
}

// Handles are indexes: a context is 16 × n, its wsi one more, its vhost two.
fn context_handle(index: usize) -> *mut lws::lws_context {
    without_provenance_mut(16 * (index + 1))
}
fn wsi_handle(index: usize) -> *mut lws::lws {
    without_provenance_mut(16 * (index + 1) + 1)
}
fn index<T>(handle: *const T) -> usize {
    handle.addr() / 16 - 1
}

fn raise(index: usize, reason: lws::lws_callback_reasons, data: *const u8, length: usize) {
    let callback = world(|world| {
        world.contexts[index].heard_of = true;
        world.contexts[index].callback
    });
    // SAFETY: the callback that wsio gave, with arguments as lws has them.
    unsafe {
        callback.expect("a callback")(
            wsi_handle(index),
            reason,
            null_mut(),
            data.cast_mut().cast(),
            length,
        );
    }
}

fn end(index: usize, reason: lws::lws_callback_reasons) {
    let was_alive = world(|world| {
        let context = &mut world.contexts[index];
        context.established = false;
        std::mem::replace(&mut context.wsi_alive, false)
    });
    if was_alive {
        raise(index, reason, std::ptr::null(), 0);
        raise(index, lws::LWS_CALLBACK_WSI_DESTROY, std::ptr::null(), 0);
    }
}

fn dispatch(index: usize, event: Event) {
    let (established, alive) = world(|world| {
        let context = &world.contexts[index];
        (context.established, context.wsi_alive)
    });
    if !alive {
        return;
    }
    let bytes = [7u8; 256];
    match event {
        Event::Established => {
            world(|world| world.contexts[index].established = true);
            raise(index, lws::LWS_CALLBACK_CLIENT_ESTABLISHED, std::ptr::null(), 0);
        }
        Event::ConnectionError => end(index, lws::LWS_CALLBACK_CLIENT_CONNECTION_ERROR),
        Event::HttpClosed if !established => end(index, lws::LWS_CALLBACK_CLOSED_CLIENT_HTTP),
        Event::Closed | Event::HttpClosed => end(index, lws::LWS_CALLBACK_CLIENT_CLOSED),
        Event::Writeable => {
            world(|world| world.contexts[index].wants_writeable = false);
            raise(index, lws::LWS_CALLBACK_CLIENT_WRITEABLE, std::ptr::null(), 0);
        }
        Event::Receive(length) => {
            raise(index, lws::LWS_CALLBACK_CLIENT_RECEIVE, bytes.as_ptr(), length.into());
        }
        Event::ReceiveNull => {
            raise(index, lws::LWS_CALLBACK_CLIENT_RECEIVE, std::ptr::null(), 5);
        }
        Event::PeerClose => {
            let code = 1001u16.to_be_bytes();
            raise(index, lws::LWS_CALLBACK_WS_PEER_INITIATED_CLOSE, code.as_ptr(), 2);
            end(index, lws::LWS_CALLBACK_CLIENT_CLOSED);
        }
        Event::Drained => {
            let wanted = world(|world| {
                let context = &mut world.contexts[index];
                context.partial = false;
                context.wants_writeable
            });
            if wanted {
                dispatch(index, Event::Writeable);
            }
        }
    }
}

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
        world.contexts.push(Context {
            callback,
            user,
            alive: true,
            wsi_alive: false,
            established: false,
            partial: false,
            wants_writeable: false,
            heard_of: false,
            depth: 0,
        });
        context_handle(world.contexts.len() - 1)
    })
}

#[unsafe(no_mangle)]
extern "C" fn lws_context_destroy(context: *mut lws::lws_context) {
    let index = index(context);
    let (depth, alive) = world(|world| {
        let context = &mut world.contexts[index];
        (context.depth, std::mem::replace(&mut context.alive, false))
    });
    if depth > 0 {
        world(|world| world.violation("context destroyed inside a call into lws"));
    }
    if !alive {
        world(|world| world.violation("context destroyed twice"));
    }
    let established = world(|world| world.contexts[index].established);
    end(
        index,
        if established {
            lws::LWS_CALLBACK_CLIENT_CLOSED
        } else {
            lws::LWS_CALLBACK_CLIENT_CONNECTION_ERROR
        },
    );
}

/// Called with lws 4.2 and newer only.
#[unsafe(no_mangle)]
extern "C" fn lws_cancel_service(_context: *mut lws::lws_context) {}

#[unsafe(no_mangle)]
extern "C" fn lws_get_context(wsi: *const lws::lws) -> *mut lws::lws_context {
    context_handle(index(wsi))
}

#[unsafe(no_mangle)]
extern "C" fn lws_context_user(context: *mut lws::lws_context) -> *mut c_void {
    world(|world| world.contexts[index(context)].user)
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
    let fault = world(|world| {
        let context = &mut world.contexts[index];
        context.wsi_alive = true;
        context.depth += 1;
        world.open_fault
    });
    if matches!(fault, OpenFault::ConnectWithEvent | OpenFault::EventOnly) {
        end(index, lws::LWS_CALLBACK_CLIENT_CONNECTION_ERROR);
    }
    world(|world| {
        let context = &mut world.contexts[index];
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
    world(|world| {
        if !world.contexts[index(wsi)].wsi_alive {
            world.violation("lws_callback_on_writable with a dead wsi");
        }
        if world.refuse_writeable {
            return -1;
        }
        world.contexts[index(wsi)].wants_writeable = true;
        1
    })
}

#[unsafe(no_mangle)]
extern "C" fn lws_partial_buffered(wsi: *mut lws::lws) -> c_int {
    world(|world| {
        if !world.contexts[index(wsi)].wsi_alive {
            world.violation("lws_partial_buffered with a dead wsi");
        }
        world.contexts[index(wsi)].partial.into()
    })
}

/// Called with permessage-deflate only.
#[unsafe(no_mangle)]
extern "C" fn lws_send_pipe_choked(wsi: *mut lws::lws) -> c_int {
    lws_partial_buffered(wsi)
}

#[unsafe(no_mangle)]
extern "C" fn lws_write(
    wsi: *mut lws::lws,
    _buffer: *mut c_uchar,
    length: usize,
    _protocol: lws::lws_write_protocol,
) -> c_int {
    world(|world| {
        let context = &mut world.contexts[index(wsi)];
        if !context.wsi_alive || !context.established {
            world.violation("lws_write without a connection");
            return -1;
        }
        if context.partial {
            world.violation("lws_write while lws holds a remainder");
        }
        match world.writes.pop_front().unwrap_or(Write::All) {
            Write::All => length as c_int,
            Write::Buffered => {
                world.contexts[index(wsi)].partial = true;
                length as c_int
            }
            Write::Nothing => 0,
            Write::Half => (length / 2) as c_int,
            Write::Fail => -1,
            Write::TooMuch => length as c_int + 1,
        }
    })
}

#[unsafe(no_mangle)]
extern "C" fn lws_service(context: *mut lws::lws_context, timeout: c_int) -> c_int {
    let index = index(context);
    world(|world| {
        if timeout != -1 {
            world.violation("lws_service may wait");
        }
        if !world.contexts[index].alive || world.contexts[index].depth > 0 {
            world.violation("lws_service with a dead context, or nested");
        }
        world.contexts[index].depth += 1;
    });
    while let Some(event) = world(|world| world.events.pop_front()) {
        dispatch(index, event);
    }
    world(|world| world.contexts[index].depth -= 1);
    0
}

#[unsafe(no_mangle)]
extern "C" fn lwsl_visible(_level: c_int) -> c_int {
    0
}

#[unsafe(no_mangle)]
extern "C" fn lws_set_log_level(_level: c_int, _emit: *const c_void) {}
