/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * qcow2: writing the guest's data. Clusters that are in place are overwritten beside other
 * requests. Others are written in three turns: with the lock room is found and the guest's clusters
 * are claimed; without it the data goes to its place; with it again the entries point there. Data
 * is thus in the file before anything can point at it.
 */
#include <errno.h>
#include <string.h>

#include "block/qcow2-pack.h"
#include "block/qcow2.h"

/* --- filling clusters up --------------------------------------------------------------------- */

/* One end of a write that does not fill its subcluster: the bytes around it come from elsewhere. */
struct fill {
    uint64_t from, to;          /* guest's bytes; from == to: nothing to fill */
    uint8_t *data;
};

/* Between the first turn and the last. */
struct placing {
    struct qcow2_claim claim;
    uint64_t offset, end;       /* the guest's bytes that are written */
    uint64_t from, to;          /* with what is filled around them: whole subclusters */
    uint64_t host, clusters;    /* room for all that is claimed; 0 clusters: it was ours before */
    struct fill head, tail;
};

/* The bitmap of a cluster after the guest's bytes [from, to) of it became data. */
static uint64_t bitmap_after(struct qcow2 *q, uint64_t bitmap, uint64_t from, uint64_t to)
{
    uint64_t mask = q->subclusters > 1 && to > from ? qcow2_units_mask(q, from, to) : 0;

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

/* Nothing to do where zeroes are wanted and the file is known to have them. */
static void skip_zeroes(struct qcow2 *q, struct fill *f)
{
    uint64_t size = f->to - f->from;
    struct qcow2_map map;

    if (size && qcow2_map(q, f->from, size, &map) == 0 && map.length == size &&
        (map.kind == KIND_ZERO || (map.kind == KIND_HOLE && !q->node.backing))) {
        f->from = f->to;
    }
}

/* Reading this much more costs less than another read. */
#define CLOSE_TOGETHER 16384

static int load(struct qcow2 *q, uint64_t from, uint64_t to, uint8_t *data)
{
    struct iovec iov = { data, to - from };

    return from == to ? 0 : qcow2_read(q, from, &iov, 1);
}

/*
 * Both fills, into memory that is the caller's to free. Beyond the disk's end a cluster's bytes do
 * not matter, but the file should hold them.
 */
static int load_fills(struct qcow2 *q, struct placing *p, uint8_t **memory)
{
    struct fill *head = &p->head, *tail = &p->tail;
    uint64_t before = head->to - head->from, behind = tail->to - tail->from;
    uint64_t between = tail->from - head->to;
    int rc;

    *memory = NULL;
    if (!before && !behind) {
        return 0;
    }
    if (!before || !behind || between > CLOSE_TOGETHER) {
        *memory = head->data = g_malloc(before + behind);
        tail->data = head->data + before;
        rc = load(q, head->from, head->to, head->data);
        return rc ? rc : load(q, tail->from, tail->to, tail->data);
    }
    *memory = head->data = g_malloc(before + between + behind);
    tail->data = head->data + before + between;
    return load(q, head->from, tail->to, head->data);
}

/* The second turn. */
static int move_data(struct qcow2 *q, struct placing *p, const struct iovec *iov, unsigned count)
{
    struct iovec *all = g_new(struct iovec, count + 2);
    uint64_t start = p->offset & (q->cluster_size - 1);
    unsigned n = 0;
    uint8_t *fills;
    int rc = load_fills(q, p, &fills);

    if (p->head.to > p->head.from) {
        all[n++] = (struct iovec){ p->head.data, p->head.to - p->head.from };
        start -= p->head.to - p->head.from;
    }
    n += iov_slice(iov, count, 0, p->end - p->offset, all + n);
    if (p->tail.to > p->tail.from) {
        all[n++] = (struct iovec){ p->tail.data, p->tail.to - p->tail.from };
    }
    rc = rc ? rc : qcow2_data_write(q, p->host + start,
                                    align_down(p->offset, q->cluster_size) + start, all, n);
    g_free(fills);
    g_free(all);
    return rc;
}

/* --- new clusters ---------------------------------------------------------------------------- */

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

/* Room for the front of a request that needs new clusters. */
static int plan_new(struct qcow2 *q, struct qcow2_table *l2, uint64_t size, struct placing *p)
{
    uint64_t mask = q->cluster_size - 1, offset = p->offset, want = 1;
    uint64_t written_end = q->written_end;
    unsigned index = qcow2_l2_index(q, offset);
    int rc;

    while (want << q->cluster_bits < (offset & mask) + size && index + want < 1u << q->l2_bits &&
           want < 4096 && !qcow2_is_own(q, qcow2_entry(q, l2, index + want))) {
        want++;
    }
    rc = alloc_for(q, offset, want, &p->host, &p->clusters);
    if (rc) {
        return rc;
    }
    p->end = MIN_OF(offset + size,
                    align_down(offset, q->cluster_size) + (p->clusters << q->cluster_bits));
    p->from = align_down(offset, fill_unit(q, l2, index));
    p->to = align_up(p->end, fill_unit(q, l2, qcow2_l2_index(q, p->end - 1)));
    p->head = (struct fill){ p->from, offset };
    p->tail = (struct fill){ p->end, p->to };
    if (!q->data_file && !q->encrypted && p->host >= written_end) {
        skip_zeroes(q, &p->head);
        skip_zeroes(q, &p->tail);
    }
    return 0;
}

/*
 * Part of one cluster that is ours, but whose (sub)cluster reads as zero or as a hole so far. What
 * is filled around it must do so, too: data beside it may be overwritten at the same time.
 */
static int plan_own(struct qcow2 *q, struct qcow2_table *l2, uint64_t size, struct placing *p)
{
    uint64_t start = align_down(p->offset, q->cluster_size), unit = 1ull << q->unit_bits;

    p->clusters = 0;
    p->host = qcow2_entry(q, l2, qcow2_l2_index(q, p->offset)) & QCOW2_OFFSET_MASK;
    p->end = MIN_OF(p->offset + size, start + q->cluster_size);
    p->from = align_down(p->offset, unit);
    p->to = align_up(p->end, unit);
    p->head = (struct fill){ p->from, p->offset };
    p->tail = (struct fill){ p->end, p->to };
    return q->data_file ? 0 : qcow2_check_overlap(q, 0, p->host, q->cluster_size);
}

/* The first turn; `size` is what nobody else has claimed, the map what its front is. */
static int plan(struct qcow2 *q, uint64_t size, const struct qcow2_map *map, struct placing *p)
{
    struct qcow2_table *l2;
    int rc = q->corrupt ? -EIO : qcow2_l2_for_write(q, p->offset, &l2);

    if (rc) {
        return rc;
    }
    if (qcow2_is_own(q, qcow2_entry(q, l2, qcow2_l2_index(q, p->offset)))) {
        rc = plan_own(q, l2, MIN_OF(size, map->length), p);
    } else {
        rc = plan_new(q, l2, size, p);
    }
    qcow2_put(q, l2);
    return rc;
}

/* The last turn: the entries of all that is claimed. */
static int enter(struct qcow2 *q, struct placing *p)
{
    unsigned index = qcow2_l2_index(q, p->offset);
    struct qcow2_table *l2;
    int rc = q->corrupt ? -EIO : qcow2_l2_for_write(q, p->offset, &l2);

    for (uint64_t start = p->claim.from; !rc && start < p->claim.to; index++) {
        uint64_t end = start + q->cluster_size, host = p->host + (start - p->claim.from);
        uint64_t entry = qcow2_entry(q, l2, index), bitmap = qcow2_bitmap(q, l2, index);

        bitmap = entry & QCOW2_COMPRESSED ? 0 : bitmap;
        bitmap = bitmap_after(q, bitmap, MAX_OF(p->from, start) - start,
                              MIN_OF(p->to, end) - start);
        if (p->clusters) {
            qcow2_set_entry(q, l2, index, host | QCOW2_COPIED, bitmap);
            qcow2_free_entry(q, entry);
        } else {
            qcow2_set_entry(q, l2, index, q->subclusters > 1 ? entry : entry & ~QCOW2_ZERO,
                            bitmap);
        }
        start = end;
    }
    if (!rc) {
        qcow2_put(q, l2);
    }
    return rc;
}

/* Writes the front of a request; *done tells how much, which may be nothing: try again. */
static int write_placed(struct qcow2 *q, uint64_t offset, const struct iovec *iov, unsigned count,
                        uint64_t *done)
{
    struct placing p = { .offset = offset };
    struct qcow2_map map;
    uint64_t size;
    int rc;

    *done = 0;
    pthread_rwlock_wrlock(&q->rw);
    size = qcow2_unclaimed(q, offset, iov_size(iov, count));
    if (!size) {
        qcow2_unlock_and_wait(q);
        return 0;
    }
    rc = qcow2_map(q, offset, size, &map);
    if (!rc && map.kind == KIND_DATA && map.in_place) {
        pthread_rwlock_unlock(&q->rw);      /* somebody else has made it so meanwhile */
        return 0;
    }
    rc = rc ? rc : plan(q, size, &map, &p);
    if (!rc) {
        qcow2_claim(q, &p.claim, offset, p.end - offset);
        pthread_rwlock_unlock(&q->rw);
        rc = move_data(q, &p, iov, count);
        pthread_rwlock_wrlock(&q->rw);
        rc = rc ? rc : enter(q, &p);
        if (rc && p.clusters && !q->data_file) {
            qcow2_unalloc(q, p.host, p.clusters);
        }
        qcow2_release(q, &p.claim);
    }
    pthread_rwlock_unlock(&q->rw);
    *done = rc ? 0 : p.end - offset;
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
    if (rc || map.kind != KIND_DATA || !map.in_place) {
        pthread_rwlock_unlock(&q->rw);
        return rc;
    }
    rc = q->data_file ? 0 : qcow2_check_overlap(q, 0, map.host, map.length);
    qcow2_transfer_begin(q);
    pthread_rwlock_unlock(&q->rw);
    if (!rc) {
        part = g_new(struct iovec, count);
        rc = qcow2_data_write(q, map.host, offset, part,
                              iov_slice(iov, count, 0, map.length, part));
        g_free(part);
    }
    qcow2_transfer_end(q);
    *done = map.length;
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
            rc = write_placed(q, offset + at, rest, n, &done);
        }
        at += done;
    }
    g_free(rest);
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

