/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * -blockdev: nodes by name. A format's file=NAME and backing=NAME may name other nodes, whose keys
 * then are those of its file or of the image below. Nodes that no other one uses become drives,
 * which devices find by their name.
 */
#include <glib.h>
#include <string.h>

#include "base/json.h"
#include "block/drive.h"

struct blockdev {
    struct keyval *keys;
    const char *name;
    bool used;                  /* by another one */
    struct blockdev *next;
};

static struct blockdev *blockdevs;

static struct blockdev *find(const char *name)
{
    struct blockdev *b = blockdevs;

    while (b && strcmp(b->name, name) != 0) {
        b = b->next;
    }
    return b;
}

static void copy_keys(struct keyval *to, const struct keyval *from, const char *prefix)
{
    const char *key, *value;

    for (size_t at = 0; keyval_next(from, &at, &key, &value);) {
        if (strcmp(key, "node-name") != 0) {
            char *longer = g_strconcat(prefix, key, NULL);

            keyval_set(to, longer, value);
            g_free(longer);
        }
    }
}

/* As a format has it; a protocol alone gets the raw format. */
static void copy_format(struct keyval *to, const struct blockdev *b, const char *prefix)
{
    char *driver, *file;

    if (block_find_format(keyval_string(b->keys, "driver", ""))) {
        copy_keys(to, b->keys, prefix);
        return;
    }
    driver = g_strconcat(prefix, "driver", NULL);
    file = g_strconcat(prefix, "file.", NULL);
    keyval_set(to, driver, "raw");
    copy_keys(to, b->keys, file);
    g_free(driver);
    g_free(file);
}

static struct blockdev *find_used(struct keyval *keys, const char *key, struct error **err)
{
    const char *name = keyval_string(keys, key, "");
    struct blockdev *b = find(name);

    if (!b) {
        error_set(err, "-blockdev: there is no node '%s' for %s=", name, key);
    }
    return b;
}

/* In place of a name the keys of the node that has it. */
static bool resolve_file(struct keyval *keys, struct error **err)
{
    struct blockdev *file;

    if (!keyval_has(keys, "file")) {
        return true;
    }
    file = find_used(keys, "file", err);
    if (file && file->used) {
        error_set(err, "-blockdev: node '%s' is in use by another node", file->name);
        file = NULL;
    }
    if (file) {
        file->used = true;
        keyval_remove(keys, "file");
        copy_keys(keys, file->keys, "file.");
    }
    return file != NULL;
}

/* backing= without a name (null in JSON) hides what the image says. Several images may share one:
 * they only read it. */
static bool resolve_backing(struct keyval *keys, struct error **err)
{
    struct blockdev *below;

    if (!*keyval_string(keys, "backing", "")) {
        return true;
    }
    below = find_used(keys, "backing", err);
    if (below) {
        below->used = true;
        keyval_remove(keys, "backing");
        copy_format(keys, below, "backing.");
    }
    return below != NULL;
}

static bool add(struct keyval *kv, struct error **err)
{
    const char *name = keyval_string(kv, "node-name", NULL);
    const char *driver = keyval_string(kv, "driver", NULL);
    struct blockdev *b, **last = &blockdevs;

    if (!driver || !name) {
        error_set(err, "-blockdev: Parameter '%s' is missing", driver ? "node-name" : "driver");
        return false;
    }
    if (find(name) || block_find(name)) {
        error_set(err, "-blockdev: Duplicate nodes with node-name='%s'", name);
        return false;
    }
    if (!resolve_file(kv, err) || !resolve_backing(kv, err)) {
        return false;
    }
    b = g_new0(struct blockdev, 1);
    b->keys = kv;
    b->name = keyval_string(kv, "node-name", NULL);
    while (*last) {
        last = &(*last)->next;
    }
    *last = b;
    return true;
}

bool block_add_blockdev(const char *text, struct error **err)
{
    struct keyval *kv = *text == '{' ? json_parse_keys("-blockdev", text, strlen(text), err)
                                     : keyval_parse("-blockdev", text, "driver", err);

    if (kv && !add(kv, err)) {
        keyval_free(kv);
        return false;
    }
    return kv != NULL;
}

/* As -drive would have it. */
static struct keyval *drive_keys(const struct blockdev *b)
{
    struct keyval *kv = keyval_create("-blockdev");

    copy_format(kv, b, "");
    keyval_set(kv, "read-only", keyval_string(b->keys, "read-only", "off"));
    keyval_set(kv, "if", "none");
    keyval_set(kv, "id", b->name);
    return kv;
}

bool block_open_blockdevs(struct error **err)
{
    bool good = true;

    while (blockdevs && good) {
        struct blockdev *b = blockdevs;

        good = b->used || block_add_drive_keys(drive_keys(b), err);
        blockdevs = b->next;
        keyval_free(b->keys);
        g_free(b);
    }
    return good;
}
