/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Debug registers. Instruction breakpoints are checked before every instruction of code that was
 * translated with MODE_DR_CODE. A data or I/O breakpoint is noticed in the middle of its
 * instruction: that one then starts anew as a region of its own (MODE_TF, from db_pending), and #DB
 * comes at its end, as the trap it is.
 */
#include "target-i386/gdb.h"
#include "target-i386/sys.h"
#include "target-i386/helpers.h"

static bool enabled(const struct x86_env *env, unsigned i)
{
    return env->dr[7] >> 2 * i & 3;
}

static unsigned kind(const struct x86_env *env, unsigned i)
{
    return env->dr[7] >> (16 + 4 * i) & 3;
}

static unsigned length(const struct x86_env *env, unsigned i)
{
    static const uint8_t lengths[] = { 1, 2, 8, 4 };

    return lengths[env->dr[7] >> (18 + 4 * i) & 3];
}

static uint64_t start(const struct x86_env *env, unsigned i)
{
    return env->dr[i] & ~(uint64_t)(length(env, i) - 1);
}

/* After any change of DR0-3 or DR7: watchpoints and the mode. */
void x86_debug_update(struct x86_env *env)
{
    struct cpu *cpu = env_cpu(env);

    watchpoint_remove_all(cpu);
    for (unsigned i = 0; i < 4; i++) {
        if (enabled(env, i) && (kind(env, i) & 1)) {
            watchpoint_insert(cpu, start(env, i), length(env, i), kind(env, i) == 3, true);
        }
    }
    x86_debug_changed(cpu);
}

/* Restarts the current instruction so that it ends with #DB; comes back if that is under way. */
static void trap_after(struct x86_env *env, uint32_t dr6)
{
    if (!(dr6 & ~env->db_pending)) {
        return;
    }
    cpu_restore_state(env_cpu(env));
    env->hot.ra = 0;
    env->db_pending |= dr6;
    x86_update_mode(env);
    cpu_loop_exit(env_cpu(env));
}

static bool overlaps(const struct x86_env *env, unsigned i, uint64_t address, unsigned size)
{
    return address < start(env, i) + length(env, i) && start(env, i) < address + size;
}

void x86_debug_exception(struct cpu *cpu, uint64_t vaddr, unsigned size, bool write)
{
    struct x86_env *env = x86_env(cpu);
    uint32_t dr6 = 0;

    /* What delivery and other accesses outside of instructions touch is not reported. */
    if (!env->hot.ra) {
        return;
    }
    for (unsigned i = 0; i < 4; i++) {
        if (enabled(env, i) && (kind(env, i) == 3 || (kind(env, i) == 1 && write)) &&
            overlaps(env, i, vaddr, size)) {
            dr6 |= 1 << i;
        }
    }
    trap_after(env, dr6);
}

void x86_io_breakpoint(struct x86_env *env, uint32_t port, unsigned size)
{
    uint32_t dr6 = 0;

    if (!(env->cr[4] & CR4_DE) || !(env->dr[7] & 0xff)) {
        return;
    }
    for (unsigned i = 0; i < 4; i++) {
        if (enabled(env, i) && kind(env, i) == 2 && overlaps(env, i, port, size)) {
            dr6 |= 1 << i;
        }
    }
    trap_after(env, dr6);
}

/* Before every instruction in MODE_DR_CODE. RF lets one instruction pass. */
void helper_check_breakpoint(struct x86_env *env, x86_word address)
{
    uint32_t dr6 = 0;
    bool resumed = env->eflags & FL_RF;

    env->eflags &= ~FL_RF;
    for (unsigned i = 0; i < 4 && !resumed; i++) {
        if (enabled(env, i) && kind(env, i) == 0 && env->dr[i] == address) {
            dr6 |= 1 << i;
        }
    }
    if (dr6) {
        env->dr[6] = (env->dr[6] & ~15ull) | dr6;
        x86_raise(env, EXC_DB);
    }
}

/* After every instruction in MODE_TF: #DB for a breakpoint that it met, or for TF, which it may
   have cleared itself; after SYSCALL only the new TF counts. */
void helper_single_step(struct x86_env *env, x86_word next_pc, uint32_t new_flags)
{
    uint32_t dr6 = env->db_pending;

    if (env_cpu(env)->user && env_cpu(env)->exception >= 0) {
        return;                     /* a process's call is first made */
    }
    env->db_pending = 0;
    if ((env->eflags & FL_TF) || !(dr6 || new_flags)) {
        dr6 |= DR6_BS;
    }
    if (dr6 & 15) {
        env->dr[6] &= ~15ull;
    }
    x86_update_mode(env);
    if (dr6) {
        x86_raise_debug_trap(env, next_pc, dr6);
    }
}

/* --- MOV to and from debug registers --------------------------------------------------------- */

/* DR4 and DR5 are DR6 and DR7 unless CR4.DE. */
static unsigned resolve(struct x86_env *env, uint32_t reg)
{
    if (env->dr[7] & DR7_GD) {
        env->dr[6] |= DR6_BD;
        env->dr[7] &= ~(uint64_t)DR7_GD;
        x86_raise(env, EXC_DB);
    }
    if (reg == 4 || reg == 5) {
        if (env->cr[4] & CR4_DE) {
            x86_raise(env, EXC_UD);
        }
        reg += 2;
    }
    return reg;
}

x86_word helper_read_dr(struct x86_env *env, uint32_t reg)
{
    return (x86_word)env->dr[resolve(env, reg)];
}

void helper_write_dr(struct x86_env *env, uint32_t reg, x86_word value)
{
    reg = resolve(env, reg);
    if (reg >= 6) {
        if ((uint64_t)value >> 32) {
            x86_raise_error(env, EXC_GP, 0);
        }
        env->dr[reg] = reg == 6 ? (value & 0xe00f) | DR6_FIXED : (value & 0xffff2bff) | DR7_FIXED;
    } else {
        env->dr[reg] = value;
    }
    if (reg != 6) {
        x86_debug_update(env);
    }
}
