/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The hostile server's scripts with websock.h as the client, which has a thread. The
 * modes that are about callbacks are played with an event handler. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client.h"
#include "script.h"

/* One script being played. */
typedef struct RUN_TAG {
    const SCRIPT* script;
    MODE mode;
    SERVER server;
    PEER peer;
    pthread_t thread;
    pthread_mutex_t lock; /* of the payload */
    unsigned char* payload;
    size_t payload_size;
    _Atomic(websock_handle_t) handle; /* once open */
    atomic_bool refused;              /* it did not open */
    atomic_bool lost;                 /* it is over */
    atomic_bool sent;
    atomic_uint inside;               /* the handler */
} RUN;

/* The client. ------------------------------------------------------------------------ */

static void keep(RUN* run, const void* bytes, size_t size)
{
    pthread_mutex_lock(&run->lock);
    run->payload = realloc(run->payload, run->payload_size + size + 1);
    CHECK(run->payload != NULL);
    memcpy(run->payload + run->payload_size, bytes, size);
    run->payload_size += size;
    pthread_mutex_unlock(&run->lock);
}

static size_t kept(RUN* run)
{
    pthread_mutex_lock(&run->lock);
    size_t size = run->payload_size;
    pthread_mutex_unlock(&run->lock);
    return size;
}

/* Whether the handler closes the connection now: when the outcome is there. */
static bool acts(RUN* run, bool lost)
{
    return run->mode == DESTROYING
        && (lost || (run->script->outcome == OPEN_AND_BYTES
                     && kept(run) == run->script->payload.size));
}

static void on_event(void* context, websock_cb_event_t event, websock_msg_hdr_t* header,
                     char* bytes, int size)
{
    RUN* run = context;
    bool lost = event == WEBSOCK_CB_EVENT_ERROR;
    CHECK_INT(atomic_fetch_add(&run->inside, 1), 0);
    CHECK(!atomic_load(&run->lost));
    if (!lost) {
        CHECK(header != NULL);
        CHECK(size <= header->payload_len);
        keep(run, size > 0 ? bytes : "", (size_t)size);
    }
    if (acts(run, lost)) {
        websock_close(atomic_load(&run->handle));
    }
    atomic_store(&run->lost, lost);
    atomic_fetch_sub(&run->inside, 1);
}

static void receive_until_lost(RUN* run, websock_handle_t handle)
{
    websock_msg_hdr_t header;
    char buffer[7];
    int got;
    while ((got = receive(handle, &header, buffer, sizeof buffer, LONG_MS * slowness())) >= 0) {
        keep(run, buffer, (size_t)got);
    }
    atomic_store(&run->lost, true);
}

static websock_config_t config_for(const RUN* run)
{
    const SCRIPT* script = run->script;
    websock_config_t config = config_at(run->server.port, "/");
    config.secured = script->ca != NULL;
    config.time_out = LONG_MS * slowness();
    if (script->ca != NULL) {
        config.ssl_config.auth_mode = SSL_WRAP_VERIFY_REQUIRED;
        config.ssl_config.ca_cert.buf = (char*)(size_t)script->ca;
        config.ssl_config.ca_cert.len = (int)strlen(script->ca);
    }
    if (script->protocol != NULL) {
        config.num_hndshk_hdrs = 1;
        config.hndshk_hdrs[0].name = (char*)"Sec-WebSocket-Protocol";
        config.hndshk_hdrs[0].val = (char*)(size_t)script->protocol;
    }
    return config;
}

static void* be_the_client(void* context)
{
    RUN* run = context;
    websock_config_t config = config_for(run);
    websock_handle_t handle = websock_open(&config);
    if (handle == NULL) {
        atomic_store(&run->refused, true);
        return NULL;
    }
    if (run->mode == SENDING) {
        atomic_store(&run->sent,
                     websock_send_binary(handle, (char*)MESSAGE, sizeof MESSAGE - 1) == 0);
    }
    atomic_store(&run->handle, handle);
    if (run->mode == ACTING || run->mode == DESTROYING) {
        websock_set_event_handler(handle, on_event, run);
    } else {
        receive_until_lost(run, handle);
    }
    return NULL;
}

/* The peer's DRIVE: the client has its own thread, which needs a moment. */
static void let_it_run(void* client)
{
    const struct timespec moment = { 0, 20 * 1000 };
    (void)client;
    nanosleep(&moment, NULL);
}

/* Judging. --------------------------------------------------------------------------------- */

static bool outcome_is_there(RUN* run)
{
    switch (run->script->outcome) {
    case OPEN_ERROR:
        return atomic_load(&run->refused);
    case OPEN_THEN_IO_ERROR:
        return atomic_load(&run->lost);
    default:
        return atomic_load(&run->handle) != NULL && kept(run) >= run->script->payload.size;
    }
}

static void check_payload(RUN* run)
{
    const SCRIPT* script = run->script;
    pthread_mutex_lock(&run->lock);
    CHECK(run->payload_size >= script->payload.size);
    CHECK(run->payload_size <= script->payload.size + script->partial.size);
    if (script->payload.size > 0) {
        CHECK_MEM(run->payload, script->payload.bytes, script->payload.size);
    }
    if (run->payload_size > script->payload.size) {
        CHECK_MEM(run->payload + script->payload.size, script->partial.bytes,
                  run->payload_size - script->payload.size);
    }
    pthread_mutex_unlock(&run->lock);
}

