/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Data processing: shifted operands, the sixteen operations (and ORN of Thumb-2), moves. */
#include "target-arm/translate.h"

enum { OP_AND, OP_EOR, OP_SUB, OP_RSB, OP_ADD, OP_ADC, OP_SBC, OP_RSC, OP_TST, OP_TEQ, OP_CMP,
       OP_CMN, OP_ORR, OP_MOV, OP_BIC, OP_MVN, OP_ORN };
enum { SHIFT_LSL, SHIFT_LSR, SHIFT_ASR, SHIFT_ROR };

/* --- operands -------------------------------------------------------------------------------- */

static ir_val bit(struct arm_dis *d, ir_val v, unsigned n)
{
    return ir_extract(d->ir, I32, v, n, 1);
}

ir_val arm_shift_imm(struct arm_dis *d, ir_val v, unsigned type, unsigned amount, ir_val *carry)
{
    ir_val old;

    if (carry) {
        *carry = 0;
    }
    if (type == SHIFT_LSL && amount == 0) {
        return v;
    }
    if (type == SHIFT_ROR && amount == 0) {                     /* RRX */
        old = arm_carry(d);
        if (carry) {
            *carry = bit(d, v, 0);
        }
        return arm_2(d, IR_or, arm_2i(d, IR_shr, v, 1), arm_2i(d, IR_shl, old, 31));
    }
    if (carry) {
        *carry = type == SHIFT_LSL ? bit(d, v, 32 - amount)
                                   : bit(d, v, amount ? amount - 1 : 31);
    }
    switch (type) {
    case SHIFT_LSL: return arm_2i(d, IR_shl, v, amount);
    case SHIFT_LSR: return amount ? arm_2i(d, IR_shr, v, amount) : arm_imm(d, 0);
    case SHIFT_ASR: return arm_2i(d, IR_sar, v, amount ? amount : 31);
    default: return arm_2i(d, IR_rotr, v, amount);
    }
}

/* By the low byte of a register, counts of 32 and more included: done in 64 bits. */
static ir_val shift_reg(struct arm_dis *d, ir_val v, unsigned type, ir_val count, ir_val *carry)
{
    struct ir *ir = d->ir;
    ir_val n = ir_extu(ir, I32, count, 8), wide, limit, shifted, out;

    if (type == SHIFT_ROR) {
        shifted = arm_2(d, IR_rotr, v, n);
        out = arm_2i(d, IR_shr, shifted, 31);
    } else {
        /* Above 33 nothing changes; the bit that falls out last is beside the result. */
        limit = ir_sel(ir, I32, IR_GTU, n, arm_imm(d, 40), arm_imm(d, 40), n);
        if (type == SHIFT_LSL) {
            wide = ir_2(ir, IR_shl, I64, v, limit);
            shifted = arm_low(d, wide);
            out = ir_extract(ir, I64, wide, 32, 1);
        } else {
            wide = ir_2i(ir, IR_shl, I64, v, 32);
            wide = ir_2(ir, type == SHIFT_LSR ? IR_shr : IR_sar, I64, wide, limit);
            shifted = arm_high(d, wide);
            out = ir_extract(ir, I64, wide, 31, 1);
        }
    }
    if (carry) {
        *carry = ir_sel(ir, I32, IR_EQ, n, arm_imm(d, 0), arm_carry(d), arm_low(d, out));
    }
    return shifted;
}

/* --- the operations -------------------------------------------------------------------------- */

/* a + b + carry: V where both operands differ from the result in sign. */
static ir_val add_carry(struct arm_dis *d, ir_val a, ir_val b, bool s)
{
    struct ir *ir = d->ir;
    ir_val c = arm_carry(d), wide, r, x, y;

    wide = ir_2(ir, IR_add, I64, ir_2(ir, IR_add, I64, a, b), c);
    r = arm_low(d, wide);
    if (s) {
        x = arm_2(d, IR_xor, a, r);
        y = arm_2(d, IR_xor, b, r);
        arm_flags_cv(d, arm_high(d, wide), arm_2i(d, IR_shr, arm_2(d, IR_and, x, y), 31));
        arm_flags_nz(d, r, r);
    }
    return r;
}

static ir_val subtract(struct arm_dis *d, ir_val a, ir_val b, bool s, bool compare)
{
    ir_val r = arm_2(d, IR_sub, a, b);

    if (s) {
        arm_flags_sub(d, a, b, r, compare);
    }
    return r;
}

static ir_val add(struct arm_dis *d, ir_val a, ir_val b, bool s)
{
    ir_val r = arm_2(d, IR_add, a, b);

    if (s) {
        arm_flags_add(d, a, b, r);
    }
    return r;
}

static ir_val arithmetic(struct arm_dis *d, unsigned op, ir_val a, ir_val b, bool s)
{
    switch (op) {
    case OP_SUB: return subtract(d, a, b, s, false);
    case OP_CMP: return subtract(d, a, b, s, true);
    case OP_RSB: return subtract(d, b, a, s, false);
    case OP_ADC: return add_carry(d, a, b, s);
    case OP_SBC: return add_carry(d, a, ir_1(d->ir, IR_not, I32, b), s);
    case OP_RSC: return add_carry(d, b, ir_1(d->ir, IR_not, I32, a), s);
    default: return add(d, a, b, s);                            /* ADD, CMN */
    }
}

