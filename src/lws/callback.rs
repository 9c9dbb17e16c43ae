//! What lws calls: its events to ours.

use core::ffi::{c_int, c_void};
use core::ptr::{NonNull, null_mut};

use libwebsockets_sys as lws;

use super::event::{Event, Listener, Reason};
use super::link::Link;
use crate::ffi::guard::guard;
use crate::sys::Shared;
use crate::tls;

/// What lws says when OpenSSL has no memory for an SSL. Nor had it then, perhaps, for
/// what it noted with the certificates, which it never makes up for.
const NO_TLS: &[u8] = b"bio_create failed";

impl<L: Listener> Link<L> {
    /// Whether an event of `wsi` is one of this connection. lws has other wsis
    /// in the same context, and may report an error before it says which is
    /// ours.
    fn is_ours(&self, wsi: *mut lws::lws, reason: lws::lws_callback_reasons) -> bool {
        let ours = self.wsi.get();
        if ours.is_null() {
            self.connecting.get() && reason == lws::LWS_CALLBACK_CLIENT_CONNECTION_ERROR
        } else {
            ours == wsi
        }
    }

    /// The best explanation: lws's own text says little about TLS.
    fn why_not_connected<'a>(&self, wsi: *mut lws::lws, text: &'a [u8]) -> Reason<'a> {
        if let Some(why) = self.verify_error.get() {
            return Reason::Certificate(why);
        }
        let tls = self.tls.as_ref().and_then(|_| {
            // SAFETY: a living wsi; its SSL, if any, is of our SSL_CTX.
            unsafe { tls::handshake_error(lws::lws_get_ssl(wsi).cast()) }
        });
        match tls {
            Some(why) => Reason::Tls(why),
            None if text == NO_TLS => Reason::Tls(tls::Error::plain("out of memory for TLS")),
            None if text.is_empty() => Reason::Lws(b"connecting failed"),
            None => Reason::Lws(text),
        }
    }

    /// Whether the connection is to end with a Close frame of our own, which lws sends
    /// then. To be asked just before lws is told: it keeps the code where the payload
    /// of a ping may be that waits for its pong.
    #[cfg(feature = "websock")]
    fn fails(&self, wsi: *mut lws::lws) -> bool {
        let Some(code) = self.fails_with.take() else { return false };
        // SAFETY: a living wsi, during one of its events.
        unsafe { lws::lws_close_reason(wsi, code.into(), null_mut(), 0) };
        true
    }

    #[cfg(not(feature = "websock"))]
    fn fails(&self, _: *mut lws::lws) -> bool {
        false
    }

    /// Forgets the wsi, which dangles from now on, and reports the end, once.
    fn end(&self, reason: Reason<'_>) {
        self.wsi.set(null_mut());
        self.connecting.set(false);
        self.established.set(false);
        self.listener.on_event(Event::Ended(reason));
    }
}

const CONTINUE: c_int = 0;
/// lws ends the connection, and reports that it has ended.
const HANG_UP: c_int = -1;

/// What lws calls; SRS_WSIO_01_013.
pub(super) unsafe extern "C" fn on_ws_callback<L: Listener>(
    wsi: *mut lws::lws,
    reason: lws::lws_callback_reasons,
    user: *mut c_void,
    data: *mut c_void,
    length: usize,
) -> c_int {
    guard(CONTINUE, || {
        // The many that do not concern us, before anything is looked up.
        let is_frequent = reason == lws::LWS_CALLBACK_CLIENT_RECEIVE
            || reason == lws::LWS_CALLBACK_CLIENT_WRITEABLE;
        if !is_frequent && !concerns_us(reason) {
            return CONTINUE;
        }
        // SAFETY: lws calls with a wsi of a living context, whose user pointer
        // is an owner of a `Link<L>` until the call into lws has returned.
        let link: &Link<L> = unsafe {
            match NonNull::new(lws::lws_context_user(lws::lws_get_context(wsi))) {
                Some(link) => Shared::borrow_raw(link),
                None => return CONTINUE,
            }
        };
        if link.closed.get() {
            return CONTINUE;
        }
        // The frequent ones first.
        if reason == lws::LWS_CALLBACK_CLIENT_RECEIVE && link.wsi.get() == wsi {
            link.had_traffic.set(true);
            // SAFETY: lws says that `length` bytes are there.
            link.listener.on_event(Event::Received(unsafe { bytes(data, length) }));
        } else if reason == lws::LWS_CALLBACK_CLIENT_WRITEABLE && link.wsi.get() == wsi {
            link.had_traffic.set(true);
            if link.tls_is_stuck.get() {
                link.release_tls();
            }
            link.listener.on_event(Event::Writeable);
            if link.broken.get() {
                return HANG_UP;
            }
        } else {
            // SAFETY: as lws documents this event.
            return unsafe { link.on_other(wsi, reason, user, data, length) };
        }
        if link.fails(wsi) { HANG_UP } else { CONTINUE }
    })
}

