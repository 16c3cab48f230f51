/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VFP registers and arithmetic. D registers are globals; S registers are their halves, remembered
 * as values of their own for as long as the D register stays what it was.
 *
 * Arithmetic runs on the host's unit: for normal operands and results it rounds alike and raises
 * the same flags. IR op ffix sends NaNs and what may be tiny before rounding to fpu/. With
 * flush-to-zero everything goes there.
 */
#include <stddef.h>

#include "target-arm/model.h"
#include "target-arm/trans-neon.h"
#include "target-arm/vfp.h"

/* --- registers ------------------------------------------------------------------------------- */

ir_val arm_vx_move_imm(struct arm_dis *d, enum ir_type type, unsigned map, unsigned prefix,
                       unsigned opcode, ir_val a, ir_val b, unsigned imm)
{
    struct ir_op o = { .op = IR_vx };

    o.sse = (struct ir_sse){ .prefix = prefix, .map = map, .opcode = opcode, .imm8 = imm,
                             .has_imm8 = true, .wide = SSE_PURE };
    return ir_imm(d->ir, IR_vx, type, a, b, o.imm);
}

ir_val arm_vx_move(struct arm_dis *d, enum ir_type type, unsigned map, unsigned prefix,
                   unsigned opcode, ir_val a, ir_val b)
{
    struct ir_op o = { .op = IR_vx };

    o.sse = (struct ir_sse){ .prefix = prefix, .map = map, .opcode = opcode, .wide = SSE_PURE };
    return ir_imm(d->ir, IR_vx, type, a, b, o.imm);
}

ir_val arm_get_d(struct arm_dis *d, unsigned n)
{
    return ir_get(d->ir, G_D0 + n);
}

void arm_set_d(struct arm_dis *d, unsigned n, ir_val v)
{
    ir_set(d->ir, G_D0 + n, v);
}

/* The upper half of a D register moved down: psrlq $32 */
static ir_val high_half(struct arm_dis *d, ir_val v)
{
    struct ir_op o = { .op = IR_vx };

    o.sse = (struct ir_sse){ .prefix = 0x66, .map = 1, .opcode = 0x73, .imm8 = 32,
                             .has_imm8 = true, .is_group = true, .reg_ext = 2, .wide = SSE_PURE };
    return ir_imm(d->ir, IR_vx, V64, v, 0, o.imm);
}

static void remember(struct arm_dis *d, unsigned n, ir_val v, ir_val whole)
{
    d->s_val[n] = v;
    d->s_of[n] = whole;
}

ir_val arm_get_s(struct arm_dis *d, unsigned n)
{
    ir_val whole = arm_get_d(d, n / 2);

    if (d->s_of[n] != whole) {
        remember(d, n, n & 1 ? high_half(d, whole) : whole, whole);
    }
    return d->s_val[n];
}

/* movss for the lower half, unpcklps for the upper one */
void arm_set_s(struct arm_dis *d, unsigned n, ir_val v)
{
    ir_val old = arm_get_d(d, n / 2), whole;
    bool other = d->s_of[n ^ 1] == old;

    if (n & 1) {
        whole = arm_vx_move(d, V64, 1, 0, 0x14, old, v);
    } else {
        whole = arm_vx_move(d, V64, 1, 0xf3, 0x10, old, v);
    }
    arm_set_d(d, n / 2, whole);
    remember(d, n, v, whole);
    if (other) {
        d->s_of[n ^ 1] = whole;
    }
}

bool arm_no_d(struct arm_dis *d, unsigned n)
{
    if (n > 15 && !arm_dis_has(d, F_D32)) {
        arm_undefined(d);
        return true;
    }
    return false;
}

static bool missing(struct arm_dis *d, bool dp, unsigned a, unsigned b, unsigned c)
{
    return dp && (arm_no_d(d, a) || arm_no_d(d, b) || arm_no_d(d, c));
}

static ir_val get(struct arm_dis *d, bool dp, unsigned n)
{
    return dp ? arm_get_d(d, n) : arm_get_s(d, n);
}

static void set(struct arm_dis *d, bool dp, unsigned n, ir_val v)
{
    if (dp) {
        arm_set_d(d, n, v);
    } else {
        arm_set_s(d, n, v);
    }
}

