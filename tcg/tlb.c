/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The two levels of the soft MMU's TLB: filling, flushing, and what other threads invalidate. */
#include "tcg/tlb.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "base/bits.h"
#include "base/error.h"
#include "base/memory.h"
#include "cpu-debug.h"
#include "hw/core/memory.h"
#include "tcg/region.h"

static bool is_flat(const struct cpu *cpu)
{
    return cpu->tlb->flat;
}

static void *table_at(struct cpu *cpu, unsigned table)
{
    return cpu->tlb->table[table];
}

/* --- first level ----------------------------------------------------------------------------- */

static void entry_clear(struct cpu *cpu, unsigned table, uint32_t index)
{
    if (is_flat(cpu)) {
        __atomic_store_n((int64_t *)table_at(cpu, table) + index, 0, __ATOMIC_RELAXED);
    } else {
        struct tlb_entry *e = (struct tlb_entry *)table_at(cpu, table) + index;

        __atomic_store_n(&e->tag, ~0ull, __ATOMIC_RELAXED);
    }
}

/* Bits of tlb_cold.logged: a log may hold entries that have become the other kind since. */
enum { LOGGED = 1, LOGGED_GLOBAL = 2, IS_GLOBAL = 4 };

/* Forgets the logged entries of one kind. */
static void log_flush(struct cpu *cpu, bool global)
{
    struct tlb_log *log = &cpu->tlb->log[global];

    for (unsigned i = 0; i < log->count; i++) {
        uint32_t table = log->entries[i].table, index = log->entries[i].index;

        if (is_flat(cpu)) {
            entry_clear(cpu, table, index);
        } else {
            uint8_t *logged = &cpu->tlb->logged[table][index];

            if (!(*logged & IS_GLOBAL) == !global) {
                entry_clear(cpu, table, index);
            }
            *logged &= ~(LOGGED << global);
        }
    }
    log->count = 0;
}

static void flush_first_level(struct cpu *cpu)
{
    log_flush(cpu, false);
    log_flush(cpu, true);
}

static void log_entry(struct cpu *cpu, unsigned table, uint32_t index, bool global, bool was_valid)
{
    struct tlb_log *log = &cpu->tlb->log[global];

    if (!is_flat(cpu)) {
        uint8_t *logged = &cpu->tlb->logged[table][index];
        bool known = *logged & (LOGGED << global);

        *logged = (*logged & ~IS_GLOBAL) | (LOGGED << global) | (global ? IS_GLOBAL : 0);
        if (known) {
            return;
        }
    } else if (was_valid && global) {
        return;                     /* that it is in the other log does no harm */
    }
    if (log->count == TLB_LOG) {
        log_flush(cpu, global);
        if (!is_flat(cpu)) {
            cpu->tlb->logged[table][index] |= LOGGED << global;
        }
    }
    log->entries[log->count].index = index;
    log->entries[log->count++].table = table;
}

static bool watch_touches(const struct tlb_cold *tlb, uint64_t first, uint64_t last, bool write)
{
    for (unsigned i = 0; i < tlb->watch_count; i++) {
        const struct watchpoint *w = &tlb->watch[i];

        if ((write ? w->write : w->read) && w->addr <= last && w->addr + w->len - 1 >= first) {
            return true;
        }
    }
    return cpu_watchpoint_count && cpu_debug_watches(first, last);
}

