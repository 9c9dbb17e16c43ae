//! The functions of `websock.h`.

use core::ffi::{CStr, c_char, c_int, c_void};
use core::ptr::{null_mut, without_provenance_mut};

use super::handler::EventHandler;
use super::log;
use super::types::*;
use crate::endpoint::Refused;
use crate::ffi::guard::guard;
use crate::lws::Kind;
use crate::sys::threads::Deadline;
use crate::tls;
use crate::websock::{self, Failure, Message, Settings, TlsSettings};

const OK: c_int = 0;
const FAILED: c_int = -1;

/// Connects to a WebSocket server (RFC 6455), and waits until that is done.
///
/// @param cfg  where to connect to and how; not needed after the call.
/// @return the handle, which websock_close frees, or NULL when a field is refused,
///         the server does not answer in time, is not trusted or answers otherwise
///         than with a WebSocket, or memory is short. The log handler is told which.
///
/// Threads: the functions here may be called in any thread, on the same handle at
/// once: any number of threads send, one receives (more than one share what comes).
/// Pings and Close frames are answered while a thread is inside one of these
/// functions, websock_recv above all, or an event handler is set; of pings that come
/// at once only the first may be. Frames that are masked, or whose length is written in
/// more bytes than needed, are taken, as far as libwebsockets does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn websock_open(cfg: *mut websock_config_t) -> websock_handle_t {
    guard(null_mut(), || {
        // SAFETY: the C caller's promise.
        match unsafe { open(cfg) } {
            Ok(handle) => without_provenance_mut(handle),
            Err(Failure::Logged) => null_mut(),
            Err(why) => {
                log(format_args!("open failed: {why}"));
                null_mut()
            }
        }
    })
}

/// # Safety
/// `cfg` is NULL or points to a configuration whose pointers are NULL or valid.
unsafe fn open(cfg: *const websock_config_t) -> Result<usize, Failure> {
    const NOTHING: (&[u8], &[u8]) = (b"", b"");
    let mut headers = [NOTHING; 10];
    // SAFETY: promised by the caller. An enum of C's may have any value, so it is read
    // as what it is there.
    let settings = unsafe {
        let Some(cfg) = cfg.as_ref() else { return Err(refuse("cfg", "is NULL")) };
        let hostname = bytes(cfg.hostname).ok_or_else(|| refuse("hostname", "is NULL"))?;
        let count = usize::try_from(cfg.num_hndshk_hdrs).unwrap_or(usize::MAX);
        let (Some(given), Some(taken)) = (cfg.hndshk_hdrs.get(..count), headers.get_mut(..count))
        else {
            return Err(refuse("num_hndshk_hdrs", "is not in 0 to 10"));
        };
        for (header, place) in given.iter().zip(taken.iter_mut()) {
            let (Some(name), Some(value)) = (bytes(header.name), bytes(header.val)) else {
                return Err(refuse("hndshk_hdrs", "has a name or value that is NULL"));
            };
            *place = (name, value);
        }
        Settings {
            hostname,
            port: cfg.port,
            uri: bytes(cfg.uri).unwrap_or_default(),
            tls: if cfg.secured != 0 { Some(tls_settings(&cfg.ssl_config)?) } else { None },
            time_out: cfg.time_out,
            headers: taken,
        }
    };
    websock::open(&settings)
}

/// # Safety
/// The pointers in `config` are NULL or valid.
unsafe fn tls_settings(config: &ssl_wrap_cfg_t) -> Result<TlsSettings<'_>, Failure> {
    // SAFETY: promised by the caller.
    unsafe {
        let mode = (&raw const config.auth_mode).cast::<c_int>().read();
        Ok(TlsSettings {
            ca: source("ca_cert", &config.ca_cert)?,
            certificate: source("client_cert", &config.client_cert)?,
            key: source("client_key", &config.client_key)?,
            verification: match mode {
                0 => tls::Verification::None,
                1 => tls::Verification::Optional,
                2 => tls::Verification::Required,
                _ => return Err(refuse("auth_mode", "is not in 0 to 2")),
            },
            max_fragment_length: match config.max_frag_len {
                size @ (0 | 512 | 1024 | 2048 | 4096) => size,
                _ => return Err(refuse("max_frag_len", "is not 0, 512, 1024, 2048 or 4096")),
            },
        })
    }
}

