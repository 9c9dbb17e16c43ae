/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Measures one client in one situation and prints the result as a JSON object;
 * usage() has the options. bench/run puts the results together. */
#define _GNU_SOURCE
#include "client.h"

#include <dirent.h>
#include <errno.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define TIME_LIMIT_S 60

/* What is to be sent, and how much of it is to be queued at any time. */
struct supply {
    struct client* client;
    const unsigned char* messages; /* one, or as many as can be queued */
    size_t size, window;
    size_t left;   /* messages that are not queued yet; ENDLESS */
    size_t queued; /* messages, in all */
    bool is_filling;
};

#define ENDLESS SIZE_MAX

struct session {
    bool opened;
    size_t sent;     /* messages */
    size_t received; /* bytes */
    struct supply supply;
};

struct options {
    const char* mode;
    struct endpoint endpoint;
    size_t size;    /* of a message */
    size_t window;  /* messages queued and not yet sent */
    size_t count;   /* messages of a batch at least; connections; turns */
    size_t batches; /* 0: as many as `ms` allows, but 3 */
    size_t ms;      /* how long to measure */
};

static long long started_ns;

static long long now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void die(const char* format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "%s: ", program_invocation_short_name);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

static void* allocate(size_t size)
{
    void* memory = calloc(1, size);
    if (memory == NULL) {
        die("out of memory");
    }
    return memory;
}

static unsigned char* make_messages(size_t size, size_t count)
{
    unsigned char* messages = allocate(size * count);
    memset(messages, 1, size * count); /* or else all would be one page of zeroes */
    return messages;
}

static unsigned char* make_message(const struct options* options)
{
    return make_messages(options->size, 1);
}

/* What a full window of them takes. */
static unsigned char* make_window(const struct options* options)
{
    return make_messages(options->size, client_keeps_bytes ? options->window : 1);
}

/* Queues as much as the window allows. */
static void fill_window(struct session* session)
{
    struct supply* supply = &session->supply;
    if (supply->is_filling) {
        return; /* a client that has sent when client_send() returns */
    }
    supply->is_filling = true;
    while (supply->left > 0 && supply->queued - session->sent < supply->window) {
        size_t number = client_keeps_bytes ? supply->queued % supply->window : 0;
        supply->queued++;
        supply->left -= supply->left != ENDLESS;
        client_send(supply->client, supply->messages + number * supply->size, supply->size);
    }
    supply->is_filling = false;
}

/* What the client reports --------------------------------------------------------- */

void on_opened(struct session* session)
{
    session->opened = true;
}

void on_sent(struct session* session, size_t messages)
{
    session->sent += messages;
    /* As a program that sends the next when it hears that one is out. */
    fill_window(session);
}

void on_received(struct session* session, size_t bytes)
{
    session->received += bytes;
}

void on_failed(struct session* session, const char* why)
{
    (void)session;
    die("%s", why);
}

/* Steps --------------------------------------------------------------------------- */

__attribute__((weak)) void client_wait(struct client* client)
{
    client_service(client);
}

static void turn(struct client* client, void (*ask)(struct client*))
{
    static unsigned turns;
    ask(client);
    if (++turns % 65536 == 0 && now_ns() - started_ns > TIME_LIMIT_S * 1000000000LL) {
        die("not done after %d seconds", TIME_LIMIT_S);
    }
}

static void service(struct client* client)
{
    turn(client, client_service);
}

static struct client* open_client(const struct options* options, struct session* session)
{
    *session = (struct session){ 0 };
    struct client* client = client_open(&options->endpoint, session);
    if (client == NULL) {
        die("cannot open");
    }
    while (!session->opened) {
        service(client);
    }
    return client;
}

static void receive(struct client* client, struct session* session, size_t bytes)
{
    while (session->received < bytes) {
        turn(client, client_wait);
    }
    if (session->received > bytes) {
        die("%zu bytes came instead of %zu", session->received, bytes);
    }
    session->received = 0;
}

