/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pictures in guest RAM: finds the rows that changed and has them drawn. */
#ifndef HW_DISPLAY_FRAMEBUFFER_H
#define HW_DISPLAY_FRAMEBUFFER_H

#include <stdbool.h>
#include <stdint.h>

#include "console.h"
#include "hw/core/memory.h"

#define FRAMEBUFFER_MAX_PITCH 16384
#define FRAMEBUFFER_MAX_BYTES (32u << 20)

struct framebuffer {
    struct console *con;
    struct address_space *memory;
    /* Makes `width` x8r8g8b8 pixels of the `pitch` bytes of a row. */
    void (*draw_row)(void *opaque, uint32_t *to, const uint8_t *row, unsigned width);
    void *opaque;
};

/* Draws what changed since the last call, or everything with `redraw`; the console gets the size
 * that is given. Pictures beyond the limits above are not shown. */
void framebuffer_draw(const struct framebuffer *fb, uint64_t address, unsigned width,
                      unsigned height, uint32_t pitch, bool redraw);

#endif
