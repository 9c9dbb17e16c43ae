/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "fake_openssl.h"

#include <errno.h>
#include <stdarg.h>

#include "check.h"

struct x509_st
{
    unsigned owners;
    char body[64];
};

enum { STORE_CAPACITY = 16 };

struct x509_store_st
{
    X509* certificates[STORE_CAPACITY];
    unsigned count;
};

struct ssl_ctx_st
{
    SSL_CTX* next;
    struct x509_store_st store;
    uint64_t options;
    long mode;
    long min_version;
    bool has_default_paths;
    bool has_default_dir;
    X509_LOOKUP* lookup;
    void* data[3];
    VERIFY* verify;
    void* verify_argument;
    void (*info)(const SSL* handshake, int place, int result);
};

struct ssl_st
{
    const SSL_CTX* context;
    void* data[3];
    BIO* rbio;
    BIO* wbio;
    int socket;
    const char* name; /* of the server, to ask for */
};

struct bio_method_st
{
    int (*write)(BIO*, const char*, int);
    long (*control)(BIO*, int, long, void*);
    int (*destroy)(BIO*);
};

struct bio_st
{
    const BIO_METHOD* method;
    char text[4096];
    size_t size;
    const char* next;
    void* data;
    int flags;
    bool is_ready;
};

/* The file of the system's certificates: nothing but whether it was loaded. */
struct x509_lookup_st
{
    bool is_loaded;
};

struct ssl_method_st
{
    int unused;
};

struct X509_VERIFY_PARAM_st
{
    bool has_host;
    unsigned char ip[16];
    size_t ip_size;
};

struct x509_store_ctx_st
{
    struct X509_VERIFY_PARAM_st parameters;
    int error;
    bool has_chain;
};

static const struct bio_method_st memory_method;
static const struct ssl_method_st client_method;
static long live;

long ssl_live(void)
{
    return live;
}

static void* new_object(size_t size)
{
    void* object = outside_malloc(size);
    memset(object, 0, size);
    live++;
    return object;
}

static void free_object(void* object)
{
    outside_free(object);
    live--;
}

/* The error queue ---------------------------------------------------------- */

typedef struct
{
    unsigned long code;
    int line;
    bool has_file;
    bool has_function;
    bool has_data;
    char file[64];
    char function[64];
    char data[64];
} FAKE_ERROR;

enum { QUEUE_CAPACITY = 16 };

static FAKE_ERROR errors[QUEUE_CAPACITY];
static unsigned error_count;

void ssl_push_error_with(unsigned long code, const char* file, int line, const char* function,
    const char* data)
{
    CHECK(error_count < QUEUE_CAPACITY);
    FAKE_ERROR* error = &errors[error_count++];
    memset(error, 0, sizeof(*error));
    error->code = code;
    error->line = line;
    error->has_file = file != NULL;
    error->has_function = function != NULL;
    error->has_data = data != NULL;
    snprintf(error->file, sizeof(error->file), "%s", file != NULL ? file : "");
    snprintf(error->function, sizeof(error->function), "%s", function != NULL ? function : "");
    snprintf(error->data, sizeof(error->data), "%s", data != NULL ? data : "");
}

void ssl_push_error(unsigned long code)
{
    ssl_push_error_with(code, "fake.c", 1, "fake", NULL);
}

unsigned ssl_error_count(void)
{
    return error_count;
}

unsigned long ssl_error(unsigned n, const char** file, int* line, const char** function,
    const char** data)
{
    CHECK(n < error_count);
    *file = errors[n].has_file ? errors[n].file : NULL;
    *line = errors[n].line;
    *function = errors[n].has_function ? errors[n].function : NULL;
    *data = errors[n].has_data ? errors[n].data : NULL;
    return errors[n].code;
}

unsigned long ERR_peek_error(void)
{
    return error_count > 0 ? errors[0].code : 0;
}

unsigned long ERR_peek_last_error(void)
{
    return error_count > 0 ? errors[error_count - 1].code : 0;
}

unsigned long ERR_get_error_all(const char** file, int* line, const char** function,
    const char** data, int* flags)
{
    /* Good until the next call, as the real one's. */
    static FAKE_ERROR oldest;
    if (error_count == 0)
    {
        return 0;
    }
    oldest = errors[0];
    error_count--;
    memmove(&errors[0], &errors[1], error_count * sizeof(errors[0]));
    /* The real one gives "" for what there is not. */
    *file = oldest.file;
    *line = oldest.line;
    *function = oldest.function;
    *data = oldest.data;
    *flags = oldest.has_data ? ERR_TXT_STRING : 0;
    return oldest.code;
}

