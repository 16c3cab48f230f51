/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A machine's vCPU thread: sleeps, takes interrupts and works for others between runs of guest
 * code. The big lock is held except while guest code runs.
 */
#include <unistd.h>

#include "accel/accel.h"
#include "base/lock.h"
#include "cpu-control.h"
#include "cpu-debug.h"
#include "cpu-exec.h"
#include "tcg/tlb.h"

static bool must_sleep(struct cpu *cpu)
{
    if (cpu->stop_request || cpu->debug.held) {
        return true;
    }
    if (cpu->halted && !cpu->work && !cpu->target->has_work(cpu)) {
        return true;
    }
    return false;
}

/* With the big lock: sleeps, works and interrupts until there is guest code to run. */
static void between_regions(struct cpu *cpu)
{
    do {
        cpu_work_run(cpu);
        while (must_sleep(cpu) && !cpu->work) {
            cpu_wait(cpu);
        }
        cpu_work_run(cpu);
        __atomic_store_n(&cpu_hot(cpu)->exit_req, 0, __ATOMIC_SEQ_CST);
        tlb_flush_if_wanted(cpu);
        if (cpu->interrupts & CPU_INT_EXIT) {
            cpu_clear_interrupt(cpu, CPU_INT_EXIT);
        }
        if (cpu->interrupts & CPU_INT_RESET) {
            cpu_clear_interrupt(cpu, CPU_INT_RESET);
            cpu_reset_one(cpu);
        }
    } while (cpu->stop_request || cpu->debug.held || cpu->work);
    if (cpu->halted && cpu->target->has_work(cpu)) {
        cpu->halted = false;
    }
}

/* While single instructions are looked at, a timer's handler would be in the way. */
static bool may_interrupt(const struct cpu *cpu)
{
    return cpu->exception < 0 && !cpu->halted && !(cpu->debug.step && cpu->debug.no_interrupts);
}

void *cpu_thread(void *opaque)
{
    struct cpu *cpu = opaque;

    cpu_set_current(cpu);
    big_lock();
    cpu->thread_id = gettid();
    for (;;) {
        between_regions(cpu);
        if (may_interrupt(cpu)) {
            accel()->interrupt(cpu);
        }
        if (cpu->debug.stop) {
            cpu_debug_stopped(cpu);
            continue;
        }
        if (cpu->halted) {
            continue;
        }
        cpu->running = true;
        accel()->run(cpu);
        cpu->running = false;
        if (cpu->debug.stop) {
            cpu_debug_stopped(cpu);
        }
    }
    return NULL;
}
