//! The types of `websock.h`.

use core::ffi::{c_char, c_int, c_longlong, c_void};

use crate::websock::Header;

/// A connection, as websock_open returned it. Opaque: a number, not an address, and
/// never used again after websock_close.
pub type websock_handle_t = *mut c_void;

/// websock_msg_hdr_t.opcode: further fragment of a message (RFC 6455 section 5.2).
pub const WEBSOCK_OPCODE_CONTINUATION: c_int = 0;
/// websock_msg_hdr_t.opcode: text, or its first fragment.
pub const WEBSOCK_OPCODE_TEXT: c_int = 1;
/// websock_msg_hdr_t.opcode: binary data, or its first fragment.
pub const WEBSOCK_OPCODE_BINARY: c_int = 2;
/// A frame that the library deals with itself.
pub const WEBSOCK_OPCODE_CLOSE: c_int = 8;
/// A frame that the library deals with itself.
pub const WEBSOCK_OPCODE_PING: c_int = 9;
/// A frame that the library deals with itself.
pub const WEBSOCK_OPCODE_PONG: c_int = 10;

/// Whether the server's certificate decides.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ssl_auth_mode_t {
    /// Any server will do. Nobody is kept out of such a connection.
    SSL_WRAP_VERIFY_NONE = 0,
    /// The server is verified; what is wrong with it is logged, and not more.
    SSL_WRAP_VERIFY_OPTIONAL = 1,
    /// The server must be trusted: chain, validity and name.
    SSL_WRAP_VERIFY_REQUIRED = 2,
}

/// A certificate or key: a file, or bytes. None if neither is given; the bytes, if
/// both are.
#[repr(C)]
pub struct ssl_wrap_cert_t {
    /// Name of a file, or NULL.
    pub path: *mut c_char,
    /// PEM or DER, or NULL.
    pub buf: *mut c_char,
    /// Size of buf in bytes; a NUL at its end may be counted or not.
    pub len: c_int,
}

/// How to use TLS.
#[repr(C)]
pub struct ssl_wrap_cfg_t {
    /// Whom to trust; none: whom the system trusts.
    pub ca_cert: ssl_wrap_cert_t,
    /// For a server that asks for one; PEM may have the chain after it.
    pub client_cert: ssl_wrap_cert_t,
    /// The key of client_cert, without a passphrase.
    pub client_key: ssl_wrap_cert_t,
    /// What becomes of a server that cannot be trusted.
    pub auth_mode: ssl_auth_mode_t,
    /// Largest TLS record to ask the server for: 512, 1024, 2048 or 4096 bytes
    /// (RFC 6066 section 4); 0 asks for none.
    pub max_frag_len: c_int,
    /// Ignored.
    pub p_data: *mut c_char,
}

/// A header line of the request.
#[repr(C)]
pub struct websoc_hndshk_hdr_t {
    /// A token (RFC 7230), without the colon.
    pub name: *mut c_char,
    /// No control characters but tabs. May be empty.
    pub val: *mut c_char,
}

/// What websock_open needs to know. Nothing of it is needed after the call.
#[repr(C)]
pub struct websock_config_t {
    /// Host name, IPv4 or IPv6 address (without brackets) of the server: not NULL,
    /// at most 110 bytes.
    pub hostname: *mut c_char,
    /// TCP port of the server, 1 to 65535.
    pub port: c_int,
    /// Path and query to ask for, at most 2,000 bytes: a slash in front is added if
    /// missing; NULL or empty means "/".
    pub uri: *mut c_char,
    /// Not 0: TLS (wss).
    pub secured: c_int,
    /// Used if secured only.
    pub ssl_config: ssl_wrap_cfg_t,
    /// Milliseconds for connecting, TLS and the server's answer together; 0 means
    /// 20,000. To look up the host name comes on top.
    pub time_out: c_int,
    /// Headers to add to the request. Host, Upgrade, Connection, Sec-WebSocket-Key
    /// and Sec-WebSocket-Version are set without that, and refused here, as are
    /// Content-Length, Transfer-Encoding and Sec-WebSocket-Extensions.
    /// Sec-WebSocket-Protocol names the subprotocols to ask for: one, or a comma
    /// list; a server that chooses another is refused.
    pub hndshk_hdrs: [websoc_hndshk_hdr_t; 10],
    /// How many of them are used, 0 to 10.
    pub num_hndshk_hdrs: c_int,
}

/// Of the frame that received bytes belong to.
#[repr(C)]
pub struct websock_msg_hdr_t {
    /// 1 in the last frame of a message, 0 in others. In a frame of more than 1 MiB
    /// this is known, and 1, with its last bytes only.
    pub fin: c_int,
    /// WEBSOCK_OPCODE_TEXT or _BINARY in the first frame of a message, _CONTINUATION
    /// in others; negative: there is no frame.
    pub opcode: c_int,
    /// Of the whole frame, in bytes.
    pub payload_len: c_longlong,
}

/// What a websock_cb_t is called for.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum websock_cb_event_t {
    /// Payload bytes have come.
    WEBSOCK_CB_EVENT_DATA,
    /// The connection is over. There is no event after this.
    WEBSOCK_CB_EVENT_ERROR,
}

/// Is told what happens to a connection; see websock_set_event_handler.
pub type websock_cb_t = Option<
    unsafe extern "C" fn(
        ctx: *mut c_void,
        event: websock_cb_event_t,
        hdr: *mut websock_msg_hdr_t,
        buf: *mut c_char,
        len: c_int,
    ),
>;

pub(super) type websock_cb_function = unsafe extern "C" fn(
    *mut c_void,
    websock_cb_event_t,
    *mut websock_msg_hdr_t,
    *mut c_char,
    c_int,
);

impl From<Header> for websock_msg_hdr_t {
    fn from(header: Header) -> Self {
        Self {
            fin: header.is_final.into(),
            opcode: header.opcode.into(),
            payload_len: c_longlong::try_from(header.payload_length).unwrap_or(c_longlong::MAX),
        }
    }
}
