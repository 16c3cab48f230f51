/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qcow, the first version: two levels of tables, backing files, deflated clusters. */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "base/bits.h"
#include "block/image.h"
#include "block/qcow2-pack.h"
#include "block/qcow2.h"
#include "block/sparse.h"

#define MAGIC 0x514649fbu
#define HEADER 48
#define PACKED (1ull << 63)
#define MAX_L1 (32u << 20)
#define CACHED_TABLES 256

struct qcow_node {
    struct sparse_node sparse;
    unsigned cluster_bits, l2_bits;
    uint64_t *l1, l1_offset, end;
    uint32_t l1_size;
    bool encrypted;
    struct cipher *cipher;          /* NULL: not encrypted, or without a key */
    pthread_mutex_t table_lock;
    GHashTable *tables;             /* L2 by offset, as in the file */
};

static int probe(const uint8_t *head, size_t size)
{
    return size >= 8 && ld32_be(head) == MAGIC && ld32_be(head + 4) == 1 ? 100 : 0;
}

static struct qcow_node *qcow_of(struct block_node *node)
{
    return (struct qcow_node *)node;
}

/* --- tables ---------------------------------------------------------------------------------- */

/* The table lock is held. */
static int load_table(struct qcow_node *q, uint64_t offset, uint8_t **table)
{
    uint64_t bytes = 8ull << q->l2_bits;
    int rc = 0;

    *table = g_hash_table_lookup(q->tables, &offset);
    if (!*table) {
        if (g_hash_table_size(q->tables) >= CACHED_TABLES) {
            g_hash_table_remove_all(q->tables);
        }
        *table = g_malloc(bytes);
        rc = block_node_pread(q->sparse.node.child, offset, *table, bytes);
        if (rc) {
            g_free(*table);
        } else {
            g_hash_table_insert(q->tables, g_memdup2(&offset, 8), *table);
        }
    }
    return rc;
}

static int get_entry(struct qcow_node *q, uint64_t index, uint64_t *entry)
{
    uint64_t l1 = index >> q->l2_bits, place = l1 < q->l1_size ? q->l1[l1] : 0;
    uint8_t *table;
    int rc = 0;

    *entry = 0;
    if (place > INT64_MAX / 2) {
        return -EIO;
    }
    if (place) {
        pthread_mutex_lock(&q->table_lock);
        rc = load_table(q, place, &table);
        *entry = rc ? 0 : ld64_be(table + 8 * (index & bits_mask(q->l2_bits)));
        pthread_mutex_unlock(&q->table_lock);
    }
    return rc;
}

/* Changes an entry in a table that exists. */
static int put_entry(struct qcow_node *q, uint64_t place, unsigned slot, uint64_t entry)
{
    uint8_t number[8], *table;
    int rc;

    st64_be(number, entry);
    pthread_mutex_lock(&q->table_lock);
    rc = load_table(q, place, &table);
    rc = rc ? rc : block_node_pwrite(q->sparse.node.child, place + 8 * slot, number, 8);
    if (!rc) {
        memcpy(table + 8 * slot, number, 8);
    }
    pthread_mutex_unlock(&q->table_lock);
    return rc;
}

/* The table is written with its first entry in it, then the L1 table learns of it. */
static int new_table(struct qcow_node *q, uint64_t l1, unsigned slot, uint64_t entry)
{
    uint64_t bytes = 8ull << q->l2_bits, place = align_up(q->end, 1ull << q->cluster_bits);
    uint8_t *table = g_malloc0(bytes), number[8];
    int rc;

    st64_be(table + 8 * slot, entry);
    rc = block_node_pwrite(q->sparse.node.child, place, table, bytes);
    st64_be(number, place);
    rc = rc ? rc : block_node_pwrite(q->sparse.node.child, q->l1_offset + 8 * l1, number, 8);
    g_free(table);
    if (!rc) {
        q->l1[l1] = place;
        q->end = place + bytes;
    }
    return rc;
}

static int set_entry(struct qcow_node *q, uint64_t index, uint64_t entry)
{
    uint64_t l1 = index >> q->l2_bits, slot = index & bits_mask(q->l2_bits);

    if (l1 >= q->l1_size) {
        return -EFBIG;
    }
    return q->l1[l1] ? put_entry(q, q->l1[l1], slot, entry) : new_table(q, l1, slot, entry);
}

/* --- clusters -------------------------------------------------------------------------------- */

static int locate(struct block_node *node, uint64_t index, struct sparse_place *place)
{
    struct qcow_node *q = qcow_of(node);
    uint64_t entry, l1 = index >> q->l2_bits;
    int rc = get_entry(q, index, &entry);

    if (l1 >= q->l1_size || !q->l1[l1]) {
        place->alike = ((l1 + 1) << q->l2_bits) - index;
    }
    place->kind = entry & PACKED ? SPARSE_PACKED : entry ? SPARSE_DATA : SPARSE_HOLE;
    place->offset = entry & ~PACKED;
    return rc;
}

