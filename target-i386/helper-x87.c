/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * x87 arithmetic, comparison, loads, stores and transcendental functions: the common case in the
 * host unit with all exceptions masked, everything else by fp_native().
 */
#include "target-i386/cpu.h"

#include "base/bits.h"

/* Translated code calls these without saving its vector registers. */
#pragma GCC target("general-regs-only")
#include "target-i386/fpu.h"
#include "target-i386/helpers.h"

/* The host's stack during one helper; the compiler itself uses none of it. */
static inline void host_load(const struct x86_fpreg *r)
{
    asm volatile("fldt %0" : : "m" (*r));
}

static inline void host_store(struct x86_fpreg *r)
{
    asm volatile("fstpt %0" : "+m" (*r));
}

static inline void host_drop(void)
{
    asm volatile("fstp %st(0)");
}

static inline unsigned host_status(void)
{
    uint16_t sw;

    asm volatile("fnstsw %0" : "=a" (sw));
    return sw;
}

/* Adds what the last operation raised, and takes its condition bits. */
static inline void status_merge(struct x86_env *env, unsigned sw, unsigned cc)
{
    env->fpus = (env->fpus & ~cc) | (sw & (cc | FPUS_FLAGS));
}

/* --- arithmetic: dst = dst op src, of stack registers or with an operand from memory --- */

