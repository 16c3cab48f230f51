/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * qcow2: internal snapshots. A snapshot is a copy of the L1 table; every cluster that it refers to
 * is counted once more. The COPIED flags go before the counts rise and come back after they fell.
 */
#include <errno.h>
#include <string.h>

#include "block/qcow2.h"

#define ENTRY_SIZE 40
#define KNOWN_EXTRA 24
#define MAX_EXTRA 1024

/* --- the table ------------------------------------------------------------------------------- */

int qcow2_load_l1(struct qcow2 *q, uint64_t offset, uint32_t entries, uint64_t **l1)
{
    int rc;

    *l1 = NULL;
    if (entries > QCOW2_MAX_L1_BYTES / 8 || offset > INT64_MAX - QCOW2_MAX_L1_BYTES ||
        !is_aligned(offset, q->cluster_size)) {
        return -EFBIG;
    }
    *l1 = g_new0(uint64_t, entries + 1);
    rc = block_node_pread(q->node.child, offset, *l1, entries * 8ull);
    for (uint32_t i = 0; i < entries; i++) {
        (*l1)[i] = ld64_be(&(*l1)[i]);
    }
    if (rc) {
        g_free(*l1);
        *l1 = NULL;
    }
    return rc;
}

static void read_extra(struct qcow2 *q, struct qcow2_snapshot *s, const uint8_t *extra,
                       uint32_t size)
{
    s->info.disk_size = q->size;
    s->info.icount = UINT64_MAX;
    if (size >= 8) {
        s->info.vm_state_size = ld64_be(extra);
    }
    if (size >= 16) {
        s->info.disk_size = ld64_be(extra + 8);
    }
    if (size >= 24) {
        s->info.icount = ld64_be(extra + 16);
    }
    if (size > KNOWN_EXTRA) {
        s->extra_size = size - KNOWN_EXTRA;
        s->extra = g_memdup2(extra + KNOWN_EXTRA, s->extra_size);
    }
}

/* Reads one entry at *at of the table; moves *at behind it. */
static int load_snapshot(struct qcow2 *q, struct qcow2_snapshot *s, uint64_t *at)
{
    uint8_t head[ENTRY_SIZE], *rest;
    uint32_t extra, id, name;
    int rc = block_node_pread(q->node.child, *at, head, sizeof(head));

    if (rc) {
        return rc;
    }
    id = ld16_be(head + 12);
    name = ld16_be(head + 14);
    extra = ld32_be(head + 36);
    if (extra > MAX_EXTRA) {
        return -EFBIG;
    }
    s->l1_offset = ld64_be(head);
    s->l1_size = ld32_be(head + 8);
    s->info.date_sec = ld32_be(head + 16);
    s->info.date_nsec = ld32_be(head + 20);
    s->info.vm_clock_ns = ld64_be(head + 24);
    s->info.vm_state_size = ld32_be(head + 32);
    rest = g_malloc(extra + id + name + 1);
    rc = block_node_pread(q->node.child, *at + ENTRY_SIZE, rest, extra + id + name);
    if (!rc) {
        read_extra(q, s, rest, extra);
        s->info.id = g_strndup((char *)rest + extra, id);
        s->info.name = g_strndup((char *)rest + extra + id, name);
        *at += align_up(ENTRY_SIZE + extra + id + name, 8);
    }
    g_free(rest);
    return rc;
}

bool qcow2_load_snapshots(struct qcow2 *q, struct error **err)
{
    unsigned count = q->snapshot_count;
    uint64_t at = q->snapshots_offset;
    int rc = 0;

    q->snapshots = g_new0(struct qcow2_snapshot, count + 1);
    q->snapshot_count = 0;
    while (q->snapshot_count < count && !rc) {
        rc = load_snapshot(q, &q->snapshots[q->snapshot_count], &at);
        q->snapshot_count += rc == 0;
        if (!rc && at - q->snapshots_offset > QCOW2_MAX_SNAPSHOT_BYTES) {
            rc = -EFBIG;
        }
    }
    q->snapshots_size = at - q->snapshots_offset;
    if (rc) {
        error_set_errno(err, -rc, "Could not read snapshots");
    }
    return rc == 0;
}

static void free_snapshot(struct qcow2_snapshot *s)
{
    g_free(s->info.id);
    g_free(s->info.name);
    g_free(s->extra);
}

