/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Instructions that need a machine around the processor: in a process, at CPL 3 with IOPL 0 and no
 * I/O bitmap, all of them raise #GP(0) or #UD. And software interrupts, which leave for the loop.
 */
#include "target-i386/sys.h"
#include "target-i386/helpers.h"

static _Noreturn void denied(struct x86_env *env)
{
    x86_raise_error(env, EXC_GP, 0);
}

void helper_check_io(struct x86_env *env, uint32_t port, uint32_t size)
{
    denied(env);
}

uint32_t helper_in(struct x86_env *env, uint32_t port, uint32_t size)
{
    denied(env);
}

void helper_out(struct x86_env *env, uint32_t port, uint32_t value, uint32_t size)
{
    denied(env);
}

uint32_t helper_ins(struct x86_env *env, uint32_t sizes)
{
    denied(env);
}

uint32_t helper_outs(struct x86_env *env, uint32_t sizes)
{
    denied(env);
}

void helper_rsm(struct x86_env *env)
{
    x86_raise(env, EXC_UD);
}

/* INT 0x80 comes back, and the region then leaves for the loop. */
void helper_int(struct x86_env *env, uint32_t vector, uint32_t insn_len, x86_word next_pc)
{
    if (vector != 0x80) {
        x86_raise_soft_int(env, (int)vector, (int)insn_len);
    }
    env->pc = next_pc;
    env_cpu(env)->exception = EXC_INT_FIRST + 0x80;
}

/* CR0.NE is set: x87 errors are exceptions, and the FERR# pin leads nowhere. */
void x86_ferr(struct x86_env *env, bool on)
{
}

/* For loads of CR3, which a process cannot do. */
uint64_t x86_read_phys(struct x86_env *env, uint64_t address, unsigned size)
{
    denied(env);
}
