/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The page walk: 32-bit, PSE, PAE and 4-level paging (Intel SDM volume 3, chapter 4).
 *
 * Tables are read through MMU_PHYS, an identity mapping with a TLB of its own, so that a walk costs
 * a few host loads. Which of the other three indexes an access uses is decided by mode bits alone
 * (x86_mmu_index); WP, SMEP, SMAP and NX are applied when the TLB is filled, and changes flush it.
 */
#include "target-i386/sys.h"

#include "base/bits.h"
#include "hw/core/memory.h"
#include "tcg/ir.h"

enum { PTE_P = 1, PTE_W = 2, PTE_U = 4, PTE_A = 0x20, PTE_D = 0x40, PTE_PS = 0x80, PTE_G = 0x100 };
#define PTE_NX (1ull << 63)
#define PTE_ADDRESS 0xffffffffff000ull

enum { PF_P = 1, PF_W = 2, PF_U = 4, PF_RSVD = 8, PF_FETCH = 16 };

/* One level of a paging mode, from the top. */
struct level {
    uint8_t shift;
    bool large;                     /* PS makes a leaf here, if `large_ok' agrees */
    bool no_rights;                 /* PAE's top level has neither rights nor accessed bits */
};

static const struct level levels_32[] = { { 22, true, false }, { 12, false, false } };
static const struct level levels_pae[] = {
    { 30, false, true }, { 21, true, false }, { 12, false, false },
};
static const struct level levels_64[] = {
    { 39, false, false }, { 30, true, false }, { 21, true, false }, { 12, false, false },
};

struct walk {
    struct x86_env *env;
    uint64_t vaddr;
    enum mmu_access access;
    unsigned idx;
    bool debug;                     /* no side effects: reads past the TLB, no bits set */
    bool nxe, wide;                 /* wide: 8-byte entries */
    const struct level *levels;
    uint64_t table;
    uint32_t error;                 /* PF_P, PF_RSVD */
};

uint64_t x86_read_phys(struct x86_env *env, uint64_t address, unsigned size)
{
    uint64_t value;

    address_space_ld(env_cpu(env)->memory, address & ~(uint64_t)env->a20_mask_off, size,
                     ENDIAN_LITTLE, &value);
    return value;
}

void x86_write_phys(struct x86_env *env, uint64_t address, unsigned size, uint64_t value)
{
    address_space_st(env_cpu(env)->memory, address & ~(uint64_t)env->a20_mask_off, size,
                     ENDIAN_LITTLE, value);
}

static uint64_t read_entry(const struct walk *w, uint64_t address)
{
    struct x86_env *env = w->env;

    /* The flat TLBs of 32-bit guests end at 4 GiB. */
    if (w->debug || (!X86_64 && address > 0xffffffff)) {
        return x86_read_phys(env, address, w->wide ? 8 : 4);
    }
    return w->wide ? cpu_ldq(env, address, MMU_PHYS) : cpu_ldl(env, address, MMU_PHYS);
}

