/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Advanced SIMD by elements: all operations, for those that have no quicker way (trans-neon.c).
 * Elements are wide integers here, so that sums and products are exact before they are cut.
 */
#include <string.h>

#include "target-arm/helpers.h"
#include "target-arm/neon.h"
#include "target-arm/vfp.h"

typedef __int128 wide;

struct neon {
    struct arm_env *env;
    unsigned op, size, bits, n;     /* of elements; n: how many */
    bool u;
    int imm;
    struct fp_status fp;
    uint8_t vn[32], vm[32], vd[32], r[32];
};

static uint64_t get_raw(const uint8_t *v, unsigned size, unsigned i)
{
    uint64_t x = 0;

    memcpy(&x, v + (i << size), 1u << size);
    return x;
}

static wide get(const uint8_t *v, unsigned size, unsigned i, bool u)
{
    unsigned bits = 8u << size;
    uint64_t x = get_raw(v, size, i);

    return u ? (wide)x : (wide)((int64_t)(x << (64 - bits)) >> (64 - bits));
}

static void put(uint8_t *v, unsigned size, unsigned i, uint64_t x)
{
    memcpy(v + (i << size), &x, 1u << size);
}

static uint64_t saturate(struct neon *c, wide v, unsigned bits, bool u)
{
    wide max = ((wide)1 << (u ? bits : bits - 1)) - 1, min = u ? 0 : -max - 1;

    if (v > max || v < min) {
        c->env->fp_qc[0] = 1;
        v = v > max ? max : min;
    }
    return (uint64_t)v;
}

/* --- elements -------------------------------------------------------------------------------- */

/* Left by b, right when it is negative. */
static wide shift(const struct neon *c, wide a, int b, bool round)
{
    if (b >= 0) {
        return b >= (int)c->bits ? (a ? (a > 0 ? (wide)1 << 100 : -((wide)1 << 100)) : 0)
                                 : (wide)((unsigned __int128)a << b);
    }
    b = -b;
    if (b > 100) {
        return round ? 0 : a < 0 ? -1 : 0;
    }
    return (a + (round ? (wide)1 << (b - 1) : 0)) >> b;
}

static uint64_t shift_register(struct neon *c, wide a, wide b, bool saturates, bool round)
{
    int by = (int8_t)b;
    wide v = shift(c, a, by, round);

    if (saturates) {
        return saturate(c, v, c->bits, c->u);
    }
    return by >= (int)c->bits ? 0 : (uint64_t)v;
}

static uint64_t multiply_poly(uint64_t a, uint64_t b)
{
    uint64_t r = 0;

    for (unsigned i = 0; i < 8; i++) {
        r ^= a >> i & 1 ? b << i : 0;
    }
    return r;
}

static unsigned leading_zeros(uint64_t v, unsigned bits)
{
    return v ? (unsigned)__builtin_clzll(v) - (64 - bits) : bits;
}

static wide absolute(wide v)
{
    return v < 0 ? -v : v;
}

/* The estimates' table, as the manual computes it: 9 bits of a reciprocal. */
static unsigned reciprocal_estimate(unsigned a)
{
    unsigned b = (1u << 19) / (a * 2 + 1);

    return (b + 1) / 2;
}

static unsigned square_root_estimate(unsigned a)
{
    unsigned b = 512;

    a = a < 256 ? a * 2 + 1 : ((a >> 1 << 1) + 1) * 2;
    while (a * (b + 1) * (b + 1) < 1u << 28) {
        b++;
    }
    return (b + 1) / 2;
}

static uint32_t unsigned_recpe(uint32_t a)
{
    return a >> 31 ? reciprocal_estimate(a >> 23) << 23 : 0xffffffff;
}

static uint32_t unsigned_rsqrte(uint32_t a)
{
    return a >> 30 ? square_root_estimate(a >> 23) << 23 : 0xffffffff;
}

static uint64_t doubling_high(struct neon *c, wide a, wide b, bool round)
{
    wide v = 2 * a * b + (round ? (wide)1 << (c->bits - 1) : 0);

    return saturate(c, v >> c->bits, c->bits, false);
}

