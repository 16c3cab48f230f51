/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The checks in front of every driver call, and what drivers may leave out. */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "base/bits.h"
#include "block/node.h"

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
