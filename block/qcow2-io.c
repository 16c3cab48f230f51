/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qcow2: the guest's data: reading, writing, zeroing, dropping. */
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

/* The lock is held. */
static int read_locked(struct qcow2 *q, uint64_t offset, const struct iovec *iov, unsigned count)
{
    uint64_t size = iov_size(iov, count), done = 0;
    struct iovec *part = g_new(struct iovec, count);
    int rc = 0;

    while (done < size && !rc) {
        struct qcow2_map map;

        rc = qcow2_map(q, offset + done, size - done, &map);
        if (!rc) {
            rc = read_run(q, &map, offset + done, part,
                          iov_slice(iov, count, done, map.length, part));
            done += map.length;
        }
    }
    g_free(part);
    return rc;
}

int qcow2_read(struct qcow2 *q, uint64_t offset, const struct iovec *iov, unsigned count)
{
    int rc;

    pthread_rwlock_rdlock(&q->rw);
    rc = read_locked(q, offset, iov, count);
    pthread_rwlock_unlock(&q->rw);
    return rc;
}

/* --- writing into new clusters --------------------------------------------------------------- */

/* One end of a write that does not fill its subcluster: the bytes around it come from elsewhere. */
struct fill {
    uint64_t from, to;          /* guest's bytes; from == to: nothing to fill */
    uint8_t *data;
};

/* `fresh`: the cluster's bytes in the file are known to be zero already. */
static int load_fill(struct qcow2 *q, struct fill *f, bool fresh)
{
    uint64_t size = f->to - f->from;
    struct iovec iov = { NULL, size };
    struct qcow2_map map;
    int rc;

    if (!size) {
        return 0;
    }
    if (fresh) {
        rc = qcow2_map(q, f->from, size, &map);
        if (!rc && map.length == size &&
            (map.kind == KIND_ZERO || (map.kind == KIND_HOLE && !q->node.backing))) {
            f->from = f->to;
            return 0;
        }
    }
    iov.iov_base = f->data = g_malloc(size);
    return read_locked(q, f->from, &iov, 1);
}

static uint64_t units_mask(struct qcow2 *q, uint64_t from, uint64_t to)
{
    unsigned first = from >> q->unit_bits, last = (to - 1) >> q->unit_bits;

    return bits_mask(last - first + 1) << first;
}

/* The bitmap of a cluster after the guest's bytes [from, to) of it became data. */
static uint64_t bitmap_after(struct qcow2 *q, uint64_t bitmap, uint64_t from, uint64_t to)
{
    uint64_t mask = q->subclusters > 1 && to > from ? units_mask(q, from, to) : 0;

    return (bitmap | mask) & ~(mask << 32);
}

/*
 * How far around the write a new cluster must be filled: to the subcluster's ends, or the whole
 * cluster if the old one has data that would be lost.
 */
static uint64_t fill_unit(struct qcow2 *q, struct qcow2_table *l2, unsigned index)
{
    uint64_t entry = qcow2_entry(q, l2, index);
    bool has_data = entry & QCOW2_COMPRESSED ||
        (qcow2_has_cluster(q, entry) && (uint32_t)qcow2_bitmap(q, l2, index));

    return q->subclusters == 1 || has_data ? q->cluster_size : 1ull << q->unit_bits;
}

static int write_filled(struct qcow2 *q, uint64_t host, uint64_t offset, const struct fill *head,
                        const struct fill *tail, const struct iovec *iov, unsigned count)
{
    struct iovec *all = g_new(struct iovec, count + 2);
    uint64_t start = offset & (q->cluster_size - 1);
    unsigned n = 0;
    int rc;

    if (head->to > head->from) {
        all[n++] = (struct iovec){ head->data, head->to - head->from };
        start -= head->to - head->from;
    }
    memcpy(all + n, iov, count * sizeof(*iov));
    n += count;
    if (tail->to > tail->from) {
        all[n++] = (struct iovec){ tail->data, tail->to - tail->from };
    }
    rc = qcow2_data_write(q, host + start, align_down(offset, q->cluster_size) + start, all, n);
    g_free(all);
    return rc;
}

/* Enters `clusters` new clusters from `host` on for the guest's [offset, offset + size). */
static void link_clusters(struct qcow2 *q, struct qcow2_table *l2, uint64_t offset, uint64_t from,
                          uint64_t to, uint64_t host, uint64_t clusters)
{
    unsigned index = qcow2_l2_index(q, offset);
    uint64_t base = align_down(offset, q->cluster_size);

    for (uint64_t i = 0; i < clusters; i++) {
        uint64_t start = base + i * q->cluster_size, end = start + q->cluster_size;
        uint64_t entry = qcow2_entry(q, l2, index + i), bitmap = qcow2_bitmap(q, l2, index + i);

        bitmap = entry & QCOW2_COMPRESSED ? 0 : bitmap;
        bitmap = bitmap_after(q, bitmap, MAX_OF(from, start) - start, MIN_OF(to, end) - start);
        qcow2_set_entry(q, l2, index + i, (host + i * q->cluster_size) | QCOW2_COPIED, bitmap);
        qcow2_free_entry(q, entry);
    }
}

