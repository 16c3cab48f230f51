/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The slow paths of guest memory access: what translated code and helpers call. */
#include "tcg/softmmu.h"

#include <string.h>
#include "base/bits.h"
#include "cpu-debug.h"
#include "hw/core/memory.h"
#include "tcg/code-pages.h"
#include "tcg/ir.h"
#include "tcg/region.h"
#include "tcg/tlb.h"

static unsigned page_size(struct cpu *cpu)
{
    return 1u << cpu->target->page_bits;
}

static bool crosses_page(struct cpu *cpu, uint64_t addr, unsigned size)
{
    return (addr & (page_size(cpu) - 1)) + size > page_size(cpu);
}

/* The first byte of the page that a crossing access ends in: what a fault there reports. */
static uint64_t second_page(struct cpu *cpu, uint64_t addr, unsigned size)
{
    uint64_t last = (addr + size - 1) & tlb_page_mask(cpu);

    return cpu->target->word_bits == 32 ? (uint32_t)last : last;
}

static uint64_t wrap(struct cpu *cpu, uint64_t addr, uint32_t memop)
{
    return cpu->target->word_bits == 32 || (memop & MO_ADDR32) ? (uint32_t)addr : addr;
}

static bool is_watching(const struct cpu *cpu)
{
    return cpu->tlb->watch_count || cpu_watchpoint_count;
}

/*
 * Before an access that a watchpoint looks at: it is a trap that must come right after this guest
 * instruction, so the instruction is done alone.
 */
static void check_watchpoints(struct cpu *cpu, uint64_t addr, unsigned size, bool write)
{
    struct tlb_cold *tlb = cpu->tlb;

    cpu_debug_access_check(cpu, addr, size, write);
    for (unsigned i = 0; i < tlb->watch_count; i++) {
        const struct watchpoint *w = &tlb->watch[i];

        if ((write ? w->write : w->read) && w->addr < addr + size && addr < w->addr + w->len) {
            if (!cpu->one_insn && cpu_hot(cpu)->ra) {
                cpu->one_insn = true;
                cpu_loop_exit(cpu);
            }
            cpu->target->debug_exception(cpu, addr, size, write);
            return;
        }
    }
}

/* A store that changes the region it is in: do this instruction alone, then look anew. */
static void check_own_code(struct cpu *cpu, uint64_t ram_addr, unsigned size)
{
    if ((memory_watch[ram_addr >> MEMORY_PAGE_BITS] & DIRTY_CODE) && !cpu->one_insn &&
        code_page_touches(ram_addr, size) && region_overlaps(cpu, ram_addr, size)) {
        cpu->one_insn = true;
        cpu_loop_exit(cpu);
    }
}

/* After stores to a watched page: who watches it sets its byte, then reads. */
static void note_store(struct cpu *cpu, uint64_t ram_addr, unsigned size)
{
    uint8_t watch;

    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    watch = memory_watch[ram_addr >> MEMORY_PAGE_BITS];
    if ((watch & DIRTY_CODE) && code_page_touches(ram_addr, size)) {
        region_invalidate_ram(ram_addr, size);
    }
    if (watch & ~DIRTY_CODE) {
        memory_dirty_set(ram_addr, size, watch & ~DIRTY_CODE);
    }
}

/*
 * Where the bytes of an access within one page are, NULL for a device; faults raised. *page is what
 * was found there, NULL when the first level knew.
 */
static uint8_t *host_of(struct cpu *cpu, uint64_t addr, unsigned size, enum mmu_access access,
                        unsigned idx, struct tlb_page **page)
{
    bool write = access == MMU_WRITE;
    uint8_t *host = tlb_direct(cpu, addr, size, idx, write);
    struct tlb_page *p;
    uint64_t offset;

    *page = NULL;
    if (host) {
        return host;
    }
    p = tlb_page(cpu, addr, access, idx, false);
    if (unlikely(is_watching(cpu)) && access != MMU_FETCH) {
        check_watchpoints(cpu, addr, size, write);
    }
    *page = p;
    if (!p->host || (write && !p->writable)) {
        return NULL;
    }
    offset = addr - p->vpage;
    if (write) {
        check_own_code(cpu, p->ram_addr + offset, size);
    }
    tlb_install(cpu, p, write);
    return p->host + offset;
}

