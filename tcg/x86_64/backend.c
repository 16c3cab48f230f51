/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Compiles a region in one pass over its ops, and runs translated code. */
#include <assert.h>
#include <stdlib.h>
#include "tcg/x86_64/compile.h"

enum { OP_ROOM = 2048, STUB_ROOM = 320 };       /* no op, no stub is longer */

static void (*const emitters[])(struct compiler *, const struct ir_op *) = {
    [IR_get] = alloc_get, [IR_set] = alloc_set, [IR_getpair] = alloc_get_pair,
    [IR_setpair] = alloc_set_pair, [IR_mov] = op_mov, [IR_sel] = op_sel,
    [IR_add] = op_add, [IR_sub] = op_alu, [IR_mul] = op_mul, [IR_mulhs ... IR_remu] = op_muldiv,
    [IR_and ... IR_xor] = op_alu, [IR_andc] = op_andc, [IR_not ... IR_neg] = op_in_place,
    [IR_shl ... IR_rotr] = op_shift, [IR_clz ... IR_ctz] = op_count_zeros,
    [IR_popcnt] = op_popcnt, [IR_bswap] = op_in_place, [IR_exts] = op_exts,
    [IR_extract] = op_extract, [IR_deposit] = op_deposit, [IR_addc ... IR_subb] = op_carry,
    [IR_setc] = op_setc, [IR_lea] = op_lea, [IR_ld ... IR_page] = op_mem, [IR_fence] = op_fence,
    [IR_label] = op_label, [IR_br] = op_br, [IR_brc] = op_brc, [IR_exit] = op_exit,
    [IR_ijmp] = op_ijmp, [IR_exit_loop] = op_exit_loop, [IR_poll] = op_poll,
    [IR_check] = op_check, [IR_call] = op_call, [IR_envld ... IR_hst] = op_env,
    [IR_fadd ... IR_vdup] = op_vector, [IR_vflush] = op_vflush,
    [IR_vx ... IR_vx_flags] = op_vector, [IR_x87_state ... IR_x87_cmov] = op_x87,
    [IR_gx] = op_gx, [IR_flags] = op_flags,
};
_Static_assert(sizeof(emitters) / sizeof(emitters[0]) == IR_OPCODE_COUNT, "an emitter per op");

_Static_assert(IR_nop == 0 && IR_const == 1, "what needs no code comes first");

/* Hot code. False: no room left, or too big. */
static bool emit_ops(struct compiler *c)
{
    const struct ir *ir = c->ir;

    for (unsigned i = 1; i < ir->n; i++) {
        const struct ir_op *o = &ir->ops[i];

        if (o->op <= IR_const || (!c->reachable && o->op != IR_label)) {
            continue;
        }
        if (o->op == IR_insn) {
            c->pc = o->imm;
            continue;
        }
        if (c->e.p + OP_ROOM > c->e.limit) {
            return false;
        }
        c->at = i;
        c->locked = 0;
        c->consumed = false;
        emitters[o->op](c, o);
        if (c->too_big) {
            return false;
        }
    }
    return true;
}

static bool emit_stubs(struct compiler *c)
{
    for (unsigned i = 0; i < c->n_stubs; i++) {
        const struct stub *s = &c->stubs[i];

        if (c->e.p + STUB_ROOM > c->e.limit) {
            return false;
        }
        if (s->kind == STUB_FIX) {
            emit_fix_stub(c, s);
        } else if (s->kind == STUB_FLUSH) {
            emit_flush_stub(c, s);
        } else if (s->kind <= STUB_PAGE) {
            emit_mem_stub(c, s);
        } else {
            emit_control_stub(c, s);
        }
    }
    return !c->too_big;
}

