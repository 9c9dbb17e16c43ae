//! The host's descriptor 0, which lws may close.
//!
//! Where `lws_create_context` fails for want of memory before it has opened its
//! own descriptor for random numbers, that number is still 0, and lws closes it
//! (`lws_plat_context_late_destroy` in plat/unix/unix-init.c, lws 4.1 and 4.3).

use core::ffi::c_int;

const ZERO: c_int = 0;

/// Puts descriptor 0 back when dropped, if it was closed meanwhile.
pub(super) struct DescriptorZero {
    /// A duplicate; negative when there was nothing to duplicate, or no room.
    copy: c_int,
    flags: c_int,
}

impl DescriptorZero {
    pub(super) fn keep() -> Self {
        // SAFETY: reads flags, and makes a descriptor of our own.
        unsafe {
            Self {
                copy: libc::fcntl(ZERO, libc::F_DUPFD_CLOEXEC, ZERO + 1),
                flags: libc::fcntl(ZERO, libc::F_GETFD),
            }
        }
    }
}

impl Drop for DescriptorZero {
    fn drop(&mut self) {
        if self.copy < 0 {
            return;
        }
        // SAFETY: `copy` is ours; 0 is only set when it is nobody's.
        unsafe {
            if libc::fcntl(ZERO, libc::F_GETFD) < 0 && libc::dup2(self.copy, ZERO) == ZERO {
                libc::fcntl(ZERO, libc::F_SETFD, self.flags);
            }
            libc::close(self.copy);
        }
    }
}
