/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Translation of a region: one instruction after the other through the opcode table's handlers,
 * labels where branches join, and every way to leave.
 */
#include "target-i386/translate.h"

#include <glib.h>
#include <stddef.h>

#include "base/log.h"
#include "cpu-debug.h"
#include "target-i386/region.h"

/* --- leaving --------------------------------------------------------------------------------- */

static uint64_t live_mask(struct x86_dis *d, uint64_t pc)
{
    return (x86_region_live(d, pc) ? G_CC_MASK : 0) | G_FP_MASK;
}

static void single_step(struct x86_dis *d, ir_val pc)
{
    bool new_flags = d->in.op && d->in.op->translate == trans_syscall;

    x86_call2(d, H_single_step, pc, x86_imm32(d, new_flags));
}

/* One-instruction regions of MODE_TF, MODE_INHIBIT and MODE_STEP end in their own way. */
static bool leave_specially(struct x86_dis *d, ir_val pc)
{
    if (d->mode & MODE_TF) {
        single_step(d, pc);
    }
    if (d->mode & MODE_TF || d->to_loop) {
        ir_set(d->ir, G_PC, pc);
        ir_exit_loop(d->ir);
        return true;
    }
    return false;
}

static void exit_to(struct x86_dis *d, uint64_t pc)
{
    if (d->mode & MODE_TF || d->to_loop) {
        leave_specially(d, x86_imm_word(d, pc));
    } else if (x86_region_crosses(d, pc)) {
        /* A region over two pages is never linked to; the jump cache finds it. */
        ir_ijmp(d->ir, x86_imm_word(d, pc), live_mask(d, pc), JUMP_PLAIN);
    } else {
        ir_exit(d->ir, pc, live_mask(d, pc));
    }
}

static void note_edge(struct x86_dis *d, struct x86_leader *l)
{
    l->cc_op = l->seen == 0 || l->cc_op == d->cc_op ? d->cc_op : CC_DYNAMIC;
    l->seen++;
}

void x86_gen_jump(struct x86_dis *d, uint64_t pc)
{
    struct x86_leader *l = x86_region_leader(d, pc);

    if (l) {
        note_edge(d, l);
        ir_br(d->ir, l->label);
    } else {
        exit_to(d, pc);
    }
    d->ended = true;
}

void x86_gen_jump_value(struct x86_dis *d, ir_val pc, enum ir_jump_hint hint)
{
    if (!leave_specially(d, pc)) {
        ir_ijmp(d->ir, pc, G_CC_MASK | G_FP_MASK, hint);
    }
    d->ended = true;
}

unsigned x86_branch_label(struct x86_dis *d, uint64_t pc)
{
    struct x86_region *r = d->region;
    struct x86_leader *l = x86_region_leader(d, pc);

    if (l) {
        note_edge(d, l);
        return l->label;
    }
    for (unsigned i = 0; i < r->n_outs; i++) {
        if (r->outs[i].pc == pc) {
            return r->outs[i].label;
        }
    }
    r->outs[r->n_outs] = (struct x86_out){ pc, ir_label_new(d->ir, live_mask(d, pc)) };
    return r->outs[r->n_outs++].label;
}

void x86_end_region(struct x86_dis *d)
{
    x86_gen_jump_value(d, x86_imm_word(d, d->in.next), JUMP_PLAIN);
}

void x86_leave_to_loop(struct x86_dis *d)
{
    if (d->mode & MODE_TF) {
        single_step(d, ir_get(d->ir, G_PC));
    }
    ir_exit_loop(d->ir);
    d->ended = true;
}

void x86_set_pc_next(struct x86_dis *d)
{
    ir_set(d->ir, G_PC, x86_imm_word(d, d->in.next));
}

unsigned x86_label_new(struct x86_dis *d)
{
    return ir_label_new(d->ir, G_CC_MASK | G_FP_MASK);
}

/* --- exceptions ------------------------------------------------------------------------------ */

static void emit_raise(struct x86_dis *d, unsigned vector)
{
    if (vector == EXC_GP || vector == EXC_SS) {
        x86_call2(d, H_raise_error, x86_imm32(d, vector), x86_imm32(d, 0));
    } else {
        x86_call1(d, H_raise, x86_imm32(d, vector));
    }
}

