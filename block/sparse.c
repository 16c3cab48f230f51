/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Disks in blocks of one size: reading, writing, status. */
#include "block/sparse.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

#include "base/bits.h"

void sparse_init(struct sparse_node *s, const struct sparse_ops *ops, uint64_t disk_size,
                 uint64_t block_size)
{
    s->ops = ops;
    s->disk_size = disk_size;
    s->block_size = block_size;
    pthread_rwlock_init(&s->lock, NULL);
    pthread_mutex_init(&s->cache_lock, NULL);
}

void sparse_free(struct sparse_node *s)
{
    pthread_rwlock_destroy(&s->lock);
    pthread_mutex_destroy(&s->cache_lock);
    g_free(s->cached);
}

bool sparse_fail(struct block_node *node, struct error **err, const char *text)
{
    error_set(err, "Could not open '%s': %s", node->file, text);
    return false;
}

bool sparse_only_read(struct block_node *node, struct error **err)
{
    if (node->flags & NODE_READONLY) {
        return true;
    }
    error_set(err, "Could not open '%s': images of the format '%s' can only be read", node->file,
              node->driver->name);
    return false;
}

static struct sparse_node *sparse_of(struct block_node *node)
{
    return (struct sparse_node *)node;
}

static struct block_node *file_of(struct sparse_node *s, const struct sparse_place *place)
{
    return place->file ? place->file : s->node.child;
}

/* --- reading --------------------------------------------------------------------------------- */

static int read_packed(struct sparse_node *s, uint64_t index, uint64_t skip,
                       const struct iovec *iov, unsigned count)
{
    uint8_t *data;
    int rc = 0;

    pthread_mutex_lock(&s->cache_lock);
    if (!s->cached || s->cached_index != index) {
        data = g_malloc0(s->block_size);
        rc = s->ops->unpack(&s->node, index, data);
        if (rc) {
            g_free(data);
        } else {
            g_free(s->cached);
            s->cached = data;
            s->cached_index = index;
        }
    }
    if (!rc) {
        iov_fill(iov, count, s->cached + skip);
    }
    pthread_mutex_unlock(&s->cache_lock);
    return rc;
}

static int read_encrypted(struct sparse_node *s, const struct sparse_place *place,
                          uint64_t offset, const struct iovec *iov, unsigned count)
{
    uint64_t from = align_down(offset, 512), to = align_up(offset + iov_size(iov, count), 512);
    uint8_t *data = g_malloc(to - from);
    int rc = block_node_pread(file_of(s, place), place->offset + from % s->block_size, data,
                              to - from);

    if (!rc) {
        s->ops->decrypt(&s->node, from, data, to - from);
        iov_fill(iov, count, data + (offset - from));
    }
    g_free(data);
    return rc;
}

/* Within one block. The lock is held. */
static int read_block(struct sparse_node *s, uint64_t offset, const struct iovec *iov,
                      unsigned count)
{
    uint64_t index = offset / s->block_size, skip = offset % s->block_size;
    struct sparse_place place = { 0 };
    int rc = s->ops->locate(&s->node, index, &place);

    if (rc) {
        return rc;
    }
    switch (place.kind) {
    case SPARSE_DATA:
        if (s->ops->decrypt) {
            return read_encrypted(s, &place, offset, iov, count);
        }
        return block_node_read(file_of(s, &place), place.offset + skip, iov, count);
    case SPARSE_PACKED:
        return read_packed(s, index, skip, iov, count);
    case SPARSE_HOLE:
        return block_node_read_backing(&s->node, offset, iov, count);
    default:
        iov_zero(iov, count);
        return 0;
    }
}

int sparse_readv(struct block_node *node, uint64_t offset, const struct iovec *iov,
                 unsigned count)
{
    struct sparse_node *s = sparse_of(node);
    uint64_t size = iov_size(iov, count), done = 0;
    struct iovec *part = g_new(struct iovec, count);
    int rc = 0;

    pthread_rwlock_rdlock(&s->lock);
    while (done < size && !rc) {
        uint64_t at = offset + done, n = MIN_OF(s->block_size - at % s->block_size, size - done);

        rc = read_block(s, at, part, iov_slice(iov, count, done, n, part));
        done += n;
    }
    pthread_rwlock_unlock(&s->lock);
    g_free(part);
    return rc;
}

/* --- writing --------------------------------------------------------------------------------- */

void sparse_forget(struct sparse_node *s)
{
    pthread_mutex_lock(&s->cache_lock);
    g_free(s->cached);
    s->cached = NULL;
    pthread_mutex_unlock(&s->cache_lock);
}

