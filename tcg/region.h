/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Translated regions: where they are, how they are found, chained and dropped. One cache for all
 * vCPUs; lookups go jump cache (private) -> hash (lock-free readers) -> translate.
 */
#ifndef TCG_REGION_H
#define TCG_REGION_H

#include "cpu-exec.h"

enum { JUMP_CACHE_BANKS = 8, REGION_MAX_EXITS = 64 };

/* One bank per recently used (mode, base): struct cpu_hot.jump_cache points to the current one. */
struct jump_entry {
    uint64_t pc;
    void *host;
};

/* Where the entry of a pc lies in a bank: close to each other for code that is, but for pcs that
   differ in the lowest bits only, of which few are used. */
enum { JUMP_CACHE_SKIPPED = 2, JUMP_CACHE_MAX_BITS = 15 };
extern unsigned jump_cache_bits;    /* of an index; settled before any code is made */
static inline unsigned jump_cache_index(uint64_t pc)
{
    return (pc ^ pc >> jump_cache_bits) >> JUMP_CACHE_SKIPPED & ((1u << jump_cache_bits) - 1);
}

struct ir_check;

struct region_exit {
    struct region *from, *to;       /* to: chained, else NULL */
    struct region_exit *next_in;    /* incoming list of `to' */
    uint32_t patch;                 /* offset in the code buffer of the rel32 */
    uint32_t stub;                  /* offset of the cold stub it goes to when unchained */
    uint32_t lookup;                /* of the stub that looks into the jump cache each time */
    uint64_t pc;
};

/* An instruction in the middle that other regions may go to. */
struct region_entry {
    uint64_t pc;
    uint32_t host;                  /* offset in the code buffer */
    struct region *in;
    struct region_entry *hash_next;
};

struct region {
    struct code_key key;
    uint64_t ram_page[2];           /* ram_addr of the code page(s); [1] = ~0 when one page only */
    uint32_t host, host_end;        /* entry and end of everything, offsets in the code buffer */
    uint32_t side_table, side_len;
    uint16_t entry_offset;          /* of its first instruction in ram_page[0] */
    /* its bytes: backward branches may go before the entry */
    uint16_t first_offset, guest_len;
    uint16_t insns, n_exits, n_entries;
    bool dead;                      /* atomic: no longer to be entered, see region_is_dead() */
    bool one_insn;
    bool alone;                     /* made while region_memory_alone, and not good otherwise */
    bool global;                    /* its pages are: survives jump_cache_flush_asid() */
    struct ir_check *check;         /* NULL: of pages that are watched */
    struct region_entry *entries;
    struct region_exit *exits, *incoming;
    struct region *hash_next, *page_next[2];
};

/* Without the cache's lock it may become true at any time. */
static inline bool region_is_dead(const struct region *r)
{
    return __atomic_load_n(&r->dead, __ATOMIC_RELAXED);
}

void region_vcpu_init(struct cpu *cpu);
bool region_cache_create(const struct target *target, size_t bytes, struct error **err);
uint8_t *region_buffer(void);       /* base of the code buffer */
/* The region for the CPU's present state, translated if need be (may raise a fetch fault). */
struct region *region_lookup(struct cpu *cpu, unsigned max_insns);
/* The region that contains a host code address, or NULL. */
struct region *region_by_host(uintptr_t host);
/* From now on `slot' goes to `to' directly; where that is not possible, through the jump cache, and
   the result is false. */
bool region_chain(struct region_exit *slot, struct region *to);
void region_flush_all(void);
/* User mode: nobody but one thread sees the guest's memory, so that its atomic operations need no
   lock. The second drops what was translated so; while there is one thread only. */
extern bool region_memory_alone;
void region_memory_shared(void);
/* Around fork(). */
void region_fork_begin(void);
void region_fork_end(void);
/* Watches the page again if regions were made from it. */
void region_rewatch(uint64_t ram_page);
/* Drops regions made from guest code that overlaps these bytes of RAM. */
void region_invalidate_ram(uint64_t ram_addr, uint64_t len);
/* Drops those whose code lies in one of these linear pages, which are sorted. */
void region_drop_pages(const uint64_t *pages, unsigned n);
/* Whether the region that cpu's hot.ra is in was made from any of these bytes. */
bool region_overlaps(struct cpu *cpu, uint64_t ram_addr, uint64_t len);

/* The region that a check op left from: its code has changed, or has not for so long that its page
   is to be watched again. */
void region_checked(struct cpu *cpu, uintptr_t host);

/* --- finding them, tcg/region-hash.c; the adder and remover hold the cache's lock --- */
struct region *region_find(uint64_t ram_addr, const struct code_key *key, bool one_insn);
/* The way in at an instruction in the middle of a region, or NULL; with the lock. */
const struct region_entry *region_entry_find(uint64_t ram_addr, const struct code_key *key);
unsigned region_entry_offset(const struct region_entry *e);     /* in ram_page[0] */
void region_hash_add(struct region *r);
void region_hash_remove(struct region *r);
void region_hash_clear(void);
/*
 * The host code for the present state and puts it into the jump cache, or NULL when the execution
 * loop must look: no region yet, the page unknown, a request to leave. Changes no vector register.
 */
const void *region_refill(struct cpu *cpu);
/* The same, from the jump cache if it is there. */
const void *region_quick(struct cpu *cpu);

/* --- the vCPU's jump cache, tcg/jump-cache.c; on its own thread, but for dropping --- */
bool jump_cache_create(struct cpu *cpu, struct error **err);
const void *jump_cache_find(struct cpu *cpu, uint64_t pc);  /* or NULL */
void jump_cache_add(struct cpu *cpu, uint64_t pc, const struct region *r);
void jump_cache_flush(struct cpu *cpu);             /* all banks: a mapping changed */
void jump_cache_flush_asid(struct cpu *cpu);        /* all but regions in global pages */
void jump_cache_flush_page(struct cpu *cpu, uint64_t vaddr);
void jump_cache_select(struct cpu *cpu);            /* after a change of mode or code base */
void jump_cache_drop(const struct region *r);       /* from all vCPUs */

#endif
