//! Finds libwebsockets and OpenSSL with pkg-config and binds what wsio calls.

use std::env;
use std::path::PathBuf;

const FUNCTIONS: &[&str] = &[
    "lws_callback_on_writable",
    "lws_cancel_service",
    "lws_client_connect_via_info",
    "lws_close_reason",
    "lws_context_destroy",
    "lws_context_user",
    "lws_create_context",
    "lws_extension_callback_pm_deflate",
    "lws_frame_is_binary",
    "lws_get_close_length",
    "lws_get_context",
    "lws_get_socket_fd",
    "lws_get_ssl",
    "lws_get_vhost_by_name",
    "lws_init_vhost_client_ssl",
    "lws_is_final_fragment",
    "lws_is_first_fragment",
    "lws_partial_buffered",
    "lws_remaining_packet_payload",
    "lws_rx_flow_control",
    "lws_service",
    "lws_service_adjust_timeout",
    "lws_set_log_level",
    "lws_set_proxy",
    "lws_send_pipe_choked",
    "lws_write",
    "lwsl_visible",
    "BIO_clear_flags",
    "BIO_ctrl",
    "BIO_free",
    "BIO_get_data",
    "BIO_meth_free",
    "BIO_meth_new",
    "BIO_meth_set_ctrl",
    "BIO_meth_set_destroy",
    "BIO_meth_set_write",
    "BIO_new",
    "BIO_new_file",
    "BIO_new_mem_buf",
    "BIO_number_read",
    "BIO_puts",
    "BIO_read",
    "BIO_s_mem",
    "BIO_set_data",
    "BIO_set_flags",
    "BIO_set_init",
    "BIO_sock_should_retry",
    "CRYPTO_free",
    "CRYPTO_get_ex_new_index",
    "ERR_clear_error",
    "ERR_error_string_n",
    "ERR_get_error_all",
    "ERR_new",
    "ERR_peek_error",
    "ERR_peek_last_error",
    "ERR_set_debug",
    "ERR_set_error",
    "EVP_PKEY_free",
    "PEM_read_bio_PrivateKey",
    "PEM_read_bio_X509",
    "SSL_CTX_check_private_key",
    "SSL_CTX_ctrl",
    "SSL_CTX_free",
    "SSL_CTX_get_cert_store",
    "SSL_CTX_get_ex_data",
    "SSL_CTX_new",
    "SSL_CTX_set_cert_verify_callback",
    "SSL_CTX_set_default_verify_dir",
    "SSL_CTX_set_default_verify_paths",
    "SSL_CTX_set_ex_data",
    "SSL_CTX_set_info_callback",
    "SSL_CTX_set_options",
    "SSL_CTX_set_tlsext_max_fragment_length",
    "SSL_CTX_use_PrivateKey",
    "SSL_CTX_use_certificate",
    "SSL_get_SSL_CTX",
    "SSL_get_ex_data",
    "SSL_get_rbio",
    "SSL_ctrl",
    "SSL_get_rfd",
    "SSL_get_servername",
    "SSL_get_wbio",
    "SSL_in_init",
    "SSL_set0_wbio",
    "SSL_set_ex_data",
    "SSL_want",
    "TLS_client_method",
    "X509_LOOKUP_ctrl",
    "X509_LOOKUP_file",
    "X509_STORE_CTX_get0_param",
    "X509_STORE_CTX_get_error",
    "X509_STORE_CTX_set0_verified_chain",
    "X509_STORE_CTX_set_error",
    "X509_STORE_add_cert",
    "X509_STORE_add_lookup",
    "X509_VERIFY_PARAM_get0_host",
    "X509_VERIFY_PARAM_get1_ip_asc",
    "X509_VERIFY_PARAM_set1_host",
    "X509_VERIFY_PARAM_set1_ip",
    "X509_free",
    "X509_verify_cert",
    "X509_verify_cert_error_string",
    "d2i_AutoPrivateKey",
    "d2i_X509",
];

