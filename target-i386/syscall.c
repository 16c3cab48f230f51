/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SYSCALL, SYSRET, SYSENTER, SYSEXIT. The first two are on every system call's way: they touch no
 * vector register and raise nothing (the translator does), so that their thunks are short.
 */
#pragma GCC target("general-regs-only")
#include "target-i386/sys.h"
#include "target-i386/helpers.h"

enum {
    CODE_FLAGS = DESC_P | DESC_S | DESC_CODE | DESC_RW | DESC_A | DESC_G,
    DATA_FLAGS = DESC_P | DESC_S | DESC_RW | DESC_A | DESC_DB | DESC_G,
};

/* Flat code and stack segments of the given ring; `bits' are DESC_DB or DESC_L. */
static void set_flat(struct x86_env *env, uint16_t cs, uint16_t ss, unsigned cpl, uint32_t bits)
{
    uint32_t dpl = cpl << DESC_DPL_SHIFT;

    x86_seg_set(env, SEG_CS, cs, 0, 0xffffffff, CODE_FLAGS | dpl | bits);
    x86_seg_set(env, SEG_SS, ss, 0, 0xffffffff, DATA_FLAGS | dpl);
    env->cpl = cpl;
}

void helper_syscall(struct x86_env *env, x86_word next_pc)
{
    uint16_t selector = (uint16_t)(env->star >> 32 & 0xfffc);

    if (env_cpu(env)->user) {
        env->regs[R_CX] = env->pc = next_pc;
#if TARGET_WORD_BITS == 64
        env->regs[R_R8 + 3] = x86_get_eflags(env);
#endif
        env_cpu(env)->exception = EXC_SYSCALL;
        return;
    }
    if (x86_long_mode(env)) {
        bool wide = x86_code64(env);
        uint32_t flags = x86_get_eflags(env);

        env->regs[R_CX] = next_pc;
#if TARGET_WORD_BITS == 64
        env->regs[R_R8 + 3] = flags & ~FL_RF;
#endif
        x86_load_eflags(env, flags & ~((uint32_t)env->fmask & ~FL_VM));
        set_flat(env, selector, selector + 8, 0, DESC_L);
        env->pc = (x86_word)(wide ? env->lstar : env->cstar);
    } else {
        env->regs[R_CX] = (uint32_t)next_pc;
        env->eflags &= ~(FL_IF | FL_RF | FL_VM);
        set_flat(env, selector, selector + 8, 0, DESC_DB);
        env->pc = (uint32_t)env->star;
    }
    x86_update_flow(env);
}

void helper_poll_interrupts(struct x86_env *env)
{
    x86_poll_interrupts(env);
}

/* size: 8 returns to 64-bit code, 4 to 32-bit code. CPL, mode and RCX are checked. */
void helper_sysret(struct x86_env *env, uint32_t size)
{
    uint16_t selector = (uint16_t)(env->star >> 48);
    uint64_t target = env->regs[R_CX];

    if (x86_long_mode(env)) {
#if TARGET_WORD_BITS == 64
        x86_set_eflags(env, (uint32_t)env->regs[R_R8 + 3], FL_ARITH | FL_DF | FL_TF | FL_IF |
                       FL_IOPL | FL_NT | FL_AC | FL_VIF | FL_VIP | FL_ID);
        env->eflags &= ~FL_RF;
#endif
    } else {
        env->eflags |= FL_IF;
    }
    if (size == 8) {
        set_flat(env, (selector + 16) | 3, (selector + 8) | 3, 3, DESC_L);
    } else {
        set_flat(env, selector | 3, (selector + 8) | 3, 3, DESC_DB);
        target = (uint32_t)target;
    }
    env->pc = (x86_word)target;
    x86_update_flow(env);
    x86_poll_interrupts(env);
}

void helper_sysenter(struct x86_env *env)
{
    uint16_t selector = (uint16_t)(env->sysenter_cs & 0xfffc);
    bool wide = x86_long_mode(env);

    if (!(env->cr[0] & CR0_PE) || !selector) {
        x86_raise_error(env, EXC_GP, 0);
    }
    env->eflags &= ~(FL_VM | FL_IF | FL_RF);
    set_flat(env, selector, selector + 8, 0, wide ? DESC_L : DESC_DB);
    env->regs[R_SP] = wide ? (x86_word)env->sysenter_esp : (uint32_t)env->sysenter_esp;
    env->pc = wide ? (x86_word)env->sysenter_eip : (uint32_t)env->sysenter_eip;
    x86_update_flow(env);
}

void helper_sysexit(struct x86_env *env, uint32_t size)
{
    uint16_t selector = (uint16_t)(env->sysenter_cs & 0xfffc);
    uint64_t pc = env->regs[R_DX], sp = env->regs[R_CX];

    if (!(env->cr[0] & CR0_PE) || !selector || env->cpl != 0) {
        x86_raise_error(env, EXC_GP, 0);
    }
    if (size == 8) {
        if (!x86_canonical(pc) || !x86_canonical(sp)) {
            x86_raise_error(env, EXC_GP, 0);
        }
        set_flat(env, (selector + 32) | 3, (selector + 40) | 3, 3, DESC_L);
    } else {
        set_flat(env, (selector + 16) | 3, (selector + 24) | 3, 3, DESC_DB);
        pc = (uint32_t)pc;
        sp = (uint32_t)sp;
    }
    env->regs[R_SP] = (x86_word)sp;
    env->pc = (x86_word)pc;
    x86_update_flow(env);
}
