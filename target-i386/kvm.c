/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The x86 CPU under KVM: interrupts, halting, A20. The local APIC is the emulator's; what the guest
 * does to CR8 and the APIC's base register in the kernel is passed on after each run.
 */
#include "target-i386/kvm.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

#include "base/log.h"
#include "hw/i386/x86-cpu.h"
#include "target-i386/helpers.h"
#include "target-i386/sys.h"

/* One page for an identity map of old Intel processors, then three for their virtual-8086 mode: in
   a gap of the map below the BIOS image. */
#define IDENTITY_MAP 0xfeffc000ull
#define TSS (IDENTITY_MAP + 0x1000)

static bool init(struct error **err)
{
    uint64_t identity = IDENTITY_MAP;
    int status = 0;

    if (kvm_capability(KVM_CAP_SET_IDENTITY_MAP_ADDR) > 0) {
        status = kvm_vm_ioctl(KVM_SET_IDENTITY_MAP_ADDR, (uintptr_t)&identity);
    }
    if (status == 0 && kvm_capability(KVM_CAP_SET_TSS_ADDR) > 0) {
        status = kvm_vm_ioctl(KVM_SET_TSS_ADDR, TSS);
    }
    if (status < 0) {
        error_set(err, "KVM does not take its pages at 0x%llx: %s", IDENTITY_MAP,
                  strerror(-status));
        return false;
    }
    return x86_kvm_cpuid_init(err) && x86_kvm_msrs_init(err);
}

static bool create(struct cpu *cpu, struct error **err)
{
    x86_vcpu(cpu)->target = g_new0(struct x86_kvm_vcpu, 1);
    return true;
}

/* --- interrupts ------------------------------------------------------------------------------ */

/* Whether an interrupt that is injected now would be taken at once. */
static bool may_inject(struct cpu *cpu)
{
    const struct x86_env *env = x86_env(cpu);
    const struct kvm_run *run = x86_vcpu(cpu)->run;

    if (x86_vcpu(cpu)->holds_registers) {
        return run->if_flag && run->ready_for_interrupt_injection;
    }
    return (env->eflags & FL_IF) && !env->mode_inhibit && cpu->exception < 0;
}

static void inject(struct cpu *cpu)
{
    struct kvm_interrupt interrupt;
    int vector = cpu->irq_acknowledge ? cpu->irq_acknowledge(cpu->irq_opaque) : -1;

    if (vector < 0) {
        return;
    }
    if (!x86_vcpu(cpu)->holds_registers) {
        cpu->exception = EXC_IRQ_FIRST + vector;    /* goes with the registers */
        return;
    }
    interrupt.irq = vector;
    if (kvm_vcpu_ioctl(cpu, KVM_INTERRUPT, &interrupt) < 0) {
        kvm_give_up(cpu, "it does not take an interrupt");
    }
}

/* INIT and the start-up IPI change registers, an SMI has nowhere to go. */
static void take_special(struct cpu *cpu, uint32_t pending)
{
    if (pending & X86_INT_SMI) {
        cpu_clear_interrupt(cpu, X86_INT_SMI);
        log_unimp("KVM: an SMI is ignored, there is no system management mode");
    }
    if (pending & (X86_INT_INIT | X86_INT_SIPI)) {
        kvm_sync(cpu);
        x86_take_special(cpu, pending & (X86_INT_INIT | X86_INT_SIPI));
    }
    if ((pending & CPU_INT_NMI) && !x86_env(cpu)->wait_sipi) {
        cpu_clear_interrupt(cpu, CPU_INT_NMI);
        cpu->halted = false;
        kvm_vcpu_ioctl(cpu, KVM_NMI, NULL);
    }
}

static void interrupt(struct cpu *cpu)
{
    struct kvm_run *run = x86_vcpu(cpu)->run;
    uint32_t pending = __atomic_load_n(&cpu->interrupts, __ATOMIC_SEQ_CST);
    const struct x86_env *env = x86_env(cpu);

    if (pending & (X86_INT_SMI | X86_INT_INIT | X86_INT_SIPI | CPU_INT_NMI)) {
        take_special(cpu, pending);
    }
    if ((pending & CPU_INT_HARD) && !env->wait_sipi && may_inject(cpu)) {
        inject(cpu);
    }
    pending = __atomic_load_n(&cpu->interrupts, __ATOMIC_SEQ_CST);
    run->request_interrupt_window = (pending & CPU_INT_HARD) && !env->wait_sipi;
    if (env->apic_ops) {
        run->cr8 = env->apic_ops->get_tpr(cpu->apic);
    }
}

/* --- exits ----------------------------------------------------------------------------------- */

static void after_run(struct cpu *cpu)
{
    struct x86_env *env = x86_env(cpu);
    const struct kvm_run *run = x86_vcpu(cpu)->run;

    /* What decides about waking from HLT */
    env->eflags = run->if_flag ? env->eflags | FL_IF : env->eflags & ~FL_IF;
    if (!env->apic_ops) {
        return;
    }
    if (run->cr8 != env->apic_ops->get_tpr(cpu->apic)) {
        env->apic_ops->set_tpr(cpu->apic, (uint8_t)run->cr8);
    }
    if (run->apic_base != env->apic_ops->get_base(cpu->apic)) {
        env->apic_ops->set_base(cpu->apic, run->apic_base);
    }
}

static void halt(struct cpu *cpu)
{
    x86_env(cpu)->nmi_blocked = 0;
}

static void shut_down(struct cpu *cpu)
{
    x86_shutdown(x86_env(cpu));
}

static uint64_t bus_address(struct cpu *cpu, uint64_t address)
{
    return address & ~(uint64_t)x86_env(cpu)->a20_mask_off;
}

static bool can_save(struct error **err)
{
    /* x87 and SSE */
    const uint32_t known = 3;

    if (x86_env(cpu_first())->cpuid_host && (x86_kvm_supported(0xd, 0, 0) & ~known)) {
        error_set(err, "with -cpu host the guest may use vector registers that are not saved yet; "
                  "choose a model by name");
        return false;
    }
    return true;
}

const struct kvm_target x86_kvm = {
    .init = init, .create = create, .get_registers = x86_kvm_get, .put_registers = x86_kvm_put,
    .interrupt = interrupt, .after_run = after_run, .halt = halt, .shut_down = shut_down,
    .bus_address = bus_address, .debug_exit = x86_kvm_debug_exit,
    .can_save = can_save, .debug_prepare = x86_kvm_debug_prepare,
};
