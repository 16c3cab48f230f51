/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Capstone for machines, by name. */
#ifdef CONFIG_CAPSTONE
#include "tcg/capstone.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

static struct capstone functions;
static bool good;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void)
{
    void *library = dlopen("libcapstone.so.4", RTLD_NOW | RTLD_LOCAL);

    good = library;
#define FIND(name) good = good && (functions.name = dlsym(library, "cs_" #name));
    CAPSTONE_CALLS(FIND)
#undef FIND
}

const struct capstone *capstone(void)
{
    pthread_once(&once, load);
    return good ? &functions : NULL;
}
#endif
