/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Unmasked SIMD exceptions (MODE_SSE_TRAPS): a helper before and after each instruction that may
 * raise one, before its result is written. They run with the guest's MXCSR in the host, all
 * exceptions masked, and change it; nothing that may touch MXCSR may come between.
 */
#include "target-i386/cpu.h"

#pragma GCC target("general-regs-only")
#include "target-i386/helpers.h"
#include "target-i386/simd.h"

static uint32_t host_mxcsr(void)
{
    uint32_t v;

    asm volatile("stmxcsr %0" : "=m" (v));
    return v;
}

static void host_mxcsr_load(uint32_t v)
{
    asm volatile("ldmxcsr %0" : : "m" (v));
}

void helper_sse_trap_begin(struct x86_env *env)
{
    uint32_t mxcsr = env->mxcsr |= host_mxcsr() & MXCSR_FLAGS;

    /* Unmasked underflow is any tiny result, even an exact one. So is what FZ flags, and without
       such a result FZ has no effect. */
    if (!(mxcsr & MXCSR_UM)) {
        mxcsr |= MXCSR_FZ;
    }
    host_mxcsr_load((mxcsr & ~MXCSR_FLAGS) | MXCSR_MASKS);
}

/* The unmasked exceptions among those that the instruction has raised */
uint32_t helper_sse_trap_end(struct x86_env *env)
{
    uint32_t flags = host_mxcsr() & MXCSR_FLAGS;
    uint32_t unmasked = flags & ~(env->mxcsr >> MXCSR_MASK_SHIFT);

    if (unmasked & MXCSR_BEFORE) {
        flags &= MXCSR_BEFORE;                  /* nothing was computed */
    }
    env->mxcsr |= flags;
    host_mxcsr_load(env->mxcsr | MXCSR_MASKS);
    return unmasked & flags;
}
