/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What instruction handlers (trans-*.c) work with: registers, memory, lazy flags, ways to leave.
 * A handler emits IR into d->ir for the instruction d->in.
 */
#ifndef TARGET_ARM_TRANSLATE_H
#define TARGET_ARM_TRANSLATE_H

#include "target-arm/decode.h"
#include "target-arm/flags.h"
#include "target-arm/helpers.h"

/* Whether N and Z follow from the operands of CV_SUB: comparisons are then fused. */
enum arm_nz { NZ_VALUES, NZ_SUB, NZ_COMPARE /* the same, and nobody wants the difference */ };

/* A comparison that holds. */
struct arm_cond {
    enum ir_type type;
    enum ir_cond cc;
    ir_val a, b;
};

/* Where a misaligned address, register and displacement, goes: behind the region's code. */
struct arm_misaligned {
    const struct arm_insn *in;
    unsigned label;
    int16_t imm;
    uint8_t rn;
    bool write;
};
enum { MAX_MISALIGNED = 32 };

/* A region under translation: kept by the vCPU. */
struct arm_region {
    struct flow flow;
    struct arm_insn insns[REGION_MAX_INSNS];
    struct arm_cond predicate;
    struct arm_misaligned misaligned[MAX_MISALIGNED];
    unsigned n_misaligned;
};

/* --- registers ------------------------------------------------------------------------------- */

static inline ir_val arm_imm(struct arm_dis *d, uint32_t value)
{
    return ir_const(d->ir, I32, value);
}

/* A register; the pc reads as the manual says. */
ir_val arm_reg(struct arm_dis *d, unsigned r);
/* Not the pc. */
void arm_set_reg(struct arm_dis *d, unsigned r, ir_val v);
/* The pc as an operand: two instructions ahead. */
uint32_t arm_pc_value(const struct arm_dis *d);

static inline ir_val arm_2(struct arm_dis *d, enum ir_opcode op, ir_val a, ir_val b)
{
    return ir_2(d->ir, op, I32, a, b);
}

static inline ir_val arm_2i(struct arm_dis *d, enum ir_opcode op, ir_val a, uint32_t b)
{
    return ir_2(d->ir, op, I32, a, arm_imm(d, b));
}

/* A 64-bit value from two halves. */
ir_val arm_join(struct arm_dis *d, ir_val low, ir_val high);
ir_val arm_low(struct arm_dis *d, ir_val wide);
ir_val arm_high(struct arm_dis *d, ir_val wide);

/* --- memory ---------------------------------------------------------------------------------- */

/* memop: size and MO_SIGN; endianness, alignment and mmu index are added. */
ir_val arm_ld(struct arm_dis *d, enum ir_type type, ir_val addr, int32_t disp, unsigned memop);
void arm_st(struct arm_dis *d, enum ir_type type, ir_val addr, int32_t disp, ir_val v,
            unsigned memop);
/* Of register rn, not changed by the instruction yet, plus imm */
void arm_check_aligned(struct arm_dis *d, unsigned rn, int imm, unsigned size, bool write);
void arm_emit_misaligned(struct arm_dis *d);
/* The bits that are added. */
unsigned arm_memop(const struct arm_dis *d);

/* --- flags ----------------------------------------------------------------------------------- */

/* FL_* that code behind this instruction may still read. */
uint8_t arm_flags_live(struct arm_dis *d);
void arm_flags_sub(struct arm_dis *d, ir_val a, ir_val b, ir_val result, bool compare);
void arm_flags_add(struct arm_dis *d, ir_val a, ir_val b, ir_val result);
/* carry: 0 when it stays; V stays. */
void arm_flags_logic(struct arm_dis *d, ir_val result, ir_val carry);
void arm_flags_nz(struct arm_dis *d, ir_val nf, ir_val zf);
/* C and V as I32 values of 0 or 1. */
void arm_flags_cv(struct arm_dis *d, ir_val c, ir_val v);
/* A helper has written them to env. */
void arm_flags_dynamic(struct arm_dis *d);
ir_val arm_carry(struct arm_dis *d);        /* 0 or 1 */
ir_val arm_overflow(struct arm_dis *d);
struct arm_cond arm_condition(struct arm_dis *d, unsigned cond);
/* The packed NZCV in the upper four bits. */
ir_val arm_nzcv(struct arm_dis *d);
/* A compare under a condition without a branch; false: not possible, nothing was done. */
bool arm_select_flags(struct arm_dis *d, const struct arm_cond *c, unsigned kind, ir_val a,
                      ir_val b, ir_val result);

