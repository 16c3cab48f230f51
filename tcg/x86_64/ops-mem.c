/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory: guest loads and stores through the soft MMU's tables, atomics, and plain access to env
 * and host memory. Everything is allocated before the first jump to a slow path, so that fast and
 * slow path agree about where values are.
 */
#include "tcg/softmmu.h"
#include "tcg/x86_64/compile.h"

static void unlock(struct compiler *c, int reg)
{
    c->locked &= ~(1u << reg);
}

/* The address, when it is known now. */
static bool const_address(const struct compiler *c, const struct ir_op *o, uint64_t *address)
{
    int64_t value;

    if (o->mem.index || !const_of(c, o->a, &value)) {
        return false;
    }
    value += o->mem.disp;
    *address = wraps32(o->mem.memop) ? (uint32_t)value : (uint64_t)value;
    return true;
}

int effective_address(struct compiler *c, const struct ir_op *o)
{
    bool narrow = wraps32(o->mem.memop);
    uint64_t value;
    struct mem m;
    int t;

    if (const_address(c, o, &value)) {
        t = alloc_temp(c, false);
        x_mov_imm(&c->e, t, value);
        return t;
    }
    if (!o->mem.index && !o->mem.disp && !(narrow && type_of(c, o->a) == I64)) {
        return use_reg(c, o->a);
    }
    m = mem_at(use_reg(c, o->a), o->mem.disp);
    if (o->mem.index) {
        m.index = use_reg(c, o->mem.index);
        m.scale = MO_SCALE(o->mem.memop);
    }
    t = alloc_temp(c, false);
    x_rm(&c->e, OP_LEA | (narrow ? 0 : X_W), t, m);
    unlock(c, m.base);
    if (m.index != NO_REG) {
        unlock(c, m.index);
    }
    return t;
}

static void swap_bytes(struct compiler *c, unsigned size, int d)
{
    if (size == 2) {
        x_rr(&c->e, 0xc1 | X_66, SHIFT_ROL, d);
        x_8(&c->e, 8);
    } else if (size > 2) {
        x_8(&c->e, 0x40 | (size == 8 ? 8 : 0) | (d & 8 ? 1 : 0));
        x_8(&c->e, 0x0f);
        x_8(&c->e, 0xc8 | (d & 7));
    }
}

static void load_vector(struct compiler *c, unsigned memop, int d, struct mem m)
{
    switch (memop & MO_SIZE) {
    case MO_32: x_rm(&c->e, OP_LOADSS, d, m); break;
    case MO_64: x_rm(&c->e, OP_LOADQ, d, m); break;
    default: x_rm(&c->e, memop & MO_ALIGN ? OP_MOVAPS : OP_LOADUPS, d, m);
    }
}

static void load_int(struct compiler *c, unsigned w, unsigned memop, int d, struct mem m)
{
    static const unsigned loads[2][4] = {
        { OP_MOVZX8, OP_MOVZX16, OP_LOAD, OP_LOAD | X_W },
        { OP_MOVSX8, OP_MOVSX16, OP_MOVSXD, OP_LOAD | X_W },
    };
    unsigned size = memop & MO_SIZE;
    bool is_signed = memop & MO_SIGN;

    if (size == MO_32 && !w) {
        is_signed = false;
    }
    if (memop & MO_BE && size > MO_8) {
        x_rm(&c->e, loads[0][size], d, m);
        swap_bytes(c, size_of(memop), d);
        if (is_signed && size < MO_64) {
            x_rr(&c->e, loads[1][size] | w, d, d);
        }
    } else {
        x_rm(&c->e, loads[is_signed][size] | (is_signed ? w : 0), d, m);
    }
}

void plain_load(struct compiler *c, enum ir_type type, unsigned memop, int d, struct mem m)
{
    if (is_vector(type)) {
        load_vector(c, memop, d, m);
    } else {
        load_int(c, wide(type), memop, d, m);
    }
}

struct stored stored_value(struct compiler *c, ir_val v, unsigned memop)
{
    struct stored s = { 0 };

    if (const_of(c, v, &s.imm)) {
        if (memop & MO_BE) {
            s.imm = __builtin_bswap64(s.imm) >> (64 - 8 * size_of(memop));
        }
        s.is_imm = (memop & MO_SIZE) < MO_64 || s.imm == (int32_t)s.imm;
        if (s.is_imm) {
            return s;
        }
    }
    s.reg = use_reg(c, v);
    return s;
}

