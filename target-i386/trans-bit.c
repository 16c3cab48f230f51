/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shifts, rotates, bit tests and scans, BMI. */
#include "target-i386/translate.h"

#include "tcg/fold.h"

static ir_val zx(struct x86_dis *d, ir_val v, unsigned size)
{
    return size == 8 ? v : size == 4 ? ir_1(d->ir, IR_mov, I32, v)
                                     : ir_extu(d->ir, I32, v, 8 * size);
}

static ir_val sx(struct x86_dis *d, ir_val v, unsigned size)
{
    return size < 4 ? ir_exts(d->ir, I32, v, 8 * size) : v;
}

/* A flag out of the top bit of a value. */
static ir_val top_bit(struct x86_dis *d, ir_val v, unsigned size)
{
    ir_val bit = ir_2i(d->ir, IR_shr, x86_type(size), zx(d, v, size), 8 * size - 1);

    return size == 8 ? ir_1(d->ir, IR_mov, I32, bit) : bit;
}

static ir_val low_bit(struct x86_dis *d, ir_val v)
{
    return ir_2i(d->ir, IR_and, I32, v, 1);
}

/* The count operand, masked as the size demands; true when it is known. */
static bool shift_count(struct x86_dis *d, unsigned n, unsigned size, ir_val *count, int64_t *known)
{
    unsigned mask = size == 8 ? 63 : 31;

    if (d->in.operand[n].kind == OPND_IMM) {
        *known = (d->in.operand[n].reg ? d->in.imm2 : d->in.imm) & mask;
        *count = x86_imm32(d, *known);
        return true;
    }
    *count = ir_2i(d->ir, IR_and, I32, ir_get(d->ir, G_REG0 + R_CX), mask);
    return ir_is_const(d->ir, *count, known);
}

/* New packed flags, but the old ones when the count is 0. */
static void flags_unless_zero(struct x86_dis *d, ir_val count, ir_val flags, uint32_t mask)
{
    ir_val old = x86_flags_read_all(d);

    if (mask != FL_ARITH) {
        flags = ir_2(d->ir, IR_or, I32, ir_2i(d->ir, IR_and, I32, flags, mask),
                     ir_2i(d->ir, IR_and, I32, old, FL_ARITH & ~mask));
    }
    flags = ir_sel(d->ir, I32, IR_NE, count, x86_imm32(d, 0), flags, old);
    x86_flags_set_packed(d, flags);
}

/* --- shl, shr, sar --------------------------------------------------------------------------- */

enum { SHIFT_SHR = 5, SHIFT_SAR = 7 };

static ir_val shifted(struct x86_dis *d, unsigned op, unsigned size, ir_val a, ir_val count)
{
    enum ir_type type = x86_type(size);

    switch (op) {
    case SHIFT_SHR: return ir_2(d->ir, IR_shr, type, zx(d, a, size), count);
    case SHIFT_SAR: return ir_2(d->ir, IR_sar, type, sx(d, a, size), count);
    }
    return ir_2(d->ir, IR_shl, type, a, count);
}

/* Flags of a shift by a count that may be 0, when nobody knows yet what the old ones are: either
   state stays what it is. */
static void shift_flags_lazily(struct x86_dis *d, unsigned cc_op, ir_val a, ir_val count)
{
    static const uint8_t globals[] = { G_CC_OP, G_CC_A, G_CC_B };
    const ir_val fresh[] = { x86_imm32(d, cc_op), a, count };

    for (unsigned i = 0; i < 3; i++) {
        enum ir_type type = globals[i] == G_CC_OP ? I32 : X86_IWORD;

        ir_set(d->ir, globals[i], ir_sel(d->ir, type, IR_NE, count, ir_const(d->ir, type, 0),
                                         fresh[i], ir_get(d->ir, globals[i])));
    }
}

void trans_shift(struct x86_dis *d)
{
    unsigned op = d->in.op->arg, size = d->in.operand[0].size;
    unsigned kind = op == SHIFT_SHR ? CC_SHR : op == SHIFT_SAR ? CC_SAR : CC_SHL;
    int64_t known = -1;
    ir_val count, a, r;

    shift_count(d, 1, size, &count, &known);
    a = x86_read_low(d, 0);
    r = shifted(d, op, size, a, count);
    x86_write(d, 0, r);
    if (known > 0) {
        x86_flags_set(d, x86_cc(kind, size), a, count, 0);
    } else if (known < 0 && x86_flags_live(d) && d->cc_op == CC_DYNAMIC) {
        shift_flags_lazily(d, x86_cc(kind, size), a, count);
    } else if (known < 0 && x86_flags_live(d)) {
        unsigned alu = op == SHIFT_SHR ? ALU_SHR : op == SHIFT_SAR ? ALU_SAR : ALU_SHL;
        struct ir_op o = { .op = IR_flags, .type = x86_type(size), .a = a, .b = count,
                           .imm = alu | 8 * size << 8 };

        flags_unless_zero(d, count, ir_pure(d->ir, &o), FL_ARITH);
    }
}

