//! An eventfd to wake a thread by that waits in `poll`.

use core::ffi::{c_int, c_short};

use super::deadline::Deadline;

pub(crate) struct Doorbell(c_int);

impl Doorbell {
    /// `None` when there are no more descriptors.
    pub(crate) fn new() -> Option<Self> {
        // SAFETY: no preconditions.
        let descriptor = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        (descriptor >= 0).then_some(Self(descriptor))
    }

    /// Ends the `wait` that is running, or the next.
    pub(crate) fn ring(&self) {
        let one = 1u64;
        // SAFETY: our descriptor, eight bytes.
        unsafe { libc::write(self.0, (&raw const one).cast(), size_of::<u64>()) };
    }

    /// Waits until the socket has one of the events, or failed, until somebody rings
    /// or the time is over. Whether it was the socket. Signals may end it early.
    pub(crate) fn wait(&self, socket: Option<(c_int, c_short)>, until: Deadline) -> bool {
        let bell = libc::pollfd { fd: self.0, events: libc::POLLIN, revents: 0 };
        // poll passes over negative descriptors.
        let (fd, events) = socket.unwrap_or((-1, 0));
        let mut both = [bell, libc::pollfd { fd, events, revents: 0 }];
        // SAFETY: two entries.
        unsafe { libc::poll(both.as_mut_ptr(), 2, until.as_poll_timeout()) };
        if both[0].revents != 0 {
            let mut rings = 0u64;
            // SAFETY: our descriptor, which does not block; eight bytes.
            unsafe { libc::read(self.0, (&raw mut rings).cast(), size_of::<u64>()) };
        }
        both[1].revents != 0
    }
}

impl Drop for Doorbell {
    fn drop(&mut self) {
        // SAFETY: our descriptor.
        unsafe { libc::close(self.0) };
    }
}
