//! The websock face: a blocking client, in safe code.
//!
//! A [`Client`] has a lock, under which all of lws is called. Who has to wait, and
//! finds nobody waiting for the socket, does so (without the lock), and lets lws
//! work when something comes; the others wait for what it finds.

#![forbid(unsafe_code)]

mod client;
mod config;
mod handler;
mod inbox;
mod registry;
mod session;
mod utf8;

pub(crate) use client::{Failure, Message, close, open, receive, send};
pub(crate) use config::{Settings, TlsSettings};
pub(crate) use handler::set_handler;
pub(crate) use inbox::Header;
pub(crate) use session::Session;
