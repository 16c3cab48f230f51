/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Everything that can be done with an image of unknown content; it must only not crash or hang. */
#ifndef TESTS_IMAGE_USE_H
#define TESTS_IMAGE_USE_H

#include "tests/image/memory.h"

#define USE_MAX 65536u

static void use_content(struct block_node *node, bool write)
{
    uint8_t *data = g_malloc(USE_MAX);
    int64_t length = block_node_length(node);
    uint64_t at = 0;

    for (int i = 0; i < 40 && at < length; i++) {
        struct block_extent e;
        unsigned depth;
        uint64_t n;

        if (block_node_status_deep(node, at, length - at, &e, &depth) || !e.length) {
            break;
        }
        n = e.length < USE_MAX ? e.length : USE_MAX;
        block_node_pread(node, at, data, n);
        if (write) {
            memset(data, i, n);
            block_node_pwrite(node, at + n / 3, data, n - n / 3);
            block_node_write_zeroes(node, at, n / 2, i & 1);
            block_node_discard(node, at, n);
        }
        at += e.length;
    }
    g_free(data);
}

static void use_image_ops(struct block_node *node, bool write)
{
    const struct block_image_ops *ops = node->driver->image;
    struct image_check r = { .quiet = true };
    struct image_snapshot *list;
    struct error *err = NULL;
    struct image_info info = { 0 };
    size_t count = 0;

    if (ops && ops->info) {
        ops->info(node, &info);
        value_free(info.specific);
    }
    if (ops && ops->check) {
        ops->check(node, write ? REPAIR_LEAKS | REPAIR_ERRORS : 0, &r);
    }
    if (write && ops && ops->snapshot_create) {
        struct image_snapshot s = { .name = (char *)"x" };

        ops->snapshot_create(node, &s, NULL);
        list = ops->snapshots(node, &count);
        if (count) {
            ops->snapshot_apply(node, list[0].id, NULL);
            ops->snapshot_delete(node, list[0].id, NULL);
        }
        image_snapshots_free(list, count);
    }
    if (write && !block_node_resize(node, block_node_length(node) + 65536, BLOCK_PREALLOC_OFF,
                                    &err)) {
        error_free(err);
    }
}

/* Returns whether it opened. */
__attribute__((unused)) static bool use_image(const uint8_t *data, size_t size, const char *format,
                                              unsigned flags)
{
    struct memory_file *f = memory_create(data, size);
    struct error *err = NULL;
    struct block_node *node = memory_open(f, format, flags | NODE_NO_BACKING, &err);
    bool write = !(flags & NODE_READONLY), opened = node != NULL;

    if (node) {
        use_content(node, write);
        use_image_ops(node, write);
        use_content(node, write);
        block_node_flush(node);
        block_node_close(node);
    }
    error_free(err);
    memory_free(f);
    return opened;
}

#endif
