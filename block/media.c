/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Removable media: which device has a drive, and media that come and go. */
#include <string.h>

#include "base/event.h"
#include "block/drive.h"
#include "block/job.h"

bool block_attach(struct block *block, const struct block_device_ops *ops, void *opaque,
                  struct error **err)
{
    if (block->ops) {
        error_set(err, "Drive '%s' is already in use by another device", block_id(block));
        return false;
    }
    block->ops = ops;
    block->opaque = opaque;
    return true;
}

void block_detach(struct block *block)
{
    block_drain(block);
    block->ops = NULL;
    block->opaque = NULL;
}

void block_release(struct block *block)
{
    bool keep = block->options && strcmp(keyval_option(block->options), "-blockdev") == 0;

    if (!keep && !block->ops && block_job_allows(block, NULL)) {
        block_close(block);
    }
}

bool block_claimed(const struct block *block)
{
    return block->ops != NULL;
}

bool block_tray_open(const struct block *block)
{
    return block->ops && block->ops->tray_open && block->ops->tray_open(block->opaque);
}

bool block_locked(const struct block *block)
{
    return block->ops && block->ops->locked && block->ops->locked(block->opaque);
}

/* A medium goes with the tray's opening and comes with its closing. */
static void tell_tray(const struct block *block, bool open)
{
    struct json *data = json_object();

    json_set_string(data, "device", block->id);
    json_set_string(data, "id", block->id);
    json_set_bool(data, "tray-open", open);
    event_emit("DEVICE_TRAY_MOVED", data);
}

static void set_medium(struct block *block, struct block_node *node)
{
    block_drain(block);
    block_node_close(block->node);
    block->node = node;
    if (block->ops && block->ops->changed) {
        block->ops->changed(block->opaque, node != NULL);
    }
    tell_tray(block, node == NULL);
}

/* The medium stays in reach of the user: the tray's position is the device's own. */
void block_eject(struct block *block)
{
    block_drain(block);
}

static bool check_removable(struct block *block, bool force, struct error **err)
{
    if (!block_job_allows(block, err)) {
        return false;
    }
    if (block->type == BLOCK_DISK) {
        error_set(err, "Device '%s' is not removable", block_id(block));
        return false;
    }
    if (block_locked(block) && !block_tray_open(block)) {
        if (block->ops->eject_request) {
            block->ops->eject_request(block->opaque, force);
        }
        if (!force) {
            error_set(err, "Device '%s' is locked and force was not specified, wait for tray to "
                      "open and try again", block_id(block));
            return false;
        }
    }
    return true;
}

bool block_eject_medium(struct block *block, bool force, struct error **err)
{
    if (!check_removable(block, force, err)) {
        return false;
    }
    if (block->node) {
        set_medium(block, NULL);
    }
    return true;
}

bool block_change_medium(struct block *block, const char *file, const char *format,
                         struct error **err)
{
    struct block_node *node;

    if (!check_removable(block, false, err)) {
        return false;
    }
    if (block->node && strcmp(block->node->file, file) == 0) {
        set_medium(block, NULL);        /* two openings of one file would lock each other out */
    }
    node = block_open_node(block, file, format, err);
    if (!node) {
        return false;
    }
    if (block->node) {
        set_medium(block, NULL);
    }
    set_medium(block, node);
    return true;
}

bool block_is_snapshot(const struct block *block)
{
    return block->node && block->node->flags & NODE_TEMPORARY;
}

struct block_node *block_image(const struct block *block)
{
    return block_is_snapshot(block) ? block->node->backing : block->node;
}
