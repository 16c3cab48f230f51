/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The raw format: the bytes of the file, or a part of them, in whole sectors. */
#include <errno.h>
#include <string.h>

#include "base/bits.h"
#include "block.h"
#include "block/image.h"

struct raw_node {
    struct block_node node;
    uint64_t offset, size;      /* of the part; size 0: to the end */
};

static bool open_raw(struct block_node *node, struct keyval *options, struct error **err)
{
    struct raw_node *r = (struct raw_node *)node;
    int64_t length = block_node_length(node->child);

    if (!keyval_size(options, "offset", &r->offset, err) ||
        !keyval_size(options, "size", &r->size, err)) {
        return false;
    }
    if (length >= 0 && (r->offset > length || r->size > length - r->offset)) {
        error_set(err, "Could not open '%s': offset and size reach past its end", node->file);
        return false;
    }
    return true;
}

static int64_t raw_length(struct block_node *node)
{
    struct raw_node *r = (struct raw_node *)node;
    int64_t length = block_node_length(node->child);

    if (length < 0) {
        return length;
    }
    length = length > r->offset ? length - r->offset : 0;
    length = r->size && r->size < length ? r->size : length;
    return align_up(length, BLOCK_SECTOR_SIZE);
}

static int raw_readv(struct block_node *node, uint64_t offset, const struct iovec *iov,
                     unsigned count)
{
    return block_node_read(node->child, ((struct raw_node *)node)->offset + offset, iov, count);
}

/*
 * A guest that writes the header of another format into a disk whose format is guessed would have
 * the next start open any host file that the header names. That write is refused.
 */
static bool forges_header(struct block_node *node, uint64_t offset, const struct iovec *iov,
                          unsigned count)
{
    uint8_t head[BLOCK_SECTOR_SIZE];
    struct iovec old = { head, sizeof(head) };
    size_t at = offset;

    if (!node->probed || offset >= sizeof(head) ||
        raw_readv(node, 0, &old, 1) < 0) {
        return false;
    }
    for (unsigned i = 0; i < count && at < sizeof(head); i++) {
        size_t n = MIN_OF(iov[i].iov_len, sizeof(head) - at);

        memcpy(head + at, iov[i].iov_base, n);
        at += n;
    }
    return strcmp(block_probe_format(head, sizeof(head)), "raw") != 0;
}

static int raw_writev(struct block_node *node, uint64_t offset, const struct iovec *iov,
                      unsigned count)
{
    if (forges_header(node, offset, iov, count)) {
        return -EPERM;
    }
    return block_node_write(node->child, ((struct raw_node *)node)->offset + offset, iov, count);
}

static int raw_write_zeroes(struct block_node *node, uint64_t offset, uint64_t size,
                            bool may_unmap)
{
    return block_node_write_zeroes(node->child, ((struct raw_node *)node)->offset + offset, size,
                                   may_unmap);
}

static int raw_discard(struct block_node *node, uint64_t offset, uint64_t size)
{
    return block_node_discard(node->child, ((struct raw_node *)node)->offset + offset, size);
}

static int raw_flush(struct block_node *node)
{
    return block_node_flush(node->child);
}

static int raw_status(struct block_node *node, uint64_t offset, uint64_t size,
                      struct block_extent *extent)
{
    return block_node_status(node->child, ((struct raw_node *)node)->offset + offset, size,
                             extent);
}

static bool raw_resize(struct block_node *node, uint64_t size, enum block_prealloc prealloc,
                       struct error **err)
{
    struct raw_node *r = (struct raw_node *)node;

    if (r->offset || r->size) {
        error_set(err, "Cannot resize an image that is a part of its file");
        return false;
    }
    if (prealloc == BLOCK_PREALLOC_METADATA) {
        error_set(err, "Unsupported preallocation mode 'metadata'");
        return false;
    }
    return block_node_resize(node->child, size, prealloc, err);
}

static bool create_raw(const char *file, uint64_t size, struct keyval *options,
                       struct error **err)
{
    enum block_prealloc prealloc = BLOCK_PREALLOC_OFF;
    struct block_node *node;
    bool good;

    if (!image_read_prealloc(options, &prealloc, err)) {
        return false;
    }
    if (prealloc == BLOCK_PREALLOC_METADATA) {
        error_set(err, "Unsupported preallocation mode 'metadata'");
        return false;
    }
    node = image_create_file(file, err);
    if (!node) {
        return false;
    }
    good = block_node_resize(node, size, prealloc, err);
    block_node_close(node);
    return good;
}

static bool measure_raw(struct keyval *options, uint64_t size, uint64_t allocated,
                        struct image_measure *result, struct error **err)
{
    *result = (struct image_measure){ .required = size, .fully_allocated = size };
    return true;
}

static const struct image_option raw_options[] = {
    { "size", IMAGE_SIZE, "Virtual disk size" },
    { "preallocation", IMAGE_STRING, "Preallocation mode (allowed values: off, falloc, full)" },
    { NULL }
};

static const struct block_image_ops raw_image = {
    .options = raw_options, .create = create_raw, .measure = measure_raw,
};

const struct block_driver block_driver_raw = {
    .name = "raw", .size = sizeof(struct raw_node), .open = open_raw, .readv = raw_readv,
    .writev = raw_writev, .write_zeroes = raw_write_zeroes, .discard = raw_discard,
    .flush = raw_flush, .length = raw_length, .status = raw_status, .resize = raw_resize,
    .image = &raw_image,
};
