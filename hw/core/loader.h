/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds and reads firmware, option ROMs and other data files. */
#ifndef HW_CORE_LOADER_H
#define HW_CORE_LOADER_H

#include <stddef.h>

#include "base/error.h"

/* A directory of -L: searched before the built-in ones, in the order given. */
void loader_add_path(const char *directory);
/* The path of a readable file, for g_free(); NULL when it is nowhere. A name that is a path to a
 * readable file itself comes back as it is. */
char *loader_find_file(const char *name);
/* The whole file and a zero byte behind it, for g_free(). Fails when it is larger than `max`. */
void *loader_read_file(const char *path, size_t *size, size_t max, struct error **err);
/* Calls back for every directory that is searched, in order: `-L help`. */
void loader_walk_paths(void (*visit)(void *opaque, const char *directory), void *opaque);

#endif
