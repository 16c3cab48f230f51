/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lazy condition flags. What is known while translating: how C and V follow from their operands
 * (d->cv_op), and whether N and Z belong to the same subtraction (d->nz), so that a condition is
 * one comparison of the operands.
 */
#include "target-arm/translate.h"

static ir_val get(struct arm_dis *d, unsigned global)
{
    return ir_get(d->ir, global);
}

static void set(struct arm_dis *d, unsigned global, ir_val v)
{
    ir_set(d->ir, global, v);
}

uint8_t arm_flags_live(struct arm_dis *d)
{
    if (!d->live_known) {
        d->live_known = true;
        d->live = d->in->flow.flags & FLOW_END || d->skipping ? FL_NZCV
                  : flow_live(&d->region->flow, d->in->flow.next, d->in->flow.next_state);
    }
    return d->live;
}

/* --- setting --------------------------------------------------------------------------------- */

void arm_flags_nz(struct arm_dis *d, ir_val nf, ir_val zf)
{
    set(d, G_NF, nf);
    set(d, G_ZF, zf);
    d->nz = NZ_VALUES;
    d->flags_changed = true;
}

static void set_cv(struct arm_dis *d, unsigned op, ir_val a, ir_val b)
{
    set(d, G_CV_OP, arm_imm(d, op));
    set(d, G_CV_A, a);
    set(d, G_CV_B, b);
    d->cv_op = op;
    d->flags_changed = true;
}

void arm_flags_cv(struct arm_dis *d, ir_val c, ir_val v)
{
    set_cv(d, CV_VALUES, c, v);
    d->nz = NZ_VALUES;
}

void arm_flags_sub(struct arm_dis *d, ir_val a, ir_val b, ir_val result, bool compare)
{
    arm_flags_nz(d, result, result);
    set_cv(d, CV_SUB, a, b);
    d->nz = compare ? NZ_COMPARE : NZ_SUB;
}

void arm_flags_add(struct arm_dis *d, ir_val a, ir_val b, ir_val result)
{
    arm_flags_nz(d, result, result);
    set_cv(d, CV_ADD, a, b);
}

void arm_flags_logic(struct arm_dis *d, ir_val result, ir_val carry)
{
    if (carry) {
        ir_val v = arm_flags_live(d) & FL_V ? arm_overflow(d) : arm_imm(d, 0);

        arm_flags_cv(d, carry, v);
    }
    arm_flags_nz(d, result, result);
}

void arm_flags_dynamic(struct arm_dis *d)
{
    d->cv_op = CV_DYNAMIC;
    d->nz = NZ_VALUES;
    d->flags_changed = true;
}

/* --- reading --------------------------------------------------------------------------------- */

/* Makes C and V values, if nothing is known. */
static void fix(struct arm_dis *d)
{
    if (d->cv_op == CV_DYNAMIC) {
        arm_call0(d, H_pack_cv);
        d->cv_op = CV_VALUES;
        d->nz = NZ_VALUES;
    }
}

static ir_val sign_bit(struct arm_dis *d, ir_val v)
{
    return arm_2i(d, IR_shr, v, 31);
}

ir_val arm_carry(struct arm_dis *d)
{
    ir_val a, b;

    fix(d);
    a = get(d, G_CV_A);
    switch (d->cv_op) {
    case CV_VALUES:
        return a;
    case CV_SUB:
        return ir_setc(d->ir, I32, IR_GEU, a, get(d, G_CV_B));
    default:
        b = get(d, G_CV_B);
        return ir_setc(d->ir, I32, IR_LTU, arm_2(d, IR_add, a, b), a);
    }
}

ir_val arm_overflow(struct arm_dis *d)
{
    ir_val a, b, x, y;

    fix(d);
    a = get(d, G_CV_A);
    b = get(d, G_CV_B);
    switch (d->cv_op) {
    case CV_VALUES:
        return b;
    case CV_SUB:
        x = arm_2(d, IR_xor, a, b);
        y = arm_2(d, IR_xor, a, arm_2(d, IR_sub, a, b));
        return sign_bit(d, arm_2(d, IR_and, x, y));
    default:
        y = arm_2(d, IR_add, a, b);
        x = arm_2(d, IR_xor, a, y);
        y = arm_2(d, IR_xor, b, y);
        return sign_bit(d, arm_2(d, IR_and, x, y));
    }
}

