/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lazy flags in the translator: setting their source, conditions as comparisons of raw operands,
 * and the instructions that are about flags.
 */
#include "target-i386/translate.h"

#include <stddef.h>
#include "tcg/fold.h"

static enum ir_type cc_type(const struct x86_dis *d)
{
    return CC_SIZE(d->cc_op) == 8 ? I64 : I32;
}

/* --- setting --------------------------------------------------------------------------------- */

void x86_flags_set(struct x86_dis *d, unsigned cc_op, ir_val a, ir_val b, ir_val c)
{
    if (d->in.flags_unseen) {
        return;
    }
    ir_set(d->ir, G_CC_OP, x86_imm32(d, cc_op));
    ir_set(d->ir, G_CC_A, a);
    if (b) {
        ir_set(d->ir, G_CC_B, b);
    }
    if (c) {
        ir_set(d->ir, G_CC_C, c);
    }
    d->cc_op = cc_op;
}

void x86_flags_set_packed(struct x86_dis *d, ir_val flags)
{
    x86_flags_set(d, CC_PACKED, flags, 0, 0);
}

void x86_flags_merge(struct x86_dis *d, ir_val flags, uint32_t mask)
{
    uint32_t keep = x86_flags_live(d) & ~mask;

    flags = ir_2i(d->ir, IR_and, I32, flags, mask);
    if (keep) {
        ir_val old = ir_2i(d->ir, IR_and, I32, x86_flags_read_all(d), FL_ARITH & ~mask);

        flags = ir_2(d->ir, IR_or, I32, flags, old);
    }
    x86_flags_set_packed(d, flags);
}

void x86_flags_dynamic(struct x86_dis *d)
{
    d->cc_op = CC_DYNAMIC;
}

/* --- reading --------------------------------------------------------------------------------- */

static ir_val get_a(struct x86_dis *d)
{
    return ir_get(d->ir, G_CC_A);
}

static ir_val get_b(struct x86_dis *d)
{
    return ir_get(d->ir, G_CC_B);
}

static ir_val get_c(struct x86_dis *d)
{
    return ir_get(d->ir, G_CC_C);
}

/* The first operand of the operation: the state may hold the result instead. */
static ir_val first_operand(struct x86_dis *d)
{
    struct ir *ir = d->ir;
    enum ir_type t = cc_type(d);
    ir_val a = get_a(d);

    switch (CC_KIND(d->cc_op)) {
    case CC_ADC: return ir_2(ir, IR_sub, t, ir_2(ir, IR_sub, t, a, get_b(d)), get_c(d));
    case CC_SBB: return ir_2(ir, IR_add, t, ir_2(ir, IR_add, t, a, get_b(d)), get_c(d));
    case CC_ADD: return ir_2(ir, IR_sub, t, a, get_b(d));
    case CC_SUB: return ir_2(ir, IR_add, t, a, get_b(d));
    case CC_INC: return ir_2i(ir, IR_add, t, a, -1);
    case CC_DEC: return ir_2i(ir, IR_add, t, a, 1);
    }
    return a;
}

static ir_val result(struct x86_dis *d)
{
    struct ir *ir = d->ir;
    enum ir_type t = cc_type(d);
    unsigned bits = 8 * CC_SIZE(d->cc_op);
    ir_val a = get_a(d);

    switch (CC_KIND(d->cc_op)) {
    case CC_CMP: return ir_2(ir, IR_sub, t, a, get_b(d));
    case CC_SHL: return ir_2(ir, IR_shl, t, a, get_b(d));
    case CC_SHR: return ir_2(ir, IR_shr, t, bits < 32 ? ir_extu(ir, I32, a, bits) : a, get_b(d));
    case CC_SAR: return ir_2(ir, IR_sar, t, ir_exts(ir, t, a, bits), get_b(d));
    }
    return a;
}

static ir_val zero_extended(struct x86_dis *d, ir_val v)
{
    unsigned size = CC_SIZE(d->cc_op);

    return size < 4 ? ir_extu(d->ir, I32, v, 8 * size) : v;
}