/// # Safety
/// The pointers in `certificate` are NULL or valid.
unsafe fn source<'a>(
    field: &'static str,
    certificate: &'a ssl_wrap_cert_t,
) -> Result<Option<tls::Source<'a>>, Failure> {
    // SAFETY: promised by the caller.
    unsafe {
        if !certificate.buf.is_null() {
            return match usize::try_from(certificate.len) {
                Ok(length) if length > 0 => Ok(Some(tls::Source::Bytes(
                    core::slice::from_raw_parts(certificate.buf.cast(), length),
                ))),
                _ => Err(refuse(field, "has a buf of no len")),
            };
        }
        if certificate.path.is_null() {
            return Ok(None);
        }
        let path = CStr::from_ptr(certificate.path);
        Ok((!path.is_empty()).then_some(tls::Source::Path(path)))
    }
}

/// Says goodbye to the server (Close, code 1000), waits for its answer for up to a
/// second, and frees everything.
///
/// @param h  from websock_open, not to be used after this; NULL or a handle that was
///           closed already: does nothing.
///
/// Calls on the same handle that are running in other threads fail then, and have
/// returned when this does; so has the event handler, unless this is called by it:
/// then it is not called again.
#[unsafe(no_mangle)]
pub extern "C" fn websock_close(h: websock_handle_t) {
    guard((), || websock::close(h.addr()))
}

/// Sends a text message, and waits until the operating system has taken its last
/// byte: as long as the server does not read, until the connection ends or is closed.
///
/// @param h        from websock_open.
/// @param payload  UTF-8, not changed; may be NULL if len is 0.
/// @param len      its length in bytes, 0 or more.
/// @return 0; or -1 when an argument is bad, the text is not UTF-8, the connection is
///         over or ends before, or memory is short.
///
/// Over 16 MiB it is sent as several fragments. Messages of several threads are sent
/// one after the other.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn websock_send_text(
    h: websock_handle_t,
    payload: *mut c_char,
    len: c_int,
) -> c_int {
    // SAFETY: the C caller's promise.
    unsafe { send(h, Kind::Text, payload, len) }
}

/// Sends a binary message; otherwise as websock_send_text.
///
/// @param h        from websock_open.
/// @param payload  bytes, not changed; may be NULL if len is 0.
/// @param len      how many, 0 or more.
/// @return 0, or -1 as for websock_send_text.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn websock_send_binary(
    h: websock_handle_t,
    payload: *mut c_char,
    len: c_int,
) -> c_int {
    // SAFETY: the C caller's promise.
    unsafe { send(h, Kind::Binary, payload, len) }
}

/// Sends a ping. The server's pong is not reported.
///
/// @param h        from websock_open.
/// @param payload  bytes, not changed; may be NULL if len is 0.
/// @param len      how many, 0 to 125.
/// @return 0, or -1 as for websock_send_text.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn websock_send_ping(
    h: websock_handle_t,
    payload: *mut c_char,
    len: c_int,
) -> c_int {
    // SAFETY: the C caller's promise.
    unsafe { send(h, Kind::Ping, payload, len) }
}

/// Sends a pong that nobody asked for: the server's pings are answered without that.
///
/// @param h        from websock_open.
/// @param payload  bytes, not changed; may be NULL if len is 0.
/// @param len      how many, 0 to 125.
/// @return 0, or -1 as for websock_send_text.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn websock_send_pong(
    h: websock_handle_t,
    payload: *mut c_char,
    len: c_int,
) -> c_int {
    // SAFETY: the C caller's promise.
    unsafe { send(h, Kind::Pong, payload, len) }
}

/// # Safety
/// `payload` is NULL or has `len` bytes.
unsafe fn send(h: websock_handle_t, kind: Kind, payload: *const c_char, len: c_int) -> c_int {
    const LONGEST_CONTROL: usize = 125;
    guard(FAILED, || {
        let payload = match usize::try_from(len) {
            Ok(0) => &[][..],
            // SAFETY: promised by the caller.
            Ok(length) if !payload.is_null() => unsafe {
                core::slice::from_raw_parts(payload.cast::<u8>(), length)
            },
            _ => return FAILED,
        };
        let is_valid = match kind {
            Kind::Text => core::str::from_utf8(payload).is_ok(),
            Kind::Binary => true,
            Kind::Ping | Kind::Pong => payload.len() <= LONGEST_CONTROL,
        };
        if !is_valid {
            return FAILED;
        }
        match websock::send(h.addr(), Message { kind, payload }) {
            Ok(()) => OK,
            Err(()) => FAILED,
        }
    })
}

