//! The headers in `include/` are what cbindgen makes of the source.
//!
//! `WSIO_WRITE_HEADERS=1 cargo test --test headers` writes them anew.

use std::fs;
use std::path::Path;

const NOTICE: &str = "/* Generated from the Rust source by cbindgen; see tests/headers.rs. */\n\
                      /* SPDX-License-Identifier: MIT OR Apache-2.0 */";

/// `types` are those that no function's signature leads cbindgen to.
fn config(guard: &str, about: &str, includes: &[&str], types: &[&str]) -> cbindgen::Config {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut config =
        cbindgen::Config::from_file(root.join("cbindgen.toml")).expect("cbindgen.toml");
    config.header = Some(format!("{NOTICE}\n{about}"));
    config.include_guard = Some(guard.to_owned());
    config.export.include = types.iter().map(|&name| name.to_owned()).collect();
    let includes: String = includes.iter().map(|name| format!("#include {name}\n")).collect();
    config.after_includes =
        Some(format!("#include <stdbool.h>\n#include <stddef.h>\n\n{includes}"));
    config
}

fn check(header: &str, sources: &[&str], config: cbindgen::Config) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut builder = cbindgen::Builder::new().with_config(config);
    for source in sources {
        builder = builder.with_src(root.join("src/ffi").join(source));
    }
    let mut made = Vec::new();
    builder.generate().expect("cbindgen reads the source").write(&mut made);
    let made = String::from_utf8(made).expect("headers are text");
    let path = root.join("include").join(header);
    if std::env::var_os("WSIO_WRITE_HEADERS").is_some() {
        fs::create_dir_all(path.parent().expect("in a folder")).expect("include/ can be written");
        fs::write(&path, &made).expect("include/ can be written");
    }
    let checked_in = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        checked_in == made,
        "include/{header} is not what the source says; \
         WSIO_WRITE_HEADERS=1 cargo test --test headers writes it anew"
    );
}

fn xio(header: &str, era: &str) {
    check(
        header,
        &["xio.rs", &format!("{era}/xio.rs")],
        config(
            "XIO_H",
            "/* What a concrete IO is: the part of the SDK's xio.h that wsio uses, for\n \
             * programs without an SDK. The SDK's own header has the same guard. */",
            &["<xlogging.h>"],
            &[
                "ON_BYTES_RECEIVED",
                "ON_SEND_COMPLETE",
                "ON_IO_OPEN_COMPLETE",
                "ON_IO_CLOSE_COMPLETE",
                "ON_IO_ERROR",
                "IO_INTERFACE_DESCRIPTION",
            ],
        ),
    );
}

/// In angle brackets, since quotes would find the headers beside it before those
/// of an SDK whose folder comes first.
fn wsio(header: &str, era: &str) {
    check(
        header,
        &["entry.rs", &format!("{era}/wsio.rs")],
        config(
            "WSIO_H",
            "/* wsio: a concrete IO that sends and receives through a WebSocket. */",
            &["<xio.h>", "<xlogging.h>"],
            &["WSIO_CONFIG"],
        ),
    );
}

#[test]
fn xio_h_of_2016_01() {
    xio("xio.h", "era_2016_01");
}

#[test]
fn wsio_h_of_2016_01() {
    wsio("wsio.h", "era_2016_01");
}

#[test]
fn xio_h_of_2016_03() {
    xio("2016-03/xio.h", "era_2016_03");
}

#[test]
fn wsio_h_of_2016_03() {
    wsio("2016-03/wsio.h", "era_2016_03");
}

#[test]
fn websock_h() {
    let mut config =
        config("WEBSOCK_H", "/* websock: a blocking WebSocket client. */", &[], &["websock_cb_t"]);
    // Its structs have no tags.
    config.style = cbindgen::Style::Type;
    config.after_includes = None;
    check("websock.h", &["websock/types.rs", "websock/entry.rs"], config);
}