static ir_val sign_extended(struct x86_dis *d, ir_val v)
{
    unsigned size = CC_SIZE(d->cc_op);

    return size < 4 ? ir_exts(d->ir, I32, v, 8 * size) : v;
}

static ir_val alu_flags(struct x86_dis *d, enum ir_alu alu, ir_val a, ir_val b, ir_val c)
{
    struct ir_op o = { .op = IR_flags, .type = cc_type(d), .a = a, .b = b, .c = c,
                       .imm = alu | 8 * CC_SIZE(d->cc_op) << 8 };

    return ir_pure(d->ir, &o);
}

static ir_val mul_flags(struct x86_dis *d)
{
    ir_val overflow = ir_setc(d->ir, X86_IWORD, IR_NE, get_b(d), ir_const(d->ir, X86_IWORD, 0));

    return ir_2i(d->ir, IR_mul, I32, overflow, FL_CF | FL_OF);
}

/* CF and OF of a truncated signed product */
static ir_val imul_flags(struct x86_dis *d)
{
    struct ir *ir = d->ir;
    unsigned bits = 8 * CC_SIZE(d->cc_op);
    enum ir_type t = cc_type(d);
    ir_val a = sign_extended(d, get_a(d)), b = sign_extended(d, get_b(d));
    ir_val low = ir_2(ir, IR_mul, t, a, b), high, overflow;

    if (bits < 32) {
        overflow = ir_setc(ir, t, IR_NE, low, ir_exts(ir, t, low, bits));
    } else {
        high = ir_2(ir, IR_mulhs, t, a, b);
        overflow = ir_setc(ir, t, IR_NE, high, ir_2i(ir, IR_sar, t, low, bits - 1));
    }
    return ir_2i(ir, IR_mul, I32, overflow, FL_CF | FL_OF);
}

static ir_val flags_value(struct x86_dis *d)
{
    struct ir *ir = d->ir;
    ir_val a, f;

    switch (CC_KIND(d->cc_op)) {
    case CC_PACKED: return d->cc_op == CC_MUL ? mul_flags(d) : get_a(d);
    case CC_ADD: return alu_flags(d, ALU_ADD, first_operand(d), get_b(d), 0);
    case CC_ADC: return alu_flags(d, ALU_ADC, first_operand(d), get_b(d), get_c(d));
    case CC_SUB:
    case CC_CMP: return alu_flags(d, ALU_SUB, first_operand(d), get_b(d), 0);
    case CC_SBB: return alu_flags(d, ALU_SBB, first_operand(d), get_b(d), get_c(d));
    case CC_LOGIC: return alu_flags(d, ALU_LOGIC, get_a(d), 0, 0);
    case CC_SHL: return alu_flags(d, ALU_SHL, get_a(d), get_b(d), 0);
    case CC_SHR: return alu_flags(d, ALU_SHR, get_a(d), get_b(d), 0);
    case CC_SAR: return alu_flags(d, ALU_SAR, get_a(d), get_b(d), 0);
    case CC_IMUL: return imul_flags(d);
    case CC_INC:
    case CC_DEC:
        a = first_operand(d);
        f = alu_flags(d, CC_KIND(d->cc_op) == CC_INC ? ALU_INC : ALU_DEC, a, 0, 0);
        return ir_2(ir, IR_or, I32, ir_2i(ir, IR_and, I32, f, FL_ARITH & ~FL_CF), get_b(d));
    }
    return x86_call0(d, H_arith_flags);
}

ir_val x86_flags_read_all(struct x86_dis *d)
{
    ir_val f = flags_value(d);

    if (d->cc_op != CC_PACKED) {
        x86_flags_set_packed(d, f);
    }
    return f;
}

ir_val x86_flags_carry(struct x86_dis *d)
{
    struct x86_cond c = x86_condition(d, 2);

    return ir_setc(d->ir, c.type, c.cc, c.a, c.b);
}

/* --- conditions ------------------------------------------------------------------------------ */

