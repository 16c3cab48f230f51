/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Drives: -drive and its keys, the list of drives, and the facts that devices ask for. */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "base/bits.h"
#include "base/event.h"
#include "block/drive.h"
#include "block/job.h"

static struct block *drives;
static bool snapshot_default, inactive_default;

static const struct {
    const char *name;
    enum block_if interface;
    unsigned units;             /* a bus; 0: one bus that takes any number */
} interfaces[] = {
    { "none", BLOCK_IF_NONE, 0 }, { "ide", BLOCK_IF_IDE, 2 }, { "scsi", BLOCK_IF_SCSI, 7 },
    { "floppy", BLOCK_IF_FLOPPY, 0 }, { "pflash", BLOCK_IF_PFLASH, 0 },
    { "virtio", BLOCK_IF_VIRTIO, 0 }, { "sd", BLOCK_IF_SD, 0 }, { "mtd", BLOCK_IF_MTD, 0 },
};

void block_set_snapshot(bool on)
{
    snapshot_default = on;
}

void block_set_inactive(bool on)
{
    inactive_default = on;
}

const char *block_if_name(enum block_if interface)
{
    return interfaces[interface].name;
}

/* --- keys of -drive -------------------------------------------------------------------------- */

/* One of a list of words; the first is the default. */
static bool read_word(struct keyval *kv, const char *key, const char *const *words, int *value,
                      struct error **err)
{
    const char *text = keyval_string(kv, key, words[0]);

    for (*value = 0; words[*value]; ++*value) {
        if (strcmp(words[*value], text) == 0) {
            return true;
        }
    }
    error_set(err, "%s: '%s' is not a valid %s=", keyval_option(kv), text, key);
    return false;
}

static const char *default_interface = "ide";

void block_set_default_interface(const char *name)
{
    default_interface = name ? name : "ide";
}

static bool read_interface(struct block *block, struct keyval *kv, struct error **err)
{
    const char *text = keyval_string(kv, "if", default_interface);

    for (size_t i = 0; i < ARRAY_LEN(interfaces); i++) {
        if (strcmp(interfaces[i].name, text) == 0) {
            block->interface = interfaces[i].interface;
            return true;
        }
    }
    error_set(err, "%s: unsupported bus type '%s'", keyval_option(kv), text);
    return false;
}

static bool read_media(struct block *block, struct keyval *kv, struct error **err)
{
    static const char *const words[] = { "disk", "cdrom", NULL };
    bool floppy = block->interface == BLOCK_IF_FLOPPY, card = block->interface == BLOCK_IF_SD;
    int media;

    if (!read_word(kv, "media", words, &media, err)) {
        return false;
    }
    block->type = media ? BLOCK_CDROM : floppy ? BLOCK_FLOPPY : card ? BLOCK_CARD : BLOCK_DISK;
    return true;
}

/* The place: index=, or bus= and unit=, or the first that is free. */
static bool read_place(struct block *block, struct keyval *kv, struct error **err)
{
    unsigned units = interfaces[block->interface].units;
    uint64_t bus = 0, unit = 0, index = 0;

    if (!keyval_uint(kv, "bus", &bus, err) || !keyval_uint(kv, "unit", &unit, err) ||
        !keyval_uint(kv, "index", &index, err)) {
        return false;
    }
    if (keyval_has(kv, "index") && (keyval_has(kv, "bus") || keyval_has(kv, "unit"))) {
        error_set(err, "%s: index cannot be used with bus and unit", keyval_option(kv));
        return false;
    }
    if (bus > 255 || unit > 255 || index > 255 || (units && unit >= units)) {
        error_set(err, "%s: bus %llu, unit %llu: there is no such place on '%s'",
                  keyval_option(kv), (unsigned long long)bus,
                  (unsigned long long)(keyval_has(kv, "index") ? index : unit),
                  block_if_name(block->interface));
        return false;
    }
    block->bus = keyval_has(kv, "index") ? (units ? index / units : 0) : bus;
    block->unit = keyval_has(kv, "index") ? (units ? index % units : index) : unit;
    if (block->interface == BLOCK_IF_NONE) {
        return true;
    }
    if (!keyval_has(kv, "index") && !keyval_has(kv, "unit")) {
        while (block_find_drive(block->interface, block->bus, block->unit)) {
            block->unit++;
            if (units && block->unit >= units) {
                block->unit = 0;
                block->bus++;
            }
        }
    }
    if (block_find_drive(block->interface, block->bus, block->unit)) {
        error_set(err, "%s: drive with bus=%u, unit=%u (index=%u) exists", keyval_option(kv),
                  block->bus, block->unit, block->bus * units + block->unit);
        return false;
    }
    return true;
}

