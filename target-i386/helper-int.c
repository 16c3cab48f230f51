/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Run-time helpers of the integer instructions. */
#include <string.h>
#include <sys/random.h>
#include "tcg/softmmu.h"
#include "target-i386/flags.h"
#include "target-i386/helpers.h"
#include "target-i386/sys.h"

void helper_raise(struct x86_env *env, uint32_t vector)
{
    x86_raise(env, vector);
}

void helper_raise_error(struct x86_env *env, uint32_t vector, uint32_t error)
{
    x86_raise_error(env, vector, error);
}

/* --- flags ----------------------------------------------------------------------------------- */

void helper_popf(struct x86_env *env, uint32_t flags, uint32_t mask)
{
    uint32_t old = env->eflags;

    x86_set_eflags(env, flags & ~FL_RF, mask);
    if (old & ~env->eflags & FL_TF) {
        env->db_pending |= DR6_BS;  /* this instruction began with TF */
    }
    if ((old ^ env->eflags) & (FL_TF | FL_AC | FL_IOPL)) {
        x86_update_mode(env);
    }
    if (env->eflags & ~old & FL_IF) {
        x86_poll_interrupts(env);
    }
}

uint32_t helper_virtual_flags(struct x86_env *env)
{
    uint32_t flags = x86_get_eflags(env);

    if (!(env->cr[4] & CR4_VME)) {
        x86_raise_error(env, EXC_GP, 0);
    }
    return (flags & ~(FL_IF | FL_RF)) | FL_IOPL | (flags & FL_VIF ? FL_IF : 0);
}

void helper_popf_virtual(struct x86_env *env, uint32_t flags)
{
    if ((flags & FL_TF) || ((flags & FL_IF) && (env->eflags & FL_VIP))) {
        x86_raise_error(env, EXC_GP, 0);
    }
    x86_set_eflags(env, flags, FL_ARITH | FL_DF | FL_NT);
    env->eflags = (env->eflags & ~FL_VIF) | (flags & FL_IF ? FL_VIF : 0);
}

/* --- arithmetic ------------------------------------------------------------------------------ */

/* A rotate through CF is one of a value that is a bit longer. */
static unsigned rotate_count(uint32_t how, unsigned *bits)
{
    *bits = 8 * (how >> 8 & 15);
    return (how & 63) % (*bits + 1);
}

static unsigned __int128 rotate_long(uint64_t v, uint32_t how, uint32_t flags)
{
    unsigned bits, n = rotate_count(how, &bits);
    unsigned __int128 x = v & (~0ull >> (64 - bits));
    unsigned __int128 mask = ((unsigned __int128)1 << (bits + 1)) - 1;

    x |= (unsigned __int128)(flags & FL_CF) << bits;
    n = how >> 16 ? (bits + 1 - n) % (bits + 1) : n;
    return n ? (x << n | x >> (bits + 1 - n)) & mask : x;
}

uint64_t helper_rotate_carry(struct x86_env *env, uint64_t v, uint32_t how, uint32_t flags)
{
    unsigned bits;

    rotate_count(how, &bits);
    return (uint64_t)rotate_long(v, how, flags) & (~0ull >> (64 - bits));
}

uint32_t helper_rotate_carry_flags(struct x86_env *env, uint64_t v, uint32_t how, uint32_t flags)
{
    unsigned __int128 x = rotate_long(v, how, flags);
    unsigned bits, carry, top, below;

    if (rotate_count(how, &bits) == 0) {
        return flags;
    }
    carry = x >> bits & 1;
    top = x >> (bits - 1) & 1;
    below = x >> (bits - 2) & 1;
    flags &= FL_ARITH & ~(FL_CF | FL_OF);
    return flags | carry | ((how >> 16 ? top != below : top != carry) ? FL_OF : 0);
}

static uint32_t result_flags8(uint8_t r)
{
    return x86_flags_of(CC_LOGIC, r, 0, 0);
}

static uint32_t decimal_adjust(uint8_t *al, uint32_t old, bool subtract)
{
    uint8_t before = *al, delta = 0;
    uint32_t f = 0;

    if ((before & 15) > 9 || old & FL_AF) {
        delta = 6;
        f |= FL_AF;
    }
    if (before > 0x99 || old & FL_CF) {
        delta += 0x60;
        f |= FL_CF;
    } else if (subtract ? before < delta : before > 0xff - delta) {
        f |= FL_CF;
    }
    *al = subtract ? before - delta : before + delta;
    return f | result_flags8(*al);
}