/* --- rotates --------------------------------------------------------------------------------- */

/* A narrow value fills 32 bits by copies of itself, so that one 32-bit rotate does. */
static ir_val rotated(struct x86_dis *d, bool right, unsigned size, ir_val a, ir_val count)
{
    if (size == 1) {
        a = ir_2i(d->ir, IR_mul, I32, zx(d, a, 1), 0x01010101);
    } else if (size == 2) {
        a = ir_deposit(d->ir, I32, a, a, 16, 16);
    }
    return ir_2(d->ir, right ? IR_rotr : IR_rotl, x86_type(size), a, count);
}

/* CF is the bit that went round; OF is as for a count of 1. */
static ir_val rotate_flags(struct x86_dis *d, bool right, unsigned size, ir_val r)
{
    struct ir *ir = d->ir;
    ir_val top = top_bit(d, r, size), other, carry;

    if (right) {
        carry = top;
        other = low_bit(d, ir_2i(ir, IR_shr, x86_type(size), r, 8 * size - 2));
    } else {
        carry = other = low_bit(d, r);
    }
    return ir_2(ir, IR_or, I32, carry,
                ir_2i(ir, IR_shl, I32, ir_2(ir, IR_xor, I32, top, other), 11));
}

void trans_rotate(struct x86_dis *d)
{
    bool right = d->in.op->arg;
    unsigned size = d->in.operand[0].size;
    int64_t known = -1;
    ir_val count, r;

    shift_count(d, 1, size, &count, &known);
    r = rotated(d, right, size, x86_read_low(d, 0), count);
    x86_write(d, 0, r);
    if (known == 0 || !x86_flags_live(d)) {
        return;
    }
    if (known > 0) {
        x86_flags_merge(d, rotate_flags(d, right, size, r), FL_CF | FL_OF);
    } else {
        flags_unless_zero(d, count, rotate_flags(d, right, size, r), FL_CF | FL_OF);
    }
}

static ir_val rotate_carry_by_one(struct x86_dis *d, bool right, unsigned size)
{
    struct ir *ir = d->ir;
    enum ir_type type = x86_type(size);
    ir_val carry = x86_flags_carry(d), a = x86_read_low(d, 0), r, out, over;

    if (right) {
        r = ir_2(ir, IR_or, type, ir_2i(ir, IR_shr, type, zx(d, a, size), 1),
                 ir_2i(ir, IR_shl, type, carry, 8 * size - 1));
        out = low_bit(d, a);
        over = ir_2(ir, IR_xor, I32, top_bit(d, r, size), top_bit(d, a, size));
    } else {
        r = ir_2(ir, IR_or, type, ir_2i(ir, IR_shl, type, a, 1), carry);
        out = top_bit(d, a, size);
        over = ir_2(ir, IR_xor, I32, top_bit(d, r, size), out);
    }
    x86_write(d, 0, r);
    return ir_2(ir, IR_or, I32, out, ir_2i(ir, IR_shl, I32, over, 11));
}

void trans_rotate_carry(struct x86_dis *d)
{
    bool right = d->in.op->arg == 3;
    unsigned size = d->in.operand[0].size;
    int64_t known = -1;
    ir_val count, a, flags;

    if (shift_count(d, 1, size, &count, &known) && known == 1) {
        x86_flags_merge(d, rotate_carry_by_one(d, right, size), FL_CF | FL_OF);
        return;
    }
    flags = x86_flags_read_all(d);
    a = x86_read(d, 0);
    count = ir_2i(d->ir, IR_or, I32, count, size << 8 | (unsigned)right << 16);
    x86_write(d, 0, x86_call3(d, H_rotate_carry, a, count, flags));
    x86_flags_set_packed(d, x86_call3(d, H_rotate_carry_flags, a, count, flags));
}

/* --- shld, shrd ------------------------------------------------------------------------------ */

