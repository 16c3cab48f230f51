/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The functions of tcg/softmmu.h in user mode: plain accesses to host memory. What is not there
 * faults on the host, whose signal handler raises the guest's fault. Memory of mmu index 0 is the
 * process's; others reach the processor's own tables, at host addresses.
 */
#include "tcg/softmmu.h"

#include <string.h>
#include "base/bits.h"
#include "tcg/ir.h"
#include "tcg/user/user.h"

uint64_t user_base;

static uint8_t *host_of(void *env, uint64_t addr, unsigned idx)
{
    if (env_cpu(env)->target->word_bits == 32 && idx == 0) {
        addr = (uint32_t)addr;
    }
    return (uint8_t *)(uintptr_t)(addr + (idx == 0 ? user_base : 0));
}

static uint8_t *host_of_op(void *env, uint64_t addr, uint32_t memop)
{
    return host_of(env, memop & MO_ADDR32 ? (uint32_t)addr : addr, MO_IDX(memop));
}

uint64_t softmmu_load(void *env, uint64_t addr, uint32_t memop)
{
    unsigned size = 1u << (memop & MO_SIZE);
    uint64_t value = ld_le(host_of_op(env, addr, memop), size);

    if (memop & MO_BE) {
        value = bits_bswap(value, size);
    }
    return memop & MO_SIGN ? (uint64_t)bits_sign_extend(value, size * 8) : value;
}

void softmmu_store(void *env, uint64_t addr, uint64_t value, uint32_t memop)
{
    unsigned size = 1u << (memop & MO_SIZE);
    uint8_t *p = host_of_op(env, addr, memop);

    if (memop & MO_BE) {
        value = bits_bswap(value, size);
    }
    switch (size) {
    case 1: st8(p, value); break;
    case 2: st16_le(p, value); break;
    case 4: st32_le(p, value); break;
    default: st64_le(p, value); break;
    }
}

void softmmu_load16(void *env, uint64_t addr, void *dest, uint32_t memop)
{
    memcpy(dest, host_of_op(env, addr, memop), 16);
}

void softmmu_store16(void *env, uint64_t addr, const void *src, uint32_t memop)
{
    memcpy(host_of_op(env, addr, memop), src, 16);
}

void *softmmu_atomic(void *env, uint64_t addr, uint32_t memop)
{
    return host_of_op(env, addr, memop);
}

/* --- for helpers ----------------------------------------------------------------------------- */

uint8_t cpu_ldub(void *env, uint64_t addr, unsigned idx)
{
    return ld8(host_of(env, addr, idx));
}

uint16_t cpu_lduw(void *env, uint64_t addr, unsigned idx)
{
    return ld16_le(host_of(env, addr, idx));
}

uint32_t cpu_ldl(void *env, uint64_t addr, unsigned idx)
{
    return ld32_le(host_of(env, addr, idx));
}

uint64_t cpu_ldq(void *env, uint64_t addr, unsigned idx)
{
    return ld64_le(host_of(env, addr, idx));
}

void cpu_stb(void *env, uint64_t addr, uint8_t v, unsigned idx)
{
    st8(host_of(env, addr, idx), v);
}

void cpu_stw(void *env, uint64_t addr, uint16_t v, unsigned idx)
{
    st16_le(host_of(env, addr, idx), v);
}

void cpu_stl(void *env, uint64_t addr, uint32_t v, unsigned idx)
{
    st32_le(host_of(env, addr, idx), v);
}

void cpu_stq(void *env, uint64_t addr, uint64_t v, unsigned idx)
{
    st64_le(host_of(env, addr, idx), v);
}

/* Faults now if the byte cannot be accessed so. */
static void touch(uint8_t *p, enum mmu_access access)
{
    if (access == MMU_WRITE) {
        __atomic_fetch_or(p, 0, __ATOMIC_RELAXED);
    } else {
        (void)__atomic_load_n(p, __ATOMIC_RELAXED);
    }
}

void *cpu_ram_ptr(void *env, uint64_t addr, unsigned len, enum mmu_access access, unsigned idx)
{
    uint64_t page = 1ull << env_cpu(env)->target->page_bits;
    uint8_t *p = host_of(env, addr, idx);

    if (len == 0 || (addr & (page - 1)) + len > page) {
        return NULL;
    }
    touch(p, access);
    return p;
}

void *cpu_ram_store_begin(void *env, uint64_t addr, unsigned len, unsigned idx,
                          struct ram_store *store)
{
    store->len = 0;
    return cpu_ram_ptr(env, addr, len, MMU_WRITE, idx);
}

void cpu_ram_store_end(void *env, const struct ram_store *store)
{
}

/* A fault in the middle would have to be exact. */
void *cpu_ram_quick(void *env, uint64_t addr, unsigned len, unsigned idx, bool write)
{
    return NULL;
}

void cpu_probe(void *env, uint64_t addr, unsigned len, enum mmu_access access, unsigned idx)
{
    touch(host_of(env, addr, idx), access);
    touch(host_of(env, addr + len - 1, idx), access);
}

/* --- nothing is cached, and there are no hardware watchpoints -------------------------------- */

void tlb_flush(struct cpu *cpu)
{
}

void tlb_flush_asid(struct cpu *cpu)
{
}

void tlb_flush_page(struct cpu *cpu, uint64_t vaddr)
{
}

bool watchpoint_insert(struct cpu *cpu, uint64_t vaddr, unsigned len, bool read, bool write)
{
    return false;
}

void watchpoint_remove_all(struct cpu *cpu)
{
}
