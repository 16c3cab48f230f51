/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hyper-V disk images (VHDX), reading. Two headers (the newer valid one counts), a region table
 * that names the metadata and the block allocation table (BAT), whose entries are in MiB.
 */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "base/bits.h"
#include "block/image.h"
#include "block/sparse.h"

#define MIB (1ull << 20)
#define MAX_BAT (192u << 20 >> 3)
enum { STATE_ABSENT, STATE_UNDEFINED, STATE_ZERO, STATE_UNMAPPED, STATE_FULL = 6, STATE_PARTIAL };

/* GUIDs as they are in the file. */
static const uint8_t bat_region[16] = { 0x66, 0x77, 0xc2, 0x2d, 0x23, 0xf6, 0x00, 0x42,
                                        0x9d, 0x64, 0x11, 0x5e, 0x9b, 0xfd, 0x4a, 0x08 };
static const uint8_t metadata_region[16] = { 0x06, 0xa2, 0x7c, 0x8b, 0x90, 0x47, 0x9a, 0x4b,
                                             0xb8, 0xfe, 0x57, 0x5f, 0x05, 0x0f, 0x88, 0x6e };
static const uint8_t item_parameters[16] = { 0x37, 0x67, 0xa1, 0xca, 0x36, 0xfa, 0x43, 0x4d,
                                             0xb3, 0xb6, 0x33, 0xf0, 0xaa, 0x44, 0xe7, 0x6b };
static const uint8_t item_size[16] = { 0x24, 0x42, 0xa5, 0x2f, 0x1b, 0xcd, 0x76, 0x48,
                                       0xb2, 0x11, 0x5d, 0xbe, 0xd8, 0x3b, 0xf4, 0xb8 };
static const uint8_t item_sector[16] = { 0x1d, 0xbf, 0x41, 0x81, 0x6f, 0xa9, 0x09, 0x47,
                                         0xba, 0x47, 0xf2, 0x33, 0xa8, 0xfa, 0xab, 0x5f };

struct vhdx_node {
    struct sparse_node sparse;
    uint64_t *bat;
    uint32_t entries;
    uint64_t chunk_ratio;       /* payload entries between two bitmap entries */
};

static int probe(const uint8_t *head, size_t size)
{
    return size >= 8 && memcmp(head, "vhdxfile", 8) == 0 ? 100 : 0;
}

/* CRC-32C with the field at `own` taken as zero. */
static uint32_t crc32c(const uint8_t *p, size_t size, size_t own)
{
    uint32_t crc = UINT32_MAX;

    for (size_t i = 0; i < size; i++) {
        crc ^= i >= own && i < own + 4 ? 0 : p[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
        }
    }
    return ~crc;
}

static int locate(struct block_node *node, uint64_t index, struct sparse_place *place)
{
    struct vhdx_node *v = (struct vhdx_node *)node;
    uint64_t at = index + index / v->chunk_ratio, entry = at < v->entries ? v->bat[at] : 0;

    switch (entry & 7) {
    case STATE_FULL:
        place->kind = SPARSE_DATA;
        place->offset = entry & ~(MIB - 1);
        return place->offset > INT64_MAX - v->sparse.block_size ? -EIO : 0;
    case STATE_PARTIAL:
        return -ENOTSUP;
    default:
        place->kind = SPARSE_ZERO;
        return 0;
    }
}

static const struct sparse_ops ops = { .locate = locate };

static bool read_headers(struct block_node *node, struct error **err)
{
    uint8_t *h = g_malloc(4096), log[16] = { 0 };
    uint64_t newest = 0;
    bool found = false;

    for (int i = 1; i <= 2; i++) {
        if (!block_node_pread(node->child, i * 65536, h, 4096) && memcmp(h, "head", 4) == 0 &&
            crc32c(h, 4096, 4) == ld32_le(h + 4) && (!found || ld64_le(h + 8) >= newest)) {
            found = true;
            newest = ld64_le(h + 8);
            memcpy(log, h + 48, 16);
        }
    }
    g_free(h);
    if (!found) {
        return sparse_fail(node, err, "No valid VHDX header found");
    }
    return block_is_zero(log, 16) ||
        sparse_fail(node, err, "it contains a log that needs to be replayed");
}

