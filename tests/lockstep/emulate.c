/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The translator's side: a CPU in user mode with paging on, run until its first exception. */
#include <assert.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "base/error.h"
#include "hw/core/memory.h"
#include "lockstep.h"
#include "tcg/backend.h"
#include "tcg/region.h"
#include "tcg/softmmu.h"

enum { RAM_SIZE = 16 << 20, TABLES = 0x1000, CODE_PHYS = 0x100000, DATA_PHYS = 0x200000,
       STACK_PHYS = 0x300000 };
enum { PTE_P = 1, PTE_W = 2, PTE_U = 4 };
enum { CR0_PE = 1, CR0_MP = 2, CR0_ET = 16, CR0_NE = 32, CR0_WP = 1 << 16, CR0_AM = 1 << 18,
       CR4_PAE = 1 << 5, CR4_OSFXSR = 1 << 9, CR4_OSXMMEXCPT = 1 << 10, CR4_OSXSAVE = 1 << 18,
       EFER_LME = 1 << 8, EFER_LMA = 1 << 10 };
#define CR0_PG 0x80000000u

static struct address_space memory, io;
static struct memory_region root, io_root, ram;
static struct cpu *cpu;
static uint8_t *host;
static bool has[FEAT_COUNT];

static uint64_t next_table = TABLES + 0x1000;

static uint64_t table_entry(uint64_t table, unsigned index, bool wide)
{
    unsigned size = wide ? 8 : 4;
    uint64_t e = ld_le(host + table + index * size, size);

    if (!(e & PTE_P)) {
        e = next_table | PTE_P | PTE_W | PTE_U;
        st_le(host + table + index * size, size, e);
        next_table += 0x1000;
    }
    return e & ~0xfffull;
}

static void map_page(bool wide, uint64_t virt, uint64_t phys, unsigned flags)
{
    uint64_t table = TABLES;

    if (wide) {
        table = table_entry(table, virt >> 39 & 511, true);
        table = table_entry(table, virt >> 30 & 511, true);
        table = table_entry(table, virt >> 21 & 511, true);
        st64_le(host + table + (virt >> 12 & 511) * 8, phys | flags);
    } else {
        table = table_entry(table, virt >> 22, false);
        st32_le(host + table + (virt >> 12 & 1023) * 4, phys | flags);
    }
}

static void map_range(bool wide, uint64_t virt, uint64_t phys, uint64_t size, unsigned flags)
{
    for (uint64_t i = 0; i < size; i += 0x1000) {
        map_page(wide, virt + i, phys + i, flags | PTE_P | PTE_U | 0x60);
    }
}

/* Anew for each program: one that changes itself may come to load them. */
static void set_segments(struct x86_env *env, bool code64)
{
    for (unsigned i = 0; i < SEG_COUNT; i++) {
        env->segs[i] = (struct x86_segment){
            .selector = 0x2b, .limit = 0xffffffff,
            .flags = DESC_P | DESC_S | DESC_DPL | DESC_RW | DESC_A | DESC_DB | DESC_G,
        };
    }
    env->segs[SEG_FS].selector = env->segs[SEG_GS].selector = 0;
    env->segs[SEG_CS].selector = code64 ? 0x33 : 0x23;
    env->segs[SEG_CS].flags |= DESC_CODE;
    if (code64) {
        env->segs[SEG_CS].flags = (env->segs[SEG_CS].flags & ~DESC_DB) | DESC_L;
    }
}

void emulate_init(bool code64)
{
    struct error *err = NULL;
    struct x86_env *env;
    bool wide = TARGET_WORD_BITS == 64;

    memory_region_init(&root, "memory", 0);
    memory_region_init(&io_root, "io", 65536);
    if (!memory_region_init_ram(&ram, "ram", RAM_SIZE, &err)) {
        error_exit_with(err);
    }
    memory_region_add(&root, 0, &ram);
    address_space_init(&memory, "memory", &root);
    address_space_init(&io, "io", &io_root);
    host = memory_region_host(&ram);
    cpu = cpu_create("max", &memory, &io, &err);
    if (!cpu) {
        error_exit_with(err);
    }
    map_range(wide, CODE_AT, CODE_PHYS, CODE_SIZE, 0);
    map_range(wide, DATA_AT, DATA_PHYS, DATA_SIZE, PTE_W);
    map_range(wide, STACK_AT, STACK_PHYS, STACK_SIZE, PTE_W);
    env = x86_env(cpu);
    env->cpuid_7_ebx |= native_x87_bits();
    env->cr[0] = CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_PG;
    env->cr[3] = TABLES;
    env->cr[4] = CR4_OSFXSR | CR4_OSXMMEXCPT | (wide ? CR4_PAE : 0);
    env->efer = wide ? EFER_LME | EFER_LMA : 0;
    env->cpl = 3;
    set_segments(env, code64);
    env->tr = (struct x86_segment){ .flags = DESC_P | 11 << 8 };      /* without an I/O map */
    env->eflags = FL_IF | 2;
    x86_update_mode(env);
    x86_decode_features(env, has);
    if (has[FEAT_XSAVE]) {
        env->cr[4] |= CR4_OSXSAVE;
        env->xcr0 = 3;
    }
    x86_update_mode(env);
}