const TYPES: &[&str] = &[
    "lws_callback_reasons",
    "lws_client_connect_info",
    "lws_client_connect_ssl_connection_flags",
    "lws_context_creation_info",
    "lws_extension",
    "lws_protocols",
    "lws_retry_bo_t",
    "lws_write_protocol",
];

/// Object-like macros whose values we pass on.
const CONSTANTS: &[&str] = &[
    "ERR_TXT_STRING",
    "LLL_.*",
    "LWS_LIBRARY_VERSION_MAJOR",
    "LWS_LIBRARY_VERSION_MINOR",
    "LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT",
    "PEM_R_NO_START_LINE",
    "ERR_LIB_PEM",
    "SSL_CB_EXIT",
    "SSL_CB_HANDSHAKE_START",
    "BIO_CTRL_FLUSH",
    "CRYPTO_EX_INDEX_SSL",
    "CRYPTO_EX_INDEX_SSL_CTX",
    "BIO_FLAGS_RWS",
    "BIO_FLAGS_SHOULD_RETRY",
    "BIO_FLAGS_WRITE",
    "BIO_TYPE_SOURCE_SINK",
    "X509_FILETYPE_DEFAULT",
    "X509_L_FILE_LOAD",
    "X509_V_OK",
    "SSL_CTRL_CHAIN_CERT",
    "SSL_CTRL_MODE",
    "SSL_CTRL_SET_TLSEXT_HOSTNAME",
    "TLSEXT_NAMETYPE_host_name",
    "SSL_CTRL_SET_MIN_PROTO_VERSION",
    "SSL_MODE_.*",
    "SSL_READING",
    "SSL_OP_NO_COMPRESSION",
    "TLS1_2_VERSION",
    "WSIO_.*",
];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=wrapper.h");

    // Linking is the business of the root package's build script: the order
    // on the command line has to be right for static consumers too.
    let lws = find("libwebsockets", "4.1", "libwebsockets-dev");
    let ssl = find("openssl", "3.0", "libssl-dev");

    // For the build scripts of those that depend on this: what lws is there.
    let version = lws.version.split(|c: char| !c.is_ascii_digit() && c != '.').next();
    println!("cargo::metadata=version={}", version.unwrap_or_default());

    let mut builder = bindgen::Builder::default()
        .header("wrapper.h")
        .use_core()
        .default_enum_style(bindgen::EnumVariation::Consts)
        .prepend_enum_name(false)
        .layout_tests(false)
        .generate_comments(false)
        .merge_extern_blocks(true)
        .formatter(bindgen::Formatter::None)
        .rust_target(msrv());
    for path in lws.include_paths.iter().chain(&ssl.include_paths) {
        builder = builder.clang_arg(format!("-I{}", path.display()));
    }
    for name in FUNCTIONS {
        builder = builder.allowlist_function(name);
    }
    for name in TYPES {
        builder = builder.allowlist_type(name);
    }
    for name in CONSTANTS {
        builder = builder.allowlist_var(name);
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    builder
        .generate()
        .unwrap_or_else(|e| {
            panic!(
                "libwebsockets.h could not be read: {e}\n\
                 wsio needs libwebsockets 4.1 or newer, built with OpenSSL (not \
                 GnuTLS, mbedTLS or without TLS), and libclang for bindgen"
            )
        })
        .write_to_file(out.join("bindings.rs"))
        .expect("OUT_DIR can be written");
}

/// The workspace's `rust-version`: no newer syntax in the bindings.
fn msrv() -> bindgen::RustTarget {
    let Ok(target) = bindgen::RustTarget::stable(85, 0) else {
        panic!("bindgen does not know Rust 1.85");
    };
    target
}

/// A package that pkg-config must know, or a message that says what to install.
fn find(name: &str, at_least: &str, debian: &str) -> pkg_config::Library {
    pkg_config::Config::new().atleast_version(at_least).probe(name).unwrap_or_else(|e| {
        panic!("{name} {at_least} or newer is needed (Debian, Ubuntu: apt install {debian}): {e}")
    })
}