void ERR_clear_error(void)
{
    error_count = 0;
}

void ERR_error_string_n(unsigned long code, char* text, size_t size)
{
    snprintf(text, size, "openssl error %lx", code);
}

void ERR_new(void)
{
    ssl_push_error_with(0, NULL, 0, NULL, NULL);
}

void ERR_set_debug(const char* file, int line, const char* function)
{
    CHECK(error_count > 0);
    FAKE_ERROR* error = &errors[error_count - 1];
    error->line = line;
    error->has_file = file != NULL;
    error->has_function = function != NULL;
    snprintf(error->file, sizeof(error->file), "%s", file != NULL ? file : "");
    snprintf(error->function, sizeof(error->function), "%s", function != NULL ? function : "");
}

void ERR_set_error(int library, int reason, const char* format, ...)
{
    CHECK(error_count > 0);
    FAKE_ERROR* error = &errors[error_count - 1];
    error->code = library == ERR_LIB_SYS ? (unsigned long)ERR_SYSTEM_FLAG | (unsigned long)reason
                                         : ERR_PACK(library, 0, reason);
    error->has_data = format != NULL;
    if (format != NULL)
    {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(error->data, sizeof(error->data), format, arguments);
        va_end(arguments);
    }
}

/* SSL_CTX ------------------------------------------------------------------ */

static SSL_CTX* contexts;

bool ssl_ctx_is_alive(const SSL_CTX* ssl)
{
    const SSL_CTX* known = contexts;
    while (known != NULL && known != ssl)
    {
        known = known->next;
    }
    return ssl != NULL && known == ssl;
}

uint64_t ssl_ctx_options(const SSL_CTX* ssl)
{
    CHECK(ssl_ctx_is_alive(ssl));
    return ssl->options;
}

long ssl_ctx_mode(const SSL_CTX* ssl)
{
    CHECK(ssl_ctx_is_alive(ssl));
    return ssl->mode;
}

long ssl_ctx_min_version(const SSL_CTX* ssl)
{
    CHECK(ssl_ctx_is_alive(ssl));
    return ssl->min_version;
}

bool ssl_ctx_has_default_paths(const SSL_CTX* ssl)
{
    CHECK(ssl_ctx_is_alive(ssl));
    return ssl->has_default_paths;
}

VERIFY* ssl_ctx_verify_callback(const SSL_CTX* ssl, void** argument)
{
    CHECK(ssl_ctx_is_alive(ssl));
    *argument = ssl->verify_argument;
    return ssl->verify;
}

const char* ssl_ctx_certificates(const SSL_CTX* ssl)
{
    static char text[STORE_CAPACITY * sizeof(((X509*)0)->body)];
    size_t length = 0;
    CHECK(ssl_ctx_is_alive(ssl));
    text[0] = '\0';
    for (unsigned i = 0; i < ssl->store.count; i++)
    {
        length += (size_t)snprintf(text + length, sizeof(text) - length, "%s\n",
            ssl->store.certificates[i]->body);
    }
    return text;
}

const SSL_METHOD* TLS_client_method(void)
{
    return &client_method;
}

static SSL_CTX* new_context(void)
{
    SSL_CTX* ssl = new_object(sizeof(*ssl));
    ssl->next = contexts;
    contexts = ssl;
    return ssl;
}

SSL_CTX* SSL_CTX_new(const SSL_METHOD* method)
{
    CHECK_PTR(method, &client_method);
    if (enter(CALL_SSL_CTX_new))
    {
        journal(IN_SSL, "SSL_CTX_new fails");
        ssl_push_error(ERR_PACK(ERR_LIB_SSL, 0, ERR_R_MALLOC_FAILURE));
        return NULL;
    }
    journal(IN_SSL, "SSL_CTX_new");
    return new_context();
}

SSL_CTX* ssl_ctx_of_lws(void)
{
    static SSL_CTX* ssl;
    if (ssl == NULL)
    {
        ssl = new_context();
        live--;
    }
    return ssl;
}

static void empty(X509_STORE* store)
{
    for (unsigned i = 0; i < store->count; i++)
    {
        if (--store->certificates[i]->owners == 0)
        {
            free_object(store->certificates[i]);
        }
    }
    store->count = 0;
}