/// Waits for payload bytes, and takes as many of one frame as have come and as fit.
/// Those that do not fit are there for the next call.
///
/// @param h        from websock_open.
/// @param msg_hdr  is told about the frame that the bytes belong to; its opcode is
///                 negative when there are none.
/// @param buf      gets the bytes; may be NULL if *len is 0.
/// @param len      points to the size of buf in bytes, which is not changed.
/// @param timeout  how long to wait, in milliseconds; 0: not at all.
/// @return how many bytes there are, 0 also for an empty frame (then the opcode is not
///         negative); or -1 when an argument is bad, the connection is over and all
///         that came before was read, or an event handler is set.
///
/// A frame of up to 1 MiB is passed on when all of it has come, a longer one in parts
/// of that size. What is not read makes the server wait, from 256 KiB on (one such
/// frame or part may come in addition). Text that is not UTF-8 is not passed on: it ends the
/// connection with code 1007.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn websock_recv(
    h: websock_handle_t,
    msg_hdr: *mut websock_msg_hdr_t,
    buf: *mut c_char,
    len: *mut c_int,
    timeout: c_int,
) -> c_int {
    guard(FAILED, || {
        if msg_hdr.is_null() || len.is_null() {
            return FAILED;
        }
        // SAFETY: the C caller's promises: all three point to what they say.
        let buffer = unsafe {
            (*msg_hdr).fin = 0;
            (*msg_hdr).opcode = -1;
            (*msg_hdr).payload_len = 0;
            match usize::try_from(*len) {
                Ok(0) => &mut [][..],
                Ok(size) if !buf.is_null() => {
                    core::slice::from_raw_parts_mut(buf.cast::<u8>(), size)
                }
                _ => return FAILED,
            }
        };
        let Ok(timeout) = u64::try_from(timeout) else { return FAILED };
        match websock::receive(h.addr(), buffer, Deadline::in_ms(timeout)) {
            Ok(Some((header, count))) => {
                // SAFETY: as above.
                unsafe { msg_hdr.write(header.into()) };
                c_int::try_from(count).unwrap_or(c_int::MAX)
            }
            Ok(None) => 0,
            Err(()) => FAILED,
        }
    })
}

/// Lets a function be told what comes, instead of websock_recv, which returns -1 then.
///
/// @param h    from websock_open.
/// @param cb   is called for bytes that have come, with their frame's header, and
///             once when the connection is over, with NULL, NULL and 0. NULL: no
///             handler any more; returns when a call of it that is running has.
/// @param ctx  passed to cb as it is.
/// @return 0, or -1 when the handle is not open, or there is no memory for a thread.
///
/// cb is called in a thread of the library's, one call at a time. Header and bytes (at
/// most 64 KiB of one frame a call) are valid during the call. It may call all websock
/// functions, websock_close and this one on the same handle included; but two handlers
/// that close each other's handles at once wait for each other. While it runs
/// nothing else is received, and from 256 KiB on the server has to wait.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn websock_set_event_handler(
    h: websock_handle_t,
    cb: websock_cb_t,
    ctx: *mut c_void,
) -> c_int {
    guard(FAILED, || {
        // SAFETY: the C caller's promise.
        let handler = cb.map(|function| unsafe { EventHandler::new(function, ctx) });
        match websock::set_handler(h.addr(), handler) {
            Ok(()) => OK,
            Err(()) => FAILED,
        }
    })
}

/// Lets a function be told of failures, one line each, never with payload. For all
/// connections of the process; without one nothing is told.
///
/// @param handler  gets lines without a line end, in the thread of the call that
///                 fails; it may call websock functions. NULL: none any more. One
///                 that was replaced may still be running in other threads.
/// @param context  passed to handler as it is.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn websock_set_log_handler(
    handler: Option<unsafe extern "C" fn(context: *mut c_void, line: *const c_char)>,
    context: *mut c_void,
) {
    // SAFETY: the C caller's promise.
    guard((), || unsafe { log::set_handler(handler, context) })
}

fn refuse(field: &'static str, why: &'static str) -> Failure {
    Failure::Refused(Refused { field, why })
}

/// The bytes of a C string without its NUL; `None` for NULL.
///
/// # Safety
/// `text` is NULL or a C string that outlives `'a`.
unsafe fn bytes<'a>(text: *const c_char) -> Option<&'a [u8]> {
    // SAFETY: promised by the caller.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_bytes())
}