/* RFC 6455 sections 5.1, 5.5, 7. */
static void check_wire(RUN* run)
{
    static unsigned char frames[65536];
    const SCRIPT* script = run->script;
    PEER* peer = &run->peer;
    if (peer->request_size == 0) {
        return; /* the script has not read it */
    }
    size_t size = peer_frames(peer, frames, sizeof frames);
    if (script->outcome == OPEN_ERROR) {
        CHECK_INT(size, 0);
        return;
    }
    bool arrived = take_out(frames, &size, MESSAGE_FRAME, sizeof MESSAGE_FRAME - 1);
    CHECK(arrived || !atomic_load(&run->sent) || peer->fd < 0);
    if (script->outcome == OPEN_AND_BYTES && peer->fd >= 0) {
        CHECK(size >= sizeof GOODBYE - 1); /* the last word */
        size -= sizeof GOODBYE - 1;
        CHECK_MEM(frames + size, GOODBYE, sizeof GOODBYE - 1);
    }
    /* When the end comes right behind what is to be answered, lws sees both at once. */
    bool ends = script->cut_at > 0 && script->cut != STAYS;
    if (!script->may_not_reply && !ends && run->mode != DESTROYING) {
        CHECK_INT(size, script->reply.size);
    }
    CHECK(size <= script->reply.size);
    if (size > 0) {
        CHECK_MEM(frames, script->reply.bytes, size);
    }
}

/* A connection after that works. */
static void expect_usable(RUN* run)
{
    static const BYTES answer = LITERAL(GOOD_ANSWER);
    static const char expected[] = "\x82\x02yo" GOODBYE;
    RUN next;
    unsigned char frames[64];
    SCRIPT good = *run->script;
    memset(&next, 0, sizeof next);
    next.script = &good;
    next.server = run->server;
    pthread_mutex_init(&next.lock, NULL);
    peer_init(&next.peer, let_it_run, &next);
    CHECK_INT(pthread_create(&next.thread, NULL, be_the_client, &next), 0);
    peer_accept(&next.peer, &next.server);
    CHECK(good.tls == NULL || peer_start_tls(&next.peer, good.tls));
    CHECK(peer_read_request(&next.peer));
    CHECK(script_say(&next.peer, answer));
    CHECK(peer_send(&next.peer, "\x82\x02hi", 4));
    PUMP_UNTIL(&next.peer, kept(&next) == 2);
    websock_handle_t handle = atomic_load(&next.handle);
    CHECK_INT(websock_send_binary(handle, (char*)"yo", 2), 0);
    CHECK(peer_send(&next.peer, GOODBYE, 4)); /* the answer to the Close: no waiting */
    PUMP_UNTIL(&next.peer, next.peer.client_left);
    pthread_join(next.thread, NULL);
    websock_close(handle);
    CHECK_INT(peer_frames(&next.peer, frames, sizeof frames), sizeof expected - 1);
    CHECK_MEM(frames, expected, sizeof expected - 1);
    peer_free(&next.peer);
    free(next.payload);
}

static void* close_it(void* context)
{
    RUN* run = context;
    websock_close(atomic_load(&run->handle));
    return NULL;
}

/* Whether there is a Close among the client's frames. */
static bool said_goodbye(const PEER* peer)
{
    size_t place = peer->request_size;
    while (place > 0 && place + 2 <= peer->received_size) {
        if ((peer->received[place] & 0x0f) == 8) {
            return true;
        }
        place += 6 + (peer->received[place + 1] & 0x7fu); /* these are short */
    }
    return false;
}

/* websock_close; the server, which may be inside a frame, then closes its side
 * instead of an answer. */
static void close_and_wait(RUN* run)
{
    PEER* peer = &run->peer;
    pthread_t closer;
    if (run->script->outcome == OPEN_ERROR) {
        return;
    }
    CHECK_INT(pthread_create(&closer, NULL, close_it, run), 0);
    if (peer->fd >= 0) {
        PUMP_UNTIL(peer, peer->client_left || said_goodbye(peer));
        peer_end(peer, FIN);
    }
    pthread_join(closer, NULL);
}

void expect_outcome_in(MODE mode, const SCRIPT* script)
{
    RUN run;
    unsigned fds = open_fds();
    at_work_on_script(script, mode);
    log_keep();
    log_forget();
    memset(&run, 0, sizeof run);
    run.script = script;
    run.mode = mode;
    pthread_mutex_init(&run.lock, NULL);
    server_start(&run.server);
    peer_init(&run.peer, let_it_run, &run);
    CHECK_INT(pthread_create(&run.thread, NULL, be_the_client, &run), 0);

    script_play(script, mode, &run.peer, &run.server);
    PUMP_UNTIL(&run.peer, outcome_is_there(&run));
    peer_settle(&run.peer);
    CHECK_INT(atomic_load(&run.refused), script->outcome == OPEN_ERROR);
    check_payload(&run);
    if (script->outcome == OPEN_ERROR) {
        CHECK_INT(log_count(), 1);
    } else {
        CHECK(log_count() <= (script->outcome == OPEN_THEN_IO_ERROR));
    }
    close_and_wait(&run);
    pthread_join(run.thread, NULL);
    check_payload(&run);
    if (script->outcome == OPEN_THEN_IO_ERROR) {
        CHECK_INT(websock_send_text(atomic_load(&run.handle), (char*)"x", 1), -1);
    }
    if (run.peer.fd >= 0) {
        PUMP_UNTIL(&run.peer, run.peer.client_left);
    }
    check_wire(&run);
    CHECK(!server_has_caller(&run.server)); /* it does not call again by itself */
    expect_usable(&run);

    peer_free(&run.peer);
    server_stop(&run.server);
    free(run.payload);
    /* A handler that closed its own connection may still be leaving. */
    WAIT_UNTIL(atomic_load(&run.inside) == 0 && open_fds() == fds);
    at_work_on(NULL);
}
