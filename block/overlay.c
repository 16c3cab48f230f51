/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * snapshot=on: a qcow2 image in a nameless file takes all writes (and savevm), over an image that
 * is only read.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/bits.h"
#include "block/image.h"
#include "block/node.h"

static int open_temporary(struct error **err)
{
    const char *folder = getenv("TMPDIR");
    int fd;

    folder = folder && *folder ? folder : "/var/tmp";
    fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0) {
        char *name = g_strdup_printf("%s/qemu-XXXXXX", folder);

        fd = mkostemp(name, O_CLOEXEC);
        if (fd < 0) {
            error_set_errno(err, errno, "cannot make a temporary file in '%s' for the snapshot",
                            folder);
        } else {
            unlink(name);
        }
        g_free(name);
    }
    return fd;
}

/* Parts of 4 KiB: what a guest writes seldom has to be filled up from below. */
static struct block_node *make_image(const char *file, uint64_t length, unsigned flags,
                                     struct error **err)
{
    struct keyval *options = keyval_parse("snapshot", "cluster_size=128k,extended_l2=on", NULL,
                                          err);
    bool good = image_create(file, "qcow2", length, options, err);

    keyval_free(options);
    return good ? block_node_open(file, "qcow2", NULL, flags, err) : NULL;
}

struct block_node *block_overlay_create(struct block_node *below, struct error **err)
{
    unsigned flags = (below->flags & NODE_UNMAP) | NODE_NO_FLUSH | NODE_NO_BACKING;
    int64_t length = block_node_length(below);
    struct block_node *node;
    char *file;
    int fd;

    if (length < 0) {
        error_set_errno(err, -length, "Could not get the size of '%s'", below->file);
        return NULL;
    }
    fd = open_temporary(err);
    if (fd < 0) {
        return NULL;
    }
    file = g_strdup_printf("/proc/self/fd/%d", fd);
    node = make_image(file, align_up(length, 512), flags, err);
    g_free(file);
    close(fd);
    if (node) {
        node->flags |= NODE_TEMPORARY;
        node->backing = below;
        g_free(node->file);
        node->file = g_strdup(below->file);
    }
    return node;
}

/*
 * The image, opened for writing: this node takes the place of the read-only one, whose caches must
 * not outlive the change. It goes without locks, for the old one holds them until it is closed.
 */
bool block_overlay_open_below(struct block_node *overlay, struct keyval *options,
                              struct error **err)
{
    struct block_node *below = overlay->backing, *fresh;

    fresh = block_node_open(below->file, below->driver->name, options,
                            (below->flags & ~NODE_READONLY) | NODE_SHARE, err);
    if (fresh) {
        block_node_close(below);
        overlay->backing = fresh;
    }
    return fresh != NULL;
}