/* a and b are zero-extended; count is not 0. */
static ir_val double_shifted(struct x86_dis *d, bool right, unsigned size, ir_val a, ir_val b,
                             ir_val count)
{
    struct ir *ir = d->ir;
    enum ir_type type = x86_type(size);
    ir_val rest, x;

    if (size == 2) {
        /* Rotating the pair of both also gives what processors do for counts above 16. */
        x = right ? ir_deposit(ir, I32, a, b, 16, 16) : ir_deposit(ir, I32, b, a, 16, 16);
        x = ir_2(ir, right ? IR_rotr : IR_rotl, I32, x, count);
        return right ? x : ir_2i(ir, IR_shr, I32, x, 16);
    }
    /* In two steps, for a count of 0 shifts b out entirely. */
    rest = ir_2(ir, IR_xor, I32, count, x86_imm32(d, 8 * size - 1));
    if (right) {
        x = ir_2(ir, IR_shl, type, ir_2i(ir, IR_shl, type, b, 1), rest);
        return ir_2(ir, IR_or, type, ir_2(ir, IR_shr, type, a, count), x);
    }
    x = ir_2(ir, IR_shr, type, ir_2i(ir, IR_shr, type, b, 1), rest);
    return ir_2(ir, IR_or, type, ir_2(ir, IR_shl, type, a, count), x);
}

static ir_val double_shift_flags(struct x86_dis *d, bool right, unsigned size, ir_val a, ir_val b,
                                 ir_val r, ir_val count)
{
    struct ir *ir = d->ir;
    struct ir_op o = { .op = IR_flags, .type = x86_type(size), .a = r,
                       .imm = ALU_LOGIC | 8 * size << 8 };
    ir_val less = ir_2i(ir, IR_add, I32, count, -1), before, carry, over;

    before = double_shifted(d, right, size, a, b, less);
    carry = right ? low_bit(d, before) : top_bit(d, before, size);
    over = ir_2(ir, IR_xor, I32, top_bit(d, r, size), top_bit(d, a, size));
    return ir_2(ir, IR_or, I32, ir_2(ir, IR_or, I32, ir_pure(ir, &o), carry),
                ir_2i(ir, IR_shl, I32, over, 11));
}

void trans_shift_double(struct x86_dis *d)
{
    bool right = d->in.op->arg;
    unsigned size = d->in.operand[0].size;
    int64_t known = -1;
    ir_val count, a, b, r;

    shift_count(d, 2, size, &count, &known);
    a = x86_read(d, 0);
    b = x86_read(d, 1);
    r = double_shifted(d, right, size, a, b, count);
    x86_write(d, 0, r);
    if (known == 0 || !x86_flags_live(d)) {
        return;
    }
    r = double_shift_flags(d, right, size, a, b, r, count);
    if (known > 0) {
        x86_flags_set_packed(d, r);
    } else {
        flags_unless_zero(d, count, r, FL_ARITH);
    }
}

/* --- bt, bts, btr, btc ----------------------------------------------------------------------- */

enum { BIT_TEST, BIT_SET, BIT_RESET, BIT_COMPLEMENT };

/* With a register offset the bit may lie anywhere in memory. */
static void reach_bit(struct x86_dis *d, unsigned size)
{
    struct ir *ir = d->ir;
    enum ir_type type = d->in.addrsize == 8 ? I64 : I32;
    ir_val bit = sx(d, x86_read_low(d, 1), size), offset;

    if (size < 8 && type == I64) {
        bit = ir_exts(ir, I64, bit, 32);
    }
    offset = ir_2i(ir, IR_sar, type == I64 ? I64 : x86_type(size), bit, 3);
    offset = ir_2i(ir, IR_and, type, offset, -(int64_t)size);
    offset = ir_2(ir, IR_add, type, x86_lea(d), offset);
    if (d->in.addrsize == 2) {
        offset = ir_extu(ir, I32, offset, 16);
    }
    d->ea = x86_address_of(d, d->in.seg, offset, size, d->in.op->arg != BIT_TEST);
    d->ea_valid = true;
}

static ir_val locked_bit(struct x86_dis *d, unsigned size, ir_val mask)
{
    static const uint8_t opcode[] = { 0, IR_atomic_or, IR_atomic_and, IR_atomic_xor };
    unsigned op = d->in.op->arg;
    struct x86_ea ea = x86_operand_ea(d, 0, true);

    if (op == BIT_RESET) {
        mask = ir_1(d->ir, IR_not, x86_type(size), mask);
    }
    x86_watch(d, ea, x86_memop(size), X86_WATCH_BOTH);
    return ir_atomic(d->ir, opcode[op], x86_type(size), ea.base, ea.disp, mask,
                     ea.memop | x86_memop(size));
}

