/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qcow2: the guest's data: reading, zeroing, dropping. */
#include <errno.h>
#include <string.h>

#include "block/qcow2-pack.h"
#include "block/qcow2.h"

/* --- reading --------------------------------------------------------------------------------- */

/* A part of a compressed cluster; the last one unpacked is kept. */
static int read_packed(struct qcow2 *q, uint64_t entry, uint64_t skip, const struct iovec *iov,
                       unsigned count)
{
    uint64_t offset, size;
    uint8_t *packed, *data;
    bool have;
    int rc;

    pthread_mutex_lock(&q->cache_lock);
    have = q->unpacked && q->unpacked_entry == entry;
    if (have) {
        iov_fill(iov, count, q->unpacked + skip);
    }
    pthread_mutex_unlock(&q->cache_lock);
    if (have) {
        return 0;
    }
    qcow2_packed_range(q, entry, &offset, &size);
    packed = g_malloc(size);
    data = g_malloc(q->cluster_size);
    rc = block_node_pread(q->node.child, offset, packed, size);
    if (!rc && !qcow2_unpack(q->compression, packed, size, data, q->cluster_size)) {
        rc = -EIO;
    }
    if (!rc) {
        iov_fill(iov, count, data + skip);
        pthread_mutex_lock(&q->cache_lock);
        g_free(q->unpacked);
        q->unpacked = data;
        q->unpacked_entry = entry;
        pthread_mutex_unlock(&q->cache_lock);
        data = NULL;
    }
    g_free(packed);
    g_free(data);
    return rc;
}

static int read_run(struct qcow2 *q, const struct qcow2_map *map, uint64_t offset,
                    const struct iovec *iov, unsigned count)
{
    switch (map->kind) {
    case KIND_DATA:
        return qcow2_data_read(q, map->host, offset, iov, count);
    case KIND_PACKED:
        return read_packed(q, map->entry, offset & (q->cluster_size - 1), iov, count);
    case KIND_HOLE:
        return block_node_read_backing(&q->node, offset, iov, count);
    default:
        iov_zero(iov, count);
        return 0;
    }
}

int qcow2_read(struct qcow2 *q, uint64_t offset, const struct iovec *iov, unsigned count)
{
    uint64_t size = iov_size(iov, count), done = 0;
    struct iovec *part = g_new(struct iovec, count);
    int rc = 0;

    while (done < size && !rc) {
        struct qcow2_map map;

        pthread_rwlock_rdlock(&q->rw);
        rc = qcow2_map(q, offset + done, size - done, &map);
        qcow2_transfer_begin(q);
        pthread_rwlock_unlock(&q->rw);
        if (!rc) {
            rc = read_run(q, &map, offset + done, part,
                          iov_slice(iov, count, done, map.length, part));
            done += map.length;
        }
        qcow2_transfer_end(q);
    }
    g_free(part);
    return rc;
}

/* --- zeroes and holes ------------------------------------------------------------------------ */

/* Makes one whole cluster, or some of its subclusters, read as zeroes. */
static void zero_units(struct qcow2 *q, struct qcow2_table *l2, unsigned index, uint64_t from,
                       uint64_t to, bool may_unmap)
{
    uint64_t entry = qcow2_entry(q, l2, index), bitmap = qcow2_bitmap(q, l2, index);
    bool whole = from == 0 && to == q->cluster_size, keep = qcow2_is_own(q, entry) && !may_unmap;

    if (!whole && q->subclusters > 1) {
        uint64_t mask = qcow2_units_mask(q, from, to);

        qcow2_set_entry(q, l2, index, entry, (bitmap & ~mask) | mask << 32);
        return;
    }
    if (q->subclusters > 1) {
        qcow2_set_entry(q, l2, index, keep ? entry : 0, 0xffffffffull << 32);
    } else {
        qcow2_set_entry(q, l2, index, (keep ? entry : 0) | QCOW2_ZERO, 0);
    }
    if (!keep) {
        qcow2_free_entry(q, entry);
    }
}

/* [offset, offset + size) within one cluster, in whole subclusters; -ENOTSUP: needs real zeroes. */
static int zero_cluster(struct qcow2 *q, uint64_t offset, uint64_t size, bool may_unmap)
{
    unsigned index = qcow2_l2_index(q, offset);
    uint64_t from = offset & (q->cluster_size - 1), entry, reach;
    bool whole = size == q->cluster_size;
    struct qcow2_table *l2;
    struct qcow2_map map;
    int rc = qcow2_map(q, offset, size, &map);

    reach = rc ? 0 : map.length;
    if (rc || (reach >= size && (map.kind == KIND_ZERO ||
                                 (map.kind == KIND_HOLE && !q->node.backing)))) {
        return rc;
    }
    if (q->version < 3 && (!whole || q->node.backing)) {
        return -ENOTSUP;
    }
    rc = qcow2_l2_for_write(q, offset, &l2);
    if (rc) {
        return rc;
    }
    entry = qcow2_entry(q, l2, index);
    if (!whole && entry & QCOW2_COMPRESSED) {
        rc = -ENOTSUP;
    } else if (q->version < 3) {
        qcow2_set_entry(q, l2, index, 0, 0);
        qcow2_free_entry(q, entry);
    } else {
        zero_units(q, l2, index, from, from + size, may_unmap);
    }
    qcow2_put(q, l2);
    return rc;
}

