/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qcow2: tables in memory, and the order in which changes reach the file. */
#include <errno.h>
#include <string.h>

#include "block/qcow2.h"

/* --- the cache ------------------------------------------------------------------------------- */

static void free_table(void *opaque)
{
    struct qcow2_table *t = opaque;

    g_free(t->data);
    g_free(t);
}

static void init_cache(struct qcow2 *q, struct qcow2_cache *cache, uint64_t bytes, bool refcounts)
{
    cache->tables = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, free_table);
    cache->limit = MAX_OF(bytes / q->cluster_size, 8);
    cache->refcounts = refcounts;
}

void qcow2_cache_init(struct qcow2 *q)
{
    init_cache(q, &q->l2_cache, 32u << 20, false);
    init_cache(q, &q->refcount_cache, 8u << 20, true);
    q->freed = g_array_new(FALSE, FALSE, sizeof(struct qcow2_range));
}

void qcow2_cache_free(struct qcow2 *q)
{
    g_hash_table_destroy(q->l2_cache.tables);
    g_hash_table_destroy(q->refcount_cache.tables);
    g_array_free(q->freed, TRUE);
}

void qcow2_cache_drop(struct qcow2 *q)
{
    g_hash_table_remove_all(q->l2_cache.tables);
    g_hash_table_remove_all(q->refcount_cache.tables);
    g_array_set_size(q->freed, 0);
}

static bool is_dirty(const struct qcow2_table *t)
{
    return t->dirty_to > t->dirty_from;
}

/* Drops the clean table that was not used for longest. */
static void make_room(struct qcow2_cache *cache)
{
    struct qcow2_table *oldest = NULL, *t;
    GHashTableIter at;

    g_hash_table_iter_init(&at, cache->tables);
    while (g_hash_table_iter_next(&at, NULL, (void **)&t)) {
        if (!t->pins && !is_dirty(t) && (!oldest || t->used < oldest->used)) {
            oldest = t;
        }
    }
    if (oldest) {
        g_hash_table_remove(cache->tables, &oldest->offset);
    }
}

static struct qcow2_table *insert(struct qcow2 *q, struct qcow2_cache *cache, uint64_t offset,
                                  uint8_t *data)
{
    struct qcow2_table *t = g_new0(struct qcow2_table, 1);

    if (g_hash_table_size(cache->tables) >= cache->limit) {
        make_room(cache);
    }
    t->offset = offset;
    t->data = data;
    g_hash_table_insert(cache->tables, &t->offset, t);
    return t;
}

int qcow2_get(struct qcow2 *q, struct qcow2_cache *cache, uint64_t offset,
              struct qcow2_table **table)
{
    static uint64_t clock;
    struct qcow2_table *t;
    int rc = 0;

    pthread_mutex_lock(&q->cache_lock);
    t = g_hash_table_lookup(cache->tables, &offset);
    if (!t) {
        uint8_t *data = g_malloc(q->cluster_size);

        rc = block_node_pread(q->node.child, offset, data, q->cluster_size);
        if (rc) {
            g_free(data);
        } else {
            t = insert(q, cache, offset, data);
        }
    }
    if (t) {
        t->pins++;
        t->used = __atomic_add_fetch(&clock, 1, __ATOMIC_RELAXED);
    }
    pthread_mutex_unlock(&q->cache_lock);
    *table = t;
    return rc;
}

struct qcow2_table *qcow2_get_new(struct qcow2 *q, struct qcow2_cache *cache, uint64_t offset)
{
    struct qcow2_table *t;

    pthread_mutex_lock(&q->cache_lock);
    g_hash_table_remove(cache->tables, &offset);
    t = insert(q, cache, offset, g_malloc0(q->cluster_size));
    t->pins = 1;
    t->fresh = true;
    pthread_mutex_unlock(&q->cache_lock);
    qcow2_touch(q, t, 0, q->cluster_size);
    return t;
}

void qcow2_put(struct qcow2 *q, struct qcow2_table *table)
{
    pthread_mutex_lock(&q->cache_lock);
    table->pins--;
    pthread_mutex_unlock(&q->cache_lock);
}