static uint64_t device_load(struct cpu *cpu, const struct tlb_page *p, uint64_t addr, unsigned size)
{
    uint64_t offset = addr & (page_size(cpu) - 1), value = ~0ull;

    if (p->region) {
        memory_region_ld(p->region, p->offset + offset, size, ENDIAN_LITTLE, &value);
    } else {
        address_space_ld(cpu->memory, p->paddr + offset, size, ENDIAN_LITTLE, &value);
    }
    return value;
}

static void device_store(struct cpu *cpu, const struct tlb_page *p, uint64_t addr, uint64_t value,
                         unsigned size)
{
    uint64_t offset = addr & (page_size(cpu) - 1);

    if (p->rom) {
        return;
    }
    if (p->region) {
        memory_region_st(p->region, p->offset + offset, size, ENDIAN_LITTLE, value);
    } else {
        address_space_st(cpu->memory, p->paddr + offset, size, ENDIAN_LITTLE, value);
    }
}

/* Bytes of guest memory, little end first; any crossing. */
static uint64_t load(struct cpu *cpu, uint64_t addr, unsigned size, unsigned idx)
{
    struct tlb_page *p;
    uint64_t value = 0;
    uint8_t *host;

    if (unlikely(crosses_page(cpu, addr, size))) {
        for (unsigned i = 0; i < size; i++) {
            value |= load(cpu, wrap(cpu, addr + i, 0), 1, idx) << 8 * i;
        }
        return value;
    }
    host = host_of(cpu, addr, size, MMU_READ, idx, &p);
    return host ? ld_le(host, size) : device_load(cpu, p, addr, size);
}

static void store(struct cpu *cpu, uint64_t addr, uint64_t value, unsigned size, unsigned idx)
{
    struct tlb_page *page;
    uint8_t *host;

    if (unlikely(crosses_page(cpu, addr, size))) {
        /* Fault on either page before anything is written. */
        tlb_page(cpu, addr, MMU_WRITE, idx, false);
        tlb_page(cpu, second_page(cpu, addr, size), MMU_WRITE, idx, false);
        for (unsigned i = 0; i < size; i++) {
            store(cpu, wrap(cpu, addr + i, 0), value >> 8 * i & 0xff, 1, idx);
        }
        return;
    }
    host = host_of(cpu, addr, size, MMU_WRITE, idx, &page);
    if (!host) {
        device_store(cpu, page, addr, value, size);
        return;
    }
    switch (size) {
    case 1: st8(host, value); break;
    case 2: st16_le(host, value); break;
    case 4: st32_le(host, value); break;
    default: st64_le(host, value); break;
    }
    if (page) {
        note_store(cpu, page->ram_addr + (addr - page->vpage), size);
    }
}

static void check_alignment(struct cpu *cpu, uint64_t addr, uint32_t memop, bool write)
{
    unsigned size = 1u << (memop & MO_SIZE);

    if ((memop & MO_ALIGN) && (addr & (size - 1))) {
        cpu->target->misaligned(cpu, addr, size, write ? MMU_WRITE : MMU_READ, MO_IDX(memop));
    }
}

uint64_t softmmu_load(void *env, uint64_t addr, uint32_t memop)
{
    struct cpu *cpu = env_cpu(env);
    unsigned size = 1u << (memop & MO_SIZE);
    uint64_t value;

    addr = wrap(cpu, addr, memop);
    check_alignment(cpu, addr, memop, false);
    if (memop & MO_WRITE_INTENT) {
        cpu_probe(env, addr, size, MMU_WRITE, MO_IDX(memop));
    }
    value = load(cpu, addr, size, MO_IDX(memop));
    if (memop & MO_BE) {
        value = bits_bswap(value, size);
    }
    return memop & MO_SIGN ? (uint64_t)bits_sign_extend(value, size * 8) : value;
}

