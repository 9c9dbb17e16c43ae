/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Stand-ins for all that libwsio.a calls: libwebsockets, OpenSSL, list.h, the
 * heap and the clock. Each call is counted and can be made to fail; those that
 * matter are written into a journal, in order, together with the callbacks that
 * the user gets (rig.h).
 *
 * The fakes are as strict as the real ones are fragile: a stale or NULL pointer,
 * a destroy inside a callback, a write on top of unsent bytes end the test. */
#ifndef WSIO_TEST_FAKE_H
#define WSIO_TEST_FAKE_H

#include <stdbool.h>
#include <stddef.h>

/* CALL(name, kind): the kind says where it goes in the journal. */
#define FAKE_CALLS(CALL)                                                          \
    CALL(lws_create_context, IN_LWS)                                              \
    CALL(lws_context_destroy, IN_LWS)                                             \
    CALL(lws_context_user, UNWRITTEN)                                             \
    CALL(lws_get_context, UNWRITTEN)                                              \
    CALL(lws_get_ssl, UNWRITTEN)                                                  \
    CALL(lws_get_vhost_by_name, UNWRITTEN)                                        \
    CALL(lws_set_proxy, IN_LWS)                                                   \
    CALL(lws_init_vhost_client_ssl, IN_LWS)                                       \
    CALL(lws_client_connect_via_info, IN_LWS)                                     \
    CALL(lws_service, IN_LWS)                                                     \
    CALL(lws_callback_on_writable, IN_LWS)                                        \
    CALL(lws_get_socket_fd, UNWRITTEN)                                            \
    CALL(setsockopt, IN_KERNEL)                                                   \
    CALL(lws_partial_buffered, UNWRITTEN)                                         \
    CALL(lws_send_pipe_choked, UNWRITTEN)                                         \
    CALL(lws_write, IN_LWS)                                                       \
    CALL(lws_set_log_level, UNWRITTEN)                                            \
    CALL(lwsl_visible, UNWRITTEN)                                                 \
    CALL(list_create, IN_LIST)                                                    \
    CALL(list_destroy, IN_LIST)                                                   \
    CALL(list_add, IN_LIST)                                                       \
    CALL(list_get_head_item, UNWRITTEN)                                           \
    CALL(list_get_next_item, UNWRITTEN)                                           \
    CALL(list_find, UNWRITTEN)                                                    \
    CALL(list_remove, IN_LIST)                                                    \
    CALL(list_item_get_value, UNWRITTEN)                                          \
    CALL(SSL_CTX_new, IN_SSL)                                                     \
    CALL(SSL_CTX_free, IN_SSL)                                                    \
    CALL(SSL_CTX_ctrl, UNWRITTEN)                                                 \
    CALL(SSL_CTX_set_options, UNWRITTEN)                                          \
    CALL(SSL_CTX_set_default_verify_paths, IN_SSL)                                \
    CALL(SSL_CTX_set_default_verify_dir, IN_SSL)                                  \
    CALL(SSL_CTX_set_ex_data, UNWRITTEN)                                          \
    CALL(CRYPTO_get_ex_new_index, UNWRITTEN)                                      \
    CALL(BIO_meth_new, UNWRITTEN)                                                 \
    CALL(X509_STORE_add_lookup, IN_SSL)                                           \
    CALL(X509_LOOKUP_ctrl, IN_SSL)                                                \
    CALL(SSL_CTX_set_cert_verify_callback, UNWRITTEN)                             \
    CALL(SSL_CTX_set_info_callback, UNWRITTEN)                                    \
    CALL(SSL_set_ex_data, UNWRITTEN)                                              \
    CALL(SSL_CTX_get_cert_store, IN_SSL)                                          \
    CALL(BIO_new, IN_SSL)                                                         \
    CALL(BIO_puts, IN_SSL)                                                        \
    CALL(BIO_free, IN_SSL)                                                        \
    CALL(PEM_read_bio_X509, IN_SSL)                                               \
    CALL(X509_STORE_add_cert, IN_SSL)                                             \
    CALL(X509_free, IN_SSL)                                                       \
    CALL(X509_VERIFY_PARAM_set1_host, IN_SSL)                                     \
    CALL(X509_VERIFY_PARAM_set1_ip, IN_SSL)                                       \
    CALL(X509_verify_cert, IN_SSL)

#define FAKE_CALL_ID(name, kind) CALL_##name,
typedef enum CALL_TAG { FAKE_CALLS(FAKE_CALL_ID) CALLS } CALL;

/* Counting and failing ----------------------------------------------------- */

/* How often `call` was made since the start of the test. */
unsigned calls_of(CALL call);
/* Calls of any kind. */
unsigned calls_made(void);

/* Makes the nth call of this kind from now on fail, once; 1 is the next. What a
 * failure is depends on the call: NULL, -1, 0. */
void fail_nth(CALL call, unsigned nth);
/* Makes every call of this kind fail until fail_none. */
void fail_all(CALL call);
void fail_none(void);
/* Whether the failure that fail_nth asked for has happened. */
bool failed(void);
/* For the name in a message. */
const char* name_of(CALL call);

/* For the fakes: counts the call; whether it is to fail. */
bool enter(CALL call);

/* The journal -------------------------------------------------------------- */

enum { IN_LWS = 1, IN_LIST = 2, IN_SSL = 4, TO_USER = 8, IN_KERNEL = 16, UNWRITTEN = 0 };

/* Adds a line, of one of these kinds. */
__attribute__((format(printf, 2, 3))) void journal(int kind, const char* format, ...);
void forget_journal(void);

/* The lines of these kinds must be exactly those, in that order. The journal is
 * forgotten then. */
#define CHECK_JOURNAL(kinds, ...)                                                 \
    check_journal(__FILE__, __LINE__, (kinds), (const char* const[]){__VA_ARGS__, NULL})
#define CHECK_JOURNAL_EMPTY(kinds)                                                \
    check_journal(__FILE__, __LINE__, (kinds), (const char* const[]){NULL})
void check_journal(const char* file, int line, int kinds, const char* const expected[]);

/* How many lines are equal to this one. */
unsigned journal_count(const char* text);

/* The heap ----------------------------------------------------------------- */

/* Makes the nth allocation from now on fail, once; 1 is the next. */
void heap_fail_nth(unsigned nth);
/* Makes all from the nth on fail. */
void heap_fail_from(unsigned nth);
void heap_fail_all(void);
void heap_fail_none(void);
bool heap_failed(void);
/* Blocks that the library holds, and their bytes. */
long heap_live(void);
size_t heap_bytes(void);
unsigned heap_allocations(void);

/* The heap that the library does not see, for the fakes. Ends the test when it
 * is full. */
void* outside_malloc(size_t size);
void outside_free(void* block);

/* The clock ---------------------------------------------------------------- */

/* CLOCK_MONOTONIC stands still but for this. */
void clock_advance_ms(long long ms);

/* list.h ------------------------------------------------------------------- */

/* Lists, and items in lists. */
long list_live(void);
long list_items_live(void);

#endif
