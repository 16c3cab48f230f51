/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Segment registers: descriptor reads, loads with all checks, and the instructions that only look.
 */
#include "target-i386/sys.h"
#include "target-i386/helpers.h"

#include <string.h>

bool x86_desc_read(struct x86_env *env, uint16_t selector, struct x86_desc *d)
{
    bool local = selector & 4;
    uint64_t base = local ? env->ldt.base : env->gdt_base;
    uint32_t limit = local ? env->ldt.limit : env->gdt_limit, index = selector & ~7;
    uint64_t raw;

    if ((local && !(env->ldt.flags & DESC_P)) || index + 7 > limit) {
        return false;
    }
    base += index;
    if (!x86_long_mode(env)) {
        base = (uint32_t)base;
    }
    raw = cpu_ldq(env, base, x86_system_idx(env));
    d->lo = (uint32_t)raw;
    d->hi = (uint32_t)(raw >> 32);
    d->base_high = 0;
    d->type_high = 0;
    if (x86_long_mode(env) && !(d->hi & DESC_S)) {
        if (index + 15 > limit) {
            return false;
        }
        raw = cpu_ldq(env, base + 8, x86_system_idx(env));
        d->base_high = raw << 32;
        d->type_high = raw >> 40 & 0x1f;
    }
    return true;
}

void x86_desc_accessed(struct x86_env *env, uint16_t selector, struct x86_desc *d)
{
    uint64_t base = selector & 4 ? env->ldt.base : env->gdt_base;

    if (!(d->hi & DESC_A)) {
        d->hi |= DESC_A;
        base += (selector & ~7) + 4;
        cpu_stl(env, x86_long_mode(env) ? base : (uint32_t)base, d->hi, x86_system_idx(env));
    }
}

void x86_seg_set_desc(struct x86_env *env, int seg, uint16_t selector, const struct x86_desc *d)
{
    x86_seg_set(env, seg, selector, desc_base(d), desc_limit(d), d->hi);
}

void x86_seg_set_vm(struct x86_env *env, int seg, uint16_t selector)
{
    x86_seg_set(env, seg, selector, (uint32_t)selector << 4, 0xffff,
                DESC_P | DESC_S | DESC_RW | DESC_A | DESC_DPL);
}

void x86_seg_set_null(struct x86_env *env, int seg, uint16_t selector)
{
    uint32_t flags = seg == SEG_SS ? DESC_P | DESC_S | DESC_RW | DESC_A | env->cpl << DESC_DPL_SHIFT
                                   : 0;

    x86_seg_set(env, seg, selector, 0, seg == SEG_SS ? 0xffffffff : 0, flags);
}

void x86_set_cpl(struct x86_env *env, unsigned cpl)
{
    env->cpl = cpl;
}

void x86_seg_set_cs(struct x86_env *env, uint16_t selector, const struct x86_desc *d, unsigned cpl)
{
    x86_seg_set_desc(env, SEG_CS, (selector & ~3) | cpl, d);
    if (x86_long_mode(env) && (d->hi & DESC_L)) {
        env->segs[SEG_CS].base = 0;
        env->segs[SEG_CS].limit = 0xffffffff;
    }
    x86_set_cpl(env, cpl);
}

bool x86_seg_covers(const struct x86_segment *s, uint64_t offset, unsigned len)
{
    uint64_t last = offset + len - 1;

    if (!(s->flags & DESC_P)) {
        return false;
    }
    if ((s->flags & (DESC_CODE | DESC_DC)) == DESC_DC) {
        return offset > s->limit && last <= (s->flags & DESC_DB ? 0xffffffff : 0xffff);
    }
    /* What wraps round at the end of a flat segment is no limit violation. */
    return last <= s->limit || s->limit == 0xffffffff;
}

static void load_ss(struct x86_env *env, uint16_t selector)
{
    struct x86_desc d;

    if (!(selector & ~3)) {
        if (!x86_code64(env) || env->cpl == 3 || (selector & 3) != env->cpl) {
            x86_raise_error(env, EXC_GP, 0);
        }
        x86_seg_set_null(env, SEG_SS, selector);
        return;
    }
    if (!x86_desc_read(env, selector, &d) || (selector & 3) != env->cpl ||
        !desc_is_writable_data(d.hi) || desc_dpl(d.hi) != env->cpl) {
        x86_raise_error(env, EXC_GP, selector & ~3);
    }
    if (!(d.hi & DESC_P)) {
        x86_raise_error(env, EXC_SS, selector & ~3);
    }
    x86_desc_accessed(env, selector, &d);
    x86_seg_set_desc(env, SEG_SS, selector, &d);
}

