/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Vector instructions that are more than "this instruction on these values": implicit operands,
 * masked stores, MXCSR. The thunks around helpers with MXCSR keep env->mxcsr up to date.
 */
#include "target-i386/cpu.h"

#include <cpuid.h>

#include "base/bits.h"
#include "target-i386/helpers.h"
#include "target-i386/simd.h"
#include "target-i386/sys.h"
#include "tcg/softmmu.h"

uint32_t simd_missing_features(size_t word)
{
    /* SSE3, PCLMUL, SSSE3, SSE4.1, SSE4.2, AES; SHA */
    const uint32_t ecx_1 = 1 | 1 << 1 | 1 << 9 | 1 << 19 | 1 << 20 | 1 << 25, ebx_7 = 1 << 29;
    uint32_t a, b = 0, c = 0, d;

    if (word == offsetof(struct x86_env, cpuid_1_ecx)) {
        __get_cpuid(1, &a, &b, &c, &d);
        return ecx_1 & ~c;
    }
    if (word == offsetof(struct x86_env, cpuid_7_ebx)) {
        __get_cpuid_count(7, 0, &a, &b, &c, &d);
        return ebx_7 & ~b;
    }
    return 0;
}

/* --- MXCSR --- */

bool mxcsr_valid(const struct x86_env *env, uint32_t value)
{
    return !(value & ~(env->mxcsr_mask ? env->mxcsr_mask : MXCSR_MASK_DEFAULT));
}

void helper_ldmxcsr(struct x86_env *env, uint32_t value)
{
    if (!mxcsr_valid(env, value)) {
        x86_raise_error(env, EXC_GP, 0);
    }
    env->mxcsr = value;
    x86_update_mode(env);
}

uint32_t helper_stmxcsr(struct x86_env *env)
{
    return env->mxcsr;
}

void helper_sse_trap_raise(struct x86_env *env, uint32_t trapped)
{
    if (trapped) {
        x86_raise(env, env->cr[4] & CR4_OSXMMEXCPT ? EXC_XM : EXC_UD);
    }
}

/* --- masked stores --- */

static bool any_byte(const uint8_t *mask, unsigned size)
{
    bool any = false;

    for (unsigned i = 0; i < size; i++) {
        any |= mask[i] >> 7;
    }
    return any;
}

/* Silicon looks at the upper half first, and at all of it. */
void helper_maskmov(struct x86_env *env, uint64_t addr, void *src, void *mask, uint32_t size)
{
    const uint8_t *s = src, *m = mask;
    unsigned mmu = x86_mmu_index(env);
    uint64_t wrap = env->mode & MODE_CS64 ? ~0ull : 0xffffffff;
    bool same_page = (addr ^ (addr + size - 1)) < 4096;

    x86_check_alignment(env, addr, 8);
    for (unsigned at = size; at != 0 && any_byte(m, size); at -= 8) {
        if (same_page || any_byte(m + at - 8, 8)) {
            cpu_probe(env, (addr + at - 8) & wrap, 8, MMU_WRITE, mmu);
        }
    }
    for (unsigned i = 0; i < size; i++) {
        if (m[i] & 0x80) {
            cpu_stb(env, (addr + i) & wrap, s[i], mmu);
        }
    }
}

/* --- SHA --- */

static uint32_t sha256_round(uint32_t s[8], uint32_t wk)
{
    uint32_t a = s[0], e = s[4];
    uint32_t t = s[7] + wk + ((e & s[5]) ^ (~e & s[6])) +
                 (bits_rotr32(e, 6) ^ bits_rotr32(e, 11) ^ bits_rotr32(e, 25));
    uint32_t u = ((a & s[1]) ^ (a & s[2]) ^ (s[1] & s[2])) +
                 (bits_rotr32(a, 2) ^ bits_rotr32(a, 13) ^ bits_rotr32(a, 22));

    memmove(s + 1, s, 7 * sizeof(*s));
    s[4] += t;
    return s[0] = t + u;
}

void helper_sha256rnds2(struct x86_env *env, void *dst, void *src)
{
    union x86_xmm *cdgh = dst;
    const union x86_xmm *abef = src;
    uint32_t s[8] = { abef->l[3], abef->l[2], cdgh->l[3], cdgh->l[2],
                      abef->l[1], abef->l[0], cdgh->l[1], cdgh->l[0] };

    sha256_round(s, env->xmm[0].l[0]);
    sha256_round(s, env->xmm[0].l[1]);
    *cdgh = (union x86_xmm){ .l = { s[5], s[4], s[1], s[0] } };
}

