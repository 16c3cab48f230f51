/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the architectures' manuals say about NaNs, integers, tininess and flushing. */
#include "fpu/fpu.h"
#include "tests/tap.h"

#define SNAN1 0x7f800001u
#define SNAN2 0xff800002u
#define QNAN1 0x7fc00011u
#define QNAN2 0xffc00022u
#define ONE 0x3f800000u
#define INF 0x7f800000u
#define TINY 0x00000001u

static struct fp_status status(const struct fp_rules *rules)
{
    return (struct fp_status){ .rules = rules };
}

static void test_two_nans(void)
{
    static const struct {
        const char *name;
        const struct fp_rules *rules;
        f32 a, b, sum;
    } rows[] = {
        { "arm: a signaling NaN goes first", &fp_rules_arm, QNAN1, SNAN2, SNAN2 | 0x400000 },
        { "arm: then the first operand", &fp_rules_arm, QNAN1, QNAN2, QNAN1 },
        { "x86: the first operand", &fp_rules_x86, QNAN1, SNAN2, QNAN1 },
        { "x87: the quiet one", &fp_rules_x87, SNAN2, QNAN1, QNAN1 },
        { "x87: the larger one", &fp_rules_x87, QNAN1, QNAN2, QNAN2 },
        { "ppc: the first operand", &fp_rules_ppc, SNAN1, QNAN2, SNAN1 | 0x400000 },
        { "sparc: the second operand", &fp_rules_sparc, QNAN1, QNAN2, QNAN2 },
        { "sparc: a signaling NaN goes first", &fp_rules_sparc, SNAN1, QNAN2, SNAN1 | 0x400000 },
        { "alpha: the second operand", &fp_rules_alpha, SNAN1, QNAN2, QNAN2 },
        { "mips: top bit clear is quiet", &fp_rules_mips, SNAN1, ONE, SNAN1 },
        { "mips: top bit set is signaling", &fp_rules_mips, QNAN1, ONE, 0x7fbfffff },
        { "sh: always the default NaN", &fp_rules_sh, SNAN1, ONE, 0x7fbfffff },
    };

    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fp_status s = status(rows[i].rules);

        is_int(f32_add(rows[i].a, rows[i].b, &s), rows[i].sum, rows[i].name);
    }
}

static void test_three_nans(void)
{
    static const struct {
        const char *name;
        const struct fp_rules *rules;
        f32 a, b, c, result;
        bool invalid;
    } rows[] = {
        { "arm: the addend first", &fp_rules_arm, QNAN1, ONE, QNAN2, QNAN2, false },
        { "arm: inf * 0 + quiet", &fp_rules_arm, INF, 0, QNAN2, 0x7fc00000, true },
        { "x86: inf * 0 + quiet", &fp_rules_x86, INF, 0, QNAN2, QNAN2, false },
        { "ppc: the addend before the second factor", &fp_rules_ppc, ONE, QNAN1, QNAN2, QNAN2,
          false },
        { "ppc: inf * 0 + quiet", &fp_rules_ppc, INF, 0, QNAN2, QNAN2, true },
        { "mips2008: inf * 0 + quiet", &fp_rules_mips2008, INF, 0, QNAN2, QNAN2, true },
    };

    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fp_status s = status(rows[i].rules);

        is_int(f32_fma(rows[i].a, rows[i].b, rows[i].c, 0, &s), rows[i].result, rows[i].name);
        is_int(s.flags & FP_INVALID, rows[i].invalid, "  invalid");
    }
}

static void test_default_nans(void)
{
    static const struct {
        const char *name;
        const struct fp_rules *rules;
        f32 single;
        f64 twice;
    } rows[] = {
        { "arm", &fp_rules_arm, 0x7fc00000, 0x7ff8000000000000 },
        { "x86", &fp_rules_x86, 0xffc00000, 0xfff8000000000000 },
        { "mips", &fp_rules_mips, 0x7fbfffff, 0x7ff7ffffffffffff },
        { "sparc", &fp_rules_sparc, 0x7fffffff, 0x7fffffffffffffff },
        { "sh", &fp_rules_sh, 0x7fbfffff, 0x7ff7ffffffffffff },
    };

    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fp_status s = status(rows[i].rules);

        is_int(f32_div(0, 0, &s), rows[i].single, rows[i].name);
        is_int(f64_div(0, 0, &s), rows[i].twice, rows[i].name);
        is_int(s.flags, FP_INVALID | FP_INVALID_ZERO_OVER_ZERO, "  and why");
    }
    {
        struct fp_status s = status(&fp_rules_arm);

        s.default_nan = true;
        is_int(f32_add(QNAN2, ONE, &s), 0x7fc00000, "arm: default-NaN mode");
        is_int(s.flags, 0, "  raises nothing for a quiet one");
    }
}

