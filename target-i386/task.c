/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Hardware task switches with 16-bit and 32-bit task state segments (SDM volume 3, chapter 8). */
#include "target-i386/sys.h"

#include <string.h>

/* What a TSS of either size holds */
struct task {
    uint32_t pc, flags, regs[8], cr3;
    uint16_t segs[SEG_COUNT], ldt, trap;
};

static bool is_wide(uint32_t flags)
{
    return desc_type(flags) & 8;
}

static void read_task(struct x86_env *env, uint64_t base, bool wide, struct task *t)
{
    unsigned idx = x86_system_idx(env);

    memset(t, 0, sizeof(*t));
    if (wide) {
        t->cr3 = cpu_ldl(env, base + 0x1c, idx);
        t->pc = cpu_ldl(env, base + 0x20, idx);
        t->flags = cpu_ldl(env, base + 0x24, idx);
        for (unsigned i = 0; i < 8; i++) {
            t->regs[i] = cpu_ldl(env, base + 0x28 + 4 * i, idx);
        }
        for (unsigned i = 0; i < SEG_COUNT; i++) {
            t->segs[i] = cpu_lduw(env, base + 0x48 + 4 * i, idx);
        }
        t->ldt = cpu_lduw(env, base + 0x60, idx);
        t->trap = cpu_lduw(env, base + 0x64, idx) & 1;
        return;
    }
    t->pc = cpu_lduw(env, base + 0x0e, idx);
    t->flags = cpu_lduw(env, base + 0x10, idx);
    for (unsigned i = 0; i < 8; i++) {
        t->regs[i] = cpu_lduw(env, base + 0x12 + 2 * i, idx) | 0xffff0000;
    }
    for (unsigned i = 0; i < 4; i++) {
        t->segs[i] = cpu_lduw(env, base + 0x22 + 2 * i, idx);
    }
    t->ldt = cpu_lduw(env, base + 0x2a, idx);
}

static void save_task(struct x86_env *env, uint32_t pc, uint32_t flags)
{
    uint64_t base = env->tr.base;
    unsigned idx = x86_system_idx(env);

    if (is_wide(env->tr.flags)) {
        cpu_stl(env, base + 0x20, pc, idx);
        cpu_stl(env, base + 0x24, flags, idx);
        for (unsigned i = 0; i < 8; i++) {
            cpu_stl(env, base + 0x28 + 4 * i, (uint32_t)env->regs[i], idx);
        }
        for (unsigned i = 0; i < SEG_COUNT; i++) {
            cpu_stw(env, base + 0x48 + 4 * i, env->segs[i].selector, idx);
        }
        return;
    }
    cpu_stw(env, base + 0x0e, (uint16_t)pc, idx);
    cpu_stw(env, base + 0x10, (uint16_t)flags, idx);
    for (unsigned i = 0; i < 8; i++) {
        cpu_stw(env, base + 0x12 + 2 * i, (uint16_t)env->regs[i], idx);
    }
    for (unsigned i = 0; i < 4; i++) {
        cpu_stw(env, base + 0x22 + 2 * i, env->segs[i].selector, idx);
    }
}

static void set_busy(struct x86_env *env, uint16_t selector, bool busy)
{
    uint64_t at = env->gdt_base + (selector & ~7u) + 4;
    uint32_t hi = cpu_ldl(env, at, x86_system_idx(env));

    hi = busy ? hi | 2 << 8 : hi & ~(2u << 8);
    cpu_stl(env, at, hi, x86_system_idx(env));
}

static void load_ldt(struct x86_env *env, uint16_t selector)
{
    struct x86_desc d;

    memset(&env->ldt, 0, sizeof(env->ldt));
    env->ldt.selector = selector;
    if (!(selector & ~3)) {
        return;
    }
    if ((selector & 4) || !x86_desc_read(env, selector, &d) || (d.hi & DESC_S) ||
        desc_type(d.hi) != SYS_LDT || !(d.hi & DESC_P)) {
        x86_raise_error(env, EXC_TS, selector & ~3u);
    }
    env->ldt.base = desc_base(&d);
    env->ldt.limit = desc_limit(&d);
    env->ldt.flags = d.hi & 0xf0ff00;
}

static void load_task_cs(struct x86_env *env, uint16_t selector)
{
    struct x86_desc d;
    unsigned rpl = selector & 3;

    if (!(selector & ~3) || !x86_desc_read(env, selector, &d) || !desc_is_code(d.hi) ||
        (d.hi & DESC_DC ? desc_dpl(d.hi) > rpl : desc_dpl(d.hi) != rpl)) {
        x86_raise_error(env, EXC_TS, selector & ~3u);
    }
    if (!(d.hi & DESC_P)) {
        x86_raise_error(env, EXC_NP, selector & ~3u);
    }
    x86_desc_accessed(env, selector, &d);
    x86_seg_set_cs(env, selector, &d, rpl);
}

static void load_task_data(struct x86_env *env, int seg, uint16_t selector)
{
    struct x86_desc d;
    unsigned rpl = selector & 3, dpl;
    bool bad;

    if (!(selector & ~3) && seg != SEG_SS) {
        x86_seg_set_null(env, seg, selector);
        return;
    }
    if (!(selector & ~3) || !x86_desc_read(env, selector, &d) || !(d.hi & DESC_S)) {
        x86_raise_error(env, EXC_TS, selector & ~3u);
    }
    dpl = desc_dpl(d.hi);
    if (seg == SEG_SS) {
        bad = !desc_is_writable_data(d.hi) || dpl != env->cpl || rpl != env->cpl;
    } else {
        bad = (d.hi & (DESC_CODE | DESC_RW)) == DESC_CODE ||
            ((d.hi & (DESC_CODE | DESC_DC)) != (DESC_CODE | DESC_DC) &&
             (dpl < env->cpl || dpl < rpl));
    }
    if (bad) {
        x86_raise_error(env, EXC_TS, selector & ~3u);
    }
    if (!(d.hi & DESC_P)) {
        x86_raise_error(env, seg == SEG_SS ? EXC_SS : EXC_NP, selector & ~3u);
    }
    x86_desc_accessed(env, selector, &d);
    x86_seg_set_desc(env, seg, selector, &d);
}

