/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * User-mode Linux copy-on-write images (version 2): a header, a bit for every sector that the image
 * has itself, and the sectors in their places.
 */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "base/bits.h"
#include "block/image.h"
#include "block/sparse.h"

#define MAGIC 0x4f4f4f4du           /* "OOOM" */
#define HEADER 1056
#define NAME_AT 8
#define NAME_SIZE 1024
#define SIZE_AT 1040
#define SECTOR_AT 1048

struct cow_node {
    struct sparse_node sparse;
    uint8_t *bitmap;
    uint64_t data;
};

static int probe(const uint8_t *head, size_t size)
{
    return size >= 8 && ld32_be(head) == MAGIC && ld32_be(head + 4) == 2 ? 100 : 0;
}

static int locate(struct block_node *node, uint64_t index, struct sparse_place *place)
{
    struct cow_node *c = (struct cow_node *)node;

    place->kind = c->bitmap[index / 8] >> index % 8 & 1 ? SPARSE_DATA : SPARSE_HOLE;
    place->offset = c->data + index * 512;
    return 0;
}

static int reserve(struct block_node *node, uint64_t index, struct sparse_place *place)
{
    place->offset = ((struct cow_node *)node)->data + index * 512;
    return 0;
}

static int link_block(struct block_node *node, uint64_t index, const struct sparse_place *place)
{
    struct cow_node *c = (struct cow_node *)node;
    uint8_t bits = c->bitmap[index / 8] | 1 << index % 8;
    int rc = block_node_pwrite(node->child, HEADER + index / 8, &bits, 1);

    if (!rc) {
        c->bitmap[index / 8] = bits;
    }
    return rc;
}

static const struct sparse_ops ops = { .locate = locate, .reserve = reserve, .link = link_block };

static bool open_cow(struct block_node *node, struct keyval *options, struct error **err)
{
    struct cow_node *c = (struct cow_node *)node;
    uint8_t h[HEADER];
    uint64_t size, bytes;

    if (block_node_pread(node->child, 0, h, sizeof(h)) || !probe(h, sizeof(h))) {
        return sparse_fail(node, err, "Image not in COW format");
    }
    size = ld64_be(h + SIZE_AT);
    bytes = (size / 512 + 7) / 8;
    if (bytes > 128u << 20 || ld32_be(h + SECTOR_AT) != 512) {
        return sparse_fail(node, err, "its size or sector size is not supported");
    }
    h[NAME_AT + NAME_SIZE - 1] = 0;
    node->backing_file = h[NAME_AT] ? g_strdup((char *)h + NAME_AT) : NULL;
    c->data = align_up(HEADER + bytes, 512);
    c->bitmap = g_malloc(bytes + 1);
    if (block_node_pread(node->child, HEADER, c->bitmap, bytes)) {
        g_free(c->bitmap);
        return sparse_fail(node, err, "its bitmap cannot be read");
    }
    if (!block_node_open_backing(node, err)) {
        g_free(c->bitmap);
        return false;
    }
    sparse_init(&c->sparse, &ops, align_down(size, 512), 512);
    return true;
}

static void close_cow(struct block_node *node)
{
    struct cow_node *c = (struct cow_node *)node;

    sparse_free(&c->sparse);
    g_free(c->bitmap);
}

static bool create_cow(const char *file, uint64_t size, struct keyval *options,
                       struct error **err)
{
    const char *backing = keyval_string(options, "backing_file", "");
    uint64_t total = align_up(HEADER + (size / 512 + 7) / 8, 512);
    struct block_node *child;
    uint8_t h[HEADER] = { 0 };
    bool good;
    int rc;

    if (strlen(backing) >= NAME_SIZE || size > 1ull << 40) {
        error_set(err, "The image size or the backing file's name is too large");
        return false;
    }
    child = image_create_file(file, err);
    if (!child) {
        return false;
    }
    st32_be(h, MAGIC);
    st32_be(h + 4, 2);
    memcpy(h + NAME_AT, backing, strlen(backing));
    st64_be(h + SIZE_AT, size);
    st32_be(h + SECTOR_AT, 512);
    rc = block_node_pwrite(child, 0, h, sizeof(h));
    if (rc) {
        error_set_errno(err, -rc, "Could not write '%s'", file);
    }
    good = !rc && block_node_resize(child, total, BLOCK_PREALLOC_OFF, err);
    block_node_close(child);
    return good;
}

static const struct image_option cow_options[] = {
    { "size", IMAGE_SIZE, "Virtual disk size" },
    { "backing_file", IMAGE_STRING, "File name of a base image" },
    { "backing_fmt", IMAGE_STRING, "Format of the backing image" },
    { NULL }
};

static const struct block_image_ops image = {
    .options = cow_options, .has_backing = true, .create = create_cow,
};

const struct block_driver block_driver_cow = {
    .name = "cow", .size = sizeof(struct cow_node), .probe = probe, .open = open_cow,
    .close = close_cow, .readv = sparse_readv, .writev = sparse_writev, .flush = sparse_flush,
    .length = sparse_length, .status = sparse_status, .image = &image,
};
