/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Guest code as text, for x/i. */
#ifndef MONITOR_DISASSEMBLE_H
#define MONITOR_DISASSEMBLE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct cpu;

void disassemble(FILE *out, struct cpu *cpu, uint64_t address, bool physical, int count);

#endif
