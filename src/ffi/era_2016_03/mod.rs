//! The era from 2016-03-03 on: a context for each callback of `wsio_open`.

pub mod wsio;
pub mod xio;
