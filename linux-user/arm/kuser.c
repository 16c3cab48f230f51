/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The helpers that each ARM program finds at 0xffff0fxx (Documentation/arm/kernel_user_helpers):
 * a memory barrier, compare-and-exchange, the thread pointer. They are plain guest code; where the
 * processor lacks the instructions for it, they call the kernel, which is us.
 */
#include "linux-user/arm/arch.h"

#include <string.h>
#include <sys/mman.h>
#include "base/bits.h"
#include "base/error.h"

#define KUSER_PAGE 0xffff0000u
enum { CMPXCHG64 = 0xf60, BARRIER = 0xfa0, CMPXCHG = 0xfc0, GET_TLS = 0xfe0, TLS_WORD = 0xff0,
       VERSION = 0xffc };

/* ARMv6K and up */
static const uint32_t barrier_v6[] = {
    0xee070fba,                     /* mcr p15, 0, r0, c7, c10, 5 */
    0xe12fff1e,                     /* bx lr */
};
static const uint32_t cmpxchg_v6[] = {
    0xee070fba,                     /* mcr p15, 0, r0, c7, c10, 5 */
    0xe1923f9f,                     /* 1: ldrex r3, [r2] */
    0xe0533000,                     /* subs r3, r3, r0 */
    0x01823f91,                     /* strexeq r3, r1, [r2] */
    0x03330001,                     /* teqeq r3, #1 */
    0x0afffffa,                     /* beq 1b */
    0xe2730000,                     /* rsbs r0, r3, #0 */
    0xea000000 | ((BARRIER - (CMPXCHG + 28) - 8) >> 2 & 0xffffff),  /* b barrier */
};
static const uint32_t cmpxchg64_v6[] = {
    0xe92d40f0,                     /* push {r4-r7, lr} */
    0xe1c040d0,                     /* ldrd r4, r5, [r0] */
    0xe1c160d0,                     /* ldrd r6, r7, [r1] */
    0xee070fba,                     /* mcr p15, 0, r0, c7, c10, 5 */
    0xe1b20f9f,                     /* 1: ldrexd r0, r1, [r2] */
    0xe0303004,                     /* eors r3, r0, r4 */
    0x00313005,                     /* eorseq r3, r1, r5 */
    0x01a23f96,                     /* strexdeq r3, r6, r7, [r2] */
    0x03330001,                     /* teqeq r3, #1 */
    0x0afffff9,                     /* beq 1b */
    0xee070fba,                     /* mcr p15, 0, r0, c7, c10, 5 */
    0xe2730000,                     /* rsbs r0, r3, #0 */
    0xe8bd80f0,                     /* pop {r4-r7, pc} */
};
static const uint32_t get_tls_v6[] = {
    0xee1d0f70,                     /* mrc p15, 0, r0, c13, c0, 3 */
    0xe12fff1e,                     /* bx lr */
};
/* Before */
static const uint32_t barrier_old[] = { 0xe1a0f00e /* mov pc, lr */ };
static const uint32_t cmpxchg_old[] = {
    0xef900000 | ARM_NR_CMPXCHG,    /* svc */
    0xe1a0f00e,
};
static const uint32_t get_tls_old[] = {
    0xef900000 | ARM_NR_GET_TLS,
    0xe1a0f00e,
};

static void put(uint8_t *page, bool big, unsigned offset, const uint32_t *code, size_t size)
{
    for (size_t i = 0; i < size / 4; i++) {
        if (big) {
            st32_be(page + offset + 4 * i, code[i]);
        } else {
            st32_le(page + offset + 4 * i, code[i]);
        }
    }
}

void arm_map_kuser_page(struct arm_env *env)
{
    uint8_t page[USER_PAGE] = { 0 };
    bool big = env->big_endian && !env->be8;
    uint32_t version = 5;

    if (arm_has(env, F_V6K)) {
        put(page, big, BARRIER, barrier_v6, sizeof(barrier_v6));
        put(page, big, CMPXCHG, cmpxchg_v6, sizeof(cmpxchg_v6));
        put(page, big, CMPXCHG64, cmpxchg64_v6, sizeof(cmpxchg64_v6));
        put(page, big, GET_TLS, get_tls_v6, sizeof(get_tls_v6));
    } else {
        put(page, big, BARRIER, barrier_old, sizeof(barrier_old));
        put(page, big, CMPXCHG, cmpxchg_old, sizeof(cmpxchg_old));
        put(page, big, GET_TLS, get_tls_old, sizeof(get_tls_old));
        version = 3;
    }
    put(page, env->big_endian, VERSION, &version, sizeof(version));
    if (user_top < KUSER_PAGE || !user_map_page(KUSER_PAGE, page, PROT_READ | PROT_EXEC)) {
        error_exit("cannot map the page of kernel helpers at 0x%x; see -R", KUSER_PAGE);
    }
}

void arm_set_tls(struct arm_env *env, uint32_t value)
{
    env->cp15.tpidruro = value;
}

void arm_kuser_cmpxchg(struct task *t)
{
    struct arm_env *env = arm_env(t->cpu);
    uint32_t addr = env->regs[2], old = env->regs[0], new = env->regs[1], seen;
    bool done = false;

    if (!user_access(addr, 4, PROT_READ | PROT_WRITE) || addr & 3) {
        user_force_signal(t, SIGSEGV, SEGV_MAPERR, addr);
        return;
    }
    if (env->big_endian) {
        old = __builtin_bswap32(old);
        new = __builtin_bswap32(new);
    }
    seen = old;
    done = __atomic_compare_exchange_n((uint32_t *)user_out(addr, 4), &seen, new, false,
                                       __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    env->regs[0] = !done;
    arm_cpsr_write(env, done ? PSR_C : 0, PSR_C | PSR_NZCV);
}
