/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * GD5446: how the CPU sees video memory. Plain stores to the linear frame buffer go to RAM
 * directly; while they mean something else (colour expansion, data for the blitter, registers at
 * the end) they come here.
 */
#include "base/bits.h"
#include "hw/display/cirrus.h"

#define REGISTERS 0x100                 /* at the end of the linear frame buffer */
#define NOWHERE UINT32_MAX

static bool extended(const struct cirrus *c)
{
    return c->s.sr[SR_MODE] & MODE_EXTENDED;
}

/* --- colour expansion by stores -------------------------------------------------------------- */

/* Write modes 4 and 5: a bit makes a pixel of the foreground colour, or of the background too. */
static unsigned expanding_mode(const struct cirrus *c)
{
    unsigned mode = c->s.gr[GR_MODE] & 7;

    return c->s.gr[GR_EXTENSIONS] & EXT_WRITE_MODES && (mode == 4 || mode == 5) ? mode : 0;
}

static bool is_16_bit(const struct cirrus *c)
{
    return (c->s.gr[GR_EXTENSIONS] & (EXT_16_BIT | EXT_WRITE_MODES)) ==
        (EXT_16_BIT | EXT_WRITE_MODES);
}

static void expand(struct cirrus *c, uint32_t at, uint8_t bits)
{
    const uint8_t *gr = c->s.gr;
    unsigned bytes = is_16_bit(c) ? 2 : 1, mode = expanding_mode(c);

    at &= c->vga.size - 1;
    for (unsigned i = 0; i < 8 && at + bytes <= c->vga.size; i++, at += bytes) {
        bool front = bits >> (7 - i) & 1;

        if (front || mode == 5) {
            c->vga.memory[at] = gr[front ? GR_FRONT : GR_BACK];
            if (bytes == 2) {
                c->vga.memory[at + 1] = gr[front ? 0x11 : 0x10];
            }
            memory_note_store(memory_region_ram_addr(&c->vga.vram) + at, bytes);
        }
    }
}

/* --- bytes of the frame buffer --------------------------------------------------------------- */

/* Addresses may stand for 8 pixels each. */
static uint32_t scale(const struct cirrus *c, uint32_t at)
{
    if (is_16_bit(c)) {
        at <<= 4;
    } else if (c->s.gr[GR_EXTENSIONS] & EXT_BY_8) {
        at <<= 3;
    }
    return at & (c->vga.size - 1);
}

static void write_byte(struct cirrus *c, uint32_t at, uint8_t value)
{
    at = scale(c, at);
    if (expanding_mode(c)) {
        expand(c, at, value);
    } else {
        c->vga.memory[at] = value;
        memory_note_store(memory_region_ram_addr(&c->vga.vram) + at, 1);
    }
}

static bool has_registers(const struct cirrus *c, uint64_t offset)
{
    return (c->s.sr[SR_CONFIG] & (CONFIG_MMIO | CONFIG_MMIO_LINEAR)) ==
        (CONFIG_MMIO | CONFIG_MMIO_LINEAR) && offset >= c->vga.size - REGISTERS;
}

static uint64_t linear_read(void *opaque, uint64_t offset, unsigned size)
{
    struct cirrus *c = opaque;

    offset &= c->vga.size - 1;
    return has_registers(c, offset) ? cirrus_mmio_read(c, offset & (REGISTERS - 1))
                                    : c->vga.memory[scale(c, (uint32_t)offset)];
}

static void linear_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct cirrus *c = opaque;

    offset &= c->vga.size - 1;
    if (has_registers(c, offset)) {
        cirrus_mmio_write(c, offset & (REGISTERS - 1), (uint8_t)value);
    } else if (cirrus_blt_waits(c)) {
        cirrus_blt_feed(c, (uint8_t)value);
    } else {
        write_byte(c, (uint32_t)offset, (uint8_t)value);
    }
}

static void feed_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    if (cirrus_blt_waits(opaque)) {
        cirrus_blt_feed(opaque, (uint8_t)value);
    }
}

static uint64_t feed_read(void *opaque, uint64_t offset, unsigned size)
{
    return 0xff;
}

const struct mmio_ops cirrus_linear_ops = { linear_read, linear_write, .min = 1, .max = 1 };
const struct mmio_ops cirrus_feed_ops = { feed_read, feed_write, .min = 1, .max = 1 };

void cirrus_update_memory(struct cirrus *c)
{
    bool slow = cirrus_blt_waits(c) || expanding_mode(c) || is_16_bit(c) ||
        c->s.gr[GR_EXTENSIONS] & EXT_BY_8 || has_registers(c, c->vga.size - 1);

    if (slow != c->is_slow) {
        c->is_slow = slow;
        memory_region_enable(&c->slow, slow);
    }
}

/* --- the window at 0xa0000 ------------------------------------------------------------------- */

/* Two banks of 32 KiB, each with an offset, or both with the first one. */
static uint32_t bank_address(const struct cirrus *c, uint32_t offset)
{
    const uint8_t *gr = c->s.gr;
    unsigned bank = gr[GR_EXTENSIONS] & EXT_TWO_BANKS ? offset >> 15 & 1 : 0;
    uint32_t base = (uint32_t)gr[GR_OFFSET0 + bank] <<
        (gr[GR_EXTENSIONS] & EXT_16K_STEPS ? 14 : 12);
    uint32_t at = base + (gr[GR_EXTENSIONS] & EXT_TWO_BANKS ? offset & 0x7fff : offset);

    return offset < 0x10000 && at < c->vga.size ? at : NOWHERE;
}

static bool window_registers(const struct cirrus *c, uint64_t offset)
{
    return (c->s.sr[SR_CONFIG] & (CONFIG_MMIO | CONFIG_MMIO_LINEAR)) == CONFIG_MMIO &&
        offset >= 0x18000 && offset < 0x18000 + REGISTERS;
}

static uint64_t window_read(void *opaque, uint64_t offset, unsigned size)
{
    struct cirrus *c = cirrus_of(opaque);
    uint64_t value = 0;

    if (!extended(c)) {
        return vga_window_ops.read(opaque, offset, size);
    }
    for (unsigned i = 0; i < size; i++) {
        uint32_t at = bank_address(c, (uint32_t)offset + i);
        uint8_t byte = window_registers(c, offset + i)
            ? cirrus_mmio_read(c, (unsigned)(offset + i) & (REGISTERS - 1))
            : at == NOWHERE ? 0xff : c->vga.memory[scale(c, at)];

        value |= (uint64_t)byte << 8 * i;
    }
    return value;
}

static void window_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct cirrus *c = cirrus_of(opaque);

    if (!extended(c)) {
        vga_window_ops.write(opaque, offset, value, size);
        return;
    }
    for (unsigned i = 0; i < size; i++) {
        uint32_t at = bank_address(c, (uint32_t)offset + i);
        uint8_t byte = (uint8_t)(value >> 8 * i);

        if (window_registers(c, offset + i)) {
            cirrus_mmio_write(c, (unsigned)(offset + i) & (REGISTERS - 1), byte);
        } else if (offset + i < 0x10000 && cirrus_blt_waits(c)) {
            cirrus_blt_feed(c, byte);
        } else if (at != NOWHERE) {
            write_byte(c, at, byte);
        }
    }
}

const struct mmio_ops cirrus_window_ops = {
    window_read, window_write, .min = 1, .max = 8, .unaligned = true
};
