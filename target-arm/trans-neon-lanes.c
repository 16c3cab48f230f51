/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Advanced SIMD of different lengths, of neighbours and of order, by SSE4.1 instructions that only
 * move and add: what widens and narrows is unpacked and packed. What is not here is in the helper.
 */
#include "target-arm/trans-neon.h"

/* One SSE instruction of prefix 66; map 1 is 0F, 2 is 0F 38, 3 is 0F 3A. */
static ir_val sse(struct arm_dis *d, unsigned map, unsigned opcode, ir_val a, ir_val b)
{
    return arm_vx_move(d, V128, map, 0x66, opcode, a, b);
}

static ir_val sse_imm(struct arm_dis *d, unsigned map, unsigned opcode, ir_val a, unsigned imm)
{
    return arm_vx_move_imm(d, V128, map, 0x66, opcode, a, 0, imm);
}

/* Of D registers when one operand is such. */
static ir_val vec(struct arm_dis *d, enum ir_opcode op, unsigned size, ir_val a, ir_val b)
{
    bool q = ir_type_of(d->ir, a) == V128 && ir_type_of(d->ir, b) == V128;

    return ir_imm(d->ir, op, q ? V128 : V64, a, b, 8 << size);
}

static ir_val zero(struct arm_dis *d)
{
    return ir_imm(d->ir, IR_vzero, V128, 0, 0, 0);
}

static ir_val ones(struct arm_dis *d)
{
    ir_val z = zero(d);

    return ir_imm(d->ir, IR_vcmpeq, V128, z, z, 32);
}

enum { SHIFT_RIGHT = 2, SHIFT_ARITHMETIC = 4, SHIFT_LEFT = 6 };

static ir_val shift(struct arm_dis *d, unsigned size, unsigned kind, ir_val v, unsigned amount)
{
    return amount ? neon_shift_by(d, true, size, kind, amount, v) : v;
}

/* To the right; the bit that falls out last rounds. */
ir_val neon_round_shift(struct arm_dis *d, unsigned size, unsigned kind, ir_val v, unsigned amount,
                        bool round)
{
    unsigned bits = 8u << size;
    ir_val last = v;

    if (!round || !amount) {
        return shift(d, size, kind, v, amount);
    }
    last = shift(d, size, SHIFT_LEFT, v, bits - amount);
    last = shift(d, size, SHIFT_RIGHT, last, bits - 1);
    return vec(d, IR_vadd, size, shift(d, size, kind, v, amount), last);
}

/* The lower halves of elements of 2 << size bytes */
static ir_val low_halves(struct arm_dis *d, unsigned size, ir_val v)
{
    return vec(d, IR_vand, size, v, shift(d, size + 1, SHIFT_RIGHT, ones(d), 8 << size));
}

/* pmovsx and pmovzx: eight bytes become words, and so on */
static ir_val widen(struct arm_dis *d, unsigned size, bool u, ir_val v)
{
    static const uint8_t opcode[3] = { 0x20, 0x23, 0x25 };

    return sse(d, 2, opcode[size] + (u ? 0x10 : 0), v, 0);
}

/* The lower halves of a Q register's elements, of 1 << size bytes, as a D register */
ir_val neon_narrow(struct arm_dis *d, unsigned size, ir_val v)
{
    switch (size) {
    case 0:
        v = low_halves(d, 0, v);
        return sse(d, 1, 0x67, v, v);                   /* packuswb */
    case 1:
        v = low_halves(d, 1, v);
        return sse(d, 2, 0x2b, v, v);                   /* packusdw */
    default:
        return sse_imm(d, 1, 0x70, v, 0x08);            /* pshufd */
    }
}

/* --- operands -------------------------------------------------------------------------------- */

/* What the first argument of the helper says, and where its operands are. */
struct lanes {
    unsigned op, size, vd, vn, vm, imm;
    bool u, q, scalar;
};

/* n: the lower D register */
static ir_val pair(struct arm_dis *d, unsigned n)
{
    return neon_get(d, true, n);
}

/* m, or one element of it in all places */
static ir_val operand_m(struct arm_dis *d, const struct lanes *l)
{
    ir_val v = arm_get_d(d, l->vm);

    if (!l->scalar) {
        return v;
    }
    if (l->size == 1) {
        v = arm_vx_move_imm(d, V128, 1, 0xf2, 0x70, v, 0, l->imm * 0x55);   /* pshuflw */
        return sse(d, 1, 0x6c, v, v);                                       /* punpcklqdq */
    }
    return sse_imm(d, 1, 0x70, v, l->imm * 0x55);
}

