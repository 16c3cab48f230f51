/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Appends operations to a region's IR: value forwarding, sharing of equal ops, labels, calls. */
#include "tcg/build.h"

#include <assert.h>
#include <string.h>
#include "tcg/fold.h"

void ir_reset(struct ir *ir)
{
    ir->n = 1;
    ir->n_labels = 0;
    ir->n_entries = 0;
    ir->deferrable = 0;
    for (unsigned g = 0; g < ir->n_globals; g++) {
        if (ir->globals[g].kind == IR_DEFERRABLE) {
            ir->deferrable |= 1ull << g;
        }
    }
    memset(&ir->ops[0], 0, sizeof(ir->ops[0]));
    memset(ir->groups, 0, sizeof(ir->groups));
    ir->last_brc = 0;
    memset(ir->cur, 0, sizeof(ir->cur));
    memset(ir->cse, 0, sizeof(ir->cse));
}

static ir_val append(struct ir *ir, const struct ir_op *o)
{
    assert(ir->n < IR_MAX_OPS);
    ir->ops[ir->n] = *o;
    ir->held[ir->n] = false;
    return ir->n++;
}

/* A pure op: the same op with the same operands in this block is found again. */
ir_val ir_pure(struct ir *ir, const struct ir_op *o)
{
    uint64_t words[2], other[2];
    uint64_t h;
    ir_val v;

    memcpy(words, o, sizeof(words));
    h = (words[0] ^ words[1] * 0x9e3779b97f4a7c15ull) * 0xff51afd7ed558ccdull;
    v = ir->cse[h >> 58];
    memcpy(other, &ir->ops[v], sizeof(other));
    if (v && other[0] == words[0] && other[1] == words[1]) {
        return v;
    }
    return ir->cse[h >> 58] = append(ir, o);
}

ir_val ir_const(struct ir *ir, enum ir_type type, int64_t value)
{
    struct ir_op o = { .op = IR_const, .type = type };

    o.imm = type == I32 ? (int64_t)(uint32_t)value : value;
    return ir_pure(ir, &o);
}

ir_val ir_get(struct ir *ir, unsigned global)
{
    if (!ir->cur[global]) {
        ir->cur[global] = append(ir, &(struct ir_op){ .op = IR_get, .imm = global,
                                                      .type = ir->globals[global].type });
    }
    return ir->cur[global];
}

void ir_set(struct ir *ir, unsigned global, ir_val v)
{
    enum ir_type type = ir->globals[global].type;

    if (type == I32 && ir_type_of(ir, v) == I64) {
        v = ir_1(ir, IR_mov, I32, v);
    }
    if (ir->cur[global] == v) {
        return;
    }
    append(ir, &(struct ir_op){ .op = IR_set, .type = type, .a = v, .imm = global });
    ir->held[v] |= ir->globals[global].kind == IR_PRECISE;
    ir->cur[global] = v;
}

bool ir_get_const(struct ir *ir, unsigned global, int64_t *value)
{
    return ir->cur[global] && ir_is_const(ir, ir->cur[global], value);
}

ir_val ir_imm(struct ir *ir, enum ir_opcode op, enum ir_type type, ir_val a, ir_val b, int64_t imm)
{
    struct ir_op o = { .op = op, .type = type, .a = a, .b = b, .imm = imm };
    const struct ir_op_info *info = &ir_op_info[op];
    ir_val v = ir_fold(ir, &o);

    if (v) {
        return v;
    }
    if (((info->flags & (IR_RESULT | IR_EFFECT)) == IR_RESULT && op != IR_envld &&
         op != IR_hld) || ir_is_move(&o)) {
        return ir_pure(ir, &o);
    }
    return append(ir, &o);
}

ir_val ir_append_op(struct ir *ir, const struct ir_op *o)
{
    return ir_op_info[o->op].flags & IR_EFFECT ? append(ir, o) : ir_pure(ir, o);
}

ir_val ir_1(struct ir *ir, enum ir_opcode op, enum ir_type type, ir_val a)
{
    return ir_imm(ir, op, type, a, 0, 0);
}

ir_val ir_2(struct ir *ir, enum ir_opcode op, enum ir_type type, ir_val a, ir_val b)
{
    return ir_imm(ir, op, type, a, b, 0);
}

