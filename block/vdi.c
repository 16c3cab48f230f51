/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VirtualBox disk images (VDI 1.1): a header, a table of block numbers, blocks of 1 MiB. */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "base/bits.h"
#include "block/image.h"
#include "block/sparse.h"

#define SIGNATURE 0xbeda107fu
#define UNALLOCATED 0xffffffffu
#define DISCARDED 0xfffffffeu
#define BLOCK_BYTES (1u << 20)
#define MAX_BLOCKS (32u << 20)     /* 32 TiB; a table of 128 MiB */
enum { TYPE_DYNAMIC = 1, TYPE_STATIC = 2 };

struct vdi_node {
    struct sparse_node sparse;
    uint32_t *table, blocks, allocated;
    uint32_t table_offset, data_offset;
};

static int probe(const uint8_t *head, size_t size)
{
    return size >= 68 && ld32_le(head + 64) == SIGNATURE ? 100 : 0;
}

static int locate(struct block_node *node, uint64_t index, struct sparse_place *place)
{
    struct vdi_node *v = (struct vdi_node *)node;
    uint32_t entry = index < v->blocks ? v->table[index] : UNALLOCATED;

    if (entry >= DISCARDED) {
        place->kind = entry == DISCARDED ? SPARSE_ZERO : SPARSE_HOLE;
        return 0;
    }
    place->kind = SPARSE_DATA;
    place->offset = v->data_offset + (uint64_t)entry * BLOCK_BYTES;
    return 0;
}

static int reserve(struct block_node *node, uint64_t index, struct sparse_place *place)
{
    struct vdi_node *v = (struct vdi_node *)node;

    if (index >= v->blocks || v->allocated >= MAX_BLOCKS) {
        return -EFBIG;
    }
    place->offset = v->data_offset + (uint64_t)v->allocated * BLOCK_BYTES;
    return 0;
}

/* The count goes first: a block that nothing points at is only a leak. */
static int link_block(struct block_node *node, uint64_t index, const struct sparse_place *place)
{
    struct vdi_node *v = (struct vdi_node *)node;
    uint8_t number[4];
    int rc;

    st32_le(number, v->allocated + 1);
    rc = block_node_pwrite(node->child, 0x184, number, 4);
    st32_le(number, v->allocated);
    rc = rc ? rc : block_node_pwrite(node->child, v->table_offset + index * 4, number, 4);
    if (!rc) {
        v->table[index] = v->allocated++;
    }
    return rc;
}

static const struct sparse_ops ops = { .locate = locate, .reserve = reserve, .link = link_block };

static bool read_header(struct vdi_node *v, const uint8_t *h, struct error **err)
{
    struct block_node *node = &v->sparse.node;
    uint64_t size = ld64_le(h + 0x170);

    if (ld32_le(h + 0x40) != SIGNATURE) {
        return sparse_fail(node, err, "Image not in VDI format (bad signature)");
    }
    if (ld32_le(h + 0x44) != 0x00010001) {
        return sparse_fail(node, err, "unsupported VDI image version");
    }
    v->table_offset = ld32_le(h + 0x154);
    v->data_offset = ld32_le(h + 0x158);
    v->blocks = ld32_le(h + 0x180);
    v->allocated = ld32_le(h + 0x184);
    if (ld32_le(h + 0x178) != BLOCK_BYTES || ld32_le(h + 0x168) != 512) {
        return sparse_fail(node, err, "unsupported VDI image (block or sector size)");
    }
    if (v->blocks > MAX_BLOCKS || size > (uint64_t)v->blocks * BLOCK_BYTES) {
        return sparse_fail(node, err, "unsupported VDI image (disk size too large)");
    }
    if (!block_is_zero(h + 0x1a8, 32)) {
        return sparse_fail(node, err, "unsupported VDI image (it has a parent)");
    }
    v->sparse.disk_size = align_up(size, 512);
    return true;
}

static bool open_vdi(struct block_node *node, struct keyval *options, struct error **err)
{
    struct vdi_node *v = (struct vdi_node *)node;
    uint8_t h[512];
    int rc = block_node_pread(node->child, 0, h, sizeof(h));

    if (rc) {
        error_set_errno(err, -rc, "Could not open '%s'", node->file);
        return false;
    }
    if (!read_header(v, h, err)) {
        return false;
    }
    v->table = g_try_new(uint32_t, v->blocks + 1);
    rc = v->table ? block_node_pread(node->child, v->table_offset, v->table, v->blocks * 4ull)
                  : -ENOMEM;
    if (rc) {
        error_set_errno(err, -rc, "Could not open '%s': its block table", node->file);
        g_free(v->table);
        return false;
    }
    for (uint32_t i = 0; i < v->blocks; i++) {
        v->table[i] = ld32_le(&v->table[i]);
    }
    sparse_init(&v->sparse, &ops, v->sparse.disk_size, BLOCK_BYTES);
    return true;
}

