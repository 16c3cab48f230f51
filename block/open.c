/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Opening: which drivers a name and options ask for, probing, backing chains. */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "base/bits.h"
#include "base/json.h"
#include "block/node.h"

/* Later formats are further rows. */
static const struct block_driver *const formats[] = {
    &block_driver_bochs, &block_driver_cloop, &block_driver_cow, &block_driver_dmg,
    &block_driver_luks, &block_driver_parallels, &block_driver_qcow, &block_driver_qcow2,
    &block_driver_raw, &block_driver_vdi, &block_driver_vhdx, &block_driver_vmdk,
    &block_driver_vpc,
};

/* Images that must not be taken for raw ones. */
static const struct {
    const char *name;
    const char *magic;
    uint8_t length;
} magics[] = {
    { "qcow2", "QFI\xfb\0\0\0\2", 8 }, { "qcow2", "QFI\xfb\0\0\0\3", 8 },
    { "qcow", "QFI\xfb\0\0\0\1", 8 }, { "vmdk", "KDMV", 4 }, { "vmdk", "COWD", 4 },
    { "vmdk", "# Disk DescriptorFile", 21 }, { "vpc", "conectix", 8 }, { "vhdx", "vhdxfile", 8 },
    { "cow", "OOOM", 4 }, { "parallels", "WithoutFreeSpace", 16 },
    { "parallels", "WithouFreSpacExt", 16 }, { "bochs", "Bochs Virtual HD Image", 22 },
    { "luks", "LUKS\xba\xbe", 6 }, { "qed", "QED\0", 4 },
    { "cloop", "#!/bin/sh\n#V2.0 Format", 22 },
};

static const struct block_driver *const protocols[] = {
    &block_driver_file, &block_driver_nbd, &block_driver_vvfat,
#ifdef CONFIG_CURL
    &block_driver_http, &block_driver_https, &block_driver_ftp, &block_driver_ftps,
#endif
};

/* Names that are known from elsewhere, and are no files. */
static const char *const strangers[] = {
    "http", "https", "ftp", "ftps", "ssh", "iscsi", "rbd", "gluster", "sheepdog", "nfs",
    "blkdebug", "blkverify", "null-co", "null-aio", "fd"
};

/* --- opening --------------------------------------------------------------------------------- */

const char *block_probe_format(const uint8_t *head, size_t size)
{
    const struct block_driver *best = NULL;
    int best_score = 0;

    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        int score = formats[i]->probe ? formats[i]->probe(head, size) : 0;

        if (score > best_score) {
            best = formats[i];
            best_score = score;
        }
    }
    if (best && best != &block_driver_raw) {
        return best->name;
    }
    for (size_t i = 0; i < ARRAY_LEN(magics); i++) {
        if (size >= magics[i].length && memcmp(head, magics[i].magic, magics[i].length) == 0) {
            return magics[i].name;
        }
    }
    if (size >= 68 && ld32_le(head + 64) == 0xbeda107f) {
        return "vdi";
    }
    return "raw";
}

const struct block_driver *block_find_format(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        if (strcmp(formats[i]->name, name) == 0) {
            return formats[i];
        }
    }
    return NULL;
}

const struct block_driver *block_next_format(size_t *at)
{
    return *at < ARRAY_LEN(formats) ? formats[(*at)++] : NULL;
}

/* By driver= or by what the name starts with; files need no mark. */
static const struct block_driver *find_protocol(const char *name, const char *driver)
{
    for (size_t i = 0; i < ARRAY_LEN(protocols); i++) {
        const char *const *prefix = protocols[i]->prefixes;

        if (driver && strcmp(protocols[i]->name, driver) == 0) {
            return protocols[i];
        }
        while (!driver && name && prefix && *prefix && !g_str_has_prefix(name, *prefix)) {
            prefix++;
        }
        if (!driver && name && prefix && *prefix) {
            return protocols[i];
        }
    }
    return driver && strncmp(driver, "host_", 5) != 0 ? NULL : &block_driver_file;
}

bool block_is_file_name(const char *name)
{
    return find_protocol(name, NULL) == &block_driver_file;
}

