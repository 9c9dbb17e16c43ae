//! The default era, that of the requirements document (January 2016): one
//! context for the three callbacks of `wsio_open`.

pub mod wsio;
pub mod xio;
