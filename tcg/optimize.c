/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The backward pass: one walk from the last op to the first finds last uses, deletes dead ops and
 * sets of globals that nobody can observe, and folds addition chains into addresses.
 *
 * A precise global's set is dead when a later one overwrites it with no observer between. For a
 * deferrable global observers count less: they only want to find its value somewhere (ir->weak).
 */
#include <string.h>
#include "tcg/build.h"

struct pass {
    struct ir *ir;
    uint64_t dead;                      /* precise globals overwritten before anyone looks */
    uint64_t needed;                    /* deferrable globals */
    uint16_t until[IR_MAX_GLOBALS];     /* the last op that needs it */
};

static void use(struct ir *ir, ir_val v, unsigned at)
{
    if (v) {
        if (!ir->last[v]) {
            ir->last[v] = at;
        }
        ir->uses[v]++;
    }
}

static void use_operands(struct ir *ir, unsigned at)
{
    const struct ir_op *o = &ir->ops[at];
    unsigned n = ir_op_info[o->op].nargs;

    if (n > 0) {
        use(ir, o->a, at);
    }
    if (n > 1) {
        use(ir, o->b, at);
    }
    if (n > 2) {
        use(ir, o->c, at);
    }
}

/* The one that stands in imm. */
static void use_fourth(struct ir *ir, unsigned at)
{
    const struct ir_op *o = &ir->ops[at];

    if (ir_op_info[o->op].flags & IR_MEM) {
        use(ir, ir_in_group(o) ? o->c : o->mem.index, at);
    } else if (o->op == IR_call) {
        use(ir, o->call.d, at);
    } else if (o->op == IR_sel) {
        use(ir, o->sel.d, at);
    }
}

static void want(struct pass *p, uint64_t mask, unsigned at)
{
    for (uint64_t m = mask & ~p->needed; m; m &= m - 1) {
        p->until[__builtin_ctzll(m)] = at;
    }
    p->needed |= mask;
}

/* Control goes elsewhere for good: only `live' matters of what is deferred. */
static void boundary(struct pass *p, uint64_t live, unsigned at)
{
    p->dead = 0;
    p->needed = 0;
    want(p, live, at);
}

static void observe(struct pass *p, unsigned at)
{
    p->dead = 0;
    want(p, p->ir->deferrable, at);
}

/* False when the set is dead. */
static bool visit_set(struct pass *p, unsigned at)
{
    struct ir *ir = p->ir;
    unsigned g = ir->ops[at].imm;

    if (!(ir->deferrable >> g & 1)) {
        if (p->dead >> g & 1) {
            return false;
        }
        p->dead |= 1ull << g;
        return true;
    }
    if (!(p->needed >> g & 1)) {
        return false;
    }
    ir->weak[at] = p->until[g];
    p->needed &= ~(1ull << g);
    return true;
}

static bool visit_set_pair(struct pass *p, unsigned at)
{
    uint64_t both = 3ull << p->ir->ops[at].imm;

    if ((p->dead & both) == both) {
        return false;
    }
    p->dead |= both;
    return true;
}

static void visit_call(struct pass *p, unsigned at)
{
    const struct ir_helper *h = &p->ir->helpers[p->ir->ops[at].call.helper];

    /* What it writes is not needed from before, unless it may raise or reads it. */
    p->needed &= ~h->writes;
    if (h->flags & HELPER_NORETURN) {
        boundary(p, 0, at);
    }
    if (h->flags & (HELPER_RAISES | HELPER_NORETURN)) {
        observe(p, at);
    }
    p->dead &= ~h->reads;
    want(p, h->reads & p->ir->deferrable, at);
}

static void visit_control(struct pass *p, unsigned at)
{
    struct ir *ir = p->ir;
    const struct ir_op *o = &ir->ops[at];

    switch (o->op) {
    case IR_label:
    case IR_br:
        boundary(p, ir->label_live[o->imm], at);
        break;
    case IR_brc:
        p->dead = 0;
        want(p, ir->label_live[o->imm >> 8], at);
        break;
    case IR_exit:
    case IR_ijmp:
        boundary(p, ir_live_unpack(ir, o->c), at);
        break;
    case IR_exit_loop:
    case IR_poll:
        boundary(p, ir->deferrable, at);
        break;
    case IR_call:
        visit_call(p, at);
        break;
    case IR_getpair:
        p->dead &= ~(3ull << o->imm);
        break;
    case IR_get:
        p->dead &= ~(1ull << o->imm);
        want(p, ir->deferrable & 1ull << o->imm, at);
        break;
    }
}

/* An addition that its user may swallow: nobody wants it later, and no register holds it anyway. */
static bool absorbable(const struct ir *ir, enum ir_type type, ir_val v)
{
    const struct ir_op *add = &ir->ops[v];

    return add->op == IR_add && add->type == type && !ir->uses[v] && !ir->held[v];
}

/* x + constant: take the constant into the displacement. */
static bool absorb_constant(struct ir *ir, enum ir_type type, ir_val *a, int32_t *disp)
{
    const struct ir_op *add = &ir->ops[*a];
    int64_t c, sum;

    if (!absorbable(ir, type, *a) || !ir_is_const(ir, add->b, &c)) {
        return false;
    }
    sum = *disp + (type == I32 ? (int32_t)c : c);
    if (sum != (int32_t)sum) {
        return false;
    }
    *disp = sum;
    *a = add->a;
    return true;
}

