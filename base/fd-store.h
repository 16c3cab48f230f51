/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Descriptors that a management program hands over: by name (getfd), and in numbered sets (add-fd)
 * that open as /dev/fdset/N. With the big lock held, except for fd_store_open(). */
#ifndef BASE_FD_STORE_H
#define BASE_FD_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct json;
struct option_row;

/* Takes the descriptor; one of the same name is closed. */
void fd_store_name(const char *name, int fd);
/* The caller's from now on; -1 when there is none of that name. */
int fd_store_take(const char *name);
/* A number, which must be an open descriptor, or a name, which is taken. */
bool fd_store_parse(const char *text, int *fd, struct error **err);

/* Takes the descriptor. A negative *set makes a new one. `opaque` may be NULL. */
bool fd_store_add(int64_t *set, int fd, const char *opaque, struct error **err);
/* One descriptor of a set, or all with fd < 0. */
bool fd_store_remove(int64_t set, int fd, struct error **err);
struct json *fd_store_describe(void);
/* -add-fd fd=N,set=M[,opaque=text] */
bool fd_store_option(void *opaque, const struct option_row *row, const char *text,
                     struct error **err);

/* open(), close on exec; /dev/fdset/N gives a copy of a descriptor that allows such access. */
int fd_store_open(const char *path, int flags, unsigned mode);

#endif
