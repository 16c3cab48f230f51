/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The saved part of the CPU's state; what creation fixes and what is cached is not in it. */
#include "target-arm/sys.h"

#include "base/error.h"
#include "hw/core/state.h"
#include "target-arm/flags.h"
#include "tcg/tlb.h"

#define C(name) FIELD(arm_cp15, name)

static const struct field cp15_fields[] = {
    C(sctlr), C(actlr), C(cpacr), C(ttbr0), C(ttbr1), C(ttbcr), C(dacr), C(dfsr), C(ifsr), C(dfar),
    C(ifar), C(fcse), C(contextidr), C(tpidrurw), C(tpidruro), C(tpidrprw), C(vbar), C(par),
    C(prrr), C(nmrr), C(csselr), C(mair0), C(l2ctlr), C(omap_ticonfig), C(omap_threadid),
    C(xscale_cpar), C(xscale_aux), C(pmcr), C(pmcntenset), C(pmovsr), C(pmuserenr), C(pminten),
    C(pmselr), C(pmxevtyper), C(pmccntr_base), ARRAY(arm_cp15, mpu_region), C(mpu_access_data),
    C(mpu_access_insn), C(mpu_cache_data), C(mpu_cache_insn), C(mpu_buffer), FIELDS_END
};

const struct field arm_state_fields[] = {
    ARRAY(arm_env, regs), FIELD(arm_env, pc), FIELD(arm_env, nf), FIELD(arm_env, zf),
    FIELD(arm_env, cv_op), FIELD(arm_env, cv_a), FIELD(arm_env, cv_b), FIELD(arm_env, it),
    FIELD(arm_env, qf), { "ge", offsetof(struct arm_env, saved_ge), 4, 1, FIELD_U32, 1, NULL },
    { "d", offsetof(struct arm_env, d), 8, 32, FIELD_U64, 1, NULL },
    FIELD(arm_env, mxcsr), FIELD(arm_env, fpscr), FIELD(arm_env, fp_nzcv),
    ARRAY(arm_env, fp_qc), FIELD(arm_env, fpexc), FIELD(arm_env, exclusive_addr),
    FIELD(arm_env, exclusive_size), FIELD(arm_env, exclusive_value), FIELD(arm_env, cpsr),
    ARRAY(arm_env, banked_sp), ARRAY(arm_env, banked_lr), ARRAY(arm_env, spsr),
    ARRAY2(arm_env, banked_r8),
    FIELD_ROW(arm_env, cp15, struct arm_cp15, FIELD_STRUCT, 1, cp15_fields),
    FIELD(arm_env, fault_addr), FIELD(arm_env, fault_status), FIELD(arm_env, saved_features),
    FIELD(arm_env, saved_midr), FIELDS_END
};

void arm_saving(struct cpu *cpu)
{
    struct arm_env *env = arm_env(cpu);

    arm_pack_flags(env);
    env->saved_features = env->features;
    env->saved_ge = arm_ge_packed(env->ge);
    env->saved_midr = env->midr;
}

/* MXCSR goes to the host as it is: its exceptions must be masked. */
static bool is_possible(const struct arm_env *env)
{
    const uint32_t masks = 0x1f80;
    int exception = env->hot.cpu->exception;

    return env->cv_op == CV_VALUES && env->cv_a <= 1 && env->cv_b <= 1 && env->it <= 0xff &&
        env->qf <= 1 && env->saved_ge <= 15 && !(env->cpsr & ~(uint32_t)PSR_KEPT) &&
        (env->mxcsr & masks) == masks && env->mxcsr <= 0xffff && env->exclusive_size <= 8 &&
        (exception == -1 || (exception >= EXC_UNDEF && exception <= EXC_BKPT));
}

bool arm_loaded(struct cpu *cpu, struct error **err)
{
    struct arm_env *env = arm_env(cpu);

    if (env->saved_features != env->features || env->saved_midr != env->midr) {
        error_set(err, "the saved machine has another model of CPU (use the same -cpu)");
        return false;
    }
    if (!is_possible(env)) {
        error_set(err, "CPU %d: impossible state", cpu->index);
        return false;
    }
    env->ge = arm_ge_spread(env->saved_ge);
    env->selected_mode = ~0u;
    arm_update_mode(env);
    tlb_flush(cpu);
    return true;
}
