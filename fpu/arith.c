/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addition, multiplication, both fused, division, square root, remainder: exact but for the last
 * bit of the significand, which says that something follows. */
#include "fpu/number.h"

/* A significand of 256 bits: the exact product of two numbers. */
struct wide {
    bool negative;
    int32_t exponent;
    u128 high, low;
};

static struct wide widen(const struct number *n)
{
    return (struct wide){ n->negative, n->exponent, n->significand, 0 };
}

static struct number narrow(struct wide w)
{
    return (struct number){
        .kind = FINITE, .negative = w.negative, .exponent = w.exponent,
        .significand = w.high | (w.low != 0)
    };
}

static void shift_right_jam(struct wide *w, unsigned count)
{
    if (count == 0) {
        return;
    }
    if (count >= 128) {
        w->low = u128_shift_jam(w->high, count - 128) | (w->low != 0);
        w->high = 0;
    } else {
        bool lost = w->low << (128 - count) != 0;

        w->low = w->low >> count | w->high << (128 - count) | lost;
        w->high >>= count;
    }
}

static void normalise(struct wide *w)
{
    unsigned shift;

    if (!w->high) {
        w->high = w->low;
        w->low = 0;
        w->exponent -= 128;
    }
    shift = u128_clz(w->high);
    if (shift) {
        w->high = w->high << shift | w->low >> (128 - shift);
        w->low <<= shift;
        w->exponent -= shift;
    }
}

static bool smaller(const struct wide *a, const struct wide *b)
{
    if (a->exponent != b->exponent) {
        return a->exponent < b->exponent;
    }
    return a->high != b->high ? a->high < b->high : a->low < b->low;
}

static struct number add_magnitudes(struct wide a, const struct wide *b)
{
    bool carry;

    a.low += b->low;
    carry = a.low < b->low;
    a.high += carry;
    carry = a.high < carry;
    a.high += b->high;
    carry |= a.high < b->high;
    if (carry) {
        shift_right_jam(&a, 1);
        a.high |= U128_TOP;
        a.exponent++;
    }
    return narrow(a);
}

static struct number zero(bool negative)
{
    return (struct number){ .kind = ZERO, .negative = negative };
}

/* a is not smaller. The sign of an exact zero follows the rounding. */
static struct number sub_magnitudes(struct wide a, const struct wide *b, const struct fp_status *s)
{
    a.high -= b->high + (a.low < b->low);
    a.low -= b->low;
    if (!a.high && !a.low) {
        return zero(s->rounding == FP_DOWN);
    }
    normalise(&a);
    return narrow(a);
}

static struct number add_finite(struct wide a, struct wide b, const struct fp_status *s)
{
    if (smaller(&a, &b)) {
        struct wide t = a;

        a = b;
        b = t;
    }
    shift_right_jam(&b, a.exponent - b.exponent);
    return a.negative == b.negative ? add_magnitudes(a, &b) : sub_magnitudes(a, &b, s);
}

/* Two numbers of which at least one is zero or infinite. */
static struct number add_special(struct number a, struct number b, struct fp_status *s)
{
    if (a.kind == INFINITE && b.kind == INFINITE && a.negative != b.negative) {
        return number_invalid(FP_INVALID_INF_MINUS_INF, s);
    }
    number_note_subnormal(&a, &b, s);
    if (a.kind == ZERO && b.kind == ZERO) {
        return zero(a.negative == b.negative ? a.negative : s->rounding == FP_DOWN);
    }
    return a.kind > b.kind ? a : b;
}

struct number number_add(struct number a, struct number b, struct fp_status *s)
{
    if (number_is_nan(&a) || number_is_nan(&b)) {
        return number_nan2(a, b, s);
    }
    if (a.kind != FINITE || b.kind != FINITE) {
        return add_special(a, b, s);
    }
    number_note_subnormal(&a, &b, s);
    return add_finite(widen(&a), widen(&b), s);
}

