/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The shape of a region, for frontends of fixed-width guests: the instructions found by following
 * direct branches inside the page, where branches join, and which flags are live where.
 *
 * A target's decoded instruction begins with a struct flow_insn, filled in by its decoder.
 */
#ifndef TCG_FLOW_H
#define TCG_FLOW_H

#include "tcg/translate.h"

enum { FLOW_PAGE = 4096, FLOW_BRANCHES = 40 };

enum flow_flag {
    FLOW_END = 1,                   /* nothing falls through */
    FLOW_BRANCH = 2,                /* may go to `target', which is in the same mode */
    FLOW_CALL = 4,                  /* with FLOW_END: goes to `target' for now; no part of this */
};

struct flow_insn {
    uint64_t pc, next, target;
    uint32_t state;                 /* the decoder's own, at this instruction and ... */
    uint32_t next_state;            /* ... behind it (Thumb: the IT block) */
    uint8_t len, flags;
    uint8_t reads, writes;          /* sets of condition flags; writes: for sure */
};

/* Straight stretches of instructions, in the order of translation. */
struct flow_run {
    uint16_t first, count;
};

/* An instruction that branches inside the region go to. */
struct flow_leader {
    uint16_t insn;
    uint8_t edges, seen;            /* branches to it: found, translated so far */
    bool back;                      /* some edge goes backward: poll here */
    uint8_t kind;                   /* the frontend's: what all ways to it have in common */
    unsigned label;
};

struct flow_out {                   /* a branch out of the region, from its middle */
    uint64_t pc;
    unsigned label;
};

struct flow {
    struct translation *t;
    void *opaque;
    /* Decodes the instruction at pc, whose bytes `code' are complete up to `len'; false: more are
       needed. */
    bool (*decode)(void *opaque, void *insn, uint64_t pc, uint32_t state, const uint8_t *code,
                   unsigned len);
    size_t insn_size;
    uint8_t *insns;                 /* REGION_MAX_INSNS of insn_size bytes, the frontend's */
    uint64_t pc_mask;               /* without the tag bits */
    uint8_t all_flags;

    struct flow_run runs[REGION_MAX_BLOCKS];
    struct flow_leader leaders[REGION_MAX_BLOCKS + FLOW_BRANCHES];
    uint8_t leader_of[REGION_MAX_INSNS + 1];    /* plus one; 0: none */
    struct { uint64_t target; uint16_t from; } edges[REGION_MAX_BLOCKS + FLOW_BRANCHES];
    struct flow_out outs[FLOW_BRANCHES + 8];
    unsigned n_insns, n_runs, n_leaders, n_edges, n_outs, n_branches;
    /* By offset in the page; an entry counts when its upper half is the generation. */
    uint32_t generation;
    uint32_t insn_at[FLOW_PAGE], leader_at[FLOW_PAGE], live_at[FLOW_PAGE];
};

static inline struct flow_insn *flow_insn(const struct flow *f, unsigned i)
{
    return (struct flow_insn *)(f->insns + i * f->insn_size);
}

/* Finds the region's instructions; the first may raise the guest's fetch fault. */
void flow_find(struct flow *f, uint32_t state, unsigned max_insns);
/* The leader at pc, or NULL. */
struct flow_leader *flow_leader(struct flow *f, uint64_t pc);
/* Whether the instruction at pc, in the region's page, reaches into the next one. */
bool flow_crosses(struct flow *f, uint64_t pc);
/* Flags that code from pc on, where the decoder is in this state, may read before it overwrites
   them. */
uint8_t flow_live(struct flow *f, uint64_t pc, uint32_t state);
/* Linear address of a pc. */
uint64_t flow_linear(const struct flow *f, uint64_t pc);

#endif