/* --- wide results ---------------------------------------------------------------------------- */

/* Products of D registers' elements at twice the width */
static ir_val products(struct arm_dis *d, const struct lanes *l)
{
    ir_val n = widen(d, l->size, l->u, arm_get_d(d, l->vn));
    ir_val m = widen(d, l->size, l->u, operand_m(d, l));

    switch (l->size) {
    case 0: return sse(d, 1, 0xd5, n, m);               /* pmullw */
    case 1: return sse(d, 2, 0x40, n, m);               /* pmulld */
    default: return l->u ? sse(d, 1, 0xf4, n, m) : sse(d, 2, 0x28, n, m);   /* pmul[u]dq */
    }
}

static bool multiply_long(struct arm_dis *d, const struct lanes *l)
{
    ir_val r = products(d, l);

    if (l->op != N_MULL) {
        r = vec(d, l->op == N_MLAL ? IR_vadd : IR_vsub, l->size + 1, pair(d, l->vd), r);
    }
    neon_set(d, true, l->vd, r);
    return true;
}

static bool add_long(struct arm_dis *d, const struct lanes *l)
{
    bool wide_n = l->op == N_ADDW || l->op == N_SUBW, add = l->op == N_ADDL || l->op == N_ADDW;
    ir_val n = wide_n ? pair(d, l->vn) : widen(d, l->size, l->u, arm_get_d(d, l->vn));
    ir_val m = widen(d, l->size, l->u, arm_get_d(d, l->vm));

    neon_set(d, true, l->vd, vec(d, add ? IR_vadd : IR_vsub, l->size + 1, n, m));
    return true;
}

static ir_val absolute(struct arm_dis *d, unsigned size, ir_val v)
{
    return sse(d, 2, 0x1c + size, v, 0);                /* pabsb, pabsw, pabsd */
}

static bool difference_long(struct arm_dis *d, const struct lanes *l)
{
    ir_val r;

    if (l->size == 2) {
        return false;
    }
    r = vec(d, IR_vsub, l->size + 1, widen(d, l->size, l->u, arm_get_d(d, l->vn)),
            widen(d, l->size, l->u, arm_get_d(d, l->vm)));
    r = absolute(d, l->size + 1, r);
    if (l->op == N_ABAL) {
        r = vec(d, IR_vadd, l->size + 1, pair(d, l->vd), r);
    }
    neon_set(d, true, l->vd, r);
    return true;
}

static bool shift_long(struct arm_dis *d, const struct lanes *l)
{
    ir_val v = widen(d, l->size, l->u, arm_get_d(d, l->vm));

    neon_set(d, true, l->vd, shift(d, l->size + 1, SHIFT_LEFT, v, l->imm));
    return true;
}

/* --- narrow results -------------------------------------------------------------------------- */

static bool shift_narrow(struct arm_dis *d, const struct lanes *l)
{
    ir_val v = neon_round_shift(d, l->size + 1, SHIFT_RIGHT, pair(d, l->vn), l->imm,
                                l->op == N_RSHRN);

    arm_set_d(d, l->vd, neon_narrow(d, l->size, v));
    return true;
}

static bool high_narrow(struct arm_dis *d, const struct lanes *l)
{
    ir_val r, half;

    r = vec(d, l->op == N_ADDHN ? IR_vadd : IR_vsub, l->size + 1, pair(d, l->vn), pair(d, l->vm));
    if (l->imm) {                                       /* it rounds */
        half = shift(d, l->size + 1, SHIFT_RIGHT, ones(d), (16u << l->size) - 1);
        half = shift(d, l->size + 1, SHIFT_LEFT, half, (8u << l->size) - 1);
        r = vec(d, IR_vadd, l->size + 1, r, half);
    }
    r = shift(d, l->size + 1, SHIFT_RIGHT, r, 8 << l->size);
    arm_set_d(d, l->vd, neon_narrow(d, l->size, r));
    return true;
}

/* --- neighbours ------------------------------------------------------------------------------ */

