/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Advanced SIMD data processing. What compiled code uses most becomes vector ops of the IR
 * (trans-neon-fast.c); everything is in the helper, which works on registers in env.
 */
#include "target-arm/trans-neon.h"

/* --- checks ---------------------------------------------------------------------------------- */

/* Q registers are even; true when it raised. */
static bool odd(struct arm_dis *d, unsigned regs)
{
    if (regs & 1) {
        arm_undefined(d);
        return true;
    }
    return false;
}

static bool refuse(struct arm_dis *d, bool condition)
{
    if (condition) {
        arm_undefined(d);
    }
    return condition;
}

void neon_call(struct arm_dis *d, unsigned how, unsigned vd, unsigned vn, unsigned vm, unsigned imm)
{
    if (neon_lanes(d, how, vd, vn, vm, imm) || neon_saturating(d, how, vd, vn, vm, imm) ||
        neon_floats(d, how, vd, vn, vm, imm)) {
        return;
    }
    arm_call3(d, H_neon, arm_imm(d, how), arm_imm(d, vd | vn << 8 | vm << 16), arm_imm(d, imm));
}

/* --- three registers ------------------------------------------------------------------------- */

static void three(struct arm_dis *d, const struct arm_arg_n3 *a, enum neon_op op, unsigned sizes)
{
    if (refuse(d, !(sizes >> a->size & 1)) || (a->q && odd(d, a->vd | a->vn | a->vm))) {
        return;
    }
    if (!neon_fast_three(d, a, op)) {
        neon_call(d, NEON_HOW(op, a->size, a->u, a->q), a->vd, a->vn, a->vm, 0);
    }
}

/* sizes: a set of those that exist */
#define THREE(name, op, sizes) \
    void trans_##name(struct arm_dis *d, const struct arm_arg_n3 *a) \
    { \
        three(d, a, op, sizes); \
    }
THREE(VHADD, N_HADD, 7)
THREE(VQADD, N_QADD, 15)
THREE(VRHADD, N_RHADD, 7)
THREE(VHSUB, N_HSUB, 7)
THREE(VQSUB, N_QSUB, 15)
THREE(VCGT, N_CGT, 7)
THREE(VCGE, N_CGE, 7)
THREE(VSHL_r, N_SHL, 15)
THREE(VQSHL_r, N_QSHL, 15)
THREE(VRSHL_r, N_RSHL, 15)
THREE(VQRSHL_r, N_QRSHL, 15)
THREE(VMAX, N_MAX, 7)
THREE(VMIN, N_MIN, 7)
THREE(VABD, N_ABD, 7)
THREE(VABA, N_ABA, 7)
THREE(VADD_i, N_ADD, 15)
THREE(VSUB_i, N_SUB, 15)
THREE(VTST, N_TST, 7)
THREE(VCEQ, N_CEQ, 7)
THREE(VMLA_i, N_MLA, 7)
THREE(VMLS_i, N_MLS, 7)
THREE(VMUL_i, N_MUL, 7)
THREE(VMUL_p, N_PMUL, 1)

/* Without meaning for the sign in the element's width */
static void three_signed(struct arm_dis *d, const struct arm_arg_n3 *a, enum neon_op op,
                         unsigned sizes)
{
    struct arm_arg_n3 b = *a;

    b.u = 0;
    three(d, &b, op, sizes);
}

void trans_VQDMULH(struct arm_dis *d, const struct arm_arg_n3 *a)
{
    three_signed(d, a, N_QDMULH, 6);
}

void trans_VQRDMULH(struct arm_dis *d, const struct arm_arg_n3 *a)
{
    three_signed(d, a, N_QRDMULH, 6);
}

static void pairwise(struct arm_dis *d, const struct arm_arg_n3 *a, enum neon_op op)
{
    if (!refuse(d, a->q)) {
        three(d, a, op, 7);
    }
}

