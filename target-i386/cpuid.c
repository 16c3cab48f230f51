/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* CPUID. Nothing is claimed that is not implemented: the feature words are masked in models.c. */
#include "target-i386/sys.h"

#include <string.h>

#include "base/bits.h"
#include "base/lock.h"
#include "hw/i386/x86-cpu.h"

struct cache {
    uint8_t level, type;            /* type: 1 data, 2 instruction, 3 unified */
    uint16_t ways;
    uint32_t sets;                  /* of 64-byte lines */
    bool shared;                    /* by all cores */
};
static const struct cache caches[] = {
    { 1, 1, 8, 64, false }, { 1, 2, 8, 64, false }, { 2, 3, 16, 4096, false },
    { 3, 3, 16, 16384, true },
};

static unsigned cpu_count(void)
{
    unsigned n = 0;

    if (cpu_first()->user) {
        return 1;                   /* they are a process's threads */
    }
    for (struct cpu *cpu = cpu_first(); cpu; cpu = cpu->next) {
        n++;
    }
    return n ? n : 1;
}

/* Bits of the APIC id that number the cores of the package. */
static unsigned core_bits(void)
{
    unsigned bits = 0;

    while (1u << bits < cpu_count()) {
        bits++;
    }
    return bits;
}

static uint32_t apic_id(struct x86_env *env)
{
    uint32_t id = (uint32_t)env_cpu(env)->index;
    bool held = big_lock_held();

    if (env->apic_ops && env->apic_ops->get_id) {
        if (!held) {
            big_lock();
        }
        id = env->apic_ops->get_id(env_cpu(env)->apic);
        if (!held) {
            big_unlock();
        }
    }
    return id;
}

static void vendor_leaf(const struct x86_env *env, uint32_t max, uint32_t out[4])
{
    out[0] = max;
    out[1] = ld32_le(env->cpuid_vendor);
    out[3] = ld32_le(env->cpuid_vendor + 4);
    out[2] = ld32_le(env->cpuid_vendor + 8);
}

static void leaf_1(struct x86_env *env, uint32_t out[4])
{
    unsigned cores = cpu_count();

    out[0] = env->cpuid_signature;
    out[1] = apic_id(env) << 24;
    if (x86_has(env->cpuid_1_edx, F1D_CLFSH)) {
        out[1] |= 8 << 8;
    }
    out[2] = env->cpuid_1_ecx;
    out[3] = env->cpuid_1_edx;
    if (env->cr[4] & CR4_OSXSAVE) {
        out[2] |= 1u << F1C_OSXSAVE;
    }
    if (!env->apic_ops) {
        out[3] &= ~(1u << F1D_APIC);
    }
    if (!env->apic_ops || !env->apic_ops->set_deadline) {
        out[2] &= ~(1u << F1C_TSC_DEADLINE);
    }
    if (cores > 1) {
        out[1] |= cores << 16;
        out[3] |= 1 << 28;
    }
}

static void leaf_4(unsigned i, uint32_t out[4])
{
    const struct cache *c;

    if (i >= ARRAY_LEN(caches)) {
        return;
    }
    c = &caches[i];
    out[0] = c->type | c->level << 5 | 1 << 8 | ((1u << core_bits()) - 1) << 26;
    if (c->shared) {
        out[0] |= ((1u << core_bits()) - 1) << 14;
    }
    out[1] = 63 | (uint32_t)(c->ways - 1) << 22;
    out[2] = c->sets - 1;
    out[3] = c->type == 3;          /* inclusive of, or flushed by, lower levels */
}

static void leaf_b(struct x86_env *env, uint32_t level, uint32_t out[4])
{
    out[2] = level & 0xff;
    out[3] = apic_id(env);
    if (level == 0) {
        out[1] = 1;
        out[2] |= 1 << 8;           /* threads */
    } else if (level == 1) {
        out[0] = core_bits();
        out[1] = cpu_count();
        out[2] |= 2 << 8;           /* cores */
    }
}

