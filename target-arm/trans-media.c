/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bit fields, extensions, reversals, saturation, and SIMD within a register. */
#include <stddef.h>
#include "target-arm/translate.h"

void trans_CLZ(struct arm_dis *d, const struct arm_arg_rr *a)
{
    arm_set_reg(d, a->rd, ir_1(d->ir, IR_clz, I32, arm_reg(d, a->rm)));
}

void trans_REV(struct arm_dis *d, const struct arm_arg_rr *a)
{
    arm_set_reg(d, a->rd, ir_1(d->ir, IR_bswap, I32, arm_reg(d, a->rm)));
}

/* Bytes exchanged within each halfword */
static ir_val swap_halves(struct arm_dis *d, ir_val v)
{
    return arm_2i(d, IR_rotr, ir_1(d->ir, IR_bswap, I32, v), 16);
}

void trans_REV16(struct arm_dis *d, const struct arm_arg_rr *a)
{
    arm_set_reg(d, a->rd, swap_halves(d, arm_reg(d, a->rm)));
}

void trans_REVSH(struct arm_dis *d, const struct arm_arg_rr *a)
{
    arm_set_reg(d, a->rd, ir_exts(d->ir, I32, swap_halves(d, arm_reg(d, a->rm)), 16));
}

void trans_RBIT(struct arm_dis *d, const struct arm_arg_rr *a)
{
    arm_set_reg(d, a->rd, arm_call1(d, H_rbit, arm_reg(d, a->rm)));
}

/* --- bit fields ------------------------------------------------------------------------------ */

/* BFC when rn is the pc. */
void trans_BFCI(struct arm_dis *d, const struct arm_arg_bitfield *a)
{
    ir_val from = a->rn == R_PC ? arm_imm(d, 0) : arm_reg(d, a->rn);

    if (a->msb < a->lsb) {
        arm_undefined(d);
        return;
    }
    arm_set_reg(d, a->rd, ir_deposit(d->ir, I32, arm_reg(d, a->rd), from, a->lsb,
                                     a->msb - a->lsb + 1));
}

void trans_UBFX(struct arm_dis *d, const struct arm_arg_extract *a)
{
    if (a->lsb + a->widthm1 > 31) {
        arm_undefined(d);
        return;
    }
    arm_set_reg(d, a->rd, ir_extract(d->ir, I32, arm_reg(d, a->rn), a->lsb, a->widthm1 + 1));
}

void trans_SBFX(struct arm_dis *d, const struct arm_arg_extract *a)
{
    ir_val v = arm_reg(d, a->rn);

    if (a->lsb + a->widthm1 > 31) {
        arm_undefined(d);
        return;
    }
    v = arm_2i(d, IR_shl, v, 31 - a->lsb - a->widthm1);
    arm_set_reg(d, a->rd, arm_2i(d, IR_sar, v, 31 - a->widthm1));
}

void trans_PKH(struct arm_dis *d, const struct arm_arg_pkh *a)
{
    ir_val n = arm_reg(d, a->rn), m = arm_reg(d, a->rm);

    if (a->tb) {
        m = arm_2i(d, IR_sar, m, a->imm ? a->imm : 31);
        arm_set_reg(d, a->rd, ir_deposit(d->ir, I32, n, m, 0, 16));
    } else {
        m = arm_2i(d, IR_shl, m, a->imm);
        arm_set_reg(d, a->rd, ir_deposit(d->ir, I32, m, n, 0, 16));
    }
}

/* --- extensions ------------------------------------------------------------------------------ */

static ir_val rotated(struct arm_dis *d, const struct arm_arg_extend *a)
{
    ir_val m = arm_reg(d, a->rm);

    return a->rot ? arm_2i(d, IR_rotr, m, a->rot * 8) : m;
}

static void extend_add(struct arm_dis *d, const struct arm_arg_extend *a, ir_val v)
{
    arm_set_reg(d, a->rd, a->rn == R_PC ? v : arm_2(d, IR_add, arm_reg(d, a->rn), v));
}

void trans_SXTAB(struct arm_dis *d, const struct arm_arg_extend *a)
{
    extend_add(d, a, ir_exts(d->ir, I32, rotated(d, a), 8));
}