void trans_VPMAX(struct arm_dis *d, const struct arm_arg_n3 *a)
{
    pairwise(d, a, N_PMAX);
}

void trans_VPMIN(struct arm_dis *d, const struct arm_arg_n3 *a)
{
    pairwise(d, a, N_PMIN);
}

void trans_VPADD(struct arm_dis *d, const struct arm_arg_n3 *a)
{
    pairwise(d, a, N_PADD);
}

/* Floats: size says 0 for single precision, the only one. */
static void floats(struct arm_dis *d, const struct arm_arg_n3 *a, enum neon_op op)
{
    struct arm_arg_n3 b = *a;

    b.size = 2;
    if (refuse(d, a->size != 0) || refuse(d, op >= N_FPADD && a->q)) {
        return;
    }
    three(d, &b, op, 4);
}

#define FLOAT(name, op) \
    void trans_##name(struct arm_dis *d, const struct arm_arg_n3 *a) \
    { \
        floats(d, a, op); \
    }
FLOAT(VFMA_f, N_FFMA)
FLOAT(VFMS_f, N_FFMS)
FLOAT(VADD_f, N_FADD)
FLOAT(VSUB_f, N_FSUB)
FLOAT(VPADD_f, N_FPADD)
FLOAT(VABD_f, N_FABD)
FLOAT(VMLA_f, N_FMLA)
FLOAT(VMLS_f, N_FMLS)
FLOAT(VMUL_f, N_FMUL)
FLOAT(VCEQ_f, N_FCEQ)
FLOAT(VCGE_f, N_FCGE)
FLOAT(VCGT_f, N_FCGT)
FLOAT(VACGE_f, N_FACGE)
FLOAT(VACGT_f, N_FACGT)
FLOAT(VMAX_f, N_FMAX)
FLOAT(VMIN_f, N_FMIN)
FLOAT(VPMAX_f, N_FPMAX)
FLOAT(VPMIN_f, N_FPMIN)
FLOAT(VRECPS, N_FRECPS)
FLOAT(VRSQRTS, N_FRSQRTS)

/* --- different lengths ----------------------------------------------------------------------- */

/* wide_n: the first operand is a Q register, too */
static void lengthen(struct arm_dis *d, const struct arm_arg_n3 *a, enum neon_op op, bool wide_n,
                     unsigned sizes)
{
    if (refuse(d, !(sizes >> a->size & 1)) || odd(d, a->vd | (wide_n ? a->vn : 0))) {
        return;
    }
    neon_call(d, NEON_HOW(op, a->size, a->u, 1), a->vd, a->vn, a->vm, 0);
}

#define LONG(name, op, wide_n, sizes) \
    void trans_##name(struct arm_dis *d, const struct arm_arg_n3 *a) \
    { \
        lengthen(d, a, op, wide_n, sizes); \
    }
LONG(VADDL, N_ADDL, false, 7)
LONG(VADDW, N_ADDW, true, 7)
LONG(VSUBL, N_SUBL, false, 7)
LONG(VSUBW, N_SUBW, true, 7)
LONG(VABAL, N_ABAL, false, 7)
LONG(VABDL, N_ABDL, false, 7)
LONG(VMLAL, N_MLAL, false, 7)
LONG(VMLSL, N_MLSL, false, 7)
LONG(VMULL, N_MULL, false, 7)

static void lengthen_signed(struct arm_dis *d, const struct arm_arg_n3 *a, enum neon_op op,
                            unsigned sizes)
{
    if (!refuse(d, a->u)) {
        lengthen(d, a, op, false, sizes);
    }
}

void trans_VQDMLAL(struct arm_dis *d, const struct arm_arg_n3 *a)
{
    lengthen_signed(d, a, N_QDMLAL, 6);
}

void trans_VQDMLSL(struct arm_dis *d, const struct arm_arg_n3 *a)
{
    lengthen_signed(d, a, N_QDMLSL, 6);
}

