/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qcow2: making images, changing their size and options, and foretelling their size. */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "block/qcow2-bitmap.h"
#include "block/qcow2.h"

/* In the order in which create prints them. */
const struct image_option qcow2_options[] = {
    { "cluster_size", IMAGE_SIZE, "qcow2 cluster size", "65536" },
    { "extended_l2", IMAGE_BOOL, "Extended L2 tables", "off" },
    { "preallocation", IMAGE_STRING,
      "Preallocation mode (allowed values: off, metadata, falloc, full)" },
    { "compression_type", IMAGE_STRING, "Compression method used for image cluster compression",
      "zlib" },
    { "size", IMAGE_SIZE, "Virtual disk size" },
    { "data_file", IMAGE_STRING, "File name of an external data file" },
    { "data_file_raw", IMAGE_BOOL, "The external data file must stay valid as a raw image" },
    { "compat", IMAGE_STRING, "Compatibility level (v2 [0.10] or v3 [1.1])" },
    { "backing_file", IMAGE_STRING, "File name of a base image" },
    { "backing_fmt", IMAGE_STRING, "Image format of the base image" },
    { "encryption", IMAGE_BOOL, "Encrypt the image with format 'aes' (no longer made)" },
    { "encrypt.format", IMAGE_STRING, "Encrypt the image, format choices: 'luks'" },
    { "encrypt.key-secret", IMAGE_STRING, "ID of the secret that provides the LUKS passphrase" },
    { "encrypt.cipher-alg", IMAGE_STRING, "Name of encryption cipher algorithm" },
    { "encrypt.cipher-mode", IMAGE_STRING, "Name of encryption cipher mode" },
    { "encrypt.ivgen-alg", IMAGE_STRING, "Name of IV generator algorithm" },
    { "encrypt.ivgen-hash-alg", IMAGE_STRING, "Name of IV generator hash algorithm" },
    { "encrypt.hash-alg", IMAGE_STRING, "Name of encryption hash algorithm" },
    { "encrypt.iter-time", IMAGE_NUMBER, "Time to spend in PBKDF in milliseconds" },
    { "lazy_refcounts", IMAGE_BOOL, "Postpone refcount updates", "off" },
    { "refcount_bits", IMAGE_NUMBER, "Width of a reference count entry in bits", "16" },
    { NULL }
};

const struct image_option qcow2_amendable[] = {
    { "backing_file", IMAGE_STRING, "File name of a base image" },
    { "backing_fmt", IMAGE_STRING, "Image format of the base image" },
    { "compat", IMAGE_STRING, "Compatibility level (v2 [0.10] or v3 [1.1])" },
    { "data_file", IMAGE_STRING, "File name of an external data file" },
    { "data_file_raw", IMAGE_BOOL, "The external data file must stay valid as a raw image" },
    { "encrypt.state", IMAGE_STRING, "Select new state of affected keyslots (active/inactive)" },
    { "encrypt.new-secret", IMAGE_STRING, "New secret to set in the matching keyslots" },
    { "encrypt.old-secret", IMAGE_STRING, "Select all keyslots that match this password" },
    { "encrypt.keyslot", IMAGE_NUMBER, "Select a single keyslot to modify explicitly" },
    { "encrypt.iter-time", IMAGE_NUMBER, "Time to spend in PBKDF in milliseconds" },
    { "lazy_refcounts", IMAGE_BOOL, "Postpone refcount updates" },
    { "size", IMAGE_SIZE, "Virtual disk size" },
    { NULL }
};

/* --- options --------------------------------------------------------------------------------- */

struct plan {
    unsigned version, cluster_bits, refcount_order, compression;
    bool lazy, extended, raw;
    enum block_prealloc prealloc;
    const char *data_file, *backing, *backing_format;
    struct keyval *crypt;               /* owned; options without "encrypt."; NULL: none */
    uint64_t size;
};

static bool refuse(struct error **err, const char *text)
{
    error_set(err, "%s", text);
    return false;
}

static bool read_version(struct plan *p, struct keyval *options, struct error **err)
{
    const char *text = keyval_string(options, "compat", "v3");

    if (strcmp(text, "0.10") == 0 || strcmp(text, "v2") == 0) {
        p->version = 2;
    } else if (strcmp(text, "1.1") == 0 || strcmp(text, "v3") == 0) {
        p->version = 3;
    } else {
        error_set(err, "Invalid parameter '%s'", text);
        return false;
    }
    return true;
}

