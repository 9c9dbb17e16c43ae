// SPDX-License-Identifier: MIT OR Apache-2.0
//! The contract of one IO, watched from its user's side: each call is made and
//! each callback is received here, and whatever breaks a promise is noted.
//!
//! What only the other end can know (whether there was a reason for a callback,
//! what went over the wire) is asked of a [`Witness`].

#![allow(dead_code, reason = "each of the tests that have this file uses a part of it")]

use std::cell::RefCell;
use std::collections::VecDeque;
use std::ffi::{CStr, c_int, c_void};
use std::ptr::{null, null_mut, without_provenance_mut};

use wsio::ffi::entry::*;
use wsio::ffi::era::wsio::wsio_open;
use wsio::ffi::xio::*;

/// Where the IO is, as far as its user can know.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum State {
    Closed,
    Opening,
    Open,
    /// `on_io_error` was called.
    Lost,
    Closing,
    Destroyed,
}

/// The callbacks, as something to react to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum On {
    Opened,
    Received,
    Failed,
    Sent,
    Closed,
}

/// A callback that came. The number is that of the call which passed it.
#[derive(Debug)]
pub enum Heard<'a> {
    Opened(IO_OPEN_RESULT),
    Received(&'a [u8]),
    Failed,
    Sent(usize, IO_SEND_RESULT),
    Closed,
}

/// Says whether there was a reason for the callback; if not, what is wrong.
pub type Witness = fn(&Heard) -> Result<(), String>;

/// Whether a `wsio_open` on a closed IO has to succeed.
#[derive(Clone, Copy, PartialEq)]
pub enum Connecting {
    Works,
    Fails,
}

/// A `wsio_send` that returned 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Accepted {
    pub number: usize,
    pub size: usize,
    pub result: Option<IO_SEND_RESULT>,
}

/// A connection in one of its states: equal as long as nothing has happened
/// that the user knows of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moment {
    pub opens: usize,
    pub state: State,
}

type Act = Box<dyn FnOnce()>;

struct User {
    handle: CONCRETE_IO_HANDLE,
    witness: Witness,
    state: State,
    /// wsio calls of the user's that are running.
    depth: u32,
    sending: bool,
    /// What is owed an answer, by number, in order.
    opens_owed: VecDeque<usize>,
    sends_owed: VecDeque<usize>,
    closes_owed: VecDeque<usize>,
    /// How many `wsio_open`s have returned 0.
    opens: usize,
    /// Of each of these, the sends that returned 0.
    accepted: Vec<Vec<Accepted>>,
    /// How many bytes the newest has received.
    received: usize,
    /// To be done inside the next callback of this kind.
    reactions: Vec<(On, Act)>,
    number: usize,
    violations: Vec<String>,
}

thread_local! {
    static USER: RefCell<User> = const { RefCell::new(User::new()) };
}

impl User {
    const fn new() -> Self {
        Self {
            handle: null_mut(),
            witness: |_| Ok(()),
            state: State::Destroyed,
            depth: 0,
            sending: false,
            opens_owed: VecDeque::new(),
            sends_owed: VecDeque::new(),
            closes_owed: VecDeque::new(),
            opens: 0,
            accepted: Vec::new(),
            received: 0,
            reactions: Vec::new(),
            number: 0,
            violations: Vec::new(),
        }
    }

    fn expect(&mut self, holds: bool, text: impl FnOnce() -> String) {
        if !holds {
            self.violations.push(text());
        }
    }

    fn next_number(&mut self) -> usize {
        self.number += 1;
        self.number
    }

    fn owed(&self) -> usize {
        self.opens_owed.len() + self.sends_owed.len()
    }
}

/// Nothing that calls back may run inside `f`.
fn user<R>(f: impl FnOnce(&mut User) -> R) -> R {
    USER.with(|user| f(&mut user.borrow_mut()))
}

/// Forgets everything, for the next sequence of calls.
pub fn reset(witness: Witness) {
    user(|user| {
        *user = User::new();
        user.witness = witness;
    });
}

pub fn violation(text: String) {
    user(|user| user.violations.push(text));
}

pub fn take_violations() -> Vec<String> {
    user(|user| std::mem::take(&mut user.violations))
}

pub fn state() -> State {
    user(|user| user.state)
}

pub fn moment() -> Moment {
    user(|user| Moment { opens: user.opens, state: user.state })
}

/// Whether the user is inside a callback, where `wsio_dowork` does nothing.
pub fn is_inside() -> bool {
    user(|user| user.depth > 0)
}

/// Whether a `wsio_send` is running.
pub fn is_sending() -> bool {
    user(|user| user.sending)
}

