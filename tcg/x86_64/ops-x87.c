/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * x87 instructions as they are. Where the guest's state is, in the unit or in env, is looked at
 * once in a block of code; C code does not use the unit. Memory operands of a machine go by way of
 * the frame.
 */
#include "tcg/x86_64/compile.h"

static void register_form(struct compiler *c, unsigned encoding)
{
    x_8(&c->e, encoding);
    x_8(&c->e, encoding >> 8);
}

static void memory_form(struct compiler *c, unsigned encoding, struct mem m)
{
    x_rm(&c->e, encoding & 0xff, encoding >> 11 & 7, m);
}

static void op_state(struct compiler *c, const struct ir_op *o)
{
    struct stub *s = new_stub(c);

    x_alu_mem_imm(&c->e, ALU_OP_CMP, false, env_mem(offsetof(struct cpu_hot, x87_resident)), 0);
    s->kind = STUB_X87;
    s->imm = o->imm;
    s->from = x_jcc(&c->e, o->imm ? CC_E : CC_NE);
    s->back = x_here(&c->e);
}

static void op_put(struct compiler *c, const struct ir_op *o)
{
    x_rm(&c->e, OP_STORE | wide(o->type), use_reg(c, o->a), frame_mem(FRAME_BUFFER));
    if (o->b) {
        x_rm(&c->e, OP_STORE | X_66, use_reg(c, o->b), frame_mem(FRAME_BUFFER + 8));
    }
    memory_form(c, o->imm, frame_mem(FRAME_BUFFER));
}

static void op_take(struct compiler *c, const struct ir_op *o)
{
    int pin = dest_pin(c), d = dest_reg(c, pin, 0, 0);

    memory_form(c, o->imm, frame_mem(FRAME_BUFFER));
    plain_load(c, o->type, o->imm >> 16, d, frame_mem(FRAME_BUFFER));
    set_result(c, pin, d);
}

static void op_direct(struct compiler *c, const struct ir_op *o)
{
    struct mem m = guest_mem(c, o);

    c->consumed = true;
    may_fault(c, take_snapshot(c));
    memory_form(c, o->b, m);
}

/* To rax: fnstsw ax, or flags. */
static void op_result(struct compiler *c, const struct ir_op *o)
{
    int pin = dest_pin(c);

    alloc_fixed(c, RAX);
    if (o->op == IR_x87_fl) {
        register_form(c, o->imm);
        flags_to_value(c, pin, 0x45);
    } else {
        register_form(c, 0xe0df);
        x_rr(&c->e, OP_MOVZX16, RAX, RAX);
        set_result(c, pin, RAX);
    }
}

static void op_cmov(struct compiler *c, const struct ir_op *o)
{
    int r = use_reg(c, o->a);

    x_rr(&c->e, OP_TEST, r, r);
    register_form(c, 0xc8db | o->imm << 8);         /* fcmovne */
}

void op_x87(struct compiler *c, const struct ir_op *o)
{
    switch (o->op) {
    case IR_x87_state: op_state(c, o); break;
    case IR_x87: register_form(c, o->imm); break;
    case IR_x87_put: op_put(c, o); break;
    case IR_x87_mem: op_direct(c, o); break;
    case IR_x87_status: case IR_x87_fl: op_result(c, o); break;
    case IR_x87_cmov: op_cmov(c, o); break;
    default: op_take(c, o);
    }
}
