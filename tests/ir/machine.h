/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A tiny guest for backend tests: registers, a soft MMU over one array of guest RAM (the upper half
 * of which always takes the slow path), and helpers that check env against what a test expects.
 */
#ifndef TESTS_IR_MACHINE_H
#define TESTS_IR_MACHINE_H

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "cpu-exec.h"
#include "tcg/backend.h"
#include "tcg/build.h"
#include "tcg/softmmu.h"
#include "tcg/x86_64/compile.h"
#include "tests/tap.h"

enum { N_REGS = 14, N_WORDS = 2, N_LAZY = 4, N_XMM = 16, N_HALVES = 6 };
enum { G_REG = 0, G_WORD = G_REG + N_REGS, G_LAZY = G_WORD + N_WORDS, G_PC = G_LAZY + N_LAZY,
       G_XMM, G_HALF = G_XMM + N_XMM, G_COUNT = G_HALF + N_HALVES };
enum { RAM_BASE = 0x10000, RAM_SIZE = 0x10000, RAM_SLOW = RAM_BASE + RAM_SIZE / 2,
       CODE_SIZE = 8 << 20, PAGE = 4096, LAZY_MASK = ((1 << N_LAZY) - 1) };

struct env {
    struct cpu_hot hot;
    uint64_t regs[N_REGS];
    uint32_t words[N_WORDS];
    uint64_t lazy[N_LAZY];          /* the first is an I32 global */
    uint64_t pc;
    uint8_t xmm[N_XMM][16] __attribute__((aligned(16)));
    uint64_t half[N_HALVES] __attribute__((aligned(16)));       /* 0, 1 and 3 are pinned */
    uint32_t mxcsr;
    uint64_t plain[8];              /* no globals: envld, envst */
};

struct machine {
    struct env *env;
    struct cpu cpu;
    struct ir *ir;
    uint8_t *code, *ram;
    size_t code_start;
    struct region region;
    struct region_exit exits[REGION_MAX_EXITS];
    struct region_exit *slot;
    struct compiled out;
    struct code_key key;
    sigjmp_buf jump;                /* helpers that raise */
    uint64_t guest_ram;             /* softmmu calls seen */
    void (*at_slow)(uint64_t addr); /* called by the slow paths first */
};
static struct machine m;

static struct ir_global machine_globals[G_COUNT];
static struct target machine_target;
unsigned jump_cache_bits = 13;
bool region_memory_alone;
static struct jump_entry machine_cache[1 << JUMP_CACHE_MAX_BITS];

static void machine_declare(void)
{
    static char names[G_COUNT][8];

    for (unsigned g = 0; g < G_COUNT; g++) {
        struct ir_global *d = &machine_globals[g];

        snprintf(names[g], sizeof(names[g]), "g%u", g);
        d->name = names[g];
        d->type = I64;
        d->kind = IR_PRECISE;
        if (g < G_WORD) {
            d->offset = offsetof(struct env, regs) + 8 * g;
            d->priority = 100 - g;
        } else if (g < G_LAZY) {
            d->type = I32;
            d->offset = offsetof(struct env, words) + 4 * (g - G_WORD);
            d->priority = g == G_WORD ? 95 : 0;
        } else if (g < G_PC) {
            d->type = g == G_LAZY ? I32 : I64;
            d->kind = IR_DEFERRABLE;
            d->offset = offsetof(struct env, lazy) + 8 * (g - G_LAZY);
        } else if (g == G_PC) {
            d->offset = offsetof(struct env, pc);
        } else if (g >= G_HALF) {
            d->type = F64;
            d->priority = 11 >> (g - G_HALF) & 1 ? 60 : 0;
            d->offset = offsetof(struct env, half) + 8 * (g - G_HALF);
        } else {
            d->type = V128;
            d->priority = 50;
            d->offset = offsetof(struct env, xmm) + 16 * (g - G_XMM);
        }
    }
}

static unsigned fixes;

/* Of vflush; an answer that no computation gives. */
static void machine_vf_fix(void *env, void *a, const void *b, uint64_t op)
{
    uint32_t v[4];

    fixes++;
    memcpy(v, a, 16);
    for (unsigned i = 0; i < 4; i++) {
        v[i] ^= (uint32_t)op + i;
    }
    memcpy(a, v, 16);
}