fn concerns_us(reason: lws::lws_callback_reasons) -> bool {
    matches!(
        reason,
        lws::LWS_CALLBACK_CLIENT_ESTABLISHED
            | lws::LWS_CALLBACK_CLIENT_CONNECTION_ERROR
            | lws::LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER
            | lws::LWS_CALLBACK_CLIENT_WRITEABLE
            | lws::LWS_CALLBACK_CLIENT_RECEIVE
            | lws::LWS_CALLBACK_WS_PEER_INITIATED_CLOSE
            | lws::LWS_CALLBACK_CLOSED_CLIENT_HTTP
            | lws::LWS_CALLBACK_CLIENT_CLOSED
            | lws::LWS_CALLBACK_CLOSED
            | lws::LWS_CALLBACK_WSI_DESTROY
            | lws::LWS_CALLBACK_OPENSSL_PERFORM_SERVER_CERT_VERIFICATION
            | lws::LWS_CALLBACK_OPENSSL_LOAD_EXTRA_CLIENT_VERIFY_CERTS
    )
}

impl<L: Listener> Link<L> {
    /// What happens once in a connection, or never.
    ///
    /// # Safety
    /// As lws calls with this reason.
    #[cold]
    unsafe fn on_other(
        &self,
        wsi: *mut lws::lws,
        reason: lws::lws_callback_reasons,
        user: *mut c_void,
        data: *mut c_void,
        length: usize,
    ) -> c_int {
        if reason == lws::LWS_CALLBACK_OPENSSL_LOAD_EXTRA_CLIENT_VERIFY_CERTS {
            // SAFETY: `user` is the SSL_CTX (SRS_WSIO_01_090), valid meanwhile.
            if let Some(context) = unsafe { tls::Context::from_raw(user) } {
                self.listener.on_event(Event::LoadCertificates(context));
            }
            return CONTINUE;
        }
        if !self.is_ours(wsi, reason) {
            return CONTINUE;
        }
        if reason == lws::LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER {
            self.requested.set(true);
            // SAFETY: as lws documents this event.
            return unsafe {
                self.scratch.find(self.context.get(), data, length);
                match append(data, length, self.listener.extra_headers()) {
                    Ok(()) => CONTINUE,
                    Err(()) => HANG_UP,
                }
            };
        }
        if reason == lws::LWS_CALLBACK_OPENSSL_PERFORM_SERVER_CERT_VERIFICATION {
            // Only noted: OpenSSL's verdict stands. `length` is not one here.
            // SAFETY: `user` is the X509_STORE_CTX of the verification.
            self.verify_error.set(unsafe { tls::VerifyError::of(user) });
            return CONTINUE;
        }
        // SAFETY: lws says that `length` bytes are there.
        let bytes = unsafe { bytes(data, length) };
        match reason {
            lws::LWS_CALLBACK_CLIENT_ESTABLISHED => {
                self.established.set(true);
                // The handshake is no traffic: what it needed goes at once.
                self.had_traffic.set(false);
                self.busy_at.set(Some(0));
                self.listener.on_event(Event::Established);
            }
            lws::LWS_CALLBACK_WS_PEER_INITIATED_CLOSE => {
                let code = bytes.and_then(|payload| payload.first_chunk());
                self.peer_close.set(Some(code.map(|&code| u16::from_be_bytes(code))));
                #[cfg(feature = "websock")]
                if let Err(code) = self.listener.on_close_frame(bytes.unwrap_or_default()) {
                    self.fails_with.set(Some(code));
                }
                if self.fails(wsi) {
                    return HANG_UP;
                }
            }
            lws::LWS_CALLBACK_CLIENT_CONNECTION_ERROR => {
                let why = self.why_not_connected(wsi, bytes.unwrap_or_default());
                if let (Reason::Certificate(_) | Reason::Tls(_), Some(tls)) = (&why, &self.tls) {
                    tls.retire();
                }
                self.end(why);
            }
            _ => self.end(match self.peer_close.get() {
                Some(code) => Reason::ClosedByPeer(code),
                None => Reason::Lost,
            }),
        }
        CONTINUE
    }
}

/// Adds `lines` to the request. `Err` when there is no room for them all.
///
/// # Safety
/// From LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER: `place` points to a pointer to
/// `room` bytes.
unsafe fn append(place: *mut c_void, room: usize, lines: &[u8]) -> Result<(), ()> {
    if lines.is_empty() {
        return Ok(());
    }
    if place.is_null() || lines.len() > room {
        return Err(());
    }
    let place: *mut *mut u8 = place.cast();
    // SAFETY: promised by the caller, and there is room.
    unsafe {
        (*place).copy_from_nonoverlapping(lines.as_ptr(), lines.len());
        *place = (*place).add(lines.len());
    }
    Ok(())
}

/// The bytes that lws points to; `None` for NULL with a length.
///
/// # Safety
/// `data` is NULL or points to `length` bytes that outlive `'a`.
unsafe fn bytes<'a>(data: *const c_void, length: usize) -> Option<&'a [u8]> {
    if length == 0 {
        return Some(&[]);
    }
    // SAFETY: promised by the caller.
    (!data.is_null()).then(|| unsafe { core::slice::from_raw_parts(data.cast(), length) })
}
