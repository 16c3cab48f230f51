/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * qcow2: persistent dirty bitmaps. Bits of enabled bitmaps are in memory while the image is open
 * for writing, and their IN_USE flag in the file says that the file's copy is old. Closing writes
 * all loaded bitmaps and the directory into new clusters.
 */
#include "block/qcow2-bitmap.h"

#include <errno.h>
#include <string.h>

enum { FLAG_IN_USE = 1, FLAG_AUTO = 2 };

#define ENTRY_SIZE 24
#define MAX_BITS_BYTES (128u << 20)
#define ALL_ONES 1ull

struct qcow2_bitmap {
    char *name;
    uint64_t table_offset;
    uint32_t table_size, flags;
    uint8_t type, granularity_bits;
    uint8_t *extra;
    uint32_t extra_size;
    uint8_t *bits;              /* NULL: only in the file */
    uint64_t bytes;             /* of bits, whole clusters */
    bool unsaved;               /* must be written, even if the flags did not change */
};

static uint64_t bytes_needed(struct qcow2 *q, const struct qcow2_bitmap *b)
{
    uint64_t bits = (q->size + (1ull << b->granularity_bits) - 1) >> b->granularity_bits;

    return align_up((bits + 7) / 8, q->cluster_size);
}

/* --- loading --------------------------------------------------------------------------------- */

static int parse_entry(struct qcow2 *q, const uint8_t *p, uint64_t left, struct qcow2_bitmap *b,
                       uint64_t *used)
{
    uint32_t name, size;

    if (left < ENTRY_SIZE) {
        return -EINVAL;
    }
    name = ld16_be(p + 18);
    size = ld32_be(p + 20);
    if (size > left || align_up(ENTRY_SIZE + (uint64_t)size + name, 8) > left) {
        return -EINVAL;
    }
    *b = (struct qcow2_bitmap){ .table_offset = ld64_be(p), .table_size = ld32_be(p + 8),
                                .flags = ld32_be(p + 12), .type = p[16],
                                .granularity_bits = p[17], .extra_size = size };
    if (b->granularity_bits < 9 || b->granularity_bits > 31 ||
        !is_aligned(b->table_offset, q->cluster_size) || b->table_offset > INT64_MAX / 2 ||
        b->table_size > MAX_BITS_BYTES / 8) {
        return -EINVAL;
    }
    b->extra = g_memdup2(p + ENTRY_SIZE, size);
    b->name = g_strndup((const char *)p + ENTRY_SIZE + size, name);
    *used = align_up(ENTRY_SIZE + size + name, 8);
    return 0;
}

static int load_bits(struct qcow2 *q, struct qcow2_bitmap *b)
{
    uint64_t bytes = bytes_needed(q, b), *table;
    uint32_t clusters = bytes >> q->cluster_bits;
    int rc;

    if (bytes > MAX_BITS_BYTES || clusters > b->table_size) {
        return -EINVAL;
    }
    table = g_new(uint64_t, b->table_size + 1);
    b->bits = g_malloc0(bytes + 8);
    b->bytes = bytes;
    rc = block_node_pread(q->node.child, b->table_offset, table, b->table_size * 8ull);
    for (uint32_t i = 0; i < clusters && !rc; i++) {
        uint64_t entry = ld64_be(&table[i]), offset = entry & QCOW2_OFFSET_MASK;
        uint8_t *to = b->bits + ((uint64_t)i << q->cluster_bits);

        if (offset) {
            rc = is_aligned(offset, q->cluster_size)
                ? block_node_pread(q->node.child, offset, to, q->cluster_size) : -EINVAL;
        } else if (entry & ALL_ONES) {
            memset(to, 0xff, q->cluster_size);
        }
    }
    g_free(table);
    if (rc) {
        g_free(b->bits);
        b->bits = NULL;
    }
    return rc;
}

static bool is_recording(const struct qcow2_bitmap *b)
{
    return b->flags & FLAG_AUTO && b->bits;
}

/* Sets IN_USE of all loaded bitmaps in the file's directory. */
static int mark_in_use(struct qcow2 *q)
{
    uint64_t at = q->bitmaps_offset;
    bool any = false;
    int rc = 0;

    for (uint32_t i = 0; i < q->bitmap_count && !rc; i++) {
        struct qcow2_bitmap *b = &q->bitmaps[i];
        uint8_t flags[4];

        if (is_recording(b)) {
            st32_be(flags, b->flags | FLAG_IN_USE);
            rc = block_node_pwrite(q->node.child, at + 12, flags, sizeof(flags));
            any = b->unsaved = true;
        }
        at += align_up(ENTRY_SIZE + b->extra_size + strlen(b->name), 8);
    }
    return rc || !any ? rc : qcow2_sync(q);
}

