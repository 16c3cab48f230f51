/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The ARM CPU's state. Seen by target-arm and user mode only.
 *
 * The pc holds the address with bit 0 set in Thumb state, as branch targets have it: a change of
 * state is then a jump like any other. The condition flags are lazy, see flags.h.
 */
#ifndef TARGET_ARM_CPU_H
#define TARGET_ARM_CPU_H

#include <stdbool.h>
#include <stdint.h>
#include "cpu-exec.h"

enum { R_SP = 13, R_LR = 14, R_PC = 15 };

/* CPSR */
enum {
    PSR_MODE = 0x1f, PSR_T = 1 << 5, PSR_F = 1 << 6, PSR_I = 1 << 7, PSR_A = 1 << 8,
    PSR_E = 1 << 9, PSR_GE = 0xf << 16, PSR_J = 1 << 24, PSR_Q = 1 << 27, PSR_V = 1 << 28,
    PSR_C = 1 << 29, PSR_Z = 1 << 30, PSR_IT = 0x0600fc00,
};
#define PSR_N (1u << 31)
#define PSR_NZCV (PSR_N | PSR_Z | PSR_C | PSR_V)
/* What is kept in env->cpsr; the rest has fields of its own. */
#define PSR_KEPT (PSR_MODE | PSR_F | PSR_I | PSR_A | PSR_E | PSR_J)
enum {
    MODE_USR = 0x10, MODE_FIQ = 0x11, MODE_IRQ = 0x12, MODE_SVC = 0x13, MODE_MON = 0x16,
    MODE_ABT = 0x17, MODE_UND = 0x1b, MODE_SYS = 0x1f,
};
enum { BANK_USR, BANK_FIQ, BANK_IRQ, BANK_SVC, BANK_ABT, BANK_UND, BANK_MON, BANK_COUNT };

enum {
    EXC_UNDEF = 1, EXC_SVC, EXC_PREFETCH, EXC_DATA, EXC_IRQ, EXC_FIQ, EXC_BKPT, EXC_SMC,
    EXC_SEMIHOST,
    EXC_SIGNAL,                     /* user mode: a host signal */
};

/* What a CPU has beyond ARMv4T, bits of env->features (models.def). */
enum arm_feature {
    F_V5, F_DSP, F_V6, F_V6K, F_T2, F_V7, F_DIV_THUMB, F_DIV_ARM, F_VFP2, F_VFP3, F_VFP4, F_D32,
    F_NEON, F_HALF, F_MP, F_MPU, F_XSCALE, F_OMAP, F_STRONGARM, F_GENERIC_TIMER, F_LPAE, F_JAZELLE,
    F_FPU_DISABLED_AT_RESET,
};

/* code_key.mode: what changes decoding or the checks that are compiled in. */
enum {
    KEY_IT = 0xff,                  /* in the middle of an IT block */
    KEY_PRIVILEGED = 1 << 8,
    KEY_BE_DATA = 1 << 9,
    KEY_BE_CODE = 1 << 10,          /* BE32: code as data */
    KEY_ALIGN = 1 << 11,            /* SCTLR.A */
    KEY_FP = 1 << 12,               /* VFP is enabled, FPEXC.EN included */
    KEY_FP_ACCESS = 1 << 13,        /* CPACR allows it here; FPEXC may be accessed */
    KEY_FP_FLUSH = 1 << 14,         /* FPSCR.FZ */
    KEY_FP_DEFAULT_NAN = 1 << 15,
    KEY_FP_LEN = 7 << 16,           /* vector length minus one, and stride */
    KEY_FP_STRIDE = 1 << 19,
    KEY_SIMD = 1 << 20,             /* and Advanced SIMD */
    KEY_FP_ROUND = 3 << 21,
    KEY_STEP = 1 << 23,             /* the debugger's: one-instruction regions that leave */
    KEY_WATCH = 1 << 24,            /* and asked before each access */
    KEY_ALONE = KEY_IT | KEY_STEP,
    KEY_FP_SHIFT = 16, KEY_FP_ROUND_SHIFT = 21,
};

/* mmu indexes */
enum { MMU_USER, MMU_PRIVILEGED, ARM_MMU_COUNT };

/* The flags that are not NZCV, FPSCR as guests see it */
enum {
    FPSCR_IOC = 1, FPSCR_DZC = 2, FPSCR_OFC = 4, FPSCR_UFC = 8, FPSCR_IXC = 16, FPSCR_IDC = 128,
    FPSCR_CUMULATIVE = 0x9f, FPSCR_LEN = 7 << 16, FPSCR_STRIDE = 3 << 20, FPSCR_RMODE = 3 << 22,
    FPSCR_FZ = 1 << 24, FPSCR_DN = 1 << 25, FPSCR_AHP = 1 << 26, FPSCR_QC = 1 << 27,
};
#define FPSCR_NZCV 0xf0000000u

union arm_d {
    uint64_t q;
    uint32_t s[2];
    uint8_t b[8];
};

