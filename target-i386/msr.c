/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Model specific registers. Plain ones are rows of a table; the rest have code. A register that is
 * not there reads as 0 and swallows writes, with a line under -d unimp, as guests expect of QEMU.
 */
#include "target-i386/sys.h"
#include "target-i386/helpers.h"

#include <stddef.h>
#include <string.h>

#include "base/bits.h"
#include "base/clock.h"
#include "base/lock.h"
#include "base/log.h"
#include "hw/i386/x86-cpu.h"

enum {
    MSR_TSC = 0x10, MSR_APIC_BASE = 0x1b, MSR_UCODE_REV = 0x8b, MSR_SMBASE = 0x9e,
    MSR_MTRR_CAP = 0xfe, MSR_MTRR_VAR = 0x200, MSR_PAT = 0x277, MSR_MC0 = 0x400,
    MSR_TSC_DEADLINE = 0x6e0, MSR_X2APIC = 0x800,
};
#define APIC_BASE_X2 0x400     /* x2APIC mode */
#define MSR_EFER 0xc0000080u
#define MSR_FS_BASE 0xc0000100u
#define MSR_GS_BASE 0xc0000101u

enum check { ANY_VALUE, CANONICAL, LOW32, READ_ONLY, MEMORY_TYPES };

struct plain_msr {
    uint32_t number;
    uint8_t check;
    bool lm;                        /* belongs to long mode */
    uint16_t offset;
};

#define FIELD_OF(m) offsetof(struct x86_env, m)
static const struct plain_msr plain_msrs[] = {
    { 0x174, LOW32, false, FIELD_OF(sysenter_cs) },
    { 0x175, CANONICAL, false, FIELD_OF(sysenter_esp) },
    { 0x176, CANONICAL, false, FIELD_OF(sysenter_eip) },
    { 0x179, READ_ONLY, false, FIELD_OF(mcg_cap) },
    { 0x17a, ANY_VALUE, false, FIELD_OF(mcg_status) },
    { 0x17b, ANY_VALUE, false, FIELD_OF(mcg_ctl) },
    { 0x1a0, ANY_VALUE, false, FIELD_OF(misc_enable) },
    { 0x250, MEMORY_TYPES, false, FIELD_OF(mtrr_fixed[0]) },
    { 0x258, MEMORY_TYPES, false, FIELD_OF(mtrr_fixed[1]) },
    { 0x259, MEMORY_TYPES, false, FIELD_OF(mtrr_fixed[2]) },
    { 0x268, MEMORY_TYPES, false, FIELD_OF(mtrr_fixed[3]) },
    { 0x269, MEMORY_TYPES, false, FIELD_OF(mtrr_fixed[4]) },
    { 0x26a, MEMORY_TYPES, false, FIELD_OF(mtrr_fixed[5]) },
    { 0x26b, MEMORY_TYPES, false, FIELD_OF(mtrr_fixed[6]) },
    { 0x26c, MEMORY_TYPES, false, FIELD_OF(mtrr_fixed[7]) },
    { 0x26d, MEMORY_TYPES, false, FIELD_OF(mtrr_fixed[8]) },
    { 0x26e, MEMORY_TYPES, false, FIELD_OF(mtrr_fixed[9]) },
    { 0x26f, MEMORY_TYPES, false, FIELD_OF(mtrr_fixed[10]) },
    { 0x277, MEMORY_TYPES, false, FIELD_OF(pat) },
    { 0x2ff, ANY_VALUE, false, FIELD_OF(mtrr_def) },
    { 0xc0000081, ANY_VALUE, false, FIELD_OF(star) },
    { 0xc0000082, CANONICAL, true, FIELD_OF(lstar) },
    { 0xc0000083, CANONICAL, true, FIELD_OF(cstar) },
    { 0xc0000084, LOW32, true, FIELD_OF(fmask) },
    { 0xc0000100, CANONICAL, true, FIELD_OF(segs[SEG_FS].base) },
    { 0xc0000101, CANONICAL, true, FIELD_OF(segs[SEG_GS].base) },
    { 0xc0000102, CANONICAL, true, FIELD_OF(kernel_gs_base) },
    { 0xc0000103, LOW32, false, FIELD_OF(tsc_aux) },
};

/* 1 GHz, so that a tick is a nanosecond of guest time. */
uint64_t x86_tsc(const struct x86_env *env)
{
    if (env->hot.cpu->user) {
        return clock_ns(CLOCK_HOST);
    }
    return (uint64_t)clock_ns(CLOCK_VM) + env->tsc_offset;
}

