/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Advanced SIMD as vector ops of the IR. A Q register is the pair of its D registers put together;
 * the last value of a pair is remembered, so that chains of operations stay in one piece. Nobody
 * may know the upper one as a value of its own then: q_high is 0.
 */
#include "target-arm/trans-neon.h"

/* --- Q registers ----------------------------------------------------------------------------- */

/* n: of its lower D register */
static ir_val get_q(struct arm_dis *d, unsigned n)
{
    unsigned q = n / 2;
    ir_val low = d->ir->cur[G_D0 + n], high = d->ir->cur[G_D0 + n + 1];

    if (low && d->q_low[q] == low && d->q_high[q] == high) {
        return d->q_val[q];
    }
    if (low || high) {
        low = arm_get_d(d, n);
        high = arm_get_d(d, n + 1);
        d->q_val[q] = arm_vx_move(d, V128, 1, 0x66, 0x6c, low, high);       /* punpcklqdq */
    } else {
        d->q_val[q] = low = ir_get_pair(d->ir, G_D0 + n);
    }
    d->q_low[q] = low;
    d->q_high[q] = high;
    return d->q_val[q];
}

static void set_q(struct arm_dis *d, unsigned n, ir_val v)
{
    ir_set_pair(d->ir, G_D0 + n, v);
    d->q_val[n / 2] = v;
    d->q_low[n / 2] = v;
    d->q_high[n / 2] = 0;
}

ir_val neon_get(struct arm_dis *d, bool q, unsigned n)
{
    return q ? get_q(d, n) : arm_get_d(d, n);
}

void neon_set(struct arm_dis *d, bool q, unsigned n, ir_val v)
{
    if (q) {
        set_q(d, n, v);
    } else {
        arm_set_d(d, n, v);
    }
}

/* movq: the value of a D register may be that of a Q register. */
ir_val neon_alone(struct arm_dis *d, ir_val v)
{
    return arm_vx_move(d, V128, 1, 0xf3, 0x7e, v, 0);
}

static enum ir_type vector(bool q)
{
    return q ? V128 : V64;
}

/* --- bits ------------------------------------------------------------------------------------ */

static ir_val ones(struct arm_dis *d, bool q)
{
    ir_val zero = ir_imm(d->ir, IR_vzero, vector(q), 0, 0, 0);

    return ir_imm(d->ir, IR_vcmpeq, vector(q), zero, zero, 32);
}

static ir_val v2(struct arm_dis *d, enum ir_opcode op, bool q, ir_val a, ir_val b)
{
    return ir_imm(d->ir, op, vector(q), a, b, 8);
}

/* (a where mask) | (b elsewhere) */
static ir_val choose(struct arm_dis *d, bool q, ir_val mask, ir_val a, ir_val b)
{
    return v2(d, IR_vor, q, v2(d, IR_vand, q, a, mask), v2(d, IR_vandc, q, b, mask));
}

enum logic { L_AND, L_BIC, L_OR, L_ORN, L_EOR, L_BSL, L_BIT, L_BIF };

static void logic(struct arm_dis *d, const struct arm_arg_n3 *a, enum logic op)
{
    ir_val n, m, r, old;

    if (a->q && (a->vd | a->vn | a->vm) & 1) {
        arm_undefined(d);
        return;
    }
    if (op == L_OR && a->vn == a->vm) {                 /* VMOV */
        for (int i = a->q; i >= 0; i--) {
            arm_set_d(d, a->vd + i, arm_get_d(d, a->vm + i));
        }
        return;
    }
    n = neon_get(d, a->q, a->vn);
    m = neon_get(d, a->q, a->vm);
    old = op >= L_BSL ? neon_get(d, a->q, a->vd) : 0;
    switch (op) {
    case L_AND: r = v2(d, IR_vand, a->q, n, m); break;
    case L_BIC: r = v2(d, IR_vandc, a->q, n, m); break;
    case L_OR: r = v2(d, IR_vor, a->q, n, m); break;
    case L_ORN: r = v2(d, IR_vor, a->q, n, v2(d, IR_vxor, a->q, m, ones(d, a->q))); break;
    case L_EOR: r = v2(d, IR_vxor, a->q, n, m); break;
    case L_BSL: r = choose(d, a->q, old, n, m); break;
    case L_BIT: r = choose(d, a->q, m, n, old); break;
    default: r = choose(d, a->q, m, old, n); break;
    }
    neon_set(d, a->q, a->vd, r);
}

