/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Integer arithmetic: ALU operations, multiplication, division, decimal adjustment. */
#include "target-i386/translate.h"

enum { OP_ADD, OP_OR, OP_ADC, OP_SBB, OP_AND, OP_SUB, OP_XOR, OP_CMP };

static ir_val zero_of(struct x86_dis *d, unsigned size)
{
    return ir_const(d->ir, x86_type(size), 0);
}

/* Zero-extended to the type of its size, sign-extended likewise. */
static ir_val zx(struct x86_dis *d, ir_val v, unsigned size)
{
    return size == 8 ? v : size == 4 ? ir_1(d->ir, IR_mov, I32, v)
                                     : ir_extu(d->ir, I32, v, 8 * size);
}

static ir_val sx(struct x86_dis *d, ir_val v, unsigned size)
{
    return size < 4 ? ir_exts(d->ir, I32, v, 8 * size) : v;
}

/* --- the eight ALU operations ---------------------------------------------------------------- */

static ir_val alu_result(struct x86_dis *d, unsigned op, unsigned size, ir_val a, ir_val b,
                         ir_val carry)
{
    static const uint8_t opcode[8] = { IR_add, IR_or, IR_addc, IR_subb, IR_and, IR_sub, IR_xor,
                                       IR_sub };
    enum ir_type type = x86_type(size);

    if (op == OP_ADC || op == OP_SBB) {
        return ir_3(d->ir, opcode[op], type, a, b, carry);
    }
    return ir_2(d->ir, opcode[op], type, a, b);
}

static void alu_flags(struct x86_dis *d, unsigned op, unsigned size, ir_val r, ir_val b,
                      ir_val carry)
{
    static const uint8_t kind[8] = { CC_ADD, CC_LOGIC, CC_ADC, CC_SBB, CC_LOGIC, CC_SUB, CC_LOGIC,
                                     CC_CMP };

    x86_flags_set(d, x86_cc(kind[op], size), r, kind[op] == CC_LOGIC ? 0 : b, carry);
}

/* The memory operand is replaced atomically; what it was before comes back. */
static ir_val atomic(struct x86_dis *d, enum ir_opcode op, ir_val v)
{
    unsigned size = d->in.operand[0].size;
    struct x86_ea ea = x86_operand_ea(d, 0, true);

    x86_watch(d, ea, x86_memop(size), X86_WATCH_BOTH);
    return ir_atomic(d->ir, op, x86_type(size), ea.base, ea.disp, v, ea.memop | x86_memop(size));
}

/* LOCK adc, sbb, neg: try until nobody came between. All values are made inside of the loop. */
static void locked_loop(struct x86_dis *d, unsigned op)
{
    unsigned size = d->in.operand[0].size, again = x86_label_new(d);
    enum ir_type type = x86_type(size);
    ir_val carry = 0, old, b, r, got;
    struct x86_ea ea;

    if (op != OP_SUB) {
        x86_flags_read_all(d);      /* so that the loop finds them packed */
    }
    ir_label(d->ir, again);
    carry = op != OP_SUB ? x86_flags_carry(d) : 0;
    old = x86_read(d, 0);
    b = op == OP_SUB ? old : x86_read_low(d, 1);
    r = alu_result(d, op, size, op == OP_SUB ? zero_of(d, size) : old, b, carry);
    ea = x86_operand_ea(d, 0, true);
    x86_watch(d, ea, x86_memop(size), X86_WATCH_BOTH);
    got = ir_cas(d->ir, type, ea.base, ea.disp, old, r, ea.memop | x86_memop(size));
    ir_brc(d->ir, type, IR_NE, zx(d, got, size), old, again);
    alu_flags(d, op, size, r, b, carry);
}

static void locked_alu(struct x86_dis *d, unsigned op)
{
    static const uint8_t opcode[8] = { IR_atomic_add, IR_atomic_or, 0, 0, IR_atomic_and,
                                       IR_atomic_add, IR_atomic_xor };
    unsigned size = d->in.operand[0].size;
    ir_val b, old, v;

    if (!opcode[op]) {
        locked_loop(d, op);
        return;
    }
    b = x86_read_low(d, 1);
    v = op == OP_SUB ? ir_1(d->ir, IR_neg, x86_type(size), b) : b;
    old = atomic(d, opcode[op], v);
    alu_flags(d, op, size, alu_result(d, op, size, old, b, 0), b, 0);
}

