/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Raw and hextile encodings, RFC 6143 7.7.1 and 7.7.4. */
#include <string.h>

#include "base/bits.h"
#include "ui/vnc/internal.h"

enum { SUB_RAW = 1, SUB_BACKGROUND = 2, SUB_FOREGROUND = 4, SUB_RECTS = 8, SUB_COLORED = 16 };

#define SIDE 16

struct hextile {
    const struct vnc_format *format;
    uint32_t background, foreground;
    bool have_background, have_foreground;
};

/* A square of at most 16 by 16 of the tile, and sets of its pixels: a word for each row. */
struct square {
    const uint32_t *values;
    unsigned pitch, width, height;
    uint16_t whole;                /* a row of all pixels */
    uint16_t other[SIDE];          /* not background */
    uint16_t as_left[SIDE], as_above[SIDE];
};

void vnc_encode_raw(struct vnc_class *class, const struct vnc_tile_pixels *tile,
                    struct vnc_blob *blob)
{
    vnc_put_pixels(blob->head, &class->format, PACK_PLAIN, tile->values,
                   (size_t)tile->width * tile->height);
}

/* --- sets of pixels -------------------------------------------------------------------------- */

typedef uint32_t pixels4 __attribute__((vector_size(16)));

static unsigned bits_of(pixels4 set)
{
    return set[0] | set[1] | set[2] | set[3];
}

/* Where 16 pixels are those of another row, or one colour. There may be fewer: rows go on. */
static unsigned same_pixels(const uint32_t *a, const uint32_t *b)
{
    const pixels4 first = { 1, 2, 4, 8 };
    pixels4 set = { 0 };

    for (unsigned x = 0; x < SIDE; x += 4) {
        pixels4 p, q;

        memcpy(&p, a + x, sizeof(p));
        memcpy(&q, b + x, sizeof(q));
        set |= (pixels4)(p == q) & first << x;
    }
    return bits_of(set);
}

static unsigned pixels_of(const uint32_t *row, uint32_t color)
{
    const pixels4 first = { 1, 2, 4, 8 };
    pixels4 set = { 0 };

    for (unsigned x = 0; x < SIDE; x += 4) {
        pixels4 p;

        memcpy(&p, row + x, sizeof(p));
        set |= (pixels4)(p == color) & first << x;
    }
    return bits_of(set);
}

/* Pixels in the sets of all rows, four of which make a word. */
static unsigned count_pixels(const uint16_t *rows)
{
    uint64_t words[SIDE / 4], sum = 0;

    memcpy(words, rows, sizeof(words));
    for (unsigned i = 0; i < SIDE / 4; i++) {
        uint64_t w = words[i];

        w -= w >> 1 & 0x5555555555555555u;
        w = (w & 0x3333333333333333u) + (w >> 2 & 0x3333333333333333u);
        sum += (w + (w >> 4)) & 0x0f0f0f0f0f0f0f0fu;
    }
    sum = (sum & 0x00ff00ff00ff00ffu) + (sum >> 8 & 0x00ff00ff00ff00ffu);
    return (unsigned)(sum * 0x0001000100010001u >> 48);
}

/* Counts up to three colours; `background` is the more frequent of the first two. */
static unsigned count_colors(struct square *s, uint32_t *background, uint32_t *second)
{
    uint32_t a = s->values[0], b = a;
    unsigned colors = 1;
    bool swap;
    uint16_t not_a[SIDE] = { 0 }, not_b[SIDE] = { 0 };

    for (unsigned y = 0; y < s->height; y++) {
        const uint32_t *row = s->values + y * s->pitch;

        not_a[y] = s->whole & ~pixels_of(row, a);
        if (colors == 1 && not_a[y]) {
            b = row[__builtin_ctz(not_a[y])];
            colors = 2;
        }
        not_b[y] = s->whole & ~(colors == 1 ? 0 : pixels_of(row, b));
        colors = not_a[y] & not_b[y] && colors == 2 ? 3 : colors;
    }
    swap = colors > 1 && count_pixels(not_a) > count_pixels(not_b);
    *background = swap ? b : a;
    *second = swap ? a : b;
    memcpy(s->other, swap ? not_b : not_a, sizeof(s->other));
    return colors;
}

static void find_neighbours(struct square *s)
{
    for (unsigned y = 0; y < s->height; y++) {
        const uint32_t *row = s->values + y * s->pitch;

        s->as_left[y] = (uint16_t)(same_pixels(row, row + 1) << 1);
        s->as_above[y] = (uint16_t)(y ? same_pixels(row, row - s->pitch) : 0);
    }
}

/* Whether more rectangles are needed: each has a corner that neither the pixel to the left nor the
 * one above continues. */
