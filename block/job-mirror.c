/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Jobs that catch up with the guest: mirror into another image, commit into one of those below.
 * Chunks that are written to while they are copied are copied again.
 */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "base/bits.h"
#include "block/job.h"

static int run(struct block_job *job)
{
    uint64_t at = 0;
    int rc = 0;

    while (!rc && !block_job_should_stop(job)) {
        if (!block_job_take(job, &at)) {
            block_job_set_ready(job);
            g_usleep(20000);
            continue;
        }
        rc = block_job_copy_chunk(job, at, job->data);
        block_job_spend(job, JOB_CHUNK);
    }
    return rc;
}

/* The drive is drained: nothing changes meanwhile. */
static bool copy_rest(struct block_job *job, struct error **err)
{
    uint64_t at = 0;
    int rc = 0;

    while (!rc && block_job_take(job, &at)) {
        rc = block_job_copy_chunk(job, at, job->data);
    }
    rc = rc ? rc : block_node_flush(job->target);
    if (rc) {
        error_set_errno(err, -rc, "cannot copy the last changes");
    }
    return rc == 0;
}

static bool finish_mirror(struct block_job *job, struct error **err)
{
    if (!job->ready || job->forced) {
        return true;
    }
    if (!copy_rest(job, err)) {
        return false;
    }
    if (!job->completing) {
        return true;
    }
    /* Two openings of one file would lock each other out. */
    block_node_close(job->target);
    job->target = NULL;
    return block_reopen(job->block, job->target_file, job->target_format, err);
}

static const struct block_job_type mirror_type = {
    .name = "mirror", .catches_up = true, .run = run, .finish = finish_mirror,
    .changed = block_job_mark,
};

bool block_mirror(struct block *block, const char *file, const char *format, unsigned flags,
                  struct error **err)
{
    struct block_job *job = block_job_create(&mirror_type, block, err);

    if (!job) {
        return false;
    }
    if (!block_job_open_target(job, file, format, flags, err) ||
        (!(flags & JOB_FULL) && block->node->backing &&
         !block_job_want(job, block->node->backing, err))) {
        block_job_free(job);
        return false;
    }
    return block_job_start(job, err);
}

/* --- commit ---------------------------------------------------------------------------------- */

/* The images below are opened again, for writing or for reading only. */
static bool reopen_chain(struct block *block, unsigned flags, struct error **err)
{
    block->chain_flags = flags;
    return block_reopen(block, block->medium_file, block->medium_format, err);
}

static bool finish_commit(struct block_job *job, struct error **err)
{
    struct block *block = job->block;
    char *file, *format;
    bool good;

    if (!job->ready || job->forced || !job->completing) {
        return reopen_chain(block, 0, err);
    }
    if (!copy_rest(job, err)) {
        return false;
    }
    file = g_strdup(job->target->file);
    format = g_strdup(job->target->driver->name);
    block->chain_flags = 0;
    good = block_reopen(block, file, format, err);
    g_free(file);
    g_free(format);
    return good;
}

static const struct block_job_type commit_type = {
    .name = "commit", .catches_up = true, .run = run, .finish = finish_commit,
    .changed = block_job_mark,
};

struct block_node *block_find_below(struct block *block, const char *name, struct error **err)
{
    struct block_node *n = block->node ? block->node->backing : NULL;

    if (!n) {
        error_set(err, "Device '%s' has no backing file", block_id(block));
        return NULL;
    }
    while (n && name && strcmp(n->file, name) != 0) {
        n = n->backing;
    }
    if (!n) {
        error_set(err, "Can't find '%s' in the backing chain", name);
    }
    return n;
}

bool block_commit_live(struct block *block, const char *base, uint64_t speed, struct error **err)
{
    struct block_job *job = block_job_create(&commit_type, block, err);

    if (!job) {
        return false;
    }
    job->target_is_below = true;
    job->speed = speed;
    if (!block_find_below(block, base, err) || !reopen_chain(block, NODE_ALL_RW, err) ||
        !(job->target = block_find_below(block, base, err)) ||
        !block_job_want(job, job->target, err) ||
        (block_node_length(job->target) < job->length &&
         !block_node_resize(job->target, job->length, BLOCK_PREALLOC_OFF, err))) {
        if (block->chain_flags) {
            reopen_chain(block, 0, NULL);
        }
        block_job_free(job);
        return false;
    }
    return block_job_start(job, err);
}
