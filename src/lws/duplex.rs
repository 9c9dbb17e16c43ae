//! A connection for a face that sends and receives frames of any kind, at its own
//! pace: what it needs beyond [`Connection`]'s basics.

use core::ffi::{c_int, c_short};

use libwebsockets_sys as lws;

use super::connection::Connection;
use super::event::Listener;
use super::link::Link;
use crate::tls;

/// What a frame that is written carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Binary,
    Ping,
    Pong,
}

impl Kind {
    /// `first` and `last`: where the frame is in its message.
    fn as_lws(self, first: bool, last: bool) -> lws::lws_write_protocol {
        let kind = match self {
            Self::Text if first => lws::LWS_WRITE_TEXT,
            Self::Binary if first => lws::LWS_WRITE_BINARY,
            Self::Text | Self::Binary => lws::LWS_WRITE_CONTINUATION,
            Self::Ping => lws::LWS_WRITE_PING,
            Self::Pong => lws::LWS_WRITE_PONG,
        };
        if last { kind } else { kind | lws::LWS_WRITE_NO_FIN }
    }
}

/// The frame that the bytes of an [`super::Event::Received`] belong to.
pub(crate) struct Frame {
    /// FIN is set, and these are the frame's last bytes.
    pub(crate) is_end: bool,
    /// It is not a continuation. Valid for the first bytes of a frame.
    pub(crate) is_first: bool,
    pub(crate) is_binary: bool,
    /// Payload bytes that are yet to come.
    pub(crate) remaining: usize,
}

/// A send buffer of more than this is not kept.
const KEEP: usize = 64 * 1024;

impl<L: Listener> Connection<L> {
    /// Writes one frame. `Err` when the connection failed, or memory is short. Not
    /// while [`Self::has_unsent`].
    pub(crate) fn write_frame(
        &self,
        payload: &[u8],
        kind: Kind,
        first: bool,
        last: bool,
    ) -> Result<(), &'static str> {
        let written = self.write_as(payload, kind.as_lws(first, last));
        if payload.len() > KEEP {
            self.0.send_buffer.take();
        }
        match written.map(usize::try_from) {
            // lws keeps what the kernel does not take; of control frames it counts
            // the header as well.
            Some(Ok(count)) if count >= payload.len() => Ok(()),
            Some(_) => Err("lws_write failed"),
            None => Err("out of memory for lws_write"),
        }
    }

    /// Of the event that is being reported.
    pub(crate) fn frame(&self) -> Option<Frame> {
        let wsi = self.wsi()?.as_ptr();
        // SAFETY: a living wsi.
        unsafe {
            Some(Frame {
                is_end: lws::lws_is_final_fragment(wsi) != 0,
                is_first: lws::lws_is_first_fragment(wsi) != 0,
                is_binary: lws::lws_frame_is_binary(wsi) != 0,
                remaining: lws::lws_remaining_packet_payload(wsi),
            })
        }
    }

    /// What was wrong with the server's certificate, although it was accepted.
    pub(crate) fn distrust(&self) -> Option<tls::VerifyError> {
        self.0.verify_error.get()
    }

    /// Whether more is to be received. What lws has read already it keeps until then.
    pub(crate) fn receive(&self, on: bool) {
        let Some(wsi) = self.wsi() else { return };
        Link::call(&self.0, || {
            // SAFETY: a living wsi. A failure shows when it is served next.
            unsafe { lws::lws_rx_flow_control(wsi.as_ptr(), c_int::from(on)) };
        });
    }

    /// Ends the connection with a Close frame of this code, once what lws holds is
    /// sent. [`super::Event::Ended`] follows when the peer has answered, or in 5
    /// seconds. Until then nothing is received.
    pub(crate) fn fail(&self, code: u16) {
        self.0.fails_with.set(Some(code));
        self.request_writeable();
    }

    /// Whether lws itself has found something that it ends the established connection
    /// for with a Close frame. It does not report that before the peer has answered.
    pub(crate) fn is_failing(&self) -> bool {
        // SAFETY: a living wsi, which is a WebSocket's by now.
        self.0.established.get()
            && self.wsi().is_some_and(|wsi| unsafe { lws::lws_get_close_length(wsi.as_ptr()) } > 0)
    }

    /// Whether lws has read bytes that it did not report yet: `service` before waiting.
    pub(crate) fn has_more_work(&self) -> bool {
        let context = self.0.context.get();
        // SAFETY: NULL or a living context.
        !context.is_null() && unsafe { lws::lws_service_adjust_timeout(context, 1, 0) } == 0
    }

    /// The socket, and what to wait for with `poll` before the next `service`.
    /// `receives`: see [`Self::receive`]. `is_long`: a pong must not be forgotten that the
    /// kernel had no room for; that costs a system call.
    pub(crate) fn interest(&self, receives: bool, is_long: bool) -> Option<(c_int, c_short)> {
        let wsi = self.wsi()?.as_ptr();
        let socket = self.socket().filter(|&socket| socket >= 0)?;
        let link = &self.0;
        if !link.requested.get() {
            let ssl = link.ssl();
            // SAFETY: a living SSL, if there is one already.
            let reads =
                !ssl.is_null() && unsafe { lws::SSL_want(ssl) } == lws::SSL_READING as c_int;
            return Some((socket, if reads { libc::POLLIN } else { libc::POLLOUT }));
        }
        // After the peer's Close lws reads no more.
        let receives = receives && link.peer_close.get().is_none();
        let mut events = if receives { libc::POLLIN } else { 0 };
        // SAFETY: a living wsi.
        if self.has_unsent() || (is_long && unsafe { lws::lws_send_pipe_choked(wsi) } != 0) {
            events |= libc::POLLOUT;
        }
        Some((socket, events))
    }
}
