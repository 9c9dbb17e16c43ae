//! The entry points that every era has, and the guard that all go through.

use core::ffi::{CStr, c_char, c_int, c_void};
use core::ptr::{NonNull, addr_of, null_mut};

use super::callback::Callback;
use super::guard::guard;
use super::list::List;
use super::logger::{LOGGER_LOG, Logger, log};
use super::xio::*;
use crate::endpoint::Refused;
use crate::sys::Shared;
use crate::wsio::{Config, Instance, OpenCallbacks, Refusal, Settings};

/// What wsio_create needs to know. All strings are copied.
#[repr(C)]
pub struct WSIO_CONFIG_TAG {
    /// Host name, IPv4 or IPv6 address (without brackets) of the server: not
    /// NULL, not empty, at most 110 bytes, no control character and no space.
    pub host: *const c_char,
    /// TCP port of the server, 1 to 65535.
    pub port: c_int,
    /// Subprotocol to ask for, as in Sec-WebSocket-Protocol (RFC 6455 section
    /// 4.1): not NULL, at most 256 bytes; empty asks for none.
    pub protocol_name: *const c_char,
    /// Path and query of the URL: not NULL, at most 2,000 bytes. A missing
    /// slash in front is added; empty means "/".
    pub relative_path: *const c_char,
    /// Whether to use TLS (wss). The server's certificate is always verified:
    /// chain, validity and name.
    pub use_ssl: bool,
    /// Certificates (PEM, any number) to trust besides those that the system
    /// trusts, or NULL. Used with use_ssl only.
    pub trusted_ca: *const c_char,
}
/// What wsio_create needs to know.
pub type WSIO_CONFIG = WSIO_CONFIG_TAG;

/// Makes a wsio: a concrete IO whose bytes go through a WebSocket connection.
/// It is closed at first.
///
/// @param io_create_parameters  a WSIO_CONFIG*; not needed after the call.
/// @param logger_log  printf-like function that gets one line an event, with
///                    options 1 (the SDK's LOG_LINE); NULL: no logging. It must
///                    not call wsio functions.
/// @return the handle, which wsio_destroy frees, or NULL when an argument or
///         field is missing or refused (the logger is told which and why), or
///         memory is short.
///
/// Threads: a handle belongs to one thread at a time, with all its callbacks;
/// different handles may be used in different threads at once.
///
/// Callbacks are called from within the wsio functions and may call any of them
/// on the same handle, wsio_destroy included; a wsio_dowork inside a callback
/// does nothing.
///
/// (SRS_WSIO_01_001 to 006, 098 to 100)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsio_create(
    io_create_parameters: *mut c_void,
    logger_log: LOGGER_LOG,
) -> CONCRETE_IO_HANDLE {
    guard(null_mut(), || {
        let logger = Logger::new(logger_log);
        // SAFETY: a WSIO_CONFIG or NULL by contract. SRS_WSIO_01_003
        match unsafe { create(io_create_parameters.cast(), logger) } {
            Ok(instance) => instance.into_raw(), // SRS_WSIO_01_001
            Err(why) => {
                log!(logger, "wsio_create: {why}");
                null_mut()
            }
        }
    })
}

/// # Safety
/// `config` is NULL or a valid WSIO_CONFIG.
unsafe fn create(config: *const WSIO_CONFIG, logger: Logger) -> Result<Shared<Instance>, Refused> {
    let is_null = |field| Refused { field, why: "is NULL" };
    if config.is_null() {
        return Err(is_null("io_create_parameters")); // SRS_WSIO_01_002
    }
    // SAFETY: a valid WSIO_CONFIG; its strings are C strings or NULL. `use_ssl`
    // is read as a byte, since C may have put any value there.
    let settings = unsafe {
        Settings {
            // SRS_WSIO_01_004
            host: bytes((*config).host).ok_or(is_null("host"))?,
            port: (*config).port,
            protocol_name: bytes((*config).protocol_name).ok_or(is_null("protocol_name"))?,
            relative_path: bytes((*config).relative_path).ok_or(is_null("relative_path"))?,
            use_ssl: addr_of!((*config).use_ssl).cast::<u8>().read() != 0,
            trusted_ca: bytes((*config).trusted_ca), // SRS_WSIO_01_100
        }
    };
    let config = Config::new(&settings)?;
    // SRS_WSIO_01_098, SRS_WSIO_01_099
    let pending = List::try_new().ok_or(Refused { field: "", why: "list_create failed" })?;
    // SRS_WSIO_01_005
    Shared::try_new(Instance::new(config, logger, pending)).ok_or(Refused::NO_MEMORY)
}

