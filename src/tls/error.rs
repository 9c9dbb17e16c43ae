//! OpenSSL's error queue: what it says of our failures, and what the host left
//! in it, which is none of our business and must still be there afterwards.

use alloc::vec::Vec;
use core::ffi::{CStr, c_char, c_int, c_ulong, c_void};
use core::fmt;
use core::ptr::{null, null_mut};

use libwebsockets_sys as ssl;

use crate::sys::Text;

/// What failed, and OpenSSL's code for why (0 when it gave none).
#[derive(Clone, Copy)]
pub(crate) struct Error {
    what: &'static str,
    code: c_ulong,
}

impl Error {
    /// `what` failed just now: takes the reason from the queue.
    pub(super) fn new(what: &'static str) -> Self {
        // SAFETY: reads this thread's queue.
        Self { what, code: unsafe { ssl::ERR_peek_last_error() } }
    }

    /// `what` failed for the reason with this code.
    pub(super) const fn with(what: &'static str, code: c_ulong) -> Self {
        Self { what, code }
    }

    /// `what` is the whole story, whatever is in the queue.
    pub(crate) const fn plain(what: &'static str) -> Self {
        Self { what, code: 0 }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what)?;
        if self.code == 0 {
            return Ok(());
        }
        let mut text = [0; 160];
        // SAFETY: `text` has that many bytes and gets a C string.
        let text = unsafe {
            ssl::ERR_error_string_n(self.code, text.as_mut_ptr().cast(), text.len());
            CStr::from_ptr(text.as_ptr().cast())
        };
        write!(f, ": {}", text.to_str().unwrap_or("unknown error"))
    }
}

/// Why a server's certificate was refused.
#[derive(Clone, Copy)]
pub(crate) struct VerifyError(c_int);

impl VerifyError {
    /// What the verification that is going on has found, if anything.
    ///
    /// # Safety
    /// `store` is the X509_STORE_CTX of a verify callback.
    pub(crate) unsafe fn of(store: *mut c_void) -> Option<Self> {
        // SAFETY: promised by the caller.
        let code = unsafe { ssl::X509_STORE_CTX_get_error(store.cast()) };
        (code != 0).then_some(Self(code))
    }
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SAFETY: takes any number and gives a constant string.
        let text = unsafe { CStr::from_ptr(ssl::X509_verify_cert_error_string(self.0.into())) };
        write!(f, "the server's certificate is refused: {}", text.to_str().unwrap_or("unknown"))
    }
}

/// Library and reason in an error code (OpenSSL 3's ERR_GET_LIB and
/// ERR_GET_REASON, which are inline functions).
pub(super) fn library_and_reason(code: c_ulong) -> (c_int, c_int) {
    const SYSTEM_FLAG: c_ulong = 1 << 31;
    const LIB_SYS: c_int = 2;
    if code & SYSTEM_FLAG != 0 {
        (LIB_SYS, (code & !SYSTEM_FLAG) as c_int)
    } else {
        (((code >> 23) & 0xFF) as c_int, (code & 0x7F_FFFF) as c_int)
    }
}

/// The host's errors, put back into the queue when this is dropped; whatever
/// came in meanwhile goes.
///
/// OpenSSL clears the queue itself in most TLS calls, so a mark in it would not
/// do. Nearly always the queue is empty and this costs two look-ups.
pub(crate) struct HostErrors(Vec<Entry>);

struct Entry {
    code: c_ulong,
    line: c_int,
    file: Option<Text>,
    function: Option<Text>,
    data: Option<Text>,
}

impl HostErrors {
    pub(crate) fn keep() -> Self {
        let mut entries = Vec::new();
        while let Some(entry) = Entry::take() {
            // Without memory the host loses an error of its own: the lesser evil.
            if entries.try_reserve(1).is_ok() {
                entries.push(entry);
            }
        }
        Self(entries)
    }
}

impl Drop for HostErrors {
    fn drop(&mut self) {
        // SAFETY: this thread's queue.
        unsafe {
            if ssl::ERR_peek_error() != 0 {
                ssl::ERR_clear_error();
            }
        }
        self.0.iter().for_each(Entry::put_back);
    }
}

impl Entry {
    /// The oldest error in the queue.
    fn take() -> Option<Self> {
        let (mut file, mut function, mut data) = (null(), null(), null());
        let (mut line, mut flags) = (0, 0);
        // SAFETY: reads this thread's queue; the pointers it gives are good
        // until the queue changes.
        unsafe {
            if ssl::ERR_peek_error() == 0 {
                return None;
            }
            let code =
                ssl::ERR_get_error_all(&mut file, &mut line, &mut function, &mut data, &mut flags);
            let is_text = flags & ssl::ERR_TXT_STRING as c_int != 0;
            Some(Self {
                code,
                line,
                file: copy(file),
                function: copy(function),
                data: if is_text { copy(data) } else { None },
            })
        }
    }

    fn put_back(&self) {
        let (library, reason) = library_and_reason(self.code);
        let pointer = |text: &Option<Text>| text.as_ref().map_or(null(), Text::as_ptr);
        // SAFETY: OpenSSL copies the strings.
        unsafe {
            ssl::ERR_new();
            ssl::ERR_set_debug(pointer(&self.file), self.line, pointer(&self.function));
            match &self.data {
                Some(data) => {
                    ssl::ERR_set_error(library, reason, c"%s".as_ptr(), data.as_ptr());
                }
                None => ssl::ERR_set_error(library, reason, null_mut()),
            }
        }
    }
}

/// # Safety
/// `text` is NULL or a C string.
unsafe fn copy(text: *const c_char) -> Option<Text> {
    // SAFETY: promised by the caller.
    (!text.is_null())
        .then(|| Text::try_concat(&[unsafe { CStr::from_ptr(text) }.to_bytes()]))
        .flatten()
}