void x86_gen_raise(struct x86_dis *d, unsigned vector)
{
    emit_raise(d, vector);
    d->ended = true;
}

void x86_gen_raise_gp0(struct x86_dis *d)
{
    x86_gen_raise(d, EXC_GP);
}

void x86_gen_ud(struct x86_dis *d)
{
    x86_gen_raise(d, EXC_UD);
}

void x86_raise_if(struct x86_dis *d, enum ir_type type, enum ir_cond cc, ir_val a, ir_val b,
                  unsigned vector)
{
    struct x86_region *r = d->region;
    struct x86_cold_raise *c = &r->raises[r->n_raises];

    if (r->n_raises && c[-1].pc == d->in.pc && c[-1].vector == vector) {
        c--;
    } else {
        *c = (struct x86_cold_raise){ d->in.pc, vector, x86_label_new(d) };
        r->n_raises++;
    }
    ir_brc(d->ir, type, cc, a, b, c->label);
}

/* --- the limit of CS ------------------------------------------------------------------------- */

static ir_val code_limit(struct x86_dis *d)
{
    return ir_envld(d->ir, I32, offsetof(struct x86_env, segs[SEG_CS].limit), MO_32);
}

bool x86_refuse_jump(struct x86_dis *d, uint64_t pc, const struct x86_cond *when)
{
    if (d->mode & MODE_CS_64K && pc > 0xffff) {
        if (!when) {
            x86_gen_raise_gp0(d);
            return true;
        }
        x86_raise_if(d, when->type, when->cc, when->a, when->b, EXC_GP);
    }
    if (d->mode & MODE_CS_LIMIT) {
        ir_val beyond = ir_setc(d->ir, I32, IR_LTU, code_limit(d), x86_imm32(d, (uint32_t)pc));

        if (when) {
            ir_val taken = ir_setc(d->ir, when->type, when->cc, when->a, when->b);

            beyond = ir_2(d->ir, IR_and, I32, beyond, taken);
        }
        x86_raise_if(d, I32, IR_NE, beyond, x86_imm32(d, 0), EXC_GP);
    }
    return false;
}

void x86_check_jump(struct x86_dis *d, ir_val pc)
{
    if (d->mode & (MODE_CS_64K | MODE_CS_LIMIT)) {
        x86_raise_if(d, I32, IR_LTU, code_limit(d), ir_1(d->ir, IR_mov, I32, pc), EXC_GP);
    }
}

/* Whether all bytes of the instruction are inside; true when it raised for good. */
static bool refuse_fetch(struct x86_dis *d)
{
    uint64_t last = d->in.pc + d->in.len - 1;

    if (d->mode & MODE_CS_64K && last > 0xffff) {
        x86_gen_raise_gp0(d);
        return true;
    }
    if (d->mode & MODE_CS_LIMIT) {
        x86_raise_if(d, I32, IR_LTU, code_limit(d), x86_imm32(d, (uint32_t)last), EXC_GP);
    }
    return false;
}

/* --- flags from before the region ------------------------------------------------------------ */

void x86_guess_flags(struct x86_dis *d)
{
    unsigned kind = d->env->cc_op;

    if (d->t->insns == 1 && kind > CC_MUL && kind < CC_COUNT) {
        d->region->guessed = true;
        d->region->guess_label = x86_label_new(d);
        ir_brc(d->ir, I32, IR_NE, ir_get(d->ir, G_CC_OP), x86_imm32(d, kind),
               d->region->guess_label);
        d->cc_op = kind;
    }
}

/* They were others: the conditional jump once more, out of the region both ways. */
static void emit_wrong_guess(struct x86_dis *d)
{
    unsigned out;
    struct x86_cond c;

    d->in = d->region->insns[0];
    d->cc_op = CC_DYNAMIC;
    out = ir_label_new(d->ir, live_mask(d, d->in.imm));
    ir_label(d->ir, d->region->guess_label);
    ir_insn(d->ir, d->in.pc);
    c = x86_condition(d, d->in.opcode & 15);
    ir_brc(d->ir, c.type, c.cc, c.a, c.b, out);
    exit_to(d, d->in.next);
    ir_label(d->ir, out);
    exit_to(d, d->in.imm);
}

/* --- one instruction ------------------------------------------------------------------------- */