static ir_val logic(struct arm_dis *d, unsigned op, ir_val a, ir_val b)
{
    switch (op) {
    case OP_AND: case OP_TST: return arm_2(d, IR_and, a, b);
    case OP_EOR: case OP_TEQ: return arm_2(d, IR_xor, a, b);
    case OP_ORR: return arm_2(d, IR_or, a, b);
    case OP_BIC: return arm_2(d, IR_andc, a, b);
    case OP_ORN: return arm_2(d, IR_or, a, ir_1(d->ir, IR_not, I32, b));
    case OP_MVN: return ir_1(d->ir, IR_not, I32, b);
    default: return b;
    }
}

static bool is_logic(unsigned op)
{
    return 0x1f303 >> op & 1;
}

static bool is_compare(unsigned op)
{
    return op >= OP_TST && op <= OP_CMN;
}

/* A compare under a condition, as a select between old and new operands. */
static bool select_compare(struct arm_dis *d, unsigned op, ir_val a, ir_val b)
{
    if (!d->predicated || (op != OP_CMP && op != OP_CMN)) {
        return false;
    }
    return arm_select_flags(d, d->predicate, op == OP_CMP ? CV_SUB : CV_ADD, a, b,
                            arm_2(d, op == OP_CMP ? IR_sub : IR_add, a, b));
}

/* What is written to the pc with S is an exception return. */
static void finish(struct arm_dis *d, unsigned rd, ir_val r, bool s)
{
    if (rd != R_PC) {
        arm_set_reg(d, rd, r);
    } else if (s) {
        arm_call1(d, H_exception_return, r);
        arm_leave(d);
    } else {
        arm_write_pc_alu(d, r);
    }
}

/* b: the second operand, carry: of its shifter, 0 when C stays. */
static void operate(struct arm_dis *d, unsigned op, bool s, unsigned rd, unsigned rn, ir_val b,
                    ir_val carry)
{
    bool flags = s && !(rd == R_PC && !is_compare(op));
    bool unary = op == OP_MOV || op == OP_MVN;
    ir_val a = unary ? 0 : arm_reg(d, rn), r;

    if (select_compare(d, op, a, b)) {
        return;
    }
    if (is_logic(op)) {
        r = logic(d, op, a, b);
        if (flags) {
            arm_flags_logic(d, r, carry);
        }
    } else {
        r = arithmetic(d, op, a, b, flags);
    }
    if (!is_compare(op)) {
        finish(d, rd, r, s);
    }
}

void trans_DP_i(struct arm_dis *d, const struct arm_arg_dp_i *a)
{
    ir_val carry = 0;

    if (a->rot && a->s && is_logic(a->op)) {
        carry = arm_imm(d, (uint32_t)a->imm >> 31);
    }
    if (a->rn == R_PC && !d->thumb && !a->s && a->rd != R_PC &&
        (a->op == OP_ADD || a->op == OP_SUB)) {                 /* ADR */
        arm_set_reg(d, a->rd, arm_imm(d, arm_pc_value(d) + (a->op == OP_ADD ? a->imm : -a->imm)));
        return;
    }
    operate(d, a->op, a->s, a->rd, a->rn, arm_imm(d, a->imm), carry);
}

void trans_DP_shi(struct arm_dis *d, const struct arm_arg_dp_shi *a)
{
    bool wants = a->s && is_logic(a->op) && arm_flags_live(d) & (FL_C | FL_V);
    ir_val carry = 0, b = arm_shift_imm(d, arm_reg(d, a->rm), a->shty, a->shim,
                                        wants ? &carry : NULL);

    operate(d, a->op, a->s, a->rd, a->rn, b, carry);
}

void trans_DP_shr(struct arm_dis *d, const struct arm_arg_dp_shr *a)
{
    bool wants = a->s && is_logic(a->op) && arm_flags_live(d) & (FL_C | FL_V);
    ir_val carry = 0, b;

    b = shift_reg(d, arm_reg(d, a->rm), a->shty, arm_reg(d, a->rs), wants ? &carry : NULL);
    operate(d, a->op, a->s, a->rd, a->rn, b, carry);
}

void trans_MOVW(struct arm_dis *d, const struct arm_arg_ri *a)
{
    arm_set_reg(d, a->rd, arm_imm(d, a->imm));
}

void trans_MOVT(struct arm_dis *d, const struct arm_arg_ri *a)
{
    ir_val low = ir_extu(d->ir, I32, arm_reg(d, a->rd), 16);

    arm_set_reg(d, a->rd, arm_2i(d, IR_or, low, (uint32_t)a->imm << 16));
}

/* Thumb: relative to the aligned pc. */
void trans_ADR(struct arm_dis *d, const struct arm_arg_ri *a)
{
    arm_set_reg(d, a->rd, arm_imm(d, (arm_pc_value(d) & ~3u) + a->imm));
}

void trans_ADR_sub(struct arm_dis *d, const struct arm_arg_ri *a)
{
    arm_set_reg(d, a->rd, arm_imm(d, (arm_pc_value(d) & ~3u) - a->imm));
}
