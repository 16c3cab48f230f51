/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* MXCSR and what else vector helpers share. */
#ifndef TARGET_I386_SIMD_H
#define TARGET_I386_SIMD_H

#include "target-i386/cpu.h"

enum {
    MXCSR_FLAGS = 0x3f, MXCSR_MASKS = 0x1f80, MXCSR_DEFAULT = 0x1f80, MXCSR_MASK_DEFAULT = 0xffbf,
};

/* Beside imm8, for helper_pcmpstr */
enum { PCMPSTR_EXPLICIT = 0x100, PCMPSTR_WIDE = 0x200, PCMPSTR_MASK = 0x400 };

/* Of the CPUID word at this offset in env: features whose instructions are passed to the host as
   they are, and that it lacks. */
uint32_t simd_missing_features(size_t word);
/* No reserved bits. */
bool mxcsr_valid(const struct x86_env *env, uint32_t value);

#endif
