/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The CPU of a process: user mode of a processor that a kernel has set up. Exceptions go to user
 * mode's loop.
 */
#include <stddef.h>

#include "target-arm/gdb.h"
#include "target-arm/helpers.h"
#include "target-arm/translate.h"
#include "tcg/region.h"

#ifndef TARGET_ARM_BIG
#define TARGET_ARM_BIG 0
#endif

static bool init(struct cpu *cpu, const char *model, struct error **err)
{
    struct arm_env *env = arm_env(cpu);

    env->selected_mode = ~0u;
    env->big_endian = TARGET_ARM_BIG;
    if (!arm_model_apply(env, model ? model : "max", err)) {
        return false;
    }
    arm_registers_init(env);
    return true;
}

static void reset(struct cpu *cpu)
{
    struct arm_env *env = arm_env(cpu);

    env->cpsr = MODE_USR | (env->big_endian ? PSR_E : 0);
    env->fpexc = 1u << 30;
    env->zf = 1;
    arm_fpscr_write(env, 0);
    arm_update_mode(env);
}

void arm_update_mode(struct arm_env *env)
{
    uint32_t mode = env->mode_debug | (env->cpsr & PSR_E ? KEY_BE_DATA : 0);

    if (env->big_endian && !env->be8) {
        mode |= KEY_BE_CODE;
    }
    if (arm_has(env, F_VFP2)) {
        mode |= KEY_FP | KEY_FP_ACCESS;
    }
    if (arm_has(env, F_NEON)) {
        mode |= KEY_SIMD;
    }
    mode |= env->fpscr & FPSCR_FZ ? KEY_FP_FLUSH : 0;
    mode |= env->fpscr & FPSCR_DN ? KEY_FP_DEFAULT_NAN : 0;
    mode |= (env->fpscr & FPSCR_RMODE) >> 22 << KEY_FP_ROUND_SHIFT;
    mode |= (env->fpscr & FPSCR_LEN) | (env->fpscr & FPSCR_STRIDE ? KEY_FP_STRIDE : 0);
    env->key_mode = mode;
}

static unsigned mmu_index(struct cpu *cpu)
{
    return MMU_USER;
}

const struct target the_target = {
    .name = TARGET_ARM_BIG ? "armeb" : "arm",
    .word_bits = 32,
    .page_bits = 12,
    .pc_tag = 1,
    .big_endian = TARGET_ARM_BIG,
    .env_size = sizeof(struct arm_env),
    .pc_global = G_PC,
    .mxcsr_offset = offsetof(struct arm_env, mxcsr),
    .globals = arm_globals,
    .n_globals = G_COUNT,
    .helpers = arm_helpers,
    .n_helpers = H_COUNT,
    .n_mmu_idx = ARM_MMU_COUNT,
    .init = init,
    .reset = reset,
    .code_key = arm_code_key,
    .translate = arm_translate,
    .mmu_index = mmu_index,
    .debug_print = arm_debug_print,
    .debug_changed = arm_debug_changed,
    .registers = &arm_registers,
    .disassemble_mode = arm_disassemble_mode,
    .fp_fix = arm_fp_fix,
    .vf_fix = arm_vf_fix,
    .list_models = arm_list_models,
};
