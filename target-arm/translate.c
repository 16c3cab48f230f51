/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Translation of a region: one instruction after the other through the handlers, conditions,
 * labels where branches join, and every way to leave.
 */
#include "target-arm/translate.h"

#include <stddef.h>
#include <stdlib.h>

#include "base/log.h"
#include "cpu-debug.h"

/* --- registers ------------------------------------------------------------------------------- */

uint32_t arm_pc_value(const struct arm_dis *d)
{
    uint32_t pc = (uint32_t)d->in->flow.pc;

    return d->thumb ? (pc & ~1u) + 4 : pc + 8;
}

ir_val arm_reg(struct arm_dis *d, unsigned r)
{
    return r == R_PC ? arm_imm(d, arm_pc_value(d)) : ir_get(d->ir, G_REG0 + r);
}

void arm_set_reg(struct arm_dis *d, unsigned r, ir_val v)
{
    if (d->predicated) {
        const struct arm_cond *c = d->predicate;

        v = ir_sel(d->ir, I32, c->cc, c->a, c->b, v, ir_get(d->ir, G_REG0 + r));
    }
    ir_set(d->ir, G_REG0 + r, v);
}

/* --- helpers --------------------------------------------------------------------------------- */

ir_val arm_call4(struct arm_dis *d, enum arm_helper helper, ir_val a, ir_val b, ir_val c, ir_val e)
{
    return ir_call(d->ir, helper, a, b, c, e);
}

ir_val arm_call3(struct arm_dis *d, enum arm_helper helper, ir_val a, ir_val b, ir_val c)
{
    return ir_call(d->ir, helper, a, b, c, 0);
}

ir_val arm_call2(struct arm_dis *d, enum arm_helper helper, ir_val a, ir_val b)
{
    return ir_call(d->ir, helper, a, b, 0, 0);
}

ir_val arm_call1(struct arm_dis *d, enum arm_helper helper, ir_val a)
{
    return ir_call(d->ir, helper, a, 0, 0, 0);
}

ir_val arm_call0(struct arm_dis *d, enum arm_helper helper)
{
    return ir_call(d->ir, helper, 0, 0, 0, 0);
}

ir_val arm_env_ptr(struct arm_dis *d, size_t offset)
{
    return ir_imm(d->ir, IR_envptr, I64, ir_const(d->ir, I64, 0), 0, offset);
}

/* --- leaving --------------------------------------------------------------------------------- */

/* The globals that hold these flags. */
static uint64_t globals_of(uint8_t flags)
{
    return flags ? G_CC_MASK : 0;
}

static uint64_t live_mask(struct arm_dis *d, uint64_t pc)
{
    return globals_of(flow_live(&d->region->flow, pc, 0));
}

static bool other_state(const struct arm_dis *d, uint64_t pc)
{
    return (pc & 1) != d->thumb;
}

static void exit_to(struct arm_dis *d, uint64_t pc)
{
    uint64_t live = other_state(d, pc) ? G_CC_MASK : live_mask(d, pc);

    if (d->mode & KEY_ALONE) {
        arm_call1(d, H_leave_it, arm_imm(d, 0));
        ir_set(d->ir, G_PC, arm_imm(d, pc));
        ir_exit_loop(d->ir);
    } else if (d->t->checked || (!other_state(d, pc) && flow_crosses(&d->region->flow, pc))) {
        /* A region over two pages is never linked to; the jump cache finds it. */
        ir_ijmp(d->ir, arm_imm(d, pc), live, JUMP_PLAIN);
    } else {
        ir_exit(d->ir, pc, live);
    }
}

static uint8_t flags_kind(const struct arm_dis *d)
{
    return d->cv_op == CV_DYNAMIC ? CV_DYNAMIC : d->cv_op | (d->nz != NZ_VALUES) << 4;
}

static void note_edge(struct arm_dis *d, struct flow_leader *l)
{
    uint8_t kind = flags_kind(d);

    l->kind = l->seen == 0 || l->kind == kind ? kind : CV_DYNAMIC;
    l->seen++;
}

