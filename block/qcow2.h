/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * qcow2 between its files. The format is described in docs/block.md.
 *
 * Locks: `rw` is held for reading by what looks up metadata and for writing by what changes it;
 * functions without `lock' in their comment expect it. Data moves without it, see qcow2-claim.c.
 * `cache_lock` guards the lists of cached tables, so that readers can load tables side by side.
 *
 * Order: changed tables stay in memory until qcow2_write_out(), which writes what is pointed at
 * before what points. What is freed is given back only after nothing on disk points at it, so a
 * process or a host that dies leaves leaked clusters at worst.
 */
#ifndef BLOCK_QCOW2_H
#define BLOCK_QCOW2_H

#include <glib.h>
#include <pthread.h>

#include "base/bits.h"
#include "block/crypt.h"
#include "block/image.h"
#include "block/node.h"

#define QCOW2_MAGIC 0x514649fbu
#define QCOW2_SECTOR 512
#define QCOW2_COPIED (1ull << 63)
#define QCOW2_COMPRESSED (1ull << 62)
#define QCOW2_ZERO 1ull
#define QCOW2_OFFSET_MASK 0x00fffffffffffe00ull

enum { QCOW2_DIRTY = 1, QCOW2_CORRUPT = 2, QCOW2_DATA_FILE = 4, QCOW2_COMPRESSION = 8,
       QCOW2_EXTENDED_L2 = 16 };                                /* incompatible */
enum { QCOW2_LAZY = 1 };                                        /* compatible */
enum { QCOW2_BITMAPS = 1, QCOW2_RAW_DATA = 2 };                 /* autoclear */
enum { QCOW2_ZLIB, QCOW2_ZSTD };
enum { QCOW2_CRYPT_NONE, QCOW2_CRYPT_AES, QCOW2_CRYPT_LUKS };

#define QCOW2_MAX_L1_BYTES (32u << 20)
#define QCOW2_MAX_REFTABLE_BYTES (8u << 20)
#define QCOW2_MAX_SNAPSHOTS 65536u
#define QCOW2_MAX_SNAPSHOT_BYTES (64u << 20)

struct qcow2_table {
    uint64_t offset;
    uint8_t *data;
    unsigned pins;
    bool fresh;                     /* nothing on disk points here yet */
    uint32_t dirty_from, dirty_to;  /* bytes; empty: clean */
    uint64_t used;                  /* for choosing what to drop */
};

struct qcow2_cache {
    GHashTable *tables;             /* by offset */
    unsigned limit;
    bool refcounts;                 /* else L2 */
};

struct qcow2_range {
    uint64_t index, count;          /* clusters of the file */
};

struct qcow2_snapshot {
    struct image_snapshot info;
    uint64_t l1_offset;
    uint32_t l1_size;
    uint8_t *extra;                 /* what we do not know of the extra data */
    uint32_t extra_size;
};

struct qcow2_extension {
    uint32_t type, size;
    uint8_t *data;
};

struct qcow2_claim {
    uint64_t from, to;              /* whole clusters of the guest */
    struct qcow2_claim *next;
};

struct qcow2 {
    struct block_node node;
    pthread_rwlock_t rw;
    pthread_mutex_t cache_lock;

    /* See qcow2-claim.c. */
    struct qcow2_claim *claims;             /* under rw */
    unsigned transfers;
    pthread_mutex_t claim_lock;             /* of what follows */
    pthread_cond_t released;                /* a claim, or the last transfer ended */
    uint64_t releases;
    unsigned alone_waits;                   /* who wants the image alone: no new claims */

    /* The header. */
    unsigned version, cluster_bits, refcount_order, compression;
    uint64_t size, incompatible, compatible, autoclear;
    uint32_t header_length;
    struct qcow2_extension *extensions;     /* those without fields here */
    unsigned extension_count;
    char *data_file_name;
    struct block_node *data_file;           /* owned; NULL: clusters are in the image */
    unsigned crypt_method;
    uint64_t crypt_offset, crypt_size;      /* of the LUKS header */
    bool encrypted;                         /* `crypt` is there */
    struct luks luks;
    struct crypt crypt;
    char *crypt_secret;

    /* Sizes that follow from it. */
    uint64_t cluster_size;
    unsigned l2_bits, entry_size, subclusters, unit_bits, block_bits;

    uint64_t *l1, l1_offset;
    uint32_t l1_size;                       /* entries */
    uint32_t l1_dirty_from, l1_dirty_to;
    uint64_t *reftable, reftable_offset;
    uint32_t reftable_size;                 /* entries in memory, whole clusters */
    uint64_t reftable_bytes;                /* of its place in the file */
    uint32_t reftable_dirty_from, reftable_dirty_to;
    bool reftable_moved;                    /* the header does not know its place yet */
    struct qcow2_snapshot *snapshots;
    unsigned snapshot_count;
    uint64_t snapshots_offset, snapshots_size;
    uint64_t bitmaps_offset, bitmaps_size;  /* of the directory */
    uint32_t bitmap_count;
    struct qcow2_bitmap *bitmaps;           /* being written; see qcow2-bitmap.c */

    struct qcow2_cache l2_cache, refcount_cache;
    GArray *freed;                          /* struct qcow2_range: after the next write-out */
    uint64_t free_index;                    /* no free cluster is below */
    uint64_t byte_position;                 /* for the next compressed cluster; 0: none */
    uint64_t written_end;                   /* the file was never longer: zeroes from here on */
    bool lazy, dirty, corrupt;

    uint64_t *places, places_count;         /* see qcow2-overlap.c */
    unsigned places_order;

    /* The last compressed cluster that was read, under cache_lock. */
    uint8_t *unpacked;
    uint64_t unpacked_entry;
};

/* --- qcow2-cache.c: tables in memory and their order to disk --- */
void qcow2_cache_init(struct qcow2 *q);
void qcow2_cache_free(struct qcow2 *q);
/* Forgets everything, also changes: for rebuilding. */
void qcow2_cache_drop(struct qcow2 *q);
/* The table is pinned until qcow2_put(). */
int qcow2_get(struct qcow2 *q, struct qcow2_cache *cache, uint64_t offset,
              struct qcow2_table **table);
struct qcow2_table *qcow2_get_new(struct qcow2 *q, struct qcow2_cache *cache, uint64_t offset);
void qcow2_put(struct qcow2 *q, struct qcow2_table *table);
void qcow2_touch(struct qcow2 *q, struct qcow2_table *table, uint32_t from, uint32_t size);
void qcow2_touch_l1(struct qcow2 *q, uint32_t index);
void qcow2_touch_reftable(struct qcow2 *q, uint32_t index);
/* Brings all changes to the file in order; `sync` also to stable storage. */
int qcow2_write_out(struct qcow2 *q, bool sync);
/* Before a change: writes out when much waits. */
int qcow2_trim(struct qcow2 *q);
int qcow2_sync(struct qcow2 *q);

/* --- qcow2-refcount.c --- */
uint64_t qcow2_refcount_read(const void *block, unsigned order, uint64_t index);
void qcow2_refcount_write(void *block, unsigned order, uint64_t index, uint64_t value);
int qcow2_refcount(struct qcow2 *q, uint64_t index, uint64_t *value);
int qcow2_refcount_add(struct qcow2 *q, uint64_t index, int delta);
int qcow2_refcount_set(struct qcow2 *q, uint64_t index, uint64_t value);
/* A run of `least` to `most` free clusters, which get the refcount 1. */
int qcow2_alloc(struct qcow2 *q, uint64_t least, uint64_t most, uint64_t *offset, uint64_t *got);
/* Room for a packed cluster. */
int qcow2_alloc_bytes(struct qcow2 *q, unsigned size, uint64_t *offset);
/* Takes one reference of each cluster away after the next write-out. */
void qcow2_free(struct qcow2 *q, uint64_t offset, uint64_t size);
/* At once: nothing on disk ever pointed there. */
void qcow2_unalloc(struct qcow2 *q, uint64_t offset, uint64_t clusters);
int qcow2_apply_freed(struct qcow2 *q);

/* --- qcow2-overlap.c --- */
enum { OVERLAP_L2 = 1, OVERLAP_REFCOUNTS = 2, OVERLAP_L1 = 4, OVERLAP_REFTABLE = 8,
       OVERLAP_SNAPSHOTS = 16, OVERLAP_BITMAPS = 32 };
/* 0, or -EIO (and the image is marked as corrupt) if metadata but that in `except` is there. */
int qcow2_check_overlap(struct qcow2 *q, unsigned except, uint64_t offset, uint64_t size);
/* After the L1 table or the refcount table was exchanged. */
void qcow2_collect_places(struct qcow2 *q);
/* A table or block is at an entry's offset from now on. */
void qcow2_note_place(struct qcow2 *q, uint64_t entry);

/* --- qcow2-cluster.c --- */
enum qcow2_kind { KIND_HOLE, KIND_ZERO, KIND_DATA, KIND_PACKED };
struct qcow2_map {
    enum qcow2_kind kind;
    uint64_t length;
    uint64_t host;                  /* of KIND_DATA, and of KIND_ZERO and KIND_HOLE in_place */
    uint64_t entry;
    bool in_place;                  /* the cluster is ours alone */
};
/* What is at `offset`, for at most `size` bytes. */
int qcow2_map(struct qcow2 *q, uint64_t offset, uint64_t size, struct qcow2_map *map);
uint64_t qcow2_entry(struct qcow2 *q, const struct qcow2_table *l2, unsigned index);
uint64_t qcow2_bitmap(struct qcow2 *q, const struct qcow2_table *l2, unsigned index);
/* The bits of the subclusters that the bytes [from, to) of a cluster touch. */
uint64_t qcow2_units_mask(const struct qcow2 *q, uint64_t from, uint64_t to);
void qcow2_set_entry(struct qcow2 *q, struct qcow2_table *l2, unsigned index, uint64_t entry,
                     uint64_t bitmap);
unsigned qcow2_l2_index(const struct qcow2 *q, uint64_t offset);
/* The table for `offset`, made or unshared as needed; pinned. */
int qcow2_l2_for_write(struct qcow2 *q, uint64_t offset, struct qcow2_table **l2);
bool qcow2_has_cluster(const struct qcow2 *q, uint64_t entry);
/* Can the cluster be written without moving it? */
bool qcow2_is_own(const struct qcow2 *q, uint64_t entry);
/* The file's bytes that a compressed entry covers. */
void qcow2_packed_range(const struct qcow2 *q, uint64_t entry, uint64_t *offset, uint64_t *size);
void qcow2_free_entry(struct qcow2 *q, uint64_t entry);
int qcow2_grow_l1(struct qcow2 *q, uint64_t entries);
/*
 * Takes the place of the active L1: the new one is written, then the header. Frees the old place.
 */
int qcow2_replace_l1(struct qcow2 *q, uint64_t *l1, uint32_t entries, uint64_t disk_size);
/* Adds to the refcounts of all that an L1 table refers to. */
int qcow2_refer(struct qcow2 *q, const uint64_t *l1, uint32_t entries, int delta);
/* Makes the COPIED flags of the active tables follow the refcounts. */
int qcow2_update_copied(struct qcow2 *q, bool all_shared);

/* --- qcow2-claim.c: data that moves without the lock --- */
void qcow2_claims_init(struct qcow2 *q);
void qcow2_claims_free(struct qcow2 *q);
/* How much of a range, from its front, nobody has claimed. With the lock for writing. */
uint64_t qcow2_unclaimed(struct qcow2 *q, uint64_t offset, uint64_t size);
/* All clusters that the range touches. Both with the lock for writing. */
void qcow2_claim(struct qcow2 *q, struct qcow2_claim *claim, uint64_t offset, uint64_t size);
void qcow2_release(struct qcow2 *q, struct qcow2_claim *claim);
/* Lets the lock for writing go and waits until a claim was released. */
void qcow2_unlock_and_wait(struct qcow2 *q);
/* Locks for writing, with no claim or transfer left: for what changes all of the image. */
void qcow2_lock_alone(struct qcow2 *q);
/* Around reading and overwriting clusters in use; begins with the lock, ends without it. */
void qcow2_transfer_begin(struct qcow2 *q);
void qcow2_transfer_end(struct qcow2 *q);
/* With the lock for writing. */
void qcow2_wait_transfers(struct qcow2 *q);

/* --- qcow2-io.c, qcow2-write.c: data; these lock --- */
int qcow2_read(struct qcow2 *q, uint64_t offset, const struct iovec *iov, unsigned count);
int qcow2_write(struct qcow2 *q, uint64_t offset, const struct iovec *iov, unsigned count);
int qcow2_write_zeroes(struct qcow2 *q, uint64_t offset, uint64_t size, bool may_unmap);
/* `full`: holes, even where a backing file then shows through. Unlocked. */
int qcow2_drop_clusters(struct qcow2 *q, uint64_t offset, uint64_t size, bool full);
size_t qcow2_compress(struct block_node *node, const void *data, size_t size, void *packed);
int qcow2_write_packed(struct block_node *node, uint64_t offset, const void *packed, size_t size);

/* --- qcow2-crypt.c --- */
bool qcow2_open_crypt(struct qcow2 *q, struct keyval *options, struct error **err);
void qcow2_close_crypt(struct qcow2 *q);
/* Data at `host` in the file, which the guest sees at `offset`. */
int qcow2_data_read(struct qcow2 *q, uint64_t host, uint64_t offset, const struct iovec *iov,
                    unsigned count);
int qcow2_data_write(struct qcow2 *q, uint64_t host, uint64_t offset, const struct iovec *iov,
                     unsigned count);
/* Of a new image: `options` without "encrypt.". The caller writes the header. */
bool qcow2_make_crypt(struct qcow2 *q, struct keyval *options, struct error **err);
void qcow2_describe_crypt(struct qcow2 *q, struct value *to);
bool qcow2_amend_crypt(struct qcow2 *q, struct keyval *options, struct error **err);
/* The old method, of qcow too: the password is the key. */
struct cipher *qcow_aes_cipher(const char *secret, struct error **err);

/* --- qcow2.c --- */
struct qcow2 *qcow2_of(struct block_node *node);
/* Prints why, sets the corrupt bit and refuses writes from now on. Returns -EIO. */
int qcow2_mark_corrupt(struct qcow2 *q, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Writes feature bits, sizes, names and extensions anew. */
int qcow2_write_header(struct qcow2 *q);
/* Sets or clears incompatible feature bits, on disk too. */
int qcow2_set_feature(struct qcow2 *q, uint64_t bits, bool on);
int qcow2_header_write(struct qcow2 *q, unsigned offset, const void *data, unsigned size);

/* --- qcow2-create.c --- */
bool qcow2_create(const char *file, uint64_t size, struct keyval *options, struct error **err);
bool qcow2_resize(struct block_node *node, uint64_t size, enum block_prealloc prealloc,
                  struct error **err);
bool qcow2_measure(struct keyval *options, uint64_t size, uint64_t allocated,
                   struct image_measure *result, struct error **err);
bool qcow2_amend(struct block_node *node, struct keyval *options, struct error **err);
bool qcow2_set_backing(struct block_node *node, const char *file, const char *format,
                       struct error **err);
int qcow2_make_empty(struct block_node *node);
extern const struct image_option qcow2_options[], qcow2_amendable[];

/* --- qcow2-snapshot.c --- */
bool qcow2_load_snapshots(struct qcow2 *q, struct error **err);
void qcow2_free_snapshots(struct qcow2 *q);
struct image_snapshot *qcow2_snapshots(struct block_node *node, size_t *count);
bool qcow2_snapshot_create(struct block_node *node, const struct image_snapshot *snapshot,
                           struct error **err);
bool qcow2_snapshot_apply(struct block_node *node, const char *name, struct error **err);
bool qcow2_snapshot_delete(struct block_node *node, const char *name, struct error **err);
bool qcow2_snapshot_show(struct block_node *node, const char *name, struct error **err);
int qcow2_vm_state(struct block_node *node, uint64_t offset, void *data, size_t size, bool write);
/* An L1 table of a snapshot in host byte order, bounds-checked. */
int qcow2_load_l1(struct qcow2 *q, uint64_t offset, uint32_t entries, uint64_t **l1);

/* --- qcow2-check.c --- */
int qcow2_check(struct block_node *node, unsigned repair, struct image_check *result);

#endif