static uint64_t three(struct neon *c, wide a, wide b, wide d)
{
    switch (c->op) {
    case N_HADD: return (uint64_t)((a + b) >> 1);
    case N_RHADD: return (uint64_t)((a + b + 1) >> 1);
    case N_HSUB: return (uint64_t)((a - b) >> 1);
    case N_QADD: return saturate(c, a + b, c->bits, c->u);
    case N_QSUB: return saturate(c, a - b, c->bits, c->u);
    case N_CGT: return a > b ? ~0ull : 0;
    case N_CGE: return a >= b ? ~0ull : 0;
    case N_CEQ: return a == b ? ~0ull : 0;
    case N_TST: return (uint64_t)(a & b) ? ~0ull : 0;
    case N_SHL: return shift_register(c, b, a, false, false);
    case N_QSHL: return shift_register(c, b, a, true, false);
    case N_RSHL: return shift_register(c, b, a, false, true);
    case N_QRSHL: return shift_register(c, b, a, true, true);
    case N_MAX: return (uint64_t)(a > b ? a : b);
    case N_MIN: return (uint64_t)(a < b ? a : b);
    case N_ABD: return (uint64_t)absolute(a - b);
    case N_ABA: return (uint64_t)(d + absolute(a - b));
    case N_ADD: return (uint64_t)(a + b);
    case N_SUB: return (uint64_t)(a - b);
    case N_MUL: return (uint64_t)(a * b);
    case N_MLA: return (uint64_t)(d + a * b);
    case N_MLS: return (uint64_t)(d - a * b);
    case N_PMUL: return multiply_poly((uint64_t)a & 0xff, (uint64_t)b & 0xff);
    case N_QDMULH: return doubling_high(c, a, b, false);
    default: return doubling_high(c, a, b, true);       /* N_QRDMULH */
    }
}

static uint64_t mask_of(unsigned bits)
{
    return bits >= 64 ? ~0ull : (1ull << bits) - 1;
}

static uint64_t two(struct neon *c, wide a, wide d)
{
    int by = c->imm;
    uint64_t raw = (uint64_t)a & mask_of(c->bits), old = (uint64_t)d & mask_of(c->bits);

    switch (c->op) {
    case N_CLS: return leading_zeros((uint64_t)(a < 0 ? ~a : a) & mask_of(c->bits), c->bits) - 1;
    case N_CLZ: return leading_zeros(raw, c->bits);
    case N_CNT: return (uint64_t)__builtin_popcountll(raw);
    case N_QABS: return saturate(c, absolute(a), c->bits, false);
    case N_QNEG: return saturate(c, -a, c->bits, false);
    case N_ABS: return (uint64_t)absolute(a);
    case N_NEG: return (uint64_t)-a;
    case N_SHR: return (uint64_t)(a >> by);
    case N_SRA: return (uint64_t)(d + (a >> by));
    case N_RSHR: return (uint64_t)shift(c, a, -by, true);
    case N_RSRA: return (uint64_t)(d + shift(c, a, -by, true));
    case N_SRI:
        return by >= (int)c->bits ? old : (old & ~(mask_of(c->bits) >> by)) | raw >> by;
    case N_SLI: return (old & ~(mask_of(c->bits) << by)) | raw << by;
    case N_SHL_I: return raw << by;
    case N_QSHLU: return saturate(c, shift(c, a, by, false), c->bits, true);
    case N_QSHL_I: return saturate(c, shift(c, a, by, false), c->bits, c->u);
    case N_RECPE: return unsigned_recpe((uint32_t)raw);
    default: return unsigned_rsqrte((uint32_t)raw);     /* N_RSQRTE */
    }
}

/* --- floats ---------------------------------------------------------------------------------- */

#define F_SIGN 0x80000000u
#define F_ONE 0x3f800000u
#define F_TWO 0x40000000u
#define F_THREE 0x40400000u
#define F_HALF_ONE 0x3f000000u
#define F_INFINITY 0x7f800000u

static bool is_zero_or_tiny(f32 a)
{
    return (a & F_INFINITY) == 0;
}

static void note_tiny(struct neon *c, f32 a)
{
    c->fp.flags |= is_zero_or_tiny(a) && a << 1 ? FP_INPUT_FLUSHED : 0;
}

static bool is_infinite(f32 a)
{
    return (a & ~F_SIGN) == F_INFINITY;
}

static bool is_nan(f32 a)
{
    return (a & ~F_SIGN) > F_INFINITY;
}