static bool check_protocol(const char *file, struct error **err)
{
    for (size_t i = 0; i < ARRAY_LEN(strangers); i++) {
        size_t length = strlen(strangers[i]);

        if (strncmp(file, strangers[i], length) == 0 && file[length] == ':') {
            error_set(err, "Could not open '%s': Unknown protocol '%s'%s", file, strangers[i],
                      strstr("https ftps", strangers[i])
                      ? "; this program was built without libcurl" : "");
            return false;
        }
    }
    return true;
}

static struct block_node *open_driver(const struct block_driver *driver, const char *file,
                                      struct block_node *child, struct keyval *options,
                                      unsigned flags, struct error **err)
{
    struct block_node *node = g_malloc0(driver->size);

    node->driver = driver;
    node->file = g_strdup(file);
    node->flags = flags;
    node->child = child;
    node->options = options;
    if (child) {
        memcpy(node->identity, child->identity, sizeof(node->identity));
    }
    if (driver->open && !driver->open(node, options, err)) {
        block_node_close(node->backing);
        block_node_close(child);
        g_free(node->backing_file);
        g_free(node->backing_format);
        g_free(node->file);
        g_free(node);
        return NULL;
    }
    node->options = NULL;
    return node;
}

struct block_node *block_node_open_file(const char *file, struct keyval *options, unsigned flags,
                                        struct error **err)
{
    const char *driver = options ? keyval_string(options, "driver", NULL) : NULL;
    const struct block_driver *protocol;
    struct keyval *own = options ? NULL : keyval_create("-drive");
    struct block_node *node = NULL;

    options = options ? options : own;
    file = file ? file : keyval_string(options, "filename", NULL);
    protocol = find_protocol(file, driver);
    if (!protocol) {
        error_set(err, "Unknown driver '%s'", driver);
    } else if (!protocol->parse_name) {
        file = file && strncmp(file, "file:", 5) == 0 ? file + 5 : file;
        if (!file) {
            error_set(err, "%s: the option 'file.filename' is missing", keyval_option(options));
        } else if (driver || check_protocol(file, err)) {
            node = open_driver(protocol, file, NULL, options, flags, err);
        }
    } else if (!file || protocol->parse_name(file, options, err)) {
        node = open_driver(protocol, file ? file : driver, NULL, options, flags, err);
    }
    keyval_free(own);
    return node;
}

/* NULL with the error set. */
static const char *guess_format(struct block_node *child, struct error **err)
{
    uint8_t head[2048] = { 0 };
    int64_t length = block_node_length(child);
    struct iovec iov = { head, MIN_OF(sizeof(head), MAX_OF(length, 0)) };
    int rc = block_node_read(child, 0, &iov, 1);
    const char *format;

    if (rc) {
        error_set_errno(err, -rc, "Could not open '%s': cannot read its first bytes", child->file);
        return NULL;
    }
    format = block_probe_format(head, iov.iov_len);
    /* Its mark is at the end of the file. */
    return strcmp(format, "raw") == 0 && g_str_has_suffix(child->file, ".dmg") ? "dmg" : format;
}

struct block_node *block_node_open_on(struct block_node *child, const char *format,
                                      struct keyval *options, unsigned flags, struct error **err)
{
    struct keyval *own = options ? NULL : keyval_create("-drive");
    const char *name = format ? format : guess_format(child, err);
    const struct block_driver *driver = name ? block_find_format(name) : NULL;
    struct block_node *node = NULL;

    if (driver) {
        node = open_driver(driver, child->file, child, options ? options : own, flags, err);
    } else {
        if (name) {
            error_set(err, "Could not open '%s': Unknown driver '%s'", child->file, name);
        }
        block_node_close(child);
    }
    if (node) {
        /* What we lay out ourselves is no guess. */
        node->probed = !format && child->driver != &block_driver_vvfat;
    }
    keyval_free(own);
    return node;
}

