/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The soft MMU's inner structures, for tlb.c, softmmu.c and region.c: a second-level TLB that knows
 * what lies behind a page, and the log of first-level entries that makes flushes cheap.
 *
 * A vCPU's own thread fills and flushes; any thread may invalidate single entries of the first
 * level. Both hold tlb->lock. Translated code reads the first level without it, so an entry is
 * always made invalid by one store. The second level belongs to the vCPU's thread alone.
 */
#ifndef TCG_TLB_H
#define TCG_TLB_H

#include <pthread.h>
#include "base/bits.h"
#include "tcg/softmmu.h"

struct memory_region;

enum { TLB2_BITS = 13, TLB2_ENTRIES = 1 << TLB2_BITS, TLB_LOG = 4096, TLB_LARGE_BITS = 16,
       WATCHPOINTS = 16 };

/* A page as the second level knows it. */
struct tlb_page {
    uint64_t vpage;                 /* its linear address */
    uint32_t generation;            /* valid when equal to the TLB's (of its globalness) */
    uint8_t mmu_idx, prot, page_bits;
    bool global, rom, writable;     /* writable: RAM that takes direct stores */
    uint8_t *host;                  /* RAM or ROM: the page's bytes; NULL: a device or nothing */
    uint64_t ram_addr;
    struct memory_region *region;   /* device: may be NULL when paddr must be asked each time */
    uint64_t offset;                /* of the page in the region */
    uint64_t paddr;
};

struct watchpoint {
    uint64_t addr;
    unsigned len;
    bool read, write;
};

/* First-level entries that were made valid since the last flush. */
struct tlb_log {
    unsigned count;
    struct {
        uint32_t index;             /* in its table: the page number, or modulo TLB_ENTRIES */
        uint32_t table;             /* mmu_idx * 2 + write */
    } entries[TLB_LOG];
};

struct tlb_cold {
    uint8_t *table[2 * TLB_MAX_IDX];        /* of the first level, by mmu_idx * 2 + write */
    bool flat;                      /* tables as 32-bit guests have them */
    uint8_t page_bits;
    pthread_spinlock_t lock;        /* of the first level's log and of making entries valid */
    bool flush_wanted;              /* by another thread */
    uint32_t generation, global_generation;
    uint64_t large[(1 << TLB_LARGE_BITS) / 64];     /* where large pages were seen */
    bool any_large;
    struct tlb_log log[2];          /* [1]: of global pages */
    uint8_t logged[2 * TLB_MAX_IDX][TLB_ENTRIES];   /* 64-bit guests: enum in tlb.c */
    unsigned watch_count;
    struct watchpoint watch[WATCHPOINTS];
    struct tlb_page pages[TLB2_ENTRIES];
};

bool tlb_create(struct cpu *cpu, struct error **err);   /* cpu->env is placed after the tables */
/* The page of a linear address, walked if need be; raises the guest's fault, or with `probe'
   returns NULL instead. Valid until the next call. */
struct tlb_page *tlb_page(struct cpu *cpu, uint64_t addr, enum mmu_access access, unsigned mmu_idx,
                          bool probe);
/* Enters it into the first level if translated code may access it directly. */
void tlb_install(struct cpu *cpu, const struct tlb_page *page, bool write);
/* Starts over the writes of a range of RAM on all vCPUs (it holds code or is watched). */
void tlb_protect_ram(uint64_t ram_addr, uint64_t size);
/* What other threads asked for; between regions. */
void tlb_flush_if_wanted(struct cpu *cpu);

static inline uint64_t tlb_page_mask(struct cpu *cpu)
{
    return ~0ull << cpu->target->page_bits;
}

static inline struct tlb_page *tlb_page_slot(struct cpu *cpu, uint64_t vpage, unsigned mmu_idx)
{
    uint64_t n = vpage >> cpu->target->page_bits;

    return &cpu->tlb->pages[(n ^ n >> TLB2_BITS ^ (uint64_t)mmu_idx << (TLB2_BITS - 2)) &
                            (TLB2_ENTRIES - 1)];
}

/* The host address for a direct access of `size' bytes, NULL when the slow path must look. */
static inline void *tlb_direct(struct cpu *cpu, uint64_t addr, unsigned size, unsigned mmu_idx,
                               bool write)
{
    const struct tlb_cold *tlb = cpu->tlb;
    const uint8_t *table = tlb->table[mmu_idx * 2 + write];
    unsigned bits = tlb->page_bits;

    if (unlikely(((addr + size - 1) ^ addr) >> bits)) {
        return NULL;
    }
    if (tlb->flat) {
        uint32_t a = addr;
        int64_t addend = ((const int64_t *)table)[a >> bits];

        return addend > 0 ? (void *)(uintptr_t)(addend + a) : NULL;
    }
    const struct tlb_entry *e = (const struct tlb_entry *)table + ((addr >> bits) &
                                                                   (TLB_ENTRIES - 1));

    return e->tag == addr >> bits << bits ? (void *)(uintptr_t)(e->addend + addr) : NULL;
}

/* As tlb_page(), but NULL when that would have to walk. */
static inline struct tlb_page *tlb_page_cached(struct cpu *cpu, uint64_t addr,
                                               enum mmu_access access, unsigned mmu_idx)
{
    const struct tlb_cold *tlb = cpu->tlb;
    uint64_t vpage = addr & tlb_page_mask(cpu);
    struct tlb_page *p = tlb_page_slot(cpu, vpage, mmu_idx);

    return p->vpage == vpage && p->mmu_idx == mmu_idx && (p->prot >> access & 1) &&
           p->generation == (p->global ? tlb->global_generation : tlb->generation) ? p : NULL;
}

#endif
