/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which program an exec starts: scripts lead to their interpreters. */
#ifndef LINUX_USER_EXEC_H
#define LINUX_USER_EXEC_H

#include "base/error.h"

struct exec_request {
    int fd;                         /* of the ELF file */
    char *path;                     /* its name on the host */
    int argc;
    char **argv;                    /* NULL-terminated */
};

/* Follows `#!' lines. Returns 0, or the status that a shell would exit with, and an error. */
int exec_open(const char *path, int argc, char **argv, struct exec_request *r, struct error **err);

#endif