static bool read_widths(struct plan *p, struct keyval *options, struct error **err)
{
    uint64_t cluster = 65536, bits = 16;

    if (!keyval_size(options, "cluster_size", &cluster, err) ||
        !keyval_uint(options, "refcount_bits", &bits, err)) {
        return false;
    }
    if (!bits_is_power_of_two(cluster) || cluster < 512 || cluster > 2 << 20) {
        return refuse(err, "Cluster size must be a power of two between 512 and 2048k");
    }
    if (p->extended && cluster < 16384) {
        return refuse(err, "Extended L2 entries are only supported with cluster sizes of at least "
                      "16384 bytes");
    }
    if (!bits_is_power_of_two(bits) || bits > 64) {
        return refuse(err, "Refcount width must be a power of two and may not exceed 64 bits");
    }
    if (p->version < 3 && bits != 16) {
        return refuse(err, "Different refcount widths than 16 bits require compatibility level 1.1 "
                      "or above (use version=v3 or greater)");
    }
    p->cluster_bits = bits_ctz64(cluster);
    p->refcount_order = bits_ctz64(bits);
    return true;
}

static bool check_plan(const struct plan *p, struct error **err)
{
    if (p->version < 3 && p->lazy) {
        return refuse(err, "Lazy refcounts only supported with compatibility level 1.1 and above "
                      "(use version=v3 or greater)");
    }
    if (p->version < 3 && (p->extended || p->data_file || p->compression != QCOW2_ZLIB)) {
        return refuse(err, p->extended ? "Extended L2 entries are only supported with "
                      "compatibility level 1.1 and above (use version=v3 or greater)"
                      : p->data_file ? "External data files are only supported with compatibility "
                      "level 1.1 and above (use version=v3 or greater)"
                      : "Non-zlib compression type is only supported with compatibility level 1.1 "
                      "and above (use version=v3 or greater)");
    }
    if (p->raw && !p->data_file) {
        return refuse(err, "data-file-raw requires data-file");
    }
    if (p->raw && p->backing) {
        return refuse(err, "Backing file and data-file-raw cannot be used at the same time");
    }
    if (p->backing && p->prealloc != BLOCK_PREALLOC_OFF && !p->extended) {
        return refuse(err, "Backing file and preallocation can only be used at the same time if "
                      "extended_l2 is enabled");
    }
    return true;
}

static bool read_crypt(struct plan *p, struct keyval *options, struct error **err)
{
    struct keyval *sub = keyval_sub(options, "encrypt.");
    const char *format = keyval_string(sub, "format", NULL), *key, *value;
    size_t at = 0;
    bool old = false;

    if (!keyval_bool(options, "encryption", &old, err)) {
        keyval_free(sub);
        return false;
    }
    old |= format && strcmp(format, "aes") == 0;
    if (old || (format && strcmp(format, "luks") != 0) ||
        (!format && keyval_next(sub, &at, &key, &value))) {
        error_set(err, old ? "The old AES encryption is weak, and only read; encrypt.format=luks "
                  "is for new images" : format ? "Invalid parameter '%s'"
                  : "encrypt.format=luks is missing", format);
        keyval_free(sub);
        return false;
    }
    if (!format) {
        keyval_free(sub);
        return true;
    }
    p->crypt = sub;
    if (p->version < 3 && p->prealloc != BLOCK_PREALLOC_OFF) {
        return refuse(err, "Preallocation of encrypted images needs compat=1.1");
    }
    return true;
}

static bool read_plan(struct plan *p, struct keyval *options, struct error **err)
{
    const char *compression = keyval_string(options, "compression_type", "zlib");

    p->data_file = keyval_string(options, "data_file", NULL);
    p->backing = keyval_string(options, "backing_file", NULL);
    p->backing_format = keyval_string(options, "backing_fmt", NULL);
    if (!read_version(p, options, err) ||
        !keyval_bool(options, "lazy_refcounts", &p->lazy, err) ||
        !keyval_bool(options, "extended_l2", &p->extended, err) ||
        !keyval_bool(options, "data_file_raw", &p->raw, err) ||
        !image_read_prealloc(options, &p->prealloc, err) || !read_widths(p, options, err)) {
        return false;
    }
    if (p->backing && !*p->backing) {
        p->backing = NULL;
    }
    if (strcmp(compression, "zlib") != 0 && strcmp(compression, "zstd") != 0) {
        error_set(err, "Invalid parameter '%s'", compression);
        return false;
    }
    p->compression = strcmp(compression, "zstd") == 0 ? QCOW2_ZSTD : QCOW2_ZLIB;
    return check_plan(p, err) && read_crypt(p, options, err);
}

