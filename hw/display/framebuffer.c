/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/display/framebuffer.h"

#include <glib.h>

#include "base/bits.h"

/*
 * A flag for each page of the picture, from the page of its first byte on. The marks are taken
 * before anything is drawn: a store from now on marks its page for the next call.
 */
static bool take_dirty(struct address_space *memory, uint64_t first, uint64_t pages, uint8_t *dirty)
{
    bool any = false;

    for (uint64_t n = 0; n < pages; n++) {
        struct ram_span span;
        uint64_t page = first + n * MEMORY_PAGE_SIZE;

        dirty[n] = memory_lookup_ram(memory, page, &span) &&
            memory_dirty_test_and_clear(span.ram_addr, MEMORY_PAGE_SIZE, DIRTY_VGA);
        any |= dirty[n];
    }
    return any;
}

static bool row_dirty(const uint8_t *dirty, uint64_t offset, uint32_t pitch)
{
    for (uint64_t n = offset / MEMORY_PAGE_SIZE; n <= (offset + pitch - 1) / MEMORY_PAGE_SIZE;
         n++) {
        if (dirty[n]) {
            return true;
        }
    }
    return false;
}

static void draw_row(const struct framebuffer *fb, uint32_t *to, uint64_t address, uint32_t pitch,
                     unsigned width)
{
    uint8_t copy[FRAMEBUFFER_MAX_PITCH];
    struct ram_span span;

    if (memory_lookup_ram(fb->memory, address, &span) && span.last - address >= pitch - 1) {
        fb->draw_row(fb->opaque, to, span.host, width);
    } else {
        address_space_read(fb->memory, address, copy, pitch);
        fb->draw_row(fb->opaque, to, copy, width);
    }
}

void framebuffer_draw(const struct framebuffer *fb, uint64_t address, unsigned width,
                      unsigned height, uint32_t pitch, bool redraw)
{
    uint64_t first = align_down(address, MEMORY_PAGE_SIZE), size = (uint64_t)pitch * height;
    uint64_t pages = (address - first + size + MEMORY_PAGE_SIZE - 1) / MEMORY_PAGE_SIZE;
    pixman_image_t *surface = console_surface(fb->con);
    uint8_t *dirty, *to;
    int stride, start = -1;

    if (!size || pitch > FRAMEBUFFER_MAX_PITCH || size > FRAMEBUFFER_MAX_BYTES) {
        return;
    }
    if ((int)width != pixman_image_get_width(surface) ||
        (int)height != pixman_image_get_height(surface)) {
        console_resize(fb->con, width, height);
        surface = console_surface(fb->con);
        redraw = true;
    }
    dirty = g_malloc(pages);
    to = (uint8_t *)pixman_image_get_data(surface);
    stride = pixman_image_get_stride(surface);
    if (take_dirty(fb->memory, first, pages, dirty) || redraw) {
        for (unsigned y = 0; y <= height; y++) {
            uint64_t at = address + (uint64_t)y * pitch;
            bool drawn = y < height && (redraw || row_dirty(dirty, at - first, pitch));

            if (drawn) {
                draw_row(fb, (uint32_t *)(to + (size_t)y * stride), at, pitch, width);
                start = start < 0 ? (int)y : start;
            } else if (start >= 0) {
                console_update(fb->con, 0, start, (int)width, (int)y - start);
                start = -1;
            }
        }
    }
    g_free(dirty);
}