void ssl_empty_store_of_lws(void)
{
    empty(&ssl_ctx_of_lws()->store);
}

void SSL_CTX_free(SSL_CTX* ssl)
{
    SSL_CTX** place = &contexts;
    enter(CALL_SSL_CTX_free);
    CHECK(ssl_ctx_is_alive(ssl));
    CHECK(ssl != ssl_ctx_of_lws());
    journal(IN_SSL, "SSL_CTX_free");
    while (*place != ssl)
    {
        place = &(*place)->next;
    }
    *place = ssl->next;
    if (ssl->lookup != NULL)
    {
        free_object(ssl->lookup);
    }
    empty(&ssl->store);
    free_object(ssl);
}

long SSL_CTX_ctrl(SSL_CTX* ssl, int command, long value, void* more)
{
    CHECK(ssl_ctx_is_alive(ssl));
    CHECK_PTR(more, NULL);
    if (command == SSL_CTRL_MODE)
    {
        /* The real one returns the modes and cannot fail. */
        return ssl->mode |= value;
    }
    CHECK_INT(command, SSL_CTRL_SET_MIN_PROTO_VERSION);
    if (enter(CALL_SSL_CTX_ctrl))
    {
        return 0;
    }
    ssl->min_version = value;
    return 1;
}

uint64_t SSL_CTX_set_options(SSL_CTX* ssl, uint64_t options)
{
    enter(CALL_SSL_CTX_set_options);
    CHECK(ssl_ctx_is_alive(ssl));
    return ssl->options |= options;
}

int SSL_CTX_set_default_verify_paths(SSL_CTX* ssl)
{
    CHECK(ssl_ctx_is_alive(ssl));
    if (enter(CALL_SSL_CTX_set_default_verify_paths))
    {
        journal(IN_SSL, "SSL_CTX_set_default_verify_paths fails");
        return 0;
    }
    journal(IN_SSL, "SSL_CTX_set_default_verify_paths");
    ssl->has_default_paths = true;
    return 1;
}

int SSL_CTX_set_default_verify_dir(SSL_CTX* ssl)
{
    CHECK(ssl_ctx_is_alive(ssl));
    if (enter(CALL_SSL_CTX_set_default_verify_dir))
    {
        journal(IN_SSL, "SSL_CTX_set_default_verify_dir fails");
        return 0;
    }
    journal(IN_SSL, "SSL_CTX_set_default_verify_dir");
    ssl->has_default_dir = true;
    return 1;
}

static SSL_CTX* context_with(const X509_STORE* store)
{
    SSL_CTX* ssl = contexts;
    while (ssl != NULL && &ssl->store != store)
    {
        ssl = ssl->next;
    }
    CHECK(ssl != NULL);
    return ssl;
}

X509_LOOKUP_METHOD* X509_LOOKUP_file(void)
{
    static max_align_t method;
    return (X509_LOOKUP_METHOD*)&method;
}

X509_LOOKUP* X509_STORE_add_lookup(X509_STORE* store, X509_LOOKUP_METHOD* method)
{
    SSL_CTX* ssl = context_with(store);
    CHECK_PTR(method, X509_LOOKUP_file());
    if (enter(CALL_X509_STORE_add_lookup))
    {
        journal(IN_SSL, "X509_STORE_add_lookup fails");
        return NULL;
    }
    journal(IN_SSL, "X509_STORE_add_lookup");
    CHECK_PTR(ssl->lookup, NULL);
    ssl->lookup = new_object(sizeof(*ssl->lookup));
    return ssl->lookup;
}

int X509_LOOKUP_ctrl(X509_LOOKUP* lookup, int command, const char* name, long type, char** more)
{
    CHECK_INT(command, X509_L_FILE_LOAD);
    CHECK_PTR(name, NULL);
    CHECK_INT(type, X509_FILETYPE_DEFAULT);
    CHECK_PTR(more, NULL);
    journal(IN_SSL, "X509_LOOKUP_ctrl");
    if (enter(CALL_X509_LOOKUP_ctrl))
    {
        return 0;
    }
    lookup->is_loaded = true;
    return 1;
}

bool ssl_ctx_has_default_dir(const SSL_CTX* ssl)
{
    CHECK(ssl_ctx_is_alive(ssl));
    return ssl->has_default_dir;
}