void trans_bit(struct x86_dis *d)
{
    struct ir *ir = d->ir;
    unsigned op = d->in.op->arg, size = d->in.operand[0].size;
    enum ir_type type = x86_type(size);
    ir_val bit = ir_2i(ir, IR_and, I32, x86_read_low(d, 1), 8 * size - 1), old, mask;

    if (x86_is_mem(d, 0) && d->in.operand[1].kind == OPND_GPR) {
        reach_bit(d, size);
    }
    mask = ir_2(ir, IR_shl, type, ir_const(ir, type, 1), bit);
    if (d->in.lock) {
        old = locked_bit(d, size, mask);
    } else {
        static const uint8_t opcode[] = { 0, IR_or, IR_andc, IR_xor };

        old = x86_read_low(d, 0);
        if (op != BIT_TEST) {
            x86_write(d, 0, ir_2(ir, opcode[op], type, old, mask));
        }
    }
    if (x86_flags_live(d)) {
        x86_flags_merge(d, low_bit(d, ir_2(ir, IR_shr, type, zx(d, old, size), bit)), FL_CF);
    }
}

/* --- scans and counts ------------------------------------------------------------------------ */

void trans_bit_scan(struct x86_dis *d)
{
    struct ir *ir = d->ir;
    unsigned size = d->in.operand[0].size;
    enum ir_type type = x86_type(size);
    ir_val a = x86_read(d, 1), r, zero = ir_const(ir, type, 0);

    if (d->in.op->arg) {
        r = ir_2i(ir, IR_xor, type, ir_1(ir, IR_clz, type, a), size == 8 ? 63 : 31);
    } else {
        r = ir_1(ir, IR_ctz, type, a);
    }
    /* Of 0: the destination stays as it is, all 64 bits; a is zero-extended. */
    if (size == 4) {
        unsigned g = G_REG0 + d->in.operand[0].reg;

        zero = ir_const(ir, X86_IWORD, 0);
        ir_set(ir, g, ir_sel(ir, X86_IWORD, IR_NE, a, zero, r, ir_get(ir, g)));
    } else {
        x86_write(d, 0, ir_sel(ir, type, IR_NE, a, zero, r, x86_read_low(d, 0)));
    }
    x86_flags_set(d, x86_cc(CC_LOGIC, size), a, 0, 0);
}

/* tzcnt, lzcnt */
void trans_count_zeros(struct x86_dis *d)
{
    struct ir *ir = d->ir;
    unsigned size = d->in.operand[0].size;
    enum ir_type type = x86_type(size);
    ir_val a = x86_read(d, 1), zero = ir_const(ir, type, 0), r, f;

    if (d->in.op->arg) {
        r = ir_1(ir, IR_clz, type, a);
        r = size == 2 ? ir_2i(ir, IR_add, I32, r, -16) : r;
    } else {
        r = ir_1(ir, IR_ctz, type, size == 2 ? ir_2i(ir, IR_or, I32, a, 0x10000) : a);
    }
    x86_write(d, 0, r);
    if (x86_flags_live(d)) {
        f = ir_2i(ir, IR_shl, I32, ir_setc(ir, type, IR_EQ, r, zero), 6);
        x86_flags_set_packed(d, ir_2(ir, IR_or, I32, f, ir_setc(ir, type, IR_EQ, a, zero)));
    }
}

void trans_popcnt(struct x86_dis *d)
{
    struct ir *ir = d->ir;
    unsigned size = d->in.operand[0].size;
    enum ir_type type = x86_type(size);
    ir_val a = x86_read(d, 1), zero;

    x86_write(d, 0, ir_1(ir, IR_popcnt, type, a));
    if (x86_flags_live(d)) {
        zero = ir_setc(ir, type, IR_EQ, a, ir_const(ir, type, 0));
        x86_flags_set_packed(d, ir_2i(ir, IR_shl, I32, zero, 6));
    }
}

/* 16-bit bswap clears the register's low half on current processors. */
void trans_bswap(struct x86_dis *d)
{
    unsigned size = d->in.operand[0].size;
    ir_val v = size == 2 ? x86_imm32(d, 0)
                         : ir_1(d->ir, IR_bswap, x86_type(size), x86_read_low(d, 0));

    x86_write(d, 0, v);
}

/* --- BMI ------------------------------------------------------------------------------------- */

