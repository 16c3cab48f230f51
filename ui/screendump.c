/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pictures of a console as files. */
#include <errno.h>
#include <glib.h>
#include <stdio.h>
#include <unistd.h>

#include "ui/screendump.h"

bool screendump_ppm(struct console *con, const char *path, struct error **err)
{
    pixman_image_t *picture, *row;
    int width, height;
    uint8_t *bytes;
    FILE *out = fopen(path, "wbe");
    bool good = true;

    if (!out) {
        error_set_errno(err, errno, "cannot write the picture '%s'", path);
        return false;
    }
    console_refresh(con);
    picture = console_surface(con);
    width = pixman_image_get_width(picture);
    height = pixman_image_get_height(picture);
    row = pixman_image_create_bits(PIXMAN_x8r8g8b8, width, 1, NULL, 0);
    bytes = g_malloc(width * 3);
    fprintf(out, "P6\n%d %d\n255\n", width, height);
    for (int y = 0; y < height && good; y++) {
        const uint32_t *pixels = pixman_image_get_data(row);

        pixman_image_composite(PIXMAN_OP_SRC, picture, NULL, row, 0, y, 0, 0, 0, 0, width, 1);
        for (int x = 0; x < width; x++) {
            bytes[x * 3] = pixels[x] >> 16;
            bytes[x * 3 + 1] = pixels[x] >> 8;
            bytes[x * 3 + 2] = pixels[x];
        }
        good = fwrite(bytes, 3, width, out) == width;
    }
    good = fclose(out) == 0 && good;
    if (!good) {
        error_set_errno(err, errno, "cannot write the picture '%s'", path);
        unlink(path);
    }
    g_free(bytes);
    pixman_image_unref(row);
    return good;
}
