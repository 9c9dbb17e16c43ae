//! The C surface of the websock face. `include/websock.h` is generated from `types`
//! and `entry`.

pub mod entry;
pub mod types;

mod handler;
mod log;

pub(crate) use handler::EventHandler;
pub(crate) use log::log;

// SAFETY: the session is reached through the client's lock, and through lws, which
// only works in calls that are made under it; what such a call makes of it (a
// connection, the session's other owners) stays in it. Its own `Cell`s need no more.
unsafe impl crate::sys::threads::Confined for crate::sys::Shared<crate::websock::Session> {}
