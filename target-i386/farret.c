/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Far returns and IRET: to the same ring, to an outer one, to virtual-8086 mode, to another task.
 */
#include "target-i386/sys.h"
#include "target-i386/helpers.h"

/* What a return takes from the stack */
struct frame {
    unsigned size;
    uint16_t cs, ss;
    uint64_t pc, flags, sp;
    bool iret;
    uint32_t extra;                 /* bytes that `ret n' removes from both stacks */
};

static _Noreturn void selector_fault(struct x86_env *env, int vector, uint16_t selector)
{
    x86_raise_error(env, vector, selector & ~3u);
}

/* Which flags IRET may load at this privilege. */
static uint32_t loadable_flags(const struct x86_env *env, unsigned cpl, unsigned size)
{
    uint32_t mask = FL_ARITH | FL_DF | FL_TF | FL_NT;

    if (size > 2) {
        mask |= FL_RF | FL_AC | FL_ID;
    }
    if (cpl == 0) {
        mask |= FL_IOPL | (size > 2 ? FL_VIF | FL_VIP : 0);
    }
    if (cpl <= (env->eflags & FL_IOPL) >> 12) {
        mask |= FL_IF;
    }
    return mask;
}

/* RF only matters, and only ends, where instruction breakpoints are armed. */
static void set_flags(struct x86_env *env, uint64_t flags, uint32_t mask)
{
    if (env->eflags & ~flags & mask & FL_TF) {
        env->db_pending |= DR6_BS;  /* IRET began with TF: it is stepped */
    }
    x86_set_eflags(env, (uint32_t)flags, mask);
    if (!(env->dr[7] & 0xff)) {
        env->eflags &= ~FL_RF;
    }
}

static void return_real(struct x86_env *env, struct frame *f, struct x86_stack *s)
{
    uint32_t mask = loadable_flags(env, env->eflags & FL_VM ? 3 : 0, f->size);

    if (f->pc > env->segs[SEG_CS].limit) {
        x86_raise_error(env, EXC_GP, 0);
    }
    s->sp += f->extra;
    x86_stack_commit(s);
    if (env->eflags & FL_VM) {
        x86_seg_set_vm(env, SEG_CS, f->cs);
    } else {
        env->segs[SEG_CS].selector = f->cs;
        env->segs[SEG_CS].base = (uint32_t)f->cs << 4;
    }
    env->pc = (x86_word)f->pc;
    if (f->iret) {
        set_flags(env, f->flags, mask);
    }
}

/* IRET in virtual-8086 mode with IOPL below 3: only with VME, and only the virtual IF. */
static void iret_vme(struct x86_env *env, struct frame *f, struct x86_stack *s)
{
    bool new_if = f->flags & FL_IF;

    if (!(env->cr[4] & CR4_VME) || f->size != 2 || (f->flags & FL_TF) ||
        (new_if && (env->eflags & FL_VIP))) {
        x86_raise_error(env, EXC_GP, 0);
    }
    x86_stack_commit(s);
    x86_seg_set_vm(env, SEG_CS, f->cs);
    env->pc = (x86_word)f->pc;
    set_flags(env, f->flags, FL_ARITH | FL_DF | FL_TF | FL_NT);
    env->eflags = (env->eflags & ~FL_VIF) | (new_if ? FL_VIF : 0);
}

/* --- protected and long mode ----------------------------------------------------------------- */

static void check_code(struct x86_env *env, const struct frame *f, struct x86_desc *d)
{
    unsigned rpl = f->cs & 3, dpl;

    if (!(f->cs & ~3)) {
        x86_raise_error(env, EXC_GP, 0);
    }
    if (!x86_desc_read(env, f->cs, d) || !desc_is_code(d->hi) || rpl < env->cpl) {
        selector_fault(env, EXC_GP, f->cs);
    }
    dpl = desc_dpl(d->hi);
    if (d->hi & DESC_DC ? dpl > rpl : dpl != rpl) {
        selector_fault(env, EXC_GP, f->cs);
    }
    if (x86_long_mode(env) && (d->hi & DESC_L) && (d->hi & DESC_DB)) {
        selector_fault(env, EXC_GP, f->cs);
    }
    if (!(d->hi & DESC_P)) {
        selector_fault(env, EXC_NP, f->cs);
    }
    x86_check_target(env, d, f->pc);
}

