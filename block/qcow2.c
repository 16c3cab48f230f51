/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qcow2: the header, opening and closing, and the driver's table. */
#include "block/qcow2.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "block/qcow2-bitmap.h"

enum {
    EXT_END = 0, EXT_BACKING_FORMAT = 0xe2792aca, EXT_FEATURES = 0x6803f857,
    EXT_BITMAPS = 0x23852875, EXT_CRYPT = 0x0537be77, EXT_DATA_FILE = 0x44415441,
};

#define KNOWN_INCOMPATIBLE 31
#define KNOWN_AUTOCLEAR 3

static const struct {
    uint8_t type, bit;
    const char *name;
} feature_names[] = {
    { 0, 0, "dirty bit" }, { 0, 1, "corrupt bit" }, { 0, 2, "external data file" },
    { 0, 3, "compression type" }, { 0, 4, "extended L2 entries" }, { 1, 0, "lazy refcounts" },
    { 2, 0, "bitmaps" }, { 2, 1, "raw external data" },
};

struct qcow2 *qcow2_of(struct block_node *node)
{
    return container_of(node, struct qcow2, node);
}

static int probe(const uint8_t *head, size_t size)
{
    return size >= 8 && ld32_be(head) == QCOW2_MAGIC && ld32_be(head + 4) >= 2 ? 100 : 0;
}

/* --- reading the header ---------------------------------------------------------------------- */

static bool fail(struct error **err, const char *text)
{
    error_set(err, "%s", text);
    return false;
}

static bool read_sizes(struct qcow2 *q, const uint8_t *h, struct error **err)
{
    q->version = ld32_be(h + 4);
    q->cluster_bits = ld32_be(h + 20);
    q->size = ld64_be(h + 24);
    if (ld32_be(h) != QCOW2_MAGIC) {
        return fail(err, "Image is not in qcow2 format");
    }
    if (q->version < 2 || q->version > 3) {
        error_set(err, "Unsupported qcow2 version %u", q->version);
        return false;
    }
    if (q->cluster_bits < 9 || q->cluster_bits > 21) {
        error_set(err, "Unsupported cluster size: 2^%u", q->cluster_bits);
        return false;
    }
    q->cluster_size = 1ull << q->cluster_bits;
    q->refcount_order = 4;
    q->header_length = 72;
    if (q->version >= 3) {
        q->incompatible = ld64_be(h + 72);
        q->compatible = ld64_be(h + 80);
        q->autoclear = ld64_be(h + 88);
        q->refcount_order = ld32_be(h + 96);
        q->header_length = ld32_be(h + 100);
    }
    if (q->version >= 3 && q->header_length < 104) {
        return fail(err, "qcow2 header too short");
    }
    if (q->header_length > q->cluster_size) {
        return fail(err, "qcow2 header exceeds cluster size");
    }
    if (q->refcount_order > 6) {
        return fail(err, "Reference count entry width too large; may not exceed 64 bits");
    }
    q->compression = q->header_length > 104 ? h[104] : 0;
    if (q->compression > QCOW2_ZSTD ||
        (q->compression && !(q->incompatible & QCOW2_COMPRESSION))) {
        return fail(err, "qcow2: unknown or inconsistent compression type");
    }
    if (q->size > INT64_MAX - (1 << 21)) {
        return fail(err, "Image size too large");
    }
    return true;
}

static void derive_sizes(struct qcow2 *q)
{
    bool extended = q->incompatible & QCOW2_EXTENDED_L2;

    q->entry_size = extended ? 16 : 8;
    q->subclusters = extended ? 32 : 1;
    q->unit_bits = q->cluster_bits - (extended ? 5 : 0);
    q->l2_bits = q->cluster_bits - (extended ? 4 : 3);
    q->block_bits = q->cluster_bits + 3 - q->refcount_order;
}

/* A table of the header must be aligned, not too large, and end before 2^63. */
static bool check_table(struct qcow2 *q, uint64_t offset, uint64_t bytes, const char *name,
                        struct error **err)
{
    if (offset >= INT64_MAX - bytes || !is_aligned(offset, q->cluster_size)) {
        error_set(err, "Invalid %s offset", name);
        return false;
    }
    return true;
}

