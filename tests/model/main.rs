//! Random sequences of calls and network events, with calls from inside the
//! callbacks, against a model of the contract.
//!
//! proptest shrinks a failing sequence and writes its seed to
//! `proptest-regressions/`; `PROPTEST_CASES` says how many sequences to try
//! (each of up to 60 steps).

mod fake_lws;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::ffi::{c_int, c_void};
use std::ptr::{null_mut, without_provenance_mut};

use fake_lws::{Event, OpenFault, Write, world};
use proptest::prelude::*;
use wsio::ffi::entry::*;
use wsio::ffi::era::wsio::wsio_open;
use wsio::ffi::xio::*;

/// A call that a user makes, at the top or inside a callback.
#[derive(Clone, Copy, Debug)]
enum Call {
    Open(OpenFault),
    Close,
    Send(u16),
    /// lws refuses `lws_callback_on_writable`.
    SendRefused,
    Dowork,
    Destroy,
}

#[derive(Clone, Debug)]
enum Step {
    Call(Call),
    /// A `wsio_dowork` in which these events arrive.
    Network(Vec<Event>),
    /// What the next `lws_write`s do.
    Writes(Vec<Write>),
    /// What the user does inside the next callbacks, one call each.
    Inside(Vec<Call>),
}

/// What the contract says about the IO, as its user sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Model {
    Closed,
    Opening,
    Open,
    Lost,
    Closing,
    Destroyed,
}

struct User {
    handle: CONCRETE_IO_HANDLE,
    model: Model,
    /// Calls to make inside the next callbacks.
    inside: VecDeque<Call>,
    /// Running calls that may call back; a nested dowork does nothing.
    depth: u32,
    /// Opens, sends and closes that are owed an answer, by number, in order.
    opens_owed: VecDeque<usize>,
    sends_owed: VecDeque<usize>,
    closes_owed: VecDeque<usize>,
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
            model: Model::Closed,
            inside: VecDeque::new(),
            depth: 0,
            opens_owed: VecDeque::new(),
            sends_owed: VecDeque::new(),
            closes_owed: VecDeque::new(),
            number: 0,
            violations: Vec::new(),
        }
    }

    fn expect(&mut self, holds: bool, text: impl FnOnce() -> String) {
        if !holds {
            self.violations.push(text());
        }
    }
}

fn user<R>(f: impl FnOnce(&mut User) -> R) -> R {
    USER.with(|user| f(&mut user.borrow_mut()))
}

/// Makes the next of the calls that are to be made inside a callback.
fn act_inside() {
    if let Some(call) = user(|user| user.inside.pop_front()) {
        perform(call);
    }
}

extern "C" fn on_open(context: *mut c_void, result: IO_OPEN_RESULT) {
    user(|user| {
        let owed = user.opens_owed.pop_front();
        user.expect(owed == Some(context.addr()), || {
            format!("open {} answered, owed {owed:?}", context.addr())
        });
        let before = user.model;
        user.model = match result {
            IO_OPEN_RESULT::IO_OPEN_OK => Model::Open,
            IO_OPEN_RESULT::IO_OPEN_ERROR => Model::Closed,
            IO_OPEN_RESULT::IO_OPEN_CANCELLED => before,
        };
        let wanted = match result {
            IO_OPEN_RESULT::IO_OPEN_CANCELLED => {
                matches!(before, Model::Closing | Model::Destroyed)
            }
            _ => before == Model::Opening,
        };
        user.expect(wanted, || format!("{result:?} while {before:?}"));
        let cause = result == IO_OPEN_RESULT::IO_OPEN_CANCELLED
            || world(|world| world.newest_was_heard_of());
        user.expect(cause, || format!("{result:?} for nothing"));
    });
    act_inside();
}

extern "C" fn on_bytes(_context: *mut c_void, bytes: *const u8, size: usize) {
    user(|user| {
        let model = user.model;
        user.expect(model == Model::Open, || format!("bytes while {model:?}"));
        user.expect(!bytes.is_null() && size > 0, || "no bytes".to_owned());
    });
    act_inside();
}

extern "C" fn on_error(_context: *mut c_void) {
    user(|user| {
        let before = std::mem::replace(&mut user.model, Model::Lost);
        user.expect(before == Model::Open, || format!("on_io_error while {before:?}"));
    });
    act_inside();
}

