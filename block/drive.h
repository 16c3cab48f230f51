/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Drives inside the block layer, and what the command line and the monitor ask of them. */
#ifndef BLOCK_DRIVE_H
#define BLOCK_DRIVE_H

#include <pthread.h>

#include "block.h"
#include "block/image.h"
#include "block/node.h"
#include "block/throttle.h"

enum on_error { ON_ERROR_REPORT, ON_ERROR_IGNORE, ON_ERROR_STOP, ON_ERROR_ENOSPC };
enum detect_zeroes { DETECT_ZEROES_OFF, DETECT_ZEROES_ON, DETECT_ZEROES_UNMAP };

#define BLOCK_WORKERS 4

struct block_job;
struct json;

struct block {
    char *id, *serial;
    struct keyval *options;         /* of -drive; owned */
    enum block_if interface;
    unsigned bus, unit;
    enum block_type type;
    bool readonly_wanted, snapshot, cache_unsafe, cache_direct, unmap;
    bool write_cache, copy_on_read;
    enum detect_zeroes detect_zeroes;
    enum on_error on_write_error, on_read_error;
    struct block_geometry geometry; /* cylinders 0: no hint */
    struct block_node *node;        /* NULL: no medium */
    char *medium_file, *medium_format;  /* as they were given; format NULL: guess */
    unsigned chain_flags;           /* NODE_ALL_RW: a job writes to the images below */
    bool inactive;                  /* another emulator has the image: read only, no locks */
    const struct block_device_ops *ops;
    void *opaque;                   /* the device's */
    struct block_stats stats;       /* atomic */

    /* Requests, under `lock`. */
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct block_request *first, *last;
    unsigned workers, idle_workers;
    bool quit, draining;            /* draining: limits of speed do not hold */
    struct throttle *throttle;      /* NULL: none */
    pthread_t threads[BLOCK_WORKERS];
    unsigned in_flight;             /* submitted and not yet told; under the big lock */

    /* Held for reading while the medium is written to, for writing while data is copied. */
    pthread_rwlock_t access;
    struct block_job *job;          /* set and cleared with `access` held for writing */
    struct block *next;
};

/* -drive with its keys; takes kv. */
struct block *block_add_drive_keys(struct keyval *kv, struct error **err);
/* -blockdev: key=value or JSON. The second makes drives of them all. */
bool block_add_blockdev(const char *text, struct error **err);
bool block_open_blockdevs(struct error **err);
/* blockdev-add and blockdev-del. */
bool block_plug_blockdev(const struct json *args, struct error **err);
bool block_unplug_blockdev(const char *name, struct error **err);
/* -snapshot: for drives that do not say. */
void block_set_snapshot(bool on);
/* The monitor's `commit` and C-a s: one drive's snapshot back into its image. */
bool block_commit(struct block *block, struct error **err);
bool block_is_snapshot(const struct block *block);
/* The medium's own image, under what snapshot=on lays over it; NULL: no medium. */
struct block_node *block_image(const struct block *block);

/* Snapshots inside the image, for savevm and its kin; see image.h. The drive is drained. */
bool block_can_snapshot(const struct block *block);
struct image_snapshot *block_snapshots(struct block *block, size_t *count);
bool block_snapshot_create(struct block *block, const struct image_snapshot *snapshot,
                           struct error **err);
bool block_snapshot_apply(struct block *block, const char *name, struct error **err);
bool block_snapshot_delete(struct block *block, const char *name, struct error **err);
/* The state of the machine: written before its snapshot is created (with vm_state_size), read after
 * the snapshot was applied. Writing NULL drops it: only its snapshot keeps it. */
int block_vm_state(struct block *block, uint64_t offset, void *data, size_t size, bool write);
bool block_resize(struct block *block, uint64_t size, struct error **err);
/* A new image over the drive's present one, which becomes its backing file. `reuse`: it is there
 * already. format NULL: qcow2. */
bool block_snapshot_external(struct block *block, const char *file, const char *format, bool reuse,
                             struct error **err);
/* The monitor's drive_del: from under its device, which then has no medium. */
void block_remove(struct block *block);
void block_set_limits(struct block *block, const struct throttle_limits *limits);

/* -incoming: drives that are opened from now on are inactive. */
void block_set_inactive(bool on);
/* A migration hands the images over: writes everything out and gives the locks up, and takes them
 * again. Images are opened anew, for another emulator may have changed them. */
bool block_can_deactivate_all(struct error **err);
bool block_deactivate_all(struct error **err);

/* "ide0-hd0" and so on, for messages. */
const char *block_if_name(enum block_if interface);
bool block_claimed(const struct block *block);
bool block_tray_open(const struct block *block);
bool block_locked(const struct block *block);

/* --- between the files of block/ --- */

struct block_node *block_open_node(struct block *block, const char *file, const char *format,
                                   struct error **err);
/* The image of that name below the drive's own; NULL: the next. */
struct block_node *block_find_below(struct block *block, const char *name, struct error **err);
/* Closes the medium and opens a file in its place; on failure the old one again. */
bool block_reopen(struct block *block, const char *file, const char *format, struct error **err);
/* Around everything that changes the medium: keeps copies and jobs consistent. */
void block_write_begin(struct block *block, uint64_t offset, uint64_t size);
void block_write_end(struct block *block, uint64_t offset, uint64_t size);
/* copy-on-read: brings what the image lacks into it. */
void block_copy_in(struct block *block, uint64_t offset, uint64_t size);
/* Runs one request to its result, on any thread. */
int block_perform(struct block *block, struct block_request *request);
void block_workers_init(struct block *block);
void block_workers_stop(struct block *block);

#endif
