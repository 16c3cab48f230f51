/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The x87 on the host's x87. With all exceptions masked translated code executes the instructions
 * themselves, the guest's state being in the unit (hot.x87_resident). Otherwise (MODE_FP_TRAPS) it
 * is in env; translated code calls helpers, helper_fp_wait() before a waiting instruction, and
 * helper_fp_finish() after the helper of a store.
 *
 * Between helpers the host unit has an empty stack, its default control word, and sticky exception
 * flags that the guest's status word has too (so a helper need not clear them first); what drops
 * flags from env->fpus must set env->fp_fast to FP_UNKNOWN.
 */
#ifndef TARGET_I386_FPU_H
#define TARGET_I386_FPU_H

#include "base/bits.h"
#include "target-i386/cpu.h"

enum {
    FPUS_IE = 1, FPUS_DE = 2, FPUS_ZE = 4, FPUS_OE = 8, FPUS_UE = 0x10, FPUS_PE = 0x20,
    FPUS_FLAGS = 0x3f, FPUS_SF = 0x40, FPUS_ES = 0x80, FPUS_C0 = 0x100, FPUS_C1 = 0x200,
    FPUS_C2 = 0x400, FPUS_TOP = 0x3800, FPUS_C3 = 0x4000, FPUS_B = 0x8000,
    FPUS_CC = FPUS_C0 | FPUS_C1 | FPUS_C2 | FPUS_C3, FPUS_TOP_SHIFT = 11,
    FPUC_MASKS = 0x3f, FPUC_ONE = 0x40, FPUC_VALID = 0x1f3f, FPUC_DEFAULT = 0x37f,
};

/* How helpers may use the host unit for the common case. */
enum fp_fast {
    FP_UNKNOWN,                     /* a flag is pending or was cleared, or an exception unmasked */
    FP_FAST,                        /* the guest's control word is the host's default */
    FP_FAST_CW,                     /* all masked, but the control word must be loaded */
};

/* The instruction, for everything beyond the fast case */
#define FP_INSN(escape, modrm) ((escape) | (modrm) << 8)

/* Formats of the environment in memory */
enum { FP_ENV_32 = 1, FP_ENV_PROTECTED = 2 };

/* CPUID: the unit does not keep the selectors of the last instruction and operand. */
static inline bool fp_without_selectors(const struct x86_env *env)
{
    return x86_has(env->cpuid_7_ebx, 13);
}

static inline unsigned fp_index(const struct x86_env *env, unsigned i)
{
    return (env->fptop + i) & 7;
}

static inline struct x86_fpreg *fp_st(struct x86_env *env, unsigned i)
{
    return &env->fpregs[fp_index(env, i)];
}

static inline bool fp_empty(const struct x86_env *env, unsigned i)
{
    return env->fptags >> fp_index(env, i) & 1;
}

static inline void fp_pop(struct x86_env *env)
{
    env->fptags |= 1 << env->fptop;
    env->fptop = (env->fptop + 1) & 7;
}

/* The register below the stack, empty (the caller has looked), becomes ST(0). */
static inline struct x86_fpreg *fp_push(struct x86_env *env)
{
    env->fptop = (env->fptop - 1) & 7;
    env->fptags &= ~(1 << env->fptop);
    return &env->fpregs[env->fptop];
}

/* --- helper-x87-native.c --- */
/*
 * Executes the instruction in the host unit with the guest's whole state loaded: exact in every
 * case, and slow. `mem' is its memory operand. `cf' goes into the carry flag first. Returns the
 * low byte of EFLAGS after it.
 */
unsigned fp_native(struct x86_env *env, uint32_t insn, void *mem, bool cf);
/* The same for stores: nothing changes but env->fp_staged, or (an unmasked exception keeps it from
   storing) all but the stack, and fp_skip is set. */
void fp_native_store(struct x86_env *env, uint32_t insn, void *mem);
/* Sets the control or status word; ES and B follow from flags and masks. */
void fp_set_control(struct x86_env *env, uint16_t value);
void fp_set_status(struct x86_env *env, uint16_t value);
/* fptags from a full tag word. */
void fp_set_tags(struct x86_env *env, uint16_t full);
/* Slow half of fp_usable(): looks at pending exceptions and at the control word. */
bool fp_enter(struct x86_env *env);

/* Whether the host unit may execute the common case now: all is masked. fp_leave() after it. */
static inline bool fp_usable(struct x86_env *env)
{
    return likely(env->fp_fast == FP_FAST) || fp_enter(env);
}

static inline void fp_leave(struct x86_env *env)
{
    static const uint16_t control = FPUC_DEFAULT;

    if (unlikely(env->fp_fast != FP_FAST)) {
        asm volatile("fldcw %0" : : "m" (control));
    }
}

static inline void fp_condition(struct x86_env *env, unsigned cc, unsigned mask)
{
    env->fpus = (env->fpus & ~mask) | cc;
}

/* struct target's x87_load, x87_fetch, x87_capture. Who looks at the x87's state in env fetches it
   first; between regions it is there. */
void x86_fp_load(void *env);
void x86_fp_fetch(void *env);
void x86_fp_capture(void *env, const void *image);

/* --- helper-x87-env.c --- */
/* Two bits a register, from its contents. */
uint16_t fp_full_tags(const struct x86_env *env);
/* Empty stack, default control word; leaves the registers' contents. */
void fp_init(struct x86_env *env);


/* --- helper-xsave.c --- */
/* The 512 bytes of FXSAVE; the caller brings env->mxcsr and the host's register into agreement. */
void x86_fx_save(const struct x86_env *env, void *image, bool wide);
void x86_fx_load(struct x86_env *env, const void *image, bool wide);
/* Of that, stack, control and status only. */
void x86_fx_load_x87(struct x86_env *env, const void *image);

#endif