bool ssl_ctx_has_default_file(const SSL_CTX* ssl)
{
    CHECK(ssl_ctx_is_alive(ssl));
    return ssl->lookup != NULL && ssl->lookup->is_loaded;
}

/* Places in SSLs and SSL_CTXs. 0 is lws's, for all that wsio can know, and what is
 * there has to stay. */
enum { INDEX_OF_LWS, FIRST_INDEX, LAST_INDEX };
static int next_index = FIRST_INDEX;

int CRYPTO_get_ex_new_index(int kind, long argument, void* more, CRYPTO_EX_new* make,
    CRYPTO_EX_dup* copy, CRYPTO_EX_free* drop)
{
    CHECK(kind == CRYPTO_EX_INDEX_SSL || kind == CRYPTO_EX_INDEX_SSL_CTX);
    CHECK(argument == 0 && more == NULL && make == NULL && copy == NULL && drop == NULL);
    if (enter(CALL_CRYPTO_get_ex_new_index))
    {
        return -1;
    }
    CHECK(next_index <= LAST_INDEX);
    return next_index++;
}

int SSL_CTX_set_ex_data(SSL_CTX* ssl, int index, void* data)
{
    CHECK(ssl_ctx_is_alive(ssl));
    CHECK(index >= FIRST_INDEX && index < next_index);
    if (enter(CALL_SSL_CTX_set_ex_data))
    {
        return 0;
    }
    ssl->data[index] = data;
    return 1;
}

void* SSL_CTX_get_ex_data(const SSL_CTX* ssl, int index)
{
    CHECK(ssl_ctx_is_alive(ssl));
    CHECK(index >= FIRST_INDEX && index < next_index);
    return ssl->data[index];
}

void SSL_CTX_set_cert_verify_callback(SSL_CTX* ssl, VERIFY* verify, void* argument)
{
    enter(CALL_SSL_CTX_set_cert_verify_callback);
    CHECK(ssl_ctx_is_alive(ssl));
    ssl->verify = verify;
    ssl->verify_argument = argument;
}

void SSL_CTX_set_info_callback(SSL_CTX* ssl, void (*info)(const SSL*, int, int))
{
    enter(CALL_SSL_CTX_set_info_callback);
    CHECK(ssl_ctx_is_alive(ssl));
    ssl->info = info;
}

X509_STORE* SSL_CTX_get_cert_store(const SSL_CTX* ssl)
{
    CHECK(ssl_ctx_is_alive(ssl));
    if (enter(CALL_SSL_CTX_get_cert_store))
    {
        journal(IN_SSL, "SSL_CTX_get_cert_store fails");
        return NULL;
    }
    journal(IN_SSL, "SSL_CTX_get_cert_store");
    return &((SSL_CTX*)(size_t)ssl)->store;
}

/* Certificates ------------------------------------------------------------- */

const BIO_METHOD* BIO_s_mem(void)
{
    return &memory_method;
}

static struct bio_method_st* made_methods[16];

static bool is_made(const BIO_METHOD* method)
{
    for (size_t i = 0; i < sizeof(made_methods) / sizeof(made_methods[0]); i++)
    {
        if (method != NULL && made_methods[i] == method)
        {
            return true;
        }
    }
    return false;
}

BIO_METHOD* BIO_meth_new(int type, const char* name)
{
    size_t i = 0;
    CHECK_INT(type, BIO_TYPE_SOURCE_SINK);
    CHECK(name != NULL);
    if (enter(CALL_BIO_meth_new))
    {
        ssl_push_error(ERR_PACK(ERR_LIB_BIO, 0, ERR_R_MALLOC_FAILURE));
        return NULL;
    }
    while (made_methods[i] != NULL)
    {
        i++;
        CHECK(i < sizeof(made_methods) / sizeof(made_methods[0]));
    }
    made_methods[i] = new_object(sizeof(*made_methods[i]));
    return made_methods[i];
}

void BIO_meth_free(BIO_METHOD* method)
{
    size_t i = 0;
    CHECK(is_made(method));
    while (made_methods[i] != method)
    {
        i++;
    }
    made_methods[i] = NULL;
    free_object(method);
}

int BIO_meth_set_write(BIO_METHOD* method, int (*write)(BIO*, const char*, int))
{
    CHECK(is_made(method));
    method->write = write;
    return 1;
}

int BIO_meth_set_ctrl(BIO_METHOD* method, long (*control)(BIO*, int, long, void*))
{
    CHECK(is_made(method));
    method->control = control;
    return 1;
}

