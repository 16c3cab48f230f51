/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Saturating operations of Advanced SIMD. Where the result is not what it would be without
 * saturation, bits are ORed into fp_qc: QC is set when any is.
 */
#include <stddef.h>

#include "target-arm/trans-neon.h"

struct operation {
    unsigned op, size, vd, vn, vm, imm;
    bool u, q, scalar;
    unsigned bits;                  /* of an element */
    enum ir_type type;
};

static ir_val sse(struct arm_dis *d, unsigned map, unsigned opcode, ir_val a, ir_val b)
{
    return arm_vx_move(d, V128, map, 0x66, opcode, a, b);
}

static ir_val vec(struct arm_dis *d, const struct operation *o, enum ir_opcode op, ir_val a,
                  ir_val b)
{
    return ir_imm(d->ir, op, o->type, a, b, o->bits);
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

static ir_val fill(struct arm_dis *d, unsigned bits, uint32_t value)
{
    return ir_imm(d->ir, IR_vdup, V128, arm_imm(d, value), 0, bits);
}

enum { SHIFT_RIGHT = 2, SHIFT_ARITHMETIC = 4, SHIFT_LEFT = 6 };

static ir_val shift(struct arm_dis *d, unsigned size, unsigned kind, ir_val v, unsigned amount)
{
    return amount ? neon_shift_by(d, true, size, kind, amount, v) : v;
}

/* The sign bit of every element; not of bytes */
static ir_val signs(struct arm_dis *d, unsigned size)
{
    return shift(d, size, SHIFT_LEFT, ones(d), (8 << size) - 1);
}

static void saturated(struct arm_dis *d, enum ir_type type, ir_val bits)
{
    uint32_t qc = offsetof(struct arm_env, fp_qc);

    if (type == V64) {
        bits = neon_alone(d, bits);
    }
    bits = ir_2(d->ir, IR_vor, V128, ir_envld(d->ir, V128, qc, MO_128), bits);
    ir_envst(d->ir, V128, qc, bits, MO_128);
}

static ir_val choose(struct arm_dis *d, const struct operation *o, ir_val mask, ir_val a, ir_val b)
{
    return vec(d, o, IR_vor, vec(d, o, IR_vand, a, mask), vec(d, o, IR_vandc, b, mask));
}

/* --- sums ------------------------------------------------------------------------------------ */

/* paddsb and their like: bytes and halfwords */
static ir_val sum_by_host(struct arm_dis *d, const struct operation *o, bool add, ir_val n,
                          ir_val m)
{
    static const uint8_t opcode[2][2][2] = {            /* add, unsigned, size */
        { { 0xe8, 0xe9 }, { 0xd8, 0xd9 } }, { { 0xec, 0xed }, { 0xdc, 0xdd } },
    };
    ir_val r = arm_vx_move(d, o->type, 1, 0x66, opcode[add][o->u][o->size], n, m);

    saturated(d, o->type, vec(d, o, IR_vxor, r, vec(d, o, add ? IR_vadd : IR_vsub, n, m)));
    return r;
}

/* Unsigned: a sum that is less than an operand, a difference of a smaller and a greater one */
static ir_val sum_unsigned(struct arm_dis *d, const struct operation *o, bool add, ir_val n,
                           ir_val m)
{
    ir_val s = signs(d, o->size), r = vec(d, o, add ? IR_vadd : IR_vsub, n, m), mask;

    mask = vec(d, o, IR_vcmpgt, vec(d, o, IR_vxor, add ? n : m, s),
               vec(d, o, IR_vxor, add ? r : n, s));
    saturated(d, o->type, mask);
    return vec(d, o, add ? IR_vor : IR_vandc, r, mask);
}

/* Signed: the result's sign is wrong when it differs from both operands', a difference's when it
   and m's differ from n's. */
static ir_val sum_signed(struct arm_dis *d, const struct operation *o, bool add, ir_val n, ir_val m)
{
    ir_val r = vec(d, o, add ? IR_vadd : IR_vsub, n, m), mask, limit;

    mask = vec(d, o, IR_vand, vec(d, o, IR_vxor, n, r), vec(d, o, IR_vxor, m, add ? r : n));
    mask = vec(d, o, IR_vcmpgt, zero(d), mask);
    limit = vec(d, o, IR_vxor, vec(d, o, IR_vcmpgt, zero(d), r), signs(d, o->size));
    saturated(d, o->type, mask);
    return choose(d, o, mask, limit, r);
}

static ir_val sum(struct arm_dis *d, const struct operation *o, bool add, ir_val n, ir_val m)
{
    return o->size < 2 ? sum_by_host(d, o, add, n, m)
         : o->u ? sum_unsigned(d, o, add, n, m) : sum_signed(d, o, add, n, m);
}

static bool add_or_subtract(struct arm_dis *d, const struct operation *o)
{
    ir_val n = neon_get(d, o->q, o->vn), m = neon_get(d, o->q, o->vm);

    neon_set(d, o->q, o->vd, sum(d, o, o->op == N_QADD, n, m));
    return true;
}

/* Only the smallest number's is out of range, and comes out as it is: the next one is the limit. */
static bool absolute_or_negative(struct arm_dis *d, const struct operation *o)
{
    ir_val m = neon_get(d, o->q, o->vm), limit, mask, r;

    limit = o->size ? signs(d, o->size) : fill(d, 8, 0x80);
    mask = vec(d, o, IR_vcmpeq, m, limit);
    r = o->op == N_QABS ? sse(d, 2, 0x1c + o->size, m, 0) : vec(d, o, IR_vsub, zero(d), m);
    saturated(d, o->type, mask);
    neon_set(d, o->q, o->vd, vec(d, o, IR_vxor, r, mask));
    return true;
}

/* --- products -------------------------------------------------------------------------------- */

/* m, or one element of it in all places */
static ir_val operand_m(struct arm_dis *d, const struct operation *o, bool q)
{
    ir_val v;

    if (!o->scalar) {
        return neon_get(d, q, o->vm);
    }
    v = arm_get_d(d, o->vm);
    if (o->size == 1) {
        v = arm_vx_move_imm(d, V128, 1, 0xf2, 0x70, v, 0, o->imm * 0x55);   /* pshuflw */
        return sse(d, 1, 0x6c, v, v);                                       /* punpcklqdq */
    }
    return arm_vx_move_imm(d, V128, 1, 0x66, 0x70, v, 0, o->imm * 0x55);
}

/* Halves of doubled products of halfwords */
static ir_val doubled_16(struct arm_dis *d, const struct operation *o, ir_val n, ir_val m)
{
    if (o->op == N_QRDMULH) {
        return sse(d, 2, 0x0b, n, m);                                       /* pmulhrsw */
    }
    return vec(d, o, IR_vor, shift(d, 1, SHIFT_LEFT, sse(d, 1, 0xe5, n, m), 1),
               shift(d, 1, SHIFT_RIGHT, sse(d, 1, 0xd5, n, m), 15));
}

/* The upper words of two doubled products of 64 bits, left in place */
static ir_val doubled_64(struct arm_dis *d, const struct operation *o, ir_val n, ir_val m)
{
    ir_val p = shift(d, 3, SHIFT_LEFT, sse(d, 2, 0x28, n, m), 1);           /* pmuldq */

    if (o->op == N_QRDMULH) {
        p = ir_imm(d->ir, IR_vadd, V128, p,
                   shift(d, 3, SHIFT_LEFT, shift(d, 3, SHIFT_RIGHT, ones(d), 63), 31), 64);
    }
    return p;
}

static ir_val doubled_32(struct arm_dis *d, const struct operation *o, ir_val n, ir_val m)
{
    ir_val even = doubled_64(d, o, n, m);
    ir_val odd = doubled_64(d, o, shift(d, 3, SHIFT_RIGHT, n, 32), shift(d, 3, SHIFT_RIGHT, m, 32));

    odd = ir_2(d->ir, IR_vand, V128, odd, shift(d, 3, SHIFT_LEFT, ones(d), 32));
    return ir_2(d->ir, IR_vor, V128, shift(d, 3, SHIFT_RIGHT, even, 32), odd);
}

/* Only the smallest number's square is out of range, and comes out as the smallest number. */
static ir_val limit_square(struct arm_dis *d, enum ir_type type, unsigned size, ir_val r)
{
    ir_val mask = ir_imm(d->ir, IR_vcmpeq, type, r, signs(d, size), 8 << size);

    saturated(d, type, mask);
    return ir_2(d->ir, IR_vxor, type, r, mask);
}

static bool multiply_high(struct arm_dis *d, const struct operation *o)
{
    ir_val n = neon_get(d, o->q, o->vn), m = operand_m(d, o, o->q), r;

    r = o->size == 1 ? doubled_16(d, o, n, m) : doubled_32(d, o, n, m);
    neon_set(d, o->q, o->vd, limit_square(d, o->type, o->size, r));
    return true;
}

/* Products at twice the width, doubled, and perhaps added to d */
static bool multiply_long(struct arm_dis *d, const struct operation *o)
{
    struct operation wide = { .size = o->size + 1, .bits = 2 * o->bits, .type = V128 };
    uint8_t widen = o->size == 1 ? 0x23 : 0x25;
    ir_val n = arm_get_d(d, o->vn), m = operand_m(d, o, false), r;

    n = sse(d, 2, widen, n, 0);
    m = sse(d, 2, widen, m, 0);
    r = sse(d, 2, o->size == 1 ? 0x40 : 0x28, n, m);                        /* pmulld, pmuldq */
    r = limit_square(d, V128, wide.size, shift(d, wide.size, SHIFT_LEFT, r, 1));
    if (o->op != N_QDMULL) {
        r = sum(d, &wide, o->op == N_QDMLAL, neon_get(d, true, o->vd), r);
    }
    neon_set(d, true, o->vd, r);
    return true;
}

/* --- narrower -------------------------------------------------------------------------------- */

/* Elements of twice the size; the lower half of the result counts. */
static ir_val pack(struct arm_dis *d, const struct operation *o, bool to_unsigned, bool u, ir_val v)
{
    static const uint8_t packs[2][2][2] = {             /* to unsigned, size: map, opcode */
        { { 1, 0x63 }, { 1, 0x6b } }, { { 1, 0x67 }, { 2, 0x2b } },
    };
    const uint8_t *how = packs[to_unsigned][o->size];

    if (u) {                                            /* pminuw, pminud: it packs signed ones */
        v = sse(d, 2, 0x3a + o->size, v, shift(d, o->size + 1, SHIFT_RIGHT, ones(d), o->bits));
    }
    return sse(d, how[0], how[1], v, v);
}

static bool shift_narrow(struct arm_dis *d, const struct operation *o)
{
    static const uint8_t widen[2] = { 0x20, 0x23 };     /* pmovsx; pmovzx is 0x10 more */
    bool round = o->op == N_QRSHRN || o->op == N_QRSHRUN;
    bool source_u = o->u && (o->op == N_QSHRN || o->op == N_QRSHRN);
    bool to_unsigned = source_u || o->op == N_QSHRUN || o->op == N_QRSHRUN;
    unsigned kind = source_u ? SHIFT_RIGHT : SHIFT_ARITHMETIC, size = o->size + 1;
    ir_val v = neon_get(d, true, o->vn), r;

    if (o->size == 2) {
        return false;
    }
    v = neon_round_shift(d, size, kind, v, o->imm, round);
    r = pack(d, o, to_unsigned, source_u, v);
    saturated(d, V128, ir_2(d->ir, IR_vxor, V128, v,
                            sse(d, 2, widen[o->size] + (to_unsigned ? 0x10 : 0), r, 0)));
    arm_set_d(d, o->vd, r);
    return true;
}

/* Left by an immediate: what comes back is not what went in. */
static bool shift_left(struct arm_dis *d, const struct operation *o)
{
    ir_val m = neon_get(d, o->q, o->vm), r, same, limit;

    if (o->size == 0 || o->size == 3) {
        return false;
    }
    r = shift(d, o->size, SHIFT_LEFT, m, o->imm);
    same = vec(d, o, IR_vcmpeq, m,
               shift(d, o->size, o->u ? SHIFT_RIGHT : SHIFT_ARITHMETIC, r, o->imm));
    limit = o->u ? ones(d) : vec(d, o, IR_vxor, shift(d, o->size, SHIFT_RIGHT, ones(d), 1),
                                 shift(d, o->size, SHIFT_ARITHMETIC, m, o->bits - 1));
    saturated(d, o->type, vec(d, o, IR_vxor, same, ones(d)));
    neon_set(d, o->q, o->vd, choose(d, o, same, r, limit));
    return true;
}

NEON_BY_OPS(neon_saturating)
{
    struct operation o = { how & 0xff, how >> 8 & 3, vd, vn, vm, imm, how >> 10 & 1, how >> 11 & 1,
                           how & NEON_SCALAR, 8u << (how >> 8 & 3), V64 };

    o.type = o.q ? V128 : V64;
    if (!__builtin_cpu_supports("sse4.2")) {
        return false;
    }
    switch (o.op) {
    case N_QADD: case N_QSUB: return add_or_subtract(d, &o);
    case N_QABS: case N_QNEG: return absolute_or_negative(d, &o);
    case N_QDMULH: case N_QRDMULH: return multiply_high(d, &o);
    case N_QDMULL: case N_QDMLAL: case N_QDMLSL: return multiply_long(d, &o);
    case N_QSHRN: case N_QRSHRN: case N_QSHRUN: case N_QRSHRUN: return shift_narrow(d, &o);
    case N_QSHL_I: return shift_left(d, &o);
    default: return false;
    }
}