#define REGISTER_FORM(op)                                                                          \
    void helper_fp_##op(struct x86_env *env, uint32_t dst, uint32_t src, uint32_t pop,             \
                        uint32_t insn)                                                             \
    {                                                                                              \
        if (unlikely(fp_empty(env, dst) | fp_empty(env, src)) || !fp_usable(env)) {                \
            fp_native(env, insn, NULL, false);                                                     \
            return;                                                                                \
        }                                                                                          \
        host_load(fp_st(env, src));                                                                \
        host_load(fp_st(env, dst));                                                                \
        asm volatile("f" #op " %st(1), %st");                                                      \
        status_merge(env, host_status(), FPUS_C1);                                                 \
        host_store(fp_st(env, dst));                                                               \
        host_drop();                                                                               \
        fp_leave(env);                                                                             \
        if (pop) {                                                                                 \
            fp_pop(env);                                                                           \
        }                                                                                          \
    }

#define MEMORY_FORM(op, suffix, type, host_insn)                                                   \
    void helper_fp_##op##_##suffix(struct x86_env *env, uint64_t bits, uint32_t insn)              \
    {                                                                                              \
        type value = bits;                                                                         \
                                                                                                   \
        if (unlikely(fp_empty(env, 0)) || !fp_usable(env)) {                                       \
            fp_native(env, insn, &value, false);                                                   \
            return;                                                                                \
        }                                                                                          \
        host_load(fp_st(env, 0));                                                                  \
        asm volatile(host_insn " %0" : : "m" (value));                                             \
        status_merge(env, host_status(), FPUS_C1);                                                 \
        host_store(fp_st(env, 0));                                                                 \
        fp_leave(env);                                                                             \
    }

#define ARITHMETIC(op)                                                                             \
    REGISTER_FORM(op)                                                                              \
    MEMORY_FORM(op, f32, uint32_t, "f" #op "s")                                                    \
    MEMORY_FORM(op, f64, uint64_t, "f" #op "l")                                                    \
    MEMORY_FORM(op, i32, uint32_t, "fi" #op "l")                                                   \
    MEMORY_FORM(op, i16, uint16_t, "fi" #op "s")

ARITHMETIC(add)
ARITHMETIC(mul)
ARITHMETIC(sub)
ARITHMETIC(subr)
ARITHMETIC(div)
ARITHMETIC(divr)

/* --- comparison: ST(0) with a register, zero or memory; the value is EFLAGS as FCOMI has it -- */

static inline uint32_t compared(struct x86_env *env, unsigned sw, unsigned pops)
{
    fp_leave(env);
    while (pops--) {
        fp_pop(env);
    }
    return sw >> 8 & (FL_ZF | FL_PF | FL_CF);
}

#define COMPARE(name, host_insn)                                                                   \
    void helper_fp_##name(struct x86_env *env, uint32_t src, uint32_t pops, uint32_t insn)         \
    {                                                                                              \
        unsigned sw;                                                                               \
                                                                                                   \
        if (unlikely(fp_empty(env, 0) | fp_empty(env, src)) || !fp_usable(env)) {                  \
            fp_native(env, insn, NULL, false);                                                     \
            return;                                                                                \
        }                                                                                          \
        host_load(fp_st(env, src));                                                                \
        host_load(fp_st(env, 0));                                                                  \
        asm volatile(host_insn);                                                                   \
        sw = host_status();                                                                        \
        status_merge(env, sw, FPUS_CC);                                                            \
        compared(env, sw, pops);                                                                   \
    }                                                                                              \
    uint32_t helper_fp_##name##i(struct x86_env *env, uint32_t src, uint32_t pops, uint32_t insn)  \
    {                                                                                              \
        unsigned sw;                                                                               \
                                                                                                   \
        if (unlikely(fp_empty(env, 0) | fp_empty(env, src)) || !fp_usable(env)) {                  \
            return fp_native(env, insn, NULL, false) & (FL_ZF | FL_PF | FL_CF);                    \
        }                                                                                          \
        host_load(fp_st(env, src));                                                                \
        host_load(fp_st(env, 0));                                                                  \
        asm volatile(host_insn);                                                                   \
        sw = host_status();                                                                        \
        status_merge(env, sw, 0);                                                                  \
        return compared(env, sw, pops);                                                            \
    }

COMPARE(com, "fcompp")
COMPARE(ucom, "fucompp")

#define COMPARE_MEMORY(suffix, type, host_insn)                                                    \
    void helper_fp_com_##suffix(struct x86_env *env, uint64_t bits, uint32_t pops, uint32_t insn)  \
    {                                                                                              \
        type value = bits;                                                                         \
                                                                                                   \
        if (unlikely(fp_empty(env, 0)) || !fp_usable(env)) {                                       \
            fp_native(env, insn, &value, false);                                                   \
            return;                                                                                \
        }                                                                                          \
        host_load(fp_st(env, 0));                                                                  \
        asm volatile(host_insn " %0" : : "m" (value));                                             \
        status_merge(env, host_status(), FPUS_CC);                                                 \
        compared(env, 0, pops);                                                                    \
    }

COMPARE_MEMORY(f32, uint32_t, "fcomps")
COMPARE_MEMORY(f64, uint64_t, "fcompl")
COMPARE_MEMORY(i32, uint32_t, "ficompl")
COMPARE_MEMORY(i16, uint16_t, "ficomps")

void helper_fp_tst(struct x86_env *env, uint32_t insn)
{
    if (unlikely(fp_empty(env, 0)) || !fp_usable(env)) {
        fp_native(env, insn, NULL, false);
        return;
    }
    host_load(fp_st(env, 0));
    asm volatile("ftst");
    status_merge(env, host_status(), FPUS_CC);
    host_drop();
    fp_leave(env);
}

/* Classifies ST(0), empty or not. */
void helper_fp_xam(struct x86_env *env)
{
    const struct x86_fpreg *r = fp_st(env, 0);
    unsigned exp = r->exp & 0x7fff, cc;

    if (fp_empty(env, 0)) {
        cc = FPUS_C3 | FPUS_C0;
    } else if (exp == 0) {
        cc = r->mant ? FPUS_C3 | FPUS_C2 : FPUS_C3;
    } else if (!(r->mant >> 63)) {
        cc = 0;                                 /* unnormal, pseudo-infinity, pseudo-NaN */
    } else if (exp == 0x7fff) {
        cc = r->mant << 1 ? FPUS_C0 : FPUS_C2 | FPUS_C0;
    } else {
        cc = FPUS_C2;
    }
    fp_condition(env, cc | (r->exp & 0x8000 ? FPUS_C1 : 0), FPUS_CC);
}

/* --- loads: push --- */

static inline struct x86_fpreg *push_exact(struct x86_env *env)
{
    fp_condition(env, 0, FPUS_C1);
    return fp_push(env);
}

/* Normal numbers and zeros are converted here: the host unit costs a wait for its status. */
void helper_fp_ld_f32(struct x86_env *env, uint32_t value, uint32_t insn)
{
    unsigned exp = value >> 23 & 0xff;
    struct x86_fpreg *r;

    if (unlikely(!fp_empty(env, 7) || exp == 0xff || (exp == 0 && value << 1))) {
        fp_native(env, insn, &value, false);
        return;
    }
    r = push_exact(env);
    r->mant = exp ? 1ull << 63 | (uint64_t)(value & 0x7fffff) << 40 : 0;
    r->exp = (value >> 16 & 0x8000) | (exp ? exp + 16383 - 127 : 0);
}

void helper_fp_ld_f64(struct x86_env *env, uint64_t value, uint32_t insn)
{
    unsigned exp = value >> 52 & 0x7ff;
    struct x86_fpreg *r;

    if (unlikely(!fp_empty(env, 7) || exp == 0x7ff || (exp == 0 && value << 1))) {
        fp_native(env, insn, &value, false);
        return;
    }
    r = push_exact(env);
    r->mant = exp ? 1ull << 63 | value << 11 : 0;
    r->exp = (value >> 48 & 0x8000) | (exp ? exp + 16383 - 1023 : 0);
}

/* Of an integer of any size, sign-extended. */
void helper_fp_ld_int(struct x86_env *env, uint64_t value)
{
    if (unlikely(!fp_empty(env, 7))) {
        fp_native(env, FP_INSN(0xdf, 0x28), &value, false);
        return;
    }
    asm volatile("fildll %0" : : "m" (value));
    host_store(push_exact(env));
}

void helper_fp_ld_f80(struct x86_env *env, uint64_t mant, uint32_t exp, uint32_t insn)
{
    struct x86_fpreg value = { .mant = mant, .exp = exp };
    struct x86_fpreg *r;

    if (unlikely(!fp_empty(env, 7))) {
        fp_native(env, insn, &value, false);
        return;
    }
    r = push_exact(env);
    r->mant = mant;
    r->exp = exp;
}

void helper_fp_ld_bcd(struct x86_env *env, uint64_t low, uint32_t high, uint32_t insn)
{
    struct x86_fpreg value = { .mant = low, .exp = high };

    fp_native(env, insn, &value, false);
}

void helper_fp_ld_st(struct x86_env *env, uint32_t i, uint32_t insn)
{
    const struct x86_fpreg *src = fp_st(env, i);
    struct x86_fpreg *r;

    if (unlikely(fp_empty(env, i) | !fp_empty(env, 7))) {
        fp_native(env, insn, NULL, false);
        return;
    }
    r = push_exact(env);
    r->mant = src->mant;
    r->exp = src->exp;
}

/* fld1 fldl2t fldl2e fldpi fldlg2 fldln2 fldz */
void helper_fp_ld_const(struct x86_env *env, uint32_t which, uint32_t insn)
{
    static const struct x86_fpreg nearest[7] = {
        { 1ull << 63, 0x3fff }, { 0xd49a784bcd1b8afe, 0x4000 }, { 0xb8aa3b295c17f0bc, 0x3fff },
        { 0xc90fdaa22168c235, 0x4000 }, { 0x9a209a84fbcff799, 0x3ffd },
        { 0xb17217f7d1cf79ac, 0x3ffe }, { 0, 0 },
    };
    struct x86_fpreg *r;

    if (unlikely(!fp_empty(env, 7)) || env->fp_fast != FP_FAST) {
        fp_native(env, insn, NULL, false);
        return;
    }
    r = push_exact(env);
    r->mant = nearest[which].mant;
    r->exp = nearest[which].exp;
}

/* --- stores: the value; fp_staged becomes fpus when the write has succeeded --- */

static inline void stage(struct x86_env *env, unsigned sw)
{
    if (unlikely(sw & ~env->fpus & FPUS_FLAGS)) {
        asm volatile("fnclex");                 /* the guest may never get these: it may fault */
    }
    env->fp_staged = (env->fpus & ~FPUS_C1) | (sw & (FPUS_C1 | FPUS_FLAGS));
}

#define STORE(suffix, type, host_insn)                                                             \
    uint64_t helper_fp_st_##suffix(struct x86_env *env, uint32_t insn)                             \
    {                                                                                              \
        type value;                                                                                \
                                                                                                   \
        if (unlikely(fp_empty(env, 0)) || !fp_usable(env)) {                                       \
            fp_native_store(env, insn, &value);                                                    \
            return value;                                                                          \
        }                                                                                          \
        host_load(fp_st(env, 0));                                                                  \
        asm volatile(host_insn " %0" : "=m" (value));                                              \
        stage(env, host_status());                                                                 \
        fp_leave(env);                                                                             \
        return value;                                                                              \
    }

STORE(f32, uint32_t, "fstps")
STORE(i16, uint16_t, "fistps")
STORE(i32, uint32_t, "fistpl")
STORE(i64, uint64_t, "fistpll")
STORE(trunc16, uint16_t, "fisttps")
STORE(trunc32, uint32_t, "fisttpl")
STORE(trunc64, uint64_t, "fisttpll")

uint64_t helper_fp_st_f64(struct x86_env *env, uint32_t insn)
{
    const struct x86_fpreg *r = fp_st(env, 0);
    unsigned exp = r->exp & 0x7fff;
    uint64_t value;

    if (unlikely(fp_empty(env, 0)) || !fp_usable(env)) {
        fp_native_store(env, insn, &value);
        return value;
    }
    if ((r->mant & 0x80000000000007ff) == 1ull << 63 && exp - (16383 - 1022) < 2046) {
        value = (uint64_t)(r->exp & 0x8000) << 48 | (uint64_t)(exp - (16383 - 1023)) << 52 |
                (r->mant << 1 >> 12);
        stage(env, 0);
    } else {
        host_load(r);
        asm volatile("fstpl %0" : "=m" (value));
        stage(env, host_status());
    }
    fp_leave(env);
    return value;
}

/* The significand; the rest goes to fp_staged_exp. */
uint64_t helper_fp_st_f80(struct x86_env *env, uint32_t insn)
{
    const struct x86_fpreg *r = fp_st(env, 0);
    struct x86_fpreg value;

    if (unlikely(fp_empty(env, 0))) {
        fp_native_store(env, insn, &value);
        r = &value;
    } else {
            stage(env, 0);
    }
    env->fp_staged_exp = r->exp;
    return r->mant;
}

uint64_t helper_fp_st_bcd(struct x86_env *env, uint32_t insn)
{
    struct x86_fpreg value;

    fp_native_store(env, insn, &value);
    env->fp_staged_exp = value.exp;
    return value.mant;
}

/* --- moves between registers --- */

void helper_fp_st_st(struct x86_env *env, uint32_t i, uint32_t pop, uint32_t insn)
{
    struct x86_fpreg *dst = fp_st(env, i);
    const struct x86_fpreg *src = fp_st(env, 0);

    if (unlikely(fp_empty(env, 0))) {
        fp_native(env, insn, NULL, false);
        return;
    }
    fp_condition(env, 0, FPUS_C1);
    dst->mant = src->mant;
    dst->exp = src->exp;
    env->fptags &= ~(1 << fp_index(env, i));
    if (pop) {
        fp_pop(env);
    }
}

void helper_fp_xch(struct x86_env *env, uint32_t i, uint32_t insn)
{
    struct x86_fpreg *a = fp_st(env, 0), *b = fp_st(env, i);
    uint64_t mant = a->mant;
    uint16_t exp = a->exp;

    if (unlikely(fp_empty(env, 0) | fp_empty(env, i))) {
        fp_native(env, insn, NULL, false);
        return;
    }
    fp_condition(env, 0, FPUS_C1);
    a->mant = b->mant;
    a->exp = b->exp;
    b->mant = mant;
    b->exp = exp;
}

void helper_fp_cmov(struct x86_env *env, uint32_t i, uint32_t condition)
{
    struct x86_fpreg *dst = fp_st(env, 0);
    const struct x86_fpreg *src = fp_st(env, i);

    if (unlikely(fp_empty(env, 0) | fp_empty(env, i))) {
        fp_native(env, FP_INSN(0xda, 0xc0 | i), NULL, condition);    /* fcmovb */
        return;
    }
    if (condition) {
        dst->mant = src->mant;
        dst->exp = src->exp;
    }
}

void helper_fp_chs(struct x86_env *env, uint32_t insn)
{
    if (unlikely(fp_empty(env, 0))) {
        fp_native(env, insn, NULL, false);
        return;
    }
    fp_condition(env, 0, FPUS_C1);
    fp_st(env, 0)->exp ^= 0x8000;
}

void helper_fp_abs(struct x86_env *env, uint32_t insn)
{
    if (unlikely(fp_empty(env, 0))) {
        fp_native(env, insn, NULL, false);
        return;
    }
    fp_condition(env, 0, FPUS_C1);
    fp_st(env, 0)->exp &= 0x7fff;
}

/* --- functions --- */

#define UNARY(op, cc)                                                                              \
    void helper_fp_##op(struct x86_env *env, uint32_t insn)                                        \
    {                                                                                              \
        if (unlikely(fp_empty(env, 0)) || !fp_usable(env)) {                                       \
            fp_native(env, insn, NULL, false);                                                     \
            return;                                                                                \
        }                                                                                          \
        host_load(fp_st(env, 0));                                                                  \
        asm volatile("f" #op);                                                                     \
        status_merge(env, host_status(), cc);                                                      \
        host_store(fp_st(env, 0));                                                                 \
        fp_leave(env);                                                                             \
    }

UNARY(sqrt, FPUS_C1)
UNARY(rndint, FPUS_C1)
UNARY(2xm1, FPUS_C1)
UNARY(sin, FPUS_C1 | FPUS_C2)
UNARY(cos, FPUS_C1 | FPUS_C2)

/* Of ST(0) and ST(1), into ST(0) or, with a pop, into ST(1), when `common' holds for both */
#define BINARY(op, cc, pops, common)                                                               \
    void helper_fp_##op(struct x86_env *env, uint32_t insn)                                        \
    {                                                                                              \
        if (unlikely(fp_empty(env, 0) | fp_empty(env, 1) | !common(fp_st(env, 0)) |                \
                     !common(fp_st(env, 1))) || !fp_usable(env)) {                                 \
            fp_native(env, insn, NULL, false);                                                     \
            return;                                                                                \
        }                                                                                          \
        host_load(fp_st(env, 1));                                                                  \
        host_load(fp_st(env, 0));                                                                  \
        asm volatile("f" #op);                                                                     \
        status_merge(env, host_status(), cc);                                                      \
        host_store(fp_st(env, pops));                                                              \
        if (pops) {                                                                                \
            fp_pop(env);                                                                           \
        } else {                                                                                   \
            host_drop();                                                                           \
        }                                                                                          \
        fp_leave(env);                                                                             \
    }

/* The remainder leaves its condition bits alone when there is none. */
static inline bool is_normal(const struct x86_fpreg *r)
{
    return r->mant >> 63 && (r->exp & 0x7fff) - 1u < 0x7ffe;
}

static inline bool is_any(const struct x86_fpreg *r)
{
    return true;
}

BINARY(scale, FPUS_C1, 0, is_any)
BINARY(prem, FPUS_CC, 0, is_normal)
BINARY(prem1, FPUS_CC, 0, is_normal)
BINARY(yl2x, FPUS_C1, 1, is_any)
BINARY(yl2xp1, FPUS_C1, 1, is_any)
BINARY(patan, FPUS_C1, 1, is_any)

/* Rare and pushing: fptan, fsincos, fxtract, and whatever else has no helper of its own */
void helper_fp_other(struct x86_env *env, uint32_t insn)
{
    fp_native(env, insn, NULL, false);
}

/* --- control; memory formats are in helper-x87-env.c --- */

void helper_fp_clex(struct x86_env *env)
{
    fp_set_status(env, env->fpus & FPUS_CC);
}

/* Whether the mode may have changed: the translator then leaves. */
uint32_t helper_fp_ldcw(struct x86_env *env, uint32_t value)
{
    unsigned before = env->fpuc;

    x86_fp_fetch(env);
    env->fpuc = (value & FPUC_VALID) | FPUC_ONE;
    if ((env->fpuc & before & FPUC_MASKS) != FPUC_MASKS) {
        fp_set_status(env, env->fpus);
        return true;
    }
    if (env->fp_fast != FP_UNKNOWN) {
        env->fp_fast = env->fpuc == FPUC_DEFAULT ? FP_FAST : FP_FAST_CW;
    }
    return false;
}

void helper_fp_free(struct x86_env *env, uint32_t i, uint32_t pop)
{
    fp_condition(env, 0, FPUS_C1);
    env->fptags |= 1 << fp_index(env, i);
    if (pop) {
        fp_pop(env);
    }
}

/* fincstp, fdecstp */
void helper_fp_rotate(struct x86_env *env, uint32_t by)
{
    fp_condition(env, 0, FPUS_C1);
    env->fptop = (env->fptop + by) & 7;
}
