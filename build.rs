//! Link arguments of the C libraries, and what the installed lws can do.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libwsio.so.1");

    // Since lws 4.3 a context can have a log of its own.
    println!("cargo::rustc-check-cfg=cfg(lws_log_cx)");
    let version = std::env::var("DEP_WEBSOCKETS_VERSION").unwrap_or_default();
    let mut numbers = version.split('.').map(|number| number.parse().unwrap_or(0u32));
    if (numbers.next(), numbers.next()) >= (Some(4), Some(3)) {
        println!("cargo::rustc-cfg=lws_log_cx");
    }
}