void trans_VQDMULL(struct arm_dis *d, const struct arm_arg_n3 *a)
{
    lengthen_signed(d, a, N_QDMULL, 6);
}

void trans_VMULL_p(struct arm_dis *d, const struct arm_arg_n3 *a)
{
    lengthen_signed(d, a, N_PMULL, 1);
}

static void high_half(struct arm_dis *d, const struct arm_arg_n3 *a, enum neon_op op)
{
    if (!refuse(d, a->size == 3) && !odd(d, a->vn | a->vm)) {
        neon_call(d, NEON_HOW(op, a->size, 0, 0), a->vd, a->vn, a->vm, a->u);
    }
}

void trans_VADDHN(struct arm_dis *d, const struct arm_arg_n3 *a)
{
    high_half(d, a, N_ADDHN);
}

void trans_VSUBHN(struct arm_dis *d, const struct arm_arg_n3 *a)
{
    high_half(d, a, N_SUBHN);
}

/* --- by a scalar ----------------------------------------------------------------------------- */

/* The scalar: of halfwords one of D0 to D7, of words one of D0 to D15. */
static bool scalar_of(const struct arm_arg_nscalar *a, unsigned *vm, unsigned *lane)
{
    if (a->size == 1) {
        *vm = a->vm & 7;
        *lane = (a->vm >> 3 & 1) | (a->vm >> 4) << 1;
        return true;
    }
    *vm = a->vm & 15;
    *lane = a->vm >> 4;
    return a->size == 2;
}

static void by_scalar(struct arm_dis *d, const struct arm_arg_nscalar *a, enum neon_op op,
                      bool is_long, bool is_float)
{
    unsigned vm, lane;

    if (refuse(d, !scalar_of(a, &vm, &lane) || (is_float && a->size != 2))) {
        return;
    }
    if ((is_long && odd(d, a->vd)) || (a->q && odd(d, a->vd | a->vn))) {
        return;
    }
    if (!neon_fast_scalar(d, a, op, vm, lane)) {
        neon_call(d, NEON_HOW(op, a->size, a->u, is_long ? 1 : a->q) | NEON_SCALAR, a->vd, a->vn,
                  vm, lane);
    }
}

#define SCALAR(name, op, is_long, is_float) \
    void trans_##name(struct arm_dis *d, const struct arm_arg_nscalar *a) \
    { \
        by_scalar(d, a, op, is_long, is_float); \
    }
SCALAR(VMLA_s, N_MLA, false, false)
SCALAR(VMLA_sf, N_FMLA, false, true)
SCALAR(VMLAL_s, N_MLAL, true, false)
SCALAR(VMLS_s, N_MLS, false, false)
SCALAR(VMLS_sf, N_FMLS, false, true)
SCALAR(VMLSL_s, N_MLSL, true, false)
SCALAR(VMUL_s, N_MUL, false, false)
SCALAR(VMUL_sf, N_FMUL, false, true)
SCALAR(VMULL_s, N_MULL, true, false)
SCALAR(VQDMULH_s, N_QDMULH, false, false)
SCALAR(VQRDMULH_s, N_QRDMULH, false, false)

static void by_scalar_signed(struct arm_dis *d, const struct arm_arg_nscalar *a, enum neon_op op)
{
    if (!refuse(d, a->u)) {
        by_scalar(d, a, op, true, false);
    }
}

void trans_VQDMLAL_s(struct arm_dis *d, const struct arm_arg_nscalar *a)
{
    by_scalar_signed(d, a, N_QDMLAL);
}

void trans_VQDMLSL_s(struct arm_dis *d, const struct arm_arg_nscalar *a)
{
    by_scalar_signed(d, a, N_QDMLSL);
}

void trans_VQDMULL_s(struct arm_dis *d, const struct arm_arg_nscalar *a)
{
    by_scalar_signed(d, a, N_QDMULL);
}

