//! A client's TLS where more is to be said than whom to trust besides the system:
//! whom alone, what to show to the server, and how much of this matters.

use alloc::vec::Vec;
use core::ffi::{CStr, c_char, c_int, c_long, c_void};
use core::net::Ipv6Addr;
use core::ptr::{NonNull, null_mut};

use libwebsockets_sys as ssl;

use super::client::ClientTls;
use super::error::{Error, HostErrors, library_and_reason};
use super::ssl_ctx::SslCtx;
use super::verify::{Verification, Verifier};

pub(crate) struct Settings<'a> {
    /// Whom to trust; without it, whom the system trusts.
    pub(crate) ca: Option<Source<'a>>,
    /// To show to a server that asks, and its key.
    pub(crate) certificate: Option<Source<'a>>,
    pub(crate) key: Option<Source<'a>>,
    pub(crate) verification: Verification,
    /// 512, 1024, 2048 or 4096 (RFC 6066 section 4); other values ask for none.
    pub(crate) max_fragment_length: u16,
    /// The server's, when it is known by an IPv6 address.
    pub(crate) address: Option<Ipv6Addr>,
}

impl Settings<'_> {
    /// Whoever the system trusts, and nothing else.
    fn are_ordinary(&self) -> bool {
        self.ca.is_none()
            && self.certificate.is_none()
            && self.key.is_none()
            && self.verification == Verification::Required
            && self.max_fragment_length == 0
    }
}