extern "C" fn on_sent(context: *mut c_void, result: IO_SEND_RESULT) {
    user(|user| {
        let owed = user.sends_owed.pop_front();
        user.expect(owed == Some(context.addr()), || {
            format!("send {} answered, owed {owed:?}", context.addr())
        });
        let model = user.model;
        let wanted = match result {
            IO_SEND_RESULT::IO_SEND_CANCELLED => matches!(model, Model::Closing | Model::Destroyed),
            _ => model == Model::Open,
        };
        user.expect(wanted, || format!("{result:?} while {model:?}"));
    });
    act_inside();
}

extern "C" fn on_closed(context: *mut c_void) {
    user(|user| {
        let owed = user.closes_owed.pop_back();
        user.expect(owed == Some(context.addr()), || {
            format!("close {} answered, owed {owed:?}", context.addr())
        });
        let before = std::mem::replace(&mut user.model, Model::Closed);
        user.expect(before == Model::Closing, || format!("closed while {before:?}"));
        let left = user.sends_owed.len() + user.opens_owed.len();
        user.expect(left == 0, || format!("closed with {left} answers owed"));
    });
    act_inside();
}

fn next_number() -> (usize, *mut c_void) {
    user(|user| {
        user.number += 1;
        (user.number, without_provenance_mut(user.number))
    })
}

fn perform(call: Call) {
    let (handle, before) = user(|user| (user.handle, user.model));
    if before == Model::Destroyed {
        return;
    }
    user(|user| user.depth += 1);
    // SAFETY: a living handle, callbacks that any context suits.
    unsafe {
        match call {
            Call::Open(fault) => {
                let (number, context) = next_number();
                world(|world| world.open_fault = fault);
                let result = open(handle, context);
                world(|world| world.open_fault = OpenFault::None);
                let wanted = before == Model::Closed && fault == OpenFault::None;
                user(|user| {
                    user.expect((result == 0) == wanted, || {
                        format!("open: {result} while {before:?}, {fault:?}")
                    });
                    if result == 0 {
                        user.model = Model::Opening;
                        user.opens_owed.push_back(number);
                    }
                });
            }
            Call::Send(size) => send(handle, size, before == Model::Open && size > 0),
            Call::SendRefused => {
                world(|world| world.refuse_writeable = true);
                send(handle, 9, false);
                world(|world| world.refuse_writeable = false);
            }
            Call::Close => {
                let (number, context) = next_number();
                let closes = matches!(before, Model::Opening | Model::Open | Model::Lost);
                if closes {
                    user(|user| {
                        user.model = Model::Closing;
                        user.closes_owed.push_back(number);
                    });
                }
                let result = wsio_close(handle, Some(on_closed), context);
                user(|user| {
                    let unanswered = user.closes_owed.contains(&number);
                    let destroyed = user.model == Model::Destroyed;
                    // 0 and the answer go together; only a destroy prevents them.
                    user.expect((result == 0) == (closes && !unanswered), || {
                        format!("close: {result} while {before:?}, unanswered: {unanswered}")
                    });
                    user.expect(!unanswered || destroyed, || "close without an answer".to_owned());
                });
            }
            Call::Dowork => {
                let nested = user(|user| user.depth > 1);
                let events = world(|world| world.events.len());
                wsio_dowork(handle);
                if nested {
                    let now = world(|world| world.events.len());
                    user(|user| user.expect(now == events, || "nested dowork works".to_owned()));
                }
            }
            Call::Destroy => {
                user(|user| user.model = Model::Destroyed);
                wsio_destroy(handle);
                user(|user| {
                    let left = user.sends_owed.len() + user.opens_owed.len();
                    user.expect(left == 0, || format!("destroyed with {left} answers owed"));
                });
            }
        }
    }
    user(|user| user.depth -= 1);
}

