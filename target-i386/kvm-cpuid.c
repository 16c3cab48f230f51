/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* CPUID under KVM: the model's, less what this host cannot do. */
#include "target-i386/kvm.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

#include "accel/accel.h"
#include "base/bits.h"
#include "target-i386/accel-features.h"
#include "target-i386/sys.h"

enum { MAX_ENTRIES = 256, SIGNATURE = 0x40000000, FEATURES = 0x40000001,
       FEATURE_NO_IO_DELAY = 1 << 1 };

struct list {
    struct kvm_cpuid2 head;
    struct kvm_cpuid_entry2 entries[MAX_ENTRIES];
};
static struct list supported;

bool x86_kvm_cpuid_init(struct error **err)
{
    int status;

    supported.head.nent = MAX_ENTRIES;
    status = kvm_ioctl(KVM_GET_SUPPORTED_CPUID, (uintptr_t)&supported);
    if (status < 0) {
        error_set(err, "KVM does not say which CPUID it supports: %s", strerror(-status));
        return false;
    }
    return true;
}

static const struct kvm_cpuid_entry2 *find(uint32_t leaf, uint32_t subleaf)
{
    for (uint32_t i = 0; i < supported.head.nent; i++) {
        const struct kvm_cpuid_entry2 *e = &supported.entries[i];

        if (e->function == leaf &&
            (!(e->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX) || e->index == subleaf)) {
            return e;
        }
    }
    return NULL;
}

uint32_t x86_kvm_supported(uint32_t leaf, uint32_t subleaf, unsigned reg)
{
    const struct kvm_cpuid_entry2 *e = find(leaf, subleaf);
    const uint32_t none[4] = { 0 }, values[4] = { e ? e->eax : 0, e ? e->ebx : 0, e ? e->ecx : 0,
                                                  e ? e->edx : 0 };

    return (e ? values : none)[reg & 3];
}

/* --- models ---------------------------------------------------------------------------------- */

bool x86_features_of_host(void)
{
    return accel_is(&accel_kvm);
}

/*
 * What KVM may offer and we do not pass on: nested virtualization (VMX, SVM), whose state nobody
 * saves; MONITOR; and what needs an APIC in the kernel (x2APIC, the deadline timer).
 */
static const struct {
    uint16_t offset;
    uint8_t reg;
    uint32_t leaf, subleaf, without;
} feature_words[] = {
    { offsetof(struct x86_env, cpuid_1_edx), 3, 1, 0, 0 },
    { offsetof(struct x86_env, cpuid_1_ecx), 2, 1, 0,
      1u << 5 | 1u << F1C_MONITOR | 1u << 21 | 1u << F1C_TSC_DEADLINE | 1u << F1C_OSXSAVE },
    { offsetof(struct x86_env, cpuid_7_ebx), 1, 7, 0, 0 },
    { offsetof(struct x86_env, cpuid_7_ecx), 2, 7, 0, 0 },
    { offsetof(struct x86_env, cpuid_7_edx), 3, 7, 0, 0 },
    { offsetof(struct x86_env, cpuid_ext_edx), 3, 0x80000001, 0, 0 },
    { offsetof(struct x86_env, cpuid_ext_ecx), 2, 0x80000001, 0, 1u << 2 },
    { offsetof(struct x86_env, cpuid_d1_eax), 0, 0xd, 1, 0 },
    { offsetof(struct x86_env, cpuid_6_eax), 0, 6, 0, 0 },
};

uint32_t x86_host_features(size_t word)
{
    for (size_t i = 0; i < ARRAY_LEN(feature_words); i++) {
        if (feature_words[i].offset == word) {
            uint32_t have = x86_kvm_supported(feature_words[i].leaf, feature_words[i].subleaf,
                                              feature_words[i].reg);

            /* That a hypervisor is there is our own word. */
            if (word == offsetof(struct x86_env, cpuid_1_ecx)) {
                have |= 1u << F1C_HYPERVISOR;
            }
            return X86_64 ? have & ~feature_words[i].without
                          : have & ~(feature_words[i].without |
                                     (word == offsetof(struct x86_env, cpuid_ext_edx)
                                          ? 1u << FXD_LM : 0));
        }
    }
    return 0;
}

static void put_text(char *to, uint32_t a, uint32_t b, uint32_t c)
{
    st32_le(to, a);
    st32_le(to + 4, b);
    st32_le(to + 8, c);
}

