/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bochs growing disk images, reading: a catalog of extents, each with a bitmap of its sectors. */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "base/bits.h"
#include "block/image.h"
#include "block/sparse.h"

#define MAGIC "Bochs Virtual HD Image"
#define HEADER 512
#define MAX_CATALOG (64u << 20 >> 2)
#define UNALLOCATED 0xffffffffu

struct bochs_node {
    struct sparse_node sparse;
    uint32_t *catalog, entries, extent_blocks, bitmap_blocks;
    uint64_t data, extent;
    uint8_t bitmap[512];            /* the sector of a bitmap that was read last ... */
    uint64_t bitmap_at;             /* ... from here; under cache_lock */
};

static int probe(const uint8_t *head, size_t size)
{
    return size >= HEADER && memcmp(head, MAGIC, sizeof(MAGIC)) == 0 &&
        memcmp(head + 32, "Redolog", 8) == 0 && memcmp(head + 48, "Growing", 8) == 0 ? 100 : 0;
}

static int locate(struct block_node *node, uint64_t index, struct sparse_place *place)
{
    struct bochs_node *b = (struct bochs_node *)node;
    uint64_t number = index / (b->extent / 512), sector = index % (b->extent / 512), at, bit;
    uint32_t entry = number < b->entries ? b->catalog[number] : UNALLOCATED;
    bool there;
    int rc = 0;

    place->kind = SPARSE_ZERO;
    if (entry == UNALLOCATED) {
        return 0;
    }
    at = b->data + 512ull * entry * ((uint64_t)b->extent_blocks + b->bitmap_blocks);
    bit = sector % 4096;
    pthread_mutex_lock(&b->sparse.cache_lock);
    if (b->bitmap_at != at + sector / 4096 * 512) {
        b->bitmap_at = at + sector / 4096 * 512;
        rc = block_node_pread(node->child, b->bitmap_at, b->bitmap, 512);
        b->bitmap_at = rc ? 0 : b->bitmap_at;
    }
    there = b->bitmap[bit / 8] >> bit % 8 & 1;
    pthread_mutex_unlock(&b->sparse.cache_lock);
    if (there) {
        place->kind = SPARSE_DATA;
        place->offset = at + 512ull * (b->bitmap_blocks + sector);
    }
    return rc;
}

static const struct sparse_ops ops = { .locate = locate };

static bool read_header(struct bochs_node *b, const uint8_t *h, struct error **err)
{
    struct block_node *node = &b->sparse.node;
    uint32_t version = ld32_le(h + 64), bitmap = ld32_le(h + 76);

    if (!probe(h, HEADER) || (version != 0x10000 && version != 0x20000)) {
        return sparse_fail(node, err, "Image not in Bochs format");
    }
    b->entries = ld32_le(h + 72);
    b->extent = ld32_le(h + 80);
    b->sparse.disk_size = align_down(ld64_le(h + (version == 0x10000 ? 84 : 88)), 512);
    b->data = (uint64_t)ld32_le(h + 68) + b->entries * 4ull;
    if (b->entries > MAX_CATALOG || !bits_is_power_of_two(b->extent) || b->extent < 512 ||
        b->extent > 8u << 20 || bitmap == 0 || bitmap > 1u << 20 ||
        bitmap < (b->extent / 512 + 7) / 8 || b->sparse.disk_size > b->entries * b->extent) {
        return sparse_fail(node, err, "its catalog, extent or bitmap size is invalid");
    }
    b->extent_blocks = b->extent / 512;
    b->bitmap_blocks = (bitmap - 1) / 512 + 1;
    return true;
}

static bool open_bochs(struct block_node *node, struct keyval *options, struct error **err)
{
    struct bochs_node *b = (struct bochs_node *)node;
    uint8_t h[HEADER];
    int rc = block_node_pread(node->child, 0, h, sizeof(h));

    if (rc || !read_header(b, h, err) || !sparse_only_read(node, err)) {
        return rc ? sparse_fail(node, err, "it cannot be read") : false;
    }
    b->catalog = g_new(uint32_t, b->entries + 1);
    rc = block_node_pread(node->child, ld32_le(h + 68), b->catalog, b->entries * 4ull);
    if (rc) {
        g_free(b->catalog);
        return sparse_fail(node, err, "its catalog cannot be read");
    }
    for (uint32_t i = 0; i < b->entries; i++) {
        b->catalog[i] = ld32_le(&b->catalog[i]);
    }
    sparse_init(&b->sparse, &ops, b->sparse.disk_size, 512);
    return true;
}

static void close_bochs(struct block_node *node)
{
    struct bochs_node *b = (struct bochs_node *)node;

    sparse_free(&b->sparse);
    g_free(b->catalog);
}

const struct block_driver block_driver_bochs = {
    .name = "bochs", .size = sizeof(struct bochs_node), .probe = probe, .open = open_bochs,
    .close = close_bochs, .readv = sparse_readv, .length = sparse_length, .status = sparse_status,
};
