/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Compressed loop images (Knoppix), reading: a table of offsets, blocks packed with zlib. */
#include <errno.h>
#include <glib.h>
#include <string.h>
#include <zlib.h>

#include "base/bits.h"
#include "block/image.h"
#include "block/sparse.h"

#define MAGIC "#!/bin/sh\n#V2.0 Format\n" \
    "modprobe cloop file=$0 && mount -r -t iso9660 /dev/cloop $1\n"
#define HEADER 136
#define MAX_BLOCKS (128u << 20 >> 3)

struct cloop_node {
    struct sparse_node sparse;
    uint64_t *offsets;
    uint32_t blocks;
};

static int probe(const uint8_t *head, size_t size)
{
    return size >= sizeof(MAGIC) - 1 && memcmp(head, MAGIC, sizeof(MAGIC) - 1) == 0 ? 2 : 0;
}

static int locate(struct block_node *node, uint64_t index, struct sparse_place *place)
{
    place->kind = SPARSE_PACKED;
    return 0;
}

static int unpack(struct block_node *node, uint64_t index, void *data)
{
    struct cloop_node *c = (struct cloop_node *)node;
    uint64_t offset = c->offsets[index], size = c->offsets[index + 1] - offset;
    uLongf unpacked = c->sparse.block_size;
    uint8_t *packed = g_malloc(size);
    int rc = block_node_pread(node->child, offset, packed, size);

    if (!rc && (uncompress(data, &unpacked, packed, size) != Z_OK ||
                unpacked != c->sparse.block_size)) {
        rc = -EIO;
    }
    g_free(packed);
    return rc;
}

static const struct sparse_ops ops = { .locate = locate, .unpack = unpack };

/* Offsets must rise, and no packed block be much larger than an unpacked one. */
static bool check_offsets(struct cloop_node *c, uint64_t block)
{
    for (uint32_t i = 0; i <= c->blocks; i++) {
        c->offsets[i] = ld64_be(&c->offsets[i]);
        if (c->offsets[i] > INT64_MAX / 2 ||
            (i && (c->offsets[i] < c->offsets[i - 1] ||
                   c->offsets[i] - c->offsets[i - 1] > 2 * block))) {
            return false;
        }
    }
    return true;
}

static bool open_cloop(struct block_node *node, struct keyval *options, struct error **err)
{
    struct cloop_node *c = (struct cloop_node *)node;
    uint8_t h[HEADER];
    uint64_t block;

    if (!sparse_only_read(node, err)) {
        return false;
    }
    if (block_node_pread(node->child, 0, h, sizeof(h))) {
        return sparse_fail(node, err, "it cannot be read");
    }
    block = ld32_be(h + 128);
    c->blocks = ld32_be(h + 132);
    if (!block || block % 512 || block > 64u << 20) {
        return sparse_fail(node, err, "block_size is zero, too large or no multiple of 512");
    }
    if (c->blocks > MAX_BLOCKS) {
        return sparse_fail(node, err, "it has too many blocks");
    }
    c->offsets = g_new(uint64_t, c->blocks + 1ull);
    if (block_node_pread(node->child, HEADER, c->offsets, (c->blocks + 1ull) * 8) ||
        !check_offsets(c, block)) {
        g_free(c->offsets);
        return sparse_fail(node, err, "its table of offsets is invalid");
    }
    sparse_init(&c->sparse, &ops, c->blocks * block, block);
    return true;
}

static void close_cloop(struct block_node *node)
{
    struct cloop_node *c = (struct cloop_node *)node;

    sparse_free(&c->sparse);
    g_free(c->offsets);
}

const struct block_driver block_driver_cloop = {
    .name = "cloop", .size = sizeof(struct cloop_node), .probe = probe, .open = open_cloop,
    .close = close_cloop, .readv = sparse_readv, .length = sparse_length, .status = sparse_status,
};