static uint32_t ascii_adjust(uint16_t *ax, uint32_t old, bool subtract)
{
    uint32_t f = 0;

    if ((*ax & 15) > 9 || old & FL_AF) {
        *ax = subtract ? *ax - 0x106 : *ax + 0x106;
        f = FL_AF | FL_CF;
    }
    *ax &= 0xff0f;
    return f | result_flags8(*ax);
}

void helper_bcd(struct x86_env *env, uint32_t which)
{
    uint32_t old = x86_arith_flags(env), f;
    uint16_t ax = env->regs[R_AX];
    uint8_t al = ax;

    if (which < 2) {
        f = decimal_adjust(&al, old, which & 1);
        ax = (ax & 0xff00) | al;
    } else {
        f = ascii_adjust(&ax, old, which & 1);
    }
    env->regs[R_AX] = (env->regs[R_AX] & ~(x86_word)0xffff) | ax;
    env->cc_op = CC_PACKED;
    env->cc_a = f;
}

uint64_t helper_random(struct x86_env *env)
{
    uint64_t v = 0;

    if (getrandom(&v, sizeof(v), 0) != sizeof(v)) {
        v = 0;
    }
    return v;
}

#if TARGET_WORD_BITS == 64
void helper_div64(struct x86_env *env, uint64_t divisor)
{
    uint64_t low = env->regs[R_AX], high = env->regs[R_DX];
    unsigned __int128 n = (unsigned __int128)high << 64 | low;

    if (high >= divisor) {
        x86_raise(env, EXC_DE);
    }
    if (high == 0) {
        env->regs[R_AX] = low / divisor;
        env->regs[R_DX] = low % divisor;
    } else {
        env->regs[R_AX] = (uint64_t)(n / divisor);
        env->regs[R_DX] = (uint64_t)(n % divisor);
    }
}

void helper_idiv64(struct x86_env *env, uint64_t divisor)
{
    int64_t low = env->regs[R_AX], high = env->regs[R_DX], d = divisor;
    __int128 n = (__int128)((unsigned __int128)(uint64_t)high << 64 | (uint64_t)low), q;

    if (d != 0 && high == low >> 63 && d != -1) {
        env->regs[R_AX] = low / d;
        env->regs[R_DX] = low % d;
        return;
    }
    /* The one quotient that not even 128 bits hold comes from the smallest n. */
    if (d == 0 || (high == INT64_MIN && low == 0)) {
        x86_raise(env, EXC_DE);
    }
    q = n / d;
    if (q != (int64_t)q) {
        x86_raise(env, EXC_DE);
    }
    env->regs[R_AX] = (uint64_t)q;
    env->regs[R_DX] = (uint64_t)(n - q * d);
}

/* Atomic in plain RAM; elsewhere two loads and two stores. */
static bool compare_exchange16(struct x86_env *env, uint64_t address, uint64_t old[2],
                               const uint64_t new[2])
{
    unsigned idx = x86_mmu_index(env);
    uint64_t *p = softmmu_atomic(env, address, MO_128 | idx << MO_IDX_SHIFT);
    uint64_t now[2];
    bool equal;

    if (p) {
#ifdef __x86_64__
        __asm__ volatile("lock cmpxchg16b %1"
                         : "=@ccz"(equal), "+m"(*(unsigned __int128 *)p), "+a"(old[0]), "+d"(old[1])
                         : "b"(new[0]), "c"(new[1]) : "memory");
        return equal;
#else
#error "no 16-byte compare and exchange on this host"
#endif
    }
    now[0] = cpu_ldq(env, address, idx);
    now[1] = cpu_ldq(env, address + 8, idx);
    equal = now[0] == old[0] && now[1] == old[1];
    cpu_stq(env, address, equal ? new[0] : now[0], idx);
    cpu_stq(env, address + 8, equal ? new[1] : now[1], idx);
    old[0] = now[0];
    old[1] = now[1];
    return equal;
}

uint32_t helper_cmpxchg16b(struct x86_env *env, uint64_t address)
{
    uint64_t old[2] = { env->regs[R_AX], env->regs[R_DX] };
    const uint64_t new[2] = { env->regs[R_BX], env->regs[R_CX] };

    if (address & 15) {
        x86_raise_error(env, EXC_GP, 0);
    }
    if (compare_exchange16(env, address, old, new)) {
        return FL_ZF;
    }
    env->regs[R_AX] = old[0];
    env->regs[R_DX] = old[1];
    return 0;
}
#endif
