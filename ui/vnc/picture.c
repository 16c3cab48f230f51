/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tiles as JPEG and PNG files, where the libraries are there. */
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include "ui/vnc/internal.h"

#ifdef CONFIG_JPEG
#include <jpeglib.h>
#endif
#ifdef CONFIG_PNG
#include <png.h>
#endif

/* Red, green and blue bytes of a row. */
__attribute__((unused))
static void unpack_row(const struct vnc_tile_pixels *tile, unsigned y, uint8_t *bytes)
{
    const uint32_t *row = tile->rgb + (size_t)y * tile->width;

    for (unsigned x = 0; x < tile->width; x++) {
        bytes[3 * x] = (uint8_t)(row[x] >> 16);
        bytes[3 * x + 1] = (uint8_t)(row[x] >> 8);
        bytes[3 * x + 2] = (uint8_t)row[x];
    }
}

#ifdef CONFIG_JPEG
struct jpeg_trouble {
    struct jpeg_error_mgr base;
    jmp_buf escape;
};

static void jpeg_failed(j_common_ptr cinfo)
{
    longjmp(((struct jpeg_trouble *)cinfo->err)->escape, 1);
}

bool vnc_can_jpeg(void)
{
    return true;
}

bool vnc_jpeg(GByteArray *out, const struct vnc_tile_pixels *tile, int quality)
{
    /* Qualities 0 to 9 of the pseudo-encoding. */
    static const int percent[10] = { 15, 29, 41, 42, 62, 77, 79, 86, 92, 98 };
    struct jpeg_compress_struct cinfo = { 0 };
    struct jpeg_trouble trouble;
    unsigned char *volatile bytes = NULL;
    unsigned char *made = NULL;
    unsigned long size = 0;
    uint8_t row[3 * TILE];
    JSAMPROW rows[1] = { row };

    cinfo.err = jpeg_std_error(&trouble.base);
    trouble.base.error_exit = jpeg_failed;
    if (setjmp(trouble.escape)) {
        jpeg_destroy_compress(&cinfo);
        free(bytes);
        return false;
    }
    jpeg_create_compress(&cinfo);
    jpeg_mem_dest(&cinfo, &made, &size);
    cinfo.image_width = tile->width;
    cinfo.image_height = tile->height;
    cinfo.input_components = 3;
    cinfo.in_color_space = JCS_RGB;
    jpeg_set_defaults(&cinfo);
    jpeg_set_quality(&cinfo, percent[quality < 9 ? quality : 9], TRUE);
    jpeg_start_compress(&cinfo, TRUE);
    while (cinfo.next_scanline < tile->height) {
        unpack_row(tile, cinfo.next_scanline, row);
        jpeg_write_scanlines(&cinfo, rows, 1);
    }
    jpeg_finish_compress(&cinfo);
    jpeg_destroy_compress(&cinfo);
    bytes = made;
    g_byte_array_append(out, bytes, (guint)size);
    free(bytes);
    return true;
}
#else
bool vnc_can_jpeg(void)
{
    return false;
}

bool vnc_jpeg(GByteArray *out, const struct vnc_tile_pixels *tile, int quality)
{
    return false;
}
#endif

#ifdef CONFIG_PNG
static void png_bytes(png_structp png, png_bytep data, png_size_t size)
{
    g_byte_array_append(png_get_io_ptr(png), data, (guint)size);
}

static void png_done(png_structp png)
{
}

bool vnc_can_png(void)
{
    return true;
}

bool vnc_png(GByteArray *out, const struct vnc_tile_pixels *tile, int level)
{
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    uint8_t row[3 * TILE];

    if (!info || setjmp(png_jmpbuf(png))) {
        png_destroy_write_struct(&png, &info);
        return false;
    }
    png_set_write_fn(png, out, png_bytes, png_done);
    png_set_compression_level(png, level);
    png_set_filter(png, 0, PNG_FILTER_NONE);
    png_set_IHDR(png, info, tile->width, tile->height, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    for (unsigned y = 0; y < tile->height; y++) {
        unpack_row(tile, y, row);
        png_write_row(png, row);
    }
    png_write_end(png, NULL);
    png_destroy_write_struct(&png, &info);
    return true;
}
#else
bool vnc_can_png(void)
{
    return false;
}

bool vnc_png(GByteArray *out, const struct vnc_tile_pixels *tile, int level)
{
    return false;
}
#endif
