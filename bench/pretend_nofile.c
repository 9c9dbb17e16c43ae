/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* For LD_PRELOAD: sysconf(_SC_OPEN_MAX), by which lws makes its table, says
 * PRETEND_NOFILE. For machines on which RLIMIT_NOFILE cannot be raised that far. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

long sysconf(int name)
{
    static long (*real)(int);
    if (name == _SC_OPEN_MAX) {
        return atol(getenv("PRETEND_NOFILE"));
    }
    if (real == NULL) {
        *(void**)&real = dlsym(RTLD_NEXT, "sysconf");
    }
    return real(name);
}
