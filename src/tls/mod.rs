//! Whom to trust: OpenSSL's side of a TLS connection. The connection itself is
//! made by lws with the SSL_CTX that is prepared here.

mod certificates;
mod client;
mod context;
mod error;
mod gather;
mod handshake;
#[cfg(feature = "websock")]
mod settings;
mod socket_bio;
mod ssl_ctx;
mod verify;

pub(crate) use client::ClientTls;
pub(crate) use context::Context;
pub(crate) use error::{Error, HostErrors, VerifyError};
pub(crate) use handshake::handshake_error;
#[cfg(feature = "websock")]
pub(crate) use settings::{Settings, Source};
pub(crate) use socket_bio::{Released, abandon, bytes_read, hold, is_full, release, rest};
#[cfg(feature = "websock")]
pub(crate) use verify::Verification;
