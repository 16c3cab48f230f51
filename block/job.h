/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Jobs that copy a drive's data on a thread of their own while the guest uses the drive: one at a
 * time for each drive. They are started and ended on the main thread.
 */
#ifndef BLOCK_JOB_H
#define BLOCK_JOB_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "block/drive.h"

/* --- for the monitor ------------------------------------------------------------------------- */

enum {
    JOB_REUSE = 1,      /* -n: the target is there already */
    JOB_FULL = 2,       /* -f: with what the backing files hold */
    JOB_COMPRESS = 4,   /* -c */
};
bool block_mirror(struct block *block, const char *file, const char *format, unsigned flags,
                  struct error **err);
bool block_backup(struct block *block, const char *file, const char *format, unsigned flags,
                  struct error **err);
/* What lies in images above `base` (NULL: the last of all) comes into the drive's own image. */
bool block_stream(struct block *block, const char *base, uint64_t speed, struct error **err);
/* The images above `base` (NULL: the next below) go into it, which then is the drive's own. */
bool block_commit_live(struct block *block, const char *base, uint64_t speed, struct error **err);

/* Of the drive with this name; fails when it has none. */
struct block_job *block_job_find(const char *device, struct error **err);
void block_job_set_speed(struct block_job *job, uint64_t bytes_per_second);
void block_job_pause(struct block_job *job, bool on);
/* A mirror or commit that has caught up: the drive goes over to the target. */
bool block_job_complete(struct block_job *job, struct error **err);
/* A mirror that has caught up leaves a whole copy, unless `force`. */
void block_job_cancel(struct block_job *job, bool force);
void block_jobs_print(FILE *out);
/* The same for QMP. */
struct json *block_jobs_describe(void);
/* False, with the reason, when the drive's images are being copied. */
bool block_job_allows(const struct block *block, struct error **err);
/* At exit, and before a drive is closed. */
void block_job_stop(struct block *block);

/* --- between the files of block/ ------------------------------------------------------------- */

#define JOB_CHUNK 65536u

struct block_job_type {
    const char *name;
    bool catches_up;    /* goes on until it is completed or cancelled */
    /* On the job's thread, until all is done, should_stop(), or an error. 0 or -errno. */
    int (*run)(struct block_job *job);
    /* Main thread, the drive drained, after run(). False: the job failed. */
    bool (*finish)(struct block_job *job, struct error **err);
    /* Before the guest changes a range; with access held for reading, then for writing. */
    bool (*must_copy)(struct block_job *job, uint64_t offset, uint64_t size);
    void (*copy)(struct block_job *job, uint64_t offset, uint64_t size);
    /* After the guest changed it; with access held for reading. */
    void (*changed)(struct block_job *job, uint64_t offset, uint64_t size);
};

struct block_job {
    const struct block_job_type *type;
    struct block *block;
    unsigned number;
    pthread_t thread;
    uint64_t length, chunks;
    uint64_t *bits;                     /* atomic; a bit for each chunk that is to be copied */
    uint64_t done_chunks;               /* atomic, for the user's eyes */
    uint64_t speed;                     /* atomic; bytes a second, 0: no limit */
    bool cancelled, forced, completing, paused, ready;      /* atomic */
    int result;
    struct block_node *target;          /* owned unless it is one of the drive's own */
    bool target_is_below, compress;
    char *target_file, *target_format;
    char *base;                         /* of stream, as find_base() knows it */
    uint8_t *data;                      /* JOB_CHUNK bytes, for the thread */
    uint64_t budget_start, budget_used; /* of `speed` */
    struct block_job *next;
};

/* A job with all bits set, or with those whose data lies above `base` (and below nothing). */
struct block_job *block_job_create(const struct block_job_type *type, struct block *block,
                                   struct error **err);
bool block_job_want(struct block_job *job, const struct block_node *base, struct error **err);
/* Starts the thread; frees the job when that fails. */
bool block_job_start(struct block_job *job, struct error **err);
/* Makes or reuses the target. */
bool block_job_open_target(struct block_job *job, const char *file, const char *format,
                           unsigned flags, struct error **err);
void block_job_free(struct block_job *job);

/* All is copied for the first time: the job can be completed. On its thread. */
void block_job_set_ready(struct block_job *job);
/* Cancelled or asked to complete; waits while paused. */
bool block_job_should_stop(struct block_job *job);
/* Sleeps off what was copied too fast. */
void block_job_spend(struct block_job *job, uint64_t bytes);
/* Takes the next set bit at or behind *at, cyclically; false when there is none. */
bool block_job_take(struct block_job *job, uint64_t *at);
bool block_job_test(const struct block_job *job, uint64_t chunk);
void block_job_mark(struct block_job *job, uint64_t offset, uint64_t size);
/* Reads a chunk of the drive and writes it to the target. */
int block_job_copy_chunk(struct block_job *job, uint64_t chunk, uint8_t *data);

#endif
