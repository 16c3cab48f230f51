/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GD5446: the extension registers at the VGA's ports, the hidden DAC register, the blitter's. */
#include <string.h>

#include "base/bits.h"
#include "hw/display/cirrus.h"

#define UNLOCKED 0x12
#define LOCKED 0x0f
#define CHIP_ID 0xb8
#define FIRST_CR 0x19

enum { CR_LATCH = 0x22, CR_TOGGLE = 0x24, CR_ATTRIBUTE = 0x26, CR_CHIP = 0x27 };
enum { STATUS_BUSY = 0x01, STATUS_START = 0x02, STATUS_RESET = 0x04, STATUS_AUTOSTART = 0x80 };

/* --- sequencer ------------------------------------------------------------------------------- */

static uint8_t read_seq(const struct cirrus *c)
{
    unsigned index = c->s.sr_index & 0x1f;

    if (index == SR_CURSOR_X || index == SR_CURSOR_Y) {
        return (uint8_t)((index == SR_CURSOR_X ? c->s.cursor_x : c->s.cursor_y) >> 3);
    }
    return c->s.sr[index];
}

static void write_seq(struct cirrus *c, uint8_t value)
{
    struct cirrus_state *s = &c->s;
    unsigned index = s->sr_index & 0x1f;

    switch (index) {
    case SR_UNLOCK: s->sr[index] = (value & 0x17) == UNLOCKED ? UNLOCKED : LOCKED; return;
    /* The low three bits of a position are those of the index. */
    case SR_CURSOR_X: s->cursor_x = (uint16_t)(value << 3 | s->sr_index >> 5); break;
    case SR_CURSOR_Y: s->cursor_y = (uint16_t)(value << 3 | s->sr_index >> 5); break;
    case SR_CONFIG: s->sr[index] = (uint8_t)bits_merge(s->sr[index], value, 0xc7); break;
    default: s->sr[index] = value; break;
    }
    c->cursor_changed |= index >= SR_CURSOR_X && index <= SR_PATTERN;
    if (index == SR_MODE || index == SR_CONFIG) {
        c->vga.redraw = true;
        cirrus_update_memory(c);
    }
}

/* --- graphics controller --------------------------------------------------------------------- */

uint8_t cirrus_gr_read(struct cirrus *c, unsigned index)
{
    return c->s.gr[index & (CIRRUS_GR_COUNT - 1)];
}

/* Bits that do not exist in the blitter's registers. */
static uint8_t gr_mask(unsigned index)
{
    switch (index) {
    case GR_BLT_WIDTH + 1: case GR_BLT_TO_PITCH + 1: case GR_BLT_FROM_PITCH + 1: return 0x1f;
    case GR_BLT_HEIGHT + 1: return 0x07;
    case GR_BLT_TO + 2: case GR_BLT_FROM + 2: return 0x3f;
    default: return 0xff;
    }
}

static void write_status(struct cirrus *c, uint8_t value)
{
    uint8_t before = c->s.gr[GR_BLT_STATUS];

    c->s.gr[GR_BLT_STATUS] = (uint8_t)bits_merge(value, before, STATUS_BUSY);
    if (before & ~value & STATUS_RESET) {
        cirrus_blt_cancel(c);
    } else if (value & ~before & STATUS_START) {
        cirrus_blt_start(c);
    }
}

void cirrus_gr_write(struct cirrus *c, unsigned index, uint8_t value)
{
    struct cirrus_state *s = &c->s;

    index &= CIRRUS_GR_COUNT - 1;
    if (index == GR_BLT_STATUS) {
        write_status(c, value);
        return;
    }
    s->gr[index] = value & gr_mask(index);
    if (index == GR_EXTENSIONS || index == GR_MODE) {
        cirrus_update_memory(c);
    }
    if (index == GR_BLT_TO + 2 && s->gr[GR_BLT_STATUS] & STATUS_AUTOSTART) {
        cirrus_blt_start(c);
    }
}

/* Which register is at an offset of the blitter's memory window; 0xff: none. */
static unsigned mmio_register(unsigned offset)
{
    static const uint8_t registers[0x24] = {
        0x00, 0x10, 0x12, 0x14, 0x01, 0x11, 0x13, 0x15, 0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26,
        0x27, 0x28, 0x29, 0x2a, 0xff, 0x2c, 0x2d, 0x2e, 0x2f, 0x30, 0xff, 0x32, 0x33, 0x34, 0x35,
        0xff, 0xff, 0x38, 0x39, 0xff, 0xff
    };

    return offset == 0x40 ? GR_BLT_STATUS
        : offset < sizeof(registers) ? registers[offset] : 0xff;
}

uint8_t cirrus_mmio_read(struct cirrus *c, unsigned offset)
{
    unsigned index = mmio_register(offset);

    return index == 0xff ? 0xff : cirrus_gr_read(c, index);
}

void cirrus_mmio_write(struct cirrus *c, unsigned offset, uint8_t value)
{
    unsigned index = mmio_register(offset);

    if (index != 0xff) {
        cirrus_gr_write(c, index, value);
    }
}

/* --- CRTC ------------------------------------------------------------------------------------ */

