/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lazy arithmetic flags: cc_op says how cc_a, cc_b and cc_c make them. A kind with sizes has four
 * consecutive values, for 8, 16, 32 and 64 bits; bits above the size are of no meaning.
 */
#ifndef TARGET_I386_FLAGS_H
#define TARGET_I386_FLAGS_H

#include "target-i386/cpu.h"

enum cc_op {
    CC_PACKED,                      /* a: FL_ARITH in place */
    CC_MUL,                         /* a: low result, sign-extended; CF, OF: b != 0 */
    CC_ADD = 4,                     /* a: result, b: second operand */
    CC_ADC = 8,                     /* a: result, b: second operand, c: carry in */
    CC_SUB = 12,                    /* a: result, b: second operand */
    CC_SBB = 16,
    CC_CMP = 20,                    /* a, b: operands, result nowhere */
    CC_LOGIC = 24,                  /* a: result */
    CC_INC = 28,                    /* a: result, b: CF from before */
    CC_DEC = 32,
    CC_SHL = 36,                    /* a: operand, b: count, not 0 */
    CC_SHR = 40,
    CC_SAR = 44,
    CC_IMUL = 48,                   /* a, b: signed factors, the product is truncated */
    CC_COUNT = 52,
    CC_DYNAMIC = CC_COUNT,          /* translation time: only the global knows */
};
#define CC_KIND(cc) ((cc) & ~3)
#define CC_SIZE(cc) (1 << ((cc) & 3))

/* FL_ARITH of the ALU operation on operands a, b; size in bytes */
uint32_t x86_flags_of(unsigned cc_op, x86_word a, x86_word b, x86_word c);

#endif
