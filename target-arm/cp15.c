/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * System control coprocessor. Plain registers are rows of a table; what has consequences is code.
 * Cache and branch predictor operations do nothing: code is seen to change anyway.
 */
#include "target-arm/cp15.h"
#include "target-arm/helpers.h"
#include "target-arm/model.h"
#include "target-arm/sys.h"

#include <stddef.h>

#include "base/bits.h"
#include "base/clock.h"
#include "base/log.h"
#include "tcg/softmmu.h"

enum { RO = 1, USER_R = 2, USER_W = 4, WO_IGNORED = 8 };

struct reg {
    uint16_t reg;
    uint8_t feature, flags;
    uint16_t offset;
    uint32_t mask;                  /* what can be written */
};

#define ANY F_V5                    /* no row needs exactly this one: all of our cores have a MMU */
#define ROW(crn, opc1, crm, opc2, feature, flags, field, mask) \
    { CP15(crn, opc1, crm, opc2), feature, flags, offsetof(struct arm_env, cp15.field), mask }

static const struct reg regs[] = {
    ROW(1, 0, 0, 1, F_V6, 0, actlr, ~0u), ROW(1, 0, 0, 2, F_V6, 0, cpacr, 0xc0f00000),
    ROW(2, 0, 0, 0, ANY, 0, ttbr0, ~0u), ROW(2, 0, 0, 1, F_V6, 0, ttbr1, ~0u),
    ROW(2, 0, 0, 2, F_V6, 0, ttbcr, 7), ROW(3, 0, 0, 0, ANY, 0, dacr, ~0u),
    ROW(5, 0, 0, 0, ANY, 0, dfsr, ~0u), ROW(5, 0, 0, 1, ANY, 0, ifsr, ~0u),
    ROW(6, 0, 0, 0, ANY, 0, dfar, ~0u), ROW(6, 0, 0, 2, F_V6, 0, ifar, ~0u),
    ROW(6, 0, 0, 1, F_V6, 0, ifar, ~0u),        /* ARM1136: the watchpoint's address */
    ROW(7, 0, 4, 0, F_V6K, 0, par, ~0u),
    ROW(10, 0, 2, 0, F_V6, 0, prrr, ~0u), ROW(10, 0, 2, 1, F_V6, 0, nmrr, ~0u),
    ROW(12, 0, 0, 0, F_V6K, 0, vbar, ~31u),
    ROW(13, 0, 0, 0, ANY, 0, fcse, 0xfe000000), ROW(13, 0, 0, 1, F_V6, 0, contextidr, ~0u),
    ROW(13, 0, 0, 2, F_V6K, USER_R | USER_W, tpidrurw, ~0u),
    ROW(13, 0, 0, 3, F_V6K, USER_R, tpidruro, ~0u), ROW(13, 0, 0, 4, F_V6K, 0, tpidrprw, ~0u),
    ROW(9, 0, 12, 0, F_V7, 0, pmcr, 0x39), ROW(9, 0, 12, 1, F_V7, 0, pmcntenset, ~0u),
    ROW(9, 0, 12, 5, F_V7, 0, pmselr, 31), ROW(9, 0, 13, 1, F_V7, 0, pmxevtyper, 0xff),
    ROW(9, 0, 14, 0, F_V7, 0, pmuserenr, 1), ROW(9, 0, 14, 1, F_V7, 0, pminten, ~0u),
    ROW(9, 1, 0, 2, F_V7, 0, l2ctlr, ~0u), ROW(0, 2, 0, 0, F_V7, 0, csselr, 15),
    ROW(15, 0, 1, 0, F_XSCALE, 0, xscale_cpar, 0x3fff),
    ROW(1, 0, 0, 1, F_XSCALE, 0, xscale_aux, 0x33),
    ROW(15, 0, 1, 0, F_OMAP, 0, omap_ticonfig, 0xe7),
    ROW(15, 0, 2, 0, F_OMAP, 0, omap_threadid, 0xffff),
};

static const struct reg *find(const struct arm_env *env, uint32_t number)
{
    for (unsigned i = 0; i < ARRAY_LEN(regs); i++) {
        if (regs[i].reg == number && (regs[i].feature == ANY || arm_has(env, regs[i].feature))) {
            return &regs[i];
        }
    }
    return NULL;
}

static bool privileged(const struct arm_env *env)
{
    return (env->cpsr & PSR_MODE) != MODE_USR;
}

static uint32_t *field(struct arm_env *env, const struct reg *r)
{
    return (uint32_t *)((uint8_t *)env + r->offset);
}

static _Noreturn void undefined(struct arm_env *env, uint32_t number, const char *what)
{
    log_guest_error("arm: %s of coprocessor register p%u, %u, c%u, c%u, %u", what, number >> 16,
                    number >> 8 & 15, number >> 12 & 15, number >> 4 & 15, number & 15);
    arm_raise(env, EXC_UNDEF);
}

