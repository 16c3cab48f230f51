/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Labels, branches, region exits, polls and calls of helpers. */
#include <assert.h>
#include "tcg/x86_64/compile.h"

struct stub *new_stub(struct compiler *c)
{
    struct stub *s;

    if (c->n_stubs == MAX_STUBS) {
        c->too_big = true;
        c->n_stubs--;
    }
    s = &c->stubs[c->n_stubs++];
    memset(s, 0, sizeof(*s));
    return s;
}

static void jump_to_label(struct compiler *c, uint32_t rel, unsigned label)
{
    if (c->n_fixups == MAX_FIXUPS) {
        c->too_big = true;
        return;
    }
    c->fixups[c->n_fixups].at = rel;
    c->fixups[c->n_fixups++].label = label;
}

void resolve_labels(struct compiler *c)
{
    for (unsigned i = 0; i < c->n_fixups; i++) {
        x_patch(&c->e, c->fixups[i].at, c->label_at[c->fixups[i].label]);
    }
}

void op_label(struct compiler *c, const struct ir_op *o)
{
    if (c->reachable) {
        flush_pending(c, c->ir->label_live[o->imm]);
    } else if (!c->label_refs[o->imm]) {
        return;
    }
    alloc_block(c);
    c->label_at[o->imm] = x_here(&c->e);
    c->zf_at = 0;
    c->reachable = true;
}

/* The next op that does something, from o on; NULL at the end. */
static const struct ir_op *skip_marks(const struct ir *ir, const struct ir_op *o)
{
    const struct ir_op *end = ir->ops + ir->n;

    while (o < end && (o->op == IR_insn || o->op == IR_nop)) {
        o++;
    }
    return o < end ? o : NULL;
}

static bool label_is_next(const struct ir *ir, const struct ir_op *o, unsigned label)
{
    const struct ir_op *next = skip_marks(ir, o + 1);

    return next && next->op == IR_label && (unsigned)next->imm == label;
}

void op_br(struct compiler *c, const struct ir_op *o)
{
    flush_pending(c, c->ir->label_live[o->imm]);
    if (label_is_next(c->ir, o, o->imm)) {
        return;
    }
    if (c->label_at[o->imm]) {
        x_jmp_to(&c->e, c->label_at[o->imm]);
    } else {
        jump_to_label(c, x_jmp(&c->e), o->imm);
    }
    c->reachable = false;
}

void store_pc(struct emitter *e, uint64_t pc)
{
    const struct ir_global *g = &the_host.target->globals[the_host.target->pc_global];
    struct mem m = env_mem(g->offset);

    if (g->type == I32) {
        x_store_imm(e, 4, m, pc);
    } else if ((int64_t)pc == (int32_t)pc) {
        x_store_imm(e, 8, m, pc);
    } else {
        x_mov_imm(e, RAX, pc);
        x_rm(e, OP_STORE | X_W, RAX, m);
    }
}

static uint64_t exit_pc(const struct ir_op *o)
{
    return the_host.target->word_bits == 32 ? (uint32_t)o->imm : (uint64_t)o->imm;
}

static bool same_page(const struct compiler *c, uint64_t pc)
{
    uint64_t mask = the_host.target->word_bits == 32 ? 0xffffffff : ~0ull;
    uint64_t here = (c->key->base + c->key->pc) & mask, there = (c->key->base + pc) & mask;

    return here >> the_host.target->page_bits == there >> the_host.target->page_bits;
}

/* A jump that will be patched, after a pad: its operand must not straddle an aligned word. */
static void chained_exit(struct compiler *c, uint64_t pc, int cc)
{
    static const uint8_t nops[4][3] = { { 0 }, { 0x90 }, { 0x66, 0x90 }, { 0x0f, 0x1f, 0x00 } };
    unsigned pad = -(x_here(&c->e) + (cc < 0 ? 1 : 2)) & 3;
    struct stub *s = new_stub(c);

    for (unsigned i = 0; i < pad; i++) {
        x_8(&c->e, nops[pad][i]);
    }
    s->kind = STUB_CHAIN;
    s->from = cc < 0 ? x_jmp(&c->e) : x_jcc(&c->e, cc);
    s->exit = c->out->n_exits++;
    c->out->exits[s->exit].patch = s->from;
    c->out->exits[s->exit].pc = pc;
}

static bool may_chain(const struct compiler *c, uint64_t pc)
{
    return (the_host.user || same_page(c, pc)) && c->out->n_exits < REGION_MAX_EXITS;
}

/* All that is at the label is an exit that can be chained. */
static const struct ir_op *exit_at(const struct compiler *c, unsigned label)
{
    const struct ir_op *o = skip_marks(c->ir, &c->ir->ops[c->ir->label_op[label] + 1]);

    return o && o->op == IR_exit && may_chain(c, o->imm) ? o : NULL;
}

