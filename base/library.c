/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loads a shared library and finds its functions. */
#include "base/library.h"

#include <dlfcn.h>
#include <string.h>
#include "base/error.h"

bool library_load(const char *option, const char *file, const char *package,
                  const struct library_symbol *symbols, size_t count, struct error **err)
{
    void *library = dlopen(file, RTLD_NOW | RTLD_GLOBAL);

    if (!library) {
        error_set(err, "%s: cannot load %s (Debian: apt-get install %s)", option, file, package);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        void *found = dlsym(library, symbols[i].name);

        if (!found) {
            error_set(err, "%s: %s has no %s", option, file, symbols[i].name);
            return false;
        }
        memcpy(symbols[i].where, &found, sizeof(found));
    }
    return true;
}