static struct wide mul_finite(const struct number *a, const struct number *b)
{
    uint64_t a1 = a->significand >> 64, a0 = a->significand;
    uint64_t b1 = b->significand >> 64, b0 = b->significand;
    u128 low = (u128)a0 * b0, high = (u128)a1 * b1;
    u128 cross1 = (u128)a1 * b0, cross2 = (u128)a0 * b1;
    u128 middle = (low >> 64) + (uint64_t)cross1 + (uint64_t)cross2;
    struct wide w = {
        .negative = a->negative != b->negative, .exponent = a->exponent + b->exponent + 1,
        .high = high + (cross1 >> 64) + (cross2 >> 64) + (middle >> 64),
        .low = middle << 64 | (uint64_t)low,
    };

    normalise(&w);
    return w;
}

struct number number_mul(struct number a, struct number b, struct fp_status *s)
{
    bool negative = a.negative != b.negative;

    if (number_is_nan(&a) || number_is_nan(&b)) {
        return number_nan2(a, b, s);
    }
    if (a.kind == FINITE && b.kind == FINITE) {
        number_note_subnormal(&a, &b, s);
        return narrow(mul_finite(&a, &b));
    }
    if (a.kind != FINITE && b.kind != FINITE && a.kind != b.kind) {
        return number_invalid(FP_INVALID_INF_TIMES_ZERO, s);
    }
    number_note_subnormal(&a, &b, s);
    if (a.kind == INFINITE || b.kind == INFINITE) {
        return (struct number){ .kind = INFINITE, .negative = negative };
    }
    return zero(negative);
}

/* The addend or an infinite product decides. */
static struct number fma_special(struct number a, struct number b, struct number c, bool negative,
                                 struct fp_status *s)
{
    struct number product = { .kind = INFINITE, .negative = negative };

    if (a.kind != INFINITE && b.kind != INFINITE) {
        product.kind = a.kind == ZERO || b.kind == ZERO ? ZERO : FINITE;
    }
    if (product.kind == INFINITE && c.kind == INFINITE && c.negative != negative) {
        return number_invalid(FP_INVALID_INF_MINUS_INF, s);
    }
    number_note_subnormal(&a, &b, s);
    number_note_subnormal(&c, &c, s);
    if (product.kind == FINITE && c.kind == ZERO) {
        product = narrow(mul_finite(&a, &b));
        product.negative = negative;
        return product;
    }
    if (product.kind == ZERO && c.kind == ZERO) {
        return zero(negative == c.negative ? negative : s->rounding == FP_DOWN);
    }
    return product.kind > c.kind ? product : c;
}

static struct number fma_number(struct number a, struct number b, struct number c,
                                unsigned negate, struct fp_status *s)
{
    bool negative = a.negative != b.negative;
    struct wide product;

    if (negate & FP_NEGATE_PRODUCT) {
        negative = !negative;
    }
    if (negate & FP_NEGATE_ADDEND) {
        c.negative = !c.negative;
    }
    if (a.kind != FINITE || b.kind != FINITE || c.kind != FINITE) {
        return fma_special(a, b, c, negative, s);
    }
    number_note_subnormal(&a, &b, s);
    number_note_subnormal(&c, &c, s);
    product = mul_finite(&a, &b);
    product.negative = negative;
    return add_finite(product, widen(&c), s);
}

struct number number_fma(struct number a, struct number b, struct number c, unsigned negate,
                         struct fp_status *s)
{
    bool inf_times_zero = (a.kind == INFINITE && b.kind == ZERO) ||
        (a.kind == ZERO && b.kind == INFINITE);
    struct number result;

    if (number_is_nan(&a) || number_is_nan(&b) || number_is_nan(&c)) {
        return number_nan3(a, b, c, inf_times_zero, s);
    }
    if (inf_times_zero) {
        return number_invalid(FP_INVALID_INF_TIMES_ZERO, s);
    }
    result = fma_number(a, b, c, negate, s);
    if (negate & FP_NEGATE_RESULT && !number_is_nan(&result)) {
        result.negative = !result.negative;
    }
    return result;
}

/* --- division and roots, a bit at a time ----------------------------------------------------- */

/* The next bit of a quotient: doubles the remainder and takes the divisor off if it fits. */
static inline bool divide_step(u128 *rest, u128 divisor)
{
    bool carry = *rest >> 127;

    *rest <<= 1;
    if (carry || *rest >= divisor) {
        *rest -= divisor;
        return true;
    }
    return false;
}