static bool read_tables(struct qcow2 *q, const uint8_t *h, struct error **err)
{
    uint64_t clusters = ld32_be(h + 56), reach = q->cluster_bits + q->l2_bits;

    q->l1_size = ld32_be(h + 36);
    q->l1_offset = ld64_be(h + 40);
    q->reftable_offset = ld64_be(h + 48);
    q->snapshot_count = ld32_be(h + 60);
    q->snapshots_offset = ld64_be(h + 64);
    if (clusters << q->cluster_bits > QCOW2_MAX_REFTABLE_BYTES) {
        return fail(err, "Image reference count table size is too large");
    }
    if (!clusters && !(q->node.flags & NODE_CHECK)) {
        return fail(err, "Image does not contain a reference count table");
    }
    q->reftable_bytes = clusters << q->cluster_bits;
    q->reftable_size = q->reftable_bytes / 8;
    if (q->l1_size > QCOW2_MAX_L1_BYTES / 8) {
        return fail(err, "Active L1 table too large");
    }
    if (q->l1_size < (q->size + (1ull << reach) - 1) >> reach) {
        return fail(err, "L1 table is too small");
    }
    if (q->snapshot_count > QCOW2_MAX_SNAPSHOTS) {
        return fail(err, "Snapshot table too large");
    }
    return check_table(q, q->reftable_offset, q->reftable_size * 8ull, "reference count table",
                       err) &&
        check_table(q, q->l1_offset, q->l1_size * 8ull, "active L1 table", err) &&
        check_table(q, q->snapshots_offset, QCOW2_MAX_SNAPSHOT_BYTES, "snapshot table", err);
}

static bool check_features(struct qcow2 *q, const uint8_t *names, uint32_t size,
                           struct error **err)
{
    uint64_t unknown = q->incompatible & ~(uint64_t)KNOWN_INCOMPATIBLE;
    GString *text;

    if (!unknown) {
        return true;
    }
    text = g_string_new(NULL);
    for (unsigned bit = 0; bit < 64; bit++) {
        const char *sep = text->len ? ", " : "";
        bool named = false;

        if (!bits_test(unknown, bit)) {
            continue;
        }
        for (uint32_t i = 0; i + 48 <= size && !named; i += 48) {
            if (names[i] == 0 && names[i + 1] == bit) {
                g_string_append_printf(text, "%s%.46s", sep, (const char *)names + i + 2);
                named = true;
            }
        }
        if (!named) {
            g_string_append_printf(text, "%sUnknown incompatible feature: %u", sep, bit);
        }
    }
    error_set(err, "Unsupported qcow2 feature(s): %s", text->str);
    g_string_free(text, TRUE);
    return false;
}

static void keep_extension(struct qcow2 *q, uint32_t type, const uint8_t *data, uint32_t size)
{
    struct qcow2_extension *e;

    q->extensions = g_renew(struct qcow2_extension, q->extensions, q->extension_count + 1);
    e = &q->extensions[q->extension_count++];
    *e = (struct qcow2_extension){ type, size, g_memdup2(data, size) };
}

static bool read_extension(struct qcow2 *q, uint32_t type, const uint8_t *data, uint32_t size,
                           struct error **err)
{
    if (size > 1023 && (type == EXT_BACKING_FORMAT || type == EXT_DATA_FILE)) {
        return fail(err, "Header extension too large");
    }
    switch (type) {
    case EXT_BACKING_FORMAT:
        g_free(q->node.backing_format);
        q->node.backing_format = g_strndup((const char *)data, size);
        return true;
    case EXT_FEATURES:
        return check_features(q, data, size, err);
    case EXT_DATA_FILE:
        g_free(q->data_file_name);
        q->data_file_name = g_strndup((const char *)data, size);
        return true;
    case EXT_CRYPT:
        if (size < 16) {
            return fail(err, "CRYPTO header extension too small");
        }
        q->crypt_offset = ld64_be(data);
        q->crypt_size = ld64_be(data + 8);
        return (q->crypt_size <= 64u << 20 &&
                check_table(q, q->crypt_offset, q->crypt_size, "encryption header", err)) ||
            fail(err, "Encryption header is too large");
    case EXT_BITMAPS:
        if (size < 24) {
            return fail(err, "bitmaps_ext: Invalid extension length");
        }
        if (q->autoclear & QCOW2_BITMAPS) {
            q->bitmap_count = ld32_be(data);
            q->bitmaps_size = ld64_be(data + 8);
            q->bitmaps_offset = ld64_be(data + 16);
            if (q->bitmap_count > 65535 || q->bitmaps_size > 1024 * 65536 ||
                !check_table(q, q->bitmaps_offset, q->bitmaps_size, "bitmap directory", NULL)) {
                return fail(err, "bitmaps_ext: invalid bitmap directory");
            }
        }
        return true;
    default:
        keep_extension(q, type, data, size);
        return true;
    }
}

