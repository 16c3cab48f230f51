/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* FXSAVE, FXRSTOR, XSAVE and XRSTOR: x87 and SSE state in memory. */
#include "target-i386/cpu.h"

#include "base/bits.h"
#include "target-i386/fpu.h"
#include "target-i386/fxsave.h"
#include "target-i386/helpers.h"
#include "target-i386/simd.h"
#include "target-i386/sys.h"
#include "tcg/softmmu.h"

enum {
    XSTATE_X87 = 1, XSTATE_SSE = 2, XSTATE_ALL = 3,
    AREA_LEGACY = 512, AREA_HEADER = 64, AREA_XMM = 160, AREA_RESERVED = 416,
    EFER_FFXSR = 1 << 14,
};

struct xsave_header {
    uint64_t xstate_bv, xcomp_bv, reserved[6];
};

/* --- guest memory --- */

static void area_read(struct x86_env *env, uint64_t addr, void *buf, unsigned size)
{
    unsigned mmu = x86_mmu_index(env);
    const void *ram = cpu_ram_ptr(env, addr, size, MMU_READ, mmu);

    if (ram) {
        memcpy(buf, ram, size);
        return;
    }
    for (unsigned i = 0; i < size; i += 8) {
        uint64_t v = cpu_ldq(env, addr + i, mmu);

        memcpy((uint8_t *)buf + i, &v, 8);
    }
}

static void area_write(struct x86_env *env, uint64_t addr, const void *buf, unsigned size)
{
    unsigned mmu = x86_mmu_index(env);
    void *ram = cpu_ram_ptr(env, addr, size, MMU_WRITE, mmu);

    if (ram) {
        memcpy(ram, buf, size);
        return;
    }
    for (unsigned i = 0; i < size; i += 8) {
        uint64_t v;

        memcpy(&v, (const uint8_t *)buf + i, 8);
        cpu_stq(env, addr + i, v, mmu);
    }
}

/* Alignment and access; silicon touches the end first. */
static void area_check(struct x86_env *env, uint64_t addr, unsigned alignment, unsigned size,
                       enum mmu_access access)
{
    unsigned mmu = x86_mmu_index(env);

    if (x86_long_mode(env) && !x86_canonical(addr)) {
        cpu_probe(env, addr, 1, access, mmu);
    }
    x86_check_alignment(env, addr, 4);
    if (addr & (alignment - 1)) {
        x86_raise_error(env, EXC_GP, 0);
    }
    cpu_probe(env, addr + size - 1, 1, access, mmu);
    cpu_probe(env, addr, 1, access, mmu);
}

static unsigned xmm_count(const struct x86_env *env)
{
    return env->mode & MODE_CS64 ? 16 : 8;
}

/* --- x87 --- */

static void x87_save(const struct x86_env *env, struct x86_fxsave *area, bool wide)
{
    area->fcw = env->fpuc;
    area->fsw = env->fpus | env->fptop << FPUS_TOP_SHIFT;
    area->ftw = ~env->fptags;
    area->pad = 0;
    area->fop = env->fop & 0x7ff;
    area->fip = wide ? env->fpip : (uint32_t)env->fpip | (uint64_t)env->fpcs << 32;
    area->fdp = wide ? env->fpdp : (uint32_t)env->fpdp | (uint64_t)env->fpds << 32;
    for (unsigned i = 0; i < 8; i++) {
        const struct x86_fpreg *r = &env->fpregs[fp_index(env, i)];

        area->st[i] = (struct x86_fpreg){ .mant = r->mant, .exp = r->exp };
    }
}

void x86_fx_load_x87(struct x86_env *env, const void *image)
{
    const struct x86_fxsave *area = image;

    env->fpuc = (area->fcw & FPUC_VALID) | FPUC_ONE;
    env->fptop = area->fsw >> FPUS_TOP_SHIFT & 7;
    env->fptags = ~area->ftw;
    for (unsigned i = 0; i < 8; i++) {
        struct x86_fpreg *r = fp_st(env, i);

        r->mant = area->st[i].mant;
        r->exp = area->st[i].exp;
    }
    fp_set_status(env, area->fsw);
}

static void x87_restore(struct x86_env *env, const struct x86_fxsave *area, bool wide)
{
    unsigned address_bits = x86_has(env->cpuid_7_ecx, 16) ? 57 : 48;

    x86_fx_load_x87(env, area);
    env->fop = area->fop & 0x7ff;
    env->fpip = wide ? (uint64_t)bits_sign_extend(area->fip, address_bits) : (uint32_t)area->fip;
    env->fpdp = wide ? (uint64_t)bits_sign_extend(area->fdp, address_bits) : (uint32_t)area->fdp;
    env->fpcs = wide || fp_without_selectors(env) ? 0 : area->fip >> 32;
    env->fpds = wide || fp_without_selectors(env) ? 0 : area->fdp >> 32;
}

static void x87_reset(struct x86_env *env)
{
    fp_init(env);
    memset(env->fpregs, 0, sizeof(env->fpregs));
}

/* --- FXSAVE, FXRSTOR --- */

/* XMM registers are left out without CR4.OSFXSR, and with EFER.FFXSR in the 64-bit kernel. */
static bool fx_with_xmm(const struct x86_env *env)
{
    return env->cr[4] & CR4_OSFXSR &&
           !(env->efer & EFER_FFXSR && env->cpl == 0 && env->mode & MODE_CS64);
}

