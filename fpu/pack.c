/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From bits to numbers and back: the only place that rounds to a format. */
#include "fpu/number.h"

static u128 mask(unsigned bits)
{
    return ((u128)1 << bits) - 1;
}

static struct number unpack_nan(struct number n, const struct fp_status *s)
{
    bool top = (n.significand & QUIET_BIT) != 0;

    n.kind = top != s->rules->quiet_is_zero ? QUIET : SIGNALING;
    n.significand |= U128_TOP;
    return n;
}

static struct number unpack_subnormal(struct number n, const struct format *f, struct fp_status *s)
{
    unsigned shift;

    if (s->flush_inputs) {
        s->flags |= FP_INPUT_FLUSHED;
        n.kind = ZERO;
        n.significand = 0;
        return n;
    }
    shift = u128_clz(n.significand);
    n.kind = FINITE;
    n.subnormal = true;
    n.exponent = 1 - FORMAT_BIAS(f) - (int)shift;
    n.significand <<= shift;
    return n;
}

struct number number_unpack(u128 bits, const struct format *f, struct fp_status *s)
{
    unsigned largest = mask(f->exponent_bits);
    unsigned biased = bits >> f->field_bits & largest;
    bool explicit = f->field_bits != f->fraction_bits;
    u128 field = bits & mask(f->field_bits);
    struct number n = {
        .negative = bits >> (f->field_bits + f->exponent_bits) & 1,
        .significand = field << (127 - f->fraction_bits),
        .exponent = (int)biased - FORMAT_BIAS(f),
    };

    if (biased == 0) {
        return n.significand ? unpack_subnormal(n, f, s) : n;
    }
    if (explicit && !(n.significand & U128_TOP)) {
        n.kind = UNSUPPORTED;
    } else if (biased == largest && !f->no_infinity) {
        if (n.significand << 1 && (!explicit || n.significand != U128_TOP)) {
            return unpack_nan(n, s);
        }
        n.kind = INFINITE;
    } else {
        n.kind = FINITE;
        n.significand |= U128_TOP;
    }
    return n;
}

void number_note_subnormal(const struct number *a, const struct number *b, struct fp_status *s)
{
    if (a->subnormal || b->subnormal) {
        s->flags |= FP_DENORMAL;
    }
}

/* --- rounding -------------------------------------------------------------------------------- */

static bool rounds_up(u128 rest, u128 half, bool odd, bool negative, unsigned rounding)
{
    switch (rounding) {
    case FP_NEAREST_EVEN: return rest > half || (rest == half && odd);
    case FP_NEAREST_AWAY: return rest >= half;
    case FP_UP: return rest && !negative;
    case FP_DOWN: return rest && negative;
    case FP_ODD: return rest && !odd;
    default: return false;
    }
}

struct rounded number_round(u128 value, unsigned shift, bool negative, unsigned rounding)
{
    u128 unit = (u128)1 << shift;
    u128 rest = value & (unit - 1);
    struct rounded r = { .value = value - rest, .inexact = rest != 0 };

    r.up = rounds_up(rest, unit >> 1, value & unit, negative, rounding);
    if (r.up) {
        r.value += unit;
    }
    return r;
}

/* --- packing --------------------------------------------------------------------------------- */

static u128 assemble(const struct format *f, bool negative, unsigned biased, u128 significand)
{
    u128 field = significand >> (127 - f->fraction_bits) & mask(f->field_bits);

    return (u128)negative << (f->field_bits + f->exponent_bits) | (u128)biased << f->field_bits |
        field;
}

static u128 pack_nan(struct number n, const struct format *f, const struct fp_status *s)
{
    unsigned largest = mask(f->exponent_bits);
    u128 fraction = n.significand << 1 >> (128 - f->fraction_bits);

    if (f->no_infinity) {
        return assemble(f, n.negative, 0, 0);
    }
    if (fraction == 0) {
        n = number_default_nan(s);   /* all that made it a NaN was cut off */
    }
    return assemble(f, n.negative, largest, n.significand | U128_TOP);
}