enum { COND_O, COND_B, COND_Z, COND_BE, COND_S, COND_P, COND_L, COND_LE };

static struct x86_cond compare(struct x86_dis *d, enum ir_cond cc, ir_val a, ir_val b)
{
    return (struct x86_cond){ cc_type(d), cc, a, b };
}

static struct x86_cond compare_zero(struct x86_dis *d, enum ir_cond cc, ir_val a)
{
    return compare(d, cc, a, ir_const(d->ir, cc_type(d), 0));
}

/* From packed flags */
static struct x86_cond test_packed(struct x86_dis *d, unsigned cond)
{
    static const uint16_t masks[8] = {
        [COND_O] = FL_OF, [COND_B] = FL_CF, [COND_Z] = FL_ZF, [COND_BE] = FL_CF | FL_ZF,
        [COND_S] = FL_SF, [COND_P] = FL_PF, [COND_L] = FL_SF, [COND_LE] = FL_SF | FL_ZF,
    };
    struct ir *ir = d->ir;
    ir_val f = x86_flags_read_all(d);
    uint32_t mask = masks[cond];

    if (cond >= COND_L) {
        /* SF != OF: bring OF (bit 11) over SF (bit 7) */
        ir_val over = ir_2i(ir, IR_and, I32, ir_2i(ir, IR_shr, I32, f, 4), FL_SF);

        f = ir_2(ir, IR_xor, I32, f, over);
    }
    return (struct x86_cond){ I32, IR_TSTNE, f, x86_imm32(d, mask) };
}

static struct x86_cond constant(struct x86_dis *d, bool holds)
{
    return (struct x86_cond){ I32, holds ? IR_EQ : IR_NE, x86_imm32(d, 0), x86_imm32(d, 0) };
}

/* Fills *c and returns true when there is a direct comparison. */
static bool after_sub(struct x86_dis *d, unsigned cond, struct x86_cond *c)
{
    bool cmp = CC_KIND(d->cc_op) == CC_CMP;
    ir_val a, b;

    if (cond == COND_S || (cond == COND_Z && !cmp)) {
        *c = cond == COND_S ? compare_zero(d, IR_LT, sign_extended(d, result(d)))
                            : compare_zero(d, IR_EQ, zero_extended(d, result(d)));
        return true;
    }
    a = first_operand(d);
    b = get_b(d);
    switch (cond) {
    case COND_B: *c = compare(d, IR_LTU, zero_extended(d, a), zero_extended(d, b)); return true;
    case COND_BE: *c = compare(d, IR_LEU, zero_extended(d, a), zero_extended(d, b)); return true;
    case COND_Z: *c = compare(d, IR_EQ, zero_extended(d, a), zero_extended(d, b)); return true;
    case COND_L: *c = compare(d, IR_LT, sign_extended(d, a), sign_extended(d, b)); return true;
    case COND_LE: *c = compare(d, IR_LE, sign_extended(d, a), sign_extended(d, b)); return true;
    }
    return false;
}

static bool after_logic(struct x86_dis *d, unsigned cond, struct x86_cond *c)
{
    switch (cond) {
    case COND_O:
    case COND_B: *c = constant(d, false); return true;
    case COND_Z:
    case COND_BE: *c = compare_zero(d, IR_EQ, zero_extended(d, get_a(d))); return true;
    case COND_S:
    case COND_L: *c = compare_zero(d, IR_LT, sign_extended(d, get_a(d))); return true;
    case COND_LE: *c = compare_zero(d, IR_LE, sign_extended(d, get_a(d))); return true;
    }
    return false;
}