/* --- identification -------------------------------------------------------------------------- */

static uint32_t read_cpuid(const struct arm_env *env, unsigned crm, unsigned opc2)
{
    const struct arm_model *m = env->model;
    const struct arm_id *id = m->id;

    if (crm == 0) {
        switch (opc2) {
        case 1: return m->ctr;
        case 2: return 0;           /* no TCM */
        case 3: return 0;           /* one TLB for all */
        case 5: return arm_has(env, F_MP) ? 0x80000000u | (uint32_t)env_cpu((void *)env)->index
                                          : env->midr;
        case 6: return arm_has(env, F_V7) ? 0 : env->midr;
        default: return env->midr;
        }
    }
    if (!id) {
        return 0;
    }
    if (crm == 1) {
        const uint32_t values[8] = { id->pfr[0], id->pfr[1], id->dfr0, id->afr0, id->mmfr[0],
                                     id->mmfr[1], id->mmfr[2], id->mmfr[3] };
        return values[opc2];
    }
    return crm == 2 && opc2 < 6 ? id->isar[opc2] : 0;
}

static uint32_t read_cache_id(const struct arm_env *env, unsigned opc2)
{
    const struct arm_id *id = env->model->id;
    unsigned which = env->cp15.csselr;

    if (!id || !arm_has(env, F_V7)) {
        return 0;
    }
    if (opc2 == 1) {
        return id->clidr;
    }
    return which < 3 ? id->ccsidr[which] : 0;
}

/* --- reading --------------------------------------------------------------------------------- */

/* Whether the pending state is visible: ISR. */
static uint32_t pending(struct arm_env *env)
{
    uint32_t lines = __atomic_load_n(&env_cpu(env)->interrupts, __ATOMIC_RELAXED);

    return (lines & CPU_INT_HARD ? PSR_I : 0) | (lines >> 9 & 1 ? PSR_F : 0);
}

static bool read_special(struct arm_env *env, uint32_t number, uint32_t *value)
{
    unsigned crn = number >> 12 & 15, opc1 = number >> 8 & 15, crm = number >> 4 & 15,
             opc2 = number & 15;

    switch (crn) {
    case 0:
        *value = opc1 == 0 ? read_cpuid(env, crm, opc2) : opc1 == 1 ? read_cache_id(env, opc2)
                                                                    : env->cp15.csselr;
        return true;
    case 1:
        if (number == CP15(1, 0, 0, 0)) {
            *value = env->cp15.sctlr;
            return true;
        }
        *value = 0;                 /* security extension */
        return crm == 1;
    case 6:
        if (arm_has(env, F_MPU)) {
            *value = env->cp15.mpu_region[crm & 7];
            return true;
        }
        return false;
    case 7:                         /* clean until nothing is dirty: Z */
        *value = PSR_Z;
        return true;
    case 9:
        if (number == CP15(9, 0, 13, 0)) {
            *value = (uint32_t)(clock_ns(CLOCK_VM) - env->cp15.pmccntr_base);
            return true;
        }
        *value = 0;
        return true;
    case 12:
        *value = pending(env);
        return crm == 1 && arm_has(env, F_V6K);
    case 10:
    case 11:
    case 15:
        *value = 0;
        return true;
    }
    return false;
}

uint32_t helper_mrc(struct arm_env *env, uint32_t number)
{
    const struct reg *r;
    uint32_t value;

    if (number >> 16 == 14 && privileged(env)) {
        return 0;                   /* no debug unit, ThumbEE or Jazelle */
    }
    if (number >> 16 != 15) {
        undefined(env, number, "read");
    }
    number &= 0xffff;
    r = find(env, number);
    if (!privileged(env) && !(r && r->flags & USER_R)) {
        undefined(env, number | 15 << 16, "read");
    }
    if (r) {
        return *field(env, r);
    }
    if (!read_special(env, number, &value)) {
        undefined(env, number | 15 << 16, "read");
    }
    return value;
}

/* --- writing --------------------------------------------------------------------------------- */

static void write_sctlr(struct arm_env *env, uint32_t value)
{
    uint32_t old = env->cp15.sctlr;

    if (arm_has(env, F_V7)) {
        value |= 0x00c50078;        /* bits that are one */
    }
    env->cp15.sctlr = value;
    if ((old ^ value) & (SCTLR_M | SCTLR_XP | SCTLR_S | SCTLR_R | SCTLR_AFE | SCTLR_EE |
                         SCTLR_B)) {
        tlb_flush(env_cpu(env));
    }
}

