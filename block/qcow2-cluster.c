/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qcow2: the two-level map from the guest's bytes to clusters of the file. */
#include <errno.h>
#include <string.h>

#include "block/qcow2.h"

/* --- entries --------------------------------------------------------------------------------- */

uint64_t qcow2_entry(struct qcow2 *q, const struct qcow2_table *l2, unsigned index)
{
    return ld64_be(l2->data + index * q->entry_size);
}

/* Low half: a bit for every subcluster with data; high half: for those that are zero. */
uint64_t qcow2_bitmap(struct qcow2 *q, const struct qcow2_table *l2, unsigned index)
{
    return q->subclusters > 1 ? ld64_be(l2->data + index * q->entry_size + 8) : 0;
}

uint64_t qcow2_units_mask(const struct qcow2 *q, uint64_t from, uint64_t to)
{
    unsigned first = from >> q->unit_bits, last = (to - 1) >> q->unit_bits;

    return bits_mask(last - first + 1) << first;
}

void qcow2_set_entry(struct qcow2 *q, struct qcow2_table *l2, unsigned index, uint64_t entry,
                     uint64_t bitmap)
{
    uint8_t *p = l2->data + index * q->entry_size;

    st64_be(p, entry);
    if (q->subclusters > 1) {
        st64_be(p + 8, bitmap);
    }
    qcow2_touch(q, l2, index * q->entry_size, q->entry_size);
}

unsigned qcow2_l2_index(const struct qcow2 *q, uint64_t offset)
{
    return offset >> q->cluster_bits & bits_mask(q->l2_bits);
}

/* Offset 0 means "none", except in a data file. */
bool qcow2_has_cluster(const struct qcow2 *q, uint64_t entry)
{
    if (entry & QCOW2_COMPRESSED) {
        return false;
    }
    return entry & QCOW2_OFFSET_MASK || (q->data_file && entry & QCOW2_COPIED);
}

bool qcow2_is_own(const struct qcow2 *q, uint64_t entry)
{
    return qcow2_has_cluster(q, entry) && entry & QCOW2_COPIED;
}

void qcow2_packed_range(const struct qcow2 *q, uint64_t entry, uint64_t *offset, uint64_t *size)
{
    unsigned bits = 62 - (q->cluster_bits - 8);
    uint64_t sectors = (entry & ~(QCOW2_COPIED | QCOW2_COMPRESSED)) >> bits;

    *offset = entry & bits_mask(bits);
    *size = (sectors + 1) * 512 - (*offset & 511);
}

void qcow2_free_entry(struct qcow2 *q, uint64_t entry)
{
    uint64_t offset, size;

    if (entry & QCOW2_COMPRESSED) {
        qcow2_packed_range(q, entry, &offset, &size);
        qcow2_free(q, offset, size);
    } else if (qcow2_has_cluster(q, entry) && !q->data_file) {
        qcow2_free(q, entry & QCOW2_OFFSET_MASK, q->cluster_size);
    }
}

/* --- looking up ------------------------------------------------------------------------------ */

/* The kind of the subcluster `sub` of a cluster (of the whole cluster without subclusters). */
static enum qcow2_kind kind_of(struct qcow2 *q, uint64_t entry, uint64_t bitmap, unsigned sub)
{
    bool allocated = qcow2_has_cluster(q, entry);

    if (entry & QCOW2_COMPRESSED) {
        return KIND_PACKED;
    }
    if (q->subclusters > 1) {
        return bits_test(bitmap, sub + 32) ? KIND_ZERO
            : allocated && bits_test(bitmap, sub) ? KIND_DATA : KIND_HOLE;
    }
    if (entry & QCOW2_ZERO && q->version >= 3) {
        return KIND_ZERO;
    }
    return allocated ? KIND_DATA : KIND_HOLE;
}

static int check_entry(struct qcow2 *q, uint64_t entry, unsigned index)
{
    uint64_t host = entry & QCOW2_OFFSET_MASK;

    if (entry & QCOW2_COMPRESSED) {
        return q->data_file ? qcow2_mark_corrupt(q, "Compressed cluster in an image with an "
                                                 "external data file (L2 index: 0x%x)", index) : 0;
    }
    if (qcow2_has_cluster(q, entry) && !is_aligned(host, q->cluster_size)) {
        return qcow2_mark_corrupt(q, "Cluster allocation offset 0x%llx unaligned (L2 index: 0x%x)",
                                  (unsigned long long)host, index);
    }
    return 0;
}

