/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "client.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int soon_ms(void)
{
    return 1000 * slowness();
}

void a_moment(void)
{
    const struct timespec moment = { 0, 1000 * 1000 };
    nanosleep(&moment, NULL);
}

/* Opening. ------------------------------------------------------------------------- */

websock_config_t config_at(int port, const char* uri)
{
    websock_config_t config;
    memset(&config, 0, sizeof config);
    config.hostname = (char*)"127.0.0.1";
    config.port = port;
    config.uri = (char*)(size_t)uri;
    return config;
}

websock_handle_t open_with(websock_config_t* config)
{
    websock_handle_t handle = websock_open(config);
    if (handle == NULL) {
        log_show();
    }
    CHECK(handle != NULL);
    return handle;
}

websock_handle_t open_at(int port)
{
    websock_config_t config = config_at(port, "/");
    return open_with(&config);
}

void expect_no_open(websock_config_t* config, const char* reason)
{
    log_keep();
    log_forget();
    CHECK_PTR(websock_open(config), NULL);
    if (log_count() != 1 || !log_has(reason)) {
        fprintf(stderr, "not logged, or not alone: %s\n", reason);
        log_show();
    }
    CHECK_INT(log_count(), 1);
    CHECK(log_has(reason));
}

/* Receiving. ------------------------------------------------------------------------ */

int receive(websock_handle_t handle, websock_msg_hdr_t* header, void* buffer, int size,
            int timeout)
{
    int length = size;
    int got = websock_recv(handle, header, buffer, &length, timeout);
    CHECK_INT(length, size);
    CHECK(got <= size);
    return got;
}

void expect_frame(websock_handle_t handle, int fin, int opcode, const void* bytes, size_t size)
{
    unsigned char* buffer = malloc(size + 1);
    size_t total = 0;
    CHECK(buffer != NULL);
    do {
        websock_msg_hdr_t header = { -7, -7, -7 };
        int got = receive(handle, &header, buffer + total, (int)(size + 1 - total),
                          LONG_MS * slowness());
        if (got < 0) {
            log_show();
        }
        CHECK(got >= 0);
        CHECK_INT(header.opcode, opcode);
        CHECK_INT(header.payload_len, size);
        total += (size_t)got;
        CHECK(total <= size);
        CHECK(got > 0 || size == 0);
        if (total == size) {
            CHECK_INT(header.fin, fin);
        }
    } while (total < size);
    CHECK_MEM(buffer, bytes, size);
    free(buffer);
}

void expect_end(websock_handle_t handle, int timeout)
{
    char buffer[16];
    websock_msg_hdr_t header = { 1, 1, 1 };
    CHECK_INT(receive(handle, &header, buffer, sizeof buffer, timeout), -1);
    CHECK(header.opcode < 0);
    CHECK_INT(receive(handle, &header, buffer, sizeof buffer, timeout), -1);
    CHECK_INT(receive(handle, &header, buffer, sizeof buffer, 0), -1);
}

void expect_nothing(websock_handle_t handle, int timeout)
{
    char buffer[16];
    websock_msg_hdr_t header = { 1, 1, 1 };
    CHECK_INT(receive(handle, &header, buffer, sizeof buffer, timeout), 0);
    CHECK(header.opcode < 0);
}

/* The log. -------------------------------------------------------------------------- */

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static char log_lines[64][512];
static unsigned log_size;

static void note(void* context, const char* line)
{
    CHECK_PTR(context, log_lines);
    CHECK(line != NULL);
    pthread_mutex_lock(&log_lock);
    if (log_size < sizeof log_lines / sizeof *log_lines) {
        snprintf(log_lines[log_size], sizeof log_lines[0], "%s", line);
    }
    log_size++;
    pthread_mutex_unlock(&log_lock);
}

void log_keep(void)
{
    websock_set_log_handler(note, log_lines);
}

unsigned log_count(void)
{
    pthread_mutex_lock(&log_lock);
    unsigned count = log_size;
    pthread_mutex_unlock(&log_lock);
    return count;
}

bool log_has(const char* text)
{
    bool found = false;
    pthread_mutex_lock(&log_lock);
    for (unsigned i = 0; i < log_size && i < sizeof log_lines / sizeof *log_lines; i++) {
        found = found || strstr(log_lines[i], text) != NULL;
    }
    pthread_mutex_unlock(&log_lock);
    return found;
}

void log_forget(void)
{
    pthread_mutex_lock(&log_lock);
    log_size = 0;
    pthread_mutex_unlock(&log_lock);
}

