/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A WebSocket server for tests and the demo, on libwebsockets 4.1 and later.
 *
 * The URL's path selects what a connection does:
 *   / or /echo      sends every message back, byte for byte, same opcode;
 *                   also /echo/ and whatever follows
 *   /sink           swallows everything
 *   /source?N       after the first message: one binary message of N bytes
 *                   (byte i is i % 251)
 *   /empty          after the first message: an empty message
 *   /fragments      after the first message: "one two three" in 3 fragments
 *   /close          after the first message: a Close frame with code 1001
 *   /drop           after the first message: the TCP connection is shut down
 *   /reset          after the first message: the TCP connection is reset
 * Any other path is refused with 404.
 *
 * On stdout it prints "port N" when it listens, and nothing else. SIGTERM ends
 * it, and so does the end of the thread that started it. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <getopt.h>
#include <libwebsockets.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#define MAX_PROTOCOLS 16
#define CHUNK (64 * 1024)          /* how much is received or made up at once */
#define ENOUGH_QUEUED (1024 * 1024) /* no more is read from the client then */
#define WRITE_BUDGET (256 * 1024)  /* a turn, so that connections share fairly */

enum mode { ECHO, SINK, SOURCE, EMPTY, FRAGMENTS, CLOSE, DROP, RESET };

/* One frame to send. LWS_PRE bytes precede the payload. */
struct chunk {
    struct chunk* next;
    size_t size;
    enum lws_write_protocol flags;
    unsigned char bytes[];
};

/* One connection. lws zeroes it at first. */
struct session {
    enum mode mode;
    bool answered;
    bool ended_by_server;
    bool paused;
    int close_code;
    struct chunk* head;
    struct chunk* tail;
    size_t queued;
    size_t source_size;
    size_t source_made;
};

static volatile sig_atomic_t stop;
static struct lws_context* context;
static FILE* report;

static void on_sigterm(int signal_number)
{
    (void)signal_number;
    stop = 1;
    if (context != NULL) {
        lws_cancel_service(context);
    }
}

/* What the path asks for; false when it is none of ours. */
static bool choose_mode(struct lws* wsi, struct session* session)
{
    static const struct { const char* path; enum mode mode; } paths[] = {
        { "/", ECHO },           { "/echo", ECHO },   { "/sink", SINK },
        { "/source", SOURCE },   { "/empty", EMPTY }, { "/fragments", FRAGMENTS },
        { "/close", CLOSE },     { "/drop", DROP },   { "/reset", RESET },
    };
    char path[4096], arguments[64];

    if (lws_hdr_copy(wsi, path, sizeof(path), WSI_TOKEN_GET_URI) <= 0) {
        return false;
    }
    if (lws_hdr_copy(wsi, arguments, sizeof(arguments), WSI_TOKEN_HTTP_URI_ARGS) > 0) {
        session->source_size = strtoull(arguments, NULL, 10);
    }
    if (strncmp(path, "/echo/", 6) == 0) {
        path[5] = '\0';
    }
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        if (strcmp(path, paths[i].path) == 0) {
            session->mode = paths[i].mode;
            return true;
        }
    }
    return false;
}

/* Queues a frame; `bytes` NULL leaves the payload to the caller. */
static struct chunk* enqueue(struct session* session, const void* bytes, size_t size, enum lws_write_protocol flags)
{
    struct chunk* chunk = malloc(sizeof(*chunk) + LWS_PRE + size);
    if (chunk == NULL) {
        return NULL;
    }
    chunk->next = NULL;
    chunk->size = size;
    chunk->flags = flags;
    if (bytes != NULL) {
        memcpy(chunk->bytes + LWS_PRE, bytes, size);
    }
    if (session->head == NULL) {
        session->head = chunk;
    } else {
        session->tail->next = chunk;
    }
    session->tail = chunk;
    session->queued += sizeof(*chunk) + LWS_PRE + size;
    return chunk;
}

static void dequeue(struct session* session)
{
    struct chunk* chunk = session->head;
    session->head = chunk->next;
    session->queued -= sizeof(*chunk) + LWS_PRE + chunk->size;
    free(chunk);
}

/* Queues the next part of what /source sends. */
static int enqueue_source(struct session* session)
{
    size_t left = session->source_size - session->source_made;
    size_t size = left < CHUNK ? left : CHUNK;
    struct chunk* chunk = enqueue(session, NULL, size, lws_write_ws_flags(LWS_WRITE_BINARY, session->source_made == 0, size == left));
    if (chunk == NULL) {
        return -1;
    }
    for (size_t i = 0; i < size; i++) {
        chunk->bytes[LWS_PRE + i] = (unsigned char)((session->source_made + i) % 251);
    }
    session->source_made += size;
    return 0;
}