/* Can the cluster be written without moving it? */
static bool is_own(struct qcow2 *q, uint64_t entry)
{
    return qcow2_has_cluster(q, entry) && entry & QCOW2_COPIED;
}

static int alloc_for(struct qcow2 *q, uint64_t offset, uint64_t want, uint64_t *host,
                     uint64_t *got)
{
    if (q->data_file) {         /* where the guest sees it */
        *host = align_down(offset, q->cluster_size);
        *got = want;
        return 0;
    }
    return qcow2_alloc(q, 1, want, host, got);
}

/*
 * Writes the front of a request that needs new clusters; *done tells how much. Locked for writing.
 */
static int write_new(struct qcow2 *q, struct qcow2_table *l2, uint64_t offset,
                     const struct iovec *iov, unsigned count, uint64_t *done)
{
    uint64_t mask = q->cluster_size - 1, size = iov_size(iov, count), want = 1, host, end;
    unsigned index = qcow2_l2_index(q, offset);
    struct iovec *part;
    struct fill head = { 0 }, tail = { 0 };
    uint64_t written_end = q->written_end;
    bool fresh;
    int rc;

    while (want << q->cluster_bits < (offset & mask) + size && index + want < 1u << q->l2_bits &&
           want < 4096 && !is_own(q, qcow2_entry(q, l2, index + want))) {
        want++;
    }
    rc = alloc_for(q, offset, want, &host, &want);
    if (rc) {
        return rc;
    }
    fresh = !q->data_file && !q->encrypted && host >= written_end;
    end = MIN_OF(offset + size, align_down(offset, q->cluster_size) + (want << q->cluster_bits));
    head = (struct fill){ align_down(offset, fill_unit(q, l2, index)), offset };
    tail = (struct fill){ end, align_up(end, fill_unit(q, l2, qcow2_l2_index(q, end - 1))) };
    part = g_new(struct iovec, count);
    /* Beyond the disk's end a cluster's bytes do not matter, but the file should hold them. */
    rc = load_fill(q, &head, fresh);
    rc = rc ? rc : load_fill(q, &tail, fresh);
    rc = rc ? rc : write_filled(q, host, offset, &head, &tail, part,
                                iov_slice(iov, count, 0, end - offset, part));
    if (!rc) {
        link_clusters(q, l2, offset, align_down(offset, fill_unit(q, l2, index)),
                      align_up(end, fill_unit(q, l2, qcow2_l2_index(q, end - 1))), host, want);
    } else if (!q->data_file) {
        qcow2_unalloc(q, host, want);
    }
    *done = end - offset;
    g_free(head.data);
    g_free(tail.data);
    g_free(part);
    return rc;
}

/* Part of one cluster that is ours, but whose (sub)cluster reads as zero or as a hole so far. */
static int write_own(struct qcow2 *q, struct qcow2_table *l2, uint64_t offset,
                     const struct iovec *iov, unsigned count, uint64_t *done)
{
    uint64_t start = align_down(offset, q->cluster_size), unit = 1ull << q->unit_bits;
    uint64_t end = MIN_OF(offset + iov_size(iov, count), start + q->cluster_size);
    unsigned index = qcow2_l2_index(q, offset);
    uint64_t entry = qcow2_entry(q, l2, index), host = entry & QCOW2_OFFSET_MASK;
    struct fill head = { align_down(offset, unit), offset }, tail = { end, align_up(end, unit) };
    struct iovec *part = g_new(struct iovec, count);
    int rc = q->data_file ? 0 : qcow2_check_overlap(q, 0, host, q->cluster_size);

    rc = rc ? rc : load_fill(q, &head, false);
    rc = rc ? rc : load_fill(q, &tail, false);
    rc = rc ? rc : write_filled(q, host, offset, &head, &tail, part,
                                iov_slice(iov, count, 0, end - offset, part));
    if (!rc) {
        uint64_t bitmap = bitmap_after(q, qcow2_bitmap(q, l2, index),
                                       align_down(offset, unit) - start,
                                       align_up(end, unit) - start);

        qcow2_set_entry(q, l2, index, q->subclusters > 1 ? entry : entry & ~QCOW2_ZERO, bitmap);
    }
    *done = end - offset;
    g_free(head.data);
    g_free(tail.data);
    g_free(part);
    return rc;
}

static int write_locked(struct qcow2 *q, uint64_t offset, const struct iovec *iov, unsigned count,
                        uint64_t *done)
{
    struct qcow2_table *l2;
    int rc = q->corrupt ? -EIO : qcow2_l2_for_write(q, offset, &l2);

    if (rc) {
        return rc;
    }
    if (is_own(q, qcow2_entry(q, l2, qcow2_l2_index(q, offset)))) {
        rc = write_own(q, l2, offset, iov, count, done);
    } else {
        rc = write_new(q, l2, offset, iov, count, done);
    }
    qcow2_put(q, l2);
    return rc;
}

