/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The page walk of the short descriptor format: that of ARMv4 and v5 with subpages, and that of
 * ARMv6 on (SCTLR.XP) with execute-never, global and shared bits (ARM DDI 0406, B3.5). The MPU of
 * ARM946 is here too, as eight regions.
 *
 * Tiny pages of 1 KiB are taken with the rights and the address of the one that is accessed.
 */
#include "target-arm/sys.h"

#include "hw/core/memory.h"
#include "tcg/softmmu.h"

enum { PROT_R = 1 << MMU_READ, PROT_W = 1 << MMU_WRITE, PROT_X = 1 << MMU_FETCH };

struct walk {
    struct arm_env *env;
    uint32_t va;                    /* modified by FCSE */
    enum mmu_access access;
    bool privileged;
    uint32_t fault, domain;
    uint64_t paddr;
    unsigned page_bits, prot;
    bool global;
};

static bool is_v6(const struct walk *w)
{
    return arm_has(w->env, F_V7) || (arm_has(w->env, F_V6) && w->env->cp15.sctlr & SCTLR_XP);
}

static bool read_entry(struct walk *w, uint32_t address, uint32_t *entry)
{
    bool big = w->env->cp15.sctlr & (arm_has(w->env, F_V6) ? SCTLR_EE : SCTLR_B);
    uint64_t value;

    if (address_space_ld(env_cpu(w->env)->memory, address, 4, big ? ENDIAN_BIG : ENDIAN_LITTLE,
                         &value) != MEM_OK) {
        return false;
    }
    *entry = value;
    return true;
}

/* --- rights ---------------------------------------------------------------------------------- */

/* AP without APX: what both may do; S and R rule when it is 0. */
static unsigned old_rights(const struct walk *w, unsigned ap)
{
    uint32_t sctlr = w->env->cp15.sctlr;

    switch (ap) {
    case 0:
        if (sctlr & SCTLR_S) {
            return w->privileged ? PROT_R : 0;
        }
        return sctlr & SCTLR_R ? PROT_R : 0;
    case 1:
        return w->privileged ? PROT_R | PROT_W : 0;
    case 2:
        return w->privileged ? PROT_R | PROT_W : PROT_R;
    default:
        return PROT_R | PROT_W;
    }
}

/* APX:AP */
static unsigned rights(const struct walk *w, unsigned ap)
{
    if (w->env->cp15.sctlr & SCTLR_AFE) {
        ap |= 1;                    /* AP[0] is the access flag */
    }
    switch (ap) {
    case 4:
        return 0;
    case 5:
        return w->privileged ? PROT_R : 0;
    case 6:
    case 7:
        return PROT_R;
    default:
        return old_rights(w, ap);
    }
}

/* The descriptor allows these; the domain may allow all or nothing. */
static bool decide(struct walk *w, unsigned prot, bool never_execute, bool section)
{
    unsigned domain = w->env->cp15.dacr >> 2 * w->domain & 3;

    if (prot & PROT_R && !never_execute) {
        prot |= PROT_X;
    }
    if (domain == 3) {
        prot = PROT_R | PROT_W | PROT_X;
    } else if (domain != 1) {
        w->fault = section ? FS_DOMAIN_SECTION : FS_DOMAIN_PAGE;
        return false;
    }
    w->prot = prot;
    if (!(prot >> w->access & 1)) {
        w->fault = section ? FS_PERMISSION_SECTION : FS_PERMISSION_PAGE;
        return false;
    }
    return true;
}

/* --- the tables ------------------------------------------------------------------------------ */

static bool section(struct walk *w, uint32_t entry)
{
    unsigned ap = entry >> 10 & 3;
    bool super = is_v6(w) && entry >> 18 & 1;

    if (super) {
        w->page_bits = 24;
        w->domain = 0;
        w->paddr = (entry & 0xff000000) | (w->va & 0x00ffffff);
    } else {
        w->page_bits = 20;
        w->paddr = (entry & 0xfff00000) | (w->va & 0x000fffff);
    }
    if (!is_v6(w)) {
        return decide(w, old_rights(w, ap), false, true);
    }
    w->global = !(entry >> 17 & 1);
    ap |= entry >> 13 & 4;
    if (w->env->cp15.sctlr & SCTLR_AFE && !(ap & 1)) {
        w->fault = FS_ACCESS_SECTION;
        return false;
    }
    return decide(w, rights(w, ap), entry >> 4 & 1, true);
}

