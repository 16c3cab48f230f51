/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The guest registers that the translator knows as IR globals. Priorities order the claims on host
 * registers: by how often compiled code uses a register. Flags and bases stay in memory.
 */
#include <stddef.h>
#include "target-i386/translate.h"

#define AT(field) offsetof(struct x86_env, field)
#define REG(n, name, priority) \
    [G_REG0 + (n)] = { name, X86_IWORD, IR_PRECISE, priority, AT(regs[n]) }
#define BASE(g, name, seg) [g] = { name, X86_IWORD, IR_PRECISE, 0, AT(segs[seg].base) }
#define XMM(n, priority) \
    [G_XMM0 + (n)] = { "xmm" #n, V128, IR_PRECISE, priority, AT(xmm[n]) }

const struct ir_global x86_globals[G_COUNT] = {
    REG(R_SP, "sp", 40), REG(R_AX, "ax", 39), REG(R_CX, "cx", 37), REG(R_DX, "dx", 38),
    REG(R_BX, "bx", 36), REG(R_BP, "bp", 35), REG(R_SI, "si", 34), REG(R_DI, "di", 33),
#if TARGET_WORD_BITS == 64
    REG(8, "r8", 32), REG(9, "r9", 31), REG(12, "r12", 30), REG(13, "r13", 29),
    REG(14, "r14", 28), REG(15, "r15", 27), REG(10, "r10", 26), REG(11, "r11", 25),
#endif
    [G_CC_OP] = { "cc_op", I32, IR_DEFERRABLE, 0, AT(cc_op) },
    [G_CC_A] = { "cc_a", X86_IWORD, IR_DEFERRABLE, 0, AT(cc_a) },
    [G_CC_B] = { "cc_b", X86_IWORD, IR_DEFERRABLE, 0, AT(cc_b) },
    [G_CC_C] = { "cc_c", X86_IWORD, IR_DEFERRABLE, 0, AT(cc_c) },
    [G_FPIP] = { "fpip", X86_IWORD, IR_DEFERRABLE, 0, AT(fpip) },
    [G_FPDP] = { "fpdp", X86_IWORD, IR_DEFERRABLE, 0, AT(fpdp) },
    [G_PC] = { "pc", X86_IWORD, IR_PRECISE, 0, AT(pc) },
    [G_DF] = { "df", I32, IR_PRECISE, 0, AT(df) },
    BASE(G_ES_BASE, "es_base", SEG_ES), BASE(G_CS_BASE, "cs_base", SEG_CS),
    BASE(G_SS_BASE, "ss_base", SEG_SS), BASE(G_DS_BASE, "ds_base", SEG_DS),
    BASE(G_FS_BASE, "fs_base", SEG_FS), BASE(G_GS_BASE, "gs_base", SEG_GS),
    XMM(0, 40), XMM(1, 39), XMM(2, 38), XMM(3, 37), XMM(4, 36), XMM(5, 35), XMM(6, 34), XMM(7, 33),
#if TARGET_WORD_BITS == 64
    XMM(8, 32), XMM(9, 31), XMM(10, 30), XMM(11, 29), XMM(12, 28), XMM(13, 0), XMM(14, 0),
    XMM(15, 0),
#endif
};
