/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A debugger's hold on vCPUs: single steps, breakpoints and watchpoints. All of it is invisible to
 * the guest. Breakpoints are compiled into the regions of their page; nothing is checked, and
 * nothing is compiled otherwise, while there are none.
 *
 * Lists change only while no vCPU runs guest code. Addresses are linear.
 */
#ifndef CPU_DEBUG_H
#define CPU_DEBUG_H

#include "cpu-exec.h"

enum { CPU_WATCH_WRITE = 1, CPU_WATCH_READ = 2 };

/* --- for debuggers; the vCPU does not run ---------------------------------------------------- */

/* The same address may be inserted several times; false: there is no such breakpoint. */
void cpu_breakpoint_insert(uint64_t addr);
bool cpu_breakpoint_remove(uint64_t addr);
/* access: CPU_WATCH_*. False: no room for more, or there is no such watchpoint. */
bool cpu_watchpoint_insert(uint64_t addr, uint64_t len, unsigned access);
bool cpu_watchpoint_remove(uint64_t addr, uint64_t len, unsigned access);
void cpu_debug_remove_all(void);
/* Before vCPUs run again after changes of the lists. */
void cpu_debug_apply(void);
/* The next run does one instruction and stops, or goes on while the pc is in [start, end). */
void cpu_debug_step(struct cpu *cpu, bool on, uint64_t start, uint64_t end);
/* After a stop: the vCPU may run again. What it stopped at does not stop it once more. */
void cpu_debug_resume(struct cpu *cpu);
/* What gdb calls the pc: relative to the code segment's base. */
uint64_t cpu_debug_pc(struct cpu *cpu);
/* In a machine: told, on the vCPU's thread with the big lock held, that cpu->debug.stop is set. */
void cpu_debug_on_stop(void (*stopped)(struct cpu *cpu));

/* What is inserted, for accelerators with registers for it; access 0 is a breakpoint. */
struct cpu_debug_point {
    uint64_t addr, len;
    unsigned access;
};
/* Watchpoints first; how many there are, of which `max' are filled in. */
unsigned cpu_debug_points(struct cpu_debug_point *points, unsigned max);
/* Counts the changes that cpu_debug_apply() made. */
extern unsigned cpu_debug_generation;
/* What breakpoints are compared with: the linear address of the next instruction. */
uint64_t cpu_debug_linear_pc(struct cpu *cpu);

/* --- for the translator, targets and loops --------------------------------------------------- */

extern unsigned cpu_breakpoint_count, cpu_watchpoint_count;

/* User mode: whether accesses of this vCPU must ask; the guest may have watchpoints of its own. */
static inline bool cpu_debug_watched(const struct cpu *cpu)
{
    return cpu_watchpoint_count || cpu->debug.guest_watches;
}

bool cpu_breakpoint_at(uint64_t addr);
/* Of translated code before the instruction at a breakpoint. */
void cpu_debug_break(struct cpu *cpu, uint64_t addr);
/* Before an access, when there are watchpoints: restarts the instruction to be done alone. */
void cpu_debug_access_check(struct cpu *cpu, uint64_t addr, uint64_t size, bool write);
/* Whether any watchpoint touches [first, last]. */
bool cpu_debug_watches(uint64_t first, uint64_t last);
/* An instruction was done alone, or (entered) the guest has entered a handler. */
void cpu_debug_after(struct cpu *cpu, bool entered);
void cpu_debug_stopped(struct cpu *cpu);

/* Instructions are to be done alone, each in a region of its own that leaves for the loop. */
static inline bool cpu_debug_alone(const struct cpu *cpu)
{
    return cpu->debug.step || cpu->debug.pending;
}

#endif
