/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vpc: differencing disks, which are only read. A block has a bitmap in front of it; where a bit is
 * clear the parent's sector shows through. Parents are found by the relative path in the header, or
 * by their name beside the image.
 */
#include "block/vpc.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

#include "base/bits.h"

#define LOCATOR_RELATIVE 0x57327275u    /* "W2ru" */
#define MAX_PATH_BYTES 4096u
#define CACHED_BITMAPS 256

/* A bitmap of the cache; the lock is held. */
static int load_bitmap(struct vpc_node *v, uint32_t entry, uint8_t **bitmap)
{
    int rc;

    *bitmap = g_hash_table_lookup(v->bitmaps, GUINT_TO_POINTER(entry));
    if (*bitmap) {
        return 0;
    }
    if (g_hash_table_size(v->bitmaps) >= CACHED_BITMAPS) {
        g_hash_table_remove_all(v->bitmaps);
    }
    *bitmap = g_malloc(v->bitmap_bytes);
    rc = block_node_pread(v->sparse.node.child, entry * 512ull, *bitmap, v->bitmap_bytes);
    if (rc) {
        g_free(*bitmap);
    } else {
        g_hash_table_insert(v->bitmaps, GUINT_TO_POINTER(entry), *bitmap);
    }
    return rc;
}

/* Sectors are the blocks here. */
static int locate(struct block_node *node, uint64_t sector, struct sparse_place *place)
{
    struct vpc_node *v = (struct vpc_node *)node;
    uint64_t per_block = v->block_size / 512, in = sector % per_block, index = sector / per_block;
    uint32_t entry = index < v->entries ? v->table[index] : VPC_UNALLOCATED;
    uint8_t *bitmap;
    int rc = 0;

    place->kind = SPARSE_HOLE;
    if (entry != VPC_UNALLOCATED) {
        pthread_mutex_lock(&v->bitmap_lock);
        rc = load_bitmap(v, entry, &bitmap);
        if (!rc && bitmap[in / 8] & 0x80 >> in % 8) {
            place->kind = SPARSE_DATA;
            place->offset = entry * 512ull + v->bitmap_bytes + in * 512;
        }
        pthread_mutex_unlock(&v->bitmap_lock);
    }
    return rc;
}

const struct sparse_ops vpc_parent_ops = { .locate = locate };

/* --- the parent ------------------------------------------------------------------------------ */

/* A Windows path becomes ours: ".\base.vhd" -> "base.vhd". */
static char *to_path(const gunichar2 *wide, size_t length)
{
    char *text = g_utf16_to_utf8(wide, length, NULL, NULL, NULL), *path;

    if (!text) {
        return NULL;
    }
    g_strdelimit(text, "\\", '/');
    path = g_strdup(g_str_has_prefix(text, "./") ? text + 2 : text);
    g_free(text);
    return path;
}

static char *relative_path(struct vpc_node *v, const uint8_t *header)
{
    char *path = NULL;

    for (unsigned i = 0; i < 8 && !path; i++) {
        const uint8_t *l = header + 0x240 + 24 * i;
        uint32_t size = ld32_be(l + 8);
        uint64_t offset = ld64_be(l + 16);
        gunichar2 *wide;

        if (ld32_be(l) != LOCATOR_RELATIVE || size < 2 || size > MAX_PATH_BYTES ||
            offset > INT64_MAX / 2) {
            continue;
        }
        wide = g_malloc0(size + 2);
        if (!block_node_pread(v->sparse.node.child, offset, wide, size)) {
            for (uint32_t k = 0; k < size / 2; k++) {
                wide[k] = ld16_le(&wide[k]);
            }
            path = to_path(wide, size / 2);
        }
        g_free(wide);
    }
    return path;
}

/* The name in the header is absolute on another host: only its last part means something. */
static char *name_beside(const uint8_t *header)
{
    gunichar2 wide[257] = { 0 };
    char *path, *name;

    for (unsigned i = 0; i < 256; i++) {
        wide[i] = ld16_be(header + 0x40 + 2 * i);
    }
    path = to_path(wide, -1);
    name = path && *path ? g_path_get_basename(path) : NULL;
    g_free(path);
    return name;
}

bool vpc_open_parent(struct vpc_node *v, const uint8_t *header, struct error **err)
{
    struct block_node *node = &v->sparse.node;

    node->backing_file = relative_path(v, header);
    if (!node->backing_file) {
        node->backing_file = name_beside(header);
    }
    if (!node->backing_file) {
        return sparse_fail(node, err, "it does not say where its parent is");
    }
    node->backing_format = g_strdup("vpc");
    if (!block_node_open_backing(node, err)) {
        return false;
    }
    if (node->backing && node->backing->driver == node->driver &&
        memcmp(((struct vpc_node *)node->backing)->footer + 0x44, header + 0x28, 16) != 0) {
        return sparse_fail(node, err, "its parent was exchanged: it has another identity");
    }
    v->bitmaps = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    pthread_mutex_init(&v->bitmap_lock, NULL);
    return true;
}

void vpc_close_parent(struct vpc_node *v)
{
    if (v->bitmaps) {
        g_hash_table_destroy(v->bitmaps);
        pthread_mutex_destroy(&v->bitmap_lock);
    }
}
