/* SPDX-License-Identifier: GPL-2.0-or-later */
/* NaNs: which of several is the result, and what each architecture says about it. */
#include <stddef.h>

#include "fpu/number.h"

const struct fp_rules fp_rules_arm = {
    .choice = FP_NAN_SIGNALING_FIRST, .order3 = { 2, 0, 1 }, .inf_zero = FP_INF_ZERO_DEFAULT,
    .nan_integer = FP_NAN_TO_ZERO,
};
const struct fp_rules fp_rules_x86 = {
    .choice = FP_NAN_FIRST, .order3 = { 0, 1, 2 }, .inf_zero = FP_INF_ZERO_QUIET,
    .default_negative = true, .tiny_after = true, .flush_is_inexact = true,
    .nan_integer = FP_NAN_TO_MIN, .out_of_range = FP_RANGE_MIN,
};
const struct fp_rules fp_rules_x87 = {
    .choice = FP_NAN_LARGER, .order3 = { 0, 1, 2 },
    .default_negative = true, .tiny_after = true,
    .nan_integer = FP_NAN_TO_MIN, .out_of_range = FP_RANGE_MIN,
};
const struct fp_rules fp_rules_mips = {
    .choice = FP_NAN_SIGNALING_FIRST, .order3 = { 0, 1, 2 }, .inf_zero = FP_INF_ZERO_DEFAULT,
    .quiet_is_zero = true, .default_all_ones = true, .tiny_after = true,
    .nan_integer = FP_NAN_TO_MAX, .out_of_range = FP_RANGE_MAX,
};
const struct fp_rules fp_rules_mips2008 = {
    .choice = FP_NAN_SIGNALING_FIRST, .order3 = { 2, 0, 1 }, .inf_zero = FP_INF_ZERO_INVALID,
    .tiny_after = true, .nan_integer = FP_NAN_TO_ZERO,
};
const struct fp_rules fp_rules_ppc = {
    .choice = FP_NAN_FIRST, .order3 = { 0, 2, 1 }, .inf_zero = FP_INF_ZERO_INVALID,
    .nan_integer = FP_NAN_TO_MIN,
};
const struct fp_rules fp_rules_sparc = {
    .choice = FP_NAN_SIGNALING_FIRST, .second_first = true, .order3 = { 2, 1, 0 },
    .inf_zero = FP_INF_ZERO_INVALID, .default_all_ones = true, .nan_integer = FP_NAN_BY_SIGN,
};
const struct fp_rules fp_rules_sh = {
    .choice = FP_NAN_DEFAULT, .order3 = { 0, 1, 2 }, .inf_zero = FP_INF_ZERO_DEFAULT,
    .quiet_is_zero = true, .default_all_ones = true, .nan_integer = FP_NAN_TO_MIN,
};
const struct fp_rules fp_rules_alpha = {
    .choice = FP_NAN_FIRST, .second_first = true, .order3 = { 2, 1, 0 },
    .default_negative = true, .tiny_after = true, .nan_integer = FP_NAN_TO_ZERO,
};

struct number number_default_nan(const struct fp_status *s)
{
    const struct fp_rules *rules = s->rules;
    u128 fraction = rules->default_all_ones ? QUIET_BIT * 2 - 1 : QUIET_BIT;

    if (rules->quiet_is_zero) {
        fraction = QUIET_BIT - 1;
    }
    return (struct number){
        .kind = QUIET, .negative = rules->default_negative, .significand = U128_TOP | fraction
    };
}

struct number number_invalid(uint32_t why, struct fp_status *s)
{
    s->flags |= FP_INVALID | why;
    return number_default_nan(s);
}

static struct number quieten(struct number n, const struct fp_status *s)
{
    if (n.kind == UNSUPPORTED || s->default_nan || s->rules->choice == FP_NAN_DEFAULT ||
        (n.kind == SIGNALING && s->rules->quiet_is_zero)) {
        return number_default_nan(s);
    }
    n.kind = QUIET;
    n.significand |= s->rules->quiet_is_zero ? 0 : QUIET_BIT;
    return n;
}

static void note_signaling(const struct number *n, struct fp_status *s)
{
    if (n->kind >= SIGNALING) {
        s->flags |= FP_INVALID | FP_INVALID_SNAN;
    }
}

struct number number_nan1(struct number a, struct fp_status *s)
{
    note_signaling(&a, s);
    return quieten(a, s);
}

/* The first of these operands that is at least of that kind, or NULL. */
static const struct number *first_of(const struct number *const *n, unsigned count, int kind)
{
    for (unsigned i = 0; i < count; i++) {
        if (n[i]->kind >= kind) {
            return n[i];
        }
    }
    return NULL;
}

/* x87: a quiet NaN before a signaling one, then the larger significand, then the positive one. */
static const struct number *larger(const struct number *a, const struct number *b)
{
    if (!number_is_nan(a) || !number_is_nan(b)) {
        return number_is_nan(a) ? a : b;
    }
    if (a->kind != b->kind) {
        return a->kind == QUIET ? a : b;
    }
    if (a->significand != b->significand) {
        return a->significand > b->significand ? a : b;
    }
    return a->negative ? b : a;
}

static struct number choose(const struct number *const *n, unsigned count, struct fp_status *s)
{
    const struct number *chosen = first_of(n, count, UNSUPPORTED);

    for (unsigned i = 0; i < count; i++) {
        note_signaling(n[i], s);
    }
    if (!chosen && s->rules->choice == FP_NAN_LARGER) {
        chosen = larger(n[0], n[1]);
    }
    if (!chosen && s->rules->choice == FP_NAN_SIGNALING_FIRST) {
        chosen = first_of(n, count, SIGNALING);
    }
    if (!chosen) {
        chosen = first_of(n, count, QUIET);
    }
    return quieten(*chosen, s);
}

struct number number_nan2(struct number a, struct number b, struct fp_status *s)
{
    const struct number *n[] = { &a, &b };

    if (s->rules->second_first) {
        n[0] = &b;
        n[1] = &a;
    }
    return choose(n, 2, s);
}

struct number number_nan3(struct number a, struct number b, struct number c, bool inf_times_zero,
                          struct fp_status *s)
{
    const struct number *operands[] = { &a, &b, &c };
    const struct number *n[3];
    struct number result;

    for (unsigned i = 0; i < 3; i++) {
        n[i] = operands[s->rules->order3[i]];
    }
    result = choose(n, 3, s);
    if (inf_times_zero && s->rules->inf_zero != FP_INF_ZERO_QUIET) {
        s->flags |= FP_INVALID | FP_INVALID_INF_TIMES_ZERO;
        if (s->rules->inf_zero == FP_INF_ZERO_DEFAULT && c.kind == QUIET) {
            return number_default_nan(s);
        }
    }
    return result;
}
