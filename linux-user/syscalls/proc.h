/* SPDX-License-Identifier: GPL-2.0-or-later */
/* /proc files that would show the emulator's process instead of the guest's. */
#ifndef LINUX_USER_PROC_H
#define LINUX_USER_PROC_H

#include <stdbool.h>
#include <stdint.h>

/* The program for /proc/self/exe where links are followed; else `path` itself. */
const char *proc_path(const char *path, bool follow);
/* Whether `path` is /proc/self/exe under one of its names. */
bool proc_is_exe(const char *path);
/* A descriptor of the file as the guest should see it; -ENOENT: the host's own will do. */
int64_t proc_open(const char *path, int flags);

#endif