static bool read_cache(struct block *block, struct keyval *kv, struct error **err)
{
    static const char *const words[] = { "writeback", "none", "off", "writethrough", "directsync",
                                         "unsafe", NULL };
    static const char *const aio[] = { "threads", "native", "io_uring", NULL };
    bool no_flush = false, direct = false;
    int mode, ignored;

    if (!read_word(kv, "cache", words, &mode, err) || !read_word(kv, "aio", aio, &ignored, err)) {
        return false;
    }
    block->write_cache = mode != 3 && mode != 4;
    no_flush = mode == 5;
    direct = mode == 1 || mode == 2 || mode == 4;
    if (!keyval_bool(kv, "cache.writeback", &block->write_cache, err) ||
        !keyval_bool(kv, "cache.no-flush", &no_flush, err) ||
        !keyval_bool(kv, "cache.direct", &direct, err)) {
        return false;
    }
    block->cache_unsafe = no_flush;
    block->cache_direct = direct;
    return true;
}

static bool read_behaviour(struct block *block, struct keyval *kv, struct error **err)
{
    static const char *const on_write[] = { "enospc", "report", "ignore", "stop", NULL };
    static const char *const on_read[] = { "report", "ignore", "stop", NULL };
    static const char *const discard[] = { "ignore", "off", "unmap", "on", NULL };
    static const char *const zeroes[] = { "off", "on", "unmap", NULL };
    static const enum on_error write_actions[] = { ON_ERROR_ENOSPC, ON_ERROR_REPORT,
                                                   ON_ERROR_IGNORE, ON_ERROR_STOP };
    static const enum on_error read_actions[] = { ON_ERROR_REPORT, ON_ERROR_IGNORE, ON_ERROR_STOP };
    int w, r, d, z;

    if (!read_word(kv, "werror", on_write, &w, err) || !read_word(kv, "rerror", on_read, &r, err) ||
        !read_word(kv, "discard", discard, &d, err) ||
        !read_word(kv, "detect-zeroes", zeroes, &z, err)) {
        return false;
    }
    block->on_write_error = write_actions[w];
    block->on_read_error = read_actions[r];
    block->unmap = d >= 2;
    block->detect_zeroes = z;
    if (z == DETECT_ZEROES_UNMAP && !block->unmap) {
        error_set(err, "%s: detect-zeroes=unmap needs discard=unmap", keyval_option(kv));
        return false;
    }
    return true;
}

static bool read_geometry(struct block *block, struct keyval *kv, struct error **err)
{
    static const char *const trans[] = { "auto", "none", "lba", "large", "rechs", NULL };
    uint64_t c = 0, h = 0, s = 0;
    int t;

    if (!keyval_uint(kv, "cyls", &c, err) || !keyval_uint(kv, "heads", &h, err) ||
        !keyval_uint(kv, "secs", &s, err) || !read_word(kv, "trans", trans, &t, err)) {
        return false;
    }
    if ((c || h || s) && (c < 1 || c > 65535 || h < 1 || h > 16 || s < 1 || s > 255)) {
        error_set(err, "%s: cyls is 1 to 65535, heads 1 to 16, secs 1 to 255", keyval_option(kv));
        return false;
    }
    block->geometry = (struct block_geometry){ c, h, s, t };
    return true;
}

static bool read_access(struct block *block, struct keyval *kv, struct error **err)
{
    const char *auto_word = keyval_string(kv, "readonly", keyval_string(kv, "read-only", ""));

    block->readonly_wanted = block->type == BLOCK_CDROM;
    block->snapshot = snapshot_default;
    if (strcmp(auto_word, "auto") != 0 &&
        (!keyval_bool(kv, "readonly", &block->readonly_wanted, err) ||
         !keyval_bool(kv, "read-only", &block->readonly_wanted, err))) {
        return false;
    }
    block->readonly_wanted |= block->type == BLOCK_CDROM;
    return keyval_bool(kv, "snapshot", &block->snapshot, err) &&
        keyval_bool(kv, "copy-on-read", &block->copy_on_read, err);
}

static bool read_keys(struct block *block, struct keyval *kv, struct error **err)
{
    return read_interface(block, kv, err) && read_media(block, kv, err) &&
        read_place(block, kv, err) && read_cache(block, kv, err) &&
        read_behaviour(block, kv, err) && read_geometry(block, kv, err) &&
        read_access(block, kv, err);
}