static void load_task_segments(struct x86_env *env, const struct task *t)
{
    static const uint8_t order[] = { SEG_SS, SEG_ES, SEG_DS, SEG_FS, SEG_GS };

    /* Selectors first: what faults below is in the new task. */
    for (unsigned i = 0; i < SEG_COUNT; i++) {
        x86_seg_set(env, (int)i, t->segs[i], 0, 0, 0);
    }
    x86_set_cpl(env, t->segs[SEG_CS] & 3);
    load_ldt(env, t->ldt);
    if (t->flags & FL_VM) {
        for (unsigned i = 0; i < SEG_COUNT; i++) {
            x86_seg_set_vm(env, (int)i, t->segs[i]);
        }
        x86_set_cpl(env, 3);
        return;
    }
    load_task_cs(env, t->segs[SEG_CS]);
    for (unsigned i = 0; i < sizeof(order); i++) {
        load_task_data(env, order[i], t->segs[order[i]]);
    }
}

static void load_registers(struct x86_env *env, const struct task *t, bool wide,
                           enum x86_switch kind)
{
    uint32_t mask = FL_ARITH | FL_DF | FL_TF | FL_IF | FL_IOPL | FL_NT | FL_RF | FL_VM | FL_AC |
        FL_VIF | FL_VIP | FL_ID;

    env->pc = t->pc;
    for (unsigned i = 0; i < 8; i++) {
        env->regs[i] = t->regs[i];
    }
    x86_set_eflags(env, t->flags | (kind == SWITCH_CALL ? FL_NT : 0), wide ? mask : mask & 0xffff);
    if (!wide) {
        env->eflags &= 0xffff;
    }
}

static void check_tss(struct x86_env *env, uint16_t selector, const struct x86_desc *d)
{
    if (!(d->hi & DESC_P)) {
        x86_raise_error(env, EXC_NP, (selector & ~3u) | env->event_external);
    }
    if (desc_limit(d) < (is_wide(d->hi) ? 0x67 : 0x2b)) {
        x86_raise_error(env, EXC_TS, (selector & ~3u) | env->event_external);
    }
}

void x86_task_switch(struct x86_env *env, uint16_t selector, const struct x86_desc *d,
                     enum x86_switch kind, uint64_t next_pc)
{
    struct task t;
    bool wide = is_wide(d->hi);
    uint64_t base = desc_base(d);
    uint32_t old_flags = x86_get_eflags(env);
    uint16_t old_selector = env->tr.selector;

    check_tss(env, selector, d);
    /* Both must be accessible before anything changes. */
    cpu_probe(env, env->tr.base, is_wide(env->tr.flags) ? 0x68 : 0x2c, MMU_WRITE,
              x86_system_idx(env));
    read_task(env, base, wide, &t);
    if (kind == SWITCH_CALL) {
        cpu_probe(env, base, 2, MMU_WRITE, x86_system_idx(env));
    }
    if (kind != SWITCH_CALL) {
        set_busy(env, old_selector, false);
    }
    save_task(env, (uint32_t)next_pc, kind == SWITCH_IRET ? old_flags & ~FL_NT : old_flags);
    if (kind == SWITCH_CALL) {
        cpu_stw(env, base, old_selector, x86_system_idx(env));
    }
    if (kind != SWITCH_IRET) {
        set_busy(env, selector, true);
    }
    env->tr.selector = selector;
    env->tr.base = base;
    env->tr.limit = desc_limit(d);
    env->tr.flags = (d->hi | 2 << 8) & 0xf0ff00;
    env->dr[7] &= ~0x55ull;         /* local breakpoints */
    x86_debug_update(env);
    /* From here on faults belong to the new task. */
    env->hot.ra = 0;
    x86_set_cr0(env, env->cr[0] | CR0_TS);
    if (wide && (env->cr[0] & CR0_PG)) {
        x86_write_cr3(env, t.cr3);
    }
    load_registers(env, &t, wide, kind);
    load_task_segments(env, &t);
    if (t.pc > env->segs[SEG_CS].limit) {
        x86_raise_error(env, EXC_GP, 0);
    }
    x86_update_mode(env);
    x86_poll_interrupts(env);
    if (t.trap) {
        x86_raise_debug_trap(env, env->pc, DR6_BT);
    }
}

void x86_task_gate(struct x86_env *env, uint16_t tss, enum x86_switch kind, uint64_t next_pc)
{
    struct x86_desc d;
    unsigned type;

    if ((tss & 4) || !(tss & ~3) || !x86_desc_read(env, tss, &d)) {
        x86_raise_error(env, EXC_GP, (tss & ~3u) | env->event_external);
    }
    type = desc_type(d.hi);
    if ((d.hi & DESC_S) || (type != SYS_TSS16 && type != SYS_TSS32)) {
        x86_raise_error(env, EXC_GP, (tss & ~3u) | env->event_external);
    }
    x86_task_switch(env, tss, &d, kind, next_pc);
}
