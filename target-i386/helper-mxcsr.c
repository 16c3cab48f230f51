/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Unmasked SIMD exceptions (MODE_SSE_TRAPS): a helper before and after each instruction that may
 * raise one, before its result is written. The instruction runs with the guest's own masks, so the
 * host says which flags it leaves. When it traps, the signal handler notes them and lets it finish
 * with everything masked; its result is not used. Nothing that may touch MXCSR may come between.
 */
#include "target-i386/cpu.h"

#pragma GCC target("general-regs-only")
#include <pthread.h>
#include <signal.h>
#include <ucontext.h>

#include "target-i386/helpers.h"
#include "target-i386/simd.h"

static __thread struct {
    bool ready, open, trapped;
    uint32_t flags;
} window;

static struct sigaction others;

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

static void on_trap(int sig, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;

    if (!window.open) {
        if (others.sa_flags & SA_SIGINFO) {
            others.sa_sigaction(sig, info, context);
        } else {
            sigaction(SIGFPE, &others, NULL);   /* it comes again */
        }
        return;
    }
    window.trapped = true;
    window.flags = uc->uc_mcontext.fpregs->mxcsr & MXCSR_FLAGS;
    uc->uc_mcontext.fpregs->mxcsr |= MXCSR_MASKS;
}

static void catch_traps(void)
{
    struct sigaction act = { .sa_sigaction = on_trap,
                             .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };

    sigaction(SIGFPE, &act, &others);
}

static void get_ready(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    uint8_t vectors[512] __attribute__((aligned(16)));
    sigset_t set;

    asm volatile("fxsave %0" : "=m" (vectors));     /* the library does not know about them */
    pthread_once(&once, catch_traps);
    sigemptyset(&set);
    sigaddset(&set, SIGFPE);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    window.ready = true;
    asm volatile("fxrstor %0" : : "m" (vectors));
}

void helper_sse_trap_begin(struct x86_env *env)
{
    if (!window.ready) {
        get_ready();
    }
    env->mxcsr |= host_mxcsr() & MXCSR_FLAGS;
    window.trapped = false;
    window.open = true;
    host_mxcsr_load(env->mxcsr);
}

/* Whether the instruction has raised an unmasked exception */
uint32_t helper_sse_trap_end(struct x86_env *env)
{
    window.open = false;
    env->mxcsr |= window.trapped ? window.flags : host_mxcsr() & MXCSR_FLAGS;
    host_mxcsr_load(env->mxcsr | MXCSR_MASKS);
    return window.trapped;
}
