/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Near jumps, calls and returns, loops, bound. */
#include "target-i386/translate.h"

/* A computed target: a 16-bit operand size cuts it. */
static ir_val as_pc(struct x86_dis *d, ir_val v)
{
    switch (d->in.opsize) {
    case 2: return ir_extu(d->ir, I32, v, 16);
    case 4: return ir_1(d->ir, IR_mov, I32, v);
    }
    return v;
}

void trans_jcc(struct x86_dis *d)
{
    struct x86_cond c;

    if (d->cc_op == CC_DYNAMIC && d->code64) {
        x86_guess_flags(d);
    }
    c = x86_condition(d, d->in.opcode & 15);
    x86_refuse_jump(d, d->in.imm, &c);
    ir_brc(d->ir, c.type, c.cc, c.a, c.b, x86_branch_label(d, d->in.imm));
}

void trans_jmp(struct x86_dis *d)
{
    if (!x86_refuse_jump(d, d->in.imm, NULL)) {
        x86_gen_jump(d, d->in.imm);
    }
}

void trans_jmp_value(struct x86_dis *d)
{
    ir_val target = as_pc(d, x86_read(d, 0));

    x86_check_jump(d, target);
    x86_gen_jump_value(d, target, JUMP_PLAIN);
}

void trans_call(struct x86_dis *d)
{
    if (!x86_refuse_jump(d, d->in.imm, NULL)) {
        x86_push(d, x86_imm_word(d, d->in.next));
        x86_gen_jump(d, d->in.imm);
    }
}

void trans_call_value(struct x86_dis *d)
{
    ir_val target = as_pc(d, x86_read(d, 0));

    x86_check_jump(d, target);
    x86_push(d, x86_imm_word(d, d->in.next));
    x86_gen_jump_value(d, target, JUMP_CALL);
}

void trans_ret(struct x86_dis *d)
{
    unsigned size = d->in.opsize;
    int32_t drop = d->in.operand[0].kind == OPND_IMM ? d->in.imm & 0xffff : 0;
    ir_val sp = ir_get(d->ir, G_REG0 + R_SP);
    ir_val pc = x86_ld(d, x86_type(size), x86_stack_slot(d, sp, 0, size, false), x86_memop(size));

    pc = as_pc(d, pc);
    x86_check_jump(d, pc);
    x86_stack_move(d, sp, size + drop);
    x86_gen_jump_value(d, pc, JUMP_RET);
}

/* The counter of loops and string instructions, compared with 0 as wide as the address size. */
static ir_val counter(struct x86_dis *d)
{
    return x86_reg_read(d, R_CX, d->in.addrsize);
}

void trans_jcxz(struct x86_dis *d)
{
    enum ir_type type = x86_type(d->in.addrsize);
    struct x86_cond c = { type, IR_EQ, counter(d), ir_const(d->ir, type, 0) };

    x86_refuse_jump(d, d->in.imm, &c);
    ir_brc(d->ir, c.type, c.cc, c.a, c.b, x86_branch_label(d, d->in.imm));
}

/* arg: 0 loopne, 1 loope, 2 loop */
void trans_loop(struct x86_dis *d)
{
    struct ir *ir = d->ir;
    unsigned size = d->in.addrsize;
    enum ir_type type = x86_type(size);
    ir_val count = ir_2i(ir, IR_add, type, ir_get(ir, G_REG0 + R_CX), -1);
    ir_val more;

    if (size == 2) {
        count = ir_extu(ir, I32, count, 16);
    }
    more = ir_setc(ir, type, IR_NE, count, ir_const(ir, type, 0));
    if (d->in.op->arg != 2) {
        struct x86_cond c = x86_condition(d, 5 - d->in.op->arg);

        more = ir_2(ir, IR_and, I32, more, ir_setc(ir, c.type, c.cc, c.a, c.b));
    }
    x86_refuse_jump(d, d->in.imm, &(struct x86_cond){ I32, IR_NE, more, x86_imm32(d, 0) });
    x86_reg_write(d, R_CX, size, count);
    ir_brc(ir, I32, IR_NE, more, x86_imm32(d, 0), x86_branch_label(d, d->in.imm));
}

void trans_bound(struct x86_dis *d)
{
    unsigned size = d->in.operand[0].size;
    struct x86_ea ea = x86_operand_ea(d, 1, false);
    unsigned memop = x86_memop(size) | (size == 2 ? MO_SIGN : 0);
    ir_val index = x86_read_sx(d, 0, I32);

    x86_raise_if(d, I32, IR_LT, index, x86_ld(d, I32, ea, memop), EXC_BR);
    x86_raise_if(d, I32, IR_GT, index, x86_ld(d, I32, x86_ea_add(ea, size), memop), EXC_BR);
}