void x86_seg_load(struct x86_env *env, int seg, uint16_t selector)
{
    struct x86_desc d;
    unsigned rpl = selector & 3;

    if (seg == SEG_SS) {
        load_ss(env, selector);
        return;
    }
    if (!(selector & ~3)) {
        x86_seg_set_null(env, seg, selector);
        return;
    }
    if (!x86_desc_read(env, selector, &d) || !(d.hi & DESC_S) ||
        (d.hi & (DESC_CODE | DESC_RW)) == DESC_CODE) {
        x86_raise_error(env, EXC_GP, selector & ~3);
    }
    if ((d.hi & (DESC_CODE | DESC_DC)) != (DESC_CODE | DESC_DC) &&
        desc_dpl(d.hi) < (rpl > env->cpl ? rpl : env->cpl)) {
        x86_raise_error(env, EXC_GP, selector & ~3);
    }
    if (!(d.hi & DESC_P)) {
        x86_raise_error(env, EXC_NP, selector & ~3);
    }
    x86_desc_accessed(env, selector, &d);
    x86_seg_set_desc(env, seg, selector, &d);
}

void x86_check_target(struct x86_env *env, const struct x86_desc *d, uint64_t offset)
{
    if (x86_long_mode(env) && (d->hi & DESC_L) ? !x86_canonical(offset) : offset > desc_limit(d)) {
        x86_raise_error(env, EXC_GP, env->event_external);
    }
}

/* --- inner stacks ---------------------------------------------------------------------------- */

void x86_tss_stack(struct x86_env *env, unsigned dpl, uint16_t *ss, uint32_t *esp)
{
    bool wide = desc_type(env->tr.flags) & 8;
    uint32_t at = wide ? 4 + 8 * dpl : 2 + 4 * dpl;
    uint64_t base = env->tr.base + at;

    if (at + (wide ? 5 : 3) > env->tr.limit) {
        x86_raise_error(env, EXC_TS, (env->tr.selector & ~3) | env->event_external);
    }
    if (wide) {
        *esp = cpu_ldl(env, base, x86_system_idx(env));
        *ss = cpu_lduw(env, base + 4, x86_system_idx(env));
    } else {
        *esp = cpu_lduw(env, base, x86_system_idx(env));
        *ss = cpu_lduw(env, base + 2, x86_system_idx(env));
    }
}

/* Slot 0..2: RSP of a ring; 3 + n: IST n. */
uint64_t x86_tss_rsp(struct x86_env *env, unsigned slot)
{
    uint32_t at = slot < 3 ? 4 + 8 * slot : 0x24 + 8 * (slot - 4);
    uint64_t rsp;

    if (at + 7 > env->tr.limit) {
        x86_raise_error(env, EXC_TS, (env->tr.selector & ~3) | env->event_external);
    }
    rsp = cpu_ldq(env, env->tr.base + at, x86_system_idx(env));
    if (!x86_canonical(rsp)) {
        x86_raise_error(env, EXC_SS, env->event_external);
    }
    return rsp;
}

void x86_check_inner_ss(struct x86_env *env, uint16_t ss, unsigned dpl, struct x86_desc *d)
{
    uint32_t ext = env->event_external;

    if (!(ss & ~3)) {
        x86_raise_error(env, EXC_TS, ext);
    }
    if ((ss & 3) != dpl || !x86_desc_read(env, ss, d) || desc_dpl(d->hi) != dpl ||
        !desc_is_writable_data(d->hi)) {
        x86_raise_error(env, EXC_TS, (ss & ~3) | ext);
    }
    if (!(d->hi & DESC_P)) {
        x86_raise_error(env, EXC_SS, (ss & ~3) | ext);
    }
}

/* --- LDTR, TR -------------------------------------------------------------------------------- */

static void load_system_segment(struct x86_env *env, struct x86_segment *s, uint16_t selector,
                                const struct x86_desc *d)
{
    s->selector = selector;
    s->base = desc_base(d) | d->base_high;
    s->limit = desc_limit(d);
    s->flags = d->hi & 0xf0ff00;
}

void helper_lldt(struct x86_env *env, uint32_t selector)
{
    struct x86_desc d;

    selector &= 0xffff;
    if (!(selector & ~3u)) {
        memset(&env->ldt, 0, sizeof(env->ldt));
        env->ldt.selector = (uint16_t)selector;
        return;
    }
    if ((selector & 4) || !x86_desc_read(env, (uint16_t)selector, &d) || (d.hi & DESC_S) ||
        desc_type(d.hi) != SYS_LDT) {
        x86_raise_error(env, EXC_GP, selector & ~3u);
    }
    if (!(d.hi & DESC_P)) {
        x86_raise_error(env, EXC_NP, selector & ~3u);
    }
    if (!x86_canonical(desc_base(&d) | d.base_high)) {
        x86_raise_error(env, EXC_GP, selector & ~3u);
    }
    load_system_segment(env, &env->ldt, (uint16_t)selector, &d);
}