void qcow2_free_snapshots(struct qcow2 *q)
{
    for (unsigned i = 0; q->snapshots && i < q->snapshot_count; i++) {
        free_snapshot(&q->snapshots[i]);
    }
    g_free(q->snapshots);
}

static void put_snapshot(GByteArray *table, const struct qcow2_snapshot *s)
{
    static const uint8_t padding[8];
    uint8_t head[ENTRY_SIZE + KNOWN_EXTRA] = { 0 };
    uint64_t state = s->info.vm_state_size;
    bool icount = s->info.icount != UINT64_MAX || s->extra_size;

    st64_be(head, s->l1_offset);
    st32_be(head + 8, s->l1_size);
    st16_be(head + 12, strlen(s->info.id));
    st16_be(head + 14, strlen(s->info.name));
    st32_be(head + 16, s->info.date_sec);
    st32_be(head + 20, s->info.date_nsec);
    st64_be(head + 24, s->info.vm_clock_ns);
    st32_be(head + 32, state > UINT32_MAX ? 0 : state);
    st32_be(head + 36, (icount ? 24 : 16) + s->extra_size);
    st64_be(head + 40, state);
    st64_be(head + 48, s->info.disk_size);
    st64_be(head + 56, s->info.icount);
    g_byte_array_append(table, head, ENTRY_SIZE + (icount ? 24 : 16));
    g_byte_array_append(table, s->extra, s->extra_size);
    g_byte_array_append(table, (uint8_t *)s->info.id, strlen(s->info.id));
    g_byte_array_append(table, (uint8_t *)s->info.name, strlen(s->info.name));
    g_byte_array_append(table, padding, align_up(table->len, 8) - table->len);
}

/* Writes the table anew in another place, then the header; frees the old place. */
static int write_snapshots(struct qcow2 *q)
{
    GByteArray *table = g_byte_array_new();
    uint64_t offset = 0, clusters;
    uint8_t head[12];
    int rc = 0;

    for (unsigned i = 0; i < q->snapshot_count; i++) {
        put_snapshot(table, &q->snapshots[i]);
    }
    clusters = align_up(table->len, q->cluster_size) >> q->cluster_bits;
    if (clusters) {
        rc = qcow2_alloc(q, clusters, clusters, &offset, &clusters);
    }
    rc = rc ? rc : qcow2_write_out(q, true);
    if (!rc && table->len) {
        rc = block_node_pwrite(q->node.child, offset, table->data, table->len);
    }
    rc = rc ? rc : qcow2_sync(q);
    st32_be(head, q->snapshot_count);
    st64_be(head + 4, offset);
    rc = rc ? rc : qcow2_header_write(q, 60, head, sizeof(head));
    if (!rc) {
        qcow2_free(q, q->snapshots_offset, q->snapshots_size);
        q->snapshots_offset = offset;
        q->snapshots_size = table->len;
    }
    g_byte_array_free(table, TRUE);
    return rc;
}

/* By id first, then by name. */
static struct qcow2_snapshot *find(struct qcow2 *q, const char *name)
{
    for (unsigned i = 0; i < q->snapshot_count; i++) {
        if (strcmp(q->snapshots[i].info.id, name) == 0) {
            return &q->snapshots[i];
        }
    }
    for (unsigned i = 0; i < q->snapshot_count; i++) {
        if (strcmp(q->snapshots[i].info.name, name) == 0) {
            return &q->snapshots[i];
        }
    }
    return NULL;
}

struct image_snapshot *qcow2_snapshots(struct block_node *node, size_t *count)
{
    struct qcow2 *q = qcow2_of(node);
    struct image_snapshot *list = g_new0(struct image_snapshot, q->snapshot_count + 1);

    for (unsigned i = 0; i < q->snapshot_count; i++) {
        list[i] = q->snapshots[i].info;
        list[i].id = g_strdup(list[i].id);
        list[i].name = g_strdup(list[i].name);
    }
    *count = q->snapshot_count;
    return list;
}

/* --- create, apply, delete ------------------------------------------------------------------- */

static char *free_id(struct qcow2 *q)
{
    unsigned long highest = 0;

    for (unsigned i = 0; i < q->snapshot_count; i++) {
        highest = MAX_OF(highest, strtoul(q->snapshots[i].info.id, NULL, 10));
    }
    return g_strdup_printf("%lu", highest + 1);
}

