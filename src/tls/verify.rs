//! Whether a server is to be trusted.

use core::ffi::{c_int, c_void};
use core::net::Ipv6Addr;
use core::ptr::{NonNull, null, null_mut};
use core::sync::atomic::{AtomicBool, Ordering};

use libwebsockets_sys as ssl;

use super::error::Error;
use crate::ffi::guard::guard;

/// What an SSL_CTX verifies servers with.
pub(super) struct Verifier {
    /// The server's, when it was configured by an IPv6 address.
    address: Option<Ipv6Addr>,
    /// What is not in the store yet.
    system: Option<SystemBundle>,
    verification: Verification,
}

/// What becomes of a server that is not to be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verification {
    /// Nobody asks.
    None,
    /// It is found out, and the handshake goes on.
    Optional,
    /// The handshake fails.
    Required,
}

/// The system's file of certificates, to be loaded when it is needed.
pub(super) struct SystemBundle {
    /// The store's.
    lookup: NonNull<ssl::X509_LOOKUP>,
    is_loaded: AtomicBool,
}

impl Verifier {
    pub(super) fn new(address: Option<Ipv6Addr>, system: Option<SystemBundle>) -> Self {
        Self { address, system, verification: Verification::Required }
    }

    pub(super) fn with(address: Option<Ipv6Addr>, verification: Verification) -> Self {
        Self { address, system: None, verification }
    }

    pub(super) fn address(&self) -> Option<Ipv6Addr> {
        self.address
    }

    /// # Safety
    /// OpenSSL's, during a verification with the store that `system` is of.
    unsafe fn accepts(&self, store: *mut ssl::X509_STORE_CTX) -> bool {
        // SAFETY: promised by the caller.
        unsafe {
            if self.verification != Verification::None && self.trusts(store) {
                return true;
            }
            if self.verification == Verification::Required {
                return false;
            }
            // Or lws would look at the error.
            ssl::X509_STORE_CTX_set_error(store, ssl::X509_V_OK as c_int);
            true
        }
    }

    /// # Safety
    /// As for `accepts`.
    unsafe fn trusts(&self, store: *mut ssl::X509_STORE_CTX) -> bool {
        // SAFETY: promised by the caller.
        unsafe {
            let parameters = ssl::X509_STORE_CTX_get0_param(store);
            let known = match self.address {
                Some(address) => set_address(parameters, address),
                None => has_name_or_address(parameters),
            };
            if !known {
                return false;
            }
            let trusted = ssl::X509_verify_cert(store) == 1;
            // lws says yes to each error and looks at the error later.
            if trusted && ssl::X509_STORE_CTX_get_error(store) == ssl::X509_V_OK as c_int {
                return true;
            }
            match &self.system {
                Some(system) if system.load() => {
                    // OpenSSL refuses to verify twice, but for this.
                    ssl::X509_STORE_CTX_set0_verified_chain(store, null_mut());
                    ssl::X509_STORE_CTX_set_error(store, ssl::X509_V_OK as c_int);
                    ssl::X509_verify_cert(store) == 1
                }
                _ => trusted,
            }
        }
    }
}

impl SystemBundle {
    /// # Safety
    /// A living SSL_CTX that nobody else uses yet: a store's lookups are not
    /// protected by a lock, what they load is.
    pub(super) unsafe fn of(context: *mut ssl::SSL_CTX) -> Result<Self, Error> {
        // SAFETY: promised by the caller; the store owns the lookup.
        let lookup = unsafe {
            let store = NonNull::new(ssl::SSL_CTX_get_cert_store(context))
                .ok_or_else(|| Error::new("SSL_CTX_get_cert_store failed"))?;
            ssl::X509_STORE_add_lookup(store.as_ptr(), ssl::X509_LOOKUP_file())
        };
        let lookup =
            NonNull::new(lookup).ok_or_else(|| Error::new("X509_STORE_add_lookup failed"))?;
        Ok(Self { lookup, is_loaded: AtomicBool::new(false) })
    }

    /// Loads it, the first time only: whether there may be something new.
    fn load(&self) -> bool {
        if self.is_loaded.swap(true, Ordering::Relaxed) {
            return false;
        }
        // SAFETY: alive as long as the SSL_CTX. Other threads may be verifying.
        unsafe {
            ssl::X509_LOOKUP_ctrl(
                self.lookup.as_ptr(),
                ssl::X509_L_FILE_LOAD as c_int,
                null(),
                ssl::X509_FILETYPE_DEFAULT.into(),
                null_mut(),
            );
        }
        true
    }
}

/// Verifies a server, if it is known against which name or address. OpenSSL
/// would check neither if none is set.
pub(super) unsafe extern "C" fn verify(
    store: *mut ssl::X509_STORE_CTX,
    verifier: *mut c_void,
) -> c_int {
    const REFUSED: c_int = 0;
    guard(REFUSED, || {
        // SAFETY: the verifier lives as long as the SSL_CTX and never changes
        // but for its flag; OpenSSL passes a valid store context.
        unsafe { c_int::from((*verifier.cast::<Verifier>()).accepts(store)) }
    })
}

/// For a server that was configured by an IPv6 address: lws would look for a
/// host name that it cuts at the first colon.
unsafe fn set_address(parameters: *mut ssl::X509_VERIFY_PARAM, address: Ipv6Addr) -> bool {
    let octets = address.octets();
    // SAFETY: promised by the caller.
    unsafe {
        ssl::X509_VERIFY_PARAM_set1_host(parameters, null(), 0) == 1
            && ssl::X509_VERIFY_PARAM_set1_ip(parameters, octets.as_ptr(), octets.len()) == 1
    }
}

/// Whether lws has set what to check. It does not look whether that worked, nor
/// does OpenSSL where it copies it: without memory the check would be left out.
unsafe fn has_name_or_address(parameters: *mut ssl::X509_VERIFY_PARAM) -> bool {
    // SAFETY: promised by the caller; the text is ours to free.
    unsafe {
        if !ssl::X509_VERIFY_PARAM_get0_host(parameters, 0).is_null() {
            return true;
        }
        let address = ssl::X509_VERIFY_PARAM_get1_ip_asc(parameters);
        ssl::CRYPTO_free(address.cast(), c"".as_ptr(), 0);
        !address.is_null()
    }
}