void swapped_copy(struct compiler *c, unsigned memop, int r, int copy)
{
    if (r >= XMM0) {
        x_rr(&c->e, OP_MOVD_FROM_XMM | X_W, r, copy);
    } else {
        x_mov(&c->e, true, copy, r);
    }
    swap_bytes(c, size_of(memop), copy);
}

void plain_store(struct compiler *c, unsigned memop, const struct stored *s, struct mem m,
                        int scratch)
{
    static const unsigned stores[] = { OP_STORE8, OP_STORE | X_66, OP_STORE, OP_STORE | X_W };
    static const unsigned vectors[] = {
        [MO_32] = OP_STORESS, [MO_64] = OP_STOREQ, [MO_128] = OP_STOREUPS,
    };
    unsigned size = memop & MO_SIZE;
    int r = s->reg;

    if (s->is_imm) {
        x_store_imm(&c->e, size_of(memop), m, s->imm);
    } else if (r >= XMM0 && !(memop & MO_BE && size < MO_128)) {
        bool aligned = size == MO_128 && memop & MO_ALIGN;

        x_rm(&c->e, aligned ? OP_STOREAPS : vectors[size], r, m);
    } else {
        if (memop & MO_BE && size > MO_8) {
            swapped_copy(c, memop, r, scratch);
            r = scratch;
        }
        x_rm(&c->e, stores[size], r, m);
    }
}

/* The entry is known, and what its tag must be. */
static void compare_const_tag(struct compiler *c, uint64_t address, uint64_t tag, int t2,
                              struct mem *entry)
{
    entry->disp += (address >> the_host.target->page_bits & (TLB_ENTRIES - 1)) << 4;
    if ((int64_t)tag == (int32_t)tag) {
        x_alu_mem_imm(&c->e, ALU_OP_CMP, true, *entry, tag);
    } else {
        x_mov_imm(&c->e, t2, tag);
        x_rm(&c->e, (ALU_OP_CMP << 3 | 3) | X_W, t2, *entry);
    }
}

static void compare_any_tag(struct compiler *c, int address, unsigned last, int32_t mask, int t,
                            int t2, struct mem *entry)
{
    if (the_host.bmi2) {
        x_rorx(&c->e, false, t, address, the_host.target->page_bits - 4);
    } else {
        x_mov(&c->e, false, t, address);
        x_shift_imm(&c->e, SHIFT_SHR, false, t, the_host.target->page_bits - 4);
    }
    x_alu_imm(&c->e, ALU_OP_AND, false, t, (TLB_ENTRIES - 1) << 4);
    if (last) {
        x_rm(&c->e, OP_LEA | X_W, t2, mem_at(address, last));
    } else {
        x_mov(&c->e, true, t2, address);
    }
    x_alu_imm(&c->e, ALU_OP_AND, true, t2, mask);
    entry->index = t;
    x_rm(&c->e, (ALU_OP_CMP << 3 | 3) | X_W, t2, *entry);
}

uint32_t compare_tag(struct compiler *c, const struct ir_op *o, int address, unsigned span,
                     bool write, int t, int t2, struct mem *addend)
{
    const struct target *target = the_host.target;
    unsigned memop = o->mem.memop, last = memop & MO_ALIGN ? 0 : span - 1;
    int32_t mask = -(1 << target->page_bits) | (memop & MO_ALIGN ? span - 1 : 0);
    uint64_t value;
    uint32_t miss;

    *addend = env_mem(tlb_table_offset(target, MO_IDX(memop), write));
    if (const_address(c, o, &value)) {
        compare_const_tag(c, value, (value + last) & mask, t2, addend);
    } else {
        compare_any_tag(c, address, last, mask, t, t2, addend);
    }
    miss = x_jcc(&c->e, CC_NE);
    addend->disp += offsetof(struct tlb_entry, addend);
    return miss;
}

/* t becomes the addend. */
static void check_tagged(struct compiler *c, const struct ir_op *o, struct stub *s, bool write,
                         int t, int t2)
{
    struct mem addend;

    s->from = compare_tag(c, o, s->address, size_of(s->memop), write, t, t2, &addend);
    x_rm(&c->e, OP_LOAD | X_W, t, addend);
}