/* Cuts the connection below WebSocket and TLS, so that neither says goodbye. */
static void cut(struct lws* wsi, bool reset)
{
    int fd = (int)lws_get_socket_fd(wsi);
    if (reset) {
        struct sockaddr none = { .sa_family = AF_UNSPEC };
        (void)connect(fd, &none, sizeof(none)); /* on Linux: sends RST at once */
    }
    (void)shutdown(fd, SHUT_RDWR);
}

/* Does what the path promised for the first message. -1 ends the connection. */
static int answer(struct lws* wsi, struct session* session)
{
    int result = 0;
    session->answered = true;
    switch (session->mode) {
    case ECHO:
    case SINK:
        break;
    case SOURCE:
        result = enqueue_source(session);
        break;
    case EMPTY:
        result = enqueue(session, "", 0, LWS_WRITE_BINARY) != NULL ? 0 : -1;
        break;
    case FRAGMENTS:
        if (enqueue(session, "one ", 4, lws_write_ws_flags(LWS_WRITE_BINARY, 1, 0)) == NULL
            || enqueue(session, "two ", 4, lws_write_ws_flags(LWS_WRITE_BINARY, 0, 0)) == NULL
            || enqueue(session, "three", 5, lws_write_ws_flags(LWS_WRITE_BINARY, 0, 1)) == NULL) {
            result = -1;
        }
        break;
    case CLOSE:
        session->ended_by_server = true;
        lws_close_reason(wsi, LWS_CLOSE_STATUS_GOINGAWAY, NULL, 0);
        result = -1;
        break;
    case DROP:
    case RESET:
        session->ended_by_server = true;
        cut(wsi, session->mode == RESET);
        result = -1;
        break;
    }
    if (session->head != NULL) {
        lws_callback_on_writable(wsi);
    }
    return result;
}

/* Stops reading while enough is queued, so that memory stays bounded, and while
 * lws is busy with an unfinished write: it would not report a Close frame. */
static void pause_or_resume(struct lws* wsi, struct session* session)
{
    bool pause = session->queued >= ENOUGH_QUEUED || lws_partial_buffered(wsi);
    if (pause != session->paused) {
        session->paused = pause;
        lws_rx_flow_control(wsi, pause ? 0 : 1);
    }
}

static int on_receive(struct lws* wsi, struct session* session, const void* bytes, size_t size)
{
    if (session->mode != ECHO) {
        return session->answered || !lws_is_final_fragment(wsi) ? 0 : answer(wsi, session);
    }
    enum lws_write_protocol opcode = lws_frame_is_binary(wsi) ? LWS_WRITE_BINARY : LWS_WRITE_TEXT;
    if (enqueue(session, size > 0 ? bytes : "", size, lws_write_ws_flags(opcode, lws_is_first_fragment(wsi), lws_is_final_fragment(wsi))) == NULL) {
        return -1;
    }
    pause_or_resume(wsi, session);
    lws_callback_on_writable(wsi);
    return 0;
}

static int on_writeable(struct lws* wsi, struct session* session)
{
    size_t written = 0;
    while (session->head != NULL && written < WRITE_BUDGET && !lws_partial_buffered(wsi)) {
        struct chunk* chunk = session->head;
        if (lws_write(wsi, chunk->bytes + LWS_PRE, chunk->size, chunk->flags) < (int)chunk->size) {
            return -1;
        }
        written += sizeof(*chunk) + chunk->size;
        dequeue(session);
        if (session->source_made > 0 && session->source_made < session->source_size && enqueue_source(session) != 0) {
            return -1;
        }
    }
    pause_or_resume(wsi, session);
    if (session->head != NULL || session->paused) {
        lws_callback_on_writable(wsi);
    }
    return 0;
}

static void on_end(struct session* session)
{
    while (session->head != NULL) {
        dequeue(session);
    }
    if (report == NULL || session->close_code == 0) { /* refused: it never was open */
        return;
    }
    if (session->ended_by_server) {
        fputs("ended by server\n", report);
    } else {
        fprintf(report, "closed %d\n", session->close_code);
    }
    fflush(report);
}

static int callback(struct lws* wsi, enum lws_callback_reasons reason, void* user, void* in, size_t size)
{
    struct session* session = user;
    switch (reason) {
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
        if (choose_mode(wsi, session)) {
            return 0;
        }
        (void)lws_return_http_status(wsi, HTTP_STATUS_NOT_FOUND, NULL);
        return -1;
    case LWS_CALLBACK_ESTABLISHED:
        session->close_code = 1006; /* RFC 6455 section 7.1.5: none came */
        return 0;
    case LWS_CALLBACK_RECEIVE:
        return on_receive(wsi, session, in, size);
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return on_writeable(wsi, session);
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE: {
        const unsigned char* code = in;
        session->close_code = size >= 2 ? code[0] << 8 | code[1] : 1005; /* no code in it */
        return 0;
    }
    case LWS_CALLBACK_CLOSED:
        on_end(session);
        return 0;
    case LWS_CALLBACK_HTTP: /* not a WebSocket */
        (void)lws_return_http_status(wsi, HTTP_STATUS_NOT_FOUND, NULL);
        return -1;
    default:
        return lws_callback_http_dummy(wsi, reason, user, in, size);
    }
}

