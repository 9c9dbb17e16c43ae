/* Generated from the Rust source by cbindgen; see tests/headers.rs. */
/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* websock: a blocking WebSocket client. */

#ifndef WEBSOCK_H
#define WEBSOCK_H

/**
 * websock_msg_hdr_t.opcode: further fragment of a message (RFC 6455 section 5.2).
 */
#define WEBSOCK_OPCODE_CONTINUATION 0

/**
 * websock_msg_hdr_t.opcode: text, or its first fragment.
 */
#define WEBSOCK_OPCODE_TEXT 1

/**
 * websock_msg_hdr_t.opcode: binary data, or its first fragment.
 */
#define WEBSOCK_OPCODE_BINARY 2

/**
 * A frame that the library deals with itself.
 */
#define WEBSOCK_OPCODE_CLOSE 8

/**
 * A frame that the library deals with itself.
 */
#define WEBSOCK_OPCODE_PING 9

/**
 * A frame that the library deals with itself.
 */
#define WEBSOCK_OPCODE_PONG 10

/**
 * Whether the server's certificate decides.
 */
typedef enum {
    /**
     * Any server will do. Nobody is kept out of such a connection.
     */
    SSL_WRAP_VERIFY_NONE = 0,
    /**
     * The server is verified; what is wrong with it is logged, and not more.
     */
    SSL_WRAP_VERIFY_OPTIONAL = 1,
    /**
     * The server must be trusted: chain, validity and name.
     */
    SSL_WRAP_VERIFY_REQUIRED = 2,
} ssl_auth_mode_t;

/**
 * What a websock_cb_t is called for.
 */
typedef enum {
    /**
     * Payload bytes have come.
     */
    WEBSOCK_CB_EVENT_DATA,
    /**
     * The connection is over. There is no event after this.
     */
    WEBSOCK_CB_EVENT_ERROR,
} websock_cb_event_t;

/**
 * A connection, as websock_open returned it. Opaque: a number, not an address, and
 * never used again after websock_close.
 */
typedef void *websock_handle_t;

/**
 * A certificate or key: a file, or bytes. None if neither is given; the bytes, if
 * both are.
 */
typedef struct {
    /**
     * Name of a file, or NULL.
     */
    char *path;
    /**
     * PEM or DER, or NULL.
     */
    char *buf;
    /**
     * Size of buf in bytes; a NUL at its end may be counted or not.
     */
    int len;
} ssl_wrap_cert_t;

/**
 * How to use TLS.
 */
typedef struct {
    /**
     * Whom to trust; none: whom the system trusts.
     */
    ssl_wrap_cert_t ca_cert;
    /**
     * For a server that asks for one; PEM may have the chain after it.
     */
    ssl_wrap_cert_t client_cert;
    /**
     * The key of client_cert, without a passphrase.
     */
    ssl_wrap_cert_t client_key;
    /**
     * What becomes of a server that cannot be trusted.
     */
    ssl_auth_mode_t auth_mode;
    /**
     * Largest TLS record to ask the server for: 512, 1024, 2048 or 4096 bytes
     * (RFC 6066 section 4); 0 asks for none.
     */
    int max_frag_len;
    /**
     * Ignored.
     */
    char *p_data;
} ssl_wrap_cfg_t;

/**
 * A header line of the request.
 */
typedef struct {
    /**
     * A token (RFC 7230), without the colon.
     */
    char *name;
    /**
     * No control characters but tabs. May be empty.
     */
    char *val;
} websoc_hndshk_hdr_t;

/**
 * What websock_open needs to know. Nothing of it is needed after the call.
 */
typedef struct {
    /**
     * Host name, IPv4 or IPv6 address (without brackets) of the server: not NULL,
     * at most 110 bytes.
     */
    char *hostname;
    /**
     * TCP port of the server, 1 to 65535.
     */
    int port;
    /**
     * Path and query to ask for, at most 2,000 bytes: a slash in front is added if
     * missing; NULL or empty means "/".
     */
    char *uri;
    /**
     * Not 0: TLS (wss).
     */
    int secured;
    /**
     * Used if secured only.
     */
    ssl_wrap_cfg_t ssl_config;
    /**
     * Milliseconds for connecting, TLS and the server's answer together; 0 means
     * 20,000. To look up the host name comes on top.
     */
    int time_out;
    /**
     * Headers to add to the request. Host, Upgrade, Connection, Sec-WebSocket-Key
     * and Sec-WebSocket-Version are set without that, and refused here, as are
     * Content-Length, Transfer-Encoding and Sec-WebSocket-Extensions.
     * Sec-WebSocket-Protocol names the subprotocols to ask for: one, or a comma
     * list; a server that chooses another is refused.
     */
    websoc_hndshk_hdr_t hndshk_hdrs[10];
    /**
     * How many of them are used, 0 to 10.
     */
    int num_hndshk_hdrs;
} websock_config_t;

/**
 * Of the frame that received bytes belong to.
 */
typedef struct {
    /**
     * 1 in the last frame of a message, 0 in others. In a frame of more than 1 MiB
     * this is known, and 1, with its last bytes only.
     */
    int fin;
    /**
     * WEBSOCK_OPCODE_TEXT or _BINARY in the first frame of a message, _CONTINUATION
     * in others; negative: there is no frame.
     */
    int opcode;
    /**
     * Of the whole frame, in bytes.
     */
    long long payload_len;
} websock_msg_hdr_t;

/**
 * Is told what happens to a connection; see websock_set_event_handler.
 */