static int get_l2(struct qcow2 *q, uint64_t offset, struct qcow2_table **l2)
{
    uint64_t index = offset >> (q->cluster_bits + q->l2_bits), place;

    *l2 = NULL;
    place = index < q->l1_size ? q->l1[index] & QCOW2_OFFSET_MASK : 0;
    if (!place) {
        return 0;
    }
    if (!is_aligned(place, q->cluster_size)) {
        return qcow2_mark_corrupt(q, "L2 table offset 0x%llx unaligned (L1 index: 0x%llx)",
                                  (unsigned long long)place, (unsigned long long)index);
    }
    return qcow2_get(q, &q->l2_cache, place, l2);
}

/* Fills *map for the first subcluster; how far it goes on is seen by looking at more of them. */
static int map_first(struct qcow2 *q, struct qcow2_table *l2, uint64_t offset,
                     struct qcow2_map *map)
{
    unsigned index = qcow2_l2_index(q, offset);
    unsigned sub = offset >> q->unit_bits & (q->subclusters - 1);
    uint64_t entry = qcow2_entry(q, l2, index);
    int rc = check_entry(q, entry, index);

    *map = (struct qcow2_map){ .kind = kind_of(q, entry, qcow2_bitmap(q, l2, index), sub),
                               .entry = entry };
    if (qcow2_has_cluster(q, entry)) {
        map->host = (entry & QCOW2_OFFSET_MASK) + (offset & (q->cluster_size - 1));
        map->in_place = entry & QCOW2_COPIED;
    }
    return rc;
}

int qcow2_map(struct qcow2 *q, uint64_t offset, uint64_t size, struct qcow2_map *map)
{
    uint64_t unit = 1ull << q->unit_bits, reach = 1ull << (q->cluster_bits + q->l2_bits), length;
    struct qcow2_table *l2;
    int rc = get_l2(q, offset, &l2);

    size = MIN_OF(size, align_down(offset, reach) + reach - offset);
    if (rc) {
        return rc;
    }
    if (!l2) {
        *map = (struct qcow2_map){ .kind = KIND_HOLE, .length = size };
        return 0;
    }
    rc = map_first(q, l2, offset, map);
    unit = map->kind == KIND_PACKED ? q->cluster_size : unit;
    length = align_down(offset, unit) + unit - offset;
    while (!rc && length < size && map->kind != KIND_PACKED) {
        struct qcow2_map next;

        if (map_first(q, l2, offset + length, &next) || next.kind != map->kind ||
            (map->kind == KIND_DATA && (next.host != map->host + length ||
                                        next.in_place != map->in_place))) {
            break;
        }
        length += unit;
    }
    map->length = MIN_OF(length, size);
    qcow2_put(q, l2);
    return rc;
}

/* --- changing -------------------------------------------------------------------------------- */

int qcow2_l2_for_write(struct qcow2 *q, uint64_t offset, struct qcow2_table **l2)
{
    uint64_t index = offset >> (q->cluster_bits + q->l2_bits), place, got;
    struct qcow2_table *old;
    int rc = qcow2_trim(q);

    if (!rc && index >= q->l1_size) {
        rc = qcow2_grow_l1(q, index + 1);
    }
    rc = rc ? rc : get_l2(q, offset, &old);
    if (rc) {
        return rc;
    }
    if (old && q->l1[index] & QCOW2_COPIED) {
        *l2 = old;
        return 0;
    }
    rc = qcow2_alloc(q, 1, 1, &place, &got);
    if (!rc) {
        *l2 = qcow2_get_new(q, &q->l2_cache, place);
        if (old) {
            memcpy((*l2)->data, old->data, q->cluster_size);
            qcow2_free(q, old->offset, q->cluster_size);
        }
        q->l1[index] = place | QCOW2_COPIED;
        qcow2_touch_l1(q, index);
    }
    if (old) {
        qcow2_put(q, old);
    }
    return rc;
}

int qcow2_replace_l1(struct qcow2 *q, uint64_t *l1, uint32_t entries, uint64_t disk_size)
{
    uint64_t bytes = MAX_OF(align_up(entries * 8ull, q->cluster_size), q->cluster_size);
    uint64_t offset, clusters = bytes >> q->cluster_bits, old_size = q->l1_size * 8ull;
    uint8_t *data, head[24];
    int rc = qcow2_alloc(q, clusters, clusters, &offset, &clusters);

    rc = rc ? rc : qcow2_write_out(q, true);    /* all that the new table points at, too */
    if (rc) {
        g_free(l1);
        return rc;
    }
    data = g_malloc0(bytes);
    for (uint32_t i = 0; i < entries; i++) {
        st64_be(data + 8ull * i, l1[i]);
    }
    rc = block_node_pwrite(q->node.child, offset, data, bytes);
    g_free(data);
    rc = rc ? rc : qcow2_sync(q);
    /* Size, encryption, L1 size and L1 offset are neighbours in the first sector: one write. */
    st64_be(head, disk_size);
    st32_be(head + 8, q->crypt_method);
    st32_be(head + 12, entries);
    st64_be(head + 16, offset);
    rc = rc ? rc : qcow2_header_write(q, 24, head, sizeof(head));
    if (rc) {
        g_free(l1);
        return rc;
    }
    if (old_size) {
        qcow2_free(q, q->l1_offset, old_size);
    }
    g_free(q->l1);
    q->l1 = l1;
    q->l1_size = entries;
    q->l1_offset = offset;
    q->l1_dirty_from = q->l1_dirty_to = 0;
    q->size = disk_size;
    qcow2_collect_places(q);
    return 0;
}

