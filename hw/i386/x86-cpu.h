/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What PC boards need of an x86 CPU beyond cpu-exec.h, and what the CPU needs of its local APIC.
 * target-i386 implements the functions; the board or the APIC device fills the callbacks.
 */
#ifndef HW_I386_X86_CPU_H
#define HW_I386_X86_CPU_H

#include <stdbool.h>
#include <stdint.h>

struct cpu;

/* Bits of cpu->interrupts beyond those of cpu-exec.h, for cpu_interrupt(). */
enum {
    X86_INT_SMI = 1 << 9,
    X86_INT_INIT = 1 << 10,
    X86_INT_SIPI = 1 << 11
};

/* The A20 gate: off masks address bit 20 of every physical access. Big lock held, any thread; it
 * takes effect before the guest's next memory access. */
void x86_cpu_set_a20(struct cpu *cpu, bool on);
/* Start-up IPI: a CPU that waits for it starts at vector << 12; others ignore it. */
void x86_cpu_sipi(struct cpu *cpu, uint8_t vector);
/* INIT: the CPU resets, but keeps caches, MSRs and the A20 gate; all but the boot CPU then wait for
 * a start-up IPI. */
void x86_cpu_init_signal(struct cpu *cpu);
void x86_cpu_smi(struct cpu *cpu);
/* Whether there is system management mode; not under every accelerator. */
bool x86_cpu_has_smm(void);
/* The boot processor starts at the reset vector, others wait for a start-up IPI. From creation on;
 * reset keeps it. */
void x86_cpu_set_bsp(struct cpu *cpu, bool bsp);
/* The FERR# line: called when an unmasked x87 exception is reported with CR0.NE clear; IGNNE# tells
 * the CPU to ignore it until the exception is cleared. */
void x86_cpu_on_ferr(struct cpu *cpu, void (*ferr)(void *opaque, bool on), void *opaque);
void x86_cpu_set_ignne(struct cpu *cpu, bool on);
/* The CPU has shut down after a triple fault and waits for a reset; the board requests one. Called
 * on the vCPU's thread without the big lock. */
void x86_cpu_on_triple_fault(struct cpu *cpu, void (*fault)(void *opaque), void *opaque);
/* Where system management code sees its RAM: the address space used while in SMM. NULL: the same as
 * outside of it. */
struct address_space;
void x86_cpu_set_smm_memory(struct cpu *cpu, struct address_space *memory);
/* Facts for tables and fw_cfg: CPUID leaf 1 EAX and EDX, and physical address bits. */
struct x86_cpu_facts {
    uint32_t signature, features;
    uint8_t physical_bits;
    bool has_apic, long_mode;
};
void x86_cpu_facts(struct cpu *cpu, struct x86_cpu_facts *facts);

/* The local APIC as the CPU sees it, attached by cpu->apic. All calls hold the big lock. */
struct x86_apic_ops {
    /* IA32_APIC_BASE; set returns false when the value must raise #GP. */
    uint64_t (*get_base)(void *apic);
    bool (*set_base)(void *apic, uint64_t value);
    /* CR8: the upper four bits of the task priority register. */
    uint8_t (*get_tpr)(void *apic);
    void (*set_tpr)(void *apic, uint8_t cr8);
    /* x2APIC MSRs 0x800..0x8ff; false must raise #GP. */
    bool (*read_msr)(void *apic, uint32_t msr, uint64_t *value);
    bool (*write_msr)(void *apic, uint32_t msr, uint64_t value);
    /* TSC deadline in guest TSC ticks; 0 disarms. NULL: not supported. */
    void (*set_deadline)(void *apic, uint64_t tsc);
    /* The CPU did INIT or reset. */
    void (*init_reset)(void *apic);
    uint8_t (*get_id)(void *apic);
};
/* When the guest's TSC reaches this value, on the virtual clock. */
int64_t x86_cpu_tsc_to_vm_ns(struct cpu *cpu, uint64_t tsc);
/* `apic` is the device; NULL ops: no local APIC (CPUID must not show one). */
void x86_cpu_set_apic(struct cpu *cpu, const struct x86_apic_ops *ops, void *apic);
const struct x86_apic_ops *x86_cpu_apic_ops(struct cpu *cpu);

#endif
