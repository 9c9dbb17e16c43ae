//! One lws context with one client connection in it.

use core::cell::Cell;
use core::ffi::{c_int, c_void};
use core::mem::zeroed;
use core::ptr::{NonNull, null_mut};

use libwebsockets_sys as lws;

use super::event::{Event, Listener, Reason};
use super::extensions::internal_extensions;
use super::log_level;
use super::send_buffer::SendBuffer;
use super::wakeup::Wakeup;
use crate::ffi::entry::guard;
use crate::sys::{Mutex, Shared, SigpipeBlocked, SigpipeDisposition, Text};
use crate::tls::{self, ClientTls, HostErrors};

/// Where to connect to and as what. The strings are those of the handshake
/// (RFC 6455 section 4.1), valid for the wire.
pub(crate) struct Endpoint<'a> {
    pub(crate) address: &'a Text,
    pub(crate) port: u16,
    pub(crate) path: &'a Text,
    pub(crate) host: &'a Text,
    pub(crate) origin: &'a Text,
    /// The subprotocol to ask for, if not empty. Must outlive the connection:
    /// lws keeps the pointer.
    pub(crate) protocol: &'a Text,
    pub(crate) tls: Option<&'a ClientTls>,
    /// How long lws itself waits for each step of the handshake.
    pub(crate) timeout_secs: u32,
}

/// A connection and the lws context that serves it. `clone` is the same one.
pub(crate) struct Connection<L: Listener>(Shared<Link<L>>);

/// What lws knows as its context's user pointer.
///
/// lws may still call back between the decision to destroy a context and the
/// end of the call into lws that is running (and must not be destroyed inside a
/// callback on any version), hence `depth` and `closed`.
struct Link<L: Listener> {
    /// Alive as long as the context, since lws points into its configuration.
    listener: Shared<L>,
    /// Alive as long as the context.
    tls: Option<ClientTls>,
    context: Cell<*mut lws::lws_context>,
    /// NULL before `lws_client_connect_via_info` and after the end.
    wsi: Cell<*mut lws::lws>,
    wakeup: Cell<Option<Wakeup>>,
    #[cfg(lws_log_cx)]
    log: log_level::OwnLog,
    connecting: Cell<bool>,
    established: Cell<bool>,
    /// The code of the peer's Close frame, once one came.
    peer_close: Cell<Option<Option<u16>>>,
    /// Why the server's certificate was refused, once it was.
    verify_error: Cell<Option<tls::VerifyError>>,
    /// Calls into lws that are running.
    depth: Cell<u32>,
    /// No event is passed on, and the context goes as soon as `depth` is 0.
    closed: Cell<bool>,
}

/// Creating a context changes process-wide state; see [`SigpipeDisposition`].
static CREATING: Mutex<()> = Mutex::new(());

/// `lws_service` with this returns at once, timers served. 0 and positive
/// values wait, on every lws 4 (SRS_WSIO_01_112 means this by its 0).
const WITHOUT_WAITING: c_int = -1;

/// An entry a file descriptor: the socket, two of the context's own, one more
/// on lws 4.5. Without this, one for each that RLIMIT_NOFILE allows.
const FD_LIMIT: u32 = 8;

/// Room for the server's response headers, allocated while connecting only.
const HEADER_DATA: u16 = 16 * 1024;

/// The most that one `send()` gets; by default lws cuts into 4,116 bytes. No
/// memory is set aside for it.
const TX_PACKET_SIZE: usize = 16 * 1024 * 1024;

const NO_CONNECT: &str = "lws_client_connect_via_info failed: host not found, or out of memory";

/// RFC 6455 section 7.4.1: normal closure.
const CLOSE_NORMAL: u16 = 1000;

/// lws knows it as LWS_WRITE_CLOSE, which some versions keep private.
const LWS_WRITE_CLOSE: lws::lws_write_protocol = 4;

