/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What ARM boards need of a CPU beyond cpu-exec.h; target-arm implements the functions. */
#ifndef HW_ARM_ARM_CPU_H
#define HW_ARM_ARM_CPU_H

#include <stdbool.h>
#include <stdint.h>

struct cpu;

/* Bits of cpu->interrupts for cpu_interrupt(): IRQ is CPU_INT_HARD. */
enum { ARM_INT_FIQ = 1 << 9 };

/* Where a kernel starts: called by the board after each reset of the CPU, which is in supervisor
 * mode with the MMU off and interrupts masked. Bit 0 of pc selects Thumb. */
struct arm_cpu_entry {
    uint32_t r0, r1, r2, pc;
};
void arm_cpu_enter(struct cpu *cpu, const struct arm_cpu_entry *entry);
/* Whether data accesses are big endian at reset, for loaders. */
bool arm_cpu_big_endian(struct cpu *cpu);

#endif