/* Extensions lie between the header and the backing file's name, all in the first cluster. */
static bool read_extensions(struct qcow2 *q, const uint8_t *h, uint64_t end, struct error **err)
{
    uint64_t at = q->header_length;

    while (at + 8 <= end) {
        uint32_t type = ld32_be(h + at), size = ld32_be(h + at + 4);

        if (type == EXT_END) {
            break;
        }
        if (size > end - at - 8) {
            return fail(err, "Header extension too large");
        }
        if (!read_extension(q, type, h + at + 8, size, err)) {
            return false;
        }
        at += 8 + align_up(size, 8);
    }
    return check_features(q, NULL, 0, err);
}

static bool read_header(struct qcow2 *q, struct error **err)
{
    uint64_t offset;
    uint32_t size;
    uint8_t *h = g_malloc0(1 << 21);
    bool good = false;
    int rc = block_node_pread(q->node.child, 0, h, 112);

    if (rc) {
        error_set_errno(err, -rc, "Could not read qcow2 header");
    } else if (read_sizes(q, h, err)) {
        rc = block_node_pread(q->node.child, 0, h, q->cluster_size);
        offset = ld64_be(h + 8);
        size = ld32_be(h + 16);
        if (rc) {
            error_set_errno(err, -rc, "Could not read qcow2 header");
        } else if (offset && (offset > q->cluster_size || size > q->cluster_size - offset)) {
            fail(err, "Invalid backing file offset");
        } else if (offset && (size > 1023 || size == 0)) {
            fail(err, "Backing file name too long");
        } else if (read_extensions(q, h, offset ? offset : q->cluster_size, err)) {
            q->node.backing_file = offset ? g_strndup((char *)h + offset, size) : NULL;
            derive_sizes(q);
            q->crypt_method = ld32_be(h + 32);
            good = read_tables(q, h, err);
            if (q->crypt_method > QCOW2_CRYPT_LUKS) {
                error_set(err, "Unsupported encryption method %u", q->crypt_method);
                q->crypt_method = 0;
                good = false;
            }
        }
    }
    g_free(h);
    return good;
}

static bool load_numbers(struct qcow2 *q, uint64_t offset, uint32_t count, uint64_t **numbers,
                         const char *what, struct error **err)
{
    int rc;

    *numbers = g_new0(uint64_t, count + 1);
    rc = block_node_pread(q->node.child, offset, *numbers, count * 8ull);
    for (uint32_t i = 0; i < count; i++) {
        (*numbers)[i] = ld64_be(&(*numbers)[i]);
    }
    if (rc) {
        error_set_errno(err, -rc, "Could not read %s", what);
    }
    return rc == 0;
}

/* --- writing the header ---------------------------------------------------------------------- */

int qcow2_header_write(struct qcow2 *q, unsigned offset, const void *data, unsigned size)
{
    int rc = block_node_pwrite(q->node.child, offset, data, size);

    return rc ? rc : qcow2_sync(q);
}

static unsigned put_extension(uint8_t *h, unsigned at, uint32_t type, const void *data,
                              uint32_t size)
{
    st32_be(h + at, type);
    st32_be(h + at + 4, size);
    memcpy(h + at + 8, data, size);
    return at + 8 + align_up(size, 8);
}