static int unpack(struct block_node *node, uint64_t index, void *data)
{
    struct qcow_node *q = qcow_of(node);
    uint64_t entry, offset, size;
    uint8_t *packed;
    int rc = get_entry(q, index, &entry);

    offset = entry & bits_mask(63 - q->cluster_bits);
    size = entry >> (63 - q->cluster_bits) & bits_mask(q->cluster_bits);
    packed = g_malloc(size + 1);
    rc = rc ? rc : block_node_pread(node->child, offset, packed, size);
    if (!rc && !qcow2_unpack(0, packed, size, data, q->sparse.block_size)) {
        rc = -EIO;
    }
    g_free(packed);
    return rc;
}

static int reserve(struct block_node *node, uint64_t index, struct sparse_place *place)
{
    struct qcow_node *q = qcow_of(node);

    place->offset = align_up(q->end, q->sparse.block_size);
    q->end = place->offset + q->sparse.block_size;
    return 0;
}

static int link_block(struct block_node *node, uint64_t index, const struct sparse_place *place)
{
    return set_entry(qcow_of(node), index, place->offset);
}

static void decrypt(struct block_node *node, uint64_t offset, void *data, size_t size)
{
    struct cipher *cipher = qcow_of(node)->cipher;

    if (cipher) {
        cipher_decrypt(cipher, offset / CIPHER_SECTOR, data, size);
    } else {
        memset(data, 0, size);      /* opened for facts only */
    }
}

static const struct sparse_ops ops = {
    .locate = locate, .unpack = unpack, .reserve = reserve, .link = link_block,
};
/* Encrypted images are only read. */
static const struct sparse_ops encrypted_ops = {
    .locate = locate, .unpack = unpack, .decrypt = decrypt,
};

static size_t compress(struct block_node *node, const void *data, size_t size, void *packed)
{
    struct qcow_node *q = qcow_of(node);
    uint8_t *whole = g_malloc0(q->sparse.block_size);
    size_t n;

    memcpy(whole, data, size);
    n = qcow2_pack(0, whole, q->sparse.block_size, packed, q->sparse.block_size - 1);
    g_free(whole);
    return n;
}

static int write_packed(struct block_node *node, uint64_t offset, const void *packed, size_t size)
{
    struct qcow_node *q = qcow_of(node);
    uint64_t place;
    int rc;

    if (!is_aligned(offset, q->sparse.block_size)) {
        return -EINVAL;
    }
    pthread_rwlock_wrlock(&q->sparse.lock);
    place = q->end;
    rc = place > bits_mask(63 - q->cluster_bits) ? -EFBIG
        : block_node_pwrite(node->child, place, packed, size);
    if (!rc) {
        q->end = place + size;
        rc = set_entry(q, offset >> q->cluster_bits,
                       place | (uint64_t)size << (63 - q->cluster_bits) | PACKED);
        sparse_forget(&q->sparse);
    }
    pthread_rwlock_unlock(&q->sparse.lock);
    return rc;
}

/* --- opening --------------------------------------------------------------------------------- */

static bool read_header(struct qcow_node *q, const uint8_t *h, struct error **err)
{
    struct block_node *node = &q->sparse.node;
    uint64_t size = ld64_be(h + 24), reach, entries;

    if (!probe(h, HEADER)) {
        return sparse_fail(node, err, "Image not in qcow format");
    }
    q->cluster_bits = h[32];
    q->l2_bits = h[33];
    q->l1_offset = ld64_be(h + 40);
    if (q->cluster_bits < 9 || q->cluster_bits > 16) {
        return sparse_fail(node, err, "Cluster size must be between 512 and 64k");
    }
    if (q->l2_bits < 6 || q->l2_bits > 13) {
        return sparse_fail(node, err, "L2 table size must be between 512 and 64k");
    }
    q->encrypted = ld32_be(h + 36) == 1;
    if (ld32_be(h + 36) > 1) {
        return sparse_fail(node, err, "Unsupported encryption method");
    }
    reach = 1ull << (q->cluster_bits + q->l2_bits);
    entries = size > INT64_MAX - reach ? UINT64_MAX : (size + reach - 1) / reach;
    if (entries > MAX_L1 / 8 || q->l1_offset > INT64_MAX / 2) {
        return sparse_fail(node, err, "Image too large");
    }
    q->l1_size = entries;
    q->sparse.disk_size = align_up(size, 512);
    return true;
}

static bool read_names(struct qcow_node *q, const uint8_t *h, struct error **err)
{
    struct block_node *node = &q->sparse.node;
    uint64_t offset = ld64_be(h + 8);
    uint32_t size = ld32_be(h + 16);
    char name[1024] = "";
    int rc;

    if (!offset) {
        return true;
    }
    rc = size > 1023 || offset > INT64_MAX / 2 ? -EINVAL
        : block_node_pread(node->child, offset, name, size);
    if (rc) {
        return sparse_fail(node, err, "Backing file name too long");
    }
    node->backing_file = g_strdup(name);
    return block_node_open_backing(node, err);
}