bool qcow2_load_bitmaps(struct qcow2 *q, struct error **err)
{
    uint8_t *directory;
    uint64_t at = 0, used = 0;
    uint32_t count = q->bitmap_count;
    bool write = !(q->node.flags & (NODE_READONLY | NODE_CHECK));
    int rc;

    if (!count) {
        return true;
    }
    directory = g_malloc(q->bitmaps_size + 1);
    rc = block_node_pread(q->node.child, q->bitmaps_offset, directory, q->bitmaps_size);
    q->bitmaps = g_new0(struct qcow2_bitmap, count);
    q->bitmap_count = 0;
    for (uint32_t i = 0; i < count && !rc; i++, at += used) {
        struct qcow2_bitmap *b = &q->bitmaps[i];

        rc = parse_entry(q, directory + at, q->bitmaps_size - at, b, &used);
        q->bitmap_count += rc == 0;
        if (!rc && write && b->flags & FLAG_AUTO && !(b->flags & FLAG_IN_USE)) {
            rc = load_bits(q, b);
        }
    }
    g_free(directory);
    rc = rc || !write ? rc : mark_in_use(q);
    if (rc) {
        error_set_errno(err, -rc, "Could not read the bitmaps");
    }
    return rc == 0;
}

static void free_bitmap(struct qcow2_bitmap *b)
{
    g_free(b->name);
    g_free(b->extra);
    g_free(b->bits);
}

void qcow2_free_bitmaps(struct qcow2 *q)
{
    for (uint32_t i = 0; q->bitmaps && i < q->bitmap_count; i++) {
        free_bitmap(&q->bitmaps[i]);
    }
    g_free(q->bitmaps);
    q->bitmaps = NULL;
}

/* --- recording ------------------------------------------------------------------------------- */

static void set_bits(struct qcow2_bitmap *b, uint64_t first, uint64_t last)
{
    for (uint64_t i = first; i <= last && i / 8 < b->bytes; i++) {
        if (i % 8 == 0 && last - i >= 7) {
            b->bits[i / 8] = 0xff;
            i += 7;
        } else {
            __atomic_fetch_or(&b->bits[i / 8], 1u << i % 8, __ATOMIC_RELAXED);
        }
    }
}

void qcow2_bitmaps_dirty(struct qcow2 *q, uint64_t offset, uint64_t size)
{
    if (!q->bitmaps || !size) {
        return;
    }
    for (uint32_t i = 0; i < q->bitmap_count; i++) {
        struct qcow2_bitmap *b = &q->bitmaps[i];

        if (is_recording(b)) {
            set_bits(b, offset >> b->granularity_bits,
                     (offset + size - 1) >> b->granularity_bits);
        }
    }
}

void qcow2_bitmaps_resize(struct qcow2 *q)
{
    for (uint32_t i = 0; q->bitmaps && i < q->bitmap_count; i++) {
        struct qcow2_bitmap *b = &q->bitmaps[i];
        uint64_t bytes = bytes_needed(q, b);

        if (b->bits && bytes != b->bytes) {
            b->bits = g_realloc(b->bits, bytes + 8);
            if (bytes > b->bytes) {
                memset(b->bits + b->bytes, 0, bytes - b->bytes);
            }
            b->bytes = bytes;
        }
    }
}

/* --- storing --------------------------------------------------------------------------------- */

/* Gives the clusters of the file's copy back, after the next write-out. */
static void free_stored(struct qcow2 *q, const struct qcow2_bitmap *b)
{
    uint64_t *table = g_new(uint64_t, b->table_size + 1);

    if (b->table_offset &&
        !block_node_pread(q->node.child, b->table_offset, table, b->table_size * 8ull)) {
        for (uint32_t i = 0; i < b->table_size; i++) {
            uint64_t offset = ld64_be(&table[i]) & QCOW2_OFFSET_MASK;

            if (offset) {
                qcow2_free(q, offset, q->cluster_size);
            }
        }
        qcow2_free(q, b->table_offset, b->table_size * 8ull);
    }
    g_free(table);
}