/* Pages of 4 KiB have four APs before ARMv6's new format, large ones too. */
static bool old_page(struct walk *w, uint32_t entry, bool fine)
{
    switch (entry & 3) {
    case 1:
        w->page_bits = 16;
        w->paddr = (entry & 0xffff0000) | (w->va & 0xffff);
        return decide(w, old_rights(w, entry >> (4 + (w->va >> 13 & 6)) & 3), false, false);
    case 2:
        w->paddr = (entry & 0xfffff000) | (w->va & 0xfff);
        return decide(w, old_rights(w, entry >> (4 + (w->va >> 9 & 6)) & 3), false, false);
    case 3:
        if (!fine) {                /* an extended small page, with one AP */
            w->paddr = (entry & 0xfffff000) | (w->va & 0xfff);
        } else {
            w->paddr = (entry & 0xfffffc00) | (w->va & 0x3ff);
        }
        return decide(w, old_rights(w, entry >> 4 & 3), false, false);
    }
    w->fault = FS_TRANSLATION_PAGE;
    return false;
}

static bool new_page(struct walk *w, uint32_t entry)
{
    unsigned ap = (entry >> 4 & 3) | (entry >> 7 & 4);
    bool never_execute = entry & 1;

    if (!(entry & 3)) {
        w->fault = FS_TRANSLATION_PAGE;
        return false;
    }
    if (entry & 2) {
        w->paddr = (entry & 0xfffff000) | (w->va & 0xfff);
    } else {
        w->page_bits = 16;
        w->paddr = (entry & 0xffff0000) | (w->va & 0xffff);
        never_execute = entry >> 15 & 1;
    }
    w->global = !(entry >> 11 & 1);
    if (w->env->cp15.sctlr & SCTLR_AFE && !(ap & 1)) {
        w->fault = FS_ACCESS_PAGE;
        return false;
    }
    return decide(w, rights(w, ap), never_execute, false);
}

static bool second_level(struct walk *w, uint32_t table, bool fine)
{
    uint32_t entry;

    if (!read_entry(w, table, &entry)) {
        w->fault = FS_WALK_2;
        return false;
    }
    return is_v6(w) ? new_page(w, entry) : old_page(w, entry, fine);
}

static uint32_t first_table(const struct walk *w)
{
    const struct arm_cp15 *c = &w->env->cp15;
    unsigned n = arm_has(w->env, F_V6) ? c->ttbcr & 7 : 0;

    if (n && w->va >> (32 - n)) {
        return (c->ttbr1 & 0xffffc000) | (w->va >> 18 & 0x3ffc);
    }
    return (c->ttbr0 & (0xffffffffu << (14 - n))) | (w->va >> 18 & (0x3ffc >> n));
}

static bool walk_tables(struct walk *w)
{
    uint32_t entry;

    if (!read_entry(w, first_table(w), &entry)) {
        w->fault = FS_WALK_1;
        return false;
    }
    w->domain = entry >> 5 & 15;
    switch (entry & 3) {
    case 1:
        return second_level(w, (entry & 0xfffffc00) | (w->va >> 10 & 0x3fc), false);
    case 3:
        if (!is_v6(w)) {
            return second_level(w, (entry & 0xfffff000) | (w->va >> 8 & 0xffc), true);
        }
        if (!arm_has(w->env, F_LPAE)) {     /* PXN is there with LPAE only */
            break;
        }
        /* fall through */
    case 2:
        return section(w, entry);
    }
    w->fault = FS_TRANSLATION_SECTION;
    return false;
}

