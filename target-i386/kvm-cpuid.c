/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* CPUID under KVM: the model's, less what this host cannot do. */
#include "target-i386/kvm.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

#include "base/bits.h"
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

/* --- building -------------------------------------------------------------------------------- */

static void add(struct list *list, struct x86_env *env, uint32_t leaf, uint32_t subleaf,
                bool indexed)
{
    struct kvm_cpuid_entry2 *e;
    uint32_t out[4];

    if (list->head.nent == MAX_ENTRIES) {
        return;
    }
    x86_cpuid(env, leaf, subleaf, out);
    e = &list->entries[list->head.nent++];
    *e = (struct kvm_cpuid_entry2){
        .function = leaf, .index = subleaf, .eax = out[0], .ebx = out[1], .ecx = out[2],
        .edx = out[3], .flags = indexed ? KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0,
    };
}

/* Leaves that look at ECX, and how many values of it are worth asking for */
static unsigned subleaves(uint32_t leaf)
{
    return leaf == 4 ? 5 : leaf == 7 ? 1 : leaf == 0xb ? 3 : leaf == 0xd ? 2 : 0;
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