/* --- two registers --------------------------------------------------------------------------- */

static void two(struct arm_dis *d, const struct arm_arg_n2 *a, enum neon_op op, bool u,
                unsigned sizes)
{
    if (refuse(d, !(sizes >> a->size & 1)) || (a->q && odd(d, a->vd | a->vm))) {
        return;
    }
    if (!neon_fast_two(d, a, op)) {
        neon_call(d, NEON_HOW(op, a->size, u, a->q), a->vd, a->vd, a->vm, 0);
    }
}

#define TWO(name, op, u, sizes) \
    void trans_##name(struct arm_dis *d, const struct arm_arg_n2 *a) \
    { \
        two(d, a, op, u, sizes); \
    }
TWO(VREV64, N_REV64, 0, 7)
TWO(VREV32, N_REV32, 0, 3)
TWO(VREV16, N_REV16, 0, 1)
TWO(VPADDL_s, N_PADDL, 0, 7)
TWO(VPADDL_u, N_PADDL, 1, 7)
TWO(VPADAL_s, N_PADAL, 0, 7)
TWO(VPADAL_u, N_PADAL, 1, 7)
TWO(VCLS, N_CLS, 0, 7)
TWO(VCLZ, N_CLZ, 0, 7)
TWO(VCNT, N_CNT, 0, 1)
TWO(VQABS, N_QABS, 0, 7)
TWO(VQNEG, N_QNEG, 0, 7)
TWO(VABS_i, N_ABS, 0, 7)
TWO(VNEG_i, N_NEG, 0, 7)
TWO(VCEQ0_f, N_FCEQ0, 0, 4)
TWO(VCGE0_f, N_FCGE0, 0, 4)
TWO(VCGT0_f, N_FCGT0, 0, 4)
TWO(VCLE0_f, N_FCLE0, 0, 4)
TWO(VCLT0_f, N_FCLT0, 0, 4)
TWO(VRECPE, N_RECPE, 1, 4)
TWO(VRSQRTE, N_RSQRTE, 1, 4)
TWO(VRECPE_f, N_FRECPE, 0, 4)
TWO(VRSQRTE_f, N_FRSQRTE, 0, 4)
TWO(VCVT_fs, N_F_FROM_S, 0, 4)
TWO(VCVT_fu, N_F_FROM_U, 0, 4)
TWO(VCVT_sf, N_F_TO_S, 0, 4)
TWO(VCVT_uf, N_F_TO_U, 0, 4)
TWO(VTRN, N_TRN, 0, 7)

/* 32 bits of D registers: the same as VTRN, but not encoded */
void trans_VUZP(struct arm_dis *d, const struct arm_arg_n2 *a)
{
    two(d, a, N_UZP, 0, a->q ? 7 : 3);
}

void trans_VZIP(struct arm_dis *d, const struct arm_arg_n2 *a)
{
    two(d, a, N_ZIP, 0, a->q ? 7 : 3);
}

/* Bits of each D register by a function; sizes as above. */
static void each(struct arm_dis *d, const struct arm_arg_n2 *a, unsigned sizes,
                 ir_val (*f)(struct arm_dis *, ir_val))
{
    if (refuse(d, !(sizes >> a->size & 1)) || (a->q && odd(d, a->vd | a->vm))) {
        return;
    }
    for (int i = 0; i <= a->q; i++) {
        ir_val v = ir_1(d->ir, IR_bitcast, I64, arm_get_d(d, a->vm + i));

        arm_set_d(d, a->vd + i, ir_1(d->ir, IR_bitcast, F64, f(d, v)));
    }
}

static ir_val not_bits(struct arm_dis *d, ir_val v)
{
    return ir_1(d->ir, IR_not, I64, v);
}

void trans_VMVN(struct arm_dis *d, const struct arm_arg_n2 *a)
{
    each(d, a, 1, not_bits);
}