static bool same_register(const struct x86_dis *d)
{
    const struct x86_operand *a = &d->in.operand[0], *b = &d->in.operand[1];

    return a->kind == OPND_GPR && b->kind == OPND_GPR && a->reg == b->reg;
}

void trans_alu(struct x86_dis *d)
{
    unsigned op = d->in.op->arg, size = d->in.operand[0].size;
    ir_val carry = 0, a, b, r;

    if (d->in.lock) {
        locked_alu(d, op);
        return;
    }
    if ((op == OP_XOR || op == OP_SUB) && same_register(d)) {
        r = zero_of(d, size);
        x86_write(d, 0, r);
        x86_flags_set(d, x86_cc(CC_LOGIC, size), r, 0, 0);
        return;
    }
    if (op == OP_ADC || op == OP_SBB) {
        carry = x86_flags_carry(d);
    }
    if (op == OP_CMP && x86_is_mem(d, 0)) {
        a = x86_ld(d, x86_type(size), x86_operand_ea(d, 0, false), x86_memop(size));
    } else {
        a = x86_read_low(d, 0);
    }
    b = x86_read_low(d, 1);
    if (op == OP_CMP) {
        alu_flags(d, op, size, a, b, 0);
        return;
    }
    r = alu_result(d, op, size, a, b, carry);
    x86_write(d, 0, r);
    alu_flags(d, op, size, r, b, carry);
}

void trans_test(struct x86_dis *d)
{
    unsigned size = d->in.operand[0].size;
    ir_val a = x86_read_low(d, 0), b = x86_read_low(d, 1);

    x86_flags_set(d, x86_cc(CC_LOGIC, size), ir_2(d->ir, IR_and, x86_type(size), a, b), 0, 0);
}

void trans_incdec(struct x86_dis *d)
{
    bool dec = d->in.op->arg;
    unsigned size = d->in.operand[0].size;
    enum ir_type type = x86_type(size);
    ir_val carry = x86_flags_live(d) & FL_CF ? x86_flags_carry(d) : x86_imm32(d, 0);
    ir_val delta = ir_const(d->ir, type, dec ? -1 : 1);
    ir_val r = ir_2(d->ir, IR_add, type,
                    d->in.lock ? atomic(d, IR_atomic_add, delta) : x86_read_low(d, 0), delta);

    if (!d->in.lock) {
        x86_write(d, 0, r);
    }
    x86_flags_set(d, x86_cc(dec ? CC_DEC : CC_INC, size), r, carry, 0);
}

void trans_not(struct x86_dis *d)
{
    unsigned size = d->in.operand[0].size;

    if (d->in.lock) {
        atomic(d, IR_atomic_xor, ir_const(d->ir, x86_type(size), -1));
        return;
    }
    x86_write(d, 0, ir_1(d->ir, IR_not, x86_type(size), x86_read_low(d, 0)));
}

void trans_neg(struct x86_dis *d)
{
    unsigned size = d->in.operand[0].size;
    ir_val a, r;

    if (d->in.lock) {
        locked_loop(d, OP_SUB);
        return;
    }
    a = x86_read_low(d, 0);
    r = ir_1(d->ir, IR_neg, x86_type(size), a);
    x86_write(d, 0, r);
    x86_flags_set(d, x86_cc(CC_SUB, size), r, a, 0);
}

void trans_xadd(struct x86_dis *d)
{
    unsigned size = d->in.operand[0].size;
    ir_val b = x86_read_low(d, 1), a, r;

    a = d->in.lock ? atomic(d, IR_atomic_add, b) : x86_read_low(d, 0);
    r = ir_2(d->ir, IR_add, x86_type(size), a, b);
    if (!d->in.lock && x86_is_mem(d, 0)) {
        x86_write(d, 0, r);         /* may fault: before the register */
    }
    x86_write(d, 1, a);
    if (!x86_is_mem(d, 0)) {
        x86_write(d, 0, r);         /* last, should both be the same register */
    }
    x86_flags_set(d, x86_cc(CC_ADD, size), r, b, 0);
}