/* --- ARM946: regions, the last that fits ----------------------------------------------------- */

static bool protect(struct walk *w)
{
    const struct arm_cp15 *c = &w->env->cp15;
    uint32_t all = w->access == MMU_FETCH ? c->mpu_access_insn : c->mpu_access_data;

    for (int n = 7; n >= 0; n--) {
        uint32_t region = c->mpu_region[n], size = (region >> 1 & 31) + 1;
        uint32_t mask = size >= 32 ? ~0u : (1u << size) - 1;

        if (!(region & 1) || (w->va ^ region) & ~mask) {
            continue;
        }
        switch (all >> 4 * n & 15) {
        case 1: w->prot = w->privileged ? 7 : 0; break;
        case 2: w->prot = w->privileged ? 7 : PROT_R | PROT_X; break;
        case 3: w->prot = 7; break;
        case 5: w->prot = w->privileged ? PROT_R | PROT_X : 0; break;
        case 6: w->prot = PROT_R | PROT_X; break;
        default: w->prot = 0;
        }
        w->fault = FS_PERMISSION_PAGE;
        return w->prot >> w->access & 1;
    }
    w->fault = FS_TRANSLATION_PAGE;
    return false;
}

/* --- the whole ------------------------------------------------------------------------------- */

static bool walk(struct walk *w, uint32_t vaddr)
{
    const struct arm_cp15 *c = &w->env->cp15;

    w->va = vaddr < 1u << 25 ? vaddr + (c->fcse & 0xfe000000) : vaddr;
    w->page_bits = 12;
    w->global = true;
    w->prot = PROT_R | PROT_W | PROT_X;
    w->paddr = w->va;
    if (!(c->sctlr & SCTLR_M)) {
        return true;
    }
    return arm_has(w->env, F_MPU) ? protect(w) : walk_tables(w);
}

static _Noreturn void raise_fault(struct walk *w, uint32_t vaddr)
{
    struct arm_env *env = w->env;

    env->fault_addr = vaddr;
    env->fault_status = w->fault | w->domain << 4;
    if (w->fault == FS_WALK_1 || w->fault == FS_TRANSLATION_SECTION) {
        env->fault_status = w->fault;
    }
    if (w->access == MMU_FETCH) {
        arm_raise(env, EXC_PREFETCH);
    }
    if (w->access == MMU_WRITE && arm_has(env, F_V6)) {
        env->fault_status |= FSR_WRITE;
    }
    arm_raise(env, EXC_DATA);
}

bool arm_fill_tlb(struct cpu *cpu, uint64_t vaddr, enum mmu_access access, unsigned mmu_idx,
                  bool probe, struct tlb_fill *fill)
{
    struct walk w = { .env = arm_env(cpu), .access = access,
                      .privileged = mmu_idx == MMU_PRIVILEGED };

    if (!walk(&w, vaddr)) {
        if (probe) {
            return false;
        }
        raise_fault(&w, vaddr);
    }
    fill->paddr = w.paddr & ~0xfffull;
    fill->prot = w.prot;
    fill->page_bits = w.page_bits;
    fill->global = w.global;
    return true;
}

bool arm_debug_translate(struct cpu *cpu, uint64_t vaddr, uint64_t *paddr)
{
    struct walk w = { .env = arm_env(cpu), .access = MMU_READ, .privileged = true };

    if (!walk(&w, vaddr)) {
        return false;
    }
    *paddr = w.paddr;
    return true;
}

uint32_t arm_translate_par(struct arm_env *env, uint32_t vaddr, bool write, unsigned mmu_idx)
{
    struct walk w = { .env = env, .access = write ? MMU_WRITE : MMU_READ,
                      .privileged = mmu_idx == MMU_PRIVILEGED };

    if (!walk(&w, vaddr)) {
        return (w.fault & 15) << 1 | (w.fault >> 10 & 1) << 5 | 1;
    }
    return w.page_bits == 24 ? (w.paddr & 0xff000000) | 2 : w.paddr & 0xfffff000;
}