/* 32-bit guests: an addend > 0; misaligned accesses look out of line for the page's end. */
static void check_flat(struct compiler *c, const struct ir_op *o, struct stub *s, bool write,
                       int t, int t2)
{
    unsigned size = size_of(s->memop), bits = the_host.target->page_bits;
    struct mem entry = env_mem(tlb_table_offset(the_host.target, MO_IDX(s->memop), write));
    uint64_t value;

    if (const_address(c, o, &value)) {
        entry.disp += (uint32_t)value >> bits << 3;
    } else {
        x_mov(&c->e, false, t, s->address);
        x_shift_imm(&c->e, SHIFT_SHR, false, t, bits);
        entry.index = t;
        entry.scale = 3;
    }
    x_rm(&c->e, OP_LOAD | X_W, t, entry);
    if (size > 1 && s->address != NO_REG) {
        x_rr(&c->e, 0xf6 | X_M8, 0, s->address);
        x_8(&c->e, size - 1);
        s->misaligned = x_jcc(&c->e, CC_NE);
        s->aligned = x_here(&c->e);
        s->scratch = t2;
    }
    x_rr(&c->e, OP_TEST | X_W, t, t);
    s->from = x_jcc(&c->e, CC_LE);
}

static struct mem check(struct compiler *c, const struct ir_op *o, struct stub *s, bool write,
                        int t, int t2)
{
    struct mem m = mem_at(s->address, 0);

    m.index = t;
    if (s->address == NO_REG) {
        m = mem_at(t, s->disp);
    }

    if (the_host.target->word_bits == 64) {
        check_tagged(c, o, s, write, t, t2);
    } else {
        check_flat(c, o, s, write, t, t2);
    }
    return m;
}

/* In a register, unless it is a constant that fits the displacement of the access. */
static void place_address(struct compiler *c, const struct ir_op *o, struct stub *s)
{
    unsigned bits = the_host.target->page_bits;
    uint64_t value, last;

    if (const_address(c, o, &value) && (int64_t)value == (int32_t)value) {
        last = value + size_of(o->mem.memop) - 1;
        if (value >> bits == last >> bits && !(o->mem.memop & MO_ALIGN)) {
            s->address = NO_REG;
            s->disp = value;
            return;
        }
    }
    s->address = effective_address(c, o);
}

static void op_ld(struct compiler *c, const struct ir_op *o)
{
    bool vector = is_vector(o->type);
    int pin = dest_pin(c), d = pin, t, t2;
    struct stub *s = new_stub(c);
    struct mem m;

    s->kind = STUB_LOAD;
    s->memop = o->mem.memop;
    s->type = o->type;
    place_address(c, o, s);
    c->consumed = true;
    t = alloc_temp(c, false);
    t2 = alloc_temp(c, false);
    if (pin == NO_REG) {
        d = vector ? alloc_temp(c, true) : t2;
    }
    s->reg = d;
    s->snapshot = take_snapshot(c);
    m = check(c, o, s, o->mem.memop & MO_WRITE_INTENT, t, t2);
    if (vector && s->memop & MO_BE && (s->memop & MO_SIZE) < MO_128) {
        load_int(c, X_W, s->memop & ~MO_SIGN, t, m);
        x_rr(&c->e, OP_MOVD_TO_XMM | X_W, d, t);
    } else {
        plain_load(c, o->type, o->mem.memop, d, m);
    }
    s->back = x_here(&c->e);
    set_result(c, pin, d);
}

static void op_st(struct compiler *c, const struct ir_op *o)
{
    struct stub *s = new_stub(c);
    struct stored v;
    struct mem m;
    int t, t2;

    s->kind = STUB_STORE;
    s->memop = o->mem.memop;
    s->type = o->type;
    place_address(c, o, s);
    v = stored_value(c, o->b, o->mem.memop);
    s->reg = v.reg;
    s->has_imm = v.is_imm;
    if (v.is_imm) {
        s->imm = c->ir->ops[o->b].imm;
    }
    c->consumed = true;
    t = alloc_temp(c, false);
    t2 = alloc_temp(c, false);
    s->snapshot = take_snapshot(c);
    m = check(c, o, s, true, t, t2);
    plain_store(c, o->mem.memop, &v, m, t2);
    s->back = x_here(&c->e);
}

static void slow_arguments(struct compiler *c, const struct stub *s)
{
    if (s->grouped) {
        store_address(c, s);
    } else if (s->address == NO_REG) {
        x_store_imm(&c->e, 8, frame_mem(FRAME_ARGS), s->disp);
    } else {
        x_rm(&c->e, OP_STORE | X_W, s->address, frame_mem(FRAME_ARGS));
    }
    x_store_imm(&c->e, 8, frame_mem(FRAME_ARGS + 8), s->memop);
}