/* --- making ---------------------------------------------------------------------------------- */

static char *default_id(const struct block *block)
{
    const char *kind = block->type == BLOCK_CDROM ? "-cd" : block->type == BLOCK_DISK ? "-hd" : "";

    if (interfaces[block->interface].units) {
        return g_strdup_printf("%s%u%s%u", block_if_name(block->interface), block->bus, kind,
                               block->unit);
    }
    return g_strdup_printf("%s%u", block_if_name(block->interface), block->unit);
}

static void warn_about_guess(const struct block *block)
{
    const struct block_node *node = block->node;

    if (node->probed && node->driver == &block_driver_raw && !(node->flags & NODE_READONLY) &&
        !block->snapshot) {
        error_warn("Image format was not specified for '%s' and probing guessed raw. Writes of "
                   "other formats' headers to block 0 will be refused; format=raw allows them.",
                   node->file);
    }
}

/* `text` may be *where itself. */
static void set_text(char **where, const char *text)
{
    char *copy = g_strdup(text);

    g_free(*where);
    *where = copy;
}

struct block_node *block_open_node(struct block *block, const char *file, const char *format,
                                   struct error **err)
{
    bool overlay = block->snapshot && !block->readonly_wanted && !block->inactive;
    unsigned flags = (block->readonly_wanted || overlay ? NODE_READONLY : 0) |
        (block->unmap ? NODE_UNMAP : 0) | (block->cache_unsafe ? NODE_NO_FLUSH : 0) |
        (block->cache_direct ? NODE_DIRECT : 0) |
        (block->inactive ? NODE_READONLY | NODE_SHARE : 0) |
        block->chain_flags;
    struct block_node *node = block_node_open(file, format, block->options, flags, err), *top;

    top = node && overlay ? block_overlay_create(node, err) : node;
    if (!top) {
        block_node_close(node);
        return NULL;
    }
    set_text(&block->medium_file, file);
    set_text(&block->medium_format, format);
    return top;
}

static struct block *create(struct keyval *kv)
{
    struct block *block = g_new0(struct block, 1);

    block->options = kv;
    block->inactive = inactive_default;
    block_workers_init(block);
    return block;
}

/* file.driver=, file.filename=, ... in place of file= */
static bool has_file_keys(const struct keyval *kv)
{
    const char *key, *value;

    for (size_t at = 0; keyval_next(kv, &at, &key, &value);) {
        if (g_str_has_prefix(key, "file.") && strcmp(key, "file.locking") != 0) {
            return true;
        }
    }
    return false;
}

static bool open_medium(struct block *block, struct error **err)
{
    struct keyval *kv = block->options;
    const char *file = keyval_string(kv, "file", "");
    const char *format = keyval_string(kv, "format", keyval_string(kv, "driver", NULL));

    if (*file || has_file_keys(kv)) {
        block->node = block_open_node(block, *file ? file : NULL, format, err);
        if (!block->node) {
            return false;
        }
    } else if (block->type == BLOCK_DISK && block->interface != BLOCK_IF_NONE) {
        error_set(err, "%s: a disk needs a file= (only drives of CDs, floppies and cards can be "
                  "empty)", keyval_option(kv));
        return false;
    }
    return true;
}

struct block *block_add_drive_keys(struct keyval *kv, struct error **err)
{
    struct block *block = create(kv), **last = &drives;
    const char *id;

    if (!read_keys(block, kv, err)) {
        block_close(block);
        return NULL;
    }
    id = keyval_string(kv, "id", NULL);
    block->id = id ? g_strdup(id) : default_id(block);
    block->serial = g_strdup(keyval_string(kv, "serial", NULL));
    if (block_find(block->id)) {
        error_set(err, "%s: duplicate ID '%s' for drive", keyval_option(kv), block->id);
        block_close(block);
        return NULL;
    }
    if (!throttle_parse(&block->throttle, kv, block->id, err) || !open_medium(block, err) ||
        !keyval_check(kv, err)) {
        block_close(block);
        return NULL;
    }
    if (block->copy_on_read && block->node && block_readonly(block)) {
        error_warn("%s: copy-on-read has no effect on a read-only drive", keyval_option(kv));
    }
    if (block->node) {
        warn_about_guess(block);
    }
    while (*last) {
        last = &(*last)->next;
    }
    *last = block;
    return block;
}

