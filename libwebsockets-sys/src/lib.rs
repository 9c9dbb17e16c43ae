//! Raw bindings to the system's libwebsockets, and to the few functions of the
//! OpenSSL below it, that wsio calls. Made by bindgen when built, so the struct
//! layouts are those of the installed version. No wrapper and no opinion here.

#![no_std]
#![allow(
    unknown_lints, // bindgen's own, on an older rustc
    missing_docs,
    non_camel_case_types,
    non_snake_case,
    non_upper_case_globals,
    unsafe_op_in_unsafe_fn,
    clippy::all,
    clippy::undocumented_unsafe_blocks
)]

include!(concat!(env!("OUT_DIR"), "/bindings.rs"));
