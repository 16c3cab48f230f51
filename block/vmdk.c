/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VMware disk images. A text, the descriptor, lists extents; each is flat (raw bytes) or sparse: a
 * grain directory (GD) points to grain tables (GT) of 512 entries, which point to grains, usually
 * of 64 KiB. All numbers are sectors. In stream-optimised images grains are packed with zlib.
 */
#include "block/vmdk.h"

#include <errno.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/bits.h"
#include "block/sparse.h"

#define MAX_EXTENTS 1024
#define MAX_GD (512u << 20 >> 14)
#define CACHED_TABLES 1024
#define MARKER 12                       /* in front of a packed grain: its sector and size */

struct extent {
    struct block_node *file;            /* owned, except the child */
    char *name;
    bool flat, zero, compressed, zeroed_grain, owned;
    uint64_t start, sectors;            /* on the disk */
    uint64_t flat_offset;               /* bytes */
    uint32_t grain, *gd, *rgd, gd_entries;
    uint64_t end;                       /* bytes; where the next grain goes */
};

struct vmdk_node {
    struct sparse_node sparse;
    struct extent *extents;
    unsigned count;
    char *descriptor, *type;
    uint64_t descriptor_offset, descriptor_room;    /* in the child */
    pthread_mutex_t table_lock;
    GHashTable *tables;                 /* grain tables by extent and place */
    int touched;                        /* the CID has changed */
};

static struct vmdk_node *vmdk_of(struct block_node *node)
{
    return (struct vmdk_node *)node;
}

static int probe(const uint8_t *head, size_t size)
{
    static const char text[] = "# Disk DescriptorFile";
    size_t i = 0;

    if (size >= 4 && ld32_le(head) == VMDK_MAGIC) {
        return 100;
    }
    while (i < size && (head[i] == '\n' || head[i] == '\r' || head[i] == ' ')) {
        i++;
    }
    return size - i >= sizeof(text) - 1 && memcmp(head + i, text, sizeof(text) - 1) == 0 ? 100 : 0;
}

/* --- grain tables ---------------------------------------------------------------------------- */

/* The table at a sector of an extent; the lock is held. */
static int load_table(struct vmdk_node *v, struct extent *e, uint32_t sector, uint8_t **table)
{
    uint64_t key = (uint64_t)(e - v->extents) << 32 | sector;
    int rc = 0;

    *table = g_hash_table_lookup(v->tables, &key);
    if (!*table) {
        if (g_hash_table_size(v->tables) >= CACHED_TABLES) {
            g_hash_table_remove_all(v->tables);
        }
        *table = g_malloc(VMDK_GTES * 4);
        rc = block_node_pread(e->file, sector * 512ull, *table, VMDK_GTES * 4);
        if (rc) {
            g_free(*table);
        } else {
            g_hash_table_insert(v->tables, g_memdup2(&key, 8), *table);
        }
    }
    return rc;
}

static struct extent *extent_at(struct vmdk_node *v, uint64_t sector)
{
    unsigned low = 0, high = v->count;

