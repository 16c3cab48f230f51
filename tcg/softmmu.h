/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Guest memory as translated code and helpers see it: translation by TLBs at constant offsets
 * below env, RAM in place, everything else through the address space.
 *
 * 64-bit guests: per mmu index and R/W a direct-mapped table of {tag, addend}; the entry of an
 * address is (addr >> page_bits) mod TLB_ENTRIES. tag is the page address, with low bits set that
 * no masked address has when the page needs the slow path. host = addr + addend.
 * 32-bit guests: per mmu index and R/W a flat table of 2^(32 - page_bits) addends of 8 bytes; an
 * entry is valid when it is > 0 as a signed number (untouched zero pages mean "slow path").
 */
#ifndef TCG_SOFTMMU_H
#define TCG_SOFTMMU_H

#include <stdint.h>
#include "cpu-exec.h"

enum { TLB_BITS = 10, TLB_ENTRIES = 1 << TLB_BITS, TLB_MAX_IDX = 4 };

struct tlb_entry {
    uint64_t tag;
    uintptr_t addend;
};

/* Byte offset from env (negative) of the table for mmu index and direction. */
static inline int32_t tlb_table_offset(const struct target *t, unsigned mmu_idx, bool write)
{
    int32_t size = t->word_bits == 64 ? (int32_t)(TLB_ENTRIES * sizeof(struct tlb_entry))
                                      : (int32_t)(8u << (32 - t->page_bits));
    return -size * (int32_t)(2 * mmu_idx + write + 1);
}

/* Slow paths of translated code; memop as in tcg/ir.h. */
uint64_t softmmu_load(void *env, uint64_t addr, uint32_t memop);
void softmmu_store(void *env, uint64_t addr, uint64_t value, uint32_t memop);
void softmmu_load16(void *env, uint64_t addr, void *dest, uint32_t memop);
void softmmu_store16(void *env, uint64_t addr, const void *src, uint32_t memop);
/* A host pointer for an atomic of 1..16 bytes, writable RAM, faults raised; NULL when the access
   is not plain RAM or crosses a page (the caller then serialises). Drops translated code there. */
void *softmmu_atomic(void *env, uint64_t addr, uint32_t memop);

/* For helpers and interrupt delivery: typed access through the TLB; faults leave by cpu_raise(). */
uint8_t cpu_ldub(void *env, uint64_t addr, unsigned mmu_idx);
uint16_t cpu_lduw(void *env, uint64_t addr, unsigned mmu_idx);
uint32_t cpu_ldl(void *env, uint64_t addr, unsigned mmu_idx);
uint64_t cpu_ldq(void *env, uint64_t addr, unsigned mmu_idx);
void cpu_stb(void *env, uint64_t addr, uint8_t v, unsigned mmu_idx);
void cpu_stw(void *env, uint64_t addr, uint16_t v, unsigned mmu_idx);
void cpu_stl(void *env, uint64_t addr, uint32_t v, unsigned mmu_idx);
void cpu_stq(void *env, uint64_t addr, uint64_t v, unsigned mmu_idx);
/* Host pointer to [addr, addr+len) if it lies in one page of plain RAM that allows the access and
   (write) holds no code; else NULL. Raises the guest's fault when the page is not accessible. */
void *cpu_ram_ptr(void *env, uint64_t addr, unsigned len, enum mmu_access access, unsigned mmu_idx);
/*
 * The same for stores, also to a page that holds code, unless that code runs now: `end' tells those
 * who watch the page what was stored.
 */
struct ram_store {
    uint64_t ram_addr;
    unsigned len;                   /* 0: nobody watches */
};
void *cpu_ram_store_begin(void *env, uint64_t addr, unsigned len, unsigned idx,
                          struct ram_store *store);
void cpu_ram_store_end(void *env, const struct ram_store *store);
/* The same if no question is open; never faults. */
void *cpu_ram_quick(void *env, uint64_t addr, unsigned len, unsigned idx, bool write);
/* Raises the fault now if [addr, addr+len) could not be accessed. */
void cpu_probe(void *env, uint64_t addr, unsigned len, enum mmu_access access, unsigned mmu_idx);

void tlb_flush(struct cpu *cpu);                    /* everything */
void tlb_flush_asid(struct cpu *cpu);               /* all but global pages */
void tlb_flush_page(struct cpu *cpu, uint64_t vaddr);
/* Guest watchpoints (x86 DR0-3): accesses that overlap call target->debug_exception. */
bool watchpoint_insert(struct cpu *cpu, uint64_t vaddr, unsigned len, bool read, bool write);
void watchpoint_remove_all(struct cpu *cpu);
/* The debugger's watchpoints have changed: accesses must find out anew what is watched. */
void tlb_flush_for_watch(struct cpu *cpu);

#endif
