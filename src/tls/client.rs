//! The SSL_CTX of a client, one for each trust configuration in the process.

use alloc::alloc::{Layout, alloc, dealloc};
use core::ffi::{c_int, c_long, c_void};
use core::net::Ipv6Addr;
use core::ptr::{NonNull, null, null_mut};

use libwebsockets_sys as ssl;

use super::context::Context;
use super::error::{Error, HostErrors};
use super::handshake::note_failures;
use crate::sys::{Mutex, Text};

/// A share in an SSL_CTX that verifies servers: chain, validity and name.
///
/// Shared, because reading the system's certificates takes some 20 ms and
/// 800 KiB, and ours rather than lws's, because lws's own changes OpenSSL for
/// the whole process and trusts a relative folder (docs/ARCHITECTURE.md, TLS).
pub(crate) struct ClientTls(NonNull<Entry>);

/// What is shared, in a list of all. Protected by `SHARED`, but for the fields
/// that never change: `context`, `trusted_ca` and `address`.
struct Entry {
    next: *mut Entry,
    owners: usize,
    /// Nobody else is to share it; see [`ClientTls::retire`].
    retired: bool,
    context: NonNull<ssl::SSL_CTX>,
    trusted_ca: Option<Text>,
    /// The server's, when it was configured by an IPv6 address.
    address: Option<Ipv6Addr>,
}

struct Head(*mut Entry);
// SAFETY: what it leads to is only touched under the lock, or never changes.
unsafe impl Send for Head {}

static SHARED: Mutex<Head> = Mutex::new(Head(null_mut()));

impl ClientTls {
    /// The SSL_CTX that trusts the system's certificates and, if given, those
    /// in `trusted_ca`. `address` is for servers known by an IPv6 address.
    pub(crate) fn get(trusted_ca: Option<&Text>, address: Option<Ipv6Addr>) -> Result<Self, Error> {
        let _errors = HostErrors::keep();
        let wanted = trusted_ca.map(Text::as_bytes);
        SHARED.with(|head| {
            // SAFETY: under the lock; all in the list are alive.
            unsafe {
                let mut place = head.0;
                while let Some(mut entry) = NonNull::new(place) {
                    let entry = entry.as_mut();
                    let has = entry.trusted_ca.as_ref().map(Text::as_bytes);
                    if has == wanted && entry.address == address && !entry.retired {
                        entry.owners += 1;
                        return Ok(Self(NonNull::from(entry)));
                    }
                    place = entry.next;
                }
            }
            let entry = Entry::new(head.0, trusted_ca, address)?;
            head.0 = entry.as_ptr();
            Ok(Self(entry))
        })
    }

    /// Lets nobody share the SSL_CTX any more who does not yet: a handshake with
    /// it has failed. OpenSSL passes over certificates that it could not load
    /// for want of memory, here and in the system's, so a new one may do better.
    pub(crate) fn retire(&self) {
        // SAFETY: alive while `self` is; under the lock.
        SHARED.with(|_| unsafe { (*self.0.as_ptr()).retired = true });
    }

    pub(crate) fn is_current(&self) -> bool {
        // SAFETY: alive while `self` is; under the lock.
        SHARED.with(|_| unsafe { !(*self.0.as_ptr()).retired })
    }

    /// For lws, which takes no reference: to be kept as long as lws uses it.
    pub(crate) fn as_ptr(&self) -> *mut ssl::SSL_CTX {
        // SAFETY: alive while `self` is; never changes.
        unsafe { self.0.as_ref() }.context.as_ptr()
    }
}

impl Clone for ClientTls {
    fn clone(&self) -> Self {
        // SAFETY: alive while `self` is; the count is under the lock.
        SHARED.with(|_| unsafe { (*self.0.as_ptr()).owners += 1 });
        Self(self.0)
    }
}

impl Drop for ClientTls {
    fn drop(&mut self) {
        // SAFETY: alive while `self` is; the list is under the lock, and an
        // entry that left it is ours alone.
        SHARED.with(|head| unsafe {
            let entry = self.0.as_ptr();
            (*entry).owners -= 1;
            if (*entry).owners == 0 {
                let mut place: *mut *mut Entry = &mut head.0;
                while *place != entry {
                    place = &mut (**place).next;
                }
                *place = (*entry).next;
                ssl::SSL_CTX_free((*entry).context.as_ptr());
                entry.drop_in_place();
                dealloc(entry.cast(), Layout::new::<Entry>());
            }
        });
    }
}