    while (high - low > 1) {
        unsigned middle = (low + high) / 2;

        if (v->extents[middle].start <= sector) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return &v->extents[low];
}

/* The entry for a disk's block, and the numbers to reach it. */
static int get_entry(struct vmdk_node *v, struct extent *e, uint64_t index, uint32_t *entry)
{
    uint64_t grain = (index * (v->sparse.block_size / 512) - e->start) / e->grain;
    uint32_t gd = grain / VMDK_GTES < e->gd_entries ? e->gd[grain / VMDK_GTES] : 0;
    uint8_t *table;
    int rc;

    *entry = 0;
    if (!gd) {
        return 0;
    }
    pthread_mutex_lock(&v->table_lock);
    rc = load_table(v, e, gd, &table);
    *entry = rc ? 0 : ld32_le(table + grain % VMDK_GTES * 4);
    pthread_mutex_unlock(&v->table_lock);
    return rc;
}

/* How many blocks follow in a hole that has no grain table, this one included; 0: it has one. */
static uint64_t without_table(struct extent *e, uint64_t sector, uint64_t block)
{
    uint64_t grain = (sector - e->start) / e->grain, table = grain / VMDK_GTES;

    if (block != e->grain || (table < e->gd_entries && e->gd[table])) {
        return 0;
    }
    return MIN_OF(VMDK_GTES - grain % VMDK_GTES, (e->start + e->sectors - sector) / block);
}

static int locate(struct block_node *node, uint64_t index, struct sparse_place *place)
{
    struct vmdk_node *v = vmdk_of(node);
    uint64_t block = v->sparse.block_size / 512, sector = index * block;
    struct extent *e = extent_at(v, sector);
    uint32_t entry;
    int rc;

    place->file = e->file;
    if (e->zero || e->flat) {
        place->alike = (e->start + e->sectors - sector) / block;
        place->kind = e->zero ? SPARSE_ZERO : SPARSE_DATA;
        place->offset = e->flat_offset + (sector - e->start) * 512;
        return 0;
    }
    rc = get_entry(v, e, index, &entry);
    place->alike = without_table(e, sector, block);
    place->offset = entry * 512ull;
    place->kind = entry == 0 ? SPARSE_HOLE : entry == 1 && e->zeroed_grain ? SPARSE_ZERO
        : e->compressed ? SPARSE_PACKED : SPARSE_DATA;
    return rc;
}

static int unpack(struct block_node *node, uint64_t index, void *data)
{
    struct vmdk_node *v = vmdk_of(node);
    struct extent *e = extent_at(v, index * (v->sparse.block_size / 512));
    uint64_t size = v->sparse.block_size;
    uLongf unpacked = size;
    uint8_t head[MARKER], *packed;
    uint32_t entry, n;
    int rc = get_entry(v, e, index, &entry);

    rc = rc ? rc : block_node_pread(e->file, entry * 512ull, head, sizeof(head));
    if (rc) {
        return rc;
    }
    n = ld32_le(head + 8);
    if (n == 0 || n > size * 2) {
        return -EIO;
    }
    packed = g_malloc(n);
    rc = block_node_pread(e->file, entry * 512ull + MARKER, packed, n);
    if (!rc && uncompress(data, &unpacked, packed, n) != Z_OK) {
        rc = -EIO;
    }
    g_free(packed);
    return rc;
}

/* --- writing --------------------------------------------------------------------------------- */

/* A new content identity, so that images above this one notice. */
static int change_cid(struct vmdk_node *v)
{
    char *at = v->descriptor ? strstr(v->descriptor, "\nCID=") : NULL, cid[9];

    if (!at || strspn(at + 5, "0123456789abcdefABCDEF") != 8) {
        return 0;
    }
    snprintf(cid, sizeof(cid), "%08x", g_random_int() & 0x7fffffff);
    memcpy(at + 5, cid, 8);
    return block_node_pwrite(v->sparse.node.child, v->descriptor_offset + (at + 5 - v->descriptor),
                             cid, 8);
}

static int touch(struct block_node *node, uint64_t index, const struct sparse_place *place)
{
    struct vmdk_node *v = vmdk_of(node);

    return __atomic_exchange_n(&v->touched, 1, __ATOMIC_RELAXED) ? 0 : change_cid(v);
}

static int reserve(struct block_node *node, uint64_t index, struct sparse_place *place)
{
    struct vmdk_node *v = vmdk_of(node);
    struct extent *e = extent_at(v, index * (v->sparse.block_size / 512));
    uint64_t grain = (index * (v->sparse.block_size / 512) - e->start) / e->grain;

    if (e->compressed || e->zero || grain / VMDK_GTES >= e->gd_entries ||
        !e->gd[grain / VMDK_GTES] || e->end / 512 > UINT32_MAX - e->grain) {
        return e->compressed ? -ENOTSUP : -EIO;
    }
    place->file = e->file;
    place->offset = e->end;
    return touch(node, index, place);
}

static int put_entry(struct vmdk_node *v, struct extent *e, const uint32_t *gd, uint64_t grain,
                     uint32_t entry)
{
    uint8_t number[4], *table;
    uint32_t sector = gd ? gd[grain / VMDK_GTES] : 0;
    int rc;

    if (!sector) {
        return 0;
    }
    st32_le(number, entry);
    pthread_mutex_lock(&v->table_lock);
    rc = load_table(v, e, sector, &table);
    rc = rc ? rc : block_node_pwrite(e->file, sector * 512ull + grain % VMDK_GTES * 4, number, 4);
    if (!rc) {
        memcpy(table + grain % VMDK_GTES * 4, number, 4);
    }
    pthread_mutex_unlock(&v->table_lock);
    return rc;
}

static int set_place(struct vmdk_node *v, uint64_t index, uint64_t offset, uint64_t bytes)
{
    struct extent *e = extent_at(v, index * (v->sparse.block_size / 512));
    uint64_t grain = (index * (v->sparse.block_size / 512) - e->start) / e->grain;
    int rc = put_entry(v, e, e->gd, grain, offset / 512);

    rc = rc ? rc : put_entry(v, e, e->rgd, grain, offset / 512);
    e->end = align_up(offset + bytes, 512);
    return rc;
}

static int link_block(struct block_node *node, uint64_t index, const struct sparse_place *place)
{
    return set_place(vmdk_of(node), index, place->offset, vmdk_of(node)->sparse.block_size);
}

static const struct sparse_ops ops = {
    .locate = locate, .unpack = unpack, .reserve = reserve, .link = link_block, .touch = touch,
};

static size_t compress_grain(struct block_node *node, const void *data, size_t size, void *packed)
{
    struct vmdk_node *v = vmdk_of(node);
    uLongf n = v->sparse.block_size - 1;
    uint8_t *whole = g_malloc0(v->sparse.block_size);
    int rc;

    memcpy(whole, data, size);
    rc = compress2(packed, &n, whole, v->sparse.block_size, Z_DEFAULT_COMPRESSION);
    g_free(whole);
    return rc == Z_OK ? n : 0;
}

static int write_packed(struct block_node *node, uint64_t offset, const void *packed, size_t size)
{
    struct vmdk_node *v = vmdk_of(node);
    struct extent *e = extent_at(v, offset / 512);
    uint64_t bytes = align_up(MARKER + size, 512);
    uint8_t *data = g_malloc0(bytes);
    int rc;

    st64_le(data, offset / 512 - e->start);
    st32_le(data + 8, size);
    memcpy(data + MARKER, packed, size);
    pthread_rwlock_wrlock(&v->sparse.lock);
    rc = !e->compressed || !is_aligned(offset, v->sparse.block_size) ? -ENOTSUP
        : e->end / 512 > UINT32_MAX ? -EFBIG : block_node_pwrite(e->file, e->end, data, bytes);
    rc = rc ? rc : set_place(v, offset / v->sparse.block_size, e->end, bytes);
    sparse_forget(&v->sparse);
    pthread_rwlock_unlock(&v->sparse.lock);
    g_free(data);
    return rc;
}

/* A packed image takes every grain packed, even one that does not become smaller. */
static int vmdk_writev(struct block_node *node, uint64_t offset, const struct iovec *iov,
                       unsigned count)
{
    struct vmdk_node *v = vmdk_of(node);
    uint64_t size = iov_size(iov, count), grain = v->sparse.block_size;
    uLongf n = compressBound(grain);
    uint8_t *data, *packed;
    int rc;

    if (!v->extents[0].compressed) {
        return sparse_writev(node, offset, iov, count);
    }
    if (!is_aligned(offset, grain) || size > grain ||
        (size < grain && offset + size < v->sparse.disk_size)) {
        return -ENOTSUP;
    }
    data = g_malloc0(grain);
    packed = g_malloc(n);
    iov_gather(iov, count, data);
    rc = compress2(packed, &n, data, grain, Z_BEST_SPEED) == Z_OK
        ? write_packed(node, offset, packed, n) : -EIO;
    g_free(data);
    g_free(packed);
    return rc;
}

static int vmdk_flush(struct block_node *node)
{
    struct vmdk_node *v = vmdk_of(node);
    int rc = block_node_flush(node->child);

    for (unsigned i = 0; i < v->count && !rc; i++) {
        rc = v->extents[i].owned ? block_node_flush(v->extents[i].file) : 0;
    }
    return rc;
}

/* --- opening --------------------------------------------------------------------------------- */

char *vmdk_value(const char *descriptor, const char *key)
{
    const char *at = descriptor;
    size_t length = strlen(key);

    while ((at = strstr(at, key))) {
        const char *value = at + length;

        value += strspn(value, " \t");
        if ((at == descriptor || at[-1] == '\n') && *value == '=') {
            value += 1 + strspn(value + 1, " \t");
            return *value == '"' ? g_strndup(value + 1, strcspn(value + 1, "\"\n"))
                                 : g_strndup(value, strcspn(value, "\r\n"));
        }
        at += length;
    }
    return NULL;
}

static bool load_directory(struct extent *e, uint64_t sector, uint32_t **gd)
{
    *gd = g_new(uint32_t, e->gd_entries + 1);
    if (sector > INT64_MAX / 512 - MAX_GD ||
        block_node_pread(e->file, sector * 512, *gd, e->gd_entries * 4ull)) {
        return false;
    }
    for (uint32_t i = 0; i < e->gd_entries; i++) {
        (*gd)[i] = ld32_le(&(*gd)[i]);
    }
    return true;
}

/* A directory that is written last is named by a second header near the end of the file. */
static bool find_header(struct extent *e, uint8_t *h)
{
    int64_t length = block_node_length(e->file);

    if (length < 512 || block_node_pread(e->file, 0, h, 512) || ld32_le(h) != VMDK_MAGIC) {
        return false;
    }
    return ld64_le(h + VMDK_GD) != VMDK_GD_AT_END ||
        (length >= 1536 && !block_node_pread(e->file, length - 1024, h, 512) &&
         ld32_le(h) == VMDK_MAGIC);
}

static bool open_sparse(struct vmdk_node *v, struct extent *e, uint64_t *descriptor,
                        uint64_t *descriptor_size, struct error **err)
{
    struct block_node *node = &v->sparse.node;
    uint64_t capacity, grain, entries;
    uint32_t flags;
    uint8_t h[512];

    if (!find_header(e, h)) {
        return sparse_fail(node, err, "invalid VMDK image header");
    }
    flags = ld32_le(h + VMDK_FLAGS);
    capacity = ld64_le(h + VMDK_CAPACITY);
    grain = ld64_le(h + VMDK_GRAIN);
    if (ld32_le(h + VMDK_VERSION) > 3) {
        return sparse_fail(node, err, "Unsupported VMDK version");
    }
    if (ld32_le(h + VMDK_GTES_PER_GT) != VMDK_GTES || !bits_is_power_of_two(grain) ||
        grain > 65536 || grain * 512 < 4096 || capacity > INT64_MAX / 1024) {
        return sparse_fail(node, err, "L2 table or grain size is invalid");
    }
    entries = (capacity + grain * VMDK_GTES - 1) / (grain * VMDK_GTES);
    if (entries > MAX_GD) {
        return sparse_fail(node, err, "L1 size too big");
    }
    e->compressed = flags & VMDK_COMPRESSED;
    e->zeroed_grain = flags & VMDK_ZEROED;
    e->grain = grain;
    e->gd_entries = entries;
    e->sectors = e->sectors ? e->sectors : capacity;
    *descriptor = ld64_le(h + VMDK_DESC);
    *descriptor_size = ld64_le(h + VMDK_DESC_SIZE);
    if (!load_directory(e, ld64_le(h + VMDK_GD), &e->gd) ||
        (flags & VMDK_REDUNDANT && !load_directory(e, ld64_le(h + VMDK_RGD), &e->rgd))) {
        return sparse_fail(node, err, "the grain directory cannot be read");
    }
    e->end = align_up(MAX_OF(block_node_length(e->file), ld64_le(h + VMDK_OVERHEAD) * 512), 512);
    return true;
}

static struct extent *add_extent(struct vmdk_node *v)
{
    v->extents = g_renew(struct extent, v->extents, v->count + 1);
    v->extents[v->count] = (struct extent){ 0 };
    return &v->extents[v->count++];
}

/* RW 4192256 SPARSE "disk-s001.vmdk", or FLAT "disk-flat.vmdk" 0, or ZERO. */
static bool open_extent(struct vmdk_node *v, const char *line, uint64_t start, struct error **err)
{
    struct block_node *node = &v->sparse.node;
    char access[11], type[11], name[512] = "", *path;
    unsigned long long sectors, offset = 0, ignored[2];
    int n = sscanf(line, "%10s %llu %10s \"%511[^\"]\" %llu", access, &sectors, type, name,
                   &offset);
    struct extent *e;
    bool zero = n >= 3 && strcmp(type, "ZERO") == 0;
    bool flat = n >= 4 && (strcmp(type, "FLAT") == 0 || strcmp(type, "VMFS") == 0);

    if (n < 3 || (!zero && !flat && (n < 4 || strcmp(type, "SPARSE") != 0)) || !sectors ||
        sectors > INT64_MAX / 1024 || offset > INT64_MAX / 1024 || v->count >= MAX_EXTENTS) {
        error_set(err, "Could not open '%s': Invalid or unsupported extent line: %s", node->file,
                  line);
        return false;
    }
    e = add_extent(v);
    e->start = start;
    e->sectors = sectors;
    e->flat = flat;
    e->zero = zero;
    e->flat_offset = offset * 512;
    if (zero) {
        e->file = node->child;
        return true;
    }
    path = block_resolve_name(node->file, name);
    e->file = block_node_open_file(path, NULL, node->flags, err);
    e->owned = e->file != NULL;
    e->name = path;
    return e->file && (flat || open_sparse(v, e, (uint64_t *)&ignored[0], (uint64_t *)&ignored[1],
                                           err));
}

static bool open_extents(struct vmdk_node *v, struct error **err)
{
    char **lines = g_strsplit(v->descriptor, "\n", -1);
    uint64_t start = 0;
    bool good = true;

    for (int i = 0; lines[i] && good; i++) {
        g_strchomp(lines[i]);
        if (strncmp(lines[i], "RW ", 3) == 0 || strncmp(lines[i], "RDONLY ", 7) == 0) {
            good = open_extent(v, lines[i], start, err);
            start += good ? v->extents[v->count - 1].sectors : 0;
        }
    }
    g_strfreev(lines);
    return good && (v->count || sparse_fail(&v->sparse.node, err, "the descriptor has no extents"));
}

/* A file that begins with a sparse header is its own extent and holds the descriptor. */
static bool open_monolith(struct vmdk_node *v, struct error **err)
{
    struct block_node *node = &v->sparse.node;
    struct extent *e = add_extent(v);
    uint64_t at, size;

    e->file = node->child;
    e->name = g_strdup(node->file);
    if (!open_sparse(v, e, &at, &size, err)) {
        return false;
    }
    if (at && at < INT64_MAX / 1024 && size && size <= 2048) {
        v->descriptor_offset = at * 512;
        v->descriptor_room = size * 512;
    }
    return true;
}

static bool read_descriptor(struct vmdk_node *v, struct error **err)
{
    struct block_node *node = &v->sparse.node;
    int rc;

    v->descriptor = g_malloc0(v->descriptor_room + 1);
    rc = block_node_pread(node->child, v->descriptor_offset, v->descriptor, v->descriptor_room);
    if (rc) {
        error_set_errno(err, -rc, "Could not open '%s': its descriptor", node->file);
        return false;
    }
    v->type = vmdk_value(v->descriptor, "createType");
    return true;
}

/* The block size is the grain, or for flat extents what divides where they start. */
static bool choose_block(struct vmdk_node *v, struct error **err)
{
    uint64_t block = 128;

    for (unsigned i = 0; i < v->count; i++) {
        struct extent *e = &v->extents[i];

        block = e->gd ? e->grain : block;
    }
    for (unsigned i = 0; i < v->count; i++) {
        struct extent *e = &v->extents[i];

        while (e->start % block && !e->gd && !v->extents[0].gd && block > 1) {
            block /= 2;
        }
        if (e->start % block || (e->gd && e->grain != block)) {
            return sparse_fail(&v->sparse.node, err, "its extents do not fit together");
        }
    }
    v->sparse.block_size = block * 512;
    return true;
}

static void free_memory(struct vmdk_node *v)
{
    for (unsigned i = 0; i < v->count; i++) {
        struct extent *e = &v->extents[i];

        if (e->owned) {
            block_node_close(e->file);
        }
        g_free(e->name);
        g_free(e->gd);
        g_free(e->rgd);
    }
    g_free(v->extents);
    g_free(v->descriptor);
    g_free(v->type);
}

static bool open_parts(struct vmdk_node *v, struct error **err)
{
    struct block_node *node = &v->sparse.node;
    uint8_t magic[4] = { 0 };
    int rc = block_node_pread(node->child, 0, magic, 4);
    int64_t length = block_node_length(node->child);

    if (rc || length < 0) {
        error_set_errno(err, rc ? -rc : (int)-length, "Could not open '%s'", node->file);
        return false;
    }
    if (ld32_le(magic) == VMDK_MAGIC) {
        if (!open_monolith(v, err) || !read_descriptor(v, err)) {
            return false;
        }
    } else {
        v->descriptor_room = MIN_OF(length, 1 << 20);
        if (!read_descriptor(v, err)) {
            return false;
        }
        if (!v->type) {
            return sparse_fail(node, err, "invalid VMDK image descriptor");
        }
        if (!open_extents(v, err)) {
            return false;
        }
    }
    node->backing_file = vmdk_value(v->descriptor, "parentFileNameHint");
    if (node->backing_file) {
        node->backing_format = g_strdup("vmdk");
    }
    return choose_block(v, err) && block_node_open_backing(node, err);
}

static bool open_vmdk(struct block_node *node, struct keyval *options, struct error **err)
{
    struct vmdk_node *v = vmdk_of(node);
    struct extent *last;

    if (!open_parts(v, err)) {
        free_memory(v);
        return false;
    }
    last = &v->extents[v->count - 1];
    pthread_mutex_init(&v->table_lock, NULL);
    v->tables = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
    sparse_init(&v->sparse, &ops, (last->start + last->sectors) * 512, v->sparse.block_size);
    return true;
}

static void close_vmdk(struct block_node *node)
{
    struct vmdk_node *v = vmdk_of(node);
    struct extent *e = &v->extents[0];
    static const uint8_t end_of_stream[512];

    if (e->compressed && !(node->flags & NODE_READONLY)) {
        block_node_pwrite(e->file, e->end, end_of_stream, sizeof(end_of_stream));
    }
    sparse_free(&v->sparse);
    g_hash_table_destroy(v->tables);
    pthread_mutex_destroy(&v->table_lock);
    free_memory(v);
}

static uint64_t hex_value(const char *descriptor, const char *key)
{
    char *text = vmdk_value(descriptor, key);
    uint64_t value = text ? strtoull(text, NULL, 16) & UINT32_MAX : 0;

    g_free(text);
    return value;
}

static void describe(struct block_node *node, struct image_info *info)
{
    struct vmdk_node *v = vmdk_of(node);
    struct value *specific = value_object(), *list = value_list();

    value_add_uint(specific, "cid", hex_value(v->descriptor, "CID"));
    value_add_uint(specific, "parent-cid", hex_value(v->descriptor, "parentCID"));
    value_add_text(specific, "create-type", v->type ? v->type : "");
    for (unsigned i = 0; i < v->count; i++) {
        struct extent *e = &v->extents[i];
        struct value *one = value_object();

        if (e->compressed) {
            value_add_bool(one, "compressed", true);
        }
        value_add_uint(one, "virtual-size", e->sectors * 512);
        value_add_text(one, "filename", e->name ? e->name : "");
        if (e->gd) {
            value_add_uint(one, "cluster-size", e->grain * 512ull);
        }
        value_add_text(one, "format", e->flat ? "FLAT" : "");
        value_add(list, NULL, one);
    }
    value_add(specific, "extents", list);
    *info = (struct image_info){ .cluster_size = v->sparse.block_size, .specific = specific,
                                 .needs_packing = v->extents[0].compressed };
    if (!v->extents[0].gd) {
        info->cluster_size = 0;
    }
}

static const struct block_image_ops image = {
    .options = vmdk_options, .has_backing = true, .create = vmdk_create, .info = describe,
};

const struct block_driver block_driver_vmdk = {
    .name = "vmdk", .size = sizeof(struct vmdk_node), .probe = probe, .open = open_vmdk,
    .close = close_vmdk, .readv = sparse_readv, .writev = vmdk_writev, .flush = vmdk_flush,
    .length = sparse_length, .status = sparse_status, .compress = compress_grain,
    .write_packed = write_packed, .image = &image,
};
