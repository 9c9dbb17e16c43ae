//! Where failures are told: one place for the process.

use core::ffi::{c_char, c_void};
use core::fmt;
use core::ptr::null_mut;

use crate::sys::{Line, Mutex};

type Function = unsafe extern "C" fn(context: *mut c_void, line: *const c_char);

#[derive(Clone, Copy)]
struct Handler {
    function: Option<Function>,
    context: *mut c_void,
}
// SAFETY: the header asks for a function that can be called in any thread.
unsafe impl Send for Handler {}

static HANDLER: Mutex<Handler> = Mutex::new(Handler { function: None, context: null_mut() });

/// # Safety
/// `function` can be called with `context`, in any thread, at any time from now on.
pub(super) unsafe fn set_handler(function: Option<Function>, context: *mut c_void) {
    HANDLER.with(|handler| *handler = Handler { function, context });
}

/// Not under a lock: the handler may call any websock function.
pub(crate) fn log(text: fmt::Arguments<'_>) {
    let handler = HANDLER.with(|handler| *handler);
    if let Some(function) = handler.function {
        let line = Line::new(format_args!("websock: {text}"));
        // SAFETY: promised to `set_handler`.
        unsafe { function(handler.context, line.as_ptr()) };
    }
}