static void slow_load(struct compiler *c, const struct stub *s)
{
    slow_arguments(c, s);
    if ((s->memop & MO_SIZE) == MO_128) {
        call_builtin(c, BUILTIN_LOAD16);
    } else {
        x_call_to(&c->e, s->grouped ? the_host.lone_load : the_host.builtins[BUILTIN_LOAD]);
    }
    add_record(c, s->snapshot);
    plain_load(c, s->type, s->memop & ~MO_BE, s->reg, frame_mem(FRAME_RESULT));
}

static void slow_store(struct compiler *c, const struct stub *s)
{
    bool big = (s->memop & MO_SIZE) == MO_128;
    struct stored v = { .reg = s->reg };
    unsigned memop = s->reg >= XMM0 ? s->memop & MO_SIZE : MO_64;

    slow_arguments(c, s);
    if (s->has_imm) {
        x_store_imm(&c->e, 4, frame_mem(FRAME_ARGS + 16), s->imm);
        x_store_imm(&c->e, 4, frame_mem(FRAME_ARGS + 20), s->imm >> 32);
    } else {
        plain_store(c, memop, &v, frame_mem(big ? FRAME_BUFFER : FRAME_ARGS + 16), NO_REG);
    }
    if (big) {
        call_builtin(c, BUILTIN_STORE16);
    } else {
        x_call_to(&c->e, s->grouped ? the_host.lone_store : the_host.builtins[BUILTIN_STORE]);
    }
    add_record(c, s->snapshot);
}

void call_builtin(struct compiler *c, enum builtin builtin)
{
    x_call_to(&c->e, the_host.builtins[builtin]);
}

/* Argument n of a thunk. */
void store_arg(struct compiler *c, unsigned n, ir_val v)
{
    struct mem m = frame_mem(FRAME_ARGS + 8 * n);
    uint32_t locked = c->locked;
    int64_t value;

    if (const_of(c, v, &value) && value == (int32_t)value) {
        x_store_imm(&c->e, 8, m, value);
    } else {
        x_rm(&c->e, OP_STORE | X_W, use_reg(c, v), m);
    }
    c->locked = locked;
}

static void atomic_call(struct compiler *c, unsigned op, unsigned memop)
{
    x_store_imm(&c->e, 8, frame_mem(FRAME_ARGS + 24), memop | op << 16);
    call_builtin(c, BUILTIN_ATOMIC);
}

/* What has no single host instruction is a call in line; the thunk preserves every register. */
void called_atomic(struct compiler *c, const struct ir_op *o)
{
    int pin = dest_pin(c), d, address = effective_address(c, o);
    uint16_t snapshot;

    x_rm(&c->e, OP_STORE | X_W, address, frame_mem(FRAME_ARGS));
    store_arg(c, 1, o->b);
    if (o->op == IR_cas) {
        store_arg(c, 2, o->c);
    }
    snapshot = take_snapshot(c);
    atomic_call(c, o->op, o->mem.memop);
    add_record(c, snapshot);
    c->locked = 0;
    d = dest_reg(c, pin, 0, 0);
    x_rm(&c->e, OP_LOAD | wide(o->type), d, frame_mem(FRAME_RESULT));
    set_result(c, pin, d);
}

static void slow_atomic(struct compiler *c, const struct stub *s)
{
    struct mem arg = frame_mem(FRAME_ARGS + (s->op == IR_cas ? 16 : 8));

    x_rm(&c->e, OP_STORE | X_W, s->address, frame_mem(FRAME_ARGS));
    if (s->has_imm) {
        x_store_imm(&c->e, 8, arg, s->imm);
    } else if (s->reg != NO_REG) {
        x_rm(&c->e, OP_STORE | X_W, s->reg, arg);
    }
    atomic_call(c, s->op, s->memop);
    add_record(c, s->snapshot);
    x_rm(&c->e, OP_LOAD | wide(s->type), s->result, frame_mem(FRAME_RESULT));
}