/// Closes the IO if it is not closed, and frees it.
///
/// @param ws_io  from wsio_create, not used after this; NULL does nothing.
///
/// A pending open is answered with IO_OPEN_CANCELLED, pending sends with
/// IO_SEND_CANCELLED, before this returns; no callback is called later. The
/// server gets a Close frame with code 1000 when the IO is open.
///
/// (SRS_WSIO_01_007 to 009)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsio_destroy(ws_io: CONCRETE_IO_HANDLE) {
    guard((), || {
        // SRS_WSIO_01_008
        if let Some(handle) = NonNull::new(ws_io) {
            // SAFETY: from wsio_create and not destroyed before, by contract.
            let instance: Shared<Instance> = unsafe { Shared::from_raw(handle) };
            instance.destroy();
        }
    })
}

/// What `wsio_open` of every era comes down to.
///
/// # Safety
/// `ws_io` is NULL or from wsio_create; the callbacks can be called with their
/// contexts until the IO is closed.
pub(crate) unsafe fn open(
    ws_io: CONCRETE_IO_HANDLE,
    on_io_open_complete: (ON_IO_OPEN_COMPLETE, *mut c_void),
    on_bytes_received: (ON_BYTES_RECEIVED, *mut c_void),
    on_io_error: (ON_IO_ERROR, *mut c_void),
) -> c_int {
    // SAFETY: promised by the caller.
    let callbacks = unsafe {
        OpenCallbacks {
            open_complete: Callback::new(on_io_open_complete.0, on_io_open_complete.1),
            bytes_received: Callback::new(on_bytes_received.0, on_bytes_received.1),
            io_error: Callback::new(on_io_error.0, on_io_error.1),
        }
    };
    // SAFETY: promised by the caller.
    unsafe { attempt(ws_io, "wsio_open", |io| Instance::open(io, callbacks)) }
}

/// Closes the IO and waits for nothing: the server gets a Close frame with code
/// 1000 if it can be sent at once, a pending open is answered with
/// IO_OPEN_CANCELLED, pending sends with IO_SEND_CANCELLED, all before this
/// returns. The IO can be opened again afterwards.
///
/// @param ws_io                 from wsio_create.
/// @param on_io_close_complete  called once, before this returns 0; from there
///                              on the IO can be opened again. May be NULL.
/// @param callback_context      passed to on_io_close_complete as it is.
/// @return 0, or non-zero when ws_io is NULL, when the IO is not open, being
///         opened or failed, when a wsio_close is running, or when a callback
///         destroyed the IO meanwhile. on_io_close_complete is not called then.
///
/// (SRS_WSIO_01_041 to 049, 108 to 111)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsio_close(
    ws_io: CONCRETE_IO_HANDLE,
    on_io_close_complete: ON_IO_CLOSE_COMPLETE,
    callback_context: *mut c_void,
) -> c_int {
    // SAFETY: the C caller's promises. SRS_WSIO_01_042, SRS_WSIO_01_048
    unsafe {
        let complete = Callback::new(on_io_close_complete, callback_context);
        attempt(ws_io, "wsio_close", |io| io.close(complete))
    }
}

