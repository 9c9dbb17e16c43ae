// SPDX-License-Identifier: MIT OR Apache-2.0
//! What sequences are made of.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::contract::On;

/// A call that a user makes, at the top or inside a callback.
#[derive(Clone, Copy, Debug)]
pub enum Call {
    Open,
    Close,
    Send(u32),
    Dowork,
    Destroy,
}

/// How the server answers the handshake.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Answer {
    Welcome,
    NotFound,
    WrongAccept,
    Garbage,
}

/// How the server ends the connection, or makes the client do so.
#[derive(Clone, Copy, Debug)]
pub enum End {
    Fin,
    Reset,
    /// A message that was begun only, then FIN.
    Cut,
    CloseFrame,
    EmptyMessage,
    BadOpcode,
}

#[derive(Clone, Debug)]
pub enum Action {
    Call(Call),
    /// Whatever it takes to be open.
    Establish,
    /// The server answers the handshake; after so many bytes it pauses.
    Answer(Answer, usize),
    /// The server sends a message, of this size, with such a pause.
    Tell(usize, usize),
    Ping,
    End(End),
    /// The server reads what has come. It does so at no other time, unless the
    /// step says so.
    Read,
    /// All that was sent gets there.
    Settle,
}

#[derive(Clone, Debug)]
pub struct Step {
    pub action: Action,
    /// What the user does inside the next callback of that kind meanwhile.
    pub inside: Vec<(On, Vec<Call>)>,
}

pub fn steps() -> impl Strategy<Value = Vec<Step>> {
    vec(step(), 1..40)
}

fn step() -> impl Strategy<Value = Step> {
    let inside = prop_oneof![1 => Just(Vec::new()), 2 => vec((on(), calls()), 1..3)];
    (action(), inside).prop_map(|(action, inside)| Step { action, inside })
}

fn action() -> impl Strategy<Value = Action> {
    let answer = prop_oneof![
        4 => Just(Answer::Welcome), 1 => Just(Answer::NotFound),
        1 => Just(Answer::WrongAccept), 1 => Just(Answer::Garbage)
    ];
    let end = prop_oneof![
        Just(End::Fin),
        Just(End::Reset),
        Just(End::Cut),
        Just(End::CloseFrame),
        Just(End::EmptyMessage),
        Just(End::BadOpcode),
    ];
    prop_oneof![
        12 => call().prop_map(Action::Call),
        8 => Just(Action::Establish),
        3 => (answer, 0..200usize).prop_map(|(answer, pause)| Action::Answer(answer, pause)),
        3 => (1..2000usize, 0..2000usize).prop_map(|(size, pause)| Action::Tell(size, pause)),
        1 => Just(Action::Ping),
        2 => end.prop_map(Action::End),
        3 => Just(Action::Read),
        2 => Just(Action::Settle),
    ]
}

fn on() -> impl Strategy<Value = On> {
    prop_oneof![
        1 => Just(On::Opened),
        1 => Just(On::Received),
        1 => Just(On::Failed),
        2 => Just(On::Sent),
        1 => Just(On::Closed),
    ]
}

fn calls() -> impl Strategy<Value = Vec<Call>> {
    prop_oneof![
        4 => vec(call(), 1..4),
        2 => Just(vec![Call::Close, Call::Open]),
        1 => Just(vec![Call::Open]),
    ]
}

fn call() -> impl Strategy<Value = Call> {
    // Some are more than the connection takes while nobody reads.
    let size = prop_oneof![4 => 0..300u32, 1 => 100_000..400_000u32];
    prop_oneof![
        2 => Just(Call::Open),
        2 => Just(Call::Close),
        18 => size.prop_map(Call::Send),
        4 => Just(Call::Dowork),
        1 => Just(Call::Destroy),
    ]
}
