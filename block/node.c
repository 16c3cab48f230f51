/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Nodes: finding the drivers for an image, and the checks in front of every driver call. */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "base/bits.h"
#include "block/node.h"

/* Later formats are further rows. */
static const struct block_driver *const formats[] = {
    &block_driver_raw,
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

uint64_t iov_size(const struct iovec *iov, unsigned count)
{
    uint64_t total = 0;

    for (unsigned i = 0; i < count; i++) {
        total += iov[i].iov_len;
    }
    return total;
}

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

static const struct block_driver *find_format(const char *name, struct error **err)
{
    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        if (strcmp(formats[i]->name, name) == 0) {
            return formats[i];
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(magics); i++) {
        if (strcmp(magics[i].name, name) == 0 || strcmp(name, "vdi") == 0) {
            error_set(err, "the image format '%s' is not available yet (only raw is)", name);
            return NULL;
        }
    }
    error_set(err, "Unknown driver '%s'", name);
    return NULL;
}

static bool check_protocol(const char *file, struct error **err)
{
    for (size_t i = 0; i < ARRAY_LEN(protocols); i++) {
        size_t length = strlen(protocols[i]);

        if (strncmp(file, protocols[i], length) == 0 && file[length] == ':') {
            error_set(err, "the protocol '%s' is not available yet", protocols[i]);
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
    if (driver->open && !driver->open(node, options, err)) {
        block_node_close(child);
        g_free(node->file);
        g_free(node);
        return NULL;
    }
    return node;
}

struct block_node *block_node_open(const char *file, const char *format, struct keyval *options,
                                   unsigned flags, struct error **err)
{
    const struct block_driver *driver;
    struct block_node *node;
    struct error *why = NULL;
    bool guess = !format;

    if (!check_protocol(file, err)) {
        error_prepend(err, "Could not open '%s': ", file);
        return NULL;
    }
    file += strncmp(file, "file:", 5) == 0 ? 5 : 0;
    node = open_driver(&block_driver_file, file, NULL, options, flags, err);
    if (!node) {
        return NULL;
    }
    if (guess) {
        uint8_t head[2048] = { 0 };
        int64_t length = block_node_length(node);
        struct iovec iov = { head, MIN_OF(sizeof(head), MAX_OF(length, 0)) };

        block_node_read(node, 0, &iov, 1);
        format = block_probe_format(head, iov.iov_len);
    }
    driver = find_format(format, &why);
    if (!driver) {
        block_node_close(node);
        error_prepend(&why, "Could not open '%s': ", file);
        error_propagate(err, why);
        return NULL;
    }
    node = open_driver(driver, file, node, options, flags, err);
    if (node) {
        node->probed = guess;
    }
    return node;
}

void block_node_close(struct block_node *node)
{
    if (node) {
        if (node->driver->close) {
            node->driver->close(node);
        }
        block_node_close(node->child);
        g_free(node->file);
        g_free(node);
    }
}

/* --- access ---------------------------------------------------------------------------------- */

static int check_range(struct block_node *node, uint64_t offset, uint64_t size, bool write)
{
    int64_t length = block_node_length(node);

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

    return rc ? rc : node->driver->writev(node, offset, iov, count);
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

        rc = node->driver->writev(node, offset, &iov, 1);
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
    if (node->flags & NODE_NO_FLUSH || !node->driver->flush) {
        return 0;
    }
    return node->driver->flush(node);
}

int64_t block_node_length(struct block_node *node)
{
    return node->driver->length(node);
}
