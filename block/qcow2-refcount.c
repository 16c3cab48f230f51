/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qcow2: refcounts, finding and freeing clusters, and the guard against writing over metadata. */
#include <errno.h>
#include <string.h>

#include "block/qcow2.h"

/* --- single refcounts ------------------------------------------------------------------------ */

uint64_t qcow2_refcount_read(const void *block, unsigned order, uint64_t index)
{
    const uint8_t *p = block;

    switch (order) {
    case 3:
        return p[index];
    case 4:
        return ld16_be(p + 2 * index);
    case 5:
        return ld32_be(p + 4 * index);
    case 6:
        return ld64_be(p + 8 * index);
    default:
        index <<= order;            /* less than a byte; the low bits come first */
        return p[index / 8] >> index % 8 & bits_mask(1u << order);
    }
}

void qcow2_refcount_write(void *block, unsigned order, uint64_t index, uint64_t value)
{
    uint8_t *p = block;

    if (order >= 3) {
        unsigned size = 1u << (order - 3);

        st_be(p + size * index, size, value);
    } else {
        index <<= order;
        p[index / 8] = bits_deposit(p[index / 8], index % 8, 1u << order, value);
    }
}

static int get_block(struct qcow2 *q, uint64_t block, struct qcow2_table **table)
{
    uint64_t offset = block < q->reftable_size ? q->reftable[block] & ~511ull : 0;

    *table = NULL;
    if (!offset) {
        return 0;
    }
    if (!is_aligned(offset, q->cluster_size)) {
        return qcow2_mark_corrupt(q, "Refblock offset 0x%llx unaligned (reftable index: 0x%llx)",
                                  (unsigned long long)offset, (unsigned long long)block);
    }
    return qcow2_get(q, &q->refcount_cache, offset, table);
}

int qcow2_refcount(struct qcow2 *q, uint64_t index, uint64_t *value)
{
    struct qcow2_table *table;
    int rc = get_block(q, index >> q->block_bits, &table);

    *value = 0;
    if (table) {
        *value = qcow2_refcount_read(table->data, q->refcount_order,
                                     index & bits_mask(q->block_bits));
        qcow2_put(q, table);
    }
    return rc;
}

static void set_in_block(struct qcow2 *q, struct qcow2_table *table, uint64_t index,
                         uint64_t value)
{
    uint32_t position = (index & bits_mask(q->block_bits)) << q->refcount_order >> 3;

    qcow2_refcount_write(table->data, q->refcount_order, index & bits_mask(q->block_bits), value);
    qcow2_touch(q, table, position, MAX_OF(1u << q->refcount_order >> 3, 1));
    if (value) {
        q->written_end = MAX_OF(q->written_end, (index + 1) << q->cluster_bits);
    }
}

/* Makes the table of blocks longer; it moves to a new place with the next write-out. */
static int grow_reftable(struct qcow2 *q, uint64_t entries)
{
    uint64_t old_size = q->reftable_size, old_offset = q->reftable_offset, offset, got;
    int rc;

    entries = MAX_OF(entries, old_size + old_size / 2);
    entries = align_up(entries * 8, q->cluster_size) / 8;
    if (entries * 8 > QCOW2_MAX_REFTABLE_BYTES) {
        return -EFBIG;
    }
    q->reftable = g_renew(uint64_t, q->reftable, entries);
    memset(q->reftable + old_size, 0, (entries - old_size) * 8);
    q->reftable_size = entries;
    got = entries * 8 >> q->cluster_bits;
    rc = qcow2_alloc(q, got, got, &offset, &got);
    if (rc) {
        q->reftable_size = old_size;
        return rc;
    }
    q->reftable_offset = offset;
    q->reftable_bytes = entries * 8;
    q->reftable_moved = q->dirty = true;
    qcow2_free(q, old_offset, old_size * 8);
    return 0;
}

