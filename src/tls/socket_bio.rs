//! How TLS writes to its socket: without SIGPIPE, and many records at once when told.
//!
//! lws gives an SSL OpenSSL's socket BIO, which writes with write(2), and so
//! raises SIGPIPE when the peer is gone. To block that signal around each call
//! into lws takes three system calls. And it makes a system call for each record,
//! which for small messages costs more than to encrypt them.

use core::cell::Cell;
use core::ffi::{c_char, c_int, c_long, c_void};
use core::mem::zeroed;
use core::ptr::{NonNull, null_mut};

use libwebsockets_sys as ssl;

use super::error::Error;
use super::gather::{Gather, Refused};
use crate::sys::Shared;

/// A kind of BIO that writes to a socket with MSG_NOSIGNAL, and cannot read.
pub(super) struct QuietWrites(NonNull<ssl::BIO_METHOD>);

/// What such a BIO owns.
struct Socket {
    /// Whose this is.
    owner: *const ssl::SSL,
    /// -1: it is not written to any more.
    number: Cell<c_int>,
    gather: Cell<Gather>,
}

/// Commands of such a BIO's own; any other answers 0 to them.
const HOLD: c_int = 0x7773_0001;
const COLLECT: c_int = 0x7773_0002;
const RELEASE: c_int = 0x7773_0003;
const ABANDON: c_int = 0x7773_0004;
const REST: c_int = 0x7773_0005;
const IS_FULL: c_int = 0x7773_0006;

/// What became of what was held.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Released {
    /// The kernel has all of it.
    All,
    /// The rest is held until the next call, or goes before anything else that is
    /// written.
    NotAll,
    /// The rest will never go.
    Failed,
}

impl QuietWrites {
    pub(super) fn new() -> Result<Self, Error> {
        let kind = ssl::BIO_TYPE_SOURCE_SINK as c_int;
        // SAFETY: OpenSSL keeps the pointer to the name, which is static.
        let method = NonNull::new(unsafe { ssl::BIO_meth_new(kind, c"socket".as_ptr()) })
            .ok_or_else(|| Error::new("BIO_meth_new failed"))?;
        // SAFETY: a new method; functions of these types.
        unsafe {
            ssl::BIO_meth_set_write(method.as_ptr(), Some(write));
            ssl::BIO_meth_set_ctrl(method.as_ptr(), Some(control));
            ssl::BIO_meth_set_destroy(method.as_ptr(), Some(destroy));
        }
        Ok(Self(method))
    }

    pub(super) fn as_ptr(&self) -> *mut ssl::BIO_METHOD {
        self.0.as_ptr()
    }
}

impl Drop for QuietWrites {
    fn drop(&mut self) {
        // SAFETY: from BIO_meth_new; the SSLs that used it are gone.
        unsafe { ssl::BIO_meth_free(self.0.as_ptr()) };
    }
}

/// Lets an SSL write in this way; one that does already stays as it is. Without
/// memory it cannot write at all, and its handshake fails.
///
/// # Safety
/// A living SSL that reads from a socket; `method` is a [`QuietWrites`]'s, which
/// outlives it.
pub(super) unsafe fn write_quietly(raw: *mut ssl::SSL, method: *mut ssl::BIO_METHOD) {
    // SAFETY: promised by the caller. The SSL owns its BIOs; the one that lws
    // gave it is both, until this takes its place for writing.
    unsafe {
        if ssl::SSL_get_wbio(raw) != ssl::SSL_get_rbio(raw) {
            return;
        }
        let bio = ssl::BIO_new(method);
        if !bio.is_null() {
            let number = Cell::new(ssl::SSL_get_rfd(raw));
            let socket = Socket { owner: raw, number, gather: Cell::default() };
            if let Some(socket) = Shared::try_new(socket) {
                ssl::BIO_set_data(bio, socket.into_raw());
                ssl::BIO_set_init(bio, 1);
            }
        }
        ssl::SSL_set0_wbio(raw, bio);
    }
}

