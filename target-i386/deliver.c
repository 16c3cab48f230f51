/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Event delivery through the IDT: interrupt, trap and task gates, inner stacks, v86, long mode. */
#include "target-i386/sys.h"

struct delivery {
    const struct x86_event *event;
    struct x86_desc gate, code;
    uint16_t selector;
    uint64_t offset;
    unsigned size;                  /* 2, 4, 8 */
    unsigned cpl;                   /* afterwards */
    bool interrupt_gate;
    uint32_t flags;                 /* as pushed */
};

static _Noreturn void selector_fault(struct x86_env *env, int vector, uint16_t selector)
{
    x86_raise_error(env, vector, (selector & ~3u) | env->event_external);
}

static _Noreturn void gate_fault(struct x86_env *env, int vector, const struct x86_event *event)
{
    x86_raise_error(env, vector, event->vector * 8u + 2 + env->event_external);
}

/* Reads the gate and checks what does not depend on its type. */
static void read_gate(struct x86_env *env, struct delivery *d)
{
    const struct x86_event *event = d->event;
    unsigned entry = x86_long_mode(env) ? 16 : 8, type;
    uint64_t at = env->idt_base + event->vector * entry, raw;
    uint16_t legal = 1 << SYS_INT32 | 1 << SYS_TRAP32;

    if (event->vector * entry + entry - 1 > env->idt_limit) {
        gate_fault(env, EXC_GP, event);
    }
    if (!x86_long_mode(env)) {
        at = (uint32_t)at;
        legal |= 1 << SYS_INT16 | 1 << SYS_TRAP16 | 1 << SYS_TASK_GATE;
    }
    raw = cpu_ldq(env, at, x86_system_idx(env));
    d->gate.lo = (uint32_t)raw;
    d->gate.hi = (uint32_t)(raw >> 32);
    d->gate.base_high = x86_long_mode(env)
        ? (uint64_t)cpu_ldl(env, at + 8, x86_system_idx(env)) << 32 : 0;
    type = desc_type(d->gate.hi);
    if ((d->gate.hi & DESC_S) || !(legal >> type & 1) ||
        (event->soft && desc_dpl(d->gate.hi) < env->cpl)) {
        gate_fault(env, EXC_GP, event);
    }
    if (!(d->gate.hi & DESC_P)) {
        gate_fault(env, EXC_NP, event);
    }
    d->selector = (uint16_t)(d->gate.lo >> 16);
    d->size = x86_long_mode(env) ? 8 : type & 8 ? 4 : 2;
    d->offset = (d->gate.lo & 0xffff) | (d->size > 2 ? d->gate.hi & 0xffff0000 : 0);
    d->offset |= d->gate.base_high;
    d->interrupt_gate = !(type & 1);
    d->flags = x86_get_eflags(env) | (event->fault ? FL_RF : 0);
}

static void read_code(struct x86_env *env, struct delivery *d)
{
    unsigned dpl;

    if (!(d->selector & ~3)) {
        x86_raise_error(env, EXC_GP, env->event_external);
    }
    if (!x86_desc_read(env, d->selector, &d->code) || !desc_is_code(d->code.hi)) {
        selector_fault(env, EXC_GP, d->selector);
    }
    dpl = desc_dpl(d->code.hi);
    if (dpl > env->cpl) {
        selector_fault(env, EXC_GP, d->selector);
    }
    if (!(d->code.hi & DESC_P)) {
        selector_fault(env, EXC_NP, d->selector);
    }
    if (x86_long_mode(env) && (d->code.hi & (DESC_L | DESC_DB)) != DESC_L) {
        selector_fault(env, EXC_GP, d->selector);
    }
    d->cpl = d->code.hi & DESC_DC ? env->cpl : dpl;
    if ((env->eflags & FL_VM) && d->cpl != 0) {
        selector_fault(env, EXC_GP, d->selector);
    }
}

static void push_frame(struct x86_env *env, const struct delivery *d, struct x86_stack *s)
{
    x86_stack_push(s, d->size, d->flags);
    x86_stack_push(s, d->size, env->segs[SEG_CS].selector);
    x86_stack_push(s, d->size, d->event->return_pc);
    if (d->event->has_error) {
        x86_stack_push(s, d->size, d->event->error);
    }
}