void softmmu_store(void *env, uint64_t addr, uint64_t value, uint32_t memop)
{
    struct cpu *cpu = env_cpu(env);
    unsigned size = 1u << (memop & MO_SIZE);

    addr = wrap(cpu, addr, memop);
    check_alignment(cpu, addr, memop, true);
    store(cpu, addr, memop & MO_BE ? bits_bswap(value, size) : value, size, MO_IDX(memop));
}

void softmmu_load16(void *env, uint64_t addr, void *dest, uint32_t memop)
{
    struct cpu *cpu = env_cpu(env);
    uint64_t half[2];

    addr = wrap(cpu, addr, memop);
    check_alignment(cpu, addr, memop, false);
    half[0] = load(cpu, addr, 8, MO_IDX(memop));
    half[1] = load(cpu, wrap(cpu, addr + 8, memop), 8, MO_IDX(memop));
    memcpy(dest, half, 16);
}

void softmmu_store16(void *env, uint64_t addr, const void *src, uint32_t memop)
{
    struct cpu *cpu = env_cpu(env);
    uint64_t half[2];

    addr = wrap(cpu, addr, memop);
    check_alignment(cpu, addr, memop, true);
    if (crosses_page(cpu, addr, 16)) {
        tlb_page(cpu, addr, MMU_WRITE, MO_IDX(memop), false);
        tlb_page(cpu, second_page(cpu, addr, 16), MMU_WRITE, MO_IDX(memop), false);
    }
    memcpy(half, src, 16);
    store(cpu, addr, half[0], 8, MO_IDX(memop));
    store(cpu, wrap(cpu, addr + 8, memop), half[1], 8, MO_IDX(memop));
}

void *softmmu_atomic(void *env, uint64_t addr, uint32_t memop)
{
    struct cpu *cpu = env_cpu(env);
    unsigned size = 1u << (memop & MO_SIZE);
    struct tlb_page *page;
    uint8_t *host;

    addr = wrap(cpu, addr, memop);
    check_alignment(cpu, addr, memop, true);
    if (crosses_page(cpu, addr, size)) {
        cpu_probe(env, addr, size, MMU_WRITE, MO_IDX(memop));
        return NULL;
    }
    if (unlikely(is_watching(cpu))) {
        tlb_page(cpu, addr, MMU_WRITE, MO_IDX(memop), false);
        check_watchpoints(cpu, addr, size, false);
    }
    host = host_of(cpu, addr, size, MMU_WRITE, MO_IDX(memop), &page);
    if (host && page) {
        note_store(cpu, page->ram_addr + (addr - page->vpage), size);
    }
    return host;
}

/* --- for helpers ----------------------------------------------------------------------------- */

#define DIRECT(size, idx, write) tlb_direct(env_cpu(env), addr, size, idx, write)

uint8_t cpu_ldub(void *env, uint64_t addr, unsigned idx)
{
    const void *p = DIRECT(1, idx, false);

    return likely(p) ? ld8(p) : softmmu_load(env, addr, MO_8 | idx << MO_IDX_SHIFT);
}

uint16_t cpu_lduw(void *env, uint64_t addr, unsigned idx)
{
    const void *p = DIRECT(2, idx, false);

    return likely(p) ? ld16_le(p) : softmmu_load(env, addr, MO_16 | idx << MO_IDX_SHIFT);
}

uint32_t cpu_ldl(void *env, uint64_t addr, unsigned idx)
{
    const void *p = DIRECT(4, idx, false);

    return likely(p) ? ld32_le(p) : softmmu_load(env, addr, MO_32 | idx << MO_IDX_SHIFT);
}

uint64_t cpu_ldq(void *env, uint64_t addr, unsigned idx)
{
    const void *p = DIRECT(8, idx, false);

    return likely(p) ? ld64_le(p) : softmmu_load(env, addr, MO_64 | idx << MO_IDX_SHIFT);
}