/* Data that is already in clusters of ours is overwritten beside other requests. */
static int write_in_place(struct qcow2 *q, uint64_t offset, const struct iovec *iov,
                          unsigned count, uint64_t *done)
{
    struct iovec *part = NULL;
    struct qcow2_map map;
    int rc;

    *done = 0;
    pthread_rwlock_rdlock(&q->rw);
    rc = q->corrupt ? -EIO : qcow2_map(q, offset, iov_size(iov, count), &map);
    if (!rc && map.kind == KIND_DATA && map.in_place) {
        part = g_new(struct iovec, count);
        rc = q->data_file ? 0 : qcow2_check_overlap(q, 0, map.host, map.length);
        rc = rc ? rc : qcow2_data_write(q, map.host, offset, part,
                                        iov_slice(iov, count, 0, map.length, part));
        *done = map.length;
        g_free(part);
    }
    pthread_rwlock_unlock(&q->rw);
    return rc;
}

int qcow2_write(struct qcow2 *q, uint64_t offset, const struct iovec *iov, unsigned count)
{
    uint64_t size = iov_size(iov, count), at = 0;
    struct iovec *rest = g_new(struct iovec, count);
    int rc = 0;

    while (at < size && !rc) {
        unsigned n = iov_slice(iov, count, at, size - at, rest);
        uint64_t done;

        rc = write_in_place(q, offset + at, rest, n, &done);
        if (!rc && !done) {
            pthread_rwlock_wrlock(&q->rw);
            rc = write_locked(q, offset + at, rest, n, &done);
            pthread_rwlock_unlock(&q->rw);
        }
        at += done;
    }
    g_free(rest);
    return rc;
}

/* --- zeroes and holes ------------------------------------------------------------------------ */

/* Makes one whole cluster, or some of its subclusters, read as zeroes. */
static void zero_units(struct qcow2 *q, struct qcow2_table *l2, unsigned index, uint64_t from,
                       uint64_t to, bool may_unmap)
{
    uint64_t entry = qcow2_entry(q, l2, index), bitmap = qcow2_bitmap(q, l2, index);
    bool whole = from == 0 && to == q->cluster_size, keep = is_own(q, entry) && !may_unmap;

    if (!whole && q->subclusters > 1) {
        uint64_t mask = units_mask(q, from, to);

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
            rc = drop_cluster(q, from, full);
            n = q->cluster_size;
        }
        pthread_rwlock_unlock(&q->rw);
        from += n;
    }
    return rc;
}

/* --- compressed writes ----------------------------------------------------------------------- */

size_t qcow2_compress(struct block_node *node, const void *data, size_t size, void *packed)
{
    struct qcow2 *q = qcow2_of(node);
    uint8_t *whole = NULL;
    size_t n;

    if (size < q->cluster_size) {       /* the end of the disk: a whole cluster all the same */
        whole = g_malloc0(q->cluster_size);
        memcpy(whole, data, size);
    }
    n = qcow2_pack(q->compression, whole ? whole : data, q->cluster_size, packed,
                   q->cluster_size - 1);
    g_free(whole);
    return n;
}

static int link_packed(struct qcow2 *q, struct qcow2_table *l2, uint64_t offset,
                       const void *packed, size_t size)
{
    unsigned bits = 62 - (q->cluster_bits - 8), index = qcow2_l2_index(q, offset);
    uint64_t host, old = qcow2_entry(q, l2, index), sectors;
    int rc = qcow2_alloc_bytes(q, size, &host);

    if (rc) {
        return rc;
    }
    if (host + size > bits_mask(bits)) {
        return -EFBIG;
    }
    rc = block_node_pwrite(q->node.child, host, packed, size);
    if (rc) {
        qcow2_unalloc(q, host, ((host + size - 1) >> q->cluster_bits) -
                      (host >> q->cluster_bits) + 1);
        return rc;
    }
    sectors = ((host + size - 1) >> 9) - (host >> 9);
    qcow2_set_entry(q, l2, index, host | sectors << bits | QCOW2_COMPRESSED, 0);
    qcow2_free_entry(q, old);
    return 0;
}

int qcow2_write_packed(struct block_node *node, uint64_t offset, const void *packed, size_t size)
{
    struct qcow2 *q = qcow2_of(node);
    struct qcow2_table *l2;
    int rc;

    if (!is_aligned(offset, q->cluster_size)) {
        return -EINVAL;
    }
    if (q->data_file || q->encrypted) {
        return -ENOTSUP;
    }
    pthread_rwlock_wrlock(&q->rw);
    rc = q->corrupt ? -EIO : qcow2_l2_for_write(q, offset, &l2);
    if (!rc) {
        rc = link_packed(q, l2, offset, packed, size);
        qcow2_put(q, l2);
    }
    pthread_rwlock_unlock(&q->rw);
    return rc;
}
