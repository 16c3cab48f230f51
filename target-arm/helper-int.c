/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Helpers of integer instructions: saturation, SIMD in a register, what divides. */
#include <stdlib.h>
#include "target-arm/helpers.h"
#include "target-arm/sys.h"

/* Called from translated code with vector registers in use. */
#define PLAIN __attribute__((target("general-regs-only")))

PLAIN static uint32_t saturate(struct arm_env *env, int64_t v, unsigned bits)
{
    int64_t max = (1ll << (bits - 1)) - 1, min = -max - 1;

    if (v > max || v < min) {
        env->qf = 1;
        return (uint32_t)(v > max ? max : min);
    }
    return (uint32_t)v;
}

PLAIN static uint32_t saturate_unsigned(struct arm_env *env, int64_t v, unsigned bits)
{
    int64_t max = (1ll << bits) - 1;

    if (v < 0 || v > max) {
        env->qf = 1;
        return (uint32_t)(v < 0 ? 0 : max);
    }
    return (uint32_t)v;
}

PLAIN uint32_t helper_qadd(struct arm_env *env, uint32_t a, uint32_t b)
{
    return saturate(env, (int64_t)(int32_t)a + (int32_t)b, 32);
}

PLAIN uint32_t helper_qsub(struct arm_env *env, uint32_t a, uint32_t b)
{
    return saturate(env, (int64_t)(int32_t)a - (int32_t)b, 32);
}

/* bits: as encoded, one less for signed results. */
PLAIN uint32_t helper_ssat(struct arm_env *env, uint32_t v, uint32_t bits)
{
    return saturate(env, (int32_t)v, (bits & 31) + 1);
}

PLAIN uint32_t helper_usat(struct arm_env *env, uint32_t v, uint32_t bits)
{
    return saturate_unsigned(env, (int32_t)v, bits & 31);
}

PLAIN uint32_t helper_ssat16(struct arm_env *env, uint32_t v, uint32_t bits)
{
    uint32_t low = saturate(env, (int16_t)v, (bits & 15) + 1);

    return (low & 0xffff) | saturate(env, (int16_t)(v >> 16), (bits & 15) + 1) << 16;
}

PLAIN uint32_t helper_usat16(struct arm_env *env, uint32_t v, uint32_t bits)
{
    uint32_t low = saturate_unsigned(env, (int16_t)v, bits & 15);

    return low | saturate_unsigned(env, (int16_t)(v >> 16), bits & 15) << 16;
}

void helper_misaligned(struct arm_env *env, uint32_t addr, uint32_t write)
{
    arm_misaligned(env_cpu(env), addr, 4, write ? MMU_WRITE : MMU_READ, arm_mmu_index(env));
}

/* --- additions and subtractions of parts ----------------------------------------------------- */

enum { PAR_SIGNED = 1, PAR_SATURATE = 2, PAR_HALVE = 3 };

/* One part's sum: as the first argument of the instruction says. *ge: its carry or sign. */
PLAIN static uint32_t part(unsigned op1, int32_t a, int32_t b, bool subtract, unsigned bits,
                           bool *ge)
{
    bool is_signed = op1 < 4;
    int32_t sum = subtract ? a - b : a + b;
    int32_t max = is_signed ? (1 << (bits - 1)) - 1 : (1 << bits) - 1;
    int32_t min = is_signed ? -max - 1 : 0;

    *ge = is_signed || subtract ? sum >= 0 : sum > max;
    switch (op1 & 3) {
    case PAR_SATURATE:
        sum = sum > max ? max : sum < min ? min : sum;
        break;
    case PAR_HALVE:
        sum >>= 1;
        break;
    }
    return (uint32_t)sum & ((1u << bits) - 1);
}

PLAIN static int32_t extract(uint32_t v, unsigned shift, unsigned bits, bool is_signed)
{
    uint32_t field = v << (32 - bits - shift);

    return is_signed ? (int32_t)field >> (32 - bits) : (int32_t)(field >> (32 - bits));
}

