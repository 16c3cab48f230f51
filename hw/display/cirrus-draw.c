/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GD5446: what the registers say of the picture, and the hardware cursor. */
#include "base/bits.h"
#include "hw/display/cirrus.h"

#define CURSOR_MAX 64
#define PATTERNS 0x4000                 /* at the end of video memory */

/* --- extended modes -------------------------------------------------------------------------- */

/* By the sequencer; with 16 bits the DAC knows whether green has five or six of them. */
static unsigned bits_of(const struct cirrus *c)
{
    switch (c->s.sr[SR_MODE] & 0x0e) {
    case 0x02: case 0x06: return (c->s.dac_mode & 15) == 1 ? 16 : 15;
    case 0x04: return 24;
    case 0x08: return 32;
    default: return 8;
    }
}

static void update_mode(struct cirrus *c)
{
    const uint8_t *cr = c->s.vga.cr, *ext = c->s.cr;
    struct vga_linear_mode mode;
    uint32_t start;

    if (!(c->s.sr[SR_MODE] & MODE_EXTENDED)) {
        vga_leave_linear_mode(&c->vga);
        return;
    }
    start = cr[CR_START_LOW] | (uint32_t)cr[CR_START_HIGH] << 8 | (ext[0x1b] & 1u) << 16 |
        (ext[0x1b] & 0x0cu) << 15 | (ext[0x1d] & 0x80u) << 12;
    mode = (struct vga_linear_mode){
        .width = (cr[CR_WIDTH] + 1u) * 8, .height = vga_lines(&c->vga), .bits = bits_of(c),
        .start = (start * 4) & (c->vga.size - 1),
        .pitch = (cr[CR_OFFSET] | (ext[0x1b] & 0x10u) << 4) << 3,
    };
    vga_set_linear_mode(&c->vga, &mode);
}

/* --- the cursor ------------------------------------------------------------------------------ */

static uint32_t cursor_color(const struct cirrus *c, unsigned index)
{
    uint32_t color = 0xff;

    for (unsigned i = 0; i < 3; i++) {
        uint8_t level = c->s.cursor_colors[3 * index + i] & 0x3f;

        color = color << 8 | (uint8_t)(level << 2 | level >> 4);
    }
    return color;
}

/* Two planes of bits: small ones lie behind each other, of large ones each row has both. Inverted
 * pixels are black, for lack of a way to tell those who draw it. */
static void make_cursor(const struct cirrus *c, uint32_t *to, unsigned size)
{
    const uint32_t colors[4] = { 0, 0xff000000, cursor_color(c, 0), cursor_color(c, 15) };
    bool large = size == CURSOR_MAX;
    uint32_t at = c->vga.size - PATTERNS + (c->s.sr[SR_PATTERN] & (large ? 0x3cu : 0x3fu)) * 256;

    for (unsigned y = 0; y < size; y++) {
        const uint8_t *first = c->vga.memory + at + y * (large ? 16 : 4);
        const uint8_t *second = first + (large ? 8 : 128);

        for (unsigned x = 0; x < size; x++) {
            unsigned bit = 7 - x % 8;

            *to++ = colors[(first[x / 8] >> bit & 1) | (second[x / 8] >> bit & 1) << 1];
        }
    }
}

static void update_cursor(struct cirrus *c)
{
    uint64_t patterns = memory_region_ram_addr(&c->vga.vram) + c->vga.size - PATTERNS;
    bool on = c->s.sr[SR_CURSOR] & CURSOR_ON && vga_vbe_on(&c->vga);
    bool redrawn = memory_dirty_test_and_clear(patterns, PATTERNS, DIRTY_VGA);
    unsigned size = c->s.sr[SR_CURSOR] & CURSOR_LARGE ? CURSOR_MAX : CURSOR_MAX / 2;
    uint32_t pixels[CURSOR_MAX * CURSOR_MAX];
    struct console_cursor cursor = { size, size, 0, 0, pixels };

    if (!c->cursor_changed && !(on && redrawn)) {
        return;
    }
    c->cursor_changed = false;
    if (!on) {
        console_set_cursor(c->vga.con, NULL);
        return;
    }
    make_cursor(c, pixels, size);
    console_set_cursor(c->vga.con, &cursor);
    console_move_cursor(c->vga.con, c->s.cursor_x, c->s.cursor_y);
}

bool cirrus_update(struct vga *vga)
{
    struct cirrus *c = cirrus_of(vga);

    update_mode(c);
    update_cursor(c);
    return false;
}