static unsigned put_features(uint8_t *h, unsigned at)
{
    uint8_t table[48 * ARRAY_LEN(feature_names)] = { 0 };

    for (unsigned i = 0; i < ARRAY_LEN(feature_names); i++) {
        table[i * 48] = feature_names[i].type;
        table[i * 48 + 1] = feature_names[i].bit;
        memcpy(table + i * 48 + 2, feature_names[i].name, strlen(feature_names[i].name));
    }
    return put_extension(h, at, EXT_FEATURES, table, sizeof(table));
}

static unsigned put_extensions(struct qcow2 *q, uint8_t *h, unsigned at)
{
    uint8_t bitmaps[24] = { 0 }, crypt[16];

    if (q->crypt_offset) {
        st64_be(crypt, q->crypt_offset);
        st64_be(crypt + 8, q->crypt_size);
        at = put_extension(h, at, EXT_CRYPT, crypt, sizeof(crypt));
    }
    if (q->node.backing_file && q->node.backing_format) {
        at = put_extension(h, at, EXT_BACKING_FORMAT, q->node.backing_format,
                           strlen(q->node.backing_format));
    }
    if (q->data_file_name) {
        at = put_extension(h, at, EXT_DATA_FILE, q->data_file_name, strlen(q->data_file_name));
    }
    if (q->version >= 3 && q->cluster_size >= 1024) {
        at = put_features(h, at);
    }
    if (q->bitmap_count) {
        st32_be(bitmaps, q->bitmap_count);
        st64_be(bitmaps + 8, q->bitmaps_size);
        st64_be(bitmaps + 16, q->bitmaps_offset);
        at = put_extension(h, at, EXT_BITMAPS, bitmaps, sizeof(bitmaps));
    }
    for (unsigned i = 0; i < q->extension_count; i++) {
        struct qcow2_extension *e = &q->extensions[i];

        at = put_extension(h, at, e->type, e->data, e->size);
    }
    st64_be(h + at, 0);         /* the end */
    return at + 8;
}

static void put_fields(struct qcow2 *q, uint8_t *h)
{
    st32_be(h + 4, q->version);
    st64_be(h + 24, q->size);
    st32_be(h + 32, q->crypt_method);
    if (q->version >= 3) {
        st64_be(h + 72, q->incompatible);
        st64_be(h + 80, q->compatible);
        st64_be(h + 88, q->autoclear);
        st32_be(h + 96, q->refcount_order);
        st32_be(h + 100, q->header_length);
        h[104] = q->compression;
    }
}

int qcow2_write_header(struct qcow2 *q)
{
    unsigned room = q->extension_count * 8 + 4096, at;
    size_t name = q->node.backing_file ? strlen(q->node.backing_file) : 0;
    uint8_t *h;
    int rc;

    for (unsigned i = 0; i < q->extension_count; i++) {
        room += q->extensions[i].size + 8;
    }
    h = g_malloc0(q->cluster_size + room);
    q->header_length = q->version >= 3 ? MAX_OF(q->header_length, 112) : 72;
    /* What this program does not know of a longer header stays as it is. */
    rc = block_node_pread(q->node.child, 0, h, q->header_length);
    put_fields(q, h);
    at = put_extensions(q, h, q->header_length);
    st64_be(h + 8, name ? at : 0);
    st32_be(h + 16, name);
    if (at + name > q->cluster_size) {
        rc = -ENOSPC;
    }
    if (!rc && name) {
        memcpy(h + at, q->node.backing_file, name);
    }
    if (!rc) {
        rc = qcow2_header_write(q, 0, h, MIN_OF(align_up(at + name, 512), q->cluster_size));
    }
    g_free(h);
    return rc;
}

int qcow2_set_feature(struct qcow2 *q, uint64_t bits, bool on)
{
    uint64_t value = on ? q->incompatible | bits : q->incompatible & ~bits;
    uint8_t data[8];
    int rc;

    st64_be(data, value);
    rc = q->version >= 3 ? qcow2_header_write(q, 72, data, 8) : 0;
    if (!rc) {
        q->incompatible = value;
    }
    return rc;
}

