/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A region under translation: the instructions found by following direct branches inside the page
 * (region.c), and the ways out of it that translate.c still owes code.
 */
#ifndef TARGET_I386_REGION_H
#define TARGET_I386_REGION_H

#include "target-i386/translate.h"

enum { X86_PAGE = 4096, MAX_BRANCHES = 40, MAX_RAISES = 256 };

/* Straight stretches of instructions, in the order of translation. */
struct x86_run {
    uint16_t first, count;
};

/* An instruction that branches inside the region go to. */
struct x86_leader {
    uint16_t insn;
    uint8_t edges, seen;            /* branches to it: found, translated so far */
    uint8_t cc_op;                  /* what those have in common, else CC_DYNAMIC */
    bool back;                      /* some edge goes backward: poll here */
    unsigned label;
};

struct x86_edge {
    uint64_t target;
    uint16_t from;
};

struct x86_out {                    /* a branch out of the region, from its middle */
    uint64_t pc;
    unsigned label;
};

struct x86_cold_raise {
    uint64_t pc;
    unsigned vector, label;
};

struct x86_region {
    bool has[FEAT_COUNT];           /* what the CPU can do */
    struct x86_shape *shapes;       /* the decoder's */
    struct x86_insn insns[REGION_MAX_INSNS];
    struct x86_run runs[REGION_MAX_BLOCKS];
    struct x86_leader leaders[REGION_MAX_BLOCKS + MAX_BRANCHES];
    uint8_t leader_of[REGION_MAX_INSNS + 1];        /* plus one; 0: none */
    struct x86_edge edges[REGION_MAX_BLOCKS + MAX_BRANCHES];
    struct x86_out outs[MAX_BRANCHES + 8];
    struct x86_cold_raise raises[MAX_RAISES];
    bool guessed;                   /* what flags the first instruction finds, see translate.c */
    unsigned guess_label;
    unsigned n_insns, n_runs, n_leaders, n_edges, n_outs, n_raises, n_branches;
    /* By offset in the page; an entry counts when its upper half is the generation. */
    uint32_t generation;
    uint32_t insn_at[X86_PAGE], leader_at[X86_PAGE];
    uint32_t live_at[X86_PAGE];     /* FL_* in the lower half */
};

/* Finds the region's instructions; the first may raise the guest's fetch fault. */
void x86_region_find(struct x86_dis *d, unsigned max_insns);
/* The leader at pc, or NULL. */
struct x86_leader *x86_region_leader(struct x86_dis *d, uint64_t pc);
/* Whether the instruction at pc, in the region's page, reaches into the next one. */
bool x86_region_crosses(struct x86_dis *d, uint64_t pc);
/* Arithmetic flags that code from pc on may read before it overwrites them. */
uint32_t x86_region_live(struct x86_dis *d, uint64_t pc);
/* Whether a debugger's breakpoint is compiled in there. */
bool x86_stops_at(const struct x86_dis *d, uint64_t lin);
uint64_t x86_linear_pc(const struct x86_dis *d, uint64_t pc);

#endif
