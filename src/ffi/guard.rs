//! What every function goes through that C calls.

/// Keeps a panic, which would be a bug of ours, from unwinding into C. The C
/// libraries are built with `panic = "abort"` and end at the panic itself.
#[cfg(any(test, feature = "std"))]
pub(crate) fn guard<R>(otherwise: R, f: impl FnOnce() -> R) -> R {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).unwrap_or(otherwise)
}
/// As above; without `std` a panic aborts, and there is nothing to catch.
#[cfg(not(any(test, feature = "std")))]
pub(crate) fn guard<R>(_otherwise: R, f: impl FnOnce() -> R) -> R {
    f()
}
