/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ptrace: ARM registers as PTRACE_GETREGS and its like show them. */
#include "linux-user/trace.h"

#include <errno.h>
#include <linux/audit.h>
#include <string.h>
#include "linux-user/arm/arch.h"
#include "linux-user/syscalls/thunk.h"

/* struct user_regs: r0 to r15, CPSR, r0 as the call began with it */
enum { WORDS = 18, SP = 13, PC = 15, CPSR, ORIG_R0, NUMBER = 7 };
#define USER_BITS 0xf80f0000u           /* NZCVQ, GE */

const uint32_t user_arch_audit = AUDIT_ARCH_ARM;
/* The kernel has no such request for ARM; debuggers set breakpoints instead. */
const bool user_arch_can_step = false;

void user_arch_trace_save(struct task *t, struct trace_box *box)
{
    struct arm_env *env = arm_env(t->cpu);

    for (unsigned i = 0; i < WORDS; i++) {
        uint32_t v = i < PC ? env->regs[i] : i == PC ? env->pc & ~1u :
                     i == CPSR ? arm_cpsr_read(env) : env->regs[0];

        thunk_put(box->regs + 4 * i, 4, v);
    }
    box->regs_size = 4 * WORDS;
    box->pc = env->pc & ~1u;
    box->sp = env->regs[SP];
    box->call[0] = t->trace_number;
    for (unsigned i = 0; i < 6; i++) {
        box->call[1 + i] = env->regs[i];
    }
    memcpy(box->xstate, env->d, sizeof(env->d));
    thunk_put(box->xstate + sizeof(env->d), 4, arm_fpscr_read(env));
}

void user_arch_trace_load(struct task *t, const struct trace_box *box)
{
    struct arm_env *env = arm_env(t->cpu);

    if (box->changed & TRACE_SET_REGS) {
        uint32_t cpsr = thunk_get(box->regs + 4 * CPSR, 4);

        for (unsigned i = 0; i < PC; i++) {
            env->regs[i] = thunk_get(box->regs + 4 * i, 4);
        }
        arm_cpsr_write(env, cpsr, USER_BITS);
        env->pc = ((uint32_t)thunk_get(box->regs + 4 * PC, 4) & ~1u) | (cpsr >> 5 & 1);
        arm_update_mode(env);
        if (box->kind == TRACE_ENTRY) {
            t->trace_number = env->regs[NUMBER];
        }
    }
    if (box->changed & TRACE_SET_XSTATE) {
        memcpy(env->d, box->xstate, sizeof(env->d));
        arm_fpscr_write(env, thunk_get(box->xstate + sizeof(env->d), 4));
    }
}

bool user_arch_trace_part(struct trace_box *box, uint64_t note, struct trace_part *p)
{
    enum { PRSTATUS = 1, ARM_VFP = 0x400, VFP_SIZE = 32 * 8 + 4 };

    if (note == PRSTATUS) {
        *p = (struct trace_part){ box->regs, box->regs_size, TRACE_SET_REGS };
    } else if (note == ARM_VFP) {
        *p = (struct trace_part){ box->xstate, VFP_SIZE, TRACE_SET_XSTATE };
    } else {
        return false;
    }
    return true;
}

uint64_t user_arch_trace_note(int request)
{
    switch (request & ~1) {
    case 12: return 1;                  /* PTRACE_GETREGS and PTRACE_SETREGS */
    case 26: case 28: return 0x400;     /* PTRACE_GETVFPREGS is 27, PTRACE_SETVFPREGS 28 */
    default: return 0;
    }
}

bool user_arch_trace_sets(int request)
{
    return request == 13 || request == 28;
}

int64_t user_arch_trace_set_debug(struct trace_box *box, unsigned n, uint64_t value)
{
    return -EIO;
}

void user_arch_step(struct task *t, bool on)
{
}
