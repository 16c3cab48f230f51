/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Virtual PC disk images (VHD 1.0): fixed, dynamic, differencing (see vpc-parent.c). A footer of 512
 * bytes ends the file; dynamic images have a copy of it in front, then a header, a table of sector
 * numbers, and blocks that begin with a bitmap of their sectors.
 */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "base/bits.h"
#include "block/image.h"
#include "block/vpc.h"

#define FOOTER VPC_FOOTER
#define UNALLOCATED VPC_UNALLOCATED
#define CHS_MAX (65535ull * 16 * 255)
#define MAX_SECTORS (0xff000000ull)     /* 2040 GiB */
#define MAX_ENTRIES (16u << 20)
enum { TYPE_FIXED = 2, TYPE_DYNAMIC = 3, TYPE_DIFFERENCING = 4 };

static int probe(const uint8_t *head, size_t size)
{
    return size >= 8 && memcmp(head, "conectix", 8) == 0 ? 100 : 0;
}

/* The one's complement of the sum of all bytes but the checksum's own. */
static uint32_t checksum(const uint8_t *p, size_t size, size_t own)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < size; i++) {
        sum += i < own || i >= own + 4 ? p[i] : 0;
    }
    return ~sum;
}

/* --- blocks ---------------------------------------------------------------------------------- */

static int locate(struct block_node *node, uint64_t index, struct sparse_place *place)
{
    struct vpc_node *v = (struct vpc_node *)node;
    uint32_t entry;

    if (v->fixed) {
        place->kind = SPARSE_DATA;
        place->offset = index * v->sparse.block_size;
        return 0;
    }
    entry = index < v->entries ? v->table[index] : UNALLOCATED;
    place->kind = entry == UNALLOCATED ? SPARSE_HOLE : SPARSE_DATA;
    place->offset = entry * 512ull + v->bitmap_bytes;
    return 0;
}

static int fill_bitmap(struct vpc_node *v, uint64_t index, uint64_t data_offset)
{
    uint8_t *ones = g_malloc(v->bitmap_bytes);
    int rc;

    memset(ones, 0xff, v->bitmap_bytes);
    rc = block_node_pwrite(v->sparse.node.child, data_offset - v->bitmap_bytes, ones,
                           v->bitmap_bytes);
    g_free(ones);
    if (!rc) {
        __atomic_store_n(&v->whole[index], 1, __ATOMIC_RELAXED);
    }
    return rc;
}

static int touch(struct block_node *node, uint64_t index, const struct sparse_place *place)
{
    struct vpc_node *v = (struct vpc_node *)node;

    return v->fixed || __atomic_load_n(&v->whole[index], __ATOMIC_RELAXED)
        ? 0 : fill_bitmap(v, index, place->offset);
}

static int reserve(struct block_node *node, uint64_t index, struct sparse_place *place)
{
    struct vpc_node *v = (struct vpc_node *)node;

    if (index >= v->entries || v->end / 512 >= UNALLOCATED - (v->sparse.block_size / 512)) {
        return -EFBIG;
    }
    place->offset = v->end + v->bitmap_bytes;
    return 0;
}

/* The footer moves behind the block before the table knows it. */
static int link_block(struct block_node *node, uint64_t index, const struct sparse_place *place)
{
    struct vpc_node *v = (struct vpc_node *)node;
    uint64_t end = place->offset + v->sparse.block_size;
    uint8_t number[4];
    int rc = fill_bitmap(v, index, place->offset);

    st32_be(number, v->end / 512);
    rc = rc ? rc : block_node_pwrite(node->child, end, v->footer, FOOTER);
    rc = rc ? rc : block_node_pwrite(node->child, v->table_offset + index * 4, number, 4);
    if (!rc) {
        v->table[index] = v->end / 512;
        v->end = end;
    }
    return rc;
}

static const struct sparse_ops ops = {
    .locate = locate, .reserve = reserve, .link = link_block, .touch = touch,
};

/* --- opening --------------------------------------------------------------------------------- */

/* Some programs mean the geometry, others the size field. */
static uint64_t disk_size(const uint8_t *f)
{
    static const char by_size[][5] = { "win ", "qem2", "d2v ", "CTXS", "tap" };
    uint64_t chs = (uint64_t)ld16_be(f + 0x38) * f[0x3a] * f[0x3b], size = ld64_be(f + 0x30);

    for (size_t i = 0; i < ARRAY_LEN(by_size); i++) {
        if (memcmp(f + 0x1c, by_size[i], 4) == 0) {
            return size;
        }
    }
    return chs == 0 || chs >= 65535ull * 16 * 63 ? size : chs * 512;
}

