//! What OpenSSL tells of a TLS handshake: that one starts, and why it failed. lws
//! clears OpenSSL's error queue before it says that one did (and on 4.1 forgets
//! what was in it), so the reason is noted with the SSL as soon as OpenSSL gives
//! up.

use core::ffi::{CStr, c_int, c_ulong, c_void};
use core::net::Ipv4Addr;
use core::ptr::{null_mut, without_provenance_mut};
use core::sync::atomic::{AtomicI32, Ordering};

use libwebsockets_sys as ssl;

use super::error::Error;
use super::socket_bio::{QuietWrites, write_quietly};

/// Where in an SSL the error code is kept.
static IN_SSL: Index = Index::new(ssl::CRYPTO_EX_INDEX_SSL);
/// Where in an SSL_CTX it is kept how its SSLs write.
static IN_CONTEXT: Index = Index::new(ssl::CRYPTO_EX_INDEX_SSL_CTX);

/// A place for one's own in OpenSSL's objects, the same in all of a kind. Not their
/// "app data": lws keeps its own there when it has not set up OpenSSL for the
/// whole process, as it is not told to by us.
struct Index {
    kind: c_int,
    /// 0: none yet. OpenSSL's first is 1.
    number: AtomicI32,
}

impl Index {
    const fn new(kind: u32) -> Self {
        Self { kind: kind as c_int, number: AtomicI32::new(0) }
    }

    /// `None` when memory is short.
    fn make(&self) -> Option<c_int> {
        let known = self.get();
        if known > 0 {
            return Some(known);
        }
        // SAFETY: no functions, nothing to pass to them.
        let new =
            unsafe { ssl::CRYPTO_get_ex_new_index(self.kind, 0, null_mut(), None, None, None) };
        // Another thread's, if it was first; ours is lost then.
        match self.number.compare_exchange(0, new.max(0), Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => (new > 0).then_some(new),
            Err(first) => Some(first),
        }
    }

    fn get(&self) -> c_int {
        self.number.load(Ordering::Relaxed)
    }
}

/// Lets the SSLs of this SSL_CTX write quietly, and note why they fail.
///
/// # Safety
/// A living SSL_CTX, which `writes` outlives.
pub(super) unsafe fn watch(context: *mut ssl::SSL_CTX, writes: &QuietWrites) -> Result<(), Error> {
    let (Some(_), Some(place)) = (IN_SSL.make(), IN_CONTEXT.make()) else {
        return Err(Error::new("CRYPTO_get_ex_new_index failed"));
    };
    // SAFETY: promised by the caller.
    unsafe {
        if ssl::SSL_CTX_set_ex_data(context, place, writes.as_ptr().cast()) != 1 {
            return Err(Error::new("SSL_CTX_set_ex_data failed"));
        }
        ssl::SSL_CTX_set_info_callback(context, Some(on_progress));
    }
    Ok(())
}

/// Why the handshake of this SSL failed, if it did.
///
/// # Safety
/// `raw` is NULL or a living SSL of an SSL_CTX that is watched.
pub(crate) unsafe fn handshake_error(raw: *const ssl::SSL) -> Option<Error> {
    if raw.is_null() {
        return None;
    }
    // SAFETY: promised by the caller.
    let code = unsafe { ssl::SSL_get_ex_data(raw, IN_SSL.get()) }.addr() as c_ulong;
    (code != 0).then(|| Error::with("TLS failed", code))
}

/// Called by OpenSSL at every step; `SSL_CB_EXIT` is when it returns to lws, to
/// wait, in vain, or done.
unsafe extern "C" fn on_progress(raw: *const ssl::SSL, place: c_int, result: c_int) {
    if place == ssl::SSL_CB_HANDSHAKE_START as c_int {
        // SAFETY: a living SSL of lws's making, of an SSL_CTX of ours.
        unsafe {
            let context = ssl::SSL_get_SSL_CTX(raw);
            let method = ssl::SSL_CTX_get_ex_data(context, IN_CONTEXT.get());
            write_quietly(raw.cast_mut(), method.cast());
            name_no_address(raw.cast_mut());
        }
        return;
    }
    if place & ssl::SSL_CB_EXIT as c_int == 0 || result > 0 {
        return;
    }
    // SAFETY: this thread's queue, which lws emptied before; a living SSL, of
    // lws's making, which only this thread uses.
    unsafe {
        let code = ssl::ERR_peek_last_error();
        if code != 0 {
            // Without memory, no reason.
            ssl::SSL_set_ex_data(raw.cast_mut(), IN_SSL.get(), noted(code));
        }
    }
}

/// lws asks for the server by whatever it is given as its host (an IPv6 address cut
/// at its first colon). A server's name may not be an address: RFC 6066 section 3.
///
/// # Safety
/// A living SSL whose handshake starts.
unsafe fn name_no_address(raw: *mut ssl::SSL) {
    const HOST_NAME: c_int = ssl::TLSEXT_NAMETYPE_host_name as c_int;
    // SAFETY: promised by the caller; the name is the SSL's, a C string or NULL.
    unsafe {
        let name = ssl::SSL_get_servername(raw, HOST_NAME);
        if name.is_null() {
            return;
        }
        let name = CStr::from_ptr(name);
        let is_address = |name: &str| name.contains(['[', ':']) || name.parse::<Ipv4Addr>().is_ok();
        if name.to_str().is_ok_and(is_address) {
            let command = ssl::SSL_CTRL_SET_TLSEXT_HOSTNAME as c_int;
            ssl::SSL_ctrl(raw, command, HOST_NAME.into(), null_mut());
        }
    }
}

/// A number where OpenSSL keeps a pointer that it never follows.
fn noted(code: c_ulong) -> *mut c_void {
    without_provenance_mut(code as usize)
}
