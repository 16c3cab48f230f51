/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Exceptions and interrupts: banked registers, vectors, and the way back. */
#include "target-arm/sys.h"
#include "target-arm/helpers.h"

#include "base/log.h"
#include "hw/arm/arm-cpu.h"

struct entry {
    const char *name;
    uint8_t mode, vector;
    uint8_t back_arm, back_thumb;   /* what LR is beyond the pc */
    uint32_t masks;
};

static const struct entry entries[] = {
    [EXC_UNDEF] = { "Undefined Instruction", MODE_UND, 0x04, 4, 2, PSR_I },
    [EXC_SVC] = { "SVC", MODE_SVC, 0x08, 0, 0, PSR_I },     /* the pc is behind it */
    [EXC_PREFETCH] = { "Prefetch Abort", MODE_ABT, 0x0c, 4, 4, PSR_I | PSR_A },
    [EXC_BKPT] = { "Breakpoint", MODE_ABT, 0x0c, 4, 4, PSR_I | PSR_A },
    [EXC_DATA] = { "Data Abort", MODE_ABT, 0x10, 8, 8, PSR_I | PSR_A },
    [EXC_IRQ] = { "IRQ", MODE_IRQ, 0x18, 4, 4, PSR_I | PSR_A },
    [EXC_FIQ] = { "FIQ", MODE_FIQ, 0x1c, 4, 4, PSR_I | PSR_F | PSR_A },
};

/* Before ARMv7 data and prefetch faults share a status register in one's place each. */
static void note_fault(struct arm_env *env, int exception)
{
    switch (exception) {
    case EXC_BKPT:
        env->cp15.ifsr = FS_DEBUG;
        break;
    case EXC_PREFETCH:
        env->cp15.ifsr = env->fault_status & 0x40f;
        env->cp15.ifar = env->fault_addr;
        break;
    case EXC_DATA:
        env->cp15.dfsr = env->fault_status;
        env->cp15.dfar = env->fault_addr;
        break;
    }
}

static uint32_t vector_base(const struct arm_env *env)
{
    return env->cp15.sctlr & SCTLR_V ? 0xffff0000 : env->cp15.vbar;
}

static void enter(struct arm_env *env, int exception)
{
    const struct entry *e = &entries[exception];
    uint32_t psr = arm_cpsr_read(env), pc = env->pc & ~1u;
    uint32_t masks = arm_has(env, F_V6) ? e->masks : e->masks & ~(uint32_t)PSR_A;
    uint32_t lr = pc + (arm_is_thumb(env) ? e->back_thumb : e->back_arm);

    if (log_enabled(LOG_INT)) {
        log_printf("Taking exception %d [%s] at 0x%08x, status 0x%x address 0x%x\n", exception,
                   e->name, pc, env->fault_status, env->fault_addr);
    }
    note_fault(env, exception);
    arm_switch_mode(env, e->mode);
    env->spsr[arm_bank(e->mode)] = psr;
    env->regs[R_LR] = lr;
    env->cpsr = (env->cpsr | masks) & ~(uint32_t)(PSR_J | PSR_E);
    env->cpsr |= env->cp15.sctlr & SCTLR_EE ? PSR_E : 0;
    env->it = 0;
    env->exclusive_size = 0;
    env->pc = (vector_base(env) + e->vector) |
              (arm_has(env, F_T2) && env->cp15.sctlr & SCTLR_TE ? 1 : 0);
    arm_update_mode(env);
}

void arm_take_exception(struct cpu *cpu)
{
    int exception = cpu->exception;

    cpu->exception = -1;
    enter(arm_env(cpu), exception);
}

bool arm_take_interrupt(struct cpu *cpu)
{
    struct arm_env *env = arm_env(cpu);
    uint32_t pending = __atomic_load_n(&cpu->interrupts, __ATOMIC_SEQ_CST);

    if (pending & ARM_INT_FIQ && !(env->cpsr & PSR_F)) {
        enter(env, EXC_FIQ);
        return true;
    }
    if (pending & CPU_INT_HARD && !(env->cpsr & PSR_I)) {
        enter(env, EXC_IRQ);
        return true;
    }
    return false;
}