/// PEM or DER.
#[derive(Clone, Copy)]
pub(crate) enum Source<'a> {
    Path(&'a CStr),
    /// May end in a NUL that does not count.
    Bytes(&'a [u8]),
}

impl ClientTls {
    /// Shared with others only when nothing is special about it.
    pub(crate) fn with(settings: &Settings<'_>) -> Result<Self, Error> {
        let _errors = HostErrors::keep();
        if settings.are_ordinary() {
            return Self::get(None, settings.address);
        }
        let context = SslCtx::new()?;
        match settings.ca {
            Some(ca) => trust_only(&context, &ca.read(CA_UNREADABLE)?)?,
            None if settings.verification == Verification::None => {}
            None => {
                context.trust(None)?;
            }
        }
        match (settings.certificate, settings.key) {
            (Some(certificate), Some(key)) => {
                show(&context, &certificate.read(CERTIFICATE_UNREADABLE)?)?;
                prove(&context, &key.read(KEY_UNREADABLE)?)?;
            }
            (None, None) => {}
            (Some(_), None) => return Err(Error::plain("client_cert comes without client_key")),
            (None, Some(_)) => return Err(Error::plain("client_key comes without client_cert")),
        }
        ask_for_fragments(&context, settings.max_fragment_length)?;
        Self::alone(context, Verifier::with(settings.address, settings.verification))
    }
}

const CA_UNREADABLE: &str = "ca_cert cannot be read";
const CERTIFICATE_UNREADABLE: &str = "client_cert cannot be read";
const KEY_UNREADABLE: &str = "client_key cannot be read";

/// Trusts these certificates, all of them, and no others.
fn trust_only(context: &SslCtx, bytes: &[u8]) -> Result<(), Error> {
    let certificates = Certificates::read(bytes, "ca_cert is not what it should be")?;
    for certificate in &certificates.0 {
        // SAFETY: a living SSL_CTX, whose store takes a reference of its own.
        unsafe {
            let store = ssl::SSL_CTX_get_cert_store(context.as_ptr());
            if store.is_null() || ssl::X509_STORE_add_cert(store, certificate.0) != 1 {
                return Err(Error::new("ca_cert cannot be trusted"));
            }
        }
    }
    Ok(())
}

/// The first certificate is the client's, the others lead to somebody whom the server
/// may know.
fn show(context: &SslCtx, bytes: &[u8]) -> Result<(), Error> {
    const WHAT: &str = "client_cert cannot be used";
    let certificates = Certificates::read(bytes, "client_cert is not what it should be")?;
    for (index, certificate) in certificates.0.iter().enumerate() {
        // SAFETY: a living SSL_CTX, which takes references of its own.
        let is_taken = unsafe {
            if index == 0 {
                ssl::SSL_CTX_use_certificate(context.as_ptr(), certificate.0) == 1
            } else {
                const ADD_A_REFERENCE: c_long = 1;
                ssl::SSL_CTX_ctrl(
                    context.as_ptr(),
                    ssl::SSL_CTRL_CHAIN_CERT as c_int,
                    ADD_A_REFERENCE,
                    certificate.0.cast(),
                ) == 1
            }
        };
        if !is_taken {
            return Err(Error::new(WHAT));
        }
    }
    Ok(())
}

/// With the key of the certificate that is shown.
fn prove(context: &SslCtx, bytes: &[u8]) -> Result<(), Error> {
    let key = Key::read(bytes)?;
    // SAFETY: a living SSL_CTX, which takes a reference of its own.
    unsafe {
        if ssl::SSL_CTX_use_PrivateKey(context.as_ptr(), key.0.as_ptr()) != 1
            || ssl::SSL_CTX_check_private_key(context.as_ptr()) != 1
        {
            return Err(Error::new("client_key is not that of client_cert"));
        }
    }
    Ok(())
}

fn ask_for_fragments(context: &SslCtx, size: u16) -> Result<(), Error> {
    let mode = match size {
        512 => 1,
        1024 => 2,
        2048 => 3,
        4096 => 4,
        _ => return Ok(()),
    };
    // SAFETY: a living SSL_CTX.
    if unsafe { ssl::SSL_CTX_set_tlsext_max_fragment_length(context.as_ptr(), mode) } != 1 {
        return Err(Error::new("max_frag_len cannot be set"));
    }
    Ok(())
}

impl Source<'_> {
    /// The bytes, without the NUL.
    fn read(self, otherwise: &'static str) -> Result<Vec<u8>, Error> {
        const NO_MEMORY: Error = Error::plain("out of memory");
        let mut bytes = Vec::new();
        match self {
            Self::Bytes(given) => {
                bytes.try_reserve_exact(given.len()).map_err(|_| NO_MEMORY)?;
                bytes.extend_from_slice(given);
            }
            Self::Path(path) => {
                // SAFETY: C strings.
                let file = unsafe { Bio::new(ssl::BIO_new_file(path.as_ptr(), c"rb".as_ptr())) };
                let file = file.ok_or_else(|| Error::new(otherwise))?;
                let mut block = [0u8; 1024];
                loop {
                    // SAFETY: a block of that size.
                    let count = unsafe {
                        let size = block.len() as c_int;
                        ssl::BIO_read(file.0.as_ptr(), block.as_mut_ptr().cast(), size)
                    };
                    let count = usize::try_from(count).unwrap_or(0);
                    if count == 0 {
                        break;
                    }
                    bytes.try_reserve(count).map_err(|_| NO_MEMORY)?;
                    bytes.extend_from_slice(block.get(..count).unwrap_or_default());
                    if bytes.len() > Self::LARGEST {
                        return Err(Error::plain(otherwise));
                    }
                }
            }
        }
        if bytes.last() == Some(&0) && is_pem(&bytes) {
            bytes.pop();
        }
        Ok(bytes)
    }

    /// No file of certificates is larger; a device may have no end.
    const LARGEST: usize = 16 * 1024 * 1024;
}

const BEGIN: &[u8] = b"-----BEGIN ";
const BEGIN_CERTIFICATE: &[u8] = b"-----BEGIN CERTIFICATE-----";

fn is_pem(bytes: &[u8]) -> bool {
    bytes.windows(BEGIN.len()).any(|text| text == BEGIN)
}

/// All that are in a text, or the one of which it is the DER.
struct Certificates(Vec<X509>);