void arm_jump(struct arm_dis *d, uint32_t pc)
{
    struct flow_leader *l = other_state(d, pc) || d->mode & KEY_ALONE
                            ? NULL : flow_leader(&d->region->flow, pc);

    if (l) {
        note_edge(d, l);
        ir_br(d->ir, l->label);
    } else {
        exit_to(d, pc);
    }
    d->ended = true;
}

void arm_jump_value(struct arm_dis *d, ir_val pc, enum ir_jump_hint hint)
{
    if (d->mode & KEY_ALONE) {
        ir_set(d->ir, G_PC, pc);
        arm_call1(d, H_leave_it, arm_imm(d, 0));
        ir_exit_loop(d->ir);
    } else {
        ir_ijmp(d->ir, pc, G_CC_MASK, hint);
    }
    d->ended = true;
}

void arm_jump_exchange(struct arm_dis *d, ir_val target, enum ir_jump_hint hint)
{
    arm_jump_value(d, target, hint);
}

void arm_jump_same_state(struct arm_dis *d, ir_val target, enum ir_jump_hint hint)
{
    if (d->thumb) {
        target = arm_2i(d, IR_or, target, 1);
    } else {
        target = arm_2i(d, IR_and, target, ~3u);
    }
    arm_jump_value(d, target, hint);
}

void arm_write_pc_alu(struct arm_dis *d, ir_val v)
{
    if (arm_dis_has(d, F_V7) && !d->thumb) {
        arm_jump_exchange(d, v, JUMP_PLAIN);
    } else {
        arm_jump_same_state(d, v, JUMP_PLAIN);
    }
}

void arm_write_pc_load(struct arm_dis *d, ir_val v, enum ir_jump_hint hint)
{
    if (arm_dis_has(d, F_V5)) {
        arm_jump_exchange(d, v, hint);
    } else {
        arm_jump_same_state(d, v, hint);
    }
}

void arm_call_to(struct arm_dis *d, uint32_t pc)
{
    exit_to(d, pc);
    d->ended = true;
}

unsigned arm_branch_label(struct arm_dis *d, uint64_t pc)
{
    struct flow *f = &d->region->flow;
    struct flow_leader *l = d->mode & KEY_ALONE ? NULL : flow_leader(f, pc);

    if (l) {
        note_edge(d, l);
        return l->label;
    }
    for (unsigned i = 0; i < f->n_outs; i++) {
        if (f->outs[i].pc == pc) {
            return f->outs[i].label;
        }
    }
    f->outs[f->n_outs] = (struct flow_out){ pc, ir_label_new(d->ir, live_mask(d, pc)) };
    return f->outs[f->n_outs++].label;
}

void arm_end_region(struct arm_dis *d)
{
    ir_set(d->ir, G_PC, arm_imm(d, (uint32_t)d->in->flow.next));
    if (d->in->flow.next_state || d->mode & KEY_ALONE) {
        arm_call1(d, H_leave_it, arm_imm(d, d->in->flow.next_state));
    }
    ir_exit_loop(d->ir);
    d->ended = true;
}

void arm_leave(struct arm_dis *d)
{
    ir_exit_loop(d->ir);
    d->ended = true;
}

unsigned arm_label_new(struct arm_dis *d)
{
    return ir_label_new(d->ir, G_CC_MASK);
}

void arm_label_placed(struct arm_dis *d, unsigned label)
{
    ir_label(d->ir, label);
    if (d->in->flow.state) {
        ir_set(d->ir, G_IT, arm_imm(d, d->in->flow.state));     /* labels forget it */
    }
    d->fp_compare = 0;
}

void arm_undefined(struct arm_dis *d)
{
    arm_call1(d, H_raise, arm_imm(d, EXC_UNDEF));
    d->ended = true;
}

enum { MAX_SKIPPED = 8 };           /* fewer operations than ir_full() keeps room for */

/* --- conditions ------------------------------------------------------------------------------ */

/* All ways to the skip's end must agree on what is known of the flags. */
static void merge_flags(uint8_t *cv_op, uint8_t *nz, const struct arm_dis *d)
{
    if (d->cv_op != *cv_op) {
        *cv_op = CV_DYNAMIC;
    }
    if (d->nz != *nz) {
        *nz = d->nz != NZ_VALUES && *nz != NZ_VALUES && *cv_op == CV_SUB ? NZ_SUB : NZ_VALUES;
    }
}

