/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ptrace: ARM registers as PTRACE_GETREGS shows them. */
#include "linux-user/trace.h"

#include <linux/audit.h>
#include <string.h>
#include "linux-user/arm/arch.h"

/* struct pt_regs of arch/arm: r0 to r15, cpsr, and r0 as it was when the call began. */
enum { CPSR = 16, ORIG_R0, WORDS };
#define SET_CPSR 0xf80f0020u                    /* NZCVQ, GE and T */

#ifdef TARGET_ARM_BIG
const uint32_t user_arch_audit = AUDIT_ARCH_ARMEB;
#else
const uint32_t user_arch_audit = AUDIT_ARCH_ARM;
#endif
const unsigned user_arch_trace_number = 7 * 4;

void user_arch_trace_save(struct task *t, struct trace_box *box)
{
    struct arm_env *env = arm_env(t->cpu);
    uint32_t w[WORDS];

    memcpy(w, env->regs, 15 * 4);
    w[15] = box->pc = env->pc & ~1u;
    w[CPSR] = arm_cpsr_read(env);
    w[ORIG_R0] = env->regs[0];
    box->sp = env->regs[R_SP];
    memcpy(box->regs, w, sizeof(w));
    box->regs_size = sizeof(w);
    box->call[0] = t->trace_number;
    for (unsigned i = 0; i < 6; i++) {
        box->call[1 + i] = env->regs[i];
    }
}

void user_arch_trace_load(struct task *t, const struct trace_box *box)
{
    struct arm_env *env = arm_env(t->cpu);
    uint32_t w[WORDS];

    if (!(box->changed & TRACE_SET_REGS)) {
        return;
    }
    memcpy(w, box->regs, sizeof(w));
    memcpy(env->regs, w, 15 * 4);
    arm_cpsr_write(env, w[CPSR], SET_CPSR);
    env->pc = w[15];
    arm_update_mode(env);
}

const bool user_arch_steps = false;

void user_arch_step(struct task *t, bool on)
{
}
