/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* wsio with a server that is not libwebsockets: Python's `websockets`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "servers.h"

enum { SKIPPED = 77 };

/* Starts the server; the configuration for it. */
static WSIO_CONFIG start(CHILD* server, bool tls, const char* path)
{
    const char* python = getenv("WSIO_TEST_PYTHON");
    if (python == NULL || python[0] == '\0') {
        puts("skipped: WSIO_TEST_PYTHON names no Python with `websockets` (scripts/python-env)");
        exit(SKIPPED);
    }
    const char* const argv[] = { python, WSIO_WEBSOCKETS_SERVER,
                                 tls ? certificate_file("server.pem") : NULL,
                                 certificate_file("server.key"), NULL };
    child_start(server, argv);
    WSIO_CONFIG config = config_for("127.0.0.1", child_read_port(server), path,
                                    tls ? test_ca() : NULL);
    config.protocol_name = "echo";
    return config;
}

#ifdef WSIO_PERMESSAGE_DEFLATE
/* lws sends what it compresses in fragments of 1 KiB, of which newer versions of
 * `websockets` take so many a message. */
#define LARGEST 100000
#else
#define LARGEST (4 * 1024 * 1024)
#endif

TEST_WS_AND_WSS(python_echoes_every_frame_size)
{
    static const size_t sizes[] = { 1, 125, 126, 65535, 65536, LARGEST };
    CHILD server;
    SESSION session;
    char line[64];
    WSIO_CONFIG config = start(&server, tls, "/echo");
    session_start(&session, &config);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        unsigned char* bytes = payload(sizes[i], (unsigned)i);
        session_forget_received(&session);
        CHECK_INT(session_send(&session, bytes, sizes[i]), 0);
        DRIVE_UNTIL_IN(&session, session.received_size >= sizes[i], 40);
        CHECK_INT(session.received_size, sizes[i]);
        CHECK_MEM(session.received, bytes, sizes[i]);
        free(bytes);
    }
    CHECK_INT(session_close(&session), 0);
    CHECK(child_read_line(&server, line, sizeof line));
    CHECK_STR(line, "closed 1000");
    session_destroy(&session);
    session_check_balance(&session);
    CHECK_INT(session.errors, 0);
}

TEST_WS_AND_WSS(python_echoes_many_messages_in_order)
{
    enum { COUNT = 2000 };
    static unsigned numbers[COUNT];
    CHILD server;
    SESSION session;
    WSIO_CONFIG config = start(&server, tls, "/echo");
    session_start(&session, &config);
    for (unsigned i = 0; i < COUNT; i++) {
        numbers[i] = i;
        CHECK_INT(session_send(&session, &numbers[i], sizeof numbers[i]), 0);
    }
    DRIVE_UNTIL_IN(&session, session.received_size >= sizeof numbers, 40);
    CHECK_INT(session.received_size, sizeof numbers);
    CHECK_MEM(session.received, numbers, sizeof numbers);
    session_destroy(&session);
}

TEST_WS_AND_WSS(python_closes_with_a_code)
{
    CHILD server;
    SESSION session;
    WSIO_CONFIG config = start(&server, tls, "/close");
    session_create(&session, &config);
    for (unsigned i = 1; i <= 2; i++) {
        session_connect(&session);
        log_forget();
        CHECK_INT(session_send(&session, "go", 2), 0);
        DRIVE_UNTIL(&session, session.errors >= i);
        session_settle(&session);
        CHECK_INT(session.errors, i);
        CHECK(log_has("4321"));
        CHECK_INT(session_close(&session), 0);
    }
    session_destroy(&session);
    session_check_balance(&session);
}