/* An outer ring may not keep data segments it could not have loaded. */
static void drop_inner_segments(struct x86_env *env)
{
    static const uint8_t which[] = { SEG_ES, SEG_DS, SEG_FS, SEG_GS };

    for (unsigned i = 0; i < sizeof(which); i++) {
        const struct x86_segment *s = &env->segs[which[i]];
        bool conforming = (s->flags & (DESC_CODE | DESC_DC)) == (DESC_CODE | DESC_DC);

        if ((s->flags & DESC_P) && !conforming && desc_dpl(s->flags) < env->cpl) {
            uint64_t base = s->base;

            x86_seg_set_null(env, which[i], 0);
            /* FS and GS bases set by MSR belong to null selectors in 64-bit mode */
            env->segs[which[i]].base = x86_long_mode(env) && which[i] >= SEG_FS ? base : 0;
        }
    }
}

static void check_outer_ss(struct x86_env *env, const struct frame *f, struct x86_desc *d)
{
    unsigned rpl = f->cs & 3;

    if (!x86_desc_read(env, f->ss, d) || (f->ss & 3) != rpl || !desc_is_writable_data(d->hi) ||
        desc_dpl(d->hi) != rpl) {
        selector_fault(env, EXC_GP, f->ss);
    }
    if (!(d->hi & DESC_P)) {
        selector_fault(env, EXC_SS, f->ss);
    }
}

/* Loads SS:SP for an outer ring, or what IRET in 64-bit mode always takes. CS is loaded already. */
static void load_outer(struct x86_env *env, const struct frame *f, const struct x86_desc *ss,
                       bool null_ss)
{
    uint64_t mask = 0xffff;

    if (null_ss) {
        x86_seg_set_null(env, SEG_SS, f->ss);
    } else {
        x86_seg_set_desc(env, SEG_SS, f->ss, ss);
    }
    if (x86_long_mode(env) && (env->segs[SEG_CS].flags & DESC_L)) {
        mask = ~0ull;
    } else if (env->segs[SEG_SS].flags & DESC_DB) {
        mask = 0xffffffff;
    }
    x86_set_sp(env, f->sp + f->extra, mask);
}

static void return_protected(struct x86_env *env, struct frame *f, struct x86_stack *s)
{
    struct x86_desc cs, ss = { 0 };
    unsigned old_cpl = env->cpl, rpl;
    bool long_iret = f->iret && x86_code64(env), null_ss = false;
    uint32_t mask = loadable_flags(env, old_cpl, f->size);

    check_code(env, f, &cs);
    rpl = f->cs & 3;
    if (rpl == old_cpl && !long_iret) {
        x86_desc_accessed(env, f->cs, &cs);
        s->sp += f->extra;
        x86_stack_commit(s);
        x86_seg_set_cs(env, f->cs, &cs, rpl);
    } else {
        if (!long_iret) {
            s->sp += f->extra;
            x86_stack_has(s, 2 * f->size);
            f->sp = x86_stack_pop(s, f->size);
            f->ss = (uint16_t)x86_stack_pop(s, f->size);
        }
        null_ss = !(f->ss & ~3);
        if (null_ss && (!x86_long_mode(env) || !(cs.hi & DESC_L) || rpl == 3 ||
                        (f->ss & 3) != rpl)) {
            x86_raise_error(env, EXC_GP, 0);
        }
        if (!null_ss) {
            check_outer_ss(env, f, &ss);
            x86_desc_accessed(env, f->ss, &ss);
        }
        x86_desc_accessed(env, f->cs, &cs);
        x86_seg_set_cs(env, f->cs, &cs, rpl);
        load_outer(env, f, &ss, null_ss);
        if (rpl != old_cpl) {
            drop_inner_segments(env);
        }
    }
    env->pc = (x86_word)f->pc;
    if (f->iret) {
        set_flags(env, f->flags, mask);
    }
}

