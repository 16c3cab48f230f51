/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qcow2: persistent dirty bitmaps. */
#ifndef BLOCK_QCOW2_BITMAP_H
#define BLOCK_QCOW2_BITMAP_H

#include "block/qcow2-check.h"
#include "block/qcow2.h"

/* Reads the directory; of an image that will be written also the bits of enabled bitmaps. */
bool qcow2_load_bitmaps(struct qcow2 *q, struct error **err);
void qcow2_free_bitmaps(struct qcow2 *q);
/* Before closing: brings what was loaded back into the file. */
int qcow2_store_bitmaps(struct qcow2 *q);
/* The guest changes these bytes. Any thread, no locks. */
void qcow2_bitmaps_dirty(struct qcow2 *q, uint64_t offset, uint64_t size);
/* After the disk's size changed. */
void qcow2_bitmaps_resize(struct qcow2 *q);
void qcow2_describe_bitmaps(struct qcow2 *q, struct value *to);
void qcow2_check_bitmaps(struct qcow2 *q, struct qcow2_checker *c);
bool qcow2_change_bitmap(struct block_node *node, const char *name,
                         const struct image_bitmap_change *change, struct error **err);
struct image_bitmap *qcow2_bitmaps(struct block_node *node, size_t *count);
int qcow2_bitmap_status(struct block_node *node, const char *name, uint64_t offset, uint64_t size,
                        uint64_t *length, bool *dirty);

#endif
