/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Advanced SIMD floats by IR op vflush, which is exact, and the host's conversions where those are.
 * The host must round to nearest: under other modes everything is in the helper, as estimates,
 * fused products, half precision and fractions always are.
 */
#include "target-arm/trans-neon.h"

struct floats {
    unsigned op, how, vd, vn, vm, imm;
    bool q, scalar;
};

static enum ir_type vector(bool q)
{
    return q ? V128 : V64;
}

static ir_val zero(struct arm_dis *d, bool q)
{
    return ir_imm(d->ir, IR_vzero, vector(q), 0, 0, 0);
}

/* how: of the operation that vf_fix does, without sizes */
static ir_val flush(struct arm_dis *d, const struct floats *f, enum ir_vf kind, unsigned clean,
                    unsigned how, ir_val a, ir_val b)
{
    how |= NEON_HOW(0, 0, 0, f->q);
    return ir_imm(d->ir, IR_vflush, vector(f->q), a, b, kind | clean << 8 | (int64_t)how << 16);
}

ir_val neon_signs(struct arm_dis *d, bool q)
{
    ir_val z = zero(d, q);

    return neon_shift_by(d, q, 2, 6, 31, ir_imm(d->ir, IR_vcmpeq, vector(q), z, z, 32));
}

static ir_val absolute(struct arm_dis *d, bool q, ir_val v)
{
    return ir_2(d->ir, IR_vandc, vector(q), v, neon_signs(d, q));
}

/* m, or one element of it in all places: pshufd */
static ir_val operand_m(struct arm_dis *d, const struct floats *f)
{
    if (!f->scalar) {
        return neon_get(d, f->q, f->vm);
    } else {
        ir_val v = arm_get_d(d, f->vm);

        return arm_vx_move_imm(d, V128, 1, 0x66, 0x70, v, 0, f->imm * 0x55);
    }
}

static ir_val accumulate(struct arm_dis *d, const struct floats *f, ir_val n, ir_val m)
{
    bool add = f->op == N_FMLA;
    ir_val p = flush(d, f, VF_MUL, 0, N_FMUL, n, m);

    return flush(d, f, add ? VF_ADD : VF_SUB, VF_CLEAN_B, add ? N_FADD : N_FSUB,
                 neon_get(d, f->q, f->vd), p);
}

static ir_val three(struct arm_dis *d, const struct floats *f)
{
    ir_val n = neon_get(d, f->q, f->vn), m = operand_m(d, f);

    switch (f->op) {
    case N_FADD: return flush(d, f, VF_ADD, 0, f->op, n, m);
    case N_FSUB: return flush(d, f, VF_SUB, 0, f->op, n, m);
    case N_FMUL: return flush(d, f, VF_MUL, 0, f->op, n, m);
    case N_FMLA: case N_FMLS: return accumulate(d, f, n, m);
    case N_FABD: return absolute(d, f->q, flush(d, f, VF_SUB, 0, N_FSUB, n, m));
    case N_FCEQ: return flush(d, f, VF_EQ, 0, f->op, n, m);
    case N_FCGE: return flush(d, f, VF_LE, 0, f->op | NEON_SWAPPED, m, n);
    case N_FCGT: return flush(d, f, VF_LT, 0, f->op | NEON_SWAPPED, m, n);
    case N_FACGE: case N_FACGT:
        return flush(d, f, f->op == N_FACGE ? VF_LE : VF_LT, 0, f->op | NEON_SWAPPED,
                     absolute(d, f->q, m), absolute(d, f->q, n));
    case N_FMAX: return flush(d, f, VF_MAX, 0, f->op, n, m);
    case N_FMIN: return flush(d, f, VF_MIN, 0, f->op, n, m);
    case N_FRECPS: return flush(d, f, VF_STEP, 0, f->op, n, m);
    default: return flush(d, f, VF_STEP_ROOT, 0, f->op, n, m);          /* N_FRSQRTS */
    }
}

static ir_val compare_zero(struct arm_dis *d, const struct floats *f)
{
    ir_val z = zero(d, f->q), m = neon_get(d, f->q, f->vm);

    switch (f->op) {
    case N_FCEQ0: return flush(d, f, VF_EQ, VF_CLEAN_A, f->op, z, m);
    case N_FCGE0: return flush(d, f, VF_LE, VF_CLEAN_A, f->op, z, m);
    case N_FCGT0: return flush(d, f, VF_LT, VF_CLEAN_A, f->op, z, m);
    case N_FCLE0: return flush(d, f, VF_LE, VF_CLEAN_B, f->op | NEON_SWAPPED, m, z);
    default: return flush(d, f, VF_LT, VF_CLEAN_B, f->op | NEON_SWAPPED, m, z);
    }
}

/* Elements with even numbers of n and m, and those with odd ones */
static ir_val neighbours(struct arm_dis *d, const struct floats *f)
{
    ir_val both = arm_vx_move(d, V128, 1, 0x66, 0x6c, arm_get_d(d, f->vn), arm_get_d(d, f->vm));
    ir_val even = arm_vx_move_imm(d, V128, 1, 0x66, 0x70, both, 0, 0x08);
    ir_val odd = arm_vx_move_imm(d, V128, 1, 0x66, 0x70, both, 0, 0x0d);

    switch (f->op) {
    case N_FPADD: return flush(d, f, VF_ADD, 0, N_FADD, even, odd);
    case N_FPMAX: return flush(d, f, VF_MAX, 0, N_FMAX, even, odd);
    default: return flush(d, f, VF_MIN, 0, N_FMIN, even, odd);
    }
}

/* cvtdq2ps; what stands beside a D register must not be inexact. */
static ir_val from_signed(struct arm_dis *d, const struct floats *f)
{
    struct ir_op o = { .op = IR_vx };
    ir_val m = neon_get(d, f->q, f->vm);

    o.sse = (struct ir_sse){ .map = 1, .opcode = 0x5b };
    if (!f->q) {
        m = neon_alone(d, m);
    }
    return ir_imm(d->ir, IR_vx, V128, m, 0, o.imm);
}

static ir_val to_integer(struct arm_dis *d, const struct floats *f, enum ir_vf kind)
{
    ir_val m = neon_get(d, f->q, f->vm);

    return flush(d, f, kind, 0, f->op, m, m);
}

NEON_BY_OPS(neon_floats)
{
    struct floats f = { how & 0xff, how, vd, vn, vm, imm, how >> 11 & 1, how & NEON_SCALAR };
    ir_val r;

    if (d->mode & KEY_FP_ROUND) {
        return false;
    }
    switch (f.op) {
    case N_FADD: case N_FSUB: case N_FMUL: case N_FMLA: case N_FMLS: case N_FABD: case N_FCEQ:
    case N_FCGE: case N_FCGT: case N_FACGE: case N_FACGT: case N_FMAX: case N_FMIN: case N_FRECPS:
    case N_FRSQRTS:
        r = three(d, &f);
        break;
    case N_FCEQ0: case N_FCGE0: case N_FCGT0: case N_FCLE0: case N_FCLT0:
        r = compare_zero(d, &f);
        break;
    case N_FPADD: case N_FPMAX: case N_FPMIN:
        r = neighbours(d, &f);
        break;
    case N_F_FROM_S: case N_F_TO_S: case N_F_TO_U:
        if (imm) {
            return false;
        }
        r = f.op == N_F_FROM_S ? from_signed(d, &f)
                               : to_integer(d, &f, f.op == N_F_TO_S ? VF_TO_S : VF_TO_U);
        break;
    default:
        return false;
    }
    neon_set(d, f.q, vd, r);
    return true;
}