#define LOGIC(name, op) \
    void trans_##name(struct arm_dis *d, const struct arm_arg_n3 *a) \
    { \
        logic(d, a, op); \
    }
LOGIC(VAND, L_AND)
LOGIC(VBIC, L_BIC)
LOGIC(VORR, L_OR)
LOGIC(VORN, L_ORN)
LOGIC(VEOR, L_EOR)
LOGIC(VBSL, L_BSL)
LOGIC(VBIT, L_BIT)
LOGIC(VBIF, L_BIF)

/* --- integers -------------------------------------------------------------------------------- */

/* SSE2 and SSE4.1 instructions that do the very same, by log2 of the element's bytes */
struct sse {
    uint8_t op, u, map, opcode[3];
};

static const struct sse sse_three[] = {
    { N_MAX, 0, 2, { 0x3c, 0, 0x3d } }, { N_MAX, 0, 1, { 0, 0xee, 0 } },
    { N_MAX, 1, 1, { 0xde, 0, 0 } }, { N_MAX, 1, 2, { 0, 0x3e, 0x3f } },
    { N_MIN, 0, 2, { 0x38, 0, 0x39 } }, { N_MIN, 0, 1, { 0, 0xea, 0 } },
    { N_MIN, 1, 1, { 0xda, 0, 0 } }, { N_MIN, 1, 2, { 0, 0x3a, 0x3b } },
    { N_RHADD, 1, 1, { 0xe0, 0xe3, 0 } },
};

/* In SSE2, or in SSE4.1 if the host has it. */
static bool by_sse(struct arm_dis *d, const struct arm_arg_n3 *a, enum neon_op op)
{
    for (unsigned i = 0; i < sizeof(sse_three) / sizeof(sse_three[0]); i++) {
        const struct sse *s = &sse_three[i];

        if (s->op == op && s->u == a->u && a->size < 3 && s->opcode[a->size] &&
            (s->map == 1 || __builtin_cpu_supports("sse4.1"))) {
            neon_set(d, a->q, a->vd, arm_vx_move(d, vector(a->q), s->map, 0x66, s->opcode[a->size],
                                            neon_get(d, a->q, a->vn), neon_get(d, a->q, a->vm)));
            return true;
        }
    }
    return false;
}

static ir_val element(struct arm_dis *d, enum ir_opcode op, const struct arm_arg_n3 *a, ir_val x,
                      ir_val y)
{
    return ir_imm(d->ir, op, vector(a->q), x, y, 8 << a->size);
}

static bool integers(struct arm_dis *d, const struct arm_arg_n3 *a, enum neon_op op)
{
    bool q = a->q;
    ir_val n = neon_get(d, q, a->vn), m = neon_get(d, q, a->vm), r;

    switch (op) {
    case N_ADD: r = element(d, IR_vadd, a, n, m); break;
    case N_SUB: r = element(d, IR_vsub, a, n, m); break;
    case N_CEQ: r = element(d, IR_vcmpeq, a, n, m); break;
    case N_CGT: r = element(d, IR_vcmpgt, a, n, m); break;
    case N_CGE:
        r = v2(d, IR_vxor, q, element(d, IR_vcmpgt, a, m, n), ones(d, q));
        break;
    case N_TST:
        r = element(d, IR_vcmpeq, a, v2(d, IR_vand, q, n, m),
                    ir_imm(d->ir, IR_vzero, vector(q), 0, 0, 0));
        r = v2(d, IR_vxor, q, r, ones(d, q));
        break;
    default:
        r = element(d, IR_vmul, a, n, m);
        if (op != N_MUL) {
            r = element(d, op == N_MLA ? IR_vadd : IR_vsub, a, neon_get(d, q, a->vd), r);
        }
    }
    neon_set(d, q, a->vd, r);
    return true;
}

