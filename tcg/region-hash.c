/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finds regions by where their code lies in RAM and how it was decoded. Writers hold the lock of
 * the region cache, readers nothing: a bucket is a list that is whole at any time.
 *
 * Translated code calls region_refill() when its jump cache misses, with vector registers live.
 */
#pragma GCC target("general-regs-only")
#include "tcg/region.h"

#include <string.h>
#include "base/log.h"
#include "tcg/code.h"

enum { HASH_BITS = 18 };

static struct region *hash[1 << HASH_BITS];

static unsigned hash_of(uint64_t ram_addr, const struct code_key *key)
{
    uint64_t far = (ram_addr >> (HASH_BITS + 3) ^ key->pc >> 12 << 20 ^ (uint64_t)key->mode << 40) *
                   0x9e3779b97f4a7c15ull;

    return (ram_addr >> 3 ^ far >> (64 - HASH_BITS)) & ((1u << HASH_BITS) - 1);
}

static unsigned hash_of_region(const struct region *r)
{
    return hash_of(r->ram_page[0] + r->entry_offset, &r->key);
}

struct region *region_find(uint64_t ram_addr, const struct code_key *key, bool one_insn)
{
    struct region *r = __atomic_load_n(&hash[hash_of(ram_addr, key)], __ATOMIC_ACQUIRE);

    for (; r; r = __atomic_load_n(&r->hash_next, __ATOMIC_ACQUIRE)) {
        if (r->ram_page[0] + r->entry_offset == ram_addr && r->key.pc == key->pc &&
            r->key.base == key->base && r->key.mode == key->mode && r->one_insn == one_insn &&
            !region_is_dead(r)) {
            return r;
        }
    }
    return NULL;
}

/* --- ways into the middle: with the lock only ------------------------------------------------ */

enum { ENTRY_BITS = 15 };
static struct region_entry *entries[1 << ENTRY_BITS];

unsigned region_entry_offset(const struct region_entry *e)
{
    return (e->in->key.base + (e->pc & ~(uint64_t)the_target.pc_tag)) & (CODE_PAGE - 1);
}

static struct region_entry **entry_bucket(uint64_t ram_addr)
{
    return &entries[(ram_addr * 0x9e3779b97f4a7c15ull) >> (64 - ENTRY_BITS)];
}

const struct region_entry *region_entry_find(uint64_t ram_addr, const struct code_key *key)
{
    const struct region_entry *e = *entry_bucket(ram_addr);

    while (e && (e->pc != key->pc || e->in->key.base != key->base ||
                 e->in->key.mode != key->mode ||
                 e->in->ram_page[0] + region_entry_offset(e) != ram_addr)) {
        e = e->hash_next;
    }
    return e;
}

static void entries_add(struct region *r)
{
    for (unsigned i = 0; i < r->n_entries; i++) {
        struct region_entry *e = &r->entries[i];
        struct region_entry **bucket = entry_bucket(r->ram_page[0] + region_entry_offset(e));

        e->hash_next = *bucket;
        *bucket = e;
    }
}

static void entries_remove(struct region *r)
{
    for (unsigned i = 0; i < r->n_entries; i++) {
        struct region_entry *e = &r->entries[i];
        struct region_entry **at = entry_bucket(r->ram_page[0] + region_entry_offset(e));

        while (*at && *at != e) {
            at = &(*at)->hash_next;
        }
        if (*at) {
            *at = e->hash_next;
        }
    }
}

/* --- changing it ----------------------------------------------------------------------------- */

void region_hash_add(struct region *r)
{
    struct region **bucket = &hash[hash_of_region(r)];

    entries_add(r);

    r->hash_next = *bucket;
    __atomic_store_n(bucket, r, __ATOMIC_RELEASE);
}

void region_hash_remove(struct region *r)
{
    struct region **at = &hash[hash_of_region(r)];

    entries_remove(r);
    for (; *at; at = &(*at)->hash_next) {
        if (*at == r) {
            __atomic_store_n(at, r->hash_next, __ATOMIC_RELEASE);
            return;
        }
    }
}

void region_hash_clear(void)
{
    memset(hash, 0, sizeof(hash));
    memset(entries, 0, sizeof(entries));
}

/* Whether the execution loop must see every region, or this one. */
static bool loop_wanted(struct cpu *cpu)
{
    return cpu->one_insn || __atomic_load_n(&cpu_hot(cpu)->exit_req, __ATOMIC_RELAXED) ||
           log_enabled(LOG_NOCHAIN | LOG_EXEC | LOG_CPU);
}

static const void *find_and_add(struct cpu *cpu, const struct code_key *key)
{
    uint64_t lin = key->base + (key->pc & ~(uint64_t)cpu->target->pc_tag);
    struct code_place p;
    struct region *r;

    lin = cpu->target->word_bits == 32 ? (uint32_t)lin : lin;
    if (!code_find_cached(cpu, lin, &p) || !p.host) {
        return NULL;
    }
    r = region_find(p.ram_page + (lin - p.page), key, false);
    if (r && r->ram_page[1] != ~0ull) {
        bool known = code_find_cached(cpu, p.page + (1ull << cpu->target->page_bits), &p);

        r = known && p.host && p.ram_page == r->ram_page[1] ? r : NULL;
    }
    if (!r) {
        return NULL;
    }
    jump_cache_add(cpu, key->pc, r);
    return region_buffer() + r->host;
}

const void *region_refill(struct cpu *cpu)
{
    struct code_key key;

    if (loop_wanted(cpu)) {
        return NULL;
    }
    cpu->target->code_key(cpu, &key);
    return find_and_add(cpu, &key);
}

const void *region_quick(struct cpu *cpu)
{
    const void *host;
    struct code_key key;

    if (loop_wanted(cpu)) {
        return NULL;
    }
    cpu->target->code_key(cpu, &key);
    host = jump_cache_find(cpu, key.pc);
    return host ? host : find_and_add(cpu, &key);
}
