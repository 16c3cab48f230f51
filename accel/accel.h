/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Accelerators: what runs the guest's instructions. The translator (tcg) is one, the host's KVM
 * another. Devices, monitor, gdb stub and migration know nothing of it: whatever looks at a vCPU
 * from outside does so while its thread is stopped or between two runs (cpu_run_on), and then its
 * env holds the registers.
 */
#ifndef ACCEL_ACCEL_H
#define ACCEL_ACCEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct cpu;

/* Called with the big lock held unless said otherwise. NULL: there is nothing to do. */
struct accel {
    const char *name;
    /* Once, before the machine is made. */
    bool (*init)(struct error **err);
    /* A new vCPU, its env at the reset values, from the thread that makes it. */
    bool (*create)(struct cpu *cpu, struct error **err);
    /* On the vCPU's thread: takes at most one pending interrupt. */
    void (*interrupt)(struct cpu *cpu);
    /* On the vCPU's thread: runs guest code, without the lock, until something wants the loop. */
    void (*run)(struct cpu *cpu);
    /* Makes run() of another thread return soon, or not begin. Any thread, with or without lock. */
    void (*kick)(struct cpu *cpu);
    /* On the vCPU's thread, before others look at env: brings it up to date. What they change of it
       counts from the next run on. */
    void (*sync)(struct cpu *cpu);
    /* All of env is new: after a reset, or loaded. */
    void (*replaced)(struct cpu *cpu);
    /* Whether env is all there is to save. */
    bool (*can_save)(struct error **err);
};

extern const struct accel accel_tcg, accel_kvm;

/* The one in use. */
const struct accel *accel(void);
static inline bool accel_is(const struct accel *which)
{
    return accel() == which;
}

/* --- the command line ------------------------------------------------------------------------ */

/* -accel NAME[,keys]; a further one is what is taken when the one before is not to be had. */
bool accel_add_option(const char *text, struct error **err);
/* -machine accel=NAME:NAME; -enable-kvm is "kvm". Takes the place of what was chosen before. */
bool accel_choose(const char *names, struct error **err);
/* Starts the first that works. Says in one line why one before it does not. */
bool accel_init(struct error **err);

#endif
