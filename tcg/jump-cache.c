/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Each vCPU's private tables from guest pc to host code, which translated code looks into itself:
 * one bank for each recently used pair of mode and code base. A log per bank makes flushes cheap.
 *
 * An invalid entry holds a pc that belongs into another slot, so that it never matches.
 */
#include "tcg/region.h"

#include <string.h>
#include "base/memory.h"

enum { ENTRIES = 1 << JUMP_CACHE_BITS, PAGE_FILTER = 1024 };

enum { SLOT_EMPTY, SLOT_USED, SLOT_GLOBAL };

struct jump_bank {
    struct jump_entry entries[ENTRIES];
    uint16_t log[ENTRIES];
    uint8_t slot[ENTRIES];
    unsigned log_count;
    uint64_t base;
    uint32_t mode;
    uint32_t last_used;
};

/* Which linear pages have entries at all, hashed: most page flushes have nothing to do here. */
static uint64_t *page_filter(struct cpu *cpu)
{
    return (uint64_t *)(cpu->jump_banks + JUMP_CACHE_BANKS);
}

/* Of all banks, against other threads that drop regions. */
static pthread_mutex_t *lock_of(struct cpu *cpu)
{
    return (pthread_mutex_t *)(page_filter(cpu) + PAGE_FILTER / 64);
}

static unsigned filter_bit(struct cpu *cpu, uint64_t lin)
{
    uint64_t page = lin >> cpu->target->page_bits;

    return (page ^ page >> 10) % PAGE_FILTER;
}

static uint64_t invalid_pc(unsigned index)
{
    uint64_t pc = 0;

    while (jump_cache_index(pc) == index) {
        pc += 4;
    }
    return pc;
}

static void slot_clear(struct jump_bank *b, unsigned index)
{
    __atomic_store_n(&b->entries[index].pc, invalid_pc(index), __ATOMIC_RELAXED);
    b->slot[index] = SLOT_EMPTY;
}

static void bank_flush(struct jump_bank *b, bool keep_global)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < b->log_count; i++) {
        unsigned index = b->log[i];

        if (keep_global && b->slot[index] == SLOT_GLOBAL) {
            b->log[kept++] = index;
        } else {
            slot_clear(b, index);
        }
    }
    b->log_count = kept;
}

bool jump_cache_create(struct cpu *cpu, struct error **err)
{
    size_t size = JUMP_CACHE_BANKS * sizeof(struct jump_bank) + PAGE_FILTER / 8;

    cpu->jump_banks = host_ram_alloc(size + sizeof(pthread_mutex_t), 0, err);
    if (!cpu->jump_banks) {
        return false;
    }
    pthread_mutex_init(lock_of(cpu), NULL);
    for (unsigned n = 0; n < JUMP_CACHE_BANKS; n++) {
        cpu->jump_banks[n].mode = ~0u;
        /* Zero is invalid everywhere else: pages stay untouched until they are used. */
        slot_clear(&cpu->jump_banks[n], jump_cache_index(0));
    }
    cpu_hot(cpu)->jump_cache = cpu->jump_banks;
    return true;
}

void jump_cache_forked(struct cpu *cpu)
{
    pthread_mutex_init(lock_of(cpu), NULL);
}

static struct jump_bank *current_bank(struct cpu *cpu)
{
    return cpu_hot(cpu)->jump_cache;
}

void jump_cache_add(struct cpu *cpu, uint64_t pc, const struct region *r)
{
    struct jump_bank *b = current_bank(cpu);
    unsigned index = jump_cache_index(pc);
    unsigned bit = filter_bit(cpu, pc + r->key.base);

    pthread_mutex_lock(lock_of(cpu));
    if (b->slot[index] == SLOT_EMPTY) {
        b->log[b->log_count++] = index;
    }
    b->slot[index] = r->global ? SLOT_GLOBAL : SLOT_USED;
    b->entries[index].host = region_buffer() + r->host;
    __atomic_store_n(&b->entries[index].pc, pc, __ATOMIC_RELEASE);
    page_filter(cpu)[bit / 64] |= 1ull << bit % 64;
    pthread_mutex_unlock(lock_of(cpu));
}

static void flush(struct cpu *cpu, bool keep_global)
{
    pthread_mutex_lock(lock_of(cpu));
    for (unsigned n = 0; n < JUMP_CACHE_BANKS; n++) {
        bank_flush(&cpu->jump_banks[n], keep_global);
    }
    if (!keep_global) {
        memset(page_filter(cpu), 0, PAGE_FILTER / 8);
    }
    pthread_mutex_unlock(lock_of(cpu));
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

/* A region may reach one page further than it starts, so the page before counts as well. */
void jump_cache_flush_page(struct cpu *cpu, uint64_t vaddr)
{
    uint64_t size = 1ull << cpu->target->page_bits, page = vaddr & -size;

    if (!filter_has(cpu, page) && !filter_has(cpu, page - size)) {
        return;
    }
    pthread_mutex_lock(lock_of(cpu));
    for (unsigned n = 0; n < JUMP_CACHE_BANKS; n++) {
        struct jump_bank *b = &cpu->jump_banks[n];
        unsigned kept = 0;

        for (unsigned i = 0; i < b->log_count; i++) {
            unsigned index = b->log[i];

            if (b->entries[index].pc + b->base - (page - size) < 2 * size) {
                slot_clear(b, index);
            } else {
                b->log[kept++] = index;
            }
        }
        b->log_count = kept;
    }
    pthread_mutex_unlock(lock_of(cpu));
}

/* Called by helpers that touch no vector register. */
__attribute__((target("general-regs-only"))) void jump_cache_select(struct cpu *cpu)
{
    struct jump_bank *banks = cpu->jump_banks, *oldest = banks;
    static uint32_t clock;
    struct code_key key;

    cpu->target->code_key(cpu, &key);
    for (unsigned n = 0; n < JUMP_CACHE_BANKS; n++) {
        if (banks[n].mode == key.mode && banks[n].base == key.base) {
            oldest = &banks[n];
            break;
        }
        if (banks[n].last_used < oldest->last_used) {
            oldest = &banks[n];
        }
    }
    if (oldest->mode != key.mode || oldest->base != key.base) {
        pthread_mutex_lock(lock_of(cpu));
        bank_flush(oldest, false);
        oldest->mode = key.mode;
        oldest->base = key.base;
        pthread_mutex_unlock(lock_of(cpu));
    }
    oldest->last_used = ++clock;
    cpu_hot(cpu)->jump_cache = oldest;
}

void jump_cache_drop(const struct region *r)
{
    unsigned index = jump_cache_index(r->key.pc);

    for (struct cpu *cpu = cpu_first(); cpu; cpu = cpu->next) {
        pthread_mutex_lock(lock_of(cpu));
        for (unsigned n = 0; n < JUMP_CACHE_BANKS; n++) {
            struct jump_bank *b = &cpu->jump_banks[n];

            /* The slot stays logged, as an empty entry that a flush clears once more. */
            if (b->slot[index] && b->entries[index].host == region_buffer() + r->host) {
                __atomic_store_n(&b->entries[index].pc, invalid_pc(index), __ATOMIC_RELAXED);
            }
        }
        pthread_mutex_unlock(lock_of(cpu));
    }
}
