/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Run-time helpers: the rows of helpers.def make the enum, the prototypes and the table.
 *
 *   HELPER(ret, name, nargs, (parameters), flags, reads, writes)
 *
 * ret is void, uint32_t or uint64_t; parameters after env are integers or host pointers. reads,
 * writes: globals, sets made with R_*; a helper that may raise need not list what exception
 * delivery reads.
 */
#ifndef TARGET_ARM_HELPERS_H
#define TARGET_ARM_HELPERS_H

#include "target-arm/cpu.h"
#include "tcg/ir.h"

#define R_REGS    0x7fffull
#define R_CC      G_CC_MASK
#define R_IT      (1ull << G_IT)
#define R_PCG     (1ull << G_PC)
#define R_DS      (0xffffffffull << G_D0)
#define R_GE      (1ull << G_GE)
#define R_ALL     ((1ull << G_COUNT) - 1)

enum arm_helper {
#define HELPER(ret, name, nargs, params, flags, reads, writes) H_##name,
#include "target-arm/helpers.def"
#undef HELPER
    H_COUNT
};

#define HELPER(ret, name, nargs, params, flags, reads, writes) ret helper_##name params;
#include "target-arm/helpers.def"
#undef HELPER

extern const struct ir_helper arm_helpers[H_COUNT];

#endif