void x86_host_processor(struct x86_env *env, uint32_t *family, uint32_t *model,
                        uint32_t *stepping)
{
    uint32_t signature = x86_kvm_supported(1, 0, 0);

    put_text(env->cpuid_vendor, x86_kvm_supported(0, 0, 1), x86_kvm_supported(0, 0, 3),
             x86_kvm_supported(0, 0, 2));
    for (unsigned i = 0; i < 12; i++) {
        st32_le(env->cpuid_name + 4 * i, x86_kvm_supported(0x80000002 + i / 4, 0, i % 4));
    }
    *family = signature >> 8 & 15;
    *family += *family == 15 ? signature >> 20 & 0xff : 0;
    *model = (signature >> 4 & 15) | (signature >> 12 & 0xf0);
    *stepping = signature & 15;
    env->cpuid_level = MIN_OF(x86_kvm_supported(0, 0, 0), 0x1fu);
    env->cpuid_xlevel = MIN_OF(x86_kvm_supported(0x80000000, 0, 0), 0x8000001fu);
    env->phys_bits = (uint8_t)x86_kvm_supported(0x80000008, 0, 0);
    env->cpuid_host = true;
}

/* --- building -------------------------------------------------------------------------------- */

/* Of the host's processor, leaves that say what there is of the guest's. */
static bool is_ours(uint32_t leaf, uint32_t subleaf)
{
    switch (leaf) {
    case 0: case 1: case 2: case 4: case 0xb: case 0x1f:
    case 0x80000000: case 0x80000001: case 0x80000008:
        return true;
    case 0xa:                       /* performance counters: their registers are not saved */
    case 0x14: case 0x12: case 0x8000000a:
        return true;
    default:
        return leaf == 7 && subleaf == 0;
    }
}

static void add(struct list *list, struct x86_env *env, uint32_t leaf, uint32_t subleaf,
                bool indexed)
{
    struct kvm_cpuid_entry2 *e;
    uint32_t out[4];

    if (list->head.nent == MAX_ENTRIES) {
        return;
    }
    x86_cpuid(env, leaf, subleaf, out);
    if (env->cpuid_host && !is_ours(leaf, subleaf)) {
        for (unsigned reg = 0; reg < 4; reg++) {
            out[reg] = x86_kvm_supported(leaf, subleaf, reg);
        }
    }
    e = &list->entries[list->head.nent++];
    *e = (struct kvm_cpuid_entry2){
        .function = leaf, .index = subleaf, .eax = out[0], .ebx = out[1], .ecx = out[2],
        .edx = out[3], .flags = indexed ? KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0,
    };
}

/* Leaves that look at ECX, and how many values of it are worth asking for */
static unsigned subleaves(uint32_t leaf)
{
    return leaf == 4 ? 5 : leaf == 7 ? 3 : leaf == 0xb ? 3 : leaf == 0xd ? 32 : 0;
}

static void add_range(struct list *list, struct x86_env *env, uint32_t first, uint32_t last)
{
    for (uint32_t leaf = first; leaf <= last && leaf - first < 64; leaf++) {
        unsigned n = subleaves(leaf);

        add(list, env, leaf, 0, n > 0);
        for (unsigned i = 1; i < n; i++) {
            add(list, env, leaf, i, true);
        }
    }
}

/* The guest may know where it is. Most features want interrupts of an APIC in the kernel, or are
   state that a saved machine does not have. */
static void add_hypervisor(struct list *list, struct x86_env *env)
{
    struct kvm_cpuid_entry2 *e;

    if (!x86_has(env->cpuid_1_ecx, F1C_HYPERVISOR)) {
        return;
    }
    add(list, env, SIGNATURE, 0, false);
    e = &list->entries[list->head.nent - 1];
    e->eax = FEATURES;
    e->ebx = ld32_le("KVMK");
    e->ecx = ld32_le("VMKV");
    e->edx = ld32_le("M\0\0\0");
    add(list, env, FEATURES, 0, false);
    e = &list->entries[list->head.nent - 1];
    e->eax = x86_kvm_supported(FEATURES, 0, 0) & FEATURE_NO_IO_DELAY;
    e->ebx = e->ecx = e->edx = 0;
}

bool x86_kvm_set_cpuid(struct cpu *cpu)
{
    struct x86_env *env = x86_env(cpu);
    struct list *list;
    bool good;

    if (x86_vcpu(cpu)->cpuid_set) {
        return true;
    }
    list = g_new0(struct list, 1);
    add_range(list, env, 0, env->cpuid_level);
    add_hypervisor(list, env);
    if (env->cpuid_xlevel >= 0x80000000) {
        add_range(list, env, 0x80000000, env->cpuid_xlevel);
    }
    good = kvm_vcpu_ioctl(cpu, KVM_SET_CPUID2, list) == 0;
    x86_vcpu(cpu)->cpuid_set = good;
    g_free(list);
    return good;
}