/* A new block: what is around the write comes from below or from the packed block. */
static int write_new(struct sparse_node *s, uint64_t offset, const struct iovec *iov,
                     unsigned count)
{
    uint64_t index = offset / s->block_size, skip = offset % s->block_size;
    uint8_t *data = g_malloc(s->block_size);
    struct iovec whole = { data, s->block_size };
    struct sparse_place place = { 0 };
    int rc = 0;

    if (iov_size(iov, count) < s->block_size) {
        rc = read_block(s, index * s->block_size, &whole, 1);
    }
    iov_gather(iov, count, data + skip);
    rc = rc ? rc : s->ops->reserve(&s->node, index, &place);
    rc = rc ? rc : block_node_pwrite(file_of(s, &place), place.offset, data, s->block_size);
    rc = rc ? rc : s->ops->link(&s->node, index, &place);
    sparse_forget(s);
    g_free(data);
    return rc;
}

/* Within one block. Returns 1 when the block must be made first. The lock is held. */
static int write_in_place(struct sparse_node *s, uint64_t offset, const struct iovec *iov,
                          unsigned count)
{
    struct sparse_place place = { 0 };
    int rc = s->ops->locate(&s->node, offset / s->block_size, &place);

    if (rc || place.kind != SPARSE_DATA) {
        return rc ? rc : 1;
    }
    if (s->ops->touch) {
        rc = s->ops->touch(&s->node, offset / s->block_size, &place);
        if (rc) {
            return rc;
        }
    }
    return block_node_write(file_of(s, &place), place.offset + offset % s->block_size, iov, count);
}

int sparse_writev(struct block_node *node, uint64_t offset, const struct iovec *iov,
                  unsigned count)
{
    struct sparse_node *s = sparse_of(node);
    uint64_t size = iov_size(iov, count), done = 0;
    struct iovec *part = g_new(struct iovec, count);
    int rc = s->ops->reserve ? 0 : -EROFS;

    while (done < size && !rc) {
        uint64_t at = offset + done, n = MIN_OF(s->block_size - at % s->block_size, size - done);
        unsigned parts = iov_slice(iov, count, done, n, part);

        pthread_rwlock_rdlock(&s->lock);
        rc = write_in_place(s, at, part, parts);
        pthread_rwlock_unlock(&s->lock);
        if (rc == 1) {
            pthread_rwlock_wrlock(&s->lock);
            rc = write_in_place(s, at, part, parts);
            rc = rc == 1 ? write_new(s, at, part, parts) : rc;
            pthread_rwlock_unlock(&s->lock);
        }
        done += n;
    }
    g_free(part);
    return rc;
}

int sparse_flush(struct block_node *node)
{
    return block_node_flush(node->child);
}

int64_t sparse_length(struct block_node *node)
{
    return sparse_of(node)->disk_size;
}

/* --- status ---------------------------------------------------------------------------------- */

/* So many blocks are looked at in a turn: tables can promise disks that take days to walk. */
#define STATUS_STEPS 65536

int sparse_status(struct block_node *node, uint64_t offset, uint64_t size,
                  struct block_extent *extent)
{
    struct sparse_node *s = sparse_of(node);
    uint64_t index = offset / s->block_size, skip = offset % s->block_size, reach, blocks;
    struct sparse_place first = { 0 }, next = { 0 };
    int rc;

    pthread_rwlock_rdlock(&s->lock);
    rc = s->ops->locate(node, index, &first);
    blocks = MAX_OF(first.alike, 1);
    reach = blocks * s->block_size - skip;
    for (unsigned i = 0; !rc && reach < size && i < STATUS_STEPS; i++) {
        index += blocks;
        next = (struct sparse_place){ 0 };
        rc = s->ops->locate(node, index, &next);
        if (next.kind != first.kind || next.file != first.file ||
            (first.kind == SPARSE_DATA && next.offset != first.offset + skip + reach)) {
            break;
        }
        blocks = MAX_OF(next.alike, 1);
        reach += blocks * s->block_size;
    }
    pthread_rwlock_unlock(&s->lock);
    *extent = (struct block_extent){ .length = MIN_OF(reach, size), .offset = first.offset + skip,
        .file = file_of(s, &first)->file, .allocated = first.kind != SPARSE_HOLE,
        .zero = first.kind == SPARSE_ZERO, .compressed = first.kind == SPARSE_PACKED,
        .has_offset = first.kind == SPARSE_DATA };
    return rc;
}