static bool open_crypt(struct qcow_node *q, struct keyval *options, struct error **err)
{
    const char *secret = keyval_string(options, "encrypt.key-secret", NULL);
    struct block_node *node = &q->sparse.node;

    keyval_mark(options, "encrypt.format");
    if (!q->encrypted || (!secret && node->flags & NODE_NO_IO)) {
        return true;
    }
    if (!secret) {
        return sparse_fail(node, err, "Parameter 'encrypt.key-secret' is required for cipher");
    }
    if (!(node->flags & NODE_READONLY)) {
        return sparse_fail(node, err, "encrypted qcow images are only read");
    }
    q->cipher = qcow_aes_cipher(secret, err);
    return q->cipher;
}

static bool open_qcow(struct block_node *node, struct keyval *options, struct error **err)
{
    struct qcow_node *q = qcow_of(node);
    int64_t length = block_node_length(node->child);
    uint8_t h[HEADER];
    int rc = length < 0 ? (int)length : block_node_pread(node->child, 0, h, sizeof(h));

    if (rc) {
        error_set_errno(err, -rc, "Could not open '%s'", node->file);
        return false;
    }
    if (!read_header(q, h, err)) {
        return false;
    }
    q->l1 = g_new(uint64_t, q->l1_size + 1);
    q->end = MAX_OF(length, q->l1_offset + q->l1_size * 8ull);
    rc = block_node_pread(node->child, q->l1_offset, q->l1, q->l1_size * 8ull);
    for (uint32_t i = 0; i < q->l1_size; i++) {
        q->l1[i] = ld64_be(&q->l1[i]);
    }
    if (rc || !open_crypt(q, options, err) || !read_names(q, h, err)) {
        if (rc) {
            error_set_errno(err, -rc, "Could not open '%s'", node->file);
        }
        cipher_free(q->cipher);
        g_free(q->l1);
        return false;
    }
    pthread_mutex_init(&q->table_lock, NULL);
    q->tables = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
    sparse_init(&q->sparse, q->encrypted ? &encrypted_ops : &ops, q->sparse.disk_size,
                1ull << q->cluster_bits);
    return true;
}

static void close_qcow(struct block_node *node)
{
    struct qcow_node *q = qcow_of(node);

    sparse_free(&q->sparse);
    g_hash_table_destroy(q->tables);
    pthread_mutex_destroy(&q->table_lock);
    cipher_free(q->cipher);
    g_free(q->l1);
}

static void describe(struct block_node *node, struct image_info *info)
{
    *info = (struct image_info){ .cluster_size = qcow_of(node)->sparse.block_size,
                                 .encrypted = qcow_of(node)->encrypted };
}

/* --- making ---------------------------------------------------------------------------------- */

static bool create_qcow(const char *file, uint64_t size, struct keyval *options,
                        struct error **err)
{
    const char *backing = keyval_string(options, "backing_file", NULL);
    /* Small clusters above a backing file: little is copied. */
    unsigned cluster_bits = backing ? 9 : 12, l2_bits = backing ? 12 : 9;
    uint64_t reach = 1ull << (cluster_bits + l2_bits), entries = (size + reach - 1) / reach;
    size_t name = backing ? strlen(backing) : 0;
    uint64_t l1 = align_up(HEADER + name, 8), total = l1 + entries * 8;
    struct block_node *child;
    uint8_t *data;
    int rc;

    if (size == 0 || entries > MAX_L1 / 8 || name > 1023) {
        error_set(err, size ? "Image size or backing file name is too large"
                  : "Image size is too small, cannot be zero length");
        return false;
    }
    child = image_create_file(file, err);
    if (!child) {
        return false;
    }
    data = g_malloc0(total);
    st32_be(data, MAGIC);
    st32_be(data + 4, 1);
    st64_be(data + 8, name ? HEADER : 0);
    st32_be(data + 16, name);
    st64_be(data + 24, size);
    data[32] = cluster_bits;
    data[33] = l2_bits;
    st64_be(data + 40, l1);
    memcpy(data + HEADER, backing ? backing : "", name);
    rc = block_node_pwrite(child, 0, data, total);
    g_free(data);
    block_node_close(child);
    if (rc) {
        error_set_errno(err, -rc, "Could not write '%s'", file);
    }
    return rc == 0;
}

static const struct image_option qcow_options[] = {
    { "size", IMAGE_SIZE, "Virtual disk size" },
    { "backing_file", IMAGE_STRING, "File name of a base image" },
    { "backing_fmt", IMAGE_STRING, "Format of the backing image" },
    { NULL }
};

static const struct block_image_ops image = {
    .options = qcow_options, .has_backing = true, .create = create_qcow, .info = describe,
};

const struct block_driver block_driver_qcow = {
    .name = "qcow", .size = sizeof(struct qcow_node), .probe = probe, .open = open_qcow,
    .close = close_qcow, .readv = sparse_readv, .writev = sparse_writev, .flush = sparse_flush,
    .length = sparse_length, .status = sparse_status, .compress = compress,
    .write_packed = write_packed, .image = &image,
};