static void return_to_vm(struct x86_env *env, struct frame *f, struct x86_stack *s)
{
    static const uint8_t order[] = { SEG_ES, SEG_DS, SEG_FS, SEG_GS };
    uint16_t selectors[4];

    x86_stack_has(s, 24);
    f->sp = x86_stack_pop(s, 4);
    f->ss = (uint16_t)x86_stack_pop(s, 4);
    for (unsigned i = 0; i < 4; i++) {
        selectors[i] = (uint16_t)x86_stack_pop(s, 4);
    }
    if (f->pc > 0xffff) {
        x86_raise_error(env, EXC_GP, 0);
    }
    set_flags(env, f->flags, FL_ARITH | FL_DF | FL_TF | FL_IF | FL_IOPL | FL_NT | FL_RF | FL_VM |
              FL_AC | FL_VIF | FL_VIP | FL_ID);
    x86_seg_set_vm(env, SEG_CS, f->cs);
    x86_seg_set_vm(env, SEG_SS, f->ss);
    for (unsigned i = 0; i < 4; i++) {
        x86_seg_set_vm(env, order[i], selectors[i]);
    }
    x86_set_cpl(env, 3);
    env->pc = (x86_word)(f->pc & 0xffff);
    x86_set_sp(env, f->sp, 0xffffffff);
}

/* Back to the task whose selector is in the TSS's link field. */
static void return_from_task(struct x86_env *env, x86_word next_pc)
{
    struct x86_desc d;
    uint16_t link;
    unsigned type;

    if (x86_long_mode(env)) {
        x86_raise_error(env, EXC_GP, 0);
    }
    link = cpu_lduw(env, env->tr.base, x86_system_idx(env));
    if ((link & 4) || !(link & ~3) || !x86_desc_read(env, link, &d)) {
        selector_fault(env, EXC_TS, link);
    }
    type = desc_type(d.hi);
    if ((d.hi & DESC_S) || (type != SYS_TSS16_BUSY && type != SYS_TSS32_BUSY)) {
        selector_fault(env, EXC_TS, link);
    }
    if (!(d.hi & DESC_P)) {
        selector_fault(env, EXC_NP, link);
    }
    x86_task_switch(env, link, &d, SWITCH_IRET, next_pc);
}

static bool is_vm(const struct x86_env *env)
{
    return env->eflags & FL_VM;
}

static void finish_return(struct x86_env *env)
{
    x86_update_flow(env);
    x86_poll_interrupts(env);
}

static void iret_frame(struct x86_env *env, struct frame *f, struct x86_stack *s)
{
    x86_stack_current(env, s);
    x86_stack_has(s, (x86_code64(env) ? 5 : 3) * f->size);
    f->pc = x86_stack_pop(s, f->size);
    f->cs = (uint16_t)x86_stack_pop(s, f->size);
    f->flags = x86_stack_pop(s, f->size);
    if (x86_code64(env)) {
        f->sp = x86_stack_pop(s, f->size);
        f->ss = (uint16_t)x86_stack_pop(s, f->size);
    }
}

void helper_iret(struct x86_env *env, uint32_t size, x86_word next_pc)
{
    struct frame f = { .size = size, .iret = true };
    struct x86_stack s;

    if ((env->cr[0] & CR0_PE) && !is_vm(env) && (env->eflags & FL_NT)) {
        return_from_task(env, next_pc);
    } else {
        iret_frame(env, &f, &s);
        if (is_vm(env) && (env->eflags & FL_IOPL) != FL_IOPL) {
            iret_vme(env, &f, &s);
        } else if (is_vm(env) || !(env->cr[0] & CR0_PE)) {
            return_real(env, &f, &s);
        } else if ((f.flags & FL_VM) && size == 4 && env->cpl == 0 && !x86_long_mode(env)) {
            return_to_vm(env, &f, &s);
        } else {
            return_protected(env, &f, &s);
        }
    }
    env->nmi_blocked = 0;
    finish_return(env);
}

void helper_far_return(struct x86_env *env, uint32_t size, uint32_t extra)
{
    struct frame f = { .size = size, .extra = extra };
    struct x86_stack s;

    x86_stack_current(env, &s);
    x86_stack_has(&s, 2 * size);
    f.pc = x86_stack_pop(&s, size);
    f.cs = (uint16_t)x86_stack_pop(&s, size);
    if (!(env->cr[0] & CR0_PE) || is_vm(env)) {
        return_real(env, &f, &s);
    } else {
        return_protected(env, &f, &s);
    }
    finish_return(env);
}
