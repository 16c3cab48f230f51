/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Each vCPU's private tables from guest pc to host code, which translated code looks into itself:
 * one bank for each recently used pair of mode and code base. Logs per bank make flushes cheap, one
 * of entries that a change of address space ends and one of those that it does not.
 *
 * Only the vCPU's own thread adds and flushes; others may make single entries invalid. An invalid
 * entry holds a pc that belongs into another slot, so that it never matches.
 */
/* Called by helpers that touch no vector register. */
#pragma GCC target("general-regs-only")
#include "tcg/region.h"

#include <string.h>
#include "base/memory.h"

enum { ENTRIES = 1 << JUMP_CACHE_MAX_BITS, PAGE_FILTER = 1 << 15 };

/* A machine keeps several banks and changes between them; a process has one, and more code. */
unsigned jump_cache_bits = 14;

/* What a slot is in: a log may hold slots that have become the other kind since. */
enum { SLOT_LOGGED = 1, SLOT_LOGGED_GLOBAL = 2, SLOT_GLOBAL = 4 };

struct jump_log {
    unsigned count;
    uint16_t index[ENTRIES];
};

struct jump_bank {
    struct jump_entry entries[ENTRIES];
    uint8_t slot[ENTRIES];
    struct jump_log log[2];         /* [1]: of global regions */
    uint64_t base;
    uint32_t mode;
    uint32_t last_used;
};

/* Which linear pages have entries at all, hashed: most page flushes have nothing to do here. */
static uint64_t *page_filter(struct cpu *cpu)
{
    return (uint64_t *)(cpu->jump_banks + JUMP_CACHE_BANKS);
}

static unsigned filter_bit(struct cpu *cpu, uint64_t lin)
{
    uint64_t page = lin >> cpu->target->page_bits;

    return (page ^ page >> 15) % PAGE_FILTER;
}

static uint64_t invalid_pc(unsigned index)
{
    return index ? 0 : 1 << JUMP_CACHE_SKIPPED;
}

static void entry_clear(struct jump_bank *b, unsigned index)
{
    __atomic_store_n(&b->entries[index].pc, invalid_pc(index), __ATOMIC_RELAXED);
}

/* The other log's slots stay as they are, and so does its mark. */
static void log_flush(struct jump_bank *b, bool global)
{
    struct jump_log *log = &b->log[global];

    for (unsigned i = 0; i < log->count; i++) {
        unsigned index = log->index[i];

        if (!(b->slot[index] & SLOT_GLOBAL) == !global) {
            entry_clear(b, index);
        }
        b->slot[index] &= ~(SLOT_LOGGED << global);
    }
    log->count = 0;
}

bool jump_cache_create(struct cpu *cpu, struct error **err)
{
    cpu->jump_banks = host_ram_alloc(JUMP_CACHE_BANKS * sizeof(struct jump_bank) + PAGE_FILTER / 8,
                                     0, err);
    if (!cpu->jump_banks) {
        return false;
    }
    for (unsigned n = 0; n < JUMP_CACHE_BANKS; n++) {
        cpu->jump_banks[n].mode = ~0u;
        /* Zero is invalid everywhere else: pages stay untouched until they are used. */
        entry_clear(&cpu->jump_banks[n], jump_cache_index(0));
    }
    cpu_hot(cpu)->jump_cache = cpu->jump_previous = cpu->jump_banks;
    return true;
}

static struct jump_bank *current_bank(struct cpu *cpu)
{
    return cpu_hot(cpu)->jump_cache;
}

const void *jump_cache_find(struct cpu *cpu, uint64_t pc)
{
    const struct jump_entry *e = &current_bank(cpu)->entries[jump_cache_index(pc)];

    return __atomic_load_n(&e->pc, __ATOMIC_RELAXED) == pc ? e->host : NULL;
}