impl Entry {
    fn new(
        next: *mut Entry,
        trusted_ca: Option<&Text>,
        address: Option<Ipv6Addr>,
    ) -> Result<NonNull<Self>, Error> {
        const NO_MEMORY: Error = Error::plain("out of memory");
        let copy = match trusted_ca {
            Some(pem) => Some(Text::try_concat(&[pem.as_bytes()]).ok_or(NO_MEMORY)?),
            None => None,
        };
        let context = Owned::new()?;
        context.configure(trusted_ca)?;
        // SAFETY: the layout is not empty.
        let place = NonNull::new(unsafe { alloc(Layout::new::<Self>()) }).ok_or(NO_MEMORY)?.cast();
        let entry = Self {
            next,
            owners: 1,
            retired: false,
            context: context.into_inner(),
            trusted_ca: copy,
            address,
        };
        // SAFETY: fresh memory of the right layout; what the callback gets
        // lives as long as the SSL_CTX that calls it.
        unsafe {
            place.write(entry);
            let context = (*place.as_ptr()).context.as_ptr();
            let argument = place.as_ptr().cast::<c_void>();
            ssl::SSL_CTX_set_cert_verify_callback(context, Some(verify), argument);
        }
        Ok(place)
    }
}

/// An SSL_CTX on its way to an `Entry`.
struct Owned(NonNull<ssl::SSL_CTX>);

impl Owned {
    fn new() -> Result<Self, Error> {
        // SAFETY: no preconditions.
        NonNull::new(unsafe { ssl::SSL_CTX_new(ssl::TLS_client_method()) })
            .map(Self)
            .ok_or_else(|| Error::new("SSL_CTX_new failed"))
    }

    fn configure(&self, trusted_ca: Option<&Text>) -> Result<(), Error> {
        // As lws sets up its own: it writes from buffers that move.
        let mode = ssl::SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | ssl::SSL_MODE_RELEASE_BUFFERS;
        let context = self.0.as_ptr();
        // SAFETY: an SSL_CTX that nobody else knows yet.
        unsafe {
            note_failures(context);
            ssl::SSL_CTX_set_options(context, ssl::WSIO_SSL_OP_NO_COMPRESSION);
            ssl::SSL_CTX_ctrl(context, ssl::SSL_CTRL_MODE as c_int, c_long::from(mode), null_mut());
            if ssl::SSL_CTX_ctrl(
                context,
                ssl::SSL_CTRL_SET_MIN_PROTO_VERSION as c_int,
                c_long::from(ssl::TLS1_2_VERSION),
                null_mut(),
            ) != 1
            {
                return Err(Error::new("TLS 1.2 cannot be asked for"));
            }
            if ssl::SSL_CTX_set_default_verify_paths(context) != 1 {
                return Err(Error::new("SSL_CTX_set_default_verify_paths failed"));
            }
            if let (Some(pem), Some(context)) = (trusted_ca, Context::from_raw(context.cast())) {
                context.trust(pem)?;
            }
        }
        Ok(())
    }

    fn into_inner(self) -> NonNull<ssl::SSL_CTX> {
        let context = self.0;
        core::mem::forget(self);
        context
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        // SAFETY: from SSL_CTX_new.
        unsafe { ssl::SSL_CTX_free(self.0.as_ptr()) };
    }
}

/// Verifies a server, if it is known against which name or address. OpenSSL
/// would check neither if none is set.
unsafe extern "C" fn verify(store: *mut ssl::X509_STORE_CTX, entry: *mut c_void) -> c_int {
    const REFUSED: c_int = 0;
    crate::ffi::entry::guard(REFUSED, || {
        // SAFETY: the entry lives as long as the SSL_CTX; `address` never
        // changes; OpenSSL passes a valid store context.
        unsafe {
            let parameters = ssl::X509_STORE_CTX_get0_param(store);
            let known = match (*entry.cast::<Entry>()).address {
                Some(address) => set_address(parameters, address),
                None => has_name_or_address(parameters),
            };
            if known { ssl::X509_verify_cert(store) } else { REFUSED }
        }
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