/* Only the way of a forward branch that is taken pays for the stores its label wants. */
static bool sinking_branch(struct compiler *c, const struct ir_op *o, unsigned label)
{
    uint64_t mask = c->pending_mask & c->ir->label_live[label];
    struct stub *s;
    unsigned cc;

    if (!mask || c->label_at[label]) {
        return false;
    }
    cc = emit_compare(c, o->type, o->imm & 0xff, o->a, o->b);
    s = new_stub(c);
    s->kind = STUB_SINK;
    s->label = label;
    if (!sink_pending(c, mask, s)) {
        s->n_sinks = 0;
        c->flags_live = true;
        flush_pending(c, mask);
        c->flags_live = c->flags_val != 0;
    }
    s->from = x_jcc(&c->e, cc);
    return true;
}

/* The jump back that follows a branch out of a loop: to where there is code already. */
static const struct ir_op *jump_back_after(const struct compiler *c, unsigned label)
{
    const struct ir_op *o = skip_marks(c->ir, &c->ir->ops[c->at + 1]);

    return o && o->op == IR_br && c->label_at[o->imm] && !c->label_at[label] ? o : NULL;
}

/* The way that goes round again is the one that is to cost a single jump. */
static void loop_branch(struct compiler *c, const struct ir_op *o, const struct ir_op *back)
{
    unsigned label = o->imm >> 8, cc;
    const struct ir_op *exit = exit_at(c, label);

    flush_pending(c, c->ir->label_live[back->imm]);
    cc = emit_compare(c, o->type, o->imm & 0xff, o->a, o->b);
    x_jcc_to(&c->e, cc ^ 1, c->label_at[back->imm]);
    flush_pending(c, c->ir->label_live[label]);
    if (exit) {
        c->label_refs[label]--;
        chained_exit(c, exit_pc(exit), -1);
    } else if (!label_is_next(c->ir, back, label)) {
        jump_to_label(c, x_jmp(&c->e), label);
    }
    c->reachable = false;                       /* what is there now is the label, or nothing */
}

void op_brc(struct compiler *c, const struct ir_op *o)
{
    unsigned label = o->imm >> 8, cc;
    const struct ir_op *exit, *back = jump_back_after(c, label);

    if (back) {
        loop_branch(c, o, back);
        return;
    }
    if (sinking_branch(c, o, label)) {
        return;
    }
    flush_pending(c, c->ir->label_live[label]);
    cc = emit_compare(c, o->type, o->imm & 0xff, o->a, o->b);
    if (c->label_at[label]) {
        x_jcc_to(&c->e, cc, c->label_at[label]);
        return;
    }
    exit = exit_at(c, label);
    if (exit) {
        c->label_refs[label]--;
        chained_exit(c, exit_pc(exit), cc);
    } else {
        jump_to_label(c, x_jcc(&c->e, cc), label);
    }
}

/* To another page: the mapping may change, so every time through the jump cache. */
static void lookup_exit(struct compiler *c, uint64_t pc)
{
    struct mem entry = mem_at(RAX, jump_cache_index(pc) * sizeof(struct jump_entry));
    struct stub *s = new_stub(c);

    x_rm(&c->e, OP_LOAD | X_W, RAX, env_mem(offsetof(struct cpu_hot, jump_cache)));
    if ((int64_t)pc == (int32_t)pc) {
        x_alu_mem_imm(&c->e, ALU_OP_CMP, true, entry, pc);
    } else {
        x_mov_imm(&c->e, RCX, pc);
        x_rm(&c->e, (ALU_OP_CMP << 3 | 3) | X_W, RCX, entry);
    }
    s->kind = STUB_LOOKUP;
    s->imm = pc;
    s->from = x_jcc(&c->e, CC_NE);
    entry.disp += offsetof(struct jump_entry, host);
    x_rm(&c->e, 0xff, 4, entry);
}

void op_exit(struct compiler *c, const struct ir_op *o)
{
    uint64_t pc = exit_pc(o);

    flush_pending(c, ir_live_unpack(c->ir, o->c));
    if (may_chain(c, pc)) {
        chained_exit(c, pc, -1);
    } else {
        lookup_exit(c, pc);
    }
    c->reachable = false;
}

/* Goes where the jump cache says for the pc in rdx; returns the jump that is taken on a miss. */
uint32_t emit_jump_cache(struct emitter *e)
{
    uint32_t miss;

    x_mov(e, false, RAX, RDX);
    x_shift_imm(e, SHIFT_SHR, false, RAX, jump_cache_bits);
    x_alu_rr(e, ALU_OP_XOR, false, RAX, RDX);
    x_alu_imm(e, ALU_OP_AND, false, RAX, ((1 << jump_cache_bits) - 1) << JUMP_CACHE_SKIPPED);
    x_shift_imm(e, SHIFT_SHL, false, RAX, 4 - JUMP_CACHE_SKIPPED);
    x_rm(e, (ALU_OP_ADD << 3 | 3) | X_W, RAX, env_mem(offsetof(struct cpu_hot, jump_cache)));
    x_rm(e, (ALU_OP_CMP << 3 | 3) | X_W, RDX, mem_at(RAX, 0));
    miss = x_jcc(e, CC_NE);
    x_rm(e, 0xff, 4, mem_at(RAX, offsetof(struct jump_entry, host)));
    return miss;
}
_Static_assert(sizeof(struct jump_entry) == 16, "shifted by 4 above");

