/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Nodes: what a drive is made of. A format node (raw, ...) stands on a protocol node (file, ...);
 * an overlay stands on a format node. Drivers are plain synchronous code that several worker
 * threads call at the same time; each guards its own metadata.
 */
#ifndef BLOCK_NODE_H
#define BLOCK_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/error.h"
#include "base/keyval.h"

struct block_node;

enum {
    NODE_READONLY = 1,
    NODE_UNMAP = 2,             /* discard=unmap: give space back to the host */
    NODE_NO_FLUSH = 4,          /* cache=unsafe */
};

/* Ranges are checked before a driver sees them. Results are 0 or -errno. NULL: see node.c. */
struct block_driver {
    const char *name;           /* as in format= */
    size_t size;                /* of its struct, which starts with struct block_node */
    /* Of an image's first bytes: 100 for certain, 0 for never. Formats only. */
    int (*probe)(const uint8_t *head, size_t size);
    /* `file` of the node is set, and `child` unless it is a protocol. */
    bool (*open)(struct block_node *node, struct keyval *options, struct error **err);
    void (*close)(struct block_node *node);
    int (*readv)(struct block_node *node, uint64_t offset, const struct iovec *iov, unsigned count);
    int (*writev)(struct block_node *node, uint64_t offset, const struct iovec *iov,
                  unsigned count);
    int (*write_zeroes)(struct block_node *node, uint64_t offset, uint64_t size, bool may_unmap);
    int (*discard)(struct block_node *node, uint64_t offset, uint64_t size);
    int (*flush)(struct block_node *node);
    int64_t (*length)(struct block_node *node);
};

struct block_node {
    const struct block_driver *driver;
    char *file;
    unsigned flags;
    struct block_node *child;   /* owned */
    bool probed;                /* the format was guessed */
};

/* Opens file and format; `format` NULL guesses it. options may be NULL. */
struct block_node *block_node_open(const char *file, const char *format, struct keyval *options,
                                   unsigned flags, struct error **err);
/* Closes the children too; NULL is allowed. */
void block_node_close(struct block_node *node);

/* Ranges past the end give -EINVAL, writes to read-only nodes -EROFS. */
int block_node_read(struct block_node *node, uint64_t offset, const struct iovec *iov,
                    unsigned count);
int block_node_write(struct block_node *node, uint64_t offset, const struct iovec *iov,
                     unsigned count);
int block_node_write_zeroes(struct block_node *node, uint64_t offset, uint64_t size,
                            bool may_unmap);
int block_node_discard(struct block_node *node, uint64_t offset, uint64_t size);
int block_node_flush(struct block_node *node);
int64_t block_node_length(struct block_node *node);

uint64_t iov_size(const struct iovec *iov, unsigned count);

/* What an image's first bytes say that it is; also names of formats without a driver. */
const char *block_probe_format(const uint8_t *head, size_t size);

extern const struct block_driver block_driver_file, block_driver_raw, block_driver_overlay;

/* A temporary file that takes the writes; owns `below`. */
struct block_node *block_overlay_create(struct block_node *below, struct error **err);
/* Writes what the overlay holds into the image below it, which was opened with these options. */
bool block_overlay_commit(struct block_node *overlay, struct keyval *options, struct error **err);

#endif
