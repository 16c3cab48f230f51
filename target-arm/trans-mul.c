/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Multiplication and division; Q is set where an accumulation overflows. */
#include <stddef.h>
#include "target-arm/translate.h"

ir_val arm_low(struct arm_dis *d, ir_val wide)
{
    return ir_1(d->ir, IR_mov, I32, wide);
}

ir_val arm_high(struct arm_dis *d, ir_val wide)
{
    return ir_1(d->ir, IR_mov, I32, ir_2i(d->ir, IR_shr, I64, wide, 32));
}

ir_val arm_join(struct arm_dis *d, ir_val low, ir_val high)
{
    return ir_2(d->ir, IR_or, I64, ir_2i(d->ir, IR_shl, I64, high, 32), low);
}

static ir_val sign_extend(struct arm_dis *d, ir_val v)
{
    return ir_exts(d->ir, I64, v, 32);
}

static ir_val half(struct arm_dis *d, ir_val v, bool top)
{
    return top ? arm_2i(d, IR_sar, v, 16) : ir_exts(d->ir, I32, v, 16);
}

static void multiply_flags(struct arm_dis *d, bool s, ir_val r)
{
    if (s) {
        arm_flags_nz(d, r, r);
    }
}

void trans_MUL(struct arm_dis *d, const struct arm_arg_s_rrr *a)
{
    ir_val r = arm_2(d, IR_mul, arm_reg(d, a->rn), arm_reg(d, a->rm));

    multiply_flags(d, a->s, r);
    arm_set_reg(d, a->rd, r);
}

void trans_MLA(struct arm_dis *d, const struct arm_arg_s_rrrr *a)
{
    ir_val r = arm_2(d, IR_mul, arm_reg(d, a->rn), arm_reg(d, a->rm));

    r = arm_2(d, IR_add, r, arm_reg(d, a->ra));
    multiply_flags(d, a->s, r);
    arm_set_reg(d, a->rd, r);
}

void trans_MLS(struct arm_dis *d, const struct arm_arg_rrrr *a)
{
    ir_val r = arm_2(d, IR_mul, arm_reg(d, a->rn), arm_reg(d, a->rm));

    arm_set_reg(d, a->rd, arm_2(d, IR_sub, arm_reg(d, a->ra), r));
}

/* --- 64-bit results: rd is the high half, ra the low one ------------------------------------- */

static ir_val accumulator(struct arm_dis *d, unsigned hi, unsigned lo)
{
    return arm_join(d, arm_reg(d, lo), arm_reg(d, hi));
}

static void set_pair(struct arm_dis *d, unsigned hi, unsigned lo, ir_val wide)
{
    ir_val low = arm_low(d, wide), high = arm_high(d, wide);

    arm_set_reg(d, lo, low);
    arm_set_reg(d, hi, high);
}

static void multiply_long(struct arm_dis *d, const struct arm_arg_s_rrrr *a, bool is_signed,
                          bool add)
{
    ir_val n = arm_reg(d, a->rn), m = arm_reg(d, a->rm), r;

    if (is_signed) {
        n = sign_extend(d, n);
        m = sign_extend(d, m);
    }
    r = ir_2(d->ir, IR_mul, I64, n, m);
    if (add) {
        r = ir_2(d->ir, IR_add, I64, r, accumulator(d, a->rd, a->ra));
    }
    if (a->s) {
        ir_val high = arm_high(d, r);

        arm_flags_nz(d, high, arm_2(d, IR_or, high, arm_low(d, r)));
    }
    set_pair(d, a->rd, a->ra, r);
}

void trans_UMULL(struct arm_dis *d, const struct arm_arg_s_rrrr *a)
{
    multiply_long(d, a, false, false);
}

void trans_UMLAL(struct arm_dis *d, const struct arm_arg_s_rrrr *a)
{
    multiply_long(d, a, false, true);
}

void trans_SMULL(struct arm_dis *d, const struct arm_arg_s_rrrr *a)
{
    multiply_long(d, a, true, false);
}

void trans_SMLAL(struct arm_dis *d, const struct arm_arg_s_rrrr *a)
{
    multiply_long(d, a, true, true);
}

void trans_UMAAL(struct arm_dis *d, const struct arm_arg_rrrr *a)
{
    ir_val r = ir_2(d->ir, IR_mul, I64, arm_reg(d, a->rn), arm_reg(d, a->rm));

    r = ir_2(d->ir, IR_add, I64, r, arm_reg(d, a->ra));
    r = ir_2(d->ir, IR_add, I64, r, arm_reg(d, a->rd));
    set_pair(d, a->rd, a->ra, r);
}

/* --- halfwords ------------------------------------------------------------------------------- */

static void or_q(struct arm_dis *d, ir_val overflow)
{
    ir_val q = ir_envld(d->ir, I32, offsetof(struct arm_env, qf), MO_32);

    ir_envst(d->ir, I32, offsetof(struct arm_env, qf), arm_2(d, IR_or, q, overflow), MO_32);
}

/* The sum as a 32-bit value; Q when it does not fit. */
static ir_val narrow_q(struct arm_dis *d, ir_val wide)
{
    ir_val r = arm_low(d, wide);

    or_q(d, ir_setc(d->ir, I64, IR_NE, sign_extend(d, r), wide));
    return r;
}

static ir_val half_product(struct arm_dis *d, const struct arm_arg_mul_half *a)
{
    return arm_2(d, IR_mul, half(d, arm_reg(d, a->rn), a->x), half(d, arm_reg(d, a->rm), a->y));
}