/* The copy of the active L1 table, in clusters of its own. */
static int copy_l1(struct qcow2 *q, struct qcow2_snapshot *s)
{
    uint64_t bytes = align_up(MAX_OF(q->l1_size, 1) * 8ull, q->cluster_size);
    uint64_t clusters = bytes >> q->cluster_bits;
    uint8_t *data;
    int rc = qcow2_alloc(q, clusters, clusters, &s->l1_offset, &clusters);

    if (rc) {
        return rc;
    }
    s->l1_size = q->l1_size;
    data = g_malloc0(bytes);
    for (uint32_t i = 0; i < q->l1_size; i++) {
        st64_be(data + 8ull * i, q->l1[i] & ~QCOW2_COPIED);
    }
    rc = block_node_pwrite(q->node.child, s->l1_offset, data, bytes);
    g_free(data);
    return rc;
}

static int create_snapshot(struct qcow2 *q, struct qcow2_snapshot *s)
{
    int rc = qcow2_write_out(q, true);

    rc = rc ? rc : qcow2_update_copied(q, true);
    rc = rc ? rc : qcow2_write_out(q, true);
    rc = rc ? rc : copy_l1(q, s);
    rc = rc ? rc : qcow2_refer(q, q->l1, q->l1_size, 1);
    if (rc) {
        return rc;                  /* too high counts: leaks */
    }
    q->snapshots = g_renew(struct qcow2_snapshot, q->snapshots, q->snapshot_count + 2);
    q->snapshots[q->snapshot_count++] = *s;
    rc = write_snapshots(q);
    if (rc) {
        q->snapshot_count--;
    }
    return rc;
}

static uint64_t vm_state_start(struct qcow2 *q, uint64_t disk_size)
{
    return align_up(disk_size, 1ull << (q->cluster_bits + q->l2_bits));
}

bool qcow2_snapshot_create(struct block_node *node, const struct image_snapshot *wanted,
                           struct error **err)
{
    struct qcow2 *q = qcow2_of(node);
    struct qcow2_snapshot s = { .info = *wanted };
    int rc;

    if (q->data_file || q->snapshot_count >= QCOW2_MAX_SNAPSHOTS || q->corrupt ||
        node->flags & NODE_READONLY) {
        rc = q->data_file ? -ENOTSUP : q->corrupt ? -EIO
            : node->flags & NODE_READONLY ? -EROFS : -EFBIG;
        error_set_errno(err, -rc, "Could not create snapshot '%s'", wanted->name);
        return false;
    }
    qcow2_lock_alone(q);
    s.info.disk_size = q->size;
    s.info.id = free_id(q);
    s.info.name = g_strdup(wanted->name);
    rc = create_snapshot(q, &s);
    rc = rc ? rc : qcow2_write_out(q, true);
    pthread_rwlock_unlock(&q->rw);
    if (rc) {
        free_snapshot(&s);
        error_set_errno(err, -rc, "Could not create snapshot '%s'", wanted->name);
        return false;
    }
    if (wanted->vm_state_size) {    /* it belongs to the snapshot alone */
        qcow2_drop_clusters(q, vm_state_start(q, q->size), wanted->vm_state_size, true);
    }
    return true;
}

static int apply_snapshot(struct qcow2 *q, struct qcow2_snapshot *s)
{
    uint32_t old_size = q->l1_size;
    uint64_t reach = q->cluster_bits + q->l2_bits, *l1, *old;
    uint64_t entries = MAX_OF(s->l1_size, (s->info.disk_size + (1ull << reach) - 1) >> reach);
    int rc = entries > QCOW2_MAX_L1_BYTES / 8 || s->info.disk_size > INT64_MAX - (1 << 21)
        ? -EFBIG : qcow2_load_l1(q, s->l1_offset, s->l1_size, &l1);

    if (rc) {
        return rc;
    }
    l1 = g_renew(uint64_t, l1, entries + 1);
    memset(l1 + s->l1_size, 0, (entries - s->l1_size) * 8);
    for (uint32_t i = 0; i < s->l1_size; i++) {
        l1[i] &= ~QCOW2_COPIED;
    }
    rc = qcow2_write_out(q, true);
    rc = rc ? rc : qcow2_refer(q, l1, s->l1_size, 1);
    if (rc) {
        g_free(l1);
        return rc;
    }
    old = g_memdup2(q->l1, old_size * 8ull);
    rc = qcow2_replace_l1(q, l1, entries, s->info.disk_size);
    rc = rc ? rc : qcow2_refer(q, old, old_size, -1);
    g_free(old);
    rc = rc ? rc : qcow2_write_out(q, true);
    return rc ? rc : qcow2_write_out(q, true);
}

