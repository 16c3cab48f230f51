/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Guest memory in user mode: the guest's address space is part of the host's, so every access is
 * one host instruction. 64-bit guests see host addresses; 32-bit guests' accesses go through gs,
 * whose base is the host address of their address 0, with 32-bit address size, so that sums wrap.
 *
 * A record in the side table stands for each access, at its host address plus one (no return
 * address can be there): what the handler of host faults restores the guest's state from.
 */
#include "tcg/x86_64/compile.h"

static unsigned prefixes_of(unsigned memop)
{
    if (the_host.target->word_bits == 32) {
        return MEM_GS | MEM_ADDR32;
    }
    return memop & MO_ADDR32 ? MEM_ADDR32 : 0;
}

struct mem guest_mem(struct compiler *c, const struct ir_op *o)
{
    struct mem m = mem_at(NO_BASE, o->mem.disp);
    int64_t value;

    m.prefixes = prefixes_of(o->mem.memop);
    if (const_of(c, o->a, &value)) {
        value += o->mem.disp;
        if (m.prefixes & MEM_ADDR32 || value == (int32_t)value) {
            m.disp = value;
        } else {
            m.base = use_reg(c, o->a);
        }
    } else {
        m.base = use_reg(c, o->a);
    }
    if (o->mem.index) {
        m.index = use_reg(c, o->mem.index);
        m.scale = MO_SCALE(o->mem.memop);
    }
    return m;
}

void may_fault(struct compiler *c, uint16_t snapshot)
{
    add_record(c, snapshot);
    c->records[c->n_records - 1].ra = x_here(&c->e) + 1;
}

static bool is_swapped(unsigned memop)
{
    return memop & MO_BE && (memop & MO_SIZE) > MO_8 && (memop & MO_SIZE) < MO_128;
}

/* The difference of `size' bytes of code goes into rax, or is added to it. */
static void check_piece(struct compiler *c, unsigned offset, unsigned size, bool first)
{
    const struct ir_check *check = c->ir->check;
    int d = first ? RAX : RCX;
    struct mem m = mem_at(RDX, offset);
    uint64_t value = 0;

    if (the_host.target->word_bits == 32) {
        m = mem_at(NO_BASE, check->lin + offset);
        m.prefixes = MEM_GS | MEM_ADDR32;
    }
    memcpy(&value, check->bytes + offset, size);
    may_fault(c, take_snapshot(c));
    plain_load(c, I64, __builtin_ctz(size), d, m);
    x_mov_imm(&c->e, R11, value);
    x_alu_rr(&c->e, ALU_OP_XOR, true, d, R11);
    if (!first) {
        x_alu_rr(&c->e, ALU_OP_OR, true, RAX, RCX);
    }
}

/* Overlapping pieces where the length is not a power of two. */
static void check_run(struct compiler *c, unsigned from, unsigned end, bool first)
{
    unsigned size = 8, at;

    while (size > end - from) {
        size /= 2;
    }
    for (at = from; at + size <= end; at += size) {
        check_piece(c, at, size, first && at == from);
    }
    if (at < end) {
        check_piece(c, end - size, size, false);
    }
}

static void leave_check(struct compiler *c, unsigned cc)
{
    struct stub *s = new_stub(c);

    s->kind = STUB_CHECK;
    s->from = x_jcc(&c->e, cc);
}

/* First in a region: no temporary is in use. */
void op_check(struct compiler *c, const struct ir_op *o)
{
    struct ir_check *check = c->ir->check;
    bool first = true;

    x_mov_imm(&c->e, RDX, (uintptr_t)&check->left);
    x_alu_mem_imm(&c->e, ALU_OP_SUB, false, mem_at(RDX, 0), 1);
    leave_check(c, CC_S);
    if (the_host.target->word_bits == 64) {
        x_mov_imm(&c->e, RDX, check->lin);
    }
    for (unsigned at = 0, end; at < check->len; at = end + 1) {
        for (end = at; ir_is_checked(check, end); end++) {
        }
        if (end > at) {
            check_run(c, at, end, first);
            first = false;
        }
    }
    leave_check(c, CC_NE);                      /* an opcode at least is compared */
}

