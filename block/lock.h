/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Locks that keep two processes from writing one image; understood by today's emulators. */
#ifndef BLOCK_LOCK_H
#define BLOCK_LOCK_H

#include <stdbool.h>

#include "base/error.h"

/* The lock lasts until fd is closed. On failure the message names the process that holds it. */
bool block_file_lock(int fd, const char *file, bool write, struct error **err);

#endif
