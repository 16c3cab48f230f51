/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The x86 CPU's state. Compiled once per word size: TARGET_WORD_BITS is 64 (qemu-system-x86_64,
 * every mode) or 32 (qemu-system-i386, no long mode). Seen by target-i386 and user mode only.
 */
#ifndef TARGET_I386_CPU_H
#define TARGET_I386_CPU_H

#include <stdbool.h>
#include <stdint.h>
#include "cpu-exec.h"

#if TARGET_WORD_BITS == 64
typedef uint64_t x86_word;
typedef int64_t x86_sword;
#define X86_IWORD I64
#define X86_REGS 16
#else
typedef uint32_t x86_word;
typedef int32_t x86_sword;
#define X86_IWORD I32
#define X86_REGS 8
#endif

enum { R_AX, R_CX, R_DX, R_BX, R_SP, R_BP, R_SI, R_DI, R_R8, R_R15 = 15 };
enum { SEG_ES, SEG_CS, SEG_SS, SEG_DS, SEG_FS, SEG_GS, SEG_COUNT, SEG_LDTR = SEG_COUNT, SEG_TR };

/* EFLAGS */
enum {
    FL_CF = 1, FL_PF = 4, FL_AF = 0x10, FL_ZF = 0x40, FL_SF = 0x80, FL_TF = 0x100, FL_IF = 0x200,
    FL_DF = 0x400, FL_OF = 0x800, FL_IOPL = 0x3000, FL_NT = 0x4000, FL_RF = 0x10000,
    FL_VM = 0x20000, FL_AC = 0x40000, FL_VIF = 0x80000, FL_VIP = 0x100000, FL_ID = 0x200000,
    FL_ARITH = FL_CF | FL_PF | FL_AF | FL_ZF | FL_SF | FL_OF,
};

enum {
    EXC_DE, EXC_DB, EXC_NMI, EXC_BP, EXC_OF, EXC_BR, EXC_UD, EXC_NM, EXC_DF, EXC_TS = 10, EXC_NP,
    EXC_SS, EXC_GP, EXC_PF, EXC_MF = 16, EXC_AC, EXC_MC, EXC_XM,
    EXC_INT_FIRST = 0x100,          /* + vector: software interrupt (int n, int3, into) */
    EXC_ICEBP = EXC_INT_FIRST + 0x101,  /* int1: #DB as a trap, no check of the gate's DPL */
    /* User mode, for its loop: the pc is behind the instruction; a host signal */
    EXC_SYSCALL, EXC_SIGNAL,
    EXC_IRQ_FIRST = 0x300,          /* + vector: an interrupt that was acknowledged already */
};

/*
 * code_key.mode: what changes decoding or the checks that are compiled in. The pc is eip or rip,
 * base is cs.base (0 in 64-bit mode).
 */
enum {
    MODE_CPL = 3,                   /* two bits */
    MODE_CS32 = 1 << 2,             /* default operand and address size 32 (else 16) */
    MODE_CS64 = 1 << 3,             /* 64-bit mode */
    MODE_SS32 = 1 << 4,             /* stack address size 32 (else 16; ignored with CS64) */
    MODE_ADDSEG = 1 << 5,           /* ds, es or ss base is not zero, or limits need checks */
    MODE_PE = 1 << 6,
    MODE_VM = 1 << 7,
    MODE_IOPL = 3 << 8,
    MODE_TF = 1 << 10,              /* single step: one-instruction regions that raise #DB */
    MODE_INHIBIT = 1 << 11,         /* interrupt shadow of sti, mov ss: one-instruction region */
    MODE_TS = 1 << 12,
    MODE_EM = 1 << 13,
    MODE_MP = 1 << 14,
    MODE_OSFXSR = 1 << 15,
    MODE_OSXSAVE = 1 << 16,
    MODE_SMM = 1 << 17,
    MODE_LMA = 1 << 18,
    MODE_KERNEL_USER_OK = 1 << 19,  /* supervisor may touch user pages (no SMAP, or AC set) */
    MODE_SSE_TRAPS = 1 << 20,       /* MXCSR unmasks an exception: SSE arithmetic by helpers */
    MODE_DR_CODE = 1 << 21,         /* an instruction breakpoint is armed in DR7 */
    MODE_LIMITS = 1 << 22,          /* SS, DS or ES is not a flat segment: check limits */
    MODE_NE = 1 << 23,
    MODE_FS_LIMITS = 1 << 24,       /* as MODE_LIMITS, for accesses through FS and GS only */
    MODE_GS_LIMITS = 1 << 25,
    MODE_FP_TRAPS = 1 << 26,        /* the x87 control word unmasks an exception */
    MODE_CS_64K = 1 << 27,          /* the limit of CS is 0xffff: checked while translating */
    MODE_CS_LIMIT = 1 << 28,        /* CS has some other limit: checked at run time */
    MODE_ALIGN = 1 << 29,           /* CR0.AM and EFLAGS.AC in ring 3: misaligned data is #AC */
    MODE_STEP = 1 << 30,            /* the debugger's: one-instruction regions that leave */
};
#define MODE_WATCH (1u << 31)       /* user mode: data accesses ask for watchpoints */