/* base + (index << scale) */
static bool absorb_index(struct ir *ir, enum ir_type type, struct ir_op *o, ir_val *index)
{
    const struct ir_op *add = &ir->ops[o->a], *shl;
    ir_val base = add->a, idx = add->b;
    int64_t k;

    if (!absorbable(ir, type, o->a) || *index) {
        return false;
    }
    for (int i = 0; i < 2; i++) {
        shl = &ir->ops[idx];
        if (shl->op == IR_shl && shl->type == type && !ir->uses[idx] && !ir->held[idx] &&
            ir_is_const(ir, shl->b, &k) && (uint64_t)k <= 3) {
            o->mem.memop |= k << MO_SCALE_SHIFT;
            idx = shl->a;
            break;
        }
        base = add->b;
        idx = add->a;
    }
    if (!(o->mem.memop >> MO_SCALE_SHIFT & 3)) {
        base = add->a;
        idx = add->b;
    }
    o->a = base;
    *index = idx;
    return true;
}

static void fold_address(struct ir *ir, struct ir_op *o)
{
    enum ir_type type = o->mem.memop & MO_ADDR32 ? I32 : I64;

    if (ir_in_group(o)) {
        const struct ir_op *page = &ir->ops[o->c];

        if (page->b > 1) {
            o->mem.rel -= page->mem.disp;
            absorb_constant(ir, type, &o->a, &o->mem.disp);
            return;
        }
        o->c = o->mem.index = 0;                        /* alone */
    }
    absorb_constant(ir, type, &o->a, &o->mem.disp);
    if (absorb_index(ir, type, o, &o->mem.index)) {
        absorb_constant(ir, type, &o->a, &o->mem.disp);
    }
}

/* add(add(x, y << k), c) -> lea */
static void fold_lea(struct ir *ir, struct ir_op *o)
{
    struct ir_op lea = { .op = IR_lea, .type = o->type };
    ir_val index = 0;
    int64_t c;

    if (ir_is_const(ir, o->b, &c)) {
        if (o->type == I32) {
            c = (int32_t)c;
        }
        if (c != (int32_t)c) {
            return;
        }
        lea.a = o->a;
        lea.mem.disp = c;
        if (absorb_index(ir, o->type, &lea, &index)) {
            lea.b = index;
            *o = lea;
        }
        return;
    }
    for (int i = 0; i < 2; i++) {
        ir_val idx = i ? o->a : o->b;
        const struct ir_op *shl = &ir->ops[idx];

        if (shl->op == IR_shl && shl->type == o->type && !ir->uses[idx] && !ir->held[idx] &&
            ir_is_const(ir, shl->b, &c) && (uint64_t)c <= 3) {
            lea.a = i ? o->b : o->a;
            lea.b = shl->a;
            lea.mem.memop = c << MO_SCALE_SHIFT;
            *o = lea;
            return;
        }
    }
}

/* A branch on (x & y) == 0 whose `and' nobody else wants becomes a test of x and y. */
static void fold_test(struct ir *ir, unsigned at)
{
    struct ir_op *o = &ir->ops[at];
    const struct ir_op *and = &ir->ops[o->a];
    uint8_t cc = o->imm;
    int64_t c;

    if ((cc != IR_EQ && cc != IR_NE) || !ir_is_const(ir, o->b, &c) || c != 0 ||
        and->op != IR_and || and->type != o->type || ir->uses[o->a]) {
        return;
    }
    for (unsigned i = o->a + 1; i < at; i++) {
        if ((ir->ops[i].a == o->a || ir->ops[i].b == o->a) && ir->ops[i].op != IR_nop) {
            return;
        }
    }
    o->imm = (o->imm & ~0xff) | (cc == IR_EQ ? IR_TSTEQ : IR_TSTNE);
    o->b = and->b;
    o->a = and->a;
}

static bool is_dead(const struct ir *ir, unsigned at)
{
    const struct ir_op *o = &ir->ops[at];
    const struct ir_op_info *info = &ir_op_info[o->op];

    if (ir->uses[at]) {
        return false;
    }
    if (o->op == IR_call) {
        return ir->helpers[o->call.helper].flags & HELPER_PURE;
    }
    return (info->flags & IR_RESULT) && (!(info->flags & IR_EFFECT) || ir_is_move(o));
}

static void visit_effects(struct pass *p, unsigned at, unsigned flags)
{
    struct ir_op *o = &p->ir->ops[at];

    if (flags & IR_MEM) {
        fold_address(p->ir, o);
    } else if (o->op == IR_brc) {
        fold_test(p->ir, at);
    }
    if (flags & IR_FAULT) {
        observe(p, at);
    } else if (!(flags & IR_RESULT) || o->op == IR_get ||
               o->op == IR_getpair || o->op == IR_call) {
        visit_control(p, at);
    }
    use_fourth(p->ir, at);
}

void ir_optimize(struct ir *ir)
{
    struct pass pass = { .ir = ir };

    memset(ir->last, 0, ir->n * sizeof(ir->last[0]));
    memset(ir->uses, 0, ir->n * sizeof(ir->uses[0]));
    boundary(&pass, ir->deferrable, ir->n - 1);
    for (unsigned i = ir->n - 1; i > 0; i--) {
        struct ir_op *o = &ir->ops[i];
        unsigned flags = ir_op_info[o->op].flags;

        if (o->op == IR_nop || o->op == IR_insn) {
            continue;
        }
        if (is_dead(ir, i) || (o->op == IR_set && !visit_set(&pass, i)) ||
            (o->op == IR_setpair && !visit_set_pair(&pass, i))) {
            *o = (struct ir_op){ .op = IR_nop, .type = IR_NONE };
            continue;
        }
        if (flags & IR_FOLD) {                  /* it computes, no more */
            if (o->op == IR_add) {
                fold_lea(ir, o);
            } else if (o->op == IR_setc) {
                fold_test(ir, i);
            }
        } else if (o->op != IR_const) {
            visit_effects(&pass, i, flags);
        }
        use_operands(ir, i);
    }
}