int qcow2_mark_corrupt(struct qcow2 *q, const char *fmt, ...)
{
    bool writable = !(q->node.flags & NODE_READONLY);
    va_list args;
    char *text;

    if (q->corrupt || q->node.flags & NODE_CHECK) {
        return -EIO;
    }
    va_start(args, fmt);
    text = g_strdup_vprintf(fmt, args);
    va_end(args);
    error_report("qcow2: %s: %s; further %scorruption events will be suppressed",
                 writable ? "Marking image as corrupt" : "Image is corrupt", text,
                 writable ? "" : "non-fatal ");
    g_free(text);
    q->corrupt = true;
    if (writable) {
        qcow2_set_feature(q, QCOW2_CORRUPT, true);
    }
    return -EIO;
}

/* --- opening and closing --------------------------------------------------------------------- */

static void free_memory(struct qcow2 *q)
{
    qcow2_close_crypt(q);
    qcow2_free_bitmaps(q);
    qcow2_free_snapshots(q);
    qcow2_cache_free(q);
    for (unsigned i = 0; i < q->extension_count; i++) {
        g_free(q->extensions[i].data);
    }
    block_node_close(q->data_file);
    g_free(q->extensions);
    g_free(q->data_file_name);
    g_free(q->l1);
    g_free(q->reftable);
    g_free(q->places);
    g_free(q->unpacked);
    pthread_rwlock_destroy(&q->rw);
    pthread_mutex_destroy(&q->cache_lock);
    qcow2_claims_free(q);
}

static void init_locks(struct qcow2 *q)
{
    pthread_rwlockattr_t attributes;

    pthread_rwlockattr_init(&attributes);
    pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&q->rw, &attributes);
    pthread_rwlockattr_destroy(&attributes);
    pthread_mutex_init(&q->cache_lock, NULL);
    qcow2_claims_init(q);
}

static bool open_data_file(struct qcow2 *q, struct keyval *options, struct error **err)
{
    const char *given = keyval_string(options, "data-file", NULL);
    const char *name = given ? given : q->data_file_name;
    char *path;

    if (!(q->incompatible & QCOW2_DATA_FILE)) {
        return true;
    }
    if (!name) {
        return fail(err, "'data-file' is required for this image");
    }
    path = given ? g_strdup(given) : block_resolve_name(q->node.file, name);
    q->data_file = block_node_open_file(path, NULL, q->node.flags, err);
    g_free(path);
    return q->data_file != NULL;
}

/* What a crash or another program left: refcounts to rebuild, features to forget. */
static bool put_in_order(struct qcow2 *q, struct error **err)
{
    struct image_check result = { .quiet = true };
    int rc = 0;

    if (q->node.flags & (NODE_READONLY | NODE_CHECK)) {
        return true;
    }
    if (q->incompatible & QCOW2_CORRUPT) {
        return fail(err, "qcow2: Image is corrupt; cannot be opened read/write");
    }
    if (q->autoclear & ~(uint64_t)KNOWN_AUTOCLEAR) {
        q->autoclear &= KNOWN_AUTOCLEAR;
        rc = qcow2_write_header(q);
    }
    if (!rc && q->incompatible & QCOW2_DIRTY) {
        rc = qcow2_check(&q->node, REPAIR_ERRORS | REPAIR_LEAKS, &result);
        rc = rc ? rc : qcow2_set_feature(q, QCOW2_DIRTY, false);
    }
    if (rc) {
        error_set_errno(err, -rc, "Could not repair dirty image");
    }
    return rc == 0;
}

static bool read_options(struct qcow2 *q, struct keyval *options, struct error **err)
{
    static const char *const hints[] = { "l2-cache-size", "cache-size", "refcount-cache-size",
                                         "l2-cache-entry-size", "cache-clean-interval",
                                         "pass-discard-request", "pass-discard-snapshot",
                                         "pass-discard-other", "overlap-check" };

    q->lazy = q->compatible & QCOW2_LAZY;
    if (options) {
        for (size_t i = 0; i < ARRAY_LEN(hints); i++) {
            keyval_mark(options, hints[i]);
        }
        if (!keyval_bool(options, "lazy-refcounts", &q->lazy, err)) {
            return false;
        }
        if (q->lazy && q->version < 3) {
            return fail(err, "Lazy refcounts require a qcow2 image with at least qemu 1.1 "
                        "compatibility level");
        }
    }
    return true;
}