/// The nth send of the connection that this `wsio_open` made, from 1 and 0 on.
pub fn accepted(open: usize, nth: usize) -> Option<Accepted> {
    user(|user| user.accepted.get(open - 1)?.get(nth).copied())
}

/// How many bytes the newest connection has received.
pub fn received() -> usize {
    user(|user| user.received)
}

/// How many sends are pending.
pub fn sends_owed() -> usize {
    user(|user| user.sends_owed.len())
}

/// Inside the next callback of this kind, does that.
pub fn react(on: On, act: impl FnOnce() + 'static) {
    user(|user| user.reactions.push((on, Box::new(act))));
}

pub fn forget_reactions() {
    user(|user| user.reactions.clear());
}

/// The bytes of a send, by which it can be known on the wire.
pub fn payload(number: usize, size: usize) -> Vec<u8> {
    // No period of which is a power of two, as buffer sizes are.
    let period: [u8; 251] = std::array::from_fn(|at| (number * 37 + at) as u8);
    let mut bytes = period.repeat(size / period.len() + 1);
    bytes.truncate(size);
    bytes
}

// What every callback does ------------------------------------------------------

fn hear(heard: &Heard) {
    let witness = user(|user| user.witness);
    if let Err(text) = witness(heard) {
        violation(format!("{heard:.100?}: {text}"));
    }
}

fn act(on: On) {
    let reaction = user(|user| {
        let at = user.reactions.iter().position(|(wanted, _)| *wanted == on)?;
        Some(user.reactions.remove(at).1)
    });
    if let Some(reaction) = reaction {
        reaction();
    }
}

extern "C" fn on_open(context: *mut c_void, result: IO_OPEN_RESULT) {
    hear(&Heard::Opened(result));
    user(|user| {
        let owed = user.opens_owed.pop_front();
        user.expect(owed == Some(context.addr()), || {
            format!("open {} answered, owed {owed:?}", context.addr())
        });
        let before = user.state;
        let wanted = match result {
            IO_OPEN_RESULT::IO_OPEN_CANCELLED => {
                matches!(before, State::Closing | State::Destroyed)
            }
            _ => before == State::Opening,
        };
        user.expect(wanted, || format!("{result:?} while {before:?}"));
        user.state = match result {
            IO_OPEN_RESULT::IO_OPEN_OK if wanted => State::Open,
            IO_OPEN_RESULT::IO_OPEN_ERROR if wanted => State::Closed,
            _ => before,
        };
    });
    act(On::Opened);
}

extern "C" fn on_bytes(_context: *mut c_void, bytes: *const u8, size: usize) {
    if bytes.is_null() || size == 0 {
        return violation("on_bytes_received without bytes".to_owned());
    }
    // SAFETY: wsio says that they are there.
    let bytes = unsafe { std::slice::from_raw_parts(bytes, size) };
    hear(&Heard::Received(bytes));
    user(|user| {
        let state = user.state;
        user.expect(state == State::Open, || format!("bytes while {state:?}"));
        user.received += size;
    });
    act(On::Received);
}

extern "C" fn on_error(_context: *mut c_void) {
    hear(&Heard::Failed);
    user(|user| {
        let before = user.state;
        user.expect(before == State::Open, || format!("on_io_error while {before:?}"));
        if before == State::Open {
            user.state = State::Lost;
        }
    });
    act(On::Failed);
}

extern "C" fn on_sent(context: *mut c_void, result: IO_SEND_RESULT) {
    let number = context.addr();
    hear(&Heard::Sent(number, result));
    user(|user| {
        let owed = user.sends_owed.pop_front();
        user.expect(owed == Some(number), || format!("send {number} answered, owed {owed:?}"));
        let state = user.state;
        let wanted = match result {
            IO_SEND_RESULT::IO_SEND_CANCELLED => matches!(state, State::Closing | State::Destroyed),
            _ => state == State::Open,
        };
        user.expect(wanted, || format!("{result:?} while {state:?}"));
        for send in user.accepted.last_mut().into_iter().flatten() {
            if send.number == number {
                send.result = Some(result);
            }
        }
    });
    act(On::Sent);
}

extern "C" fn on_closed(context: *mut c_void) {
    hear(&Heard::Closed);
    user(|user| {
        let owed = user.closes_owed.pop_back();
        user.expect(owed == Some(context.addr()), || {
            format!("close {} answered, owed {owed:?}", context.addr())
        });
        let before = user.state;
        user.expect(before == State::Closing, || format!("closed while {before:?}"));
        if before == State::Closing {
            user.state = State::Closed;
        }
        let left = user.owed();
        user.expect(left == 0, || format!("closed with {left} answers owed"));
    });
    act(On::Closed);
}

// The calls -----------------------------------------------------------------------

