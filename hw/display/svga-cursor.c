/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VMware SVGA II: cursors as masks of bits or colours, or with alpha. */
#include "base/bits.h"
#include "base/log.h"
#include "hw/display/svga.h"

#define TOO_LARGE UINT32_MAX

/* Arguments of both commands. */
enum { ARG_ID, ARG_HOT_X, ARG_HOT_Y, ARG_WIDTH, ARG_HEIGHT, ARG_AND_BITS, ARG_XOR_BITS, ARG_DATA };

static uint32_t row_words(uint32_t width, uint32_t bits)
{
    return (width * bits + 31) / 32;
}

uint32_t svga_cursor_words(const uint32_t *h, bool alpha)
{
    uint32_t width = h[ARG_WIDTH], height = h[ARG_HEIGHT];

    if (!width || !height || width > SVGA_CURSOR_MAX || height > SVGA_CURSOR_MAX ||
        (!alpha && (h[ARG_AND_BITS] > 32 || h[ARG_XOR_BITS] > 32))) {
        return TOO_LARGE;
    }
    return alpha ? width * height
                 : height * (row_words(width, h[ARG_AND_BITS]) + row_words(width, h[ARG_XOR_BITS]));
}

static void take_header(struct svga *v, const uint32_t *h)
{
    v->s.hot_x = MIN_OF(h[ARG_HOT_X], h[ARG_WIDTH] - 1);
    v->s.hot_y = MIN_OF(h[ARG_HOT_Y], h[ARG_HEIGHT] - 1);
    v->s.cursor_width = h[ARG_WIDTH];
    v->s.cursor_height = h[ARG_HEIGHT];
    v->cursor_changed = true;
}

/* A pixel of a mask: one bit, the highest of a byte first, or a colour of so many bits. */
static uint32_t mask_pixel(const uint32_t *words, uint32_t width, uint32_t bits, uint32_t x,
                           uint32_t y)
{
    uint8_t row[4 * SVGA_CURSOR_MAX], *at = row + x * (bits / 8);
    const uint32_t *from = words + y * row_words(width, bits);

    for (uint32_t i = 0; i < row_words(width, bits); i++) {
        st32_le(row + 4 * i, from[i]);
    }
    switch (bits) {
    case 1: return row[x / 8] >> (7 - x % 8) & 1 ? 0xffffff : 0;
    case 24: return at[0] | at[1] << 8 | (uint32_t)at[2] << 16;
    case 32: return ld32_le(at) & 0xffffff;
    case 16: {
        unsigned value = ld16_le(at);

        return (value >> 11) << 19 | (value >> 5 & 63) << 10 | (value & 31) << 3;
    }
    default: return 0;
    }
}

/* Where the first mask is set the second one inverts; inverted pixels are black here. */
void svga_define_cursor(struct svga *v, const uint32_t *words)
{
    uint32_t width = words[ARG_WIDTH], height = words[ARG_HEIGHT], bits = words[ARG_AND_BITS];
    const uint32_t *and = words + ARG_DATA, *xor = and + height * row_words(width, bits);

    for (uint32_t y = 0; y < height; y++) {
        for (uint32_t x = 0; x < width; x++) {
            uint32_t behind = mask_pixel(and, width, bits, x, y);
            uint32_t color = mask_pixel(xor, width, words[ARG_XOR_BITS], x, y);

            v->s.cursor[y * width + x] = !behind ? 0xff000000 | color : color ? 0xff000000 : 0;
        }
    }
    take_header(v, words);
}

void svga_define_alpha_cursor(struct svga *v, const uint32_t *words)
{
    for (uint32_t i = 0; i < words[ARG_WIDTH] * words[ARG_HEIGHT]; i++) {
        v->s.cursor[i] = words[ARG_DATA + i];
    }
    take_header(v, words);
}

/* Drivers may move it by words of the queue, and count how often they did. */
static void look_into_queue(struct svga *v)
{
    uint32_t count = svga_fifo_word(v, FIFO_CURSOR_COUNT);

    if (!v->s.configured || count == v->s.cursor_count) {
        return;
    }
    v->s.cursor_count = count;
    v->s.cursor_on = svga_fifo_word(v, FIFO_CURSOR_ON);
    v->s.cursor_x = svga_fifo_word(v, FIFO_CURSOR_X);
    v->s.cursor_y = svga_fifo_word(v, FIFO_CURSOR_Y);
    v->cursor_moved = true;
}

void svga_update_cursor(struct svga *v)
{
    struct svga_state *s = &v->s;
    struct console_cursor cursor = {
        s->cursor_width, s->cursor_height, (int)s->hot_x, (int)s->hot_y, s->cursor
    };

    look_into_queue(v);
    if (!v->cursor_changed && !v->cursor_moved) {
        return;
    }
    /* 2 and 3 are for drivers that take it out of the picture for a while; it is not in there. */
    if (!s->enabled || !s->cursor_width || !(s->cursor_on & 1)) {
        console_set_cursor(v->vga.con, NULL);
        v->cursor_changed = true;
    } else {
        if (v->cursor_changed) {
            console_set_cursor(v->vga.con, &cursor);
        }
        console_move_cursor(v->vga.con, (int)MIN_OF(s->cursor_x, 0x7fffu),
                            (int)MIN_OF(s->cursor_y, 0x7fffu));
        v->cursor_changed = false;
    }
    v->cursor_moved = false;
}
