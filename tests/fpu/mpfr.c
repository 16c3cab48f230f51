/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All five formats against MPFR: results and flags in six roundings, tininess before and after.
 *
 * MPFR computes a few bits more than the format has, truncated, with the last bit set when
 * something was cut off; scaled so that the last place of the format is 1, its own rounding to
 * integers follows.
 */
#include "tests/fpu/values.h"

#if __has_include(<mpfr.h>)
#include <gmp.h>
#include <mpfr.h>

struct shape {
    const char *name;
    unsigned exponent_bits, field_bits, precision;
};
static const struct shape shapes[] = {
    { "f16", 5, 10, 11 }, { "f32", 8, 23, 24 }, { "f64", 11, 52, 53 }, { "f80", 15, 64, 64 },
    { "f128", 15, 112, 113 }
};
enum { ADD, SUB, MUL, DIV, SQRT, FMA, REM, RINT, INTEGER, OPS };
static const char *const op_names[] = {
    "add", "sub", "mul", "div", "sqrt", "fma", "rem", "round_to_int", "from_int"
};

struct expected {
    f128 bits;
    uint32_t flags;
};

static mpfr_t x, y, z, value;

static int bias(const struct shape *shape)
{
    return (1 << (shape->exponent_bits - 1)) - 1;
}

/* Finite values only; false otherwise. */
static bool to_mpfr(mpfr_t to, const struct shape *shape, f128 bits)
{
    unsigned all = (1u << shape->exponent_bits) - 1;
    unsigned biased = bits >> shape->field_bits & all;
    f128 field = bits & (((f128)1 << shape->field_bits) - 1);
    bool negative = bits >> (shape->field_bits + shape->exponent_bits) & 1;
    uint64_t words[2];
    mpz_t integer;

    if (biased == all || (shape->field_bits == 64 && biased && !(field >> 63))) {
        return false;
    }
    if (biased && shape->field_bits != 64) {
        field |= (f128)1 << shape->field_bits;
    }
    words[0] = field;
    words[1] = field >> 64;
    mpz_init(integer);
    mpz_import(integer, 2, -1, sizeof(words[0]), 0, 0, words);
    mpfr_set_z_2exp(to, integer, (long)(biased ? biased : 1) - bias(shape) - shape->precision + 1,
                    MPFR_RNDN);
    mpz_clear(integer);
    if (negative) {
        mpfr_neg(to, to, MPFR_RNDN);
    }
    return true;
}

static void rint_as(mpfr_t v, unsigned rounding)
{
    switch (rounding) {
    case FP_NEAREST_EVEN: mpfr_rint(v, v, MPFR_RNDN); break;
    case FP_NEAREST_AWAY: mpfr_round(v, v); break;
    case FP_DOWN: mpfr_floor(v, v); break;
    case FP_UP: mpfr_ceil(v, v); break;
    case FP_ZERO: mpfr_trunc(v, v); break;
    default: {
        mpfr_t whole;

        mpfr_init2(whole, mpfr_get_prec(v));
        mpfr_trunc(whole, v);
        if (mpfr_cmp(whole, v)) {
            mpz_t odd;

            mpz_init(odd);
            mpfr_get_z(odd, whole, MPFR_RNDZ);
            if (mpz_even_p(odd)) {
                mpfr_add_si(whole, whole, mpfr_signbit(v) ? -1 : 1, MPFR_RNDN);
            }
            mpz_clear(odd);
        }
        mpfr_set(v, whole, MPFR_RNDN);
        mpfr_clear(whole);
    }
    }
}

static f128 assemble(const struct shape *shape, bool negative, unsigned biased, f128 significand)
{
    f128 field = significand & (((f128)1 << shape->field_bits) - 1);

    return (f128)negative << (shape->field_bits + shape->exponent_bits) |
        (f128)biased << shape->field_bits | field;
}

static struct expected overflow(const struct shape *shape, bool negative, unsigned rounding)
{
    unsigned all = (1u << shape->exponent_bits) - 1;
    bool infinite = rounding == FP_NEAREST_EVEN || rounding == FP_NEAREST_AWAY ||
        rounding == (negative ? FP_DOWN : FP_UP);
    f128 top = (f128)1 << (shape->precision - 1);

