/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parallels disk images: a header of 64 bytes, a table of 32-bit places, clusters. */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "base/bits.h"
#include "block/image.h"
#include "block/sparse.h"

#define MAGIC "WithoutFreeSpace"        /* the table counts sectors */
#define MAGIC_EXT "WithouFreSpacExt"    /* the table counts clusters */
#define IN_USE 0x746f6e59u
#define HEADER 64
#define MAX_ENTRIES (32u << 20)

struct parallels_node {
    struct sparse_node sparse;
    uint32_t *table, entries, unit;     /* unit: sectors for each step of a table's number */
    uint64_t end;
};

static int probe(const uint8_t *head, size_t size)
{
    return size >= HEADER && ld32_le(head + 16) == 2 &&
        (memcmp(head, MAGIC, 16) == 0 || memcmp(head, MAGIC_EXT, 16) == 0) ? 100 : 0;
}

static int locate(struct block_node *node, uint64_t index, struct sparse_place *place)
{
    struct parallels_node *p = (struct parallels_node *)node;
    uint32_t entry = index < p->entries ? p->table[index] : 0;

    place->kind = entry ? SPARSE_DATA : SPARSE_HOLE;
    place->offset = (uint64_t)entry * p->unit * 512;
    return 0;
}

static int reserve(struct block_node *node, uint64_t index, struct sparse_place *place)
{
    struct parallels_node *p = (struct parallels_node *)node;

    if (index >= p->entries || p->end / 512 / p->unit > UINT32_MAX) {
        return -EFBIG;
    }
    place->offset = p->end;
    return 0;
}

static int link_block(struct block_node *node, uint64_t index, const struct sparse_place *place)
{
    struct parallels_node *p = (struct parallels_node *)node;
    uint8_t number[4];
    int rc;

    st32_le(number, place->offset / 512 / p->unit);
    rc = block_node_pwrite(node->child, HEADER + index * 4, number, 4);
    if (!rc) {
        p->table[index] = place->offset / 512 / p->unit;
        p->end = place->offset + p->sparse.block_size;
    }
    return rc;
}

static const struct sparse_ops ops = { .locate = locate, .reserve = reserve, .link = link_block };

static int set_in_use(struct block_node *node, bool on)
{
    uint8_t number[4];

    st32_le(number, on ? IN_USE : 0);
    return block_node_pwrite(node->child, 44, number, 4);
}

static bool read_header(struct parallels_node *p, const uint8_t *h, struct error **err)
{
    struct block_node *node = &p->sparse.node;
    bool ext = memcmp(h, MAGIC_EXT, 16) == 0;
    uint64_t tracks = ld32_le(h + 28), sectors;

    if (!probe(h, HEADER)) {
        return sparse_fail(node, err, "Image not in Parallels format");
    }
    p->entries = ld32_le(h + 32);
    sectors = ext ? ld64_le(h + 36) : ld32_le(h + 36);
    if (!tracks || tracks > (64u << 20) / 512 || p->entries > MAX_ENTRIES) {
        return sparse_fail(node, err, tracks ? "Too big cluster or catalog"
                           : "Zero sectors per track");
    }
    p->sparse.block_size = tracks * 512;
    if (sectors > INT64_MAX / 1024 || sectors > p->entries * tracks) {
        return sparse_fail(node, err, "its size and its catalog disagree");
    }
    p->sparse.disk_size = sectors * 512;
    p->unit = ext ? tracks : 1;
    p->end = align_up(MAX_OF(ld32_le(h + 48) * 512ull, HEADER + p->entries * 4ull), 512);
    if (ext) {
        p->end = (p->end + p->sparse.block_size - 1) / p->sparse.block_size * p->sparse.block_size;
    }
    return true;
}

static bool open_parallels(struct block_node *node, struct keyval *options, struct error **err)
{
    struct parallels_node *p = (struct parallels_node *)node;
    uint8_t h[HEADER];
    int rc = block_node_pread(node->child, 0, h, sizeof(h));

    if (rc) {
        error_set_errno(err, -rc, "Could not open '%s'", node->file);
        return false;
    }
    if (!read_header(p, h, err)) {
        return false;
    }
    p->table = g_new(uint32_t, p->entries + 1);
    rc = block_node_pread(node->child, HEADER, p->table, p->entries * 4ull);
    for (uint32_t i = 0; i < p->entries && !rc; i++) {
        p->table[i] = ld32_le(&p->table[i]);
        if (p->table[i]) {
            p->end = MAX_OF(p->end, (uint64_t)p->table[i] * p->unit * 512 + p->sparse.block_size);
        }
    }
    rc = rc || node->flags & NODE_READONLY ? rc : set_in_use(node, true);
    if (rc) {
        error_set_errno(err, -rc, "Could not open '%s'", node->file);
        g_free(p->table);
        return false;
    }
    sparse_init(&p->sparse, &ops, p->sparse.disk_size, p->sparse.block_size);
    return true;
}

static void close_parallels(struct block_node *node)
{
    struct parallels_node *p = (struct parallels_node *)node;

    if (!(node->flags & NODE_READONLY) && block_node_flush(node->child) == 0) {
        set_in_use(node, false);
    }
    sparse_free(&p->sparse);
    g_free(p->table);
}

static bool create_parallels(const char *file, uint64_t size, struct keyval *options,
                             struct error **err)
{
    uint64_t cluster = 1 << 20, entries, head;
    struct block_node *child;
    uint8_t *data;
    int rc;

    if (!keyval_size(options, "cluster_size", &cluster, err)) {
        return false;
    }
    entries = cluster ? (size + cluster - 1) / cluster : 0;
    if (!bits_is_power_of_two(cluster) || cluster < 512 || cluster > 64u << 20 ||
        entries > MAX_ENTRIES) {
        error_set(err, entries > MAX_ENTRIES ? "Image size is too large for this cluster size"
                  : "Invalid cluster size");
        return false;
    }
    child = image_create_file(file, err);
    if (!child) {
        return false;
    }
    head = align_up(HEADER + entries * 4, cluster);
    data = g_malloc0(HEADER);
    memcpy(data, MAGIC_EXT, 16);
    st32_le(data + 16, 2);
    st32_le(data + 20, 16);
    st32_le(data + 24, MIN_OF(size / 512 / 16 / 32, UINT32_MAX));
    st32_le(data + 28, cluster / 512);
    st32_le(data + 32, entries);
    st64_le(data + 36, size / 512);
    st32_le(data + 48, head / 512);
    rc = block_node_pwrite(child, 0, data, HEADER);
    g_free(data);
    if (rc) {
        error_set_errno(err, -rc, "Could not write '%s'", file);
    } else {
        rc = !block_node_resize(child, head, BLOCK_PREALLOC_OFF, err);
    }
    block_node_close(child);
    return rc == 0;
}

static const struct image_option parallels_options[] = {
    { "size", IMAGE_SIZE, "Virtual disk size" },
    { "cluster_size", IMAGE_SIZE, "Parallels image cluster size", "1048576" },
    { NULL }
};

static const struct block_image_ops image = {
    .options = parallels_options, .create = create_parallels,
};

const struct block_driver block_driver_parallels = {
    .name = "parallels", .size = sizeof(struct parallels_node), .probe = probe,
    .open = open_parallels, .close = close_parallels, .readv = sparse_readv,
    .writev = sparse_writev, .flush = sparse_flush, .length = sparse_length,
    .status = sparse_status, .image = &image,
};
