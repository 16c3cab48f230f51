/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vpc between its files. */
#ifndef BLOCK_VPC_H
#define BLOCK_VPC_H

#include <glib.h>

#include "block/sparse.h"

#define VPC_FOOTER 512
#define VPC_UNALLOCATED 0xffffffffu

struct vpc_node {
    struct sparse_node sparse;
    uint32_t *table, entries;
    uint8_t *whole;             /* a flag a block: its bitmap says that all sectors are there */
    uint64_t table_offset, end, block_size;
    uint32_t bitmap_bytes;
    uint8_t footer[VPC_FOOTER];
    bool fixed, has_parent;
    GHashTable *bitmaps;        /* with a parent: by table entry, under the lock */
    pthread_mutex_t bitmap_lock;
};

/* --- vpc-parent.c --- */
extern const struct sparse_ops vpc_parent_ops;      /* whose blocks are sectors */
/* `header` is the dynamic one. On failure nothing is left to close. */
bool vpc_open_parent(struct vpc_node *v, const uint8_t *header, struct error **err);
void vpc_close_parent(struct vpc_node *v);

#endif