void jump_cache_add(struct cpu *cpu, uint64_t pc, const struct region *r)
{
    struct jump_bank *b = current_bank(cpu);
    unsigned index = jump_cache_index(pc);
    unsigned bit = filter_bit(cpu, pc + r->key.base);
    uint8_t logged = SLOT_LOGGED << r->global;

    if (!(b->slot[index] & logged)) {
        b->log[r->global].index[b->log[r->global].count++] = index;
    }
    b->slot[index] = (b->slot[index] & ~SLOT_GLOBAL) | logged | (r->global ? SLOT_GLOBAL : 0);
    __atomic_store_n(&b->entries[index].host, region_buffer() + r->host, __ATOMIC_RELAXED);
    __atomic_store_n(&b->entries[index].pc, pc, __ATOMIC_RELEASE);
    page_filter(cpu)[bit / 64] |= 1ull << bit % 64;
    /* Who drops a region marks it first, then looks here. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (region_is_dead(r)) {
        entry_clear(b, index);
    }
}

static void flush(struct cpu *cpu, bool keep_global)
{
    for (unsigned n = 0; n < JUMP_CACHE_BANKS; n++) {
        log_flush(&cpu->jump_banks[n], false);
        if (!keep_global) {
            log_flush(&cpu->jump_banks[n], true);
        }
    }
    if (!keep_global) {
        memset(page_filter(cpu), 0, PAGE_FILTER / 8);
    }
}

void jump_cache_flush(struct cpu *cpu)
{
    flush(cpu, false);
}

void jump_cache_flush_asid(struct cpu *cpu)
{
    flush(cpu, true);
}

static bool filter_has(struct cpu *cpu, uint64_t lin)
{
    unsigned bit = filter_bit(cpu, lin);

    return page_filter(cpu)[bit / 64] >> bit % 64 & 1;
}

static void log_flush_pages(struct jump_bank *b, const struct jump_log *log, uint64_t first,
                            uint64_t size)
{
    for (unsigned i = 0; i < log->count; i++) {
        unsigned index = log->index[i];

        if (__atomic_load_n(&b->entries[index].pc, __ATOMIC_RELAXED) + b->base - first < size) {
            entry_clear(b, index);
        }
    }
}

/* A region may reach one page further than it starts, so the page before counts as well. */
void jump_cache_flush_page(struct cpu *cpu, uint64_t vaddr)
{
    uint64_t size = 1ull << cpu->target->page_bits, page = vaddr & -size;

    if (!filter_has(cpu, page) && !filter_has(cpu, page - size)) {
        return;
    }
    for (unsigned n = 0; n < JUMP_CACHE_BANKS; n++) {
        struct jump_bank *b = &cpu->jump_banks[n];

        log_flush_pages(b, &b->log[0], page - size, 2 * size);
        log_flush_pages(b, &b->log[1], page - size, 2 * size);
    }
}

/* Becomes the bank of the current mode; the least recently used one is emptied for it. */
static void bank_choose(struct cpu *cpu, const struct code_key *key)
{
    struct jump_bank *banks = cpu->jump_banks, *best = banks;
    static uint32_t clock;

    current_bank(cpu)->last_used = ++clock;
    for (unsigned n = 0; n < JUMP_CACHE_BANKS; n++) {
        if (banks[n].mode == key->mode && banks[n].base == key->base) {
            best = &banks[n];
            break;
        }
        if (banks[n].last_used < best->last_used) {
            best = &banks[n];
        }
    }
    if (best->mode != key->mode || best->base != key->base) {
        log_flush(best, false);
        log_flush(best, true);
        best->mode = key->mode;
        best->base = key->base;
    }
    cpu->jump_previous = current_bank(cpu);
    cpu_hot(cpu)->jump_cache = best;
}

/* Mostly there are two modes, user and kernel, in turn. */
void jump_cache_select(struct cpu *cpu)
{
    struct jump_bank *previous = cpu->jump_previous;
    struct code_key key;

    cpu->target->code_key(cpu, &key);
    if (previous->mode == key.mode && previous->base == key.base) {
        previous->last_used = current_bank(cpu)->last_used;
        cpu->jump_previous = current_bank(cpu);
        cpu_hot(cpu)->jump_cache = previous;
    } else {
        bank_choose(cpu, &key);
    }
}

void jump_cache_drop(const struct region *r)
{
    unsigned index = jump_cache_index(r->key.pc);
    const void *host = region_buffer() + r->host;

    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    for (struct cpu *cpu = cpu_first(); cpu; cpu = cpu_next(cpu)) {
        for (unsigned n = 0; n < JUMP_CACHE_BANKS; n++) {
            struct jump_bank *b = &cpu->jump_banks[n];

            /* The slot stays logged, as an empty entry that a flush clears once more. */
            if (__atomic_load_n(&b->entries[index].host, __ATOMIC_RELAXED) == host) {
                entry_clear(b, index);
            }
        }
    }
}
