//! Link arguments of the C libraries, and what the installed lws can do.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // A library with one face only is named after it (see CMakeLists.txt).
    let has = |face| std::env::var_os(face).is_some();
    let name = if has("CARGO_FEATURE_WSIO") { "wsio" } else { "websock" };
    println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,lib{name}.so.1");

    println!("cargo::rustc-check-cfg=cfg(lws_log_cx, lws_scratch)");
    let version = std::env::var("DEP_WEBSOCKETS_VERSION").unwrap_or_default();
    let mut numbers = version.split('.').map(|number| number.parse().unwrap_or(0u32));
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    // A context can have a log of its own.
    if version >= (4, 3) {
        println!("cargo::rustc-cfg=lws_log_cx");
    }
    // Where a context's receive buffer is was read in these versions' source.
    if ((4, 1)..=(4, 3)).contains(&version) {
        println!("cargo::rustc-cfg=lws_scratch");
    }
}