/* Elements with even numbers of n and m, and those with odd ones, as D registers' worth each */
static bool neighbours(struct arm_dis *d, const struct lanes *l)
{
    static const uint8_t max[2][3][2] = {               /* map, opcode */
        { { 2, 0x3c }, { 1, 0xee }, { 2, 0x3d } }, { { 1, 0xde }, { 2, 0x3e }, { 2, 0x3f } },
    };
    static const uint8_t min[2][3][2] = {
        { { 2, 0x38 }, { 1, 0xea }, { 2, 0x39 } }, { { 1, 0xda }, { 2, 0x3a }, { 2, 0x3b } },
    };
    const uint8_t *how = (l->op == N_PMAX ? max : min)[l->u][l->size];
    ir_val n = arm_get_d(d, l->vn), m = arm_get_d(d, l->vm), both, odd, r;

    both = sse(d, 1, 0x6c, n, m);                       /* punpcklqdq */
    odd = l->size == 2 ? sse_imm(d, 1, 0x70, both, 0xf5)
                       : shift(d, l->size + 1, SHIFT_RIGHT, both, 8 << l->size);
    r = l->op == N_PADD ? vec(d, IR_vadd, l->size, both, odd) : sse(d, how[0], how[1], both, odd);
    arm_set_d(d, l->vd, neon_narrow(d, l->size, r));
    return true;
}

static bool add_neighbours_long(struct arm_dis *d, const struct lanes *l)
{
    ir_val v = l->q ? pair(d, l->vm) : arm_get_d(d, l->vm), low, high;

    if (l->size == 2 && !l->u) {
        return false;
    }
    if (l->u) {
        low = low_halves(d, l->size, v);
        high = shift(d, l->size + 1, SHIFT_RIGHT, v, 8 << l->size);
    } else {
        low = shift(d, l->size + 1, SHIFT_LEFT, v, 8 << l->size);
        low = shift(d, l->size + 1, SHIFT_ARITHMETIC, low, 8 << l->size);
        high = shift(d, l->size + 1, SHIFT_ARITHMETIC, v, 8 << l->size);
    }
    v = vec(d, IR_vadd, l->size + 1, low, high);
    if (l->op == N_PADAL) {
        v = vec(d, IR_vadd, l->size + 1, l->q ? pair(d, l->vd) : arm_get_d(d, l->vd), v);
    }
    neon_set(d, l->q, l->vd, v);
    return true;
}

/* --- elements -------------------------------------------------------------------------------- */

static bool absolute_or_negative(struct arm_dis *d, const struct lanes *l)
{
    ir_val m = neon_get(d, l->q, l->vm);

    neon_set(d, l->q, l->vd, l->op == N_ABS ? absolute(d, l->size, m)
                                            : vec(d, IR_vsub, l->size, zero(d), m));
    return true;
}

/* The greater less the smaller */
static bool difference(struct arm_dis *d, const struct lanes *l)
{
    static const uint8_t ops[2][3][3] = {               /* map, maximum, minimum */
        { { 2, 0x3c, 0x38 }, { 1, 0xee, 0xea }, { 2, 0x3d, 0x39 } },
        { { 1, 0xde, 0xda }, { 2, 0x3e, 0x3a }, { 2, 0x3f, 0x3b } },
    };
    const uint8_t *o = ops[l->u][l->size];
    ir_val n = neon_get(d, l->q, l->vn), m = neon_get(d, l->q, l->vm), r;

    r = vec(d, IR_vsub, l->size, sse(d, o[0], o[1], n, m), sse(d, o[0], o[2], n, m));
    if (l->op == N_ABA) {
        r = vec(d, IR_vadd, l->size, neon_get(d, l->q, l->vd), r);
    }
    neon_set(d, l->q, l->vd, r);
    return true;
}

/* Unsigned: n >= m where n is the maximum; n > m where m is not it */
static bool compare_unsigned(struct arm_dis *d, const struct lanes *l)
{
    static const uint8_t max[3][2] = { { 1, 0xde }, { 2, 0x3e }, { 2, 0x3f } };
    ir_val n = neon_get(d, l->q, l->vn), m = neon_get(d, l->q, l->vm), r;

    r = sse(d, max[l->size][0], max[l->size][1], n, m);
    r = vec(d, IR_vcmpeq, l->size, r, l->op == N_CGE ? n : m);
    if (l->op == N_CGT) {
        r = vec(d, IR_vxor, 0, r, ones(d));
    }
    neon_set(d, l->q, l->vd, r);
    return true;
}