/// Takes all that the SSL writes, about so many bytes of payload; `collects`: and sends
/// it together. `false` when it does not write as [`write_quietly`] lets it.
///
/// # Safety
/// NULL or a living SSL.
pub(crate) unsafe fn hold(raw: *const ssl::SSL, expected: usize, collects: bool) -> bool {
    let expected = c_long::try_from(expected).unwrap_or(c_long::MAX);
    // SAFETY: promised by the caller.
    unsafe { command_with(raw, if collects { COLLECT } else { HOLD }, expected) == 1 }
}

/// Whether all that was written since [`hold`] did not fit.
///
/// # Safety
/// NULL or a living SSL.
pub(crate) unsafe fn is_full(raw: *const ssl::SSL) -> bool {
    // SAFETY: promised by the caller.
    unsafe { command(raw, IS_FULL) == 1 }
}

/// Sends what was collected or is left, and takes no more.
///
/// # Safety
/// NULL or a living SSL.
pub(crate) unsafe fn release(raw: *const ssl::SSL) -> Released {
    // SAFETY: promised by the caller.
    match unsafe { command(raw, RELEASE) } {
        1 => Released::All,
        -1 => Released::Failed,
        _ => Released::NotAll,
    }
}

/// Sends nothing more, neither what was collected nor what is written later.
///
/// # Safety
/// NULL or a living SSL.
pub(crate) unsafe fn abandon(raw: *const ssl::SSL) {
    // SAFETY: promised by the caller.
    unsafe { command(raw, ABANDON) };
}

/// Gives back the memory that was needed to collect.
///
/// # Safety
/// NULL or a living SSL.
pub(crate) unsafe fn rest(raw: *const ssl::SSL) {
    // SAFETY: promised by the caller.
    unsafe { command(raw, REST) };
}

/// How many bytes came from the socket.
///
/// # Safety
/// NULL or a living SSL.
pub(crate) unsafe fn bytes_read(raw: *const ssl::SSL) -> u64 {
    if raw.is_null() {
        return 0;
    }
    // SAFETY: promised by the caller; the BIO is its own, or NULL.
    unsafe {
        let bio = ssl::SSL_get_rbio(raw);
        if bio.is_null() { 0 } else { ssl::BIO_number_read(bio) }
    }
}

/// # Safety
/// NULL or a living SSL.
unsafe fn command(raw: *const ssl::SSL, command: c_int) -> c_long {
    // SAFETY: promised by the caller.
    unsafe { command_with(raw, command, 0) }
}

/// # Safety
/// NULL or a living SSL.
unsafe fn command_with(raw: *const ssl::SSL, command: c_int, number: c_long) -> c_long {
    if raw.is_null() {
        return 0;
    }
    // SAFETY: promised by the caller; the BIO is its own, or NULL.
    unsafe {
        let bio = ssl::SSL_get_wbio(raw);
        if bio.is_null() { 0 } else { ssl::BIO_ctrl(bio, command, number, null_mut()) }
    }
}

impl Socket {
    /// # Safety
    /// A BIO of this kind, as long as the result is used; `None` for one that could
    /// not be made as a whole.
    unsafe fn of<'a>(bio: *mut ssl::BIO) -> Option<&'a Self> {
        // SAFETY: promised by the caller: it owns one.
        unsafe { Some(Shared::borrow_raw(NonNull::new(ssl::BIO_get_data(bio))?)) }
    }

    fn with_gather<R>(&self, f: impl FnOnce(&mut Gather) -> R) -> R {
        let mut gather = self.gather.take();
        let result = f(&mut gather);
        self.gather.set(gather);
        result
    }