typedef void (*websock_cb_t)(void *ctx,
                             websock_cb_event_t event,
                             websock_msg_hdr_t *hdr,
                             char *buf,
                             int len);

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Connects to a WebSocket server (RFC 6455), and waits until that is done.
 *
 * @param cfg  where to connect to and how; not needed after the call.
 * @return the handle, which websock_close frees, or NULL when a field is refused,
 *         the server does not answer in time, is not trusted or answers otherwise
 *         than with a WebSocket, or memory is short. The log handler is told which.
 *
 * Threads: the functions here may be called in any thread, on the same handle at
 * once: any number of threads send, one receives (more than one share what comes).
 * Pings and Close frames are answered while a thread is inside one of these
 * functions, websock_recv above all, or an event handler is set; of pings that come
 * at once only the first may be. Frames that are masked, or whose length is written in
 * more bytes than needed, are taken, as far as libwebsockets does.
 */
websock_handle_t websock_open(websock_config_t *cfg);

/**
 * Says goodbye to the server (Close, code 1000), waits for its answer for up to a
 * second, and frees everything.
 *
 * @param h  from websock_open, not to be used after this; NULL or a handle that was
 *           closed already: does nothing.
 *
 * Calls on the same handle that are running in other threads fail then, and have
 * returned when this does; so has the event handler, unless this is called by it:
 * then it is not called again.
 */
void websock_close(websock_handle_t h);

/**
 * Sends a text message, and waits until the operating system has taken its last
 * byte: as long as the server does not read, until the connection ends or is closed.
 *
 * @param h        from websock_open.
 * @param payload  UTF-8, not changed; may be NULL if len is 0.
 * @param len      its length in bytes, 0 or more.
 * @return 0; or -1 when an argument is bad, the text is not UTF-8, the connection is
 *         over or ends before, or memory is short.
 *
 * Over 16 MiB it is sent as several fragments. Messages of several threads are sent
 * one after the other.
 */
int websock_send_text(websock_handle_t h,
                      char *payload,
                      int len);

/**
 * Sends a binary message; otherwise as websock_send_text.
 *
 * @param h        from websock_open.
 * @param payload  bytes, not changed; may be NULL if len is 0.
 * @param len      how many, 0 or more.
 * @return 0, or -1 as for websock_send_text.
 */
int websock_send_binary(websock_handle_t h,
                        char *payload,
                        int len);

/**
 * Sends a ping. The server's pong is not reported.
 *
 * @param h        from websock_open.
 * @param payload  bytes, not changed; may be NULL if len is 0.
 * @param len      how many, 0 to 125.
 * @return 0, or -1 as for websock_send_text.
 */
int websock_send_ping(websock_handle_t h,
                      char *payload,
                      int len);

/**
 * Sends a pong that nobody asked for: the server's pings are answered without that.
 *
 * @param h        from websock_open.
 * @param payload  bytes, not changed; may be NULL if len is 0.
 * @param len      how many, 0 to 125.
 * @return 0, or -1 as for websock_send_text.
 */
int websock_send_pong(websock_handle_t h,
                      char *payload,
                      int len);

/**
 * Waits for payload bytes, and takes as many of one frame as have come and as fit.
 * Those that do not fit are there for the next call.
 *
 * @param h        from websock_open.
 * @param msg_hdr  is told about the frame that the bytes belong to; its opcode is
 *                 negative when there are none.
 * @param buf      gets the bytes; may be NULL if *len is 0.
 * @param len      points to the size of buf in bytes, which is not changed.
 * @param timeout  how long to wait, in milliseconds; 0: not at all.
 * @return how many bytes there are, 0 also for an empty frame (then the opcode is not
 *         negative); or -1 when an argument is bad, the connection is over and all
 *         that came before was read, or an event handler is set.
 *
 * A frame of up to 1 MiB is passed on when all of it has come, a longer one in parts
 * of that size. What is not read makes the server wait, from 256 KiB on (one such
 * frame or part may come in addition). Text that is not UTF-8 is not passed on: it ends the
 * connection with code 1007.
 */
int websock_recv(websock_handle_t h,
                 websock_msg_hdr_t *msg_hdr,
                 char *buf,
                 int *len,
                 int timeout);

/**
 * Lets a function be told what comes, instead of websock_recv, which returns -1 then.
 *
 * @param h    from websock_open.
 * @param cb   is called for bytes that have come, with their frame's header, and
 *             once when the connection is over, with NULL, NULL and 0. NULL: no
 *             handler any more; returns when a call of it that is running has.
 * @param ctx  passed to cb as it is.
 * @return 0, or -1 when the handle is not open, or there is no memory for a thread.
 *
 * cb is called in a thread of the library's, one call at a time. Header and bytes (at
 * most 64 KiB of one frame a call) are valid during the call. It may call all websock
 * functions, websock_close and this one on the same handle included; but two handlers
 * that close each other's handles at once wait for each other. While it runs
 * nothing else is received, and from 256 KiB on the server has to wait.
 */
int websock_set_event_handler(websock_handle_t h,
                              websock_cb_t cb,
                              void *ctx);

/**
 * Lets a function be told of failures, one line each, never with payload. For all
 * connections of the process; without one nothing is told.
 *
 * @param handler  gets lines without a line end, in the thread of the call that
 *                 fails; it may call websock functions. NULL: none any more. One
 *                 that was replaced may still be running in other threads.
 * @param context  passed to handler as it is.
 */
void websock_set_log_handler(void (*handler)(void *context,
                                             const char *line),
                             void *context);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* WEBSOCK_H */