static void machine_init(unsigned word_bits, const struct ir_helper *helpers, unsigned n_helpers)
{
    size_t below = word_bits == 64 ? 1 << 20 : (size_t)64 << 20;
    uint8_t *block = mmap(NULL, below + (1 << 20), PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    machine_declare();
    machine_target = (struct target){
        .name = "test", .word_bits = word_bits, .page_bits = 12, .env_size = sizeof(struct env),
        .pc_global = G_PC, .mxcsr_offset = offsetof(struct env, mxcsr),
        .globals = machine_globals, .n_globals = G_COUNT, .helpers = helpers,
        .n_helpers = n_helpers, .n_mmu_idx = 4, .vf_fix = machine_vf_fix,
    };
    memset(&m, 0, sizeof(m));
    m.env = (struct env *)(block + below);
    m.cpu.target = &machine_target;
    m.cpu.env = m.env;
    m.env->hot.cpu = &m.cpu;
    m.env->hot.jump_cache = machine_cache;
    m.env->mxcsr = 0x1f80;
    m.ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    m.code = mmap(NULL, CODE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC,
                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    m.ir = calloc(1, sizeof(*m.ir));
    m.ir->globals = machine_globals;
    m.ir->n_globals = G_COUNT;
    m.ir->helpers = helpers;
    m.ir->n_helpers = n_helpers;
    m.ir->group_pages = word_bits == 64;
    m.code_start = backend_init(&machine_target, false, m.code, CODE_SIZE);
    m.key.pc = 0x1000;
    /* All indexes: the lower half of RAM is mapped for direct access. */
    for (unsigned idx = 0; idx < 4; idx++) {
        for (unsigned write = 0; write < 2; write++) {
            uint8_t *table = (uint8_t *)m.env + tlb_table_offset(&machine_target, idx, write);

            for (unsigned i = 0; word_bits == 64 && i < TLB_ENTRIES; i++) {
                ((struct tlb_entry *)table)[i].tag = 1;
            }
            for (uint64_t a = RAM_BASE; a < RAM_SLOW; a += PAGE) {
                uintptr_t addend = (uintptr_t)m.ram - RAM_BASE;

                if (word_bits == 64) {
                    ((struct tlb_entry *)table)[a >> 12] = (struct tlb_entry){ a, addend };
                } else {
                    ((uint64_t *)table)[a >> 12] = addend;
                }
            }
        }
    }
}

/* From now on as on a host with no more than SSE2. */
static void machine_old_host(void)
{
    the_host.bmi1 = the_host.bmi2 = the_host.lzcnt = the_host.popcnt = false;
    the_host.sse41 = the_host.sse42 = false;
}

/* Compiles what m.ir holds. */
static bool machine_compile(void)
{
    const char *bad = ir_verify(m.ir);
    bool too_big = false;

    if (bad) {
        printf("# %s\n", bad);
        return false;
    }
    ir_optimize(m.ir);
    bad = ir_verify(m.ir);
    if (bad) {
        printf("# after optimising: %s\n", bad);
        return false;
    }
    if (!backend_compile(m.ir, &m.key, m.code, m.code_start, CODE_SIZE - m.code_start, &m.out,
                         &too_big)) {
        return false;
    }
    m.region.key = m.key;
    m.region.host = m.out.host;
    m.region.host_end = m.out.host_end;
    m.region.side_table = m.out.side_table;
    m.region.n_exits = m.out.n_exits;
    m.region.exits = m.exits;
    for (unsigned i = 0; i < m.out.n_exits; i++) {
        m.exits[i] = (struct region_exit){ .patch = m.out.exits[i].patch,
                                           .stub = m.out.exits[i].stub,
                                           .pc = m.out.exits[i].pc };
    }
    return true;
}

static int machine_run(void)
{
    int reason;

    backend_fp_enter(m.env);
    reason = backend_run(m.env, m.code + m.out.host, &m.slot);
    backend_fp_leave(m.env);
    return reason;
}

static void machine_restore(void)
{
    if (m.env->hot.ra) {
        backend_restore(&m.cpu, m.code, &m.region, m.env->hot.ra);
    }
}

/* --- what the backend wants from the rest --- */
const void *region_refill(struct cpu *cpu)
{
    return NULL;
}

struct region *region_by_host(uintptr_t host)
{
    uint32_t at = host - (uintptr_t)m.code;

    return at >= m.out.host && at < m.out.host_end ? &m.region : NULL;
}

static uint8_t *ram_at(uint64_t addr)
{
    m.guest_ram++;
    if (m.at_slow) {
        m.at_slow(addr);
    }
    return m.ram + (addr - RAM_BASE);
}

uint64_t softmmu_load(void *env, uint64_t addr, uint32_t memop)
{
    uint64_t v = 0;

    memcpy(&v, ram_at(addr), 1 << (memop & MO_SIZE));
    return memop & MO_BE ? __builtin_bswap64(v) >> (64 - (8 << (memop & MO_SIZE))) : v;
}

void softmmu_store(void *env, uint64_t addr, uint64_t value, uint32_t memop)
{
    uint64_t v = memop & MO_BE ? __builtin_bswap64(value) >> (64 - (8 << (memop & MO_SIZE)))
                               : value;

    memcpy(ram_at(addr), &v, 1 << (memop & MO_SIZE));
}

void softmmu_load16(void *env, uint64_t addr, void *dest, uint32_t memop)
{
    memcpy(dest, ram_at(addr), 16);
}

void softmmu_store16(void *env, uint64_t addr, const void *src, uint32_t memop)
{
    memcpy(ram_at(addr), src, 16);
}

void *softmmu_atomic(void *env, uint64_t addr, uint32_t memop)
{
    return ram_at(addr);
}

void cpu_probe(void *env, uint64_t addr, unsigned len, enum mmu_access access, unsigned mmu_idx)
{
}

#endif