static enum ir_type type_of(bool dp)
{
    return dp ? F64 : F32;
}

static ir_val to_int(struct arm_dis *d, bool dp, ir_val v)
{
    return ir_1(d->ir, IR_bitcast, dp ? I64 : I32, v);
}

static ir_val from_int(struct arm_dis *d, bool dp, ir_val v)
{
    return ir_1(d->ir, IR_bitcast, type_of(dp), dp ? v : ir_1(d->ir, IR_mov, I32, v));
}

/* --- arithmetic ------------------------------------------------------------------------------ */

/* By the helper; the result as bits. */
static ir_val call_bits(struct arm_dis *d, unsigned op, bool dp, ir_val a, ir_val b, ir_val c)
{
    ir_val zero = ir_const(d->ir, I64, 0);

    return arm_call4(d, H_vfp, arm_imm(d, op | (dp ? VFP_DOUBLE : 0)), a ? a : zero,
                     b ? b : zero, c ? c : zero);
}

static ir_val call(struct arm_dis *d, unsigned op, bool dp, ir_val a, ir_val b, ir_val c)
{
    ir_val r = call_bits(d, op, dp, a ? to_int(d, dp, a) : 0, b ? to_int(d, dp, b) : 0,
                         c ? to_int(d, dp, c) : 0);

    return from_int(d, dp, r);
}

static ir_val fix(struct arm_dis *d, unsigned op, bool dp, ir_val r, ir_val a, ir_val b)
{
    struct ir_op o = { .op = IR_ffix, .type = type_of(dp), .a = r, .b = a, .c = b };

    o.imm = op | (dp ? VFP_DOUBLE : 0);
    return ir_append_op(d->ir, &o);
}

static ir_val binary(struct arm_dis *d, unsigned op, bool dp, ir_val a, ir_val b)
{
    static const uint8_t ops[] = {
        [VFP_ADD] = IR_fadd, [VFP_SUB] = IR_fsub, [VFP_MUL] = IR_fmul, [VFP_DIV] = IR_fdiv,
    };

    if (d->mode & KEY_FP_FLUSH) {
        return call(d, op, dp, a, b, 0);
    }
    return fix(d, op, dp, ir_2(d->ir, ops[op], type_of(dp), a, b), a, b);
}

static ir_val negate(struct arm_dis *d, bool dp, ir_val v)
{
    return ir_1(d->ir, IR_fneg, type_of(dp), v);
}

enum vfp_insn {
    I_ADD, I_SUB, I_MUL, I_DIV, I_NMUL, I_MLA, I_MLS, I_NMLA, I_NMLS, I_FMA, I_FMS, I_FNMA, I_FNMS,
    I_MOV, I_ABS, I_NEG, I_SQRT,
};

static ir_val three(struct arm_dis *d, enum vfp_insn insn, bool dp, ir_val a, ir_val b, ir_val c)
{
    ir_val p;

    switch (insn) {
    case I_ADD: return binary(d, VFP_ADD, dp, a, b);
    case I_SUB: return binary(d, VFP_SUB, dp, a, b);
    case I_MUL: return binary(d, VFP_MUL, dp, a, b);
    case I_DIV: return binary(d, VFP_DIV, dp, a, b);
    case I_NMUL: return negate(d, dp, binary(d, VFP_MUL, dp, a, b));
    case I_FMA: return call(d, VFP_FMA, dp, a, b, c);
    case I_FMS: return call(d, VFP_FMS, dp, a, b, c);
    case I_FNMA: return call(d, VFP_FNMA, dp, a, b, c);
    case I_FNMS: return call(d, VFP_FNMS, dp, a, b, c);
    default:
        break;
    }
    p = binary(d, VFP_MUL, dp, a, b);
    if (insn == I_MLS || insn == I_NMLA) {
        p = negate(d, dp, p);
    }
    if (insn == I_NMLA || insn == I_NMLS) {
        c = negate(d, dp, c);
    }
    return binary(d, VFP_ADD, dp, c, p);
}

