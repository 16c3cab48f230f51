/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory of the guest, as gdb reads and writes it. */
#include "gdbstub/stub.h"

#include <string.h>
#include "base/bits.h"

enum { PIECE = 4096, FAULT = 14 };

static bool access(struct gdb *g, uint64_t addr, void *data, size_t size, bool write)
{
    struct cpu *cpu = thread_general(g);

    return cpu && g->ops->access(g, cpu, addr, data, size, write);
}

static bool take_range(struct cursor *c, uint64_t *addr, uint64_t *size)
{
    return take_hex(c, addr) && take_char(c, ',') && take_hex(c, size);
}

/* As much as there is from the address on, page by page. */
enum answer read_memory(struct gdb *g, struct cursor *c)
{
    uint64_t addr, size, done = 0;
    uint8_t data[PIECE];

    if (!take_range(c, &addr, &size) || !at_end(c)) {
        reply_error(g, 22);
        return ANSWER_REPLY;
    }
    size = MIN_OF(size, PACKET_MAX / 2 - 16);
    while (done < size) {
        uint64_t part = MIN_OF(size - done, PIECE - ((addr + done) & (PIECE - 1)));

        if (!access(g, addr + done, data, part, false)) {
            break;
        }
        reply_hex(g, data, part);
        done += part;
    }
    if (size && !done) {
        reply_error(g, FAULT);
    }
    return ANSWER_REPLY;
}

static enum answer written(struct gdb *g, bool good)
{
    if (good) {
        reply_text(g, "OK");
    } else {
        reply_error(g, FAULT);
    }
    return ANSWER_REPLY;
}

enum answer write_memory(struct gdb *g, struct cursor *c)
{
    uint8_t data[PACKET_MAX / 2];
    uint64_t addr, size;

    if (!take_range(c, &addr, &size) || !take_char(c, ':') || size > sizeof(data) ||
        !take_bytes(c, data, size) || !at_end(c)) {
        reply_error(g, 22);
        return ANSWER_REPLY;
    }
    return written(g, size == 0 || access(g, addr, data, size, true));
}

enum answer write_binary(struct gdb *g, struct cursor *c)
{
    uint64_t addr, size;
    char data[PACKET_MAX];

    if (!take_range(c, &addr, &size) || !take_char(c, ':') || size != (uint64_t)(c->end - c->at)) {
        reply_error(g, 22);
        return ANSWER_REPLY;
    }
    memcpy(data, c->at, size);
    return written(g, size == 0 || access(g, addr, data, size, true));
}

/* `compare-sections': CRC-32 from the highest bit on, begun with all ones, not inverted. */
enum answer query_crc(struct gdb *g, struct cursor *c)
{
    uint32_t crc = 0xffffffff;
    uint64_t addr, size;
    uint8_t data[PIECE];

    if (!take_range(c, &addr, &size) || !at_end(c) || size > 1 << 30) {
        reply_error(g, 22);
        return ANSWER_REPLY;
    }
    while (size) {
        uint64_t part = MIN_OF(size, PIECE - (addr & (PIECE - 1)));

        if (!access(g, addr, data, part, false)) {
            reply_error(g, FAULT);
            return ANSWER_REPLY;
        }
        for (unsigned i = 0; i < part; i++) {
            crc ^= (uint32_t)data[i] << 24;
            for (unsigned bit = 0; bit < 8; bit++) {
                crc = crc << 1 ^ (crc >> 31 ? 0x04c11db7 : 0);
            }
        }
        addr += part;
        size -= part;
    }
    reply_printf(g, "C%x", crc);
    return ANSWER_REPLY;
}
