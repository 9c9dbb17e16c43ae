/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The websock face as an agent, through websock.h alone: whole messages of either
 * type, put together from what websock_recv gives. */
#include "agent.h"
#include "websock.h"

#include <stdio.h>
#include <stdlib.h>

const char agent_name[] = "websock";

struct message {
    char* bytes;
    size_t size;
    size_t capacity;
    size_t frame;       /* bytes that came of the frame */
    int opcode;         /* of the message */
};

/* A buffer's worth of room at least. False when there is no memory. */
static bool make_room(struct message* message)
{
    enum { ROOM = 65536 };
    if (message->capacity - message->size >= ROOM) {
        return true;
    }
    size_t capacity = 2 * message->capacity + ROOM;
    char* bytes = realloc(message->bytes, capacity);
    if (bytes != NULL) {
        message->bytes = bytes;
        message->capacity = capacity;
    }
    return bytes != NULL;
}

/* Adds what has come; whether the message is whole. */
static bool add(struct message* message, const websock_msg_hdr_t* header, int size)
{
    if (header->opcode != 0) {
        message->opcode = header->opcode;
    }
    message->size += (size_t)size;
    message->frame += (size_t)size;
    if ((long long)message->frame < header->payload_len) {
        return false;
    }
    message->frame = 0;
    return header->fin != 0;
}

static bool send_back(websock_handle_t handle, const struct message* message)
{
    int size = (int)message->size;
    return message->opcode == 1 ? websock_send_text(handle, message->bytes, size) == 0
                                : websock_send_binary(handle, message->bytes, size) == 0;
}

bool run_session(struct session* session)
{
    struct message message = { 0 };
    websock_config_t config = {
        .hostname = (char*)"127.0.0.1",
        .port = session->port,
        .uri = (char*)(size_t)session->path,
    };
    websock_handle_t handle = websock_open(&config);
    bool over = false;
    while (handle != NULL && !over && make_room(&message) && !agent_overdue()) {
        websock_msg_hdr_t header;
        int room = (int)(message.capacity - message.size);
        int got = websock_recv(handle, &header, message.bytes + message.size, &room, 1000);
        over = got < 0;
        if (over || header.opcode < 0 || !add(&message, &header, got)) {
            continue;
        }
        if (!session->echo) {
            session_keep(session, message.bytes, message.size);
        } else {
            send_back(handle, &message); /* if it cannot, websock_recv says so */
        }
        message.size = 0;
    }
    websock_close(handle);
    free(message.bytes);
    return over;
}
