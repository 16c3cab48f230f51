/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The translator as an accelerator: see cpu-exec.c for the loop it runs. */
#include "accel/accel.h"
#include "base/lock.h"
#include "cpu-control.h"
#include "cpu-debug.h"
#include "tcg/backend.h"

/* Delivering an interrupt may itself raise: then the exception is what goes on. */
static void interrupt(struct cpu *cpu)
{
    if (sigsetjmp(cpu->jmp, 0) == 0) {
        if (cpu->interrupts && cpu->target->take_interrupt(cpu) && cpu_debug_alone(cpu)) {
            cpu_debug_after(cpu, true);
        }
    }
}

static void run(struct cpu *cpu)
{
    big_unlock();
    cpu_exec_begin(cpu);
    backend_fp_enter(cpu->env);
    cpu_run_guest(cpu);
    backend_fp_leave(cpu->env);
    cpu_exec_end(cpu);
    big_lock();
}

const struct accel accel_tcg = { .name = "tcg", .interrupt = interrupt, .run = run };
