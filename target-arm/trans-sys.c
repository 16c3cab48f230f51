/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Status registers, exceptions, hints, coprocessor registers. */
#include "target-arm/translate.h"
#include "target-arm/cp15.h"

static bool privileged(const struct arm_dis *d)
{
    return d->mode & KEY_PRIVILEGED;
}

static ir_val next_pc(struct arm_dis *d)
{
    return arm_imm(d, (uint32_t)d->in->flow.next);
}

/* --- exceptions ------------------------------------------------------------------------------ */

void trans_SVC(struct arm_dis *d, const struct arm_arg_i *a)
{
    arm_call2(d, H_svc, arm_imm(d, a->imm), next_pc(d));
    arm_leave(d);
}

void trans_BKPT(struct arm_dis *d, const struct arm_arg_i *a)
{
    arm_call1(d, H_bkpt, arm_imm(d, a->imm));
    arm_leave(d);
}

/* There is no secure world. */
void trans_SMC(struct arm_dis *d, const struct arm_arg_i *a)
{
    arm_undefined(d);
}

void trans_UDF(struct arm_dis *d, const struct arm_arg_i *a)
{
    arm_undefined(d);
}

void trans_RFE(struct arm_dis *d, const struct arm_arg_rfe *a)
{
    ir_val base = arm_reg(d, a->rn), pc, psr;
    int32_t first = a->u ? (a->p ? 4 : 0) : (a->p ? -8 : -4);

    if (!privileged(d)) {
        arm_undefined(d);
        return;
    }
    pc = arm_ld(d, I32, base, first, MO_32);
    psr = arm_ld(d, I32, base, first + 4, MO_32);
    if (a->w) {
        arm_set_reg(d, a->rn, arm_2i(d, IR_add, base, a->u ? 8 : -8));
    }
    arm_call2(d, H_rfe, pc, psr);
    arm_leave(d);
}

void trans_SRS(struct arm_dis *d, const struct arm_arg_srs *a)
{
    int32_t first = a->u ? (a->p ? 4 : 0) : (a->p ? -8 : -4);
    ir_val mode = arm_imm(d, a->mode), base, psr;

    if (!privileged(d)) {
        arm_undefined(d);
        return;
    }
    psr = arm_call1(d, H_mrs, arm_imm(d, 1));
    arm_flags_dynamic(d);
    base = arm_call1(d, H_srs_sp, mode);
    arm_st(d, I32, base, first, arm_reg(d, R_LR), MO_32);
    arm_st(d, I32, base, first + 4, psr, MO_32);
    if (a->w) {
        arm_call2(d, H_srs_set_sp, mode, arm_2i(d, IR_add, base, a->u ? 8 : -8));
    }
}

/* SUBS PC, LR, #imm of Thumb-2 */
void trans_ERET_sub(struct arm_dis *d, const struct arm_arg_i *a)
{
    arm_call1(d, H_exception_return, arm_2i(d, IR_sub, arm_reg(d, R_LR), a->imm));
    arm_leave(d);
}

/* --- status registers ------------------------------------------------------------------------ */

void trans_MRS(struct arm_dis *d, const struct arm_arg_mrs *a)
{
    ir_val v = arm_call1(d, H_mrs, arm_imm(d, a->r));

    arm_flags_dynamic(d);
    arm_set_reg(d, a->rd, v);
}

/* The flags alone change nothing else. */
static void write_status(struct arm_dis *d, bool spsr, unsigned mask, ir_val v)
{
    arm_call2(d, H_msr, v, arm_imm(d, mask | spsr << 4));
    arm_flags_dynamic(d);
    if (!spsr && mask & 7) {
        arm_end_region(d);
    }
}

void trans_MSR_i(struct arm_dis *d, const struct arm_arg_msr_i *a)
{
    if (a->mask == 0 && !a->r) {
        return;                     /* a hint */
    }
    write_status(d, a->r, a->mask, arm_imm(d, a->imm));
}

void trans_MSR_r(struct arm_dis *d, const struct arm_arg_msr_r *a)
{
    write_status(d, a->r, a->mask, arm_reg(d, a->rm));
}

void trans_CPS(struct arm_dis *d, const struct arm_arg_cps *a)
{
    if (!privileged(d)) {
        return;
    }
    arm_call2(d, H_cps, arm_imm(d, a->imod | a->aif << 2 | a->m << 5), arm_imm(d, a->mode));
    arm_end_region(d);
}

void trans_SETEND(struct arm_dis *d, const struct arm_arg_SETEND *a)
{
    arm_call1(d, H_setend, arm_imm(d, a->e));
    arm_end_region(d);
}

/* --- hints ----------------------------------------------------------------------------------- */

void trans_NOP(struct arm_dis *d)
{
}

void trans_SEV(struct arm_dis *d)
{
}

void trans_YIELD(struct arm_dis *d)
{
    arm_call0(d, H_yield);
}

void trans_WFE(struct arm_dis *d)
{
    arm_call0(d, H_yield);
}

void trans_WFI(struct arm_dis *d)
{
    arm_call1(d, H_wfi, next_pc(d));
    arm_leave(d);
}

/* --- coprocessors ---------------------------------------------------------------------------- */

/* TPIDRURO, TPIDRURW: what programs read most */
static bool read_quickly(struct arm_dis *d, uint32_t reg, unsigned rt)
{
    size_t offset;

    if (!arm_dis_has(d, F_V6K) || rt == R_PC) {
        return false;
    }
    if (reg == CP15(13, 0, 0, 3)) {
        offset = offsetof(struct arm_env, cp15.tpidruro);
    } else if (reg == CP15(13, 0, 0, 2)) {
        offset = offsetof(struct arm_env, cp15.tpidrurw);
    } else {
        return false;
    }
    arm_set_reg(d, rt, ir_envld(d->ir, I32, offset, MO_32));
    return true;
}

void trans_MRC(struct arm_dis *d, const struct arm_arg_mrc *a)
{
    uint32_t reg = CP15(a->crn, a->opc1, a->crm, a->opc2) | a->cp << 16;
    ir_val v;

    if (read_quickly(d, reg & 0xffff, a->rt) && a->cp == 15) {
        return;
    }
    v = arm_call1(d, H_mrc, arm_imm(d, reg));
    if (a->rt != R_PC) {
        arm_set_reg(d, a->rt, v);
    } else {
        ir_val c = ir_extract(d->ir, I32, v, 29, 1), o = ir_extract(d->ir, I32, v, 28, 1);

        arm_flags_cv(d, c, o);
        arm_flags_nz(d, v, arm_2i(d, IR_xor, arm_2i(d, IR_and, v, PSR_Z), PSR_Z));
    }
}

void trans_MCR(struct arm_dis *d, const struct arm_arg_mrc *a)
{
    uint32_t reg = CP15(a->crn, a->opc1, a->crm, a->opc2) | a->cp << 16;

    arm_call2(d, H_mcr, arm_imm(d, reg), arm_reg(d, a->rt));
    arm_end_region(d);
}

void trans_MRRC(struct arm_dis *d, const struct arm_arg_mrrc *a)
{
    arm_undefined(d);
}

void trans_MCRR(struct arm_dis *d, const struct arm_arg_mrrc *a)
{
    arm_undefined(d);
}

void trans_LDC(struct arm_dis *d, const struct arm_arg_LDC *a)
{
    arm_undefined(d);
}
