/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Advanced SIMD operations that a helper does on registers in env. */
#ifndef TARGET_ARM_NEON_H
#define TARGET_ARM_NEON_H

enum neon_op {
    /* r[i] = f(n[i], m[i], d[i]) */
    N_HADD, N_QADD, N_RHADD, N_HSUB, N_QSUB, N_CGT, N_CGE, N_SHL, N_QSHL, N_RSHL, N_QRSHL, N_MAX,
    N_MIN, N_ABD, N_ABA, N_ADD, N_SUB, N_TST, N_CEQ, N_MLA, N_MLS, N_MUL, N_PMUL, N_QDMULH,
    N_QRDMULH,
    /* r[i] = f(m[i], imm, d[i]) */
    N_CLS, N_CLZ, N_CNT, N_QABS, N_QNEG, N_ABS, N_NEG, N_SHR, N_SRA, N_RSHR, N_RSRA, N_SRI, N_SLI,
    N_SHL_I, N_QSHLU, N_QSHL_I, N_RECPE, N_RSQRTE,
    N_ELEMENTS_END,
    /* the same on floats */
    N_FADD = N_ELEMENTS_END, N_FSUB, N_FMUL, N_FMLA, N_FMLS, N_FFMA, N_FFMS, N_FABD, N_FCEQ,
    N_FCGE, N_FCGT, N_FACGE, N_FACGT, N_FMAX, N_FMIN, N_FRECPS, N_FRSQRTS, N_FCEQ0, N_FCGE0,
    N_FCGT0, N_FCLE0, N_FCLT0, N_FRECPE, N_FRSQRTE, N_F_FROM_S, N_F_FROM_U, N_F_TO_S, N_F_TO_U,
    N_FLOATS_END,
    /* neighbours */
    N_PADD = N_FLOATS_END, N_PMAX, N_PMIN, N_FPADD, N_FPMAX, N_FPMIN,
    N_PADDL, N_PADAL,
    /* narrow operands, wide result; with W the first one is wide */
    N_ADDL, N_SUBL, N_ADDW, N_SUBW, N_ABDL, N_ABAL, N_MULL, N_MLAL, N_MLSL, N_QDMULL, N_QDMLAL,
    N_QDMLSL, N_PMULL, N_SHLL,
    /* wide operands, narrow result; imm: rounds */
    N_ADDHN, N_SUBHN,
    N_SHRN, N_RSHRN, N_QSHRN, N_QRSHRN, N_QSHRUN, N_QRSHRUN,
    /* order */
    N_REV64, N_REV32, N_REV16, N_TRN, N_UZP, N_ZIP, N_EXT, N_TBL, N_TBX,
    N_F16_FROM_F32, N_F32_FROM_F16,
};

/* The first argument of the helper */
#define NEON_HOW(op, size, u, q) ((op) | (size) << 8 | (u) << 10 | (q) << 11)
#define NEON_SCALAR (1 << 12)       /* m is one element: its number is imm */
#define NEON_SWAPPED (1 << 13)      /* arm_vf_fix(): a is m, b is n */

#endif