static void branch_to_end(struct arm_dis *d, const struct arm_cond *c)
{
    ir_brc(d->ir, c->type, c->cc, c->a, c->b, d->skip_label);
}

/* What was skipped ends here: the flags may be as before or as changed meanwhile. */
static void close_skip(struct arm_dis *d)
{
    if (d->skipping) {
        merge_flags(&d->skip_cv_op, &d->skip_nz, d);
        d->cv_op = d->skip_cv_op;
        d->nz = d->skip_nz;
        ir_label(d->ir, d->skip_label);
        d->skipping = false;
        d->ended = false;
        d->fp_compare = 0;
        d->nz = d->nz == NZ_COMPARE ? NZ_SUB : d->nz;
    }
}

/* A step does one instruction whatever is there, and so does an instruction that is restarted. */
static bool stops_at(const struct arm_dis *d, const struct flow_insn *in)
{
    return cpu_breakpoint_count && !(d->mode & KEY_STEP) && !d->t->cpu->one_insn &&
           cpu_breakpoint_at((uint32_t)in->pc & ~1u);
}

static const struct arm_insn *following(const struct arm_dis *d, unsigned i)
{
    const struct flow *f = &d->region->flow;

    return i + 1 < f->n_insns && !f->leader_of[i + 1] && !stops_at(d, flow_insn(f, i + 1)) &&
           flow_insn(f, i + 1)->pc == flow_insn(f, i)->next ? &d->region->insns[i + 1] : NULL;
}

/* Instructions from i on under the same condition are skipped together; behind one that changes the
   flags it is asked again. */
static void open_skip(struct arm_dis *d, unsigned i)
{
    unsigned cond = d->in->cond;
    struct arm_cond c = arm_condition(d, cond ^ 1);
    const struct arm_insn *last = d->in, *next;

    for (unsigned n = 1; n < MAX_SKIPPED; n++) {
        next = following(d, i);
        if (!next || next->cond != cond) {
            break;
        }
        last = next;
        i++;
    }
    d->skip_last = i;
    d->skip_label = ir_label_new(d->ir, globals_of(flow_live(&d->region->flow, last->flow.next,
                                                             last->flow.next_state)));
    d->skipping = true;
    d->skip_again = false;
    d->skip_cv_op = d->cv_op;
    d->skip_nz = d->nz;
    branch_to_end(d, &c);
}

static void skip_again(struct arm_dis *d)
{
    struct arm_cond c = arm_condition(d, d->in->cond ^ 1);

    merge_flags(&d->skip_cv_op, &d->skip_nz, d);
    d->skip_again = false;
    branch_to_end(d, &c);
}

/* A compare whose operands may be selected instead of its flags. */
static bool is_select_compare(const struct arm_dis *d, const struct arm_insn *in)
{
    unsigned op, kind;

    if (in->row < 0) {
        return false;
    }
    switch (arm_rows[in->row].op) {
    case arm_OP_DP_i: op = in->args.dp_i.op; break;
    case arm_OP_DP_shi: op = in->args.dp_shi.op; break;
    default: return false;
    }
    if (op != 10 && op != 11) {
        return false;
    }
    kind = op == 10 ? CV_SUB : CV_ADD;
    return d->cv_op == kind && (kind == CV_ADD || d->nz != NZ_VALUES);
}

/* Its handler does the condition itself. */
static bool is_plain_branch(const struct arm_insn *in)
{
    return in->row >= 0 && arm_rows[in->row].op == arm_OP_B;
}