static struct arm_cond against_zero(struct arm_dis *d, enum ir_cond cc, ir_val v)
{
    return (struct arm_cond){ I32, cc, v, arm_imm(d, 0) };
}

/* All of NZCV belong to cv_a - cv_b. */
static bool fused(struct arm_dis *d, unsigned cond, struct arm_cond *c)
{
    static const uint8_t compare[] = {
        [COND_EQ] = IR_EQ, [COND_CS] = IR_GEU, [COND_HI] = IR_GTU, [COND_GE] = IR_GE,
        [COND_GT] = IR_GT,
    };

    if (d->cv_op != CV_SUB || cond == COND_MI || cond == COND_VS ||
        (d->nz == NZ_VALUES && cond != COND_CS) || (d->nz == NZ_SUB && cond == COND_EQ)) {
        return false;
    }
    *c = (struct arm_cond){ I32, compare[cond], get(d, G_CV_A), get(d, G_CV_B) };
    return true;
}

static ir_val is_zero(struct arm_dis *d)
{
    return ir_setc(d->ir, I32, IR_EQ, get(d, G_ZF), arm_imm(d, 0));
}

/* N xor V */
static ir_val is_less(struct arm_dis *d)
{
    return arm_2(d, IR_xor, sign_bit(d, get(d, G_NF)), arm_overflow(d));
}

/* The condition without its negation. */
static struct arm_cond positive(struct arm_dis *d, unsigned cond)
{
    struct arm_cond c;
    ir_val v;

    if (cond != COND_EQ && cond != COND_MI) {
        fix(d);
    }
    if (fused(d, cond, &c)) {
        return c;
    }
    switch (cond) {
    case COND_EQ:
        return against_zero(d, IR_EQ, get(d, G_ZF));
    case COND_CS:
        return against_zero(d, IR_NE, arm_carry(d));
    case COND_MI:
        return against_zero(d, IR_LT, get(d, G_NF));
    case COND_VS:
        return against_zero(d, IR_NE, arm_overflow(d));
    case COND_HI:
        v = arm_carry(d);
        return against_zero(d, IR_NE, arm_2(d, IR_and, v, arm_2i(d, IR_xor, is_zero(d), 1)));
    case COND_GE:
        return against_zero(d, IR_EQ, is_less(d));
    default:
        v = is_less(d);
        return against_zero(d, IR_EQ, arm_2(d, IR_or, v, is_zero(d)));
    }
}

struct arm_cond arm_condition(struct arm_dis *d, unsigned cond)
{
    struct arm_cond c = positive(d, cond & ~1u);

    c.cc ^= cond & 1;
    return c;
}

ir_val arm_nzcv(struct arm_dis *d)
{
    ir_val c = arm_carry(d), v = arm_overflow(d);
    ir_val n = arm_2i(d, IR_and, get(d, G_NF), PSR_N);
    ir_val flags = arm_2(d, IR_or, n, arm_2i(d, IR_shl, is_zero(d), 30));

    flags = arm_2(d, IR_or, flags, arm_2i(d, IR_shl, c, 29));
    return arm_2(d, IR_or, flags, arm_2i(d, IR_shl, v, 28));
}

static void select(struct arm_dis *d, const struct arm_cond *c, unsigned global, ir_val v)
{
    set(d, global, ir_sel(d->ir, c->type, c->cc, c->a, c->b, v, get(d, global)));
}

bool arm_select_flags(struct arm_dis *d, const struct arm_cond *c, unsigned kind, ir_val a,
                      ir_val b, ir_val result)
{
    if (d->cv_op != kind || c->type != I32) {
        return false;
    }
    if (kind == CV_SUB && d->nz == NZ_VALUES) {
        return false;
    }
    select(d, c, G_NF, result);
    select(d, c, G_ZF, result);
    select(d, c, G_CV_A, a);
    select(d, c, G_CV_B, b);
    d->nz = kind == CV_SUB ? NZ_COMPARE : NZ_VALUES;
    d->flags_changed = true;
    return true;
}
