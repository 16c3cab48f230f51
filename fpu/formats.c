/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The public functions: every format unpacks, operates on numbers, packs. */
#include "fpu/number.h"

#define SCALE_LIMIT 0x20000          /* beyond the range of every format */

static const struct format format_f16 = { 10, 10, 5 };
static const struct format format_f16_alternative = { 10, 10, 5, .no_infinity = true };
static const struct format format_f32 = { 23, 23, 8 };
static const struct format format_f64 = { 52, 52, 11 };
static const struct format format_f80 = { 63, 64, 15 };
static const struct format format_f128 = { 112, 112, 15 };

#define PLAIN_BITS(T)                                                                              \
    static inline u128 bits_of_##T(T a) { return a; }                                              \
    static inline T T##_of_bits(u128 bits) { return bits; }
PLAIN_BITS(f16)
PLAIN_BITS(f32)
PLAIN_BITS(f64)
PLAIN_BITS(f128)

static inline u128 bits_of_f80(f80 a)
{
    return (u128)a.exponent << 64 | a.significand;
}

static inline f80 f80_of_bits(u128 bits)
{
    return (f80){ bits, bits >> 64 };
}

static int clamp_scale(int scale)
{
    return scale > SCALE_LIMIT ? SCALE_LIMIT : scale < -SCALE_LIMIT ? -SCALE_LIMIT : scale;
}

static struct number scale_number(struct number n, int exponent, struct fp_status *s)
{
    if (number_is_nan(&n)) {
        return number_nan1(n, s);
    }
    number_note_subnormal(&n, &n, s);
    n.exponent += clamp_scale(exponent);
    return n;
}

/* Rounding to an integer is the rounding that FP_ROUNDED_UP is about, not the packing. */
static u128 round_to_int(u128 bits, const struct format *f, unsigned rounding, bool exact,
                         struct fp_status *s)
{
    struct number n = number_unpack(bits, f, s);
    uint32_t flags;

    if (number_is_nan(&n)) {
        return number_pack(number_nan1(n, s), f, s);
    }
    number_note_subnormal(&n, &n, s);
    bits = number_pack(number_round_to_int(n, f->fraction_bits, rounding, &flags), f, s);
    s->flags |= exact ? flags : flags & ~FP_INEXACT;
    return bits;
}

static enum fp_class classify(u128 bits, const struct format *f, const struct fp_status *s)
{
    struct fp_status quiet = { .rules = s->rules };
    struct number n = number_unpack(bits, f, &quiet);

    switch (n.kind) {
    case ZERO: return FP_CLASS_ZERO;
    case FINITE: return n.subnormal ? FP_CLASS_SUBNORMAL : FP_CLASS_NORMAL;
    case INFINITE: return FP_CLASS_INFINITY;
    case QUIET: return FP_CLASS_QUIET;
    case SIGNALING: return FP_CLASS_SIGNALING;
    default: return FP_CLASS_UNSUPPORTED;
    }
}

/* Half precision is storage: conversions flush neither its subnormal values nor into them. */
static u128 convert(u128 bits, const struct format *from, const struct format *to,
                    struct fp_status *s)
{
    bool inputs = s->flush_inputs, outputs = s->flush_outputs;
    struct number n;

    s->flush_inputs = inputs && from->fraction_bits != format_f16.fraction_bits;
    s->flush_outputs = outputs && to->fraction_bits != format_f16.fraction_bits;
    n = number_unpack(bits, from, s);
    if (number_is_nan(&n)) {
        n = number_nan1(n, s);
    } else {
        number_note_subnormal(&n, &n, s);
    }
    bits = number_pack(n, to, s);
    s->flush_inputs = inputs;
    s->flush_outputs = outputs;
    return bits;
}

#define UNPACK(T, a) number_unpack(bits_of_##T(a), &format_##T, s)
#define PACK(T, n) T##_of_bits(number_pack(n, &format_##T, s))