impl Certificates {
    fn read(bytes: &[u8], otherwise: &'static str) -> Result<Self, Error> {
        let mut found = Vec::new();
        let mut keep = |certificate| {
            found.try_reserve(1).map_err(|_| Error::plain("out of memory"))?;
            found.push(certificate);
            Ok(())
        };
        if !is_pem(bytes) {
            keep(X509::from_der(bytes).ok_or_else(|| Error::new(otherwise))?)?;
            return Ok(Self(found));
        }
        let text = Bio::over(bytes)?;
        // The queue tells below how the text ended.
        // SAFETY: this thread's queue; the host's errors are kept elsewhere.
        unsafe { ssl::ERR_clear_error() };
        // SAFETY: a BIO; no passphrase is asked for.
        while let Some(certificate) = X509::new(unsafe {
            ssl::PEM_read_bio_X509(text.0.as_ptr(), null_mut(), Some(no_passphrase), null_mut())
        }) {
            keep(certificate)?;
        }
        // SAFETY: reads this thread's queue.
        let ended = library_and_reason(unsafe { ssl::ERR_peek_last_error() });
        let no_more = (ssl::ERR_LIB_PEM as c_int, ssl::PEM_R_NO_START_LINE as c_int);
        let begun = bytes
            .windows(BEGIN_CERTIFICATE.len())
            .filter(|text| *text == BEGIN_CERTIFICATE)
            .count();
        // Half a bundle is not what the user asked for.
        if ended != no_more || found.is_empty() || begun != found.len() {
            return Err(Error::new(otherwise));
        }
        Ok(Self(found))
    }
}

struct X509(*mut ssl::X509);

impl X509 {
    fn new(raw: *mut ssl::X509) -> Option<Self> {
        (!raw.is_null()).then_some(Self(raw))
    }

    fn from_der(bytes: &[u8]) -> Option<Self> {
        let mut place = bytes.as_ptr();
        let length = c_long::try_from(bytes.len()).ok()?;
        // SAFETY: so many bytes are there.
        Self::new(unsafe { ssl::d2i_X509(null_mut(), &mut place, length) })
    }
}

impl Drop for X509 {
    fn drop(&mut self) {
        // SAFETY: our own reference.
        unsafe { ssl::X509_free(self.0) };
    }
}

struct Key(NonNull<ssl::EVP_PKEY>);

impl Key {
    fn read(bytes: &[u8]) -> Result<Self, Error> {
        let key = if is_pem(bytes) {
            let text = Bio::over(bytes)?;
            // SAFETY: a BIO; a key with a passphrase fails.
            unsafe {
                ssl::PEM_read_bio_PrivateKey(
                    text.0.as_ptr(),
                    null_mut(),
                    Some(no_passphrase),
                    null_mut(),
                )
            }
        } else {
            let mut place = bytes.as_ptr();
            let length = c_long::try_from(bytes.len()).unwrap_or(0);
            // SAFETY: so many bytes are there.
            unsafe { ssl::d2i_AutoPrivateKey(null_mut(), &mut place, length) }
        };
        NonNull::new(key).map(Self).ok_or_else(|| Error::new("client_key is not what it should be"))
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        // SAFETY: our own reference.
        unsafe { ssl::EVP_PKEY_free(self.0.as_ptr()) };
    }
}

/// OpenSSL would ask at the terminal.
unsafe extern "C" fn no_passphrase(_: *mut c_char, _: c_int, _: c_int, _: *mut c_void) -> c_int {
    -1
}

struct Bio(NonNull<ssl::BIO>);

impl Bio {
    fn new(raw: *mut ssl::BIO) -> Option<Self> {
        NonNull::new(raw).map(Self)
    }

    /// Reads these bytes, which must outlive it.
    fn over(bytes: &[u8]) -> Result<Self, Error> {
        let length = c_int::try_from(bytes.len()).map_err(|_| Error::plain("too large"))?;
        // SAFETY: so many bytes are there.
        let bio = unsafe { ssl::BIO_new_mem_buf(bytes.as_ptr().cast(), length) };
        Self::new(bio).ok_or_else(|| Error::new("BIO_new_mem_buf failed"))
    }
}

impl Drop for Bio {
    fn drop(&mut self) {
        // SAFETY: ours.
        unsafe { ssl::BIO_free(self.0.as_ptr()) };
    }
}