void emit_mem_stub(struct compiler *c, const struct stub *s)
{
    if (s->misaligned) {
        x_patch(&c->e, s->misaligned, x_here(&c->e));
        if (!(s->memop & MO_ALIGN)) {
            x_mov(&c->e, false, s->scratch, s->address);
            x_alu_imm(&c->e, ALU_OP_AND, false, s->scratch, (1 << the_host.target->page_bits) - 1);
            x_alu_imm(&c->e, ALU_OP_CMP, false, s->scratch,
                      (1 << the_host.target->page_bits) - (int)size_of(s->memop));
            x_jcc_to(&c->e, CC_BE, s->aligned);
        }
    }
    x_patch(&c->e, s->from, x_here(&c->e));
    switch (s->kind) {
    case STUB_PAGE: x_alu_rr(&c->e, ALU_OP_XOR, false, s->reg, s->reg); break;
    case STUB_LOAD: slow_load(c, s); break;
    case STUB_STORE: slow_store(c, s); break;
    default: slow_atomic(c, s);
    }
    x_jmp_to(&c->e, s->back);
}

/* The opcode for this size, the byte form being one less. */
static unsigned sized(unsigned opcode, unsigned size)
{
    static const unsigned bits[] = { X_R8, X_66, 0, X_W };

    return (size == MO_8 ? opcode - 1 : opcode) | bits[size];
}

/* xadd and xchg: the operand's register gets the old value. */
static void op_exchange(struct compiler *c, const struct ir_op *o, unsigned opcode)
{
    unsigned size = o->mem.memop & MO_SIZE;
    int pin = dest_pin(c), t, t2;
    struct stub *s = new_stub(c);
    struct mem m;

    s->kind = STUB_ATOMIC;
    s->op = o->op;
    s->memop = o->mem.memop;
    s->type = o->type;
    s->address = effective_address(c, o);
    s->has_imm = const_of(c, o->b, &s->imm) && s->imm == (int32_t)s->imm;
    if (!s->has_imm) {
        s->reg = use_reg(c, o->b);
    }
    c->consumed = true;
    t = alloc_temp(c, false);
    t2 = s->result = alloc_temp(c, false);
    s->snapshot = take_snapshot(c);
    m = check(c, o, s, true, t, t2);
    if (s->has_imm) {
        x_mov_imm(&c->e, t2, s->imm);
    } else {
        x_mov(&c->e, true, t2, s->reg);
    }
    x_rm(&c->e, sized(opcode, size), t2, m);
    if (size < MO_32) {
        x_rr(&c->e, size == MO_8 ? OP_MOVZX8 : OP_MOVZX16, t2, t2);
    }
    s->back = x_here(&c->e);
    set_result(c, pin, t2);
}

/* The expected value waits in the frame while rax serves the check. */
static void op_cas(struct compiler *c, const struct ir_op *o)
{
    unsigned size = o->mem.memop & MO_SIZE;
    int pin = dest_pin(c), t;
    struct stub *s = new_stub(c);
    struct mem m;

    store_arg(c, 1, o->b);
    alloc_fixed(c, RAX);
    s->kind = STUB_ATOMIC;
    s->op = o->op;
    s->memop = o->mem.memop;
    s->type = o->type;
    s->address = effective_address(c, o);
    s->reg = use_reg(c, o->c);
    s->result = RAX;
    c->consumed = true;
    t = alloc_temp(c, false);
    s->snapshot = take_snapshot(c);
    m = check(c, o, s, true, t, RAX);
    plain_load(c, I64, size, RAX, frame_mem(FRAME_ARGS + 8));
    x_rm(&c->e, sized(0xb1, size) | X_0F | X_LOCK, s->reg, m);
    s->back = x_here(&c->e);
    set_result(c, pin, RAX);
}

static struct stub *atomic_stub(struct compiler *c, const struct ir_op *o)
{
    struct stub *s = new_stub(c);

    s->kind = STUB_ATOMIC;
    s->op = o->op;
    s->memop = o->mem.memop;
    s->type = o->type;
    s->reg = NO_REG;
    s->address = effective_address(c, o);
    return s;
}

/* And, or, xor whose old value nobody wants. The operand waits in the frame. */
static void op_logic(struct compiler *c, const struct ir_op *o, unsigned alu)
{
    unsigned size = o->mem.memop & MO_SIZE;
    struct stub *s;
    struct mem m;
    int t;

    store_arg(c, 1, o->b);
    s = atomic_stub(c, o);
    c->consumed = true;
    t = alloc_temp(c, false);
    s->result = alloc_temp(c, false);
    s->snapshot = take_snapshot(c);
    m = check(c, o, s, true, t, s->result);
    x_rm(&c->e, OP_LOAD | X_W, s->result, frame_mem(FRAME_ARGS + 8));
    x_rm(&c->e, sized(alu << 3 | 1, size) | X_LOCK, s->result, m);
    s->back = x_here(&c->e);
}

