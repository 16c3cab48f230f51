/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Run-time helpers: rows of helpers-{int,sys,fp}.def make the enum, the prototypes and the table.
 *
 *   HELPER(ret, name, nargs, (parameters), flags, reads, writes)
 *
 * ret is void, uint32_t, uint64_t or x86_word; the function is ret helper_<name>(struct x86_env
 * *env, parameters...): name the parameters in the row with env first. Parameters are integers of
 * at most 64 bits or host pointers (IR_envptr). A uint32_t parameter sees the low half of what it
 * is given.
 * flags: RAISES, NORETURN, PURE, NO_XMM, MXCSR or 0, joined by |. reads, writes: globals that the
 * function reads or writes through env, sets made with R_*; a helper that may raise need not list
 * what exception delivery reads.
 */
#ifndef TARGET_I386_HELPERS_H
#define TARGET_I386_HELPERS_H

#include "tcg/ir.h"
#include "target-i386/cpu.h"

#define R_REG(r)  (1ull << (G_REG0 + (r)))
#define R_REGS    ((1ull << X86_REGS) - 1)
#define R_CC      G_CC_MASK
#define R_FP      G_FP_MASK         /* also: all of the x87's state */
#define R_PC      (1ull << G_PC)
#define R_DF      (1ull << G_DF)
#define R_BASES   (63ull << G_ES_BASE)
#define R_XMM(x)  (1ull << (G_XMM0 + (x)))
#define R_XMMS    (((1ull << X86_REGS) - 1) << G_XMM0)
#define R_ALL     ((1ull << G_COUNT) - 1)

enum x86_helper {
#define HELPER(ret, name, nargs, params, flags, reads, writes) H_##name,
#include "target-i386/helpers-int.def"
#include "target-i386/helpers-sys.def"
#include "target-i386/helpers-fp.def"
#undef HELPER
    H_COUNT
};

#define HELPER(ret, name, nargs, params, flags, reads, writes) ret helper_##name params;
#include "target-i386/helpers-int.def"
#include "target-i386/helpers-sys.def"
#include "target-i386/helpers-fp.def"
#undef HELPER

extern const struct ir_helper x86_helpers[H_COUNT];

#endif
