/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Apple disk images (UDIF), reading. A trailer points to a property list, whose "blkx" blocks list
 * chunks of the disk: zero, raw, or packed with zlib or bzip2.
 */
#include <errno.h>
#include <glib.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#ifdef CONFIG_BZIP2
#include <bzlib.h>
#endif

#include "base/bits.h"
#include "block/image.h"
#include "block/sparse.h"

#define TRAILER 512
#define MAX_LIST (64u << 20)
#define MAX_CHUNK (64u << 20)           /* bytes, packed or not */
#define TABLE 204                       /* where a block's chunks begin */
#define ENTRY 40

enum { CHUNK_ZERO = 0, CHUNK_RAW = 1, CHUNK_IGNORE = 2, CHUNK_ZLIB = 0x80000005,
       CHUNK_BZIP2 = 0x80000006, CHUNK_COMMENT = 0x7ffffffe, CHUNK_END = 0xffffffff };

struct chunk {
    uint32_t type;
    uint64_t sector, count, offset, size;
};

struct dmg_node {
    struct block_node node;
    struct chunk *chunks;
    unsigned count;
    uint64_t disk_size;
    pthread_mutex_t lock;               /* of the chunk unpacked last */
    uint8_t *cached;
    unsigned cached_index;
};

/* --- the list -------------------------------------------------------------------------------- */

static int64_t find_trailer(struct block_node *node, uint8_t *t)
{
    int64_t at = block_node_length(node->child) - TRAILER;

    /* It is the last sector, perhaps with a few bytes after it. */
    for (int64_t back = 0; back <= TRAILER && at - back >= 0; back++) {
        if (block_node_pread(node->child, at - back, t, TRAILER)) {
            return -EIO;
        }
        if (memcmp(t, "koly", 4) == 0) {
            return at - back;
        }
    }
    return -EINVAL;
}

static bool add_chunks(struct dmg_node *d, const uint8_t *block, size_t size, uint64_t fork,
                       struct error **err)
{
    uint64_t first, data;

    if (size < TABLE || memcmp(block, "mish", 4) != 0) {
        return true;
    }
    first = ld64_be(block + 8);
    data = ld64_be(block + 0x18) + fork;
    for (size_t at = TABLE; at + ENTRY <= size; at += ENTRY) {
        const uint8_t *e = block + at;
        struct chunk c = { ld32_be(e), ld64_be(e + 8) + first, ld64_be(e + 16),
                           ld64_be(e + 24) + data, ld64_be(e + 32) };
        bool zero = c.type == CHUNK_ZERO || c.type == CHUNK_IGNORE;

        if (c.type == CHUNK_COMMENT || c.type == CHUNK_END) {
            continue;
        }
        if (!zero && c.type != CHUNK_RAW && c.type != CHUNK_ZLIB && c.type != CHUNK_BZIP2) {
            error_set(err, "Could not open '%s': it has chunks of the unknown type 0x%x",
                      d->node.file, c.type);
            return false;
        }
        if (c.sector > INT64_MAX / 1024 || c.count > INT64_MAX / 1024 - c.sector ||
            c.offset > INT64_MAX / 2 || (!zero && (c.count > MAX_CHUNK / 512 ||
                                                   c.size > MAX_CHUNK))) {
            return sparse_fail(&d->node, err, "a chunk is too large");
        }
        d->chunks = g_renew(struct chunk, d->chunks, d->count + 1);
        d->chunks[d->count++] = c;
    }
    return true;
}

static bool read_list(struct dmg_node *d, char *list, uint64_t fork, struct error **err)
{
    char *at = strstr(list, "<key>blkx</key>"), *end, *array_end;
    bool good = true;

    array_end = at ? strstr(at, "</array>") : NULL;
    while (good && array_end && (at = strstr(at, "<data>")) && at < array_end &&
           (end = strstr(at, "</data>"))) {
        gsize size;
        uint8_t *block;

        *end = 0;
        block = g_base64_decode(at + 6, &size);
        good = add_chunks(d, block, size, fork, err);
        g_free(block);
        at = end + 1;
    }
    return good && (d->count || sparse_fail(&d->node, err, "its list of chunks is missing"));
}

static int compare_chunks(const void *a, const void *b)
{
    uint64_t x = ((const struct chunk *)a)->sector, y = ((const struct chunk *)b)->sector;

    return x < y ? -1 : x > y;
}

static bool load(struct dmg_node *d, struct error **err)
{
    struct block_node *node = &d->node;
    uint8_t t[TRAILER];
    uint64_t at, size;
    char *list;
    bool good;

    if (find_trailer(node, t) < 0) {
        return sparse_fail(node, err, "its trailer is missing");
    }
    at = ld64_be(t + 0xd8);
    size = ld64_be(t + 0xe0);
    if (!size || size > MAX_LIST || at > INT64_MAX / 2) {
        return sparse_fail(node, err, "it has no property list");
    }
    list = g_malloc0(size + 1);
    good = block_node_pread(node->child, at, list, size) == 0 &&
        read_list(d, list, ld64_be(t + 0x18), err);
    g_free(list);
    if (!good) {
        return false;
    }
    qsort(d->chunks, d->count, sizeof(struct chunk), compare_chunks);
    d->disk_size = ld64_be(t + 0x1ec) < INT64_MAX / 1024 ? ld64_be(t + 0x1ec) * 512 : 0;
    at = d->chunks[d->count - 1].sector + d->chunks[d->count - 1].count;
    d->disk_size = MAX_OF(d->disk_size, at * 512);
    return true;
}

