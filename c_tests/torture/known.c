/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "known.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

const char* lws_get_library_version(void);

typedef struct KNOWN_TAG {
    const char* version;  /* of lws; NULL: all */
    ENDING ending;
    const char* purpose;  /* of the failed allocation, in lws's words; or NULL and */
    const char* function; /* an exported function that it was made in */
    const char* evidence; /* the library, or an exported function, that it was in;
                             or part of what was said */
} KNOWN;

/* Where in lws 4.1.6, and 4.3.5, and why. */
static const KNOWN table[] = {
    /* core-net/vhost.c:711 (4.3: 871): the result of lws_zalloc is not looked at.
     * core-net/pollfd.c:572 (4.3: 569) adds the connection to the list at NULL. */
    { NULL, CRASHES, "same vh list", NULL, "libwebsockets" },

    /* roles/ws/client-ws.c:653 (4.3: 642): the handshake fails, but the connection is
     * a WebSocket already. If the server's first frame came together with its answer,
     * it is parsed: client-parser-ws.c:338 (4.3: 337) asserts that rx_ubuf is there. */
    { NULL, CRASHES, "client frame buffer", NULL, "libwebsockets" },

    /* core/context.c:1416 (4.3): lws_create_context fails, and the eventfd that it has
     * made is forgotten: core-net/close.c:918. */
    { "4.3", FAILS, "lws_create_vhost", NULL, "open_fds()" },
    { "4.3", FAILS, "vh plugin table", NULL, "open_fds()" },

    /* tls/openssl/openssl-client.c:270 (4.3: 374): the result of BIO_new_socket is not
     * looked at. openssl-ssl.c:465 (4.3: 469) closes the descriptor that the SSL names,
     * which is none then: the socket stays open. */
    { NULL, FAILS, NULL, "BIO_new_socket", "open_fds()" },

    /* glibc 2.36, nss/nss_database.c and resolv/resolv_conf.c, when the process looks a
     * name up for the first time: a NULL that is used, an assertion, a lock that stays
     * locked, and a configuration that stays broken. */
    { NULL, CRASHES, NULL, "getaddrinfo", "getaddrinfo" },
    { NULL, HANGS, NULL, "getaddrinfo", "getaddrinfo" },
    { NULL, FAILS, NULL, "getaddrinfo", "session_open(session)" },
    { NULL, FAILS, NULL, "getaddrinfo", "websock_open(config)" },
};

const char* ending_name(ENDING ending)
{
    static const char* const names[] = { "as promised", "crashes", "hangs", "fails" };
    return names[ending];
}

const char* lws_version(void)
{
    return lws_get_library_version();
}

const char* function_at(const void* address)
{
    Dl_info info;
    return dladdr(address, &info) != 0 && info.dli_sname != NULL ? info.dli_sname : "";
}

static bool has_function(const TRACE* trace, const char* name)
{
    for (int i = 0; i < trace->size; i++)
    {
        if (strcmp(function_at(trace->addresses[i]), name) == 0)
        {
            return true;
        }
    }
    return false;
}

static bool is_cause(const KNOWN* known, const FAILURE* failure)
{
    if (known->purpose != NULL)
    {
        return strcmp(failure->purpose, known->purpose) == 0;
    }
    return has_function(&failure->trace, known->function);
}

static bool is_evidence(const char* evidence, const REPORT* report, const char* library,
                        const char* said)
{
    bool there = strstr(report->crashed_at.size > 0 ? library : said, evidence) != NULL;
    return there || has_function(&report->crashed_at, evidence);
}

bool is_known(ENDING ending, const REPORT* report, const char* library, const char* said)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
    {
        const KNOWN* known = &table[i];
        if (known->ending != ending
            || !is_evidence(known->evidence, report, library, said)
            || (known->version != NULL
                && strncmp(lws_version(), known->version, strlen(known->version)) != 0))
        {
            continue;
        }
        for (unsigned long n = 0; n < failures_kept(report); n++)
        {
            if (is_cause(known, &report->failed[n]))
            {
                return true;
            }
        }
    }
    return false;
}
