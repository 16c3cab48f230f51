/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Nodes: finding the drivers for an image, and the checks in front of every driver call. */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "base/bits.h"
#include "block/node.h"

/* Later formats are further rows. */
static const struct block_driver *const formats[] = {
    &block_driver_bochs, &block_driver_cloop, &block_driver_cow, &block_driver_dmg,
    &block_driver_parallels, &block_driver_qcow, &block_driver_qcow2, &block_driver_raw,
    &block_driver_vdi, &block_driver_vhdx, &block_driver_vmdk, &block_driver_vpc,
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

static const char *const protocols[] = {
    "nbd", "nbd+tcp", "nbd+unix", "fat", "http", "https", "ftp", "ftps", "ssh", "iscsi", "rbd",
    "gluster", "sheepdog", "nfs", "json", "blkdebug", "blkverify", "null-co", "null-aio", "fd"
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

static bool check_protocol(const char *file, struct error **err)
{
    for (size_t i = 0; i < ARRAY_LEN(protocols); i++) {
        size_t length = strlen(protocols[i]);

        if (strncmp(file, protocols[i], length) == 0 && file[length] == ':') {
            error_set(err, "Could not open '%s': Unknown protocol '%s'", file, protocols[i]);
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
    return node;
}

struct block_node *block_node_open_file(const char *file, struct keyval *options, unsigned flags,
                                        struct error **err)
{
    if (!check_protocol(file, err)) {
        return NULL;
    }
    file += strncmp(file, "file:", 5) == 0 ? 5 : 0;
    return open_driver(&block_driver_file, file, NULL, options, flags, err);
}

struct block_node *block_node_open_on(struct block_node *child, const char *format,
                                      struct keyval *options, unsigned flags, struct error **err)
{
    const struct block_driver *driver;
    struct block_node *node;
    bool guess = !format;

    if (guess) {
        uint8_t head[2048] = { 0 };
        int64_t length = block_node_length(child);
        struct iovec iov = { head, MIN_OF(sizeof(head), MAX_OF(length, 0)) };
        int rc = block_node_read(child, 0, &iov, 1);

        if (rc) {
            error_set_errno(err, -rc, "Could not open '%s': cannot read its first bytes",
                            child->file);
            block_node_close(child);
            return NULL;
        }
        format = block_probe_format(head, iov.iov_len);
        /* Its mark is at the end of the file. */
        format = strcmp(format, "raw") == 0 && g_str_has_suffix(child->file, ".dmg") ? "dmg"
                 : format;
    }
    driver = block_find_format(format);
    if (!driver) {
        error_set(err, "Could not open '%s': Unknown driver '%s'", child->file, format);
        block_node_close(child);
        return NULL;
    }
    node = open_driver(driver, child->file, child, options, flags, err);
    if (node) {
        node->probed = guess;
    }
    return node;
}

struct block_node *block_node_open(const char *file, const char *format, struct keyval *options,
                                   unsigned flags, struct error **err)
{
    struct block_node *child;

    if (format && !block_find_format(format)) {
        error_set(err, "Could not open '%s': Unknown driver '%s'", file, format);
        return NULL;
    }
    child = block_node_open_file(file, options, flags, err);
    return child ? block_node_open_on(child, format, options, flags, err) : NULL;
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

static bool open_below(struct block_node *node, const char *name, struct error **err)
{
    unsigned flags = (node->flags & ~(NODE_BACKING_RW | NODE_CHECK)) |
        (node->flags & (NODE_BACKING_RW | NODE_ALL_RW) ? 0 : NODE_READONLY);
    struct block_node *child = block_node_open_file(name, NULL, flags, err);

    if (!child) {
        return false;
    }
    if (is_loop(child) || chain->depth > MAX_CHAIN) {
        error_set(err, chain->depth > MAX_CHAIN ? "The backing chain of '%s' is too long"
                  : "The backing chain of '%s' contains a loop", node->file);
        block_node_close(child);
        return false;
    }
    node->backing = block_node_open_on(child, node->backing_format, NULL, flags, err);
    return node->backing != NULL;
}

bool block_node_open_backing(struct block_node *node, struct error **err)
{
    struct above here = { node, chain, chain ? chain->depth + 1 : 1 };
    struct error *why = NULL;
    char *name;
    bool good;

    if (!node->backing_file || node->flags & NODE_NO_BACKING) {
        return true;
    }
    name = block_resolve_name(node->file, node->backing_file);
    chain = &here;
    good = open_below(node, name, &why);
    chain = here.next;
    g_free(name);
    if (!good) {
        error_prepend(&why, "Could not open backing file: ");
        error_propagate(err, why);
    }
    return good;
}

int block_node_read_backing(struct block_node *node, uint64_t offset, const struct iovec *iov,
                            unsigned count)
{
    struct block_node *below = node->backing;
    uint64_t size = iov_size(iov, count);
    int64_t length = below ? block_node_length(below) : 0;
    struct iovec *part;
    int rc = 0;

    if (length < 0) {
        return (int)length;
    }
    if (offset < length && size <= length - offset) {
        return block_node_read(below, offset, iov, count);
    }
    if (offset >= length) {
        iov_zero(iov, count);
        return 0;
    }
    part = g_new(struct iovec, count);
    rc = block_node_read(below, offset, part, iov_slice(iov, count, 0, length - offset, part));
    iov_zero(part, iov_slice(iov, count, length - offset, offset + size - length, part));
    g_free(part);
    return rc;
}

/* --- access ---------------------------------------------------------------------------------- */

static int check_range(struct block_node *node, uint64_t offset, uint64_t size, bool write)
{
    int64_t length = node->driver->is_protocol ? INT64_MAX : block_node_length(node);

    if (length < 0) {
        return (int)length;
    }
    if (size > length || offset > length - size) {
        return -EINVAL;
    }
    return write && node->flags & NODE_READONLY ? -EROFS : 0;
}

int block_node_read(struct block_node *node, uint64_t offset, const struct iovec *iov,
                    unsigned count)
{
    int rc = check_range(node, offset, iov_size(iov, count), false);

    return rc ? rc : node->driver->readv(node, offset, iov, count);
}

int block_node_write(struct block_node *node, uint64_t offset, const struct iovec *iov,
                     unsigned count)
{
    int rc = check_range(node, offset, iov_size(iov, count), true);

    if (!rc && !node->driver->writev) {
        return -ENOTSUP;
    }
    return rc ? rc : node->driver->writev(node, offset, iov, count);
}

int block_node_pread(struct block_node *node, uint64_t offset, void *data, size_t size)
{
    struct iovec iov = { data, size };

    return block_node_read(node, offset, &iov, 1);
}

int block_node_pwrite(struct block_node *node, uint64_t offset, const void *data, size_t size)
{
    struct iovec iov = { (void *)data, size };

    return block_node_write(node, offset, &iov, 1);
}

int block_node_write_zeroes(struct block_node *node, uint64_t offset, uint64_t size,
                            bool may_unmap)
{
    static const uint8_t zeroes[65536];
    int rc = check_range(node, offset, size, true);

    if (!rc && node->driver->write_zeroes) {
        rc = node->driver->write_zeroes(node, offset, size, may_unmap);
        if (rc != -ENOTSUP) {
            return rc;
        }
        rc = 0;
    }
    while (!rc && size) {
        struct iovec iov = { (void *)zeroes, MIN_OF(size, sizeof(zeroes)) };

        rc = block_node_write(node, offset, &iov, 1);
        offset += iov.iov_len;
        size -= iov.iov_len;
    }
    return rc;
}

int block_node_discard(struct block_node *node, uint64_t offset, uint64_t size)
{
    int rc = check_range(node, offset, size, true);

    /* Discarding is advice: what a driver cannot do is done. */
    if (rc || !(node->flags & NODE_UNMAP) || !node->driver->discard) {
        return rc;
    }
    rc = node->driver->discard(node, offset, size);
    return rc == -ENOTSUP ? 0 : rc;
}

int block_node_flush(struct block_node *node)
{
    /* cache=unsafe still brings metadata to the file, but not the file to stable storage. */
    if ((node->flags & NODE_NO_FLUSH && node->driver->is_protocol) || !node->driver->flush) {
        return 0;
    }
    return node->driver->flush(node);
}

int64_t block_node_length(struct block_node *node)
{
    return node->driver->length(node);
}

bool block_node_resize(struct block_node *node, uint64_t size, enum block_prealloc prealloc,
                       struct error **err)
{
    if (node->flags & NODE_READONLY) {
        error_set(err, "Image is read-only");
        return false;
    }
    if (size > INT64_MAX - 65535) {
        error_set(err, "The image size is too large");
        return false;
    }
    if (!node->driver->resize) {
        error_set(err, "Image format driver does not support resize");
        return false;
    }
    return node->driver->resize(node, size, prealloc, err);
}

int block_node_status(struct block_node *node, uint64_t offset, uint64_t size,
                      struct block_extent *extent)
{
    int rc = check_range(node, offset, size, false);

    *extent = (struct block_extent){ .length = size, .allocated = true };
    if (!rc && node->driver->status && size) {
        rc = node->driver->status(node, offset, size, extent);
    }
    return rc;
}

int block_node_status_deep(struct block_node *node, uint64_t offset, uint64_t size,
                           struct block_extent *extent, unsigned *depth)
{
    *depth = 0;
    for (;;) {
        int rc = block_node_status(node, offset, size, extent);
        int64_t length;

        if (rc || extent->allocated) {
            return rc;
        }
        if (!node->backing) {
            extent->zero = true;
            return 0;
        }
        size = extent->length;
        node = node->backing;
        ++*depth;
        length = block_node_length(node);
        if (length < 0) {
            return (int)length;
        }
        if (offset >= length) {
            *extent = (struct block_extent){ .length = size, .zero = true };
            return 0;
        }
        size = MIN_OF(size, length - offset);
    }
}
