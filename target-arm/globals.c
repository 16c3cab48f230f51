/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The guest registers that the translator knows as IR globals. Priorities order the claims on host
 * registers: by how often compiled code uses a register.
 */
#include <stddef.h>
#include "target-arm/translate.h"

#define AT(field) offsetof(struct arm_env, field)
#define REG(n, name, priority) [n] = { name, I32, IR_PRECISE, priority, AT(regs[n]) }
#define FLAG(g, name, field) [g] = { name, I32, IR_DEFERRABLE, 0, AT(field) }
#define D(n, priority) [G_D0 + (n)] = { "d" #n, F64, IR_PRECISE, priority, AT(d[n]) }

const struct ir_global arm_globals[G_COUNT] = {
    REG(3, "r3", 40), REG(R_SP, "sp", 39), REG(2, "r2", 38), REG(0, "r0", 37), REG(1, "r1", 36),
    REG(4, "r4", 35), REG(5, "r5", 34), REG(6, "r6", 33), REG(7, "r7", 32), REG(R_LR, "lr", 31),
    REG(12, "r12", 30), REG(8, "r8", 0), REG(9, "r9", 0), REG(10, "r10", 0), REG(11, "r11", 0),
    FLAG(G_NF, "nf", nf), FLAG(G_ZF, "zf", zf), FLAG(G_CV_OP, "cv_op", cv_op),
    FLAG(G_CV_A, "cv_a", cv_a), FLAG(G_CV_B, "cv_b", cv_b), FLAG(G_IT, "it", it),
    [G_PC] = { "pc", I32, IR_PRECISE, 0, AT(pc) },
    D(0, 40), D(1, 39), D(2, 38), D(3, 37), D(4, 36), D(5, 35), D(6, 34), D(7, 33),
    D(8, 29), D(9, 28), D(10, 0), D(11, 0), D(12, 0), D(13, 0), D(14, 0), D(15, 0),
    D(16, 32), D(17, 31), D(18, 30), D(19, 0), D(20, 0), D(21, 0), D(22, 0), D(23, 0),
    D(24, 0), D(25, 0), D(26, 0), D(27, 0), D(28, 0), D(29, 0), D(30, 0), D(31, 0),
    [G_GE] = { "ge", I32, IR_PRECISE, 0, AT(ge) },
};