void trans_SXTAH(struct arm_dis *d, const struct arm_arg_extend *a)
{
    extend_add(d, a, ir_exts(d->ir, I32, rotated(d, a), 16));
}

void trans_UXTAB(struct arm_dis *d, const struct arm_arg_extend *a)
{
    extend_add(d, a, ir_extu(d->ir, I32, rotated(d, a), 8));
}

void trans_UXTAH(struct arm_dis *d, const struct arm_arg_extend *a)
{
    extend_add(d, a, ir_extu(d->ir, I32, rotated(d, a), 16));
}

/* Two bytes into two halfwords, each added for itself. */
static void extend_add_16(struct arm_dis *d, const struct arm_arg_extend *a, ir_val low,
                          ir_val high)
{
    if (a->rn != R_PC) {
        ir_val n = arm_reg(d, a->rn);

        low = arm_2(d, IR_add, n, low);
        high = arm_2(d, IR_add, arm_2i(d, IR_shr, n, 16), high);
    }
    arm_set_reg(d, a->rd, ir_deposit(d->ir, I32, low, high, 16, 16));
}

void trans_SXTAB16(struct arm_dis *d, const struct arm_arg_extend *a)
{
    ir_val m = rotated(d, a);

    extend_add_16(d, a, ir_exts(d->ir, I32, m, 8),
                  ir_exts(d->ir, I32, arm_2i(d, IR_shr, m, 16), 8));
}

void trans_UXTAB16(struct arm_dis *d, const struct arm_arg_extend *a)
{
    ir_val m = rotated(d, a);

    extend_add_16(d, a, ir_extu(d->ir, I32, m, 8), ir_extract(d->ir, I32, m, 16, 8));
}

/* --- saturation ------------------------------------------------------------------------------ */

void trans_QADD(struct arm_dis *d, const struct arm_arg_rrr *a)
{
    arm_set_reg(d, a->rd, arm_call2(d, H_qadd, arm_reg(d, a->rm), arm_reg(d, a->rn)));
}

void trans_QSUB(struct arm_dis *d, const struct arm_arg_rrr *a)
{
    arm_set_reg(d, a->rd, arm_call2(d, H_qsub, arm_reg(d, a->rm), arm_reg(d, a->rn)));
}

static ir_val doubled(struct arm_dis *d, unsigned r)
{
    return arm_call2(d, H_qadd, arm_reg(d, r), arm_reg(d, r));
}

void trans_QDADD(struct arm_dis *d, const struct arm_arg_rrr *a)
{
    arm_set_reg(d, a->rd, arm_call2(d, H_qadd, arm_reg(d, a->rm), doubled(d, a->rn)));
}

void trans_QDSUB(struct arm_dis *d, const struct arm_arg_rrr *a)
{
    arm_set_reg(d, a->rd, arm_call2(d, H_qsub, arm_reg(d, a->rm), doubled(d, a->rn)));
}

static ir_val sat_operand(struct arm_dis *d, const struct arm_arg_sat *a)
{
    return arm_shift_imm(d, arm_reg(d, a->rn), a->sh ? 2 : 0, a->imm, NULL);
}

void trans_SSAT(struct arm_dis *d, const struct arm_arg_sat *a)
{
    arm_set_reg(d, a->rd, arm_call2(d, H_ssat, sat_operand(d, a), arm_imm(d, a->satimm)));
}

void trans_USAT(struct arm_dis *d, const struct arm_arg_sat *a)
{
    arm_set_reg(d, a->rd, arm_call2(d, H_usat, sat_operand(d, a), arm_imm(d, a->satimm)));
}

void trans_SSAT16(struct arm_dis *d, const struct arm_arg_sat *a)
{
    arm_set_reg(d, a->rd, arm_call2(d, H_ssat16, arm_reg(d, a->rn), arm_imm(d, a->satimm)));
}

void trans_USAT16(struct arm_dis *d, const struct arm_arg_sat *a)
{
    arm_set_reg(d, a->rd, arm_call2(d, H_usat16, arm_reg(d, a->rn), arm_imm(d, a->satimm)));
}

