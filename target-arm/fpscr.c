/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * FPSCR. While guest code runs the rounding mode and the flags that arithmetic on the host raises
 * are in MXCSR; env->mxcsr is brought up to date around helpers that have HELPER_MXCSR. All flags
 * that the host raises are ours, as it is used only where both agree.
 *
 * env->fp_nzcv is what IR op fcmp gives (0 greater, 1 less, 0x40 equal, 0x45 unordered), or has
 * NZCV_PLAIN and the flags where FPSCR has them.
 */
#include "target-arm/helpers.h"
#include "target-arm/vfp.h"

enum { MXCSR_IE = 1, MXCSR_ZE = 4, MXCSR_OE = 8, MXCSR_UE = 16, MXCSR_PE = 32,
       MXCSR_MASKS = 0x1f80, MXCSR_RC_SHIFT = 13, NZCV_PLAIN = 0x100 };

static uint32_t from_host(uint32_t mxcsr)
{
    return (mxcsr & MXCSR_IE ? FPSCR_IOC : 0) | (mxcsr & MXCSR_ZE ? FPSCR_DZC : 0) |
           (mxcsr & MXCSR_OE ? FPSCR_OFC : 0) | (mxcsr & MXCSR_UE ? FPSCR_UFC : 0) |
           (mxcsr & MXCSR_PE ? FPSCR_IXC : 0);
}

__attribute__((target("general-regs-only"))) uint32_t helper_fp_nzcv(struct arm_env *env)
{
    switch (env->fp_nzcv) {
    case 0: return PSR_C;
    case 1: return PSR_N;
    case 0x40: return PSR_Z | PSR_C;
    case 0x45: return PSR_C | PSR_V;
    default: return env->fp_nzcv & FPSCR_NZCV;
    }
}

uint32_t arm_fpscr_read(struct arm_env *env)
{
    bool qc = env->fp_qc[0] | env->fp_qc[1] | env->fp_qc[2] | env->fp_qc[3];

    return (env->fpscr & ~(FPSCR_NZCV | FPSCR_QC)) | helper_fp_nzcv(env) | (qc ? FPSCR_QC : 0) |
           from_host(env->mxcsr);
}

void arm_fpscr_write(struct arm_env *env, uint32_t value)
{
    static const uint8_t rounding[4] = { 0, 2, 1, 3 };  /* nearest, up, down, zero */
    uint32_t kept = FPSCR_CUMULATIVE | FPSCR_LEN | FPSCR_STRIDE | FPSCR_RMODE | FPSCR_FZ |
                    FPSCR_DN;

    kept |= arm_has(env, F_HALF) ? FPSCR_AHP : 0;
    env->fpscr = value & kept;
    env->fp_nzcv = (value & FPSCR_NZCV) | NZCV_PLAIN;
    env->fp_qc[0] = value & FPSCR_QC && arm_has(env, F_NEON);
    env->fp_qc[1] = env->fp_qc[2] = env->fp_qc[3] = 0;
    env->mxcsr = MXCSR_MASKS | (uint32_t)rounding[value >> 22 & 3] << MXCSR_RC_SHIFT;
    arm_update_mode(env);
}

uint32_t helper_fpscr_read(struct arm_env *env)
{
    return arm_fpscr_read(env);
}

void helper_fpscr_write(struct arm_env *env, uint32_t value)
{
    arm_fpscr_write(env, value);
}

/* --- exact arithmetic under it --------------------------------------------------------------- */

struct fp_status arm_fp_begin(const struct arm_env *env, bool standard)
{
    static const uint8_t rounding[4] = { FP_NEAREST_EVEN, FP_UP, FP_DOWN, FP_ZERO };
    struct fp_status s = { .rules = &fp_rules_arm };

    s.rounding = standard ? FP_NEAREST_EVEN : rounding[env->fpscr >> 22 & 3];
    s.default_nan = standard || env->fpscr & FPSCR_DN;
    s.flush_inputs = s.flush_outputs = standard || env->fpscr & FPSCR_FZ;
    return s;
}

void arm_fp_end(struct arm_env *env, const struct fp_status *s)
{
    uint32_t f = s->flags;

    env->fpscr |= (f & FP_INVALID ? FPSCR_IOC : 0) | (f & FP_DIVIDE_BY_ZERO ? FPSCR_DZC : 0) |
                  (f & FP_OVERFLOW ? FPSCR_OFC : 0) |
                  (f & (FP_UNDERFLOW | FP_OUTPUT_FLUSHED) ? FPSCR_UFC : 0) |
                  (f & FP_INEXACT ? FPSCR_IXC : 0) | (f & FP_INPUT_FLUSHED ? FPSCR_IDC : 0);
}
