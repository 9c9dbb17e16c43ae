/* What bindgen reads. */
#include <libwebsockets.h>

/* wsio's TLS is OpenSSL's: an lws that was built with another library (5.0 with
 * HTTP/3 forces GnuTLS) or with none would never verify a server for us. */
#if !defined(LWS_WITH_TLS)
#error "this libwebsockets was built without TLS"
#endif
#if defined(LWS_WITH_GNUTLS) || defined(LWS_WITH_MBEDTLS) || \
    defined(LWS_WITH_WOLFSSL) || defined(USE_WOLFSSL) || \
    defined(USE_OLD_CYASSL) || defined(LWS_WITH_SCHANNEL)
#error "this libwebsockets was not built with OpenSSL"
#endif
#if defined(LWS_WITHOUT_CLIENT) || !defined(LWS_WITH_CLIENT) || !defined(LWS_ROLE_WS)
#error "this libwebsockets was built without its WebSocket client"
#endif

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

/* Constants that are macros or expressions in C, by value. */
static const int WSIO_PORT_NO_LISTEN = CONTEXT_PORT_NO_LISTEN;
static const int WSIO_LWS_PRE = LWS_PRE;
static const unsigned long long WSIO_SSL_OP_NO_COMPRESSION = SSL_OP_NO_COMPRESSION;
