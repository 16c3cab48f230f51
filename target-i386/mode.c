/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The mode word of code_key: everything that decoding and compiled-in checks depend on, computed
 * afresh after each change of what feeds it. Bits that cannot matter are left clear, so that as
 * much code as possible is shared.
 */
/* Called by helpers that touch no vector register. */
#pragma GCC target("general-regs-only")
#include "target-i386/sys.h"

#include "target-i386/fpu.h"
#include "tcg/region.h"

/* What does not come from CS, SS, EFLAGS and CPL. */
enum {
    MODE_OF_CONTROL = MODE_PE | MODE_TS | MODE_EM | MODE_MP | MODE_OSFXSR | MODE_OSXSAVE |
                      MODE_SMM | MODE_LMA | MODE_SSE_TRAPS | MODE_DR_CODE | MODE_NE | MODE_FP_TRAPS,
};

/* Whether data accesses through the segment need no check of limit or rights. */
static bool segment_is_flat(const struct x86_segment *s)
{
    return s->limit == 0xffffffff && (s->flags & DESC_P) &&
        (s->flags & DESC_CODE ? false : (s->flags & (DESC_RW | DESC_DC)) == DESC_RW);
}

static uint32_t segment_mode(const struct x86_env *env)
{
    const struct x86_segment *s = env->segs;
    uint32_t mode = 0;

    if (x86_long_mode(env) && (s[SEG_CS].flags & DESC_L)) {
        return MODE_CS64;
    }
    if (s[SEG_CS].flags & DESC_DB) {
        mode |= MODE_CS32;
    }
    if (s[SEG_SS].flags & DESC_DB) {
        mode |= MODE_SS32;
    }
    if (s[SEG_DS].base | s[SEG_ES].base | s[SEG_SS].base) {
        mode |= MODE_ADDSEG;
    }
    if (!segment_is_flat(&s[SEG_DS]) || !segment_is_flat(&s[SEG_ES]) ||
        !segment_is_flat(&s[SEG_SS])) {
        mode |= MODE_LIMITS | MODE_ADDSEG;
    }
    if (s[SEG_CS].limit != 0xffffffff) {
        mode |= s[SEG_CS].limit == 0xffff ? MODE_CS_64K : MODE_CS_LIMIT;
    }
    if (!segment_is_flat(&s[SEG_FS])) {
        mode |= MODE_FS_LIMITS;
    }
    if (!segment_is_flat(&s[SEG_GS])) {
        mode |= MODE_GS_LIMITS;
    }
    return mode;
}

static uint32_t control_mode(const struct x86_env *env)
{
    uint32_t cr0 = (uint32_t)env->cr[0], cr4 = (uint32_t)env->cr[4], mode = 0;

    mode |= cr0 & CR0_PE ? MODE_PE : 0;
    mode |= cr0 & CR0_MP ? MODE_MP : 0;
    mode |= cr0 & CR0_EM ? MODE_EM : 0;
    mode |= cr0 & CR0_TS ? MODE_TS : 0;
    mode |= cr0 & CR0_NE ? MODE_NE : 0;
    mode |= cr4 & CR4_OSFXSR ? MODE_OSFXSR : 0;
    mode |= cr4 & CR4_OSXSAVE ? MODE_OSXSAVE : 0;
    mode |= x86_long_mode(env) ? MODE_LMA : 0;
    mode |= env->in_smm ? MODE_SMM : 0;
    /* Any instruction breakpoint enabled with R/W field 00 */
    for (unsigned i = 0; i < 4 && (env->dr[7] & 0xff); i++) {
        if ((env->dr[7] >> 2 * i & 3) && !(env->dr[7] >> (16 + 4 * i) & 3)) {
            mode |= MODE_DR_CODE;
        }
    }
    return mode;
}

static uint32_t flow_mode(const struct x86_env *env)
{
    uint32_t mode = env->cpl | env->mode_inhibit | env->mode_debug;

    if (env->cpl) {
        mode |= (env->eflags & FL_IOPL) >> 12 << 8;
    }
    if (env->eflags & FL_VM) {
        mode |= MODE_VM;
    }
    if ((env->eflags & FL_TF) || env->db_pending) {
        mode |= MODE_TF;
    }
    if (env->cpl == 3 && (env->eflags & FL_AC) && (env->cr[0] & CR0_AM)) {
        mode |= MODE_ALIGN;
    }
    if (env->cpl < 3 && (!(env->cr[4] & CR4_SMAP) || (env->eflags & FL_AC))) {
        mode |= MODE_KERNEL_USER_OK;
    }
    return mode;
}

static void set_mode(struct x86_env *env, uint32_t mode, uint64_t base)
{
    if (mode != env->mode || base != env->mode_base) {
        env->mode = mode;
        env->mode_base = base;
        jump_cache_select(env_cpu(env));
    }
}

void x86_update_mode(struct x86_env *env)
{
    uint32_t mode = segment_mode(env) | control_mode(env) | flow_mode(env);

    if ((env->mxcsr >> 7 & 0x3f) != 0x3f) {
        mode |= MODE_SSE_TRAPS;
    }
    if ((env->fpuc & 0x3f) != 0x3f) {
        mode |= MODE_FP_TRAPS;
        x86_fp_fetch(env);
    }
    env->fp_fast = 0;               /* x87 state may have come from elsewhere */
    set_mode(env, mode, mode & MODE_CS64 ? 0 : env->segs[SEG_CS].base);
}

/* The frequent case is a transfer to 64-bit code, where segments have no say. */
void x86_update_flow(struct x86_env *env)
{
    if (x86_long_mode(env) && (env->segs[SEG_CS].flags & DESC_L)) {
        set_mode(env, (env->mode & MODE_OF_CONTROL) | MODE_CS64 | flow_mode(env), 0);
    } else {
        x86_update_mode(env);
    }
}

/* Static per region: a function of mode bits only. */
unsigned x86_mmu_index(struct x86_env *env)
{
    if ((env->mode & MODE_CPL) == 3) {
        return MMU_USER;
    }
    return env->mode & MODE_KERNEL_USER_OK ? MMU_KERNEL : MMU_KERNEL_SMAP;
}
