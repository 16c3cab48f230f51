/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The x86 CPU under a debugger: its registers for gdb, and its part of cpu-debug.h. */
#ifndef TARGET_I386_GDB_H
#define TARGET_I386_GDB_H

#include "cpu-registers.h"

/* Of helper_debug_access(): size of the access, and CPU_WATCH_* from here on */
enum { X86_WATCH_SIZE = 255, X86_WATCH_SHIFT = 8 };

extern struct debug_registers x86_registers;
/* Chooses what this executable shows; at the creation of a CPU. */
void x86_registers_init(void);
void x86_debug_changed(struct cpu *cpu);

#endif
