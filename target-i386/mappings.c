/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every page of the current address space, for the monitor: a walk without side effects. */
#include "target-i386/sys.h"

enum {
    PTE_P = 1, PTE_W = 2, PTE_U = 4, PTE_PWT = 8, PTE_PCD = 0x10, PTE_A = 0x20, PTE_D = 0x40,
    PTE_PS = 0x80, PTE_G = 0x100,
};
#define PTE_NX (1ull << 63)
#define PTE_ADDRESS 0xffffffffff000ull

struct mapping_walk {
    struct x86_env *env;
    void (*visit)(void *opaque, const struct cpu_mapping *mapping);
    void *opaque;
    unsigned entry_size;
};

static void describe(struct cpu_mapping *m, uint64_t entry)
{
    static const struct { uint64_t bit; char letter; } letters[] = {
        { PTE_NX, 'X' }, { PTE_G, 'G' }, { PTE_PS, 'P' }, { PTE_D, 'D' }, { PTE_A, 'A' },
        { PTE_PCD, 'C' }, { PTE_PWT, 'T' }, { PTE_U, 'U' }, { PTE_W, 'W' },
    };

    for (unsigned i = 0; i < sizeof(letters) / sizeof(letters[0]); i++) {
        m->flags[i] = entry & letters[i].bit ? letters[i].letter : '-';
    }
}

static void visit_leaf(const struct mapping_walk *w, uint64_t vaddr, unsigned shift,
                       uint64_t entry, uint64_t rights)
{
    uint64_t size = 1ull << shift;
    struct cpu_mapping m = {
        .vaddr = vaddr, .size = size, .user = rights & PTE_U, .write = rights & PTE_W,
        .paddr = entry & (w->entry_size == 8 ? PTE_ADDRESS : 0xfffff000) & ~(size - 1),
    };

    if (w->entry_size == 4 && shift == 22) {
        m.paddr |= (entry >> 13 & 0xff) << 32;          /* PSE-36 */
    }
    describe(&m, shift == 12 ? entry & ~(uint64_t)PTE_PS : entry);
    w->visit(w->opaque, &m);
}

/* Whether an entry above the last level maps a large page. */
static bool is_large(const struct mapping_walk *w, unsigned shift, uint64_t entry)
{
    if (!(entry & PTE_PS)) {
        return false;
    }
    if (w->entry_size == 4) {
        return w->env->cr[4] & CR4_PSE;
    }
    return shift == 21 || (shift == 30 && x86_long_mode(w->env));
}

static void walk_table(const struct mapping_walk *w, uint64_t table, uint64_t vaddr, unsigned shift,
                       unsigned index_bits, uint64_t rights)
{
    unsigned below = w->entry_size == 8 ? 9 : 10;

    for (uint64_t i = 0; i < 1ull << index_bits; i++) {
        uint64_t entry = x86_read_phys(w->env, table + i * w->entry_size, w->entry_size);
        uint64_t at = vaddr | i << shift, allowed = rights;

        if (!(entry & PTE_P)) {
            continue;
        }
        if (shift == 39) {
            at = (uint64_t)((int64_t)(at << 16) >> 16);
        }
        /* PAE's four pointers hold no rights. */
        if (shift != 30 || x86_long_mode(w->env)) {
            allowed &= entry;
        }
        if (shift == 12 || is_large(w, shift, entry)) {
            visit_leaf(w, at, shift, entry, allowed);
        } else {
            walk_table(w, entry & (w->entry_size == 8 ? PTE_ADDRESS : 0xfffff000), at,
                       shift - below, below, allowed);
        }
    }
}

void x86_walk_mappings(struct cpu *cpu, void (*visit)(void *opaque, const struct cpu_mapping *),
                       void *opaque)
{
    struct x86_env *env = x86_env(cpu);
    struct mapping_walk w = {
        .env = env, .visit = visit, .opaque = opaque,
        .entry_size = env->cr[4] & CR4_PAE ? 8 : 4,
    };

    if (!(env->cr[0] & CR0_PG)) {
        return;
    }
    if (x86_long_mode(env)) {
        walk_table(&w, env->cr[3] & PTE_ADDRESS, 0, 39, 9, PTE_W | PTE_U);
    } else if (w.entry_size == 8) {
        walk_table(&w, env->cr[3] & 0xffffffe0, 0, 30, 2, PTE_W | PTE_U);
    } else {
        walk_table(&w, env->cr[3] & 0xfffff000, 0, 22, 10, PTE_W | PTE_U);
    }
}
