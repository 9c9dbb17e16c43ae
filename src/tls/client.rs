//! The SSL_CTX of a client, one for each trust configuration in the process.

use alloc::alloc::{Layout, alloc, dealloc};
use core::net::Ipv6Addr;
use core::ptr::{NonNull, null_mut};

use libwebsockets_sys as ssl;

use super::error::{Error, HostErrors};
use super::ssl_ctx::SslCtx;
use super::verify::Verifier;
use crate::sys::{Mutex, Text};

/// A share in an SSL_CTX that verifies servers: chain, validity and name.
///
/// Shared, because reading the system's certificates takes some 20 ms and
/// 800 KiB, and ours rather than lws's, because lws's own changes OpenSSL for
/// the whole process and trusts a relative folder (docs/ARCHITECTURE.md, TLS).
pub(crate) struct ClientTls(NonNull<Entry>);

/// What is shared, in a list of all. Protected by `SHARED`, but for the fields
/// that never change: `context`, `trusted_ca` and `verifier`.
struct Entry {
    next: *mut Entry,
    owners: usize,
    /// Nobody else is to share it; see [`ClientTls::retire`].
    retired: bool,
    /// Before the verifier, which it calls.
    context: SslCtx,
    trusted_ca: Option<Text>,
    verifier: Verifier,
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
                    if has == wanted && entry.verifier.address() == address && !entry.retired {
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

    /// One that nobody shares, with an SSL_CTX that trusts and knows already what it
    /// is to.
    pub(super) fn alone(context: SslCtx, verifier: Verifier) -> Result<Self, Error> {
        SHARED.with(|head| {
            let entry = Entry::place(Entry {
                next: head.0,
                owners: 1,
                retired: true,
                context,
                trusted_ca: None,
                verifier,
            })?;
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
        let context = SslCtx::new()?;
        let system = context.trust(trusted_ca)?;
        Self::place(Self {
            next,
            owners: 1,
            retired: false,
            context,
            trusted_ca: copy,
            verifier: Verifier::new(address, system),
        })
    }

    /// In memory of its own, its SSL_CTX bound to its verifier.
    fn place(entry: Self) -> Result<NonNull<Self>, Error> {
        // SAFETY: the layout is not empty.
        let place = NonNull::new(unsafe { alloc(Layout::new::<Self>()) })
            .ok_or(Error::plain("out of memory"))?
            .cast();
        // SAFETY: fresh memory of the right layout; the verifier stays where it
        // is, and lives as long as the SSL_CTX that calls it.
        unsafe {
            place.write(entry);
            let Self { context, verifier, .. } = place.as_ref();
            context.verify_with(verifier);
        }
        Ok(place)
    }
}