uint32_t x86_flags_live(struct x86_dis *d)
{
    if (!d->live_known) {
        d->live = d->in.op->attrs & A_END ? FL_ARITH : x86_region_live(d, d->in.next);
        d->live_known = true;
    }
    return d->live;
}

/* What the table says about where the instruction may be used; true when it raised. */
static bool refuse(struct x86_dis *d)
{
    const struct x86_insn *in = &d->in;

    if (in->too_long) {
        x86_gen_raise_gp0(d);
        return true;
    }
    if (!in->op || (in->lock && (!(in->op->attrs & A_LOCK) || in->operand[0].kind != OPND_MEM)) ||
        (in->op->attrs & A_PM && (!d->pe || d->vm)) ||
        (in->vex && in->vex_l && in->op->attrs & A_VEX)) {
        x86_gen_ud(d);
        return true;
    }
    if (in->op->attrs & A_PRIV && d->cpl != 0) {
        x86_gen_raise_gp0(d);
        return true;
    }
    return false;
}

static void translate_insn(struct x86_dis *d, const struct x86_insn *in)
{
    uint64_t lin = x86_linear_pc(d, in->pc);

    d->in = *in;
    d->ea_valid = d->live_known = false;
    d->t->first = lin < d->t->first ? lin : d->t->first;
    d->t->end = lin + in->len > d->t->end ? lin + in->len : d->t->end;
    d->t->insns++;
    ir_insn(d->ir, in->pc);
    if (x86_stops_at(d, lin)) {
        x86_call1(d, H_debug_break, x86_imm_word(d, lin));
    }
    if (d->mode & MODE_DR_CODE) {
        x86_call1(d, H_check_breakpoint, x86_imm_word(d, x86_linear_pc(d, in->pc)));
    }
    if (refuse_fetch(d) || refuse(d)) {
        return;
    }
    in->op->translate(d);
    if (d->restart_mode && !d->ended) {
        x86_end_region(d);
    }
}

/* --- the region ------------------------------------------------------------------------------ */

static void place_leader(struct x86_dis *d, struct x86_leader *l)
{
    uint64_t pc = d->region->insns[l->insn].pc;

    if (!d->ended && d->t->insns) {
        note_edge(d, l);
        l->edges++;
    }
    ir_label(d->ir, l->label);
    d->cc_op = l->seen == l->edges && l->insn != 0 ? l->cc_op : CC_DYNAMIC;
    if (l->insn != 0 && !(d->cc_op != CC_DYNAMIC && x86_region_live(d, pc))) {
        ir_entry(d->ir, l->label, pc);
    }
    d->ended = false;
    d->fp_checked = false;
    d->fp_where = FP_ANYWHERE;
    d->fp_code_seg = d->fp_data_seg = -1;
    if (l->back && l->insn != 0) {
        ir_poll(d->ir, pc);
    }
}

static bool no_room(const struct x86_dis *d)
{
    const struct x86_region *r = d->region;

    return ir_full(d->ir) || r->n_raises + 8 > MAX_RAISES;
}

/* Whether a look at interrupts comes before the instruction. */
static bool is_polled(const struct x86_region *r, unsigned insn)
{
    unsigned l = r->leader_of[insn];

    return l && r->leaders[l - 1].back;
}

/* The shadow of sti ends with the instruction before `pc'. */
static void count_shadow(struct x86_dis *d, uint64_t pc)
{
    if (d->shadow && --d->shadow == 0 && !d->ended) {
        ir_label(d->ir, x86_label_new(d));
        ir_poll(d->ir, pc);
    }
}

/* A store may change what comes next. */
static void translate_checked(struct x86_dis *d, const struct x86_insn *in)
{
    unsigned before = d->ir->n;

    translate_insn(d, in);
    count_shadow(d, in->next);
    if (!d->ended && ir_stores(d->ir, before)) {
        exit_to(d, in->next);
        d->ended = true;
    }
}

