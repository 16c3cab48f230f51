/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Drives: snapshots inside the image, the machine's state beside them, and resizing. */
#include <errno.h>
#include <glib.h>

#include "block/drive.h"
#include "block/job.h"

static const struct block_image_ops *ops_of(const struct block *block)
{
    const struct block_image_ops *ops = block->node ? block->node->driver->image : NULL;

    return ops && ops->snapshot_create ? ops : NULL;
}

bool block_can_snapshot(const struct block *block)
{
    return ops_of(block) && !(block->node->flags & NODE_READONLY);
}

static const struct block_image_ops *ready(struct block *block, struct error **err)
{
    if (!block_can_snapshot(block)) {
        error_set(err, "Device '%s' does not support snapshots", block_id(block));
        return NULL;
    }
    if (!block_job_allows(block, err)) {
        return NULL;
    }
    block_drain(block);
    return ops_of(block);
}

struct image_snapshot *block_snapshots(struct block *block, size_t *count)
{
    const struct block_image_ops *ops = ops_of(block);

    *count = 0;
    return ops ? ops->snapshots(block->node, count) : NULL;
}

bool block_snapshot_create(struct block *block, const struct image_snapshot *snapshot,
                           struct error **err)
{
    const struct block_image_ops *ops = ready(block, err);

    return ops && ops->snapshot_create(block->node, snapshot, err);
}

bool block_snapshot_apply(struct block *block, const char *name, struct error **err)
{
    const struct block_image_ops *ops = ready(block, err);

    return ops && ops->snapshot_apply(block->node, name, err);
}

bool block_snapshot_delete(struct block *block, const char *name, struct error **err)
{
    const struct block_image_ops *ops = ready(block, err);

    return ops && ops->snapshot_delete(block->node, name, err);
}

int block_vm_state(struct block *block, uint64_t offset, void *data, size_t size, bool write)
{
    const struct block_image_ops *ops = ops_of(block);

    if (!ops || (write && block->node->flags & NODE_READONLY)) {
        return ops ? -EROFS : -ENOTSUP;
    }
    return ops->vm_state(block->node, offset, data, size, write);
}

bool block_resize(struct block *block, uint64_t size, struct error **err)
{
    if (!block->node) {
        error_set(err, "Device '%s' has no medium", block_id(block));
        return false;
    }
    if (!block_job_allows(block, err)) {
        return false;
    }
    block_drain(block);
    if (!block_node_resize(block->node, size, BLOCK_PREALLOC_OFF, err)) {
        return false;
    }
    if (block->ops && block->ops->resized) {
        block->ops->resized(block->opaque);
    }
    return true;
}