static uint64_t truth(bool v)
{
    return v ? 0xffffffff : 0;
}

/* 2 - a * b, each step rounded; infinity times zero counts as zero. */
static f32 reciprocal_step(struct neon *c, f32 a, f32 b)
{
    note_tiny(c, a);
    note_tiny(c, b);
    if ((is_infinite(a) && is_zero_or_tiny(b)) || (is_infinite(b) && is_zero_or_tiny(a))) {
        return F_TWO;
    }
    return f32_sub(F_TWO, f32_mul(a, b, &c->fp), &c->fp);
}

static f32 square_root_step(struct neon *c, f32 a, f32 b)
{
    note_tiny(c, a);
    note_tiny(c, b);
    if ((is_infinite(a) && is_zero_or_tiny(b)) || (is_infinite(b) && is_zero_or_tiny(a))) {
        return 0x3fc00000;          /* 1.5 */
    }
    return f32_mul(f32_sub(F_THREE, f32_mul(a, b, &c->fp), &c->fp), F_HALF_ONE, &c->fp);
}

static f32 reciprocal(struct neon *c, f32 a)
{
    uint32_t sign = a & F_SIGN, exponent = a >> 23 & 0xff;

    if (is_nan(a)) {
        return f32_add(a, a, &c->fp);
    }
    if (is_infinite(a)) {
        return sign;
    }
    if (is_zero_or_tiny(a)) {
        c->fp.flags |= a & 0x7fffff ? FP_INPUT_FLUSHED | FP_DIVIDE_BY_ZERO : FP_DIVIDE_BY_ZERO;
        return sign | F_INFINITY;
    }
    if (exponent >= 253) {
        c->fp.flags |= FP_UNDERFLOW;
        return sign;
    }
    return sign | (253 - exponent) << 23 |
           (reciprocal_estimate(256 | (a >> 15 & 255)) & 255) << 15;
}

static f32 reciprocal_root(struct neon *c, f32 a)
{
    uint32_t exponent = a >> 23 & 0xff, fraction = a >> 15 & 255;

    if (is_nan(a)) {
        return f32_add(a, a, &c->fp);
    }
    if (is_zero_or_tiny(a)) {
        c->fp.flags |= a & 0x7fffff ? FP_INPUT_FLUSHED | FP_DIVIDE_BY_ZERO : FP_DIVIDE_BY_ZERO;
        return (a & F_SIGN) | F_INFINITY;
    }
    if (a & F_SIGN) {
        c->fp.flags |= FP_INVALID;
        return f32_default_nan(&c->fp);
    }
    if (is_infinite(a)) {
        return 0;
    }
    fraction = exponent & 1 ? 128 | fraction >> 1 : 256 | fraction;
    return (380 - exponent) / 2 << 23 | (square_root_estimate(fraction) & 255) << 15;
}

static uint64_t compare(struct neon *c, f32 a, f32 b, bool or_equal)
{
    enum fp_order o = f32_compare(a, b, &c->fp);

    return truth(o == FP_GREATER || (or_equal && o == FP_EQUAL));
}

static uint64_t float_two(struct neon *c, f32 m)
{
    switch (c->op) {
    case N_FCEQ0: return truth(f32_compare_quiet(m, 0, &c->fp) == FP_EQUAL);
    case N_FCGE0: return compare(c, m, 0, true);
    case N_FCGT0: return compare(c, m, 0, false);
    case N_FCLE0: return compare(c, 0, m, true);
    case N_FCLT0: return compare(c, 0, m, false);
    case N_FRECPE: return reciprocal(c, m);
    case N_FRSQRTE: return reciprocal_root(c, m);
    case N_F_FROM_S: return f32_from_int((int32_t)m, -c->imm, &c->fp);
    case N_F_FROM_U: return f32_from_uint(m, -c->imm, &c->fp);
    case N_F_TO_S: return (uint32_t)f32_to_int(m, 32, c->imm, FP_ZERO, &c->fp);
    default: return f32_to_uint(m, 32, c->imm, FP_ZERO, &c->fp);        /* N_F_TO_U */
    }
}