static int write_real_zeroes(struct qcow2 *q, uint64_t offset, uint64_t size)
{
    static const uint8_t zeroes[65536];
    int rc = 0;

    while (size && !rc) {
        struct iovec iov = { (void *)zeroes, MIN_OF(size, sizeof(zeroes)) };

        rc = qcow2_write(q, offset, &iov, 1);
        offset += iov.iov_len;
        size -= iov.iov_len;
    }
    return rc;
}

/* Real zeroes for an end of a range, unless it reads as zero already. */
static int zero_edge(struct qcow2 *q, uint64_t offset, uint64_t size)
{
    struct qcow2_map map = { 0 };
    int rc;

    if (!size) {
        return 0;
    }
    pthread_rwlock_rdlock(&q->rw);
    rc = qcow2_map(q, offset, size, &map);
    pthread_rwlock_unlock(&q->rw);
    if (!rc && map.length == size &&
        (map.kind == KIND_ZERO || (map.kind == KIND_HOLE && !q->node.backing))) {
        return 0;
    }
    return rc ? rc : write_real_zeroes(q, offset, size);
}

int qcow2_write_zeroes(struct qcow2 *q, uint64_t offset, uint64_t size, bool may_unmap)
{
    uint64_t unit = 1ull << q->unit_bits, end = offset + size;
    uint64_t from = align_up(offset, unit), to = end == q->size ? end : align_down(end, unit);
    int rc;

    if (from >= to) {
        return zero_edge(q, offset, size);
    }
    rc = zero_edge(q, offset, from - offset);
    rc = rc ? rc : zero_edge(q, to, end - to);
    to = align_up(to, unit);
    while (from < to && !rc) {
        uint64_t n = MIN_OF(align_down(from, q->cluster_size) + q->cluster_size, to) - from;

        pthread_rwlock_wrlock(&q->rw);
        if (qcow2_unclaimed(q, from, n) < n) {
            qcow2_unlock_and_wait(q);
            continue;
        }
        rc = q->corrupt ? -EIO : zero_cluster(q, from, n, may_unmap);
        pthread_rwlock_unlock(&q->rw);
        if (rc == -ENOTSUP) {
            rc = write_real_zeroes(q, from, MIN_OF(n, end - from));
        }
        from += n;
    }
    return rc;
}

/* Does a hole made here have to hide something? */
static bool must_hide(struct qcow2 *q, uint64_t entry)
{
    return q->node.backing || q->node.backing_file || qcow2_has_cluster(q, entry);
}

static int drop_cluster(struct qcow2 *q, uint64_t offset, bool full)
{
    unsigned index = qcow2_l2_index(q, offset);
    struct qcow2_table *l2;
    uint64_t entry, bitmap = 0, fresh = 0;
    int rc = qcow2_l2_for_write(q, offset, &l2);

    if (rc) {
        return rc;
    }
    entry = qcow2_entry(q, l2, index);
    if (!full && must_hide(q, entry)) {
        bitmap = q->subclusters > 1 ? 0xffffffffull << 32 : 0;
        fresh = q->subclusters > 1 || q->version < 3 ? 0 : QCOW2_ZERO;
    }
    if (full || q->version >= 3 || !(q->node.backing || q->node.backing_file)) {
        qcow2_set_entry(q, l2, index, fresh, bitmap);
        qcow2_free_entry(q, entry);
    }
    qcow2_put(q, l2);
    return 0;
}

static bool is_dropped(const struct qcow2_map *map, bool full)
{
    return !map->host && (map->kind == KIND_HOLE || (map->kind == KIND_ZERO && !full));
}

int qcow2_drop_clusters(struct qcow2 *q, uint64_t offset, uint64_t size, bool full)
{
    uint64_t from = align_up(offset, q->cluster_size), end = offset + size;
    uint64_t to = end >= q->size ? align_up(end, q->cluster_size)
        : align_down(end, q->cluster_size);
    int rc = 0;

    while (from < to && !rc) {
        struct qcow2_map map;
        uint64_t n;

        pthread_rwlock_wrlock(&q->rw);
        rc = q->corrupt ? -EIO : qcow2_map(q, from, to - from, &map);
        n = rc ? 0 : align_down(map.length, q->cluster_size);
        if (!rc && (n == 0 || !is_dropped(&map, full))) {
            if (qcow2_unclaimed(q, from, q->cluster_size) < q->cluster_size) {
                qcow2_unlock_and_wait(q);
                continue;
            }
            rc = drop_cluster(q, from, full);
            n = q->cluster_size;
        }
        pthread_rwlock_unlock(&q->rw);
        from += n;
    }
    return rc;
}