static void change_sign(struct arm_dis *d, const struct arm_arg_n2 *a, enum ir_opcode op)
{
    if (!refuse(d, a->size != 2) && !(a->q && odd(d, a->vd | a->vm))) {
        neon_set(d, a->q, a->vd, ir_2(d->ir, op, a->q ? V128 : V64, neon_get(d, a->q, a->vm),
                                      neon_signs(d, a->q)));
    }
}

void trans_VABS_f(struct arm_dis *d, const struct arm_arg_n2 *a)
{
    change_sign(d, a, IR_vandc);
}

void trans_VNEG_f(struct arm_dis *d, const struct arm_arg_n2 *a)
{
    change_sign(d, a, IR_vxor);
}

void trans_VSWP(struct arm_dis *d, const struct arm_arg_n2 *a)
{
    if (refuse(d, a->size != 0) || (a->q && odd(d, a->vd | a->vm))) {
        return;
    }
    for (int i = 0; i <= a->q; i++) {
        ir_val v = arm_get_d(d, a->vd + i), w = arm_get_d(d, a->vm + i);

        arm_set_d(d, a->vd + i, w);
        arm_set_d(d, a->vm + i, v);
    }
}

/* With zero: the other operand is m. */
static void compare_zero(struct arm_dis *d, const struct arm_arg_n2 *a, enum neon_op op,
                         bool negate)
{
    if (refuse(d, a->size == 3) || (a->q && odd(d, a->vd | a->vm))) {
        return;
    }
    neon_compare_zero(d, a, op, negate);
}

void trans_VCGT0(struct arm_dis *d, const struct arm_arg_n2 *a)
{
    compare_zero(d, a, N_CGT, false);
}

void trans_VCGE0(struct arm_dis *d, const struct arm_arg_n2 *a)
{
    compare_zero(d, a, N_CGE, false);
}

void trans_VCEQ0(struct arm_dis *d, const struct arm_arg_n2 *a)
{
    compare_zero(d, a, N_CEQ, false);
}

void trans_VCLE0(struct arm_dis *d, const struct arm_arg_n2 *a)
{
    compare_zero(d, a, N_CGT, true);
}

void trans_VCLT0(struct arm_dis *d, const struct arm_arg_n2 *a)
{
    compare_zero(d, a, N_CGE, true);
}

/* --- narrower and wider ---------------------------------------------------------------------- */

void trans_VMOVN(struct arm_dis *d, const struct arm_arg_n2 *a)
{
    enum neon_op op = a->q ? N_QSHRUN : N_SHRN;

    if (!refuse(d, a->size == 3) && !odd(d, a->vm)) {
        neon_call(d, NEON_HOW(op, a->size, 0, 0), a->vd, a->vm, a->vm, 0);
    }
}

void trans_VQMOVN(struct arm_dis *d, const struct arm_arg_n2 *a)
{
    if (!refuse(d, a->size == 3) && !odd(d, a->vm)) {
        neon_call(d, NEON_HOW(N_QSHRN, a->size, a->q, 0), a->vd, a->vm, a->vm, 0);
    }
}

void trans_VSHLL_m(struct arm_dis *d, const struct arm_arg_n2 *a)
{
    if (!refuse(d, a->size == 3 || a->q) && !odd(d, a->vd)) {
        neon_call(d, NEON_HOW(N_SHLL, a->size, 1, 1), a->vd, a->vm, a->vm, 8 << a->size);
    }
}

void trans_VCVT_f16_f32(struct arm_dis *d, const struct arm_arg_n2 *a)
{
    if (!refuse(d, a->size != 1 || a->q) && !odd(d, a->vm)) {
        neon_call(d, NEON_HOW(N_F16_FROM_F32, 1, 0, 0), a->vd, a->vm, a->vm, 0);
    }
}