static uint64_t float_three(struct neon *c, f32 n, f32 m, f32 d)
{
    struct fp_status *s = &c->fp;

    switch (c->op) {
    case N_FADD: case N_FPADD: return f32_add(n, m, s);
    case N_FSUB: return f32_sub(n, m, s);
    case N_FMUL: return f32_mul(n, m, s);
    case N_FMLA: return f32_add(d, f32_mul(n, m, s), s);
    case N_FMLS: return f32_add(d, f32_mul(n, m, s) ^ F_SIGN, s);
    case N_FFMA: return f32_fma(n, m, d, 0, s);
    case N_FFMS: return f32_fma(n ^ F_SIGN, m, d, 0, s);
    case N_FABD: return f32_sub(n, m, s) & ~F_SIGN;
    case N_FCEQ: return truth(f32_compare_quiet(n, m, s) == FP_EQUAL);
    case N_FCGE: return compare(c, n, m, true);
    case N_FCGT: return compare(c, n, m, false);
    case N_FACGE: return compare(c, n & ~F_SIGN, m & ~F_SIGN, true);
    case N_FACGT: return compare(c, n & ~F_SIGN, m & ~F_SIGN, false);
    case N_FMAX: case N_FPMAX: return f32_minmax(n, m, FP_MAX, s);
    case N_FMIN: case N_FPMIN: return f32_minmax(n, m, FP_MIN, s);
    case N_FRECPS: return reciprocal_step(c, n, m);
    case N_FRSQRTS: return square_root_step(c, n, m);
    default: return float_two(c, m);
    }
}

/* --- pairs, other lengths -------------------------------------------------------------------- */

static uint64_t pair(struct neon *c, const uint8_t *v, unsigned i)
{
    wide a, b;

    if (c->op >= N_FPADD) {
        return float_three(c, (f32)get_raw(v, 2, 2 * i), (f32)get_raw(v, 2, 2 * i + 1), 0);
    }
    a = get(v, c->size, 2 * i, c->u);
    b = get(v, c->size, 2 * i + 1, c->u);
    return (uint64_t)(c->op == N_PADD ? a + b : (a > b) == (c->op == N_PMAX) ? a : b);
}

static void pairs(struct neon *c)
{
    for (unsigned i = 0; i < c->n / 2; i++) {
        put(c->r, c->size, i, pair(c, c->vn, i));
        put(c->r, c->size, c->n / 2 + i, pair(c, c->vm, i));
    }
}

static void pairs_long(struct neon *c)
{
    for (unsigned i = 0; i < c->n / 2; i++) {
        wide sum = get(c->vm, c->size, 2 * i, c->u) + get(c->vm, c->size, 2 * i + 1, c->u);

        if (c->op == N_PADAL) {
            sum += get(c->vd, c->size + 1, i, true);
        }
        put(c->r, c->size + 1, i, (uint64_t)sum);
    }
}

static uint64_t accumulate_doubled(struct neon *c, wide a, wide b, wide d, bool subtract)
{
    wide product = (wide)(int64_t)saturate(c, 2 * a * b, 2 * c->bits, false);

    if (2 * c->bits == 32) {
        product = (int32_t)product;
    }
    return saturate(c, subtract ? d - product : d + product, 2 * c->bits, false);
}

static uint64_t lengthen(struct neon *c, wide a, wide b, wide d)
{
    switch (c->op) {
    case N_ADDL: case N_ADDW: return (uint64_t)(a + b);
    case N_SUBL: case N_SUBW: return (uint64_t)(a - b);
    case N_ABDL: return (uint64_t)absolute(a - b);
    case N_ABAL: return (uint64_t)(d + absolute(a - b));
    case N_MULL: return (uint64_t)(a * b);
    case N_MLAL: return (uint64_t)(d + a * b);
    case N_MLSL: return (uint64_t)(d - a * b);
    case N_QDMULL: return saturate(c, 2 * a * b, 2 * c->bits, false);
    case N_QDMLAL: return accumulate_doubled(c, a, b, d, false);
    case N_QDMLSL: return accumulate_doubled(c, a, b, d, true);
    case N_PMULL: return multiply_poly((uint64_t)a & 0xff, (uint64_t)b & 0xff);
    default: return (uint64_t)((unsigned __int128)b << c->imm);         /* N_SHLL */
    }
}