static uint8_t read_crtc(const struct cirrus *c, unsigned index)
{
    const struct vga_state *v = &c->s.vga;

    switch (index) {
    case CR_LATCH: return (uint8_t)(v->latch >> 8 * (v->gr[GR_READ_PLANE] & 3));
    case CR_TOGGLE: return v->ar_data_next ? 0x80 : 0;
    case CR_ATTRIBUTE: return v->ar_index & 0x3f;
    case CR_CHIP: return CHIP_ID;
    default: return c->s.cr[index & (CIRRUS_GR_COUNT - 1)];
    }
}

/* --- DAC ------------------------------------------------------------------------------------- */

/* The fifth access to the pixel mask in a row, after four reads, is to a register behind it. */
static bool read_hidden(struct cirrus *c, uint8_t *value)
{
    if (c->s.dac_reads < 4) {
        c->s.dac_reads++;
        return false;
    }
    c->s.dac_reads = 0;
    *value = c->s.dac_mode;
    return true;
}

static bool write_hidden(struct cirrus *c, uint8_t value)
{
    bool there = c->s.dac_reads == 4;

    c->s.dac_reads = 0;
    if (there) {
        c->s.dac_mode = value;
        c->vga.redraw = true;
    }
    return there;
}

/* While the cursor's colours are shown, they are in place of the palette. */
static bool read_cursor_color(struct cirrus *c, uint8_t *value)
{
    struct vga_state *v = &c->s.vga;

    if (!(c->s.sr[SR_CURSOR] & CURSOR_COLORS)) {
        return false;
    }
    *value = c->s.cursor_colors[3 * (v->dac_read_index & 15) + v->dac_part % 3];
    if (++v->dac_part >= 3) {
        v->dac_part = 0;
        v->dac_read_index++;
    }
    return true;
}

static bool write_cursor_color(struct cirrus *c, uint8_t value)
{
    struct vga_state *v = &c->s.vga;

    if (!(c->s.sr[SR_CURSOR] & CURSOR_COLORS)) {
        return false;
    }
    v->dac_latch[v->dac_part % 3] = value;
    if (++v->dac_part >= 3) {
        memcpy(c->s.cursor_colors + 3 * (v->dac_write_index & 15), v->dac_latch, 3);
        v->dac_part = 0;
        v->dac_write_index++;
        c->cursor_changed = true;
    }
    return true;
}

/* --- ports ----------------------------------------------------------------------------------- */

bool cirrus_port_read(struct vga *vga, unsigned port, uint8_t *value)
{
    struct cirrus *c = cirrus_of(vga);
    struct cirrus_state *s = &c->s;

    if (port == 0x3c6) {
        return read_hidden(c, value);
    }
    s->dac_reads = 0;
    switch (port) {
    case 0x3c4:
        *value = s->sr_index;
        return true;
    case 0x3c5:
        *value = read_seq(c);
        return (s->sr_index & 0x1f) > SEQ_MEMORY_MODE;
    case 0x3c9: return read_cursor_color(c, value);
    case 0x3ce:
        *value = s->gr_index;
        return true;
    case 0x3cf:
        *value = cirrus_gr_read(c, s->gr_index);
        return s->gr_index < GR_COMPARE || s->gr_index == GR_MODE || s->gr_index > GR_BIT_MASK;
    case 0x3b5: case 0x3d5:
        *value = read_crtc(c, s->vga.cr_index);
        return s->vga.cr_index >= FIRST_CR;
    default: return false;
    }
}

bool cirrus_port_write(struct vga *vga, unsigned port, uint8_t value)
{
    struct cirrus *c = cirrus_of(vga);
    struct cirrus_state *s = &c->s;

    if (port == 0x3c6) {
        return write_hidden(c, value);
    }
    s->dac_reads = 0;
    switch (port) {
    case 0x3c4:
        s->sr_index = value;
        return false;
    case 0x3c5:
        if ((s->sr_index & 0x1f) <= SEQ_MEMORY_MODE) {
            return false;
        }
        write_seq(c, value);
        return true;
    case 0x3c9: return write_cursor_color(c, value);
    case 0x3ce:
        s->gr_index = value & (CIRRUS_GR_COUNT - 1);
        return false;
    case 0x3cf:
        cirrus_gr_write(c, s->gr_index, value);
        return s->gr_index > GR_BIT_MASK;
    case 0x3b5: case 0x3d5:
        if (s->vga.cr_index < FIRST_CR) {
            return false;
        }
        s->cr[s->vga.cr_index & (CIRRUS_GR_COUNT - 1)] = value;
        vga->redraw = true;
        return true;
    default: return false;
    }
}

void cirrus_reset_registers(struct cirrus *c)
{
    struct cirrus_state *s = &c->s;

    memset(s, 0, sizeof(*s));
    vga_reset(&c->vga);
    s->sr[SR_UNLOCK] = LOCKED;
    s->sr[SR_DRAM] = c->memory_mb >= 4 ? 0x98 : 0x18;
    s->sr[SR_SIZE] = c->memory_mb >= 4 ? 4 : 3;
    s->sr[SR_CONFIG] = 0x20;            /* on PCI */
    s->sr[SR_CLOCK] = 0x2d;
    c->cursor_changed = true;
}