int qcow2_refcount_set(struct qcow2 *q, uint64_t index, uint64_t value)
{
    struct qcow2_table *table;
    int rc = get_block(q, index >> q->block_bits, &table);

    if (rc || !table) {
        return rc ? rc : -EIO;      /* in use, but not counted: only `check' can help */
    }
    set_in_block(q, table, index, value);
    qcow2_put(q, table);
    if (!value) {
        q->free_index = MIN_OF(q->free_index, index);
        if (q->byte_position >> q->cluster_bits == index) {
            q->byte_position = 0;
        }
    }
    return 0;
}

int qcow2_refcount_add(struct qcow2 *q, uint64_t index, int delta)
{
    uint64_t value;
    int rc = qcow2_refcount(q, index, &value);

    if (rc) {
        return rc;
    }
    if (!value || value + delta > bits_mask(1u << q->refcount_order)) {
        return value ? -ERANGE : -EIO;      /* what is in use has a count already */
    }
    return qcow2_refcount_set(q, index, value + delta);
}

/* --- allocation ------------------------------------------------------------------------------ */

#define MAX_SEARCH (1ull << 28)

/* The first run of `least` to `most` free clusters. Clusters without a refcount block are free. */
static int find_free(struct qcow2 *q, uint64_t least, uint64_t most, uint64_t *first,
                     uint64_t *found)
{
    uint64_t index = MAX_OF(q->free_index, 1), limit = index + MAX_SEARCH, run = 0;
    uint64_t per_block = 1ull << q->block_bits;
    bool ended = false;

    while (run < most && !ended) {
        uint64_t in = index & (per_block - 1);
        struct qcow2_table *table;
        int rc = get_block(q, index >> q->block_bits, &table);

        if (rc || index >= limit || index >= QCOW2_OFFSET_MASK >> q->cluster_bits) {
            return rc ? rc : -EFBIG;
        }
        if (!table) {
            uint64_t n = MIN_OF(per_block - in, most - run);

            run += n;
            index += n;
            continue;
        }
        for (; in < per_block && run < most; in++, index++) {
            if (!qcow2_refcount_read(table->data, q->refcount_order, in)) {
                run++;
            } else if (run >= least) {
                ended = true;
                break;
            } else {
                run = 0;
            }
        }
        qcow2_put(q, table);
    }
    *first = index - run;
    *found = run;
    return 0;
}

static bool is_covered(struct qcow2 *q, uint64_t block)
{
    return block < q->reftable_size && q->reftable[block] & ~511ull;
}

/* Refcount blocks for the clusters of a free run that have none; they take its first clusters. */
static int add_blocks(struct qcow2 *q, uint64_t first, uint64_t run)
{
    uint64_t next = first;
    int rc = 0;

    for (uint64_t b = first >> q->block_bits; b <= (first + run - 1) >> q->block_bits; b++) {
        if (!is_covered(q, b)) {
            q->reftable[b] = next++ << q->cluster_bits;
            qcow2_touch_reftable(q, b);
            qcow2_put(q, qcow2_get_new(q, &q->refcount_cache, q->reftable[b]));
        }
    }
    for (uint64_t i = first; i < next && !rc; i++) {
        rc = qcow2_refcount_set(q, i, 1);
    }
    return rc;
}

int qcow2_alloc(struct qcow2 *q, uint64_t least, uint64_t most, uint64_t *offset, uint64_t *got)
{
    uint64_t first, run, last, blocks = 0, extra = 0;
    int rc = q->corrupt ? -EIO : 0;

    do {
        extra = blocks;
        rc = rc ? rc : find_free(q, least + extra, most + extra, &first, &run);
        if (rc) {
            return rc;
        }
        last = (first + run - 1) >> q->block_bits;
        blocks = 0;
        for (uint64_t b = first >> q->block_bits; b <= last; b++) {
            blocks += !is_covered(q, b);
        }
        if (last >= q->reftable_size) {
            rc = grow_reftable(q, last + 1);
            run = 0;                /* it took clusters: look again */
        }
    } while (run < least + blocks);
    rc = rc ? rc : qcow2_check_overlap(q, 0, first << q->cluster_bits, run << q->cluster_bits);
    rc = rc || !blocks ? rc : add_blocks(q, first, run);
    first += blocks;
    run = MIN_OF(run - blocks, most);
    for (uint64_t i = 0; i < run && !rc; i++) {
        rc = qcow2_refcount_set(q, first + i, 1);
    }
    if (least == 1) {
        q->free_index = first + run;
    }
    *offset = first << q->cluster_bits;
    *got = run;
    return rc;
}

