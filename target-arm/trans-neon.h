/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between the parts of Advanced SIMD's translation. */
#ifndef TARGET_ARM_TRANS_NEON_H
#define TARGET_ARM_TRANS_NEON_H

#include "target-arm/neon.h"
#include "target-arm/translate.h"

void neon_call(struct arm_dis *d, unsigned how, unsigned vd, unsigned vn, unsigned vm,
               unsigned imm);

/* The helper's operation by IR ops; false: it is not done. */
#define NEON_BY_OPS(name) \
    bool name(struct arm_dis *d, unsigned how, unsigned vd, unsigned vn, unsigned vm, unsigned imm)
NEON_BY_OPS(neon_lanes);
NEON_BY_OPS(neon_saturating);
NEON_BY_OPS(neon_floats);

/* trans-neon-mem.c: n registers in a row, as memory has them */
void neon_whole_registers(struct arm_dis *d, bool load, unsigned reg, unsigned n, ir_val base,
                          int32_t at);

/* trans-neon-lanes.c: the lower halves of elements twice as wide as 1 << size, as a D register */
ir_val neon_narrow(struct arm_dis *d, unsigned size, ir_val v);
/* Elements of a and b with even numbers, and those with odd ones */
struct neon_pair {
    ir_val even, odd;
} neon_unzip(struct arm_dis *d, unsigned size, ir_val a, ir_val b);
/* Of Q registers, kinds as of neon_shift_by() */
ir_val neon_round_shift(struct arm_dis *d, unsigned size, unsigned kind, ir_val v, unsigned amount,
                        bool round);
/* trans-neon-float.c */
ir_val neon_signs(struct arm_dis *d, bool q);          /* the upper bits of words */

/* trans-neon-fast.c: D and Q registers, shifts of elements by psrl, psra and psll (kind 2, 4, 6) */
ir_val neon_get(struct arm_dis *d, bool q, unsigned n);
void neon_set(struct arm_dis *d, bool q, unsigned n, ir_val v);
ir_val neon_alone(struct arm_dis *d, ir_val v);        /* zeros beside a D register */
ir_val neon_shift_by(struct arm_dis *d, bool q, unsigned size, unsigned kind, unsigned amount,
                     ir_val v);
/* True when IR ops did it; operands have been checked. */
bool neon_fast_three(struct arm_dis *d, const struct arm_arg_n3 *a, enum neon_op op);
bool neon_fast_two(struct arm_dis *d, const struct arm_arg_n2 *a, enum neon_op op);
bool neon_fast_scalar(struct arm_dis *d, const struct arm_arg_nscalar *a, enum neon_op op,
                      unsigned vm, unsigned lane);
bool neon_fast_shift(struct arm_dis *d, const struct arm_arg_nsh *a, enum neon_op op,
                     unsigned size, bool u, unsigned amount);
/* m compared with zero; negate: the other result. */
void neon_compare_zero(struct arm_dis *d, const struct arm_arg_n2 *a, enum neon_op op,
                       bool negate);

#endif
