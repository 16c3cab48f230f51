/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the system side's files share: CP15's bits, the page walk, exceptions. */
#ifndef TARGET_ARM_SYS_H
#define TARGET_ARM_SYS_H

#include "hw/core/state.h"
#include "target-arm/cpu.h"

enum {
    SCTLR_M = 1, SCTLR_A = 1 << 1, SCTLR_C = 1 << 2, SCTLR_B = 1 << 7, SCTLR_S = 1 << 8,
    SCTLR_R = 1 << 9, SCTLR_V = 1 << 13, SCTLR_U = 1 << 22, SCTLR_XP = 1 << 23,
    SCTLR_EE = 1 << 25, SCTLR_TRE = 1 << 28, SCTLR_AFE = 1 << 29, SCTLR_TE = 1 << 30,
};
#define FPEXC_EN (1u << 30)

/* Fault status, FSR[10] and FSR[3:0] */
enum {
    FS_ALIGNMENT = 1, FS_DEBUG = 2, FS_ACCESS_SECTION = 3, FS_TRANSLATION_SECTION = 5,
    FS_ACCESS_PAGE = 6, FS_TRANSLATION_PAGE = 7, FS_EXTERNAL = 8, FS_DOMAIN_SECTION = 9,
    FS_DOMAIN_PAGE = 11, FS_WALK_1 = 12, FS_PERMISSION_SECTION = 13, FS_WALK_2 = 14,
    FS_PERMISSION_PAGE = 15, FSR_WRITE = 1 << 11,
};

/* mmu.c */
bool arm_fill_tlb(struct cpu *cpu, uint64_t vaddr, enum mmu_access access, unsigned mmu_idx,
                  bool probe, struct tlb_fill *fill);
bool arm_debug_translate(struct cpu *cpu, uint64_t vaddr, uint64_t *paddr);
/* For the address translation registers: PAR. */
uint32_t arm_translate_par(struct arm_env *env, uint32_t vaddr, bool write, unsigned mmu_idx);

/* excp.c */
bool arm_take_interrupt(struct cpu *cpu);
void arm_take_exception(struct cpu *cpu);
bool arm_has_work(struct cpu *cpu);
void arm_misaligned(struct cpu *cpu, uint64_t vaddr, unsigned size, enum mmu_access access,
                    unsigned mmu_idx);

extern const struct field arm_state_fields[];
void arm_saving(struct cpu *cpu);
bool arm_loaded(struct cpu *cpu, struct error **err);

#endif