static void close_vdi(struct block_node *node)
{
    struct vdi_node *v = (struct vdi_node *)node;

    sparse_free(&v->sparse);
    g_free(v->table);
}

static void describe(struct block_node *node, struct image_info *info)
{
    *info = (struct image_info){ .cluster_size = BLOCK_BYTES };
}

/* Table entries must be inside, and no block may be used twice. */
static int check(struct block_node *node, unsigned repair, struct image_check *result)
{
    struct vdi_node *v = (struct vdi_node *)node;
    int64_t length = block_node_length(node->child);
    uint64_t in_file = MAX_OF(length, 0) / BLOCK_BYTES + 1;
    uint32_t count = MIN_OF(v->allocated, in_file), used = 0;
    uint8_t *seen = g_malloc0(count / 8 + 1);

    for (uint32_t i = 0; i < v->blocks; i++) {
        uint32_t entry = v->table[i];

        if (entry >= DISCARDED) {
            continue;
        }
        used++;
        if (entry >= count || seen[entry / 8] >> entry % 8 & 1) {
            if (!result->quiet) {
                fprintf(stderr, "ERROR: block index %u %s, is %u\n", i,
                        entry >= count ? "out of range" : "also used", entry);
            }
            result->corruptions++;
            continue;
        }
        seen[entry / 8] |= 1 << entry % 8;
    }
    result->leaks = v->allocated > used ? v->allocated - used : 0;
    result->total_clusters = v->blocks;
    result->allocated_clusters = used;
    g_free(seen);
    return 0;
}

static void put_header(uint8_t *h, uint64_t size, uint32_t blocks, bool is_static)
{
    static const char text[] = "<<< QEMU VM Virtual Disk Image >>>\n";
    uint64_t ids[4];

    memcpy(h, text, sizeof(text) - 1);
    st32_le(h + 0x40, SIGNATURE);
    st32_le(h + 0x44, 0x00010001);
    st32_le(h + 0x48, 0x180);
    st32_le(h + 0x4c, is_static ? TYPE_STATIC : TYPE_DYNAMIC);
    st32_le(h + 0x154, 512);
    st32_le(h + 0x158, 512 + align_up(blocks * 4ull, 512));
    st32_le(h + 0x168, 512);
    st64_le(h + 0x170, size);
    st32_le(h + 0x178, BLOCK_BYTES);
    st32_le(h + 0x180, blocks);
    st32_le(h + 0x184, is_static ? blocks : 0);
    for (int i = 0; i < 4; i++) {
        ids[i] = (uint64_t)g_random_int() << 32 | g_random_int();
    }
    memcpy(h + 0x188, ids, sizeof(ids));
}

static bool create_vdi(const char *file, uint64_t size, struct keyval *options,
                       struct error **err)
{
    uint64_t blocks = (size + BLOCK_BYTES - 1) / BLOCK_BYTES, bytes, end;
    struct block_node *child;
    bool is_static = false, good;
    uint8_t *data;
    int rc;

    if (!keyval_bool(options, "static", &is_static, err)) {
        return false;
    }
    if (blocks > MAX_BLOCKS) {
        error_set(err, "Unsupported VDI image size (too large)");
        return false;
    }
    child = image_create_file(file, err);
    if (!child) {
        return false;
    }
    bytes = 512 + align_up(blocks * 4, 512);
    data = g_malloc0(bytes);
    put_header(data, size, blocks, is_static);
    for (uint64_t i = 0; i < blocks; i++) {
        st32_le(data + 512 + i * 4, is_static ? i : UNALLOCATED);
    }
    rc = block_node_pwrite(child, 0, data, bytes);
    g_free(data);
    if (rc) {
        error_set_errno(err, -rc, "Could not write '%s'", file);
    }
    end = bytes + blocks * BLOCK_BYTES;
    good = !rc && (!is_static || block_node_resize(child, end, BLOCK_PREALLOC_OFF, err));
    block_node_close(child);
    return good;
}

static const struct image_option vdi_options[] = {
    { "size", IMAGE_SIZE, "Virtual disk size" },
    { "static", IMAGE_BOOL, "VDI static (pre-allocated) image", "off" },
    { NULL }
};

static const struct block_image_ops image = {
    .options = vdi_options, .create = create_vdi, .info = describe, .check = check,
};

const struct block_driver block_driver_vdi = {
    .name = "vdi", .size = sizeof(struct vdi_node), .probe = probe, .open = open_vdi,
    .close = close_vdi, .readv = sparse_readv, .writev = sparse_writev, .flush = sparse_flush,
    .length = sparse_length, .status = sparse_status, .image = &image,
};