int BIO_meth_set_destroy(BIO_METHOD* method, int (*destroy)(BIO*))
{
    CHECK(is_made(method));
    method->destroy = destroy;
    return 1;
}

long BIO_ctrl(BIO* bio, int command, long number, void* pointer)
{
    return is_made(bio->method) ? bio->method->control(bio, command, number, pointer) : 0;
}

void BIO_set_data(BIO* bio, void* data)
{
    bio->data = data;
}

void* BIO_get_data(BIO* bio)
{
    return bio->data;
}

void BIO_set_init(BIO* bio, int ready)
{
    bio->is_ready = ready != 0;
}

void BIO_set_flags(BIO* bio, int flags)
{
    bio->flags |= flags;
}

void BIO_clear_flags(BIO* bio, int flags)
{
    bio->flags &= ~flags;
}

int BIO_sock_should_retry(int result)
{
    return result <= 0 && (errno == EAGAIN || errno == EINTR);
}

BIO* BIO_new(const BIO_METHOD* method)
{
    BIO* bio;
    CHECK(method == &memory_method || is_made(method));
    if (enter(CALL_BIO_new))
    {
        journal(IN_SSL, "BIO_new fails");
        ssl_push_error(ERR_PACK(ERR_LIB_BIO, 0, ERR_R_MALLOC_FAILURE));
        return NULL;
    }
    journal(IN_SSL, "BIO_new");
    bio = new_object(sizeof(*bio));
    bio->method = method;
    bio->next = bio->text;
    return bio;
}

int BIO_puts(BIO* bio, const char* text)
{
    size_t size = strlen(text);
    if (enter(CALL_BIO_puts))
    {
        journal(IN_SSL, "BIO_puts fails");
        ssl_push_error(ERR_PACK(ERR_LIB_BIO, 0, ERR_R_MALLOC_FAILURE));
        return -1;
    }
    CHECK(bio->size + size < sizeof(bio->text));
    memcpy(bio->text + bio->size, text, size);
    bio->size += size;
    journal(IN_SSL, "BIO_puts");
    return (int)size;
}

int BIO_free(BIO* bio)
{
    enter(CALL_BIO_free);
    CHECK(bio != NULL);
    journal(IN_SSL, "BIO_free");
    free_object(bio);
    return 1;
}

static X509* no_certificate(int reason)
{
    journal(IN_SSL, "PEM_read_bio_X509 NULL");
    ssl_push_error(ERR_PACK(ERR_LIB_PEM, 0, reason));
    return NULL;
}

X509* PEM_read_bio_X509(BIO* bio, X509** place, pem_password_cb* password, void* user)
{
    static const char begin[] = "-----BEGIN CERTIFICATE-----\n";
    static const char end[] = "\n-----END CERTIFICATE-----\n";
    const char* body = strstr(bio->next, begin);
    const char* tail = body != NULL ? strstr(body, end) : NULL;
    X509* x509;
    CHECK_PTR(place, NULL);
    CHECK(password == NULL);
    CHECK_PTR(user, NULL);
    if (enter(CALL_PEM_read_bio_X509))
    {
        return no_certificate(ERR_R_MALLOC_FAILURE);
    }
    if (tail == NULL)
    {
        bio->next = bio->text + bio->size;
        return no_certificate(PEM_R_NO_START_LINE);
    }
    body += sizeof(begin) - 1;
    bio->next = tail + sizeof(end) - 1;
    if (memmem(body, (size_t)(tail - body), "broken", 6) != NULL)
    {
        return no_certificate(PEM_R_BAD_BASE64_DECODE);
    }
    x509 = new_object(sizeof(*x509));
    x509->owners = 1;
    snprintf(x509->body, sizeof(x509->body), "%.*s", (int)(tail - body), body);
    journal(IN_SSL, "PEM_read_bio_X509 %s", x509->body);
    return x509;
}

int X509_STORE_add_cert(X509_STORE* store, X509* x509)
{
    CHECK(x509->owners > 0);
    if (enter(CALL_X509_STORE_add_cert))
    {
        journal(IN_SSL, "X509_STORE_add_cert %s fails", x509->body);
        ssl_push_error(ERR_PACK(ERR_LIB_X509, 0, ERR_R_MALLOC_FAILURE));
        return 0;
    }
    CHECK(store->count < STORE_CAPACITY);
    store->certificates[store->count++] = x509;
    x509->owners++;
    journal(IN_SSL, "X509_STORE_add_cert %s", x509->body);
    return 1;
}

