/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The registers for gdb, and what translated code asks of the debugger. */
#include "target-arm/gdb.h"

#include <stdio.h>
#include <string.h>

#include "base/bits.h"
#include "cpu-debug.h"
#include "target-arm/helpers.h"
#include "tcg/code.h"

enum { KIND_R, KIND_PC, KIND_CPSR, KIND_D, KIND_FPSCR };
enum { D_REGISTERS = 32 };

static const struct debug_register core[] = {
#define R(n) { "r" #n, 32, "uint32", "general", KIND_R, n }
    R(0), R(1), R(2), R(3), R(4), R(5), R(6), R(7), R(8), R(9), R(10), R(11), R(12),
#undef R
    { "sp", 32, "data_ptr", "general", KIND_R, R_SP },
    { "lr", 32, "int", "general", KIND_R, R_LR },
    { "pc", 32, "code_ptr", "general", KIND_PC },
    { "cpsr", 32, "int", "general", KIND_CPSR },
};
static char names[D_REGISTERS][4];
static struct debug_register vfp[D_REGISTERS + 1];

static struct debug_feature chosen[3];
struct debug_registers arm_registers = { .architecture = "arm", .features = chosen,
                                         .breakpoint_size = 4 };

static void put(uint8_t *value, uint64_t v, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        value[the_target.big_endian ? bytes - 1 - i : i] = v >> 8 * i;
    }
}

static uint64_t take(const uint8_t *value, unsigned bytes)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < bytes; i++) {
        v |= (uint64_t)value[the_target.big_endian ? bytes - 1 - i : i] << 8 * i;
    }
    return v;
}

static void get(struct cpu *cpu, const struct debug_register *r, uint8_t *value)
{
    struct arm_env *env = arm_env(cpu);
    uint64_t v = 0;

    switch (r->kind) {
    case KIND_R: v = env->regs[r->index]; break;
    case KIND_PC: v = env->pc & ~1u; break;
    case KIND_CPSR: v = arm_cpsr_read(env); break;
    case KIND_D: v = env->d[r->index].q; break;
    case KIND_FPSCR: v = arm_fpscr_read(env); break;
    }
    put(value, v, r->bits / 8);
}

/* In a machine gdb changes the mode, too; in a process the kernel would not let it. */
static void set_cpsr(struct arm_env *env, uint32_t value)
{
    uint32_t user = PSR_NZCV | PSR_Q | PSR_GE | PSR_IT | PSR_T | PSR_E;
    uint32_t mask = code_is_user ? user : user | PSR_I | PSR_F | PSR_A | PSR_MODE;

    arm_cpsr_write(env, value, mask);
}

static bool set(struct cpu *cpu, const struct debug_register *r, const uint8_t *value)
{
    struct arm_env *env = arm_env(cpu);
    uint64_t v = take(value, r->bits / 8);

    switch (r->kind) {
    case KIND_R: env->regs[r->index] = v; break;
    case KIND_PC:
        env->pc = arm_is_thumb(env) ? v | 1 : v & ~3u;
        env->it = 0;
        break;
    case KIND_CPSR: set_cpsr(env, v); break;
    case KIND_D: env->d[r->index].q = v; break;
    case KIND_FPSCR: arm_fpscr_write(env, v); break;
    }
    return true;
}

void arm_registers_init(struct arm_env *env)
{
    unsigned count = arm_has(env, F_D32) ? 32 : 16;

    if (arm_registers.n_features) {
        return;
    }
    chosen[arm_registers.n_features++] =
        (struct debug_feature){ "org.gnu.gdb.arm.core", "", core, ARRAY_LEN(core) };
    if (arm_has(env, F_VFP2)) {
        for (unsigned i = 0; i < count; i++) {
            snprintf(names[i], sizeof(names[i]), "d%u", i & 31);
            vfp[i] = (struct debug_register){ names[i], 64, "ieee_double", "float", KIND_D, i };
        }
        vfp[count] = (struct debug_register){ "fpscr", 32, "int", "float", KIND_FPSCR };
        chosen[arm_registers.n_features++] =
            (struct debug_feature){ "org.gnu.gdb.arm.vfp", "", vfp, count + 1 };
    }
    if (arm_has(env, F_NEON)) {
        chosen[arm_registers.n_features++] =
            (struct debug_feature){ "org.gnu.gdb.arm.neon", "", NULL, 0 };
    }
    arm_registers.get = get;
    arm_registers.set = set;
}

/* --- of translated code ---------------------------------------------------------------------- */

void arm_debug_changed(struct cpu *cpu)
{
    struct arm_env *env = arm_env(cpu);

    env->mode_debug = (cpu_debug_alone(cpu) ? KEY_STEP : 0) |
                      (code_is_user && cpu_watchpoint_count ? KEY_WATCH : 0);
    arm_update_mode(env);
}

void helper_debug_break(struct arm_env *env, uint32_t address)
{
    cpu_debug_break(env_cpu(env), address);
}

void helper_debug_access(struct arm_env *env, uint32_t address, uint32_t what)
{
    struct cpu *cpu = env_cpu(env);

    for (unsigned access = CPU_WATCH_WRITE; access <= CPU_WATCH_READ; access++) {
        if (what >> ARM_WATCH_SHIFT & access) {
            cpu_debug_access_check(cpu, address, what & ARM_WATCH_SIZE, access == CPU_WATCH_WRITE);
        }
    }
}