static bool has_multiply(unsigned size)
{
    return size == 1 || (size == 2 && __builtin_cpu_supports("sse4.1"));
}

bool neon_fast_three(struct arm_dis *d, const struct arm_arg_n3 *a, enum neon_op op)
{
    switch (op) {
    case N_ADD:
    case N_SUB:
    case N_CEQ:
    case N_TST:
        return integers(d, a, op);
    case N_CGT:
    case N_CGE:
        return !a->u && integers(d, a, op);
    case N_MUL:
    case N_MLA:
    case N_MLS:
        return has_multiply(a->size) && integers(d, a, op);
    default:
        return by_sse(d, a, op);
    }
}

bool neon_fast_two(struct arm_dis *d, const struct arm_arg_n2 *a, enum neon_op op)
{
    return false;
}

bool neon_fast_scalar(struct arm_dis *d, const struct arm_arg_nscalar *a, enum neon_op op,
                      unsigned vm, unsigned lane)
{
    return false;
}

void neon_compare_zero(struct arm_dis *d, const struct arm_arg_n2 *a, enum neon_op op,
                       bool negate)
{
    enum ir_type type = vector(a->q);
    unsigned bits = 8u << a->size;
    ir_val m = neon_get(d, a->q, a->vm), zero = ir_imm(d->ir, IR_vzero, type, 0, 0, 0), r;

    if (op == N_CEQ) {
        r = ir_imm(d->ir, IR_vcmpeq, type, m, zero, bits);
    } else if (op == N_CGT) {
        r = ir_imm(d->ir, IR_vcmpgt, type, m, zero, bits);
    } else {
        r = ir_imm(d->ir, IR_vcmpgt, type, zero, m, bits);
        negate = !negate;
    }
    if (negate) {
        r = v2(d, IR_vxor, a->q, r, ones(d, a->q));
    }
    neon_set(d, a->q, a->vd, r);
}

/* --- shifts ---------------------------------------------------------------------------------- */

/* psrlw, psraw, psllw and their like: a group by the element's size */
ir_val neon_shift_by(struct arm_dis *d, bool q, unsigned size, unsigned kind, unsigned amount,
                     ir_val v)
{
    static const uint8_t opcode[4] = { 0, 0x71, 0x72, 0x73 };
    struct ir_op o = { .op = IR_vx };

    o.sse = (struct ir_sse){ .prefix = 0x66, .map = 1, .opcode = opcode[size], .imm8 = amount,
                             .has_imm8 = true, .is_group = true, .reg_ext = kind,
                             .wide = SSE_PURE };
    return ir_imm(d->ir, IR_vx, vector(q), v, 0, o.imm);
}

bool neon_fast_shift(struct arm_dis *d, const struct arm_arg_nsh *a, enum neon_op op,
                     unsigned size, bool u, unsigned amount)
{
    enum { RIGHT = 2, ARITHMETIC = 4, LEFT = 6 };
    unsigned kind = op == N_SHL_I ? LEFT : u ? RIGHT : ARITHMETIC;
    ir_val r;

    if ((op != N_SHL_I && op != N_SHR && op != N_SRA) || size == 0 ||
        (kind == ARITHMETIC && size == 3)) {
        return false;
    }
    r = neon_shift_by(d, a->q, size, kind, amount, neon_get(d, a->q, a->vm));
    if (op == N_SRA) {
        r = ir_imm(d->ir, IR_vadd, vector(a->q), neon_get(d, a->q, a->vd), r, 8 << size);
    }
    neon_set(d, a->q, a->vd, r);
    return true;
}
