/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Host memory in pages: reservations, guest RAM that costs nothing until touched. */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define HOST_PAGE_BITS 12
#define HOST_PAGE_SIZE (1ul << HOST_PAGE_BITS)

/* Huge pages trade resident size for speed, so they are asked for, never the default. */
enum { HOST_RAM_HUGE = 1, HOST_RAM_SHARED = 2 };

/* Address space without access; NULL with *err set on failure. Sizes are rounded up to pages. */
void *host_memory_reserve(size_t size, struct error **err);
/* Makes part of a reservation readable and writable. */
bool host_memory_commit(void *start, size_t size, struct error **err);
/* Returns the pages to the host; they read as zero afterwards. */
void host_memory_discard(void *start, size_t size);
void host_memory_free(void *start, size_t size);

/* Zeroed, readable, writable, lazily backed and not charged in advance; any size up to what the
 * host's address space holds. */
void *host_ram_alloc(size_t size, unsigned flags, struct error **err);
/* Maps a file (created with the size when missing) for -mem-path or a shared memory device. */
void *host_ram_map_file(const char *path, size_t size, bool shared, struct error **err);

#endif
