/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* WebSocket frames (RFC 6455 section 5.2): headers, and where payload is. */
#ifndef BENCH_FRAMES_H
#define BENCH_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FRAME_HEADER_MAX = 14 };
enum { OPCODE_BINARY = 2, OPCODE_CLOSE = 8, OPCODE_PING = 9, OPCODE_PONG = 10 };

/* Zeroes: before the first frame. */
struct frame_parser {
    unsigned char header[FRAME_HEADER_MAX];
    unsigned have;        /* bytes of the header */
    uint64_t left;        /* payload still to come */
    bool in_payload;
};

/* What came next: some payload, or nothing but (part of) a header. */
struct frame_piece {
    unsigned char* payload;
    size_t size;
    bool frame_ends;
};

/* Takes the next piece off the bytes; returns how many that were. */
size_t frame_next(struct frame_parser* parser, unsigned char* bytes, size_t size, struct frame_piece* piece);

/* Of the frame whose header was read last. */
static inline unsigned frame_opcode(const struct frame_parser* parser)
{
    return parser->header[0] & 0x0F;
}
static inline bool frame_is_final(const struct frame_parser* parser)
{
    return (parser->header[0] & 0x80) != 0;
}

/* The mask of the frame, or NULL. */
const unsigned char* frame_mask(const struct frame_parser* parser);

/* XORs the payload of a whole message with the mask. */
void frame_unmask(unsigned char* bytes, size_t size, const unsigned char mask[4]);

/* Writes a header of a final frame; returns its size. mask: four bytes or NULL. */
size_t frame_header(unsigned char* header, unsigned opcode, uint64_t size, const unsigned char* mask);

#endif
