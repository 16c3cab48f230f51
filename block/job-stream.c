/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stream: what images below hold comes into the drive's own, which then does without them. */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "base/bits.h"
#include "block/job.h"

/* Whether a range that the drive's own image lacks lies above `base`; *length says how far. */
static int is_above(const struct block_job *job, uint64_t at, uint64_t size, bool *above,
                    uint64_t *length)
{
    struct block_node *n = job->block->node;
    struct block_extent e;
    int rc = block_node_status(n, at, size, &e);

    *above = false;
    *length = rc ? 0 : e.length;
    if (rc || e.allocated) {
        return rc;
    }
    for (n = n->backing; n && (!job->base || strcmp(n->file, job->base) != 0); n = n->backing) {
        int64_t end = block_node_length(n);

        if (end < 0 || at >= end) {
            *above = end >= 0 && job->base;     /* zeroes hide what the base holds */
            return end < 0 ? (int)end : 0;
        }
        rc = block_node_status(n, at, MIN_OF(*length, end - at), &e);
        *length = rc ? 0 : e.length;
        if (rc || e.allocated) {
            *above = !rc;
            return rc;
        }
    }
    return 0;
}

/* With access held for writing, so that no write of the guest gets lost. */
static int bring_in(struct block_job *job, uint64_t at, uint64_t size)
{
    struct block_node *top = job->block->node;
    bool above;
    uint64_t length;
    int rc;

    pthread_rwlock_wrlock(&job->block->access);
    rc = is_above(job, at, size, &above, &length);
    if (!rc && above) {
        rc = block_node_pread(top, at, job->data, length);
        rc = rc ? rc : block_is_zero(job->data, length)
            ? block_node_write_zeroes(top, at, length, true)
            : block_node_pwrite(top, at, job->data, length);
    }
    pthread_rwlock_unlock(&job->block->access);
    return rc;
}

static int run(struct block_job *job)
{
    uint64_t at = 0;

    while (at < job->length && !block_job_should_stop(job)) {
        uint64_t size = MIN_OF(JOB_CHUNK - at % JOB_CHUNK, job->length - at), length;
        bool above;
        int rc = is_above(job, at, size, &above, &length);

        if (!rc && above) {
            rc = bring_in(job, at, length);
            block_job_spend(job, length);
        }
        if (rc || !length) {
            return rc ? rc : -EIO;
        }
        at += length;
        __atomic_store_n(&job->done_chunks, at / JOB_CHUNK, __ATOMIC_RELAXED);
    }
    return 0;
}

static bool finish(struct block_job *job, struct error **err)
{
    struct block_node *node = job->block->node, *base = NULL;
    const struct block_image_ops *ops = node->driver->image;

    if (job->cancelled) {
        return true;
    }
    for (base = node->backing; base && job->base && strcmp(base->file, job->base) != 0;) {
        base = base->backing;
    }
    base = job->base ? base : NULL;
    return ops->set_backing(node, base ? base->file : NULL, base ? base->driver->name : NULL,
                            err) &&
        block_reopen(job->block, job->block->medium_file, job->block->medium_format, err);
}

static const struct block_job_type stream_type = {
    .name = "stream", .run = run, .finish = finish,
};

bool block_stream(struct block *block, const char *base, uint64_t speed, struct error **err)
{
    struct block_job *job = block_job_create(&stream_type, block, err);
    const struct block_image_ops *ops;

    if (!job) {
        return false;
    }
    ops = block->node->driver->image;
    if (!block->node->backing || !ops || !ops->set_backing ||
        (base && !block_find_below(block, base, err))) {
        error_set(err, "Device '%s' has no backing file", block_id(block));
        block_job_free(job);
        return false;
    }
    job->base = g_strdup(base);
    job->speed = speed;
    job->done_chunks = 0;
    return block_job_start(job, err);
}
