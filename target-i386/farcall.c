/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Far jumps and calls: code segments, call gates with stack switch, task gates, TSSs. */
#include "target-i386/sys.h"
#include "target-i386/helpers.h"

/* A far transfer in progress */
struct transfer {
    uint16_t selector;
    uint64_t offset;
    unsigned size;                  /* of the operand: 2, 4, 8 */
    uint64_t next_pc;
    bool call;
};

static _Noreturn void selector_fault(struct x86_env *env, int vector, uint16_t selector)
{
    x86_raise_error(env, vector, selector & ~3u);
}

static bool is_real_or_vm(const struct x86_env *env)
{
    return !(env->cr[0] & CR0_PE) || (env->eflags & FL_VM);
}

/* Real mode keeps CS's limit; selector and base change. */
static void set_cs_real(struct x86_env *env, uint16_t selector)
{
    env->segs[SEG_CS].selector = selector;
    env->segs[SEG_CS].base = (uint32_t)selector << 4;
}

static void push_return(struct x86_env *env, const struct transfer *t)
{
    struct x86_stack s;

    x86_stack_current(env, &s);
    x86_stack_room(&s, &env->segs[SEG_SS], 2 * t->size, 0);
    x86_stack_push(&s, t->size, env->segs[SEG_CS].selector);
    x86_stack_push(&s, t->size, t->next_pc);
    x86_stack_commit(&s);
}

static void transfer_real(struct x86_env *env, const struct transfer *t)
{
    if (t->offset > env->segs[SEG_CS].limit) {
        x86_raise_error(env, EXC_GP, 0);
    }
    if (t->call) {
        push_return(env, t);
    }
    set_cs_real(env, t->selector);
    env->pc = (x86_word)t->offset;
}

static void transfer_code(struct x86_env *env, const struct transfer *t, struct x86_desc *d)
{
    unsigned dpl = desc_dpl(d->hi);

    if (d->hi & DESC_DC ? dpl > env->cpl : (t->selector & 3) > env->cpl || dpl != env->cpl) {
        selector_fault(env, EXC_GP, t->selector);
    }
    if (x86_long_mode(env) && (d->hi & DESC_L) && (d->hi & DESC_DB)) {
        selector_fault(env, EXC_GP, t->selector);
    }
    if (!(d->hi & DESC_P)) {
        selector_fault(env, EXC_NP, t->selector);
    }
    if (t->call) {
        struct x86_stack s;

        x86_stack_current(env, &s);
        x86_stack_room(&s, &env->segs[SEG_SS], 2 * t->size, 0);
    }
    x86_check_target(env, d, t->offset);
    if (t->call) {
        push_return(env, t);
    }
    x86_desc_accessed(env, t->selector, d);
    x86_seg_set_cs(env, t->selector, d, env->cpl);
    env->pc = (x86_word)t->offset;
}

/* --- call gates ------------------------------------------------------------------------------ */

struct gate {
    uint16_t selector;              /* of the code */
    uint64_t offset;
    unsigned size, params;
    struct x86_desc code;
};

static void read_gate(struct x86_env *env, const struct transfer *t, const struct x86_desc *d,
                      struct gate *g)
{
    unsigned type = desc_type(d->hi);

    g->selector = (uint16_t)(d->lo >> 16);
    g->offset = (d->lo & 0xffff) | (type == SYS_CALL32 ? d->hi & 0xffff0000 : 0);
    g->size = type == SYS_CALL32 ? 4 : 2;
    g->params = d->hi & 31;
    if (x86_long_mode(env)) {
        g->offset |= d->base_high;
        g->size = 8;
        g->params = 0;
    }
    if (!(g->selector & ~3)) {
        x86_raise_error(env, EXC_GP, 0);
    }
    if (!x86_desc_read(env, g->selector, &g->code) || !desc_is_code(g->code.hi)) {
        selector_fault(env, EXC_GP, g->selector);
    }
    if (x86_long_mode(env) && (g->code.hi & (DESC_L | DESC_DB)) != DESC_L) {
        selector_fault(env, EXC_GP, g->selector);
    }
}

static void copy_parameters(struct x86_env *env, struct x86_stack *to, const struct gate *g)
{
    struct x86_stack from;
    uint32_t values[31];

    x86_stack_current(env, &from);
    for (unsigned i = 0; i < g->params; i++) {
        values[i] = (uint32_t)x86_stack_pop(&from, g->size);
    }
    for (unsigned i = g->params; i-- > 0;) {
        x86_stack_push(to, g->size, values[i]);
    }
}

