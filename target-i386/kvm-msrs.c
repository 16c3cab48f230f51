/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Model specific registers between env and KVM, as far as this kernel has them. */
#include "target-i386/kvm.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

#include "base/bits.h"
#include "base/clock.h"
#include "target-i386/sys.h"

enum { MAX_MSRS = 128, MSR_TSC = 0x10 };

struct row {
    uint32_t number;
    uint32_t offset;
    uint16_t count, step;           /* of a run of registers; bytes from one to the next */
};
#define ONE(number, m) { number, offsetof(struct x86_env, m), 1, 8 }
#define RUN(number, m, n) { number, offsetof(struct x86_env, m), n, 8 }

static const struct row rows[] = {
    ONE(0x174, sysenter_cs), ONE(0x175, sysenter_esp), ONE(0x176, sysenter_eip),
    ONE(0x277, pat), ONE(0x1a0, misc_enable), ONE(0x2ff, mtrr_def), ONE(0x250, mtrr_fixed[0]),
    RUN(0x258, mtrr_fixed[1], 2), RUN(0x268, mtrr_fixed[3], 8), RUN(0x200, mtrr_var, 16),
    ONE(0x17a, mcg_status), ONE(0x17b, mcg_ctl),
    ONE(0xc0000081, star), ONE(0xc0000103, tsc_aux),
#if TARGET_WORD_BITS == 64
    ONE(0xc0000082, lstar), ONE(0xc0000083, cstar), ONE(0xc0000084, fmask),
    ONE(0xc0000102, kernel_gs_base),
#endif
};

/* One register of ours: where it is in env. */
static struct {
    uint32_t number, offset;
} known[MAX_MSRS];
static unsigned n_known;

struct message {
    struct kvm_msrs head;
    struct kvm_msr_entry entries[MAX_MSRS];
};

static bool is_listed(const struct kvm_msr_list *list, uint32_t number)
{
    /* MTRRs are no part of the list, but always there. */
    if (number >= 0x200 && number < 0x300) {
        return true;
    }
    for (uint32_t i = 0; i < list->nmsrs; i++) {
        if (list->indices[i] == number) {
            return true;
        }
    }
    return false;
}

static void add_rows(const struct kvm_msr_list *list)
{
    n_known = 0;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (unsigned n = 0; n < rows[i].count && n_known < MAX_MSRS - 1; n++) {
            if (is_listed(list, rows[i].number + n)) {
                known[n_known].number = rows[i].number + n;
                known[n_known++].offset = rows[i].offset + n * rows[i].step;
            }
        }
    }
}

bool x86_kvm_msrs_init(struct error **err)
{
    struct kvm_msr_list count = { 0 }, *list;
    int status = kvm_ioctl(KVM_GET_MSR_INDEX_LIST, (uintptr_t)&count);

    if (status < 0 && status != -E2BIG) {
        error_set(err, "KVM does not say which MSRs it has: %s", strerror(-status));
        return false;
    }
    list = g_malloc0(sizeof(*list) + count.nmsrs * sizeof(list->indices[0]));
    list->nmsrs = count.nmsrs;
    status = kvm_ioctl(KVM_GET_MSR_INDEX_LIST, (uintptr_t)list);
    if (status == 0) {
        add_rows(list);
    } else {
        error_set(err, "KVM does not say which MSRs it has: %s", strerror(-status));
    }
    g_free(list);
    return status == 0;
}

/* KVM stops at the first register that it does not like; that one is forgotten. */
static void forget(unsigned i)
{
    n_known--;
    memmove(&known[i], &known[i + 1], (n_known - i) * sizeof(known[0]));
}

static uint64_t *place(struct x86_env *env, unsigned i)
{
    return (uint64_t *)((char *)env + known[i].offset);
}

void x86_kvm_get_msrs(struct cpu *cpu)
{
    struct x86_env *env = x86_env(cpu);
    struct message m;

    for (;;) {
        int done;

        m = (struct message){ .head.nmsrs = n_known + 1 };
        m.entries[n_known].index = MSR_TSC;
        for (unsigned i = 0; i < n_known; i++) {
            m.entries[i].index = known[i].number;
        }
        done = kvm_vcpu_ioctl(cpu, KVM_GET_MSRS, &m);
        if (done < 0 || (unsigned)done >= n_known) {
            break;
        }
        forget((unsigned)done);
    }
    for (unsigned i = 0; i < n_known; i++) {
        *place(env, i) = m.entries[i].data;
    }
    env->tsc_offset = m.entries[n_known].data - (uint64_t)clock_ns(CLOCK_VM);
}

/* The time stamp counter goes on by itself: it is set only where all is new. */
bool x86_kvm_put_msrs(struct cpu *cpu, bool replaced)
{
    struct x86_env *env = x86_env(cpu);

    for (;;) {
        struct message m = { .head.nmsrs = n_known + replaced };
        int done;

        for (unsigned i = 0; i < n_known; i++) {
            m.entries[i].index = known[i].number;
            m.entries[i].data = *place(env, i);
        }
        m.entries[n_known].index = MSR_TSC;
        m.entries[n_known].data = x86_tsc(env);
        done = kvm_vcpu_ioctl(cpu, KVM_SET_MSRS, &m);
        if (done < 0) {
            return false;
        }
        if ((unsigned)done >= n_known) {
            return true;
        }
        forget((unsigned)done);
    }
}