/* Keys that any node may have. */
static bool read_flags(struct keyval *options, unsigned *flags, struct error **err)
{
    bool readonly = *flags & NODE_READONLY, share = *flags & NODE_SHARE, no_flush = false;
    bool direct = *flags & NODE_DIRECT;
    const char *discard = keyval_string(options, "discard", NULL);

    if (!keyval_bool(options, "read-only", &readonly, err) ||
        !keyval_bool(options, "force-share", &share, err) ||
        !keyval_bool(options, "cache.no-flush", &no_flush, err) ||
        !keyval_bool(options, "cache.direct", &direct, err)) {
        return false;
    }
    if (discard) {
        *flags &= ~NODE_UNMAP;
        *flags |= strcmp(discard, "unmap") == 0 || strcmp(discard, "on") == 0 ? NODE_UNMAP : 0;
    }
    *flags &= ~NODE_DIRECT;
    *flags |= (readonly ? NODE_READONLY : 0) | (share ? NODE_SHARE : 0) |
        (no_flush ? NODE_NO_FLUSH : 0) | (direct ? NODE_DIRECT : 0);
    keyval_mark(options, "node-name");
    keyval_mark(options, "auto-read-only");
    keyval_mark(options, "detect-zeroes");
    return true;
}

/* The protocol below a format: file=NAME, file.KEY=..., where file.driver may be a format too. */
static struct block_node *open_child(const char *file, struct keyval *options, unsigned flags,
                                     struct error **err)
{
    struct keyval *sub = keyval_sub(options, "file.");
    const char *driver = keyval_string(sub, "driver", NULL);
    const char *locking = keyval_string(options, "locking", NULL);
    struct block_node *node = NULL;

    if (locking && !driver) {
        keyval_set(sub, "locking", locking);    /* -drive locking=: the short form */
    }
    if (driver && block_find_format(driver)) {
        node = block_node_open_options(sub, flags, err);
    } else if (read_flags(sub, &flags, err)) {
        node = block_node_open_file(file, sub, flags, err);
        if (node && !keyval_check(sub, err)) {
            block_node_close(node);
            node = NULL;
        }
    }
    keyval_free(sub);
    return node;
}

struct block_node *block_node_open_options(struct keyval *options, unsigned flags,
                                           struct error **err)
{
    const char *driver = keyval_string(options, "driver", NULL);
    const char *file = keyval_string(options, "file", NULL);
    struct block_node *child;

    if (!read_flags(options, &flags, err)) {
        return NULL;
    }
    /* A protocol alone has its own keys here, and stands for its raw bytes. */
    if (driver && !block_find_format(driver)) {
        child = block_node_open_file(NULL, options, flags, err);
        return child ? block_node_open_on(child, "raw", NULL, flags, err) : NULL;
    }
    file = file ? file : keyval_string(options, "filename", NULL);
    child = open_child(file, options, flags, err);
    return child ? block_node_open_on(child, driver, options, flags, err) : NULL;
}

/*
 * json:{...}, as a name: all options of a node. `options` go before what the name says, where both
 * have a key.
 */
static struct block_node *open_json(const char *name, const char *format, struct keyval *options,
                                    unsigned flags, struct error **err)
{
    struct error *why = NULL;
    struct keyval *kv = json_parse_keys("json:", name + strlen("json:"),
                                        strlen(name) - strlen("json:"), &why);
    struct block_node *node = NULL;
    const char *key, *value;
    size_t at = 0;

    while (kv && options && keyval_next(options, &at, &key, &value)) {
        if (strncmp(key, "file.", 5) == 0 || strncmp(key, "backing.", 8) == 0) {
            keyval_set(kv, key, keyval_string(options, key, NULL));
        }
    }
    if (kv && format && strcmp(keyval_string(kv, "driver", format), format) != 0) {
        error_set(&why, "Could not open '%s': its driver is not '%s'", name, format);
    } else if (kv) {
        if (format) {
            keyval_set(kv, "driver", format);
        }
        node = block_node_open_options(kv, flags, &why);
    }
    if (node && !keyval_check(kv, &why)) {
        block_node_close(node);
        node = NULL;
    }
    keyval_free(kv);
    error_propagate(err, why);
    return node;
}

