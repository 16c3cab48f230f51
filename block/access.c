/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How guests' writes and copies of the same data keep out of each other's way. */
#include <glib.h>

#include "base/bits.h"
#include "block/job.h"

/* A backup copies what is about to be overwritten. */
void block_write_begin(struct block *block, uint64_t offset, uint64_t size)
{
    struct block_job *job;

    pthread_rwlock_rdlock(&block->access);
    job = block->job;
    if (!job || !job->type->must_copy || !job->type->must_copy(job, offset, size)) {
        return;
    }
    pthread_rwlock_unlock(&block->access);
    pthread_rwlock_wrlock(&block->access);
    job = block->job;
    if (job && job->type->copy) {
        job->type->copy(job, offset, size);
    }
    pthread_rwlock_unlock(&block->access);
    /* Copied data stays copied. */
    pthread_rwlock_rdlock(&block->access);
}

void block_write_end(struct block *block, uint64_t offset, uint64_t size)
{
    struct block_job *job = block->job;

    if (job && job->type->changed) {
        job->type->changed(job, offset, size);
    }
    pthread_rwlock_unlock(&block->access);
}

/* --- copy-on-read ---------------------------------------------------------------------------- */

static int copy_chunk(struct block *block, uint64_t at, uint64_t size)
{
    struct block_node *node = block->node;
    uint8_t *data = g_malloc(size);
    struct block_extent e;
    int rc;

    pthread_rwlock_wrlock(&block->access);
    rc = block_node_status(node, at, size, &e);
    if (!rc && !e.allocated) {
        size = MIN_OF(size, e.length);
        rc = block_node_pread(node, at, data, size);
        rc = rc ? rc : block_is_zero(data, size) ? block_node_write_zeroes(node, at, size, true)
                                                 : block_node_pwrite(node, at, data, size);
    }
    pthread_rwlock_unlock(&block->access);
    g_free(data);
    return rc;
}

/* Failures do not matter: the read itself still works. */
void block_copy_in(struct block *block, uint64_t offset, uint64_t size)
{
    struct block_node *node = block->node;
    int64_t length = block_node_length(node);
    uint64_t at = align_down(offset, JOB_CHUNK), end;

    if (node->flags & NODE_READONLY || !node->backing || length < 0 || size > length ||
        offset > length - size) {
        return;
    }
    end = MIN_OF(align_up(offset + size, JOB_CHUNK), (uint64_t)length);
    while (at < end) {
        struct block_extent e;

        if (block_node_status(node, at, MIN_OF(end - at, JOB_CHUNK), &e) || !e.length) {
            return;
        }
        if (!e.allocated && copy_chunk(block, at, e.length)) {
            return;
        }
        at += e.length;
    }
}
