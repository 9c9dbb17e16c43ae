/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the fake libwebsockets was told, and how to make it report events. */
#ifndef WSIO_TEST_FAKE_LWS_H
#define WSIO_TEST_FAKE_LWS_H

#include <libwebsockets.h>

#include "fake.h"

/* Everything that was said about one context. Readable also when the context is
 * gone; the strings are copies. */
typedef struct FAKE_CONTEXT_TAG {
    struct lws_context* handle; /* NULL once destroyed */
    struct lws* wsi;            /* NULL when there is no connection */
    bool established;

    /* lws_create_context */
    struct lws_context_creation_info info;
    struct lws_protocols protocols[2];
    lws_retry_bo_t idle_policy;
    char protocol_name[512];

    /* lws_set_proxy and lws_init_vhost_client_ssl */
    char proxy[32];
    bool has_tls;
    struct lws_context_creation_info tls;

    /* lws_client_connect_via_info */
    struct lws_client_connect_info connect;
    lws_retry_bo_t connect_idle_policy;
    char address[256];
    char path[2100];
    char host[256];
    char origin[256];
    char protocol[512];
    char alpn[32];

    unsigned writeable_requests;
} FAKE_CONTEXT;

/* The nth context that was made, from 1 on, and the newest. */
FAKE_CONTEXT* fake_context(unsigned number);
FAKE_CONTEXT* newest_context(void);
unsigned contexts_made(void);
unsigned contexts_alive(void);
/* Forgets all contexts, which must be gone, and all that was queued. */
void lws_start_afresh(void);

/* The newest context's, of info.pt_serv_buf_size bytes. */
unsigned char* lws_service_buffer(void);

/* Events ------------------------------------------------------------------- */

typedef enum WHEN_TAG {
    WHEN_SERVED, /* in the next lws_service */
    WHEN_CREATED, /* in the next lws_create_context, with another wsi */
    WHEN_CONNECTING, /* in the next lws_client_connect_via_info */
    WHEN_CONNECTING_UNKNOWN, /* the same, before lws has said which wsi it is */
    WHENS
} WHEN;

/* Queues an event of the context's own connection. `in` must stay valid. */
void lws_will_report(WHEN when, enum lws_callback_reasons reason, const void* in, size_t len);
/* The same, of another wsi in that context. */
void lws_will_report_of_another(WHEN when, enum lws_callback_reasons reason, const void* in,
    size_t len);
/* Queues a certificate event, whose `user` is this SSL_CTX. */
void lws_will_ask_for_certificates(WHEN when, SSL_CTX* ssl);
/* Queues a verdict on the server's certificate; `user` is the store context. */
void lws_will_report_verification(WHEN when, X509_STORE_CTX* store);
/* Queues the end of the connection, as real lws has it: this event, then
 * WSI_DESTROY, after which the wsi is gone. */
void lws_will_end(WHEN when, enum lws_callback_reasons reason, const void* in, size_t len);
/* Queues the silent disappearance of the wsi. */
void lws_will_drop_wsi(WHEN when);
/* Queues an error in OpenSSL's queue. */
void lws_will_leave_ssl_error(unsigned long code);
/* Whether anything queued has not happened yet. */
bool lws_has_more_to_report(void);
/* Forgets what was queued. */
void lws_forget_events(void);

/* Results ------------------------------------------------------------------ */

/* The results of the next lws_write calls, in the order of these calls; all
 * others return what they were given. */
void lws_write_will_return(int result);
/* Forgets those that were not used. */
void lws_write_will_return_all(void);
/* What each lws_write leaves in lws's buffer: whether lws_partial_buffered says
 * yes from then on. */
void lws_write_will_leave_partial(bool partial);
/* The kernel has taken what was buffered, or not. */
void lws_set_partial(bool partial);
/* Whether a callback has asked for the end of its connection. */
bool lws_was_told_to_hang_up(void);
/* What lws_callback_on_writable returns when it does not fail; 1 by default. */
void lws_on_writable_will_return(int result);
/* What lws_service returns when it does not fail; 0 by default. */
void lws_service_will_return(int result);
/* lws_client_connect_via_info returns NULL after its events, having freed the
 * wsi, as lws 4.3 does when a name does not resolve. */
void lws_connect_will_return_null(void);
/* lws's log level, as a host has set it. */
void lws_set_level(int level);
int lws_level(void);

/* Payload bytes of all binary messages written so far, one after the other. */
const unsigned char* lws_written(void);
size_t lws_written_size(void);
/* Where the last payload was; its LWS_PRE and the payload were overwritten. */
const unsigned char* lws_last_buffer(void);
void lws_forget_written(void);

#endif
