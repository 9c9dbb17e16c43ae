//! What `websock_open` was given, checked and made valid for the wire.

use alloc::vec::Vec;

use crate::endpoint::{self, Host, Refused};
use crate::sys::Text;
use crate::tls::{self, ClientTls};

/// The fields of a websock_config_t, as they came.
pub(crate) struct Settings<'a> {
    pub(crate) hostname: &'a [u8],
    pub(crate) port: i32,
    pub(crate) uri: &'a [u8],
    /// `None`: without TLS.
    pub(crate) tls: Option<TlsSettings<'a>>,
    /// Milliseconds.
    pub(crate) time_out: i32,
    /// Names and values.
    pub(crate) headers: &'a [(&'a [u8], &'a [u8])],
}

pub(crate) struct TlsSettings<'a> {
    pub(crate) ca: Option<tls::Source<'a>>,
    pub(crate) certificate: Option<tls::Source<'a>>,
    pub(crate) key: Option<tls::Source<'a>>,
    pub(crate) verification: tls::Verification,
    pub(crate) max_fragment_length: i32,
}

/// What the connection needs as long as it lives.
pub(super) struct Config {
    pub(super) host: Host,
    pub(super) port: u16,
    pub(super) path: Text,
    /// The subprotocols to ask for, or empty.
    pub(super) protocol: Text,
    /// Lines of the request.
    pub(super) headers: Vec<u8>,
    pub(super) timeout_ms: u32,
}

/// For an open whose `time_out` is 0.
const DEFAULT_TIMEOUT_MS: u32 = 20_000;

/// Of the extra headers: lws puts the request together in 62 KiB.
const LONGEST_HEADERS: usize = 16 * 1024;

impl Config {
    pub(super) fn new(settings: &Settings<'_>) -> Result<Self, Refused> {
        let port = endpoint::port(settings.port).map_err(Refused::field("port"))?;
        let mut this = Self {
            host: Host::new(settings.hostname, port, settings.tls.is_some())
                .map_err(Refused::field("hostname"))?,
            port,
            path: path(settings.uri).map_err(Refused::field("uri"))?,
            protocol: Text::try_concat(&[]).ok_or(Refused::NO_MEMORY)?,
            headers: Vec::new(),
            timeout_ms: match u32::try_from(settings.time_out) {
                Ok(0) => DEFAULT_TIMEOUT_MS,
                Ok(given) => given,
                Err(_) => return Err(Refused { field: "time_out", why: "is negative" }),
            },
        };
        for (name, value) in settings.headers {
            this.add_header(name, value).map_err(Refused::field("hndshk_hdrs"))?;
        }
        Ok(this)
    }

    fn add_header(&mut self, name: &[u8], value: &[u8]) -> Result<(), &'static str> {
        if name.is_empty() || !name.iter().all(|&byte| is_token(byte)) {
            return Err("has a name that is no token");
        }
        if value.iter().any(|&byte| byte != b'\t' && byte.is_ascii_control()) {
            return Err("has a value with a control character");
        }
        if is(name, b"Sec-WebSocket-Protocol") {
            if !self.protocol.is_empty() {
                return Err("has Sec-WebSocket-Protocol twice");
            }
            self.protocol = protocols(value)?;
            return Ok(());
        }
        if is_ours(name) {
            return Err("has a header that is set implicitly, or must not be set");
        }
        let line: [&[u8]; 4] = [name, b": ", value, b"\r\n"];
        let length: usize = line.iter().map(|part| part.len()).sum();
        if self.headers.len() + length > LONGEST_HEADERS {
            return Err("is over 16 KiB");
        }
        self.headers.try_reserve(length).map_err(|_| "cannot be copied: out of memory")?;
        line.iter().for_each(|part| self.headers.extend_from_slice(part));
        Ok(())
    }
}

/// Path and query. A whole URL would be sent as a path.
fn path(uri: &[u8]) -> Result<Text, &'static str> {
    if uri
        .windows(3)
        .position(|part| part == b"://")
        .is_some_and(|place| uri.iter().take(place).all(|byte| byte.is_ascii_alphanumeric()))
    {
        return Err("is a URL: only its path and query belong here");
    }
    endpoint::path(uri)
}

/// A comma list of tokens, which lws compares the answer with.
fn protocols(list: &[u8]) -> Result<Text, &'static str> {
    const NO_LIST: &str = "has a Sec-WebSocket-Protocol that is no list of tokens";
    let mut tidy: Vec<u8> = Vec::new();
    // A space may be added to each comma.
    tidy.try_reserve(2 * list.len()).map_err(|_| "cannot be copied: out of memory")?;
    for name in list.split(|&byte| byte == b',') {
        let name = name.trim_ascii();
        if name.is_empty() || !name.iter().all(|&byte| is_token(byte)) {
            return Err(NO_LIST);
        }
        if !tidy.is_empty() {
            tidy.extend_from_slice(b", ");
        }
        tidy.extend_from_slice(name);
    }
    if tidy.len() > 256 {
        return Err("has a Sec-WebSocket-Protocol of over 256 bytes");
    }
    Text::try_concat(&[&tidy]).ok_or("cannot be copied: out of memory")
}

