//! An SSL_CTX for clients, set up as wsio needs it.

use core::ffi::{c_int, c_long};
use core::ptr::{NonNull, from_ref, null_mut};

use libwebsockets_sys as ssl;

use super::context::Context;
use super::error::Error;
use super::handshake;
use super::socket_bio::QuietWrites;
use super::verify::{SystemBundle, Verifier, verify};
use crate::sys::Text;

/// An SSL_CTX of ours.
pub(super) struct SslCtx {
    context: NonNull<ssl::SSL_CTX>,
    /// Outlives its SSLs, which write with it.
    _writes: QuietWrites,
}

impl SslCtx {
    /// Trusts nobody yet.
    pub(super) fn new() -> Result<Self, Error> {
        let writes = QuietWrites::new()?;
        // SAFETY: no preconditions.
        let context = NonNull::new(unsafe { ssl::SSL_CTX_new(ssl::TLS_client_method()) })
            .ok_or_else(|| Error::new("SSL_CTX_new failed"))?;
        let this = Self { context, _writes: writes };
        // As lws sets up its own: it writes from buffers that move.
        let mode = ssl::SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | ssl::SSL_MODE_RELEASE_BUFFERS;
        // SAFETY: an SSL_CTX that nobody else knows yet.
        unsafe {
            handshake::watch(this.as_ptr(), &this._writes)?;
            ssl::SSL_CTX_set_options(this.as_ptr(), ssl::WSIO_SSL_OP_NO_COMPRESSION);
            this.ctrl(ssl::SSL_CTRL_MODE, mode);
            if this.ctrl(ssl::SSL_CTRL_SET_MIN_PROTO_VERSION, ssl::TLS1_2_VERSION) != 1 {
                return Err(Error::new("TLS 1.2 cannot be asked for"));
            }
        }
        Ok(this)
    }

    /// Trusts what the system does and, if given, what is in `trusted_ca`.
    ///
    /// In the second case the system's bundle, 15 ms and 800 KiB, is left for
    /// when a server is not known without it.
    pub(super) fn trust(&self, trusted_ca: Option<&Text>) -> Result<Option<SystemBundle>, Error> {
        let Some(pem) = trusted_ca else {
            // SAFETY: alive.
            return if unsafe { ssl::SSL_CTX_set_default_verify_paths(self.as_ptr()) } == 1 {
                Ok(None)
            } else {
                Err(Error::new("SSL_CTX_set_default_verify_paths failed"))
            };
        };
        // SAFETY: alive. The folder is looked at when a certificate is missing.
        if unsafe { ssl::SSL_CTX_set_default_verify_dir(self.as_ptr()) } != 1 {
            return Err(Error::new("SSL_CTX_set_default_verify_dir failed"));
        }
        // SAFETY: alive.
        let system = unsafe { SystemBundle::of(self.as_ptr())? };
        // SAFETY: as above.
        if let Some(context) = unsafe { Context::from_raw(self.as_ptr().cast()) } {
            context.trust(pem)?;
        }
        Ok(Some(system))
    }

    /// # Safety
    /// `verifier` stays where it is as long as this lives.
    pub(super) unsafe fn verify_with(&self, verifier: &Verifier) {
        // SAFETY: an SSL_CTX that is alive; promised by the caller.
        unsafe {
            let argument = from_ref(verifier).cast_mut().cast();
            ssl::SSL_CTX_set_cert_verify_callback(self.as_ptr(), Some(verify), argument);
        }
    }

    pub(super) fn as_ptr(&self) -> *mut ssl::SSL_CTX {
        self.context.as_ptr()
    }

    /// # Safety
    /// A command that takes a number and no pointer.
    unsafe fn ctrl(&self, command: u32, number: u32) -> c_long {
        // SAFETY: alive; promised by the caller.
        unsafe {
            ssl::SSL_CTX_ctrl(self.as_ptr(), command as c_int, c_long::from(number), null_mut())
        }
    }
}

impl Drop for SslCtx {
    fn drop(&mut self) {
        // SAFETY: from SSL_CTX_new.
        unsafe { ssl::SSL_CTX_free(self.as_ptr()) };
    }
}
