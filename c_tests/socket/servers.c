/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "servers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Certificates. -------------------------------------------------------------- */

const char* certificate_file(const char* name)
{
    enum { NAMES = 8, SIZE = 512 };
    static char paths[NAMES][SIZE];
    static unsigned next;
    const char* where = getenv("WSIO_TEST_CERTS");
    char* path = paths[next++ % NAMES];
    snprintf(path, SIZE, "%s/%s", where != NULL ? where : WSIO_TEST_CERTS, name);
    return path;
}

const char* test_ca(void)
{
    static char* pem;
    if (pem == NULL) {
        pem = read_text(certificate_file("ca.pem"));
    }
    return pem;
}

/* The echo server. ----------------------------------------------------------- */

void echo_start(ECHO* echo, bool tls)
{
    echo_start_at(echo, "127.0.0.1", tls ? "server" : NULL);
}

void echo_start_at(ECHO* echo, const char* address, const char* certificate)
{
    char pem[64] = "";
    char key[64] = "";
    if (certificate != NULL) {
        snprintf(pem, sizeof pem, "%s.pem", certificate);
        snprintf(key, sizeof key, "%s.key", certificate);
    }
    echo_start_with(echo, address, certificate != NULL ? certificate_file(pem) : NULL,
                    certificate != NULL ? certificate_file(key) : NULL);
}

void echo_start_with(ECHO* echo, const char* address, const char* pem, const char* key)
{
    static unsigned count;
    char name[32];
    snprintf(name, sizeof name, "report-%u", count++);
    echo->tls = pem != NULL;
    echo->report = temporary_file(name);
    const char* const argv[] = { WSIO_ECHO_SERVER, "--bind", address, "--report", echo->report,
                                 pem != NULL ? "--cert" : NULL, pem, "--key", key, NULL };
    child_start(&echo->child, argv);
    echo->port = child_read_port(&echo->child);
}

WSIO_CONFIG echo_config(const ECHO* echo, const char* path)
{
    return config_for("127.0.0.1", echo->port, path, echo->tls ? test_ca() : NULL);
}

/* How many lines of the report are `text`. */
static unsigned reported(const ECHO* echo, const char* text)
{
    char* report = read_text(echo->report);
    unsigned count = 0;
    for (char* line = strtok(report, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        count += strcmp(line, text) == 0;
    }
    return count;
}

void echo_expect_report(const ECHO* echo, SESSION* session, const char* text, unsigned times)
{
    DEADLINE deadline = deadline_after(20);
    unsigned count = 0;
    while ((count = reported(echo, text)) < times && !deadline_passed(deadline)) {
        session_step(session);
    }
    if (count != times) {
        fprintf(stderr, "the server reported: %s", read_text(echo->report));
    }
    CHECK_INT(count, times);
}

/* Payloads. ------------------------------------------------------------------ */

unsigned char* payload(size_t size, unsigned seed)
{
    unsigned long long state = 0x9E3779B97F4A7C15ull * (seed + 1);
    unsigned char* bytes = malloc(size);
    CHECK(bytes != NULL);
    for (size_t i = 0; i < size; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes[i] = (unsigned char)(state >> 32);
    }
    return bytes;
}