/* mmu indexes */
enum { MMU_USER, MMU_KERNEL, MMU_KERNEL_SMAP, MMU_PHYS, X86_MMU_COUNT };

struct x86_segment {
    uint16_t selector;
    uint16_t pad;
    /* descriptor bits 40..55 at 8..23: type, S, DPL, P, AVL, L, DB, G */
    uint32_t flags;
    uint32_t limit;                 /* in bytes, granularity applied */
    uint32_t pad2;
    uint64_t base;
};
enum {                              /* x86_segment.flags: bits as in the descriptor's second word */
    DESC_A = 1 << 8, DESC_RW = 1 << 9, DESC_DC = 1 << 10, DESC_CODE = 1 << 11, DESC_S = 1 << 12,
    DESC_DPL = 3 << 13, DESC_P = 1 << 15, DESC_AVL = 1 << 20, DESC_L = 1 << 21, DESC_DB = 1 << 22,
    DESC_G = 1 << 23, DESC_DPL_SHIFT = 13,
};

union x86_xmm {
    uint8_t b[16];
    uint16_t w[8];
    uint32_t l[4];
    uint64_t q[2];
    float s[4];
    double d[2];
} __attribute__((aligned(16)));

/* A physical x87 register (not top-relative) and, as `mant', the MMX register over it. */
struct x86_fpreg {
    uint64_t mant;
    uint16_t exp;                   /* with the sign */
    uint16_t pad[3];
} __attribute__((aligned(16)));

struct x86_mtrr { uint64_t base, mask; };

struct x86_env {
    struct cpu_hot hot;
    /* Hot fields, short displacements from env + 0x80: up to offset 255. */
    x86_word regs[X86_REGS];
    uint32_t cc_op;                 /* enum cc_op (flags.h): how cc_a, cc_b, cc_c make the flags */
    int32_t df;                     /* 1 or -1: string direction; FL_DF is not kept in eflags */
    x86_word cc_a, cc_b, cc_c;
    x86_word pc;                    /* eip/rip */
    uint32_t eflags;                /* all but FL_ARITH and FL_DF, bit 1 set */
    uint32_t mode_inhibit;          /* MODE_INHIBIT while the shadow lasts */
    /* Segment registers; base of es..gs are IR globals */
    struct x86_segment segs[SEG_COUNT], ldt, tr;
    uint32_t gdt_limit, idt_limit;
    uint64_t gdt_base, idt_base;
    uint32_t mode;                  /* cached code_key.mode, see x86_update_mode() */
    uint32_t cpl;

    union x86_xmm xmm[16];
    union x86_xmm xmm_temp;         /* memory operand of a vector helper */
    uint32_t mxcsr;
    uint32_t mxcsr_mask;
    struct x86_fpreg fpregs[8];
    uint16_t fpuc, fpus, fop;       /* fpus without TOP */
    uint8_t fptop;
    uint8_t fptags;                 /* bit i: physical register i is empty */
    uint16_t fpcs, fpds;
    uint16_t fp_staged;             /* fpus, and the exponent of an 80-bit store, to be committed */
    uint16_t fp_staged_exp;         /* once the guest memory write has succeeded */
    uint64_t fpip, fpdp;
    uint8_t fp_fast;                /* enum fp_fast (fpu.h); 0 is always right: look again */
    uint8_t fp_skip;                /* an unmasked exception: the instruction has no result */

