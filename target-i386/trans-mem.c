/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Moves, exchanges, the stack. */
#include "target-i386/translate.h"

void trans_nop(struct x86_dis *d)
{
}

void trans_fence(struct x86_dis *d)
{
    ir_imm(d->ir, IR_fence, IR_NONE, 0, 0, 0);
}

/* clflush and its kin: the access checks of a byte load. */
void trans_touch(struct x86_dis *d)
{
    x86_ld(d, I32, x86_operand_ea(d, 0, false), MO_8);
}

void trans_mov(struct x86_dis *d)
{
    x86_write(d, 0, x86_read_low(d, 1));
}

void trans_lea(struct x86_dis *d)
{
    bool low = d->in.operand[0].size <= 4 && d->in.addrsize > 2;

    x86_write(d, 0, low ? x86_lea_low(d) : x86_lea(d));
}

void trans_movzx(struct x86_dis *d)
{
    x86_write(d, 0, x86_read(d, 1));
}

/* arg: size of the source; a 16-bit movsxd reads no more than it needs */
void trans_movsx(struct x86_dis *d)
{
    unsigned size = d->in.operand[0].size;

    if (d->in.operand[1].size > size) {
        d->in.operand[1].size = size;
    }
    if (d->in.operand[1].size == size) {
        x86_write(d, 0, x86_read_low(d, 1));
    } else {
        x86_write(d, 0, x86_read_sx(d, 1, x86_type(size)));
    }
}

void trans_movbe(struct x86_dis *d)
{
    unsigned size = d->in.operand[0].size;
    enum ir_type type = x86_type(size);
    bool load = x86_is_mem(d, 1);
    struct x86_ea ea = x86_operand_ea(d, load, !load);

    if (load) {
        x86_write(d, 0, x86_ld(d, type, ea, x86_memop(size) | MO_BE));
    } else {
        x86_st(d, type, ea, x86_read_low(d, 1), x86_memop(size) | MO_BE);
    }
}

void trans_xchg(struct x86_dis *d)
{
    unsigned size = d->in.operand[0].size;
    enum ir_type type = x86_type(size);
    ir_val a, b;

    if (x86_is_mem(d, 0)) {
        struct x86_ea ea = x86_operand_ea(d, 0, true);

        b = x86_read_low(d, 1);
        x86_watch(d, ea, x86_memop(size), X86_WATCH_BOTH);
        a = ir_atomic(d->ir, IR_xchg, type, ea.base, ea.disp, b, ea.memop | x86_memop(size));
        x86_write(d, 1, a);
        return;
    }
    if (d->in.opcode == 0x90 && d->in.operand[0].reg == R_AX) {
        return;                     /* nop: does not even clear the upper half */
    }
    a = x86_read(d, 0);
    b = x86_read(d, 1);
    x86_write(d, 0, b);
    x86_write(d, 1, a);
}

/* The accumulator takes the old value when it differs, else it stays as it is, all 64 bits. */
static void set_accumulator(struct x86_dis *d, unsigned size, ir_val old, ir_val acc)
{
    struct ir *ir = d->ir;
    ir_val ax = ir_get(ir, G_REG0 + R_AX), differs;

    if (size < 4) {
        x86_reg_write(d, R_AX, size, old);
    } else if (size == 4 && TARGET_WORD_BITS == 64) {
        differs = ir_setc(ir, I32, IR_NE, old, acc);
        ir_set(ir, G_REG0 + R_AX, ir_sel(ir, I64, IR_NE, differs, ir_const(ir, I64, 0), old, ax));
    } else {
        ir_set(ir, G_REG0 + R_AX, ir_sel(ir, x86_type(size), IR_NE, old, acc, old, ax));
    }
}

/* Likewise a 32-bit destination register keeps its upper half when the comparison fails. */
static void exchange_register32(struct x86_dis *d, ir_val old, ir_val acc, ir_val src)
{
    unsigned g = G_REG0 + d->in.operand[0].reg;
    ir_val equal = ir_setc(d->ir, I32, IR_EQ, old, acc);

    ir_set(d->ir, g, ir_sel(d->ir, X86_IWORD, IR_NE, equal, ir_const(d->ir, X86_IWORD, 0), src,
                            ir_get(d->ir, g)));
}