/* By an element: products of the same width */
static bool multiply_scalar(struct arm_dis *d, const struct lanes *l)
{
    ir_val r = vec(d, IR_vmul, l->size, neon_get(d, l->q, l->vn), operand_m(d, l));

    if (l->op != N_MUL) {
        r = vec(d, l->op == N_MLA ? IR_vadd : IR_vsub, l->size, neon_get(d, l->q, l->vd), r);
    }
    neon_set(d, l->q, l->vd, r);
    return true;
}

static ir_val fill(struct arm_dis *d, unsigned size, uint32_t value)
{
    return ir_imm(d->ir, IR_vdup, V128, arm_imm(d, value), 0, 8 << size);
}

/*
 * Half the sum or difference by pavg, which rounds up. Of signed numbers all signs are flipped;
 * a difference is the sum with the complement, less half the range.
 */
static bool halve(struct arm_dis *d, const struct lanes *l)
{
    ir_val n = neon_get(d, l->q, l->vn), m = neon_get(d, l->q, l->vm), r;
    ir_val sign = fill(d, l->size, 0x80u << (l->size ? 8 : 0));

    if (l->size == 2) {
        return false;
    }
    if (!l->u) {
        n = vec(d, IR_vxor, 0, n, sign);
        m = vec(d, IR_vxor, 0, m, sign);
    }
    if (l->op == N_HSUB) {
        m = vec(d, IR_vxor, 0, m, ones(d));
    }
    r = sse(d, 1, l->size ? 0xe3 : 0xe0, n, m);
    if (l->op == N_HADD) {
        r = vec(d, IR_vsub, l->size, r,
                vec(d, IR_vand, 0, vec(d, IR_vxor, 0, n, m), fill(d, l->size, 1)));
    }
    if (l->op == N_HSUB || !l->u) {
        r = vec(d, IR_vxor, 0, r, sign);
    }
    neon_set(d, l->q, l->vd, r);
    return true;
}

/* There are no shifts of bytes: those of halfwords, without what comes from the neighbour. */
static ir_val shift_bytes(struct arm_dis *d, const struct lanes *l, ir_val v)
{
    ir_val r, sign;

    if (l->op == N_SHL_I) {
        r = shift(d, 1, SHIFT_LEFT, v, l->imm);
        return vec(d, IR_vand, 0, r, fill(d, 0, 0xff << l->imm & 0xff));
    }
    r = vec(d, IR_vand, 0, shift(d, 1, SHIFT_RIGHT, v, l->imm), fill(d, 0, 0xff >> l->imm));
    if (!l->u) {
        sign = fill(d, 0, 0x80 >> l->imm);
        r = vec(d, IR_vsub, 0, vec(d, IR_vxor, 0, r, sign), sign);
    }
    return r;
}

static bool shift_immediate(struct arm_dis *d, const struct lanes *l)
{
    bool round = l->op == N_RSHR || l->op == N_RSRA;
    ir_val r, v = neon_get(d, l->q, l->vm);

    if (round ? l->size == 0 || (l->size == 3 && !l->u) : l->size || l->imm > 7) {
        return false;
    }
    r = round ? neon_round_shift(d, l->size, l->u ? SHIFT_RIGHT : SHIFT_ARITHMETIC, v, l->imm, true)
              : shift_bytes(d, l, v);
    if (l->op == N_SRA || l->op == N_RSRA) {
        r = vec(d, IR_vadd, l->size, neon_get(d, l->q, l->vd), r);
    }
    neon_set(d, l->q, l->vd, r);
    return true;
}

/* Shift and insert: the bits that come in are those of d. */
static bool shift_insert(struct arm_dis *d, const struct lanes *l)
{
    unsigned kind = l->op == N_SLI ? SHIFT_LEFT : SHIFT_RIGHT;
    ir_val r, mask, old = neon_get(d, l->q, l->vd);

    if (l->size == 0 || l->imm == 8u << l->size) {
        return false;
    }
    r = shift(d, l->size, kind, neon_get(d, l->q, l->vm), l->imm);
    mask = shift(d, l->size, kind, ones(d), l->imm);
    neon_set(d, l->q, l->vd, vec(d, IR_vor, 0, r, vec(d, IR_vandc, 0, old, mask)));
    return true;
}