    uint64_t cr[5], cr8;            /* cr[1] unused */
    uint64_t xcr0;
    uint64_t dr[8];
    uint64_t efer, star, lstar, cstar, fmask, kernel_gs_base, tsc_aux, pat, apic_base;
    uint64_t sysenter_cs, sysenter_esp, sysenter_eip;
    uint64_t tsc_offset, tsc_deadline, misc_enable, smbase, mtrr_def, mtrr_fixed[11];
    struct x86_mtrr mtrr_var[8];
    uint64_t mcg_cap, mcg_status, mcg_ctl, mce_banks[40];
    /* a20_mask_off: 1 << 20 when gated */
    uint32_t smi_pending, in_smm, nmi_blocked, a20_mask_off;
    uint32_t old_exception;         /* for double faults: the exception being delivered, or -1 */
    uint64_t fault_addr;            /* of the #PF being raised, becomes cr2 */
    int32_t fault_next_pc_delta;    /* software interrupts push pc + this */
    uint32_t event_external;        /* EXT bit for error codes while an event is delivered */
    /* DR6 bits of data and I/O breakpoints hit by this instruction */
    uint32_t db_pending;
    uint32_t mode_debug;            /* MODE_STEP and MODE_WATCH, see x86_debug_changed() */
    uint64_t mode_base;             /* code base that the jump cache was selected for */
    uint32_t wait_sipi;             /* application processor before its start-up IPI */
    uint32_t sipi_vector;
    int32_t pauses_left;            /* so many `pause' more before cpu_spin() is asked */

    /* Filled for saving, compared when loading */
    uint32_t saved_cpuid[13];

    /* Fixed at creation */
    const struct x86_model *model;
    uint32_t cpuid_1_edx, cpuid_1_ecx, cpuid_7_ebx, cpuid_7_ecx, cpuid_7_edx;
    uint32_t cpuid_ext_edx, cpuid_ext_ecx, cpuid_d1_eax, cpuid_6_eax;
    uint32_t cpuid_level, cpuid_xlevel, cpuid_signature;
    char cpuid_vendor[13], cpuid_name[49];
    uint8_t phys_bits;
    bool cpuid_host;                /* what is not told here is as on the host */

    /* Wiring by the board, see hw/i386/x86-cpu.h */
    const struct x86_apic_ops *apic_ops;
    void (*ferr)(void *opaque, bool on);
    void *ferr_opaque;
    bool ignne, not_bsp;
    void (*triple_fault)(void *opaque);
    void *triple_fault_opaque;
    struct address_space *memory_normal, *memory_smm;
};

static inline struct x86_env *x86_env(struct cpu *cpu)
{
    return cpu->env;
}

/* IR globals, in this order (globals.c) */
enum {
    G_REG0 = 0,                                 /* X86_REGS of them */
    G_CC_OP = X86_REGS, G_CC_A, G_CC_B, G_CC_C, /* deferrable */
    G_FPIP, G_FPDP,                             /* deferrable */
    G_PC, G_DF,
    G_ES_BASE, G_CS_BASE, G_SS_BASE, G_DS_BASE, G_FS_BASE, G_GS_BASE,
    G_XMM0,                                     /* X86_REGS of them */
    G_COUNT = G_XMM0 + X86_REGS,
};
#define G_CC_MASK (15ull << G_CC_OP)
#define G_FP_MASK (3ull << G_FPIP)

/* flags.c: FL_ARITH as the lazy state says; then all of EFLAGS */
uint32_t x86_arith_flags(struct x86_env *env);
uint32_t x86_get_eflags(struct x86_env *env);
/* Loads arithmetic flags and DF too (packs the lazy state); `mask': which bits may change. */
void x86_set_eflags(struct x86_env *env, uint32_t value, uint32_t mask);
/* All of EFLAGS. */
void x86_load_eflags(struct x86_env *env, uint32_t flags);

/* excp.c: raise; env is made precise first (hot.ra), none of these return */
_Noreturn void x86_raise(struct x86_env *env, int vector);
_Noreturn void x86_raise_error(struct x86_env *env, int vector, uint32_t error_code);
_Noreturn void x86_raise_soft_int(struct x86_env *env, int vector, int insn_len);

/* mode.c: recompute env->mode, jump cache bank and TLB consequences after any state change that
   feeds code_key.mode */
void x86_update_mode(struct x86_env *env);
/* The same when nothing but CS, SS, EFLAGS, CPL and the interrupt shadow has changed. */
void x86_update_flow(struct x86_env *env);
unsigned x86_mmu_index(struct x86_env *env);

static inline bool x86_has(uint32_t word, unsigned bit)
{
    return word >> bit & 1;
}

#endif
