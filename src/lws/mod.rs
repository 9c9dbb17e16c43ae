//! libwebsockets, safely: one context with one client connection a
//! [`Connection`], its events to a [`Listener`]. What differs between versions
//! of lws is settled here; no face is known here.

mod connection;
mod event;
mod extensions;
mod log_level;
mod send_buffer;
mod wakeup;

pub(crate) use connection::{Connection, Endpoint};
pub(crate) use event::{Event, Listener, Reason};
pub(crate) use send_buffer::SendBuffer;
