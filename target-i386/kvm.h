/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The x86 CPU under KVM: what the files of it share. */
#ifndef TARGET_I386_KVM_H
#define TARGET_I386_KVM_H

#include "accel/kvm/kvm.h"
#include "target-i386/cpu.h"

/* What env has no place for; kept from get to put. */
struct x86_kvm_vcpu {
    struct kvm_xsave xsave;         /* the state beyond x87 and SSE */
};

static inline struct kvm_vcpu *x86_vcpu(struct cpu *cpu)
{
    return cpu->accel;
}

static inline struct x86_kvm_vcpu *x86_kvm_of(struct cpu *cpu)
{
    return x86_vcpu(cpu)->target;
}

/* kvm-regs.c */
void x86_kvm_get(struct cpu *cpu);
bool x86_kvm_put(struct cpu *cpu, bool replaced);

/* kvm-msrs.c: registers of which the kernel has no word are left out. */
bool x86_kvm_msrs_init(struct error **err);
void x86_kvm_get_msrs(struct cpu *cpu);
bool x86_kvm_put_msrs(struct cpu *cpu, bool replaced);

/* kvm-cpuid.c */
bool x86_kvm_cpuid_init(struct error **err);
bool x86_kvm_set_cpuid(struct cpu *cpu);
/* Of KVM_GET_SUPPORTED_CPUID; `reg' counts from EAX. */
uint32_t x86_kvm_supported(uint32_t leaf, uint32_t subleaf, unsigned reg);

/* kvm-debug.c */
void x86_kvm_debug_exit(struct cpu *cpu);
void x86_kvm_debug_prepare(struct cpu *cpu);

#endif