static void translate_run(struct x86_dis *d, const struct x86_run *run)
{
    struct x86_region *r = d->region;

    d->ended = true;                /* no way in but by a label */
    for (unsigned i = run->first; i < run->first + run->count; i++) {
        const struct x86_insn *in = &r->insns[i];
        unsigned l = r->leader_of[i];

        if (i == 0) {
            d->ended = false;
        }
        if (l) {
            place_leader(d, &r->leaders[l - 1]);
        }
        if (i == 0 && d->t->checked) {
            ir_check(d->ir);
        }
        if (i == 0 && !d->to_loop) {
            ir_poll(d->ir, in->pc);
        }
        if (i == 0 && d->mode & MODE_INHIBIT) {
            x86_call0(d, H_end_shadow);
        }
        if (d->ended) {
            continue;
        }
        if (no_room(d)) {
            exit_to(d, in->pc);
            d->ended = true;
        } else if (d->t->checked) {
            translate_checked(d, in);
        } else {
            d->follow = i + 1 < run->first + run->count && !is_polled(r, i + 1) ? in + 1 : NULL;
            translate_insn(d, in);
            count_shadow(d, in->next);
        }
    }
    d->shadow = 0;
    if (!d->ended) {
        x86_gen_jump(d, r->insns[run->first + run->count - 1].next);
    }
}

static void emit_cold(struct x86_dis *d)
{
    struct x86_region *r = d->region;

    if (r->guessed) {
        emit_wrong_guess(d);
    }
    for (unsigned i = 0; i < r->n_outs; i++) {
        ir_label(d->ir, r->outs[i].label);
        exit_to(d, r->outs[i].pc);
    }
    for (unsigned i = 0; i < r->n_raises; i++) {
        ir_label(d->ir, r->raises[i].label);
        ir_insn(d->ir, r->raises[i].pc);
        emit_raise(d, r->raises[i].vector);
    }
}

static void set_mode(struct x86_dis *d, uint32_t mode)
{
    d->mode = mode;
    d->cpl = mode & MODE_CPL;
    d->iopl = (mode & MODE_IOPL) / (MODE_IOPL & -MODE_IOPL);
    d->code64 = mode & MODE_CS64;
    d->code32 = mode & (MODE_CS32 | MODE_CS64);
    d->pe = mode & MODE_PE;
    d->vm = mode & MODE_VM;
    d->addseg = mode & MODE_ADDSEG;
    d->limits = mode & MODE_LIMITS;
    d->word = d->code64 ? 8 : 4;
    d->stack_size = d->code64 ? 8 : mode & MODE_SS32 ? 4 : 2;
    d->mmu_idx = d->cpl == 3 ? MMU_USER : mode & MODE_KERNEL_USER_OK ? MMU_KERNEL : MMU_KERNEL_SMAP;
    d->to_loop = mode & (MODE_INHIBIT | MODE_STEP);
}

static struct x86_region *region_of(struct cpu *cpu)
{
    if (!cpu->frontend) {
        struct x86_region *r = g_new0(struct x86_region, 1);

        r->shapes = x86_shapes_new();
        x86_decode_features(x86_env(cpu), r->has);
        cpu->frontend = r;
    }
    return cpu->frontend;
}

void x86_translate(struct translation *t)
{
    struct x86_region *region = region_of(t->cpu);
    struct x86_dis d = { .t = t, .ir = t->ir, .env = x86_env(t->cpu), .region = region,
                         .has = region->has,
                         .cc_op = CC_DYNAMIC, .fp_code_seg = -1, .fp_data_seg = -1 };
    bool single = t->key.mode & (MODE_TF | MODE_INHIBIT | MODE_DR_CODE | MODE_STEP);
    bool alone = single || t->max_insns == 0 || log_enabled(LOG_ONE_INSN);
    unsigned most = t->checked ? CHECKED_BYTES / 16 : REGION_MAX_INSNS;
    unsigned max = alone ? 1 : t->max_insns;

    set_mode(&d, t->key.mode);
    t->first = ~0ull;
    t->end = 0;
    t->insns = 0;
    /* Whoever looks after each instruction sees flags that its successor overwrites. */
    t->strict_flags |= t->checked || t->key.mode & (MODE_TF | MODE_STEP);
    x86_region_find(&d, max < most ? max : most);
    for (unsigned i = 0; i < region->n_leaders; i++) {
        struct x86_leader *l = &region->leaders[i];

        l->label = ir_label_new(t->ir, live_mask(&d, region->insns[l->insn].pc));
    }
    for (unsigned i = 0; i < region->n_runs; i++) {
        translate_run(&d, &region->runs[i]);
    }
    emit_cold(&d);
}