static ir_val one(struct arm_dis *d, enum vfp_insn insn, bool dp, ir_val a)
{
    switch (insn) {
    case I_MOV: return a;
    case I_ABS: return ir_1(d->ir, IR_fabs, type_of(dp), a);
    case I_NEG: return negate(d, dp, a);
    default:
        if (d->mode & KEY_FP_FLUSH) {
            return call(d, VFP_SQRT, dp, a, 0, 0);
        }
        return fix(d, VFP_SQRT, dp, ir_1(d->ir, IR_fsqrt, type_of(dp), a), a, a);
    }
}

/* --- short vectors --------------------------------------------------------------------------- */

/* How an instruction goes through registers under FPSCR.LEN and STRIDE. */
struct vector {
    unsigned count, stride, bank;   /* registers in a bank */
    bool scalar_m;
};

static struct vector vector_of(const struct arm_dis *d, bool dp, unsigned vd, unsigned vm)
{
    struct vector v = { 1, 1, dp ? 4 : 8, true };
    unsigned len = (d->mode & KEY_FP_LEN) >> KEY_FP_SHIFT;

    if (len && (vd / v.bank) % (dp ? 4 : 4) != 0) {
        v.count = len + 1;
        v.stride = d->mode & KEY_FP_STRIDE ? 2 : 1;
        v.scalar_m = (vm / v.bank) % 4 == 0;
    }
    return v;
}

/* Cores without short vectors do not have the instructions while FPSCR asks for them. */
static bool no_vectors(struct arm_dis *d)
{
    if (d->mode & (KEY_FP_LEN | KEY_FP_STRIDE) && arm_dis_has(d, F_VFP3) &&
        !(d->env->model->mvfr0 >> 24 & 15)) {
        arm_undefined(d);
        return true;
    }
    return false;
}

static unsigned step(const struct vector *v, unsigned n, unsigned i)
{
    unsigned first = n - n % v->bank;

    return first + (n % v->bank + i * v->stride) % v->bank;
}

static void do_three(struct arm_dis *d, const struct arm_arg_vfp3 *a, enum vfp_insn insn)
{
    struct vector v = vector_of(d, a->dp, a->vd, a->vm);
    bool dp = a->dp, accumulates = insn >= I_MLA && insn <= I_FNMS;

    if (missing(d, dp, a->vd, a->vn, a->vm) || no_vectors(d)) {
        return;
    }
    for (unsigned i = 0; i < v.count; i++) {
        unsigned rd = step(&v, a->vd, i), rm = v.scalar_m ? a->vm : step(&v, a->vm, i);
        ir_val c = accumulates ? get(d, dp, rd) : 0;

        set(d, dp, rd, three(d, insn, dp, get(d, dp, step(&v, a->vn, i)), get(d, dp, rm), c));
    }
}

static void do_two(struct arm_dis *d, const struct arm_arg_vfp2 *a, enum vfp_insn insn)
{
    struct vector v = vector_of(d, a->dp, a->vd, a->vm);

    if (missing(d, a->dp, a->vd, a->vm, 0) || no_vectors(d)) {
        return;
    }
    for (unsigned i = 0; i < v.count; i++) {
        unsigned rm = v.scalar_m ? a->vm : step(&v, a->vm, i);

        set(d, a->dp, step(&v, a->vd, i), one(d, insn, a->dp, get(d, a->dp, rm)));
    }
}

#define THREE(name, insn) \
    void trans_##name(struct arm_dis *d, const struct arm_arg_vfp3 *a) \
    { \
        do_three(d, a, insn); \
    }
#define TWO(name, insn) \
    void trans_##name(struct arm_dis *d, const struct arm_arg_vfp2 *a) \
    { \
        do_two(d, a, insn); \
    }
THREE(VADD, I_ADD)
THREE(VSUB, I_SUB)
THREE(VMUL, I_MUL)
THREE(VDIV, I_DIV)
THREE(VNMUL, I_NMUL)
THREE(VMLA, I_MLA)
THREE(VMLS, I_MLS)
THREE(VNMLA, I_NMLA)
THREE(VNMLS, I_NMLS)
THREE(VFMA, I_FMA)
THREE(VFMS, I_FMS)
THREE(VFNMA, I_FNMA)
THREE(VFNMS, I_FNMS)
TWO(VMOV, I_MOV)
TWO(VABS, I_ABS)
TWO(VNEG, I_NEG)
TWO(VSQRT, I_SQRT)

