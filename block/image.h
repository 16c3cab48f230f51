/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What tools and the monitor do with whole images: create, describe, check, snapshots, ... */
#ifndef BLOCK_IMAGE_H
#define BLOCK_IMAGE_H

#include "block/node.h"
#include "block/value.h"

enum image_option_kind { IMAGE_STRING, IMAGE_SIZE, IMAGE_BOOL, IMAGE_NUMBER };

/* One row of `create -o help`. A NULL name ends a table. */
struct image_option {
    const char *name;
    enum image_option_kind kind;
    const char *help;
    const char *fallback;       /* printed by create when the user gave none; NULL: not printed */
};

struct image_info {
    uint64_t cluster_size;      /* 0: has none */
    bool dirty, encrypted, compressed;
    bool needs_packing;         /* only whole packed clusters can be written */
    bool starts_as_noise;       /* a new image does not read as zeroes */
    struct value *specific;     /* owned by the caller; NULL: nothing to say */
};

enum { REPAIR_LEAKS = 1, REPAIR_ERRORS = 2 };

struct image_check {
    uint64_t corruptions, leaks, corruptions_fixed, leaks_fixed, check_errors;
    uint64_t image_end, total_clusters, allocated_clusters, fragmented_clusters,
        compressed_clusters;
    bool quiet;
};

struct image_snapshot {
    char *id, *name;
    uint64_t vm_state_size, vm_clock_ns, disk_size, icount;    /* icount UINT64_MAX: unknown */
    uint32_t date_sec, date_nsec;
};

struct image_measure {
    uint64_t required, fully_allocated, bitmaps;
    bool has_bitmaps;
};

struct image_bitmap_change;

struct block_image_ops {
    const struct image_option *options;     /* of create */
    const struct image_option *amendable;   /* of amend; NULL: cannot */
    bool has_backing;                       /* images of this format can have a backing file */
    /* Makes a new image; `options` holds checked names only. */
    bool (*create)(const char *file, uint64_t size, struct keyval *options, struct error **err);
    void (*info)(struct block_node *node, struct image_info *info);
    int (*check)(struct block_node *node, unsigned repair, struct image_check *result);
    bool (*set_backing)(struct block_node *node, const char *file, const char *format,
                        struct error **err);
    bool (*amend)(struct block_node *node, struct keyval *options, struct error **err);
    /* `allocated` bytes of `size` hold data. */
    bool (*measure)(struct keyval *options, uint64_t size, uint64_t allocated,
                    struct image_measure *result, struct error **err);
    /* The list has *count entries; free it with image_snapshots_free(). */
    struct image_snapshot *(*snapshots)(struct block_node *node, size_t *count);
    bool (*snapshot_create)(struct block_node *node, const struct image_snapshot *snapshot,
                            struct error **err);
    bool (*snapshot_apply)(struct block_node *node, const char *name, struct error **err);
    bool (*snapshot_delete)(struct block_node *node, const char *name, struct error **err);
    /* Shows a snapshot in place of the disk; the node must be read only. */
    bool (*snapshot_show)(struct block_node *node, const char *name, struct error **err);
    /* The state of a machine, beside the disk: bytes from 0 on. Writing no data (NULL) drops it. */
    int (*vm_state)(struct block_node *node, uint64_t offset, void *data, size_t size, bool write);
    /* Drops all content above the backing file. */
    int (*make_empty)(struct block_node *node);
    bool (*bitmap)(struct block_node *node, const char *name,
                   const struct image_bitmap_change *change, struct error **err);
    /* The list has *count entries; free it with image_bitmaps_free(). */
    struct image_bitmap *(*bitmaps)(struct block_node *node, size_t *count);
    /* Whether a bitmap has `offset` as dirty, and for how many of `size` bytes that holds. */
    int (*bitmap_status)(struct block_node *node, const char *name, uint64_t offset,
                         uint64_t size, uint64_t *length, bool *dirty);
};

struct image_bitmap {
    char *name;
    uint64_t granularity;
    bool enabled, broken;               /* broken: a crash left it in use */
};

enum bitmap_action {
    BITMAP_ADD, BITMAP_REMOVE, BITMAP_CLEAR, BITMAP_ENABLE, BITMAP_DISABLE, BITMAP_MERGE
};

struct image_bitmap_change {
    enum bitmap_action action;
    uint64_t granularity;               /* of ADD; 0: 65536 */
    struct block_node *source;          /* of MERGE */
    const char *source_name;
};

void image_snapshots_free(struct image_snapshot *list, size_t count);
void image_bitmaps_free(struct image_bitmap *list, size_t count);

/* "1.5 MiB", to be freed. */
char *image_size_text(uint64_t bytes);
/* A table of snapshots, as info snapshots and qemu-img show it. */
void image_print_snapshot_head(FILE *out);
void image_print_snapshot(FILE *out, const struct image_snapshot *snapshot, const char *id);

/* Names and types of options. */
bool image_check_options(const struct image_option *table, struct keyval *options,
                         struct error **err);
/* Finds the format, checks the options against its table and makes the image. */
bool image_create(const char *file, const char *format, uint64_t size, struct keyval *options,
                  struct error **err);
/* For create functions: a new empty file (old content goes), opened for writing. */
struct block_node *image_create_file(const char *file, struct error **err);
/* The value of preallocation=; false for a word that is not in `words` (NULL ends it). */
bool image_read_prealloc(struct keyval *options, enum block_prealloc *prealloc, struct error **err);
/* Bytes of host storage that the image's files take, or -errno. */
int64_t image_actual_size(struct block_node *node);

#endif
