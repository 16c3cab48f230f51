/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared libraries that are loaded when somebody wants what they do. */
#ifndef BASE_LIBRARY_H
#define BASE_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>

struct error;

struct library_symbol {
    const char *name;
    void *where;                    /* of the pointer to the function */
};

/* Fills all pointers in. The error begins with the option that asked and names Debian's package. */
bool library_load(const char *option, const char *file, const char *package,
                  const struct library_symbol *symbols, size_t count, struct error **err);

#endif
