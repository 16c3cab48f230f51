/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What formats share whose disk is cut into blocks of one size, each of which is anywhere in the
 * file or nowhere: reading, writing, status. A driver's struct starts with struct sparse_node; it
 * tells where blocks are, and makes new ones.
 */
#ifndef BLOCK_SPARSE_H
#define BLOCK_SPARSE_H

#include <pthread.h>

#include "block/node.h"

enum sparse_kind { SPARSE_HOLE, SPARSE_ZERO, SPARSE_DATA, SPARSE_PACKED };

struct sparse_place {
    enum sparse_kind kind;
    struct block_node *file;        /* NULL: the child */
    uint64_t offset;                /* of the block's first byte */
    uint64_t alike;                 /* blocks from this one on that continue it; 0: not known */
};

struct sparse_ops {
    /* Where block number `index` is. Called with the lock held for reading at least. */
    int (*locate)(struct block_node *node, uint64_t index, struct sparse_place *place);
    /* Reads a whole SPARSE_PACKED block. */
    int (*unpack)(struct block_node *node, uint64_t index, void *data);
    /* Chooses a place for a new block; its content is written before link() makes it known. NULL:
     * the format is only read. The lock is held for writing. */
    int (*reserve)(struct block_node *node, uint64_t index, struct sparse_place *place);
    int (*link)(struct block_node *node, uint64_t index, const struct sparse_place *place);
    /* After bytes of a SPARSE_DATA block were read, the first of them at `offset` of the disk: for
     * encrypted disks, which are read in whole sectors. May be NULL. */
    void (*decrypt)(struct block_node *node, uint64_t offset, void *data, size_t size);
    /* Before a block is overwritten in place; from several threads at once. May be NULL. */
    int (*touch)(struct block_node *node, uint64_t index, const struct sparse_place *place);
};

struct sparse_node {
    struct block_node node;
    const struct sparse_ops *ops;
    uint64_t disk_size, block_size;
    pthread_rwlock_t lock;
    pthread_mutex_t cache_lock;
    uint8_t *cached;                /* the block that was unpacked last */
    uint64_t cached_index;
};

/* The block size is at most 64 MiB. */
void sparse_init(struct sparse_node *s, const struct sparse_ops *ops, uint64_t disk_size,
                 uint64_t block_size);
void sparse_free(struct sparse_node *s);
/* A packed block was replaced: the copy in memory is old. The lock is held for writing. */
void sparse_forget(struct sparse_node *s);
int sparse_readv(struct block_node *node, uint64_t offset, const struct iovec *iov,
                 unsigned count);
int sparse_writev(struct block_node *node, uint64_t offset, const struct iovec *iov,
                  unsigned count);
int sparse_flush(struct block_node *node);
int64_t sparse_length(struct block_node *node);
int sparse_status(struct block_node *node, uint64_t offset, uint64_t size,
                  struct block_extent *extent);

/* `text: cannot be opened` for drivers; always false. */
bool sparse_fail(struct block_node *node, struct error **err, const char *text);
/* A read-only format: false, with the error, if the node is to be written. */
bool sparse_only_read(struct block_node *node, struct error **err);

#endif