/* adcx and adox: one flag in, the same flag out. */
void trans_add_extended(struct x86_dis *d)
{
    unsigned size = d->in.operand[0].size;
    enum ir_type type = x86_type(size);
    uint32_t flag = d->in.op->arg ? FL_OF : FL_CF;
    struct x86_cond c = x86_condition(d, d->in.op->arg ? 0 : 2);
    ir_val carry = ir_setc(d->ir, c.type, c.cc, c.a, c.b);
    ir_val a = x86_read_low(d, 0), b = x86_read_low(d, 1);
    ir_val ab = ir_2(d->ir, IR_add, type, a, b);
    ir_val r = ir_2(d->ir, IR_add, type, ab, carry);
    ir_val out = ir_2(d->ir, IR_or, I32, ir_setc(d->ir, type, IR_LTU, ab, a),
                      ir_setc(d->ir, type, IR_LTU, r, ab));

    x86_write(d, 0, r);
    if (x86_flags_live(d)) {
        x86_flags_merge(d, ir_2i(d->ir, IR_mul, I32, out, flag), flag);
    }
}

/* --- multiplication -------------------------------------------------------------------------- */

/* `low' is the signed result, `overflow' not zero when the full product is more than that. */
static void mul_flags(struct x86_dis *d, ir_val low, ir_val overflow)
{
    x86_flags_set(d, CC_MUL, low, overflow, 0);
}

static void mul_wide(struct x86_dis *d, bool is_signed)
{
    struct ir *ir = d->ir;
    ir_val a = ir_get(ir, G_REG0 + R_AX), b = x86_read_low(d, 0);
    ir_val lo = ir_2(ir, IR_mul, I64, a, b);
    ir_val hi = ir_2(ir, is_signed ? IR_mulhs : IR_mulhu, I64, a, b);

    x86_reg_write(d, R_AX, 8, lo);
    x86_reg_write(d, R_DX, 8, hi);
    if (x86_flags_live(d)) {
        if (is_signed) {
            hi = ir_2(ir, IR_xor, I64, hi, ir_2i(ir, IR_sar, I64, lo, 63));
        }
        mul_flags(d, lo, hi);
    }
}

static void mul32(struct x86_dis *d, bool is_signed)
{
    struct ir *ir = d->ir;
    ir_val a, b, p, lo, hi;

    a = ir_get(ir, G_REG0 + R_AX);
    a = is_signed ? ir_exts(ir, I64, a, 32) : ir_1(ir, IR_mov, I32, a);
    b = is_signed ? x86_read_sx(d, 0, I64) : x86_read(d, 0);
    p = ir_2(ir, IR_mul, I64, a, b);
    lo = ir_1(ir, IR_mov, I32, p);
    hi = ir_1(ir, IR_mov, I32, ir_2i(ir, IR_shr, I64, p, 32));
    x86_reg_write(d, R_AX, 4, lo);
    x86_reg_write(d, R_DX, 4, hi);
    if (x86_flags_live(d)) {
        mul_flags(d, TARGET_WORD_BITS == 64 ? ir_exts(ir, I64, lo, 32) : lo,
                  is_signed ? ir_2(ir, IR_xor, I32, hi, ir_2i(ir, IR_sar, I32, lo, 31)) : hi);
    }
}

/* 8 and 16 bits: the product fits 32 bits. */
static void mul_narrow(struct x86_dis *d, bool is_signed, unsigned size)
{
    struct ir *ir = d->ir;
    unsigned bits = 8 * size;
    ir_val a = x86_reg_read(d, R_AX, size), b = x86_read(d, 0);
    ir_val p, over;

    if (is_signed) {
        a = sx(d, a, size);
        b = sx(d, b, size);
    }
    p = ir_2(ir, IR_mul, I32, a, b);
    x86_reg_write(d, R_AX, 2, p);
    if (size == 2) {
        x86_reg_write(d, R_DX, 2, ir_2i(ir, IR_shr, I32, p, 16));
    }
    if (x86_flags_live(d)) {
        over = ir_2(ir, IR_xor, I32, p, is_signed ? ir_exts(ir, I32, p, bits)
                                                  : ir_extu(ir, I32, p, bits));
        mul_flags(d, ir_exts(ir, X86_IWORD, p, bits), over);
    }
}

void trans_mul(struct x86_dis *d)
{
    unsigned size = d->in.operand[0].size;
    bool is_signed = d->in.op->arg;

    if (size == 8) {
        mul_wide(d, is_signed);
    } else if (size == 4) {
        mul32(d, is_signed);
    } else {
        mul_narrow(d, is_signed, size);
    }
}

