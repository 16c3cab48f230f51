/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What FXSAVE stores in 64-bit form, and XSAVE at the start of its area (SDM 1, 10.5.1). */
#ifndef TARGET_I386_FXSAVE_H
#define TARGET_I386_FXSAVE_H

#include "target-i386/cpu.h"

struct x86_fxsave {
    uint16_t fcw, fsw;
    uint8_t ftw, pad;
    uint16_t fop;
    uint64_t fip, fdp;
    uint32_t mxcsr, mxcsr_mask;
    struct x86_fpreg st[8];
    union x86_xmm xmm[16];
    uint8_t reserved[96];
};
_Static_assert(sizeof(struct x86_fxsave) == 512, "the FXSAVE image");

#endif