static bool needs_more(const struct square *s, size_t rects)
{
    uint16_t corners[SIDE] = { 0 };

    for (unsigned y = 0; y < s->height; y++) {
        corners[y] = s->other[y] & ~s->as_left[y] & ~s->as_above[y];
    }
    return count_pixels(corners) > rects;
}

/* --- squares --------------------------------------------------------------------------------- */

static uint8_t *store_pixel(uint8_t *to, const struct vnc_format *f, uint32_t value)
{
    for (unsigned i = 0; i < f->bits; i += 8) {
        *to++ = (uint8_t)(value >> (f->big_endian ? f->bits - 8u - i : i));
    }
    return to;
}

/* The bits of the rectangle's rows, from pixel x of row y on; its pixels are no longer `left`. */
static unsigned take_rect(const struct square *s, uint16_t *left, unsigned x, unsigned y,
                          unsigned *height)
{
    unsigned going_on = (s->as_left[y] & left[y]) >> (x + 1);
    unsigned width = 1 + (unsigned)__builtin_ctz(~going_on);
    unsigned bits = ((1u << width) - 1) << x, end = y;

    do {
        left[end++] &= ~bits;
    } while (end < s->height && (s->as_above[end] & left[end] & bits) == bits);
    *height = end - y;
    return width;
}

/* Puts the rectangles that are not background; false when raw pixels would be shorter. */
static bool put_rects(GByteArray *out, const struct hextile *h, struct square *s, bool colored,
                      size_t limit)
{
    uint8_t bytes[1 + SIDE * SIDE * 6], *to = bytes + 1;
    unsigned size = 2 + (colored ? h->format->bits / 8u : 0), count = 0;
    uint16_t left[SIDE];

    find_neighbours(s);
    if (needs_more(s, limit / size)) {
        return false;
    }
    memcpy(left, s->other, sizeof(left));
    for (unsigned y = 0; y < s->height; y++) {
        while (left[y]) {
            unsigned x = (unsigned)__builtin_ctz(left[y]), height;
            unsigned width = take_rect(s, left, x, y, &height);

            if (++count > 255 || count * size > limit) {
                return false;
            }
            to = colored ? store_pixel(to, h->format, s->values[y * s->pitch + x]) : to;
            *to++ = (uint8_t)(x << 4 | y);
            *to++ = (uint8_t)((width - 1) << 4 | (height - 1));
        }
    }
    bytes[0] = (uint8_t)count;
    g_byte_array_append(out, bytes, (guint)(to - bytes));
    return true;
}

static void put_raw_square(GByteArray *out, struct hextile *h, const struct square *s)
{
    put8(out, SUB_RAW);
    for (unsigned y = 0; y < s->height; y++) {
        vnc_put_pixels(out, h->format, PACK_PLAIN, s->values + y * s->pitch, s->width);
    }
    h->have_background = h->have_foreground = false;
}

static void put_square(GByteArray *out, struct hextile *h, struct square *s)
{
    uint32_t background, other;
    unsigned colors = count_colors(s, &background, &other), bytes = h->format->bits / 8u;
    guint start = out->len;
    uint8_t flags = 0;

    if (!h->have_background || h->background != background) {
        flags |= SUB_BACKGROUND;
    }
    if (colors == 2 && (!h->have_foreground || h->foreground != other)) {
        flags |= SUB_FOREGROUND;
    }
    flags |= colors > 1 ? SUB_RECTS : 0;
    flags |= colors > 2 ? SUB_COLORED : 0;
    h->background = background;
    put8(out, flags);
    if (flags & SUB_BACKGROUND) {
        vnc_put_pixels(out, h->format, PACK_PLAIN, &background, 1);
    }
    if (flags & SUB_FOREGROUND) {
        vnc_put_pixels(out, h->format, PACK_PLAIN, &other, 1);
    }
    if (colors > 1 && !put_rects(out, h, s, colors > 2, (size_t)s->width * s->height * bytes)) {
        g_byte_array_set_size(out, start);
        put_raw_square(out, h, s);
        return;
    }
    h->have_background = true;
    h->have_foreground = colors == 2 || (h->have_foreground && colors == 1);
    h->foreground = colors == 2 ? other : h->foreground;
}

void vnc_encode_hextile(struct vnc_class *class, const struct vnc_tile_pixels *tile,
                        struct vnc_blob *blob)
{
    struct hextile h = { .format = &class->format };

    for (unsigned y = 0; y < tile->height; y += SIDE) {
        for (unsigned x = 0; x < tile->width; x += SIDE) {
            struct square s = { tile->values + y * tile->width + x, tile->width,
                                MIN_OF(SIDE, tile->width - x), MIN_OF(SIDE, tile->height - y) };

            s.whole = (uint16_t)((1u << s.width) - 1);
            put_square(blob->head, &h, &s);
        }
    }
}
