/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Creating images of any format, and helpers for the formats. */
#include "block/image.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bits.h"

void image_snapshots_free(struct image_snapshot *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        g_free(list[i].id);
        g_free(list[i].name);
    }
    g_free(list);
}

void image_bitmaps_free(struct image_bitmap *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        g_free(list[i].name);
    }
    g_free(list);
}

static bool check_option(const struct image_option *table, struct keyval *options,
                         const char *key, struct error **err)
{
    bool on;
    uint64_t number;
    bool good = true;

    while (table->name && strcmp(table->name, key) != 0) {
        table++;
    }
    if (!table->name) {
        error_set(err, "Invalid parameter '%s'", key);
        return false;
    }
    if (table->kind == IMAGE_BOOL) {
        good = keyval_bool(options, key, &on, err);
    } else if (table->kind == IMAGE_SIZE) {
        good = keyval_size(options, key, &number, err);
    } else if (table->kind == IMAGE_NUMBER) {
        good = keyval_uint(options, key, &number, err);
    }
    return good;
}

bool image_check_options(const struct image_option *table, struct keyval *options,
                         struct error **err)
{
    const char *key, *value;
    size_t at = 0;

    while (keyval_next(options, &at, &key, &value)) {
        if (!check_option(table, options, key, err)) {
            return false;
        }
    }
    return true;
}

bool image_create(const char *file, const char *format, uint64_t size, struct keyval *options,
                  struct error **err)
{
    const struct block_driver *driver = block_find_format(format);

    if (!driver) {
        error_set(err, "Unknown file format '%s'", format);
        return false;
    }
    if (!driver->image || !driver->image->create) {
        error_set(err, "Format driver '%s' does not support image creation", format);
        return false;
    }
    if (!image_check_options(driver->image->options, options, err)) {
        return false;
    }
    if (size > INT64_MAX - 65535) {
        error_set(err, "The image size is too large for file format '%s'", format);
        return false;
    }
    return driver->image->create(file, size, options, err);
}

struct block_node *image_create_file(const char *file, struct error **err)
{
    struct block_node *node;
    int fd;

    /* Elsewhere than in a file it must exist, and be large enough. */
    if (!block_is_file_name(file)) {
        return block_node_open_file(file, NULL, 0, err);
    }
    file += strncmp(file, "file:", 5) == 0 ? 5 : 0;
    fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) {
        error_set_errno(err, errno, "Could not create '%s'", file);
        return NULL;
    }
    close(fd);
    /* The lock comes before the old content goes. */
    node = block_node_open_file(file, NULL, 0, err);
    if (node && !block_node_resize(node, 0, BLOCK_PREALLOC_OFF, err)) {
        block_node_close(node);
        return NULL;
    }
    return node;
}

bool image_read_prealloc(struct keyval *options, enum block_prealloc *prealloc, struct error **err)
{
    static const char *const words[] = { "off", "metadata", "falloc", "full" };
    const char *text = keyval_string(options, "preallocation", "off");

    for (unsigned i = 0; i < ARRAY_LEN(words); i++) {
        if (strcmp(words[i], text) == 0) {
            *prealloc = i;
            return true;
        }
    }
    error_set(err, "Invalid parameter '%s'", text);
    return false;
}

int64_t image_actual_size(struct block_node *node)
{
    struct stat st;

    while (node->child) {
        node = node->child;
    }
    return stat(node->file, &st) < 0 ? -errno : (int64_t)st.st_blocks * 512;
}
