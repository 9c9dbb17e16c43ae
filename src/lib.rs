//! WebSocket clients with C interfaces, over libwebsockets: wsio, a concrete IO for
//! C IoT SDKs, and websock, which blocks.
//!
//! Layers, each calling only those below it (docs/ARCHITECTURE.md):
//!
//! * [`ffi`]: the C surface: entry points, types, callbacks, logger, `list.h`
//! * `wsio`, `websock`: the faces, which do not know each other; safe code
//! * `endpoint`: what of a configuration is valid on the wire
//! * `lws`, `tls`: safe wrappers of libwebsockets and OpenSSL
//! * `sys`: the little of `std` that C libraries need here: fallible memory,
//!   locks and threads, a clock, signals
//!
//! The crate is `no_std` below its `std` feature: see `Cargo.toml`.

#![no_std]
// A face by itself does not use all of the engine.
#![cfg_attr(not(all(feature = "wsio", feature = "websock")), allow(dead_code, unused_imports))]
#![deny(unsafe_op_in_unsafe_fn)]
#![cfg_attr(not(test), deny(clippy::disallowed_macros, clippy::disallowed_methods))]

extern crate alloc;
#[cfg(any(test, feature = "std"))]
extern crate std;

// Linked for its C symbols only.
#[cfg(feature = "wsio")]
use sdk_list as _;

mod endpoint;
pub mod ffi;
mod lws;
mod sys;
mod tls;
#[cfg(feature = "websock")]
mod websock;
#[cfg(feature = "wsio")]
mod wsio;
