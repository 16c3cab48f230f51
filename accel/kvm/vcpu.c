/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vCPUs under KVM: KVM_RUN and its exits. The big lock is held but for KVM_RUN itself, so who has
 * it meets a vCPU in one of two states: in the kernel, or with its exit dealt with.
 */
#include "accel/kvm/kvm.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#include <glib.h>

#include "base/bits.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/main-loop.h"
#include "cpu-debug.h"
#include "cpu-exec.h"
#include "hw/core/machine.h"
#include "hw/core/memory.h"

enum { SIGNAL = SIGUSR1 };          /* ends KVM_RUN */

static struct kvm_vcpu *vcpu_of(const struct cpu *cpu)
{
    return cpu->accel;
}

/* --- making one ------------------------------------------------------------------------------ */

/* What matters is that KVM_RUN ends. */
static void on_signal(int number)
{
}

static void catch_signal(void)
{
    struct sigaction action = { .sa_handler = on_signal };

    sigemptyset(&action.sa_mask);
    sigaction(SIGNAL, &action, NULL);
}

bool kvm_vcpu_create(struct cpu *cpu, struct error **err)
{
    struct kvm_vcpu *v = g_new0(struct kvm_vcpu, 1);
    void *run;

    v->fd = kvm_vm_ioctl(KVM_CREATE_VCPU, cpu->index);
    if (v->fd < 0) {
        int limit = kvm_capability(KVM_CAP_MAX_VCPUS);

        error_set(err, "KVM cannot make CPU %d: %s%s", cpu->index, strerror(-v->fd),
                  limit > 0 && cpu->index >= limit ? " (-smp asks for more than it has)" : "");
        g_free(v);
        return false;
    }
    run = mmap(NULL, kvm_state.run_size, PROT_READ | PROT_WRITE, MAP_SHARED, v->fd, 0);
    if (run == MAP_FAILED) {
        error_set_errno(err, errno, "KVM: cannot map the state of CPU %d", cpu->index);
        g_free(v);
        return false;
    }
    v->run = run;
    v->replaced = true;
    cpu->accel = v;
    if (cpu->index == 0) {
        catch_signal();
        kvm_memory_start(cpu->memory);
    }
    return kvm_state.target->create(cpu, err);
}

/* --- from outside ---------------------------------------------------------------------------- */

void kvm_kick(struct cpu *cpu)
{
    struct kvm_vcpu *v = vcpu_of(cpu);

    if (!v || cpu == cpu_current()) {
        return;
    }
    __atomic_store_n(&v->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&cpu->in_guest, __ATOMIC_SEQ_CST)) {
        pthread_kill(cpu->thread, SIGNAL);
    }
}

void kvm_all_out(void)
{
    for (struct cpu *cpu = cpu_first(); cpu; cpu = cpu_next(cpu)) {
        while (__atomic_load_n(&cpu->in_guest, __ATOMIC_SEQ_CST)) {
            kvm_kick(cpu);
            g_usleep(10);
        }
    }
}

static void stop_machine(void *opaque)
{
    machine_stop();
}

void kvm_give_up(struct cpu *cpu, const char *why)
{
    kvm_sync(cpu);
    error_report("KVM cannot go on with CPU %d at 0x%" PRIx64 ": %s; the machine is stopped "
                 "(-accel tcg runs what this KVM does not)", cpu->index, cpu_debug_pc(cpu), why);
    cpu->stop_request = true;
    main_loop_call(stop_machine, NULL);
}

/* --- exits ----------------------------------------------------------------------------------- */

static void port_access(struct cpu *cpu)
{
    struct kvm_run *run = vcpu_of(cpu)->run;
    uint8_t *data = (uint8_t *)run + run->io.data_offset;
    unsigned size = run->io.size;

    for (uint32_t i = 0; i < run->io.count; i++, data += size) {
        uint64_t value;

        if (run->io.direction == KVM_EXIT_IO_OUT) {
            address_space_st(cpu->io, run->io.port, size, ENDIAN_LITTLE, ld_le(data, size));
        } else {
            address_space_ld(cpu->io, run->io.port, size, ENDIAN_LITTLE, &value);
            st_le(data, size, value);
        }
    }
}

static void memory_access(struct cpu *cpu)
{
    struct kvm_run *run = vcpu_of(cpu)->run;
    uint64_t address = kvm_state.target->bus_address(cpu, run->mmio.phys_addr), value;
    unsigned size = MIN_OF(run->mmio.len, sizeof(run->mmio.data));
    uint8_t *data = run->mmio.data;

    if (!size || (size & (size - 1))) {
        if (run->mmio.is_write) {
            address_space_write(cpu->memory, address, data, size);
        } else {
            address_space_read(cpu->memory, address, data, size);
        }
    } else if (run->mmio.is_write) {
        address_space_st(cpu->memory, address, size, ENDIAN_LITTLE, ld_le(data, size));
    } else {
        address_space_ld(cpu->memory, address, size, ENDIAN_LITTLE, &value);
        st_le(data, size, value);
    }
}