static bool after_incdec(struct x86_dis *d, unsigned cond, struct x86_cond *c)
{
    bool inc = CC_KIND(d->cc_op) == CC_INC;
    enum ir_type t = cc_type(d);
    ir_val before;

    if (cond == COND_B) {
        *c = (struct x86_cond){ I32, IR_NE, get_b(d), x86_imm32(d, 0) };
        return true;
    }
    if (cond != COND_L && cond != COND_LE) {
        return false;
    }
    /* The true sum before + 1 or before - 1 against zero */
    before = sign_extended(d, first_operand(d));
    if (inc) {
        *c = compare(d, IR_LT, before, ir_const(d->ir, t, cond == COND_L ? -1 : 0));
    } else {
        *c = compare(d, IR_LE, before, ir_const(d->ir, t, cond == COND_L ? 0 : 1));
    }
    return true;
}

/* The carry of a shift by a constant is a bit of the operand. */
static bool after_shift(struct x86_dis *d, unsigned cond, struct x86_cond *c)
{
    unsigned kind = CC_KIND(d->cc_op), bits = 8 * CC_SIZE(d->cc_op);
    int64_t count;

    if (cond != COND_B || !ir_get_const(d->ir, G_CC_B, &count) || count > bits) {
        return false;
    }
    *c = compare(d, IR_TSTNE, get_a(d),
                 ir_const(d->ir, cc_type(d), 1ull << (kind == CC_SHL ? bits - count : count - 1)));
    return true;
}

static bool direct_condition(struct x86_dis *d, unsigned cond, struct x86_cond *c)
{
    unsigned kind = CC_KIND(d->cc_op);

    if (d->cc_op == CC_MUL) {
        *c = (struct x86_cond){ X86_IWORD, IR_NE, get_b(d), ir_const(d->ir, X86_IWORD, 0) };
        return cond == COND_O || cond == COND_B;
    }
    if (kind == CC_PACKED || kind == CC_IMUL || kind >= CC_COUNT) {
        return false;
    }
    if (kind == CC_SUB || kind == CC_CMP) {
        return after_sub(d, cond, c);
    }
    if (kind == CC_LOGIC) {
        return after_logic(d, cond, c);
    }
    if (cond == COND_Z || cond == COND_S) {
        *c = cond == COND_Z ? compare_zero(d, IR_EQ, zero_extended(d, result(d)))
                            : compare_zero(d, IR_LT, sign_extended(d, result(d)));
        return true;
    }
    if (kind == CC_INC || kind == CC_DEC) {
        return after_incdec(d, cond, c);
    }
    if (kind == CC_ADD && cond == COND_B) {
        *c = compare(d, IR_LTU, zero_extended(d, get_a(d)), zero_extended(d, get_b(d)));
        return true;
    }
    return kind >= CC_SHL && after_shift(d, cond, c);
}

struct x86_cond x86_condition(struct x86_dis *d, unsigned number)
{
    struct x86_cond c;

    if (!direct_condition(d, number >> 1, &c)) {
        c = test_packed(d, number >> 1);
    }
    c.cc ^= number & 1;
    return c;
}

/* --- instructions ---------------------------------------------------------------------------- */

void trans_setcc(struct x86_dis *d)
{
    struct x86_cond c = x86_condition(d, d->in.opcode & 15);

    x86_write(d, 0, ir_setc(d->ir, c.type, c.cc, c.a, c.b));
}

/* The memory operand is read, and the register written, whatever the condition. */
void trans_cmov(struct x86_dis *d)
{
    unsigned size = d->in.operand[0].size;
    ir_val yes = x86_read(d, 1), no = x86_read(d, 0);
    struct x86_cond c = x86_condition(d, d->in.opcode & 15);
    enum ir_type type = x86_type(size);

    if (c.type != type) {
        if (type == I32) {
            type = I64;
        } else {
            c.a = ir_setc(d->ir, c.type, c.cc, c.a, c.b);
            c.b = ir_const(d->ir, I64, 0);
            c.cc = IR_NE;
        }
    }
    x86_write(d, 0, ir_sel(d->ir, type, c.cc, c.a, c.b, yes, no));
}

/* clc, stc, cmc */
void trans_carry(struct x86_dis *d)
{
    ir_val carry = d->in.op->arg == 2 ? ir_2i(d->ir, IR_xor, I32, x86_flags_carry(d), 1)
                                      : x86_imm32(d, d->in.op->arg);

    x86_flags_merge(d, carry, FL_CF);
}