/* --- create ---------------------------------------------------------------------------------- */

/*
 * The smallest image: header, refcount table, one refcount block. The L1 table and everything else
 * is then made by opening it.
 */
static int write_first_clusters(struct block_node *file, const struct plan *p)
{
    uint64_t cluster = 1ull << p->cluster_bits;
    uint8_t *data = g_malloc0(3 * cluster), *block = data + 2 * cluster;
    int rc;

    st32_be(data, QCOW2_MAGIC);
    st32_be(data + 4, p->version);
    st32_be(data + 20, p->cluster_bits);
    st64_be(data + 48, cluster);
    st32_be(data + 56, 1);
    if (p->version >= 3) {
        st64_be(data + 72, (p->extended ? QCOW2_EXTENDED_L2 : 0) |
                (p->compression ? QCOW2_COMPRESSION : 0));
        st32_be(data + 96, p->refcount_order);
        st32_be(data + 100, 112);
        data[104] = p->compression;
    }
    st64_be(data + cluster, 2 * cluster);
    for (unsigned i = 0; i < 3; i++) {
        qcow2_refcount_write(block, p->refcount_order, i, 1);
    }
    rc = block_node_pwrite(file, 0, data, 3 * cluster);
    g_free(data);
    return rc;
}

static bool make_data_file(const struct plan *p, const char *image, struct error **err)
{
    char *path = block_resolve_name(image, p->data_file);
    struct block_node *node = image_create_file(path, err);

    g_free(path);
    if (node) {
        block_node_close(node);
    }
    return node != NULL;
}

/* Names and features that the first clusters do not have. */
static int name_parts(struct qcow2 *q, const struct plan *p)
{
    q->compatible |= p->lazy ? QCOW2_LAZY : 0;
    q->node.backing_file = g_strdup(p->backing);
    q->node.backing_format = g_strdup(p->backing_format);
    if (p->data_file) {
        q->data_file_name = g_strdup(p->data_file);
        q->incompatible |= QCOW2_DATA_FILE;
        q->autoclear |= p->raw ? QCOW2_RAW_DATA : 0;
    }
    return qcow2_write_header(q);
}

static bool finish_image(struct block_node *node, const struct plan *p, struct error **err)
{
    struct qcow2 *q = qcow2_of(node);
    int rc;

    if (p->data_file) {
        char *path = block_resolve_name(node->file, p->data_file);

        q->data_file = block_node_open_file(path, NULL, node->flags, err);
        g_free(path);
        if (!q->data_file) {
            return false;
        }
    }
    if (p->crypt && !qcow2_make_crypt(q, p->crypt, err)) {
        return false;
    }
    rc = name_parts(q, p);
    if (rc) {
        error_set_errno(err, -rc, "Could not write the header of '%s'", node->file);
        return false;
    }
    return qcow2_resize(node, p->size, p->raw && p->prealloc == BLOCK_PREALLOC_OFF
                        ? BLOCK_PREALLOC_METADATA : p->prealloc, err);
}

bool qcow2_create(const char *file, uint64_t size, struct keyval *options, struct error **err)
{
    struct plan p = { .size = size };
    struct block_node *child, *node;
    bool good;
    int rc;

    if (!read_plan(&p, options, err) || (p.data_file && !make_data_file(&p, file, err))) {
        keyval_free(p.crypt);
        return false;
    }
    child = image_create_file(file, err);
    if (!child) {
        keyval_free(p.crypt);
        return false;
    }
    child->flags |= NODE_NO_FLUSH;      /* nobody misses half an image */
    rc = write_first_clusters(child, &p);
    if (rc) {
        error_set_errno(err, -rc, "Could not write '%s'", file);
        block_node_close(child);
        keyval_free(p.crypt);
        return false;
    }
    node = block_node_open_on(child, "qcow2", NULL, NODE_NO_FLUSH, err);
    good = node && finish_image(node, &p, err);
    block_node_close(node);
    keyval_free(p.crypt);
    return good;
}

/* --- resize ---------------------------------------------------------------------------------- */

/*
 * Gives clusters to [from, to). They read as zeroes: those that were used before are marked so, or
 * filled where the format has no mark. (Subclusters stay holes.)
 */
