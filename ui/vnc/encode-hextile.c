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

/* A square of at most 16 by 16 of the tile. */
struct square {
    const uint32_t *values;
    unsigned pitch, width, height;
};

void vnc_encode_raw(struct vnc_class *class, const struct vnc_tile_pixels *tile,
                    struct vnc_blob *blob)
{
    vnc_put_pixels(blob->head, &class->format, PACK_PLAIN, tile->values,
                   (size_t)tile->width * tile->height);
}

/* Counts up to three colours; `background` is the more frequent of the first two. */
static unsigned count_colors(const struct square *s, uint32_t *background, uint32_t *other)
{
    uint32_t a = s->values[0], b = a;
    unsigned n_a = 0, n_b = 0, colors = 1;

    /* With three the background is a guess, for which the rows so far will do. */
    for (unsigned y = 0; y < s->height && colors < 3; y++) {
        const uint32_t *row = s->values + y * s->pitch;

        for (unsigned x = 0; x < s->width; x++) {
            if (row[x] == a) {
                n_a++;
            } else if (colors == 1) {
                b = row[x];
                n_b = 1;
                colors = 2;
            } else if (row[x] == b) {
                n_b++;
            } else {
                colors = 3;
            }
        }
    }
    *background = n_a >= n_b ? a : b;
    *other = n_a >= n_b ? b : a;
    return colors;
}

static bool run_matches(const struct square *s, const uint16_t *done, unsigned x, unsigned y,
                        unsigned width, uint32_t color)
{
    const uint32_t *row = s->values + y * s->pitch;

    for (unsigned i = x; i < x + width; i++) {
        if (row[i] != color || done[y] >> i & 1) {
            return false;
        }
    }
    return true;
}

/* Whether more rectangles are needed: each has a corner that neither the pixel to the left nor the
 * one above continues. */
static bool needs_more(const struct square *s, uint32_t background, size_t rects)
{
    size_t corners = 0;

    for (unsigned y = 0; y < s->height && corners <= rects; y++) {
        const uint32_t *row = s->values + y * s->pitch;
        const uint32_t *above = y ? row - s->pitch : row;
        uint32_t left = background;

        for (unsigned x = 0; x < s->width; x++) {
            corners += (row[x] != left) & (row[x] != background) & (!y | (row[x] != above[x]));
            left = row[x];
        }
    }
    return corners > rects;
}

static uint8_t *store_pixel(uint8_t *to, const struct vnc_format *f, uint32_t value)
{
    for (unsigned i = 0; i < f->bits; i += 8) {
        *to++ = (uint8_t)(value >> (f->big_endian ? f->bits - 8u - i : i));
    }
    return to;
}

/* Puts the rectangles that are not background; false when raw pixels would be shorter. */
static bool put_rects(GByteArray *out, const struct hextile *h, const struct square *s,
                      bool colored, size_t limit)
{
    uint8_t bytes[1 + SIDE * SIDE * 6], *to = bytes + 1;
    unsigned size = 2 + (colored ? h->format->bits / 8u : 0), count = 0;
    uint16_t done[SIDE] = { 0 };

    if (needs_more(s, h->background, limit / size)) {
        return false;
    }
    for (unsigned y = 0; y < s->height; y++) {
        const uint32_t *row = s->values + y * s->pitch;

        for (unsigned x = 0; x < s->width; x++) {
            unsigned width = 1, height = 1;

            if (row[x] == h->background || done[y] >> x & 1) {
                continue;
            }
            while (x + width < s->width && run_matches(s, done, x + width, y, 1, row[x])) {
                width++;
            }
            while (y + height < s->height && run_matches(s, done, x, y + height, width, row[x])) {
                done[y + height++] |= (uint16_t)(((1u << width) - 1) << x);
            }
            if (++count > 255 || count * size > limit) {
                return false;
            }
            to = colored ? store_pixel(to, h->format, row[x]) : to;
            *to++ = (uint8_t)(x << 4 | y);
            *to++ = (uint8_t)((width - 1) << 4 | (height - 1));
            x += width - 1;
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

static void put_square(GByteArray *out, struct hextile *h, const struct square *s)
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

            put_square(blob->head, &h, &s);
        }
    }
}
