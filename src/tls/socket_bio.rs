//! How TLS writes to its socket: without SIGPIPE.
//!
//! lws gives an SSL OpenSSL's socket BIO, which writes with write(2), and so
//! raises SIGPIPE when the peer is gone. To block that signal around each call
//! into lws takes three system calls.

use core::ffi::{c_char, c_int, c_long, c_void};
use core::ptr::{NonNull, without_provenance_mut};

use libwebsockets_sys as ssl;

use super::error::Error;

/// A kind of BIO that writes to a socket with MSG_NOSIGNAL, and cannot read.
pub(super) struct QuietWrites(NonNull<ssl::BIO_METHOD>);

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
            ssl::BIO_set_data(bio, without_provenance_mut(ssl::SSL_get_rfd(raw) as usize));
            ssl::BIO_set_init(bio, 1);
        }
        ssl::SSL_set0_wbio(raw, bio);
    }
}

/// As OpenSSL's own, but for the flag.
unsafe extern "C" fn write(bio: *mut ssl::BIO, bytes: *const c_char, size: c_int) -> c_int {
    // SAFETY: a BIO of this kind; OpenSSL says that `size` bytes are there.
    unsafe {
        let socket = ssl::BIO_get_data(bio).addr() as c_int;
        let sent = libc::send(
            socket,
            bytes.cast::<c_void>(),
            usize::try_from(size).unwrap_or(0),
            libc::MSG_NOSIGNAL,
        ) as c_int;
        ssl::BIO_clear_flags(bio, (ssl::BIO_FLAGS_RWS | ssl::BIO_FLAGS_SHOULD_RETRY) as c_int);
        if sent <= 0 && ssl::BIO_sock_should_retry(sent) != 0 {
            let flags = ssl::BIO_FLAGS_WRITE | ssl::BIO_FLAGS_SHOULD_RETRY;
            ssl::BIO_set_flags(bio, flags as c_int);
        }
        sent
    }
}

/// Nothing is buffered here, so there is nothing to flush; nor anything else.
unsafe extern "C" fn control(
    _: *mut ssl::BIO,
    command: c_int,
    _: c_long,
    _: *mut c_void,
) -> c_long {
    c_long::from(command == ssl::BIO_CTRL_FLUSH as c_int)
}