/* abcdefgh: sign, exponent, fraction */
static uint64_t expand_imm(bool dp, unsigned imm)
{
    uint64_t sign = imm >> 7 & 1, b = imm >> 6 & 1, rest = imm & 63;

    if (dp) {
        return sign << 63 | (b ? 0x3fc0000000000000ull : 0x4000000000000000ull) | rest << 48;
    }
    return sign << 31 | (b ? 0x3e000000 : 0x40000000) | rest << 19;
}

void trans_VMOV_imm(struct arm_dis *d, const struct arm_arg_vfp_imm *a)
{
    struct vector v = vector_of(d, a->dp, a->vd, 0);
    uint64_t bits = expand_imm(a->dp, a->imm);
    ir_val value;

    if (missing(d, a->dp, a->vd, 0, 0) || no_vectors(d)) {
        return;
    }
    value = ir_1(d->ir, IR_bitcast, type_of(a->dp), ir_const(d->ir, a->dp ? I64 : I32, bits));
    for (unsigned i = 0; i < v.count; i++) {
        set(d, a->dp, step(&v, a->vd, i), value);
    }
}

/* --- comparisons ----------------------------------------------------------------------------- */

void trans_VCMP(struct arm_dis *d, const struct arm_arg_VCMP *a)
{
    enum ir_type type = type_of(a->dp);
    ir_val x, y, r;

    if (missing(d, a->dp, a->vd, a->vm, 0)) {
        return;
    }
    x = get(d, a->dp, a->vd);
    y = a->z ? ir_1(d->ir, IR_bitcast, type, ir_const(d->ir, a->dp ? I64 : I32, 0))
             : get(d, a->dp, a->vm);
    if (d->mode & KEY_FP_FLUSH) {
        r = call_bits(d, a->e ? VFP_COMPARE_SIGNALLING : VFP_COMPARE, a->dp, to_int(d, a->dp, x),
                      to_int(d, a->dp, y), 0);
        r = ir_1(d->ir, IR_mov, I32, r);
    } else {
        r = ir_imm(d->ir, IR_fcmp, type, x, y, a->e);
    }
    ir_envst(d->ir, I32, offsetof(struct arm_env, fp_nzcv), r, MO_32);
    d->fp_compare = r;
}

/*
 * The flags of the comparison just before are those of a subtraction: from what fcmp gave (0, 1,
 * 0x40 and 0x45 for unordered) a number that is greater, less or equal, or so far below that it
 * overflows. Other flags come from env.
 */
static void flags_to_apsr(struct arm_dis *d)
{
    enum { BELOW_SIGN = 0x3fffffff, EQUAL = BELOW_SIGN ^ 0x40 >> 3 };
    ir_val v = d->fp_compare, equal;

    if (!v) {
        v = arm_call0(d, H_fp_nzcv);
        arm_flags_cv(d, ir_extract(d->ir, I32, v, 29, 1), ir_extract(d->ir, I32, v, 28, 1));
        arm_flags_nz(d, v, arm_2i(d, IR_xor, arm_2i(d, IR_and, v, PSR_Z), PSR_Z));
        return;
    }
    v = arm_2i(d, IR_xor, arm_2i(d, IR_rotr, v, 3), BELOW_SIGN);
    equal = arm_imm(d, EQUAL);
    arm_flags_sub(d, v, equal, arm_2(d, IR_sub, v, equal), true);
}

/* --- conversions ----------------------------------------------------------------------------- */

void trans_VCVT_sd(struct arm_dis *d, const struct arm_arg_VCVT_sd *a)
{
    ir_val v = arm_get_s(d, a->vm), r;

    if (arm_no_d(d, a->vd)) {
        return;
    }
    if (d->mode & (KEY_FP_FLUSH | KEY_FP_DEFAULT_NAN)) {
        r = from_int(d, true, call_bits(d, VFP_WIDEN, false, to_int(d, false, v), 0, 0));
    } else {
        r = ir_1(d->ir, IR_fcvt, F64, ir_1(d->ir, IR_bitcast, F32, v));
    }
    arm_set_d(d, a->vd, r);
}