static bool load_table(struct vpc_node *v, struct error **err)
{
    struct block_node *node = &v->sparse.node;
    uint64_t block = v->sparse.block_size;
    int rc;

    if (v->entries > MAX_ENTRIES || v->table_offset > INT64_MAX / 2 ||
        v->sparse.disk_size > v->entries * block) {
        return sparse_fail(node, err, "Page-table or disk size is invalid");
    }
    v->bitmap_bytes = align_up(block / 512 / 8, 512);
    v->table = g_new(uint32_t, v->entries + 1);
    v->whole = g_malloc0(v->entries + 1);
    rc = block_node_pread(node->child, v->table_offset, v->table, v->entries * 4ull);
    if (rc) {
        error_set_errno(err, -rc, "Could not open '%s': its block table", node->file);
        return false;
    }
    v->end = align_up(v->table_offset + v->entries * 4ull, 512);
    for (uint32_t i = 0; i < v->entries; i++) {
        v->table[i] = ld32_be(&v->table[i]);
        if (v->table[i] != UNALLOCATED) {
            v->end = MAX_OF(v->end, v->table[i] * 512ull + v->bitmap_bytes + block);
        }
    }
    return true;
}

static bool open_dynamic(struct vpc_node *v, struct error **err)
{
    struct block_node *node = &v->sparse.node;
    uint64_t at = ld64_be(v->footer + 0x10);
    uint8_t h[1024];
    int rc = at > INT64_MAX / 2 ? -EINVAL : block_node_pread(node->child, at, h, sizeof(h));

    if (rc || memcmp(h, "cxsparse", 8) != 0) {
        return sparse_fail(node, err, "its dynamic header is missing");
    }
    v->table_offset = ld64_be(h + 0x10);
    v->entries = ld32_be(h + 0x1c);
    v->sparse.block_size = ld32_be(h + 0x20);
    if (!bits_is_power_of_two(v->sparse.block_size) || v->sparse.block_size < 512 ||
        v->sparse.block_size > 64u << 20) {
        return sparse_fail(node, err, "Invalid block size");
    }
    v->block_size = v->sparse.block_size;
    return load_table(v, err) && (!v->has_parent || vpc_open_parent(v, h, err));
}

static bool read_footer(struct vpc_node *v, struct error **err)
{
    struct block_node *node = &v->sparse.node;
    int64_t length = block_node_length(node->child);
    int rc = length < FOOTER ? -EINVAL : block_node_pread(node->child, 0, v->footer, FOOTER);

    if (!rc && memcmp(v->footer, "conectix", 8) != 0) {
        rc = block_node_pread(node->child, length - FOOTER, v->footer, FOOTER);
        v->fixed = true;
    }
    if (rc || memcmp(v->footer, "conectix", 8) != 0 ||
        (v->fixed && ld32_be(v->footer + 0x3c) != TYPE_FIXED)) {
        return sparse_fail(node, err, "invalid VPC image");
    }
    if (checksum(v->footer, FOOTER, 0x40) != ld32_be(v->footer + 0x40)) {
        error_warn("The header checksum of '%s' is incorrect", node->file);
    }
    v->fixed = ld32_be(v->footer + 0x3c) == TYPE_FIXED;
    v->has_parent = ld32_be(v->footer + 0x3c) == TYPE_DIFFERENCING;
    if (!v->fixed && !v->has_parent && ld32_be(v->footer + 0x3c) != TYPE_DYNAMIC) {
        return sparse_fail(node, err, "its type is not known");
    }
    if (v->has_parent && !sparse_only_read(node, err)) {
        return false;
    }
    v->sparse.disk_size = disk_size(v->footer);
    if (v->sparse.disk_size > INT64_MAX - (1 << 21) || (v->fixed &&
        v->sparse.disk_size > length)) {
        return sparse_fail(node, err, "the size in its footer is too large");
    }
    return true;
}

static bool open_vpc(struct block_node *node, struct keyval *options, struct error **err)
{
    struct vpc_node *v = (struct vpc_node *)node;

    v->sparse.block_size = 2u << 20;
    if (!read_footer(v, err) || (!v->fixed && !open_dynamic(v, err))) {
        g_free(v->table);
        g_free(v->whole);
        return false;
    }
    sparse_init(&v->sparse, v->has_parent ? &vpc_parent_ops : &ops,
                align_down(v->sparse.disk_size, 512), v->has_parent ? 512 : v->sparse.block_size);
    return true;
}

static void close_vpc(struct block_node *node)
{
    struct vpc_node *v = (struct vpc_node *)node;

    vpc_close_parent(v);
    sparse_free(&v->sparse);
    g_free(v->table);
    g_free(v->whole);
}

static void describe(struct block_node *node, struct image_info *info)
{
    struct vpc_node *v = (struct vpc_node *)node;

    *info = (struct image_info){ .cluster_size = v->fixed ? 0 : v->block_size };
}

/* --- making ---------------------------------------------------------------------------------- */

struct geometry {
    uint32_t cylinders, heads, sectors;
};

/* The algorithm of the VHD specification. */
static struct geometry geometry_for(uint64_t total)
{
    struct geometry g = { 0, 16, 255 };
    uint64_t tracks;