/* The cluster after the one that is being filled, if it is free. */
static bool take_next(struct qcow2 *q, uint64_t index)
{
    uint64_t value;

    if (qcow2_refcount(q, index, &value) || value ||
        qcow2_check_overlap(q, 0, index << q->cluster_bits, q->cluster_size)) {
        return false;
    }
    return is_covered(q, index >> q->block_bits) && !qcow2_refcount_set(q, index, 1);
}

int qcow2_alloc_bytes(struct qcow2 *q, unsigned size, uint64_t *offset)
{
    uint64_t position = q->byte_position, room, got, value = 0;
    int rc = 0;

    if (q->corrupt) {
        return -EIO;
    }
    if (position) {
        rc = qcow2_refcount(q, position >> q->cluster_bits, &value);
    }
    if (rc) {
        return rc;
    }
    room = align_up(position, q->cluster_size) - position;
    if (position && value < bits_mask(1u << q->refcount_order) &&
        (room >= size || take_next(q, (position + room) >> q->cluster_bits))) {
        rc = qcow2_refcount_add(q, position >> q->cluster_bits, 1);
        *offset = position;
    } else {
        rc = qcow2_alloc(q, 1, 1, offset, &got);
    }
    if (!rc) {
        position = *offset + size;
        q->byte_position = is_aligned(position, q->cluster_size) ? 0 : position;
    }
    return rc;
}

/* --- freeing --------------------------------------------------------------------------------- */

void qcow2_free(struct qcow2 *q, uint64_t offset, uint64_t size)
{
    uint64_t first = offset >> q->cluster_bits;
    uint64_t count = size ? ((offset + size - 1) >> q->cluster_bits) - first + 1 : 0;
    struct qcow2_range *last = NULL, range = { first, count };

    if (q->freed->len) {
        last = &g_array_index(q->freed, struct qcow2_range, q->freed->len - 1);
    }
    if (last && last->index + last->count == first) {
        last->count += count;
    } else if (count) {
        g_array_append_val(q->freed, range);
    }
    q->dirty = true;
}

static void give_back(struct qcow2 *q, uint64_t index)
{
    uint64_t value;

    if (qcow2_refcount_add(q, index, -1)) {
        return;                     /* it was 0: `check' tells */
    }
    if (q->node.flags & NODE_UNMAP && !qcow2_refcount(q, index, &value) && !value) {
        block_node_discard(q->node.child, index << q->cluster_bits, q->cluster_size);
    }
}

int qcow2_apply_freed(struct qcow2 *q)
{
    GArray *freed = q->freed;

    if (freed->len) {
        qcow2_wait_transfers(q);
        q->freed = g_array_new(FALSE, FALSE, sizeof(struct qcow2_range));
        for (unsigned i = 0; i < freed->len; i++) {
            struct qcow2_range range = g_array_index(freed, struct qcow2_range, i);

            for (uint64_t k = 0; k < range.count; k++) {
                give_back(q, range.index + k);
            }
        }
        g_array_free(freed, TRUE);
        /* What was unpacked may be something else soon. */
        pthread_mutex_lock(&q->cache_lock);
        q->unpacked_entry = 0;
        pthread_mutex_unlock(&q->cache_lock);
    }
    return 0;
}

void qcow2_unalloc(struct qcow2 *q, uint64_t offset, uint64_t clusters)
{
    for (uint64_t i = 0; i < clusters; i++) {
        qcow2_refcount_add(q, (offset >> q->cluster_bits) + i, -1);
    }
}