struct block_node *block_node_open(const char *file, const char *format, struct keyval *options,
                                   unsigned flags, struct error **err)
{
    struct keyval *own = options ? NULL : keyval_create("-drive");
    struct block_node *child = NULL;

    if (file && g_str_has_prefix(file, "json:")) {
        keyval_free(own);
        return open_json(file, format, options, flags, err);
    }
    options = options ? options : own;
    if (format && !block_find_format(format)) {
        error_set(err, "Could not open '%s': Unknown driver '%s'", file ? file : format, format);
    } else {
        child = open_child(file, options, flags, err);
    }
    child = child ? block_node_open_on(child, format, options, flags, err) : NULL;
    keyval_free(own);
    return child;
}

char *block_resolve_name(const char *image, const char *name)
{
    const char *slash = strrchr(image, '/'), *colon = strchr(name, ':');

    name += strncmp(name, "file:", 5) == 0 ? 5 : 0;
    if (name[0] == '/' || !slash || (colon && colon < name + strcspn(name, "/"))) {
        return g_strdup(name);
    }
    return g_strdup_printf("%.*s%s", (int)(slash + 1 - image), image, name);
}

void block_node_close(struct block_node *node)
{
    if (node) {
        if (node->driver->close) {
            node->driver->close(node);
        }
        block_node_close(node->backing);
        block_node_close(node->child);
        g_free(node->backing_file);
        g_free(node->backing_format);
        g_free(node->file);
        g_free(node);
    }
}

/* --- backing files --------------------------------------------------------------------------- */

/* The images above the one that is being opened, on this thread. */
struct above {
    const struct block_node *node;
    const struct above *next;
    unsigned depth;
};
static __thread const struct above *chain;

#define MAX_CHAIN 200

static bool is_loop(const struct block_node *child)
{
    for (const struct above *a = chain; a; a = a->next) {
        if (child->identity[1] && memcmp(child->identity, a->node->identity,
                                         sizeof(child->identity)) == 0) {
            return true;
        }
    }
    return false;
}

/* By name, or by options when there is none. */
static bool open_below(struct block_node *node, const char *name, struct keyval *options,
                       struct error **err)
{
    unsigned flags = (node->flags & ~(NODE_BACKING_RW | NODE_CHECK | NODE_FORCE)) |
        (node->flags & (NODE_BACKING_RW | NODE_ALL_RW) ? 0 : NODE_READONLY);
    struct block_node *child;

    if (chain->depth > MAX_CHAIN) {
        error_set(err, "The backing chain of '%s' is too long", node->file);
        return false;
    }
    if (!name || g_str_has_prefix(name, "json:")) {
        node->backing = name ? block_node_open(name, node->backing_format, options, flags, err)
            : block_node_open_options(options, flags, err);
        return node->backing != NULL;
    }
    if (!read_flags(options, &flags, err)) {
        return false;
    }
    child = open_child(name, options, flags, err);
    if (!child) {
        return false;
    }
    if (is_loop(child)) {
        error_set(err, "The backing chain of '%s' contains a loop", node->file);
        block_node_close(child);
        return false;
    }
    node->backing = block_node_open_on(child, keyval_string(options, "driver",
                                                            node->backing_format),
                                       options, flags, err);
    return node->backing != NULL && keyval_check(options, err);
}

bool block_node_open_backing(struct block_node *node, struct error **err)
{
    struct above here = { node, chain, chain ? chain->depth + 1 : 1 };
    struct keyval *sub = keyval_sub(node->options, "backing.");
    const char *given = keyval_string(node->options, "backing", node->backing_file);
    struct error *why = NULL;
    bool has_keys = keyval_has(sub, "file") || keyval_has(sub, "file.driver") ||
        keyval_has(sub, "file.filename"), good;
    char *name;

    if ((!has_keys && (!given || !*given)) || node->flags & NODE_NO_BACKING) {
        keyval_free(sub);
        return true;
    }
    /* By options or JSON the same image may come again. */
    if (is_loop(node)) {
        error_set(err, "The backing chain of '%s' contains a loop", node->file);
        keyval_free(sub);
        return false;
    }
    name = has_keys ? NULL : block_resolve_name(node->file, given);
    chain = &here;
    good = open_below(node, name, sub, &why);
    chain = here.next;
    g_free(name);
    keyval_free(sub);
    if (!good) {
        error_prepend(&why, "Could not open backing file: ");
        error_propagate(err, why);
    }
    return good;
}