/* From here on there are `window` messages in the queue, as long as `count` lasts. */
static void supply(struct client* client, struct session* session, const unsigned char* messages,
    const struct options* options, size_t count)
{
    session->supply = (struct supply){ .client = client, .messages = messages, .size = options->size,
        .window = options->window, .left = count, .queued = session->sent };
    fill_window(session);
}

/* What was used so far, and for how many messages. */
struct cost {
    double wall, user, system; /* microseconds */
    size_t messages;
};

static double microseconds(struct timeval time)
{
    return (double)time.tv_sec * 1e6 + (double)time.tv_usec;
}

static struct cost now(size_t messages)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (struct cost){ (double)now_ns() / 1e3, microseconds(usage.ru_utime), microseconds(usage.ru_stime), messages };
}

enum { BATCHES_MAX = 1000 };

static bool has_enough(const struct options* options, const struct cost* at, size_t batches)
{
    if (options->batches > 0 || batches == BATCHES_MAX) {
        return batches == (options->batches > 0 ? options->batches : BATCHES_MAX);
    }
    return batches >= 3 && at[batches].wall - at[0].wall >= (double)options->ms * 1e3;
}

static void print_batches(const struct cost* at, size_t batches, size_t total)
{
    double messages = (double)(at[batches].messages - at[0].messages);
    printf("{\"each_us\": [");
    for (size_t i = 0; i < batches; i++) {
        printf("%s%.4f", i > 0 ? ", " : "",
            (at[i + 1].wall - at[i].wall) / (double)(at[i + 1].messages - at[i].messages));
    }
    printf("], \"count\": %zu, \"user_us\": %.4f, \"system_us\": %.4f, \"process_us\": %.0f}\n", total,
        (at[batches].user - at[0].user) / messages, (at[batches].system - at[0].system) / messages,
        (double)(now_ns() - started_ns) / 1e3);
}

/* Modes --------------------------------------------------------------------------- */

/* A way to send or receive `count` messages or more, again and again. */
struct way {
    /* How many it were. */
    size_t (*batch)(struct client*, struct session*, const unsigned char*, const struct options*);
    /* When there were enough: how many came on top. */
    size_t (*finish)(struct client*, struct session*, const struct options*);
};

/* What the server sends for each `count` messages. */
#define REPLY_SIZE 8

/* The window is full all the time. */
static size_t send_batch(struct client* client, struct session* session, const unsigned char* messages,
    const struct options* options)
{
    size_t before = session->sent;
    if (session->supply.left == 0) {
        supply(client, session, messages, options, ENDLESS);
    }
    while (session->sent - before < options->count) {
        service(client);
    }
    return session->sent - before;
}

/* Until the server says that it has got all. */
static size_t send_rest(struct client* client, struct session* session, const struct options* options)
{
    size_t before = session->sent;
    size_t over = session->supply.queued % options->count;
    session->supply.left = over > 0 ? options->count - over : 0;
    fill_window(session);
    while (session->sent < session->supply.queued) {
        service(client);
    }
    receive(client, session, session->sent / options->count * REPLY_SIZE);
    return session->sent - before;
}

/* With a client that waits in each call, so that nothing is queued: until the server
 * says that it has got the batch. */
static size_t send_waiting_batch(struct client* client, struct session* session, const unsigned char* messages,
    const struct options* options)
{
    supply(client, session, messages, options, options->count);
    receive(client, session, REPLY_SIZE);
    return options->count;
}

/* From asking for a batch until its last byte. */
static size_t receive_batch(struct client* client, struct session* session, const unsigned char* messages,
    const struct options* options)
{
    (void)messages;
    client_send(client, (const unsigned char*)"go", 2);
    receive(client, session, options->size * options->count);
    return options->count;
}

