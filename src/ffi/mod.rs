//! The C surface. Entry points check, guard against panics and hand over to the
//! face; nothing is decided here.
//!
//! An *era* is a signature set of the SDK's public releases. Exactly one is
//! built in; all that eras share is in `xio` and `entry`.

// C's names; and for functions that C calls, the whole of the documentation is
// the safety contract.
#![allow(non_camel_case_types, non_snake_case, clippy::missing_safety_doc)]

pub mod entry;
pub mod logger;
pub mod xio;

pub(crate) mod callback;
pub(crate) mod list;

#[cfg(not(feature = "abi-2016-03"))]
#[path = "era_2016_01/mod.rs"]
pub mod era;
#[cfg(feature = "abi-2016-03")]
#[path = "era_2016_03/mod.rs"]
pub mod era;