static const char *internal_error(const struct kvm_run *run)
{
    switch (run->internal.suberror) {
    case KVM_INTERNAL_ERROR_EMULATION:
        return "it cannot emulate this instruction";
    case KVM_INTERNAL_ERROR_SIMUL_EX:
        return "several exceptions at once";
    case KVM_INTERNAL_ERROR_DELIVERY_EV:
        return "an event could not be delivered";
    default:
        return "an internal error";
    }
}

static void handle_exit(struct cpu *cpu)
{
    struct kvm_vcpu *v = vcpu_of(cpu);
    char text[80];

    switch (v->run->exit_reason) {
    case KVM_EXIT_IO:
        v->incomplete = true;
        port_access(cpu);
        break;
    case KVM_EXIT_MMIO:
        v->incomplete = true;
        memory_access(cpu);
        break;
    case KVM_EXIT_HLT:
        cpu->halted = true;
        kvm_state.target->halt(cpu);
        break;
    case KVM_EXIT_SHUTDOWN:
        kvm_sync(cpu);
        kvm_state.target->shut_down(cpu);
        break;
    case KVM_EXIT_DEBUG:
        kvm_sync(cpu);
        kvm_state.target->debug_exit(cpu);
        break;
    case KVM_EXIT_IRQ_WINDOW_OPEN:
    case KVM_EXIT_SET_TPR:
    case KVM_EXIT_INTR:
        break;
    case KVM_EXIT_FAIL_ENTRY:
        snprintf(text, sizeof(text), "the processor refuses its state (reason 0x%llx)",
                 (unsigned long long)v->run->fail_entry.hardware_entry_failure_reason);
        kvm_give_up(cpu, text);
        break;
    case KVM_EXIT_INTERNAL_ERROR:
        kvm_give_up(cpu, internal_error(v->run));
        break;
    default:
        snprintf(text, sizeof(text), "unknown exit %u", v->run->exit_reason);
        kvm_give_up(cpu, text);
        break;
    }
}

/* --- running --------------------------------------------------------------------------------- */

/* The loop asks for a vCPU by exit_req, which may have been set since it looked. */
static bool is_wanted(struct cpu *cpu)
{
    return cpu->halted || cpu->stop_request || cpu->debug.stop ||
           __atomic_load_n(&cpu_hot(cpu)->exit_req, __ATOMIC_SEQ_CST);
}

/* Enters the kernel, which may leave at once. Returns what KVM_RUN does. */
static int enter(struct cpu *cpu)
{
    struct kvm_vcpu *v = vcpu_of(cpu);
    int status;

    v->incomplete = false;
    __atomic_store_n(&cpu->in_guest, true, __ATOMIC_SEQ_CST);
    /* Who wants it from now on sends a signal. */
    if (is_wanted(cpu)) {
        __atomic_store_n(&v->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
    }
    big_unlock();
    status = kvm_vcpu_ioctl(cpu, KVM_RUN, NULL);
    __atomic_store_n(&cpu->in_guest, false, __ATOMIC_SEQ_CST);
    big_lock();
    kvm_state.target->after_run(cpu);
    return status;
}

static void run_once(struct cpu *cpu)
{
    int status = enter(cpu);

    if (status == 0) {
        handle_exit(cpu);
    } else if (status != -EINTR && status != -EAGAIN) {
        kvm_give_up(cpu, strerror(-status));
    }
}

/* An access of a device ends in the kernel, and may go on with the next one. */
static void complete(struct cpu *cpu)
{
    struct kvm_vcpu *v = vcpu_of(cpu);

    while (v->incomplete) {
        __atomic_store_n(&v->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
        run_once(cpu);
    }
}

void kvm_sync(struct cpu *cpu)
{
    struct kvm_vcpu *v = vcpu_of(cpu);

    if (v->holds_registers) {
        complete(cpu);
        if (v->holds_registers) {
            kvm_state.target->get_registers(cpu);
            v->holds_registers = false;
        }
    }
}

static bool give_registers(struct cpu *cpu)
{
    struct kvm_vcpu *v = vcpu_of(cpu);

    if (v->holds_registers) {
        return true;
    }
    if (!kvm_state.target->put_registers(cpu, v->replaced)) {
        return false;
    }
    v->holds_registers = true;
    v->replaced = false;
    return true;
}

void kvm_run(struct cpu *cpu)
{
    struct kvm_vcpu *v = vcpu_of(cpu);

    if (v->debug_generation != cpu_debug_generation || v->stepping || cpu->debug.step ||
        cpu->debug.passes) {
        kvm_sync(cpu);
        kvm_state.target->debug_prepare(cpu);
        v->debug_generation = cpu_debug_generation;
    }
    if (!give_registers(cpu)) {
        return;
    }
    __atomic_store_n(&v->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
    run_once(cpu);
}
