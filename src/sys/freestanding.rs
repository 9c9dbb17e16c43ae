//! What a C library without `std` must bring: the allocator is libc's, so that
//! tests and tools see every allocation, and a panic, which would be a bug of
//! ours, stops at the ABI (`panic = "abort"`).

use core::alloc::{GlobalAlloc, Layout};

struct Malloc;

#[global_allocator]
static MALLOC: Malloc = Malloc;

/// What malloc aligns to on the platforms of libc's `max_align_t`.
const MALLOC_ALIGN: usize = 2 * size_of::<usize>();

// SAFETY: malloc, realloc and free keep the promises of GlobalAlloc for every
// alignment up to MALLOC_ALIGN; a larger one is refused.
unsafe impl GlobalAlloc for Malloc {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.align() > MALLOC_ALIGN {
            return core::ptr::null_mut();
        }
        // SAFETY: malloc takes any size.
        unsafe { libc::malloc(layout.size()).cast() }
    }

    unsafe fn dealloc(&self, block: *mut u8, _layout: Layout) {
        // SAFETY: `block` came from `alloc` or `realloc` above.
        unsafe { libc::free(block.cast()) }
    }

    unsafe fn realloc(&self, block: *mut u8, _layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: `block` came from `alloc` or `realloc` above.
        unsafe { libc::realloc(block.cast(), size).cast() }
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // SAFETY: abort never returns and touches nothing of ours.
    unsafe { libc::abort() }
}

// The precompiled `core` names the unwinder's personality routine although
// nothing here unwinds. Weak, so that another Rust library in the same program
// keeps its own.
core::arch::global_asm!(
    ".weak rust_eh_personality",
    ".hidden rust_eh_personality",
    ".type rust_eh_personality, @function",
    ".set rust_eh_personality, {personality}",
    personality = sym personality,
);

extern "C" fn personality() -> ! {
    // SAFETY: as in `panic`.
    unsafe { libc::abort() }
}
