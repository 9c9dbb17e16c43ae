//! Events instead of `websock_recv`: a thread that waits, and calls the handler.

use alloc::vec::Vec;

use super::client::{Client, Locked, inside, tell};
use super::inbox::Header;
use super::session::Phase;
use crate::ffi::websock::EventHandler;
use crate::sys::threads::{Arc, Deadline, Run, Thread};

/// At most that much is passed on in one call.
const BUFFER: usize = 64 * 1024;

enum Task {
    Stop,
    Deliver,
    TellEnd,
}

/// `websock_set_event_handler`.
pub(crate) fn set_handler(handle: usize, handler: Option<EventHandler>) -> Result<(), ()> {
    inside(handle, |client, session| match handler {
        Some(handler) => Client::handle_with(client, session, handler),
        None => {
            client.stop_handling(session);
            Ok(())
        }
    })
}

impl Client {
    fn handle_with(
        client: &Arc<Self>,
        session: &mut Locked<'_>,
        handler: EventHandler,
    ) -> Result<(), ()> {
        client.wait_for_handler(session);
        if session.thread.get().is_none() {
            let mut buffer = Vec::new();
            buffer.try_reserve_exact(BUFFER).map_err(drop)?;
            buffer.resize_with(BUFFER, || 0);
            session.thread_buffer.set(buffer);
            session.handler.set(Some(handler));
            let Some(thread) = Thread::start(client.clone()) else {
                session.handler.set(None);
                session.thread_buffer.take();
                return Err(());
            };
            session.thread.set(Some(thread));
        }
        session.handler.set(Some(handler));
        // Who is in websock_recv has nothing to wait for any more.
        session.notify_all();
        client.wake_leader(session);
        Ok(())
    }

    fn stop_handling(&self, session: &mut Locked<'_>) {
        session.handler.set(None);
        session.notify_all();
        self.wake_leader(session);
        self.wait_for_handler(session);
        // A handler that closes the connection waits for this call: its thread is not
        // waited for then. Nor if there is something to do for it again.
        if session.is_handling_elsewhere() || session.handler.get().is_some() {
            return;
        }
        if let Some(thread) = session.thread.take() {
            session.unlocked(|| thread.end());
        }
    }

    /// Until the handler's call that is running has returned, unless it is this one.
    fn wait_for_handler(&self, session: &mut Locked<'_>) {
        while session.is_handling_elsewhere() && !session.is_closing.get() {
            session.wait(Deadline::NEVER);
        }
    }

    fn next_task(&self, session: &mut Locked<'_>) -> Task {
        self.wait_for(session, Deadline::NEVER, |session| {
            // Another thread may have taken this one's place.
            let is_dismissed = !session.thread.get().is_some_and(Thread::is_this);
            if session.is_closing.get() || session.handler.get().is_none() || is_dismissed {
                Some(Task::Stop)
            } else if session.handling.get().is_some() {
                None
            } else if session.has_received() {
                Some(Task::Deliver)
            } else if session.end_is_told.get() {
                None
            } else {
                (session.phase() == Phase::Over).then_some(Task::TellEnd)
            }
        })
        .unwrap_or(Task::Stop)
    }

    fn call_handler(&self, session: &mut Locked<'_>, message: Option<(Header, &mut [u8])>) {
        let Some(handler) = session.handler.get() else { return };
        let thread = session.thread.get();
        session.handling.set(thread);
        session.unlocked(|| handler.call(message));
        session.handling.set(None);
        session.notify_all();
        if !session.thread.get().is_some_and(Thread::is_this) {
            // Its successor may be the one that waits for the socket.
            self.wake_leader(session);
        }
    }
}

impl Run for Client {
    fn run(client: &Arc<Self>) {
        let mut session = client.session.lock();
        if !session.thread.get().is_some_and(Thread::is_this) {
            return;
        }
        let mut buffer = session.thread_buffer.take();
        loop {
            let task = client.next_task(&mut session);
            if let Some(note) = session.take_note() {
                // Whatever the log handler does may change what is to be done.
                session.unlocked(|| tell(Some(note)));
                continue;
            }
            match task {
                Task::Stop => break,
                Task::Deliver => {
                    if let Some((header, length)) = client.read(&session, &mut buffer) {
                        let bytes = buffer.get_mut(..length).unwrap_or_default();
                        client.call_handler(&mut session, Some((header, bytes)));
                    }
                }
                Task::TellEnd => {
                    session.end_is_told.set(true);
                    client.call_handler(&mut session, None);
                }
            }
        }
    }
}
