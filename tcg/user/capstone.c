/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Capstone for programs, linked. */
#ifdef CONFIG_CAPSTONE
#include "tcg/capstone.h"

const struct capstone *capstone(void)
{
    static const struct capstone functions = {
#define POINTER(name) .name = cs_##name,
        CAPSTONE_CALLS(POINTER)
#undef POINTER
    };

    return &functions;
}
#endif
