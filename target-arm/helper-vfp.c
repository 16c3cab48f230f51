/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* VFP operations on exact floating point: where the host's unit would be wrong or has no such. */
#include "target-arm/helpers.h"
#include "target-arm/vfp.h"

/* As of IR op fcmp. */
static uint32_t order_code(enum fp_order order)
{
    switch (order) {
    case FP_LESS: return 1;
    case FP_EQUAL: return 0x40;
    case FP_GREATER: return 0;
    default: return 0x45;
    }
}

static enum fp_rounding to_int_rounding(const struct fp_status *s, uint64_t truncate)
{
    return truncate ? FP_ZERO : s->rounding;
}

/* b of VFP_FROM_FIXED and VFP_TO_FIXED */
enum { FIXED_FRACTION = 63, FIXED_WIDE = 64, FIXED_UNSIGNED = 128 };

static unsigned fixed_bits(uint64_t how)
{
    return how & FIXED_WIDE ? 32 : 16;
}

static int64_t fixed_value(uint64_t a, uint64_t how)
{
    if (how & FIXED_UNSIGNED) {
        return how & FIXED_WIDE ? (int64_t)(uint32_t)a : (uint16_t)a;
    }
    return how & FIXED_WIDE ? (int32_t)a : (int16_t)a;
}

/* Negation is an operation of its own: it changes NaNs, too. */
#define NEGATES_PRODUCT(op) ((op) == VFP_FMS || (op) == VFP_FNMA)
#define NEGATES_ADDEND(op) ((op) == VFP_FNMS || (op) == VFP_FNMA)

#define FUNCTION(T, sign) \
static uint64_t vfp_##T(unsigned op, T a, T b, T c, uint64_t raw_a, uint64_t raw_b, \
                        struct fp_status *s) \
{ \
    switch (op) { \
    case VFP_ADD: return T##_add(a, b, s); \
    case VFP_SUB: return T##_sub(a, b, s); \
    case VFP_MUL: return T##_mul(a, b, s); \
    case VFP_NEGATED_MUL: return T##_mul(a, b, s) ^ (sign); \
    case VFP_DIV: return T##_div(a, b, s); \
    case VFP_SQRT: return T##_sqrt(a, s); \
    case VFP_FMA: case VFP_FMS: case VFP_FNMA: case VFP_FNMS: \
        return T##_fma(NEGATES_PRODUCT(op) ? a ^ (sign) : a, b, \
                       NEGATES_ADDEND(op) ? c ^ (sign) : c, 0, s); \
    case VFP_COMPARE: return order_code(T##_compare_quiet(a, b, s)); \
    case VFP_COMPARE_SIGNALLING: return order_code(T##_compare(a, b, s)); \
    case VFP_FROM_S32: return T##_from_int((int32_t)raw_a, 0, s); \
    case VFP_FROM_U32: return T##_from_uint((uint32_t)raw_a, 0, s); \
    case VFP_TO_S32: return (uint32_t)T##_to_int(a, 32, 0, to_int_rounding(s, raw_b), s); \
    case VFP_TO_U32: return T##_to_uint(a, 32, 0, to_int_rounding(s, raw_b), s); \
    case VFP_FROM_FIXED: \
        s->rounding = FP_NEAREST_EVEN; \
        return T##_from_int(fixed_value(raw_a, raw_b), -(int)(raw_b & FIXED_FRACTION), s); \
    case VFP_TO_FIXED: \
        return raw_b & FIXED_UNSIGNED \
            ? T##_to_uint(a, fixed_bits(raw_b), (int)(raw_b & FIXED_FRACTION), FP_ZERO, s) \
            : (uint64_t)T##_to_int(a, fixed_bits(raw_b), (int)(raw_b & FIXED_FRACTION), FP_ZERO, \
                                   s); \
    case VFP_NARROW: return T##_to_f32(a, s); \
    case VFP_WIDEN: return T##_to_f64(a, s); \
    } \
    return 0; \
}
FUNCTION(f32, 0x80000000u)
FUNCTION(f64, 0x8000000000000000ull)

static uint64_t half(const struct arm_env *env, unsigned op, uint64_t a, struct fp_status *s)
{
    bool alternative = env->fpscr & FPSCR_AHP;

    s->flush_outputs = false;
    s->flush_inputs &= op == VFP_TO_HALF;
    if (op == VFP_FROM_HALF) {
        return alternative ? f16_alternative_to_f32(a, s) : f16_to_f32(a, s);
    }
    return alternative ? f32_to_f16_alternative(a, s) : f32_to_f16(a, s);
}

uint64_t helper_vfp(struct arm_env *env, uint32_t op, uint64_t a, uint64_t b, uint64_t c)
{
    struct fp_status s = arm_fp_begin(env, op & VFP_STANDARD);
    unsigned kind = op & 255;
    uint64_t r;

    if (kind == VFP_FROM_HALF || kind == VFP_TO_HALF) {
        r = half(env, kind, a, &s);
    } else if (op & VFP_DOUBLE) {
        r = vfp_f64(kind, a, b, c, a, b, &s);
    } else {
        r = vfp_f32(kind, (f32)a, (f32)b, (f32)c, a, b, &s);
    }
    arm_fp_end(env, &s);
    return r;
}

uint64_t arm_fp_fix(void *env, uint64_t a, uint64_t b, uint64_t op)
{
    return helper_vfp(env, (uint32_t)op, a, b, 0);
}
