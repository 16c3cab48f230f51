/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Backup: a copy of the drive as it was when the job began. Chunks that the guest is about to
 * change are copied first.
 */
#include <errno.h>
#include <glib.h>

#include "base/bits.h"
#include "block/job.h"

/* With access held for writing: either a worker or the thread of the job. */
static int copy_if_wanted(struct block_job *job, uint64_t chunk, uint8_t *data)
{
    uint64_t at = chunk;

    if (!block_job_test(job, chunk) || job->result) {
        return 0;
    }
    block_job_take(job, &at);
    return block_job_copy_chunk(job, chunk, data);
}

static int run(struct block_job *job)
{
    int rc = 0;

    for (uint64_t chunk = 0; chunk < job->chunks && !rc && !block_job_should_stop(job); chunk++) {
        if (!block_job_test(job, chunk)) {
            continue;
        }
        pthread_rwlock_wrlock(&job->block->access);
        rc = job->result ? job->result : copy_if_wanted(job, chunk, job->data);
        pthread_rwlock_unlock(&job->block->access);
        block_job_spend(job, JOB_CHUNK);
    }
    return rc ? rc : job->result;
}

static bool must_copy(struct block_job *job, uint64_t offset, uint64_t size)
{
    uint64_t end = MIN_OF(offset + size, job->length);

    for (uint64_t c = offset / JOB_CHUNK; size && c * JOB_CHUNK < end; c++) {
        if (block_job_test(job, c)) {
            return true;
        }
    }
    return false;
}

static void copy(struct block_job *job, uint64_t offset, uint64_t size)
{
    uint64_t end = MIN_OF(offset + size, job->length);
    uint8_t *data = g_malloc(JOB_CHUNK);

    for (uint64_t c = offset / JOB_CHUNK; size && c * JOB_CHUNK < end; c++) {
        int rc = copy_if_wanted(job, c, data);

        /* The guest goes on; the copy is worth nothing any more. */
        job->result = job->result ? job->result : rc;
    }
    g_free(data);
}

static bool finish(struct block_job *job, struct error **err)
{
    int rc = job->cancelled ? 0 : block_node_flush(job->target);

    if (rc) {
        error_set_errno(err, -rc, "cannot flush '%s'", job->target_file);
    }
    return rc == 0;
}

static const struct block_job_type backup_type = {
    .name = "backup", .run = run, .finish = finish, .must_copy = must_copy, .copy = copy,
};

bool block_backup(struct block *block, const char *file, const char *format, unsigned flags,
                  struct error **err)
{
    struct block_job *job = block_job_create(&backup_type, block, err);

    if (!job) {
        return false;
    }
    block_drain(block);
    if (!block_job_open_target(job, file, format, flags, err) ||
        (!(flags & JOB_FULL) && block->node->backing &&
         !block_job_want(job, block->node->backing, err))) {
        block_job_free(job);
        return false;
    }
    return block_job_start(job, err);
}