void trans_VCVT_f32_f16(struct arm_dis *d, const struct arm_arg_n2 *a)
{
    if (!refuse(d, a->size != 1 || a->q) && !odd(d, a->vd)) {
        neon_call(d, NEON_HOW(N_F32_FROM_F16, 1, 0, 0), a->vd, a->vm, a->vm, 0);
    }
}

/* --- shifts by an immediate ------------------------------------------------------------------ */

/* L:imm6: its highest bit is the size; false: no size. */
static bool shift_size(unsigned limm, unsigned *size)
{
    if (limm < 8) {
        return false;
    }
    *size = limm >> 6 ? 3 : 28 - __builtin_clz(limm);
    return true;
}

static void shift(struct arm_dis *d, const struct arm_arg_nsh *a, enum neon_op op, bool right,
                  bool u)
{
    unsigned size, amount;

    if (refuse(d, !shift_size(a->limm, &size)) || (a->q && odd(d, a->vd | a->vm))) {
        return;
    }
    /* 64-bit ones count from 64 as the others from their size */
    amount = right ? (16u << size) - (size == 3 ? (a->limm & 63) + 64 : (unsigned)a->limm)
                   : (unsigned)a->limm - (8u << size);
    if (size == 3 && !right) {
        amount = a->limm & 63;
    }
    if (!neon_fast_shift(d, a, op, size, u, amount)) {
        neon_call(d, NEON_HOW(op, size, u, a->q), a->vd, a->vd, a->vm, amount);
    }
}

#define SHIFT(name, op, right, u) \
    void trans_##name(struct arm_dis *d, const struct arm_arg_nsh *a) \
    { \
        shift(d, a, op, right, u); \
    }
SHIFT(VSHR, N_SHR, true, a->u)
SHIFT(VSRA, N_SRA, true, a->u)
SHIFT(VRSHR, N_RSHR, true, a->u)
SHIFT(VRSRA, N_RSRA, true, a->u)
SHIFT(VSRI, N_SRI, true, true)
SHIFT(VSHL, N_SHL_I, false, true)
SHIFT(VSLI, N_SLI, false, true)
SHIFT(VQSHLU, N_QSHLU, false, false)
SHIFT(VQSHL, N_QSHL_I, false, a->u)

/* To the narrower size: q says that it rounds. */
static void shift_narrow(struct arm_dis *d, const struct arm_arg_nsh *a, enum neon_op op,
                         enum neon_op rounding, bool u)
{
    unsigned size;

    if (refuse(d, !shift_size(a->limm, &size) || size == 3) || odd(d, a->vm)) {
        return;
    }
    neon_call(d, NEON_HOW(a->q ? rounding : op, size, u, 0), a->vd, a->vm, a->vm,
              (16u << size) - a->limm);
}

void trans_VSHRN(struct arm_dis *d, const struct arm_arg_nsh *a)
{
    shift_narrow(d, a, N_SHRN, N_RSHRN, false);
}

void trans_VQSHRN(struct arm_dis *d, const struct arm_arg_nsh *a)
{
    shift_narrow(d, a, N_QSHRN, N_QRSHRN, a->u);
}

void trans_VQSHRUN(struct arm_dis *d, const struct arm_arg_nsh *a)
{
    shift_narrow(d, a, N_QSHRUN, N_QRSHRUN, false);
}

void trans_VSHLL(struct arm_dis *d, const struct arm_arg_nsh *a)
{
    unsigned size;

    if (refuse(d, !shift_size(a->limm, &size) || size == 3) || odd(d, a->vd)) {
        return;
    }
    neon_call(d, NEON_HOW(N_SHLL, size, a->u, 1), a->vd, a->vm, a->vm,
              (unsigned)a->limm - (8u << size));
}

static void convert_fixed(struct arm_dis *d, const struct arm_arg_nsh *a, enum neon_op op)
{
    if (refuse(d, !(a->limm & 32)) || (a->q && odd(d, a->vd | a->vm))) {
        return;
    }
    neon_call(d, NEON_HOW(op, 2, 0, a->q), a->vd, a->vm, a->vm, 64 - (a->limm & 63));
}