static void reset(struct compiler *c, struct ir *ir)
{
    c->too_big = false;
    c->reachable = true;
    c->flags_live = false;
    c->flags_val = 0;
    c->pc = c->key->pc;
    c->n_sinks = 0;
    c->n_stubs = c->n_records = c->n_fixups = c->n_snapshots = c->snapshot_len = 0;
    c->snapshot_at[0] = 0;
    c->at = c->zf_at = 0;
    memset(c->label_at, 0, ir->n_labels * sizeof(c->label_at[0]));
    memcpy(c->label_refs, ir->label_refs, ir->n_labels * sizeof(c->label_refs[0]));
    memset(c->where, 0, ir->n * sizeof(c->where[0]));
    memset(c->slot, 0, ir->n);
    memset(c->home, 0, ir->n);
    memcpy(c->life, ir->last, ir->n * sizeof(c->life[0]));
    alloc_block(c);
}

static struct compiler *compiler_of(struct ir *ir)
{
    if (!ir->compiler) {
        ir->compiler = calloc(1, sizeof(struct compiler));
        if (!ir->compiler) {
            abort();
        }
    }
    return ir->compiler;
}

static void note_entries(struct compiler *c)
{
    struct compiled *out = c->out;

    out->n_entries = 0;
    for (unsigned i = 0; i < c->ir->n_entries; i++) {
        const struct ir_entry *e = &c->ir->entries[i];

        if (c->label_at[e->label]) {
            out->entries[out->n_entries++] = (struct region_entry){ e->pc, c->label_at[e->label] };
        }
    }
}

uint32_t backend_enter(uint8_t *buffer, uint32_t at, const struct region_entry *entry)
{
    struct emitter e = { .buffer = buffer, .p = buffer + at,
                         .limit = buffer + at + BACKEND_ENTRY_ROOM };
    uint32_t leave = x_poll(&e);

    x_jmp_to(&e, entry->host);
    x_patch(&e, leave, x_here(&e));
    store_pc(&e, entry->pc);
    x_jmp_to(&e, the_host.exit_poll);
    return x_here(&e);
}

bool backend_compile(struct ir *ir, const struct code_key *key, uint8_t *buffer, uint32_t at,
                     size_t room, struct compiled *out, bool *too_big)
{
    struct compiler *c = compiler_of(ir);
    uint32_t start = (at + 15) & ~15u;
    bool done;

    *too_big = false;
    if (room < start - at + OP_ROOM) {
        return false;
    }
    c->ir = ir;
    c->key = key;
    c->out = out;
    c->e.buffer = buffer;
    c->e.p = buffer + start;
    c->e.limit = buffer + at + room;
    out->host = start;
    out->n_exits = 0;
    out->alone = false;
    reset(c, ir);
    done = emit_ops(c);
    if (done) {
        resolve_labels(c);
        out->cold = x_here(&c->e);
        done = emit_stubs(c);
        out->cold_end = out->host_end = x_here(&c->e);
    }
    if (done) {
        note_entries(c);
    }
    *too_big = c->too_big;
    return done && write_side_table(c);
}

void backend_patch(uint8_t *buffer, uint32_t patch, uint32_t target)
{
    __atomic_store_n((uint32_t *)(buffer + patch), target - (patch + 4), __ATOMIC_RELEASE);
}

static void set_pc(void *env, uint64_t pc)
{
    const struct ir_global *g = &the_host.target->globals[the_host.target->pc_global];

    memcpy((uint8_t *)env + g->offset, &pc, g->type == I32 ? 4 : 8);
}

enum exit_reason backend_run(void *env, const void *code, struct region_exit **slot)
{
    enum exit_reason (*enter)(void *, const void *) = (void *)(the_host.buffer + the_host.enter);
    enum exit_reason reason = enter(env, code);
    struct cpu_hot *hot = env;

    if (reason == EXIT_CHAIN) {
        struct region *region = region_by_host(hot->scratch[1]);
        uint32_t index;

        assert(region);
        memcpy(&index, (const void *)hot->scratch[1], sizeof(index));
        *slot = &region->exits[index];
        set_pc(env, (*slot)->pc);
    }
    return reason;
}
