/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * System management mode: SMI entry and RSM with the two layouts of the state save area, that of
 * AMD64 (revision 0x20064) and the 32-bit one (0x20000).
 */
#include "target-i386/sys.h"
#include "target-i386/helpers.h"

#include "base/log.h"
#include "hw/i386/x86-cpu.h"
#include "tcg/region.h"

enum { ENTRY = 0x8000, REVISION_OFFSET = 0x7efc, SMBASE_RELOCATION = 0x20000 };

/* Where a segment register is in the 32-bit layout */
static uint32_t legacy_segment(unsigned seg)
{
    return seg < 3 ? 0x7f84 + seg * 12 : 0x7f2c + (seg - 3) * 12;
}

static uint64_t at(const struct x86_env *env, uint32_t offset)
{
    return env->smbase + ENTRY + offset;
}

static void put(struct x86_env *env, uint32_t offset, unsigned size, uint64_t value)
{
    x86_write_phys(env, at(env, offset), size, value);
}

static uint64_t get(struct x86_env *env, uint32_t offset, unsigned size)
{
    return x86_read_phys(env, at(env, offset), size);
}

static void put_segment64(struct x86_env *env, uint32_t offset, const struct x86_segment *s)
{
    put(env, offset, 2, s->selector);
    put(env, offset + 2, 2, s->flags >> 8 & 0xf0ff);
    put(env, offset + 4, 4, s->limit);
    put(env, offset + 8, 8, s->base);
}

static void get_segment64(struct x86_env *env, uint32_t offset, struct x86_segment *s)
{
    s->selector = (uint16_t)get(env, offset, 2);
    s->flags = ((uint32_t)get(env, offset + 2, 2) & 0xf0ff) << 8;
    s->limit = (uint32_t)get(env, offset + 4, 4);
    s->base = get(env, offset + 8, 8);
}

static void put_segment32(struct x86_env *env, uint32_t offset, uint32_t selector_at,
                          const struct x86_segment *s)
{
    put(env, selector_at, 4, s->selector);
    put(env, offset, 4, s->flags >> 8 & 0xf0ff);
    put(env, offset + 4, 4, s->limit);
    put(env, offset + 8, 4, s->base);
}

static void get_segment32(struct x86_env *env, uint32_t offset, uint32_t selector_at,
                          struct x86_segment *s)
{
    s->selector = (uint16_t)get(env, selector_at, 4);
    s->flags = ((uint32_t)get(env, offset, 4) & 0xf0ff) << 8;
    s->limit = (uint32_t)get(env, offset + 4, 4);
    s->base = get(env, offset + 8, 4);
}

static void save64(struct x86_env *env)
{
    for (unsigned i = 0; i < SEG_COUNT; i++) {
        put_segment64(env, 0x7e00 + 16 * i, &env->segs[i]);
    }
    put(env, 0x7e64, 4, env->gdt_limit);
    put(env, 0x7e68, 8, env->gdt_base);
    put_segment64(env, 0x7e70, &env->ldt);
    put(env, 0x7e84, 4, env->idt_limit);
    put(env, 0x7e88, 8, env->idt_base);
    put_segment64(env, 0x7e90, &env->tr);
    put(env, 0x7ed0, 8, env->efer);
    put(env, REVISION_OFFSET, 4, 0x20064);
    put(env, 0x7f00, 4, env->smbase);
    put(env, 0x7f48, 4, env->cr[4]);
    put(env, 0x7f50, 8, env->cr[3]);
    put(env, 0x7f58, 4, env->cr[0]);
    put(env, 0x7f60, 8, env->dr[7]);
    put(env, 0x7f68, 8, env->dr[6]);
    put(env, 0x7f70, 8, x86_get_eflags(env));
    put(env, 0x7f78, 8, env->pc);
    for (unsigned i = 0; i < X86_REGS; i++) {
        put(env, 0x7ff8 - 8 * i, 8, env->regs[i]);
    }
}

static void save32(struct x86_env *env)
{
    put(env, 0x7ffc, 4, env->cr[0]);
    put(env, 0x7ff8, 4, env->cr[3]);
    put(env, 0x7ff4, 4, x86_get_eflags(env));
    put(env, 0x7ff0, 4, env->pc);
    for (unsigned i = 0; i < 8; i++) {
        put(env, 0x7fd0 + 4 * i, 4, env->regs[i]);
    }
    put(env, 0x7fcc, 4, env->dr[6]);
    put(env, 0x7fc8, 4, env->dr[7]);
    put_segment32(env, 0x7f5c, 0x7fc4, &env->tr);
    put_segment32(env, 0x7f78, 0x7fc0, &env->ldt);
    put(env, 0x7f74, 4, env->gdt_base);
    put(env, 0x7f70, 4, env->gdt_limit);
    put(env, 0x7f58, 4, env->idt_base);
    put(env, 0x7f54, 4, env->idt_limit);
    for (unsigned i = 0; i < SEG_COUNT; i++) {
        put_segment32(env, legacy_segment(i), 0x7fa8 + 4 * i, &env->segs[i]);
    }
    put(env, 0x7f14, 4, env->cr[4]);
    put(env, REVISION_OFFSET, 4, 0x20000);
    put(env, 0x7ef8, 4, env->smbase);
}

/* SMRAM is seen through an address space of its own when the board has one. */
void x86_smm_memory(struct x86_env *env, bool smm)
{
    struct cpu *cpu = env_cpu(env);

    if (env->memory_smm) {
        if (!env->memory_normal) {
            env->memory_normal = cpu->memory;
        }
        cpu->memory = smm ? env->memory_smm : env->memory_normal;
    }
    tlb_flush(cpu);
}

