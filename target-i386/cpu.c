/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The CPU as the rest of the emulator sees it: class, creation, reset. */
#include "target-i386/sys.h"
#include "target-i386/fpu.h"
#include "target-i386/gdb.h"
#include "target-i386/helpers.h"
#include "target-i386/translate.h"

#include <stddef.h>
#include <string.h>

#include "base/error.h"
#include "hw/i386/x86-cpu.h"
#include "tcg/region.h"

static bool init(struct cpu *cpu, const char *model, struct error **err)
{
    struct x86_env *env = x86_env(cpu);

    env->old_exception = (uint32_t)-1;
    env->mxcsr_mask = 0xffff;
    x86_registers_init();
    return x86_model_apply(env, model ? model : X86_64 ? "qemu64" : "qemu32", err);
}

static void reset_segments(struct x86_env *env)
{
    const uint32_t data = DESC_P | DESC_S | DESC_RW | DESC_A;

    for (int i = 0; i < SEG_COUNT; i++) {
        x86_seg_set(env, i, 0, 0, 0xffff, data);
    }
    /* The first fetch is at 0xfffffff0. */
    x86_seg_set(env, SEG_CS, 0xf000, 0xffff0000, 0xffff, data | DESC_CODE);
    env->ldt = (struct x86_segment){ .limit = 0xffff, .flags = DESC_P | SYS_LDT << 8 };
    env->tr = (struct x86_segment){ .limit = 0xffff, .flags = DESC_P | SYS_TSS32_BUSY << 8 };
    env->gdt_base = env->idt_base = 0;
    env->gdt_limit = env->idt_limit = 0xffff;
}

static void reset_vectors(struct x86_env *env)
{
    memset(env->xmm, 0, sizeof(env->xmm));
    x86_fp_fetch(env);
    memset(env->fpregs, 0, sizeof(env->fpregs));
    env->mxcsr = 0x1f80;
    env->fpuc = 0x37f;
    env->fpus = env->fop = env->fpcs = env->fpds = 0;
    env->fptop = 0;
    env->fptags = 0xff;
    env->fp_fast = 0;
    env->fpip = env->fpdp = 0;
    env->xcr0 = 1;
}

static void leave_smm(struct x86_env *env)
{
    if (env->in_smm && env->memory_normal) {
        env_cpu(env)->memory = env->memory_normal;
    }
    env->in_smm = 0;
}

/* What reset and INIT have in common */
static void reset_core(struct x86_env *env)
{
    struct cpu *cpu = env_cpu(env);

    leave_smm(env);
    memset(env->regs, 0, sizeof(env->regs));
    env->regs[R_DX] = env->cpuid_signature;
    env->pc = 0xfff0;
    reset_segments(env);
    x86_set_eflags(env, 2, ~0u);
    env->mode_inhibit = env->db_pending = env->nmi_blocked = 0;
    env->event_external = 0;
    env->old_exception = (uint32_t)-1;
    env->cpl = 0;
    env->efer = 0;
    env->cr[2] = env->cr[3] = env->cr[4] = env->cr8 = 0;
    memset(env->dr, 0, sizeof(env->dr));
    env->dr[6] = DR6_FIXED;
    env->dr[7] = DR7_FIXED;
    env->wait_sipi = env->not_bsp;
    cpu->halted = env->not_bsp;
    cpu->exception = -1;
    tlb_flush(cpu);
    x86_debug_update(env);
}

void x86_reset(struct cpu *cpu)
{
    struct x86_env *env = x86_env(cpu);

    env->cr[0] = CR0_CD | CR0_NW | CR0_ET;
    env->smi_pending = 0;
    env->a20_mask_off = 0;
    reset_vectors(env);
    x86_reset_msrs(env);
    reset_core(env);
}

void x86_init_reset(struct cpu *cpu)
{
    struct x86_env *env = x86_env(cpu);

    env->cr[0] = (env->cr[0] & (CR0_CD | CR0_NW)) | CR0_ET;
    reset_core(env);
    if (env->apic_ops && env->apic_ops->init_reset) {
        env->apic_ops->init_reset(cpu->apic);
    }
}

__attribute__((target("general-regs-only")))
static void code_key(struct cpu *cpu, struct code_key *key)
{
    struct x86_env *env = x86_env(cpu);

    key->pc = env->pc;
    key->base = env->mode & MODE_CS64 ? 0 : env->segs[SEG_CS].base;
    key->mode = env->mode;
}

__attribute__((target("general-regs-only"))) static unsigned mmu_index(struct cpu *cpu)
{
    return x86_mmu_index(x86_env(cpu));
}

static bool disassemble_mode(const struct code_key *key, int *bits)
{
    *bits = key->mode & MODE_CS64 ? 64 : key->mode & MODE_CS32 ? 32 : 16;
    return true;
}

const struct target the_target = {
    .name = X86_64 ? "x86_64" : "i386",
    .word_bits = TARGET_WORD_BITS,
    .page_bits = 12,
    .tso = true,
    .env_size = sizeof(struct x86_env),
    .pc_global = G_PC,
    .mxcsr_offset = offsetof(struct x86_env, mxcsr),
    .globals = x86_globals,
    .n_globals = G_COUNT,
    .helpers = x86_helpers,
    .n_helpers = H_COUNT,
    .state_fields = x86_state_fields,
    .state_version = 1,
    .saving = x86_saving,
    .loaded = x86_loaded,
    .n_mmu_idx = X86_MMU_COUNT,
    .init = init,
    .reset = x86_reset,
    .code_key = code_key,
    .translate = x86_translate,
    .x87_load = x86_fp_load,
    .x87_fetch = x86_fp_fetch,
    .x87_capture = x86_fp_capture,
    .fill_tlb = x86_fill_tlb,
    .mmu_index = mmu_index,
    .misaligned = x86_misaligned,
    .take_interrupt = x86_take_interrupt,
    .take_exception = x86_take_exception,
    .has_work = x86_has_work,
    .debug_print = x86_debug_print,
    .debug_translate = x86_debug_translate,
    .kvm = &x86_kvm,
    .walk_mappings = x86_walk_mappings,
    .disassemble_mode = disassemble_mode,
    .debug_exception = x86_debug_exception,
    .debug_changed = x86_debug_changed,
    .registers = &x86_registers,
    .list_models = x86_list_models,
    .model_name = x86_model_name,
};