static struct number div_finite(const struct number *a, const struct number *b, unsigned bits)
{
    struct wide w = {
        .negative = a->negative != b->negative, .exponent = a->exponent - b->exponent
    };
    u128 rest = a->significand;

    if (rest >= b->significand) {
        rest -= b->significand;
        w.high = 1;
    }
    for (unsigned i = 0; i < bits; i++) {
        w.high = w.high << 1 | divide_step(&rest, b->significand);
    }
    w.high <<= 127 - bits;
    w.low = rest != 0;
    normalise(&w);
    w.high |= rest != 0;
    return narrow(w);
}

struct number number_div(struct number a, struct number b, unsigned bits, struct fp_status *s)
{
    bool negative = a.negative != b.negative;

    if (number_is_nan(&a) || number_is_nan(&b)) {
        return number_nan2(a, b, s);
    }
    if (a.kind == b.kind && a.kind != FINITE) {
        return number_invalid(a.kind == ZERO ? FP_INVALID_ZERO_OVER_ZERO
                                             : FP_INVALID_INF_OVER_INF, s);
    }
    if (b.kind == ZERO && a.kind == FINITE) {
        s->flags |= FP_DIVIDE_BY_ZERO;
        return (struct number){ .kind = INFINITE, .negative = negative };
    }
    number_note_subnormal(&a, &b, s);
    if (a.kind == FINITE && b.kind == FINITE) {
        return div_finite(&a, &b, bits);
    }
    if (a.kind == INFINITE || b.kind == ZERO) {
        return (struct number){ .kind = INFINITE, .negative = negative };
    }
    return zero(negative);
}

struct number number_sqrt(struct number a, unsigned bits, struct fp_status *s)
{
    u128 radicand, root = 0, rest = 0;

    if (number_is_nan(&a)) {
        return number_nan1(a, s);
    }
    if (a.kind != ZERO && a.negative) {
        return number_invalid(FP_INVALID_SQRT, s);
    }
    if (a.kind != FINITE) {
        return a;
    }
    number_note_subnormal(&a, &a, s);
    radicand = a.exponent & 1 ? a.significand : a.significand >> 1;
    for (unsigned i = 0; i < bits; i++) {
        u128 trial = root << 2 | 1;

        rest = rest << 2 | radicand >> 126;
        radicand <<= 2;
        root <<= 1;
        if (rest >= trial) {
            rest -= trial;
            root |= 1;
        }
    }
    return (struct number){
        .kind = FINITE, .exponent = (a.exponent - (a.exponent & 1)) / 2,
        .significand = root << (128 - bits) | (rest != 0 || radicand != 0)
    };
}

/* a - b * n with n the integer nearest to a / b, even if two are. */
static struct number rem_finite(struct number a, const struct number *b)
{
    u128 rest = a.significand, divisor = b->significand;
    bool odd = false;
    struct wide w = { .negative = a.negative, .exponent = b->exponent };

    if (a.exponent < b->exponent - 1) {
        return a;
    }
    if (a.exponent < b->exponent) {
        rest >>= 1;
    } else if (rest >= divisor) {
        rest -= divisor;
        odd = true;
    }
    for (int i = b->exponent; i < a.exponent; i++) {
        odd = divide_step(&rest, divisor);
    }
    if (rest > divisor - rest || (rest == divisor - rest && odd)) {
        rest = divisor - rest;
        w.negative = !w.negative;
    }
    if (!rest) {
        return zero(a.negative);
    }
    w.high = rest;
    normalise(&w);
    return narrow(w);
}

struct number number_rem(struct number a, struct number b, struct fp_status *s)
{
    if (number_is_nan(&a) || number_is_nan(&b)) {
        return number_nan2(a, b, s);
    }
    if (a.kind == INFINITE || b.kind == ZERO) {
        return number_invalid(FP_INVALID_ZERO_OVER_ZERO, s);
    }
    number_note_subnormal(&a, &b, s);
    return a.kind == FINITE && b.kind == FINITE ? rem_finite(a, &b) : a;
}
