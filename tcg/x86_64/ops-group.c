/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Loads and stores near to each other share one check: a page op leaves the host address or 0, and
 * each access of the group tests for that. With 0 it goes out of line and looks by itself, so that
 * faults and accesses over the end of a page are as exact as alone.
 */
#include "tcg/softmmu.h"
#include "tcg/x86_64/compile.h"

void op_page(struct compiler *c, const struct ir_op *o)
{
    struct stub *s = new_stub(c);
    int d, t, t2, address = effective_address(c, o);
    struct mem addend;

    c->consumed = true;
    t = alloc_temp(c, false);
    t2 = alloc_temp(c, false);
    d = c->val_in[address] ? alloc_temp(c, false) : address;
    s->kind = STUB_PAGE;
    s->reg = d;
    s->from = compare_tag(c, o, address, o->c, o->mem.memop & MO_WRITE_INTENT, t, t2, &addend);
    if (d == address) {
        x_rm(&c->e, (ALU_OP_ADD << 3 | 3) | X_W, d, addend);
    } else {
        x_rm(&c->e, OP_LOAD | X_W, d, addend);
        x_alu_rr(&c->e, ALU_OP_ADD, true, d, address);
    }
    s->back = x_here(&c->e);
    set_result(c, NO_REG, d);
}

static struct stub *grouped_stub(struct compiler *c, const struct ir_op *o, unsigned kind)
{
    struct stub *s = new_stub(c);

    s->kind = kind;
    s->memop = o->mem.memop;
    s->type = o->type;
    s->grouped = true;
    s->base = cold_operand(c, o->a);
    s->base_wide = type_of(c, o->a) == I64;
    s->disp = o->mem.disp;
    return s;
}

/* The jump out of line when there is no page; the place in it otherwise. */
static struct mem place_in_page(struct compiler *c, const struct ir_op *o, struct stub *s)
{
    int page = use_reg(c, o->c);

    x_rr(&c->e, OP_TEST | X_W, page, page);
    s->from = x_jcc(&c->e, CC_E);
    return mem_at(page, o->mem.rel);
}

void grouped_ld(struct compiler *c, const struct ir_op *o)
{
    int pin = dest_pin(c);
    struct stub *s = grouped_stub(c, o, STUB_LOAD);
    struct mem m;

    use_reg(c, o->c);
    c->consumed = true;
    s->reg = pin != NO_REG ? pin : alloc_temp(c, is_vector(o->type));
    s->snapshot = take_snapshot(c);
    m = place_in_page(c, o, s);
    plain_load(c, o->type, s->memop, s->reg, m);
    s->back = x_here(&c->e);
    set_result(c, pin, s->reg);
}

void grouped_st(struct compiler *c, const struct ir_op *o)
{
    struct stub *s = grouped_stub(c, o, STUB_STORE);
    struct stored v = stored_value(c, o->b, o->mem.memop);
    struct mem m;

    s->reg = v.reg;
    s->has_imm = v.is_imm;
    s->imm = v.imm;
    use_reg(c, o->c);
    s->snapshot = take_snapshot(c);
    m = place_in_page(c, o, s);
    plain_store(c, s->memop, &v, m, NO_REG);
    s->back = x_here(&c->e);
}

/* The address of an access that is on its own now, for the thunk. */
void store_address(struct compiler *c, const struct stub *s)
{
    bool narrow = wraps32(s->memop);
    struct mem arg = frame_mem(FRAME_ARGS), saved = frame_mem(FRAME_SAVED);
    int r = s->base.reg;

    if (s->base.kind == OPERAND_MEM) {
        r = !s->has_imm && s->reg == RAX ? RCX : RAX;
        x_rm(&c->e, OP_STORE | X_W, r, saved);
        x_rm(&c->e, OP_LOAD | (s->base_wide ? X_W : 0), r, s->base.mem);
    }
    if (narrow) {
        x_store_imm(&c->e, 8, arg, 0);
    }
    x_rm(&c->e, OP_STORE | (narrow ? 0 : X_W), r, arg);
    if (s->disp) {
        x_alu_mem_imm(&c->e, ALU_OP_ADD, !narrow, arg, s->disp);
    }
    if (s->base.kind == OPERAND_MEM) {
        x_rm(&c->e, OP_LOAD | X_W, r, saved);
    }
}

/* --- what all of them call ------------------------------------------------------------------- */

static const uint8_t lone_temps[] = { RAX, RCX, RDX, R11 };