/* --- order ----------------------------------------------------------------------------------- */

static ir_val swap_bytes(struct arm_dis *d, ir_val v)
{
    return vec(d, IR_vor, 0, shift(d, 1, SHIFT_LEFT, v, 8), shift(d, 1, SHIFT_RIGHT, v, 8));
}

/* Words of each half of the register by pshuflw and pshufhw */
static ir_val shuffle_words(struct arm_dis *d, ir_val v, unsigned order)
{
    v = arm_vx_move_imm(d, V128, 1, 0xf2, 0x70, v, 0, order);
    return arm_vx_move_imm(d, V128, 1, 0xf3, 0x70, v, 0, order);
}

static bool reverse(struct arm_dis *d, const struct lanes *l)
{
    ir_val v = neon_get(d, l->q, l->vm);

    if (l->size == 0) {
        v = swap_bytes(d, v);
    }
    if (l->op == N_REV32) {
        v = shuffle_words(d, v, 0xb1);
    } else if (l->op == N_REV64) {
        v = l->size == 2 ? sse_imm(d, 1, 0x70, v, 0xb1) : shuffle_words(d, v, 0x1b);
    }
    neon_set(d, l->q, l->vd, v);
    return true;
}

static bool extract(struct arm_dis *d, const struct lanes *l)
{
    ir_val n = arm_get_d(d, l->vn), m = arm_get_d(d, l->vm);

    if (l->q) {
        n = pair(d, l->vm);
        m = pair(d, l->vn);
        neon_set(d, true, l->vd, arm_vx_move_imm(d, V128, 3, 0x66, 0x0f, n, m, l->imm));
    } else {
        n = sse(d, 1, 0x6c, n, m);
        arm_set_d(d, l->vd, arm_vx_move_imm(d, V128, 3, 0x66, 0x0f, n, n, l->imm));
    }
    return true;
}

/* Pairs of elements in turn: punpckl and punpckh */
static bool zip(struct arm_dis *d, const struct lanes *l)
{
    ir_val a = neon_get(d, l->q, l->vd), b = neon_get(d, l->q, l->vm), low, high;

    if (l->vd == l->vm) {
        return false;
    }
    low = sse(d, 1, 0x60 + l->size, a, b);
    if (l->q) {
        high = sse(d, 1, 0x68 + l->size, a, b);
    } else {
        high = sse(d, 1, 0x6d, low, low);               /* punpckhqdq */
    }
    neon_set(d, l->q, l->vd, low);
    neon_set(d, l->q, l->vm, high);
    return true;
}

/* Pairs of elements, one of each register */
static bool transpose(struct arm_dis *d, const struct lanes *l)
{
    unsigned bits = 8u << l->size;
    ir_val a = neon_get(d, l->q, l->vd), b = neon_get(d, l->q, l->vm), even, odd;

    if (l->vd == l->vm) {
        return false;
    }
    even = vec(d, IR_vor, 0, low_halves(d, l->size, a), shift(d, l->size + 1, SHIFT_LEFT, b, bits));
    odd = shift(d, l->size + 1, SHIFT_RIGHT, a, bits);
    b = vec(d, IR_vandc, 0, b, shift(d, l->size + 1, SHIFT_RIGHT, ones(d), bits));
    neon_set(d, l->q, l->vd, even);
    neon_set(d, l->q, l->vm, vec(d, IR_vor, 0, odd, b));
    return true;
}

struct neon_pair neon_unzip(struct arm_dis *d, unsigned size, ir_val a, ir_val b)
{
    unsigned map = size ? 2 : 1, opcode = size ? 0x2b : 0x67;               /* packus */
    struct neon_pair r;

    if (size == 2) {                                    /* shufps */
        r.even = arm_vx_move_imm(d, V128, 1, 0, 0xc6, a, b, 0x88);
        r.odd = arm_vx_move_imm(d, V128, 1, 0, 0xc6, a, b, 0xdd);
    } else {
        r.even = sse(d, map, opcode, low_halves(d, size, a), low_halves(d, size, b));
        r.odd = sse(d, map, opcode, shift(d, size + 1, SHIFT_RIGHT, a, 8 << size),
                    shift(d, size + 1, SHIFT_RIGHT, b, 8 << size));
    }
    return r;
}

