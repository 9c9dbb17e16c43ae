//! What lws reports, in our terms.

use core::fmt;

use crate::tls;

/// Something that happened to a connection.
pub(crate) enum Event<'a> {
    /// The WebSocket handshake is done.
    Established,
    /// The connection is over, or never came to be. Reported once; the
    /// connection can no longer be written to.
    Ended(Reason<'a>),
    /// Something can be written without waiting.
    Writeable,
    /// Payload bytes; `None` when lws named a length but no bytes.
    Received(Option<&'a [u8]>),
    /// lws wants certificates added to the trust of its SSL_CTX.
    LoadCertificates(tls::Context),
}

/// Why a connection ended.
pub(crate) enum Reason<'a> {
    /// What lws says.
    Lws(&'a [u8]),
    /// The server could not be trusted.
    Certificate(tls::VerifyError),
    /// TLS failed otherwise.
    Tls(tls::Error),
    /// A Close frame came, with this code (RFC 6455 section 7.4) if any.
    ClosedByPeer(Option<u16>),
    /// The transport ended without a goodbye.
    Lost,
    /// `lws_service` failed.
    Service,
    /// There was no answer in time.
    Timeout,
}

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lws(text) => text.utf8_chunks().try_for_each(|chunk| f.write_str(chunk.valid())),
            Self::Certificate(why) => why.fmt(f),
            Self::Tls(why) => why.fmt(f),
            Self::ClosedByPeer(Some(code)) => {
                write!(f, "the server closed the connection with code {code}")
            }
            Self::ClosedByPeer(None) => f.write_str("the server closed the connection"),
            Self::Lost => f.write_str("the connection was lost"),
            Self::Service => f.write_str("lws_service failed"),
            Self::Timeout => f.write_str("no answer in time"),
        }
    }
}

/// Who hears of a connection's events.
pub(crate) trait Listener {
    /// Called from within a call of [`super::Connection`], which may be closed
    /// meanwhile; no event follows then.
    fn on_event(&self, event: Event<'_>);

    /// Header lines to add to the request, each with its line end. Asked while the
    /// request is made, before any event.
    fn extra_headers(&self) -> &[u8] {
        &[]
    }

    /// A Close frame with this payload came. `Err`: it is refused with this code
    /// (RFC 6455 section 7.4.1). lws answers it otherwise.
    fn on_close_frame(&self, _payload: &[u8]) -> Result<(), u16> {
        Ok(())
    }
}