static struct mem thunk_frame(int32_t offset)
{
    return frame_mem(offset + 8);
}

static void move_lone_temps(struct emitter *e, bool store)
{
    for (unsigned i = 0; i < sizeof(lone_temps); i++) {
        x_rm(e, (store ? OP_STORE : OP_LOAD) | X_W, lone_temps[i],
             thunk_frame(FRAME_TEMPS + 8 * i));
    }
}

/* rax: the address becomes the host's; ecx: log2 of the size. Returns the jump of a miss. */
static uint32_t look_up_lone(struct emitter *e, bool store)
{
    const struct target *target = the_host.target;
    unsigned table_bits = __builtin_ctz(-tlb_table_offset(target, 0, false));
    struct mem entry = env_mem(0);
    uint32_t miss;

    x_rm(e, OP_LOAD | X_W, RAX, thunk_frame(FRAME_ARGS));
    x_rm(e, OP_LOAD, RCX, thunk_frame(FRAME_ARGS + 8));
    x_mov(e, false, RDX, RCX);
    x_shift_imm(e, SHIFT_SHR, false, RDX, __builtin_ctz(MO_WRITE_INTENT));
    x_alu_imm(e, ALU_OP_AND, false, RDX, 15);   /* 2 * mmu index + write */
    if (store) {
        x_alu_imm(e, ALU_OP_OR, false, RDX, 1);
    }
    x_rr(e, 0xf7 | X_W, 2, RDX);                /* not: -(that + 1) */
    x_shift_imm(e, SHIFT_SHL, true, RDX, table_bits);
    x_mov(e, false, R11, RAX);
    x_shift_imm(e, SHIFT_SHR, false, R11, target->page_bits - 4);
    x_alu_imm(e, ALU_OP_AND, false, R11, (TLB_ENTRIES - 1) << 4);
    x_alu_rr(e, ALU_OP_ADD, true, RDX, R11);
    x_alu_imm(e, ALU_OP_AND, false, RCX, MO_SIZE);
    x_mov_imm(e, R11, 1);
    x_rr(e, 0xd3, SHIFT_SHL, R11);
    x_rm(e, OP_LEA | X_W, R11, (struct mem){ .base = RAX, .index = R11, .disp = -1 });
    x_alu_imm(e, ALU_OP_AND, true, R11, -(1 << target->page_bits));
    entry.index = RDX;
    x_rm(e, (ALU_OP_CMP << 3 | 3) | X_W, R11, entry);
    miss = x_jcc(e, CC_NE);
    entry.disp += offsetof(struct tlb_entry, addend);
    x_rm(e, (ALU_OP_ADD << 3 | 3) | X_W, RAX, entry);
    return miss;
}

static uint32_t emit_lone(struct emitter *e, bool store, enum builtin slow)
{
    static const unsigned ops[2][4] = {
        { OP_MOVZX8, OP_MOVZX16, OP_LOAD, OP_LOAD | X_W },
        { OP_STORE8, OP_STORE | X_66, OP_STORE, OP_STORE | X_W },
    };
    uint32_t at = x_here(e), miss, next = 0, done[4];

    move_lone_temps(e, true);
    miss = look_up_lone(e, store);
    if (store) {
        x_rm(e, OP_LOAD | X_W, RDX, thunk_frame(FRAME_ARGS + 16));
    }
    for (unsigned size = MO_8; size <= MO_64; size++) {
        if (next) {
            x_patch(e, next, x_here(e));
        }
        x_alu_imm(e, ALU_OP_CMP, false, RCX, size);
        next = x_jcc(e, CC_NE);
        x_rm(e, ops[store][size], RDX, mem_at(RAX, 0));
        done[size] = x_jmp(e);
    }
    x_patch(e, next, x_here(e));                /* not reached */
    for (unsigned size = MO_8; size <= MO_64; size++) {
        x_patch(e, done[size], x_here(e));
    }
    if (!store) {
        x_rm(e, OP_STORE | X_W, RDX, thunk_frame(FRAME_RESULT));
    }
    move_lone_temps(e, false);
    x_8(e, 0xc3);
    x_patch(e, miss, x_here(e));
    move_lone_temps(e, false);
    x_jmp_to(e, the_host.builtins[slow]);
    return at;
}

void emit_lone_thunks(struct emitter *e)
{
    if (the_host.target->word_bits == 64) {
        the_host.lone_load = emit_lone(e, false, BUILTIN_LOAD);
        the_host.lone_store = emit_lone(e, true, BUILTIN_STORE);
    }
}