static void leaf_d(struct x86_env *env, uint32_t subleaf, uint32_t out[4])
{
    if (!x86_has(env->cpuid_1_ecx, F1C_XSAVE)) {
        return;
    }
    if (subleaf == 0) {
        out[0] = 3;                 /* x87 and SSE */
        out[1] = out[2] = 0x240;
    } else if (subleaf == 1) {
        out[0] = env->cpuid_d1_eax;
        out[1] = 0x240;
    }
}

static void basic(struct x86_env *env, uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    switch (leaf) {
    case 0:
        vendor_leaf(env, env->cpuid_level, out);
        break;
    case 1:
        leaf_1(env, out);
        break;
    case 2:
        out[0] = 1;                 /* one round; 32K + 32K level 1, 2M level 2, 64-byte lines */
        out[3] = 0x2c307d;
        break;
    case 4:
        leaf_4(subleaf, out);
        break;
    case 5:
        if (x86_has(env->cpuid_1_ecx, F1C_MONITOR)) {
            out[0] = out[1] = 64;   /* smallest and largest monitored line */
            out[2] = 3;             /* break on interrupt */
        }
        break;
    case 6:
        out[0] = env->cpuid_6_eax;
        break;
    case 7:
        if (subleaf == 0) {
            out[1] = env->cpuid_7_ebx;
            out[2] = env->cpuid_7_ecx;
            out[3] = env->cpuid_7_edx;
        }
        break;
    case 0xb:
        leaf_b(env, subleaf, out);
        break;
    case 0xd:
        leaf_d(env, subleaf, out);
        break;
    }
}

static void brand(const struct x86_env *env, unsigned part, uint32_t out[4])
{
    for (unsigned i = 0; i < 4; i++) {
        out[i] = ld32_le(env->cpuid_name + 16 * part + 4 * i);
    }
}

static void extended(struct x86_env *env, uint32_t leaf, uint32_t out[4])
{
    switch (leaf & 0xff) {
    case 0:
        vendor_leaf(env, env->cpuid_xlevel, out);
        break;
    case 1:
        out[0] = env->cpuid_signature;
        out[2] = env->cpuid_ext_ecx;
        out[3] = env->cpuid_ext_edx;
        if (cpu_count() > 1 && !memcmp(env->cpuid_vendor, "AuthenticAMD", 12)) {
            out[2] |= 2;            /* CmpLegacy: the threads of leaf 1 are cores */
        }
        break;
    case 2:
    case 3:
    case 4:
        brand(env, (leaf & 0xff) - 2, out);
        break;
    case 5:                         /* TLBs, then 32K 8-way level 1 caches */
        out[0] = 0x01ff01ff;
        out[1] = 0x01ff01ff;
        out[2] = out[3] = 32 << 24 | 8 << 16 | 1 << 8 | 64;
        break;
    case 6:                         /* 4M 16-way level 2; level 3 of 16M in halves of a MiB */
        out[1] = 0x42004200;
        out[2] = 4096u << 16 | 8 << 12 | 1 << 8 | 64;
        out[3] = 32 << 18 | 8 << 12 | 1 << 8 | 64;
        break;
    case 8:
        out[0] = env->phys_bits | (x86_has(env->cpuid_ext_edx, FXD_LM) ? 48 : 32) << 8;
        if (cpu_count() > 1) {
            out[2] = (cpu_count() - 1) | core_bits() << 12;
        }
        break;
    }
}

static void hypervisor(uint32_t leaf, uint32_t out[4])
{
    if (leaf == 0x40000000) {
        out[0] = 0x40000001;
        memcpy(&out[1], "TCGTCGTCGTCG", 12);
    }
}

/* A leaf beyond the last one gives the last basic one, as Intel documents. */
void x86_cpuid(struct x86_env *env, uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    memset(out, 0, 4 * sizeof(*out));
    if (leaf >= 0x80000000 && leaf <= env->cpuid_xlevel) {
        extended(env, leaf, out);
    } else if ((leaf == 0x40000000 || leaf == 0x40000001) &&
               x86_has(env->cpuid_1_ecx, F1C_HYPERVISOR)) {
        hypervisor(leaf, out);
    } else {
        basic(env, leaf <= env->cpuid_level ? leaf : env->cpuid_level, subleaf, out);
    }
}