/* imul of two operands, or of the second by an immediate */
void trans_imul(struct x86_dis *d)
{
    struct ir *ir = d->ir;
    unsigned size = d->in.operand[0].size;
    enum ir_type type = x86_type(size);
    bool three = d->in.operand[2].kind != OPND_NONE;
    ir_val a = x86_read_low(d, three ? 2 : 0), b = x86_read_low(d, 1), r;

    if (size == 2) {
        a = sx(d, a, 2);
        b = sx(d, b, 2);
    }
    r = ir_2(ir, IR_mul, type, a, b);
    x86_write(d, 0, r);
    x86_flags_set(d, x86_cc(CC_IMUL, size), a, b, 0);
}

void trans_mulx(struct x86_dis *d)
{
    struct ir *ir = d->ir;
    unsigned size = d->in.operand[0].size;
    enum ir_type type = x86_type(size);
    ir_val a = x86_reg_read_low(d, R_DX, size), b = x86_read_low(d, 2);
    ir_val lo = ir_2(ir, IR_mul, type, a, b), hi = ir_2(ir, IR_mulhu, type, a, b);

    x86_write(d, 1, lo);
    x86_write(d, 0, hi);            /* wins when both are the same register */
}

/* --- division -------------------------------------------------------------------------------- */

/* dividend: zero- or sign-extended to 64 (32-bit operands) or 32 bits; divisor as wide. Multiplying
   back is cheaper than a second division. */
static void divide(struct x86_dis *d, enum ir_type type, ir_val dividend, ir_val divisor,
                   ir_val *quotient, ir_val *remainder)
{
    bool is_signed = d->in.op->arg;

    *quotient = ir_2(d->ir, is_signed ? IR_divs : IR_divu, type, dividend, divisor);
    *remainder = ir_2(d->ir, IR_sub, type, dividend, ir_2(d->ir, IR_mul, type, *quotient, divisor));
}

/* #DE unless the quotient fits; `high' is the upper half of the dividend. */
static void check_unsigned(struct x86_dis *d, unsigned size, ir_val high, ir_val divisor)
{
    x86_raise_if(d, x86_type(size), IR_GEU, high, divisor, EXC_DE);
}

/* Keeps the host's division from trapping. The smallest dividend has no fitting quotient anyway. */
static void check_signed(struct x86_dis *d, enum ir_type type, ir_val dividend, ir_val divisor)
{
    x86_raise_if(d, type, IR_EQ, divisor, ir_const(d->ir, type, 0), EXC_DE);
    x86_raise_if(d, type, IR_EQ, dividend,
                 ir_const(d->ir, type, type == I64 ? INT64_MIN : INT32_MIN), EXC_DE);
}

static void check_quotient(struct x86_dis *d, enum ir_type type, ir_val quotient, unsigned bits)
{
    x86_raise_if(d, type, IR_NE, ir_exts(d->ir, type, quotient, bits), quotient, EXC_DE);
}

static void div8(struct x86_dis *d)
{
    bool is_signed = d->in.op->arg;
    ir_val ax = x86_reg_read(d, R_AX, 2), b = x86_read(d, 0), q, r;

    if (is_signed) {
        ax = sx(d, ax, 2);
        b = sx(d, b, 1);
        check_signed(d, I32, ax, b);
    } else {
        check_unsigned(d, 1, ir_2i(d->ir, IR_shr, I32, ax, 8), b);
    }
    divide(d, I32, ax, b, &q, &r);
    if (is_signed) {
        check_quotient(d, I32, q, 8);
    }
    x86_reg_write(d, R_AX, 2, ir_deposit(d->ir, I32, q, r, 8, 8));
}

static ir_val double_dividend(struct x86_dis *d, unsigned size)
{
    struct ir *ir = d->ir;
    enum ir_type type = size == 4 ? I64 : I32;
    ir_val high = ir_2i(ir, IR_shl, type, x86_reg_read(d, R_DX, size), 8 * size);

    return ir_2(ir, IR_or, type, high, x86_reg_read(d, R_AX, size));
}

