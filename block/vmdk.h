/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VMDK between its files: the sparse extent's header. */
#ifndef BLOCK_VMDK_H
#define BLOCK_VMDK_H

#include "block/image.h"

#define VMDK_MAGIC 0x564d444bu          /* "KDMV" */
#define VMDK_GTES 512                   /* entries of a grain table */
#define VMDK_GD_AT_END UINT64_MAX
#define VMDK_DESCRIPTOR_SECTORS 20
enum { VMDK_NEWLINES = 1, VMDK_REDUNDANT = 2, VMDK_ZEROED = 4, VMDK_COMPRESSED = 1 << 16,
       VMDK_MARKERS = 1 << 17 };

/* Byte offsets in the header, little endian. */
enum {
    VMDK_VERSION = 4, VMDK_FLAGS = 8, VMDK_CAPACITY = 12, VMDK_GRAIN = 20, VMDK_DESC = 28,
    VMDK_DESC_SIZE = 36, VMDK_GTES_PER_GT = 44, VMDK_RGD = 48, VMDK_GD = 56, VMDK_OVERHEAD = 64,
    VMDK_NEWLINE_TEST = 73, VMDK_ALGORITHM = 77,
};

bool vmdk_create(const char *file, uint64_t size, struct keyval *options, struct error **err);
/* The value of `key=` or `key = "..."` in a descriptor; NULL: not there. Free it. */
char *vmdk_value(const char *descriptor, const char *key);
extern const struct image_option vmdk_options[];

#endif
