/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Private to the Cirrus Logic GD5446: its registers, and what its files share. */
#ifndef HW_DISPLAY_CIRRUS_H
#define HW_DISPLAY_CIRRUS_H

#include "hw/display/vga-core.h"
#include "hw/pci/pci.h"

enum {
    SR_UNLOCK = 0x06, SR_MODE = 0x07, SR_DRAM = 0x0f, SR_CURSOR_X = 0x10, SR_CURSOR_Y = 0x11,
    SR_CURSOR = 0x12, SR_PATTERN = 0x13, SR_SIZE = 0x15, SR_CONFIG = 0x17, SR_CLOCK = 0x1f
};
enum { MODE_EXTENDED = 0x01 };
enum { CURSOR_ON = 0x01, CURSOR_COLORS = 0x02, CURSOR_LARGE = 0x04 };
enum { CONFIG_MMIO = 0x04, CONFIG_MMIO_LINEAR = 0x40 };

enum {
    GR_BACK = 0x00, GR_FRONT = 0x01, GR_OFFSET0 = 0x09, GR_EXTENSIONS = 0x0b, GR_BLT_WIDTH = 0x20,
    GR_BLT_HEIGHT = 0x22, GR_BLT_TO_PITCH = 0x24, GR_BLT_FROM_PITCH = 0x26, GR_BLT_TO = 0x28,
    GR_BLT_FROM = 0x2c, GR_BLT_SKIP = 0x2f, GR_BLT_MODE = 0x30, GR_BLT_STATUS = 0x31,
    GR_BLT_ROP = 0x32, GR_BLT_EXTENSIONS = 0x33, GR_BLT_KEY = 0x34, CIRRUS_GR_COUNT = 0x40
};
enum { EXT_TWO_BANKS = 0x01, EXT_BY_8 = 0x02, EXT_WRITE_MODES = 0x04, EXT_16_BIT = 0x10,
       EXT_16K_STEPS = 0x20 };

#define CIRRUS_LINE 8192                /* bytes of the widest blit */

/* A blit as it was started. */
struct cirrus_blit {
    uint32_t to, from, to_pitch, from_pitch;    /* in bytes; pitches are added modulo 2^32 */
    uint32_t width, height;                     /* of a row in bytes, and rows */
    uint32_t front, back;
    uint16_t key;
    uint8_t mode, extensions, rop, skip, pattern_row;
};

struct cirrus_state {
    struct vga_state vga;
    uint8_t sr_index, sr[32], gr_index, gr[CIRRUS_GR_COUNT], cr[CIRRUS_GR_COUNT];
    uint8_t dac_mode, dac_reads;        /* the hidden register, and reads in front of it */
    uint8_t cursor_colors[48];          /* 16 DAC entries; 0 and 15 count */
    uint16_t cursor_x, cursor_y;
    /* A blit that the CPU feeds, row by row. */
    struct cirrus_blit blit;
    uint8_t line[CIRRUS_LINE];
    uint32_t line_size, line_at;        /* 0: there is none */
    uint32_t rows;                      /* done */
};

struct cirrus {
    struct pci_device pci;
    struct vga vga;
    struct cirrus_state s;
    uint32_t memory_mb;
    /* BAR 0: video memory, its slow form when stores have side effects, and the blitter's window */
    struct memory_region linear, slow, feed;
    bool is_slow, cursor_changed;
};

static inline struct cirrus *cirrus_of(struct vga *vga)
{
    return (struct cirrus *)((char *)vga - offsetof(struct cirrus, vga));
}

/* cirrus-regs.c */
bool cirrus_port_read(struct vga *vga, unsigned port, uint8_t *value);
bool cirrus_port_write(struct vga *vga, unsigned port, uint8_t value);
uint8_t cirrus_gr_read(struct cirrus *c, unsigned index);
void cirrus_gr_write(struct cirrus *c, unsigned index, uint8_t value);
/* The blitter's registers in memory, offset 0 to 255. */
uint8_t cirrus_mmio_read(struct cirrus *c, unsigned offset);
void cirrus_mmio_write(struct cirrus *c, unsigned offset, uint8_t value);
void cirrus_reset_registers(struct cirrus *c);

/* cirrus-memory.c */
extern const struct mmio_ops cirrus_window_ops, cirrus_linear_ops, cirrus_feed_ops;
/* Chooses the fast or slow form of video memory. */
void cirrus_update_memory(struct cirrus *c);

/* cirrus-blt.c */
void cirrus_blt_start(struct cirrus *c);
void cirrus_blt_cancel(struct cirrus *c);
/* A byte from the CPU for the blit that waits for it. */
void cirrus_blt_feed(struct cirrus *c, uint8_t value);
static inline bool cirrus_blt_waits(const struct cirrus *c)
{
    return c->s.line_size != 0;
}

/* cirrus-draw.c: before each picture */
bool cirrus_update(struct vga *vga);

#endif