void helper_fxsave(struct x86_env *env, uint64_t addr, uint32_t wide)
{
    struct x86_fxsave area;
    unsigned size = AREA_XMM;

    area_check(env, addr, 16, AREA_LEGACY, MMU_WRITE);
    x86_fp_fetch(env);
    x87_save(env, &area, wide);
    area.mxcsr = env->mxcsr;
    area.mxcsr_mask = env->mxcsr_mask;
    if (fx_with_xmm(env)) {
        memcpy(area.xmm, env->xmm, sizeof(area.xmm));
        size += xmm_count(env) * sizeof(area.xmm[0]);
    }
    area_write(env, addr, &area, size);
}

void helper_fxrstor(struct x86_env *env, uint64_t addr, uint32_t wide)
{
    struct x86_fxsave area;

    area_check(env, addr, 16, AREA_LEGACY, MMU_READ);
    x86_fp_fetch(env);
    area_read(env, addr, &area, sizeof(area));
    if (env->cr[4] & CR4_OSFXSR) {
        if (!mxcsr_valid(env, area.mxcsr)) {
            x86_raise_error(env, EXC_GP, 0);
        }
        env->mxcsr = area.mxcsr;
    }
    x87_restore(env, &area, wide);
    if (fx_with_xmm(env)) {
        memcpy(env->xmm, area.xmm, xmm_count(env) * sizeof(area.xmm[0]));
    }
    x86_update_mode(env);
}

/* --- the same in host memory, for signal frames --- */

void x86_fx_save(const struct x86_env *env, void *image, bool wide)
{
    struct x86_fxsave *area = image;

    memset(area, 0, sizeof(*area));
    x87_save(env, area, wide);
    area->mxcsr = env->mxcsr;
    area->mxcsr_mask = env->mxcsr_mask;
    memcpy(area->xmm, env->xmm, X86_REGS * sizeof(area->xmm[0]));
}

void x86_fx_load(struct x86_env *env, const void *image, bool wide)
{
    const struct x86_fxsave *area = image;

    env->mxcsr = area->mxcsr & env->mxcsr_mask;
    x87_restore(env, area, wide);
    memcpy(env->xmm, area->xmm, X86_REGS * sizeof(area->xmm[0]));
}

/* --- XSAVE, XRSTOR: the standard form --- */

void helper_xsave(struct x86_env *env, uint64_t addr, uint64_t mask, uint32_t wide)
{
    uint64_t wanted = mask & env->xcr0 & XSTATE_ALL, old;
    unsigned mmu = x86_mmu_index(env);
    struct x86_fxsave area;

    area_check(env, addr, 64, AREA_LEGACY + AREA_HEADER, MMU_WRITE);
    x86_fp_fetch(env);
    old = cpu_ldq(env, addr + AREA_LEGACY, mmu);
    if (wanted & XSTATE_X87) {
        x87_save(env, &area, wide);
        area_write(env, addr, &area, offsetof(struct x86_fxsave, mxcsr));
        area_write(env, addr + offsetof(struct x86_fxsave, st), area.st, sizeof(area.st));
    }
    if (wanted & XSTATE_SSE) {
        cpu_stl(env, addr + offsetof(struct x86_fxsave, mxcsr), env->mxcsr, mmu);
        cpu_stl(env, addr + offsetof(struct x86_fxsave, mxcsr_mask), env->mxcsr_mask, mmu);
        area_write(env, addr + AREA_XMM, env->xmm, xmm_count(env) * sizeof(env->xmm[0]));
    }
    cpu_stq(env, addr + AREA_LEGACY, (old & ~wanted) | wanted, mmu);
}

static bool header_valid(const struct x86_env *env, const struct xsave_header *header)
{
    uint64_t bad = header->xcomp_bv | header->reserved[0];

    return !bad && !(header->xstate_bv & ~env->xcr0);
}

void helper_xrstor(struct x86_env *env, uint64_t addr, uint64_t mask, uint32_t wide)
{
    uint64_t wanted = mask & env->xcr0 & XSTATE_ALL;
    struct {
        struct x86_fxsave legacy;
        struct xsave_header header;
    } area;

    area_check(env, addr, 64, AREA_LEGACY + AREA_HEADER, MMU_READ);
    x86_fp_fetch(env);
    area_read(env, addr, &area, sizeof(area));
    if (!header_valid(env, &area.header) ||
        (wanted & XSTATE_SSE && !mxcsr_valid(env, area.legacy.mxcsr))) {
        x86_raise_error(env, EXC_GP, 0);
    }
    if (wanted & XSTATE_X87) {
        if (area.header.xstate_bv & XSTATE_X87) {
            x87_restore(env, &area.legacy, wide);
        } else {
            x87_reset(env);
        }
    }
    if (wanted & XSTATE_SSE) {
        unsigned size = xmm_count(env) * sizeof(env->xmm[0]);

        env->mxcsr = area.legacy.mxcsr;
        if (area.header.xstate_bv & XSTATE_SSE) {
            memcpy(env->xmm, area.legacy.xmm, size);
        } else {
            memset(env->xmm, 0, size);
        }
    }
    x86_update_mode(env);
}
