/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packing and unpacking of qcow2 clusters: raw deflate or zstd. */
#ifndef BLOCK_QCOW2_PACK_H
#define BLOCK_QCOW2_PACK_H

#include <stdbool.h>
#include <stddef.h>

/* Returns the packed size, or 0 when it does not fit in `room`. */
size_t qcow2_pack(unsigned compression, const void *data, size_t size, void *packed, size_t room);
/* `packed` may be longer than what was packed; true if all of `data` was filled. */
bool qcow2_unpack(unsigned compression, const void *packed, size_t packed_size, void *data,
                  size_t size);

#endif
