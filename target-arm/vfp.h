/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Operations that helpers do on exact floating point (fpu/). */
#ifndef TARGET_ARM_VFP_H
#define TARGET_ARM_VFP_H

#include "fpu/fpu.h"
#include "target-arm/cpu.h"

enum vfp_op {
    VFP_ADD, VFP_SUB, VFP_MUL, VFP_DIV, VFP_SQRT, VFP_NEGATED_MUL, VFP_WIDEN, VFP_NARROW,
    VFP_FMA,                        /* c + a * b */
    VFP_FMS,                        /* c - a * b */
    VFP_FNMA,                       /* -c - a * b */
    VFP_FNMS,                       /* -c + a * b */
    VFP_COMPARE, VFP_COMPARE_SIGNALLING,    /* the result is as of IR op fcmp */
    VFP_FROM_S32, VFP_FROM_U32,
    VFP_TO_S32, VFP_TO_U32,         /* b: 1 truncates */
    VFP_FROM_FIXED, VFP_TO_FIXED,   /* b: fraction bits, | 64 for 32 bits, | 128 for unsigned */
    VFP_FROM_HALF, VFP_TO_HALF,
    VFP_DOUBLE = 256,
    VFP_STANDARD = 512,             /* Advanced SIMD: default NaN, flush to zero, to nearest */
};

/* The status of arithmetic under FPSCR, and its flags back into FPSCR. */
struct fp_status arm_fp_begin(const struct arm_env *env, bool standard);
void arm_fp_end(struct arm_env *env, const struct fp_status *s);

#endif
