/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The vc character device: a text console, which windows and VNC show on Ctrl-Alt-2 and on. */
#include <string.h>

#include "base/bits.h"
#include "char/backend.h"
#include "char/memory.h"
#include "ui/text-console.h"
#include "ui/text-internal.h"

struct vc {
    struct chardev chr;
    struct text_console *tc;
    GByteArray *typed;             /* what the front-end does not take yet */
};

#define TYPED_MAX 4096

static void deliver(struct vc *vc)
{
    while (vc->typed->len) {
        size_t n = MIN_OF((size_t)vc->typed->len, chardev_room(&vc->chr));

        if (!n) {
            return;
        }
        chardev_deliver(&vc->chr, vc->typed->data, n);
        g_byte_array_remove_range(vc->typed, 0, (guint)n);
    }
}

static void typed(void *opaque, const uint8_t *data, size_t size)
{
    struct vc *vc = opaque;

    if (vc->typed->len + size <= TYPED_MAX) {
        g_byte_array_append(vc->typed, data, (guint)size);
    }
    deliver(vc);
}

/* Cells, or pixels that are divided by a cell's. */
static bool read_size(struct keyval *kv, const char *pixels, const char *cells, unsigned unit,
                      unsigned limit, unsigned *size, struct error **err)
{
    uint64_t value = 0;

    if (!keyval_uint(kv, pixels, &value, err)) {
        return false;
    }
    value /= unit;
    if (!keyval_uint(kv, cells, &value, err)) {
        return false;
    }
    if (value > limit) {
        error_set(err, "%s: %s is too large for a text console", keyval_option(kv), cells);
        return false;
    }
    *size = value ? (unsigned)value : *size;
    return true;
}

static bool open_vc(struct chardev *chr, struct keyval *kv, struct error **err)
{
    struct vc *vc = (struct vc *)chr;
    unsigned columns = 80, rows = 24;

    if (!read_size(kv, "width", "cols", TEXT_WIDTH, TEXT_COLUMNS_MAX, &columns, err) ||
        !read_size(kv, "height", "rows", TEXT_HEIGHT, TEXT_ROWS_MAX, &rows, err)) {
        return false;
    }
    vc->typed = g_byte_array_new();
    vc->tc = text_console_create(*chr->id ? chr->id : "vc", columns, rows, typed, vc);
    chr->connected = true;
    return true;
}

static void close_vc(struct chardev *chr)
{
    struct vc *vc = (struct vc *)chr;

    text_console_destroy(vc->tc);
    g_byte_array_free(vc->typed, TRUE);
}

static size_t write_vc(struct chardev *chr, const uint8_t *data, size_t size)
{
    text_console_write(((struct vc *)chr)->tc, data, size);
    return size;
}

static void update_vc(struct chardev *chr)
{
    if (((struct vc *)chr)->typed) {
        deliver((struct vc *)chr);
    }
}

const struct chardev_backend chardev_vc = {
    .name = "vc", .size = sizeof(struct vc), .open = open_vc, .close = close_vc,
    .write = write_vc, .update = update_vc,
};