impl<L: Listener> Connection<L> {
    /// Makes a context and starts to connect. Blocks while the address is
    /// looked up. Events are reported from within this call already.
    pub(crate) fn open(listener: &Shared<L>, to: &Endpoint<'_>) -> Result<Self, &'static str> {
        let link = Shared::try_new(Link {
            listener: listener.clone(),
            tls: to.tls.cloned(),
            context: Cell::new(null_mut()),
            wsi: Cell::new(null_mut()),
            wakeup: Cell::new(None),
            #[cfg(lws_log_cx)]
            log: log_level::OwnLog::new(),
            connecting: Cell::new(true),
            established: Cell::new(false),
            peer_close: Cell::new(None),
            verify_error: Cell::new(None),
            depth: Cell::new(0),
            closed: Cell::new(false),
        })
        .ok_or("out of memory")?;
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
    pub(crate) fn service(&self) -> c_int {
        Link::call(&self.0, || {
            // SAFETY: the context lives until the outermost call has returned.
            // SRS_WSIO_01_061, SRS_WSIO_01_112
            unsafe { lws::lws_service(self.0.context.get(), WITHOUT_WAITING) }
        })
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

    /// Whether lws holds bytes that the kernel has not taken yet. Nothing may
    /// be written until it has: the stream would be corrupted.
    pub(crate) fn has_unsent(&self) -> bool {
        let Some(wsi) = self.wsi() else { return false };
        // SAFETY: a living wsi.
        let partial = unsafe { lws::lws_partial_buffered(wsi.as_ptr()) } != 0;
        #[cfg(feature = "permessage-deflate")]
        // The extension keeps a remainder that only this knows of.
        // SAFETY: a living wsi.
        let partial = partial || unsafe { lws::lws_send_pipe_choked(wsi.as_ptr()) } != 0;
        partial
    }

    /// Writes one binary message (or the rest of one): what `lws_write` says.
    /// Not while [`Self::has_unsent`].
    pub(crate) fn write(&self, message: &mut SendBuffer) -> c_int {
        let Some(wsi) = self.wsi() else { return -1 };
        let payload = message.payload_mut();
        Link::call(&self.0, || {
            // SAFETY: a living wsi; the payload has LWS_PRE bytes before it.
            // SRS_WSIO_01_075
            unsafe {
                lws::lws_write(
                    wsi.as_ptr(),
                    payload.as_mut_ptr(),
                    payload.len(),
                    lws::LWS_WRITE_BINARY,
                )
            }
        })
    }

    /// Ends the connection. No event follows; the context is destroyed now or,
    /// inside a callback, when the outermost call into lws has returned.
    ///
    /// `polite`: an established connection gets a Close frame with code 1000
    /// first, if it can be sent at once. lws sends none by itself.
    pub(crate) fn close(self, polite: bool) {
        Link::call(&self.0, || {
            // lws itself answers a Close of the peer's.
            let open = self.0.established.get() && self.0.peer_close.get().is_none();
            if polite && open && !self.has_unsent() {
                self.say_goodbye();
            }
            self.0.closed.set(true);
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

    fn wsi(&self) -> Option<NonNull<lws::lws>> {
        NonNull::new(self.0.wsi.get())
    }
}

impl<L: Listener> Clone for Connection<L> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<L: Listener> Link<L> {
    /// Runs `f`, which calls lws. The outermost such call keeps the host's
    /// signals and OpenSSL errors out of it, and destroys a closed context.
    fn call<R>(link: &Shared<Self>, f: impl FnOnce() -> R) -> R {
        if link.depth.get() > 0 {
            return f();
        }
        // Until the end of this call, even if the owner lets go of it.
        let link = link.clone();
        let _sigpipe = SigpipeBlocked::enter();
        let _errors = link.tls.as_ref().map(|_| HostErrors::keep());
        link.depth.set(1);
        let result = f();
        if link.closed.get() {
            link.destroy();
        }
        link.depth.set(0);
        result
    }

    /// SRS_WSIO_01_010, SRS_WSIO_01_023
    fn connect(link: &Shared<Self>, to: &Endpoint<'_>) -> Result<(), &'static str> {
        let context = Self::create_context(link, to);
        if context.is_null() {
            return Err("lws_create_context failed"); // SRS_WSIO_01_022
        }
        link.context.set(context);
        // SAFETY: the context lives until `link` is closed.
        unsafe {
            let vhost = lws::lws_get_vhost_by_name(context, c"default".as_ptr());
            if vhost.is_null() {
                return Err("lws has no default vhost");
            }
            // lws took a proxy from the environment: take it away again.
            if lws::lws_set_proxy(vhost, c"0:0".as_ptr()) != 0 {
                return Err("lws_set_proxy failed");
            }
            if let Some(tls) = to.tls {
                // Apart from the context's creation, which would make lws change
                // OpenSSL for the whole process (docs/ARCHITECTURE.md, TLS).
                let mut info: lws::lws_context_creation_info = zeroed();
                info.options = u64::from(lws::LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT);
                info.provided_client_ssl_ctx = tls.as_ptr();
                if lws::lws_init_vhost_client_ssl(&info, vhost) != 0 {
                    return Err("lws_init_vhost_client_ssl failed");
                }
            }
            let mut ssl_connection = lws::LCCSCF_HTTP_NO_FOLLOW_REDIRECT as c_int;
            if to.tls.is_some() {
                ssl_connection |= lws::LCCSCF_USE_SSL as c_int; // SRS_WSIO_01_027
            } // SRS_WSIO_01_103
            let mut info: lws::lws_client_connect_info = zeroed();
            info.context = context; // SRS_WSIO_01_024
            info.address = to.address.as_ptr(); // SRS_WSIO_01_025
            info.port = c_int::from(to.port); // SRS_WSIO_01_026
            info.ssl_connection = ssl_connection;
            info.path = to.path.as_ptr(); // SRS_WSIO_01_028
            info.host = to.host.as_ptr(); // SRS_WSIO_01_029
            info.origin = to.origin.as_ptr(); // SRS_WSIO_01_030
            if !to.protocol.is_empty() {
                info.protocol = to.protocol.as_ptr(); // SRS_WSIO_01_031
            }
            info.ietf_version_or_minus_one = -1; // SRS_WSIO_01_032
            info.vhost = vhost;
            info.alpn = c"http/1.1".as_ptr();
            info.pwsi = link.wsi.as_ptr();
            info.retry_and_idle_policy = no_keep_alive();
            let wsi = lws::lws_client_connect_via_info(&info);
            if wsi.is_null() {
                return Err(NO_CONNECT); // SRS_WSIO_01_033
            }
            // Unless it has ended meanwhile.
            if link.connecting.get() {
                link.wsi.set(wsi);
            }
        }
        Ok(())
    }

    fn create_context(link: &Shared<Self>, to: &Endpoint<'_>) -> *mut lws::lws_context {
        // SRS_WSIO_01_012: the second entry is all zeroes.
        // SAFETY: integers, pointers and optional functions: zero is valid.
        let mut protocols: [lws::lws_protocols; 2] = unsafe { zeroed() };
        // SRS_WSIO_01_014, SRS_WSIO_01_016, SRS_WSIO_01_017, SRS_WSIO_01_019:
        // id, per_session_data_size, rx_buffer_size and user stay 0 or NULL.
        protocols[0].callback = Some(on_ws_callback::<L>); // SRS_WSIO_01_013
        protocols[0].name = to.protocol.as_ptr(); // SRS_WSIO_01_015
        protocols[0].tx_packet_size = TX_PACKET_SIZE;

        // SRS_WSIO_01_093, SRS_WSIO_01_094, SRS_WSIO_01_095, SRS_WSIO_01_097:
        // TLS files, proxy, options and keep alive stay NULL or 0.
        // SAFETY: as above.
        let mut info: lws::lws_context_creation_info = unsafe { zeroed() };
        info.port = lws::WSIO_PORT_NO_LISTEN; // SRS_WSIO_01_011
        info.protocols = protocols.as_ptr();
        info.extensions = internal_extensions(); // SRS_WSIO_01_091
        // SRS_WSIO_01_092: -1 in whatever unsigned types the system has.
        info.gid = !0;
        info.uid = !0;
        info.fd_limit_per_thread = FD_LIMIT;
        info.max_http_header_data = HEADER_DATA;
        info.timeout_secs = to.timeout_secs;
        info.connect_timeout_secs = to.timeout_secs;
        info.retry_and_idle_policy = no_keep_alive();
        #[cfg(lws_log_cx)]
        {
            info.log_cx = link.log.as_ptr();
        }
        // SRS_WSIO_01_096: an owner for lws, taken back after the context.
        info.user = link.clone().into_raw();

        let context = CREATING.with(|()| {
            let _disposition = SigpipeDisposition::save();
            let mut wakeup = Wakeup::new();
            // SAFETY: lws copies `info` and the protocols; the name outlives the
            // context, being the listener's.
            let context = unsafe { lws::lws_create_context(&info) };
            if !context.is_null() {
                // SAFETY: alive.
                unsafe { wakeup.find(context) };
                link.wakeup.set(Some(wakeup));
            }
            context
        });
        if context.is_null() {
            Self::take_back(info.user);
        }
        context
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
    fn take_back(user: *mut c_void) {
        if let Some(user) = NonNull::new(user) {
            // SAFETY: from `into_raw` in `create_context`; its context is gone.
            drop(unsafe { Shared::<Self>::from_raw(user) });
        }
    }

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
    fn why_not_connected<'a>(&self, text: &'a [u8]) -> Reason<'a> {
        if let Some(why) = self.verify_error.get() {
            return Reason::Certificate(why);
        }
        let tls = self.tls.as_ref().and_then(|_| tls::Error::if_any("TLS failed"));
        match tls {
            Some(why) => Reason::Tls(why),
            None if text.is_empty() => Reason::Lws(b"connecting failed"),
            None => Reason::Lws(text),
        }
    }

    /// Forgets the wsi, which dangles from now on, and reports the end, once.
    fn end(&self, reason: Reason<'_>) {
        self.wsi.set(null_mut());
        self.connecting.set(false);
        self.established.set(false);
        self.listener.on_event(Event::Ended(reason));
    }
}

/// What lws calls; SRS_WSIO_01_013.
unsafe extern "C" fn on_ws_callback<L: Listener>(
    wsi: *mut lws::lws,
    reason: lws::lws_callback_reasons,
    user: *mut c_void,
    data: *mut c_void,
    length: usize,
) -> c_int {
    const CONTINUE: c_int = 0;
    guard(CONTINUE, || {
        // The many that do not concern us, before anything is looked up.
        if !matches!(
            reason,
            lws::LWS_CALLBACK_CLIENT_ESTABLISHED
                | lws::LWS_CALLBACK_CLIENT_CONNECTION_ERROR
                | lws::LWS_CALLBACK_CLIENT_WRITEABLE
                | lws::LWS_CALLBACK_CLIENT_RECEIVE
                | lws::LWS_CALLBACK_WS_PEER_INITIATED_CLOSE
                | lws::LWS_CALLBACK_CLOSED_CLIENT_HTTP
                | lws::LWS_CALLBACK_CLIENT_CLOSED
                | lws::LWS_CALLBACK_CLOSED
                | lws::LWS_CALLBACK_WSI_DESTROY
                | lws::LWS_CALLBACK_OPENSSL_PERFORM_SERVER_CERT_VERIFICATION
                | lws::LWS_CALLBACK_OPENSSL_LOAD_EXTRA_CLIENT_VERIFY_CERTS
        ) {
            return CONTINUE;
        }
        // SAFETY: lws calls with a wsi of a living context, whose user pointer
        // is an owner of a `Link<L>`.
        let link: Shared<Link<L>> = unsafe {
            match NonNull::new(lws::lws_context_user(lws::lws_get_context(wsi))) {
                Some(link) => Shared::from_raw_borrowed(link),
                None => return CONTINUE,
            }
        };
        if link.closed.get() {
            return CONTINUE;
        }
        if reason == lws::LWS_CALLBACK_OPENSSL_LOAD_EXTRA_CLIENT_VERIFY_CERTS {
            // SAFETY: `user` is the SSL_CTX (SRS_WSIO_01_090), valid meanwhile.
            if let Some(context) = unsafe { tls::Context::from_raw(user) } {
                link.listener.on_event(Event::LoadCertificates(context));
            }
            return CONTINUE;
        }
        if !link.is_ours(wsi, reason) {
            return CONTINUE;
        }
        if reason == lws::LWS_CALLBACK_OPENSSL_PERFORM_SERVER_CERT_VERIFICATION {
            // Only noted: OpenSSL's verdict stands. `length` is not one here.
            // SAFETY: `user` is the X509_STORE_CTX of the verification.
            link.verify_error.set(unsafe { tls::VerifyError::of(user) });
            return CONTINUE;
        }
        // SAFETY: lws says that `length` bytes are there.
        let bytes = unsafe { bytes(data, length) };
        match reason {
            lws::LWS_CALLBACK_CLIENT_ESTABLISHED => {
                link.established.set(true);
                link.listener.on_event(Event::Established);
            }
            lws::LWS_CALLBACK_CLIENT_WRITEABLE => link.listener.on_event(Event::Writeable),
            lws::LWS_CALLBACK_CLIENT_RECEIVE => link.listener.on_event(Event::Received(bytes)),
            lws::LWS_CALLBACK_WS_PEER_INITIATED_CLOSE => {
                let code = bytes.and_then(|payload| payload.first_chunk());
                link.peer_close.set(Some(code.map(|&code| u16::from_be_bytes(code))));
            }
            lws::LWS_CALLBACK_CLIENT_CONNECTION_ERROR => {
                link.end(link.why_not_connected(bytes.unwrap_or_default()));
            }
            _ => link.end(match link.peer_close.get() {
                Some(code) => Reason::ClosedByPeer(code),
                None => Reason::Lost,
            }),
        }
        CONTINUE
    })
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

/// A policy of zeroes: no pings on an idle connection and no hang-up for want
/// of traffic, which is what lws does by default (SRS_WSIO_01_097).
fn no_keep_alive() -> *const lws::lws_retry_bo_t {
    struct Policy(lws::lws_retry_bo_t);
    // SAFETY: never written; it contains no valid pointer.
    unsafe impl Sync for Policy {}
    // SAFETY: integers and pointers: zero is valid.
    static POLICY: Policy = Policy(unsafe { zeroed() });
    &POLICY.0
}
