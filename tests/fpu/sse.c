/* SPDX-License-Identifier: GPL-2.0-or-later */
/* f16, f32, f64 against the host's SSE unit: results and flags, four roundings, DAZ and FTZ. */
#include <cpuid.h>

#include "tests/fpu/values.h"

enum { DAZ = 0x40, FTZ = 0x8000, MASKED = 0x1f80, FLAGS = 0x3f };
enum { HAS_FMA = 1, HAS_F16C = 2, HAS_SSE41 = 4 };

struct sample {
    uint64_t a, b, c, result;
    uint32_t mxcsr;
};

/* The flags that SSE has, from ours. Its denormal flag is silent under DAZ. */
static uint32_t sse_flags(const struct fp_status *s)
{
    uint32_t f = s->flags;

    return (f & FP_INVALID ? 1 : 0) | (f & FP_DENORMAL ? 2 : 0) | (f & FP_DIVIDE_BY_ZERO ? 4 : 0) |
        (f & FP_OVERFLOW ? 8 : 0) | (f & FP_UNDERFLOW ? 16 : 0) | (f & FP_INEXACT ? 32 : 0);
}

#define LOAD "ldmxcsr %[csr]\n\t"
#define STORE "stmxcsr %[csr]\n\t"
/* One or two operands in registers, the result in the first. */
#define HOST(name, code)                                                                           \
    static void host_##name(struct sample *t)                                                      \
    {                                                                                              \
        uint32_t csr = t->mxcsr;                                                                   \
        __asm__ volatile(LOAD "movq %[a], %%xmm0\n\tmovq %[b], %%xmm1\n\t"                         \
                         "movq %[c], %%xmm2\n\t" code "\n\t" STORE                                 \
                         "movq %%xmm0, %[r]"                                                       \
                         : [csr] "+m"(csr), [r] "=m"(t->result)                                    \
                         : [a] "m"(t->a), [b] "m"(t->b), [c] "m"(t->c)                             \
                         : "xmm0", "xmm1", "xmm2", "rax", "cc");                                   \
        t->mxcsr = csr;                                                                            \
    }
#define TO_RESULT "movq %%rax, %%xmm0"
#define COMPARISON(insn)                                                                           \
    insn " %%xmm1, %%xmm0\n\tlahf\n\tmovzbl %%ah, %%eax\n\tandl $0x45, %%eax\n\t" TO_RESULT

