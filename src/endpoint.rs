//! What every face is given to connect to, checked and made valid for the wire.

use core::fmt;
use core::fmt::Write;
use core::net::Ipv6Addr;

use crate::sys::{ShortText, Text};

/// Why a setting is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// As the user knows it; empty when it is none in particular.
    pub(crate) field: &'static str,
    pub(crate) why: &'static str,
}

impl Refused {
    pub(crate) const NO_MEMORY: Self = Self { field: "", why: "out of memory" };

    /// For `map_err` on what a function here says of `field`.
    pub(crate) fn field(field: &'static str) -> impl Fn(&'static str) -> Self {
        move |why| Self { field, why }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.field.is_empty() {
            write!(f, "{} ", self.field)?;
        }
        f.write_str(self.why)
    }
}

/// lws 4.1 composes `Origin: http://` and the host in 128 bytes, NUL and line
/// end included; what is longer loses its line end.
const LONGEST_HOST: usize = 110;

/// lws 4.1 cuts the request line at 2,048 bytes, and keeps all that it sends in
/// 4 KiB together.
const LONGEST_PATH: usize = 2000;
const LONGEST_PROTOCOL: usize = 256;

/// The name or address of a server.
pub(crate) struct Host {
    /// As it was given.
    pub(crate) address: Text,
    /// Of the Host header: with the port where it is not the scheme's default
    /// (RFC 6455 section 4.1), an IPv6 address in brackets.
    pub(crate) header: Text,
    /// Of the Origin header, to which lws adds "http://".
    pub(crate) origin: Text,
    /// When it is an IPv6 address.
    pub(crate) ipv6: Option<Ipv6Addr>,
}

impl Host {
    pub(crate) fn new(host: &[u8], port: u16, uses_tls: bool) -> Result<Self, &'static str> {
        let ipv6 = check_host(host)?;
        let brackets: (&[u8], &[u8]) = if ipv6.is_some() { (b"[", b"]") } else { (b"", b"") };
        // The zone of a link-local address (RFC 6874) is nothing to the server.
        let name = host.split(|&byte| byte == b'%').next().unwrap_or(host);
        let mut port_suffix = ShortText::<6>::new();
        if port != if uses_tls { 443 } else { 80 } {
            // Cannot fail: there is room for any port.
            let _ = write!(port_suffix, ":{port}");
        }
        let text =
            |parts: &[&[u8]]| Text::try_concat(parts).ok_or("cannot be copied: out of memory");
        Ok(Self {
            address: text(&[host])?,
            header: text(&[brackets.0, name, brackets.1, port_suffix.as_bytes()])?,
            origin: text(&[brackets.0, name, brackets.1])?,
            ipv6,
        })
    }
}

pub(crate) fn port(port: i32) -> Result<u16, &'static str> {
    u16::try_from(port).ok().filter(|&port| port != 0).ok_or("is not in 1 to 65535")
}

/// Path and query, with a slash in front.
pub(crate) fn path(path: &[u8]) -> Result<Text, &'static str> {
    if path.len() > LONGEST_PATH {
        return Err("is over 2,000 bytes");
    }
    let slash: &[u8] = if path.first() == Some(&b'/') { b"" } else { b"/" };
    one_word(path)?;
    Text::try_concat(&[slash, path]).ok_or("cannot be copied: out of memory")
}

/// A subprotocol to ask for; empty for none.
pub(crate) fn protocol(name: &[u8]) -> Result<Text, &'static str> {
    if name.len() > LONGEST_PROTOCOL {
        return Err("is over 256 bytes");
    }
    one_word(name)?;
    Text::try_concat(&[name]).ok_or("cannot be copied: out of memory")
}

/// The address, if the host is an IPv6 one.
fn check_host(host: &[u8]) -> Result<Option<Ipv6Addr>, &'static str> {
    if host.is_empty() {
        return Err("is empty");
    }
    if host.len() > LONGEST_HOST {
        return Err("is over 110 bytes");
    }
    one_word(host)?;
    if host.iter().any(|byte| b"/?#@[]\\".contains(byte)) {
        return Err("is not a name or an address (no URL, no brackets)");
    }
    if host.first() == Some(&b'+') {
        return Err("begins with a plus, which makes it the path of a socket to lws");
    }
    if !host.contains(&b':') {
        return Ok(None);
    }
    let address = host.split(|&byte| byte == b'%').next().unwrap_or(host);
    match core::str::from_utf8(address).ok().and_then(|text| text.parse().ok()) {
        Some(address) => Ok(Some(address)),
        None => Err("contains a colon and is not an IPv6 address"),
    }
}

/// Nothing that could end a header line, or a word of the request line.
fn one_word(text: &[u8]) -> Result<(), &'static str> {
    if text.iter().any(|&byte| byte <= b' ' || byte == 0x7F) {
        return Err("contains a control character or a space");
    }
    Ok(())
}