void trans_direction(struct x86_dis *d)
{
    ir_set(d->ir, G_DF, ir_const(d->ir, I32, d->in.op->arg));
}

void trans_lahf(struct x86_dis *d)
{
    ir_val f = ir_2i(d->ir, IR_and, I32, x86_flags_read_all(d), FL_ARITH & 0xff);
    ir_val ax = ir_get(d->ir, G_REG0 + R_AX);

    f = ir_2i(d->ir, IR_or, I32, f, 2);
    ir_set(d->ir, G_REG0 + R_AX, ir_deposit(d->ir, X86_IWORD, ax, f, 8, 8));
}

void trans_sahf(struct x86_dis *d)
{
    ir_val ah = ir_extract(d->ir, I32, ir_get(d->ir, G_REG0 + R_AX), 8, 8);

    x86_flags_merge(d, ah, FL_ARITH & 0xff);
}

void trans_salc(struct x86_dis *d)
{
    x86_reg_write(d, R_AX, 1, ir_1(d->ir, IR_neg, I32, x86_flags_carry(d)));
}

/* Virtual-8086 mode with IOPL below 3 needs VME, and has 16-bit forms only. */
static bool is_virtual(const struct x86_dis *d)
{
    return d->vm && d->iopl < 3;
}

static void pushf_virtual(struct x86_dis *d)
{
    if (d->in.opsize != 2) {
        x86_gen_raise_gp0(d);
        return;
    }
    x86_push(d, x86_call0(d, H_virtual_flags));
}

static void popf_virtual(struct x86_dis *d)
{
    ir_val sp, v;

    if (d->in.opsize != 2) {
        x86_gen_raise_gp0(d);
        return;
    }
    x86_call0(d, H_virtual_flags);
    sp = ir_get(d->ir, G_REG0 + R_SP);
    v = x86_ld(d, I32, x86_stack_slot(d, sp, 0, 2, false), MO_16);
    x86_call1(d, H_popf_virtual, v);
    x86_stack_move(d, sp, 2);
    x86_flags_dynamic(d);
    x86_end_region(d);
}

void trans_pushf(struct x86_dis *d)
{
    struct ir *ir = d->ir;
    ir_val f, df;

    if (is_virtual(d)) {
        pushf_virtual(d);
        return;
    }
    f = ir_envld(ir, I32, offsetof(struct x86_env, eflags), MO_32);
    f = ir_2i(ir, IR_and, I32, f, ~(FL_ARITH | FL_DF | FL_RF | FL_VM));
    f = ir_2(ir, IR_or, I32, f, x86_flags_read_all(d));
    df = ir_2i(ir, IR_and, I32, ir_get(ir, G_DF), FL_DF << 1);     /* -1 has bit 11, 1 has not */
    f = ir_2(ir, IR_or, I32, f, ir_2i(ir, IR_shr, I32, df, 1));
    x86_push(d, f);
}

/* What an interrupt waits for may have changed, so the way on is a poll of the next region. */
void trans_popf(struct x86_dis *d)
{
    uint32_t mask = FL_ARITH | FL_DF | FL_TF | FL_NT;
    unsigned size = d->in.opsize;
    ir_val sp, v;

    if (is_virtual(d)) {
        popf_virtual(d);
        return;
    }
    mask |= size == 2 ? 0 : FL_AC | FL_ID | FL_RF;
    mask |= d->cpl == 0 && !d->vm ? FL_IOPL : 0;
    mask |= d->cpl <= d->iopl || d->vm ? FL_IF : 0;
    sp = ir_get(d->ir, G_REG0 + R_SP);
    v = x86_ld(d, x86_type(size), x86_stack_slot(d, sp, 0, size, false), x86_memop(size));
    x86_stack_move(d, sp, size);
    x86_call2(d, H_popf, v, x86_imm32(d, mask));
    x86_flags_dynamic(d);
    x86_end_region(d);
}