/// RFC 7230 section 3.2.6.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// What the handshake consists of, or would make a body of what follows it.
fn is_ours(name: &[u8]) -> bool {
    const OURS: [&[u8]; 5] =
        [b"Host", b"Upgrade", b"Connection", b"Content-Length", b"Transfer-Encoding"];
    const PREFIX: &[u8] = b"Sec-WebSocket-";
    OURS.iter().any(|ours| is(name, ours))
        || name.get(..PREFIX.len()).is_some_and(|start| is(start, PREFIX))
}

fn is(name: &[u8], other: &[u8]) -> bool {
    name.eq_ignore_ascii_case(other)
}

impl<'a> TlsSettings<'a> {
    /// For the server of `host`.
    pub(super) fn client(&self, host: &Host) -> Result<ClientTls, tls::Error> {
        ClientTls::with(&tls::Settings {
            ca: self.ca,
            certificate: self.certificate,
            key: self.key,
            verification: self.verification,
            max_fragment_length: u16::try_from(self.max_fragment_length).unwrap_or(0),
            address: host.ipv6,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::borrow::ToOwned;
    use std::string::{String, ToString};

    fn settings<'a>(headers: &'a [(&'a [u8], &'a [u8])]) -> Settings<'a> {
        Settings { hostname: b"example.org", port: 8080, uri: b"", tls: None, time_out: 0, headers }
    }

    fn accepted(settings: &Settings<'_>) -> Config {
        Config::new(settings).unwrap_or_else(|why| panic!("{why}"))
    }

    fn refusal(settings: &Settings<'_>) -> String {
        Config::new(settings).err().map_or("accepted".to_owned(), |why| why.to_string())
    }

    #[test]
    fn what_is_left_out_has_a_default() {
        let config = accepted(&settings(&[]));
        assert_eq!(config.path.as_bytes(), b"/");
        assert_eq!(config.timeout_ms, 20_000);
        assert!(config.protocol.is_empty() && config.headers.is_empty());
        assert_eq!(accepted(&Settings { time_out: 7, ..settings(&[]) }).timeout_ms, 7);
        let why = refusal(&Settings { time_out: -1, ..settings(&[]) });
        assert_eq!(why, "time_out is negative");
    }

    #[test]
    fn headers_become_lines() {
        let config = accepted(&settings(&[
            (b"Origin", b"https://example.org"),
            (b"X-Empty", b""),
            (b"x-tab", b"a\tb \xC3\xA9"),
        ]));
        assert_eq!(
            config.headers,
            b"Origin: https://example.org\r\nX-Empty: \r\nx-tab: a\tb \xC3\xA9\r\n"
        );
    }

    #[test]
    fn headers_that_would_add_or_replace_lines_are_refused() {
        for (name, value) in [
            ("", "x"),
            ("A B", "x"),
            ("A:", "x"),
            ("A\r\nB", "x"),
            ("A", "x\r\nB: y"),
            ("A", "x\ny"),
            ("A", "\u{7f}"),
            ("host", "x"),
            ("UPGRADE", "x"),
            ("Connection", "x"),
            ("Sec-WebSocket-Key", "x"),
            ("sec-websocket-version", "13"),
            ("Sec-WebSocket-Extensions", "permessage-deflate"),
            ("Content-Length", "1"),
            ("Transfer-Encoding", "chunked"),
        ] {
            let why = refusal(&settings(&[(name.as_bytes(), value.as_bytes())]));
            assert!(why.starts_with("hndshk_hdrs has "), "{name:?}: {value:?}: {why}");
        }
        let long = [b'x'; LONGEST_HEADERS];
        assert_eq!(refusal(&settings(&[(b"A", &long)])), "hndshk_hdrs is over 16 KiB");
    }

    #[test]
    fn subprotocols_are_a_tidy_list() {
        let name: &[u8] = b"Sec-WebSocket-Protocol";
        for (given, asked) in [("chat", "chat"), ("a,b", "a, b"), (" a ,\tb", "a, b")] {
            let headers: [(&[u8], &[u8]); 1] = [(name, given.as_bytes())];
            let config = accepted(&settings(&headers));
            assert_eq!(config.protocol.as_bytes(), asked.as_bytes());
            assert!(config.headers.is_empty());
        }
        for given in ["", ",", "a,", "a b", "a;b"] {
            assert_ne!(refusal(&settings(&[(name, given.as_bytes())])), "accepted", "{given:?}");
        }
        let twice = refusal(&settings(&[(name, b"a"), (b"sec-websocket-protocol", b"b")]));
        assert_eq!(twice, "hndshk_hdrs has Sec-WebSocket-Protocol twice");
    }

    #[test]
    fn a_url_is_no_uri() {
        for uri in ["ws://example.org/", "wss://x", "http://x/y"] {
            let why = refusal(&Settings { uri: uri.as_bytes(), ..settings(&[]) });
            assert_eq!(why, "uri is a URL: only its path and query belong here", "{uri}");
        }
        let query = Settings { uri: b"/x?next=http://y", ..settings(&[]) };
        assert_eq!(accepted(&query).path.as_bytes(), b"/x?next=http://y");
    }
}