static void widen(uint32_t *from, uint32_t *to, uint32_t start, uint32_t end)
{
    *from = *to > *from ? MIN_OF(*from, start) : start;
    *to = MAX_OF(*to, end);
}

void qcow2_touch(struct qcow2 *q, struct qcow2_table *t, uint32_t from, uint32_t size)
{
    widen(&t->dirty_from, &t->dirty_to, from, from + size);
    q->dirty = true;
}

void qcow2_touch_l1(struct qcow2 *q, uint32_t index)
{
    widen(&q->l1_dirty_from, &q->l1_dirty_to, index, index + 1);
    qcow2_note_place(q, q->l1[index]);
    q->dirty = true;
}

void qcow2_touch_reftable(struct qcow2 *q, uint32_t index)
{
    widen(&q->reftable_dirty_from, &q->reftable_dirty_to, index, index + 1);
    qcow2_note_place(q, q->reftable[index]);
    q->dirty = true;
}

/* --- writing out ----------------------------------------------------------------------------- */

static int write_table(struct qcow2 *q, struct qcow2_cache *cache, struct qcow2_table *t)
{
    /* Whole sectors, which a disk writes at once. */
    uint32_t from = align_down(t->dirty_from, QCOW2_SECTOR);
    uint32_t to = align_up(t->dirty_to, QCOW2_SECTOR);
    int rc = qcow2_check_overlap(q, cache->refcounts ? OVERLAP_REFCOUNTS : OVERLAP_L2,
                                 t->offset + from, to - from);

    rc = rc ? rc : block_node_pwrite(q->node.child, t->offset + from, t->data + from, to - from);
    if (!rc) {
        t->dirty_from = t->dirty_to = 0;
        t->fresh = false;
    }
    return rc;
}

static int compare_offsets(const void *a, const void *b)
{
    uint64_t x = (*(struct qcow2_table *const *)a)->offset;
    uint64_t y = (*(struct qcow2_table *const *)b)->offset;

    return x < y ? -1 : x > y;
}

enum which { ALL_TABLES, FRESH_TABLES };

static int write_tables(struct qcow2 *q, struct qcow2_cache *cache, enum which which)
{
    GPtrArray *list = g_ptr_array_new();
    struct qcow2_table *t;
    GHashTableIter at;
    int rc = 0;

    g_hash_table_iter_init(&at, cache->tables);
    while (g_hash_table_iter_next(&at, NULL, (void **)&t)) {
        if (is_dirty(t) && (which == ALL_TABLES || t->fresh)) {
            g_ptr_array_add(list, t);
        }
    }
    g_ptr_array_sort(list, compare_offsets);
    for (unsigned i = 0; i < list->len && !rc; i++) {
        rc = write_table(q, cache, list->pdata[i]);
    }
    g_ptr_array_free(list, TRUE);
    return rc;
}

static bool any_dirty(struct qcow2_cache *cache)
{
    struct qcow2_table *t;
    GHashTableIter at;

    g_hash_table_iter_init(&at, cache->tables);
    while (g_hash_table_iter_next(&at, NULL, (void **)&t)) {
        if (is_dirty(t)) {
            return true;
        }
    }
    return false;
}

int qcow2_sync(struct qcow2 *q)
{
    int rc = q->data_file ? block_node_flush(q->data_file) : 0;

    return rc ? rc : block_node_flush(q->node.child);
}

/* Entries [from, to) of a table of big-endian numbers at `offset`, in whole sectors. */
static int write_numbers(struct qcow2 *q, const uint64_t *numbers, uint32_t size, uint64_t offset,
                         uint32_t from, uint32_t to)
{
    uint64_t *data;
    int rc;

    from = align_down(from, 64);
    to = MIN_OF(align_up(to, 64), size);
    data = g_new(uint64_t, to - from + 1);
    for (uint32_t i = from; i < to; i++) {
        st64_be(&data[i - from], numbers[i]);
    }
    rc = block_node_pwrite(q->node.child, offset + from * 8ull, data, (to - from) * 8ull);
    g_free(data);
    return rc;
}