/* Batches, after one that warms up. */
static void measure_batches(const struct options* options, const struct way* way)
{
    static struct cost at[BATCHES_MAX + 1];
    struct session session;
    struct client* client = open_client(options, &session);
    unsigned char* messages = make_window(options);
    size_t batches = 0;
    size_t total = way->batch(client, &session, messages, options);
    at[0] = now(total);
    while (!has_enough(options, at, batches)) {
        total += way->batch(client, &session, messages, options);
        at[++batches] = now(total);
    }
    if (way->finish != NULL) {
        total += way->finish(client, &session, options);
    }
    client_close(client);
    print_batches(at, batches, total);
}

static void measure_send(const struct options* options)
{
    measure_batches(options, &(struct way){ send_batch, send_rest });
}

static void measure_send_waiting(const struct options* options)
{
    measure_batches(options, &(struct way){ send_waiting_batch, NULL });
}

static void measure_receive(const struct options* options)
{
    measure_batches(options, &(struct way){ receive_batch, NULL });
}

static int compare(const void* left, const void* right)
{
    double a = *(const double*)left, b = *(const double*)right;
    return (a > b) - (a < b);
}

static double percentile(const double* sorted, size_t count, double percent)
{
    size_t index = (size_t)((double)count * percent / 100);
    return sorted[index < count ? index : count - 1];
}

enum { TRIPS_MIN = 100, TRIPS_MAX = 100000 };

static double round_trip(struct client* client, struct session* session, const unsigned char* message, size_t size)
{
    double began = (double)now_ns() / 1e3;
    client_send(client, message, size);
    receive(client, session, size);
    return (double)now_ns() / 1e3 - began;
}

static void measure_pingpong(const struct options* options)
{
    static double took[TRIPS_MAX];
    struct session session;
    struct client* client = open_client(options, &session);
    unsigned char* message = make_message(options);
    long long warm = now_ns() + (long long)options->ms * 100000;
    long long end = warm + (long long)options->ms * 1000000;
    size_t count = 0;
    while (now_ns() < warm) {
        round_trip(client, &session, message, options->size);
    }
    while (count < TRIPS_MIN || (count < TRIPS_MAX && now_ns() < end)) {
        took[count++] = round_trip(client, &session, message, options->size);
    }
    client_close(client);
    qsort(took, count, sizeof(*took), compare);
    printf("{\"p50_us\": %.2f, \"p99_us\": %.2f, \"max_us\": %.2f, \"count\": %zu}\n", percentile(took, count, 50),
        percentile(took, count, 99), took[count - 1], count);
}

/* Ten messages each millisecond, then sleep: what a message costs at a load that
 * leaves the processor idle most of the time. */
static void measure_paced(const struct options* options)
{
    enum { BURST = 10 };
    struct session session;
    struct client* client = open_client(options, &session);
    unsigned char* messages = make_window(options);
    struct cost before = { 0 };
    long long next = now_ns();
    for (size_t i = 0; i < options->ms + options->ms / 10; i++) {
        if (i == options->ms / 10) {
            before = now(0);
        }
        supply(client, &session, messages, options, BURST);
        while (session.sent < session.supply.queued) {
            service(client);
        }
        next += 1000000;
        struct timespec until = { next / 1000000000, next % 1000000000 };
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
    }
    struct cost after = now(0);
    client_close(client);
    printf("{\"cpu_us\": %.4f, \"count\": %zu}\n",
        (after.user + after.system - before.user - before.system) / (double)(options->ms * BURST),
        options->ms * BURST);
}

/* What it costs to ask an open connection that has nothing to do. */
static void measure_idle(const struct options* options)
{
    struct session session;
    struct client* client = open_client(options, &session);
    struct cost before = now(0);
    for (size_t i = 0; i < options->count; i++) {
        client_service(client);
    }
    struct cost after = now(0);
    client_close(client);
    printf("{\"turn_us\": %.4f, \"count\": %zu}\n", (after.wall - before.wall) / (double)options->count,
        options->count);
}