static bool open_parts(struct qcow2 *q, struct keyval *options, struct error **err)
{
    int64_t length = block_node_length(q->node.child);

    q->written_end = MAX_OF(length, 0);
    if (!load_numbers(q, q->l1_offset, q->l1_size, &q->l1, "L1 table", err) ||
        !load_numbers(q, q->reftable_offset, q->reftable_size, &q->reftable,
                      "reference count table", err)) {
        return false;
    }
    qcow2_collect_places(q);
    return read_options(q, options, err) && qcow2_load_snapshots(q, err) &&
        open_data_file(q, options, err) && qcow2_open_crypt(q, options, err) &&
        put_in_order(q, err) && qcow2_load_bitmaps(q, err) &&
        block_node_open_backing(&q->node, err);
}

static bool open_qcow2(struct block_node *node, struct keyval *options, struct error **err)
{
    struct qcow2 *q = qcow2_of(node);
    struct error *why = NULL;
    bool good;

    init_locks(q);
    q->cluster_size = 512;
    good = read_header(q, &why);
    qcow2_cache_init(q);
    good = good && open_parts(q, options, &why);
    if (!good) {
        error_prepend(&why, "Could not open '%s': ", node->file);
        error_propagate(err, why);
        free_memory(q);
    }
    return good;
}

static void close_qcow2(struct block_node *node)
{
    struct qcow2 *q = qcow2_of(node);
    int rc = 0;

    if (!(node->flags & NODE_READONLY) && !q->corrupt) {
        rc = qcow2_store_bitmaps(q);
        q->dirty |= q->lazy;        /* the refcounts wait for this */
        q->lazy = false;
        while (!rc && q->dirty) {
            rc = qcow2_write_out(q, true);
        }
        if (!rc && q->incompatible & QCOW2_DIRTY && !(node->flags & NODE_CHECK)) {
            rc = qcow2_set_feature(q, QCOW2_DIRTY, false);
        }
        if (rc) {
            error_report("cannot write the metadata of '%s': %s", node->file, g_strerror(-rc));
        }
    }
    free_memory(q);
}

/* --- the driver ------------------------------------------------------------------------------ */

static int qcow2_readv(struct block_node *node, uint64_t offset, const struct iovec *iov,
                       unsigned count)
{
    return qcow2_read(qcow2_of(node), offset, iov, count);
}

/* The list of bitmaps only changes with the lock for writing. */
static void note_change(struct qcow2 *q, uint64_t offset, uint64_t size)
{
    if (__atomic_load_n(&q->bitmap_count, __ATOMIC_RELAXED)) {
        pthread_rwlock_rdlock(&q->rw);
        qcow2_bitmaps_dirty(q, offset, size);
        pthread_rwlock_unlock(&q->rw);
    }
}

static int qcow2_writev(struct block_node *node, uint64_t offset, const struct iovec *iov,
                        unsigned count)
{
    note_change(qcow2_of(node), offset, iov_size(iov, count));
    return qcow2_write(qcow2_of(node), offset, iov, count);
}

static int write_zeroes(struct block_node *node, uint64_t offset, uint64_t size, bool may_unmap)
{
    struct qcow2 *q = qcow2_of(node);
    int rc = 0;

    note_change(q, offset, size);
    if (q->data_file && q->autoclear & QCOW2_RAW_DATA) {
        rc = block_node_write_zeroes(q->data_file, offset, size, may_unmap);
        may_unmap = false;
    }
    return rc ? rc : qcow2_write_zeroes(q, offset, size, may_unmap);
}

static int discard(struct block_node *node, uint64_t offset, uint64_t size)
{
    struct qcow2 *q = qcow2_of(node);

    if (q->data_file && q->autoclear & QCOW2_RAW_DATA) {
        return 0;
    }
    note_change(q, offset, size);
    return qcow2_drop_clusters(q, offset, size, false);
}