static void div16_32(struct x86_dis *d, unsigned size)
{
    bool is_signed = d->in.op->arg;
    enum ir_type type = size == 4 ? I64 : I32;
    ir_val b = is_signed ? x86_read_sx(d, 0, type) : x86_read(d, 0);
    ir_val a, q, r;

    if (!is_signed) {
        check_unsigned(d, size, x86_reg_read(d, R_DX, size), b);
    }
    a = double_dividend(d, size);
    if (is_signed) {
        check_signed(d, type, a, b);
    }
    divide(d, type, a, b, &q, &r);
    if (is_signed) {
        check_quotient(d, type, q, 8 * size);
    }
    x86_reg_write(d, R_AX, size, q);
    x86_reg_write(d, R_DX, size, r);
}

void trans_div(struct x86_dis *d)
{
    unsigned size = d->in.operand[0].size;
    int64_t high;
    ir_val b, q, r;

    if (size == 1) {
        div8(d);
    } else if (size < 8) {
        div16_32(d, size);
    } else if (!d->in.op->arg && ir_get_const(d->ir, G_REG0 + R_DX, &high) && high == 0) {
        b = x86_read(d, 0);
        x86_raise_if(d, I64, IR_EQ, b, ir_const(d->ir, I64, 0), EXC_DE);
        divide(d, I64, x86_reg_read(d, R_AX, 8), b, &q, &r);
        x86_reg_write(d, R_AX, 8, q);
        x86_reg_write(d, R_DX, 8, r);
    } else {
#if TARGET_WORD_BITS == 64
        x86_call1(d, d->in.op->arg ? H_idiv64 : H_div64, x86_read(d, 0));
#endif
    }
}

/* --- widening, decimal ----------------------------------------------------------------------- */

/* cbw, cwde, cdqe */
void trans_cbw(struct x86_dis *d)
{
    unsigned size = d->in.opsize;
    ir_val a = ir_get(d->ir, G_REG0 + R_AX);

    x86_reg_write(d, R_AX, size, ir_exts(d->ir, x86_type(size), a, 4 * size));
}

/* cwd, cdq, cqo */
void trans_cwd(struct x86_dis *d)
{
    unsigned size = d->in.opsize;
    enum ir_type type = x86_type(size);
    ir_val a = sx(d, ir_get(d->ir, G_REG0 + R_AX), size);

    x86_reg_write(d, R_DX, size, ir_2i(d->ir, IR_sar, type, a, size == 8 ? 63 : 31));
}

/* daa, das, aaa, aas */
void trans_bcd(struct x86_dis *d)
{
    x86_flags_read_all(d);
    x86_call1(d, H_bcd, x86_imm32(d, d->in.op->arg));
    x86_flags_dynamic(d);
}

void trans_aam(struct x86_dis *d)
{
    struct ir *ir = d->ir;
    ir_val al = x86_reg_read(d, R_AX, 1), base, q, r;

    if ((d->in.imm & 0xff) == 0) {
        x86_gen_raise(d, EXC_DE);
        return;
    }
    base = x86_imm32(d, d->in.imm & 0xff);
    q = ir_2(ir, IR_divu, I32, al, base);
    r = ir_2(ir, IR_remu, I32, al, base);
    x86_reg_write(d, R_AX, 2, ir_deposit(ir, I32, r, q, 8, 8));
    x86_flags_set(d, x86_cc(CC_LOGIC, 1), r, 0, 0);
}

void trans_aad(struct x86_dis *d)
{
    struct ir *ir = d->ir;
    ir_val ax = x86_reg_read(d, R_AX, 2);
    ir_val high = ir_2i(ir, IR_mul, I32, ir_2i(ir, IR_shr, I32, ax, 8), d->in.imm & 0xff);
    ir_val r = ir_extu(ir, I32, ir_2(ir, IR_add, I32, ax, high), 8);

    x86_reg_write(d, R_AX, 2, r);
    x86_flags_set(d, x86_cc(CC_LOGIC, 1), r, 0, 0);
}

/* crc32 of 8 to 64 bits into a 32-bit sum */
void trans_crc32(struct x86_dis *d)
{
    static const uint8_t gx[4] = { GX_CRC32_8, GX_CRC32_16, GX_CRC32_32, GX_CRC32_64 };
    unsigned size = d->in.operand[1].size;
    ir_val sum = ir_1(d->ir, IR_mov, I32, x86_read_low(d, 0)), v = x86_read(d, 1);
    ir_val r = ir_imm(d->ir, IR_gx, x86_type(size), sum, v, gx[__builtin_ctz(size)]);

    x86_write(d, 0, ir_1(d->ir, IR_mov, I32, r));
}