void trans_VCVT_ds(struct arm_dis *d, const struct arm_arg_VCVT_ds *a)
{
    struct ir_op o = { .op = IR_ffix, .type = F32, .imm = VFP_NARROW | VFP_DOUBLE };
    ir_val v;

    if (arm_no_d(d, a->vm)) {
        return;
    }
    v = arm_get_d(d, a->vm);
    if (d->mode & KEY_FP_FLUSH) {
        v = from_int(d, false, call_bits(d, VFP_NARROW, true, to_int(d, true, v), 0, 0));
    } else {
        v = ir_1(d->ir, IR_bitcast, F64, v);
        o.a = ir_1(d->ir, IR_fcvt, F32, v);
        o.b = o.c = v;
        v = ir_append_op(d->ir, &o);
    }
    arm_set_s(d, a->vd, v);
}

/* cvtsi2ss and cvtsi2sd take 64 bits, which hold both kinds of words. */
void trans_VCVT_int(struct arm_dis *d, const struct arm_arg_VCVT_int *a)
{
    ir_val v = to_int(d, false, arm_get_s(d, a->vm));
    struct ir_op o = { .op = IR_vx_vg };

    if (a->dp && arm_no_d(d, a->vd)) {
        return;
    }
    if (a->s) {
        v = ir_exts(d->ir, I64, v, 32);
    }
    o.sse = (struct ir_sse){ .prefix = a->dp ? 0xf2 : 0xf3, .map = 1, .opcode = 0x2a,
                             .wide = SSE_WIDE };
    v = ir_imm(d->ir, IR_vx_vg, V128, ir_imm(d->ir, IR_vzero, V128, 0, 0, 0), v, o.imm);
    set(d, a->dp, a->vd, v);
}

/*
 * cvt[t]ss2si and cvt[t]sd2si: what is out of range raises invalid, and nothing else, on both. The
 * host then gives the smallest number, where the helper has a look, as labels let no value through,
 * at the source, which must not be overwritten meanwhile.
 */
static void to_signed(struct arm_dis *d, const struct arm_arg_VCVT_to_int *a)
{
    struct ir_op o = { .op = IR_vx_gv };
    unsigned done = arm_label_new(d);
    ir_val r;

    o.sse = (struct ir_sse){ .prefix = a->dp ? 0xf2 : 0xf3, .map = 1,
                             .opcode = a->rz ? 0x2c : 0x2d };
    ir_envst(d->ir, type_of(a->dp), offsetof(struct arm_env, fp_source), get(d, a->dp, a->vm),
             a->dp ? MO_64 : MO_32);
    r = ir_imm(d->ir, IR_vx_gv, I32, get(d, a->dp, a->vm), 0, o.imm);
    arm_set_s(d, a->vd, from_int(d, false, r));
    ir_brc(d->ir, I32, IR_NE, r, arm_imm(d, 0x80000000), done);
    r = ir_envld(d->ir, a->dp ? I64 : I32, offsetof(struct arm_env, fp_source),
                 a->dp ? MO_64 : MO_32);
    r = call_bits(d, VFP_TO_S32, a->dp, r, ir_const(d->ir, I64, a->rz), 0);
    arm_set_s(d, a->vd, from_int(d, false, r));
    arm_label_placed(d, done);
}

void trans_VCVT_to_int(struct arm_dis *d, const struct arm_arg_VCVT_to_int *a)
{
    ir_val r;

    if (a->dp && arm_no_d(d, a->vm)) {
        return;
    }
    if (a->s && !(d->mode & KEY_FP_FLUSH)) {
        to_signed(d, a);
        return;
    }
    r = call_bits(d, a->s ? VFP_TO_S32 : VFP_TO_U32, a->dp,
                  to_int(d, a->dp, get(d, a->dp, a->vm)), ir_const(d->ir, I64, a->rz), 0);
    arm_set_s(d, a->vd, from_int(d, false, r));
}

void trans_VCVT_fix(struct arm_dis *d, const struct arm_arg_VCVT_fix *a)
{
    int fraction = (a->sx ? 32 : 16) - a->imm;
    ir_val v, how;

    if (fraction < 0 || (a->dp && arm_no_d(d, a->vd))) {
        if (fraction < 0) {
            arm_undefined(d);
        }
        return;
    }
    v = to_int(d, a->dp, get(d, a->dp, a->vd));
    how = ir_const(d->ir, I64, fraction | (a->sx ? 64 : 0) | (a->u ? 128 : 0));
    v = call_bits(d, a->to ? VFP_TO_FIXED : VFP_FROM_FIXED, a->dp, v, how, 0);
    set(d, a->dp, a->vd, from_int(d, a->dp, v));
}