static void gate_inner_stack(struct x86_env *env, const struct gate *g, unsigned dpl,
                             uint64_t next_pc)
{
    struct x86_stack s;
    struct x86_desc ss = { 0 };
    struct x86_segment room = { .limit = 0 };
    uint16_t new_ss = (uint16_t)dpl;
    uint64_t old_sp = env->regs[R_SP];

    if (x86_long_mode(env)) {
        x86_stack_make(env, &s, 0, x86_tss_rsp(env, dpl), 0, dpl);
        s.mask = ~0ull;
    } else {
        uint32_t esp;

        x86_tss_stack(env, dpl, &new_ss, &esp);
        x86_check_inner_ss(env, new_ss, dpl, &ss);
        x86_stack_make(env, &s, desc_base(&ss), esp, ss.hi, dpl);
        room.limit = desc_limit(&ss);
        room.flags = ss.hi & 0xf0ff00;
    }
    x86_stack_room(&s, &room, (4 + g->params) * g->size, new_ss & ~3u);
    x86_check_target(env, &g->code, g->offset);
    x86_stack_push(&s, g->size, env->segs[SEG_SS].selector);
    x86_stack_push(&s, g->size, old_sp);
    copy_parameters(env, &s, g);
    x86_stack_push(&s, g->size, env->segs[SEG_CS].selector);
    x86_stack_push(&s, g->size, next_pc);
    if (!x86_long_mode(env)) {
        x86_desc_accessed(env, new_ss, &ss);
        x86_seg_set_desc(env, SEG_SS, new_ss, &ss);
    } else {
        env->cpl = dpl;
        x86_seg_set_null(env, SEG_SS, new_ss);
    }
    x86_set_sp(env, s.sp, s.mask);
}

static void gate_same_stack(struct x86_env *env, const struct gate *g, uint64_t next_pc)
{
    struct x86_stack s;

    x86_stack_current(env, &s);
    x86_stack_room(&s, &env->segs[SEG_SS], 2 * g->size, 0);
    x86_check_target(env, &g->code, g->offset);
    x86_stack_push(&s, g->size, env->segs[SEG_CS].selector);
    x86_stack_push(&s, g->size, next_pc);
    x86_stack_commit(&s);
}

static void transfer_gate(struct x86_env *env, const struct transfer *t, const struct x86_desc *d)
{
    struct gate g;
    unsigned dpl, cpl = env->cpl;

    read_gate(env, t, d, &g);
    dpl = desc_dpl(g.code.hi);
    if (t->call || (g.code.hi & DESC_DC) ? dpl > cpl : dpl != cpl) {
        selector_fault(env, EXC_GP, g.selector);
    }
    if (!(g.code.hi & DESC_P)) {
        selector_fault(env, EXC_NP, g.selector);
    }
    if (!t->call) {
        x86_check_target(env, &g.code, g.offset);
    } else if (!(g.code.hi & DESC_DC) && dpl < cpl) {
        gate_inner_stack(env, &g, dpl, t->next_pc);
        cpl = dpl;
    } else {
        gate_same_stack(env, &g, t->next_pc);
    }
    x86_desc_accessed(env, g.selector, &g.code);
    x86_seg_set_cs(env, g.selector, &g.code, cpl);
    env->pc = (x86_word)g.offset;
}

static void transfer_system(struct x86_env *env, const struct transfer *t, const struct x86_desc *d)
{
    unsigned type = desc_type(d->hi), dpl = desc_dpl(d->hi);
    enum x86_switch kind = t->call ? SWITCH_CALL : SWITCH_JMP;
    uint16_t legal = x86_long_mode(env) ? 1 << SYS_CALL32
        : 1 << SYS_CALL32 | 1 << SYS_CALL16 | 1 << SYS_TASK_GATE | 1 << SYS_TSS16 | 1 << SYS_TSS32;

    if (!(legal >> type & 1) || dpl < env->cpl || dpl < (t->selector & 3)) {
        selector_fault(env, EXC_GP, t->selector);
    }
    if (!(d->hi & DESC_P)) {
        selector_fault(env, EXC_NP, t->selector);
    }
    if (x86_long_mode(env) && d->type_high) {
        selector_fault(env, EXC_GP, t->selector);
    }
    if (type == SYS_TASK_GATE) {
        x86_task_gate(env, (uint16_t)(d->lo >> 16), kind, t->next_pc);
    } else if (type == SYS_TSS16 || type == SYS_TSS32) {
        x86_task_switch(env, t->selector, d, kind, t->next_pc);
    } else {
        transfer_gate(env, t, d);
    }
}

static void transfer_far(struct x86_env *env, const struct transfer *t)
{
    struct x86_desc d;

    if (is_real_or_vm(env)) {
        transfer_real(env, t);
    } else {
        if (!(t->selector & ~3)) {
            x86_raise_error(env, EXC_GP, 0);
        }
        if (!x86_desc_read(env, t->selector, &d)) {
            selector_fault(env, EXC_GP, t->selector);
        }
        if (!(d.hi & DESC_S)) {
            transfer_system(env, t, &d);
        } else if (desc_is_code(d.hi)) {
            transfer_code(env, t, &d);
        } else {
            selector_fault(env, EXC_GP, t->selector);
        }
    }
    x86_update_mode(env);
}

void helper_far_jump(struct x86_env *env, uint32_t selector, x86_word offset, uint32_t size,
                         x86_word next_pc)
{
    struct transfer t = { (uint16_t)selector, offset, size, next_pc, false };

    transfer_far(env, &t);
}

void helper_far_call(struct x86_env *env, uint32_t selector, x86_word offset, uint32_t size,
                         x86_word next_pc)
{
    struct transfer t = { (uint16_t)selector, offset, size, next_pc, true };

    transfer_far(env, &t);
}