/* Opens and closes one connection after the other. */
static void open_and_close(const struct options* options)
{
    struct session session;
    double* took = allocate(options->count * sizeof(*took));
    client_close(open_client(options, &session));
    struct cost before = now(0);
    for (size_t i = 0; i < options->count; i++) {
        double began = (double)now_ns() / 1e3;
        struct client* client = open_client(options, &session);
        took[i] = (double)now_ns() / 1e3 - began;
        client_close(client);
    }
    struct cost after = now(0);
    qsort(took, options->count, sizeof(*took), compare);
    printf("{\"open_us\": %.1f, \"open_close_us\": %.1f, \"cpu_us\": %.1f, \"count\": %zu}\n",
        percentile(took, options->count, 50), (after.wall - before.wall) / (double)options->count,
        (after.user + after.system - before.user - before.system) / (double)options->count, options->count);
}

static void measure_open(const struct options* options)
{
    open_and_close(options);
}

/* The same while another connection to the server stays open. */
static void measure_open_more(const struct options* options)
{
    struct session session;
    struct client* client = open_client(options, &session);
    open_and_close(options);
    client_close(client);
}

/* Both directions at once, with a queue that is never empty and an echo: whether
 * one starves the other, and how long a turn takes at most. */
static void measure_both(const struct options* options)
{
    struct session session;
    struct client* client = open_client(options, &session);
    unsigned char* messages = make_window(options);
    long long end = now_ns() + (long long)options->ms * 1000000;
    size_t received_most = 0, sent_most = 0;
    long long longest = 0;
    supply(client, &session, messages, options, ENDLESS);
    while (now_ns() < end) {
        size_t sent = session.sent, received = session.received;
        long long began = now_ns();
        service(client);
        long long took = now_ns() - began;
        sent = session.sent - sent;
        received = session.received - received;
        longest = took > longest ? took : longest;
        sent_most = sent > sent_most ? sent : sent_most;
        received_most = received > received_most ? received : received_most;
    }
    double share = (double)session.received / (double)(session.sent * options->size);
    client_close(client);
    printf("{\"turn_us\": %.1f, \"turn_sent\": %zu, \"turn_received\": %zu, \"share\": %.3f, \"count\": %zu}\n",
        (double)longest / 1e3, sent_most * options->size, received_most, share, session.sent);
}

