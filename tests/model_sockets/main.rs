// SPDX-License-Identifier: MIT OR Apache-2.0
//! As `tests/model`, over the real libwebsockets and real sockets: random calls,
//! also from inside the callbacks, and a server that does what it is told. Its
//! end of the connections is in the same thread, so that each step is over,
//! as far as the contract says what must come of it, before the next begins.
//!
//! For seeds, replaying and longer runs see `tests/model/main.rs`.

#[path = "../model/contract.rs"]
mod contract;
mod peer;
mod scenario;
#[path = "../model/seeded.rs"]
mod seeded;
mod socket;

use std::cell::RefCell;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use contract::{Connecting, Heard, State};
use peer::Peer;
use proptest::prelude::*;
use scenario::{Action, Answer, Call, End, Step};
use wsio::ffi::xio::*;

/// How long anything may take that is bound to happen.
const DEADLINE: Duration = Duration::from_secs(20);

struct Server {
    listener: TcpListener,
    peers: Vec<Peer>,
}

thread_local! {
    static SERVER: RefCell<Server> = RefCell::new(Server {
        listener: socket::narrow_listener(),
        peers: Vec::new(),
    });
}

/// No wsio function may be called inside `f`.
fn server<R>(f: impl FnOnce(&mut Server) -> R) -> R {
    SERVER.with(|server| f(&mut server.borrow_mut()))
}

fn port() -> u16 {
    server(|server| server.listener.local_addr().expect("an address").port())
}

/// The server's end of the newest connection, if the server has accepted it.
fn peer<R>(f: impl FnOnce(&mut Peer) -> R) -> Option<R> {
    let open = contract::moment().opens;
    server(|server| server.peers.last_mut().filter(|peer| peer.open == open).map(f))
}

/// Whether the server gave a reason for the callback.
fn witness(heard: &Heard) -> Result<(), String> {
    let reason = match heard {
        Heard::Opened(IO_OPEN_RESULT::IO_OPEN_OK) => peer(|peer| peer.welcome),
        Heard::Opened(IO_OPEN_RESULT::IO_OPEN_ERROR) => peer(|peer| peer.fatal),
        Heard::Received(bytes) => {
            let before = contract::received();
            peer(|peer| peer.told[before..].starts_with(bytes))
        }
        Heard::Failed | Heard::Sent(_, IO_SEND_RESULT::IO_SEND_ERROR) => peer(|peer| peer.fatal),
        Heard::Opened(_) | Heard::Sent(..) | Heard::Closed => Some(true),
    };
    if reason == Some(true) { Ok(()) } else { Err("the server gave no reason".to_owned()) }
}

fn perform(call: Call) {
    match call {
        Call::Open => contract::open(Connecting::Works),
        Call::Close => contract::close(),
        Call::Send(size) => contract::send(size as usize, false),
        Call::Dowork => contract::dowork(),
        Call::Destroy => contract::destroy(),
    }
}

/// Works until `done`, or until the user has another connection or none.
fn work_until(what: &str, done: impl Fn() -> bool) {
    let open = contract::moment().opens;
    let start = Instant::now();
    while !done()
        && contract::moment().opens == open
        && matches!(contract::state(), State::Opening | State::Open)
    {
        contract::dowork();
        if start.elapsed() > DEADLINE {
            return contract::violation(format!("{what}: in vain"));
        }
    }
}

/// Something must come of what the server did: another state.
fn work_until_noticed(what: &str) {
    let before = contract::moment();
    work_until(what, || {
        // What lws cannot write keeps it from reading.
        peer(Peer::read);
        contract::moment() != before
    });
}

/// Lets the client do what it can, with no particular result.
fn work() {
    for _ in 0..5 {
        contract::dowork();
    }
}

/// Accepts the connection that is being opened, and takes its request.
fn take_request() -> Option<String> {
    let open = contract::moment().opens;
    work_until("connecting", || accept(open));
    let request = RefCell::new(None);
    work_until("a request", || {
        *request.borrow_mut() = peer(Peer::take_request).flatten();
        request.borrow().is_some()
    });
    request.into_inner()
}

/// Whether the connection of that open was accepted. Those before it, of which
/// nobody took notice, go.
fn accept(open: usize) -> bool {
    let client = socket::ports_connected_to(port());
    server(|server| {
        while let Ok((stream, address)) = server.listener.accept() {
            if client == [address.port()] {
                server.peers.push(Peer::new(stream, open));
                return true;
            }
        }
        false
    })
}

/// Sends in two parts, with work in between; whether all was sent.
fn send_with_pause(bytes: &[u8], pause: usize) -> bool {
    let open = contract::moment().opens;
    let (first, rest) = bytes.split_at(pause.min(bytes.len()));
    peer(|peer| peer.send(first));
    work();
    let same = contract::moment().opens == open && contract::state() != State::Closed;
    same && peer(|peer| peer.send(rest)).is_some()
}