void tlb_install(struct cpu *cpu, const struct tlb_page *page, bool write)
{
    unsigned table = page->mmu_idx * 2 + write;
    uint64_t size = 1ull << cpu->target->page_bits;
    int64_t addend = (uintptr_t)page->host - page->vpage;

    pthread_spin_lock(&cpu->tlb->lock);
    if (!page->host || (write && (!page->writable || memory_watch[page->ram_addr >> 12])) ||
        watch_touches(cpu->tlb, page->vpage, page->vpage + size - 1, write)) {
        pthread_spin_unlock(&cpu->tlb->lock);
        return;
    }
    if (is_flat(cpu)) {
        int64_t *e = (int64_t *)table_at(cpu, table) + (page->vpage >> cpu->target->page_bits);

        log_entry(cpu, table, page->vpage >> cpu->target->page_bits, page->global, *e != 0);
        __atomic_store_n(e, addend, __ATOMIC_RELAXED);
    } else {
        uint32_t index = (page->vpage >> cpu->target->page_bits) & (TLB_ENTRIES - 1);
        struct tlb_entry *e = (struct tlb_entry *)table_at(cpu, table) + index;

        log_entry(cpu, table, index, page->global, e->tag != ~0ull);
        e->addend = addend;
        __atomic_store_n(&e->tag, page->vpage, __ATOMIC_RELAXED);
    }
    pthread_spin_unlock(&cpu->tlb->lock);
}

/* --- second level ---------------------------------------------------------------------------- */

/* What lies behind the page, from the address space. */
static void page_resolve(struct cpu *cpu, struct tlb_page *p)
{
    uint64_t size = 1ull << cpu->target->page_bits;
    struct ram_span span;
    bool ram = memory_lookup_ram(cpu->memory, p->paddr, &span);
    bool whole = span.first <= p->paddr && span.last >= p->paddr + size - 1;

    p->host = NULL;
    p->region = NULL;
    p->writable = p->rom = false;
    if (!whole) {
        return;             /* parts of the page differ: every access asks the address space */
    }
    if (ram) {
        p->host = span.host;
        p->ram_addr = span.ram_addr;
        p->writable = span.writable;
        p->rom = span.rom;
        p->region = span.region;
    } else if (span.region) {
        p->region = span.region;
    }
    p->offset = span.offset;
}

/*
 * Flushing any address of a large page must flush the whole page, of which small pieces may be
 * cached. Which 2 MiB pieces of the linear space were in large pages is kept in a hashed bitmap.
 */
enum { LARGE_PIECE_BITS = 21 };

static unsigned large_bit(uint64_t piece)
{
    return piece * 0x9e3779b97f4a7c15ull >> (64 - TLB_LARGE_BITS);
}

static void large_note(struct tlb_cold *tlb, uint64_t addr, unsigned page_bits)
{
    uint64_t first = addr >> page_bits << page_bits >> LARGE_PIECE_BITS;
    unsigned pieces = 1u << (page_bits > LARGE_PIECE_BITS ? page_bits - LARGE_PIECE_BITS : 0);

    tlb->any_large = true;
    for (unsigned i = 0; i < pieces; i++) {
        unsigned bit = large_bit(first + i);

        tlb->large[bit / 64] |= 1ull << bit % 64;
    }
}

static bool large_seen(const struct tlb_cold *tlb, uint64_t addr)
{
    unsigned bit = large_bit(addr >> LARGE_PIECE_BITS);

    return tlb->large[bit / 64] >> bit % 64 & 1;
}

static void large_forget(struct tlb_cold *tlb)
{
    if (tlb->any_large) {
        memset(tlb->large, 0, sizeof(tlb->large));
        tlb->any_large = false;
    }
}

struct tlb_page *tlb_page(struct cpu *cpu, uint64_t addr, enum mmu_access access, unsigned mmu_idx,
                          bool probe)
{
    struct tlb_cold *tlb = cpu->tlb;
    uint64_t vpage = addr & tlb_page_mask(cpu);
    struct tlb_page *p = tlb_page_cached(cpu, addr, access, mmu_idx);
    struct tlb_fill fill = { 0 };

    if (p) {
        return p;
    }
    if (!cpu->target->fill_tlb(cpu, addr, access, mmu_idx, probe, &fill)) {
        return NULL;
    }
    p = tlb_page_slot(cpu, vpage, mmu_idx);
    p->vpage = vpage;
    p->mmu_idx = mmu_idx;
    p->prot = fill.prot;
    p->page_bits = fill.page_bits;
    p->global = fill.global;
    p->paddr = fill.paddr & tlb_page_mask(cpu);
    p->generation = fill.global ? tlb->global_generation : tlb->generation;
    if (fill.page_bits > cpu->target->page_bits) {
        large_note(tlb, addr, fill.page_bits);
    }
    page_resolve(cpu, p);
    return p;
}

