/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the monitor does to a drive's layers while it waits: commit, external snapshots. */
#include <errno.h>
#include <glib.h>

#include "base/bits.h"
#include "block/drive.h"
#include "block/job.h"

/* --- commit ---------------------------------------------------------------------------------- */

enum { COPY_BYTES = 1 << 20 };

static int copy_down(struct block_node *top, uint8_t *data)
{
    struct block_node *base = top->backing;
    int64_t length = block_node_length(top);
    uint64_t at = 0;
    int rc = 0;

    while (!rc && length > 0 && at < length) {
        struct block_extent e;

        rc = block_node_status(top, at, length - at, &e);
        if (!rc && e.allocated && e.zero) {
            rc = block_node_write_zeroes(base, at, e.length, true);
        } else if (!rc && e.allocated) {
            e.length = MIN_OF(e.length, COPY_BYTES);
            rc = block_node_pread(top, at, data, e.length);
            rc = rc ? rc : block_node_pwrite(base, at, data, e.length);
        }
        at += e.length;
    }
    return rc ? rc : block_node_flush(base);
}

static bool commit_opened(struct block *block, struct error **err)
{
    struct block_node *top = block->node;
    const struct block_image_ops *ops = top->driver->image;
    int64_t length = block_node_length(top);
    uint8_t *data;
    int rc;

    if (block_node_length(top->backing) < length &&
        !block_node_resize(top->backing, length, BLOCK_PREALLOC_OFF, err)) {
        return false;
    }
    data = g_malloc(COPY_BYTES);
    rc = copy_down(top, data);
    g_free(data);
    rc = rc || !ops->make_empty ? rc : ops->make_empty(top);
    if (rc) {
        error_set_errno(err, -rc, "cannot commit to '%s'", top->backing->file);
    }
    return rc == 0;
}

static bool commit_to_backing(struct block *block, struct error **err)
{
    bool good;

    if (!block->node->backing) {
        error_set(err, "Device '%s' has no snapshot or backing file to commit to",
                  block_id(block));
        return false;
    }
    if (block_readonly(block)) {
        error_set(err, "Device '%s' is read only", block_id(block));
        return false;
    }
    block->chain_flags = NODE_BACKING_RW;
    if (!block_reopen(block, block->medium_file, block->medium_format, err)) {
        return false;
    }
    good = commit_opened(block, err);
    block->chain_flags = 0;
    return block_reopen(block, block->medium_file, block->medium_format, good ? err : NULL) &&
        good;
}

bool block_commit(struct block *block, struct error **err)
{
    if (!block->node) {
        error_set(err, "Device '%s' has no medium", block_id(block));
        return false;
    }
    if (!block_job_allows(block, err)) {
        return false;
    }
    block_drain(block);
    if (block_is_snapshot(block)) {
        return block_overlay_open_below(block->node, block->options, err) &&
            commit_opened(block, err);
    }
    return commit_to_backing(block, err);
}

/* --- external snapshots ---------------------------------------------------------------------- */

static bool create_over(struct block *block, const char *file, const char *format,
                        struct error **err)
{
    struct keyval *options = keyval_create("the new image");
    const struct block_node *below = block->node;
    bool good;

    keyval_set(options, "backing_file", below->file);
    keyval_set(options, "backing_fmt", below->driver->name);
    good = image_create(file, format, block_length(block), options, err);
    keyval_free(options);
    return good;
}

bool block_snapshot_external(struct block *block, const char *file, const char *format, bool reuse,
                             struct error **err)
{
    format = format ? format : "qcow2";
    if (!block_job_allows(block, err)) {
        return false;
    }
    if (!block->node || block_readonly(block) || block_is_snapshot(block)) {
        error_set(err, "Device '%s' has no image to take a snapshot of", block_id(block));
        return false;
    }
    if (g_strcmp0(block->medium_file, file) == 0) {
        error_set(err, "'%s' is the drive's present image", file);
        return false;
    }
    block_drain(block);
    block_flush(block);
    return (reuse || create_over(block, file, format, err)) &&
        block_reopen(block, file, format, err);
}

/* --- removal --------------------------------------------------------------------------------- */

void block_remove(struct block *block)
{
    if (!block_claimed(block)) {
        block_close(block);
        return;
    }
    block_job_stop(block);
    block_drain(block);
    block_node_close(block->node);
    block->node = NULL;
    block->on_read_error = block->on_write_error = ON_ERROR_REPORT;
    g_free(block->id);
    block->id = g_strdup("");
}

void block_set_limits(struct block *block, const struct throttle_limits *limits)
{
    pthread_mutex_lock(&block->lock);
    throttle_set(&block->throttle, limits, block_id(block));
    pthread_cond_broadcast(&block->work);
    pthread_mutex_unlock(&block->lock);
}
