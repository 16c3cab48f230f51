/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The intermediate representation: 16-byte typed operations in one array; a value is the index of
 * the operation that makes it.  No value lives across a label; across a brc it lives on the
 * fall-through path only.  Index 0 is a nop and means "no value".
 */
#ifndef TCG_IR_H
#define TCG_IR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ir_type { I32, I64, F32, F64, V64, V128, IR_NONE, IR_TYPE_COUNT };

/* Sets of types, for ops.def */
enum {
    T_I32 = 1 << I32, T_I64 = 1 << I64, T_F32 = 1 << F32, T_F64 = 1 << F64,
    T_V64 = 1 << V64, T_V128 = 1 << V128, T_NONE = 1 << IR_NONE,
    T_ALL = T_I32 | T_I64 | T_F32 | T_F64 | T_V64 | T_V128,
};

enum ir_opcode {
#define OP(name, nargs, types, flags) IR_##name,
#include "tcg/ops.def"
#undef OP
    IR_OPCODE_COUNT
};

enum ir_flag {
    IR_RESULT = 1, IR_COMMUTES = 2, IR_EFFECT = 4, IR_FAULT = 8, IR_ENDS = 16, IR_MEM = 32,
    IR_CC = 64, IR_FOLD = 128,
};

struct ir_op_info {
    const char *name;
    uint8_t nargs, types, flags;
};
extern const struct ir_op_info ir_op_info[IR_OPCODE_COUNT];

/* Comparisons of sel, setc, brc; the low bit negates. TST compares a & b with zero. */
enum ir_cond {
    IR_EQ, IR_NE, IR_LT, IR_GE, IR_LE, IR_GT, IR_LTU, IR_GEU, IR_LEU, IR_GTU, IR_TSTEQ, IR_TSTNE,
    IR_COND_COUNT
};

typedef uint16_t ir_val;

/* How a memory operation accesses memory: 16 bits. */
enum ir_memop {
    MO_8, MO_16, MO_32, MO_64, MO_128, MO_SIZE = 7,
    MO_SIGN = 1 << 3,               /* sign-extend to the type */
    MO_BE = 1 << 4,
    MO_ALIGN = 1 << 5,              /* a misaligned address faults (target's misaligned hook) */
    MO_ADDR32 = 1 << 6,             /* the sum base + index + disp wraps at 32 bits */
    MO_WRITE_INTENT = 1 << 7,       /* a load whose page must be writable too (read-modify-write) */
    MO_IDX_SHIFT = 8,               /* mmu index, 3 bits: which TLB */
    MO_SCALE_SHIFT = 11,            /* of the index value, 2 bits */
};
#define MO_IDX(memop) ((memop) >> MO_IDX_SHIFT & 7)
#define MO_SCALE(memop) ((memop) >> MO_SCALE_SHIFT & 3)

/*
 * imm of memory ops: the address is a + (index << scale) + disp. A load or store whose c is a page
 * op has no index: where that found a host address, it is `rel' further than that.
 */
struct ir_mem {
    int32_t disp;
    union {
        ir_val index;               /* 0: none; filled by folding, never by frontends */
        int16_t rel;
    };
    uint16_t memop;
};

/* imm of call: arguments are a, b, c and d, after env; unused ones 0 */
struct ir_call {
    uint16_t helper;                /* index into the target's table */
    ir_val d;
    uint32_t pad;
};

/* imm of sel */
struct ir_sel {
    uint8_t cond, pad;
    ir_val d;                       /* the value when the condition is false */
    uint32_t pad2;
};

/* imm of vx*: the encoding after [prefix] 0f [38|3a] */
struct ir_sse {
    uint8_t prefix;                 /* 0, 0x66, 0xf3, 0xf2 */
    uint8_t map;                    /* 1: 0f, 2: 0f 38, 3: 0f 3a */
    uint8_t opcode;
    uint8_t imm8;
    uint8_t has_imm8;
    uint8_t reg_ext;                /* ModRM.reg for group opcodes (psrldq...), a is then r/m */
    uint8_t is_group;
    uint8_t wide;                   /* SSE_WIDE: vx_vg's general operand has 64 bits (REX.W) */
};

enum { SSE_WIDE = 1, SSE_PURE = 2 /* moves only: no flags, may be removed or shared */ };

enum ir_gx { GX_PDEP, GX_PEXT, GX_CRC32_8, GX_CRC32_16, GX_CRC32_32, GX_CRC32_64 };

/*
 * For IR_flags, at 8, 16, 32 or 64 bits. ADC, SBB: c is the carry in; INC, DEC: c is the old CF,
 * which stays. LOGIC: a is the result, b unused. NEG: of a. SHL, SHR, SAR: of a by b, which is not
 * 0 modulo 32 (64); AF and (by more than 1) OF are as the host leaves them.
 */
enum ir_alu { ALU_ADD, ALU_ADC, ALU_SUB, ALU_SBB, ALU_LOGIC, ALU_INC, ALU_DEC, ALU_NEG,
              ALU_SHL, ALU_SHR, ALU_SAR };

/*
 * For IR_vflush. LT and LE give masks. STEP is 2 - a * b, STEP_ROOT (3 - a * b) / 2. TO_S and TO_U
 * truncate a to integers; b is a again.
 */
enum ir_vf { VF_ADD, VF_SUB, VF_MUL, VF_MAX, VF_MIN, VF_EQ, VF_LT, VF_LE, VF_STEP, VF_STEP_ROOT,
             VF_TO_S, VF_TO_U };
