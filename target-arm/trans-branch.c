/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Branches, calls, table branches, IT. */
#include "target-arm/translate.h"

static uint32_t target_of(const struct arm_dis *d)
{
    return (uint32_t)d->in->flow.target;
}

/* The address behind this instruction, with its state, as a link register has it. */
static ir_val link(struct arm_dis *d)
{
    return arm_imm(d, (uint32_t)d->in->flow.next);
}

void trans_B(struct arm_dis *d, const struct arm_arg_i *a)
{
    if (d->in->cond != COND_AL && !d->skipping) {
        struct arm_cond c = arm_condition(d, d->in->cond);

        ir_brc(d->ir, c.type, c.cc, c.a, c.b, arm_branch_label(d, target_of(d)));
    } else {
        arm_jump(d, target_of(d));
    }
}

void trans_B_cond(struct arm_dis *d, const struct arm_arg_cond_i *a)
{
    struct arm_cond c = arm_condition(d, a->cond);

    ir_brc(d->ir, c.type, c.cc, c.a, c.b, arm_branch_label(d, target_of(d)));
}

void trans_CBZ(struct arm_dis *d, const struct arm_arg_cbz *a)
{
    ir_brc(d->ir, I32, a->n ? IR_NE : IR_EQ, arm_reg(d, a->rn), arm_imm(d, 0),
           arm_branch_label(d, target_of(d)));
}

void trans_BL(struct arm_dis *d, const struct arm_arg_i *a)
{
    uint32_t here = (uint32_t)d->in->flow.pc + (d->thumb ? 4 : 8);

    ir_set(d->ir, G_LR, link(d));
    arm_call_to(d, here + a->imm);
}

/* To the other state; from Thumb the pc is aligned first. */
void trans_BLX_i(struct arm_dis *d, const struct arm_arg_i *a)
{
    uint32_t here = (uint32_t)d->in->flow.pc;
    ir_val lr = link(d);

    here = d->thumb ? ((here & ~1u) + 4) & ~3u : here + 8 + 1;
    ir_set(d->ir, G_LR, lr);
    arm_call_to(d, here + a->imm);
}

void trans_BX(struct arm_dis *d, const struct arm_arg_r *a)
{
    arm_jump_exchange(d, arm_reg(d, a->rm), a->rm == R_LR ? JUMP_RET : JUMP_PLAIN);
}

/* Without Jazelle, as BX. */
void trans_BXJ(struct arm_dis *d, const struct arm_arg_r *a)
{
    trans_BX(d, a);
}

void trans_BLX_r(struct arm_dis *d, const struct arm_arg_r *a)
{
    ir_val target = arm_reg(d, a->rm);

    ir_set(d->ir, G_LR, link(d));
    arm_jump_exchange(d, target, JUMP_CALL);
}

static void table_branch(struct arm_dis *d, unsigned rn, unsigned rm, unsigned size)
{
    ir_val base = rn == R_PC ? arm_imm(d, arm_pc_value(d)) : arm_reg(d, rn);
    ir_val index = arm_reg(d, rm), offset;

    if (size == MO_16) {
        index = arm_2i(d, IR_shl, index, 1);
    }
    offset = arm_ld(d, I32, arm_2(d, IR_add, base, index), 0, size);
    offset = arm_2i(d, IR_shl, offset, 1);
    arm_jump_value(d, arm_2i(d, IR_add, offset, arm_pc_value(d) | 1), JUMP_PLAIN);
}

void trans_TBB(struct arm_dis *d, const struct arm_arg_TBB *a)
{
    table_branch(d, a->rn, a->rm, MO_8);
}

void trans_TBH(struct arm_dis *d, const struct arm_arg_TBH *a)
{
    table_branch(d, a->rn, a->rm, MO_16);
}

/* The decoder carries the state along. */
void trans_IT(struct arm_dis *d, const struct arm_arg_it *a)
{
    if (a->cond_mask >> 4 == 15) {
        arm_undefined(d);
    }
}