void trans_SMULxy(struct arm_dis *d, const struct arm_arg_mul_half *a)
{
    arm_set_reg(d, a->rd, half_product(d, a));
}

void trans_SMLAxy(struct arm_dis *d, const struct arm_arg_mul_half *a)
{
    ir_val sum = ir_2(d->ir, IR_add, I64, sign_extend(d, half_product(d, a)),
                      sign_extend(d, arm_reg(d, a->ra)));

    arm_set_reg(d, a->rd, narrow_q(d, sum));
}

void trans_SMLALxy(struct arm_dis *d, const struct arm_arg_mul_half *a)
{
    ir_val r = sign_extend(d, half_product(d, a));

    set_pair(d, a->rd, a->ra, ir_2(d->ir, IR_add, I64, r, accumulator(d, a->rd, a->ra)));
}

static ir_val word_product(struct arm_dis *d, const struct arm_arg_mul_half *a)
{
    ir_val m = sign_extend(d, half(d, arm_reg(d, a->rm), a->y));
    ir_val r = ir_2(d->ir, IR_mul, I64, sign_extend(d, arm_reg(d, a->rn)), m);

    return arm_low(d, ir_2i(d->ir, IR_sar, I64, r, 16));
}

void trans_SMULWy(struct arm_dis *d, const struct arm_arg_mul_half *a)
{
    arm_set_reg(d, a->rd, word_product(d, a));
}

void trans_SMLAWy(struct arm_dis *d, const struct arm_arg_mul_half *a)
{
    ir_val sum = ir_2(d->ir, IR_add, I64, sign_extend(d, word_product(d, a)),
                      sign_extend(d, arm_reg(d, a->ra)));

    arm_set_reg(d, a->rd, narrow_q(d, sum));
}

/* --- two halfwords at once ------------------------------------------------------------------- */

/* x: the halves of rm are exchanged. 64 bits wide. */
static ir_val dual(struct arm_dis *d, const struct arm_arg_mul_half *a, enum ir_opcode op)
{
    ir_val n = arm_reg(d, a->rn), m = arm_reg(d, a->rm), p, q;

    p = arm_2(d, IR_mul, half(d, n, false), half(d, m, a->x));
    q = arm_2(d, IR_mul, half(d, n, true), half(d, m, !a->x));
    return ir_2(d->ir, op, I64, sign_extend(d, p), sign_extend(d, q));
}

static void dual_accumulate(struct arm_dis *d, const struct arm_arg_mul_half *a, enum ir_opcode op)
{
    ir_val r = dual(d, a, op);

    if (a->ra != R_PC) {
        r = ir_2(d->ir, IR_add, I64, r, sign_extend(d, arm_reg(d, a->ra)));
    }
    arm_set_reg(d, a->rd, narrow_q(d, r));
}

void trans_SMLAD(struct arm_dis *d, const struct arm_arg_mul_half *a)
{
    dual_accumulate(d, a, IR_add);
}

void trans_SMLSD(struct arm_dis *d, const struct arm_arg_mul_half *a)
{
    dual_accumulate(d, a, IR_sub);
}

void trans_SMLALD(struct arm_dis *d, const struct arm_arg_mul_half *a)
{
    ir_val r = dual(d, a, IR_add);

    set_pair(d, a->rd, a->ra, ir_2(d->ir, IR_add, I64, r, accumulator(d, a->rd, a->ra)));
}

void trans_SMLSLD(struct arm_dis *d, const struct arm_arg_mul_half *a)
{
    ir_val r = dual(d, a, IR_sub);

    set_pair(d, a->rd, a->ra, ir_2(d->ir, IR_add, I64, r, accumulator(d, a->rd, a->ra)));
}

/* --- the high word --------------------------------------------------------------------------- */

/* x: rounds. */
static void high_word(struct arm_dis *d, const struct arm_arg_mul_half *a, bool subtract)
{
    struct ir *ir = d->ir;
    ir_val r = ir_2(ir, IR_mul, I64, sign_extend(d, arm_reg(d, a->rn)),
                    sign_extend(d, arm_reg(d, a->rm)));

    if (a->ra != R_PC || subtract) {
        ir_val top = ir_2i(ir, IR_shl, I64, arm_reg(d, a->ra), 32);

        r = ir_2(ir, subtract ? IR_sub : IR_add, I64, top, r);
    }
    if (a->x) {
        r = ir_2i(ir, IR_add, I64, r, 0x80000000);
    }
    arm_set_reg(d, a->rd, arm_high(d, r));
}

void trans_SMMLA(struct arm_dis *d, const struct arm_arg_mul_half *a)
{
    high_word(d, a, false);
}

void trans_SMMLS(struct arm_dis *d, const struct arm_arg_mul_half *a)
{
    high_word(d, a, true);
}

/* --- division -------------------------------------------------------------------------------- */

/* By zero gives zero. */
void trans_SDIV(struct arm_dis *d, const struct arm_arg_rrr *a)
{
    arm_set_reg(d, a->rd, arm_call2(d, H_sdiv, arm_reg(d, a->rn), arm_reg(d, a->rm)));
}

void trans_UDIV(struct arm_dis *d, const struct arm_arg_rrr *a)
{
    struct ir *ir = d->ir;
    ir_val m = arm_reg(d, a->rm), zero = arm_imm(d, 0);
    ir_val safe = ir_sel(ir, I32, IR_EQ, m, zero, arm_imm(d, 1), m);
    ir_val q = arm_2(d, IR_divu, arm_reg(d, a->rn), safe);

    arm_set_reg(d, a->rd, ir_sel(ir, I32, IR_EQ, m, zero, zero, q));
}