void trans_cmpxchg(struct x86_dis *d)
{
    struct ir *ir = d->ir;
    unsigned size = d->in.operand[0].size;
    enum ir_type type = x86_type(size);
    ir_val acc = x86_reg_read(d, R_AX, size), src = x86_read(d, 1), old;

    if (d->in.lock) {
        struct x86_ea ea = x86_operand_ea(d, 0, true);

        x86_watch(d, ea, x86_memop(size), X86_WATCH_BOTH);
        old = ir_cas(ir, type, ea.base, ea.disp, acc, src, ea.memop | x86_memop(size));
        old = size < 4 ? ir_extu(ir, I32, old, 8 * size) : old;
    } else if (x86_is_mem(d, 0) || size != 4) {
        old = x86_read(d, 0);
        x86_write(d, 0, ir_sel(ir, type, IR_EQ, old, acc, src, old));
    } else {
        old = x86_read(d, 0);
        exchange_register32(d, old, acc, src);
    }
    if (d->in.lock || x86_is_mem(d, 0) || d->in.operand[0].reg != R_AX) {
        set_accumulator(d, size, old, acc);
    }
    x86_flags_set(d, x86_cc(CC_CMP, size), acc, old, 0);
}

static ir_val register_pair(struct x86_dis *d, unsigned high, unsigned low)
{
    ir_val h = ir_2i(d->ir, IR_shl, I64, x86_reg_read(d, high, 4), 32);

    return ir_2(d->ir, IR_or, I64, h, x86_reg_read(d, low, 4));
}

/* Locked or not, it is one atomic operation. */
void trans_cmpxchg8b(struct x86_dis *d)
{
    struct ir *ir = d->ir;
    ir_val acc, old, zf;
    struct x86_ea ea;

    if (x86_rex_w(&d->in)) {
#if TARGET_WORD_BITS == 64
        if (!d->has[FEAT_CX16]) {
            x86_gen_ud(d);
            return;
        }
        ea = x86_address(d, 16, true);
        zf = x86_call1(d, H_cmpxchg16b, x86_ea_value(d, ea));
        x86_flags_merge(d, zf, FL_ZF);
#endif
        return;
    }
    ea = x86_address(d, 8, true);
    acc = register_pair(d, R_DX, R_AX);
    x86_watch(d, ea, MO_64, X86_WATCH_BOTH);
    old = ir_cas(ir, I64, ea.base, ea.disp, acc, register_pair(d, R_CX, R_BX), ea.memop | MO_64);
    zf = ir_2i(ir, IR_shl, I32, ir_setc(ir, I64, IR_EQ, old, acc), 6);
    /* When they are equal this writes what is there, but for upper halves of 64-bit registers. */
    if (TARGET_WORD_BITS == 64 && d->code64) {
        ir_val ax = ir_get(ir, G_REG0 + R_AX), dx = ir_get(ir, G_REG0 + R_DX);
        ir_val high = ir_2i(ir, IR_shr, I64, old, 32);

        ir_set(ir, G_REG0 + R_AX,
               ir_sel(ir, I64, IR_NE, old, acc, ir_1(ir, IR_mov, I32, old), ax));
        ir_set(ir, G_REG0 + R_DX, ir_sel(ir, I64, IR_NE, old, acc, high, dx));
    } else {
        x86_reg_write(d, R_AX, 4, old);
        x86_reg_write(d, R_DX, 4, ir_2i(ir, IR_shr, I64, old, 32));
    }
    x86_flags_merge(d, zf, FL_ZF);
}

void trans_xlat(struct x86_dis *d)
{
    struct ir *ir = d->ir;
    unsigned size = d->in.addrsize;
    enum ir_type type = size == 8 ? I64 : I32;
    ir_val at = ir_2(ir, IR_add, type, ir_get(ir, G_REG0 + R_BX), x86_reg_read(d, R_AX, 1));

    at = size == 8 ? at : size == 4 ? ir_1(ir, IR_mov, I32, at) : ir_extu(ir, I32, at, 16);
    x86_reg_write(d, R_AX, 1, x86_ld(d, I32, x86_address_of(d, d->in.seg, at, 1, false), MO_8));
}

/* --- the stack ------------------------------------------------------------------------------- */

void trans_push(struct x86_dis *d)
{
    if (d->in.operand[0].kind == OPND_IMM) {
        d->in.operand[0].size = d->in.opsize;
    }
    x86_push(d, x86_read_low(d, 0));
}

