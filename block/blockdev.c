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
#include "block/job.h"

struct blockdev {
    struct keyval *keys;
    const char *name;
    struct blockdev *file, *backing;    /* whose keys it has */
    bool open;                  /* it is a drive */
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

/* A node that has this one's keys now. */
static struct blockdev *user_of(const struct blockdev *b)
{
    struct blockdev *user = blockdevs;

    while (user && user->file != b && user->backing != b) {
        user = user->next;
    }
    return user;
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

/* A node that was added alone was a drive until another one uses it. */
static bool close_drive(struct blockdev *b, struct error **err)
{
    struct block *block = b->open ? block_find(b->name) : NULL;

    if (block && (block_claimed(block) || !block_job_allows(block, err))) {
        error_set(err, "Node '%s' is in use", b->name);
        return false;
    }
    if (block) {
        block_close(block);
    }
    b->open = false;
    return true;
}

/* The node that a key names, about to be used by another. */
static struct blockdev *find_used(struct keyval *keys, const char *key, struct error **err)
{
    const char *name = keyval_string(keys, key, "");
    struct blockdev *b = find(name);

    if (!b) {
        error_set(err, "there is no node '%s' for %s=", name, key);
    }
    return b && close_drive(b, err) ? b : NULL;
}

/* In place of a name the keys of the node that has it. */
static bool resolve_file(struct keyval *keys, struct blockdev **file, struct error **err)
{
    if (!keyval_has(keys, "file")) {
        return true;
    }
    *file = find_used(keys, "file", err);
    if (*file && user_of(*file)) {
        error_set(err, "node '%s' is in use by another node", (*file)->name);
        *file = NULL;
    }
    if (*file) {
        keyval_remove(keys, "file");
        copy_keys(keys, (*file)->keys, "file.");
    }
    return *file != NULL;
}

/* backing= without a name (null in JSON) hides what the image says. Several images may share one:
 * they only read it. */
static bool resolve_backing(struct keyval *keys, struct blockdev **backing, struct error **err)
{
    if (!*keyval_string(keys, "backing", "")) {
        return true;
    }
    *backing = find_used(keys, "backing", err);
    if (*backing) {
        keyval_remove(keys, "backing");
        copy_format(keys, *backing, "backing.");
    }
    return *backing != NULL;
}

static bool check_node(struct keyval *kv, struct error **err)
{
    const char *name = keyval_string(kv, "node-name", NULL);
    const char *driver = keyval_string(kv, "driver", NULL);

    if (!driver || !name) {
        error_set(err, "Parameter '%s' is missing", driver ? "node-name" : "driver");
        return false;
    }
    if (find(name) || block_find(name)) {
        error_set(err, "Duplicate nodes with node-name='%s'", name);
        return false;
    }
    return true;
}

static bool add(struct keyval *kv, struct error **err)
{
    struct blockdev *b, *file = NULL, *backing = NULL, **last = &blockdevs;

    if (!check_node(kv, err) || !resolve_file(kv, &file, err) ||
        !resolve_backing(kv, &backing, err)) {
        return false;
    }
    b = g_new0(struct blockdev, 1);
    b->keys = kv;
    b->name = keyval_string(kv, "node-name", NULL);
    b->file = file;
    b->backing = backing;
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
        error_prepend(err, "-blockdev: ");
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

static bool open_drive(struct blockdev *b, struct error **err)
{
    b->open = block_add_drive_keys(drive_keys(b), err) != NULL;
    return b->open;
}

bool block_open_blockdevs(struct error **err)
{
    for (struct blockdev *b = blockdevs; b; b = b->next) {
        if (!user_of(b) && !open_drive(b, err)) {
            if (*error_text(*err) != '-') {
                error_prepend(err, "-blockdev node-name=%s: ", b->name);
            }
            return false;
        }
    }
    return true;
}

/* Takes the node off the list; the nodes under it stay, as nodes that nobody uses. */
static void forget(struct blockdev *b)
{
    struct blockdev **at = &blockdevs;

    while (*at != b) {
        at = &(*at)->next;
    }
    *at = b->next;
    keyval_free(b->keys);
    g_free(b);
}

/* Nodes that lost their user are drives again; what was there before can be opened. */
static void reopen_unused(void)
{
    for (struct blockdev *b = blockdevs; b; b = b->next) {
        if (!user_of(b) && !b->open) {
            open_drive(b, NULL);
        }
    }
}

bool block_plug_blockdev(const struct json *args, struct error **err)
{
    struct keyval *kv = json_keys("-blockdev", args);
    struct blockdev *b;

    if (!add(kv, err)) {
        keyval_free(kv);
        return false;
    }
    b = find(keyval_string(kv, "node-name", NULL));
    if (!open_drive(b, err)) {
        forget(b);
        reopen_unused();
        return false;
    }
    return true;
}

bool block_unplug_blockdev(const char *name, struct error **err)
{
    struct blockdev *b = find(name), *user = b ? user_of(b) : NULL;

    if (!b) {
        error_set(err, "Failed to find node with node-name='%s'", name);
        return false;
    }
    if (user) {
        error_set(err, "Node '%s' is in use by node '%s'", name, user->name);
        return false;
    }
    if (!close_drive(b, err)) {
        return false;
    }
    forget(b);
    reopen_unused();
    return true;
}
