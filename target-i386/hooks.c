/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What PC boards call and wire: A20, INIT, start-up IPI, SMI, FERR#, the local APIC. */
#include "hw/i386/x86-cpu.h"

#include "accel/accel.h"
#include "accel/kvm/kvm.h"
#include "target-i386/sys.h"
#include "target-i386/helpers.h"

void x86_cpu_set_a20(struct cpu *cpu, bool on)
{
    struct x86_env *env = x86_env(cpu);
    uint32_t off = on ? 0 : 1 << 20;

    if (env->a20_mask_off != off) {
        env->a20_mask_off = off;
        tlb_flush(cpu);
        if (accel_is(&accel_kvm)) {
            kvm_memory_fold(!on);
        }
    }
}

bool x86_cpu_has_smm(void)
{
    return !accel_is(&accel_kvm);
}

void x86_cpu_sipi(struct cpu *cpu, uint8_t vector)
{
    struct x86_env *env = x86_env(cpu);

    if (env->wait_sipi || (__atomic_load_n(&cpu->interrupts, __ATOMIC_SEQ_CST) & X86_INT_INIT)) {
        env->sipi_vector = vector;
        cpu_interrupt(cpu, X86_INT_SIPI);
    }
}

void x86_cpu_init_signal(struct cpu *cpu)
{
    cpu_clear_interrupt(cpu, X86_INT_SIPI);
    cpu_interrupt(cpu, X86_INT_INIT);
}

void x86_cpu_smi(struct cpu *cpu)
{
    cpu_interrupt(cpu, X86_INT_SMI);
}

void x86_cpu_set_bsp(struct cpu *cpu, bool bsp)
{
    struct x86_env *env = x86_env(cpu);

    env->not_bsp = !bsp;
    env->wait_sipi = !bsp;
    cpu->halted = !bsp;
}

int64_t x86_cpu_tsc_to_vm_ns(struct cpu *cpu, uint64_t tsc)
{
    return (int64_t)(tsc - x86_env(cpu)->tsc_offset);
}

void x86_cpu_on_ferr(struct cpu *cpu, void (*ferr)(void *opaque, bool on), void *opaque)
{
    x86_env(cpu)->ferr = ferr;
    x86_env(cpu)->ferr_opaque = opaque;
}

void x86_ferr(struct x86_env *env, bool on)
{
    if (env->ferr && !(on && env->ignne)) {
        env->ferr(env->ferr_opaque, on);
    }
}

void x86_cpu_set_ignne(struct cpu *cpu, bool on)
{
    x86_env(cpu)->ignne = on;
}

void x86_cpu_on_triple_fault(struct cpu *cpu, void (*fault)(void *opaque), void *opaque)
{
    x86_env(cpu)->triple_fault = fault;
    x86_env(cpu)->triple_fault_opaque = opaque;
}

void x86_cpu_set_smm_memory(struct cpu *cpu, struct address_space *memory)
{
    x86_env(cpu)->memory_smm = memory;
}

void x86_cpu_facts(struct cpu *cpu, struct x86_cpu_facts *facts)
{
    const struct x86_env *env = x86_env(cpu);

    facts->signature = env->cpuid_signature;
    facts->features = env->cpuid_1_edx;
    facts->physical_bits = env->phys_bits;
    facts->has_apic = x86_has(env->cpuid_1_edx, F1D_APIC);
    facts->long_mode = x86_has(env->cpuid_ext_edx, FXD_LM);
}

void x86_cpu_set_apic(struct cpu *cpu, const struct x86_apic_ops *ops, void *apic)
{
    x86_env(cpu)->apic_ops = ops;
    cpu->apic = apic;
}

const struct x86_apic_ops *x86_cpu_apic_ops(struct cpu *cpu)
{
    return x86_env(cpu)->apic_ops;
}