int qcow2_grow_l1(struct qcow2 *q, uint64_t entries)
{
    uint64_t *l1;

    if (entries > QCOW2_MAX_L1_BYTES / 8) {
        return -EFBIG;
    }
    l1 = g_new0(uint64_t, entries);
    memcpy(l1, q->l1, q->l1_size * 8ull);
    return qcow2_replace_l1(q, l1, entries, q->size);
}

/* --- whole tables ---------------------------------------------------------------------------- */

static int refer_range(struct qcow2 *q, uint64_t offset, uint64_t size, int delta)
{
    int rc = 0;

    if (delta < 0) {
        qcow2_free(q, offset, size);
        return 0;
    }
    for (uint64_t i = offset >> q->cluster_bits; size && !rc &&
         i <= (offset + size - 1) >> q->cluster_bits; i++) {
        rc = qcow2_refcount_add(q, i, delta);
    }
    return rc;
}

static int refer_l2(struct qcow2 *q, uint64_t place, int delta)
{
    struct qcow2_table *l2;
    uint64_t offset, size;
    int rc = is_aligned(place, q->cluster_size) ? qcow2_get(q, &q->l2_cache, place, &l2) : -EIO;

    if (rc) {
        return rc;
    }
    for (unsigned i = 0; i < 1u << q->l2_bits && !rc; i++) {
        uint64_t entry = qcow2_entry(q, l2, i);

        if (entry & QCOW2_COMPRESSED) {
            qcow2_packed_range(q, entry, &offset, &size);
            rc = refer_range(q, offset, size, delta);
        } else if (qcow2_has_cluster(q, entry) && !q->data_file) {
            rc = refer_range(q, entry & QCOW2_OFFSET_MASK, q->cluster_size, delta);
        }
    }
    qcow2_put(q, l2);
    return rc ? rc : refer_range(q, place, q->cluster_size, delta);
}

int qcow2_refer(struct qcow2 *q, const uint64_t *l1, uint32_t entries, int delta)
{
    int rc = 0;

    for (uint32_t i = 0; i < entries && !rc; i++) {
        if (l1[i] & QCOW2_OFFSET_MASK) {
            rc = refer_l2(q, l1[i] & QCOW2_OFFSET_MASK, delta);
        }
        rc = rc ? rc : qcow2_trim(q);
    }
    return rc;
}

/* Is the cluster referred to once? */
static int is_single(struct qcow2 *q, uint64_t offset, bool *single)
{
    uint64_t value;
    int rc = qcow2_refcount(q, offset >> q->cluster_bits, &value);

    *single = value == 1;
    return rc;
}

static int update_entries(struct qcow2 *q, struct qcow2_table *l2, bool all_shared)
{
    int rc = 0;

    for (unsigned i = 0; i < 1u << q->l2_bits && !rc; i++) {
        uint64_t entry = qcow2_entry(q, l2, i), old = entry;
        bool single = false;

        if (!qcow2_has_cluster(q, entry) || q->data_file) {
            continue;
        }
        if (!all_shared) {
            rc = is_single(q, entry & QCOW2_OFFSET_MASK, &single);
        }
        entry = single ? entry | QCOW2_COPIED : entry & ~QCOW2_COPIED;
        if (entry != old && !rc) {
            qcow2_set_entry(q, l2, i, entry, qcow2_bitmap(q, l2, i));
        }
    }
    return rc;
}

int qcow2_update_copied(struct qcow2 *q, bool all_shared)
{
    int rc = 0;

    for (uint32_t i = 0; i < q->l1_size && !rc; i++) {
        uint64_t place = q->l1[i] & QCOW2_OFFSET_MASK, old = q->l1[i];
        struct qcow2_table *l2;
        bool single = false;

        if (!place) {
            continue;
        }
        rc = all_shared ? 0 : is_single(q, place, &single);
        rc = rc ? rc : qcow2_get(q, &q->l2_cache, place, &l2);
        if (rc) {
            break;
        }
        q->l1[i] = single ? place | QCOW2_COPIED : place;
        if (q->l1[i] != old) {
            qcow2_touch_l1(q, i);
        }
        rc = update_entries(q, l2, all_shared);
        qcow2_put(q, l2);
        rc = rc ? rc : qcow2_trim(q);
    }
    return rc;
}