/* WFI ends even with interrupts masked. */
bool arm_has_work(struct cpu *cpu)
{
    return __atomic_load_n(&cpu->interrupts, __ATOMIC_SEQ_CST) &
           (CPU_INT_HARD | ARM_INT_FIQ | CPU_INT_EXIT | CPU_INT_RESET);
}

void arm_misaligned(struct cpu *cpu, uint64_t vaddr, unsigned size, enum mmu_access access,
                    unsigned mmu_idx)
{
    struct arm_env *env = arm_env(cpu);

    env->fault_addr = vaddr;
    env->fault_status = FS_ALIGNMENT;
    if (access == MMU_WRITE && arm_has(env, F_V6)) {
        env->fault_status |= FSR_WRITE;
    }
    arm_raise(env, EXC_DATA);
}

/* --- what instructions ask ------------------------------------------------------------------- */

void helper_svc(struct arm_env *env, uint32_t imm, uint32_t next_pc)
{
    struct cpu *cpu = env_cpu(env);

    cpu_restore_state(cpu);
    cpu_hot(cpu)->ra = 0;           /* it is done */
    env->pc = next_pc;
    cpu->exception = EXC_SVC;
    cpu_raise(cpu);
}

void helper_bkpt(struct arm_env *env, uint32_t imm)
{
    arm_raise(env, EXC_BKPT);
}

void helper_wfi(struct arm_env *env, uint32_t next_pc)
{
    env->pc = next_pc;
    env_cpu(env)->halted = true;
}

void helper_yield(struct arm_env *env)
{
}

/* what: imod, then AIF << 2, then "changes mode" << 5 */
void helper_cps(struct arm_env *env, uint32_t what, uint32_t mode)
{
    uint32_t bits = (what >> 2 & 7) << 6, value = 0, mask = 0;

    if (what & 2) {
        mask = bits;
        value = what & 1 ? bits : 0;
    }
    if (what & 32) {
        mask |= PSR_MODE;
        value |= mode;
    }
    arm_cpsr_write(env, value, mask);
}

static void go(struct arm_env *env, uint32_t pc, uint32_t psr)
{
    env->pc = pc;
    arm_cpsr_write(env, psr, arm_has(env, F_T2) ? ~0u : ~(uint32_t)PSR_IT);
    env->pc = env->pc & 1 ? pc | 1 : pc & ~3u;
    env->exclusive_size = 0;
}

void helper_exception_return(struct arm_env *env, uint32_t pc)
{
    unsigned bank = arm_bank(env->cpsr & PSR_MODE);

    go(env, pc, bank == BANK_USR ? arm_cpsr_read(env) : env->spsr[bank]);
}

void helper_rfe(struct arm_env *env, uint32_t pc, uint32_t psr)
{
    go(env, pc, psr);
}

/* The stack pointer of another mode. */
uint32_t helper_srs_sp(struct arm_env *env, uint32_t mode)
{
    unsigned bank = arm_bank(mode);

    return bank == arm_bank(env->cpsr & PSR_MODE) ? env->regs[R_SP] : env->banked_sp[bank];
}

void helper_srs_set_sp(struct arm_env *env, uint32_t mode, uint32_t value)
{
    unsigned bank = arm_bank(mode);

    if (bank == arm_bank(env->cpsr & PSR_MODE)) {
        env->regs[R_SP] = value;
    } else {
        env->banked_sp[bank] = value;
    }
}

/* r8 to r14 of user mode. */
static uint32_t *user_reg(struct arm_env *env, uint32_t reg)
{
    unsigned bank = arm_bank(env->cpsr & PSR_MODE);

    if (reg == R_SP && bank != BANK_USR) {
        return &env->banked_sp[BANK_USR];
    }
    if (reg == R_LR && bank != BANK_USR) {
        return &env->banked_lr[BANK_USR];
    }
    if (reg < R_SP && bank == BANK_FIQ) {
        return &env->banked_r8[0][reg - 8];
    }
    return &env->regs[reg];
}

uint32_t helper_get_user_reg(struct arm_env *env, uint32_t reg)
{
    return *user_reg(env, reg);
}

void helper_set_user_reg(struct arm_env *env, uint32_t reg, uint32_t value)
{
    *user_reg(env, reg) = value;
}
