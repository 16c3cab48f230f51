/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What tells one CPU model from another. */
#ifndef TARGET_ARM_MODEL_H
#define TARGET_ARM_MODEL_H

#include <stdint.h>

/* ID_PFR0.., ID_DFR0, ID_AFR0, ID_MMFR0.., ID_ISAR0.. in the order of their numbers (c0, c1-c2) */
struct arm_id {
    uint32_t pfr[2], dfr0, afr0, mmfr[4], isar[6];
    uint32_t clidr, ccsidr[3];      /* L1 data, L1 instruction, L2 */
};

struct arm_model {
    const char *name;
    uint32_t midr;
    uint64_t features;
    uint32_t fpsid, mvfr0, mvfr1, sctlr, ctr;
    const struct arm_id *id;        /* NULL before ARMv6 */
};

#endif