ir_val ir_2i(struct ir *ir, enum ir_opcode op, enum ir_type type, ir_val a, int64_t b)
{
    return ir_2(ir, op, type, a, ir_const(ir, type, b));
}

ir_val ir_3(struct ir *ir, enum ir_opcode op, enum ir_type type, ir_val a, ir_val b, ir_val c)
{
    struct ir_op o = { .op = op, .type = type, .a = a, .b = b, .c = c };

    return ir_op_info[op].flags & IR_EFFECT ? append(ir, &o) : ir_pure(ir, &o);
}

ir_val ir_exts(struct ir *ir, enum ir_type type, ir_val a, unsigned bits)
{
    return ir_imm(ir, IR_exts, type, a, 0, bits);
}

ir_val ir_extract(struct ir *ir, enum ir_type type, ir_val a, unsigned offset, unsigned bits)
{
    return ir_imm(ir, IR_extract, type, a, 0, offset | bits << 8);
}

ir_val ir_extu(struct ir *ir, enum ir_type type, ir_val a, unsigned bits)
{
    return ir_extract(ir, type, a, 0, bits);
}

ir_val ir_deposit(struct ir *ir, enum ir_type type, ir_val a, ir_val b, unsigned offset,
                  unsigned bits)
{
    return ir_imm(ir, IR_deposit, type, a, b, offset | bits << 8);
}

ir_val ir_setc(struct ir *ir, enum ir_type type, enum ir_cond cc, ir_val a, ir_val b)
{
    return ir_imm(ir, IR_setc, type, a, b, cc);
}

ir_val ir_sel(struct ir *ir, enum ir_type type, enum ir_cond cc, ir_val a, ir_val b, ir_val yes,
              ir_val no)
{
    struct ir_op o = { .op = IR_sel, .type = type, .c = yes };
    int known;

    if (yes == no) {
        return type == I32 ? ir_1(ir, IR_mov, I32, yes) : yes;
    }
    known = ir_fold_compare(ir, type, &cc, &a, &b);
    if (known >= 0) {
        return ir_1(ir, IR_mov, type, known ? yes : no);
    }
    o.a = a;
    o.b = b;
    o.sel = (struct ir_sel){ .cond = cc, .d = no };
    return ir_pure(ir, &o);
}

/* --- memory: one check of the page for accesses near to each other --------------------------- */

/* What an address is made from by adding constants; false when they are too large to compare. */
static bool find_root(const struct ir *ir, ir_val addr, bool narrow, ir_val *root, int64_t *offset)
{
    int64_t c;

    for (;;) {
        const struct ir_op *o = &ir->ops[addr];

        if (o->op != IR_add || (o->type == I32 && !narrow) || !ir_is_const(ir, o->b, &c)) {
            break;
        }
        *offset += narrow ? (int32_t)c : c;
        addr = o->a;
        if (*offset != (int16_t)*offset) {
            return false;
        }
    }
    *root = addr;
    return *offset == (int16_t)*offset && ir->ops[addr].op != IR_const;
}

/* The page op takes in another access; false when that would be too far from the others. */
static bool extend(struct ir *ir, struct ir_op *page, int64_t offset, unsigned size, bool write)
{
    int64_t low = offset < page->mem.disp ? offset : page->mem.disp;
    int64_t high = page->mem.disp + page->c;

    high = offset + size > high ? offset + size : high;
    /* Behind a branch, only what was to be written anyway may ask for a writable page. */
    if (high - low > IR_PAGE_SPAN || (write && !(page->mem.memop & MO_WRITE_INTENT) &&
                                      page < &ir->ops[ir->last_brc])) {
        return false;
    }
    page->mem.disp = low;
    page->c = high - low;
    page->b++;
    page->mem.memop |= write ? MO_WRITE_INTENT : 0;
    return true;
}

