/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The arithmetic flags at run time: what the lazy state in env stands for. */
/* So that translated code need not save its vector registers around the helper. */
#if defined(__x86_64__) || defined(__i386__)
#pragma GCC target("general-regs-only")
#endif
#include "target-i386/flags.h"

#include "target-i386/helpers.h"

enum { TOP_BIT = TARGET_WORD_BITS - 1 };

static uint32_t parity(x86_word result)
{
    return __builtin_parity(result & 0xff) ? 0 : FL_PF;
}

/* ZF, SF and PF of a result whose bits above the size are anything. */
static uint32_t flags_of_result(x86_word r, unsigned bits)
{
    x86_word top = r << (TARGET_WORD_BITS - bits);

    return (top == 0 ? FL_ZF : 0) | (top >> TOP_BIT ? FL_SF : 0) | parity(r);
}

/* CF, AF and OF from the carries out of every bit of an addition, or borrows of a subtraction. */
static uint32_t flags_of_carries(x86_word carries, unsigned bits)
{
    uint32_t top = carries >> (bits - 1) & 1, below = carries >> (bits - 2) & 1;

    return (top ? FL_CF : 0) | (carries & 8 ? FL_AF : 0) | (top != below ? FL_OF : 0);
}

static uint32_t flags_of_add(x86_word a, x86_word b, x86_word r, unsigned bits)
{
    return flags_of_result(r, bits) | flags_of_carries((a & b) | ((a | b) & ~r), bits);
}

static uint32_t flags_of_sub(x86_word a, x86_word b, x86_word r, unsigned bits)
{
    return flags_of_result(r, bits) | flags_of_carries((~a & b) | ((~a | b) & r), bits);
}

static x86_word zero_extend(x86_word a, unsigned bits)
{
    return a << (TARGET_WORD_BITS - bits) >> (TARGET_WORD_BITS - bits);
}

static x86_sword sign_extend(x86_word a, unsigned bits)
{
    return (x86_sword)(a << (TARGET_WORD_BITS - bits)) >> (TARGET_WORD_BITS - bits);
}

/* OF as for a count of 1, which is also what processors give for others. */
static uint32_t flags_of_shl(x86_word a, unsigned count, unsigned bits)
{
    x86_word before = a << (count - 1), r = before << 1;
    uint32_t carry = count <= bits ? before >> (bits - 1) & 1 : 0;
    uint32_t sign = r >> (bits - 1) & 1;

    return flags_of_result(r, bits) | (carry ? FL_CF : 0) | (carry != sign ? FL_OF : 0);
}

static uint32_t flags_of_shr(x86_word a, unsigned count, unsigned bits)
{
    x86_word z = zero_extend(a, bits), before = z >> (count - 1);

    return flags_of_result(before >> 1, bits) | (before & 1 ? FL_CF : 0) |
           (before >> (bits - 1) & 1 ? FL_OF : 0);
}

static uint32_t flags_of_sar(x86_word a, unsigned count, unsigned bits)
{
    x86_sword before = sign_extend(a, bits) >> (count - 1);

    return flags_of_result(before >> 1, bits) | (before & 1 ? FL_CF : 0);
}

static uint32_t flags_of_imul(x86_word a, x86_word b, unsigned bits)
{
    int64_t product;
    bool overflow = __builtin_mul_overflow((int64_t)sign_extend(a, bits),
                                           (int64_t)sign_extend(b, bits), &product);

    overflow |= sign_extend((x86_word)product, bits) != product;
    return (overflow ? FL_CF | FL_OF : 0) | (flags_of_result(product, bits) & (FL_SF | FL_PF));
}

uint32_t x86_flags_of(unsigned cc_op, x86_word a, x86_word b, x86_word c)
{
    unsigned bits = 8 * CC_SIZE(cc_op);

    switch (CC_KIND(cc_op)) {
    case CC_PACKED:
        if (cc_op == CC_MUL) {
            return (b ? FL_CF | FL_OF : 0) | (a >> TOP_BIT ? FL_SF : 0) | parity(a);
        }
        return a & FL_ARITH;
    case CC_ADD: return flags_of_add(a - b, b, a, bits);
    case CC_ADC: return flags_of_add(a - b - c, b, a, bits);
    case CC_SUB: return flags_of_sub(a + b, b, a, bits);
    case CC_SBB: return flags_of_sub(a + b + c, b, a, bits);
    case CC_CMP: return flags_of_sub(a, b, a - b, bits);
    case CC_LOGIC: return flags_of_result(a, bits);
    case CC_INC: return (flags_of_add(a - 1, 1, a, bits) & ~FL_CF) | (b & 1);
    case CC_DEC: return (flags_of_sub(a + 1, 1, a, bits) & ~FL_CF) | (b & 1);
    case CC_SHL: return flags_of_shl(a, b & 63, bits);
    case CC_SHR: return flags_of_shr(a, b & 63, bits);
    case CC_SAR: return flags_of_sar(a, b & 63, bits);
    case CC_IMUL: return flags_of_imul(a, b, bits);
    }
    return 0;
}

uint32_t x86_arith_flags(struct x86_env *env)
{
    return x86_flags_of(env->cc_op, env->cc_a, env->cc_b, env->cc_c);
}

uint32_t helper_arith_flags(struct x86_env *env)
{
    return x86_arith_flags(env);
}

uint32_t x86_get_eflags(struct x86_env *env)
{
    return (env->eflags & ~(FL_ARITH | FL_DF)) | x86_arith_flags(env) | (env->df < 0 ? FL_DF : 0);
}

void x86_load_eflags(struct x86_env *env, uint32_t flags)
{
    env->cc_op = CC_PACKED;
    env->cc_a = flags & FL_ARITH;
    env->cc_b = env->cc_c = 0;
    env->df = flags & FL_DF ? -1 : 1;
    env->eflags = (flags & ~(FL_ARITH | FL_DF)) | 2;
}

void x86_set_eflags(struct x86_env *env, uint32_t value, uint32_t mask)
{
    /* When all lazy ones are replaced there is no need to work them out. */
    uint32_t old = ~mask & (FL_ARITH | FL_DF) ? x86_get_eflags(env) : env->eflags;

    x86_load_eflags(env, (old & ~mask) | (value & mask));
}