struct block *block_add_drive(const char *text, struct error **err)
{
    struct keyval *kv = keyval_parse("-drive", text, NULL, err);

    return kv ? block_add_drive_keys(kv, err) : NULL;
}

struct block *block_open(const char *file, struct keyval *options, bool readonly,
                         struct error **err)
{
    struct block *block = create(NULL);
    unsigned flags = readonly ? NODE_READONLY : 0;
    const char *format = options ? keyval_string(options, "format", NULL) : NULL;

    block->write_cache = true;
    block->readonly_wanted = readonly;
    if (options && !read_cache(block, options, err)) {
        block_close(block);
        return NULL;
    }
    flags |= (block->cache_unsafe ? NODE_NO_FLUSH : 0) | (block->cache_direct ? NODE_DIRECT : 0);
    block->node = block_node_open(file, format, options, flags, err);
    if (!block->node) {
        block_close(block);
        return NULL;
    }
    return block;
}

void block_close(struct block *block)
{
    struct block **link = &drives;

    block_job_stop(block);
    while (*link && *link != block) {
        link = &(*link)->next;
    }
    if (*link) {
        *link = block->next;
    }
    block_drain(block);
    block_workers_stop(block);
    block_node_close(block->node);
    throttle_release(block->throttle);
    keyval_free(block->options);
    g_free(block->medium_file);
    g_free(block->medium_format);
    g_free(block->serial);
    g_free(block->id);
    g_free(block);
}

/* --- the list -------------------------------------------------------------------------------- */

struct block *block_find(const char *id)
{
    struct block *block = drives;

    while (block && strcmp(block->id, id) != 0) {
        block = block->next;
    }
    return block;
}

struct block *block_find_drive(enum block_if interface, unsigned bus, unsigned unit)
{
    struct block *block = drives;

    while (block && (block->interface != interface || block->bus != bus || block->unit != unit)) {
        block = block->next;
    }
    return block;
}

struct block *block_first(void)
{
    return drives;
}

struct block *block_next(struct block *block)
{
    return block->next;
}

/* --- facts ----------------------------------------------------------------------------------- */

const char *block_id(const struct block *block)
{
    return block->id ? block->id : "";
}

const char *block_file(const struct block *block)
{
    return block->node ? block->node->file : "";
}

const char *block_format(const struct block *block)
{
    const struct block_node *node = block_image(block);

    return node ? node->driver->name : "";
}

const char *block_serial(const struct block *block)
{
    return block->serial;
}

enum block_type block_type(const struct block *block)
{
    return block->type;
}

bool block_inserted(const struct block *block)
{
    return block->node != NULL;
}

int64_t block_length(struct block *block)
{
    return block->node ? block_node_length(block->node) : -ENOMEDIUM;
}

bool block_readonly(const struct block *block)
{
    return block->node && !block->inactive ? block->node->flags & NODE_READONLY
                                           : block->readonly_wanted;
}

bool block_write_cache(const struct block *block)
{
    return block->write_cache;
}

void block_set_write_cache(struct block *block, bool on)
{
    block->write_cache = on;
}

bool block_geometry_hint(const struct block *block, struct block_geometry *geometry)
{
    *geometry = block->geometry;
    return block->geometry.cylinders != 0;
}

static enum block_error_action choose_action(struct block *block, bool is_read, int result)
{
    enum on_error wanted = is_read ? block->on_read_error : block->on_write_error;

    switch (wanted) {
    case ON_ERROR_IGNORE:
        return BLOCK_ERROR_IGNORE;
    case ON_ERROR_STOP:
        return BLOCK_ERROR_STOP;
    case ON_ERROR_ENOSPC:
        return result == -ENOSPC ? BLOCK_ERROR_STOP : BLOCK_ERROR_REPORT;
    default:
        return BLOCK_ERROR_REPORT;
    }
}

enum block_error_action block_error_action(struct block *block, bool is_read, int result)
{
    static const char *const names[] = { "report", "ignore", "stop" };
    enum block_error_action action = choose_action(block, is_read, result);
    struct json *data = json_object();

    json_set_string(data, "device", block->id);
    json_set_string(data, "qom-path", "");
    json_set_string(data, "operation", is_read ? "read" : "write");
    json_set_string(data, "action", names[action]);
    json_set_bool(data, "nospace", result == -ENOSPC);
    json_set_string(data, "reason", strerror(-result));
    event_emit("BLOCK_IO_ERROR", data);
    return action;
}