/* Makes the access one of a group, perhaps the first. */
static void join_group(struct ir *ir, struct ir_op *o)
{
    unsigned kept = o->mem.memop & (7 << MO_IDX_SHIFT | MO_ADDR32);
    unsigned size = 1 << (o->mem.memop & MO_SIZE);
    bool write = o->op == IR_st || o->mem.memop & MO_WRITE_INTENT;
    struct ir_page_group *g;
    int64_t offset = o->mem.disp;
    ir_val root;

    if (!ir->group_pages || o->mem.memop & (MO_BE | MO_ALIGN) ||
        !find_root(ir, o->a, kept & MO_ADDR32, &root, &offset)) {
        return;
    }
    for (g = ir->groups; g < ir->groups + IR_PAGE_GROUPS; g++) {
        if (g->root == root && g->memop == kept &&
            extend(ir, &ir->ops[g->page], offset, size, write)) {
            o->c = g->page;
            o->mem.rel = offset;
            return;
        }
    }
    g = &ir->groups[ir->next_group++ % IR_PAGE_GROUPS];
    g->root = root;
    g->memop = kept;
    o->c = g->page = append(ir, &(struct ir_op){
        .op = IR_page, .type = I64, .a = root, .b = 1, .c = size,
        .mem = { .disp = offset, .memop = kept | (write ? MO_WRITE_INTENT : 0) } });
    o->mem.rel = offset;
}

ir_val ir_ld(struct ir *ir, enum ir_type type, ir_val addr, int32_t disp, uint16_t memop)
{
    struct ir_op o = { .op = IR_ld, .type = type, .a = addr,
                       .mem = { .disp = disp, .memop = memop } };

    join_group(ir, &o);
    return append(ir, &o);
}

void ir_st(struct ir *ir, enum ir_type type, ir_val addr, int32_t disp, ir_val v, uint16_t memop)
{
    struct ir_op o = { .op = IR_st, .type = type, .a = addr, .b = v,
                       .mem = { .disp = disp, .memop = memop } };

    join_group(ir, &o);
    append(ir, &o);
}

ir_val ir_cas(struct ir *ir, enum ir_type type, ir_val addr, int32_t disp, ir_val expected,
              ir_val desired, uint16_t memop)
{
    return append(ir, &(struct ir_op){ .op = IR_cas, .type = type, .a = addr, .b = expected,
                                       .c = desired, .mem = { .disp = disp, .memop = memop } });
}

ir_val ir_atomic(struct ir *ir, enum ir_opcode op, enum ir_type type, ir_val addr, int32_t disp,
                 ir_val v, uint16_t memop)
{
    return append(ir, &(struct ir_op){ .op = op, .type = type, .a = addr, .b = v,
                                       .mem = { .disp = disp, .memop = memop } });
}

ir_val ir_envld(struct ir *ir, enum ir_type type, uint32_t offset, uint16_t memop)
{
    return append(ir, &(struct ir_op){ .op = IR_envld, .type = type,
                                       .imm = offset | (int64_t)memop << 32 });
}

void ir_envst(struct ir *ir, enum ir_type type, uint32_t offset, ir_val v, uint16_t memop)
{
    append(ir, &(struct ir_op){ .op = IR_envst, .type = type, .a = v,
                                .imm = offset | (int64_t)memop << 32 });
}

void ir_x87(struct ir *ir, enum ir_opcode op, enum ir_type type, ir_val a, ir_val b, int64_t imm)
{
    append(ir, &(struct ir_op){ .op = op, .type = type, .a = a, .b = b, .imm = imm });
}

ir_val ir_x87_value(struct ir *ir, enum ir_opcode op, enum ir_type type, int64_t imm)
{
    return append(ir, &(struct ir_op){ .op = op, .type = type, .imm = imm });
}

void ir_x87_mem(struct ir *ir, ir_val addr, int32_t disp, uint16_t memop, uint16_t encoding)
{
    append(ir, &(struct ir_op){ .op = IR_x87_mem, .type = I64, .a = addr, .b = encoding,
                                .mem = { .disp = disp, .memop = memop } });
}

unsigned ir_label_new(struct ir *ir, uint64_t live)
{
    assert(ir->n_labels < IR_MAX_LABELS);
    ir->label_live[ir->n_labels] = live & ir->deferrable;
    ir->label_op[ir->n_labels] = ir->label_refs[ir->n_labels] = 0;
    return ir->n_labels++;
}

