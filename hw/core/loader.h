/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files that boards put into guest memory: firmware, option ROMs, kernels, initial RAM disks. */
#ifndef HW_CORE_LOADER_H
#define HW_CORE_LOADER_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* The whole file in memory of malloc(), one zero byte behind it; NULL when it cannot be read or has
 * more than `limit` bytes. */
void *file_load(const char *path, size_t limit, size_t *size, struct error **err);
/* The same for a firmware name, which is searched as machine_find_firmware() does. */
void *firmware_load(const char *name, size_t limit, size_t *size, struct error **err);

#endif
