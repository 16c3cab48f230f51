/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The disassembler's library: loaded when somebody asks for the first disassembly, as it is large;
 * linked into the programs of user mode, which are static.
 */
#ifndef TCG_CAPSTONE_H
#define TCG_CAPSTONE_H

#include <capstone.h>

#define CAPSTONE_CALLS(X) X(open) X(option) X(malloc) X(disasm_iter) X(free) X(close)

struct capstone {
#define POINTER(name) __typeof__(cs_##name) *name;
    CAPSTONE_CALLS(POINTER)
#undef POINTER
};

/* NULL when it is not installed. */
const struct capstone *capstone(void);

#endif
