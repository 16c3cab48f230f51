/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A decoded instruction, and what the .decode files ask: features, forms, computed fields. */
#ifndef TARGET_ARM_DECODE_H
#define TARGET_ARM_DECODE_H

#include "gen/arm-decode.h"
#include "target-arm/cpu.h"
#include "tcg/flow.h"

/* Attributes of rows */
enum {
    ATTR_sets = 1,                  /* NZCV or part of it, when the argument s is set */
    ATTR_sel = 2,                   /* writes one register and cannot fault */
    ATTR_end = 4, ATTR_branch = 8, ATTR_call = 16,
    ATTR_nzcv = 32,                 /* overwrites all of NZCV */
    ATTR_fp = 64,                   /* needs VFP enabled */
    ATTR_simd = 128,
    ATTR_may = 256,                 /* may change NZCV */
};

enum { COND_EQ, COND_NE, COND_CS, COND_CC, COND_MI, COND_PL, COND_VS, COND_VC, COND_HI, COND_LS,
       COND_GE, COND_LT, COND_GT, COND_LE, COND_AL, COND_NV };

struct arm_insn {
    struct flow_insn flow;
    union arm_args args;
    uint32_t word;                  /* 16-bit ones in the upper half */
    int16_t row;                    /* -1: undefined */
    uint8_t cond;
    bool selectable;                /* a condition may be done by a select */
    bool sets;                      /* may change NZCV */
};

/* What decoding depends on. */
struct arm_dis {
    struct translation *t;
    struct ir *ir;
    struct arm_env *env;            /* constant fields only: features, model */
    uint64_t features;
    uint32_t mode;                  /* t->key.mode */
    bool thumb;
    uint8_t it;                     /* while decoding: the IT state of the instruction */
    uint8_t mmu_idx;
    const struct arm_insn *in;      /* the current instruction */
    struct arm_region *region;
    /* Lazy flags at this point, see trans-flags.c */
    uint8_t cv_op;
    uint8_t nz;                     /* enum arm_nz */
    bool ended;
    /* The condition of the current instruction, when it is done by selects */
    bool predicated;
    struct arm_cond *predicate;
    /* Code that is jumped over when a condition does not hold */
    bool skipping;
    uint16_t skip_last;             /* the last instruction of these */
    unsigned skip_label;
    bool skip_again;                /* the flags have changed since the condition was asked */
    uint8_t skip_cv_op, skip_nz;    /* what is known of the flags on all ways to the label */
    uint8_t live;                   /* FL_* wanted behind this instruction */
    bool live_known;
    bool flags_changed;             /* by the current instruction */
    /* trans-vfp.c: halves of D registers that are values of their own; the last comparison */
    ir_val s_val[32], s_of[32];
    ir_val fp_compare;
    ir_val q_val[16], q_low[16], q_high[16];
    /* trans-media.c: what G_GE was set to, and that as a mask of bytes */
    ir_val ge_val, ge_mask;
};

static inline bool arm_dis_has(const struct arm_dis *d, enum arm_feature f)
{
    return d->features >> f & 1;
}

#define PREDICATE(name, feature) \
    static inline bool name(const struct arm_dis *d, uint32_t insn) \
    { \
        return arm_dis_has(d, feature); \
    }
PREDICATE(v5, F_V5)
PREDICATE(dsp, F_DSP)
PREDICATE(v6, F_V6)
PREDICATE(v6k, F_V6K)
PREDICATE(t2, F_T2)
PREDICATE(v7, F_V7)
PREDICATE(mp, F_MP)
PREDICATE(vfp3, F_VFP3)
PREDICATE(vfp4, F_VFP4)
PREDICATE(fp16, F_HALF)
PREDICATE(simd, F_NEON)
PREDICATE(div_arm, F_DIV_ARM)
PREDICATE(div_thumb, F_DIV_THUMB)
#undef PREDICATE

static inline bool hints(const struct arm_dis *d, uint32_t insn)
{
    return arm_dis_has(d, F_V6K) || arm_dis_has(d, F_T2);
}

/* A compare must have S and no destination, a move no first operand. */
static inline bool dp_op(const struct arm_dis *d, uint32_t insn)
{
    unsigned op = insn >> 21 & 15;

    if (op >> 2 == 2) {
        return insn >> 20 & 1 && (insn >> 12 & 15) == 0;
    }
    return (op & 13) != 13 || (insn >> 16 & 15) == 0;
}