/* Chooses between a select, a branch over this instruction, and one over more of them. */
static void begin_condition(struct arm_dis *d, unsigned i)
{
    const struct arm_insn *in = d->in, *next = following(d, i);

    d->predicated = false;
    d->flags_changed = false;
    if (d->skipping && d->skip_again) {
        skip_again(d);
    }
    if (in->cond == COND_AL || d->skipping || is_plain_branch(in)) {
        return;
    }
    if ((in->selectable || is_select_compare(d, in)) &&
        !(next && next->cond == in->cond && !next->selectable && !is_select_compare(d, next))) {
        d->region->predicate = arm_condition(d, in->cond);
        d->predicate = &d->region->predicate;
        d->predicated = true;
    } else {
        open_skip(d, i);
    }
}

/* Behind an instruction that was skipped perhaps. */
static void end_condition(struct arm_dis *d, unsigned i)
{
    d->predicated = false;
    if (d->skipping) {
        d->skip_again |= d->flags_changed;
        if (i == d->skip_last) {
            close_skip(d);
        }
    }
}

/* --- one instruction ------------------------------------------------------------------------- */

/* VFP or Advanced SIMD that is switched off. */
static bool refuse(const struct arm_dis *d, uint32_t attrs)
{
    return (attrs & ATTR_fp && !(d->mode & KEY_FP)) ||
           (attrs & ATTR_simd && !(d->mode & KEY_SIMD));
}

static void begin_insn(struct arm_dis *d, const struct arm_insn *in)
{
    ir_insn(d->ir, in->flow.pc);
    if (d->thumb && (in->flow.state || ir_get_const(d->ir, G_IT, &(int64_t){ 0 }))) {
        ir_set(d->ir, G_IT, arm_imm(d, in->flow.state));
    }
}

static void translate_insn(struct arm_dis *d, unsigned i)
{
    const struct arm_insn *in = &d->region->insns[i];
    uint32_t address = (uint32_t)flow_linear(&d->region->flow, in->flow.pc);

    d->in = in;
    d->live_known = false;
    d->t->first = address < d->t->first ? address : d->t->first;
    d->t->end = address + in->flow.len > d->t->end ? address + in->flow.len : d->t->end;
    d->t->insns++;
    if (stops_at(d, &in->flow)) {
        begin_insn(d, in);
        arm_call1(d, H_debug_break, arm_imm(d, (uint32_t)in->flow.pc & ~1u));
    }
    begin_condition(d, i);
    begin_insn(d, in);
    if (in->row < 0 || refuse(d, arm_rows[in->row].attrs)) {
        arm_undefined(d);
    } else {
        arm_translate_op(d, arm_rows[in->row].op, &in->args);
    }
    end_condition(d, i);
}

/* --- the region ------------------------------------------------------------------------------ */

static void place_leader(struct arm_dis *d, struct flow_leader *l)
{
    bool known;

    close_skip(d);
    if (!d->ended && d->t->insns) {
        note_edge(d, l);
        l->edges++;
    }
    ir_label(d->ir, l->label);
    known = l->seen == l->edges && l->insn != 0 && l->kind != CV_DYNAMIC;
    d->cv_op = known ? l->kind & 15 : CV_DYNAMIC;
    d->nz = known && l->kind >> 4 ? NZ_SUB : NZ_VALUES;
    d->ended = false;
    d->fp_compare = 0;
    if (l->back && l->insn != 0) {
        ir_poll(d->ir, flow_insn(&d->region->flow, l->insn)->pc);
    }
}

/* The run ends without a jump. */
static void fall_out(struct arm_dis *d, const struct flow_insn *last)
{
    close_skip(d);
    if (d->ended) {
        return;
    }
    if (last->next_state || d->mode & KEY_ALONE) {
        arm_end_region(d);
    } else {
        arm_jump(d, last->next);
    }
}

/* To what comes next, perhaps inside of an IT block. */
static void exit_with(struct arm_dis *d, uint64_t pc, uint32_t state)
{
    if (state || d->mode & KEY_ALONE) {
        ir_set(d->ir, G_PC, arm_imm(d, (uint32_t)pc));
        arm_call1(d, H_leave_it, arm_imm(d, state));
        ir_exit_loop(d->ir);
    } else {
        exit_to(d, pc);
    }
    d->ended = true;
}

