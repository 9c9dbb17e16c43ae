//! What `wsio_create` was given, checked and made valid for the wire.

use core::fmt::Write;
use core::net::Ipv6Addr;

use crate::sys::{ShortText, Text};

/// The fields of a WSIO_CONFIG, as they came.
pub(crate) struct Settings<'a> {
    pub(crate) host: &'a [u8],
    pub(crate) port: i32,
    pub(crate) protocol_name: &'a [u8],
    pub(crate) relative_path: &'a [u8],
    pub(crate) use_ssl: bool,
    pub(crate) trusted_ca: Option<&'a [u8]>,
}

/// Copies of what an open needs. SRS_WSIO_01_006
pub(crate) struct Config {
    pub(crate) address: Text,
    pub(crate) port: u16,
    pub(crate) protocol: Text,
    pub(crate) path: Text,
    /// Of the Host header: with the port where it is not the scheme's default
    /// (RFC 6455 section 4.1), an IPv6 address in brackets.
    pub(crate) host: Text,
    /// Of the Origin header, to which lws adds "http://".
    pub(crate) origin: Text,
    pub(crate) use_ssl: bool,
    pub(crate) trusted_ca: Option<Text>,
    /// The host, when it is an IPv6 address.
    pub(crate) ipv6: Option<Ipv6Addr>,
}

/// lws 4.1 composes `Origin: http://` and the host in 128 bytes, NUL and line
/// end included; what is longer loses its line end.
const LONGEST_HOST: usize = 110;

/// lws 4.1 cuts the request line at 2,048 bytes, and keeps all that it sends in
/// 4 KiB together.
const LONGEST_PATH: usize = 2000;
const LONGEST_PROTOCOL: usize = 256;

const NO_MEMORY: &str = "out of memory";

impl Config {
    /// `Err` says which field is refused, and why.
    pub(crate) fn new(settings: &Settings<'_>) -> Result<Self, &'static str> {
        let host = settings.host;
        let ipv6 = check_host(host)?;
        let port = u16::try_from(settings.port)
            .ok()
            .filter(|&port| port != 0)
            .ok_or("port is not in 1 to 65535")?;
        if settings.protocol_name.len() > LONGEST_PROTOCOL {
            return Err("protocol_name is over 256 bytes");
        }
        if settings.protocol_name.iter().any(|&byte| breaks_a_line(byte)) {
            return Err("protocol_name contains a control character or a space");
        }
        if settings.relative_path.len() > LONGEST_PATH {
            return Err("relative_path is over 2,000 bytes");
        }
        if settings.relative_path.iter().any(|&byte| breaks_a_line(byte)) {
            return Err("relative_path contains a control character or a space");
        }

        let slash: &[u8] = if settings.relative_path.first() == Some(&b'/') { b"" } else { b"/" };
        let brackets: (&[u8], &[u8]) = if ipv6.is_some() { (b"[", b"]") } else { (b"", b"") };
        // The zone of a link-local address (RFC 6874) is nothing to the server.
        let name = host.split(|&byte| byte == b'%').next().unwrap_or(host);
        let default_port = if settings.use_ssl { 443 } else { 80 };
        let mut port_suffix = ShortText::<6>::new();
        if port != default_port {
            // Cannot fail: there is room for any port.
            let _ = write!(port_suffix, ":{port}");
        }
        let text = |parts: &[&[u8]]| Text::try_concat(parts).ok_or(NO_MEMORY);
        Ok(Self {
            address: text(&[host])?,
            port,
            protocol: text(&[settings.protocol_name])?,
            path: text(&[slash, settings.relative_path])?,
            host: text(&[brackets.0, name, brackets.1, port_suffix.as_bytes()])?,
            origin: text(&[brackets.0, name, brackets.1])?,
            use_ssl: settings.use_ssl,
            trusted_ca: settings.trusted_ca.map(|pem| text(&[pem])).transpose()?,
            ipv6,
        })
    }
}

/// The address, if the host is an IPv6 one.
fn check_host(host: &[u8]) -> Result<Option<Ipv6Addr>, &'static str> {
    if host.is_empty() {
        return Err("host is empty");
    }
    if host.len() > LONGEST_HOST {
        return Err("host is over 110 bytes");
    }
    if host.iter().any(|&byte| breaks_a_line(byte)) {
        return Err("host contains a control character or a space");
    }
    if host.iter().any(|byte| b"/?#@[]\\".contains(byte)) {
        return Err("host is not a name or an address (no URL, no brackets)");
    }
    if !host.contains(&b':') {
        return Ok(None);
    }
    let address = host.split(|&byte| byte == b'%').next().unwrap_or(host);
    match core::str::from_utf8(address).ok().and_then(|text| text.parse().ok()) {
        Some(address) => Ok(Some(address)),
        None => Err("host contains a colon and is not an IPv6 address"),
    }
}

