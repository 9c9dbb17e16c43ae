/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "frames.h"

#include <string.h>

static unsigned length_bytes(const unsigned char* header)
{
    unsigned length = header[1] & 0x7F;
    return length == 127 ? 8 : length == 126 ? 2 : 0;
}

static unsigned header_size(const struct frame_parser* parser)
{
    if (parser->have < 2) {
        return 2;
    }
    return 2 + length_bytes(parser->header) + ((parser->header[1] & 0x80) != 0 ? 4 : 0);
}

static uint64_t payload_size(const unsigned char* header)
{
    unsigned bytes = length_bytes(header);
    uint64_t size = 0;
    if (bytes == 0) {
        return header[1] & 0x7F;
    }
    for (unsigned i = 0; i < bytes; i++) {
        size = size << 8 | header[2 + i];
    }
    return size;
}

size_t frame_next(struct frame_parser* parser, unsigned char* bytes, size_t size, struct frame_piece* piece)
{
    size_t used = 0;
    if (!parser->in_payload) {
        while (used < size && parser->have < header_size(parser)) {
            parser->header[parser->have++] = bytes[used++];
        }
        if (parser->have < 2 || parser->have < header_size(parser)) {
            *piece = (struct frame_piece){ NULL, 0, false };
            return used;
        }
        parser->in_payload = true;
        parser->left = payload_size(parser->header);
    }
    piece->payload = bytes + used;
    piece->size = parser->left < size - used ? (size_t)parser->left : size - used;
    parser->left -= piece->size;
    piece->frame_ends = parser->left == 0;
    if (piece->frame_ends) {
        parser->in_payload = false;
        parser->have = 0;
    }
    return used + piece->size;
}

const unsigned char* frame_mask(const struct frame_parser* parser)
{
    bool masked = (parser->header[1] & 0x80) != 0;
    return masked ? parser->header + 2 + length_bytes(parser->header) : NULL;
}

void frame_unmask(unsigned char* bytes, size_t size, const unsigned char mask[4])
{
    uint64_t wide;
    memcpy(&wide, mask, 4);
    memcpy((unsigned char*)&wide + 4, mask, 4);
    size_t i = 0;
    for (; i + 8 <= size; i += 8) {
        uint64_t word;
        memcpy(&word, bytes + i, 8);
        word ^= wide;
        memcpy(bytes + i, &word, 8);
    }
    for (; i < size; i++) {
        bytes[i] ^= mask[i % 4];
    }
}

size_t frame_header(unsigned char* header, unsigned opcode, uint64_t size, const unsigned char* mask)
{
    unsigned length = size < 126 ? (unsigned)size : size <= UINT16_MAX ? 126 : 127;
    header[0] = (unsigned char)(0x80 | opcode);
    header[1] = (unsigned char)(length | (mask != NULL ? 0x80 : 0));
    unsigned bytes = length_bytes(header);
    for (unsigned i = 0; i < bytes; i++) {
        header[2 + i] = (unsigned char)(size >> 8 * (bytes - 1 - i));
    }
    if (mask != NULL) {
        memcpy(header + 2 + bytes, mask, 4);
        return 2 + bytes + 4;
    }
    return 2 + bytes;
}