static void lengthen_all(struct neon *c, bool scalar)
{
    bool wide_n = c->op == N_ADDW || c->op == N_SUBW;

    for (unsigned i = 0; i < 8u >> c->size; i++) {
        wide a = get(c->vn, c->size + wide_n, i, wide_n ? false : c->u);
        wide b = get(c->vm, c->size, scalar ? (unsigned)c->imm : i, c->u);
        wide d = get(c->vd, c->size + 1, i, false);

        put(c->r, c->size + 1, i, lengthen(c, a, b, d));
    }
}

static uint64_t shorten(struct neon *c, wide m, unsigned i)
{
    bool round = c->op == N_RSHRN || c->op == N_QRSHRN || c->op == N_QRSHRUN;
    wide v = (m + (round && c->imm ? (wide)1 << (c->imm - 1) : 0)) >> c->imm;

    switch (c->op) {
    case N_SHRN: case N_RSHRN:
        return (uint64_t)v;
    case N_QSHRN: case N_QRSHRN:
        return saturate(c, v, c->bits, c->u);
    default:                        /* N_QSHRUN, N_QRSHRUN */
        return saturate(c, v, c->bits, true);
    }
}

static uint64_t shorten_sum(struct neon *c, unsigned i)
{
    wide a = get(c->vn, c->size + 1, i, true), b = get(c->vm, c->size + 1, i, true);
    wide v = c->op == N_ADDHN ? a + b : a - b;

    return (uint64_t)((v + (c->imm ? (wide)1 << (c->bits - 1) : 0)) >> c->bits);
}

static void shorten_all(struct neon *c)
{
    bool is_unsigned = c->u && c->op != N_QSHRUN && c->op != N_QRSHRUN;

    for (unsigned i = 0; i < 8u >> c->size; i++) {
        put(c->r, c->size, i, c->op <= N_SUBHN ? shorten_sum(c, i)
            : shorten(c, get(c->vm, c->size + 1, i, is_unsigned), i));
    }
}

/* --- order ----------------------------------------------------------------------------------- */

static void reverse(struct neon *c, unsigned group)
{
    unsigned per = (1u << group) >> c->size;

    for (unsigned i = 0; i < c->n; i++) {
        put(c->r, c->size, i ^ (per - 1), get_raw(c->vm, c->size, i));
    }
}

/* Both registers change: r gets d's, vm gets m's. */
static void rearrange(struct neon *c)
{
    uint8_t both[32], out[32];
    unsigned n = c->n, bytes = n << c->size;

    memcpy(both, c->vd, bytes);
    memcpy(both + bytes, c->vm, bytes);
    for (unsigned i = 0; i < 2 * n; i++) {
        unsigned from, half = i / n, at = i % n;

        if (c->op == N_ZIP) {
            from = (i & 1) * n + i / 2;
        } else if (c->op == N_UZP) {
            from = 2 * at + half;
        } else {                    /* TRN */
            from = (at & 1) * n + (at & ~1u) + half;
        }
        put(out, c->size, i, get_raw(both, c->size, from));
    }
    memcpy(c->r, out, bytes);
    memcpy(c->vm, out + bytes, bytes);
}

static void extract(struct neon *c)
{
    uint8_t both[32];
    unsigned bytes = c->n << c->size;

    memcpy(both, c->vn, bytes);
    memcpy(both + bytes, c->vm, bytes);
    memcpy(c->r, both + c->imm, bytes);
}

/* imm: registers of the table minus one; they begin at n. */
static void look_up(struct neon *c, const union arm_d *table)
{
    for (unsigned i = 0; i < 8; i++) {
        unsigned index = c->vm[i];

        if (index < 8u * (c->imm + 1)) {
            c->r[i] = table[index / 8].b[index % 8];
        } else {
            c->r[i] = c->op == N_TBX ? c->vd[i] : 0;
        }
    }
}

static void convert_half(struct neon *c)
{
    bool alternative = c->env->fpscr & FPSCR_AHP;

    c->fp.flush_outputs = false;
    c->fp.flush_inputs = c->op == N_F16_FROM_F32;
    for (unsigned i = 0; i < 4; i++) {
        if (c->op == N_F32_FROM_F16) {
            f16 h = (f16)get_raw(c->vm, 1, i);

            put(c->r, 2, i, alternative ? f16_alternative_to_f32(h, &c->fp)
                                        : f16_to_f32(h, &c->fp));
        } else {
            f32 f = (f32)get_raw(c->vm, 2, i);

            put(c->r, 1, i, alternative ? f32_to_f16_alternative(f, &c->fp)
                                        : f32_to_f16(f, &c->fp));
        }
    }
}