/* --- SSE4.2 strings: SDM volume 1, "STTNI" --- */

struct strings {
    const union x86_xmm *a, *b;
    unsigned len_a, len_b, count;
    uint32_t imm;
};

static int element(const union x86_xmm *v, unsigned i, uint32_t imm)
{
    switch (imm & 3) {
    case 0: return v->b[i];
    case 1: return v->w[i];
    case 2: return (int8_t)v->b[i];
    default: return (int16_t)v->w[i];
    }
}

static bool equal_any(const struct strings *s, unsigned j)
{
    for (unsigned i = 0; i < s->len_a; i++) {
        if (element(s->a, i, s->imm) == element(s->b, j, s->imm)) {
            return j < s->len_b;
        }
    }
    return false;
}

static bool in_ranges(const struct strings *s, unsigned j)
{
    int x = element(s->b, j, s->imm);

    for (unsigned i = 0; i + 1 < s->len_a; i += 2) {
        if (x >= element(s->a, i, s->imm) && x <= element(s->a, i + 1, s->imm)) {
            return j < s->len_b;
        }
    }
    return false;
}

static bool equal_each(const struct strings *s, unsigned j)
{
    bool valid_a = j < s->len_a, valid_b = j < s->len_b;

    return valid_a && valid_b ? element(s->a, j, s->imm) == element(s->b, j, s->imm)
                              : valid_a == valid_b;
}

static bool equal_ordered(const struct strings *s, unsigned j)
{
    for (unsigned i = 0; i < s->len_a && i + j < s->count; i++) {
        if (i + j >= s->len_b || element(s->a, i, s->imm) != element(s->b, i + j, s->imm)) {
            return false;
        }
    }
    return true;
}

static unsigned compare_strings(const struct strings *s)
{
    static bool (*const aggregate[4])(const struct strings *, unsigned) = {
        equal_any, in_ranges, equal_each, equal_ordered,
    };
    unsigned result = 0, all = (1u << s->count) - 1;

    for (unsigned j = 0; j < s->count; j++) {
        result |= aggregate[s->imm >> 2 & 3](s, j) << j;
    }
    if (s->imm & 0x10) {
        result ^= s->imm & 0x20 ? (1u << s->len_b) - 1 : all;
    }
    return result;
}

static unsigned implicit_length(const union x86_xmm *v, unsigned count)
{
    unsigned n = 0;

    while (n < count && (count == 16 ? v->b[n] : v->w[n])) {
        n++;
    }
    return n;
}

static unsigned explicit_length(uint64_t reg, bool wide, unsigned count)
{
    int64_t n = wide ? (int64_t)reg : (int32_t)reg;
    uint64_t magnitude = n < 0 ? -(uint64_t)n : (uint64_t)n;

    return MIN_OF(magnitude, count);
}

/* Flags in the low, the index or (to XMM0) the mask in the high half. */
uint64_t helper_pcmpstr(struct x86_env *env, void *a, void *b, uint32_t imm)
{
    struct strings s = { .a = a, .b = b, .count = imm & 1 ? 8 : 16, .imm = imm };
    unsigned result, flags;

    if (imm & PCMPSTR_EXPLICIT) {
        s.len_a = explicit_length(env->regs[R_AX], imm & PCMPSTR_WIDE, s.count);
        s.len_b = explicit_length(env->regs[R_DX], imm & PCMPSTR_WIDE, s.count);
    } else {
        s.len_a = implicit_length(a, s.count);
        s.len_b = implicit_length(b, s.count);
    }
    result = compare_strings(&s);
    flags = (result ? FL_CF : 0) | (s.len_b < s.count ? FL_ZF : 0) |
            (s.len_a < s.count ? FL_SF : 0) | (result & 1 ? FL_OF : 0);
    if (imm & PCMPSTR_MASK) {
        union x86_xmm mask = { .q = { result, 0 } };

        for (unsigned i = 0; imm & 0x40 && i < 16; i++) {
            mask.b[i] = result >> (s.count == 16 ? i : i / 2) & 1 ? 0xff : 0;
        }
        env->xmm[0] = mask;
        return flags;
    }
    if (!result) {
        return flags | (uint64_t)s.count << 32;
    }
    return flags | (uint64_t)(imm & 0x40 ? 31 - bits_clz32(result) : bits_ctz32(result)) << 32;
}
