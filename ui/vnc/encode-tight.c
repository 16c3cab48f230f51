/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tight and tight PNG encodings, as the RFB community's protocol description has them. */
#include <string.h>

#include "base/bits.h"
#include "ui/vnc/internal.h"

/* Control byte: the stream in bits 4 and 5 for basic compression. */
enum { TIGHT_FILTER = 0x40, TIGHT_FILL = 0x80, TIGHT_JPEG = 0x90, TIGHT_PNG = 0xa0 };
enum { FILTER_PALETTE = 1 };
enum { STREAM_FULL, STREAM_MONO, STREAM_INDEXED };
#define PLAIN_BELOW 12             /* so few bytes are sent as they are, without length */
#define DEFAULT_LEVEL 1

static void put_compact_length(GByteArray *out, size_t length)
{
    for (; length > 127; length >>= 7) {
        put8(out, (uint8_t)(length | 128));
    }
    put8(out, (uint8_t)length);
}

static int level_of(const struct vnc_class *class)
{
    return class->compression < 0 ? DEFAULT_LEVEL : MAX_OF(class->compression, 1);
}

/* Ends a blob with the bytes of basic compression in the class's scratch. */
static void put_data(struct vnc_class *class, struct vnc_blob *blob, int stream)
{
    const GByteArray *data = class->scratch;

    if (data->len < PLAIN_BELOW) {
        g_byte_array_append(blob->head, data->data, data->len);
        return;
    }
    blob->stream = stream;
    blob->compact_length = true;
    vnc_deflate(class, data->data, data->len, level_of(class), blob->body);
}

static void put_palette(struct vnc_class *class, struct vnc_blob *blob, int stream,
                        const struct vnc_palette *palette)
{
    put8(blob->head, (uint8_t)(TIGHT_FILTER | stream << 4));
    put8(blob->head, FILTER_PALETTE);
    put8(blob->head, (uint8_t)(palette->count - 1));
    vnc_put_pixels(blob->head, &class->format, vnc_format_tight_packing(&class->format),
                   palette->colors, palette->count);
}

static void put_mono(struct vnc_class *class, const struct vnc_tile_pixels *tile,
                     struct vnc_blob *blob, const struct vnc_palette *palette)
{
    const uint32_t *value = tile->values;

    put_palette(class, blob, STREAM_MONO, palette);
    for (unsigned y = 0; y < tile->height; y++) {
        for (unsigned x = 0; x < tile->width; x += 8) {
            unsigned byte = 0;

            for (unsigned i = 0; i < 8 && x + i < tile->width; i++) {
                byte |= (*value++ != palette->colors[0]) << (7 - i);
            }
            put8(class->scratch, (uint8_t)byte);
        }
    }
    put_data(class, blob, STREAM_MONO);
}

static void put_indexed(struct vnc_class *class, const struct vnc_tile_pixels *tile,
                        struct vnc_blob *blob, const struct vnc_palette *palette)
{
    size_t count = (size_t)tile->width * tile->height;

    put_palette(class, blob, STREAM_INDEXED, palette);
    g_byte_array_set_size(class->scratch, (guint)count);
    for (size_t i = 0; i < count; i++) {
        bool same = i && tile->values[i] == tile->values[i - 1];

        class->scratch->data[i] = same ? class->scratch->data[i - 1]
            : (uint8_t)vnc_palette_find(palette, tile->values[i]);
    }
    put_data(class, blob, STREAM_INDEXED);
}

/* A picture of another format; false when there is no library for it or it fails. */
static bool put_picture(struct vnc_class *class, const struct vnc_tile_pixels *tile,
                        struct vnc_blob *blob, uint8_t control)
{
    bool good = control == TIGHT_JPEG ? vnc_jpeg(class->scratch, tile, class->quality)
                                      : vnc_png(class->scratch, tile, level_of(class));

    if (good) {
        put8(blob->head, control);
        put_compact_length(blob->head, class->scratch->len);
        g_byte_array_append(blob->head, class->scratch->data, class->scratch->len);
    }
    g_byte_array_set_size(class->scratch, 0);
    return good;
}

void vnc_encode_tight(struct vnc_class *class, const struct vnc_tile_pixels *tile,
                      struct vnc_blob *blob)
{
    enum vnc_packing packing = vnc_format_tight_packing(&class->format);
    size_t count = (size_t)tile->width * tile->height;
    bool jpeg = class->quality >= 0 && packing == PACK_RGB && count >= 256;
    struct vnc_palette palette;
    unsigned colors;

    g_byte_array_set_size(class->scratch, 0);
    if (tile->solid) {
        put8(blob->head, TIGHT_FILL);
        vnc_put_pixels(blob->head, &class->format, packing, tile->values, 1);
        return;
    }
    if (class->png && put_picture(class, tile, blob, TIGHT_PNG)) {
        return;
    }
    colors = vnc_palette_make(&palette, tile->values, count, jpeg ? 24 : 256);
    if (colors == 2) {
        put_mono(class, tile, blob, &palette);
    } else if (colors && colors * 2 < count) {
        put_indexed(class, tile, blob, &palette);
    } else if (!jpeg || !put_picture(class, tile, blob, TIGHT_JPEG)) {
        put8(blob->head, STREAM_FULL << 4);
        vnc_put_pixels(class->scratch, &class->format, packing, tile->values, count);
        put_data(class, blob, STREAM_FULL);
    }
}