void trans_VCVT_from_half(struct arm_dis *d, const struct arm_arg_VCVT_from_half *a)
{
    ir_val v = ir_extract(d->ir, I32, to_int(d, false, arm_get_s(d, a->vm)), a->t * 16, 16);

    arm_set_s(d, a->vd, from_int(d, false, call_bits(d, VFP_FROM_HALF, false, v, 0, 0)));
}

void trans_VCVT_to_half(struct arm_dis *d, const struct arm_arg_VCVT_to_half *a)
{
    ir_val v = to_int(d, false, arm_get_s(d, a->vm)), old = to_int(d, false, arm_get_s(d, a->vd));

    v = ir_1(d->ir, IR_mov, I32, call_bits(d, VFP_TO_HALF, false, v, 0, 0));
    arm_set_s(d, a->vd, from_int(d, false, ir_deposit(d->ir, I32, old, v, a->t * 16, 16)));
}

/* --- memory ---------------------------------------------------------------------------------- */

void trans_VLDR(struct arm_dis *d, const struct arm_arg_vls *a)
{
    ir_val base = a->rn == R_PC ? arm_imm(d, arm_pc_value(d) & ~3u) : arm_reg(d, a->rn);
    int32_t disp = (a->u ? a->imm : -a->imm) * 4;
    unsigned memop = a->dp ? MO_64 : MO_32;

    if (a->dp && arm_no_d(d, a->vd)) {
        return;
    }
    if (a->l) {
        set(d, a->dp, a->vd, arm_ld(d, type_of(a->dp), base, disp, memop));
    } else {
        arm_st(d, type_of(a->dp), base, disp, get(d, a->dp, a->vd), memop);
    }
}

/* FLDMX and FSTMX have an odd count of words; the last is left out. */
void trans_VLDM(struct arm_dis *d, const struct arm_arg_vldm *a)
{
    ir_val base = a->rn == R_PC ? arm_imm(d, arm_pc_value(d) & ~3u) : arm_reg(d, a->rn);
    unsigned n = a->dp ? a->imm / 2 : a->imm, limit = 32;
    int32_t at = a->u ? 0 : -a->imm * 4, change = a->u ? a->imm * 4 : -a->imm * 4;

    if (a->dp && !arm_dis_has(d, F_D32)) {
        limit = 16;
    }
    if (n == 0 || a->vd + n > limit || (a->dp && n > 16) || (a->w && a->rn == R_PC)) {
        arm_undefined(d);
        return;
    }
    if (a->dp) {
        neon_whole_registers(d, a->l, a->vd, n, base, at);
    }
    for (unsigned i = 0; i < n && !a->dp; i++, at += 4) {
        if (a->l) {
            arm_set_s(d, a->vd + i, arm_ld(d, F32, base, at, MO_32));
        } else {
            arm_st(d, F32, base, at, arm_get_s(d, a->vd + i), MO_32);
        }
    }
    if (a->w) {
        arm_set_reg(d, a->rn, arm_2i(d, IR_add, base, change));
    }
}

/* --- to and from core registers -------------------------------------------------------------- */

void trans_VMOV_single(struct arm_dis *d, const struct arm_arg_VMOV_single *a)
{
    if (a->l) {
        arm_set_reg(d, a->rt, to_int(d, false, arm_get_s(d, a->vn)));
    } else {
        arm_set_s(d, a->vn, from_int(d, false, arm_reg(d, a->rt)));
    }
}

void trans_VMOV_2s(struct arm_dis *d, const struct arm_arg_vmov64 *a)
{
    if (a->vm == 31) {
        arm_undefined(d);
    } else if (a->l) {
        arm_set_reg(d, a->rt, to_int(d, false, arm_get_s(d, a->vm)));
        arm_set_reg(d, a->rt2, to_int(d, false, arm_get_s(d, a->vm + 1)));
    } else {
        arm_set_s(d, a->vm, from_int(d, false, arm_reg(d, a->rt)));
        arm_set_s(d, a->vm + 1, from_int(d, false, arm_reg(d, a->rt2)));
    }
}