void cpu_stb(void *env, uint64_t addr, uint8_t v, unsigned idx)
{
    void *p = DIRECT(1, idx, true);

    if (likely(p)) {
        st8(p, v);
    } else {
        softmmu_store(env, addr, v, MO_8 | idx << MO_IDX_SHIFT);
    }
}

void cpu_stw(void *env, uint64_t addr, uint16_t v, unsigned idx)
{
    void *p = DIRECT(2, idx, true);

    if (likely(p)) {
        st16_le(p, v);
    } else {
        softmmu_store(env, addr, v, MO_16 | idx << MO_IDX_SHIFT);
    }
}

void cpu_stl(void *env, uint64_t addr, uint32_t v, unsigned idx)
{
    void *p = DIRECT(4, idx, true);

    if (likely(p)) {
        st32_le(p, v);
    } else {
        softmmu_store(env, addr, v, MO_32 | idx << MO_IDX_SHIFT);
    }
}

void cpu_stq(void *env, uint64_t addr, uint64_t v, unsigned idx)
{
    void *p = DIRECT(8, idx, true);

    if (likely(p)) {
        st64_le(p, v);
    } else {
        softmmu_store(env, addr, v, MO_64 | idx << MO_IDX_SHIFT);
    }
}

void *cpu_ram_quick(void *env, uint64_t addr, unsigned len, unsigned idx, bool write)
{
    return tlb_direct(env_cpu(env), addr, len, idx, write);
}

void *cpu_ram_ptr(void *env, uint64_t addr, unsigned len, enum mmu_access access, unsigned idx)
{
    struct cpu *cpu = env_cpu(env);
    struct tlb_page *p;
    uint8_t *host;

    addr = wrap(cpu, addr, 0);
    if (len == 0 || crosses_page(cpu, addr, len)) {
        return NULL;
    }
    host = access == MMU_FETCH ? NULL : tlb_direct(cpu, addr, len, idx, access == MMU_WRITE);
    if (host) {
        return host;
    }
    p = tlb_page(cpu, addr, access, idx, false);
    if (!p->host || is_watching(cpu) || (access == MMU_WRITE &&
        (!p->writable || memory_watch[p->ram_addr >> MEMORY_PAGE_BITS]))) {
        return NULL;
    }
    if (access != MMU_FETCH) {
        tlb_install(cpu, p, access == MMU_WRITE);
    }
    return p->host + (addr - p->vpage);
}

void *cpu_ram_store_begin(void *env, uint64_t addr, unsigned len, unsigned idx,
                          struct ram_store *store)
{
    struct cpu *cpu = env_cpu(env);
    uint8_t *host = cpu_ram_ptr(env, addr, len, MMU_WRITE, idx);
    struct tlb_page *p;

    store->len = 0;
    addr = wrap(cpu, addr, 0);
    if (host || len == 0 || crosses_page(cpu, addr, len) || is_watching(cpu)) {
        return host;
    }
    p = tlb_page(cpu, addr, MMU_WRITE, idx, false);
    store->ram_addr = p->ram_addr + (addr - p->vpage);
    if (!p->host || !p->writable || region_overlaps(cpu, store->ram_addr, len)) {
        return NULL;
    }
    store->len = len;
    return p->host + (addr - p->vpage);
}

void cpu_ram_store_end(void *env, const struct ram_store *store)
{
    if (store->len) {
        note_store(env_cpu(env), store->ram_addr, store->len);
    }
}

void cpu_probe(void *env, uint64_t addr, unsigned len, enum mmu_access access, unsigned idx)
{
    struct cpu *cpu = env_cpu(env);

    addr = wrap(cpu, addr, 0);
    tlb_page(cpu, addr, access, idx, false);
    if (crosses_page(cpu, addr, len)) {
        tlb_page(cpu, second_page(cpu, addr, len), access, idx, false);
    }
}
