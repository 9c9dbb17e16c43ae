// SPDX-License-Identifier: MIT OR Apache-2.0
//! tungstenite behind `client.h`: what a Rust program would use. Its sends are
//! masked into its write buffer, which goes out in one `write` for all that is
//! queued; TLS is OpenSSL's, as for the other clients.

use std::collections::VecDeque;
use std::ffi::{CStr, c_char, c_int};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::OnceLock;

use openssl::ssl::{SslConnector, SslMethod, SslStream};
use openssl::x509::X509;
use tungstenite::{Bytes, Error, Message, WebSocket};

/// As in client.h.
#[repr(C)]
pub struct Endpoint {
    host: *const c_char,
    port: c_int,
    path: *const c_char,
    tls: bool,
    trusted_ca: *const c_char,
}

#[repr(C)]
pub struct Session {
    _opaque: [u8; 0],
}

unsafe extern "C" {
    fn on_opened(session: *mut Session);
    fn on_sent(session: *mut Session, messages: usize);
    fn on_received(session: *mut Session, bytes: usize);
    fn on_failed(session: *mut Session, why: *const c_char);
    /// ../clients/tungstenite.c
    static client_blocks: bool;
}

fn blocks() -> bool {
    // SAFETY: never written.
    unsafe { client_blocks }
}

enum Stream {
    Plain(TcpStream),
    Tls(SslStream<TcpStream>),
}

impl Stream {
    fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(socket) => socket,
            Self::Tls(tls) => tls.get_ref(),
        }
    }
}

impl Read for Stream {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(bytes),
            Self::Tls(tls) => tls.read(bytes),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.write(bytes),
            Self::Tls(tls) => tls.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(()) // nothing is kept back
    }
}

pub struct Client {
    socket: WebSocket<Stream>,
    session: *mut Session,
    reported_open: bool,
    /// Not yet given to tungstenite.
    queue: VecDeque<Bytes>,
    /// Given to it, but perhaps not yet to the system.
    written: usize,
    /// To be reported when nothing is borrowed: the driver sends the next from there.
    sent: usize,
}

type AnyError = Box<dyn std::error::Error>;

/// One for all connections: making it reads all certificates of the system.
fn connector(trusted_ca: &str) -> Result<&'static SslConnector, AnyError> {
    static CONNECTOR: OnceLock<SslConnector> = OnceLock::new();
    if let Some(connector) = CONNECTOR.get() {
        return Ok(connector);
    }
    let mut builder = SslConnector::builder(SslMethod::tls_client())?;
    for certificate in X509::stack_from_pem(trusted_ca.as_bytes())? {
        builder.cert_store_mut().add_cert(certificate)?;
    }
    Ok(CONNECTOR.get_or_init(|| builder.build()))
}

/// SAFETY: the pointers in `endpoint` are valid.
unsafe fn connect(endpoint: &Endpoint) -> Result<WebSocket<Stream>, AnyError> {
    // SAFETY: as promised.
    let text = |pointer| unsafe { CStr::from_ptr(pointer) }.to_str();
    let (host, path) = (text(endpoint.host)?, text(endpoint.path)?);
    let socket = TcpStream::connect((host, u16::try_from(endpoint.port)?))?;
    socket.set_nodelay(true)?;
    let stream = if endpoint.tls {
        Stream::Tls(connector(text(endpoint.trusted_ca)?)?.connect(host, socket)?)
    } else {
        Stream::Plain(socket)
    };
    let url = format!("ws://{host}:{}{path}", endpoint.port);
    let (socket, _) = tungstenite::client(url, stream).map_err(|error| error.to_string())?;
    socket.get_ref().socket().set_nonblocking(!blocks())?;
    Ok(socket)
}

/// Whether it was done; not when it would have had to wait.
fn done<T>(result: Result<T, Error>) -> Result<Option<T>, Error> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}

