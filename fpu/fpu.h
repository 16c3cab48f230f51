/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Exact floating point after IEEE 754, with every rule that processors disagree about as data.
 *
 * Values are bit patterns. Each format (f16, f32, f64, f80, f128) has the same functions, here
 * written for a format T. They never fail: exceptions are flags that add up in the status.
 */
#ifndef FPU_FPU_H
#define FPU_FPU_H

#include <stdbool.h>
#include <stdint.h>

typedef uint16_t f16;
typedef uint32_t f32;
typedef uint64_t f64;
typedef unsigned __int128 f128;
/* The x87 format, with its explicit integer bit. */
struct f80 {
    uint64_t significand;
    uint16_t exponent;              /* and the sign on top */
};
typedef struct f80 f80;

enum fp_rounding {
    FP_NEAREST_EVEN, FP_DOWN, FP_UP, FP_ZERO, FP_NEAREST_AWAY,
    FP_ODD                          /* truncates, and sets the last bit when inexact */
};

enum {
    FP_INVALID = 1, FP_DIVIDE_BY_ZERO = 2, FP_OVERFLOW = 4, FP_UNDERFLOW = 8, FP_INEXACT = 16,
    FP_DENORMAL = 32,               /* a subnormal operand took part */
    FP_INPUT_FLUSHED = 64,          /* a subnormal operand was taken as zero */
    FP_OUTPUT_FLUSHED = 128,        /* a subnormal result became zero */
    FP_TINY = 256,                  /* the result was tiny, exact or not */
    FP_ROUNDED_UP = 512,            /* the last rounding went away from zero (C1 of x87) */
    /* Why it was invalid. */
    FP_INVALID_SNAN = 1 << 16, FP_INVALID_INF_MINUS_INF = 1 << 17,
    FP_INVALID_INF_OVER_INF = 1 << 18, FP_INVALID_ZERO_OVER_ZERO = 1 << 19,
    FP_INVALID_INF_TIMES_ZERO = 1 << 20, FP_INVALID_SQRT = 1 << 21,
    FP_INVALID_CONVERSION = 1 << 22, FP_INVALID_COMPARE = 1 << 23
};

/* Which of several NaN operands is the result. */
enum fp_nan_choice {
    FP_NAN_FIRST,                   /* the first in `order` that is a NaN */
    FP_NAN_SIGNALING_FIRST,         /* the first that is signaling, else the first quiet one */
    FP_NAN_LARGER,                  /* that of the larger significand; x87 */
    FP_NAN_DEFAULT                  /* always the default NaN */
};
/* The fused multiply-add of infinity, zero and a quiet NaN. */
enum fp_nan_inf_zero { FP_INF_ZERO_QUIET, FP_INF_ZERO_INVALID, FP_INF_ZERO_DEFAULT };
/* What a conversion to an integer gives for a NaN. */
enum fp_nan_integer { FP_NAN_TO_ZERO, FP_NAN_TO_MIN, FP_NAN_TO_MAX, FP_NAN_BY_SIGN };
/* ... and for a value out of range; "min" is 100...0 for unsigned types too, as on x86. */
enum fp_out_of_range { FP_RANGE_SATURATE, FP_RANGE_MIN, FP_RANGE_MAX };

/* What an architecture leaves no choice about. */
struct fp_rules {
    uint8_t choice;                 /* enum fp_nan_choice */
    bool second_first;              /* of two operands, the second is asked first */
    uint8_t order3[3];              /* operands of a*b+c in the order asked: 0 a, 1 b, 2 c */
    uint8_t inf_zero;               /* enum fp_nan_inf_zero */
    bool quiet_is_zero;             /* the fraction's top bit is 0 in quiet NaNs; MIPS, SH */
    bool default_negative, default_all_ones;
    bool tiny_after;                /* tininess is judged after rounding */
    bool flush_is_inexact;          /* a flushed result raises FP_INEXACT */
    uint8_t nan_integer;            /* enum fp_nan_integer */
    uint8_t out_of_range;           /* enum fp_out_of_range */
};
extern const struct fp_rules fp_rules_arm, fp_rules_x86, fp_rules_x87, fp_rules_mips,
    fp_rules_mips2008, fp_rules_ppc, fp_rules_sparc, fp_rules_sh, fp_rules_alpha;

