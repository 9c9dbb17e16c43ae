/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* wsio as an agent. It gets bytes and sends bytes: what comes in pieces goes
 * back in as many messages, and text goes back as binary. */
#include "agent.h"
#include "wsio.h"

#include <stdio.h>

const char agent_name[] = "wsio";

struct connection {
    struct session* session;
    CONCRETE_IO_HANDLE io;
    bool open;
    bool ended;
    bool busy;          /* something has happened in this turn */
};

static void on_open_complete(void* context, IO_OPEN_RESULT result)
{
    struct connection* connection = context;
    connection->busy = true;
    connection->open = result == IO_OPEN_OK;
    connection->ended = !connection->open;
}

static void on_send_complete(void* context, IO_SEND_RESULT result)
{
    struct connection* connection = context;
    (void)result; /* a lost connection is reported by on_io_error as well */
    connection->busy = true;
}

static void on_bytes_received(void* context, const unsigned char* bytes, size_t size)
{
    struct connection* connection = context;
    connection->busy = true;
    if (!connection->session->echo) {
        session_keep(connection->session, bytes, size);
    } else if (wsio_send(connection->io, bytes, size, on_send_complete, connection) != 0) {
        connection->ended = true;
    }
}

static void on_io_error(void* context)
{
    struct connection* connection = context;
    connection->ended = true;
}

bool run_session(struct session* session)
{
    struct connection connection = { .session = session };
    WSIO_CONFIG config = {
        .host = "127.0.0.1",
        .port = session->port,
        .protocol_name = "",
        .relative_path = session->path,
    };
    connection.io = wsio_create(&config, NULL);
    if (connection.io == NULL) {
        return false;
    }
    bool opening = wsio_open(connection.io, on_open_complete, on_bytes_received, on_io_error,
                             &connection) == 0;
    while (opening && !connection.ended && !agent_overdue()) {
        connection.busy = false;
        wsio_dowork(connection.io);
        if (!connection.busy) {
            agent_wait();
        }
    }
    wsio_destroy(connection.io);
    return connection.open && connection.ended;
}