void X509_free(X509* x509)
{
    enter(CALL_X509_free);
    CHECK(x509->owners > 0);
    journal(IN_SSL, "X509_free %s", x509->body);
    if (--x509->owners == 0)
    {
        free_object(x509);
    }
}

/* Verification ------------------------------------------------------------- */

static struct x509_store_ctx_st verification;
static int verify_result = 1;
static unsigned verify_results; /* that are another, first */
static int next_verify_result;
static int next_verify_error;
static SSL handshake;

SSL* ssl_of_handshake(void)
{
    return &handshake;
}

void ssl_tell_progress(const SSL_CTX* ssl, int place, int result, unsigned long error)
{
    CHECK(ssl_ctx_is_alive(ssl));
    CHECK(ssl->info != NULL);
    if (error != 0)
    {
        ssl_push_error(error);
    }
    handshake.context = ssl;
    ssl->info(&handshake, place, result);
    ERR_clear_error();
}

static struct bio_st socket_bio;

void ssl_start_handshake(const SSL_CTX* ssl, int socket)
{
    handshake.rbio = handshake.wbio = &socket_bio; /* as lws does */
    handshake.socket = socket;
    ssl_tell_progress(ssl, SSL_CB_HANDSHAKE_START, 1, 0);
}

const char* ssl_name_asked_for(const SSL_CTX* ssl, const char* name)
{
    handshake.name = name;
    ssl_start_handshake(ssl, -1);
    ssl_end_handshake();
    return handshake.name;
}

const char* SSL_get_servername(const SSL* ssl, const int type)
{
    CHECK_INT(type, TLSEXT_NAMETYPE_host_name);
    return ssl->name;
}

long SSL_ctrl(SSL* ssl, int command, long type, void* name)
{
    CHECK_INT(command, SSL_CTRL_SET_TLSEXT_HOSTNAME);
    CHECK_INT(type, TLSEXT_NAMETYPE_host_name);
    ssl->name = name;
    return 1;
}

int ssl_write(const char* bytes, int size)
{
    BIO* bio = handshake.wbio;
    CHECK(bio != NULL && bio != &socket_bio && bio->is_ready);
    CHECK_INT(bio->method->control(bio, BIO_CTRL_FLUSH, 0, NULL), 1);
    return bio->method->write(bio, bytes, size);
}

bool ssl_writes(void)
{
    return handshake.wbio != NULL;
}

bool ssl_should_retry_write(void)
{
    int flags = handshake.wbio->flags & (BIO_FLAGS_RWS | BIO_FLAGS_SHOULD_RETRY);
    CHECK(flags == 0 || flags == (BIO_FLAGS_WRITE | BIO_FLAGS_SHOULD_RETRY));
    return flags != 0;
}

void ssl_end_handshake(void)
{
    SSL_set0_wbio(&handshake, NULL);
    handshake.rbio = NULL;
}

SSL_CTX* SSL_get_SSL_CTX(const SSL* ssl)
{
    return (SSL_CTX*)(size_t)ssl->context;
}

BIO* SSL_get_rbio(const SSL* ssl)
{
    return ssl->rbio;
}

/* What is written is not the handshake's. */
int SSL_in_init(const SSL* ssl)
{
    (void)ssl;
    return 0;
}

/* lws reads, not wsio: nothing comes that way. */
uint64_t BIO_number_read(BIO* bio)
{
    (void)bio;
    return 0;
}

BIO* SSL_get_wbio(const SSL* ssl)
{
    return ssl->wbio;
}

int SSL_get_rfd(const SSL* ssl)
{
    return ssl->socket;
}

void SSL_set0_wbio(SSL* ssl, BIO* bio)
{
    if (ssl->wbio != NULL && ssl->wbio != &socket_bio)
    {
        CHECK_INT(ssl->wbio->method->destroy(ssl->wbio), 1);
        free_object(ssl->wbio);
    }
    ssl->wbio = bio;
}

int SSL_set_ex_data(SSL* ssl, int index, void* data)
{
    CHECK_PTR(ssl, &handshake);
    CHECK(index >= FIRST_INDEX && index < next_index);
    if (enter(CALL_SSL_set_ex_data))
    {
        return 0;
    }
    ssl->data[index] = data;
    return 1;
}