static size_t resident_bytes(void)
{
    size_t pages = 0;
    FILE* file = fopen("/proc/self/statm", "r");
    if (file == NULL || fscanf(file, "%*u %zu", &pages) != 1) {
        die("/proc/self/statm");
    }
    fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static size_t open_descriptors(void)
{
    size_t count = 0;
    DIR* directory = opendir("/proc/self/fd");
    while (directory != NULL && readdir(directory) != NULL) {
        count++;
    }
    closedir(directory);
    return count;
}

/* `count` connections at once, each of which has had a message back; fewer when
 * RLIMIT_NOFILE has no room for them. */
static void measure_memory(const struct options* options)
{
    struct rlimit limit;
    struct session* sessions = allocate(options->count * sizeof(*sessions));
    struct client** clients = allocate(options->count * sizeof(struct client*));
    unsigned char* message = make_message(options);
    size_t count = options->count;

    getrlimit(RLIMIT_NOFILE, &limit);
    size_t descriptors = open_descriptors();
    size_t before = resident_bytes(), first = 0;
    for (size_t i = 0; i < count; i++) {
        clients[i] = open_client(options, &sessions[i]);
        client_send(clients[i], message, options->size);
        receive(clients[i], &sessions[i], options->size);
        if (i == 0) {
            first = resident_bytes();
            size_t each = open_descriptors() - descriptors;
            size_t room = (limit.rlim_cur - descriptors) / each - 1; /* one to spare */
            count = room < count ? room : count;
        }
    }
    size_t after = resident_bytes();
    /* What there is once in a process came with the first. */
    printf("{\"bytes_each\": %.0f, \"bytes_first\": %zu, \"count\": %zu}\n",
        (double)(after - first) / (double)(count - 1), first - before, count);
    /* With the connections goes the process. */
}

/* What a message costs that is queued, and what is left of that when all are out
 * and a while has passed. */
static void measure_backlog(const struct options* options)
{
    struct session session;
    struct client* client = open_client(options, &session);
    unsigned char* message = make_message(options);
    size_t before = resident_bytes();
    for (size_t i = 0; i < options->count; i++) {
        client_send(client, message, options->size);
    }
    size_t queued = resident_bytes();
    while (session.sent < options->count) {
        service(client);
    }
    receive(client, &session, REPLY_SIZE);
    for (long long end = now_ns() + 1500000000LL; now_ns() < end;) {
        service(client);
    }
    /* What free() keeps is not the client's. */
    malloc_trim(0);
    size_t after = resident_bytes();
    client_close(client);
    printf("{\"bytes_each\": %.1f, \"bytes_left\": %zd, \"count\": %zu}\n",
        (double)(queued - before) / (double)options->count, (ssize_t)(after - before), options->count);
}

/* The command line ---------------------------------------------------------------- */

static void usage(void)
{
    fputs("usage: bench-CLIENT MODE HOST PORT CA_FILE|- [--size N] [--window N] [--count N] [--batches N] [--ms N]\n"
          "\n"
          "  MODE  send, send-waiting, receive, pingpong, paced, both, idle,\n"
          "        open, open-more, memory or backlog\n"
          "  CA_FILE  connects with TLS and trusts this; -: without TLS\n",
        stderr);
    exit(2);
}

static char* read_file(const char* path)
{
    size_t room = 1 << 20;
    char* text = allocate(room);
    FILE* file = fopen(path, "r");
    if (file == NULL || fread(text, 1, room - 1, file) == 0) {
        die("cannot read %s", path);
    }
    fclose(file);
    return text;
}

static size_t* number_option(struct options* options, const char* name)
{
    return strcmp(name, "--size") == 0 ? &options->size
        : strcmp(name, "--window") == 0 ? &options->window
        : strcmp(name, "--count") == 0 ? &options->count
        : strcmp(name, "--batches") == 0 ? &options->batches
        : strcmp(name, "--ms") == 0      ? &options->ms
                                         : NULL;
}

int main(int argc, char** argv)
{
    static const struct {
        const char *mode, *path; /* the server's */
        void (*measure)(const struct options* options);
    } modes[] = {
        { "send", "/sink", measure_send },
        { "send-waiting", "/sink", measure_send_waiting },
        { "receive", "/source", measure_receive },
        { "pingpong", "/echo", measure_pingpong },
        { "paced", "/sink", measure_paced },
        { "both", "/echo", measure_both },
        { "idle", "/echo", measure_idle },
        { "open", "/echo", measure_open },
        { "open-more", "/echo", measure_open_more },
        { "memory", "/echo", measure_memory },
        { "backlog", "/sink", measure_backlog },
    };
    struct options options = { .size = 16, .window = 64, .count = 1000, .ms = 100 };
    char path[128];

    if (argc < 5) {
        usage();
    }
    options.endpoint = (struct endpoint){ .host = argv[2], .port = atoi(argv[3]), .path = path };
    if (strcmp(argv[4], "-") != 0) {
        options.endpoint.tls = true;
        options.endpoint.trusted_ca = read_file(argv[4]);
    }
    for (int i = 5; i < argc; i += 2) {
        size_t* number = number_option(&options, argv[i]);
        if (number == NULL || i + 1 == argc || (*number = (size_t)strtoull(argv[i + 1], NULL, 10)) == 0) {
            usage();
        }
    }
    started_ns = now_ns();
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (strcmp(argv[1], modes[i].mode) == 0) {
            snprintf(path, sizeof(path), "%s?count=%zu&size=%zu", modes[i].path, options.count, options.size);
            modes[i].measure(&options);
            return 0;
        }
    }
    usage();
}