impl Client {
    fn send_queued(&mut self) -> Result<(), Error> {
        let mut room = true;
        while room && let Some(bytes) = self.queue.pop_front() {
            // When its buffer is full it takes the message all the same.
            room = done(self.socket.write(Message::Binary(bytes)))?.is_some();
            self.written += 1;
        }
        if self.written > 0 && done(self.socket.flush())?.is_some() {
            self.sent += std::mem::take(&mut self.written);
        }
        Ok(())
    }

    fn wait(&mut self) -> Result<(), Error> {
        if !blocks() {
            return self.service();
        }
        let message = self.socket.read()?;
        // SAFETY: the driver's, alive.
        unsafe { on_received(self.session, message.len()) };
        Ok(())
    }

    fn receive(&mut self) -> Result<(), Error> {
        // As many as there are, but sends have their turn.
        for _ in 0..64 {
            let Some(message) = done(self.socket.read())? else {
                break;
            };
            // SAFETY: the driver's, alive.
            unsafe { on_received(self.session, message.len()) };
        }
        Ok(())
    }

    fn service(&mut self) -> Result<(), Error> {
        if !self.reported_open {
            self.reported_open = true;
            // SAFETY: the driver's, alive.
            unsafe { on_opened(self.session) };
        }
        self.send_queued()?;
        if blocks() { Ok(()) } else { self.receive() }
    }

    fn fail(&self, error: &Error) {
        eprintln!("tungstenite: {error}");
        // SAFETY: the driver's session, a literal.
        unsafe { on_failed(self.session, c"connection lost".as_ptr()) };
    }
}

/// SAFETY: the client is from client_open; none of it is borrowed.
unsafe fn report_sent(client: *mut Client) {
    // SAFETY: as promised.
    let (session, count) = unsafe { ((*client).session, std::mem::take(&mut (*client).sent)) };
    if count > 0 {
        // SAFETY: the driver's, alive.
        unsafe { on_sent(session, count) };
    }
}

/// # Safety
/// As client.h says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn client_open(
    endpoint: *const Endpoint,
    session: *mut Session,
) -> *mut Client {
    // SAFETY: the driver's endpoint.
    match unsafe { connect(&*endpoint) } {
        Ok(socket) => Box::into_raw(Box::new(Client {
            socket,
            session,
            reported_open: false,
            queue: VecDeque::new(),
            written: 0,
            sent: 0,
        })),
        Err(error) => {
            eprintln!("tungstenite: {error}");
            std::ptr::null_mut()
        }
    }
}

/// # Safety
/// As client.h says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn client_send(client: *mut Client, bytes: *const u8, size: usize) {
    {
        // SAFETY: from client_open; the driver's bytes.
        let (client, bytes) = unsafe { (&mut *client, std::slice::from_raw_parts(bytes, size)) };
        client.queue.push_back(Bytes::copy_from_slice(bytes));
        if blocks() && let Err(error) = client.send_queued() {
            client.fail(&error);
        }
    }
    // SAFETY: from client_open; the borrow has ended.
    unsafe { report_sent(client) };
}

/// # Safety
/// As client.h says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn client_service(client: *mut Client) {
    {
        // SAFETY: from client_open.
        let client = unsafe { &mut *client };
        if let Err(error) = client.service() {
            client.fail(&error);
        }
    }
    // SAFETY: from client_open; the borrow has ended.
    unsafe { report_sent(client) };
}

/// # Safety
/// As client.h says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn client_wait(client: *mut Client) {
    {
        // SAFETY: from client_open.
        let client = unsafe { &mut *client };
        if let Err(error) = client.wait() {
            client.fail(&error);
        }
    }
    // SAFETY: from client_open; the borrow has ended.
    unsafe { report_sent(client) };
}

/// # Safety
/// As client.h says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn client_close(client: *mut Client) {
    // SAFETY: from client_open, and not used again.
    drop(unsafe { Box::from_raw(client) });
}
