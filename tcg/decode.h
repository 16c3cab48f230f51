/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the .decode compiler makes of each pattern besides code: a row that disassemblers, scans of
 * what comes next, tests and generators of random instructions read. See docs/decodetree.md.
 */
#ifndef TCG_DECODE_H
#define TCG_DECODE_H

#include <stdint.h>
#include <stdio.h>

enum { DECODE_ARGS = 12 };

struct decode_row {
    const char *name;
    const char *args;               /* names of the arguments, separated by spaces */
    const char *file;               /* where the pattern is: a32.decode, for one, */
    uint16_t line;                  /* and the line */
    uint32_t mask, bits;            /* (insn & mask) == bits; 16-bit ones in the upper half */
    uint32_t attrs;                 /* the target's ATTR_* */
    uint16_t op;                    /* which handler */
    uint8_t width, n_args;
};

/* The instruction as text: its name and its arguments with their names. */
void decode_print(FILE *out, const struct decode_row *row, const int *args);

#endif