/// A new IO, in place of one that was destroyed.
pub fn create(host: &CStr, port: u16) {
    let config = WSIO_CONFIG {
        host: host.as_ptr(),
        port: port.into(),
        protocol_name: c"p".as_ptr(),
        relative_path: c"/".as_ptr(),
        use_ssl: false,
        trusted_ca: null(),
    };
    // SAFETY: a valid configuration.
    let handle = unsafe { wsio_create((&raw const config).cast_mut().cast(), None) };
    user(|user| {
        let before = user.state;
        user.expect(before == State::Destroyed, || format!("created while {before:?}"));
        user.expect(!handle.is_null(), || "wsio_create failed".to_owned());
        user.handle = handle;
        user.state = State::Closed;
    });
}

/// Makes a call with the handle, unless it is destroyed.
fn call(f: impl FnOnce(CONCRETE_IO_HANDLE, State)) {
    let (handle, before) = user(|user| (user.handle, user.state));
    if before != State::Destroyed {
        user(|user| user.depth += 1);
        f(handle, before);
        user(|user| user.depth -= 1);
    }
}

pub fn open(connecting: Connecting) {
    call(|handle, before| {
        let number = user(User::next_number);
        // SAFETY: a living handle, callbacks that any context suits.
        let result = unsafe { raw_open(handle, without_provenance_mut(number)) };
        let wanted = before == State::Closed && connecting == Connecting::Works;
        user(|user| {
            user.expect((result == 0) == wanted, || format!("open: {result} while {before:?}"));
            if result == 0 {
                user.state = State::Opening;
                user.opens += 1;
                user.opens_owed.push_back(number);
                user.accepted.push(Vec::new());
                user.received = 0;
            }
        });
    });
}

/// # Safety
/// `handle` is alive.
#[cfg(not(feature = "abi-2016-03"))]
unsafe fn raw_open(handle: CONCRETE_IO_HANDLE, context: *mut c_void) -> c_int {
    // SAFETY: promised by the caller.
    unsafe { wsio_open(handle, Some(on_open), Some(on_bytes), Some(on_error), context) }
}
/// # Safety
/// `handle` is alive.
#[cfg(feature = "abi-2016-03")]
unsafe fn raw_open(handle: CONCRETE_IO_HANDLE, context: *mut c_void) -> c_int {
    let (bytes, error) = (Some(on_bytes as _), Some(on_error as _));
    // SAFETY: promised by the caller.
    unsafe { wsio_open(handle, Some(on_open), context, bytes, context, error, context) }
}

/// `refused`: lws will not take it.
pub fn send(size: usize, refused: bool) {
    call(|handle, before| {
        let number = user(User::next_number);
        let bytes = payload(number, size);
        let context = without_provenance_mut(number);
        user(|user| user.sending = true);
        // SAFETY: a living handle, and bytes that are there.
        let result =
            unsafe { wsio_send(handle, bytes.as_ptr().cast(), size, Some(on_sent), context) };
        let wanted = before == State::Open && size > 0 && !refused;
        user(|user| {
            user.sending = false;
            user.expect((result == 0) == wanted, || format!("send: {result} while {before:?}"));
            if result == 0 {
                user.sends_owed.push_back(number);
                let send = Accepted { number, size, result: None };
                user.accepted.last_mut().expect("an open").push(send);
            }
        });
    });
}

pub fn close() {
    call(|handle, before| {
        let number = user(User::next_number);
        let closes = matches!(before, State::Opening | State::Open | State::Lost);
        if closes {
            user(|user| {
                user.state = State::Closing;
                user.closes_owed.push_back(number);
            });
        }
        // SAFETY: a living handle.
        let result = unsafe { wsio_close(handle, Some(on_closed), without_provenance_mut(number)) };
        user(|user| {
            let unanswered = user.closes_owed.contains(&number);
            let destroyed = user.state == State::Destroyed;
            // 0 and the answer go together; only a destroy prevents them.
            user.expect((result == 0) == (closes && !unanswered), || {
                format!("close: {result} while {before:?}, unanswered: {unanswered}")
            });
            user.expect(!unanswered || destroyed, || "close without an answer".to_owned());
            user.closes_owed.retain(|&owed| owed != number);
        });
    });
}

pub fn dowork() {
    // SAFETY: a living handle.
    call(|handle, _| unsafe { wsio_dowork(handle) });
}

pub fn destroy() {
    call(|handle, _| {
        user(|user| user.state = State::Destroyed);
        // SAFETY: a living handle, which is not used after this.
        unsafe { wsio_destroy(handle) };
        user(|user| {
            let left = user.owed();
            user.expect(left == 0, || format!("destroyed with {left} answers owed"));
        });
    });
}