/// # Safety
/// `handle` is alive.
#[cfg(not(feature = "abi-2016-03"))]
unsafe fn open(handle: CONCRETE_IO_HANDLE, context: *mut c_void) -> c_int {
    // SAFETY: promised by the caller.
    unsafe { wsio_open(handle, Some(on_open), Some(on_bytes), Some(on_error), context) }
}
/// # Safety
/// `handle` is alive.
#[cfg(feature = "abi-2016-03")]
unsafe fn open(handle: CONCRETE_IO_HANDLE, context: *mut c_void) -> c_int {
    let (bytes, error) = (Some(on_bytes as _), Some(on_error as _));
    // SAFETY: promised by the caller.
    unsafe { wsio_open(handle, Some(on_open), context, bytes, context, error, context) }
}

/// # Safety
/// `handle` is alive.
unsafe fn send(handle: CONCRETE_IO_HANDLE, size: u16, wanted: bool) {
    let (number, context) = next_number();
    let bytes = vec![1u8; size.into()];
    // SAFETY: promised by the caller.
    let result =
        unsafe { wsio_send(handle, bytes.as_ptr().cast(), bytes.len(), Some(on_sent), context) };
    user(|user| {
        let model = user.model;
        user.expect((result == 0) == wanted, || format!("send: {result} while {model:?}"));
        if result == 0 {
            user.sends_owed.push_back(number);
        }
    });
}

fn run(steps: &[Step]) -> Result<(), TestCaseError> {
    fake_lws::reset();
    user(|user| *user = User::new());
    let config = WSIO_CONFIG {
        host: c"localhost".as_ptr(),
        port: 80,
        protocol_name: c"p".as_ptr(),
        relative_path: c"/".as_ptr(),
        use_ssl: false,
        trusted_ca: std::ptr::null(),
    };
    // SAFETY: a valid configuration.
    let handle = unsafe { wsio_create((&raw const config).cast_mut().cast(), None) };
    prop_assert!(!handle.is_null());
    user(|user| user.handle = handle);
    for step in steps {
        match step {
            Step::Call(call) => perform(*call),
            Step::Network(events) => {
                world(|world| world.events.extend(events));
                perform(Call::Dowork);
                world(|world| world.events.clear());
            }
            Step::Writes(writes) => world(|world| world.writes = writes.iter().copied().collect()),
            Step::Inside(calls) => user(|user| user.inside = calls.iter().copied().collect()),
        }
    }
    user(|user| user.inside.clear());
    perform(Call::Destroy);
    let alive = world(|world| {
        user(|user| user.violations.append(&mut world.violations));
        world.contexts_alive()
    });
    let violations = user(|user| std::mem::take(&mut user.violations));
    prop_assert!(violations.is_empty(), "{violations:#?}");
    prop_assert_eq!(alive, 0, "contexts alive");
    Ok(())
}

fn call() -> impl Strategy<Value = Call> {
    use OpenFault::*;
    let fault = prop_oneof![
        12 => Just(None), 1 => Just(Context), 1 => Just(Connect),
        1 => Just(ConnectWithEvent), 1 => Just(EventOnly)
    ];
    prop_oneof![
        4 => fault.prop_map(Call::Open),
        3 => Just(Call::Close),
        8 => (0..300u16).prop_map(Call::Send),
        1 => Just(Call::SendRefused),
        3 => Just(Call::Dowork),
        1 => Just(Call::Destroy),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        8 => Just(Event::Established),
        1 => Just(Event::ConnectionError),
        1 => Just(Event::HttpClosed),
        1 => Just(Event::Closed),
        8 => Just(Event::Writeable),
        3 => any::<u8>().prop_map(Event::Receive),
        1 => Just(Event::ReceiveNull),
        1 => Just(Event::PeerClose),
        4 => Just(Event::Drained),
    ]
}

fn write() -> impl Strategy<Value = Write> {
    prop_oneof![
        4 => Just(Write::All),
        4 => Just(Write::Buffered),
        1 => Just(Write::Nothing),
        2 => Just(Write::Half),
        1 => Just(Write::Fail),
        1 => Just(Write::TooMuch),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => call().prop_map(Step::Call),
        6 => prop::collection::vec(event(), 1..5).prop_map(Step::Network),
        2 => prop::collection::vec(write(), 1..5).prop_map(Step::Writes),
        3 => prop::collection::vec(call(), 1..4).prop_map(Step::Inside),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn any_order_of_calls_and_events_keeps_the_contract(
        steps in prop::collection::vec(step(), 1..60)
    ) {
        run(&steps)?;
    }
}