void trans_VCVT_fix_sf(struct arm_dis *d, const struct arm_arg_nsh *a)
{
    convert_fixed(d, a, a->u ? N_F_FROM_U : N_F_FROM_S);
}

void trans_VCVT_fix_fs(struct arm_dis *d, const struct arm_arg_nsh *a)
{
    convert_fixed(d, a, a->u ? N_F_TO_U : N_F_TO_S);
}

/* --- order ----------------------------------------------------------------------------------- */

void trans_VEXT(struct arm_dis *d, const struct arm_arg_VEXT *a)
{
    if (refuse(d, !a->q && a->imm > 7) || (a->q && odd(d, a->vd | a->vn | a->vm))) {
        return;
    }
    neon_call(d, NEON_HOW(N_EXT, 0, 0, a->q), a->vd, a->vn, a->vm, a->imm);
}

void trans_VTBL(struct arm_dis *d, const struct arm_arg_VTBL *a)
{
    if (!refuse(d, a->vn + a->len > 31)) {
        neon_call(d, NEON_HOW(a->x ? N_TBX : N_TBL, 0, 0, 0), a->vd, a->vn, a->vm, a->len);
    }
}

void trans_VDUP_s(struct arm_dis *d, const struct arm_arg_VDUP_s *a)
{
    unsigned bits = 8u << a->size;
    ir_val v;

    if (a->q && odd(d, a->vd)) {
        return;
    }
    v = ir_1(d->ir, IR_bitcast, I64, arm_get_d(d, a->vm));
    v = ir_imm(d->ir, IR_vdup, V64, ir_extract(d->ir, I64, v, a->lane * bits, bits), 0, bits);
    for (int i = 0; i <= a->q; i++) {
        arm_set_d(d, a->vd + i, v);
    }
}

/* --- immediates ------------------------------------------------------------------------------ */

static uint64_t expand(unsigned cmode, bool op, uint64_t imm)
{
    uint64_t v = imm;

    if (cmode < 8) {
        v = imm << 8 * (cmode >> 1);
    } else if (cmode < 12) {
        v = imm << 8 * (cmode >> 1 & 1);
        return v * 0x0001000100010001ull;
    } else if (cmode < 14) {
        v = cmode & 1 ? imm << 16 | 0xffff : imm << 8 | 0xff;
    } else if (cmode == 14 && !op) {
        return imm * 0x0101010101010101ull;
    } else if (cmode == 14) {
        v = 0;
        for (unsigned i = 0; i < 8; i++) {
            v |= imm >> i & 1 ? 0xffull << 8 * i : 0;
        }
        return v;
    } else {
        v = (imm & 0x80) << 24 | (imm & 0x40 ? 0x3e000000 : 0x40000000) | (imm & 63) << 19;
    }
    return v | v << 32;
}

void trans_VMOV_1r(struct arm_dis *d, const struct arm_arg_nimm *a)
{
    uint64_t v = expand(a->cmode, a->op, a->imm);
    bool changes = a->cmode < 12 && a->cmode & 1;

    if (refuse(d, a->cmode == 15 && a->op) || (a->q && odd(d, a->vd))) {
        return;
    }
    if (a->op && a->cmode < 14 && !changes) {
        v = ~v;
    }
    for (int i = 0; i <= a->q; i++) {
        ir_val r = ir_const(d->ir, I64, (int64_t)v);

        if (changes) {
            r = ir_2(d->ir, a->op ? IR_andc : IR_or, I64,
                     ir_1(d->ir, IR_bitcast, I64, arm_get_d(d, a->vd + i)), r);
        }
        arm_set_d(d, a->vd + i, ir_1(d->ir, IR_bitcast, F64, r));
    }
}
