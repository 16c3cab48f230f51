/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The functions of tcg/softmmu.h in user mode: plain accesses to host memory. What is not there
 * faults on the host, whose signal handler raises the guest's fault. Memory of mmu index 0 is the
 * process's; others reach the processor's own tables, at host addresses.
 */
#include "tcg/softmmu.h"

#include <string.h>
#include "base/bits.h"
#include "cpu-debug.h"
#include "tcg/ir.h"
#include "tcg/user/user.h"

uint64_t user_base;

/* Where these bytes are; stops at a debugger's watchpoint. */
static uint8_t *host_of(void *env, uint64_t addr, unsigned size, unsigned idx, bool write)
{
    if (env_cpu(env)->target->word_bits == 32 && idx == 0) {
        addr = (uint32_t)addr;
    }
    if (unlikely(cpu_debug_watched(env_cpu(env))) && idx == 0 && size) {
        cpu_debug_access_check(env_cpu(env), addr, size, write);
    }
    return (uint8_t *)(uintptr_t)(addr + (idx == 0 ? user_base : 0));
}

static uint8_t *host_of_op(void *env, uint64_t addr, unsigned size, uint32_t memop, bool write)
{
    return host_of(env, memop & MO_ADDR32 ? (uint32_t)addr : addr, size, MO_IDX(memop), write);
}

uint64_t softmmu_load(void *env, uint64_t addr, uint32_t memop)
{
    unsigned size = 1u << (memop & MO_SIZE);
    uint64_t value = ld_le(host_of_op(env, addr, size, memop, false), size);

    if (memop & MO_BE) {
        value = bits_bswap(value, size);
    }
    return memop & MO_SIGN ? (uint64_t)bits_sign_extend(value, size * 8) : value;
}

void softmmu_store(void *env, uint64_t addr, uint64_t value, uint32_t memop)
{
    unsigned size = 1u << (memop & MO_SIZE);
    uint8_t *p = host_of_op(env, addr, size, memop, true);

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
    memcpy(dest, host_of_op(env, addr, 16, memop, false), 16);
}

void softmmu_store16(void *env, uint64_t addr, const void *src, uint32_t memop)
{
    memcpy(host_of_op(env, addr, 16, memop, true), src, 16);
}

void *softmmu_atomic(void *env, uint64_t addr, uint32_t memop)
{
    return host_of_op(env, addr, 1u << (memop & MO_SIZE), memop, true);
}

/* --- for helpers ----------------------------------------------------------------------------- */

uint8_t cpu_ldub(void *env, uint64_t addr, unsigned idx)
{
    return ld8(host_of(env, addr, 1, idx, false));
}

uint16_t cpu_lduw(void *env, uint64_t addr, unsigned idx)
{
    return ld16_le(host_of(env, addr, 2, idx, false));
}

uint32_t cpu_ldl(void *env, uint64_t addr, unsigned idx)
{
    return ld32_le(host_of(env, addr, 4, idx, false));
}

uint64_t cpu_ldq(void *env, uint64_t addr, unsigned idx)
{
    return ld64_le(host_of(env, addr, 8, idx, false));
}

void cpu_stb(void *env, uint64_t addr, uint8_t v, unsigned idx)
{
    st8(host_of(env, addr, 1, idx, true), v);
}

void cpu_stw(void *env, uint64_t addr, uint16_t v, unsigned idx)
{
    st16_le(host_of(env, addr, 2, idx, true), v);
}

void cpu_stl(void *env, uint64_t addr, uint32_t v, unsigned idx)
{
    st32_le(host_of(env, addr, 4, idx, true), v);
}

void cpu_stq(void *env, uint64_t addr, uint64_t v, unsigned idx)
{
    st64_le(host_of(env, addr, 8, idx, true), v);
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
    uint8_t *p = host_of(env, addr, 0, idx, false);

    if (len == 0 || cpu_debug_watched(env_cpu(env)) || (addr & (page - 1)) + len > page) {
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
    touch(host_of(env, addr, 0, idx, false), access);
    touch(host_of(env, addr + len - 1, 0, idx, false), access);
}

/* --- nothing is cached; translated code asks for watchpoints while there are any -------------- */

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
    cpu->debug.guest_watches++;
    return true;
}

void watchpoint_remove_all(struct cpu *cpu)
{
    cpu->debug.guest_watches = 0;
}

void tlb_flush_for_watch(struct cpu *cpu)
{
}