bool qcow2_snapshot_apply(struct block_node *node, const char *name, struct error **err)
{
    struct qcow2 *q = qcow2_of(node);
    struct qcow2_snapshot *s;
    int rc = -ENOENT;

    qcow2_lock_alone(q);
    s = find(q, name);
    if (s) {
        rc = q->corrupt ? -EIO : node->flags & NODE_READONLY ? -EROFS : apply_snapshot(q, s);
    }
    pthread_rwlock_unlock(&q->rw);
    if (rc) {
        error_set_errno(err, -rc, "Could not apply snapshot '%s'%s", name,
                        s ? "" : ": Failed to load snapshot");
    }
    return rc == 0;
}

static int delete_snapshot(struct qcow2 *q, struct qcow2_snapshot *s)
{
    struct qcow2_snapshot gone = *s;
    unsigned index = s - q->snapshots, after = q->snapshot_count - index - 1;
    uint64_t *l1;
    int rc = qcow2_load_l1(q, s->l1_offset, s->l1_size, &l1);

    if (rc) {
        return rc;
    }
    memmove(s, s + 1, after * sizeof(*s));
    q->snapshot_count--;
    rc = write_snapshots(q);
    if (rc) {
        memmove(s + 1, s, after * sizeof(*s));
        *s = gone;
        q->snapshot_count++;
        g_free(l1);
        return rc;
    }
    rc = qcow2_refer(q, l1, gone.l1_size, -1);
    qcow2_free(q, gone.l1_offset, MAX_OF(gone.l1_size, 1) * 8ull);
    free_snapshot(&gone);
    g_free(l1);
    rc = rc ? rc : qcow2_write_out(q, true);        /* the counts fall in memory ... */
    rc = rc ? rc : qcow2_write_out(q, true);        /* ... and in the file */
    rc = rc ? rc : qcow2_update_copied(q, false);
    return rc ? rc : qcow2_write_out(q, true);
}

bool qcow2_snapshot_delete(struct block_node *node, const char *name, struct error **err)
{
    struct qcow2 *q = qcow2_of(node);
    struct qcow2_snapshot *s;
    int rc = 0;

    qcow2_lock_alone(q);
    s = find(q, name);
    if (!s) {
        error_set(err, "Could not delete snapshot '%s': snapshot not found", name);
    } else {
        rc = q->corrupt ? -EIO : node->flags & NODE_READONLY ? -EROFS : delete_snapshot(q, s);
    }
    pthread_rwlock_unlock(&q->rw);
    if (rc) {
        error_set_errno(err, -rc, "Could not delete snapshot '%s'", name);
    }
    return s && rc == 0;
}

bool qcow2_snapshot_show(struct block_node *node, const char *name, struct error **err)
{
    struct qcow2 *q = qcow2_of(node);
    struct qcow2_snapshot *s = find(q, name);
    uint64_t *l1, reach = 1ull << (q->cluster_bits + q->l2_bits);
    int rc = s ? qcow2_load_l1(q, s->l1_offset, s->l1_size, &l1) : -ENOENT;

    if (!rc && s->info.disk_size > (uint64_t)s->l1_size * reach) {
        g_free(l1);
        rc = -EINVAL;
    }
    if (rc) {
        error_set_errno(err, -rc, "Failed to load snapshot '%s'", name);
        return false;
    }
    g_free(q->l1);
    q->l1 = l1;
    q->l1_size = s->l1_size;
    q->l1_offset = s->l1_offset;
    q->size = s->info.disk_size;
    qcow2_collect_places(q);
    return true;
}

int qcow2_vm_state(struct block_node *node, uint64_t offset, void *data, size_t size, bool write)
{
    struct qcow2 *q = qcow2_of(node);
    struct iovec iov = { data, size };

    if (offset > INT64_MAX / 4 || size > INT64_MAX / 4) {
        return -EFBIG;
    }
    offset += vm_state_start(q, q->size);
    if (!data) {
        return qcow2_drop_clusters(q, offset, size, true);
    }
    return write ? qcow2_write(q, offset, &iov, 1) : qcow2_read(q, offset, &iov, 1);
}