/* --- helpers, exceptions, leaving ------------------------------------------------------------ */

ir_val arm_call0(struct arm_dis *d, enum arm_helper helper);
ir_val arm_call1(struct arm_dis *d, enum arm_helper helper, ir_val a);
ir_val arm_call2(struct arm_dis *d, enum arm_helper helper, ir_val a, ir_val b);
ir_val arm_call3(struct arm_dis *d, enum arm_helper helper, ir_val a, ir_val b, ir_val c);
ir_val arm_call4(struct arm_dis *d, enum arm_helper helper, ir_val a, ir_val b, ir_val c,
                 ir_val e);
/* Host pointer to the field of env at an offset. */
ir_val arm_env_ptr(struct arm_dis *d, size_t offset);

void arm_undefined(struct arm_dis *d);
/* Continue at a constant pc with its Thumb bit; a computed one. */
void arm_jump(struct arm_dis *d, uint32_t pc);
/* Out of the region: calls, and jumps to the other state. */
void arm_call_to(struct arm_dis *d, uint32_t pc);
void arm_jump_value(struct arm_dis *d, ir_val pc, enum ir_jump_hint hint);
/* The same for a value whose bit 0 says the state (BX), or that stays in this state. */
void arm_jump_exchange(struct arm_dis *d, ir_val target, enum ir_jump_hint hint);
void arm_jump_same_state(struct arm_dis *d, ir_val target, enum ir_jump_hint hint);
/* As the architecture version says for ALU results and for loads. */
void arm_write_pc_alu(struct arm_dis *d, ir_val v);
void arm_write_pc_load(struct arm_dis *d, ir_val v, enum ir_jump_hint hint);
/* Behind this instruction, through the execution loop: mode or mappings may have changed. */
void arm_end_region(struct arm_dis *d);
/* A helper has set the pc. */
void arm_leave(struct arm_dis *d);
unsigned arm_branch_label(struct arm_dis *d, uint64_t pc);
/* A label inside the instruction, all ways to it with the same lazy state. */
unsigned arm_label_new(struct arm_dis *d);
void arm_label_placed(struct arm_dis *d, unsigned label);

void arm_translate(struct translation *t);
extern const struct ir_global arm_globals[];

/* --- VFP registers (trans-vfp.c) ------------------------------------------------------------- */

ir_val arm_get_d(struct arm_dis *d, unsigned n);
void arm_set_d(struct arm_dis *d, unsigned n, ir_val v);
ir_val arm_get_s(struct arm_dis *d, unsigned n);
void arm_set_s(struct arm_dis *d, unsigned n, ir_val v);
/* "This exact SSE instruction": opcode with its map; moves only. */
ir_val arm_vx_move(struct arm_dis *d, enum ir_type type, unsigned map, unsigned prefix,
                   unsigned opcode, ir_val a, ir_val b);
ir_val arm_vx_move_imm(struct arm_dis *d, enum ir_type type, unsigned map, unsigned prefix,
                       unsigned opcode, ir_val a, ir_val b, unsigned imm);
/* Raises when the register does not exist; true if it did. */
bool arm_no_d(struct arm_dis *d, unsigned n);

/* --- shared workers -------------------------------------------------------------------------- */

/* A shifted operand; *carry: its carry out, or 0 when it stays. Asked only when not NULL. */
ir_val arm_shift_imm(struct arm_dis *d, ir_val v, unsigned type, unsigned amount, ir_val *carry);

#endif