static bool unzip(struct arm_dis *d, const struct lanes *l)
{
    struct neon_pair r;
    ir_val a;

    if (l->vd == l->vm) {
        return false;
    }
    if (l->q) {
        r = neon_unzip(d, l->size, pair(d, l->vd), pair(d, l->vm));
    } else {
        a = sse(d, 1, 0x6c, arm_get_d(d, l->vd), arm_get_d(d, l->vm));      /* punpcklqdq */
        r.even = neon_narrow(d, l->size, a);
        r.odd = neon_narrow(d, l->size, shift(d, l->size + 1, SHIFT_RIGHT, a, 8 << l->size));
    }
    neon_set(d, l->q, l->vd, r.even);
    neon_set(d, l->q, l->vm, r.odd);
    return true;
}

/*
 * pshufb looks up in 16 bytes and gives 0 for an index with bit 7: which those out of range get by
 * a saturating sum. A table of 24 bytes has zeros behind them.
 */
static bool look_up(struct arm_dis *d, const struct lanes *l)
{
    unsigned n = l->imm + 1;
    ir_val index = arm_get_d(d, l->vm), r, table, mask, limit;

    table = arm_get_d(d, l->vn);
    table = sse(d, 1, 0x6c, table, n == 1 ? table : arm_get_d(d, l->vn + 1));
    r = sse(d, 2, 0x00, table, sse(d, 1, 0xdc, index, fill(d, 0, n == 1 ? 0x78 : 0x70)));
    if (n > 2) {
        table = neon_alone(d, arm_get_d(d, l->vn + 2));
        table = sse(d, 1, 0x6c, table, n == 3 ? zero(d) : arm_get_d(d, l->vn + 3));
        mask = sse(d, 1, 0xdc, vec(d, IR_vsub, 0, index, fill(d, 0, 16)), fill(d, 0, 0x70));
        r = vec(d, IR_vor, 0, r, sse(d, 2, 0x00, table, mask));
    }
    if (l->op == N_TBX) {
        limit = fill(d, 0, 8 * n);
        mask = vec(d, IR_vcmpeq, 0, sse(d, 1, 0xde, index, limit), index);  /* pmaxub */
        r = vec(d, IR_vor, 0, r, vec(d, IR_vand, 0, arm_get_d(d, l->vd), mask));
    }
    arm_set_d(d, l->vd, r);
    return true;
}

/* --- which ----------------------------------------------------------------------------------- */

static bool by_op(struct arm_dis *d, const struct lanes *l)
{
    switch (l->op) {
    case N_MULL: case N_MLAL: case N_MLSL: return multiply_long(d, l);
    case N_ADDL: case N_ADDW: case N_SUBL: case N_SUBW: return add_long(d, l);
    case N_ABDL: case N_ABAL: return difference_long(d, l);
    case N_SHLL: return shift_long(d, l);
    case N_SHRN: case N_RSHRN: return shift_narrow(d, l);
    case N_ADDHN: case N_SUBHN: return high_narrow(d, l);
    case N_PADD: case N_PMAX: case N_PMIN: return neighbours(d, l);
    case N_PADDL: case N_PADAL: return add_neighbours_long(d, l);
    case N_ABS: case N_NEG: return absolute_or_negative(d, l);
    case N_ABD: case N_ABA: return difference(d, l);
    case N_CGE: case N_CGT: return l->u && compare_unsigned(d, l);
    case N_MUL: case N_MLA: case N_MLS: return l->scalar && multiply_scalar(d, l);
    case N_SLI: case N_SRI: return shift_insert(d, l);
    case N_REV16: case N_REV32: case N_REV64: return reverse(d, l);
    case N_EXT: return extract(d, l);
    case N_ZIP: return zip(d, l);
    case N_UZP: return unzip(d, l);
    case N_TRN: return transpose(d, l);
    case N_TBL: case N_TBX: return look_up(d, l);
    case N_HADD: case N_HSUB: case N_RHADD: return halve(d, l);
    case N_SHR: case N_SRA: case N_SHL_I: case N_RSHR: case N_RSRA: return shift_immediate(d, l);
    default: return false;
    }
}

NEON_BY_OPS(neon_lanes)
{
    struct lanes l = { how & 0xff, how >> 8 & 3, vd, vn, vm, imm, how >> 10 & 1, how >> 11 & 1,
                       how & NEON_SCALAR };

    return __builtin_cpu_supports("sse4.1") && by_op(d, &l);
}