void* SSL_get_ex_data(const SSL* ssl, int index)
{
    CHECK_PTR(ssl, &handshake);
    CHECK(index >= FIRST_INDEX && index < next_index);
    return ssl->data[index];
}

X509_STORE_CTX* ssl_verification(int error)
{
    memset(&verification, 0, sizeof(verification));
    verification.error = error;
    /* As lws sets it, from the host name. */
    verification.parameters.has_host = true;
    return &verification;
}

bool ssl_verification_has_host(void)
{
    return verification.parameters.has_host;
}

const unsigned char* ssl_verification_ip(size_t* size)
{
    *size = verification.parameters.ip_size;
    return verification.parameters.ip;
}

void ssl_verification_will_return(int result)
{
    verify_result = result;
}

void ssl_verification_will_first_return(int result, int error)
{
    verify_results = 1;
    next_verify_result = result;
    next_verify_error = error;
}

void X509_STORE_CTX_set_error(X509_STORE_CTX* store, int error)
{
    CHECK_PTR(store, &verification);
    store->error = error;
}

void X509_STORE_CTX_set0_verified_chain(X509_STORE_CTX* store, STACK_OF(X509)* chain)
{
    CHECK_PTR(store, &verification);
    CHECK_PTR(chain, NULL);
    store->has_chain = false;
}

X509_STORE_CTX* ssl_verification_of_address(void)
{
    X509_STORE_CTX* store = ssl_verification_of_nothing();
    store->parameters.ip_size = 4;
    return store;
}

X509_STORE_CTX* ssl_verification_of_nothing(void)
{
    X509_STORE_CTX* store = ssl_verification(0);
    store->parameters.has_host = false;
    return store;
}

X509_VERIFY_PARAM* X509_STORE_CTX_get0_param(const X509_STORE_CTX* store)
{
    CHECK_PTR(store, &verification);
    return &verification.parameters;
}

int X509_STORE_CTX_get_error(const X509_STORE_CTX* store)
{
    CHECK_PTR(store, &verification);
    return verification.error;
}

const char* X509_verify_cert_error_string(long code)
{
    static char text[64];
    snprintf(text, sizeof(text), "verify error %ld", code);
    return text;
}

int X509_VERIFY_PARAM_set1_host(X509_VERIFY_PARAM* parameters, const char* name, size_t size)
{
    (void)size;
    if (enter(CALL_X509_VERIFY_PARAM_set1_host))
    {
        journal(IN_SSL, "X509_VERIFY_PARAM_set1_host fails");
        return 0;
    }
    parameters->has_host = name != NULL;
    journal(IN_SSL, "X509_VERIFY_PARAM_set1_host %s", name != NULL ? name : "NULL");
    return 1;
}

char* X509_VERIFY_PARAM_get0_host(X509_VERIFY_PARAM* parameters, int n)
{
    static char name[] = "a name";
    CHECK_INT(n, 0);
    return parameters->has_host ? name : NULL;
}

char* X509_VERIFY_PARAM_get1_ip_asc(X509_VERIFY_PARAM* parameters)
{
    static char address[] = "an address";
    return parameters->ip_size > 0 ? address : NULL;
}

void CRYPTO_free(void* memory, const char* file, int line)
{
    (void)memory; /* the address above, or NULL */
    CHECK(file != NULL);
    CHECK_INT(line, 0);
}

int X509_VERIFY_PARAM_set1_ip(X509_VERIFY_PARAM* parameters, const unsigned char* ip, size_t size)
{
    CHECK(size <= sizeof(parameters->ip));
    if (enter(CALL_X509_VERIFY_PARAM_set1_ip))
    {
        journal(IN_SSL, "X509_VERIFY_PARAM_set1_ip fails");
        return 0;
    }
    memcpy(parameters->ip, ip, size);
    parameters->ip_size = size;
    journal(IN_SSL, "X509_VERIFY_PARAM_set1_ip");
    return 1;
}

int X509_verify_cert(X509_STORE_CTX* store)
{
    enter(CALL_X509_verify_cert);
    CHECK_PTR(store, &verification);
    CHECK(!store->has_chain); /* the real one refuses */
    store->has_chain = true;
    journal(IN_SSL, "X509_verify_cert");
    if (verify_results > 0)
    {
        verify_results--;
        store->error = next_verify_error;
        return next_verify_result;
    }
    return verify_result;
}
