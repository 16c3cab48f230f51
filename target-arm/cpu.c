/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The CPU as the rest of the emulator sees it: class, creation, reset, mode. */
#include <stddef.h>
#include <string.h>

#include "hw/arm/arm-cpu.h"
#include "target-arm/gdb.h"
#include "target-arm/helpers.h"
#include "target-arm/model.h"
#include "target-arm/sys.h"
#include "target-arm/translate.h"
#include "tcg/region.h"
#include "tcg/softmmu.h"

static bool init(struct cpu *cpu, const char *model, struct error **err)
{
    struct arm_env *env = arm_env(cpu);

    env->selected_mode = ~0u;
    if (!arm_model_apply(env, model ? model : "max", err)) {
        return false;
    }
    arm_registers_init(env);
    return true;
}

static void reset(struct cpu *cpu)
{
    struct arm_env *env = arm_env(cpu);

    memset(env->regs, 0, offsetof(struct arm_env, model) - offsetof(struct arm_env, regs));
    env->cpsr = MODE_SVC | PSR_I | PSR_F | (arm_has(env, F_V6) ? PSR_A : 0);
    env->zf = 1;
    env->cp15.sctlr = env->model->sctlr;
    env->cp15.cpacr = arm_has(env, F_V6) ? 0 : 0x00f00000;
    env->cp15.prrr = 0x00098aa4;
    env->cp15.nmrr = 0x44e048e0;
    env->cp15.pmcr = 0x41000000;
    env->cp15.xscale_cpar = 0;
    env->selected_mode = ~0u;
    cpu->halted = false;
    cpu->exception = -1;
    arm_fpscr_write(env, 0);
    tlb_flush(cpu);
}

static uint32_t fp_mode(const struct arm_env *env)
{
    uint32_t access = env->cp15.cpacr >> 20 & 3, mode = 0;
    bool privileged = (env->cpsr & PSR_MODE) != MODE_USR;

    if (!arm_has(env, F_VFP2) || !(access == 3 || (access == 1 && privileged))) {
        return 0;
    }
    mode = KEY_FP_ACCESS;
    if (!(env->fpexc & FPEXC_EN)) {
        return mode;
    }
    mode |= KEY_FP;
    if (arm_has(env, F_NEON) && !(env->cp15.cpacr >> 31)) {
        mode |= KEY_SIMD;
    }
    mode |= env->fpscr & FPSCR_FZ ? KEY_FP_FLUSH : 0;
    mode |= env->fpscr & FPSCR_DN ? KEY_FP_DEFAULT_NAN : 0;
    mode |= (env->fpscr & FPSCR_RMODE) >> 22 << KEY_FP_ROUND_SHIFT;
    return mode | (env->fpscr & FPSCR_LEN) | (env->fpscr & FPSCR_STRIDE ? KEY_FP_STRIDE : 0);
}

void arm_update_mode(struct arm_env *env)
{
    uint32_t mode = fp_mode(env) | env->mode_debug;

    if ((env->cpsr & PSR_MODE) != MODE_USR) {
        mode |= KEY_PRIVILEGED;
    }
    if (!arm_has(env, F_V7) && env->cp15.sctlr & SCTLR_B) {
        mode |= KEY_BE_CODE | KEY_BE_DATA;
    } else if (env->cpsr & PSR_E) {
        mode |= KEY_BE_DATA;
    }
    if (env->cp15.sctlr & SCTLR_A) {
        mode |= KEY_ALIGN;
    }
    env->key_mode = mode;
    if ((mode | env->it) != env->selected_mode) {
        env->selected_mode = mode | env->it;
        jump_cache_select(env_cpu(env));
    }
}

static unsigned mmu_index(struct cpu *cpu)
{
    return arm_mmu_index(arm_env(cpu));
}

/* --- for boards ------------------------------------------------------------------------------ */

void arm_cpu_enter(struct cpu *cpu, const struct arm_cpu_entry *entry)
{
    struct arm_env *env = arm_env(cpu);

    env->regs[0] = entry->r0;
    env->regs[1] = entry->r1;
    env->regs[2] = entry->r2;
    env->pc = entry->pc;
    arm_update_mode(env);
}

bool arm_cpu_big_endian(struct cpu *cpu)
{
    return arm_env(cpu)->cp15.sctlr & (SCTLR_B | SCTLR_EE);
}

const struct target the_target = {
    .name = "arm",
    .word_bits = 32,
    .page_bits = 12,
    .pc_tag = 1,
    .env_size = sizeof(struct arm_env),
    .pc_global = G_PC,
    .mxcsr_offset = offsetof(struct arm_env, mxcsr),
    .globals = arm_globals,
    .n_globals = G_COUNT,
    .helpers = arm_helpers,
    .n_helpers = H_COUNT,
    .state_fields = arm_state_fields,
    .state_version = 1,
    .saving = arm_saving,
    .loaded = arm_loaded,
    .n_mmu_idx = ARM_MMU_COUNT,
    .init = init,
    .reset = reset,
    .code_key = arm_code_key,
    .translate = arm_translate,
    .fill_tlb = arm_fill_tlb,
    .mmu_index = mmu_index,
    .misaligned = arm_misaligned,
    .take_interrupt = arm_take_interrupt,
    .take_exception = arm_take_exception,
    .has_work = arm_has_work,
    .debug_print = arm_debug_print,
    .debug_changed = arm_debug_changed,
    .registers = &arm_registers,
    .debug_translate = arm_debug_translate,
    .disassemble_mode = arm_disassemble_mode,
    .fp_fix = arm_fp_fix,
    .vf_fix = arm_vf_fix,
    .list_models = arm_list_models,
};
