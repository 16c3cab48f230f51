/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The CPU of a process: ring 3 of a processor that a kernel has set up. Exceptions go to user
 * mode's loop; there are no interrupts and no pages to walk.
 */
#include "target-i386/sys.h"
#include "target-i386/fpu.h"
#include "target-i386/gdb.h"
#include "target-i386/helpers.h"
#include "target-i386/translate.h"
#include "target-i386/user/user.h"

#include <stddef.h>

#include "tcg/region.h"

static bool init(struct cpu *cpu, const char *model, struct error **err)
{
    struct x86_env *env = x86_env(cpu);

    env->old_exception = (uint32_t)-1;
    env->mxcsr_mask = 0xffff;
    env->mode = ~0u;
    x86_registers_init();
    return x86_model_apply(env, model ? model : "max", err);
}

static void set_flat(struct x86_env *env, int seg, uint16_t selector, uint32_t flags)
{
    x86_seg_set(env, seg, selector, 0, 0xffffffff,
                flags | DESC_P | DESC_S | DESC_RW | DESC_A | DESC_G | DESC_DPL);
}

void x86_user_reset_fpu(struct x86_env *env)
{
    x86_fp_fetch(env);
    env->mxcsr = 0x1f80;
    env->fpuc = 0x37f;
    env->fptags = 0xff;
    env->fptop = 0;
    env->fpus = env->fop = env->fpcs = env->fpds = 0;
    env->fpip = env->fpdp = 0;
    env->fp_fast = 0;
}

static void reset(struct cpu *cpu)
{
    struct x86_env *env = x86_env(cpu);

    env->df = 1;
    env->eflags = 2 | FL_IF;
    env->cc_op = 0;
    env->cpl = 3;
    env->efer = EFER_SCE | EFER_NXE | (X86_64 ? EFER_LME | EFER_LMA : 0);
    env->cr[0] = CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_PG;
    env->cr[4] = CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT;
    if (x86_has(env->cpuid_1_ecx, F1C_XSAVE)) {
        env->cr[4] |= CR4_OSXSAVE;
    }
    if (x86_has(env->cpuid_7_ebx, F7B_FSGSBASE)) {
        env->cr[4] |= CR4_FSGSBASE;
    }
    env->xcr0 = 3;
    x86_user_reset_fpu(env);
    set_flat(env, SEG_CS, X86_64 ? USER_CS64 : USER_CS32,
             DESC_CODE | (X86_64 ? DESC_L : DESC_DB));
    set_flat(env, SEG_SS, USER_DS, DESC_DB);
    for (int seg = SEG_DS; seg <= SEG_GS; seg++) {
        x86_seg_set_null(env, seg, 0);
    }
    x86_seg_set_null(env, SEG_ES, 0);
    if (!X86_64) {
        set_flat(env, SEG_DS, USER_DS, DESC_DB);
        set_flat(env, SEG_ES, USER_DS, DESC_DB);
    }
    x86_update_mode(env);
}

__attribute__((target("general-regs-only")))
static void code_key(struct cpu *cpu, struct code_key *key)
{
    struct x86_env *env = x86_env(cpu);

    key->pc = env->pc;
    key->base = env->mode & MODE_CS64 ? 0 : env->segs[SEG_CS].base;
    key->mode = env->mode;
}

static unsigned mmu_index(struct cpu *cpu)
{
    return MMU_USER;
}

static bool disassemble_mode(const struct code_key *key, int *bits)
{
    *bits = key->mode & MODE_CS64 ? 64 : key->mode & MODE_CS32 ? 32 : 16;
    return true;
}

/* #AC under EFLAGS.AC, #GP for the aligned SSE forms. */
void x86_misaligned(struct cpu *cpu, uint64_t vaddr, unsigned size, enum mmu_access access,
                    unsigned mmu_idx)
{
    x86_raise_error(x86_env(cpu), size == 16 ? EXC_GP : EXC_AC, 0);
}

const struct target the_target = {
    .name = X86_64 ? "x86_64" : "i386",
    .word_bits = TARGET_WORD_BITS,
    .page_bits = 12,
    .tso = true,
    .checks_code = true,
    .env_size = sizeof(struct x86_env),
    .pc_global = G_PC,
    .mxcsr_offset = offsetof(struct x86_env, mxcsr),
    .globals = x86_globals,
    .n_globals = G_COUNT,
    .helpers = x86_helpers,
    .n_helpers = H_COUNT,
    .n_mmu_idx = X86_MMU_COUNT,
    .init = init,
    .reset = reset,
    .code_key = code_key,
    .translate = x86_translate,
    .x87_load = x86_fp_load,
    .x87_fetch = x86_fp_fetch,
    .x87_capture = x86_fp_capture,
    .mmu_index = mmu_index,
    .debug_print = x86_debug_print,
    .disassemble_mode = disassemble_mode,
    .debug_changed = x86_debug_changed,
    .debug_exception = x86_debug_exception,
    .registers = &x86_registers,
    .list_models = x86_list_models,
};
