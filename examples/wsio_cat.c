/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* wsio_cat: sends stdin or a file to a WebSocket server and prints what comes
 * back. It shows how a program uses wsio; usage() has the options. */
#define _GNU_SOURCE /* getopt_long */

#include "wsio.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

/* Exit codes; INTERRUPTED plus the signal's number. */
enum { OK = 0, USAGE = 1, NOT_OPEN = 2, LOST = 3, LOCAL_IO = 4, TIMEOUT = 5, INTERRUPTED = 128, GOING_ON = -1 };

#define BLOCK (64 * 1024) /* the largest message */
#define ENOUGH_QUEUED 16  /* messages waiting to be sent; no more is read then */

struct options {
    const char* url;
    const char* ca_file;
    const char* protocol;
    const char* file;   /* NULL: stdin */
    bool binary;        /* blocks instead of lines */
    bool stats;
    long long expect;   /* bytes to receive; -1: as many as come */
    long long quiet_ms;
    long long timeout;  /* seconds; 0: none */
};

/* What the main loop and the callbacks of wsio share. */
struct connection {
    CONCRETE_IO_HANDLE io;
    bool open;
    bool failed;
    int stdout_error; /* errno */
    bool progress;    /* a callback was called in this turn */
    unsigned idle_turns;
    unsigned queued;
    long long sent;
    long long received;
    double started, opened, active; /* seconds; `active`: when something happened last */
};

/* What is to be sent. */
struct input {
    int fd;
    bool ended;
    size_t used;
    char buffer[BLOCK];
};

static volatile sig_atomic_t signalled;
static bool verbose;
static char last_log_line[512] = "no reason given";

static int usage(FILE* stream)
{
    fputs("usage: wsio_cat [options] ws://HOST[:PORT][/PATH]\n"
          "       wsio_cat [options] wss://HOST[:PORT][/PATH]    (IPv6: wss://[::1]:8443/)\n"
          "\n"
          "Sends each line of stdin as a message, with its newline, and prints what the\n"
          "server sends. After the end of the input it waits until the server has been\n"
          "quiet for a while, and closes.\n"
          "\n"
          "  --binary         sends stdin in blocks of up to 64 KiB instead of lines\n"
          "  --file FILE      sends FILE in such blocks instead of stdin\n"
          "  --protocol NAME  asks for this subprotocol\n"
          "  --ca FILE        trusts the certificates in this PEM file too\n"
          "  --expect BYTES   ends as soon as that many bytes have come, and only then\n"
          "  --quiet-ms MS    how long the server is to be quiet at the end (500)\n"
          "  --timeout SEC    gives up after that many seconds\n"
          "  --stats          prints bytes, seconds and MiB/s on stderr at the end\n"
          "  --verbose        prints what wsio logs on stderr\n"
          "\n"
          "A line over 64 KiB becomes several messages.\n"
          "Exit code: 0 done, 1 wrong usage, 2 the connection could not be opened, 3 it was\n"
          "lost or the server closed it, 4 a local file, stdin or stdout failed, 5 --timeout\n"
          "is over, 128 + N ended by signal N.\n",
        stream);
    return USAGE;
}

