//! What `wsio_create` was given, checked and made valid for the wire.

use crate::endpoint::{self, Host, Refused};
use crate::sys::Text;

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
    pub(crate) host: Host,
    pub(crate) port: u16,
    pub(crate) protocol: Text,
    pub(crate) path: Text,
    pub(crate) use_ssl: bool,
    pub(crate) trusted_ca: Option<Text>,
}

impl Config {
    pub(crate) fn new(settings: &Settings<'_>) -> Result<Self, Refused> {
        let port = endpoint::port(settings.port).map_err(Refused::field("port"))?;
        let copy = |pem: &[u8]| Text::try_concat(&[pem]).ok_or(Refused::NO_MEMORY);
        Ok(Self {
            host: Host::new(settings.host, port, settings.use_ssl)
                .map_err(Refused::field("host"))?,
            port,
            protocol: endpoint::protocol(settings.protocol_name)
                .map_err(Refused::field("protocol_name"))?,
            path: endpoint::path(settings.relative_path)
                .map_err(Refused::field("relative_path"))?,
            use_ssl: settings.use_ssl,
            trusted_ca: settings.trusted_ca.map(copy).transpose()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::borrow::ToOwned;
    use std::string::{String, ToString};

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

    fn refusal(settings: &Settings<'_>) -> String {
        Config::new(settings).err().map_or("accepted".to_owned(), |why| why.to_string())
    }

    #[test]
    fn what_is_valid_stays_as_it_is() {
        let config = accepted(&settings());
        assert_eq!(config.host.address.as_bytes(), b"example.org");
        assert_eq!(config.host.header.as_bytes(), b"example.org");
        assert_eq!(config.host.origin.as_bytes(), b"example.org");
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
            assert_eq!(config.host.header.as_bytes(), header.as_bytes());
        }
    }

    #[test]
    fn ipv6_addresses_are_bracketed_in_headers() {
        let config = accepted(&Settings { host: b"fe80::1%eth0", port: 8080, ..settings() });
        assert_eq!(config.host.address.as_bytes(), b"fe80::1%eth0");
        assert_eq!(config.host.header.as_bytes(), b"[fe80::1]:8080");
        assert_eq!(config.host.origin.as_bytes(), b"[fe80::1]");
        assert_eq!(config.host.ipv6, Some("fe80::1".parse().expect("an address")));
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
        for host in ["", "a b", "a\r\nX: y", "ws://host", "[::1]", "host:80", "a\u{7f}", "+/run/x"]
        {
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