/* Whether ops from this one on may change memory, and so the region's own code. */
static bool may_store(const struct ir *ir, unsigned first)
{
    for (unsigned i = first; i < ir->n; i++) {
        if (ir->ops[i].op == IR_st || (ir->ops[i].op >= IR_cas && ir->ops[i].op <= IR_xchg)) {
            return true;
        }
    }
    return false;
}

static void translate_run(struct arm_dis *d, const struct flow_run *run)
{
    struct flow *f = &d->region->flow;
    unsigned i = run->first, end = run->first + run->count;

    d->ended = i != 0;              /* no way in but by a label */
    d->skipping = false;
    if (i == 0) {
        d->cv_op = CV_DYNAMIC;
        d->nz = NZ_VALUES;
    }
    for (; i < end; i++) {
        unsigned l = f->leader_of[i];

        if (l) {
            place_leader(d, &f->leaders[l - 1]);
        }
        if (i == 0) {
            if (d->t->checked) {
                ir_check(d->ir);
            }
            if (!(d->mode & KEY_STEP)) {
                ir_poll(d->ir, flow_insn(f, 0)->pc);
            }
        }
        if (d->ended) {
            /* One of several that are skipped together never ends: nor do the others come. */
            if (d->skipping && i == d->skip_last) {
                close_skip(d);
            }
            continue;
        }
        if (ir_full(d->ir) && !d->skipping) {
            exit_with(d, flow_insn(f, i)->pc, flow_insn(f, i)->state);
        } else {
            unsigned first = d->ir->n;

            translate_insn(d, i);
            if (d->t->checked && may_store(d->ir, first)) {
                close_skip(d);
                if (!d->ended) {
                    exit_with(d, flow_insn(f, i)->next, flow_insn(f, i)->next_state);
                }
            }
        }
    }
    fall_out(d, flow_insn(f, end - 1));
}

static struct arm_region *region_of(struct cpu *cpu)
{
    if (!cpu->frontend) {
        cpu->frontend = calloc(1, sizeof(struct arm_region));
        if (!cpu->frontend) {
            abort();
        }
    }
    return cpu->frontend;
}

static void set_up(struct arm_dis *d, struct translation *t)
{
    struct flow *f = &d->region->flow;

    f->t = t;
    f->opaque = d;
    f->decode = arm_decode;
    f->insn_size = sizeof(struct arm_insn);
    f->insns = (uint8_t *)d->region->insns;
    f->pc_mask = ~1ull;
    f->all_flags = FL_NZCV;
    d->region->n_misaligned = 0;
    t->first = ~0ull;
    t->end = 0;
    t->insns = 0;
}

void arm_translate(struct translation *t)
{
    struct arm_env *env = arm_env(t->cpu);
    struct arm_dis d = {
        .t = t, .ir = t->ir, .env = env, .features = env->features, .mode = t->key.mode,
        .thumb = t->key.pc & 1, .cv_op = CV_DYNAMIC, .region = region_of(t->cpu),
        .mmu_idx = t->key.mode & KEY_PRIVILEGED ? MMU_PRIVILEGED : MMU_USER,
    };
    struct flow *f = &d.region->flow;
    unsigned most = t->checked ? CHECKED_BYTES / 4 : REGION_MAX_INSNS;
    unsigned max = t->max_insns < most ? t->max_insns : most;

    if (max == 0 || t->key.mode & KEY_ALONE || log_enabled(LOG_ONE_INSN)) {
        max = 1;
    }
    t->strict_flags |= t->checked || t->key.mode & KEY_STEP;
    set_up(&d, t);
    flow_find(f, t->key.mode & KEY_ALONE, max);
    for (unsigned i = 0; i < f->n_leaders; i++) {
        struct flow_leader *l = &f->leaders[i];

        const struct flow_insn *in = flow_insn(f, l->insn);

        l->label = ir_label_new(t->ir, globals_of(flow_live(f, in->pc, in->state)));
    }
    for (unsigned i = 0; i < f->n_runs; i++) {
        translate_run(&d, &f->runs[i]);
    }
    for (unsigned i = 0; i < f->n_outs; i++) {
        ir_label(t->ir, f->outs[i].label);
        exit_to(&d, f->outs[i].pc);
    }
    arm_emit_misaligned(&d);
}