struct fp_status {
    const struct fp_rules *rules;
    uint32_t flags;
    uint8_t rounding;               /* enum fp_rounding */
    uint8_t f80_precision;          /* bits of f80 results, 24 or 53; 0 for all 64 */
    bool default_nan, flush_inputs, flush_outputs;
};

enum fp_order { FP_LESS = -1, FP_EQUAL = 0, FP_GREATER = 1, FP_UNORDERED = 2 };

/* Kinds of minimum and maximum, or-ed together. */
enum { FP_MIN = 0, FP_MAX = 1, FP_NUMBER = 2 /* beats a quiet NaN */, FP_MAGNITUDE = 4 };
/* What a fused multiply-add changes the sign of. The result only if it is no NaN. */
enum { FP_NEGATE_PRODUCT = 1, FP_NEGATE_ADDEND = 2, FP_NEGATE_RESULT = 4 };

enum fp_class {
    FP_CLASS_ZERO, FP_CLASS_SUBNORMAL, FP_CLASS_NORMAL, FP_CLASS_INFINITY, FP_CLASS_QUIET,
    FP_CLASS_SIGNALING,
    FP_CLASS_UNSUPPORTED            /* an f80 whose integer bit does not fit its exponent */
};

/*
 * T_to_int and T_to_uint round value * 2^scale to an integer of `bits` (8 to 64); the unsigned
 * result is zero extended, the signed one sign extended. T_from_int and T_from_uint give
 * value * 2^scale. T_round_to_int raises FP_INEXACT only if `exact`.
 */
#define FP_DECLARE(T)                                                                              \
    T T##_add(T a, T b, struct fp_status *s);                                                      \
    T T##_sub(T a, T b, struct fp_status *s);                                                      \
    T T##_mul(T a, T b, struct fp_status *s);                                                      \
    T T##_div(T a, T b, struct fp_status *s);                                                      \
    T T##_rem(T a, T b, struct fp_status *s);                                                      \
    T T##_sqrt(T a, struct fp_status *s);                                                          \
    T T##_fma(T a, T b, T c, unsigned negate, struct fp_status *s);                                \
    T T##_minmax(T a, T b, unsigned kind, struct fp_status *s);                                    \
    T T##_scale(T a, int exponent, struct fp_status *s);                                           \
    T T##_round_to_int(T a, enum fp_rounding rounding, bool exact, struct fp_status *s);           \
    enum fp_order T##_compare(T a, T b, struct fp_status *s);        /* any NaN is invalid */      \
    enum fp_order T##_compare_quiet(T a, T b, struct fp_status *s);  /* only signaling ones */     \
    int64_t T##_to_int(T a, unsigned bits, int scale, enum fp_rounding rounding,                   \
                       struct fp_status *s);                                                       \
    uint64_t T##_to_uint(T a, unsigned bits, int scale, enum fp_rounding rounding,                 \
                         struct fp_status *s);                                                     \
    T T##_from_int(int64_t value, int scale, struct fp_status *s);                                 \
    T T##_from_uint(uint64_t value, int scale, struct fp_status *s);                               \
    T T##_default_nan(const struct fp_status *s);                                                  \
    T T##_quiet(T a, struct fp_status *s);          /* a NaN as an operation would return it */    \
    enum fp_class T##_class(T a, const struct fp_status *s);                                       \
    f16 T##_to_f16(T a, struct fp_status *s);                                                      \
    f32 T##_to_f32(T a, struct fp_status *s);                                                      \
    f64 T##_to_f64(T a, struct fp_status *s);                                                      \
    f80 T##_to_f80(T a, struct fp_status *s);                                                      \
    f128 T##_to_f128(T a, struct fp_status *s);

#define FP_FORMATS(FORMAT) FORMAT(f16) FORMAT(f32) FORMAT(f64) FORMAT(f80) FORMAT(f128)
FP_FORMATS(FP_DECLARE)

/* ARM's alternative half precision: no infinities and NaNs, one more binade instead. */
f32 f16_alternative_to_f32(f16 a, struct fp_status *s);
f64 f16_alternative_to_f64(f16 a, struct fp_status *s);
f16 f32_to_f16_alternative(f32 a, struct fp_status *s);
f16 f64_to_f16_alternative(f64 a, struct fp_status *s);

#endif