void helper_ltr(struct x86_env *env, uint32_t selector)
{
    struct x86_desc d;
    unsigned type;

    selector &= 0xffff;
    if (!(selector & ~3u)) {
        x86_raise_error(env, EXC_GP, 0);
    }
    if ((selector & 4) || !x86_desc_read(env, (uint16_t)selector, &d) || (d.hi & DESC_S)) {
        x86_raise_error(env, EXC_GP, selector & ~3u);
    }
    type = desc_type(d.hi);
    if (type != SYS_TSS32 && (type != SYS_TSS16 || x86_long_mode(env))) {
        x86_raise_error(env, EXC_GP, selector & ~3u);
    }
    if (!(d.hi & DESC_P)) {
        x86_raise_error(env, EXC_NP, selector & ~3u);
    }
    if (!x86_canonical(desc_base(&d) | d.base_high)) {
        x86_raise_error(env, EXC_GP, selector & ~3u);
    }
    d.hi |= 2 << 8;                 /* busy */
    cpu_stl(env, env->gdt_base + (selector & ~7u) + 4, d.hi, x86_system_idx(env));
    load_system_segment(env, &env->tr, (uint16_t)selector, &d);
}

/* --- MOV and POP to segment registers -------------------------------------------------------- */

/* Returns whether the mode changed, so that the region must end. */
uint32_t helper_load_seg(struct x86_env *env, uint32_t seg, uint32_t selector)
{
    uint32_t before = env->mode;

    if (!(env->cr[0] & CR0_PE) || (env->eflags & FL_VM)) {
        /* Limits and rights stay as they are ("unreal mode"). */
        env->segs[seg].selector = (uint16_t)selector;
        env->segs[seg].base = (uint32_t)(uint16_t)selector << 4;
        if (env->eflags & FL_VM) {
            x86_seg_set_vm(env, (int)seg, (uint16_t)selector);
        }
    } else {
        x86_seg_load(env, (int)seg, (uint16_t)selector);
    }
    x86_update_mode(env);
    return env->mode != before;
}

/* --- LAR, LSL, VERR, VERW, ARPL -------------------------------------------------------------- */

/* Whether the descriptor is there and visible from CPL and RPL. */
static bool visible(struct x86_env *env, uint32_t selector, struct x86_desc *d)
{
    unsigned dpl;

    if (!(selector & 0xfffc) || !x86_desc_read(env, (uint16_t)selector, d)) {
        return false;
    }
    if (desc_is_code(d->hi) && (d->hi & DESC_DC)) {
        return true;
    }
    dpl = desc_dpl(d->hi);
    return dpl >= env->cpl && dpl >= (selector & 3);
}

static bool system_type_in(const struct x86_env *env, uint32_t hi, uint16_t legacy, uint16_t wide)
{
    return (hi & DESC_S) || ((x86_long_mode(env) ? wide : legacy) >> desc_type(hi) & 1);
}

/* Both return the value, or X86_LOOK_FAILED: ZF is cleared and the register kept. */
uint64_t helper_lar(struct x86_env *env, uint32_t selector)
{
    struct x86_desc d;

    /* TSS, LDT, call and task gates; in long mode what is left of them */
    if (!visible(env, selector, &d) || !system_type_in(env, d.hi, 0x1a3e, 0x1a04)) {
        return X86_LOOK_FAILED;
    }
    return d.hi & 0x00ffff00;
}

uint64_t helper_lsl(struct x86_env *env, uint32_t selector)
{
    struct x86_desc d;

    if (!visible(env, selector, &d) || !system_type_in(env, d.hi, 0x0a0e, 0x0a04)) {
        return X86_LOOK_FAILED;
    }
    return desc_limit(&d);
}

uint32_t helper_verr(struct x86_env *env, uint32_t selector)
{
    struct x86_desc d;

    return visible(env, selector, &d) && (d.hi & DESC_S) &&
        (d.hi & (DESC_CODE | DESC_RW)) != DESC_CODE;
}

uint32_t helper_verw(struct x86_env *env, uint32_t selector)
{
    struct x86_desc d;

    return visible(env, selector, &d) && desc_is_writable_data(d.hi);
}

/* --- limit checks of data accesses, when the mode asks for them ------------------------------ */

void helper_check_segment(struct x86_env *env, uint32_t seg, x86_word offset, uint32_t len_write)
{
    const struct x86_segment *s = &env->segs[seg];
    bool allowed = x86_seg_covers(s, offset, len_write & 0xff);

    if (allowed && (env->cr[0] & CR0_PE) && !(env->eflags & FL_VM)) {
        allowed = len_write & X86_CHECK_WRITE ? desc_is_writable_data(s->flags)
                                              : (s->flags & (DESC_CODE | DESC_RW)) != DESC_CODE;
    }
    if (!allowed) {
        x86_raise_error(env, seg == SEG_SS ? EXC_SS : EXC_GP, 0);
    }
}