static uint64_t *plain(struct x86_env *env, uint32_t msr, const struct plain_msr **row)
{
    for (unsigned i = 0; i < ARRAY_LEN(plain_msrs); i++) {
        const struct plain_msr *p = &plain_msrs[i];

        if (p->number == msr && (!p->lm || x86_has(env->cpuid_ext_edx, FXD_LM))) {
            *row = p;
            return (uint64_t *)((char *)env + p->offset);
        }
    }
    return NULL;
}

static bool memory_types_valid(uint64_t value)
{
    for (unsigned i = 0; i < 8; i++, value >>= 8) {
        unsigned type = value & 0xff;

        if (type > 7 || type == 2 || type == 3) {
            return false;
        }
    }
    return true;
}

static bool value_allowed(const struct plain_msr *row, uint64_t value)
{
    switch (row->check) {
    case CANONICAL:
        return !X86_64 || x86_canonical(value);
    case LOW32:
        return !(value >> 32);
    case READ_ONLY:
        return false;
    case MEMORY_TYPES:
        return memory_types_valid(value);
    default:
        return true;
    }
}

static uint64_t *variable(struct x86_env *env, uint32_t msr)
{
    unsigned banks = (unsigned)(env->mcg_cap & 0xff);

    if (msr >= MSR_MTRR_VAR && msr < MSR_MTRR_VAR + 16) {
        struct x86_mtrr *m = &env->mtrr_var[(msr - MSR_MTRR_VAR) / 2];

        return msr & 1 ? &m->mask : &m->base;
    }
    if (msr >= MSR_MC0 && msr < MSR_MC0 + 4 * banks && msr - MSR_MC0 < ARRAY_LEN(env->mce_banks)) {
        return &env->mce_banks[msr - MSR_MC0];
    }
    return NULL;
}

/* --- registers with code --------------------------------------------------------------------- */

static bool write_efer(struct x86_env *env, uint64_t value)
{
    uint64_t valid = EFER_LMA, old = env->efer;

    valid |= x86_has(env->cpuid_ext_edx, FXD_SYSCALL) ? EFER_SCE : 0;
    valid |= x86_has(env->cpuid_ext_edx, FXD_LM) ? EFER_LME : 0;
    valid |= x86_has(env->cpuid_ext_edx, FXD_NX) ? EFER_NXE : 0;
    if ((value & ~valid) || (((value ^ old) & EFER_LME) && (env->cr[0] & CR0_PG))) {
        return false;
    }
    env->efer = (value & ~(uint64_t)EFER_LMA) | (old & EFER_LMA);
    if ((value ^ old) & EFER_NXE) {
        tlb_flush(env_cpu(env));
    }
    x86_update_mode(env);
    return true;
}

static bool write_apic_base(struct x86_env *env, uint64_t value)
{
    bool done;

    if (!env->apic_ops) {
        return true;
    }
    big_lock();
    done = env->apic_ops->set_base(env_cpu(env)->apic, value);
    big_unlock();
    return done;
}

static bool write_deadline(struct x86_env *env, uint64_t value)
{
    env->tsc_deadline = value;
    if (env->apic_ops && env->apic_ops->set_deadline) {
        /* The APIC counts from the clock, without the guest's offset. */
        big_lock();
        env->apic_ops->set_deadline(env_cpu(env)->apic, value);
        big_unlock();
    }
    return true;
}

static uint64_t read_apic_base(struct x86_env *env)
{
    uint64_t value = env->apic_base;

    if (env->apic_ops) {
        big_lock();
        value = env->apic_ops->get_base(env_cpu(env)->apic);
        big_unlock();
    }
    return value;
}

static bool access_x2apic(struct x86_env *env, uint32_t msr, uint64_t *value, bool write)
{
    const struct x86_apic_ops *ops = env->apic_ops;
    void *apic = env_cpu(env)->apic;
    bool done;

    if (!ops || !ops->read_msr || !ops->write_msr || !(read_apic_base(env) & APIC_BASE_X2)) {
        return false;
    }
    big_lock();
    done = write ? ops->write_msr(apic, msr, *value) : ops->read_msr(apic, msr, value);
    big_unlock();
    return done;
}

static bool is_deadline(const struct x86_env *env, uint32_t msr)
{
    return msr == MSR_TSC_DEADLINE && x86_has(env->cpuid_1_ecx, F1C_TSC_DEADLINE);
}