static int flush(struct block_node *node)
{
    struct qcow2 *q = qcow2_of(node);
    bool dirty, synced = false;
    int rc = 0;

    pthread_rwlock_rdlock(&q->rw);
    dirty = q->dirty;
    pthread_rwlock_unlock(&q->rw);
    if (dirty && !(node->flags & NODE_READONLY)) {
        pthread_rwlock_wrlock(&q->rw);
        synced = q->freed->len;     /* then it does so before it gives clusters back */
        rc = qcow2_write_out(q, false);
        pthread_rwlock_unlock(&q->rw);
    }
    return rc || synced ? rc : qcow2_sync(q);
}

static int64_t length(struct block_node *node)
{
    return __atomic_load_n(&qcow2_of(node)->size, __ATOMIC_RELAXED);
}

static int status(struct block_node *node, uint64_t offset, uint64_t size,
                  struct block_extent *extent)
{
    struct qcow2 *q = qcow2_of(node);
    struct qcow2_map map;
    int rc;

    pthread_rwlock_rdlock(&q->rw);
    rc = qcow2_map(q, offset, size, &map);
    pthread_rwlock_unlock(&q->rw);
    if (!rc) {
        *extent = (struct block_extent){ .length = map.length, .offset = map.host,
            .file = (q->data_file ? q->data_file : node->child)->file,
            .allocated = map.kind != KIND_HOLE, .zero = map.kind == KIND_ZERO,
            .compressed = map.kind == KIND_PACKED,
            .has_offset = map.kind == KIND_DATA || (map.kind == KIND_ZERO && map.host) };
    }
    return rc;
}

static void describe(struct block_node *node, struct image_info *info)
{
    static const char *const methods[] = { "zlib", "zstd" };
    struct qcow2 *q = qcow2_of(node);
    struct value *v = value_object();

    value_add_text(v, "compat", q->version >= 3 ? "1.1" : "0.10");
    if (q->data_file_name) {
        value_add_text(v, "data-file", q->data_file_name);
    }
    if (q->data_file) {
        value_add_bool(v, "data-file-raw", q->autoclear & QCOW2_RAW_DATA);
    }
    value_add_text(v, "compression-type", methods[q->compression]);
    if (q->version >= 3) {
        value_add_bool(v, "lazy-refcounts", q->compatible & QCOW2_LAZY);
        qcow2_describe_bitmaps(q, v);
    }
    value_add_uint(v, "refcount-bits", 1u << q->refcount_order);
    qcow2_describe_crypt(q, v);
    if (q->version >= 3) {
        value_add_bool(v, "corrupt", q->incompatible & QCOW2_CORRUPT);
        value_add_bool(v, "extended-l2", q->subclusters > 1);
    }
    *info = (struct image_info){ .cluster_size = q->cluster_size,
                                 .dirty = q->incompatible & QCOW2_DIRTY,
                                 .encrypted = q->crypt_method, .specific = v };
}

static const struct block_image_ops image_ops = {
    .options = qcow2_options, .amendable = qcow2_amendable, .has_backing = true,
    .create = qcow2_create, .info = describe, .check = qcow2_check,
    .set_backing = qcow2_set_backing, .amend = qcow2_amend, .measure = qcow2_measure,
    .snapshots = qcow2_snapshots, .snapshot_create = qcow2_snapshot_create,
    .snapshot_apply = qcow2_snapshot_apply, .snapshot_delete = qcow2_snapshot_delete,
    .snapshot_show = qcow2_snapshot_show, .vm_state = qcow2_vm_state,
    .make_empty = qcow2_make_empty, .bitmap = qcow2_change_bitmap, .bitmaps = qcow2_bitmaps,
    .bitmap_status = qcow2_bitmap_status,
};

const struct block_driver block_driver_qcow2 = {
    .name = "qcow2", .size = sizeof(struct qcow2), .probe = probe, .open = open_qcow2,
    .close = close_qcow2, .readv = qcow2_readv, .writev = qcow2_writev,
    .write_zeroes = write_zeroes, .discard = discard, .flush = flush, .length = length,
    .status = status, .resize = qcow2_resize, .compress = qcow2_compress,
    .write_packed = qcow2_write_packed, .image = &image_ops,
};
