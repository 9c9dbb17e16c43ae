// SPDX-License-Identifier: MIT OR Apache-2.0
//! Random sequences of calls and network events, with calls from inside the
//! callbacks, against a model of the contract, over a fake libwebsockets.
//! `tests/model_sockets` does the same over the real one.
//!
//! A sequence has up to 60 steps. A failing one is shrunk and printed, and so
//! is the seed of the run. To replay:
//!
//! ```sh
//! PROPTEST_RNG_SEED=… cargo test --test model    # the whole run, as it was
//! cargo test --test model                        # the failing case first: its
//!                                                # seed is in regressions.txt
//! PROPTEST_CASES=100000 cargo test --test model  # millions of steps
//! ```

mod clock;
mod contract;
mod fake_lws;
mod scenario;
mod seeded;

use contract::{Connecting, State};
use fake_lws::{OpenFault, world};
use proptest::prelude::*;
use scenario::{Action, Call, Step};

fn perform(call: Call) {
    match call {
        Call::Open(fault) => {
            world(|world| world.open_fault = fault);
            contract::open(match fault {
                OpenFault::None => Connecting::Works,
                _ => Connecting::Fails,
            });
            world(|world| world.open_fault = OpenFault::None);
        }
        Call::Send(size) => contract::send(size as usize, false),
        Call::SendRefused => {
            world(|world| world.refuse_send = true);
            contract::send(9, true);
            world(|world| world.refuse_send = false);
        }
        Call::Close => ending(contract::close),
        Call::Destroy => ending(contract::destroy),
        Call::Dowork if contract::is_inside() => {
            let before = world(|world| world.services);
            contract::dowork();
            if world(|world| world.services) != before {
                contract::violation("a nested wsio_dowork works".to_owned());
            }
        }
        Call::Dowork => {
            contract::dowork();
            fake_lws::settle_newest();
        }
    }
}

/// `f` says goodbye on the wire where that is possible.
fn ending(f: fn()) {
    let farewell = fake_lws::farewell();
    f();
    if let Some(farewell) = farewell {
        fake_lws::check_farewell(farewell);
    }
}

fn serve(event: fake_lws::Event) {
    world(|world| world.events.push_back(event));
    perform(Call::Dowork);
}

fn establish() {
    if contract::state() == State::Lost {
        perform(Call::Close);
    }
    if contract::state() == State::Closed {
        perform(Call::Open(OpenFault::None));
    }
    if contract::state() == State::Opening {
        serve(fake_lws::Event::Established);
    }
}

/// What was sent goes out as long as nothing hinders it, and is answered.
fn settle() {
    contract::forget_reactions();
    world(|world| world.writes.clear());
    for _ in 0..200 {
        let open = contract::state() == State::Open;
        match world(|world| world.natural_event()).filter(|_| open) {
            Some(event) => serve(event),
            None => break,
        }
    }
    if contract::state() == State::Open && contract::sends_owed() > 0 {
        contract::violation(format!("{} sends are forgotten", contract::sends_owed()));
    }
}

fn take(step: &Step) {
    if contract::state() == State::Destroyed {
        contract::create(c"localhost", 80);
    }
    world(|world| world.writes = step.writes.iter().copied().collect());
    for (on, calls) in step.inside.clone() {
        contract::react(on, move || calls.into_iter().for_each(perform));
    }
    match &step.action {
        Action::Call(call) => perform(*call),
        Action::Serve(events) => {
            world(|world| world.events.extend(events));
            perform(Call::Dowork);
        }
        Action::Establish => establish(),
        Action::Settle => settle(),
        Action::Wait(ms) => clock::advance(*ms),
    }
    world(|world| world.events.clear());
    contract::forget_reactions();
}

/// How many this process has.
fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").expect("/proc").count()
}

fn run(steps: &[Step]) -> Result<(), TestCaseError> {
    let before = descriptors();
    fake_lws::reset();
    contract::reset(fake_lws::witness);
    clock::set(Some(1_000_000));
    steps.iter().for_each(take);
    settle();
    perform(Call::Destroy);
    clock::set(None);
    let violations = contract::take_violations();
    prop_assert!(violations.is_empty(), "{violations:#?}");
    prop_assert_eq!(world(|world| world.contexts_alive()), 0, "contexts alive");
    prop_assert_eq!(descriptors(), before, "descriptors");
    Ok(())
}

#[test]
fn any_order_of_calls_and_events_keeps_the_contract() {
    seeded::run("tests/model", 10_000, scenario::steps(), |steps| run(&steps));
}