static int preallocate(struct qcow2 *q, uint64_t from, uint64_t to, uint64_t *end)
{
    uint64_t reach = 1ull << (q->cluster_bits + q->l2_bits);
    int rc = 0;

    from = align_down(from, q->cluster_size);
    while (from < to && !rc) {
        uint64_t want = MIN_OF(align_down(from, reach) + reach, align_up(to, q->cluster_size)) -
            from, host = from, got = want >> q->cluster_bits;
        struct qcow2_table *l2;
        uint64_t mark = QCOW2_COPIED, written_end;

        rc = qcow2_l2_for_write(q, from, &l2);
        if (rc) {
            break;
        }
        written_end = q->written_end;
        if (!q->data_file) {
            rc = qcow2_alloc(q, 1, got, &host, &got);
        }
        if (!rc && q->encrypted && q->subclusters == 1) {
            mark |= QCOW2_ZERO;         /* zeroes would read as noise */
        } else if (!rc && !q->data_file && host < written_end && q->subclusters == 1) {
            mark |= q->version >= 3 ? QCOW2_ZERO : 0;
            rc = q->version >= 3 ? 0
                : block_node_write_zeroes(q->node.child, host, got << q->cluster_bits, false);
        }
        for (uint64_t i = 0; i < got && !rc; i++) {
            unsigned index = qcow2_l2_index(q, from) + i;

            qcow2_free_entry(q, qcow2_entry(q, l2, index));
            qcow2_set_entry(q, l2, index, (host + (i << q->cluster_bits)) | mark, 0);
        }
        qcow2_put(q, l2);
        from += got << q->cluster_bits;
        *end = MAX_OF(*end, host + (got << q->cluster_bits));
    }
    return rc;
}

static bool grow(struct qcow2 *q, uint64_t size, enum block_prealloc prealloc, struct error **err)
{
    uint64_t reach = q->cluster_bits + q->l2_bits, old = q->size, end = 0;
    uint64_t entries = (size + (1ull << reach) - 1) >> reach, *l1;
    struct block_node *data = q->data_file ? q->data_file : q->node.child;
    int rc = entries > QCOW2_MAX_L1_BYTES / 8 ? -EFBIG : 0;
    int64_t length;

    if (!rc) {
        entries = MAX_OF(entries, q->l1_size);
        l1 = g_new0(uint64_t, entries + 1);
        memcpy(l1, q->l1, q->l1_size * 8ull);
        rc = qcow2_replace_l1(q, l1, entries, size);
    }
    if (!rc && prealloc != BLOCK_PREALLOC_OFF) {
        rc = preallocate(q, align_up(old, q->cluster_size), size, &end);
        rc = rc ? rc : qcow2_write_out(q, false);
        length = block_node_length(data);
        if (!rc && end > length && !block_node_resize(data, end, prealloc == BLOCK_PREALLOC_METADATA
                                                      ? BLOCK_PREALLOC_OFF : prealloc, err)) {
            return false;
        }
    }
    if (!rc && q->data_file && block_node_length(data) < size &&
        !block_node_resize(data, size, BLOCK_PREALLOC_OFF, err)) {
        return false;
    }
    if (rc) {
        error_set_errno(err, -rc, "Failed to grow the L1 table or to preallocate");
    }
    return rc == 0;
}

static bool shrink(struct qcow2 *q, uint64_t size, struct error **err)
{
    uint64_t reach = q->cluster_bits + q->l2_bits, old = q->size, *l1;
    uint64_t entries = (size + (1ull << reach) - 1) >> reach;
    int rc;

    for (uint32_t i = entries; i < q->l1_size; i++) {
        if (q->l1[i] & QCOW2_OFFSET_MASK) {
            qcow2_free(q, q->l1[i] & QCOW2_OFFSET_MASK, q->cluster_size);
            q->l1[i] = 0;
            qcow2_touch_l1(q, i);
        }
    }
    l1 = g_new0(uint64_t, entries + 1);
    memcpy(l1, q->l1, entries * 8);
    rc = qcow2_replace_l1(q, l1, entries, size);
    if (!rc && q->data_file) {
        return block_node_resize(q->data_file, size, BLOCK_PREALLOC_OFF, err);
    }
    if (rc) {
        error_set_errno(err, -rc, "Failed to discard cropped clusters of '%s' (%llu bytes)",
                        q->node.file, (unsigned long long)old);
    }
    return rc == 0;
}

bool qcow2_resize(struct block_node *node, uint64_t size, enum block_prealloc prealloc,
                  struct error **err)
{
    struct qcow2 *q = qcow2_of(node);
    uint64_t old = q->size;
    bool good = true;
    int rc = 0;

