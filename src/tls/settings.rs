//! What a client's TLS is configured with, where it is more than whom to trust
//! besides the system.

use core::ffi::CStr;
use core::net::Ipv6Addr;

use super::client::ClientTls;
use super::error::Error;

pub(crate) struct Settings<'a> {
    pub(crate) ca: Option<Source<'a>>,
    pub(crate) certificate: Option<Source<'a>>,
    pub(crate) key: Option<Source<'a>>,
    pub(crate) verification: Verification,
    pub(crate) max_fragment_length: u16,
    pub(crate) address: Option<Ipv6Addr>,
}

/// PEM or DER; bytes may include a final NUL.
#[derive(Clone, Copy)]
pub(crate) enum Source<'a> {
    Path(&'a CStr),
    Bytes(&'a [u8]),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verification {
    None,
    Optional,
    Required,
}

impl ClientTls {
    pub(crate) fn with(settings: &Settings<'_>) -> Result<Self, Error> {
        Self::get(None, settings.address)
    }
}