#define ARITHMETIC(T, suffix)                                                                      \
    HOST(T##_add, "add" suffix " %%xmm1, %%xmm0")                                                  \
    HOST(T##_sub, "sub" suffix " %%xmm1, %%xmm0")                                                  \
    HOST(T##_mul, "mul" suffix " %%xmm1, %%xmm0")                                                  \
    HOST(T##_div, "div" suffix " %%xmm1, %%xmm0")                                                  \
    HOST(T##_sqrt, "sqrt" suffix " %%xmm0, %%xmm0")                                                \
    HOST(T##_fma, "vfmadd213" suffix " %%xmm2, %%xmm1, %%xmm0")                                    \
    HOST(T##_fms, "vfmsub213" suffix " %%xmm2, %%xmm1, %%xmm0")                                    \
    HOST(T##_fnma, "vfnmadd213" suffix " %%xmm2, %%xmm1, %%xmm0")                                  \
    HOST(T##_fnms, "vfnmsub213" suffix " %%xmm2, %%xmm1, %%xmm0")                                  \
    HOST(T##_compare, COMPARISON("comi" suffix))                                                   \
    HOST(T##_compare_quiet, COMPARISON("ucomi" suffix))                                            \
    HOST(T##_rint, "round" suffix " $4, %%xmm0, %%xmm0")                                           \
    HOST(T##_trunc, "round" suffix " $11, %%xmm0, %%xmm0")                                         \
    HOST(T##_to_i32, "cvt" suffix "2si %%xmm0, %%eax\n\t" TO_RESULT)                               \
    HOST(T##_to_i64, "cvt" suffix "2si %%xmm0, %%rax\n\t" TO_RESULT)                               \
    HOST(T##_trunc_i32, "cvtt" suffix "2si %%xmm0, %%eax\n\t" TO_RESULT)                           \
    HOST(T##_trunc_i64, "cvtt" suffix "2si %%xmm0, %%rax\n\t" TO_RESULT)                           \
    HOST(T##_from_i32, "cvtsi2" suffix "l %[a], %%xmm0")                                           \
    HOST(T##_from_i64, "cvtsi2" suffix "q %[a], %%xmm0")
ARITHMETIC(f32, "ss")
ARITHMETIC(f64, "sd")
HOST(f32_to_f64, "cvtss2sd %%xmm0, %%xmm0")
HOST(f64_to_f32, "cvtsd2ss %%xmm0, %%xmm0")
HOST(f16_to_f32, "vcvtph2ps %%xmm0, %%xmm0")
HOST(f32_to_f16, "vcvtps2ph $4, %%xmm0, %%xmm0")

/* ZF, PF, CF as LAHF has them. */
static uint64_t order_flags(enum fp_order order)
{
    switch (order) {
    case FP_LESS: return 0x01;
    case FP_EQUAL: return 0x40;
    case FP_GREATER: return 0;
    default: return 0x45;
    }
}

#define OURS(name, expression)                                                                     \
    static uint64_t our_##name(const struct sample *t, struct fp_status *s)                        \
    {                                                                                              \
        return expression;                                                                         \
    }
/* The 213 forms multiply the second operand by the first. */
#define OUR_ARITHMETIC(T)                                                                          \
    OURS(T##_add, T##_add(t->a, t->b, s))                                                          \
    OURS(T##_sub, T##_sub(t->a, t->b, s))                                                          \
    OURS(T##_mul, T##_mul(t->a, t->b, s))                                                          \
    OURS(T##_div, T##_div(t->a, t->b, s))                                                          \
    OURS(T##_sqrt, T##_sqrt(t->a, s))                                                              \
    OURS(T##_fma, T##_fma(t->b, t->a, t->c, 0, s))                                                 \
    OURS(T##_fms, T##_fma(t->b, t->a, t->c, FP_NEGATE_ADDEND, s))                                  \
    OURS(T##_fnma, T##_fma(t->b, t->a, t->c, FP_NEGATE_PRODUCT, s))                                \
    OURS(T##_fnms, T##_fma(t->b, t->a, t->c, FP_NEGATE_PRODUCT | FP_NEGATE_ADDEND, s))             \
    OURS(T##_compare, order_flags(T##_compare(t->a, t->b, s)))                                     \
    OURS(T##_compare_quiet, order_flags(T##_compare_quiet(t->a, t->b, s)))                         \
    OURS(T##_rint, T##_round_to_int(t->a, s->rounding, true, s))                                   \
    OURS(T##_trunc, T##_round_to_int(t->a, FP_ZERO, false, s))                                     \
    OURS(T##_to_i32, (uint32_t)T##_to_int(t->a, 32, 0, s->rounding, s))                            \
    OURS(T##_to_i64, T##_to_int(t->a, 64, 0, s->rounding, s))                                      \
    OURS(T##_trunc_i32, (uint32_t)T##_to_int(t->a, 32, 0, FP_ZERO, s))                             \
    OURS(T##_trunc_i64, T##_to_int(t->a, 64, 0, FP_ZERO, s))                                       \
    OURS(T##_from_i32, T##_from_int((int32_t)t->a, 0, s))                                          \
    OURS(T##_from_i64, T##_from_int(t->a, 0, s))
OUR_ARITHMETIC(f32)
OUR_ARITHMETIC(f64)
OURS(f32_to_f64, f32_to_f64(t->a, s))
OURS(f64_to_f32, f64_to_f32(t->a, s))
OURS(f16_to_f32, f16_to_f32(t->a, s))
OURS(f32_to_f16, f32_to_f16(t->a, s))

enum operands { OF_F16, OF_F32, OF_F64, OF_INTEGER };

static struct test {
    struct operation op;
    void (*host)(struct sample *t);
    uint64_t (*ours)(const struct sample *t, struct fp_status *s);
    uint8_t operands, result_bytes, needs;
    bool no_denormal;               /* the instruction does not tell about subnormal operands */
} tests[] = {
#define TEST(name, operands, bytes, ...)                                                           \
    { { #name }, host_##name, our_##name, operands, bytes, __VA_ARGS__ },
#define ARITHMETIC_TESTS(T, of, bytes)                                                             \
    TEST(T##_add, of, bytes) TEST(T##_sub, of, bytes) TEST(T##_mul, of, bytes)                     \
    TEST(T##_div, of, bytes) TEST(T##_sqrt, of, bytes)                                             \
    TEST(T##_fma, of, bytes, HAS_FMA) TEST(T##_fms, of, bytes, HAS_FMA)                            \
    TEST(T##_fnma, of, bytes, HAS_FMA) TEST(T##_fnms, of, bytes, HAS_FMA)                          \
    TEST(T##_compare, of, 8) TEST(T##_compare_quiet, of, 8)                                        \
    TEST(T##_rint, of, bytes, HAS_SSE41, true) TEST(T##_trunc, of, bytes, HAS_SSE41, true)         \
    TEST(T##_to_i32, of, 4, 0, true) TEST(T##_to_i64, of, 8, 0, true)                              \
    TEST(T##_trunc_i32, of, 4, 0, true) TEST(T##_trunc_i64, of, 8, 0, true)                        \
    TEST(T##_from_i32, OF_INTEGER, bytes) TEST(T##_from_i64, OF_INTEGER, bytes)
    ARITHMETIC_TESTS(f32, OF_F32, 4)
    ARITHMETIC_TESTS(f64, OF_F64, 8)
    TEST(f32_to_f64, OF_F32, 8) TEST(f64_to_f32, OF_F64, 4)
    TEST(f16_to_f32, OF_F16, 4, HAS_F16C, true) TEST(f32_to_f16, OF_F32, 2, HAS_F16C)
};

static unsigned host_features(void)
{
    unsigned a, b, c, d;

    if (!__get_cpuid(1, &a, &b, &c, &d)) {
        return 0;
    }
    return (c & bit_FMA ? HAS_FMA : 0) | (c & bit_F16C ? HAS_F16C : 0) |
        (c & bit_SSE4_1 ? HAS_SSE41 : 0);
}

static uint64_t operand(enum operands kind, uint64_t near)
{
    switch (kind) {
    case OF_F16: return random_value(5, 10, near);
    case OF_F32: return random_value(8, 23, near);
    case OF_F64: return random_value(11, 52, near);
    default: return random_integer();
    }
}

static void run(struct test *test)
{
    static const uint8_t roundings[] = { FP_NEAREST_EVEN, FP_DOWN, FP_UP, FP_ZERO };
    uint64_t random = random64(), keep = ~(uint64_t)0 >> (64 - 8 * test->result_bytes), result;
    unsigned mode = random & 3;
    struct sample t = { .mxcsr = MASKED | mode << 13 };
    struct fp_status s = { .rules = &fp_rules_x86, .rounding = roundings[mode] };
    uint32_t flags, want;

    if (random & 16) {
        t.mxcsr |= random & (DAZ | FTZ);
        s.flush_inputs = random & DAZ;
        s.flush_outputs = random & FTZ;
    }
    t.a = operand(test->operands, random64());
    t.b = operand(test->operands, t.a);
    t.c = operand(test->operands, t.b);
    result = test->ours(&t, &s) & keep;
    flags = sse_flags(&s) & (test->no_denormal ? ~2u : ~0u);
    test->host(&t);
    want = t.mxcsr & FLAGS;
    if (report(&test->op, result == (t.result & keep) && flags == want)) {
        printf("# %s(%llx, %llx, %llx) rounding %u daz %d ftz %d: %llx flags %02x, "
               "host %llx %02x\n",
               test->op.name, (long long)t.a, (long long)t.b, (long long)t.c, mode,
               s.flush_inputs, s.flush_outputs, (long long)result, flags,
               (long long)(t.result & keep), want);
    }
}

int main(int argc, char **argv)
{
    unsigned long count = test_count(argc, argv, 20000), total = 0;
    unsigned features = host_features();

    for (unsigned i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        struct test *test = &tests[i];

        if (test->needs & ~features) {
            ok(true, "%s # SKIP the host CPU has no such instruction", test->op.name);
            continue;
        }
        for (unsigned long n = 0; n < count; n++) {
            run(test);
        }
        total += count;
        ok(!test->op.wrong, "%s: %lu of %lu cases differ from the host", test->op.name,
           test->op.wrong, count);
    }
    printf("# %lu cases\n", total);
    return tap_done();
}
