/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ARM CPU under a debugger: its registers for gdb, and its part of cpu-debug.h. */
#ifndef TARGET_ARM_GDB_H
#define TARGET_ARM_GDB_H

#include "cpu-registers.h"
#include "target-arm/cpu.h"

/* Of helper_debug_access(): size of the access, and CPU_WATCH_* from here on */
enum { ARM_WATCH_SIZE = 255, ARM_WATCH_SHIFT = 8 };

extern struct debug_registers arm_registers;
/* Chooses what the core has; at the creation of a CPU. */
void arm_registers_init(struct arm_env *env);
void arm_debug_changed(struct cpu *cpu);

#endif
