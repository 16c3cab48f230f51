/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qcow2: checking an image against what its tables refer to, and repairing it. */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "block/qcow2-bitmap.h"
#include "block/qcow2-check.h"
#include "block/qcow2.h"

#define PAGE_BITS 6
#define PAGE_SIZE (1u << PAGE_BITS)

/* References to PAGE_SIZE neighbouring clusters. */
struct page {
    uint64_t number;
    uint32_t counts[PAGE_SIZE];
};

struct qcow2_checker {
    struct qcow2 *q;
    struct image_check *result;
    GHashTable *pages;
    uint64_t file_clusters, end;
    uint64_t next_offset;           /* the cluster that would not be a fragment */
    bool rebuild;                   /* the refcount structures themselves are bad */
};

static void say(struct qcow2_checker *c, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void say(struct qcow2_checker *c, const char *fmt, ...)
{
    va_list args;

    if (!c->result->quiet) {
        va_start(args, fmt);
        vfprintf(stderr, fmt, args);
        va_end(args);
        fputc('\n', stderr);
    }
}

/* --- counting -------------------------------------------------------------------------------- */

static uint32_t *count_of(struct qcow2_checker *c, uint64_t index, bool make)
{
    uint64_t number = index >> PAGE_BITS;
    struct page *page = g_hash_table_lookup(c->pages, &number);

    if (!page && make) {
        page = g_new0(struct page, 1);
        page->number = number;
        g_hash_table_insert(c->pages, &page->number, page);
    }
    return page ? &page->counts[index % PAGE_SIZE] : NULL;
}

void qcow2_check_refer(struct qcow2_checker *c, uint64_t offset, uint64_t size)
{
    uint64_t first = offset >> c->q->cluster_bits, last;

    if (!size) {
        return;
    }
    last = (offset + size - 1) >> c->q->cluster_bits;
    if (offset + size < offset || last >= c->file_clusters + 1) {
        say(c, "ERROR: counting reference for region exceeding the end of the file by one cluster "
            "or more: offset 0x%llx size 0x%llx", (unsigned long long)offset,
            (unsigned long long)size);
        c->result->corruptions++;
        return;
    }
    for (uint64_t i = first; i <= last; i++) {
        ++*count_of(c, i, true);
    }
    c->end = MAX_OF(c->end, last + 1);
}

static void count_entry(struct qcow2_checker *c, uint64_t entry, uint64_t bitmap, bool active)
{
    struct qcow2 *q = c->q;
    uint64_t offset = entry & QCOW2_OFFSET_MASK, size;

    if (entry & QCOW2_COMPRESSED) {
        if (entry & QCOW2_COPIED) {
            say(c, "ERROR: coffset=0x%llx: copied flag must never be set for compressed clusters",
                (unsigned long long)offset);
            c->result->corruptions++;
        }
        qcow2_packed_range(q, entry, &offset, &size);
        qcow2_check_refer(c, align_down(offset, 512), size + (offset & 511));
        c->result->allocated_clusters += active;
        c->result->compressed_clusters += active;
        c->result->fragmented_clusters += active;
        return;
    }
    if (!qcow2_has_cluster(q, entry)) {
        return;
    }
    if (!is_aligned(offset, q->cluster_size)) {
        say(c, "ERROR offset=%llx: Cluster is not properly aligned; L2 entry corrupted.",
            (unsigned long long)offset);
        c->result->corruptions++;
        return;
    }
    if (bitmap & bitmap >> 32 & UINT32_MAX) {
        say(c, "ERROR offset=%llx: subclusters are both data and zero",
            (unsigned long long)offset);
        c->result->corruptions++;
    }
    c->result->allocated_clusters += active;
    c->result->fragmented_clusters += active && c->next_offset && c->next_offset != offset;
    c->next_offset = offset + q->cluster_size;
    if (!q->data_file) {
        qcow2_check_refer(c, offset, q->cluster_size);
    }
}

static void count_l1(struct qcow2_checker *c, const uint64_t *l1, uint32_t entries, bool active)
{
    struct qcow2 *q = c->q;

    for (uint32_t i = 0; i < entries; i++) {
        uint64_t place = l1[i] & QCOW2_OFFSET_MASK;
        struct qcow2_table *l2;

        if (!place) {
            continue;
        }
        if (!is_aligned(place, q->cluster_size)) {
            say(c, "ERROR l2_offset=%llx: Table is not cluster aligned; L1 entry corrupted",
                (unsigned long long)place);
            c->result->corruptions++;
            continue;
        }
        qcow2_check_refer(c, place, q->cluster_size);
        if (qcow2_get(q, &q->l2_cache, place, &l2)) {
            c->result->check_errors++;
            continue;
        }
        for (unsigned k = 0; k < 1u << q->l2_bits; k++) {
            count_entry(c, qcow2_entry(q, l2, k), qcow2_bitmap(q, l2, k), active);
        }
        qcow2_put(q, l2);
    }
}

static void count_snapshots(struct qcow2_checker *c)
{
    struct qcow2 *q = c->q;

    for (unsigned i = 0; i < q->snapshot_count; i++) {
        struct qcow2_snapshot *s = &q->snapshots[i];
        uint64_t *l1;

        if (qcow2_load_l1(q, s->l1_offset, s->l1_size, &l1)) {
            say(c, "ERROR snapshot %s (%s) l1_offset=%#llx l1_size=%u: L1 table is invalid",
                s->info.id, s->info.name, (unsigned long long)s->l1_offset, s->l1_size);
            c->result->corruptions++;
            continue;
        }
        qcow2_check_refer(c, s->l1_offset, s->l1_size * 8ull);
        count_l1(c, l1, s->l1_size, false);
        g_free(l1);
    }
    qcow2_check_refer(c, q->snapshots_offset, q->snapshots_size);
    qcow2_check_refer(c, q->crypt_offset, q->crypt_size);
}

static void count_refcount_blocks(struct qcow2_checker *c)
{
    struct qcow2 *q = c->q;

    qcow2_check_refer(c, q->reftable_offset, q->reftable_size * 8ull);
    for (uint32_t i = 0; i < q->reftable_size; i++) {
        uint64_t offset = q->reftable[i];
        uint32_t *count;

        if (!offset) {
            continue;
        }
        if (!is_aligned(offset, q->cluster_size) ||
            offset >> q->cluster_bits >= c->file_clusters) {
            say(c, "ERROR refcount block %u %s", i, is_aligned(offset, q->cluster_size)
                ? "is outside image" : "is not cluster aligned; refcount table entry corrupted");
            c->result->corruptions++;
            c->rebuild = true;
            continue;
        }
        qcow2_check_refer(c, offset, q->cluster_size);
        count = count_of(c, offset >> q->cluster_bits, true);
        if (*count != 1) {
            say(c, "ERROR refcount block %u refcount=%u", i, *count);
            c->result->corruptions++;
            c->rebuild = true;
        }
    }
}

static void count_all(struct qcow2_checker *c, bool with_refcounts)
{
    struct qcow2 *q = c->q;

    g_hash_table_remove_all(c->pages);
    c->end = 0;
    qcow2_check_refer(c, 0, q->cluster_size);
    qcow2_check_refer(c, q->l1_offset, q->l1_size * 8ull);
    count_l1(c, q->l1, q->l1_size, true);
    count_snapshots(c);
    qcow2_check_bitmaps(q, c);
    if (with_refcounts) {
        count_refcount_blocks(c);
    }
}

/* --- comparing and mending ------------------------------------------------------------------- */

static void compare(struct qcow2_checker *c, uint64_t index, uint64_t refcount, unsigned repair)
{
    uint32_t *count = count_of(c, index, false), references = count ? *count : 0;
    bool leak = refcount > references, fix = repair & (leak ? REPAIR_LEAKS : REPAIR_ERRORS);

    if (refcount == references) {
        c->end = refcount ? MAX_OF(c->end, index + 1) : c->end;
        return;
    }
    c->end = MAX_OF(c->end, index + 1);
    say(c, "%s cluster %llu refcount=%llu reference=%u", fix ? "Repairing" : leak ? "Leaked"
        : "ERROR", (unsigned long long)index, (unsigned long long)refcount, references);
    if (fix && !c->rebuild) {
        fix = references <= bits_mask(1u << c->q->refcount_order) &&
            qcow2_refcount_set(c->q, index, references) == 0;
    }
    if (leak) {
        c->result->leaks += !fix;
        c->result->leaks_fixed += fix;
    } else {
        c->result->corruptions += !fix;
        c->result->corruptions_fixed += fix;
    }
}

/* Clusters in use without a refcount block: only new structures can count them. */
static void find_uncovered(struct qcow2_checker *c)
{
    struct page *page;
    GHashTableIter at;

    g_hash_table_iter_init(&at, c->pages);
    while (g_hash_table_iter_next(&at, NULL, (void **)&page)) {
        for (unsigned i = 0; i < PAGE_SIZE; i++) {
            uint64_t index = (page->number << PAGE_BITS) + i, block = index >> c->q->block_bits;

            if (page->counts[i] && (block >= c->q->reftable_size || !c->q->reftable[block])) {
                say(c, "ERROR cluster %llu refcount=0 reference=%u", (unsigned long long)index,
                    page->counts[i]);
                c->result->corruptions++;
                c->rebuild = true;
            }
        }
    }
}

static void compare_all(struct qcow2_checker *c, unsigned repair)
{
    struct qcow2 *q = c->q;

    for (uint32_t b = 0; b < q->reftable_size; b++) {
        uint64_t offset = q->reftable[b];
        struct qcow2_table *table;

        if (!offset || !is_aligned(offset, q->cluster_size) ||
            offset >> q->cluster_bits >= c->file_clusters) {
            continue;
        }
        if (qcow2_get(q, &q->refcount_cache, offset, &table)) {
            c->result->check_errors++;
            continue;
        }
        for (uint64_t i = 0; i < 1ull << q->block_bits; i++) {
            compare(c, ((uint64_t)b << q->block_bits) + i,
                    qcow2_refcount_read(table->data, q->refcount_order, i), repair);
        }
        qcow2_put(q, table);
    }
}

/* A set COPIED flag on a shared cluster loses data; a missing one only costs a copy. */
static void check_copied(struct qcow2_checker *c, uint64_t entry, const char *what)
{
    uint64_t refcount;

    if (!(entry & QCOW2_COPIED) ||
        qcow2_refcount(c->q, (entry & QCOW2_OFFSET_MASK) >> c->q->cluster_bits, &refcount)) {
        return;
    }
    if (refcount != 1) {
        say(c, "ERROR OFLAG_COPIED %s cluster: entry=%llx refcount=%llu", what,
            (unsigned long long)entry, (unsigned long long)refcount);
        c->result->corruptions++;
    }
}

static void check_flags(struct qcow2_checker *c)
{
    struct qcow2 *q = c->q;

    for (uint32_t i = 0; i < q->l1_size; i++) {
        uint64_t place = q->l1[i] & QCOW2_OFFSET_MASK;
        struct qcow2_table *l2;

        if (!place || !is_aligned(place, q->cluster_size)) {
            continue;
        }
        check_copied(c, q->l1[i], "L2");
        if (q->data_file || qcow2_get(q, &q->l2_cache, place, &l2)) {
            continue;
        }
        for (unsigned k = 0; k < 1u << q->l2_bits; k++) {
            uint64_t entry = qcow2_entry(q, l2, k);

            if (qcow2_has_cluster(q, entry) && is_aligned(entry & QCOW2_OFFSET_MASK,
                                                          q->cluster_size)) {
                check_copied(c, entry, "data");
            }
        }
        qcow2_put(q, l2);
    }
}

/* --- new refcount structures ----------------------------------------------------------------- */

struct layout {
    uint64_t first, clusters;       /* of the new structures, behind everything else */
    uint64_t entries, *table;
};

static bool block_is_used(struct qcow2_checker *c, const struct layout *l, uint64_t block)
{
    uint64_t from = block << c->q->block_bits, to = from + (1ull << c->q->block_bits);

    if (from < l->first + l->clusters && l->first < to) {
        return true;
    }
    for (uint64_t i = from; i < MIN_OF(to, l->first); i += PAGE_SIZE) {
        if (count_of(c, i, false)) {
            return true;
        }
    }
    return false;
}

/* Finds out how many clusters the structures take; they count themselves. */
static int lay_out(struct qcow2_checker *c, struct layout *l)
{
    struct qcow2 *q = c->q;
    uint64_t blocks = 0, table_clusters = 0, before;

    l->first = MAX_OF(c->end, c->file_clusters);
    do {
        before = l->clusters;
        l->entries = align_up((((l->first + l->clusters) >> q->block_bits) + 1) * 8,
                              q->cluster_size) / 8;
        if (l->entries > QCOW2_MAX_REFTABLE_BYTES / 8) {
            return -EFBIG;
        }
        blocks = 0;
        for (uint64_t b = 0; b < l->entries; b++) {
            blocks += block_is_used(c, l, b);
        }
        table_clusters = l->entries * 8 >> q->cluster_bits;
        l->clusters = blocks + table_clusters;
    } while (l->clusters != before);
    return 0;
}

static int write_block(struct qcow2_checker *c, struct layout *l, uint64_t block, uint64_t index)
{
    struct qcow2 *q = c->q;
    uint64_t max = bits_mask(1u << q->refcount_order);
    uint8_t *data = g_malloc0(q->cluster_size);
    int rc = 0;

    for (uint64_t i = 0; i < 1ull << q->block_bits; i++) {
        uint64_t cluster = (block << q->block_bits) + i;
        uint32_t *count = count_of(c, cluster, false);
        uint64_t value = count ? *count : 0;

        if (cluster >= l->first && cluster < l->first + l->clusters) {
            value = 1;
        }
        rc = value > max ? -ERANGE : rc;
        qcow2_refcount_write(data, q->refcount_order, i, MIN_OF(value, max));
    }
    rc = rc ? rc : block_node_pwrite(q->node.child, index << q->cluster_bits, data,
                                     q->cluster_size);
    g_free(data);
    return rc;
}

static int write_structures(struct qcow2_checker *c, struct layout *l)
{
    struct qcow2 *q = c->q;
    uint64_t next = l->first, offset;
    uint8_t *data = g_malloc0(l->entries * 8), head[12];
    int rc = 0;

    for (uint64_t b = 0; b < l->entries && !rc; b++) {
        if (block_is_used(c, l, b)) {
            l->table[b] = next << q->cluster_bits;
            st64_be(data + 8 * b, l->table[b]);
            rc = write_block(c, l, b, next++);
        }
    }
    offset = next << q->cluster_bits;
    rc = rc ? rc : block_node_pwrite(q->node.child, offset, data, l->entries * 8);
    rc = rc ? rc : qcow2_sync(q);
    st64_be(head, offset);
    st32_be(head + 8, l->entries * 8 >> q->cluster_bits);
    rc = rc ? rc : qcow2_header_write(q, 48, head, sizeof(head));
    g_free(data);
    if (!rc) {
        g_free(q->reftable);
        q->reftable = g_steal_pointer(&l->table);
        q->reftable_size = l->entries;
        q->reftable_offset = offset;
        q->reftable_bytes = l->entries * 8;
        q->written_end = MAX_OF(q->written_end, offset + l->entries * 8);
        q->free_index = 0;
        qcow2_collect_places(q);
    }
    return rc;
}

static int rebuild(struct qcow2_checker *c)
{
    struct layout l = { 0 };
    struct image_check *r = c->result, ignored = { .quiet = true };
    int rc;

    say(c, "Rebuilding refcount structure");
    qcow2_cache_drop(c->q);
    c->result = &ignored;
    count_all(c, false);
    c->result = r;
    rc = lay_out(c, &l);
    if (!rc) {
        l.table = g_new0(uint64_t, l.entries);
        rc = write_structures(c, &l);
        g_free(l.table);
    }
    if (!rc) {
        r->corruptions_fixed += r->corruptions;
        r->leaks_fixed += r->leaks;
        r->corruptions = ignored.corruptions;
        r->leaks = 0;
        c->end = l.first + l.clusters;
    }
    return rc;
}

/* --- all of it ------------------------------------------------------------------------------- */

static int mend(struct qcow2_checker *c, unsigned repair)
{
    struct qcow2 *q = c->q;
    uint64_t remaining;
    int rc = 0;

    if (!repair) {
        return 0;
    }
    if (c->rebuild && repair & REPAIR_ERRORS) {
        rc = rebuild(c);
    }
    rc = rc ? rc : qcow2_write_out(q, true);
    if (!rc && repair & REPAIR_ERRORS) {
        rc = qcow2_update_copied(q, false);
        rc = rc ? rc : qcow2_write_out(q, true);
    }
    remaining = c->result->corruptions + c->result->check_errors;
    if (!rc && repair & REPAIR_ERRORS && !remaining &&
        q->incompatible & (QCOW2_DIRTY | QCOW2_CORRUPT)) {
        rc = qcow2_set_feature(q, QCOW2_DIRTY | QCOW2_CORRUPT, false);
    }
    return rc;
}

int qcow2_check(struct block_node *node, unsigned repair, struct image_check *result)
{
    struct qcow2 *q = qcow2_of(node);
    struct qcow2_checker c = { .q = q, .result = result };
    int64_t length = block_node_length(node->child);
    bool lazy = q->lazy;
    int rc;

    if (length < 0) {
        return (int)length;
    }
    if (node->flags & NODE_READONLY) {
        repair = 0;
    }
    c.pages = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free);
    c.file_clusters = align_up(length, q->cluster_size) >> q->cluster_bits;
    qcow2_lock_alone(q);
    rc = repair ? qcow2_write_out(q, true) : 0;
    q->lazy = false;                /* repairs reach the file now */
    count_all(&c, true);
    result->total_clusters = align_up(q->size, q->cluster_size) >> q->cluster_bits;
    find_uncovered(&c);
    compare_all(&c, c.rebuild && !(repair & REPAIR_ERRORS) ? 0 : repair);
    if (!(repair & REPAIR_ERRORS)) {
        check_flags(&c);
    }
    rc = rc ? rc : mend(&c, repair);
    result->image_end = c.end << q->cluster_bits;
    q->lazy = lazy;
    pthread_rwlock_unlock(&q->rw);
    g_hash_table_destroy(c.pages);
    return rc;
}