void log_show(void)
{
    pthread_mutex_lock(&log_lock);
    for (unsigned i = 0; i < log_size && i < sizeof log_lines / sizeof *log_lines; i++) {
        fprintf(stderr, "    logged:   %s\n", log_lines[i]);
    }
    pthread_mutex_unlock(&log_lock);
}

/* The server. ----------------------------------------------------------------------- */

static bool say_frames(RAW_PEER* peer, const TALK* talk)
{
    const char* next = talk->frames;
    size_t left = talk->size;
    while (left > 0) {
        size_t part = talk->at_a_time > 0 && talk->at_a_time < left ? talk->at_a_time : left;
        if (!raw_write(peer, next, part)) {
            return false;
        }
        if (talk->at_a_time > 0) {
            a_moment(); /* for the segment to be one of its own */
        }
        next += part;
        left -= part;
    }
    return true;
}

static bool answer_with_frames(RAW_PEER* peer, const TALK* talk)
{
    char accept[32];
    char text[4096];
    if (!raw_read_request(peer)) {
        return false;
    }
    raw_accept_key(peer, accept);
    int size = snprintf(text, sizeof text,
                        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                        "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n", accept);
    CHECK((size_t)size + talk->size <= sizeof text);
    memcpy(text + size, talk->frames, talk->size);
    return raw_write(peer, text, (size_t)size + talk->size);
}

static void hear(TALK* talk, int first, const void* payload, size_t size)
{
    pthread_mutex_lock(&talk->lock);
    if (talk->heard_size + 2 + size <= sizeof talk->heard) {
        talk->heard[talk->heard_size++] = (unsigned char)first;
        talk->heard[talk->heard_size++] = (unsigned char)(size < 126 ? size : 126);
        memcpy(talk->heard + talk->heard_size, payload, size);
        talk->heard_size += size;
    }
    pthread_mutex_unlock(&talk->lock);
}

void talk(RAW_PEER* peer, void* context)
{
    TALK* talk = context;
    unsigned char payload[4096];
    size_t size;
    int first;
    bool good = talk->with_answer ? answer_with_frames(peer, talk)
                                  : raw_handshake(peer, talk->protocol) && say_frames(peer, talk);
    memcpy(talk->peer.request, peer->request, sizeof peer->request);
    atomic_store(&talk->said, true);
    if (talk->resets) {
        raw_reset(peer);
    }
    if (talk->ends || talk->resets) {
        return;
    }
    while (good && raw_read_frame(peer, &first, payload, sizeof payload, &size)) {
        hear(talk, first, payload, size);
        if (first == (RAW_FIN | RAW_CLOSE) && !talk->answers_no_close) {
            raw_send_frame(peer, first, payload, size);
            break;
        }
    }
    if (talk->answers_no_close) {
        raw_drain(peer);
    }
    atomic_store(&talk->hung_up, true);
}

RAW_SERVER* talk_start(TALK* what)
{
    return raw_server_start("127.0.0.1", talk, what);
}

bool talk_heard(TALK* talk, const char* frames, size_t size)
{
    pthread_mutex_lock(&talk->lock);
    bool found = memmem(talk->heard, talk->heard_size, frames, size) != NULL;
    pthread_mutex_unlock(&talk->lock);
    return found;
}

bool talk_heard_only(TALK* talk, const char* frames, size_t size)
{
    pthread_mutex_lock(&talk->lock);
    bool same = talk->heard_size == size && memcmp(talk->heard, frames, size) == 0;
    pthread_mutex_unlock(&talk->lock);
    return same;
}

/* Other. ------------------------------------------------------------------------------ */

unsigned char byte_at(unsigned seed, unsigned long long place)
{
    unsigned long long mixed = (place + 1) * 0x9E3779B97F4A7C15ull + seed * 0xD1B54A32D192ED03ull;
    return (unsigned char)(mixed >> 37);
}

unsigned char* bytes_of(unsigned seed, size_t size)
{
    unsigned char* bytes = malloc(size + 1);
    CHECK(bytes != NULL);
    for (size_t i = 0; i < size; i++) {
        bytes[i] = byte_at(seed, i);
    }
    return bytes;
}

long resident_kib(void)
{
    long total = 0;
    long resident = 0;
    FILE* file = fopen("/proc/self/statm", "r");
    CHECK(file != NULL);
    CHECK_INT(fscanf(file, "%ld %ld", &total, &resident), 2);
    fclose(file);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

void check_growth(long before, long limit_kib)
{
    if (slowness() == 1) {
        CHECK(resident_kib() - before < limit_kib);
    }
}

unsigned open_files(void)
{
    unsigned count = 0;
    DIR* folder = opendir("/proc/self/fd");
    CHECK(folder != NULL);
    while (readdir(folder) != NULL) {
        count++;
    }
    closedir(folder);
    return count;
}
