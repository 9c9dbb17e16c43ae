//! libwebsockets, safely: one context with one client connection a
//! [`Connection`], its events to a [`Listener`]. What differs between versions
//! of lws is settled here; no face is known here.

mod callback;
mod connect;
mod connection;
mod cork;
mod descriptor_zero;
#[cfg(feature = "websock")]
mod duplex;
mod event;
mod extensions;
mod gather;
mod link;
mod log_level;
mod scratch;
mod send_buffer;
mod wakeup;

pub(crate) use connect::Endpoint;
pub(crate) use connection::Connection;
pub(crate) use cork::Cork;
#[cfg(feature = "websock")]
pub(crate) use duplex::{Frame, Kind};
pub(crate) use event::{Event, Listener, Reason};
pub(crate) use gather::Gathering;
pub(crate) use send_buffer::PADDING;