static int store_bits(struct qcow2 *q, struct qcow2_bitmap *b)
{
    uint32_t clusters = b->bytes >> q->cluster_bits;
    uint64_t table_bytes = align_up(MAX_OF(clusters, 1) * 8ull, q->cluster_size), place, got;
    uint8_t *table = g_malloc0(table_bytes);
    int rc = 0;

    for (uint32_t i = 0; i < clusters && !rc; i++) {
        const uint8_t *from = b->bits + ((uint64_t)i << q->cluster_bits);

        if (block_is_zero(from, q->cluster_size)) {
            continue;
        }
        rc = qcow2_alloc(q, 1, 1, &place, &got);
        rc = rc ? rc : block_node_pwrite(q->node.child, place, from, q->cluster_size);
        st64_be(table + 8ull * i, place);
    }
    got = table_bytes >> q->cluster_bits;
    rc = rc ? rc : qcow2_alloc(q, got, got, &place, &got);
    rc = rc ? rc : block_node_pwrite(q->node.child, place, table, table_bytes);
    if (!rc) {
        free_stored(q, b);
        b->table_offset = place;
        b->table_size = clusters;
    }
    g_free(table);
    return rc;
}

static void put_entry(GByteArray *to, const struct qcow2_bitmap *b)
{
    static const uint8_t padding[8];
    uint8_t head[ENTRY_SIZE] = { 0 };

    st64_be(head, b->table_offset);
    st32_be(head + 8, b->table_size);
    st32_be(head + 12, b->flags);
    head[16] = b->type;
    head[17] = b->granularity_bits;
    st16_be(head + 18, strlen(b->name));
    st32_be(head + 20, b->extra_size);
    g_byte_array_append(to, head, sizeof(head));
    g_byte_array_append(to, b->extra, b->extra_size);
    g_byte_array_append(to, (const uint8_t *)b->name, strlen(b->name));
    g_byte_array_append(to, padding, align_up(to->len, 8) - to->len);
}

/* What was freed must not be given back before the header stops naming it. */
static int write_out_holding(struct qcow2 *q)
{
    GArray *held = q->freed;
    int rc;

    q->freed = g_array_new(FALSE, FALSE, sizeof(struct qcow2_range));
    rc = qcow2_write_out(q, true);
    g_array_free(q->freed, TRUE);
    q->freed = held;
    q->dirty = true;
    return rc;
}

/* A new directory, then the header that names it. */
static int store_directory(struct qcow2 *q)
{
    GByteArray *directory = g_byte_array_new();
    uint64_t offset = 0, clusters, old = q->bitmaps_offset, old_size = q->bitmaps_size;
    int rc = 0;

    for (uint32_t i = 0; i < q->bitmap_count; i++) {
        put_entry(directory, &q->bitmaps[i]);
    }
    clusters = align_up(directory->len, q->cluster_size) >> q->cluster_bits;
    if (clusters) {
        rc = qcow2_alloc(q, clusters, clusters, &offset, &clusters);
        rc = rc ? rc : block_node_pwrite(q->node.child, offset, directory->data, directory->len);
    }
    q->bitmaps_offset = offset;
    q->bitmaps_size = directory->len;
    q->autoclear = q->bitmap_count ? q->autoclear | QCOW2_BITMAPS : q->autoclear & ~QCOW2_BITMAPS;
    rc = rc ? rc : write_out_holding(q);
    rc = rc ? rc : qcow2_write_header(q);
    if (!rc && old_size) {
        qcow2_free(q, old, old_size);
    }
    g_byte_array_free(directory, TRUE);
    return rc;
}

int qcow2_store_bitmaps(struct qcow2 *q)
{
    bool any = false;
    int rc = 0;

    for (uint32_t i = 0; q->bitmaps && i < q->bitmap_count; i++) {
        any |= q->bitmaps[i].bits && q->bitmaps[i].unsaved;
    }
    if (!any) {
        return 0;
    }
    rc = qcow2_write_out(q, true);
    for (uint32_t i = 0; i < q->bitmap_count && !rc; i++) {
        struct qcow2_bitmap *b = &q->bitmaps[i];

        if (b->bits && b->unsaved) {
            b->flags &= ~FLAG_IN_USE;
            rc = store_bits(q, b);
            b->unsaved = false;
        }
    }
    return rc ? rc : store_directory(q);
}

/* --- telling and checking -------------------------------------------------------------------- */

void qcow2_describe_bitmaps(struct qcow2 *q, struct value *to)
{
    struct value *list;

    if (!q->bitmap_count) {
        return;
    }
    list = value_list();
    for (uint32_t i = 0; i < q->bitmap_count; i++) {
        struct qcow2_bitmap *b = &q->bitmaps[i];
        struct value *v = value_object(), *flags = value_list();

        if (b->flags & FLAG_IN_USE) {
            value_add_text(flags, NULL, "in-use");
        }
        if (b->flags & FLAG_AUTO) {
            value_add_text(flags, NULL, "auto");
        }
        value_add(v, "flags", flags);
        value_add_text(v, "name", b->name);
        value_add_uint(v, "granularity", 1ull << b->granularity_bits);
        value_add(list, NULL, v);
    }
    value_add(to, "bitmaps", list);
}

