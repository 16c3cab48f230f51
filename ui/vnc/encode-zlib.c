/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Zlib and ZRLE encodings, RFC 6143 7.7.6, and the deflate data of all encodings. */
#include <string.h>
#include <zlib.h>

#include "base/bits.h"
#include "ui/vnc/internal.h"

#define DEFAULT_LEVEL 1
#define WINDOW_BITS 14             /* 16 KiB: a whole tile */
#define MEMORY_LEVEL 7             /* tables that are cleared for each piece: 32 KiB */

static int level_of(const struct vnc_class *class)
{
    return class->compression < 0 ? DEFAULT_LEVEL : MAX_OF(class->compression, 1);
}

/* Each piece starts with an empty window and ends with an empty stored block, on a byte. Pieces may
 * so follow each other in any order on any connection, and all clients share one encoding. */
void vnc_deflate(struct vnc_class *class, const uint8_t *data, size_t size, int level,
                 GByteArray *out)
{
    z_stream *z = class->deflate;
    guint start = out->len;

    if (!z) {
        z = class->deflate = g_new0(z_stream, 1);
        deflateInit2(z, level, Z_DEFLATED, -WINDOW_BITS, MEMORY_LEVEL, Z_DEFAULT_STRATEGY);
        class->deflate_level = level;
    } else {
        deflateReset(z);
    }
    g_byte_array_set_size(out, start + (guint)deflateBound(z, size) + 64);
    z->next_in = (uint8_t *)data;
    z->avail_in = (uInt)size;
    z->next_out = out->data + start;
    z->avail_out = out->len - start;
    deflate(z, Z_SYNC_FLUSH);
    g_byte_array_set_size(out, out->len - z->avail_out);
}

void vnc_encode_zlib(struct vnc_class *class, const struct vnc_tile_pixels *tile,
                     struct vnc_blob *blob)
{
    g_byte_array_set_size(class->scratch, 0);
    vnc_put_pixels(class->scratch, &class->format, PACK_PLAIN, tile->values,
                   (size_t)tile->width * tile->height);
    vnc_deflate(class, class->scratch->data, class->scratch->len, level_of(class), blob->body);
    blob->stream = 0;
}

/* --- ZRLE ------------------------------------------------------------------------------------ */

enum { ZRLE_RAW = 0, ZRLE_PLAIN_RLE = 128 };

struct runs {
    unsigned count, singles;       /* runs, and those of one pixel */
    size_t length_bytes;           /* of all lengths, singles included */
};

static struct runs count_runs(const uint32_t *values, size_t count)
{
    struct runs runs = { 0 };

    for (size_t at = 0; at < count;) {
        size_t length = 1;

        while (at + length < count && values[at + length] == values[at]) {
            length++;
        }
        runs.count++;
        runs.singles += length == 1;
        runs.length_bytes += (length - 1) / 255 + 1;
        at += length;
    }
    return runs;
}

static void put_length(GByteArray *out, size_t length)
{
    for (length--; length >= 255; length -= 255) {
        put8(out, 255);
    }
    put8(out, (uint8_t)length);
}

/* Runs with their colour, or with an index when there is a palette. */
static void put_runs(GByteArray *out, const struct vnc_class *class, enum vnc_packing packing,
                     const struct vnc_palette *palette, const uint32_t *values, size_t count)
{
    for (size_t at = 0; at < count;) {
        size_t length = 1;

        while (at + length < count && values[at + length] == values[at]) {
            length++;
        }
        if (!palette) {
            vnc_put_pixels(out, &class->format, packing, &values[at], 1);
            put_length(out, length);
        } else {
            unsigned index = vnc_palette_find(palette, values[at]);

            put8(out, (uint8_t)(index | (length > 1 ? 128 : 0)));
            if (length > 1) {
                put_length(out, length);
            }
        }
        at += length;
    }
}

static unsigned index_bits(unsigned colors)
{
    return colors <= 2 ? 1 : colors <= 4 ? 2 : 4;
}

static void put_packed(GByteArray *out, const struct vnc_palette *palette,
                       const struct vnc_tile_pixels *tile)
{
    unsigned bits = index_bits(palette->count);
    const uint32_t *value = tile->values;

    for (unsigned y = 0; y < tile->height; y++) {
        unsigned byte = 0, have = 0;

        for (unsigned x = 0; x < tile->width; x++) {
            byte = byte << bits | vnc_palette_find(palette, *value++);
            have += bits;
            if (have == 8) {
                put8(out, (uint8_t)byte);
                byte = have = 0;
            }
        }
        if (have) {
            put8(out, (uint8_t)(byte << (8 - have)));
        }
    }
}

/* The shortest of the ways there are. */
static void put_zrle_tile(GByteArray *out, const struct vnc_class *class,
                          const struct vnc_tile_pixels *tile)
{
    enum vnc_packing packing = vnc_format_zrle_packing(&class->format);
    size_t count = (size_t)tile->width * tile->height;
    size_t pixel = vnc_packed_bytes(&class->format, packing);
    struct vnc_palette palette;
    unsigned colors = vnc_palette_make(&palette, tile->values, count, 127);
    struct runs runs = count_runs(tile->values, count);
    size_t raw = count * pixel, plain = runs.count * pixel + runs.length_bytes;
    size_t indexed = colors * pixel + runs.count + runs.length_bytes - runs.singles;
    size_t packed = SIZE_MAX;

    if (colors && colors <= 16) {
        packed = colors * pixel + (tile->width * index_bits(colors) + 7) / 8 * tile->height;
    }
    if (colors == 1) {
        put8(out, 1);
        vnc_put_pixels(out, &class->format, packing, tile->values, 1);
    } else if (colors && packed <= indexed && packed <= plain && packed < raw) {
        put8(out, (uint8_t)colors);
        vnc_put_pixels(out, &class->format, packing, palette.colors, colors);
        put_packed(out, &palette, tile);
    } else if (colors && indexed <= plain && indexed < raw) {
        put8(out, (uint8_t)(ZRLE_PLAIN_RLE + colors));
        vnc_put_pixels(out, &class->format, packing, palette.colors, colors);
        put_runs(out, class, packing, &palette, tile->values, count);
    } else if (plain < raw) {
        put8(out, ZRLE_PLAIN_RLE);
        put_runs(out, class, packing, NULL, tile->values, count);
    } else {
        put8(out, ZRLE_RAW);
        vnc_put_pixels(out, &class->format, packing, tile->values, count);
    }
}

void vnc_encode_zrle(struct vnc_class *class, const struct vnc_tile_pixels *tile,
                     struct vnc_blob *blob)
{
    g_byte_array_set_size(class->scratch, 0);
    put_zrle_tile(class->scratch, class, tile);
    vnc_deflate(class, class->scratch->data, class->scratch->len, level_of(class), blob->body);
    blob->stream = 0;
}