void trans_VMOV_d(struct arm_dis *d, const struct arm_arg_vmov64 *a)
{
    ir_val v;

    if (arm_no_d(d, a->vm)) {
        return;
    }
    if (a->l) {
        v = to_int(d, true, arm_get_d(d, a->vm));
        arm_set_reg(d, a->rt, arm_low(d, v));
        arm_set_reg(d, a->rt2, arm_high(d, v));
    } else {
        v = arm_join(d, arm_reg(d, a->rt), arm_reg(d, a->rt2));
        arm_set_d(d, a->vm, from_int(d, true, v));
    }
}

void trans_VMOV_to_lane(struct arm_dis *d, const struct arm_arg_vlane *a)
{
    unsigned bits = 8u << a->size;
    ir_val v;

    if (arm_no_d(d, a->vn)) {
        return;
    }
    if (bits == 32 && a->vn < 16) {
        arm_set_s(d, 2 * a->vn + a->lane, from_int(d, false, arm_reg(d, a->rt)));
        return;
    }
    v = to_int(d, true, arm_get_d(d, a->vn));
    v = ir_deposit(d->ir, I64, v, arm_reg(d, a->rt), a->lane * bits, bits);
    arm_set_d(d, a->vn, from_int(d, true, v));
}

void trans_VMOV_from_lane(struct arm_dis *d, const struct arm_arg_vlane *a)
{
    unsigned bits = 8u << a->size;
    ir_val v;

    if (arm_no_d(d, a->vn)) {
        return;
    }
    v = to_int(d, true, arm_get_d(d, a->vn));
    v = arm_low(d, ir_extract(d->ir, I64, v, a->lane * bits, bits));
    if (bits < 32 && !a->u) {
        v = ir_exts(d->ir, I32, v, bits);
    }
    arm_set_reg(d, a->rt, v);
}

/* b, e: 00 words, 01 halfwords, 10 bytes */
void trans_VDUP_core(struct arm_dis *d, const struct arm_arg_VDUP_core *a)
{
    unsigned bits = a->b ? 8 : a->e ? 16 : 32;
    ir_val v;

    if ((a->b && a->e) || (a->q && a->vn & 1)) {
        arm_undefined(d);
        return;
    }
    v = ir_imm(d->ir, IR_vdup, V64, arm_reg(d, a->rt), 0, bits);
    arm_set_d(d, a->vn, v);
    if (a->q) {
        arm_set_d(d, a->vn + 1, v);
    }
}

/* --- system registers ------------------------------------------------------------------------ */

enum { REG_FPSID, REG_FPSCR, REG_MVFR1 = 6, REG_MVFR0, REG_FPEXC };

void trans_VMRS(struct arm_dis *d, const struct arm_arg_VMRS *a)
{
    if (a->reg != REG_FPSCR) {
        if (!(d->mode & KEY_FP_ACCESS) || !(d->mode & KEY_PRIVILEGED)) {
            arm_undefined(d);
            return;
        }
        arm_set_reg(d, a->rt, arm_call1(d, H_fpexc_read, arm_imm(d, a->reg)));
    } else if (!(d->mode & KEY_FP)) {
        arm_undefined(d);
    } else if (a->rt == R_PC) {
        flags_to_apsr(d);
    } else {
        arm_set_reg(d, a->rt, arm_call0(d, H_fpscr_read));
    }
}

void trans_VMSR(struct arm_dis *d, const struct arm_arg_VMSR *a)
{
    d->fp_compare = 0;
    if (a->reg != REG_FPSCR) {
        if (!(d->mode & KEY_FP_ACCESS) || !(d->mode & KEY_PRIVILEGED)) {
            arm_undefined(d);
            return;
        }
        arm_call2(d, H_fpexc_write, arm_imm(d, a->reg), arm_reg(d, a->rt));
        arm_end_region(d);
    } else if (!(d->mode & KEY_FP)) {
        arm_undefined(d);
    } else {
        arm_call1(d, H_fpscr_write, arm_reg(d, a->rt));
        arm_end_region(d);
    }
}
