/* SPDX-License-Identifier: GPL-2.0-or-later */
/* f80 against the host's x87 unit: results, flags and C1 in three precisions and four roundings. */
#include "tests/fpu/values.h"

struct sample {
    f80 a, b, result;
    uint64_t memory;                /* operands and results that are no f80 */
    uint16_t control, flags;
};
enum { FLAGS = 0x3f, C1 = 0x200, CONDITIONS = 0x4500 };

#define HOST(name, code)                                                                           \
    static void host_##name(struct sample *t)                                                      \
    {                                                                                              \
        f80 r;                                                                                     \
        uint16_t status;                                                                           \
        __asm__ volatile("fninit\n\tfldt %[b]\n\tfldt %[a]\n\tfldcw %[cw]\n\t" code "\n\t"         \
                         "fnstsw %[sw]\n\tfstpt %[r]\n\tfninit"                                    \
                         : [sw] "=m"(status), [r] "=m"(r), [m] "+m"(t->memory)                     \
                         : [a] "m"(t->a), [b] "m"(t->b), [cw] "m"(t->control)                      \
                         : "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", "st(6)", "st(7)");   \
        t->flags = status;                                                                         \
        t->result = r;                                                                             \
    }
HOST(add, "fadd %%st(1), %%st")
HOST(sub, "fsub %%st(1), %%st")
HOST(mul, "fmul %%st(1), %%st")
HOST(div, "fdiv %%st(1), %%st")
HOST(sqrt, "fsqrt")
HOST(rint, "frndint")
HOST(compare, "fcom %%st(1)")
HOST(compare_quiet, "fucom %%st(1)")
HOST(to_f32, "movq $0, %[m]\n\tfstps %[m]")
HOST(to_f64, "fstpl %[m]")
HOST(to_i16, "movq $0, %[m]\n\tfistps %[m]")
HOST(to_i32, "movq $0, %[m]\n\tfistpl %[m]")
HOST(to_i64, "fistpll %[m]")
HOST(f32_to, "flds %[m]")
HOST(f64_to, "fldl %[m]")
HOST(from_i64, "fildll %[m]")

#define OURS(name, ...)                                                                            \
    static void our_##name(struct sample *t, struct fp_status *s) { __VA_ARGS__; }
OURS(add, t->result = f80_add(t->a, t->b, s))
OURS(sub, t->result = f80_sub(t->a, t->b, s))
OURS(mul, t->result = f80_mul(t->a, t->b, s))
OURS(div, t->result = f80_div(t->a, t->b, s))
OURS(sqrt, t->result = f80_sqrt(t->a, s))
OURS(rint, t->result = f80_round_to_int(t->a, s->rounding, true, s))
OURS(to_f32, t->memory = f80_to_f32(t->a, s))
OURS(to_f64, t->memory = f80_to_f64(t->a, s))
OURS(to_i16, t->memory = (uint16_t)f80_to_int(t->a, 16, 0, s->rounding, s))
OURS(to_i32, t->memory = (uint32_t)f80_to_int(t->a, 32, 0, s->rounding, s))
OURS(to_i64, t->memory = f80_to_int(t->a, 64, 0, s->rounding, s))
OURS(f32_to, t->result = f32_to_f80(t->memory, s))
OURS(f64_to, t->result = f64_to_f80(t->memory, s))
OURS(from_i64, t->result = f80_from_int(t->memory, 0, s))

static uint16_t conditions(enum fp_order order)
{
    switch (order) {
    case FP_LESS: return 0x0100;
    case FP_EQUAL: return 0x4000;
    case FP_GREATER: return 0;
    default: return 0x4500;
    }
}
OURS(compare, t->flags = conditions(f80_compare(t->a, t->b, s)))
OURS(compare_quiet, t->flags = conditions(f80_compare_quiet(t->a, t->b, s)))

enum { TO_F80, TO_MEMORY, FROM_F32, FROM_F64, FROM_INTEGER, COMPARES };

