// SPDX-License-Identifier: MIT OR Apache-2.0
//! What sequences are made of.
//!
//! Faults are rare and come together rarely, so the weights are such that most
//! of the time the IO is open and busy, and what belongs together (an event,
//! what `lws_write` does then, what the user does in the callback of that) is
//! drawn together and forgotten together.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::contract::On;
use crate::fake_lws::{Event, OpenFault, Write};

/// A call that a user makes, at the top or inside a callback.
#[derive(Clone, Copy, Debug)]
pub enum Call {
    Open(OpenFault),
    Close,
    Send(u32),
    /// lws refuses `lws_callback_on_writable`.
    SendRefused,
    Dowork,
    Destroy,
}

#[derive(Clone, Debug)]
pub enum Action {
    Call(Call),
    /// A `wsio_dowork` in which these events arrive.
    Serve(Vec<Event>),
    /// Whatever it takes to be open.
    Establish,
    /// As much as lws and the network can do without any fault.
    Settle,
    /// Time passes.
    Wait(u64),
}

#[derive(Clone, Debug)]
pub struct Step {
    pub action: Action,
    /// What the `lws_write`s do meanwhile.
    pub writes: Vec<Write>,
    /// What the user does inside the next callback of that kind meanwhile.
    pub inside: Vec<(On, Vec<Call>)>,
}

pub fn steps() -> impl Strategy<Value = Vec<Step>> {
    vec(step(), 1..60)
}

fn step() -> impl Strategy<Value = Step> {
    let writes = prop_oneof![2 => Just(Vec::new()), 3 => vec(write(), 1..4)];
    let inside = prop_oneof![2 => Just(Vec::new()), 3 => vec((on(), calls()), 1..4)];
    (action(), writes, inside).prop_map(|(action, writes, inside)| Step { action, writes, inside })
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        9 => call().prop_map(Action::Call),
        9 => vec(event(), 1..5).prop_map(Action::Serve),
        3 => Just(Action::Establish),
        1 => Just(Action::Settle),
        1 => (1..30u64).prop_map(|seconds| Action::Wait(seconds * 1000)),
    ]
}

fn on() -> impl Strategy<Value = On> {
    prop_oneof![
        2 => Just(On::Opened),
        2 => Just(On::Received),
        2 => Just(On::Failed),
        4 => Just(On::Sent),
        2 => Just(On::Closed),
    ]
}

/// A few calls, or a habit of users.
fn calls() -> impl Strategy<Value = Vec<Call>> {
    let again = Call::Open(OpenFault::None);
    prop_oneof![
        6 => vec(call(), 1..4),
        1 => Just(vec![Call::Close]),
        3 => Just(vec![Call::Close, again]),
        1 => Just(vec![again]),
        1 => Just(vec![Call::Destroy]),
    ]
}

fn call() -> impl Strategy<Value = Call> {
    use OpenFault::*;
    let fault = prop_oneof![
        12 => Just(None), 1 => Just(Context), 1 => Just(Connect),
        1 => Just(ConnectWithEvent), 1 => Just(EventOnly)
    ];
    // Some are more than one wsio_dowork hands to lws.
    let size = prop_oneof![30 => 0..300u32, 1 => 30_000..70_000u32];
    prop_oneof![
        8 => fault.prop_map(Call::Open),
        6 => Just(Call::Close),
        24 => size.prop_map(Call::Send),
        2 => Just(Call::SendRefused),
        4 => Just(Call::Dowork),
        1 => Just(Call::Destroy),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        8 => Just(Event::Established),
        2 => Just(Event::ConnectionError),
        1 => Just(Event::HttpClosed),
        2 => Just(Event::Closed),
        24 => Just(Event::Writeable),
        2 => Just(Event::WriteableOnce),
        6 => any::<u8>().prop_map(Event::Receive),
        1 => Just(Event::ReceiveNull),
        2 => Just(Event::PeerClose),
        9 => Just(Event::Drained),
        2 => Just(Event::Stranger),
        1 => Just(Event::ServiceFails),
    ]
}

fn write() -> impl Strategy<Value = Write> {
    prop_oneof![
        2 => Just(Write::All),
        4 => Just(Write::Buffered),
        1 => Just(Write::Nothing),
        4 => Just(Write::Half),
        2 => Just(Write::Fail),
        1 => Just(Write::TooMuch),
    ]
}
