/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pictures of a console as files. */
#include <errno.h>
#include <glib.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ui/screendump.h"

#ifdef CONFIG_PNG
#include <png.h>
#endif

/* Red, green and blue bytes of a line of any picture. */
static void read_line(pixman_image_t *picture, pixman_image_t *row, int y, int width,
                      uint8_t *bytes)
{
    const uint32_t *pixels = pixman_image_get_data(row);

    pixman_image_composite(PIXMAN_OP_SRC, picture, NULL, row, 0, y, 0, 0, 0, 0, width, 1);
    for (int x = 0; x < width; x++) {
        bytes[x * 3] = pixels[x] >> 16;
        bytes[x * 3 + 1] = pixels[x] >> 8;
        bytes[x * 3 + 2] = pixels[x];
    }
}

struct picture {
    pixman_image_t *image, *row;
    int width, height;
    uint8_t *bytes;                /* of a line */
};

static bool write_ppm(struct picture *p, FILE *out)
{
    bool good = fprintf(out, "P6\n%d %d\n255\n", p->width, p->height) > 0;

    for (int y = 0; y < p->height && good; y++) {
        read_line(p->image, p->row, y, p->width, p->bytes);
        good = fwrite(p->bytes, 3, p->width, out) == p->width;
    }
    return good;
}

#ifdef CONFIG_PNG
static bool write_png(struct picture *p, FILE *out)
{
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png ? png_create_info_struct(png) : NULL;

    if (!info || setjmp(png_jmpbuf(png))) {
        png_destroy_write_struct(&png, &info);
        return false;
    }
    png_init_io(png, out);
    png_set_IHDR(png, info, p->width, p->height, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    for (int y = 0; y < p->height; y++) {
        read_line(p->image, p->row, y, p->width, p->bytes);
        png_write_row(png, p->bytes);
    }
    png_write_end(png, NULL);
    png_destroy_write_struct(&png, &info);
    return true;
}
#endif

static bool write_file(struct picture *p, const char *path, bool png, struct error **err)
{
    FILE *out = fopen(path, "wbe");
    bool good;

    if (!out) {
        error_set_errno(err, errno, "cannot write the picture '%s'", path);
        return false;
    }
#ifdef CONFIG_PNG
    good = png ? write_png(p, out) : write_ppm(p, out);
#else
    good = write_ppm(p, out);
#endif
    good = fclose(out) == 0 && good;
    if (!good) {
        error_set_errno(err, errno, "cannot write the picture '%s'", path);
        unlink(path);
    }
    return good;
}

bool screendump_write(struct console *con, const char *path, const char *format,
                      struct error **err)
{
    bool png = strcmp(format, "png") == 0, good;
    struct picture p;

#ifndef CONFIG_PNG
    if (png) {
        error_set(err, "this build writes no PNG files (Debian: apt-get install libpng-dev, then "
                  "build again)");
        return false;
    }
#endif
    console_refresh(con);
    p.image = pixman_image_ref(console_surface(con));
    p.width = pixman_image_get_width(p.image);
    p.height = pixman_image_get_height(p.image);
    p.row = pixman_image_create_bits(PIXMAN_x8r8g8b8, p.width, 1, NULL, 0);
    p.bytes = g_malloc(p.width * 3);
    good = write_file(&p, path, png, err);
    g_free(p.bytes);
    pixman_image_unref(p.row);
    pixman_image_unref(p.image);
    return good;
}