static struct test {
    struct operation op;
    void (*host)(struct sample *t);
    void (*ours)(struct sample *t, struct fp_status *s);
    uint8_t shape;
    bool no_c1;                     /* not checked: C1 is not about rounding or undefined */
    bool no_precision, no_denormal;
} tests[] = {
#define TEST(name, ...) { { #name }, host_##name, our_##name, __VA_ARGS__ },
    TEST(add, TO_F80) TEST(sub, TO_F80) TEST(mul, TO_F80) TEST(div, TO_F80) TEST(sqrt, TO_F80)
    TEST(rint, TO_F80, .no_precision = true)
    TEST(compare, COMPARES, true) TEST(compare_quiet, COMPARES, true)
    TEST(to_f32, TO_MEMORY, .no_precision = true, .no_denormal = true)
    TEST(to_f64, TO_MEMORY, .no_precision = true, .no_denormal = true)
    TEST(to_i16, TO_MEMORY, true, .no_denormal = true)
    TEST(to_i32, TO_MEMORY, true, .no_denormal = true)
    TEST(to_i64, TO_MEMORY, true, .no_denormal = true)
    TEST(f32_to, FROM_F32, true, true) TEST(f64_to, FROM_F64, true, true)
    TEST(from_i64, FROM_INTEGER, true, true)
};

static uint16_t x87_flags(const struct fp_status *s, bool no_denormal)
{
    uint32_t f = s->flags;

    return (f & FP_INVALID ? 1 : 0) | (f & FP_DENORMAL && !no_denormal ? 2 : 0) |
        (f & FP_DIVIDE_BY_ZERO ? 4 : 0) | (f & FP_OVERFLOW ? 8 : 0) |
        (f & FP_UNDERFLOW ? 16 : 0) | (f & FP_INEXACT ? 32 : 0) | (f & FP_ROUNDED_UP ? C1 : 0);
}

static f80 random_f80(f80 near)
{
    f128 bits = random_value(15, 64, (f128)near.exponent << 64);

    return (f80){ bits, bits >> 64 };
}

static void operands(const struct test *test, struct sample *t)
{
    t->a = random_f80((f80){ 0, random64() });
    t->b = random_f80(t->a);
    switch (test->shape) {
    case FROM_F32: t->memory = (uint32_t)random_value(8, 23, random64()); break;
    case FROM_F64: t->memory = random_value(11, 52, random64()); break;
    case FROM_INTEGER: t->memory = random_integer(); break;
    default: t->memory = 0; break;
    }
}

static bool same(const struct test *test, const struct sample *host, const struct sample *ours)
{
    uint16_t care = FLAGS | (test->no_c1 ? 0 : C1) | (test->shape == COMPARES ? CONDITIONS : 0);

    if ((host->flags ^ ours->flags) & care) {
        return false;
    }
    if (test->shape == COMPARES) {
        return true;
    }
    if (test->shape == TO_MEMORY) {
        return host->memory == ours->memory;
    }
    return host->result.significand == ours->result.significand &&
        host->result.exponent == ours->result.exponent;
}

static void run(struct test *test)
{
    static const uint8_t roundings[] = { FP_NEAREST_EVEN, FP_DOWN, FP_UP, FP_ZERO };
    static const uint8_t precisions[][2] = { { 0, 24 }, { 2, 53 }, { 3, 0 }, { 3, 0 } };
    uint64_t random = random64();
    const uint8_t *precision = precisions[test->no_precision ? 3 : random >> 2 & 3];
    unsigned mode = random & 3;
    struct sample host = { .control = 0x7f | precision[0] << 8 | mode << 10 }, ours;
    struct fp_status s = {
        .rules = &fp_rules_x87, .rounding = roundings[mode], .f80_precision = precision[1]
    };

    operands(test, &host);
    ours = host;
    ours.flags = 0;
    test->ours(&ours, &s);
    ours.flags |= x87_flags(&s, test->no_denormal);
    test->host(&host);
    if (report(&test->op, same(test, &host, &ours))) {
        printf("# %s(%04x:%016llx, %04x:%016llx, %llx) control %04x: %04x:%016llx %llx %04x, "
               "host %04x:%016llx %llx %04x\n", test->op.name, host.a.exponent,
               (long long)host.a.significand, host.b.exponent, (long long)host.b.significand,
               (long long)host.memory, host.control, ours.result.exponent,
               (long long)ours.result.significand, (long long)ours.memory, ours.flags,
               host.result.exponent, (long long)host.result.significand, (long long)host.memory,
               host.flags);
    }
}

int main(int argc, char **argv)
{
    unsigned long count = test_count(argc, argv, 20000), total = 0;

    for (unsigned i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        for (unsigned long n = 0; n < count; n++) {
            run(&tests[i]);
        }
        total += count;
        ok(!tests[i].op.wrong, "%s: %lu of %lu cases differ from the host", tests[i].op.name,
           tests[i].op.wrong, count);
    }
    printf("# %lu cases\n", total);
    return tap_done();
}