static u128 pack_infinity(const struct format *f, bool negative)
{
    unsigned largest = mask(f->exponent_bits);

    if (f->no_infinity) {
        return assemble(f, negative, largest, ~(u128)0);
    }
    return assemble(f, negative, largest, U128_TOP);
}

static bool overflows_to_infinity(bool negative, unsigned rounding)
{
    switch (rounding) {
    case FP_UP: return !negative;
    case FP_DOWN: return negative;
    case FP_ZERO:
    case FP_ODD: return false;
    default: return true;
    }
}

static u128 pack_overflow(const struct format *f, bool negative, unsigned shift,
                          struct fp_status *s)
{
    if (f->no_infinity) {
        s->flags |= FP_INVALID | FP_INVALID_CONVERSION;
        return pack_infinity(f, negative);
    }
    s->flags |= FP_OVERFLOW | FP_INEXACT;
    if (overflows_to_infinity(negative, s->rounding)) {
        s->flags |= FP_ROUNDED_UP;
        return pack_infinity(f, negative);
    }
    return assemble(f, negative, mask(f->exponent_bits) - 1, ~(u128)0 << shift);
}

/* The bit of the significand that is the last one of the result. */
static unsigned last_bit(const struct format *f, const struct fp_status *s)
{
    bool x87 = f->field_bits != f->fraction_bits;

    return x87 && s->f80_precision ? 128 - s->f80_precision : 127 - f->fraction_bits;
}

/* Whether a number below the smallest normal one counts as tiny. */
static bool is_tiny(const struct number *n, int biased, unsigned shift, const struct fp_status *s)
{
    struct rounded r;

    if (!s->rules->tiny_after || biased < 0) {
        return true;
    }
    r = number_round(n->significand, shift, n->negative, s->rounding);
    return r.value != 0;             /* a carry made it the smallest normal number */
}

static u128 flushed(const struct format *f, bool negative, struct fp_status *s)
{
    s->flags |= FP_UNDERFLOW | FP_OUTPUT_FLUSHED | FP_TINY |
        (s->rules->flush_is_inexact ? FP_INEXACT : 0);
    return assemble(f, negative, 0, 0);
}

static u128 pack_finite(struct number n, const struct format *f, struct fp_status *s)
{
    int biased = n.exponent + FORMAT_BIAS(f);
    int largest = mask(f->exponent_bits);
    unsigned shift = last_bit(f, s);
    struct rounded r;

    if (biased <= 0) {
        bool tiny = is_tiny(&n, biased, shift, s);

        if (tiny && s->flush_outputs) {
            return flushed(f, n.negative, s);
        }
        s->flags |= tiny ? FP_TINY : 0;
        n.significand = u128_shift_jam(n.significand, 1 - biased);
        r = number_round(n.significand, shift, n.negative, s->rounding);
        s->flags |= tiny && r.inexact ? FP_UNDERFLOW : 0;
        biased = r.value & U128_TOP ? 1 : 0;
    } else {
        r = number_round(n.significand, shift, n.negative, s->rounding);
        if (r.value == 0) {
            r.value = U128_TOP;
            biased++;
        }
        if (biased >= largest + f->no_infinity) {
            return pack_overflow(f, n.negative, shift, s);
        }
    }
    s->flags |= (r.inexact ? FP_INEXACT : 0) | (r.up ? FP_ROUNDED_UP : 0);
    return assemble(f, n.negative, biased, r.value);
}

u128 number_pack(struct number n, const struct format *f, struct fp_status *s)
{
    s->flags &= ~FP_ROUNDED_UP;
    switch (n.kind) {
    case ZERO:
        return assemble(f, n.negative, 0, 0);
    case FINITE:
        return pack_finite(n, f, s);
    case INFINITE:
        s->flags |= f->no_infinity ? FP_INVALID | FP_INVALID_CONVERSION : 0;
        return pack_infinity(f, n.negative);
    default:
        s->flags |= f->no_infinity ? FP_INVALID | FP_INVALID_CONVERSION : 0;
        return pack_nan(n, f, s);
    }
}

u128 number_default_nan_bits(const struct format *f, const struct fp_status *s)
{
    return pack_nan(number_default_nan(s), f, s);
}