static void test_integers(void)
{
    static const struct {
        const char *name;
        const struct fp_rules *rules;
        int32_t nan, huge, less;
    } rows[] = {
        { "arm", &fp_rules_arm, 0, INT32_MAX, INT32_MIN },
        { "x86", &fp_rules_x86, INT32_MIN, INT32_MIN, INT32_MIN },
        { "mips", &fp_rules_mips, INT32_MAX, INT32_MAX, INT32_MAX },
        { "ppc", &fp_rules_ppc, INT32_MIN, INT32_MAX, INT32_MIN },
        { "sparc", &fp_rules_sparc, INT32_MAX, INT32_MAX, INT32_MIN },
    };

    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fp_status s = status(rows[i].rules);

        is_int(f32_to_int(QNAN1 & ~(rows[i].rules->quiet_is_zero ? 0x400000 : 0), 32, 0, FP_ZERO,
                          &s), rows[i].nan, rows[i].name);
        is_int(f32_to_int(0x4f000000, 32, 0, FP_ZERO, &s), rows[i].huge, "  2^31");
        is_int(f32_to_int(0xcf800000, 32, 0, FP_ZERO, &s), rows[i].less, "  -2^32");
        is_int(f32_to_int(0xcf000000, 32, 0, FP_ZERO, &s), INT32_MIN, "  -2^31 fits");
    }
    {
        struct fp_status s = status(&fp_rules_arm);

        is_int(f32_to_uint(0xbf800000, 32, 0, FP_ZERO, &s), 0, "arm: -1 saturates to 0");
        ok(s.flags & FP_INVALID, "  invalid");
        is_int(f32_to_uint(0xbf000000, 32, 0, FP_ZERO, &s), 0, "-0.5 is 0");
        is_int(f32_to_uint(0x4f800000, 32, 0, FP_ZERO, &s), UINT32_MAX, "2^32 saturates");
        is_int(f32_to_int(0x3fc00000, 32, 8, FP_ZERO, &s), 0x180, "1.5 with 8 bits of fraction");
        is_int(f32_from_int(0x180, -8, &s), 0x3fc00000, "and back");
        is_int(f64_to_int(0xc3e0000000000000, 64, 0, FP_ZERO, &s), INT64_MIN, "-2^63 fits");
    }
}

static void test_tiny(void)
{
    /* 2^-126 - 2^-100 * 2^-60 rounds to the smallest normal number. */
    const f32 a = 0x0d800000, b = 0x21800000, c = 0x00800000, half = 0x3f000000;
    struct fp_status before = status(&fp_rules_arm), after = status(&fp_rules_x86);

    is_int(f32_fma(a, b, c, FP_NEGATE_PRODUCT, &before), 0x00800000, "rounds up to normal");
    ok(before.flags & FP_UNDERFLOW, "tiny before rounding");
    f32_fma(a, b, c, FP_NEGATE_PRODUCT, &after);
    ok(!(after.flags & FP_UNDERFLOW), "not tiny after rounding");

    before.flags = after.flags = 0;
    before.flush_outputs = after.flush_outputs = true;
    is_int(f32_mul(0x80800000, half, &before), 0x80000000, "arm flushes to a signed zero");
    is_int(before.flags, FP_UNDERFLOW | FP_OUTPUT_FLUSHED | FP_TINY, "  and is not inexact");
    f32_mul(0x80800000, half, &after);
    ok(after.flags & FP_INEXACT, "x86 is inexact then");
    before.flags = 0;
    before.flush_inputs = true;
    is_int(f32_add(TINY, 0, &before), 0, "subnormal operands are flushed");
    is_int(before.flags, FP_INPUT_FLUSHED, "  which a flag tells");
}

static void test_halves(void)
{
    struct fp_status s = status(&fp_rules_arm);

    is_int(f16_to_f32(0x7c00, &s), INF, "half: infinity");
    is_int(f16_alternative_to_f32(0x7c00, &s), 0x47800000, "alternative half: 65536");
    is_int(f16_alternative_to_f32(0xffff, &s), 0xc7ffe000, "  and -131008");
    is_int(s.flags, 0, "  exactly");
    is_int(f32_to_f16_alternative(0xff800000, &s), 0xffff, "  infinity saturates");
    ok(s.flags & FP_INVALID, "  and is invalid");
    s.flags = 0;
    is_int(f32_to_f16_alternative(QNAN2, &s), 0x8000, "  a NaN is zero");
    ok(s.flags & FP_INVALID, "  and invalid");
    s.flags = 0;
    is_int(f32_to_f16_alternative(0x48800000, &s), 0x7fff, "  too large saturates");
    is_int(s.flags, FP_INVALID | FP_INVALID_CONVERSION, "  invalid, not inexact");
    s.flush_inputs = s.flush_outputs = true;
    is_int(f16_to_f32(0x0001, &s), 0x33800000, "subnormal halves are not flushed");
    is_int(f32_to_f16(0x33800000, &s), 0x0001, "  nor results");
}

static void test_order(void)
{
    struct fp_status s = status(&fp_rules_arm);

    is_int(f32_compare(0x80000000, 0, &s), FP_EQUAL, "-0 equals 0");
    is_int(f32_minmax(0, 0x80000000, FP_MIN, &s), 0x80000000, "but is the minimum");
    is_int(f32_minmax(0x80000000, 0, FP_MAX, &s), 0, "and not the maximum");
    is_int(f32_minmax(QNAN1, ONE, FP_MAX, &s), QNAN1, "maximum with a NaN");
    is_int(f32_minmax(QNAN1, ONE, FP_MAX | FP_NUMBER, &s), ONE, "maximum of numbers");
    is_int(f32_minmax(0xc0000000, ONE, FP_MAX | FP_MAGNITUDE, &s), 0xc0000000, "by magnitude");
    is_int(s.flags, 0, "without exceptions");
    is_int(f32_compare_quiet(QNAN1, ONE, &s), FP_UNORDERED, "a NaN is unordered");
    is_int(s.flags, 0, "quietly");
    f32_compare(QNAN1, ONE, &s);
    is_int(s.flags, FP_INVALID | FP_INVALID_COMPARE, "or not");
}

int main(void)
{
    test_two_nans();
    test_three_nans();
    test_default_nans();
    test_integers();
    test_tiny();
    test_halves();
    test_order();
    return tap_done();
}
