/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between cpu-exec.c, which runs vCPU threads, and cpu-control.c, which steers them from outside. */
#ifndef CPU_CONTROL_H
#define CPU_CONTROL_H

#include "cpu-exec.h"

void *cpu_thread(void *cpu);
/* All on the vCPU's thread with the big lock held. */
void cpu_wait(struct cpu *cpu);             /* until something about it changes */
void cpu_work_run(struct cpu *cpu);
void cpu_reset_one(struct cpu *cpu);

#endif