    if (total >= 65535ull * 16 * 63) {
        tracks = MIN_OF(total, CHS_MAX) / g.sectors;
    } else {
        g.sectors = 17;
        tracks = total / 17;
        g.heads = MAX_OF((tracks + 1023) / 1024, 4);
        if (tracks >= g.heads * 1024 || g.heads > 16) {
            g.sectors = 31;
            g.heads = 16;
            tracks = total / 31;
        }
        if (tracks >= g.heads * 1024) {
            g.sectors = 63;
            g.heads = 16;
            tracks = total / 63;
        }
    }
    g.cylinders = tracks / g.heads;
    return g;
}

static void make_footer(uint8_t *f, uint64_t *sectors, bool fixed, bool force)
{
    struct geometry g = geometry_for(*sectors);
    uint32_t ids[4];

    if (!force && *sectors < CHS_MAX) {
        /* The geometry is the size: round up to the next that there is. */
        for (uint64_t i = 1; (uint64_t)g.cylinders * g.heads * g.sectors < *sectors; i++) {
            g = geometry_for(*sectors + i);
        }
        *sectors = (uint64_t)g.cylinders * g.heads * g.sectors;
    }
    memcpy(f, "conectix", 8);
    st32_be(f + 8, 2);
    st32_be(f + 0xc, 0x10000);
    st64_be(f + 0x10, fixed ? UINT64_MAX : FOOTER);
    st32_be(f + 0x18, g_get_real_time() / 1000000 - 946684800);     /* since 2000 */
    memcpy(f + 0x1c, force || *sectors >= CHS_MAX ? "qem2" : "qemu", 4);
    st32_be(f + 0x20, 0x50003);
    memcpy(f + 0x24, "Wi2k", 4);
    st64_be(f + 0x28, *sectors * 512);
    st64_be(f + 0x30, *sectors * 512);
    st16_be(f + 0x38, g.cylinders);
    f[0x3a] = g.heads;
    f[0x3b] = g.sectors;
    st32_be(f + 0x3c, fixed ? TYPE_FIXED : TYPE_DYNAMIC);
    for (int i = 0; i < 4; i++) {
        ids[i] = g_random_int();
    }
    memcpy(f + 0x44, ids, 16);
    st32_be(f + 0x40, checksum(f, FOOTER, 0x40));
}

static int write_dynamic(struct block_node *child, const uint8_t *footer, uint64_t sectors)
{
    uint64_t block = 2u << 20, entries = (sectors * 512 + block - 1) / block;
    uint64_t table = align_up(entries * 4, 512), total = FOOTER + 1024 + table + FOOTER;
    uint8_t *data = g_malloc0(total), *h = data + FOOTER;
    int rc;

    memcpy(data, footer, FOOTER);
    memcpy(h, "cxsparse", 8);
    st64_be(h + 8, UINT64_MAX);
    st64_be(h + 0x10, FOOTER + 1024);
    st32_be(h + 0x18, 0x10000);
    st32_be(h + 0x1c, entries);
    st32_be(h + 0x20, block);
    st32_be(h + 0x24, checksum(h, 1024, 0x24));
    memset(h + 1024, 0xff, table);
    memcpy(data + total - FOOTER, footer, FOOTER);
    rc = block_node_pwrite(child, 0, data, total);
    g_free(data);
    return rc;
}

static bool create_vpc(const char *file, uint64_t size, struct keyval *options,
                       struct error **err)
{
    const char *kind = keyval_string(options, "subformat", "dynamic");
    bool fixed = strcmp(kind, "fixed") == 0, force = false;
    uint64_t sectors = size / 512;
    uint8_t footer[FOOTER] = { 0 };
    struct block_node *child;
    int rc;

    if (!keyval_bool(options, "force_size", &force, err)) {
        return false;
    }
    if (!fixed && strcmp(kind, "dynamic") != 0) {
        error_set(err, "Invalid subformat '%s'", kind);
        return false;
    }
    if (sectors > MAX_SECTORS) {
        error_set(err, "Disk size is too large, max size is 2040 GiB");
        return false;
    }
    make_footer(footer, &sectors, fixed, force);
    child = image_create_file(file, err);
    if (!child) {
        return false;
    }
    rc = fixed ? block_node_pwrite(child, sectors * 512, footer, FOOTER)
               : write_dynamic(child, footer, sectors);
    block_node_close(child);
    if (rc) {
        error_set_errno(err, -rc, "Could not write '%s'", file);
    }
    return rc == 0;
}

static const struct image_option vpc_options[] = {
    { "size", IMAGE_SIZE, "Virtual disk size" },
    { "subformat", IMAGE_STRING, "Type of virtual hard disk format. Supported formats are "
      "{dynamic (default) | fixed} " },
    { "force_size", IMAGE_BOOL, "Force disk size calculation to use the actual size specified, "
      "rather than using the nearest CHS-based calculation" },
    { NULL }
};

static const struct block_image_ops image = {
    .options = vpc_options, .create = create_vpc, .info = describe,
};

const struct block_driver block_driver_vpc = {
    .name = "vpc", .size = sizeof(struct vpc_node), .probe = probe, .open = open_vpc,
    .close = close_vpc, .readv = sparse_readv, .writev = sparse_writev, .flush = sparse_flush,
    .length = sparse_length, .status = sparse_status, .image = &image,
};