#define BINARY(T, op)                                                                              \
    T T##_##op(T a, T b, struct fp_status *s)                                                      \
    {                                                                                              \
        struct number x = UNPACK(T, a), y = UNPACK(T, b);                                          \
        return PACK(T, number_##op(x, y, s));                                                      \
    }
#define CONVERT(T, U)                                                                              \
    U T##_to_##U(T a, struct fp_status *s)                                                         \
    {                                                                                              \
        return U##_of_bits(convert(bits_of_##T(a), &format_##T, &format_##U, s));                  \
    }

#define ARITHMETIC(T)                                                                              \
    BINARY(T, add)                                                                                 \
    BINARY(T, mul)                                                                                 \
    BINARY(T, rem)                                                                                 \
    T T##_sub(T a, T b, struct fp_status *s)                                                       \
    {                                                                                              \
        struct number x = UNPACK(T, a), y = UNPACK(T, b);                                          \
        if (!number_is_nan(&y)) {                                                                  \
            y.negative = !y.negative;                                                              \
        }                                                                                          \
        return PACK(T, number_add(x, y, s));                                                       \
    }                                                                                              \
    T T##_div(T a, T b, struct fp_status *s)                                                       \
    {                                                                                              \
        struct number x = UNPACK(T, a), y = UNPACK(T, b);                                          \
        return PACK(T, number_div(x, y, format_##T.fraction_bits + 3, s));                         \
    }                                                                                              \
    T T##_sqrt(T a, struct fp_status *s)                                                           \
    {                                                                                              \
        return PACK(T, number_sqrt(UNPACK(T, a), format_##T.fraction_bits + 3, s));                \
    }                                                                                              \
    T T##_fma(T a, T b, T c, unsigned negate, struct fp_status *s)                                 \
    {                                                                                              \
        struct number x = UNPACK(T, a), y = UNPACK(T, b), z = UNPACK(T, c);                        \
        return PACK(T, number_fma(x, y, z, negate, s));                                            \
    }                                                                                              \
    T T##_minmax(T a, T b, unsigned kind, struct fp_status *s)                                     \
    {                                                                                              \
        struct number x = UNPACK(T, a), y = UNPACK(T, b);                                          \
        return PACK(T, number_minmax(x, y, kind, s));                                              \
    }                                                                                              \
    T T##_scale(T a, int exponent, struct fp_status *s)                                            \
    {                                                                                              \
        return PACK(T, scale_number(UNPACK(T, a), exponent, s));                                   \
    }

#define COMPARISONS(T)                                                                             \
    enum fp_order T##_compare(T a, T b, struct fp_status *s)                                       \
    {                                                                                              \
        struct number x = UNPACK(T, a), y = UNPACK(T, b);                                          \
        return number_compare(x, y, false, s);                                                     \
    }                                                                                              \
    enum fp_order T##_compare_quiet(T a, T b, struct fp_status *s)                                 \
    {                                                                                              \
        struct number x = UNPACK(T, a), y = UNPACK(T, b);                                          \
        return number_compare(x, y, true, s);                                                      \
    }                                                                                              \
    T T##_default_nan(const struct fp_status *s)                                                   \
    {                                                                                              \
        return T##_of_bits(number_default_nan_bits(&format_##T, s));                               \
    }                                                                                              \
    T T##_quiet(T a, struct fp_status *s)                                                          \
    {                                                                                              \
        return PACK(T, number_nan1(UNPACK(T, a), s));                                              \
    }                                                                                              \
    enum fp_class T##_class(T a, const struct fp_status *s)                                        \
    {                                                                                              \
        return classify(bits_of_##T(a), &format_##T, s);                                           \
    }

#define CONVERSIONS(T)                                                                             \
    CONVERT(T, f16)                                                                                \
    CONVERT(T, f32)                                                                                \
    CONVERT(T, f64)                                                                                \
    CONVERT(T, f80)                                                                                \
    CONVERT(T, f128)                                                                               \
    T T##_round_to_int(T a, enum fp_rounding rounding, bool exact, struct fp_status *s)            \
    {                                                                                              \
        return T##_of_bits(round_to_int(bits_of_##T(a), &format_##T, rounding, exact, s));         \
    }                                                                                              \
    int64_t T##_to_int(T a, unsigned bits, int scale, enum fp_rounding rounding,                   \
                       struct fp_status *s)                                                        \
    {                                                                                              \
        return number_to_int(UNPACK(T, a), bits, clamp_scale(scale), rounding, s);                 \
    }                                                                                              \
    uint64_t T##_to_uint(T a, unsigned bits, int scale, enum fp_rounding rounding,                 \
                         struct fp_status *s)                                                      \
    {                                                                                              \
        return number_to_uint(UNPACK(T, a), bits, clamp_scale(scale), rounding, s);                \
    }                                                                                              \
    T T##_from_int(int64_t value, int scale, struct fp_status *s)                                  \
    {                                                                                              \
        uint64_t magnitude = value < 0 ? -(uint64_t)value : value;                                 \
        return PACK(T, number_from_uint(magnitude, value < 0, clamp_scale(scale)));                \
    }                                                                                              \
    T T##_from_uint(uint64_t value, int scale, struct fp_status *s)                                \
    {                                                                                              \
        return PACK(T, number_from_uint(value, false, clamp_scale(scale)));                        \
    }

FP_FORMATS(ARITHMETIC)
FP_FORMATS(COMPARISONS)
FP_FORMATS(CONVERSIONS)

f32 f16_alternative_to_f32(f16 a, struct fp_status *s)
{
    return convert(a, &format_f16_alternative, &format_f32, s);
}

f64 f16_alternative_to_f64(f16 a, struct fp_status *s)
{
    return convert(a, &format_f16_alternative, &format_f64, s);
}

f16 f32_to_f16_alternative(f32 a, struct fp_status *s)
{
    return convert(a, &format_f32, &format_f16_alternative, s);
}

f16 f64_to_f16_alternative(f64 a, struct fp_status *s)
{
    return convert(a, &format_f64, &format_f16_alternative, s);
}
