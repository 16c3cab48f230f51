/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Raising exceptions: what they are goes into struct cpu, and the execution loop delivers them. */
#include "target-i386/sys.h"
#include "target-i386/helpers.h"

void x86_raise_error(struct x86_env *env, int vector, uint32_t error_code)
{
    struct cpu *cpu = env_cpu(env);

    cpu->exception = vector;
    cpu->error_code = error_code;
    cpu_raise(cpu);
}

void x86_raise(struct x86_env *env, int vector)
{
    x86_raise_error(env, vector, 0);
}

void x86_raise_soft_int(struct x86_env *env, int vector, int insn_len)
{
    env->fault_next_pc_delta = insn_len;
    x86_raise_error(env, EXC_INT_FIRST + vector, 0);
}

void x86_raise_debug_trap(struct x86_env *env, uint64_t next_pc, uint32_t dr6)
{
    struct cpu *cpu = env_cpu(env);

    cpu_restore_state(cpu);
    env->hot.ra = 0;
    env->pc = (x86_word)next_pc;
    env->dr[6] |= dr6;
    cpu->exception = EXC_DB;
    cpu->error_code = 0;
    cpu_raise(cpu);
}

/* INT3, INTO and INT1, which virtual-8086 mode does not treat specially. */
void helper_trap(struct x86_env *env, uint32_t exception, uint32_t insn_len)
{
    env->fault_next_pc_delta = (int32_t)insn_len;
    x86_raise_error(env, (int)exception, 0);
}