void ir_label(struct ir *ir, unsigned label)
{
    ir->label_op[label] = append(ir, &(struct ir_op){ .op = IR_label, .type = IR_NONE,
                                                      .imm = label });
    memset(ir->cur, 0, sizeof(ir->cur));
    memset(ir->cse, 0, sizeof(ir->cse));
    memset(ir->groups, 0, sizeof(ir->groups));
}

void ir_entry(struct ir *ir, unsigned label, uint64_t pc)
{
    if (ir->n_entries < IR_MAX_ENTRIES) {
        ir->entries[ir->n_entries++] = (struct ir_entry){ pc, label };
    }
}

void ir_br(struct ir *ir, unsigned label)
{
    ir->label_refs[label]++;
    append(ir, &(struct ir_op){ .op = IR_br, .type = IR_NONE, .imm = label });
}

void ir_brc(struct ir *ir, enum ir_type type, enum ir_cond cc, ir_val a, ir_val b, unsigned label)
{
    int known = ir_fold_compare(ir, type, &cc, &a, &b);

    if (known == 0) {
        return;
    }
    if (known == 1) {
        ir_br(ir, label);
        return;
    }
    ir->label_refs[label]++;
    ir->last_brc = append(ir, &(struct ir_op){ .op = IR_brc, .type = type, .a = a, .b = b,
                                               .imm = cc | (int64_t)label << 8 });
}

void ir_insn(struct ir *ir, uint64_t pc)
{
    append(ir, &(struct ir_op){ .op = IR_insn, .type = IR_NONE, .imm = pc });
}

void ir_poll(struct ir *ir, uint64_t pc)
{
    append(ir, &(struct ir_op){ .op = IR_poll, .type = IR_NONE, .imm = pc });
}

void ir_check(struct ir *ir)
{
    append(ir, &(struct ir_op){ .op = IR_check, .type = IR_NONE });
}

bool ir_stores(const struct ir *ir, unsigned from)
{
    for (unsigned i = from; i < ir->n; i++) {
        const struct ir_op *o = &ir->ops[i];

        if (o->op == IR_call ? (ir->helpers[o->call.helper].flags &
                                (HELPER_RAISES | HELPER_NORETURN)) == HELPER_RAISES
                             : ir_op_info[o->op].flags & IR_MEM && o->op != IR_ld &&
                               o->op != IR_page) {
            return true;
        }
    }
    return false;
}

/* Masks of deferrable globals travel in 16 bits: relative to the first of them. */
uint16_t ir_live_pack(const struct ir *ir, uint64_t live)
{
    uint64_t d = ir->deferrable;

    return d ? (uint16_t)((live & d) >> __builtin_ctzll(d)) : 0;
}

uint64_t ir_live_unpack(const struct ir *ir, uint16_t packed)
{
    uint64_t d = ir->deferrable;

    return d ? (uint64_t)packed << __builtin_ctzll(d) : 0;
}

void ir_exit(struct ir *ir, uint64_t pc, uint64_t live)
{
    append(ir, &(struct ir_op){ .op = IR_exit, .type = IR_NONE, .c = ir_live_pack(ir, live),
                                .imm = pc });
}

void ir_ijmp(struct ir *ir, ir_val pc, uint64_t live, enum ir_jump_hint hint)
{
    append(ir, &(struct ir_op){ .op = IR_ijmp, .type = ir_type_of(ir, pc), .a = pc,
                                .c = ir_live_pack(ir, live), .imm = hint });
}

void ir_exit_loop(struct ir *ir)
{
    append(ir, &(struct ir_op){ .op = IR_exit_loop, .type = IR_NONE });
}

ir_val ir_call(struct ir *ir, unsigned helper, ir_val a, ir_val b, ir_val c, ir_val d)
{
    const struct ir_helper *h = &ir->helpers[helper];
    ir_val v;

    assert(helper < ir->n_helpers);
    v = append(ir, &(struct ir_op){ .op = IR_call, .type = h->ret, .a = a, .b = b, .c = c,
                                    .call = { .helper = helper, .d = d } });
    for (uint64_t w = h->writes; w; w &= w - 1) {
        ir->cur[__builtin_ctzll(w)] = 0;
    }
    if (!(h->flags & HELPER_PURE)) {
        memset(ir->groups, 0, sizeof(ir->groups));      /* it may change mappings */
    }
    return h->ret == IR_NONE ? 0 : v;
}
