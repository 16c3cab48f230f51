/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers and integers. */
#include "fpu/number.h"

/* The integer part with two bits of fraction, the last of which stands for all further ones. The
 * exponent is below 126. */
static u128 fixed_point(const struct number *a)
{
    return u128_shift_jam(a->significand, 125 - a->exponent);
}

struct number number_round_to_int(struct number a, unsigned fraction_bits, unsigned rounding,
                                  uint32_t *flags)
{
    struct rounded r;
    unsigned shift;

    *flags = 0;
    if (a.kind != FINITE || a.exponent >= (int)fraction_bits) {
        return a;
    }
    r = number_round(fixed_point(&a), 2, a.negative, rounding);
    *flags = (r.inexact ? FP_INEXACT : 0) | (r.up ? FP_ROUNDED_UP : 0);
    if (!r.value) {
        return (struct number){ .kind = ZERO, .negative = a.negative };
    }
    shift = u128_clz(r.value);
    a.significand = r.value << shift;
    a.exponent = 125 - (int)shift;
    return a;
}

/* The magnitude of the rounded value, or false when it needs more than 64 bits. */
static bool magnitude(struct number *a, int scale, unsigned rounding, uint64_t *value,
                      bool *inexact)
{
    struct rounded r;

    *value = 0;
    *inexact = false;
    if (a->kind == ZERO) {
        return true;
    }
    a->exponent += scale;
    if (a->kind != FINITE || a->exponent > 63) {
        return false;
    }
    r = number_round(fixed_point(a), 2, a->negative, rounding);
    *inexact = r.inexact;
    *value = r.value >> 2;
    return r.value >> 66 == 0;
}

/* What stands for a value that does not fit: least, most, or what the rules say. */
static uint64_t misfit(const struct number *a, uint64_t least, uint64_t most, uint64_t indefinite,
                       struct fp_status *s)
{
    const struct fp_rules *rules = s->rules;

    s->flags |= FP_INVALID | FP_INVALID_CONVERSION |
        (a->kind >= SIGNALING ? FP_INVALID_SNAN : 0);
    if (number_is_nan(a)) {
        switch (rules->nan_integer) {
        case FP_NAN_TO_ZERO: return 0;
        case FP_NAN_TO_MIN: return indefinite;
        case FP_NAN_TO_MAX: return most;
        default: return a->negative ? least : most;
        }
    }
    switch (rules->out_of_range) {
    case FP_RANGE_MIN: return indefinite;
    case FP_RANGE_MAX: return most;
    default: return a->negative ? least : most;
    }
}

int64_t number_to_int(struct number a, unsigned bits, int scale, unsigned rounding,
                      struct fp_status *s)
{
    uint64_t most = ((uint64_t)1 << (bits - 1)) - 1, least = ~most, value;
    bool inexact, fits = magnitude(&a, scale, rounding, &value, &inexact);

    if (!fits || value > most + a.negative) {
        return misfit(&a, least, most, least, s);
    }
    s->flags |= inexact ? FP_INEXACT : 0;
    return a.negative ? -value : value;
}

uint64_t number_to_uint(struct number a, unsigned bits, int scale, unsigned rounding,
                        struct fp_status *s)
{
    uint64_t top = (uint64_t)1 << (bits - 1), most = top - 1 + top, value;
    bool inexact, fits = magnitude(&a, scale, rounding, &value, &inexact);

    if (!fits || (a.negative ? value != 0 : value > most)) {
        uint64_t indefinite = s->rules->out_of_range == FP_RANGE_MIN ? top : 0;

        /* An architecture whose "minimum" is that of the type saturates an unsigned NaN to 0. */
        return misfit(&a, 0, most, indefinite, s);
    }
    s->flags |= inexact ? FP_INEXACT : 0;
    return value;
}

struct number number_from_uint(uint64_t value, bool negative, int scale)
{
    unsigned shift;

    if (!value) {
        return (struct number){ .kind = ZERO };
    }
    shift = __builtin_clzll(value);
    return (struct number){
        .kind = FINITE, .negative = negative, .exponent = 63 - (int)shift + scale,
        .significand = (u128)(value << shift) << 64
    };
}
