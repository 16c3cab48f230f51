/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * String instructions. Alone they are plain loads and stores; repeated they call a helper that does
 * as much as one page allows and says whether more is to do. Between calls interrupts may come: the
 * registers then describe the rest.
 */
#include "target-i386/translate.h"

#include <stddef.h>

#include "target-i386/string.h"

static ir_val pointer(struct x86_dis *d, unsigned reg)
{
    return x86_reg_read(d, reg, d->in.addrsize);
}

static struct x86_ea source(struct x86_dis *d, unsigned size)
{
    return x86_address_of(d, d->in.seg, pointer(d, R_SI), size, false);
}

static struct x86_ea destination(struct x86_dis *d, unsigned size, bool write)
{
    return x86_address_of(d, SEG_ES, pointer(d, R_DI), size, write);
}

static void advance(struct x86_dis *d, unsigned reg, unsigned size)
{
    struct ir *ir = d->ir;
    enum ir_type type = x86_type(d->in.addrsize);
    ir_val step = ir_2i(ir, IR_shl, I32, ir_get(ir, G_DF), __builtin_ctz(size));

    step = type == I64 ? ir_exts(ir, I64, step, 32) : step;
    x86_reg_write(d, reg, d->in.addrsize,
                  ir_2(ir, IR_add, type, ir_get(ir, G_REG0 + reg), step));
}

/* #DB between iterations shows RF. */
static void set_resume(struct x86_dis *d, ir_val more)
{
    uint32_t at = offsetof(struct x86_env, eflags);
    ir_val rf = ir_sel(d->ir, I32, IR_NE, more, x86_imm32(d, 0), x86_imm32(d, FL_RF),
                       x86_imm32(d, 0));

    ir_envst(d->ir, I32, at, ir_2(d->ir, IR_or, I32, ir_envld(d->ir, I32, at, MO_32), rf), MO_32);
}

static void repeat(struct x86_dis *d, enum x86_helper helper, unsigned size)
{
    struct ir *ir = d->ir;
    /* Alone in its region it may be about to change itself, with any element. */
    bool step = d->mode & MODE_TF || d->to_loop || d->t->max_insns == 1;
    uint32_t what = __builtin_ctz(size) | __builtin_ctz(d->in.addrsize) << STRING_ADDR_SHIFT |
                    d->in.seg << STRING_SEG_SHIFT | (step ? STRING_STEP : 0) |
                    (d->in.rep == 0xf3 ? STRING_WHILE_EQUAL : 0);
    ir_val more;
    unsigned again;

    if (step) {
        more = x86_call1(d, helper, x86_imm32(d, what));
        if (d->mode & MODE_TF) {
            set_resume(d, more);
        }
        x86_gen_jump_value(d, ir_sel(ir, X86_IWORD, IR_NE, more, ir_const(ir, X86_IWORD, 0),
                                     x86_imm_word(d, d->in.pc), x86_imm_word(d, d->in.next)),
                           JUMP_PLAIN);
        return;
    }
    again = x86_label_new(d);
    ir_label(ir, again);
    ir_poll(ir, d->in.pc);
    more = x86_call1(d, helper, x86_imm32(d, what));
    ir_brc(ir, I32, IR_NE, more, x86_imm32(d, 0), again);
}

void trans_movs(struct x86_dis *d)
{
    unsigned size = d->in.operand[0].size;
    ir_val v;

    if (d->in.rep) {
        repeat(d, H_rep_movs, size);
        return;
    }
    v = x86_ld(d, x86_type(size), source(d, size), x86_memop(size));
    x86_st(d, x86_type(size), destination(d, size, true), v, x86_memop(size));
    advance(d, R_SI, size);
    advance(d, R_DI, size);
}

void trans_stos(struct x86_dis *d)
{
    unsigned size = d->in.operand[0].size;

    if (d->in.rep) {
        repeat(d, H_rep_stos, size);
        return;
    }
    x86_st(d, x86_type(size), destination(d, size, true), x86_read_low(d, 1), x86_memop(size));
    advance(d, R_DI, size);
}

void trans_lods(struct x86_dis *d)
{
    unsigned size = d->in.operand[0].size;
    ir_val v;

    if (d->in.rep) {
        repeat(d, H_rep_lods, size);
        return;
    }
    v = x86_ld(d, x86_type(size), source(d, size), x86_memop(size));
    x86_reg_write(d, R_AX, size, v);
    advance(d, R_SI, size);
}

void trans_cmps(struct x86_dis *d)
{
    unsigned size = d->in.operand[0].size;
    ir_val a, b;

    if (d->in.rep) {
        repeat(d, H_rep_cmps, size);
        x86_flags_dynamic(d);
        return;
    }
    b = x86_ld(d, x86_type(size), destination(d, size, false), x86_memop(size));
    a = x86_ld(d, x86_type(size), source(d, size), x86_memop(size));
    advance(d, R_SI, size);
    advance(d, R_DI, size);
    x86_flags_set(d, x86_cc(CC_CMP, size), a, b, 0);
}

void trans_scas(struct x86_dis *d)
{
    unsigned size = d->in.operand[0].size;
    ir_val b;

    if (d->in.rep) {
        repeat(d, H_rep_scas, size);
        x86_flags_dynamic(d);
        return;
    }
    b = x86_ld(d, x86_type(size), destination(d, size, false), x86_memop(size));
    advance(d, R_DI, size);
    x86_flags_set(d, x86_cc(CC_CMP, size), x86_read_low(d, 0), b, 0);
}
