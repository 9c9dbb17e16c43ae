//! Certificates from a PEM text into the trust of an SSL_CTX.

use core::ptr::null_mut;

use libwebsockets_sys as ssl;

use super::context::Context;
use super::error::{Error, library_and_reason};
use crate::sys::Text;

impl Context {
    /// Adds every certificate in `pem` to the trusted ones. Fails when there is
    /// none, or a broken one: half a bundle is not what the user asked for.
    ///
    /// One routine for lws's event and for our own SSL_CTX (SRS_WSIO_01_089).
    pub(crate) fn trust(self, pem: &Text) -> Result<(), Error> {
        // SAFETY: an SSL_CTX; the store stays with it. SRS_WSIO_01_131
        let store = unsafe { ssl::SSL_CTX_get_cert_store(self.as_ptr()) };
        if store.is_null() {
            return Err(Error::new("SSL_CTX_get_cert_store failed"));
        }
        let bio = MemoryBio::new(pem)?;
        // The queue tells below how the text ended: it must start empty.
        // SAFETY: this thread's queue; the host's errors are kept elsewhere.
        unsafe { ssl::ERR_clear_error() };
        let mut count = 0;
        while let Some(certificate) = bio.read_certificate() {
            certificate.add_to(store)?;
            count += 1;
        }
        // SAFETY: reads this thread's queue.
        let ended = library_and_reason(unsafe { ssl::ERR_peek_last_error() });
        let no_more = (ssl::ERR_LIB_PEM as i32, ssl::PEM_R_NO_START_LINE as i32);
        // OpenSSL also says so of a text that ends inside a certificate, and passes
        // over certificates that do not start their line or are "TRUSTED".
        if ended != no_more
            || markers(pem, BEGIN) != markers(pem, END)
            || markers(pem, CERTIFICATE) != 2 * count
        {
            return Err(Error::new("trusted_ca contains a broken certificate"));
        }
        if count == 0 {
            return Err(Error::plain("trusted_ca contains no certificate"));
        }
        Ok(())
    }
}

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
/// The end of both lines around a certificate, whatever its kind.
const CERTIFICATE: &[u8] = b"CERTIFICATE-----";

fn markers(pem: &Text, marker: &[u8]) -> usize {
    pem.as_bytes().windows(marker.len()).filter(|text| *text == marker).count()
}

/// A BIO that reads from memory.
struct MemoryBio(*mut ssl::BIO);

impl MemoryBio {
    fn new(text: &Text) -> Result<Self, Error> {
        // SAFETY: no preconditions. SRS_WSIO_01_123, SRS_WSIO_01_124
        let bio = unsafe { ssl::BIO_new(ssl::BIO_s_mem()) };
        if bio.is_null() {
            return Err(Error::new("BIO_new failed"));
        }
        let bio = Self(bio);
        // SAFETY: a BIO and a C string. SRS_WSIO_01_125
        let written = unsafe { ssl::BIO_puts(bio.0, text.as_ptr()) };
        // An empty text gives 0 or -1, depending on the version of OpenSSL.
        if usize::try_from(written) != Ok(text.as_bytes().len()) && !text.is_empty() {
            return Err(Error::new("BIO_puts failed"));
        }
        Ok(bio)
    }

    /// `None` when there are no more, or the next is broken. SRS_WSIO_01_132
    fn read_certificate(&self) -> Option<Certificate> {
        // SAFETY: a BIO; no password callback is needed. SRS_WSIO_01_126
        let x509 = unsafe { ssl::PEM_read_bio_X509(self.0, null_mut(), None, null_mut()) };
        (!x509.is_null()).then(|| Certificate(x509))
    }
}

impl Drop for MemoryBio {
    fn drop(&mut self) {
        // SAFETY: from BIO_new. SRS_WSIO_01_128
        unsafe { ssl::BIO_free(self.0) };
    }
}

struct Certificate(*mut ssl::X509);

impl Certificate {
    fn add_to(self, store: *mut ssl::X509_STORE) -> Result<(), Error> {
        // SAFETY: a store and a certificate, of which the store takes a
        // reference of its own. SRS_WSIO_01_127
        if unsafe { ssl::X509_STORE_add_cert(store, self.0) } != 1 {
            return Err(Error::new("X509_STORE_add_cert failed"));
        }
        Ok(())
    }
}

impl Drop for Certificate {
    fn drop(&mut self) {
        // SAFETY: our own reference, added to the store or not. SRS_WSIO_01_133
        unsafe { ssl::X509_free(self.0) };
    }
}