static void clear_for_smm(struct x86_env *env)
{
    static const uint8_t data[] = { SEG_DS, SEG_ES, SEG_SS, SEG_FS, SEG_GS };
    const uint32_t flags = DESC_P | DESC_S | DESC_RW | DESC_A | DESC_G;

    env->efer = 0;
    x86_set_eflags(env, 0, ~2u);
    x86_set_cr0(env, env->cr[0] & ~(uint64_t)(CR0_PE | CR0_EM | CR0_TS | CR0_PG));
    env->cr[4] = 0;
    env->dr[7] = DR7_FIXED;
    x86_seg_set(env, SEG_CS, (uint16_t)(env->smbase >> 4), env->smbase, 0xffffffff, flags);
    for (unsigned i = 0; i < sizeof(data); i++) {
        x86_seg_set(env, data[i], 0, 0, 0xffffffff, flags);
    }
    env->cpl = 0;
    env->pc = ENTRY;
}

void x86_enter_smm(struct x86_env *env)
{
    if (log_enabled(LOG_INT)) {
        log_printf("smi at %04x:%llx\n", env->segs[SEG_CS].selector, (unsigned long long)env->pc);
    }
    env->in_smm = 1 | env->nmi_blocked << 1;
    env->nmi_blocked = 1;
    env->mode_inhibit = 0;
    env->db_pending = 0;
    x86_smm_memory(env, true);
    if (x86_has(env->cpuid_ext_edx, FXD_LM)) {
        save64(env);
    } else {
        save32(env);
    }
    clear_for_smm(env);
    x86_debug_update(env);
}

/* --- RSM ------------------------------------------------------------------------------------- */

static void restore_control(struct x86_env *env, uint64_t cr0, uint64_t cr3, uint64_t cr4,
                            uint64_t efer, uint32_t flags)
{
    env->cr[4] = cr4;
    env->cr[3] = cr3;
    x86_set_cr0(env, cr0);
    env->efer = efer;
    x86_set_eflags(env, flags, ~2u);
    env->cpl = flags & FL_VM ? 3 : !(cr0 & CR0_PE) ? 0 :
               env->segs[SEG_SS].flags >> DESC_DPL_SHIFT & 3;
}

static void restore64(struct x86_env *env)
{
    for (unsigned i = 0; i < SEG_COUNT; i++) {
        get_segment64(env, 0x7e00 + 16 * i, &env->segs[i]);
    }
    env->gdt_limit = (uint32_t)get(env, 0x7e64, 4);
    env->gdt_base = get(env, 0x7e68, 8);
    get_segment64(env, 0x7e70, &env->ldt);
    env->idt_limit = (uint32_t)get(env, 0x7e84, 4);
    env->idt_base = get(env, 0x7e88, 8);
    get_segment64(env, 0x7e90, &env->tr);
    env->dr[7] = get(env, 0x7f60, 4);
    env->dr[6] = get(env, 0x7f68, 4);
    env->pc = (x86_word)get(env, 0x7f78, 8);
    for (unsigned i = 0; i < X86_REGS; i++) {
        env->regs[i] = (x86_word)get(env, 0x7ff8 - 8 * i, 8);
    }
    restore_control(env, get(env, 0x7f58, 4), get(env, 0x7f50, 8), get(env, 0x7f48, 4),
                    get(env, 0x7ed0, 8), (uint32_t)get(env, 0x7f70, 4));
    if (get(env, REVISION_OFFSET, 4) & SMBASE_RELOCATION) {
        env->smbase = get(env, 0x7f00, 4);
    }
}

static void restore32(struct x86_env *env)
{
    env->pc = (x86_word)get(env, 0x7ff0, 4);
    for (unsigned i = 0; i < 8; i++) {
        env->regs[i] = (x86_word)get(env, 0x7fd0 + 4 * i, 4);
    }
    env->dr[6] = get(env, 0x7fcc, 4);
    env->dr[7] = get(env, 0x7fc8, 4);
    get_segment32(env, 0x7f5c, 0x7fc4, &env->tr);
    get_segment32(env, 0x7f78, 0x7fc0, &env->ldt);
    env->gdt_base = get(env, 0x7f74, 4);
    env->gdt_limit = (uint32_t)get(env, 0x7f70, 4);
    env->idt_base = get(env, 0x7f58, 4);
    env->idt_limit = (uint32_t)get(env, 0x7f54, 4);
    for (unsigned i = 0; i < SEG_COUNT; i++) {
        get_segment32(env, legacy_segment(i), 0x7fa8 + 4 * i, &env->segs[i]);
    }
    restore_control(env, get(env, 0x7ffc, 4), get(env, 0x7ff8, 4), get(env, 0x7f14, 4), 0,
                    (uint32_t)get(env, 0x7ff4, 4));
    if (get(env, REVISION_OFFSET, 4) & SMBASE_RELOCATION) {
        env->smbase = get(env, 0x7ef8, 4);
    }
}

void helper_rsm(struct x86_env *env)
{
    if (!env->in_smm) {
        x86_raise(env, EXC_UD);
    }
    if (x86_has(env->cpuid_ext_edx, FXD_LM)) {
        restore64(env);
    } else {
        restore32(env);
    }
    env->nmi_blocked = env->in_smm >> 1 & 1;
    env->in_smm = 0;
    x86_smm_memory(env, false);
    x86_debug_update(env);
    x86_poll_interrupts(env);
}