static int write_reftable(struct qcow2 *q)
{
    uint8_t place[12];
    int rc = qcow2_sync(q);         /* the blocks come first */

    if (!rc) {
        rc = qcow2_check_overlap(q, OVERLAP_REFTABLE, q->reftable_offset, q->reftable_size * 8ull);
    }
    if (!rc && q->reftable_moved) {
        rc = write_numbers(q, q->reftable, q->reftable_size, q->reftable_offset, 0,
                           q->reftable_size);
        rc = rc ? rc : qcow2_sync(q);
        st64_be(place, q->reftable_offset);
        st32_be(place + 8, q->reftable_size * 8ull >> q->cluster_bits);
        rc = rc ? rc : qcow2_header_write(q, 48, place, sizeof(place));
    } else if (!rc) {
        rc = write_numbers(q, q->reftable, q->reftable_size, q->reftable_offset,
                           q->reftable_dirty_from, q->reftable_dirty_to);
    }
    if (!rc) {
        q->reftable_moved = false;
        q->reftable_dirty_from = q->reftable_dirty_to = 0;
    }
    return rc;
}

static int write_refcounts(struct qcow2 *q)
{
    int rc = write_tables(q, &q->refcount_cache, ALL_TABLES);

    if (!rc && (q->reftable_moved || q->reftable_dirty_to > q->reftable_dirty_from)) {
        rc = write_reftable(q);
    }
    return rc;
}

static int write_l1(struct qcow2 *q)
{
    int rc = 0;

    if (q->l1_dirty_to > q->l1_dirty_from) {
        rc = qcow2_check_overlap(q, OVERLAP_L1, q->l1_offset, q->l1_size * 8ull);
        rc = rc ? rc : write_numbers(q, q->l1, q->l1_size, q->l1_offset, q->l1_dirty_from,
                                     q->l1_dirty_to);
        if (!rc) {
            q->l1_dirty_from = q->l1_dirty_to = 0;
        }
    }
    return rc;
}

/* New tables, a barrier (for the refcounts too), then what points at them. */
static int write_mappings(struct qcow2 *q)
{
    int rc = write_tables(q, &q->l2_cache, FRESH_TABLES);

    rc = rc ? rc : qcow2_sync(q);
    rc = rc ? rc : write_tables(q, &q->l2_cache, ALL_TABLES);
    return rc ? rc : write_l1(q);
}

int qcow2_write_out(struct qcow2 *q, bool sync)
{
    bool mappings = any_dirty(&q->l2_cache) || q->l1_dirty_to > q->l1_dirty_from;
    int rc = 0;

    if (q->corrupt) {
        return -EIO;
    }
    /* Lazy refcounts may be wrong in the file as long as it says so. */
    if (!q->lazy) {
        rc = write_refcounts(q);
    } else if (q->dirty && !(q->incompatible & QCOW2_DIRTY)) {
        rc = qcow2_set_feature(q, QCOW2_DIRTY, true);
    }
    if (!rc && mappings) {
        rc = write_mappings(q);
    }
    if (!rc && (sync || q->freed->len)) {
        rc = qcow2_sync(q);
    }
    if (!rc) {
        q->dirty = false;
        rc = qcow2_apply_freed(q);      /* which makes refcounts dirty again */
    }
    return rc;
}

int qcow2_trim(struct qcow2 *q)
{
    struct qcow2_cache *l2 = &q->l2_cache, *blocks = &q->refcount_cache;
    int rc = 0;

    if (g_hash_table_size(l2->tables) > l2->limit || q->freed->len > 4096) {
        rc = qcow2_write_out(q, false);
    } else if (g_hash_table_size(blocks->tables) > blocks->limit) {
        rc = write_refcounts(q);
    }
    while (g_hash_table_size(l2->tables) > l2->limit) {
        unsigned before = g_hash_table_size(l2->tables);

        make_room(l2);
        if (g_hash_table_size(l2->tables) == before) {
            break;
        }
    }
    return rc;
}