    return (struct expected){
        infinite ? assemble(shape, negative, all, top)
                 : assemble(shape, negative, all - 1, ~(f128)0),
        FP_OVERFLOW | FP_INEXACT
    };
}

/* Rounds `value`, which is not zero, to the shape. */
static struct expected round_value(const struct shape *shape, unsigned rounding, bool tiny_after)
{
    bool negative = mpfr_signbit(value), inexact, tiny;
    int emin = 1 - bias(shape), p = shape->precision;
    long e = mpfr_get_exp(value) - 1, last = (e < emin ? emin : e) - p + 1;
    f128 integer = 0;
    mpfr_t whole;
    mpz_t z128;

    tiny = e < emin;
    mpfr_init2(whole, mpfr_get_prec(value) + 4);
    if (tiny && tiny_after) {
        mpfr_mul_2si(whole, value, -(e - p + 1), MPFR_RNDN);
        rint_as(whole, rounding);
        mpfr_mul_2si(whole, whole, e - p + 1, MPFR_RNDN);
        tiny = mpfr_get_exp(whole) - 1 < emin;
    }
    mpfr_mul_2si(whole, value, -last, MPFR_RNDN);
    mpfr_mul_2si(value, value, -last, MPFR_RNDN);
    rint_as(whole, rounding);
    inexact = mpfr_cmp(whole, value) != 0;
    mpz_init(z128);
    mpfr_get_z(z128, whole, MPFR_RNDZ);
    mpz_export(&integer, NULL, -1, sizeof(uint64_t), 0, 0, z128);
    mpz_clear(z128);
    mpfr_clear(whole);
    if (integer >> p) {
        integer >>= 1;
        last++;
    }
    if (last + p - 1 > bias(shape)) {
        return overflow(shape, negative, rounding);
    }
    return (struct expected){
        assemble(shape, negative, integer >> (p - 1) ? last + p - 1 + bias(shape) : 0, integer),
        (inexact ? FP_INEXACT : 0) | (tiny ? FP_TINY : 0) | (tiny && inexact ? FP_UNDERFLOW : 0)
    };
}

/* The truncated result with its gathering last bit, in `value`; false: not to be tested. */
static bool compute(unsigned op, int64_t integer, unsigned rounding)
{
    int inexact = 0;

    switch (op) {
    case ADD: inexact = mpfr_add(value, x, y, MPFR_RNDZ); break;
    case SUB: inexact = mpfr_sub(value, x, y, MPFR_RNDZ); break;
    case MUL: inexact = mpfr_mul(value, x, y, MPFR_RNDZ); break;
    case DIV:
        if (mpfr_zero_p(y)) {
            return false;
        }
        inexact = mpfr_div(value, x, y, MPFR_RNDZ);
        break;
    case SQRT:
        mpfr_abs(x, x, MPFR_RNDN);
        inexact = mpfr_sqrt(value, x, MPFR_RNDZ);
        break;
    case FMA: inexact = mpfr_fma(value, x, y, z, MPFR_RNDZ); break;
    case REM:
        if (mpfr_zero_p(x) || mpfr_zero_p(y) || labs(mpfr_get_exp(x) - mpfr_get_exp(y)) > 3000) {
            return false;
        }
        mpfr_remainder(value, x, y, MPFR_RNDZ);
        break;
    case RINT:
        mpfr_set(value, x, MPFR_RNDN);
        rint_as(value, rounding);
        break;
    default: inexact = mpfr_set_sj(value, integer, MPFR_RNDZ); break;
    }
    if (mpfr_zero_p(value)) {
        return false;                /* signs of zeros are the SSE test's */
    }
    if (inexact) {                   /* all bits were used: the last one may be set */
        mpfr_prec_t precision = mpfr_get_prec(value);

        mpfr_prec_round(value, precision + 1, MPFR_RNDN);
        mpfr_t half;
        mpfr_init2(half, 2);
        mpfr_set_si_2exp(half, mpfr_signbit(value) ? -1 : 1,
                         mpfr_get_exp(value) - precision - 1, MPFR_RNDN);
        mpfr_add(value, value, half, MPFR_RNDN);
        mpfr_clear(half);
    }
    return true;
}

