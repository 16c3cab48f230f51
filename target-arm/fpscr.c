/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * FPSCR. While guest code runs the rounding mode and the flags that arithmetic on the host raises
 * are in MXCSR; env->mxcsr is brought up to date around helpers that have HELPER_MXCSR.
 */
#include "target-arm/cpu.h"

enum { MXCSR_IE = 1, MXCSR_DE = 2, MXCSR_ZE = 4, MXCSR_OE = 8, MXCSR_UE = 16, MXCSR_PE = 32,
       MXCSR_MASKS = 0x1f80, MXCSR_RC_SHIFT = 13 };

/* Only overflow and inexactness are taken from the host: whatever raises others is recomputed. */
static uint32_t from_host(uint32_t mxcsr)
{
    return (mxcsr & MXCSR_OE ? FPSCR_OFC : 0) | (mxcsr & MXCSR_PE ? FPSCR_IXC : 0);
}

uint32_t arm_fpscr_read(struct arm_env *env)
{
    bool qc = env->fp_qc[0] | env->fp_qc[1] | env->fp_qc[2] | env->fp_qc[3];

    return (env->fpscr & ~(FPSCR_NZCV | FPSCR_QC)) | env->fp_nzcv | (qc ? FPSCR_QC : 0) |
           from_host(env->mxcsr);
}

void arm_fpscr_write(struct arm_env *env, uint32_t value)
{
    static const uint8_t rounding[4] = { 0, 2, 1, 3 };  /* nearest, up, down, zero */

    env->fpscr = value & ~(FPSCR_NZCV | FPSCR_QC);
    env->fp_nzcv = value & FPSCR_NZCV;
    env->fp_qc[0] = value & FPSCR_QC ? 1 : 0;
    env->fp_qc[1] = env->fp_qc[2] = env->fp_qc[3] = 0;
    env->mxcsr = MXCSR_MASKS | (uint32_t)rounding[value >> 22 & 3] << MXCSR_RC_SHIFT;
    arm_update_mode(env);
}