    /// What the kernel takes of these bytes.
    fn send(&self, parts: [&[u8]; 2]) -> Result<usize, Refused> {
        // SAFETY: the bytes are there, and are only read; a socket that is none fails.
        let sent = unsafe {
            match parts {
                // sendmsg takes a tenth of a microsecond longer.
                [[], bytes] | [bytes, []] => {
                    let (start, size) = (bytes.as_ptr().cast(), bytes.len());
                    libc::send(self.number.get(), start, size, libc::MSG_NOSIGNAL)
                }
                _ => self.send_both(parts),
            }
        };
        match usize::try_from(sent) {
            Ok(count @ 1..) => Ok(count),
            // SAFETY: no preconditions.
            _ if unsafe { ssl::BIO_sock_should_retry(-1) } == 0 => Err(Refused::ForGood),
            _ => Err(Refused::ForNow),
        }
    }

    fn send_both(&self, parts: [&[u8]; 2]) -> isize {
        let mut parts = parts.map(|part| libc::iovec {
            iov_base: part.as_ptr().cast_mut().cast(),
            iov_len: part.len(),
        });
        // SAFETY: integers and pointers: zero is valid. The bytes are there, and are
        // only read; a socket that is none fails.
        unsafe {
            let mut message: libc::msghdr = zeroed();
            message.msg_iov = parts.as_mut_ptr();
            message.msg_iovlen = parts.len() as _;
            libc::sendmsg(self.number.get(), &message, libc::MSG_NOSIGNAL)
        }
    }
}

/// As OpenSSL's own, but for the above.
unsafe extern "C" fn write(bio: *mut ssl::BIO, bytes: *const c_char, size: c_int) -> c_int {
    const NOTHING: c_int = -1;
    // SAFETY: a BIO of this kind, whose owner writes; OpenSSL says that `size` bytes are
    // there.
    unsafe {
        let Some(socket) = Socket::of(bio) else { return NOTHING };
        let size = usize::try_from(size).unwrap_or(0);
        let bytes = core::slice::from_raw_parts(bytes.cast(), size);
        let is_handshake = ssl::SSL_in_init(socket.owner) != 0;
        let sent = socket
            .with_gather(|gather| gather.write(bytes, is_handshake, |parts| socket.send(parts)));
        ssl::BIO_clear_flags(bio, (ssl::BIO_FLAGS_RWS | ssl::BIO_FLAGS_SHOULD_RETRY) as c_int);
        match sent {
            Ok(count) => count as c_int, // no more than `size`
            Err(Refused::ForNow) => {
                let flags = ssl::BIO_FLAGS_WRITE | ssl::BIO_FLAGS_SHOULD_RETRY;
                ssl::BIO_set_flags(bio, flags as c_int);
                NOTHING
            }
            Err(Refused::ForGood) => NOTHING,
        }
    }
}

unsafe extern "C" fn control(
    bio: *mut ssl::BIO,
    command: c_int,
    number: c_long,
    _: *mut c_void,
) -> c_long {
    // SAFETY: a BIO of this kind.
    let Some(socket) = (unsafe { Socket::of(bio) }) else { return 0 };
    socket.with_gather(|gather| match command {
        HOLD | COLLECT => {
            gather.hold(usize::try_from(number).unwrap_or(0), command == COLLECT);
            1
        }
        RELEASE => match gather.release(|parts| socket.send(parts)) {
            Ok(_) => 1,
            Err(Refused::ForNow) => 0,
            Err(Refused::ForGood) => -1,
        },
        ABANDON => {
            gather.drop();
            socket.number.set(-1);
            1
        }
        REST => {
            gather.rest();
            1
        }
        IS_FULL => gather.is_full().into(),
        // OpenSSL asks for it at the end of a handshake; whoever holds, releases.
        _ => c_long::from(command == ssl::BIO_CTRL_FLUSH as c_int),
    })
}

unsafe extern "C" fn destroy(bio: *mut ssl::BIO) -> c_int {
    // SAFETY: a BIO of this kind, which goes: what it owns is taken back once.
    unsafe {
        if let Some(socket) = NonNull::new(ssl::BIO_get_data(bio)) {
            drop(Shared::<Socket>::from_raw(socket));
            ssl::BIO_set_data(bio, null_mut());
        }
    }
    1
}