#define CALL(T, LOAD, BITS)                                                                        \
    static f128 call_##T(unsigned op, f128 a, f128 b, f128 c, int64_t integer,                     \
                         struct fp_status *s)                                                      \
    {                                                                                              \
        switch (op) {                                                                              \
        case ADD: return BITS(T##_add(LOAD(a), LOAD(b), s));                                       \
        case SUB: return BITS(T##_sub(LOAD(a), LOAD(b), s));                                       \
        case MUL: return BITS(T##_mul(LOAD(a), LOAD(b), s));                                       \
        case DIV: return BITS(T##_div(LOAD(a), LOAD(b), s));                                       \
        case SQRT: return BITS(T##_sqrt(LOAD(a), s));                                              \
        case FMA: return BITS(T##_fma(LOAD(a), LOAD(b), LOAD(c), 0, s));                           \
        case REM: return BITS(T##_rem(LOAD(a), LOAD(b), s));                                       \
        case RINT: return BITS(T##_round_to_int(LOAD(a), s->rounding, true, s));                   \
        default: return BITS(T##_from_int(integer, 0, s));                                         \
        }                                                                                          \
    }
#define PLAIN(x) (x)
CALL(f16, PLAIN, PLAIN)
CALL(f32, PLAIN, PLAIN)
CALL(f64, PLAIN, PLAIN)
CALL(f128, PLAIN, PLAIN)
#define LOAD80(x) ((f80){ (x), (x) >> 64 })
static f128 bits80(f80 v)
{
    return (f128)v.exponent << 64 | v.significand;
}
CALL(f80, LOAD80, bits80)

static f128 (*const calls[])(unsigned, f128, f128, f128, int64_t, struct fp_status *) = {
    call_f16, call_f32, call_f64, call_f80, call_f128
};

static void print_bits(const char *name, f128 v)
{
    printf("# %s %016llx%016llx\n", name, (long long)(v >> 64), (long long)v);
}

static bool run(unsigned which, unsigned op, struct operation *result)
{
    const struct shape *shape = &shapes[which];
    static struct fp_rules rules[2];
    unsigned e = shape->exponent_bits, f = shape->field_bits;
    f128 a = random_value(e, f, random64()), b = random_value(e, f, a), c = random_value(e, f, b);
    int64_t integer = random_integer();
    bool after = random64() & 1;
    struct fp_status s = { .rules = &rules[after], .rounding = random64() % 6 };
    struct expected want;
    f128 got;

    rules[after].tiny_after = after;
    if (op == SQRT) {
        a &= ~((f128)1 << (e + f));
    }
    mpfr_set_prec(value, shape->precision + (op == RINT || op == INTEGER ? 64 : 3));
    if (!to_mpfr(x, shape, a) || !to_mpfr(y, shape, b) || !to_mpfr(z, shape, c) ||
        !compute(op, integer, s.rounding)) {
        return false;
    }
    want = round_value(shape, s.rounding, after);
    if (op == RINT) {
        want.flags |= mpfr_integer_p(x) ? 0 : FP_INEXACT;
    }
    got = calls[which](op, a, b, c, integer, &s);
    s.flags &= ~(FP_ROUNDED_UP | FP_DENORMAL);
    if (report(result, got == want.bits && s.flags == want.flags)) {
        printf("# %s_%s rounding %u after %d: flags %x, want %x\n", shape->name, op_names[op],
               s.rounding, after, s.flags, want.flags);
        print_bits("a", a);
        print_bits("b", b);
        print_bits("c", c);
        print_bits("got ", got);
        print_bits("want", want.bits);
    }
    return true;
}

int main(int argc, char **argv)
{
    unsigned long count = test_count(argc, argv, 3000), total = 0;

    mpfr_set_emin(-200000);
    mpfr_set_emax(200000);
    mpfr_inits2(128, x, y, z, value, (mpfr_ptr)0);
    for (unsigned i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        for (unsigned op = 0; op < OPS; op++) {
            struct operation result = { 0 };

            while (result.cases < count) {
                run(i, op, &result);
            }
            total += count;
            ok(!result.wrong, "%s_%s: %lu of %lu cases differ from MPFR", shapes[i].name,
               op_names[op], result.wrong, count);
        }
    }
    printf("# %lu cases\n", total);
    mpfr_clears(x, y, z, value, (mpfr_ptr)0);
    mpfr_free_cache();
    return tap_done();
}
#else
int main(void)
{
    printf("1..0 # SKIP built without MPFR (Debian: apt-get install libmpfr-dev)\n");
    return 0;
}
#endif