static inline bool parallel_op(const struct arm_dis *d, uint32_t insn)
{
    unsigned op1 = insn >> 20 & 7, op2 = insn >> 5 & 7;

    return (op1 & 3) != 0 && op2 != 5 && op2 != 6;
}

static inline bool t32_parallel(const struct arm_dis *d, uint32_t insn)
{
    unsigned op = insn >> 20 & 7;

    return op != 3 && op != 7 && (insn >> 4 & 3) != 3;
}

static inline bool coprocessor_ls(const struct arm_dis *d, uint32_t insn)
{
    return insn & (1 << 24 | 1 << 23 | 1 << 21);
}

/* Increment after, or decrement before with writeback */
static inline bool vldm_form(const struct arm_dis *d, uint32_t insn)
{
    unsigned puw = (insn >> 22 & 6) | (insn >> 21 & 1);

    return puw == 2 || puw == 3 || puw == 5;
}

/* An arithmetic shift by 0 would be another instruction. */
static inline bool t32_sat(const struct arm_dis *d, uint32_t insn)
{
    return !(insn >> 21 & 1) || insn & 0x70c0;
}

/* P or W must be set, else it is an exclusive access. */
static inline bool dual_op(const struct arm_dis *d, uint32_t insn)
{
    return insn & (1 << 24 | 1 << 21);
}

static inline bool puw(const struct arm_dis *d, uint32_t insn)
{
    return insn & (1 << 10 | 1 << 8);
}

static inline bool plain_cond(const struct arm_dis *d, uint32_t insn)
{
    return (insn >> 23 & 7) != 7;
}

/* PLD, PLI: loads of bytes and halfwords to the pc, of the forms without writeback. */
static inline bool hint_form(const struct arm_dis *d, uint32_t insn)
{
    return insn >> 23 & 1 || (insn >> 16 & 15) == 15 || (insn >> 8 & 15) == 12 ||
           (insn >> 6 & 63) == 0;
}

static inline int times_2(const struct arm_dis *d, int v)
{
    return (int)((unsigned)v * 2);
}

static inline int times_4(const struct arm_dis *d, int v)
{
    return (int)((unsigned)v * 4);
}

static inline int imm_a32(const struct arm_dis *d, int v)
{
    unsigned n = v >> 8 & 15;
    uint32_t imm = v & 0xff;

    return n ? (int)(imm >> 2 * n | imm << (32 - 2 * n)) : (int)imm;
}

static inline int t32_imm(const struct arm_dis *d, int v)
{
    uint32_t imm = v & 0xff;
    unsigned n = v >> 7 & 31;

    switch (v >> 8 & 15) {
    case 0: return imm;
    case 1: return imm * 0x00010001;
    case 2: return (int)(imm * 0x01000100);
    case 3: return (int)(imm * 0x01010101);
    }
    imm = (v & 0x7f) | 0x80;
    return (int)(imm >> n | imm << (32 - n));
}

/* Not 0 when the immediate is rotated, so that it sets the carry. */
static inline int t32_rot(const struct arm_dis *d, int v)
{
    return v >> 10 & 3;
}

/* J1 and J2 become the two bits below the sign. */
static inline int t32_branch(const struct arm_dis *d, int v)
{
    unsigned sign = (unsigned)v >> 31, flip = sign ? 0 : 3u << 21;

    return (int)(((unsigned)v ^ flip) * 2);
}

static inline int t32_branch_x(const struct arm_dis *d, int v)
{
    unsigned sign = (unsigned)v >> 31, flip = sign ? 0 : 3u << 20;

    return (int)(((unsigned)v ^ flip) * 4);
}

static inline int t32_par1(const struct arm_dis *d, int v)
{
    return (v & 4) + 1 + (v & 3);
}

static inline int t32_par2(const struct arm_dis *d, int v)
{
    static const uint8_t op2[8] = { 4, 0, 1, 0, 7, 3, 2, 0 };

    return op2[v & 7];
}

static inline int t16_s(const struct arm_dis *d)
{
    return d->it == 0;
}

static inline int push_list(const struct arm_dis *d, int v)
{
    return (v & 0xff) | (v >> 8 & 1) << 14;
}

static inline int pop_list(const struct arm_dis *d, int v)
{
    return (v & 0xff) | (v >> 8 & 1) << 15;
}

static inline int cps_imod(const struct arm_dis *d, int v)
{
    return 2 | v;
}

/* For struct flow. */
bool arm_decode(void *opaque, void *insn, uint64_t pc, uint32_t state, const uint8_t *code,
                unsigned len);

#endif
