/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Order of numbers, minimum and maximum. */
#include "fpu/number.h"

/* Order without signs: zero, finite by exponent and significand, infinite. */
static int compare_magnitudes(const struct number *a, const struct number *b)
{
    if (a->kind != b->kind) {
        return a->kind < b->kind ? -1 : 1;
    }
    if (a->kind != FINITE) {
        return 0;
    }
    if (a->exponent != b->exponent) {
        return a->exponent < b->exponent ? -1 : 1;
    }
    return (a->significand > b->significand) - (a->significand < b->significand);
}

static int compare_numbers(const struct number *a, const struct number *b)
{
    int order;

    if (a->kind == ZERO && b->kind == ZERO) {
        return 0;
    }
    if (a->negative != b->negative) {
        return a->negative ? -1 : 1;
    }
    order = compare_magnitudes(a, b);
    return a->negative ? -order : order;
}

enum fp_order number_compare(struct number a, struct number b, bool quiet, struct fp_status *s)
{
    if (number_is_nan(&a) || number_is_nan(&b)) {
        bool signaling = a.kind >= SIGNALING || b.kind >= SIGNALING;

        if (signaling || !quiet) {
            s->flags |= FP_INVALID | (signaling ? FP_INVALID_SNAN : 0) |
                (quiet ? 0 : FP_INVALID_COMPARE);
        }
        return FP_UNORDERED;
    }
    number_note_subnormal(&a, &b, s);
    return compare_numbers(&a, &b);
}

struct number number_minmax(struct number a, struct number b, unsigned kind, struct fp_status *s)
{
    int order = 0;

    if (number_is_nan(&a) || number_is_nan(&b)) {
        if (kind & FP_NUMBER && a.kind == QUIET && !number_is_nan(&b)) {
            return b;
        }
        if (kind & FP_NUMBER && b.kind == QUIET && !number_is_nan(&a)) {
            return a;
        }
        return number_nan2(a, b, s);
    }
    number_note_subnormal(&a, &b, s);
    if (kind & FP_MAGNITUDE) {
        order = compare_magnitudes(&a, &b);
    }
    if (!order) {
        order = compare_numbers(&a, &b);
    }
    if (!order) {
        order = b.negative - a.negative;    /* zeros */
    }
    return (kind & FP_MAX ? order > 0 : order < 0) ? a : b;
}
