/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Translated regions: where they are, how they are found, chained and dropped. One cache for all
 * vCPUs; lookups go jump cache (private) -> hash (lock-free readers) -> translate.
 */
#ifndef TCG_REGION_H
#define TCG_REGION_H

#include "cpu-exec.h"

enum { JUMP_CACHE_BITS = 10, JUMP_CACHE_BANKS = 8, REGION_MAX_EXITS = 64 };

/* One bank per recently used (mode, base): struct cpu_hot.jump_cache points to the current one. */
struct jump_entry {
    uint64_t pc;
    void *host;
};

/* Translated code computes the same. */
static inline unsigned jump_cache_index(uint64_t pc)
{
    return (pc ^ pc >> JUMP_CACHE_BITS) & ((1u << JUMP_CACHE_BITS) - 1);
}

struct region_exit {
    struct region *from, *to;       /* to: chained, else NULL */
    struct region_exit *next_in;    /* incoming list of `to' */
    uint32_t patch;                 /* offset in the code buffer of the rel32 */
    uint32_t stub;                  /* offset of the cold stub it goes to when unchained */
    uint64_t pc;
};

struct region {
    struct code_key key;
    uint64_t ram_page[2];           /* ram_addr of the code page(s); [1] = ~0 when one page only */
    uint32_t host, host_end;        /* entry and end, offsets in the code buffer */
    uint32_t side_table;            /* offset of the side table */
    uint16_t guest_len, insns, n_exits;
    uint16_t first_offset;          /* of its bytes within ram_page[0] */
    bool dead, one_insn;
    struct region_exit *exits, *incoming;
    struct region *hash_next, *page_next[2];
};

bool region_cache_create(size_t bytes, struct error **err);     /* process-wide, before cpu_create */
/* The region for the CPU's present state, translated if need be (may raise a fetch fault). */
struct region *region_lookup(struct cpu *cpu, unsigned max_insns);
/* The region that contains a host code address, or NULL. */
struct region *region_by_host(uintptr_t host);
void region_flush_all(void);
/* Drops regions made from guest code that overlaps these bytes of RAM. True when the region that
   `ra' is in (0: none) was among them. */
bool region_invalidate_ram(uint64_t ram_addr, unsigned len, uintptr_t ra);
void jump_cache_flush(struct cpu *cpu);             /* all banks: a mapping changed */
void jump_cache_flush_page(struct cpu *cpu, uint64_t vaddr);
void jump_cache_select(struct cpu *cpu);            /* after a change of mode or code base */

#endif
