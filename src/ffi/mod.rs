//! The C surface. Entry points check, guard against panics and hand over to the
//! face; nothing is decided here.
//!
//! wsio: an *era* is a signature set of the SDK's public releases. Exactly one is
//! built in; all that eras share is in `xio` and `entry`. The other faces have a
//! folder each.

// C's names; and for functions that C calls, the whole of the documentation is
// the safety contract.
#![allow(non_camel_case_types, non_snake_case, clippy::missing_safety_doc)]

#[cfg(feature = "wsio")]
pub mod entry;
#[cfg(feature = "wsio")]
pub mod logger;
#[cfg(feature = "websock")]
pub mod websock;
#[cfg(feature = "wsio")]
pub mod xio;

#[cfg(feature = "wsio")]
pub(crate) mod callback;
pub(crate) mod guard;
#[cfg(feature = "wsio")]
pub(crate) mod list;

#[cfg(all(feature = "wsio", not(feature = "abi-2016-03")))]
#[path = "era_2016_01/mod.rs"]
pub mod era;
#[cfg(all(feature = "wsio", feature = "abi-2016-03"))]
#[path = "era_2016_03/mod.rs"]
pub mod era;