void trans_pop(struct x86_dis *d)
{
    unsigned size = d->in.opsize;
    ir_val sp = ir_get(d->ir, G_REG0 + R_SP), v, after, offset;

    v = x86_ld(d, x86_type(size), x86_stack_slot(d, sp, 0, size, false), x86_memop(size));
    if (!x86_is_mem(d, 0) && d->in.operand[0].kind == OPND_GPR && d->in.operand[0].reg != R_SP) {
        x86_write(d, 0, v);         /* at once: the load can then be made into the register */
        x86_stack_move(d, sp, size);
        return;
    }
    x86_stack_move(d, sp, size);
    if (x86_is_mem(d, 0)) {
        /* The address is made with the new stack pointer, but a fault must show the old one. */
        after = ir_get(d->ir, G_REG0 + R_SP);
        offset = x86_lea(d);
        ir_set(d->ir, G_REG0 + R_SP, sp);
        x86_st(d, x86_type(size), x86_address_of(d, d->in.seg, offset, size, true), v,
               x86_memop(size));
        ir_set(d->ir, G_REG0 + R_SP, after);
    } else {
        x86_write(d, 0, v);
    }
}

void trans_pusha(struct x86_dis *d)
{
    int size = d->in.opsize;
    ir_val sp = ir_get(d->ir, G_REG0 + R_SP);

    for (int r = R_AX; r <= R_DI; r++) {
        struct x86_ea ea = x86_stack_slot(d, sp, -size * (r + 1), size, true);

        x86_st(d, I32, ea, ir_get(d->ir, G_REG0 + r), x86_memop(size));
    }
    x86_stack_move(d, sp, -8 * size);
}

/* A fault on the way leaves what has been popped. */
void trans_popa(struct x86_dis *d)
{
    int size = d->in.opsize;
    ir_val sp = ir_get(d->ir, G_REG0 + R_SP);

    /* The slot of SP is read like the others, as its faults show. */
    for (int r = R_DI; r >= R_AX; r--) {
        struct x86_ea ea = x86_stack_slot(d, sp, size * (R_DI - r), size, false);
        ir_val v = x86_ld(d, I32, ea, x86_memop(size));

        if (r != R_SP) {
            x86_reg_write(d, r, size, v);
        }
    }
    x86_stack_move(d, sp, 8 * size);
}

/* Level n > 0 copies n - 1 frame pointers of the enclosing procedures, then pushes the new one. */
void trans_enter(struct x86_dis *d)
{
    struct ir *ir = d->ir;
    int size = d->in.opsize, level = d->in.imm2 & 31;
    enum ir_type type = d->stack_size == 8 ? I64 : I32;
    unsigned memop = x86_memop(size);
    ir_val sp = ir_get(ir, G_REG0 + R_SP), bp = ir_get(ir, G_REG0 + R_BP);
    ir_val frame = ir_2i(ir, IR_add, type, sp, -size), v;
    int total = size * (level ? level + 1 : 1) + (int)(d->in.imm & 0xffff);

    x86_st(d, x86_type(size), x86_stack_slot(d, sp, -size, size, true), bp, memop);
    for (int i = 1; i < level; i++) {
        v = x86_ld(d, x86_type(size), x86_stack_slot(d, bp, -size * i, size, false), memop);
        x86_st(d, x86_type(size), x86_stack_slot(d, sp, -size * (i + 1), size, true), v, memop);
    }
    if (level) {
        v = d->stack_size == 2 ? ir_extu(ir, I32, frame, 16) : frame;
        x86_st(d, x86_type(size), x86_stack_slot(d, sp, -size * (level + 1), size, true), v, memop);
    }
    /* The new top must be writable, though nothing is written. */
    x86_ld(d, x86_type(size), x86_stack_slot(d, sp, -total, size, true), memop | MO_WRITE_INTENT);
    x86_reg_write(d, R_BP, size, frame);
    x86_stack_move(d, sp, -total);
}

void trans_leave(struct x86_dis *d)
{
    int size = d->in.opsize;
    ir_val bp = ir_get(d->ir, G_REG0 + R_BP);
    ir_val v = x86_ld(d, x86_type(size), x86_stack_slot(d, bp, 0, size, false), x86_memop(size));

    x86_stack_move(d, bp, size);
    x86_reg_write(d, R_BP, size, v);
}