static void user_load(struct compiler *c, const struct ir_op *o)
{
    bool vector = is_vector(o->type), swapped = is_swapped(o->mem.memop);
    unsigned memop = o->mem.memop;
    int pin = dest_pin(c), d, t = NO_REG;
    struct mem m = guest_mem(c, o);
    uint16_t snapshot;

    if (vector && swapped) {
        t = alloc_temp(c, false);
    }
    d = dest_reg(c, pin, 0, 0);
    c->consumed = true;
    snapshot = take_snapshot(c);
    may_fault(c, snapshot);
    if (t != NO_REG) {
        plain_load(c, I64, memop & ~MO_SIGN, t, m);
        x_rr(&c->e, OP_MOVD_TO_XMM | X_W, d, t);
    } else {
        plain_load(c, o->type, memop, d, m);
    }
    set_result(c, pin, d);
}

static void user_store(struct compiler *c, const struct ir_op *o)
{
    unsigned memop = o->mem.memop;
    struct mem m = guest_mem(c, o);
    struct stored v = stored_value(c, o->b, memop);
    int t;

    if (is_swapped(memop) && !v.is_imm) {
        t = alloc_temp(c, false);
        swapped_copy(c, memop, v.reg, t);
        v.reg = t;
    }
    c->consumed = true;
    may_fault(c, take_snapshot(c));
    plain_store(c, memop & ~MO_BE, &v, m, NO_REG);
}

static unsigned widened(unsigned opcode, unsigned size)
{
    static const unsigned bits[] = { X_R8, X_66, 0, X_W };

    return (size == MO_8 ? opcode - 1 : opcode) | bits[size];
}

/* The prefix of an atomic operation, if somebody may see that it is not. */
static unsigned lock_prefix(struct compiler *c)
{
    c->out->alone |= region_memory_alone;
    return region_memory_alone ? 0 : X_LOCK;
}

/* xadd and xchg: the operand's register gets the old value. */
static void user_exchange(struct compiler *c, const struct ir_op *o, unsigned opcode)
{
    unsigned size = o->mem.memop & MO_SIZE;
    int pin = dest_pin(c), t;
    struct mem m = guest_mem(c, o);

    t = alloc_temp(c, false);
    load_into(c, t, o->b);
    c->consumed = true;
    may_fault(c, take_snapshot(c));
    x_rm(&c->e, widened(opcode, size), t, m);
    if (size < MO_32) {
        x_rr(&c->e, size == MO_8 ? OP_MOVZX8 : OP_MOVZX16, t, t);
    }
    set_result(c, pin, t);
}

static void user_cas(struct compiler *c, const struct ir_op *o)
{
    unsigned size = o->mem.memop & MO_SIZE;
    int pin = dest_pin(c), new;
    struct mem m;

    alloc_fixed(c, RAX);
    m = guest_mem(c, o);
    new = use_reg(c, o->c);
    load_into(c, RAX, o->b);
    if (size < MO_32) {
        x_rr(&c->e, size == MO_8 ? OP_MOVZX8 : OP_MOVZX16, RAX, RAX);
    } else if (size == MO_32) {
        x_mov(&c->e, false, RAX, RAX);
    }
    c->consumed = true;
    may_fault(c, take_snapshot(c));
    x_rm(&c->e, widened(0xb1, size) | X_0F | lock_prefix(c), new, m);
    set_result(c, pin, RAX);
}

/* add, and, or, xor of which nobody wants the old value */
static void user_modify(struct compiler *c, const struct ir_op *o, unsigned alu)
{
    unsigned size = o->mem.memop & MO_SIZE;
    struct mem m = guest_mem(c, o);
    int r = use_reg(c, o->b);

    c->consumed = true;
    may_fault(c, take_snapshot(c));
    x_rm(&c->e, widened(alu << 3 | 1, size) | lock_prefix(c), r, m);
}

void op_user_mem(struct compiler *c, const struct ir_op *o)
{
    static const uint8_t alu[] = {
        [IR_atomic_add] = ALU_OP_ADD, [IR_atomic_and] = ALU_OP_AND,
        [IR_atomic_or] = ALU_OP_OR, [IR_atomic_xor] = ALU_OP_XOR,
    };

    if (o->op == IR_ld) {
        user_load(c, o);
    } else if (o->op == IR_st) {
        user_store(c, o);
    } else if (o->mem.memop & MO_BE) {
        called_atomic(c, o);
    } else if (o->op == IR_cas) {
        user_cas(c, o);
    } else if (o->op == IR_xchg) {
        user_exchange(c, o, 0x87);
    } else if (!c->ir->uses[c->at]) {
        user_modify(c, o, alu[o->op]);
    } else if (o->op == IR_atomic_add) {
        user_exchange(c, o, 0xc1 | X_0F | lock_prefix(c));
    } else {
        called_atomic(c, o);
    }
}
