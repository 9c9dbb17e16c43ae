// SPDX-License-Identifier: MIT OR Apache-2.0
//! The server's end of one connection. Nothing here waits.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsRawFd;

use libwebsockets_sys as _; // for OpenSSL's symbols
use wsio::ffi::xio::IO_SEND_RESULT;

use crate::contract::{self, Accepted};
use crate::socket;

// RFC 6455 section 5.2.
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PONG: u8 = 10;

pub struct Peer {
    stream: TcpStream,
    /// Which `wsio_open` made the connection.
    pub open: usize,
    /// What came and was not dealt with yet.
    inbox: Vec<u8>,
    answered: bool,
    /// The handshake's answer was a good one.
    pub welcome: bool,
    /// It did what ends the connection.
    pub fatal: bool,
    /// Payload bytes of all messages that were sent.
    pub told: Vec<u8>,
    /// How many of the client's sends have come, or never will.
    seen: usize,
    /// What the client's Close frame said.
    pub goodbye: Option<Vec<u8>>,
    /// Nothing comes any more.
    pub closed: bool,
}

impl Peer {
    pub fn new(stream: TcpStream, open: usize) -> Self {
        stream.set_nonblocking(true).expect("a socket option");
        stream.set_nodelay(true).expect("a socket option");
        Self {
            stream,
            open,
            inbox: Vec::new(),
            answered: false,
            welcome: false,
            fatal: false,
            told: Vec::new(),
            seen: 0,
            goodbye: None,
            closed: false,
        }
    }

    /// Sends these bytes, as far as the kernel takes them at once.
    pub fn send(&mut self, bytes: &[u8]) {
        if self.stream.write_all(bytes).is_err() && !self.fatal {
            contract::violation("the server cannot send".to_owned());
        }
    }

    pub fn fin(&mut self) {
        self.fatal = true;
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Closes the socket so that a reset is sent.
    pub fn reset(&mut self) {
        self.fatal = true;
        socket::set_linger_0(self.stream.as_raw_fd());
        // Closes it, for the only descriptor is replaced.
        socket::replace_by_another(self.stream.as_raw_fd());
        self.closed = true;
    }

    /// Reads what has come, and looks at it.
    pub fn read(&mut self) {
        let mut bytes = [0; 16 * 1024];
        while !self.closed {
            match self.stream.read(&mut bytes) {
                Ok(0) => self.closed = true,
                Ok(count) => self.inbox.extend_from_slice(&bytes[..count]),
                Err(why) if why.kind() == ErrorKind::WouldBlock => break,
                Err(why) if why.kind() == ErrorKind::Interrupted => {}
                Err(_) => self.closed = true,
            }
        }
        while self.answered && self.take_frame().is_some() {}
    }

    /// The request, once all of it has come.
    pub fn take_request(&mut self) -> Option<String> {
        self.read();
        let text = std::str::from_utf8(&self.inbox).expect("a request in ASCII");
        let request = text.ends_with("\r\n\r\n").then(|| text.to_owned())?;
        self.inbox.clear();
        self.answered = true;
        Some(request)
    }

    fn take_frame(&mut self) -> Option<()> {
        let (&[first, second], mut rest) = self.inbox.split_first_chunk()?;
        let mut length = usize::from(second & 0x7F);
        if length == 126 {
            let (length_16, after) = rest.split_first_chunk()?;
            (length, rest) = (u16::from_be_bytes(*length_16).into(), after);
        } else if length == 127 {
            let (length_64, after) = rest.split_first_chunk()?;
            (length, rest) = (u64::from_be_bytes(*length_64) as usize, after);
        }
        let (mask, rest) = rest.split_first_chunk::<4>()?;
        let (payload, rest) = rest.split_at_checked(length)?;
        let payload: Vec<u8> =
            payload.iter().enumerate().map(|(at, byte)| byte ^ mask[at % 4]).collect();
        let rest = rest.to_vec();
        self.inbox = rest;
        if second & 0x80 == 0 {
            contract::violation("the client sent an unmasked frame".to_owned());
        }
        if self.goodbye.is_some() {
            contract::violation("the client sent something after its Close".to_owned());
        }
        match (first & 0x0F, first & 0xF0) {
            (BINARY, 0x80) => self.take_message(&payload),
            (CLOSE, 0x80) => self.goodbye = Some(payload),
            (PONG, 0x80) => {}
            _ => contract::violation(format!("the client sent a frame {first:#x}")),
        }
        Some(())
    }

    /// The next send that has not come and did not fail.
    pub fn expects(&mut self) -> Option<Accepted> {
        loop {
            let send = contract::accepted(self.open, self.seen)?;
            if send.result != Some(IO_SEND_RESULT::IO_SEND_ERROR) {
                return Some(send);
            }
            self.seen += 1;
        }
    }

    fn take_message(&mut self, payload: &[u8]) {
        let sent = self.expects();
        self.seen += 1;
        let is_it = sent.is_some_and(|sent| contract::payload(sent.number, sent.size) == payload);
        if !is_it {
            let size = payload.len();
            contract::violation(format!("a message of {size} bytes came, not {sent:?}"));
        }
    }
}

/// A frame from a server, of up to 65,535 bytes.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        length @ ..126 => frame.push(length as u8),
        length => {
            frame.push(126);
            frame.extend_from_slice(&u16::try_from(length).expect("a length").to_be_bytes());
        }
    }
    frame.extend_from_slice(payload);
    frame
}

/// The good answer to this request, RFC 6455 section 4.2.2.
pub fn welcome(request: &str) -> String {
    const NAME: &str = "Sec-WebSocket-Key: ";
    let key = request.split(NAME).nth(1).and_then(|rest| rest.lines().next()).expect("a key");
    let accept = accept_for(key);
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: p\r\n\r\n"
    )
}

fn accept_for(key: &str) -> String {
    unsafe extern "C" {
        fn SHA1(bytes: *const u8, size: usize, digest: *mut u8) -> *mut u8;
        fn EVP_EncodeBlock(to: *mut u8, from: *const u8, size: i32) -> i32;
    }
    let text = format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    let mut digest = [0; 20];
    let mut base64 = [0; 29];
    // SAFETY: OpenSSL's functions, with room for what they write: the second
    // makes 28 characters and a NUL of 20 bytes.
    let length = unsafe {
        SHA1(text.as_ptr(), text.len(), digest.as_mut_ptr());
        EVP_EncodeBlock(base64.as_mut_ptr(), digest.as_ptr(), 20)
    };
    String::from_utf8_lossy(&base64[..length as usize]).into_owned()
}