void qcow2_check_bitmaps(struct qcow2 *q, struct qcow2_checker *c)
{
    if (!q->bitmap_count) {
        return;
    }
    qcow2_check_refer(c, q->bitmaps_offset, q->bitmaps_size);
    for (uint32_t i = 0; q->bitmaps && i < q->bitmap_count; i++) {
        struct qcow2_bitmap *b = &q->bitmaps[i];
        uint64_t *table = g_new(uint64_t, b->table_size + 1);

        qcow2_check_refer(c, b->table_offset, b->table_size * 8ull);
        if (!block_node_pread(q->node.child, b->table_offset, table, b->table_size * 8ull)) {
            for (uint32_t k = 0; k < b->table_size; k++) {
                uint64_t offset = ld64_be(&table[k]) & QCOW2_OFFSET_MASK;

                qcow2_check_refer(c, offset, offset ? q->cluster_size : 0);
            }
        }
        g_free(table);
    }
}

/* --- looking at them ------------------------------------------------------------------------- */

struct image_bitmap *qcow2_bitmaps(struct block_node *node, size_t *count)
{
    struct qcow2 *q = qcow2_of(node);
    struct image_bitmap *list = g_new0(struct image_bitmap, q->bitmap_count + 1);

    *count = q->bitmaps ? q->bitmap_count : 0;
    for (size_t i = 0; i < *count; i++) {
        struct qcow2_bitmap *b = &q->bitmaps[i];

        list[i] = (struct image_bitmap){ .name = g_strdup(b->name), .enabled = b->flags & FLAG_AUTO,
            .granularity = 1ull << b->granularity_bits, .broken = b->flags & FLAG_IN_USE };
    }
    return list;
}

static struct qcow2_bitmap *find(struct qcow2 *q, const char *name);

/* The first bit from `bit` on that differs from it, at most `end`. */
static uint64_t run_end(const uint8_t *bits, uint64_t bit, uint64_t end, bool on)
{
    while (bit < end) {
        if (bit % 8 == 0 && end - bit >= 8 && bits[bit / 8] == (on ? 0xff : 0)) {
            bit += 8;
        } else if ((bits[bit / 8] >> bit % 8 & 1) == on) {
            bit++;
        } else {
            break;
        }
    }
    return bit;
}

int qcow2_bitmap_status(struct block_node *node, const char *name, uint64_t offset, uint64_t size,
                        uint64_t *length, bool *dirty)
{
    struct qcow2 *q = qcow2_of(node);
    struct qcow2_bitmap *b;
    int rc;

    pthread_rwlock_wrlock(&q->rw);
    b = find(q, name);
    rc = !b ? -ENOENT : !b->bits ? load_bits(q, b) : 0;
    if (!rc) {
        uint64_t bit = offset >> b->granularity_bits, end = (offset + size - 1) >>
            b->granularity_bits;

        *dirty = b->bits[bit / 8] >> bit % 8 & 1;
        bit = run_end(b->bits, bit + 1, end + 1, *dirty);
        *length = MIN_OF(size, (bit << b->granularity_bits) - offset);
    }
    pthread_rwlock_unlock(&q->rw);
    return rc;
}

/* --- changes by the user --------------------------------------------------------------------- */

static struct qcow2_bitmap *find(struct qcow2 *q, const char *name)
{
    for (uint32_t i = 0; q->bitmaps && i < q->bitmap_count; i++) {
        if (strcmp(q->bitmaps[i].name, name) == 0) {
            return &q->bitmaps[i];
        }
    }
    return NULL;
}

