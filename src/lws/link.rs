//! One lws context with one client connection in it, as lws knows it.

use core::cell::Cell;
use core::ffi::c_void;
use core::ptr::{NonNull, null, null_mut};

use libwebsockets_sys as lws;

use super::event::Listener;
#[cfg(lws_log_cx)]
use super::log_level;
use super::scratch::Scratch;
use super::send_buffer::SendBuffer;
use super::wakeup::Wakeup;
use crate::sys::Shared;
use crate::tls::{self, ClientTls, HostErrors};

/// What lws knows as its context's user pointer.
///
/// lws may still call back between the decision to destroy a context and the
/// end of the call into lws that is running (and must not be destroyed inside a
/// callback on any version), hence `depth` and `closed`.
pub(super) struct Link<L: Listener> {
    /// Alive as long as the context, since lws points into its configuration.
    pub(super) listener: Shared<L>,
    /// Alive as long as the context.
    pub(super) tls: Option<ClientTls>,
    pub(super) context: Cell<*mut lws::lws_context>,
    /// NULL before `lws_client_connect_via_info` and after the end.
    pub(super) wsi: Cell<*mut lws::lws>,
    pub(super) wakeup: Cell<Option<Wakeup>>,
    #[cfg(lws_log_cx)]
    pub(super) log: log_level::OwnLog,
    pub(super) connecting: Cell<bool>,
    pub(super) established: Cell<bool>,
    /// Part of a message is out, and the rest is not.
    pub(super) mid_message: Cell<bool>,
    /// `lws_write` failed. Without memory for the rest of a message lws has sent
    /// a part of it and goes on as if nothing were: nothing may follow.
    pub(super) broken: Cell<bool>,
    /// The request is being written: from here on the server has the word.
    pub(super) requested: Cell<bool>,
    /// The code to fail the connection with, as soon as lws lets us.
    #[cfg(feature = "websock")]
    pub(super) fails_with: Cell<Option<u16>>,
    /// The code of the peer's Close frame, once one came.
    pub(super) peer_close: Cell<Option<Option<u16>>>,
    /// Why the server's certificate was refused, once it was.
    pub(super) verify_error: Cell<Option<tls::VerifyError>>,
    pub(super) send_buffer: Cell<SendBuffer>,
    pub(super) scratch: Scratch,
    /// TLS holds bytes that the kernel did not take.
    pub(super) tls_is_stuck: Cell<bool>,
    /// Something was sent or received since that was last asked.
    pub(super) had_traffic: Cell<bool>,
    /// When that was, on `sys::about_now_ms`; `None` when all memory that can
    /// be given back has been.
    pub(super) busy_at: Cell<Option<u64>>,
    /// Calls into lws that are running.
    pub(super) depth: Cell<u32>,
    /// No event is passed on, and the context goes as soon as `depth` is 0.
    pub(super) closed: Cell<bool>,
}

impl<L: Listener> Link<L> {
    pub(super) fn new(listener: &Shared<L>, tls: Option<&ClientTls>) -> Self {
        Self {
            listener: listener.clone(),
            tls: tls.cloned(),
            context: Cell::new(null_mut()),
            wsi: Cell::new(null_mut()),
            wakeup: Cell::new(None),
            #[cfg(lws_log_cx)]
            log: log_level::OwnLog::new(),
            connecting: Cell::new(true),
            established: Cell::new(false),
            mid_message: Cell::new(false),
            broken: Cell::new(false),
            requested: Cell::new(false),
            #[cfg(feature = "websock")]
            fails_with: Cell::new(None),
            peer_close: Cell::new(None),
            verify_error: Cell::new(None),
            send_buffer: Cell::default(),
            scratch: Scratch::default(),
            tls_is_stuck: Cell::new(false),
            had_traffic: Cell::new(false),
            busy_at: Cell::new(None),
            depth: Cell::new(0),
            closed: Cell::new(false),
        }
    }

    /// Runs `f`, which calls lws. The outermost such call keeps the host's
    /// OpenSSL errors out of it, and destroys a closed context.
    #[inline(always)]
    pub(super) fn call<R>(link: &Shared<Self>, f: impl FnOnce() -> R) -> R {
        if link.depth.get() > 0 {
            return f();
        }
        // Until the end of this call, even if the owner lets go of it.
        let link = link.clone();
        let _errors = link.tls.as_ref().map(|_| HostErrors::keep());
        link.depth.set(1);
        let result = f();
        if link.closed.get() {
            link.destroy();
        }
        link.depth.set(0);
        result
    }

    /// NULL without TLS, or without a wsi.
    pub(super) fn ssl(&self) -> *const lws::SSL {
        match NonNull::new(self.wsi.get()).filter(|_| self.tls.is_some()) {
            // SAFETY: a living wsi.
            Some(wsi) => unsafe { lws::lws_get_ssl(wsi.as_ptr()).cast() },
            None => null(),
        }
    }

    /// SRS_WSIO_01_043
    fn destroy(&self) {
        self.wsi.set(null_mut());
        let context = self.context.replace(null_mut());
        if context.is_null() {
            return;
        }
        // SAFETY: a living context; no call into it is running.
        unsafe {
            let user = lws::lws_context_user(context);
            let mark = self.wakeup.take().and_then(|mut wakeup| {
                wakeup.find(context);
                wakeup.mark()
            });
            lws::lws_context_destroy(context);
            if let Some(mark) = mark {
                mark.close_if_left();
            }
            Self::take_back(user);
        }
    }

    /// Takes back the owner that was given to lws.
    pub(super) fn take_back(user: *mut c_void) {
        if let Some(user) = NonNull::new(user) {
            // SAFETY: from `into_raw` in `create_context`; its context is gone.
            drop(unsafe { Shared::<Self>::from_raw(user) });
        }
    }
}
