/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What leaves a process for its kernel, and what a kernel would refuse it. */
#include "target-arm/cp15.h"
#include "target-arm/helpers.h"
#include "target-arm/sys.h"

/* The region leaves for the loop behind it. */
void helper_svc(struct arm_env *env, uint32_t imm, uint32_t next_pc)
{
    env->pc = next_pc;
    env->fault_status = imm;
    env_cpu(env)->exception = EXC_SVC;
}

/* The alignment fault of what the kernel does not repair. */
void arm_misaligned(struct cpu *cpu, uint64_t vaddr, unsigned size, enum mmu_access access,
                    unsigned mmu_idx)
{
    arm_env(cpu)->fault_addr = vaddr;
    arm_raise(arm_env(cpu), EXC_DATA);
}

void helper_bkpt(struct arm_env *env, uint32_t imm)
{
    arm_raise(env, EXC_BKPT);
}

void helper_wfi(struct arm_env *env, uint32_t next_pc)
{
    env->pc = next_pc;
}

void helper_yield(struct arm_env *env)
{
    cpu_spin(env_cpu(env));
}

void helper_cps(struct arm_env *env, uint32_t what, uint32_t mode)
{
}

void helper_exception_return(struct arm_env *env, uint32_t pc)
{
    arm_raise(env, EXC_UNDEF);
}

void helper_rfe(struct arm_env *env, uint32_t pc, uint32_t psr)
{
    arm_raise(env, EXC_UNDEF);
}

uint32_t helper_srs_sp(struct arm_env *env, uint32_t mode)
{
    arm_raise(env, EXC_UNDEF);
}

void helper_srs_set_sp(struct arm_env *env, uint32_t mode, uint32_t value)
{
    arm_raise(env, EXC_UNDEF);
}

uint32_t helper_get_user_reg(struct arm_env *env, uint32_t reg)
{
    return env->regs[reg];
}

void helper_set_user_reg(struct arm_env *env, uint32_t reg, uint32_t value)
{
    env->regs[reg] = value;
}

uint32_t helper_mrc(struct arm_env *env, uint32_t reg)
{
    if (reg >> 16 == 15 && arm_has(env, F_V6K)) {
        switch (reg & 0xffff) {
        case CP15(13, 0, 0, 2): return env->cp15.tpidrurw;
        case CP15(13, 0, 0, 3): return env->cp15.tpidruro;
        }
    }
    arm_raise(env, EXC_UNDEF);
}

/* Also the barriers that CP15 had before there were instructions for them. */
void helper_mcr(struct arm_env *env, uint32_t reg, uint32_t value)
{
    if (reg >> 16 == 15 && arm_has(env, F_V6)) {
        switch (reg & 0xffff) {
        case CP15(7, 0, 5, 4):      /* ISB */
        case CP15(7, 0, 10, 4):     /* DSB */
        case CP15(7, 0, 10, 5):     /* DMB */
            __atomic_thread_fence(__ATOMIC_SEQ_CST);
            return;
        case CP15(13, 0, 0, 2):
            if (arm_has(env, F_V6K)) {
                env->cp15.tpidrurw = value;
                return;
            }
        }
    }
    arm_raise(env, EXC_UNDEF);
}

uint32_t helper_fpexc_read(struct arm_env *env, uint32_t reg)
{
    arm_raise(env, EXC_UNDEF);
}

void helper_fpexc_write(struct arm_env *env, uint32_t reg, uint32_t value)
{
    arm_raise(env, EXC_UNDEF);
}
