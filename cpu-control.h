/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Between cpu-exec.c, which runs vCPU threads, and cpu-control.c, which steers them from outside.
 */
#ifndef CPU_CONTROL_H
#define CPU_CONTROL_H

#include "cpu-exec.h"

void *cpu_thread(void *cpu);
/* All on the vCPU's thread with the big lock held. */
void cpu_wait(struct cpu *cpu);             /* until something about it changes */
void cpu_work_run(struct cpu *cpu);
void cpu_reset_one(struct cpu *cpu);

/* cpu-exec.c: runs guest code until exit_req is set or, in user mode, an exception or something
   else needs the loop. Between begin and end others may have to wait in cpu_exclusive_begin(). */
void cpu_exec_begin(struct cpu *cpu);
void cpu_exec_end(struct cpu *cpu);
void cpu_run_guest(struct cpu *cpu);
void cpu_set_current(struct cpu *cpu);      /* for cpu_current() */
/* Around fork(), by a thread outside of the section; in the child no other is left. */
void cpu_exec_fork_begin(void);
void cpu_exec_fork_end(bool child);

#endif