static int enter_packed(struct qcow2 *q, uint64_t offset, uint64_t host, size_t size)
{
    unsigned bits = 62 - (q->cluster_bits - 8), index = qcow2_l2_index(q, offset);
    uint64_t old, sectors = ((host + size - 1) >> 9) - (host >> 9);
    struct qcow2_table *l2;
    int rc = q->corrupt ? -EIO : qcow2_l2_for_write(q, offset, &l2);

    if (!rc) {
        old = qcow2_entry(q, l2, index);
        qcow2_set_entry(q, l2, index, host | sectors << bits | QCOW2_COMPRESSED, 0);
        qcow2_free_entry(q, old);
        qcow2_put(q, l2);
    }
    return rc;
}

static void unalloc_packed(struct qcow2 *q, uint64_t host, size_t size)
{
    qcow2_unalloc(q, host, ((host + size - 1) >> q->cluster_bits) - (host >> q->cluster_bits) + 1);
}

/* Room for a packed cluster that an entry can tell; a table for the entry comes first. */
static int plan_packed(struct qcow2 *q, uint64_t offset, size_t size, uint64_t *host)
{
    struct qcow2_table *l2;
    int rc = q->corrupt ? -EIO : qcow2_l2_for_write(q, offset, &l2);

    if (rc) {
        return rc;
    }
    qcow2_put(q, l2);
    rc = qcow2_alloc_bytes(q, size, host);
    if (!rc && *host + size > bits_mask(62 - (q->cluster_bits - 8))) {
        unalloc_packed(q, *host, size);
        rc = -EFBIG;
    }
    return rc;
}

int qcow2_write_packed(struct block_node *node, uint64_t offset, const void *packed, size_t size)
{
    struct qcow2 *q = qcow2_of(node);
    struct qcow2_claim claim;
    uint64_t host;
    int rc;

    if (!is_aligned(offset, q->cluster_size)) {
        return -EINVAL;
    }
    if (q->data_file || q->encrypted) {
        return -ENOTSUP;
    }
    pthread_rwlock_wrlock(&q->rw);
    while (qcow2_unclaimed(q, offset, q->cluster_size) < q->cluster_size) {
        qcow2_unlock_and_wait(q);
        pthread_rwlock_wrlock(&q->rw);
    }
    rc = plan_packed(q, offset, size, &host);
    if (!rc) {
        qcow2_claim(q, &claim, offset, q->cluster_size);
        pthread_rwlock_unlock(&q->rw);
        rc = block_node_pwrite(q->node.child, host, packed, size);
        pthread_rwlock_wrlock(&q->rw);
        rc = rc ? rc : enter_packed(q, offset, host, size);
        if (rc) {
            unalloc_packed(q, host, size);
        }
        qcow2_release(q, &claim);
    }
    pthread_rwlock_unlock(&q->rw);
    return rc;
}