static void tlb_operation(struct arm_env *env, unsigned opc2, uint32_t value)
{
    struct cpu *cpu = env_cpu(env);

    switch (opc2) {
    case 1:
    case 3:
        if (env->cp15.fcse) {
            tlb_flush(cpu);
        } else {
            tlb_flush_page(cpu, value & 0xfffff000);
        }
        break;
    case 2:
        tlb_flush_asid(cpu);
        break;
    default:
        tlb_flush(cpu);
    }
}

static void cache_operation(struct arm_env *env, uint32_t number, uint32_t value)
{
    unsigned opc2 = number & 7;

    switch (number) {
    case CP15(7, 0, 0, 4):
        env_cpu(env)->halted = true;
        break;
    case CP15(7, 0, 5, 4):
    case CP15(7, 0, 10, 4):
    case CP15(7, 0, 10, 5):
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        break;
    case CP15(7, 0, 8, 0):
    case CP15(7, 0, 8, 1):
    case CP15(7, 0, 8, 2):
    case CP15(7, 0, 8, 3):
        env->cp15.par = arm_translate_par(env, value, opc2 & 1,
                                          opc2 & 2 ? MMU_USER : MMU_PRIVILEGED);
        break;
    }
}

static bool write_special(struct arm_env *env, uint32_t number, uint32_t value)
{
    unsigned crn = number >> 12 & 15, crm = number >> 4 & 15, opc2 = number & 15;

    switch (crn) {
    case 1:
        if (number == CP15(1, 0, 0, 0)) {
            write_sctlr(env, value);
        }
        return number == CP15(1, 0, 0, 0) || crm == 1;
    case 5:
    case 6:
        if (!arm_has(env, F_MPU)) {
            return false;
        }
        if (crn == 6) {
            env->cp15.mpu_region[crm & 7] = value;
        } else if (opc2 & 1) {
            env->cp15.mpu_access_insn = value;
        } else {
            env->cp15.mpu_access_data = value;
        }
        tlb_flush(env_cpu(env));
        return true;
    case 7:
        cache_operation(env, number, value);
        return true;
    case 8:
        tlb_operation(env, opc2, value);
        return true;
    case 9:
        if (number == CP15(9, 0, 13, 0)) {
            env->cp15.pmccntr_base = clock_ns(CLOCK_VM) - value;
        } else if (number == CP15(9, 0, 12, 2)) {
            env->cp15.pmcntenset &= ~value;
        }
        return true;
    case 10:
    case 11:
    case 15:
        return true;
    }
    return false;
}

/* What follows from a plain register's new value. */
static void written(struct arm_env *env, uint32_t number, uint32_t old, uint32_t value)
{
    struct cpu *cpu = env_cpu(env);

    if (old == value) {
        return;
    }
    switch (number) {
    case CP15(2, 0, 0, 2):
    case CP15(3, 0, 0, 0):
    case CP15(13, 0, 0, 0):
        tlb_flush(cpu);
        break;
    case CP15(13, 0, 0, 1):
        if ((old ^ value) & 0xff) {
            tlb_flush_asid(cpu);
        }
        break;
    }
}

void helper_mcr(struct arm_env *env, uint32_t number, uint32_t value)
{
    const struct reg *r;
    bool barrier;

    if (number >> 16 == 14 && privileged(env)) {
        return;
    }
    if (number >> 16 != 15) {
        undefined(env, number, "write");
    }
    number &= 0xffff;
    r = find(env, number);
    barrier = number == CP15(7, 0, 5, 4) || number == CP15(7, 0, 10, 4) ||
              number == CP15(7, 0, 10, 5);
    if (!privileged(env) && !barrier && !(r && r->flags & USER_W)) {
        undefined(env, number | 15 << 16, "write");
    }
    if (r) {
        uint32_t old = *field(env, r);

        *field(env, r) = (old & ~r->mask) | (value & r->mask);
        written(env, number, old, *field(env, r));
    } else if (!write_special(env, number, value)) {
        undefined(env, number | 15 << 16, "write");
    }
    arm_update_mode(env);
}

/* --- VFP's system registers ------------------------------------------------------------------ */

uint32_t helper_fpexc_read(struct arm_env *env, uint32_t reg)
{
    const struct arm_model *m = env->model;

    switch (reg) {
    case 0: return m->fpsid;
    case 6: return m->mvfr1;
    case 7: return m->mvfr0;
    case 8: return env->fpexc;
    case 9:
    case 10: return 0;              /* FPINST: nothing bounces to support code */
    }
    arm_raise(env, EXC_UNDEF);
}

void helper_fpexc_write(struct arm_env *env, uint32_t reg, uint32_t value)
{
    if (reg == 8) {
        env->fpexc = value & FPEXC_EN;
        arm_update_mode(env);
    }
}