/* --- flushing -------------------------------------------------------------------------------- */

/* Generations start at 1: zeroed pages are invalid. After 2^32 flushes the old ones are wiped. */
static void next_generation(struct tlb_cold *tlb, bool global)
{
    if (++tlb->generation == 0 || (global && ++tlb->global_generation == 0)) {
        memset(tlb->pages, 0, sizeof(tlb->pages));
        tlb->generation = tlb->global_generation = 1;
    }
}

static void flush_all(struct cpu *cpu)
{
    pthread_spin_lock(&cpu->tlb->lock);
    flush_first_level(cpu);
    pthread_spin_unlock(&cpu->tlb->lock);
    next_generation(cpu->tlb, true);
    large_forget(cpu->tlb);
    jump_cache_flush(cpu);
}

/* From another thread it takes effect before the vCPU's next look at its exit flag is over. */
void tlb_flush(struct cpu *cpu)
{
    if (cpu->started && cpu != cpu_current()) {
        __atomic_store_n(&cpu->tlb->flush_wanted, true, __ATOMIC_SEQ_CST);
        cpu_kick(cpu);
    } else {
        flush_all(cpu);
    }
}

void tlb_flush_if_wanted(struct cpu *cpu)
{
    if (__atomic_exchange_n(&cpu->tlb->flush_wanted, false, __ATOMIC_SEQ_CST)) {
        flush_all(cpu);
    }
}

void tlb_flush_asid(struct cpu *cpu)
{
    pthread_spin_lock(&cpu->tlb->lock);
    log_flush(cpu, false);
    pthread_spin_unlock(&cpu->tlb->lock);
    next_generation(cpu->tlb, false);
    jump_cache_flush_asid(cpu);
}

void tlb_flush_page(struct cpu *cpu, uint64_t vaddr)
{
    struct tlb_cold *tlb = cpu->tlb;
    uint64_t vpage = vaddr & tlb_page_mask(cpu);

    if (large_seen(tlb, vpage)) {
        tlb_flush(cpu);
        return;
    }
    for (unsigned idx = 0; idx < cpu->target->n_mmu_idx; idx++) {
        struct tlb_page *p = tlb_page_slot(cpu, vpage, idx);

        if (p->vpage == vpage && p->mmu_idx == idx) {
            p->generation = 0;
        }
        for (unsigned table = idx * 2; table < idx * 2 + 2; table++) {
            uint64_t n = vpage >> cpu->target->page_bits;

            if (is_flat(cpu)) {
                /* It stays in the log: clearing it twice does no harm. */
                entry_clear(cpu, table, n & bits_mask(32 - cpu->target->page_bits));
            } else {
                struct tlb_entry *e = (struct tlb_entry *)table_at(cpu, table) +
                                      (n & (TLB_ENTRIES - 1));

                if (e->tag == vpage) {
                    __atomic_store_n(&e->tag, ~0ull, __ATOMIC_RELAXED);
                }
            }
        }
    }
    jump_cache_flush_page(cpu, vaddr);
}

/* --- watchpoints ----------------------------------------------------------------------------- */

bool watchpoint_insert(struct cpu *cpu, uint64_t vaddr, unsigned len, bool read, bool write)
{
    struct tlb_cold *tlb = cpu->tlb;

    if (tlb->watch_count == WATCHPOINTS || len == 0) {
        return false;
    }
    pthread_spin_lock(&tlb->lock);
    tlb->watch[tlb->watch_count++] = (struct watchpoint){ vaddr, len, read, write };
    flush_first_level(cpu);
    pthread_spin_unlock(&tlb->lock);
    return true;
}

void watchpoint_remove_all(struct cpu *cpu)
{
    cpu->tlb->watch_count = 0;
}

void tlb_flush_for_watch(struct cpu *cpu)
{
    pthread_spin_lock(&cpu->tlb->lock);
    flush_first_level(cpu);
    pthread_spin_unlock(&cpu->tlb->lock);
}