static void complain(const char* format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("wsio_cat: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void on_signal(int number)
{
    signalled = number;
}

/* What wsio calls back ---------------------------------------------------------- */

/* The last line that wsio logs is the reason when something fails. */
static void logger(unsigned int options, char* format, ...)
{
    va_list arguments;
    (void)options;
    va_start(arguments, format);
    vsnprintf(last_log_line, sizeof(last_log_line), format, arguments);
    va_end(arguments);
    if (verbose) {
        fprintf(stderr, "%s\n", last_log_line);
    }
}

static void on_open_complete(void* context, IO_OPEN_RESULT result)
{
    struct connection* connection = context;
    connection->progress = true;
    connection->open = result == IO_OPEN_OK;
    connection->opened = seconds();
    connection->failed = result == IO_OPEN_ERROR;
}

static void on_bytes_received(void* context, const unsigned char* bytes, size_t size)
{
    struct connection* connection = context;
    connection->progress = true;
    connection->received += (long long)size;
    if (fwrite(bytes, 1, size, stdout) != size) {
        connection->stdout_error = errno;
    }
}

static void on_io_error(void* context)
{
    struct connection* connection = context;
    connection->progress = true;
    connection->failed = true;
}

static void on_send_complete(void* context, IO_SEND_RESULT result)
{
    struct connection* connection = context;
    connection->progress = true;
    connection->queued--;
    if (result == IO_SEND_ERROR) {
        connection->failed = true;
    }
}

/* wsio_open has one context for all callbacks, or in the later ABI one for each. */
static int start_open(struct connection* connection)
{
#ifdef WSIO_ABI_2016_03
    return wsio_open(connection->io, on_open_complete, connection, on_bytes_received, connection, on_io_error, connection);
#else
    return wsio_open(connection->io, on_open_complete, on_bytes_received, on_io_error, connection);
#endif
}

/* Sending ----------------------------------------------------------------------- */

static void send_message(struct connection* connection, const char* bytes, size_t size)
{
    if (wsio_send(connection->io, bytes, size, on_send_complete, connection) == 0) {
        connection->queued++;
        connection->sent += (long long)size;
    } else {
        connection->failed = true;
    }
}

/* Sends the whole lines in the buffer, or all of it when it is no use to wait. */
static void send_buffer(struct connection* connection, struct input* input, bool all)
{
    size_t done = 0;
    char* newline;
    while (!all && (newline = memchr(input->buffer + done, '\n', input->used - done)) != NULL) {
        size_t end = (size_t)(newline - input->buffer) + 1;
        send_message(connection, input->buffer + done, end - done);
        done = end;
    }
    input->used -= done;
    memmove(input->buffer, input->buffer + done, input->used);
    if (input->used > 0 && (all || input->ended || input->used == BLOCK)) {
        send_message(connection, input->buffer, input->used);
        input->used = 0;
    }
}

/* Reads once and sends what came. False when reading fails. */
static bool read_and_send(struct connection* connection, struct input* input, bool binary)
{
    ssize_t size = read(input->fd, input->buffer + input->used, BLOCK - input->used);
    if (size < 0) {
        return errno == EINTR || errno == EAGAIN;
    }
    input->ended = size == 0;
    input->used += (size_t)size;
    send_buffer(connection, input, binary);
    return true;
}

/* Waits for input, and reads it when it comes. wsio has no descriptor to wait
 * for, so when nothing goes on this waits briefly: 1 ms at first, 10 ms later. */
static bool wait_and_read(struct connection* connection, struct input* input, bool binary)
{
    struct pollfd readable = { .fd = input->fd, .events = POLLIN };
    bool wanted = connection->open && !input->ended && connection->queued < ENOUGH_QUEUED;
    int wait_ms = connection->progress ? 0 : connection->idle_turns < 100 ? 1 : 10;

    connection->idle_turns++;
    if (poll(&readable, wanted ? 1 : 0, wait_ms) <= 0) {
        return true;
    }
    connection->idle_turns = 0;
    connection->active = seconds();
    return read_and_send(connection, input, binary);
}

/* The exit code that is due, after saying why; or GOING_ON. */
static int verdict(const struct connection* connection, const struct input* input, const struct options* options)
{
    double now = seconds();
    bool all_sent = connection->open && input->ended && connection->queued == 0;

    if (connection->stdout_error != 0) {
        complain("stdout: %s", strerror(connection->stdout_error));
        return LOCAL_IO;
    }
    if (connection->open && options->expect >= 0 && connection->received >= options->expect) {
        return OK;
    }
    if (connection->failed && !connection->open) {
        complain("cannot open %s: %s", options->url, last_log_line);
        return NOT_OPEN;
    }
    if (connection->failed) {
        complain("connection lost: %s", last_log_line);
        return LOST;
    }
    if (all_sent && options->expect < 0 && (now - connection->active) * 1000 >= (double)options->quiet_ms) {
        return OK;
    }
    if (options->timeout > 0 && now - connection->started >= (double)options->timeout) {
        complain("time is up: %lld bytes sent, %lld received", connection->sent, connection->received);
        return TIMEOUT;
    }
    return signalled != 0 ? INTERRUPTED + signalled : GOING_ON;
}

/* The main loop: opens, sends and receives until an exit code is due. */
static int run(struct connection* connection, struct input* input, const struct options* options)
{
    int result;

    connection->started = seconds();
    if (start_open(connection) != 0) {
        connection->failed = true;
    }
    for (;;) {
        connection->progress = false;
        wsio_dowork(connection->io);
        if (connection->progress) {
            connection->idle_turns = 0;
            connection->active = seconds();
            if (fflush(stdout) != 0) {
                connection->stdout_error = errno;
            }
        }
        result = verdict(connection, input, options);
        if (result != GOING_ON) {
            return result;
        }
        if (!wait_and_read(connection, input, options->binary)) {
            complain("%s: %s", options->file != NULL ? options->file : "stdin", strerror(errno));
            return LOCAL_IO;
        }
    }
}

static void print_stats(const struct connection* connection)
{
    double took = connection->active - connection->opened;
    double mib = (double)(connection->sent + connection->received) / (1024 * 1024);
    fprintf(stderr, "sent %lld bytes, received %lld bytes, %.3f s, %.1f MiB/s in all\n",
        connection->sent, connection->received, took, took > 0 ? mib / took : 0);
}

/* The command line -------------------------------------------------------------- */

static bool parse_number(const char* text, long long least, long long most, long long* number)
{
    char* end;
    errno = 0;
    *number = strtoll(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && *number >= least && *number <= most;
}

/* Takes the URL apart: into `config`, and `host`, which it cuts to the host. */
static bool parse_url(const char* url, char* host, WSIO_CONFIG* config)
{
    long long port;
    size_t scheme = strcspn(url, ":");
    bool tls = strncasecmp(url, "wss://", 6) == 0;
    if (!tls && strncasecmp(url, "ws://", 5) != 0) {
        return false;
    }
    const char* authority = url + scheme + 3;
    size_t length = strcspn(authority, "/?#");
    const char* path = authority + length;
    memcpy(host, authority, length);
    host[length] = '\0';

    char* end = host + strcspn(host, ":");
    if (host[0] == '[') { /* an IPv6 address, which has colons of its own */
        host++;
        end = host + strcspn(host, "]");
        if (*end != ']') {
            return false;
        }
        *end++ = '\0';
    }
    if (*end == '\0') {
        port = tls ? 443 : 80;
    } else if (*end != ':' || !parse_number(end + 1, 1, 65535, &port)) {
        return false;
    }
    *end = '\0';
    config->host = host;
    config->port = (int)port;
    config->use_ssl = tls;
    config->relative_path = path;
    /* RFC 6455 section 3: no fragment; and a user's name has no place in it. */
    return host[0] != '\0' && strchr(host, '@') == NULL && strchr(path, '#') == NULL;
}

/* OK, or USAGE after saying why. */
static int parse_options(int argc, char** argv, struct options* options)
{
    static const struct option names[] = {
        { "ca", required_argument, NULL, 'c' },       { "protocol", required_argument, NULL, 'p' },
        { "file", required_argument, NULL, 'f' },     { "binary", no_argument, NULL, 'b' },
        { "expect", required_argument, NULL, 'e' },   { "quiet-ms", required_argument, NULL, 'q' },
        { "timeout", required_argument, NULL, 't' },  { "stats", no_argument, NULL, 's' },
        { "verbose", no_argument, NULL, 'v' },        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    bool right = true;
    for (int name; right && (name = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        switch (name) {
        case 'c': options->ca_file = optarg; break;
        case 'p': options->protocol = optarg; break;
        case 'f': options->file = optarg; break;
        case 'b': options->binary = true; break;
        case 's': options->stats = true; break;
        case 'v': verbose = true; break;
        case 'e': right = parse_number(optarg, 0, LLONG_MAX, &options->expect); break;
        case 'q': right = parse_number(optarg, 0, INT_MAX, &options->quiet_ms); break;
        case 't': right = parse_number(optarg, 1, INT_MAX, &options->timeout); break;
        case 'h': usage(stdout); exit(OK);
        default: return usage(stderr);
        }
    }
    if (!right) {
        complain("not a number that makes sense: %s", optarg);
        return USAGE;
    }
    if (argc - optind != 1) {
        return usage(stderr);
    }
    options->url = argv[optind];
    options->binary = options->binary || options->file != NULL;
    return OK;
}

/* The file as a string on the heap; NULL with errno set when that fails. */
static char* read_text(const char* path)
{
    enum { STEP = 4096 };
    FILE* file = fopen(path, "r");
    char* text = NULL;
    size_t size = 0, got = STEP;

    while (file != NULL && got == STEP) {
        char* larger = realloc(text, size + STEP + 1);
        if (larger == NULL) {
            break;
        }
        text = larger;
        got = fread(text + size, 1, STEP, file);
        size += got;
        text[size] = '\0';
    }
    if (file == NULL || got == STEP || ferror(file)) {
        free(text);
        text = NULL;
    }
    if (file != NULL) {
        fclose(file);
    }
    return text;
}

/* Opens what the shell closed, or a socket would become our stdin or stdout.
 * Reading ends at once then, and writing fails. */
static void occupy_standard_descriptors(void)
{
    int fd;
    do {
        fd = open("/dev/null", O_RDONLY);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0) {
        close(fd);
    }
}

int main(int argc, char** argv)
{
    static struct input input; /* too large for a small stack */
    struct options options = { .protocol = "", .expect = -1, .quiet_ms = 500 };
    struct connection connection = { .io = NULL };
    struct sigaction action = { .sa_handler = on_signal };
    WSIO_CONFIG config = { .host = NULL };
    char* host = NULL;
    char* trusted_ca = NULL;
    int result = parse_options(argc, argv, &options);

    if (result != OK) {
        return result;
    }
    occupy_standard_descriptors();
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN); /* a closed stdout is an error like others */

    host = malloc(strlen(options.url) + 1);
    if (host == NULL || !parse_url(options.url, host, &config)) {
        complain("not a ws:// or wss:// URL: %s", options.url);
        result = USAGE;
    } else if (options.ca_file != NULL && (trusted_ca = read_text(options.ca_file)) == NULL) {
        complain("%s: %s", options.ca_file, strerror(errno));
        result = LOCAL_IO;
    } else if (options.file != NULL && (input.fd = open(options.file, O_RDONLY)) < 0) {
        complain("%s: %s", options.file, strerror(errno));
        result = LOCAL_IO;
    } else {
        config.protocol_name = options.protocol;
        config.trusted_ca = trusted_ca;
        connection.io = wsio_create(&config, logger);
        if (connection.io == NULL) {
            complain("cannot open %s: %s", options.url, last_log_line);
            result = NOT_OPEN;
        } else {
            result = run(&connection, &input, &options);
            wsio_destroy(connection.io); /* closes, and says goodbye to the server */
        }
    }
    if (options.stats && connection.opened > 0) {
        print_stats(&connection);
    }
    if (options.file != NULL && input.fd > 0) {
        close(input.fd);
    }
    free(trusted_ca);
    free(host);
    return result;
}