/// Whether the byte could end a header line, or a word of the request line.
fn breaks_a_line(byte: u8) -> bool {
    byte <= b' ' || byte == 0x7F
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings<'static> {
        Settings {
            host: b"example.org",
            port: 443,
            protocol_name: b"mqtt",
            relative_path: b"/path",
            use_ssl: true,
            trusted_ca: None,
        }
    }

    fn accepted(settings: &Settings<'_>) -> Config {
        Config::new(settings).unwrap_or_else(|why| panic!("{why}"))
    }

    fn refusal(settings: &Settings<'_>) -> &'static str {
        Config::new(settings).err().unwrap_or("accepted")
    }

    #[test]
    fn what_is_valid_stays_as_it_is() {
        let config = accepted(&settings());
        assert_eq!(config.address.as_bytes(), b"example.org");
        assert_eq!(config.host.as_bytes(), b"example.org");
        assert_eq!(config.origin.as_bytes(), b"example.org");
        assert_eq!(config.path.as_bytes(), b"/path");
        assert_eq!(config.protocol.as_bytes(), b"mqtt");
    }

    #[test]
    fn the_host_header_names_a_port_that_is_not_the_default() {
        for (port, use_ssl, header) in [
            (80, false, "example.org"),
            (443, false, "example.org:443"),
            (80, true, "example.org:80"),
            (65535, true, "example.org:65535"),
        ] {
            let config = accepted(&Settings { port, use_ssl, ..settings() });
            assert_eq!(config.host.as_bytes(), header.as_bytes());
        }
    }

    #[test]
    fn ipv6_addresses_are_bracketed_in_headers() {
        let config = accepted(&Settings { host: b"fe80::1%eth0", port: 8080, ..settings() });
        assert_eq!(config.address.as_bytes(), b"fe80::1%eth0");
        assert_eq!(config.host.as_bytes(), b"[fe80::1]:8080");
        assert_eq!(config.origin.as_bytes(), b"[fe80::1]");
        assert_eq!(config.ipv6, Some("fe80::1".parse().expect("an address")));
    }

    #[test]
    fn a_path_begins_with_a_slash() {
        for (given, sent) in [("", "/"), ("a/b", "/a/b"), ("/a", "/a"), ("?q", "/?q")] {
            let config = accepted(&Settings { relative_path: given.as_bytes(), ..settings() });
            assert_eq!(config.path.as_bytes(), sent.as_bytes());
        }
    }

    #[test]
    fn bad_settings_are_refused_with_a_reason() {
        let long = [b'a'; 2001];
        for host in ["", "a b", "a\r\nX: y", "ws://host", "[::1]", "host:80", "a\u{7f}"] {
            let why = refusal(&Settings { host: host.as_bytes(), ..settings() });
            assert!(why.starts_with("host "), "{host:?}: {why}");
        }
        assert_eq!(refusal(&Settings { host: &long[..110], ..settings() }), "accepted");
        assert_eq!(
            refusal(&Settings { host: &long[..111], ..settings() }),
            "host is over 110 bytes"
        );
        for port in [i32::MIN, -1, 0, 65536, i32::MAX] {
            assert_eq!(refusal(&Settings { port, ..settings() }), "port is not in 1 to 65535");
        }
        for text in [&b"a b"[..], b"a\nb", b"a\tb", &long] {
            let why = refusal(&Settings { protocol_name: text, ..settings() });
            assert!(why.starts_with("protocol_name "), "{why}");
            let why = refusal(&Settings { relative_path: text, ..settings() });
            assert!(why.starts_with("relative_path "), "{why}");
        }
        assert_eq!(refusal(&Settings { relative_path: &long[..2000], ..settings() }), "accepted");
        assert_eq!(refusal(&Settings { protocol_name: &long[..256], ..settings() }), "accepted");
        assert_eq!(refusal(&Settings { protocol_name: b"", ..settings() }), "accepted");
    }
}
