/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads firmware, option ROMs and other data files; machine_find_firmware() finds them by name. */
#ifndef HW_CORE_LOADER_H
#define HW_CORE_LOADER_H

#include <stddef.h>

#include "base/error.h"

/* The whole file and a zero byte behind it, for g_free(). Fails when it is larger than `max`. */
void *loader_read_file(const char *path, size_t *size, size_t max, struct error **err);

#endif
