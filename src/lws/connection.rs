//! A connection as the faces use it.

use core::ffi::c_int;
use core::ptr::NonNull;

use libwebsockets_sys as lws;

use super::connect::Endpoint;
use super::cork::Cork;
use super::event::Listener;
use super::gather::Gathering;
use super::link::Link;
use super::log_level;
use super::send_buffer::{PADDING, SendBuffer};
use crate::sys::{self, Shared};
use crate::tls;

/// A connection and the lws context that serves it. `clone` is the same one.
pub(crate) struct Connection<L: Listener>(pub(super) Shared<Link<L>>);

/// `lws_service` with this returns at once, timers served. 0 and positive
/// values wait, on every lws 4 (SRS_WSIO_01_112 means this by its 0).
const WITHOUT_WAITING: c_int = -1;

/// Without traffic for so long, memory is given back: longer than the pauses
/// within a conversation.
const QUIET_MS: u64 = 1_000;

/// RFC 6455 section 7.4.1: normal closure.
const CLOSE_NORMAL: u16 = 1000;

/// lws knows it as LWS_WRITE_CLOSE, which some versions keep private.
const LWS_WRITE_CLOSE: lws::lws_write_protocol = 4;

impl<L: Listener> Connection<L> {
    /// Makes a context and starts to connect. Blocks while the address is
    /// looked up. Events are reported from within this call already.
    pub(crate) fn open(listener: &Shared<L>, to: &Endpoint<'_>) -> Result<Self, &'static str> {
        let link = Shared::try_new(Link::new(listener, to.tls)).ok_or("out of memory")?;
        log_level::silence();
        let result = Link::call(&link, || {
            let result = Link::connect(&link, to);
            link.connecting.set(false);
            if result.is_err() {
                link.closed.set(true);
            }
            result
        });
        result.map(|()| Self(link))
    }

    /// Lets lws do what can be done without waiting. Negative when it cannot.
    #[inline(always)]
    pub(crate) fn service(&self) -> c_int {
        let result = Link::call(&self.0, || {
            // SAFETY: the context lives until the outermost call has returned.
            // SRS_WSIO_01_061, SRS_WSIO_01_112
            unsafe { lws::lws_service(self.0.context.get(), WITHOUT_WAITING) }
        });
        if !self.is_closed() {
            self.rest_when_quiet();
        }
        result
    }

    /// Whether lws reads one TLS record in each call of [`Self::service`], however
    /// small; without TLS, it is a buffer full.
    pub(crate) fn reads_records(&self) -> bool {
        self.0.tls.is_some()
    }

    /// How many bytes TLS has read so far.
    pub(crate) fn bytes_read(&self) -> u64 {
        // SAFETY: NULL, or the living SSL of a living wsi.
        unsafe { tls::bytes_read(self.0.ssl()) }
    }

    /// Whether there is more to read at once.
    pub(crate) fn has_more_to_read(&self) -> bool {
        let Some(socket) = self.socket() else { return false };
        let mut count: c_int = 0;
        // SAFETY: an open socket; an int to write to.
        unsafe { libc::ioctl(socket, libc::FIONREAD, &raw mut count) == 0 && count > 0 }
    }

    /// Asks for an [`Event::Writeable`]. Negative when lws refuses, or when
    /// there is no connection (any more).
    pub(crate) fn request_writeable(&self) -> c_int {
        match self.wsi() {
            // SAFETY: a living wsi.
            Some(wsi) => unsafe { lws::lws_callback_on_writable(wsi.as_ptr()) },
            None => -1,
        }
    }

    /// Whether lws or TLS holds bytes that the kernel has not taken yet. Nothing
    /// may be written until it has: the stream would be corrupted.
    pub(crate) fn has_unsent(&self) -> bool {
        let Some(wsi) = self.wsi() else { return false };
        if self.0.tls_is_stuck.get() {
            return true;
        }
        // SAFETY: a living wsi.
        let partial = unsafe { lws::lws_partial_buffered(wsi.as_ptr()) } != 0;
        #[cfg(feature = "permessage-deflate")]
        // The extension keeps a remainder that only this knows of.
        // SAFETY: a living wsi.
        let partial = partial || unsafe { lws::lws_send_pipe_choked(wsi.as_ptr()) } != 0;
        partial
    }

    /// Writes one binary message (or the rest of one): what `lws_write` says;
    /// `None` when memory is short. Not while [`Self::has_unsent`].
    #[inline(always)]
    pub(crate) fn write(&self, message: &[u8]) -> Option<c_int> {
        self.write_as(message, lws::LWS_WRITE_BINARY)
    }

    #[inline(always)]
    pub(super) fn write_as(&self, message: &[u8], kind: lws::lws_write_protocol) -> Option<c_int> {
        // SRS_WSIO_01_072, SRS_WSIO_01_074
        let mut buffer = self.0.send_buffer.take();
        let written = buffer.fill(message).ok().map(|()| {
            // SAFETY: the payload has LWS_PRE bytes before it.
            unsafe { self.write_in_place(buffer.payload_mut(), kind) }
        });
        self.0.send_buffer.set(buffer);
        written
    }

    /// The same with a message in a block of its own, from `start` on, before
    /// which there are at least [`PADDING`] bytes. It is not copied, so it is
    /// garbage afterwards.
    pub(crate) fn write_block(&self, block: &mut [u8], start: usize) -> Option<c_int> {
        let payload = block.get_mut(start..).filter(|_| start >= PADDING)?;
        if cfg!(feature = "permessage-deflate") {
            // The extension reads it later, when the block may be gone.
            return self.write(payload);
        }
        // SAFETY: seen above.
        Some(unsafe { self.write_in_place(payload, lws::LWS_WRITE_BINARY) })
    }

    /// # Safety
    /// Before the payload there are LWS_PRE bytes in the same block.
    #[inline(always)]
    unsafe fn write_in_place(&self, payload: &mut [u8], kind: lws::lws_write_protocol) -> c_int {
        let Some(wsi) = self.wsi() else { return -1 };
        self.0.had_traffic.set(true);
        let written = Link::call(&self.0, || {
            // SAFETY: a living wsi; promised by the caller. SRS_WSIO_01_075
            unsafe { lws::lws_write(wsi.as_ptr(), payload.as_mut_ptr(), payload.len(), kind) }
        });
        self.note_written(written, payload.len());
        written
    }

    fn note_written(&self, written: c_int, length: usize) {
        match usize::try_from(written) {
            Ok(count) if count == length => self.0.mid_message.set(false),
            Ok(count) if (1..length).contains(&count) => self.0.mid_message.set(true),
            Err(_) => self.0.broken.set(true),
            _ => {}
        }
    }

    /// Holds back what is written in segments that are not full; for more than
    /// one message.
    pub(crate) fn cork(&self) -> Cork<'_, L> {
        Cork::put(self)
    }