fn answer(answer: Answer, pause: usize) {
    if contract::state() != State::Opening {
        return;
    }
    let Some(request) = take_request() else { return };
    let welcome = peer::welcome(&request);
    let text = match answer {
        Answer::Welcome => welcome,
        Answer::NotFound => "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_owned(),
        Answer::WrongAccept => welcome.replace("Accept: ", "Accept: x"),
        Answer::Garbage => "\r\n\r\nnonsense\r\n\r\n".to_owned(),
    };
    peer(|peer| {
        peer.welcome = answer == Answer::Welcome;
        peer.fatal = !peer.welcome;
    });
    let before = contract::moment();
    send_with_pause(text.as_bytes(), pause);
    if contract::moment() == before {
        work_until_noticed("an answer");
    }
}

fn establish() {
    if contract::state() == State::Lost {
        contract::close();
    }
    if contract::state() == State::Closed {
        contract::open(Connecting::Works);
    }
    answer(Answer::Welcome, usize::MAX);
}

/// Whether the server can go on with the newest connection.
fn is_good() -> bool {
    contract::state() == State::Open && peer(|peer| !peer.fatal) == Some(true)
}

fn tell(size: usize, pause: usize) {
    if !is_good() {
        return;
    }
    let payload = contract::payload(size, size);
    peer(|peer| peer.told.extend_from_slice(&payload));
    if send_with_pause(&peer::frame(0x82, &payload), pause) {
        let told = peer(|peer| peer.told.len());
        work_until("a message", || Some(contract::received()) == told);
    }
}

fn end(end: End) {
    if contract::state() == State::Opening && peer(|_| ()).is_none() {
        // Nothing but an end of the transport means anything before the answer.
        if take_request().is_some() {
            peer(if matches!(end, End::Reset) { Peer::reset } else { Peer::fin });
            work_until_noticed("the end");
        }
    } else if is_good() {
        peer(|peer| {
            peer.fatal = true;
            match end {
                End::Fin => peer.fin(),
                End::Reset => peer.reset(),
                End::Cut => {
                    let message = peer::frame(0x82, b"begun");
                    peer.told.extend_from_slice(b"begun");
                    peer.send(&message[..4]);
                    peer.fin();
                }
                End::CloseFrame => peer.send(&peer::frame(0x88, &1001u16.to_be_bytes())),
                End::EmptyMessage => peer.send(&peer::frame(0x82, b"")),
                End::BadOpcode => peer.send(&peer::frame(0x83, b"?")),
            }
        });
        work_until_noticed("the end");
    }
}

/// All that was sent gets there, and is answered.
fn settle() {
    contract::forget_reactions();
    if is_good() {
        work_until("sends", || {
            peer(Peer::read);
            contract::sends_owed() == 0 && peer(Peer::expects).flatten().is_none()
        });
    }
}

/// Closes or destroys. Where everything is out and nothing unread, the last that
/// the server gets is a Close frame.
fn leave(call: Call) {
    let open = contract::moment().opens;
    if contract::sends_owed() == 0 {
        work();
    }
    let told = peer(|peer| peer.told.len());
    let is_quiet = contract::sends_owed() == 0 && Some(contract::received()) == told;
    let farewell = is_good() && is_quiet && contract::moment().opens == open;
    perform(call);
    if farewell {
        let start = Instant::now();
        server(|server| {
            let peer = server.peers.iter_mut().find(|peer| peer.open == open).expect("a peer");
            while !peer.closed && start.elapsed() < DEADLINE {
                peer.read();
            }
            let (missing, goodbye) = (peer.expects(), peer.goodbye.as_deref());
            if !peer.closed || missing.is_some() || goodbye != Some(&1000u16.to_be_bytes()) {
                contract::violation(format!("closed with {goodbye:?}, missing: {missing:?}"));
            }
        });
    }
}

fn take(step: &Step) {
    if contract::state() == State::Destroyed {
        contract::create(c"127.0.0.1", port());
    }
    for (on, calls) in step.inside.clone() {
        contract::react(on, move || calls.into_iter().for_each(perform));
    }
    match step.action {
        Action::Call(call @ (Call::Close | Call::Destroy)) => leave(call),
        Action::Call(call) => perform(call),
        Action::Establish => establish(),
        Action::Answer(how, pause) => answer(how, pause),
        Action::Tell(size, pause) => tell(size, pause),
        Action::Ping => {
            if is_good() {
                peer(|peer| peer.send(&peer::frame(0x89, b"ping")));
                work();
            }
        }
        Action::End(how) => end(how),
        Action::Read => {
            work();
            peer(Peer::read);
        }
        Action::Settle => settle(),
    }
    contract::forget_reactions();
}

fn run(steps: &[Step]) -> Result<(), TestCaseError> {
    contract::reset(witness);
    port(); // the listener is there
    let descriptors = socket::descriptors();
    steps.iter().for_each(take);
    settle();
    contract::destroy();
    server(|server| {
        // What is still under way of closed connections.
        for mut peer in server.peers.drain(..) {
            peer.read();
        }
        while server.listener.accept().is_ok() {}
    });
    let violations = contract::take_violations();
    prop_assert!(violations.is_empty(), "{violations:#?}");
    prop_assert_eq!(socket::descriptors(), descriptors, "descriptors");
    Ok(())
}

#[test]
fn any_order_of_calls_and_network_events_keeps_the_contract() {
    seeded::run("tests/model_sockets", 1000, scenario::steps(), |steps| run(&steps));
}