static int usage(void)
{
    fputs("usage: echo_server [--port N] [--bind ADDRESS] [--cert FILE --key FILE]\n"
          "                   [--protocol NAME]... [--report FILE] [-v]\n"
          "  --port N         0, the default, takes any free port\n"
          "  --bind ADDRESS   127.0.0.1, the default, or ::1\n"
          "  --cert, --key    PEM files: serves wss instead of ws\n"
          "  --protocol NAME  accepts this subprotocol too, besides 'echo' and none\n"
          "  --report FILE    appends a line when a connection ends: 'closed CODE' with\n"
          "                   the client's close code (1005: Close without a code, 1006:\n"
          "                   no Close frame) or 'ended by server'\n"
          "  -v               reports to stderr, with what libwebsockets logs\n",
        stderr);
    return 1;
}

int main(int argc, char** argv)
{
    static const struct option options[] = {
        { "port", required_argument, NULL, 'p' },   { "bind", required_argument, NULL, 'b' },
        { "cert", required_argument, NULL, 'c' },   { "key", required_argument, NULL, 'k' },
        { "protocol", required_argument, NULL, 's' }, { "report", required_argument, NULL, 'r' },
        { NULL, 0, NULL, 0 },
    };
    static struct lws_protocols protocols[MAX_PROTOCOLS + 1];
    static const lws_retry_bo_t no_pings; /* zeroed: lws pings idle clients otherwise */
    size_t count = 0;
    bool verbose = false;
    struct lws_context_creation_info info;
    memset(&info, 0, sizeof(info));
    info.iface = "127.0.0.1";

    protocols[count++].name = "echo";
    for (int option; (option = getopt_long(argc, argv, "v", options, NULL)) != -1;) {
        switch (option) {
        case 'p': info.port = atoi(optarg); break;
        case 'b': info.iface = optarg; break;
        case 'c': info.ssl_cert_filepath = optarg; break;
        case 'k': info.ssl_private_key_filepath = optarg; break;
        case 'v': verbose = true; break;
        case 's':
            if (count == MAX_PROTOCOLS) {
                return usage();
            }
            protocols[count++].name = optarg;
            break;
        case 'r':
            report = fopen(optarg, "a");
            if (report == NULL) {
                fprintf(stderr, "echo_server: %s: %s\n", optarg, strerror(errno));
                return 1;
            }
            break;
        default: return usage();
        }
    }
    if (optind != argc || (info.ssl_cert_filepath == NULL) != (info.ssl_private_key_filepath == NULL)) {
        return usage();
    }
    for (size_t i = 0; i < count; i++) {
        protocols[i].callback = callback;
        protocols[i].per_session_data_size = sizeof(struct session);
        protocols[i].tx_packet_size = 16 * 1024 * 1024; /* a frame, one system call */
    }
    if (verbose && report == NULL) {
        report = stderr;
    }

    /* A test that dies leaves no server behind. */
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    struct sigaction action;
    memset(&action, 0, sizeof(action));
    action.sa_handler = on_sigterm;
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);

    info.protocols = protocols;
    info.gid = (gid_t)-1;
    info.uid = (uid_t)-1;
    info.pt_serv_buf_size = CHUNK;
    info.retry_and_idle_policy = &no_pings;
    info.options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS;
    if (strchr(info.iface, ':') == NULL) {
        info.options |= LWS_SERVER_OPTION_DISABLE_IPV6; /* some kernels have none */
    }
    if (info.ssl_cert_filepath != NULL) {
        info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
    }
    lws_set_log_level(verbose ? LLL_ERR | LLL_WARN | LLL_NOTICE : 0, NULL);
    context = lws_create_context(&info);
    struct lws_vhost* vhost = context != NULL ? lws_create_vhost(context, &info) : NULL;
    int port = vhost != NULL ? lws_get_vhost_listen_port(vhost) : 0;
    int result = 0;
    if (port <= 0) {
        fprintf(stderr, "echo_server: cannot listen on %s port %d; -v says why\n", info.iface, info.port);
        result = 1;
    } else {
        printf("port %d\n", port);
        fflush(stdout);
        while (!stop && lws_service(context, 0) >= 0) {
        }
    }
    if (context != NULL) {
        struct lws_context* ending = context;
        context = NULL; /* a second SIGTERM must not touch it */
        lws_context_destroy(ending);
    }
    if (report != NULL && report != stderr) {
        fclose(report);
    }
    return result;
}
