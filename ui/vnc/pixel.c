/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pixel formats of clients, RFC 6143 7.4: from x8r8g8b8 to their values, and values to bytes. */
#include <string.h>

#include "base/bits.h"
#include "ui/vnc/internal.h"

const struct vnc_format vnc_native_format = {
    .bits = 32, .depth = 24, .true_color = true, .max = { 255, 255, 255 }, .shift = { 16, 8, 0 },
};

/* What a client with a colour map gets: 3, 3 and 2 bits, with a map to match. */
static const struct vnc_format mapped_format = {
    .bits = 8, .depth = 8, .true_color = false, .max = { 7, 7, 3 }, .shift = { 0, 3, 6 },
};

bool vnc_format_read(struct vnc_format *format, const uint8_t *bytes)
{
    memset(format, 0, sizeof(*format));
    format->bits = bytes[0];
    format->depth = bytes[1];
    format->big_endian = bytes[2] != 0;
    format->true_color = bytes[3] != 0;
    if (format->bits != 8 && format->bits != 16 && format->bits != 32) {
        return false;
    }
    if (!format->true_color) {
        *format = mapped_format;
        return bytes[0] == 8;
    }
    for (unsigned i = 0; i < 3; i++) {
        format->max[i] = get16(bytes + 4 + 2 * i);
        format->shift[i] = bytes[10 + i];
        /* Values of more than 8 bits would not get more precise. */
        if (!format->max[i] || format->max[i] & (format->max[i] + 1) || format->max[i] > 255 ||
            format->shift[i] >= format->bits) {
            return false;
        }
    }
    return true;
}

void vnc_format_write(const struct vnc_format *format, uint8_t *bytes)
{
    memset(bytes, 0, 16);
    bytes[0] = format->bits;
    bytes[1] = format->depth;
    bytes[2] = format->big_endian;
    bytes[3] = format->true_color;
    for (unsigned i = 0; i < 3; i++) {
        bytes[4 + 2 * i] = (uint8_t)(format->max[i] >> 8);
        bytes[5 + 2 * i] = (uint8_t)format->max[i];
        bytes[10 + i] = format->shift[i];
    }
}

bool vnc_format_is_native(const struct vnc_format *f)
{
    return f->bits == 32 && f->max[0] == 255 && f->max[1] == 255 && f->max[2] == 255 &&
        f->shift[0] == 16 && f->shift[1] == 8 && f->shift[2] == 0;
}

/* The upper bits of a level; all of 255 becomes all of max. */
static uint32_t scale(uint32_t level, uint32_t max)
{
    return max == 255 ? level : level * (max + 1) >> 8;
}

void vnc_format_convert(const struct vnc_format *f, const uint32_t *from, uint32_t *to,
                        size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t pixel = from[i];

        to[i] = scale(pixel >> 16 & 255, f->max[0]) << f->shift[0] |
            scale(pixel >> 8 & 255, f->max[1]) << f->shift[1] |
            scale(pixel & 255, f->max[2]) << f->shift[2];
    }
}

/* Bits of a pixel that hold colour. */
static uint32_t used_bits(const struct vnc_format *f)
{
    uint32_t used = 0;

    for (unsigned i = 0; i < 3; i++) {
        used |= (uint32_t)f->max[i] << f->shift[i];
    }
    return used;
}

enum vnc_packing vnc_format_zrle_packing(const struct vnc_format *f)
{
    if (f->bits != 32 || f->depth > 24 || !f->true_color) {
        return PACK_PLAIN;
    }
    if (!(used_bits(f) & 0xff000000u)) {
        return PACK_LOW_3;
    }
    return used_bits(f) & 0xff ? PACK_PLAIN : PACK_HIGH_3;
}

enum vnc_packing vnc_format_tight_packing(const struct vnc_format *f)
{
    bool full = f->max[0] == 255 && f->max[1] == 255 && f->max[2] == 255;

    return f->bits == 32 && f->depth == 24 && f->true_color && full ? PACK_RGB : PACK_PLAIN;
}

unsigned vnc_packed_bytes(const struct vnc_format *f, enum vnc_packing packing)
{
    return packing == PACK_PLAIN ? f->bits / 8u : 3;
}

/* --- bytes ----------------------------------------------------------------------------------- */

static void put_plain(uint8_t *to, const struct vnc_format *f, const uint32_t *values, size_t count)
{
    if (f->bits == 32 && !f->big_endian) {
        memcpy(to, values, 4 * count);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t v = values[i];

        switch (f->bits) {
        case 8:
            to[i] = (uint8_t)v;
            break;
        case 16:
            to[2 * i + f->big_endian] = (uint8_t)v;
            to[2 * i + !f->big_endian] = (uint8_t)(v >> 8);
            break;
        default:
            st32_le(to + 4 * i, __builtin_bswap32(v));
            break;
        }
    }
}

/* Three bytes of a value in the format's order. */
static void put_3(uint8_t *to, bool big_endian, const uint32_t *values, size_t count,
                  unsigned shift)
{
    for (size_t i = 0; i < count; i++, to += 3) {
        uint32_t v = values[i] >> shift;

        to[big_endian ? 2 : 0] = (uint8_t)v;
        to[1] = (uint8_t)(v >> 8);
        to[big_endian ? 0 : 2] = (uint8_t)(v >> 16);
    }
}

static void put_rgb(uint8_t *to, const struct vnc_format *f, const uint32_t *values, size_t count)
{
    for (size_t i = 0; i < count; i++, to += 3) {
        for (unsigned c = 0; c < 3; c++) {
            to[c] = (uint8_t)(values[i] >> f->shift[c]);
        }
    }
}

void vnc_put_pixels(GByteArray *out, const struct vnc_format *f, enum vnc_packing packing,
                    const uint32_t *values, size_t count)
{
    guint at = out->len;
    uint8_t *to;

    g_byte_array_set_size(out, at + (guint)(count * vnc_packed_bytes(f, packing)));
    to = out->data + at;
    switch (packing) {
    case PACK_PLAIN:
        put_plain(to, f, values, count);
        break;
    case PACK_LOW_3:
        put_3(to, f->big_endian, values, count, 0);
        break;
    case PACK_HIGH_3:
        put_3(to, f->big_endian, values, count, 8);
        break;
    case PACK_RGB:
        put_rgb(to, f, values, count);
        break;
    }
}