static bool open_dmg(struct block_node *node, struct keyval *options, struct error **err)
{
    struct dmg_node *d = (struct dmg_node *)node;

    if (!sparse_only_read(node, err) || !load(d, err)) {
        g_free(d->chunks);
        return false;
    }
    pthread_mutex_init(&d->lock, NULL);
    return true;
}

static void close_dmg(struct block_node *node)
{
    struct dmg_node *d = (struct dmg_node *)node;

    pthread_mutex_destroy(&d->lock);
    g_free(d->chunks);
    g_free(d->cached);
}

/* --- reading --------------------------------------------------------------------------------- */

/* The last chunk that begins at or before the sector; NULL: a gap. */
static struct chunk *chunk_at(struct dmg_node *d, uint64_t sector, uint64_t *next)
{
    unsigned low = 0, high = d->count;

    while (low < high) {
        unsigned middle = (low + high) / 2;

        if (d->chunks[middle].sector <= sector) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *next = low < d->count ? d->chunks[low].sector : UINT64_MAX / 512;
    return low && sector - d->chunks[low - 1].sector < d->chunks[low - 1].count
        ? &d->chunks[low - 1] : NULL;
}

static bool inflate_chunk(const struct chunk *c, uint8_t *packed, uint8_t *data)
{
    uLongf size = c->count * 512;

    if (c->type == CHUNK_ZLIB) {
        return uncompress(data, &size, packed, c->size) == Z_OK && size == c->count * 512;
    }
#ifdef CONFIG_BZIP2
    unsigned int got = c->count * 512;

    return BZ2_bzBuffToBuffDecompress((char *)data, &got, (char *)packed, c->size, 0, 0) == BZ_OK &&
        got == c->count * 512;
#else
    return false;
#endif
}

static int read_packed(struct dmg_node *d, const struct chunk *c, uint64_t skip,
                       const struct iovec *iov, unsigned count)
{
    unsigned index = c - d->chunks;
    uint8_t *packed, *data;
    int rc = 0;

    pthread_mutex_lock(&d->lock);
    if (!d->cached || d->cached_index != index) {
        packed = g_malloc(c->size + 1);
        data = g_malloc(c->count * 512 + 1);
        rc = block_node_pread(d->node.child, c->offset, packed, c->size);
        if (!rc && !inflate_chunk(c, packed, data)) {
            rc = -EIO;
        }
        g_free(packed);
        if (rc) {
            g_free(data);
        } else {
            g_free(d->cached);
            d->cached = data;
            d->cached_index = index;
        }
    }
    if (!rc) {
        iov_fill(iov, count, d->cached + skip);
    }
    pthread_mutex_unlock(&d->lock);
    return rc;
}

static int read_part(struct dmg_node *d, const struct chunk *c, uint64_t offset,
                     const struct iovec *iov, unsigned count)
{
    uint64_t skip = c ? offset - c->sector * 512 : 0;

    if (!c || c->type == CHUNK_ZERO || c->type == CHUNK_IGNORE) {
        iov_zero(iov, count);
        return 0;
    }
    return c->type == CHUNK_RAW ? block_node_read(d->node.child, c->offset + skip, iov, count)
        : read_packed(d, c, skip, iov, count);
}

/* Bytes from `offset` on that are in the same chunk or gap. */
static uint64_t reach(struct dmg_node *d, uint64_t offset, struct chunk **c)
{
    uint64_t next, end;

    *c = chunk_at(d, offset / 512, &next);
    end = *c ? MIN_OF(next, (*c)->sector + (*c)->count) : next;
    return end * 512 - offset;
}

static int dmg_readv(struct block_node *node, uint64_t offset, const struct iovec *iov,
                     unsigned count)
{
    struct dmg_node *d = (struct dmg_node *)node;
    uint64_t size = iov_size(iov, count), done = 0;
    struct iovec *part = g_new(struct iovec, count);
    int rc = 0;

    while (done < size && !rc) {
        struct chunk *c;
        uint64_t n = MIN_OF(reach(d, offset + done, &c), size - done);

        rc = read_part(d, c, offset + done, part, iov_slice(iov, count, done, n, part));
        done += n;
    }
    g_free(part);
    return rc;
}

static int64_t dmg_length(struct block_node *node)
{
    return ((struct dmg_node *)node)->disk_size;
}

static int dmg_status(struct block_node *node, uint64_t offset, uint64_t size,
                      struct block_extent *extent)
{
    struct dmg_node *d = (struct dmg_node *)node;
    struct chunk *c;
    uint64_t n = reach(d, offset, &c);
    bool zero = !c || c->type == CHUNK_ZERO || c->type == CHUNK_IGNORE;

    *extent = (struct block_extent){ .length = MIN_OF(n, size), .allocated = true, .zero = zero,
                                     .compressed = !zero && c->type != CHUNK_RAW };
    return 0;
}

const struct block_driver block_driver_dmg = {
    .name = "dmg", .size = sizeof(struct dmg_node), .open = open_dmg, .close = close_dmg,
    .readv = dmg_readv, .length = dmg_length, .status = dmg_status,
};