PLAIN static uint32_t parallel16(unsigned op1, unsigned op2, uint32_t a, uint32_t b, uint32_t *ge)
{
    /* ADD16, ASX, SAX, SUB16: which half subtracts, and whether rm's halves are exchanged */
    static const uint8_t subtracts[4] = { 0, 1, 2, 3 };
    bool exchange = op2 == 1 || op2 == 2, s = op1 < 4, flag;
    uint32_t r;

    if (exchange) {
        b = b >> 16 | b << 16;
    }
    r = part(op1, extract(a, 0, 16, s), extract(b, 0, 16, s), subtracts[op2] & 1, 16, &flag);
    *ge = flag ? 3 : 0;
    r |= part(op1, extract(a, 16, 16, s), extract(b, 16, 16, s), subtracts[op2] & 2, 16,
              &flag) << 16;
    *ge |= flag ? 12 : 0;
    return r;
}

/* how: op1 << 3 | op2 as A32 encodes them */
PLAIN uint32_t helper_parallel(struct arm_env *env, uint32_t a, uint32_t b, uint32_t how)
{
    unsigned op1 = how >> 3 & 7, op2 = how & 7;
    uint32_t r = 0, ge = 0;

    if (op2 < 4) {
        r = parallel16(op1, op2, a, b, &ge);
    } else {
        for (unsigned i = 0; i < 4; i++) {
            bool flag;

            r |= part(op1, extract(a, 8 * i, 8, op1 < 4), extract(b, 8 * i, 8, op1 < 4), op2 == 7,
                      8, &flag) << 8 * i;
            ge |= (uint32_t)flag << i;
        }
    }
    if ((op1 & 3) == PAR_SIGNED) {
        env->ge = arm_ge_spread(ge);
    }
    return r;
}

PLAIN uint32_t helper_rbit(struct arm_env *env, uint32_t v)
{
    v = (v >> 1 & 0x55555555) | (v & 0x55555555) << 1;
    v = (v >> 2 & 0x33333333) | (v & 0x33333333) << 2;
    v = (v >> 4 & 0x0f0f0f0f) | (v & 0x0f0f0f0f) << 4;
    return __builtin_bswap32(v);
}

/* By zero gives zero, and the one overflow its dividend. */
PLAIN uint32_t helper_sdiv(struct arm_env *env, uint32_t a, uint32_t b)
{
    if (b == 0) {
        return 0;
    }
    return b == ~0u ? -a : (uint32_t)((int32_t)a / (int32_t)b);
}

/* --- status ---------------------------------------------------------------------------------- */

void helper_raise(struct arm_env *env, uint32_t exception)
{
    arm_raise(env, (int)exception);
}

_Noreturn void arm_raise(struct arm_env *env, int exception)
{
    env_cpu(env)->exception = exception;
    cpu_raise(env_cpu(env));
}

void helper_leave_it(struct arm_env *env, uint32_t it)
{
    env->it = it;
}

uint32_t helper_mrs(struct arm_env *env, uint32_t spsr)
{
    unsigned bank = arm_bank(env->cpsr & PSR_MODE);

    if (spsr) {
        return bank == BANK_USR ? 0 : env->spsr[bank];
    }
    /* The execution state reads as zero. */
    return arm_cpsr_read(env) & ~(PSR_IT | PSR_J | PSR_T);
}

static uint32_t byte_mask(uint32_t fields)
{
    return (fields & 1 ? 0xff : 0) | (fields & 2 ? 0xff00 : 0) | (fields & 4 ? 0xff0000 : 0) |
           (fields & 8 ? 0xff000000 : 0);
}

void helper_msr(struct arm_env *env, uint32_t value, uint32_t mask)
{
    uint32_t bits = byte_mask(mask);
    unsigned bank = arm_bank(env->cpsr & PSR_MODE);
    bool privileged = (env->cpsr & PSR_MODE) != MODE_USR;

    if (mask & 16) {
        if (bank != BANK_USR) {
            env->spsr[bank] = (env->spsr[bank] & ~bits) | (value & bits);
        }
        return;
    }
    bits &= ~(PSR_IT | PSR_J | PSR_T);
    if (!privileged) {
        bits &= PSR_NZCV | PSR_Q | PSR_GE | PSR_E;
    }
    if (!arm_has(env, F_V6)) {
        bits &= ~(uint32_t)(PSR_GE | PSR_E | PSR_A);
    }
    if (!arm_has(env, F_DSP)) {
        bits &= ~(uint32_t)PSR_Q;
    }
    arm_cpsr_write(env, value, bits);
}

void helper_setend(struct arm_env *env, uint32_t big)
{
    arm_cpsr_write(env, big ? PSR_E : 0, PSR_E);
}
