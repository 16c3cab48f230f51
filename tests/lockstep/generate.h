/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the generator share. */
#ifndef LOCKSTEP_GENERATE_H
#define LOCKSTEP_GENERATE_H

#include "lockstep.h"

enum { XSAVE_AT = DATA_AT + DATA_SIZE - 0x400 };   /* an area whose header is valid */

struct encoder {
    uint8_t bytes[32];
    unsigned n;
    bool code64;
    uint32_t pointers;              /* GPRs that still hold addresses of the data area */
    uint32_t indexes;               /* GPRs that still hold small numbers */
};

struct generator {
    struct program *p;
    struct encoder e;
    bool has_xsave;
    unsigned limit;                 /* instructions wanted */
    uint32_t undefined;             /* flags that nobody promises here */
    int branch;                     /* a branch over the next instruction, or -1 */
    unsigned branch_bytes;
    unsigned loop_start, loop_left; /* instructions left of the body of a counted loop */
    unsigned patch_at, patch_left;  /* a store into the code, and instructions to what it changes */
};

bool chance(unsigned percent);
void generator_emit(struct generator *g, const uint8_t *bytes, unsigned len);
/* Before control goes where the flags of the straight line do not count. */
void generator_define_flags(struct generator *g);
/* flow.c: control transfers with good targets, pairs that fit together. False: none came. */
bool flow_add(struct generator *g);
void flow_loop_end(struct generator *g);
void flow_patched(struct generator *g);

#endif