/* ADD, SUB and comparisons: the operand is a vflush op's result or zero; not both */
enum { VF_CLEAN_A = 1, VF_CLEAN_B = 2 };

struct ir_op {
    uint8_t op, type;
    ir_val a, b, c;
    union {
        int64_t imm;
        struct ir_mem mem;
        struct ir_call call;
        struct ir_sel sel;
        struct ir_sse sse;
    };
};
_Static_assert(sizeof(struct ir_op) == 16, "an op is 16 bytes");

/*
 * Guest registers that translated code keeps in host registers or in env.
 * PRECISE ones are right at every op that may fault. DEFERRABLE ones (lazy flags) may at a fault
 * still be in a temporary: the side table says where, and restoring stores them.
 */
enum ir_global_kind { IR_PRECISE, IR_DEFERRABLE };

struct ir_global {
    const char *name;
    uint8_t type, kind;
    uint8_t priority;               /* for host registers: higher first; 0: never pinned */
    int32_t offset;                 /* in env */
};
enum { IR_MAX_GLOBALS = 64 };       /* masks of globals are uint64_t */

/* Run-time functions: ret fn(env, a, b, c, d) */
enum ir_helper_flag {
    HELPER_RAISES = 1,              /* may leave by cpu_raise(); observer */
    HELPER_NORETURN = 2,
    HELPER_PURE = 4,                /* removable; reads nothing but arguments */
    HELPER_NO_XMM = 8,              /* compiled so that it touches no vector register; unless it
                                       RAISES it sees those pinned globals that `reads' names */
    HELPER_MXCSR = 16,              /* reads or writes the guest's MXCSR in env */
};

struct ir_helper {
    const char *name;
    void *function;
    uint8_t ret;                    /* enum ir_type of the result: I32, I64, IR_NONE */
    uint8_t nargs;                  /* integers or host pointers, after env */
    uint8_t flags;
    /* masks of globals; without NO_XMM all pinned ones are in env */
    uint64_t reads, writes;
};

enum { IR_MAX_OPS = 8192, IR_MAX_LABELS = 512, IR_PAGE_GROUPS = 2, IR_PAGE_SPAN = 512 };

/* Accesses near to each other: `root' plus constants. They share one check of the page. */
struct ir_page_group {
    ir_val root, page;              /* page: the op, 0 none yet */
    uint16_t memop;                 /* which TLB */
};

/*
 * Guest code that a region was made from, compared each time it is entered; but for immediates that
 * are known to change, which the region loads.
 */
enum { IR_CHECK_WORDS = 8 };
struct ir_check {
    uint64_t loaded[IR_CHECK_WORDS];        /* bit n: byte n is not compared */
    uint64_t lin;
    unsigned len;
    int32_t left;                   /* so many times more; then somebody should look */
    uint8_t bytes[];
};

/* A label where control may come in from outside: it relies on nothing but what globals hold. */
enum { IR_MAX_ENTRIES = 32 };
struct ir_entry {
    uint64_t pc;
    uint16_t label;
};

/* One region under construction. Reset per region, one per vCPU thread. */
struct ir {
    const struct ir_global *globals;
    unsigned n_globals;
    const struct ir_helper *helpers;
    unsigned n_helpers;
    unsigned n;                     /* ops used, ops[0] is a nop */
    unsigned n_labels;
    ir_val cur[IR_MAX_GLOBALS];     /* known value of each global, 0 unknown */
    uint64_t label_live[IR_MAX_LABELS];     /* deferrable globals that are live at the label */
    uint16_t label_op[IR_MAX_LABELS], label_refs[IR_MAX_LABELS];    /* its op; branches to it */
    uint64_t deferrable;            /* mask */
    ir_val cse[64];
    bool group_pages;               /* the backend has page ops */
    void *compiler;                 /* the backend's working memory */
    unsigned next_group;
    unsigned last_brc;
    struct ir_page_group groups[IR_PAGE_GROUPS];
    unsigned n_entries;
    struct ir_entry entries[IR_MAX_ENTRIES];
    struct ir_check *check;         /* of the check op, filled after building */
    struct ir_op ops[IR_MAX_OPS];
    uint16_t last[IR_MAX_OPS];      /* after the backward pass: index of the last use, 0 none */
    uint16_t weak[IR_MAX_OPS];      /* last observer that may want the value of a deferred set */
    uint16_t uses[IR_MAX_OPS];
    bool held[IR_MAX_OPS];          /* some precise global was set to it, so it has a home */
};

/* A vx op that only moves bits. */
static inline bool ir_is_move(const struct ir_op *o)
{
    return o->op >= IR_vx && o->op <= IR_vx_fl && o->sse.wide & SSE_PURE;
}

static inline bool ir_is_checked(const struct ir_check *check, unsigned n)
{
    return n < check->len && !(check->loaded[n / 64] >> n % 64 & 1);
}

static inline bool ir_in_group(const struct ir_op *o)
{
    return (o->op == IR_ld || o->op == IR_st) && o->c;
}

/* Live masks of exit and ijmp are packed into 16 bits: deferrable globals are neighbours. */
uint16_t ir_live_pack(const struct ir *ir, uint64_t live);
uint64_t ir_live_unpack(const struct ir *ir, uint16_t packed);

/* tcg/verify.c: NULL when well formed, else a static text that names the first fault. */
const char *ir_verify(const struct ir *ir);
/* tcg/print.c: to the log. */
void ir_print(const struct ir *ir, const char *title);
/* tcg/optimize.c: the backward pass: liveness, dead code, dead sets, address folding. */
void ir_optimize(struct ir *ir);

#endif