/* The pc goes to rdx, also for the stub. */
void op_ijmp(struct compiler *c, const struct ir_op *o)
{
    struct stub *s = new_stub(c);
    bool narrow = the_host.target->word_bits == 32 || type_of(c, o->a) == I32;

    flush_pending(c, ir_live_unpack(c->ir, o->c));
    load_into(c, RDX, o->a);
    if (narrow && type_of(c, o->a) == I64) {
        x_mov(&c->e, false, RDX, RDX);
    }
    s->kind = STUB_LOOKUP_REG;
    s->from = emit_jump_cache(&c->e);
    c->reachable = false;
}

uint32_t x_poll(struct emitter *e)
{
    /* Unlike with 0, hosts join a compare with a register and the jump: 0 is below any. */
    x_rm(e, ALU_OP_CMP << 3 | 1, RBP, env_mem(offsetof(struct cpu_hot, exit_req)));
    return x_jcc(e, CC_AE);
}

void op_poll(struct compiler *c, const struct ir_op *o)
{
    struct stub *s = new_stub(c);

    flush_pending(c, c->ir->deferrable);
    s->kind = STUB_POLL;
    s->imm = o->imm;
    s->from = x_poll(&c->e);
}

void op_call(struct compiler *c, const struct ir_op *o)
{
    const struct ir_helper *h = &c->ir->helpers[o->call.helper];
    const ir_val args[4] = { o->a, o->b, o->c, o->call.d };
    int pin;

    flush_pending(c, h->reads);
    for (unsigned i = 0; i < h->nargs; i++) {
        if (args[i]) {
            store_arg(c, i, args[i]);
        }
    }
    save_for_call(c, h->writes);
    x_call_to(&c->e, the_host.helpers[o->call.helper]);
    add_record(c, take_snapshot(c));
    forget_written(c, h->writes);
    if (h->flags & HELPER_NORETURN) {
        c->reachable = false;
    } else if (h->ret != IR_NONE) {
        c->locked = 1u << RAX;
        pin = dest_pin(c);
        if (h->ret == I32) {
            x_mov(&c->e, false, RAX, RAX);
        }
        set_result(c, pin, RAX);
    }
}

void op_exit_loop(struct compiler *c, const struct ir_op *o)
{
    flush_pending(c, c->ir->deferrable);
    x_jmp_to(&c->e, the_host.exit_loop);
    c->reachable = false;
}

void op_fence(struct compiler *c, const struct ir_op *o)
{
    x_rm(&c->e, 0x83 | X_LOCK, ALU_OP_OR, frame_mem(FRAME_RESULT));    /* cheaper than mfence */
    x_8(&c->e, 0);
}

void emit_control_stub(struct compiler *c, const struct stub *s)
{
    const struct ir_global *pc = &the_host.target->globals[the_host.target->pc_global];

    x_patch(&c->e, s->from, x_here(&c->e));
    switch (s->kind) {
    case STUB_SINK:
        emit_sinks(c, s);
        x_jmp_to(&c->e, c->label_at[s->label]);
        break;
    case STUB_POLL:
        store_pc(&c->e, s->imm);
        x_jmp_to(&c->e, the_host.exit_poll);
        break;
    case STUB_LOOKUP:
        store_pc(&c->e, s->imm);
        x_jmp_to(&c->e, the_host.exit_lookup);
        break;
    case STUB_LOOKUP_REG:
        x_rm(&c->e, OP_STORE | wide(pc->type), RDX, env_mem(pc->offset));
        x_jmp_to(&c->e, the_host.exit_lookup);
        break;
    case STUB_CHECK:
        store_pc(&c->e, c->key->pc);
        x_call_to(&c->e, the_host.exit_check);
        break;
    case STUB_X87:
        x_call_to(&c->e, the_host.builtins[s->imm ? BUILTIN_X87_LOAD : BUILTIN_X87_FETCH]);
        x_jmp_to(&c->e, s->back);
        break;
    default:
        c->out->exits[s->exit].stub = x_here(&c->e);
        x_call_to(&c->e, the_host.exit_chain);
        x_32(&c->e, s->exit);
        c->out->exits[s->exit].lookup = x_here(&c->e);
        x_call_to(&c->e, the_host.lookup_chain);
        x_64(&c->e, c->out->exits[s->exit].pc);
    }
}
