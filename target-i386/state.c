/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The saved part of the CPU's state; what creation fixes and what is cached is not in it. */
#include "target-i386/sys.h"

#include <string.h>

#include "base/bits.h"
#include "base/error.h"
#include "hw/core/state.h"
#include "hw/i386/x86-cpu.h"
#include "tcg/region.h"
#include "target-i386/flags.h"

static const struct field segment_fields[] = {
    FIELD(x86_segment, selector), FIELD(x86_segment, flags), FIELD(x86_segment, limit),
    FIELD(x86_segment, base), FIELDS_END
};
static const struct field fpreg_fields[] = {
    FIELD(x86_fpreg, mant), FIELD(x86_fpreg, exp), FIELDS_END
};
static const struct field mtrr_fields[] = {
    FIELD(x86_mtrr, base), FIELD(x86_mtrr, mask), FIELDS_END
};

#define STRUCTS(m, element, table)                                                                 \
    FIELD_ROW(x86_env, m, element, FIELD_STRUCT, 1, table)

const struct field x86_state_fields[] = {
    ARRAY(x86_env, regs), FIELD(x86_env, cc_op), FIELD(x86_env, df), FIELD(x86_env, cc_a),
    FIELD(x86_env, cc_b), FIELD(x86_env, cc_c), FIELD(x86_env, pc), FIELD(x86_env, eflags),
    FIELD(x86_env, mode_inhibit), STRUCTS(segs, struct x86_segment, segment_fields),
    STRUCTS(ldt, struct x86_segment, segment_fields),
    STRUCTS(tr, struct x86_segment, segment_fields),
    FIELD(x86_env, gdt_limit), FIELD(x86_env, idt_limit), FIELD(x86_env, gdt_base),
    FIELD(x86_env, idt_base), FIELD(x86_env, cpl),
    { "xmm", offsetof(struct x86_env, xmm), 8, 2 * 16, FIELD_U64, 1, NULL },
    FIELD(x86_env, mxcsr), STRUCTS(fpregs, struct x86_fpreg, fpreg_fields), FIELD(x86_env, fpuc),
    FIELD(x86_env, fpus), FIELD(x86_env, fop), FIELD(x86_env, fptop), FIELD(x86_env, fptags),
    FIELD(x86_env, fpcs), FIELD(x86_env, fpds), FIELD(x86_env, fpip), FIELD(x86_env, fpdp),
    ARRAY(x86_env, cr), FIELD(x86_env, cr8), FIELD(x86_env, xcr0), ARRAY(x86_env, dr),
    FIELD(x86_env, efer), FIELD(x86_env, star), FIELD(x86_env, lstar), FIELD(x86_env, cstar),
    FIELD(x86_env, fmask), FIELD(x86_env, kernel_gs_base), FIELD(x86_env, tsc_aux),
    FIELD(x86_env, pat), FIELD(x86_env, apic_base), FIELD(x86_env, sysenter_cs),
    FIELD(x86_env, sysenter_esp), FIELD(x86_env, sysenter_eip), FIELD(x86_env, tsc_offset),
    FIELD(x86_env, tsc_deadline), FIELD(x86_env, misc_enable), FIELD(x86_env, smbase),
    FIELD(x86_env, mtrr_def), ARRAY(x86_env, mtrr_fixed),
    STRUCTS(mtrr_var, struct x86_mtrr, mtrr_fields), FIELD(x86_env, mcg_cap),
    FIELD(x86_env, mcg_status), FIELD(x86_env, mcg_ctl), ARRAY(x86_env, mce_banks),
    FIELD(x86_env, smi_pending), FIELD(x86_env, in_smm), FIELD(x86_env, nmi_blocked),
    FIELD(x86_env, a20_mask_off), FIELD(x86_env, old_exception), FIELD(x86_env, fault_addr),
    FIELD(x86_env, fault_next_pc_delta), FIELD(x86_env, db_pending), FIELD(x86_env, wait_sipi),
    FIELD(x86_env, sipi_vector), FIELD(x86_env, ignne), ARRAY(x86_env, saved_cpuid), FIELDS_END
};

/* What a guest may have found out about its processor. */
static void get_cpuid(const struct x86_env *env, uint32_t *words)
{
    const uint32_t mine[] = {
        env->cpuid_1_edx, env->cpuid_1_ecx, env->cpuid_7_ebx, env->cpuid_7_ecx, env->cpuid_7_edx,
        env->cpuid_ext_edx, env->cpuid_ext_ecx, env->cpuid_d1_eax, env->cpuid_6_eax,
        env->cpuid_level, env->cpuid_xlevel, env->cpuid_signature, env->phys_bits
    };

    _Static_assert(sizeof(mine) == sizeof(env->saved_cpuid), "all of them");
    memcpy(words, mine, sizeof(mine));
}

void x86_saving(struct cpu *cpu)
{
    struct x86_env *env = x86_env(cpu);

    x86_load_eflags(env, x86_get_eflags(env));
    get_cpuid(env, env->saved_cpuid);
}

/* Exceptions that can wait for delivery while a CPU stands still. */
static bool is_exception(int number)
{
    return (number >= -1 && number <= EXC_ICEBP) ||
        (number >= EXC_IRQ_FIRST && number <= EXC_IRQ_FIRST + 255);
}

static bool is_possible(const struct x86_env *env)
{
    return env->cc_op == CC_PACKED && (env->df == 1 || env->df == -1) && env->cpl <= 3 &&
        env->fptop < 8 && env->in_smm <= 3 && env->nmi_blocked <= 1 && env->wait_sipi <= 1 &&
        env->sipi_vector <= 255 && (env->a20_mask_off & ~(1u << 20)) == 0 &&
        (env->mode_inhibit & ~MODE_INHIBIT) == 0 && !(env->mxcsr & ~env->mxcsr_mask) &&
        (env->mcg_cap & 0xff) <= ARRAY_LEN(env->mce_banks) / 4 &&
        (env->old_exception == (uint32_t)-1 || env->old_exception < 32) &&
        is_exception(env->hot.cpu->exception) && (X86_64 || !(env->efer & EFER_LMA));
}

static void tidy(struct x86_env *env)
{
    for (int i = 0; i < SEG_COUNT; i++) {
        env->segs[i].flags &= 0xf0ff00;
    }
    x86_load_eflags(env, (env->eflags & ~(FL_ARITH | FL_DF)) | (env->cc_a & FL_ARITH) |
                    (env->df < 0 ? FL_DF : 0));
    env->event_external = 0;
    env->pauses_left = 0;
}

bool x86_loaded(struct cpu *cpu, struct error **err)
{
    struct x86_env *env = x86_env(cpu);
    uint32_t words[ARRAY_LEN(env->saved_cpuid)];

    get_cpuid(env, words);
    if (memcmp(words, env->saved_cpuid, sizeof(words)) != 0) {
        error_set(err, "the saved machine has another model of CPU (use the same -cpu)");
        return false;
    }
    if (!is_possible(env)) {
        error_set(err, "CPU %d: impossible state", cpu->index);
        return false;
    }
    tidy(env);
    x86_smm_memory(env, env->in_smm != 0);
    x86_debug_update(env);
    jump_cache_select(cpu);
    return true;
}
