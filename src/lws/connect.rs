//! From an [`Endpoint`] to a connection that lws works on.

use core::ffi::c_int;
use core::mem::zeroed;

use libwebsockets_sys as lws;

use super::callback::on_ws_callback;
use super::descriptor_zero::DescriptorZero;
use super::event::Listener;
use super::extensions::internal_extensions;
use super::link::Link;
use super::scratch;
use super::wakeup::Wakeup;
use crate::sys::{Mutex, Shared, SigpipeDisposition, Text};
use crate::tls::ClientTls;

/// Where to connect to and as what. The strings are those of the handshake
/// (RFC 6455 section 4.1), valid for the wire.
pub(crate) struct Endpoint<'a> {
    pub(crate) address: &'a Text,
    pub(crate) port: u16,
    pub(crate) path: &'a Text,
    pub(crate) host: &'a Text,
    /// `None`: no Origin header.
    pub(crate) origin: Option<&'a Text>,
    /// The subprotocol to ask for, if not empty. Must outlive the connection:
    /// lws keeps the pointer.
    pub(crate) protocol: &'a Text,
    pub(crate) tls: Option<&'a ClientTls>,
    /// Frames up to this size are reported whole; 0: as they come.
    pub(crate) whole_frames: usize,
    /// How long lws itself waits for each step of the handshake.
    pub(crate) timeout_secs: u32,
}

/// Creating a context changes process-wide state; see [`SigpipeDisposition`].
static CREATING: Mutex<()> = Mutex::new(());

/// An entry a file descriptor: the socket, two of the context's own, one more
/// on lws 4.5. Without this, one for each that RLIMIT_NOFILE allows.
const FD_LIMIT: u32 = 8;

/// Room for the server's response headers, allocated while connecting only. A
/// little more than [`scratch::SIZE`], since the buffer of that size that lws
/// allocates when this is freed then takes its place: otherwise each connection
/// holds some KiB more.
const HEADER_DATA: u16 = 63 * 1024;

/// The most that one `send()` gets; by default lws cuts into 4,116 bytes. No
/// memory is set aside for it.
const TX_PACKET_SIZE: usize = 16 * 1024 * 1024;

const NO_CONNECT: &str = "lws_client_connect_via_info failed: host not found, or out of memory";

impl<L: Listener> Link<L> {
    /// SRS_WSIO_01_010, SRS_WSIO_01_023
    pub(super) fn connect(link: &Shared<Self>, to: &Endpoint<'_>) -> Result<(), &'static str> {
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
            if let Some(origin) = to.origin {
                info.origin = origin.as_ptr(); // SRS_WSIO_01_030
            }
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
        // id, per_session_data_size and user stay 0 or NULL; so does rx_buffer_size
        // for wsio.
        protocols[0].callback = Some(on_ws_callback::<L>); // SRS_WSIO_01_013
        protocols[0].name = to.protocol.as_ptr(); // SRS_WSIO_01_015
        protocols[0].rx_buffer_size = to.whole_frames;
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
        info.pt_serv_buf_size = scratch::SIZE;
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
            let _zero = DescriptorZero::keep();
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