static void enter(struct x86_env *env, struct delivery *d)
{
    x86_desc_accessed(env, d->selector, &d->code);
    env->eflags &= ~(FL_TF | FL_VM | FL_RF | FL_NT | (d->interrupt_gate ? FL_IF : 0));
    x86_seg_set_cs(env, d->selector, &d->code, d->cpl);
    env->pc = (x86_word)d->offset;
}

static void deliver_inner(struct x86_env *env, struct delivery *d)
{
    static const uint8_t order[] = { SEG_GS, SEG_FS, SEG_DS, SEG_ES };
    bool vm = env->eflags & FL_VM;
    unsigned words = 5 + d->event->has_error + (vm ? 4 : 0);
    struct x86_segment room = { 0 };
    struct x86_stack s;
    struct x86_desc ss;
    uint16_t new_ss;
    uint32_t esp;

    x86_tss_stack(env, d->cpl, &new_ss, &esp);
    x86_check_inner_ss(env, new_ss, d->cpl, &ss);
    x86_stack_make(env, &s, desc_base(&ss), esp, ss.hi, d->cpl);
    room.limit = desc_limit(&ss);
    room.flags = ss.hi & 0xf0ff00;
    x86_stack_room(&s, &room, words * d->size, (new_ss & ~3u) | env->event_external);
    x86_check_target(env, &d->code, d->offset);
    for (unsigned i = 0; vm && i < 4; i++) {
        x86_stack_push(&s, d->size, env->segs[order[i]].selector);
    }
    x86_stack_push(&s, d->size, env->segs[SEG_SS].selector);
    x86_stack_push(&s, d->size, env->regs[R_SP]);
    push_frame(env, d, &s);
    for (unsigned i = 0; vm && i < 4; i++) {
        x86_seg_set_null(env, order[i], 0);
    }
    x86_desc_accessed(env, new_ss, &ss);
    x86_seg_set_desc(env, SEG_SS, new_ss, &ss);
    x86_set_sp(env, s.sp, s.mask);
    enter(env, d);
}

static void deliver_task(struct x86_env *env, struct delivery *d)
{
    struct x86_stack s;
    unsigned size;

    x86_task_gate(env, d->selector, SWITCH_CALL, d->event->return_pc);
    if (d->event->has_error) {
        size = desc_type(env->tr.flags) & 8 ? 4 : 2;
        x86_stack_current(env, &s);
        x86_stack_room(&s, &env->segs[SEG_SS], size, env->event_external);
        x86_stack_push(&s, size, d->event->error);
        x86_stack_commit(&s);
    }
}

void x86_deliver_protected(struct x86_env *env, const struct x86_event *event)
{
    struct delivery d = { .event = event };
    struct x86_stack s;

    read_gate(env, &d);
    if (desc_type(d.gate.hi) == SYS_TASK_GATE) {
        deliver_task(env, &d);
        return;
    }
    read_code(env, &d);
    if (d.cpl < env->cpl) {
        deliver_inner(env, &d);
        return;
    }
    x86_stack_current(env, &s);
    x86_stack_room(&s, &env->segs[SEG_SS], (3 + event->has_error) * d.size, env->event_external);
    x86_check_target(env, &d.code, d.offset);
    push_frame(env, &d, &s);
    x86_stack_commit(&s);
    enter(env, &d);
}

/* Always a full frame of 8-byte words, on a stack aligned to 16. */
void x86_deliver_long(struct x86_env *env, const struct x86_event *event)
{
    struct delivery d = { .event = event };
    struct x86_stack s;
    unsigned ist;

    read_gate(env, &d);
    ist = d.gate.hi & 7;
    read_code(env, &d);
    if (ist) {
        s.sp = x86_tss_rsp(env, 3 + ist);
    } else if (d.cpl < env->cpl) {
        s.sp = x86_tss_rsp(env, d.cpl);
    } else {
        s.sp = env->regs[R_SP];
    }
    x86_check_target(env, &d.code, d.offset);
    x86_stack_make(env, &s, 0, s.sp & ~15ull, 0, d.cpl);
    s.mask = ~0ull;
    x86_stack_room(&s, NULL, 6 * 8, env->event_external);
    x86_stack_push(&s, 8, env->segs[SEG_SS].selector);
    x86_stack_push(&s, 8, env->regs[R_SP]);
    push_frame(env, &d, &s);
    if (d.cpl < env->cpl) {
        env->cpl = d.cpl;
        x86_seg_set_null(env, SEG_SS, (uint16_t)d.cpl);
    }
    env->regs[R_SP] = (x86_word)s.sp;
    enter(env, &d);
}