bool emulate_has(enum x86_feature f)
{
    return has[f];
}

static void load_fx(struct x86_env *env, const uint8_t *fx)
{
    uint16_t fsw = ld16_le(fx + 2);

    env->fpuc = ld16_le(fx);
    env->fptop = fsw >> 11 & 7;
    env->fpus = fsw & ~0x3800;
    env->fptags = ~fx[4];
    env->fop = env->fpcs = env->fpds = 0;
    env->fpip = env->fpdp = 0;
    env->mxcsr = ld32_le(fx + 24);
    for (unsigned i = 0; i < 8; i++) {
        struct x86_fpreg *r = &env->fpregs[(env->fptop + i) & 7];

        r->mant = ld64_le(fx + 32 + 16 * i);
        r->exp = ld16_le(fx + 40 + 16 * i);
    }
    memcpy(env->xmm, fx + 160, 256);
}

static void save_fx(const struct x86_env *env, uint8_t *fx)
{
    st16_le(fx, env->fpuc);
    st16_le(fx + 2, env->fpus | env->fptop << 11);
    fx[4] = ~env->fptags;
    st32_le(fx + 24, env->mxcsr);
    for (unsigned i = 0; i < 8; i++) {
        const struct x86_fpreg *r = &env->fpregs[(env->fptop + i) & 7];

        st64_le(fx + 32 + 16 * i, r->mant);
        st16_le(fx + 40 + 16 * i, r->exp);
    }
    memcpy(fx + 160, env->xmm, 256);
}

static void run_to_exception(unsigned max_insns)
{
    cpu->exception = -1;
    cpu_hot(cpu)->exit_req = 0;
    if (sigsetjmp(cpu->jmp, 0)) {
        if (cpu->exception >= 0) {
            return;
        }
    }
    for (;;) {
        bool single = cpu->one_insn;
        struct region *r = region_lookup(cpu, single ? 1 : max_insns);
        struct region_exit *slot = NULL;

        backend_run(cpu->env, region_buffer() + r->host, &slot);
        cpu->one_insn = false;
        if (slot) {
            region_chain(slot, region_lookup(cpu, max_insns));
        }
    }
}

static void map_code(bool writable)
{
    static int now = -1;

    if (now != writable) {
        map_range(TARGET_WORD_BITS == 64, CODE_AT, CODE_PHYS, CODE_SIZE, writable ? PTE_W : 0);
        tlb_flush(cpu);
        now = writable;
    }
}

void emulate_run(const struct program *p, struct machine_state *s, struct outcome *out,
                 unsigned max_insns)
{
    struct x86_env *env = x86_env(cpu);
    static unsigned runs;

    if (++runs % 2000 == 0) {
        region_flush_all();
    }
    region_invalidate_ram(memory_region_ram_addr(&ram) + CODE_PHYS, CODE_SIZE);
    memcpy(host + CODE_PHYS, p->code, MAX_CODE);
    map_code(p->writable);
    memcpy(host + DATA_PHYS, s->data, DATA_SIZE);
    memcpy(host + STACK_PHYS, s->stack, STACK_SIZE);
    for (unsigned i = 0; i < X86_REGS; i++) {
        env->regs[i] = s->regs[i];
    }
    set_segments(env, p->code64);
    env->pc = s->rip;
    x86_set_eflags(env, s->rflags, ~0u);
    load_fx(env, s->fx);
    x86_update_mode(env);
    env->db_pending = 0;
    backend_fp_enter(env);
    run_to_exception(max_insns);
    backend_fp_leave(env);
    for (unsigned i = 0; i < X86_REGS; i++) {
        s->regs[i] = env->regs[i];
    }
    s->rip = env->pc;
    s->rflags = x86_get_eflags(env);
    save_fx(env, s->fx);
    memcpy(s->data, host + DATA_PHYS, DATA_SIZE);
    memcpy(s->stack, host + STACK_PHYS, STACK_SIZE);
    memcpy(s->code, host + CODE_PHYS, MAX_CODE);
    out->vector = cpu->exception;
    if (cpu->exception >= EXC_INT_FIRST) {
        out->vector = cpu->exception == EXC_ICEBP ? EXC_DB : cpu->exception - EXC_INT_FIRST;
        s->rip += env->fault_next_pc_delta;
    }
    out->error_code = cpu->error_code;
    out->fault_addr = out->vector == EXC_PF ? env->fault_addr : 0;
}
