/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * KVM, the host kernel's virtual machines: what its parts here and a target share. Interrupt
 * controllers, timers and all devices are the emulator's own; the kernel has the registers of a
 * vCPU while `holds_registers', and memory slots for what is RAM or ROM in the memory map.
 */
#ifndef ACCEL_KVM_KVM_H
#define ACCEL_KVM_KVM_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct cpu;
struct address_space;

struct kvm_vcpu {
    int fd;
    struct kvm_run *run;
    bool holds_registers;           /* the kernel does; otherwise env */
    bool replaced;                  /* all of env is new, also what only a reset or load changes */
    bool incomplete;                /* an access of a device ends with the next KVM_RUN */
    bool cpuid_set;
    bool stepping;                  /* KVM runs single instructions */
    unsigned debug_generation;      /* of the break- and watchpoints that KVM has */
    void *target;                   /* the target's own */
};

/* What KVM needs of a target; all on the vCPU's thread with the big lock held. */
struct kvm_target {
    /* Once: `kvm' and `vm' are there. Fails for want of a capability. */
    bool (*init)(struct error **err);
    bool (*create)(struct cpu *cpu, struct error **err);
    void (*get_registers)(struct cpu *cpu);
    /* replaced: as in struct kvm_vcpu */
    bool (*put_registers)(struct cpu *cpu, bool replaced);
    /* At most one pending interrupt, or a request to hear when the guest takes them. */
    void (*interrupt)(struct cpu *cpu);
    /* After each run, before its exit is looked at. */
    void (*after_run)(struct cpu *cpu);
    /* The guest halts, or has shut down; the registers are in env for the second. */
    void (*halt)(struct cpu *cpu);
    void (*shut_down)(struct cpu *cpu);
    /* An address as the bus sees it. */
    uint64_t (*bus_address)(struct cpu *cpu, uint64_t address);
    /* False when the guest has state that env has no place for. */
    bool (*can_save)(struct error **err);
    /* KVM_EXIT_DEBUG. */
    void (*debug_exit)(struct cpu *cpu);
    /* Before a run for which the debugger wants something else than for the last one. */
    void (*debug_prepare)(struct cpu *cpu);
};

struct kvm_state {
    int kvm, vm;
    size_t run_size;
    unsigned max_slots;
    bool readonly_slots;
    const struct kvm_target *target;
};
extern struct kvm_state kvm_state;

static inline int kvm_capability(int which);
/* ioctl() on /dev/kvm, the VM, a vCPU: the result, or the negative errno. */
int kvm_ioctl(unsigned long request, unsigned long arg);
int kvm_vm_ioctl(unsigned long request, unsigned long arg);
int kvm_vcpu_ioctl(struct cpu *cpu, unsigned long request, void *arg);

static inline int kvm_capability(int which)
{
    return kvm_vm_ioctl(KVM_CHECK_EXTENSION, which);
}

/* vcpu.c */
bool kvm_vcpu_create(struct cpu *cpu, struct error **err);
void kvm_run(struct cpu *cpu);
void kvm_kick(struct cpu *cpu);
/* env gets the registers, and holds them until the next run. */
void kvm_sync(struct cpu *cpu);
/* Nobody is in KVM_RUN when it returns, nor will be before the big lock is released. */
void kvm_all_out(void);
/* The virtual machine cannot go on; one line, and it stops. */
void kvm_give_up(struct cpu *cpu, const char *why);

/* memory.c */
void kvm_memory_start(struct address_space *as);
/* x86: the first MiB is seen again at the second one. */
void kvm_memory_fold(bool on);

#endif