bool x86_read_msr(struct x86_env *env, uint32_t msr, uint64_t *value)
{
    const struct plain_msr *row;
    uint64_t *field = plain(env, msr, &row);

    if (!field) {
        field = variable(env, msr);
    }
    if (field) {
        *value = *field;
    } else if (msr == MSR_TSC) {
        *value = x86_tsc(env);
    } else if (msr == MSR_EFER) {
        *value = env->efer;
    } else if (msr == MSR_APIC_BASE) {
        *value = read_apic_base(env);
    } else if (msr == MSR_UCODE_REV) {
        *value = 0x100000000ull;
    } else if (msr == MSR_SMBASE) {
        *value = env->smbase;
        return env->in_smm;
    } else if (msr == MSR_MTRR_CAP) {
        *value = x86_has(env->cpuid_1_edx, F1D_MTRR) ? 0x508 : 0;   /* fixed, WC, 8 variable */
    } else if (is_deadline(env, msr)) {
        *value = env->tsc_deadline > x86_tsc(env) ? env->tsc_deadline : 0;
    } else if (msr >= MSR_X2APIC && msr < MSR_X2APIC + 0x100) {
        return access_x2apic(env, msr, value, false);
    } else {
        log_unimp("rdmsr of unknown register %x", msr);
        *value = 0;
    }
    return true;
}

bool x86_write_msr(struct x86_env *env, uint32_t msr, uint64_t value)
{
    const struct plain_msr *row;
    uint64_t *field = plain(env, msr, &row);

    if (field) {
        if (!value_allowed(row, value)) {
            return false;
        }
        *field = value;
        return true;
    }
    field = variable(env, msr);
    if (field) {
        *field = value;
        return true;
    }
    switch (msr) {
    case MSR_TSC:
        env->tsc_offset += value - x86_tsc(env);
        return true;
    case MSR_EFER:
        return write_efer(env, value);
    case MSR_APIC_BASE:
        return write_apic_base(env, value);
    case MSR_UCODE_REV:
        return true;
    case MSR_MTRR_CAP:
    case MSR_SMBASE:
        return false;
    }
    if (is_deadline(env, msr)) {
        return write_deadline(env, value);
    }
    if (msr >= MSR_X2APIC && msr < MSR_X2APIC + 0x100) {
        return access_x2apic(env, msr, &value, true);
    }
    log_unimp("wrmsr of unknown register %x, value %llx", msr, (unsigned long long)value);
    return true;
}

/* At power on; INIT leaves these alone. */
void x86_reset_msrs(struct x86_env *env)
{
    unsigned family = env->cpuid_signature >> 8 & 15;

    env->pat = 0x0007040600070406ull;
    env->misc_enable = 1 | (x86_has(env->cpuid_1_ecx, F1C_MONITOR) ? 1 << 18 : 0);
    env->tsc_offset = 0 - (uint64_t)clock_ns(CLOCK_VM);
    env->apic_base = 0xfee00900 & (env->not_bsp ? ~0x100u : ~0u);
    env->smbase = 0x30000;
    env->star = env->lstar = env->cstar = env->fmask = env->kernel_gs_base = env->tsc_aux = 0;
    env->sysenter_cs = env->sysenter_esp = env->sysenter_eip = 0;
    env->tsc_deadline = env->mtrr_def = 0;
    memset(env->mtrr_fixed, 0, sizeof(env->mtrr_fixed));
    memset(env->mtrr_var, 0, sizeof(env->mtrr_var));
    memset(env->mce_banks, 0, sizeof(env->mce_banks));
    env->mcg_cap = env->mcg_status = env->mcg_ctl = 0;
    if (family >= 6 && x86_has(env->cpuid_1_edx, F1D_MCE) && x86_has(env->cpuid_1_edx, F1D_MCA)) {
        env->mcg_cap = 0x100 | 10;  /* MCG_CTL is there; ten banks */
        env->mcg_ctl = ~0ull;
        for (unsigned i = 0; i < 10; i++) {
            env->mce_banks[4 * i] = ~0ull;
        }
    }
}

uint64_t helper_rdmsr(struct x86_env *env, uint32_t msr)
{
    uint64_t value = 0;

    if (!x86_read_msr(env, msr, &value)) {
        x86_raise_error(env, EXC_GP, 0);
    }
    return value;
}

void helper_wrmsr(struct x86_env *env, uint32_t msr, uint64_t value)
{
    if (!x86_write_msr(env, msr, value)) {
        x86_raise_error(env, EXC_GP, 0);
    }
    x86_poll_interrupts(env);
}