/// Queues bytes; they are sent as one binary message from within wsio_dowork.
///
/// @param ws_io             from wsio_create.
/// @param buffer            the bytes; copied, not needed after the call.
/// @param size              how many, 1 to 2,147,483,631.
/// @param on_send_complete  called exactly once if this returns 0, from
///                          wsio_dowork, wsio_close or wsio_destroy. May be
///                          NULL.
/// @param callback_context  passed to on_send_complete as it is.
/// @return 0, or non-zero when ws_io or buffer is NULL, size is zero or too
///         large, the IO is not open, or memory is short. on_send_complete is
///         not called then.
///
/// (SRS_WSIO_01_050 to 060, 105 to 107)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsio_send(
    ws_io: CONCRETE_IO_HANDLE,
    buffer: *const c_void,
    size: usize,
    on_send_complete: ON_SEND_COMPLETE,
    callback_context: *mut c_void,
) -> c_int {
    // SAFETY: the C caller's promises: `buffer` has `size` bytes. A size that
    // no object can have is not made a slice. SRS_WSIO_01_052, SRS_WSIO_01_059
    unsafe {
        let complete = Callback::new(on_send_complete, callback_context);
        attempt(ws_io, "wsio_send", |io| {
            if buffer.is_null() {
                return Err("buffer is NULL");
            }
            if size > crate::wsio::LARGEST_SEND {
                return Err("size is over 2,147,483,631 bytes");
            }
            io.send(core::slice::from_raw_parts(buffer.cast(), size), complete)
        })
    }
}

/// Does what can be done now, without waiting: connects, sends, receives, and
/// calls the callbacks. Call it often, whenever the IO is not closed.
///
/// @param ws_io  from wsio_create; NULL does nothing.
///
/// (SRS_WSIO_01_061 to 063, 112)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsio_dowork(ws_io: CONCRETE_IO_HANDLE) {
    guard((), || {
        // SRS_WSIO_01_063
        if let Some(handle) = NonNull::new(ws_io) {
            // SAFETY: from wsio_create and not destroyed, by contract.
            let instance: Shared<Instance> = unsafe { Shared::from_raw_borrowed(handle) };
            instance.dowork();
        }
    })
}

/// Sets an option. There are none.
///
/// @param socket_io   from wsio_create, or NULL.
/// @param optionName  any name, or NULL.
/// @param value       anything, or NULL.
/// @return non-zero, always.
///
/// (SRS_WSIO_03_001)
#[unsafe(no_mangle)]
pub extern "C" fn wsio_setoption(
    socket_io: CONCRETE_IO_HANDLE,
    optionName: *const c_char,
    value: *const c_void,
) -> c_int {
    let _ = (socket_io, optionName, value);
    FAILED // SRS_WSIO_03_001
}

const FAILED: c_int = 1;

/// Calls `f` on the instance behind `ws_io`. What it refuses is logged, unless
/// it was already, and becomes a non-zero return value.
///
/// # Safety
/// `ws_io` is NULL or from wsio_create and not destroyed.
unsafe fn attempt<E: Into<Refusal>>(
    ws_io: CONCRETE_IO_HANDLE,
    function: &str,
    f: impl FnOnce(&Shared<Instance>) -> Result<(), E>,
) -> c_int {
    guard(FAILED, || {
        let Some(handle) = NonNull::new(ws_io) else {
            return FAILED;
        };
        // SAFETY: promised by the caller.
        let instance: Shared<Instance> = unsafe { Shared::from_raw_borrowed(handle) };
        match f(&instance).map_err(Into::into) {
            Ok(()) => return 0,
            Err(Refusal::Logged) => {}
            Err(why) => log!(instance.logger(), "{function}: {why}"),
        }
        FAILED
    })
}

/// The bytes of a C string without its NUL; `None` for NULL.
///
/// # Safety
/// `text` is NULL or a C string that outlives `'a`.
unsafe fn bytes<'a>(text: *const c_char) -> Option<&'a [u8]> {
    // SAFETY: promised by the caller.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_bytes())
}
