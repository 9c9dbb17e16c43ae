// SPDX-License-Identifier: MIT OR Apache-2.0
//! What `std::net` does not offer.

use std::ffi::c_int;
use std::mem::size_of;
use std::net::TcpListener;
use std::os::fd::{AsRawFd, RawFd};

fn set(fd: RawFd, level: c_int, option: c_int, value: &impl Copy) {
    // SAFETY: the kernel copies as many bytes as are there.
    let result = unsafe {
        libc::setsockopt(fd, level, option, (&raw const *value).cast(), size_of_val(value) as u32)
    };
    assert_eq!(result, 0, "setsockopt {option}");
}

/// A listener whose connections hold little in flight, as over a slow line, so
/// that a client's writes soon stay partial.
pub fn narrow_listener() -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    listener.set_nonblocking(true).expect("a socket option");
    set(listener.as_raw_fd(), libc::SOL_SOCKET, libc::SO_RCVBUF, &8192);
    set(listener.as_raw_fd(), libc::IPPROTO_TCP, libc::TCP_MAXSEG, &1000);
    listener
}

/// From now on, closing it sends a reset.
pub fn set_linger_0(fd: RawFd) {
    let linger = libc::linger { l_onoff: 1, l_linger: 0 };
    set(fd, libc::SOL_SOCKET, libc::SO_LINGER, &linger);
}

/// Closes what is behind the descriptor, and keeps the descriptor.
pub fn replace_by_another(fd: RawFd) {
    // SAFETY: descriptors of ours.
    unsafe {
        let other = libc::socket(libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0);
        assert!(other >= 0 && libc::dup2(other, fd) == fd, "a socket");
        libc::close(other);
    }
}

/// How many descriptors this process has.
pub fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").expect("/proc").count()
}

/// The local ports of this process's sockets that are connected to `port`.
pub fn ports_connected_to(port: u16) -> Vec<u16> {
    let fds = std::fs::read_dir("/proc/self/fd").expect("/proc");
    fds.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|&fd| port_of(fd, libc::getpeername) == Some(port))
        .filter_map(|fd| port_of(fd, libc::getsockname))
        .collect()
}

type NameOf = unsafe extern "C" fn(c_int, *mut libc::sockaddr, *mut libc::socklen_t) -> c_int;

fn port_of(fd: RawFd, name_of: NameOf) -> Option<u16> {
    // SAFETY: zeroes are valid, and the kernel writes no more than there is room
    // for; a descriptor that is no socket is refused.
    let (result, name) = unsafe {
        let mut name: libc::sockaddr_in = std::mem::zeroed();
        let mut length = size_of::<libc::sockaddr_in>() as libc::socklen_t;
        (name_of(fd, (&raw mut name).cast(), &mut length), name)
    };
    let is_ipv4 = result == 0 && c_int::from(name.sin_family) == libc::AF_INET;
    is_ipv4.then(|| u16::from_be(name.sin_port))
}