static bool add(struct qcow2 *q, const char *name, uint64_t granularity, struct error **err)
{
    struct qcow2_bitmap *b;
    uint64_t size = granularity ? granularity : 65536;

    if (q->version < 3) {
        error_set(err, "Cannot store dirty bitmaps in qcow2 v2 files");
        return false;
    }
    if (!granularity) {
        size = MIN_OF(MAX_OF(q->cluster_size, 4096), 65536);
    }
    if (!bits_is_power_of_two(size) || size < 512 || size > 1u << 31) {
        error_set(err, "Granularity must be a power of 2, from 512 to 2147483648");
        return false;
    }
    if (strlen(name) > 1023 || !*name || find(q, name) || q->bitmap_count >= 65535) {
        error_set(err, find(q, name) ? "Bitmap already exists: %s"
                  : "Bitmap name is too long or empty: %s", name);
        return false;
    }
    q->bitmaps = g_renew(struct qcow2_bitmap, q->bitmaps, q->bitmap_count + 1);
    b = &q->bitmaps[q->bitmap_count];
    *b = (struct qcow2_bitmap){ .name = g_strdup(name), .flags = FLAG_AUTO, .type = 1,
                                .granularity_bits = bits_ctz64(size), .unsaved = true };
    b->bytes = bytes_needed(q, b);
    if (b->bytes > MAX_BITS_BYTES) {
        error_set(err, "Bitmap '%s' would be too large", name);
        free_bitmap(b);
        return false;
    }
    b->bits = g_malloc0(b->bytes + 8);
    q->bitmap_count++;
    return true;
}

static int remove_bitmap(struct qcow2 *q, struct qcow2_bitmap *b)
{
    struct qcow2_bitmap gone = *b;
    int rc;

    memmove(b, b + 1, (q->bitmap_count - (b - q->bitmaps) - 1) * sizeof(*b));
    q->bitmap_count--;
    rc = qcow2_write_out(q, true);
    rc = rc ? rc : store_directory(q);
    if (!rc) {
        free_stored(q, &gone);
    }
    free_bitmap(&gone);
    return rc;
}

/* Bits of `source` that are set, into a bitmap of another granularity. */
static void merge(struct qcow2_bitmap *to, const struct qcow2_bitmap *from)
{
    for (uint64_t i = 0; i < from->bytes * 8; i++) {
        if (from->bits[i / 8] >> i % 8 & 1) {
            uint64_t start = i << from->granularity_bits;
            uint64_t end = start + (1ull << from->granularity_bits) - 1;

            set_bits(to, start >> to->granularity_bits, end >> to->granularity_bits);
        } else if (i % 8 == 0 && !from->bits[i / 8]) {
            i += 7;
        }
    }
}

static bool merge_from(struct qcow2 *q, struct qcow2_bitmap *to,
                       const struct image_bitmap_change *change, struct error **err)
{
    struct qcow2 *other = q;
    struct qcow2_bitmap *from;

    if (change->source) {
        if (change->source->driver != &block_driver_qcow2) {
            error_set(err, "Bitmap '%s' not found", change->source_name);
            return false;
        }
        other = qcow2_of(change->source);
    }
    from = find(other, change->source_name);
    if (!from || from->flags & FLAG_IN_USE || other->size != q->size ||
        (!from->bits && load_bits(other, from))) {
        error_set(err, from ? "Bitmap '%s' cannot be merged" : "Bitmap '%s' not found",
                  change->source_name);
        return false;
    }
    merge(to, from);
    return true;
}

static bool change_loaded(struct qcow2 *q, struct qcow2_bitmap *b, const char *name,
                          const struct image_bitmap_change *change, struct error **err)
{
    if (b->flags & FLAG_IN_USE && change->action != BITMAP_REMOVE) {
        error_set(err, "Bitmap '%s' is inconsistent and cannot be used", name);
        return false;
    }
    if (!b->bits && change->action != BITMAP_REMOVE && load_bits(q, b)) {
        error_set(err, "Bitmap '%s' cannot be read", name);
        return false;
    }
    b->unsaved = true;
    switch (change->action) {
    case BITMAP_REMOVE:
        if (remove_bitmap(q, b)) {
            error_set(err, "Failed to remove bitmap '%s'", name);
            return false;
        }
        return true;
    case BITMAP_CLEAR:
        memset(b->bits, 0, b->bytes);
        return true;
    case BITMAP_ENABLE:
        b->flags |= FLAG_AUTO;
        return true;
    case BITMAP_DISABLE:
        b->flags &= ~FLAG_AUTO;
        return true;
    default:
        return merge_from(q, b, change, err);
    }
}

bool qcow2_change_bitmap(struct block_node *node, const char *name,
                         const struct image_bitmap_change *change, struct error **err)
{
    struct qcow2 *q = qcow2_of(node);
    struct qcow2_bitmap *b;
    bool good;

    pthread_rwlock_wrlock(&q->rw);
    b = find(q, name);
    if (change->action == BITMAP_ADD) {
        good = add(q, name, change->granularity, err);
    } else if (!b) {
        error_set(err, "Dirty bitmap '%s' not found", name);
        good = false;
    } else {
        good = change_loaded(q, b, name, change, err);
    }
    pthread_rwlock_unlock(&q->rw);
    return good;
}