    /// With TLS, takes all that is written from now on, `expected` bytes of payload or
    /// more, whether or not the kernel has room. `many` messages, or the records of one,
    /// go out together.
    pub(crate) fn gather(&self, expected: usize, many: bool) -> Option<Gathering<'_, L>> {
        /// RFC 8446 section 5.1, without the largest frame header there is.
        const RECORD: usize = 16 * 1024 - 14;
        self.0
            .tls
            .as_ref()
            .and_then(|_| Gathering::start(self, expected, many || expected > RECORD))
    }

    pub(super) fn socket(&self) -> Option<c_int> {
        // SAFETY: a living wsi.
        self.wsi().map(|wsi| unsafe { lws::lws_get_socket_fd(wsi.as_ptr()) })
    }

    /// Ends the connection. No event follows; the context is destroyed now or,
    /// inside a callback, when the outermost call into lws has returned.
    ///
    /// `polite`: an established connection gets a Close frame with code 1000
    /// first, if it can be sent at once. lws sends none by itself.
    pub(crate) fn close(self, polite: bool) {
        Link::call(&self.0, || {
            let link = &self.0;
            // lws itself answers a Close of the peer's.
            let open = link.established.get() && link.peer_close.get().is_none();
            // A Close frame inside a message would break the stream.
            let whole = !link.mid_message.get() && !link.broken.get();
            if polite && open && whole && !self.has_unsent() {
                self.say_goodbye();
            }
            if link.tls_is_stuck.get() {
                // Or else it would go with TLS's own goodbye, and is to be cancelled.
                // SAFETY: NULL, or the living SSL of a living wsi.
                unsafe { tls::abandon(link.ssl()) };
            }
            link.closed.set(true);
        });
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.0.closed.get()
    }

    fn say_goodbye(&self) {
        let Some(wsi) = self.wsi() else { return };
        let mut frame = SendBuffer::default();
        // Best effort: without memory there is no goodbye.
        if frame.fill(&CLOSE_NORMAL.to_be_bytes()).is_ok() {
            let payload = frame.payload_mut();
            // SAFETY: a living wsi; the payload has LWS_PRE bytes before it.
            unsafe {
                lws::lws_write(wsi.as_ptr(), payload.as_mut_ptr(), payload.len(), LWS_WRITE_CLOSE)
            };
        }
    }

    /// Gives back what is only needed while there is traffic. Not inside lws.
    fn rest_when_quiet(&self) {
        let link = &self.0;
        if link.had_traffic.replace(false) {
            link.busy_at.set(Some(sys::about_now_ms()));
        } else if let Some(busy_at) = link.busy_at.get() {
            let now = sys::about_now_ms();
            if now >= busy_at.saturating_add(QUIET_MS) && !self.has_unsent() {
                link.busy_at.set(None);
                link.send_buffer.take();
                link.scratch.release();
                // SAFETY: NULL, or the living SSL of a living wsi.
                unsafe { tls::rest(link.ssl()) };
            }
        }
    }

    pub(super) fn wsi(&self) -> Option<NonNull<lws::lws>> {
        NonNull::new(self.0.wsi.get())
    }
}

impl<L: Listener> Clone for Connection<L> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}