/* Sets accessed and dirty bits as one atomic step; false when the entry changed meanwhile. */
static bool update_entry(const struct walk *w, uint64_t address, uint64_t old, uint64_t new)
{
    struct x86_env *env = w->env;
    void *host = NULL;

    if (w->debug || old == new) {
        return true;
    }
    if (X86_64 || address <= 0xffffffff) {
        host = softmmu_atomic(env, address, (w->wide ? MO_64 : MO_32) | MMU_PHYS << MO_IDX_SHIFT);
    }
    if (!host) {
        x86_write_phys(env, address, w->wide ? 8 : 4, new);
        return true;
    }
    if (w->wide) {
        return __atomic_compare_exchange_n((uint64_t *)host, &old, new, false, __ATOMIC_SEQ_CST,
                                           __ATOMIC_SEQ_CST);
    }
    uint32_t expected = (uint32_t)old;
    return __atomic_compare_exchange_n((uint32_t *)host, &expected, (uint32_t)new, false,
                                       __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

static void choose_mode(struct walk *w)
{
    struct x86_env *env = w->env;

    w->error = 0;
    w->wide = env->cr[4] & CR4_PAE;
    w->nxe = w->wide && (env->efer & EFER_NXE);
    if (x86_long_mode(env)) {
        w->levels = levels_64;
        w->table = env->cr[3] & PTE_ADDRESS;
    } else if (w->wide) {
        w->levels = levels_pae;
        w->table = env->cr[3] & 0xffffffe0;
    } else {
        w->levels = levels_32;
        w->table = env->cr[3] & 0xfffff000;
    }
}

/* PS is reserved or ignored where a level has no large pages (32-bit: unless CR4.PSE). */
static bool is_leaf(const struct walk *w, const struct level *l, uint64_t entry)
{
    if (l->shift == 12) {
        return true;
    }
    if (!(entry & PTE_PS) || !l->large) {
        return false;
    }
    if (!w->wide) {
        return w->env->cr[4] & CR4_PSE;
    }
    return l->shift != 30 || x86_has(w->env->cpuid_ext_edx, FXD_PDPE1GB);
}

static uint64_t reserved_bits(const struct walk *w, const struct level *l, bool leaf)
{
    uint64_t reserved;

    if (!w->wide) {
        return leaf && l->shift == 22 ? 1 << 21 : 0;
    }
    reserved = ~bits_mask(w->env->phys_bits) & (x86_long_mode(w->env) ? bits_mask(52) : ~PTE_NX);
    if (!w->nxe) {
        reserved |= PTE_NX;
    }
    if (l->no_rights) {
        return reserved | PTE_NX | 0x1e6;
    }
    if (l->shift >= 30 && !leaf) {
        reserved |= PTE_PS;
    } else if (leaf && l->shift > 12) {
        reserved |= bits_mask(l->shift) & ~bits_mask(13);
    }
    return reserved;
}

static uint64_t leaf_address(const struct walk *w, const struct level *l, uint64_t entry)
{
    uint64_t base, offset = bits_mask(l->shift) & ~0xfffull;

    if (w->wide) {
        base = entry & PTE_ADDRESS & ~offset;
    } else {
        base = entry & 0xffffffff & ~bits_mask(l->shift);
        if (l->shift == 22) {       /* PSE-36 */
            base |= bits_extract(entry, 13, 8) << 32;
            base &= bits_mask(w->env->phys_bits);
        }
    }
    return base | (w->vaddr & offset);
}

/*
 * What a page with these accumulated rights allows at this mmu index: bits of struct tlb_fill.prot.
 */
static uint8_t page_rights(const struct walk *w, uint64_t rights)
{
    const struct x86_env *env = w->env;
    bool user = rights & PTE_U, write = rights & PTE_W, fetch = !(w->nxe && (rights & PTE_NX));

    if (w->idx == MMU_USER) {
        if (!user) {
            return 0;
        }
    } else {
        write |= !(env->cr[0] & CR0_WP);
        if (user && (env->cr[4] & CR4_SMEP)) {
            fetch = false;
        }
        if (user && w->idx == MMU_KERNEL_SMAP) {
            return fetch << MMU_FETCH;
        }
    }
    return 1 << MMU_READ | write << MMU_WRITE | fetch << MMU_FETCH;
}

/* The leaf: rights, then accessed and dirty. 1: done, 0: fault, -1: walk again. */
static int finish(struct walk *w, const struct level *l, uint64_t at, uint64_t entry,
                  uint64_t rights, struct tlb_fill *fill)
{
    uint64_t new = entry | PTE_A;

    fill->prot = page_rights(w, rights);
    if (!(fill->prot >> w->access & 1) && !w->debug) {
        w->error = PF_P;
        return 0;
    }
    if (w->access == MMU_WRITE) {
        new |= PTE_D;
    } else if (!(entry & PTE_D)) {
        fill->prot &= ~(1 << MMU_WRITE);        /* the first store comes here again */
    }
    if (!update_entry(w, at, entry, new)) {
        return -1;
    }
    fill->paddr = leaf_address(w, l, entry);
    fill->page_bits = l->shift;
    fill->global = (entry & PTE_G) && (w->env->cr[4] & CR4_PGE);
    return 1;
}

static int walk_once(struct walk *w, struct tlb_fill *fill)
{
    uint64_t rights = PTE_W | PTE_U, table;

    choose_mode(w);
    table = w->table;
    for (const struct level *l = w->levels;; l++) {
        unsigned index_bits = w->wide ? (l->no_rights ? 2 : 9) : 10;
        uint64_t at = table + (bits_extract(w->vaddr, l->shift, index_bits) << (w->wide ? 3 : 2));
        uint64_t entry = read_entry(w, at);
        bool leaf;

        if (!(entry & PTE_P)) {
            return 0;
        }
        leaf = is_leaf(w, l, entry);
        if (entry & reserved_bits(w, l, leaf)) {
            w->error = PF_P | PF_RSVD;
            return 0;
        }
        if (!l->no_rights) {
            rights = (rights & (entry | PTE_NX)) | (entry & PTE_NX);
        }
        if (leaf) {
            return finish(w, l, at, entry, rights, fill);
        }
        if (!l->no_rights && !update_entry(w, at, entry, entry | PTE_A)) {
            return -1;
        }
        table = w->wide ? entry & PTE_ADDRESS : entry & 0xfffff000;
    }
}

static void fill_identity(const struct x86_env *env, uint64_t vaddr, struct tlb_fill *fill)
{
    fill->paddr = vaddr & ~0xfffull & ~(uint64_t)env->a20_mask_off;
    fill->prot = 7;
    fill->page_bits = 12;
    fill->global = true;
}

static _Noreturn void raise_page_fault(const struct walk *w)
{
    struct x86_env *env = w->env;
    struct cpu *cpu = env_cpu(env);
    uint32_t error = w->error;

    if (w->access == MMU_WRITE) {
        error |= PF_W;
    }
    if (w->idx == MMU_USER) {
        error |= PF_U;
    }
    if (w->access == MMU_FETCH && (w->nxe || (env->cr[4] & CR4_SMEP))) {
        error |= PF_FETCH;
    }
    env->fault_addr = w->vaddr;
    cpu->exception = EXC_PF;
    cpu->error_code = error;
    cpu_raise(cpu);
}

static _Noreturn void raise_not_canonical(struct x86_env *env, enum mmu_access access)
{
    struct cpu *cpu = env_cpu(env);
    int vector = EXC_GP;

    if (access != MMU_FETCH && env->old_exception == (uint32_t)-1) {
        cpu_restore_state(cpu);
        if (x86_insn_uses_stack(env, access)) {
            vector = EXC_SS;
        }
    }
    cpu->exception = vector;
    cpu->error_code = 0;
    cpu_raise(cpu);
}

bool x86_fill_tlb(struct cpu *cpu, uint64_t vaddr, enum mmu_access access, unsigned mmu_idx,
                  bool probe, struct tlb_fill *fill)
{
    struct x86_env *env = x86_env(cpu);
    struct walk w = { .env = env, .access = access, .idx = mmu_idx };
    int result;

    if (mmu_idx == MMU_PHYS) {
        fill_identity(env, vaddr, fill);
        return true;
    }
    if (!x86_long_mode(env)) {
        vaddr = (uint32_t)vaddr;
    } else if (!x86_canonical(vaddr)) {
        if (probe) {
            return false;
        }
        raise_not_canonical(env, access);
    }
    if (!(env->cr[0] & CR0_PG)) {
        fill_identity(env, vaddr, fill);
        return true;
    }
    w.vaddr = vaddr;
    do {
        result = walk_once(&w, fill);
    } while (result < 0);
    if (!result) {
        if (probe) {
            return false;
        }
        raise_page_fault(&w);
    }
    fill->paddr &= ~(uint64_t)env->a20_mask_off;
    return true;
}

bool x86_debug_translate(struct cpu *cpu, uint64_t vaddr, uint64_t *paddr)
{
    struct x86_env *env = x86_env(cpu);
    struct walk w = { .env = env, .vaddr = vaddr, .access = MMU_READ, .idx = MMU_KERNEL,
                      .debug = true };
    struct tlb_fill fill;

    if (!x86_long_mode(env)) {
        w.vaddr = (uint32_t)vaddr;
    } else if (!x86_canonical(vaddr)) {
        return false;
    }
    if (!(env->cr[0] & CR0_PG)) {
        fill_identity(env, w.vaddr, &fill);
    } else if (walk_once(&w, &fill) <= 0) {
        return false;
    }
    *paddr = (fill.paddr & ~(uint64_t)env->a20_mask_off) | (vaddr & 0xfff);
    return true;
}

/* Reached when alignment is demanded: #AC in MODE_ALIGN, #GP for the aligned SSE forms. */
void x86_misaligned(struct cpu *cpu, uint64_t vaddr, unsigned size, enum mmu_access access,
                    unsigned mmu_idx)
{
    struct x86_env *env = x86_env(cpu);

    if (size == 16) {
        x86_raise_error(env, EXC_GP, 0);
    }
    if (x86_long_mode(env) && !x86_canonical(vaddr)) {
        raise_not_canonical(env, access);
    }
    x86_raise_error(env, EXC_AC, 0);
}