/* --- SIMD ------------------------------------------------------------------------------------ */

/* Parts in a vector register, and back: paddb and their like do four bytes or two halfwords. */
static ir_val parts(struct arm_dis *d, unsigned r)
{
    return ir_1(d->ir, IR_bitcast, V64, arm_reg(d, r));
}

static ir_val word(struct arm_dis *d, ir_val v)
{
    return ir_1(d->ir, IR_bitcast, I32, v);
}

static ir_val saturating(struct arm_dis *d, bool subtract, bool is_unsigned, bool halves, ir_val n,
                         ir_val m)
{
    unsigned opcode = (subtract ? 0xe8 : 0xec) - (is_unsigned ? 0x10 : 0) + halves;

    return arm_vx_move(d, V64, 1, 0x66, opcode, n, m);
}

/*
 * GE of unsigned sums: where the saturated sum is not the sum; of differences: where the saturated
 * difference of the other order is zero.
 */
static ir_val unsigned_ge(struct arm_dis *d, bool subtract, bool halves, ir_val n, ir_val m,
                          ir_val r)
{
    unsigned bits = halves ? 16 : 8;
    ir_val v = subtract ? saturating(d, true, true, halves, m, n)
                        : saturating(d, false, true, halves, n, m);

    if (subtract) {
        r = ir_imm(d->ir, IR_vzero, V64, 0, 0, 0);
    }
    v = word(d, ir_imm(d->ir, IR_vcmpeq, V64, v, r, bits));
    return subtract ? v : ir_1(d->ir, IR_not, I32, v);
}

/* ge: all bits of a byte say whether GE is set. */
static void set_ge(struct arm_dis *d, ir_val ge)
{
    ir_val v = arm_2i(d, IR_and, ge, 0x80808080);

    ir_set(d->ir, G_GE, v);
    d->ge_val = v;
    d->ge_mask = ge;
}

void trans_PARALLEL(struct arm_dis *d, const struct arm_arg_parallel *a)
{
    bool subtract = a->op2 == 3 || a->op2 == 7, halves = a->op2 == 0 || a->op2 == 3;
    bool plain = subtract || halves || a->op2 == 4;         /* no halfwords crossed */
    ir_val n, m, r;

    if (!plain || (a->op1 != 2 && a->op1 != 5 && a->op1 != 6)) {
        arm_set_reg(d, a->rd, arm_call3(d, H_parallel, arm_reg(d, a->rn), arm_reg(d, a->rm),
                                        arm_imm(d, a->op1 << 3 | a->op2)));
        return;
    }
    n = parts(d, a->rn);
    m = parts(d, a->rm);
    if (a->op1 == 5) {
        r = ir_imm(d->ir, subtract ? IR_vsub : IR_vadd, V64, n, m, halves ? 16 : 8);
        set_ge(d, unsigned_ge(d, subtract, halves, n, m, r));
    } else {
        r = saturating(d, subtract, a->op1 == 6, halves, n, m);
    }
    arm_set_reg(d, a->rd, word(d, r));
}

/* Bytes by GE; from its bits a mask of whole bytes. */
void trans_SEL(struct arm_dis *d, const struct arm_arg_rrr *a)
{
    ir_val ge = ir_get(d->ir, G_GE), mask = d->ge_mask;

    if (!mask || d->ge_val != ge) {
        mask = arm_2(d, IR_sub, arm_2i(d, IR_shl, ge, 1), arm_2i(d, IR_shr, ge, 7));
    }
    arm_set_reg(d, a->rd, arm_2(d, IR_or, arm_2(d, IR_and, arm_reg(d, a->rn), mask),
                                arm_2(d, IR_andc, arm_reg(d, a->rm), mask)));
}

void trans_USADA8(struct arm_dis *d, const struct arm_arg_rrrr *a)
{
    ir_val r = word(d, arm_vx_move(d, V64, 1, 0x66, 0xf6, parts(d, a->rn), parts(d, a->rm)));

    arm_set_reg(d, a->rd, a->ra == R_PC ? r : arm_2(d, IR_add, r, arm_reg(d, a->ra)));
}