static void logic_flags(struct x86_dis *d, ir_val r)
{
    x86_flags_set(d, x86_cc(CC_LOGIC, d->in.operand[0].size), r, 0, 0);
}

void trans_andn(struct x86_dis *d)
{
    ir_val r = ir_2(d->ir, IR_andc, x86_type(d->in.operand[0].size), x86_read_low(d, 2),
                    x86_read_low(d, 1));

    x86_write(d, 0, r);
    logic_flags(d, r);
}

static void logic_and_carry(struct x86_dis *d, ir_val r, ir_val carry)
{
    logic_flags(d, r);
    if (x86_flags_live(d) & FL_CF) {
        x86_flags_merge(d, carry, FL_CF);
    }
}

/* blsr, blsmsk, blsi */
void trans_lowest_bit(struct x86_dis *d)
{
    struct ir *ir = d->ir;
    enum ir_type type = x86_type(d->in.operand[0].size);
    unsigned op = d->in.op->arg;
    ir_val a = x86_read_low(d, 1), r;

    if (op == 2) {
        r = ir_2(ir, IR_and, type, a, ir_1(ir, IR_neg, type, a));
    } else {
        r = ir_2(ir, op ? IR_xor : IR_and, type, a, ir_2i(ir, IR_add, type, a, -1));
    }
    x86_write(d, 0, r);
    logic_and_carry(d, r, ir_setc(ir, type, op == 2 ? IR_NE : IR_EQ, a, ir_const(ir, type, 0)));
}

/* Bits from `length' (a byte) on become 0. */
static ir_val keep_low_bits(struct x86_dis *d, unsigned size, ir_val a, ir_val length)
{
    struct ir *ir = d->ir;
    enum ir_type type = x86_type(size);
    ir_val mask = ir_2(ir, IR_shl, type, ir_const(ir, type, -1), length);
    ir_val cut = ir_2(ir, IR_andc, type, a, mask);

    /* `length' is an I32 below 256, so it compares the same at either width. */
    return ir_sel(ir, type, IR_LTU, length, ir_const(ir, type, 8 * size), cut, a);
}

void trans_bzhi(struct x86_dis *d)
{
    unsigned size = d->in.operand[0].size;
    ir_val a = x86_read(d, 1), length = ir_extu(d->ir, I32, x86_read_low(d, 2), 8);
    ir_val r = keep_low_bits(d, size, a, length);

    x86_write(d, 0, r);
    logic_and_carry(d, r, ir_setc(d->ir, I32, IR_GEU, length, x86_imm32(d, 8 * size)));
}

void trans_bextr(struct x86_dis *d)
{
    struct ir *ir = d->ir;
    unsigned size = d->in.operand[0].size;
    enum ir_type type = x86_type(size);
    ir_val a = x86_read(d, 1), control = x86_read_low(d, 2);
    ir_val start = ir_extu(ir, I32, control, 8), length = ir_extract(ir, I32, control, 8, 8), r;

    r = ir_2(ir, IR_shr, type, a, start);
    r = ir_sel(ir, type, IR_LTU, start, ir_const(ir, type, 8 * size), r, ir_const(ir, type, 0));
    r = keep_low_bits(d, size, r, length);
    x86_write(d, 0, r);
    logic_flags(d, r);
}

void trans_shiftx(struct x86_dis *d)
{
    static const uint8_t opcode[] = { IR_shl, IR_sar, IR_shr };
    enum ir_type type = x86_type(d->in.operand[0].size);
    ir_val a = x86_read_low(d, 1), count = x86_read_low(d, 2);

    x86_write(d, 0, ir_2(d->ir, opcode[d->in.op->arg], type, a, count));
}

void trans_rorx(struct x86_dis *d)
{
    enum ir_type type = x86_type(d->in.operand[0].size);

    x86_write(d, 0, ir_2i(d->ir, IR_rotr, type, x86_read_low(d, 1), d->in.imm));
}

void trans_pdep(struct x86_dis *d)
{
    enum ir_type type = x86_type(d->in.operand[0].size);
    unsigned gx = d->in.op->arg ? GX_PEXT : GX_PDEP;

    x86_write(d, 0, ir_imm(d->ir, IR_gx, type, x86_read_low(d, 1), x86_read_low(d, 2), gx));
}

/* rdrand, rdseed: CF says that there was a number */
void trans_random(struct x86_dis *d)
{
    ir_val r = x86_call0(d, H_random);

    x86_write(d, 0, r);
    x86_flags_set_packed(d, x86_imm32(d, FL_CF));
}
