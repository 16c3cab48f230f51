/* SPDX-License-Identifier: GPL-2.0-or-later */
/* KVM: opening it, what it must be able to do, and the reasons why it may not be had. */
#include "accel/kvm/kvm.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "accel/accel.h"
#include "base/bits.h"
#include "cpu-exec.h"

#define DEVICE "/dev/kvm"

struct kvm_state kvm_state = { .kvm = -1, .vm = -1 };

static int result(int value)
{
    return value < 0 ? -errno : value;
}

int kvm_ioctl(unsigned long request, unsigned long arg)
{
    return result(ioctl(kvm_state.kvm, request, arg));
}

int kvm_vm_ioctl(unsigned long request, unsigned long arg)
{
    return result(ioctl(kvm_state.vm, request, arg));
}

int kvm_vcpu_ioctl(struct cpu *cpu, unsigned long request, void *arg)
{
    return result(ioctl(((struct kvm_vcpu *)cpu->accel)->fd, request, arg));
}

/* --- opening --------------------------------------------------------------------------------- */

static const char *remedy(int os_error)
{
    switch (os_error) {
    case ENOENT:
        return "load the module kvm_intel or kvm_amd, and enable virtualization in the firmware";
    case EACCES: case EPERM:
        return "your user must be in the device's group: 'adduser USER kvm', then log in again";
    case ENODEV: case ENXIO:
        return "the module is not loaded: try 'modprobe kvm_intel' or 'modprobe kvm_amd'";
    default:
        return "is it the device of KVM?";
    }
}

static bool open_device(struct error **err)
{
    kvm_state.kvm = open(DEVICE, O_RDWR | O_CLOEXEC);
    if (kvm_state.kvm < 0) {
        error_set(err, "cannot open " DEVICE ": %s (%s)", strerror(errno), remedy(errno));
        return false;
    }
    if (kvm_ioctl(KVM_GET_API_VERSION, 0) != KVM_API_VERSION) {
        error_set(err, DEVICE " has another interface than version %d (%s)", KVM_API_VERSION,
                  remedy(0));
        return false;
    }
    return true;
}

static bool create_vm(struct error **err)
{
    int size;

    do {
        kvm_state.vm = kvm_ioctl(KVM_CREATE_VM, 0);
    } while (kvm_state.vm == -EINTR);
    if (kvm_state.vm < 0) {
        const char *hint = kvm_state.vm == -EBUSY ? " (another hypervisor runs: stop it)" : "";

        error_set(err, "KVM cannot make a virtual machine: %s%s", strerror(-kvm_state.vm), hint);
        return false;
    }
    size = kvm_ioctl(KVM_GET_VCPU_MMAP_SIZE, 0);
    if (size < (int)sizeof(struct kvm_run)) {
        error_set(err, "KVM's vCPUs have no shared page");
        return false;
    }
    kvm_state.run_size = size;
    return true;
}

static bool check_capabilities(struct error **err)
{
    static const struct {
        int number;
        const char *name;
    } needed[] = {
        { KVM_CAP_USER_MEMORY, "USER_MEMORY" },
        { KVM_CAP_DESTROY_MEMORY_REGION_WORKS, "DESTROY_MEMORY_REGION_WORKS" },
        { KVM_CAP_SYNC_MMU, "SYNC_MMU" },
        { KVM_CAP_IMMEDIATE_EXIT, "IMMEDIATE_EXIT" },
    };
    int slots = kvm_capability(KVM_CAP_NR_MEMSLOTS);

    for (size_t i = 0; i < ARRAY_LEN(needed); i++) {
        if (kvm_capability(needed[i].number) <= 0) {
            error_set(err, "the host's KVM lacks KVM_CAP_%s (Linux 4.12 or newer has it)",
                      needed[i].name);
            return false;
        }
    }
    kvm_state.max_slots = slots > 0 ? slots : 32;
    kvm_state.readonly_slots = kvm_capability(KVM_CAP_READONLY_MEM) > 0;
    return true;
}

static void close_all(void)
{
    int *fds[] = { &kvm_state.vm, &kvm_state.kvm };

    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        if (*fds[i] >= 0) {
            close(*fds[i]);
        }
        *fds[i] = -1;
    }
}

static bool init(struct error **err)
{
    kvm_state.target = the_target.kvm;
    if (!kvm_state.target) {
        error_set(err, "KVM runs guests of the host's own architecture only, not %s",
                  the_target.name);
        return false;
    }
    if (open_device(err) && create_vm(err) && check_capabilities(err) &&
        kvm_state.target->init(err)) {
        return true;
    }
    close_all();
    return false;
}

/* --- the accelerator ------------------------------------------------------------------------- */

static void interrupt(struct cpu *cpu)
{
    kvm_state.target->interrupt(cpu);
}

static void replaced(struct cpu *cpu)
{
    struct kvm_vcpu *v = cpu->accel;

    if (v) {
        v->holds_registers = v->incomplete = false;
        v->replaced = true;
    }
}

static bool can_save(struct error **err)
{
    return kvm_state.target->can_save(err);
}

const struct accel accel_kvm = {
    .name = "kvm", .init = init, .create = kvm_vcpu_create, .interrupt = interrupt,
    .run = kvm_run, .kick = kvm_kick, .sync = kvm_sync, .replaced = replaced,
    .can_save = can_save,
};