/* --- the whole ------------------------------------------------------------------------------- */

static void elements(struct neon *c, bool scalar)
{
    for (unsigned i = 0; i < c->n; i++) {
        unsigned k = scalar ? (unsigned)c->imm : i;
        uint64_t r;

        if (c->op >= N_ELEMENTS_END) {
            r = float_three(c, (f32)get_raw(c->vn, 2, i), (f32)get_raw(c->vm, 2, k),
                            (f32)get_raw(c->vd, 2, i));
        } else if (c->op < N_CLS) {
            r = three(c, get(c->vn, c->size, i, c->u), get(c->vm, c->size, k, c->u),
                      get(c->vd, c->size, i, c->u));
        } else {
            r = two(c, get(c->vm, c->size, i, c->u), get(c->vd, c->size, i, c->u));
        }
        put(c->r, c->size, i, r);
    }
}

static void run(struct neon *c, bool scalar, unsigned vn)
{
    if (c->op < N_FLOATS_END) {
        elements(c, scalar);
    } else if (c->op <= N_FPMIN) {
        pairs(c);
    } else if (c->op <= N_PADAL) {
        pairs_long(c);
    } else if (c->op <= N_SHLL) {
        lengthen_all(c, scalar);
    } else if (c->op <= N_QRSHRUN) {
        shorten_all(c);
    } else if (c->op <= N_REV16) {
        reverse(c, c->op == N_REV64 ? 3 : c->op == N_REV32 ? 2 : 1);
    } else if (c->op <= N_ZIP) {
        rearrange(c);
    } else if (c->op == N_EXT) {
        extract(c);
    } else if (c->op <= N_TBX) {
        look_up(c, &c->env->d[vn]);
    } else {
        convert_half(c);
    }
}

/* How many bytes of a result there are. */
static unsigned result_size(const struct neon *c, bool q)
{
    if (c->op >= N_ADDL && c->op <= N_SHLL) {
        return 16;
    }
    if ((c->op >= N_ADDHN && c->op <= N_QRSHRUN) || c->op == N_F16_FROM_F32) {
        return 8;
    }
    return q || c->op == N_F32_FROM_F16 ? 16 : 8;
}

/* Operands may be longer than the result, and all may overlap. */
static void load(const struct arm_env *env, uint8_t *v, unsigned n)
{
    memcpy(v, &env->d[n], n + 1 < 32 ? 16 : 8);
}

void helper_neon(struct arm_env *env, uint32_t how, uint32_t regs, uint32_t imm)
{
    struct neon c = { .env = env, .op = how & 255, .size = how >> 8 & 3, .u = how >> 10 & 1,
                      .imm = (int)imm };
    unsigned vd = regs & 31, vn = regs >> 8 & 31, vm = regs >> 16 & 31;
    bool q = how >> 11 & 1;

    c.bits = 8u << c.size;
    c.n = (q ? 16u : 8u) >> c.size;
    c.fp = arm_fp_begin(env, true);
    load(env, c.vn, vn);
    load(env, c.vm, vm);
    load(env, c.vd, vd);
    run(&c, how & NEON_SCALAR, vn);
    memcpy(&env->d[vd], c.r, result_size(&c, q));
    if (c.op >= N_TRN && c.op <= N_ZIP && vd != vm) {
        memcpy(&env->d[vm], c.vm, q ? 16 : 8);
    }
    arm_fp_end(env, &c.fp);
}

/* IR op vflush: of 64 bits, a has both operands. */
void arm_vf_fix(void *env, void *a, const void *b, uint64_t how)
{
    struct neon c = { .env = env, .op = how & 255, .size = 2, .bits = 32 };
    bool q = how >> 11 & 1, swapped = how & NEON_SWAPPED;
    const uint8_t *second = q ? b : (uint8_t *)a + 8;

    c.n = q ? 4 : 2;
    c.fp = arm_fp_begin(env, true);
    memcpy(swapped ? c.vm : c.vn, a, q ? 16 : 8);
    memcpy(swapped ? c.vn : c.vm, second, q ? 16 : 8);
    elements(&c, false);
    memcpy(a, c.r, 16);
    arm_fp_end(env, &c.fp);
}