/* CP15, by the names of the manual */
struct arm_cp15 {
    uint32_t sctlr, actlr, cpacr, ttbr0, ttbr1, ttbcr, dacr, dfsr, ifsr, dfar, ifar, fcse,
        contextidr, tpidrurw, tpidruro, tpidrprw, vbar, par, prrr, nmrr, csselr, mair0;
    uint32_t l2ctlr, omap_ticonfig, omap_threadid, xscale_cpar, xscale_aux;
    uint32_t pmcr, pmcntenset, pmovsr, pmuserenr, pminten, pmselr, pmxevtyper;
    uint64_t pmccntr_base;
    uint32_t mpu_region[8], mpu_access_data, mpu_access_insn, mpu_cache_data, mpu_cache_insn,
        mpu_buffer;
};

struct arm_env {
    struct cpu_hot hot;
    uint32_t regs[15];
    uint32_t pc;                    /* with the Thumb bit */
    uint32_t nf, zf;                /* N is the sign of nf, Z: zf is 0 */
    uint32_t cv_op;                 /* enum arm_cv: how C and V follow from ... */
    uint32_t cv_a, cv_b;
    uint32_t it;                    /* IT state, 0 outside of an IT block */
    uint32_t qf, ge;                /* Q as 0 or 1; GE in the uppermost bits of four bytes */
    union arm_d d[32] __attribute__((aligned(16)));
    uint32_t mxcsr;                 /* host view of FPSCR: rounding, flags not yet collected */
    uint32_t fpscr;                 /* without NZCV of ... */
    uint32_t fp_nzcv;               /* ... the last comparison, see fpscr.c; without QC of ... */
    uint32_t fp_qc[4] __attribute__((aligned(16)));     /* ... not all zero: QC */
    uint64_t fp_source;             /* of a conversion, within an instruction */
    uint32_t fpexc;
    uint32_t exclusive_addr, exclusive_size;            /* size 0: no reservation */
    uint64_t exclusive_value;
    uint32_t cpsr;                  /* PSR_KEPT */
    uint32_t key_mode;              /* cached code_key.mode without IT, see arm_update_mode() */
    uint32_t selected_mode;         /* that the jump cache was selected for */

    uint32_t banked_sp[BANK_COUNT], banked_lr[BANK_COUNT], spsr[BANK_COUNT];
    uint32_t banked_r8[2][5];       /* [0]: of all modes but FIQ, [1]: FIQ; the absent one */
    struct arm_cp15 cp15;
    uint32_t fault_addr, fault_status;      /* of the abort being raised */
    uint32_t pending_lines;         /* levels of IRQ (1) and FIQ (2) */
    uint32_t halted_by_psci;
    uint32_t saved_ge;              /* as CPSR has it */
    uint64_t saved_features;        /* filled for saving, compared when loading */
    uint32_t saved_midr;

    /* Fixed at creation */
    const struct arm_model *model;
    uint64_t features;
    uint32_t midr;
    bool big_endian;                /* user mode: data; machines: from CFGEND */
    bool be8;
    bool semihosting;
    /* Wiring by the board */
    uint32_t boot_pc, boot_r[3];
    bool boot_set;
    uint32_t mode_debug;            /* KEY_STEP and KEY_WATCH, see arm_debug_changed() */
};

static inline struct arm_env *arm_env(struct cpu *cpu)
{
    return cpu->env;
}

static inline bool arm_has(const struct arm_env *env, enum arm_feature f)
{
    return env->features >> f & 1;
}

static inline bool arm_is_thumb(const struct arm_env *env)
{
    return env->pc & 1;
}

/* IR globals, in this order (globals.c) */
enum {
    G_REG0 = 0, G_SP = 13, G_LR = 14,
    G_NF, G_ZF, G_CV_OP, G_CV_A, G_CV_B, G_IT,  /* deferrable */
    G_PC,
    G_D0,                                       /* 32 of them */
    G_GE = G_D0 + 32,
    G_COUNT,
};
#define G_CC_MASK (0x1full << G_NF)

/* flags.c: four bits as env->ge has them, and back */
uint32_t arm_ge_spread(uint32_t bits);
uint32_t arm_ge_packed(uint32_t ge);
/* CPSR as a whole; mask: which bits may change. */
uint32_t arm_cpsr_read(struct arm_env *env);
void arm_cpsr_write(struct arm_env *env, uint32_t value, uint32_t mask);
/* Of exceptions and returns from them: no privilege is asked. */
void arm_switch_mode(struct arm_env *env, unsigned mode);
unsigned arm_bank(unsigned mode);
void arm_pack_flags(struct arm_env *env);

uint64_t arm_fp_fix(void *env, uint64_t a, uint64_t b, uint64_t op);
void arm_vf_fix(void *env, void *a, const void *b, uint64_t how);
uint32_t arm_fpscr_read(struct arm_env *env);
void arm_fpscr_write(struct arm_env *env, uint32_t value);

/* Raises; env is made precise first (hot.ra), does not return. */
_Noreturn void arm_raise(struct arm_env *env, int exception);

/* Recomputes env->key_mode after any change of what feeds it, and selects the jump cache's bank. */
void arm_update_mode(struct arm_env *env);
void arm_code_key(struct cpu *cpu, struct code_key *key);
unsigned arm_mmu_index(const struct arm_env *env);

/* models.c */
bool arm_model_apply(struct arm_env *env, const char *name, struct error **err);
void arm_list_models(void);
void arm_debug_print(struct cpu *cpu, FILE *out);
bool arm_disassemble_mode(const struct code_key *key, int *bits);

#endif