    if (!is_aligned(size, QCOW2_SECTOR)) {
        return refuse(err, "The new size must be a multiple of 512");
    }
    if (q->snapshot_count && (q->version < 3 || size < old)) {
        return refuse(err, size < old ? "Can't shrink an image which has snapshots"
                      : "Can't resize a v2 image which has snapshots");
    }
    if (size < old && prealloc != BLOCK_PREALLOC_OFF) {
        return refuse(err, "Preallocation can't be used for shrinking an image");
    }
    if (q->data_file && q->autoclear & QCOW2_RAW_DATA && prealloc == BLOCK_PREALLOC_OFF) {
        prealloc = size > old ? BLOCK_PREALLOC_METADATA : prealloc;
    }
    if (size < old) {
        rc = qcow2_drop_clusters(q, size, old - size, true);
        /* The kept part of the last cluster must not show old bytes after growing again. */
        if (!rc && !is_aligned(size, q->cluster_size)) {
            rc = qcow2_write_zeroes(q, size, MIN_OF(align_up(size, q->cluster_size), old) - size,
                                    false);
        }
    }
    qcow2_lock_alone(q);
    if (!rc && size != old) {
        good = size > old ? grow(q, size, prealloc, err) : shrink(q, size, err);
    }
    if (good) {
        qcow2_bitmaps_resize(q);
    }
    pthread_rwlock_unlock(&q->rw);
    if (!rc && good && size > old && node->backing && block_node_length(node->backing) > old) {
        rc = qcow2_write_zeroes(q, old, MIN_OF(block_node_length(node->backing), size) - old,
                                false);
    }
    if (rc) {
        error_set_errno(err, -rc, "Could not resize '%s'", node->file);
    }
    return good && rc == 0;
}

/* --- changing images ------------------------------------------------------------------------- */

bool qcow2_set_backing(struct block_node *node, const char *file, const char *format,
                       struct error **err)
{
    struct qcow2 *q = qcow2_of(node);
    int rc;

    if (file && q->data_file && q->autoclear & QCOW2_RAW_DATA) {
        return refuse(err, "Cannot set a backing file when data_file_raw is on");
    }
    if (file && strlen(file) > 1023) {
        return refuse(err, "Backing file name too long");
    }
    pthread_rwlock_wrlock(&q->rw);
    g_free(node->backing_file);
    g_free(node->backing_format);
    node->backing_file = file && *file ? g_strdup(file) : NULL;
    node->backing_format = node->backing_file ? g_strdup(format) : NULL;
    rc = qcow2_write_out(q, true);
    rc = rc ? rc : qcow2_write_header(q);
    pthread_rwlock_unlock(&q->rw);
    if (rc) {
        error_set_errno(err, -rc, "Could not change the backing file to '%s'", file ? file : "");
    }
    return rc == 0;
}

int qcow2_make_empty(struct block_node *node)
{
    struct qcow2 *q = qcow2_of(node);
    int rc = qcow2_drop_clusters(q, 0, q->size, true);

    if (!rc) {
        pthread_rwlock_wrlock(&q->rw);
        rc = qcow2_write_out(q, true);
        rc = rc ? rc : qcow2_write_out(q, true);
        pthread_rwlock_unlock(&q->rw);
    }
    return rc;
}

/* v3 to v2: nothing may use what v2 does not have. */
static bool downgrade(struct qcow2 *q, struct error **err)
{
    if (q->refcount_order != 4) {
        return refuse(err, "compat=0.10 requires refcount_bits=16");
    }
    if (q->incompatible & ~(uint64_t)QCOW2_DIRTY || q->bitmap_count) {
        return refuse(err, "Cannot downgrade an image with features that compat=0.10 does not "
                      "have");
    }
    for (unsigned i = 0; i < q->snapshot_count; i++) {
        if (q->snapshots[i].info.vm_state_size || q->snapshots[i].info.disk_size != q->size) {
            return refuse(err, "Internal snapshots prevent downgrade of image");
        }
    }
    for (uint64_t at = 0; at < q->size;) {
        struct qcow2_map map;
        int rc = qcow2_map(q, at, q->size - at, &map);

        if (rc || map.kind == KIND_ZERO) {
            struct block_extent e = { .length = map.length };

            if (rc || q->node.backing_file) {
                return refuse(err, "Zero clusters over a backing file prevent downgrade of image");
            }
            rc = qcow2_drop_clusters(q, align_down(at, q->cluster_size),
                                     align_up(e.length, q->cluster_size), true);
            if (rc) {
                return refuse(err, "Could not turn zero clusters into holes");
            }
        }
        at += map.length;
    }
    q->version = 2;
    q->lazy = false;
    q->compatible = q->incompatible = q->autoclear = 0;
    return true;
}

