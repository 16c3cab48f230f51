/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * qcow2: no write hits other metadata. The many tables and refcount blocks are looked up in a bit
 * filter first: a bit for every place that ever held one, so that a clear bit means "none", and a
 * set one that all must be compared.
 */
#include <string.h>

#include "block/qcow2.h"

/* --- the filter ------------------------------------------------------------------------------ */

static uint64_t filter_bit(const struct qcow2 *q, uint64_t cluster)
{
    return cluster * 0x9e3779b97f4a7c15ull >> (64 - q->places_order);
}

static void add_place(struct qcow2 *q, uint64_t entry)
{
    uint64_t offset = entry & QCOW2_OFFSET_MASK, bit = filter_bit(q, offset >> q->cluster_bits);

    if (offset) {
        q->places[bit / 64] |= 1ull << bit % 64;
        q->places_count++;
    }
}

void qcow2_collect_places(struct qcow2 *q)
{
    uint64_t count = 0;

    for (uint32_t i = 0; i < q->l1_size; i++) {
        count += q->l1[i] != 0;
    }
    for (uint32_t i = 0; i < q->reftable_size; i++) {
        count += q->reftable[i] != 0;
    }
    q->places_order = MAX_OF(16, 5 + 64 - bits_clz64(count));
    g_free(q->places);
    q->places = g_new0(uint64_t, 1ull << q->places_order >> 6);
    q->places_count = 0;
    for (uint32_t i = 0; i < q->l1_size; i++) {
        add_place(q, q->l1[i]);
    }
    for (uint32_t i = 0; i < q->reftable_size; i++) {
        add_place(q, q->reftable[i]);
    }
}

void qcow2_note_place(struct qcow2 *q, uint64_t entry)
{
    if (q->places_count >> (q->places_order - 3)) {
        qcow2_collect_places(q);        /* it fills up */
    }
    add_place(q, entry);
}

/* --- what is where --------------------------------------------------------------------------- */

struct area {
    uint64_t from, to;
};

static bool hits(const struct area *a, uint64_t offset, uint64_t size)
{
    return size && offset < a->to && a->from < offset + size;
}

static bool hits_any(const struct area *a, const uint64_t *offsets, uint32_t count,
                     uint64_t cluster_size)
{
    for (uint32_t i = 0; i < count; i++) {
        uint64_t offset = offsets[i] & QCOW2_OFFSET_MASK;

        if (offset && offset < a->to && a->from < offset + cluster_size) {
            return true;
        }
    }
    return false;
}

/* Many bytes are not worth a look at each of their clusters. */
static bool may_hit(const struct qcow2 *q, const struct area *a)
{
    uint64_t first = a->from >> q->cluster_bits, last = (a->to - 1) >> q->cluster_bits;

    if (last - first > 64) {
        return true;
    }
    for (uint64_t i = first; i <= last; i++) {
        uint64_t bit = filter_bit(q, i);

        if (q->places[bit / 64] & 1ull << bit % 64) {
            return true;
        }
    }
    return false;
}

static const char *what_is_there(struct qcow2 *q, unsigned except, const struct area *a)
{
    if (a->from < q->cluster_size) {
        return "qcow2_header";
    }
    if (!(except & OVERLAP_L1) && hits(a, q->l1_offset, q->l1_size * 8ull)) {
        return "active L1 table";
    }
    if (!(except & OVERLAP_REFTABLE) && hits(a, q->reftable_offset, q->reftable_bytes)) {
        return "refcount table";
    }
    if (!(except & OVERLAP_SNAPSHOTS)) {
        if (hits(a, q->snapshots_offset, q->snapshots_size)) {
            return "snapshot table";
        }
        for (unsigned i = 0; i < q->snapshot_count; i++) {
            if (hits(a, q->snapshots[i].l1_offset, q->snapshots[i].l1_size * 8ull)) {
                return "inactive L1 table";
            }
        }
    }
    if (hits(a, q->crypt_offset, q->crypt_size)) {
        return "encryption header";
    }
    if (!(except & OVERLAP_BITMAPS) && hits(a, q->bitmaps_offset, q->bitmaps_size)) {
        return "bitmap directory";
    }
    if (!may_hit(q, a)) {
        return NULL;
    }
    if (!(except & OVERLAP_REFCOUNTS) &&
        hits_any(a, q->reftable, q->reftable_size, q->cluster_size)) {
        return "refcount block";
    }
    if (!(except & OVERLAP_L2) && hits_any(a, q->l1, q->l1_size, q->cluster_size)) {
        return "active L2 table";
    }
    return NULL;
}

int qcow2_check_overlap(struct qcow2 *q, unsigned except, uint64_t offset, uint64_t size)
{
    struct area a = { offset, offset + size };
    const char *what = size ? what_is_there(q, except, &a) : NULL;

    return what ? qcow2_mark_corrupt(q, "Preventing invalid write on metadata (overlaps with %s)",
                                     what) : 0;
}
