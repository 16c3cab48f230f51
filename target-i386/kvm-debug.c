/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A debugger's steps, break- and watchpoints under KVM: the processor's four debug registers, which
 * KVM keeps apart from the guest's own. Guest memory is not touched.
 */
#include "target-i386/kvm.h"

#include "base/bits.h"
#include "cpu-debug.h"
#include "target-i386/sys.h"

enum { REGISTERS = 4, DR7_EXACT = 3 << 8 };

/* DR7's bits for one register: enabled, and its kind and length. A watchpoint that KVM cannot have
   as asked covers the aligned 1, 2, 4 or 8 bytes at its beginning. */
static uint64_t control_bits(unsigned i, const struct cpu_debug_point *p)
{
    static const uint8_t lengths[] = { [1] = 0, [2] = 1, [4] = 3, [8] = 2 };
    unsigned len = p->len >= 8 ? 8 : p->len >= 4 ? 4 : p->len >= 2 ? 2 : 1;
    unsigned kind = !p->access ? 0 : p->access == CPU_WATCH_WRITE ? 1 : 3;

    return 2ull << 2 * i | (uint64_t)kind << (16 + 4 * i) |
        (uint64_t)(p->access ? lengths[len] : 0) << (18 + 4 * i);
}

static void put_points(struct kvm_guest_debug *d)
{
    struct cpu_debug_point points[REGISTERS];
    unsigned n = cpu_debug_points(points, REGISTERS);
    static unsigned told;

    if (n > REGISTERS && told != cpu_debug_generation) {
        told = cpu_debug_generation;
        error_warn("under KVM there are four break- and watchpoints; %u are not active",
                   n - REGISTERS);
    }
    n = MIN_OF(n, (unsigned)REGISTERS);
    for (unsigned i = 0; i < n; i++) {
        d->arch.debugreg[i] = points[i].addr;
        d->arch.debugreg[7] |= control_bits(i, &points[i]);
    }
    if (n) {
        d->control |= KVM_GUESTDBG_USE_HW_BP;
        d->arch.debugreg[7] |= DR7_FIXED | DR7_EXACT;
    }
}

/* From a breakpoint that was reported the guest goes one step without any. */
void x86_kvm_debug_prepare(struct cpu *cpu)
{
    struct kvm_vcpu *v = x86_vcpu(cpu);
    struct kvm_guest_debug d = { 0 };
    bool pass = cpu->debug.passes && cpu->debug.pass == cpu_debug_linear_pc(cpu);

    v->stepping = cpu->debug.step || pass;
    if (v->stepping) {
        d.control = KVM_GUESTDBG_SINGLESTEP;
    }
    if (!pass) {
        cpu->debug.passes = false;
        put_points(&d);
    }
    if (d.control) {
        d.control |= KVM_GUESTDBG_ENABLE;
    }
    /* TF is in the flags, so these are set afterwards as well. */
    if (!x86_kvm_put(cpu, v->replaced) || kvm_vcpu_ioctl(cpu, KVM_SET_GUEST_DEBUG, &d) < 0) {
        error_warn("KVM does not take the debugger's wishes");
    }
    v->holds_registers = true;
    v->replaced = false;
}

/* Which point it was, from DR6; -1: none. */
static int hit(uint64_t dr6)
{
    return dr6 & 15 ? __builtin_ctzll(dr6) : -1;
}

void x86_kvm_debug_exit(struct cpu *cpu)
{
    const struct kvm_debug_exit_arch *exit = &x86_vcpu(cpu)->run->debug.arch;
    struct cpu_debug_point points[REGISTERS];
    unsigned n = cpu_debug_points(points, REGISTERS);
    int which = hit(exit->dr6);
    bool pass = cpu->debug.passes;

    cpu->debug.passes = false;
    if (which >= 0 && which < (int)MIN_OF(n, (unsigned)REGISTERS)) {
        cpu->debug.stop = points[which].access ? CPU_STOP_WATCH : CPU_STOP_BREAK;
        cpu->debug.watch_addr = points[which].addr;
        cpu->debug.watch_access = (uint8_t)points[which].access;
    } else if (exit->dr6 & DR6_BS) {
        cpu_debug_after(cpu, false);
        /* The points were off. */
        if (pass && !cpu->debug.stop && cpu_breakpoint_at(cpu_debug_linear_pc(cpu))) {
            cpu->debug.stop = CPU_STOP_BREAK;
        }
    }
}