/* With the old value: a loop around compare and exchange. */
static void op_logic_old(struct compiler *c, const struct ir_op *o, unsigned alu)
{
    unsigned size = o->mem.memop & MO_SIZE;
    int pin = dest_pin(c), t, t2;
    struct stub *s;
    struct mem m;
    uint32_t again;

    store_arg(c, 1, o->b);
    alloc_fixed(c, RAX);
    s = atomic_stub(c, o);
    s->result = RAX;
    c->consumed = true;
    t = alloc_temp(c, false);
    t2 = alloc_temp(c, false);
    s->snapshot = take_snapshot(c);
    m = check(c, o, s, true, t, t2);
    plain_load(c, I64, size, RAX, m);
    again = x_here(&c->e);
    x_mov(&c->e, true, t2, RAX);
    x_rm(&c->e, (alu << 3 | 3) | X_W, t2, frame_mem(FRAME_ARGS + 8));
    x_rm(&c->e, sized(0xb1, size) | X_0F | X_LOCK, t2, m);
    x_jcc_to(&c->e, CC_NE, again);
    s->back = x_here(&c->e);
    set_result(c, pin, RAX);
}

static void op_atomic(struct compiler *c, const struct ir_op *o)
{
    static const uint8_t logic[] = {
        [IR_atomic_and] = ALU_OP_AND, [IR_atomic_or] = ALU_OP_OR, [IR_atomic_xor] = ALU_OP_XOR,
    };

    if (o->mem.memop & MO_BE) {
        called_atomic(c, o);
    } else if (o->op == IR_cas) {
        op_cas(c, o);
    } else if (o->op == IR_xchg) {
        op_exchange(c, o, 0x87);
    } else if (o->op == IR_atomic_add) {
        op_exchange(c, o, 0xc1 | X_0F | X_LOCK);
    } else if (c->life[o - c->ir->ops]) {
        op_logic_old(c, o, logic[o->op]);
    } else {
        op_logic(c, o, logic[o->op]);
    }
}

void op_mem(struct compiler *c, const struct ir_op *o)
{
    if (the_host.user) {
        op_user_mem(c, o);
        return;
    }
    switch (o->op) {
    case IR_ld: o->c ? grouped_ld(c, o) : op_ld(c, o); break;
    case IR_st: o->c ? grouped_st(c, o) : op_st(c, o); break;
    case IR_page: op_page(c, o); break;
    default: op_atomic(c, o);
    }
}

static void env_load(struct compiler *c, const struct ir_op *o, unsigned memop, struct mem m)
{
    int pin = dest_pin(c), d;

    if (m.base != RBP) {
        m.base = use_reg(c, o->a);
    }
    d = dest_reg(c, pin, m.base == RBP ? 0 : o->a, 0);
    plain_load(c, o->type, memop, d, m);
    set_result(c, pin, d);
}

static void env_store(struct compiler *c, ir_val v, unsigned memop, struct mem m)
{
    struct stored s = stored_value(c, v, memop);

    plain_store(c, memop, &s, m, memop & MO_BE ? alloc_temp(c, false) : NO_REG);
}

static void op_envptr(struct compiler *c, const struct ir_op *o)
{
    int pin = dest_pin(c), d;
    struct mem m = env_mem(o->imm);

    if (o->a) {
        m.index = use_reg(c, o->a);
    }
    d = dest_reg(c, pin, o->a, 0);
    x_rm(&c->e, OP_LEA | X_W, d, m);
    set_result(c, pin, d);
}

void op_env(struct compiler *c, const struct ir_op *o)
{
    switch (o->op) {
    case IR_envld:
        env_load(c, o, (o->imm >> 32) & 0xffff, env_mem((int32_t)o->imm));
        break;
    case IR_envst:
        env_store(c, o->a, (o->imm >> 32) & 0xffff, env_mem((int32_t)o->imm));
        break;
    case IR_envptr:
        op_envptr(c, o);
        break;
    case IR_hld:
        env_load(c, o, o->mem.memop, mem_at(RAX, o->mem.disp));
        break;
    case IR_hst:
        env_store(c, o->b, o->mem.memop, mem_at(use_reg(c, o->a), o->mem.disp));
        break;
    }
}
