/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Drives whose images go to another emulator and come back: migration. */
#include <errno.h>
#include <glib.h>

#include "block/drive.h"
#include "block/job.h"

bool block_can_deactivate_all(struct error **err)
{
    for (struct block *block = block_first(); block; block = block_next(block)) {
        if (!block_job_allows(block, err)) {
            return false;
        }
        if (block_is_snapshot(block)) {
            error_set(err, "Device '%s' writes to a temporary file (-snapshot), which cannot go "
                      "with the machine; commit it or start without -snapshot", block_id(block));
            return false;
        }
    }
    return true;
}

bool block_reopen(struct block *block, const char *file, const char *format, struct error **err)
{
    char *old_file = g_strdup(block->medium_file), *old_format = g_strdup(block->medium_format);
    bool good;

    block_drain(block);
    block_node_flush(block->node);
    block_node_close(block->node);
    block->node = block_open_node(block, file, format, err);
    good = block->node != NULL;
    if (!good) {
        block->chain_flags = 0;
        block->node = block_open_node(block, old_file, old_format, NULL);
    }
    g_free(old_file);
    g_free(old_format);
    return good;
}

/* The medium opened anew takes the place of the node. */
static bool exchange(struct block *block, struct error **err)
{
    struct block_node *node = block_open_node(block, block->medium_file, block->medium_format,
                                              err);

    if (node) {
        block_node_close(block->node);
        block->node = node;
    }
    return node != NULL;
}

static bool deactivate(struct block *block, struct error **err)
{
    int rc;

    block_drain(block);
    rc = block_readonly(block) ? 0 : block_flush(block);
    if (rc) {
        error_set_errno(err, -rc, "cannot flush '%s'", block_id(block));
        return false;
    }
    block->inactive = true;
    block->inactive = exchange(block, err);
    return block->inactive;
}

bool block_deactivate_all(struct error **err)
{
    for (struct block *block = block_first(); block; block = block_next(block)) {
        if (block_inserted(block) && !block->inactive && !deactivate(block, err)) {
            return false;
        }
    }
    return true;
}

/* The inactive node holds no lock, so both can be open for a moment. */
static bool activate(struct block *block, struct error **err)
{
    block_drain(block);
    block->inactive = false;
    if (block->node && !exchange(block, err)) {
        block->inactive = true;
        return false;
    }
    return true;
}

bool block_activate_all(struct error **err)
{
    block_set_inactive(false);
    for (struct block *block = block_first(); block; block = block_next(block)) {
        if (block->inactive && !activate(block, err)) {
            return false;
        }
    }
    return true;
}