bool qcow2_amend(struct block_node *node, struct keyval *options, struct error **err)
{
    struct qcow2 *q = qcow2_of(node);
    struct plan p = { .version = q->version, .lazy = q->compatible & QCOW2_LAZY };
    uint64_t size = q->size;
    struct keyval *crypt;
    const char *key, *value;
    size_t at = 0;
    bool good;
    int rc;

    if ((keyval_has(options, "compat") && !read_version(&p, options, err)) ||
        !keyval_bool(options, "lazy_refcounts", &p.lazy, err) ||
        !keyval_size(options, "size", &size, err)) {
        return false;
    }
    if (p.lazy && p.version < 3) {
        return refuse(err, "Lazy refcounts only supported with compatibility level 1.1 and above "
                      "(use compat=1.1 or greater)");
    }
    crypt = keyval_sub(options, "encrypt.");
    good = !keyval_next(crypt, &at, &key, &value) || qcow2_amend_crypt(q, crypt, err);
    keyval_free(crypt);
    if (!good) {
        return false;
    }
    if (keyval_has(options, "data_file") || keyval_has(options, "data_file_raw")) {
        return refuse(err, "data_file cannot be changed");
    }
    if (p.version < q->version && !downgrade(q, err)) {
        return false;
    }
    q->version = p.version;
    q->compatible = p.lazy ? q->compatible | QCOW2_LAZY : q->compatible & ~QCOW2_LAZY;
    q->lazy = p.lazy;
    if (keyval_has(options, "backing_file") || keyval_has(options, "backing_fmt")) {
        char *file = g_strdup(keyval_string(options, "backing_file", node->backing_file));
        char *format = g_strdup(keyval_string(options, "backing_fmt", node->backing_format));

        good = qcow2_set_backing(node, file, format, err);
        g_free(file);
        g_free(format);
        if (!good) {
            return false;
        }
    }
    rc = qcow2_write_out(q, true);
    rc = rc ? rc : qcow2_write_header(q);
    if (rc) {
        error_set_errno(err, -rc, "Could not update the header");
        return false;
    }
    return size == q->size || qcow2_resize(node, size, BLOCK_PREALLOC_OFF, err);
}

/* --- measure --------------------------------------------------------------------------------- */

/* Clusters of L1, L2, refcount table and blocks for `data` clusters of data. */
static uint64_t metadata_clusters(const struct plan *p, uint64_t data)
{
    uint64_t cluster = 1ull << p->cluster_bits, l2_size = p->extended ? 16 : 8;
    uint64_t virtual_clusters = align_up(p->size, cluster) >> p->cluster_bits;
    uint64_t l2 = (virtual_clusters * l2_size + cluster - 1) >> p->cluster_bits;
    uint64_t l1 = (l2 * 8 + cluster - 1) >> p->cluster_bits, total, blocks = 0, table = 0, before;
    unsigned block_bits = p->cluster_bits + 3 - p->refcount_order;

    do {
        before = blocks + table;
        total = 1 + l1 + l2 + data + blocks + table;
        blocks = (total + (1ull << block_bits) - 1) >> block_bits;
        table = MAX_OF((blocks * 8 + cluster - 1) >> p->cluster_bits, 1);
    } while (blocks + table != before);
    return 1 + l1 + l2 + blocks + table;
}

bool qcow2_measure(struct keyval *options, uint64_t size, uint64_t allocated,
                   struct image_measure *result, struct error **err)
{
    struct plan p = { .size = size };
    uint64_t cluster, whole, used;

    if (!read_plan(&p, options, err)) {
        return false;
    }
    cluster = 1ull << p.cluster_bits;
    whole = align_up(size, cluster) >> p.cluster_bits;
    used = p.prealloc == BLOCK_PREALLOC_FULL || p.prealloc == BLOCK_PREALLOC_FALLOC
        ? whole : align_up(MIN_OF(allocated, size), cluster) >> p.cluster_bits;
    /* All L2 tables are counted: where the data is does not matter then. */
    result->fully_allocated = (metadata_clusters(&p, whole) + whole) << p.cluster_bits;
    result->required = result->fully_allocated - ((whole - used) << p.cluster_bits);
    result->has_bitmaps = p.version >= 3;
    result->bitmaps = 0;
    return true;
}