/* --- from other threads ---------------------------------------------------------------------- */

/* The host range that an entry gives access to; false when it is not valid. */
static bool entry_host(struct cpu *cpu, unsigned table, uint32_t index, uintptr_t *host)
{
    if (is_flat(cpu)) {
        int64_t addend = ((int64_t *)table_at(cpu, table))[index];

        *host = addend + ((uint64_t)index << cpu->target->page_bits);
        return addend > 0;
    }
    const struct tlb_entry *e = (struct tlb_entry *)table_at(cpu, table) + index;

    *host = e->addend + e->tag;
    return e->tag != ~0ull;
}

static void protect_logged(struct cpu *cpu, const struct tlb_log *log, uintptr_t first,
                           uint64_t size)
{
    uintptr_t host;

    for (unsigned i = 0; i < log->count; i++) {
        uint32_t table = log->entries[i].table, index = log->entries[i].index;

        if ((table & 1) && entry_host(cpu, table, index, &host) && host - first < size) {
            entry_clear(cpu, table, index);
        }
    }
}

static void protect_host(struct cpu *cpu, uintptr_t first, uint64_t size)
{
    pthread_spin_lock(&cpu->tlb->lock);
    protect_logged(cpu, &cpu->tlb->log[0], first, size);
    protect_logged(cpu, &cpu->tlb->log[1], first, size);
    pthread_spin_unlock(&cpu->tlb->lock);
}

void tlb_protect_ram(uint64_t ram_addr, uint64_t size)
{
    uint64_t first = align_down(ram_addr, MEMORY_PAGE_SIZE);
    const struct ram_block *block = ram_block_at(ram_addr);

    size = align_up(ram_addr + size, MEMORY_PAGE_SIZE) - first;
    for (struct cpu *cpu = cpu_first(); block && cpu; cpu = cpu->next) {
        protect_host(cpu, (uintptr_t)block->host + (first - block->ram_addr), size);
    }
}

static void on_watched(void *opaque, uint64_t ram_addr, uint64_t size)
{
    tlb_protect_ram(ram_addr, size);
}

static void on_changed(void *opaque, struct address_space *as)
{
    for (struct cpu *cpu = cpu_first(); cpu; cpu = cpu->next) {
        if (cpu->memory == as) {
            tlb_flush(cpu);
        }
    }
}

static struct memory_listener listener = { .changed = on_changed, .watched = on_watched };

/* --- creation -------------------------------------------------------------------------------- */

bool tlb_create(struct cpu *cpu, struct error **err)
{
    static bool listening;
    const struct target *t = cpu->target;
    size_t tables = -(ssize_t)tlb_table_offset(t, t->n_mmu_idx - 1, true);
    size_t size = tables + align_up(t->env_size, HOST_PAGE_SIZE);
    uint8_t *memory = host_ram_alloc(size, 0, err);

    if (!memory) {
        return false;
    }
    cpu->env = memory + tables;
    cpu->tlb = host_ram_alloc(sizeof(*cpu->tlb), 0, err);
    if (!cpu->tlb) {
        host_memory_free(memory, size);
        return false;
    }
    pthread_spin_init(&cpu->tlb->lock, PTHREAD_PROCESS_PRIVATE);
    cpu->tlb->generation = cpu->tlb->global_generation = 1;
    cpu->tlb->flat = t->word_bits == 32;
    cpu->tlb->page_bits = t->page_bits;
    for (unsigned i = 0; i < 2u * t->n_mmu_idx; i++) {
        cpu->tlb->table[i] = (uint8_t *)cpu->env + tlb_table_offset(t, i >> 1, i & 1);
    }
    if (!is_flat(cpu)) {
        for (struct tlb_entry *e = (struct tlb_entry *)memory; (void *)e < cpu->env; e++) {
            e->tag = ~0ull;
        }
    }
    if (!listening) {
        listening = true;
        memory_listener_add(&listener);
    }
    return true;
}