static bool find_regions(struct block_node *node, uint64_t *bat, uint32_t *bat_bytes,
                         uint64_t *metadata, struct error **err)
{
    uint8_t *table = g_malloc(65536);
    bool found = false;

    *bat = *metadata = 0;
    for (int i = 3; i <= 4 && !found; i++) {
        found = !block_node_pread(node->child, i * 65536, table, 65536) &&
            memcmp(table, "regi", 4) == 0 && crc32c(table, 65536, 4) == ld32_le(table + 4) &&
            ld32_le(table + 8) <= 2047;
    }
    for (uint32_t i = 0; found && i < ld32_le(table + 8); i++) {
        const uint8_t *e = table + 16 + i * 32;

        if (memcmp(e, bat_region, 16) == 0) {
            *bat = ld64_le(e + 16);
            *bat_bytes = ld32_le(e + 24);
        } else if (memcmp(e, metadata_region, 16) == 0) {
            *metadata = ld64_le(e + 16);
        } else if (ld32_le(e + 28) & 1) {
            found = false;
        }
    }
    g_free(table);
    return (found && *bat && *metadata && *bat < INT64_MAX / 2 && *metadata < INT64_MAX / 2) ||
        sparse_fail(node, err, "its region table is damaged or has unknown regions");
}

static bool read_metadata(struct vhdx_node *v, uint64_t at, uint32_t *sector, struct error **err)
{
    struct block_node *node = &v->sparse.node;
    uint8_t *table = g_malloc(65536), value[8];
    uint32_t flags = 0;
    int rc = block_node_pread(node->child, at, table, 65536);
    unsigned count = ld16_le(table + 10);

    if (rc || memcmp(table, "metadata", 8) != 0 || count > 2047) {
        count = 0;
    }
    for (unsigned i = 0; i < count; i++) {
        const uint8_t *e = table + 32 + i * 32;

        if (block_node_pread(node->child, at + ld32_le(e + 16), value, 8)) {
            break;
        }
        if (memcmp(e, item_parameters, 16) == 0) {
            v->sparse.block_size = ld32_le(value);
            flags = ld32_le(value + 4);
        } else if (memcmp(e, item_size, 16) == 0) {
            v->sparse.disk_size = ld64_le(value);
        } else if (memcmp(e, item_sector, 16) == 0) {
            *sector = ld32_le(value);
        }
    }
    g_free(table);
    if (flags & 2) {
        return sparse_fail(node, err, "differencing VHDX images are not supported");
    }
    return (bits_is_power_of_two(v->sparse.block_size) && v->sparse.block_size >= MIB &&
            v->sparse.block_size <= 256 * MIB && (*sector == 512 || *sector == 4096) &&
            v->sparse.disk_size <= 64ull << 40) ||
        sparse_fail(node, err, "its metadata is damaged");
}

static bool read_bat(struct vhdx_node *v, uint64_t at, uint32_t bytes, struct error **err)
{
    struct block_node *node = &v->sparse.node;
    uint64_t blocks = (v->sparse.disk_size + v->sparse.block_size - 1) / v->sparse.block_size;
    uint64_t needed = blocks ? blocks + (blocks - 1) / v->chunk_ratio : 0;

    if (needed > bytes / 8 || needed > MAX_BAT) {
        return sparse_fail(node, err, "its block table is too small");
    }
    v->entries = needed;
    v->bat = g_new(uint64_t, needed + 1);
    if (block_node_pread(node->child, at, v->bat, needed * 8)) {
        g_free(v->bat);
        return sparse_fail(node, err, "its block table cannot be read");
    }
    for (uint64_t i = 0; i < needed; i++) {
        v->bat[i] = ld64_le(&v->bat[i]);
    }
    return true;
}

static bool open_vhdx(struct block_node *node, struct keyval *options, struct error **err)
{
    struct vhdx_node *v = (struct vhdx_node *)node;
    uint32_t bytes = 0, sector = 0;
    uint64_t bat, metadata;
    uint8_t magic[8];

    if (block_node_pread(node->child, 0, magic, 8) || !probe(magic, 8)) {
        return sparse_fail(node, err, "Image not in vhdx format");
    }
    if (!sparse_only_read(node, err) || !read_headers(node, err) ||
        !find_regions(node, &bat, &bytes, &metadata, err) ||
        !read_metadata(v, metadata, &sector, err)) {
        return false;
    }
    v->chunk_ratio = ((uint64_t)sector << 23) / v->sparse.block_size;
    if (!read_bat(v, bat, bytes, err)) {
        return false;
    }
    sparse_init(&v->sparse, &ops, align_down(v->sparse.disk_size, 512), v->sparse.block_size);
    return true;
}

static void close_vhdx(struct block_node *node)
{
    struct vhdx_node *v = (struct vhdx_node *)node;

    sparse_free(&v->sparse);
    g_free(v->bat);
}

static void describe(struct block_node *node, struct image_info *info)
{
    *info = (struct image_info){ .cluster_size = ((struct sparse_node *)node)->block_size };
}

static const struct block_image_ops image = { .info = describe };

const struct block_driver block_driver_vhdx = {
    .name = "vhdx", .size = sizeof(struct vhdx_node), .probe = probe, .open = open_vhdx,
    .close = close_vhdx, .readv = sparse_readv, .length = sparse_length,
    .status = sparse_status, .image = &image,
};
