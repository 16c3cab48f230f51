/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The register allocator: forward over the ops, with last uses known from the backward pass. */
#include <assert.h>
#include "tcg/x86_64/compile.h"

static uint32_t bit(int reg)
{
    return 1u << reg;
}

static bool is_pending(const struct compiler *c, ir_val v)
{
    for (uint64_t m = c->pending_mask; m; m &= m - 1) {
        if (c->pending[__builtin_ctzll(m)] == v) {
            return true;
        }
    }
    return false;
}

/*
 * Wanted after this op, or by it while its operands are still being fetched, or by the record of
 * where deferred globals are if it leaves from here.
 */
static bool live(const struct compiler *c, ir_val v)
{
    return c->life[v] > c->at || (c->life[v] == c->at && (!c->consumed || is_pending(c, v)));
}

static bool has_other_place(const struct compiler *c, ir_val v, int reg)
{
    return c->ir->ops[v].op == IR_const || c->where[v] & ~bit(reg) || c->slot[v] || c->home[v];
}

static uint32_t temps_of(bool vector)
{
    return vector ? XMM_TEMPS : GPR_TEMPS;
}

int slot_offset(unsigned slot)
{
    return slot < GPR_SLOTS ? FRAME_SLOTS + 8 * slot : FRAME_VEC_SLOTS + 16 * (slot - GPR_SLOTS);
}

static void put(struct compiler *c, int reg, ir_val v)
{
    c->where[c->val_in[reg]] &= ~bit(reg);
    c->val_in[reg] = v;
    c->where[v] |= bit(reg);
}

static void forget(struct compiler *c, int reg)
{
    c->where[c->val_in[reg]] &= ~bit(reg);
    c->val_in[reg] = 0;
}

static void spill(struct compiler *c, ir_val v, int reg)
{
    bool vector = reg >= XMM0;
    unsigned s = vector ? GPR_SLOTS : 0, end = vector ? SLOTS : GPR_SLOTS;
    struct mem m;

    while (s < end && c->slot_val[s] && c->life[c->slot_val[s]] >= c->at) {
        s++;
    }
    if (s == end) {
        c->too_big = true;
        return;
    }
    c->slot[c->slot_val[s]] = 0;
    c->slot_val[s] = v;
    c->slot[v] = s + 1;
    m = frame_mem(slot_offset(s));
    x_rm(&c->e, vector ? 0x29 | X_0F : OP_STORE | X_W, reg, m);
}

static void evict(struct compiler *c, int reg)
{
    ir_val v = c->val_in[reg];

    if (v && live(c, v) && !has_other_place(c, v, reg)) {
        spill(c, v, reg);
    }
    forget(c, reg);
}

static int free_temp(const struct compiler *c, bool vector)
{
    for (uint32_t m = temps_of(vector) & ~c->locked; m; m &= m - 1) {
        int r = __builtin_ctz(m);

        if (!c->val_in[r] || !live(c, c->val_in[r])) {
            return r;
        }
    }
    return NO_REG;
}

int alloc_temp(struct compiler *c, bool vector)
{
    int best = free_temp(c, vector);
    unsigned best_score = 0;

    if (best == NO_REG) {
        for (uint32_t m = temps_of(vector) & ~c->locked; m; m &= m - 1) {
            int r = __builtin_ctz(m);
            ir_val v = c->val_in[r];
            unsigned score = 1 + c->life[v] + (has_other_place(c, v, r) ? IR_MAX_OPS : 0);

            if (score > best_score) {
                best = r;
                best_score = score;
            }
        }
    }
    assert(best != NO_REG);
    evict(c, best);
    c->locked |= bit(best);
    return best;
}

int alloc_fixed(struct compiler *c, int reg)
{
    ir_val v = c->val_in[reg];

    assert(!(c->locked & bit(reg)));
    c->locked |= bit(reg);
    if (v && live(c, v) && !has_other_place(c, v, reg)) {
        int other = free_temp(c, reg >= XMM0);

        if (other != NO_REG) {
            x_mov(&c->e, true, other, reg);
            put(c, other, v);
        }
    }
    evict(c, reg);
    return reg;
}

static void load_env(struct compiler *c, int reg, enum ir_type type, struct mem m)
{
    static const unsigned loads[IR_TYPE_COUNT] = {
        [I32] = OP_LOAD, [I64] = OP_LOAD | X_W, [F32] = OP_LOADSS, [F64] = OP_LOADQ,
        [V64] = OP_LOADQ, [V128] = OP_LOADUPS,
    };

    x_rm(&c->e, loads[type], reg, m);
}

void load_into(struct compiler *c, int reg, ir_val v)
{
    enum ir_type type = type_of(c, v);
    int64_t value;

    if (c->where[v]) {
        if (!(c->where[v] & bit(reg))) {
            x_mov(&c->e, type == I64, reg, __builtin_ctz(c->where[v]));
        }
    } else if (const_of(c, v, &value)) {
        if (value == 0 && !c->flags_live) {
            x_alu_rr(&c->e, ALU_OP_XOR, false, reg, reg);
        } else {
            x_mov_imm(&c->e, reg, value);
        }
    } else if (c->slot[v]) {
        load_env(c, reg, is_vector(type) ? V128 : type, frame_mem(slot_offset(c->slot[v] - 1)));
    } else if (c->home[v]) {
        load_env(c, reg, type, env_mem(c->ir->globals[c->home[v] - 1].offset));
    } else {
        assert(c->too_big);                     /* its spill failed */
    }
}

int use_reg(struct compiler *c, ir_val v)
{
    int r;

    if (c->where[v]) {
        r = __builtin_ctz(c->where[v]);
    } else {
        r = alloc_temp(c, is_vector(type_of(c, v)));
        load_into(c, r, v);
        put(c, r, v);
    }
    c->locked |= bit(r);
    return r;
}

/* A place in memory that an instruction of this width can read the value from. */
static bool memory_place(const struct compiler *c, ir_val v, enum ir_type type, struct mem *m)
{
    if (c->slot[v]) {
        *m = frame_mem(slot_offset(c->slot[v] - 1));
        return true;
    }
    if (c->home[v] && (type == I32 || c->ir->globals[c->home[v] - 1].type == I64)) {
        *m = env_mem(c->ir->globals[c->home[v] - 1].offset);
        return true;
    }
    return false;
}

struct operand use_operand(struct compiler *c, ir_val v, enum ir_type type)
{
    struct operand s = { .kind = OPERAND_REG };
    int64_t value;

    if (const_of(c, v, &value) && (type == I32 || value == (int32_t)value)) {
        s.kind = OPERAND_IMM;
        s.imm = value;
    } else if (!c->where[v] && memory_place(c, v, type, &s.mem) &&
               (c->ir->last[v] <= c->at || free_temp(c, false) == NO_REG)) {
        s.kind = OPERAND_MEM;
    } else {
        s.reg = use_reg(c, v);
    }
    return s;
}

struct operand cold_operand(struct compiler *c, ir_val v)
{
    struct operand s = { .kind = OPERAND_MEM };
    enum ir_type type = type_of(c, v);

    if (c->where[v] || !memory_place(c, v, type, &s.mem)) {
        s.kind = OPERAND_REG;
        s.reg = use_reg(c, v);
    }
    return s;
}

/* Before a pin is overwritten: keep the value in it if someone still wants that. */
static void save_pin(struct compiler *c, int pin)
{
    ir_val v = c->val_in[pin];

    if (v && c->life[v] > c->at && !has_other_place(c, v, pin)) {
        int t = alloc_temp(c, pin >= XMM0);

        x_mov(&c->e, type_of(c, v) == I64, t, pin);
        put(c, t, v);
        c->locked &= ~bit(t);
    }
}

int dest_pin(struct compiler *c)
{
    const struct ir *ir = c->ir;
    unsigned end = c->at + 8 < ir->n ? c->at + 8 : ir->n;

    for (unsigned i = c->at + 1; i < end; i++) {
        const struct ir_op *o = &ir->ops[i];

        if ((o->op == IR_set || o->op == IR_setpair) && o->a == c->at &&
            the_host.pin[o->imm] != NO_REG) {
            int pin = the_host.pin[o->imm];

            save_pin(c, pin);
            if (c->life[c->val_in[pin]] > c->at) {
                forget(c, pin);                 /* or its other place might be given up */
            }
            return pin;
        }
        if (o->op != IR_set && o->op != IR_const && o->op != IR_nop) {
            break;
        }
    }
    return NO_REG;
}

int dest_reg(struct compiler *c, int pin, ir_val reuse, uint32_t avoid)
{
    uint32_t m;
    int r;

    if (pin != NO_REG && !(avoid & bit(pin))) {
        return pin;
    }
    c->consumed = true;
    m = c->where[reuse] & (GPR_TEMPS | XMM_TEMPS) & ~avoid;
    if (reuse && m && !live(c, reuse) &&
        is_vector(type_of(c, reuse)) == is_vector(type_of(c, c->at))) {
        r = __builtin_ctz(m);
        c->locked |= bit(r);
        return r;
    }
    c->locked |= avoid;
    return alloc_temp(c, is_vector(type_of(c, c->at)));
}

void set_result(struct compiler *c, int pin, int reg)
{
    if (pin != NO_REG && pin != reg) {
        x_mov(&c->e, type_of(c, c->at) != I32, pin, reg);
        forget(c, reg);
        reg = pin;
    }
    put(c, reg, c->at);
}

/* Before an env field is overwritten: keep its value if that is the only place of it. */
static void save_env(struct compiler *c, unsigned global)
{
    ir_val v = c->env_val[global];

    if (!v) {
        return;
    }
    if (c->life[v] >= c->at && !c->where[v] && !c->slot[v]) {
        c->locked &= ~bit(use_reg(c, v));
    }
    c->home[v] = 0;
    c->env_val[global] = 0;
}

static void store_global(struct compiler *c, unsigned global, ir_val v)
{
    static const unsigned stores[IR_TYPE_COUNT] = {
        [I32] = OP_STORE, [I64] = OP_STORE | X_W, [F32] = OP_STORESS, [F64] = OP_STOREQ,
        [V64] = OP_STOREQ, [V128] = OP_STOREUPS,
    };
    const struct ir_global *g = &c->ir->globals[global];
    struct mem m = env_mem(g->offset);
    int64_t value;

    if (c->home[v] == global + 1) {
        return;
    }
    save_env(c, global);
    if (const_of(c, v, &value) && (g->type == I32 || value == (int32_t)value)) {
        x_store_imm(&c->e, g->type == I32 ? 4 : 8, m, value);
        return;
    }
    x_rm(&c->e, stores[g->type], use_reg(c, v), m);
    if (!c->home[v] && c->ir->ops[v].op != IR_const && global != the_host.target->pc_global &&
        (g->type != I32 || type_of(c, v) == I32) &&
        (g->type == V128 || type_of(c, v) != V128)) {
        c->home[v] = global + 1;
        c->env_val[global] = v;
    }
}

/* The global no longer waits for a store; its value lives only as long as others want it. */
static void unpend(struct compiler *c, unsigned global)
{
    ir_val v = c->pending[global];

    c->pending[global] = 0;
    c->pending_mask &= ~(1ull << global);
    c->life[v] = c->ir->last[v];
    for (uint64_t m = c->pending_mask; m; m &= m - 1) {
        unsigned g = __builtin_ctzll(m);

        if (c->pending[g] == v && c->pending_until[g] > c->life[v]) {
            c->life[v] = c->pending_until[g];
        }
    }
}

void flush_pending(struct compiler *c, uint64_t mask)
{
    for (mask &= c->pending_mask; mask; mask &= mask - 1) {
        unsigned g = __builtin_ctzll(mask);

        store_global(c, g, c->pending[g]);
        unpend(c, g);
        c->locked = 0;
    }
}

/* Where the value is, as a store's source; false when no store can have it at once. */
static bool store_source(const struct compiler *c, unsigned global, ir_val v, struct operand *s)
{
    uint32_t regs = c->where[v] & GPRS;
    int64_t value;

    if (const_of(c, v, &value)) {
        s->kind = OPERAND_IMM;
        s->imm = value;
        return c->ir->globals[global].type == I32 || value == (int32_t)value;
    }
    s->kind = regs ? OPERAND_REG : OPERAND_MEM;
    s->reg = regs ? __builtin_ctz(regs) : NO_REG;
    return regs || memory_place(c, v, type_of(c, v), &s->mem);
}

bool sink_pending(struct compiler *c, uint64_t mask, struct stub *s)
{
    s->sinks = c->n_sinks;
    for (mask &= c->pending_mask; mask; mask &= mask - 1) {
        struct sink *sink = &c->sinks[s->sinks + s->n_sinks];
        unsigned g = __builtin_ctzll(mask);

        if (s->sinks + s->n_sinks == MAX_SINKS ||
            !store_source(c, g, c->pending[g], &sink->value)) {
            return false;
        }
        sink->global = g;
        sink->wide = wide(type_of(c, c->pending[g]));
        s->n_sinks++;
    }
    c->n_sinks += s->n_sinks;
    return true;
}

/* Those that need a register come last: no temporary lives on at the label. */
void emit_sinks(struct compiler *c, const struct stub *s)
{
    for (unsigned pass = 0; pass < 2; pass++) {
        for (unsigned i = 0; i < s->n_sinks; i++) {
            const struct sink *sink = &c->sinks[s->sinks + i];
            const struct ir_global *g = &c->ir->globals[sink->global];
            struct mem env = env_mem(g->offset);

            if ((sink->value.kind == OPERAND_MEM) != pass) {
                continue;
            }
            if (sink->value.kind == OPERAND_IMM) {
                x_store_imm(&c->e, g->type == I32 ? 4 : 8, env, sink->value.imm);
            } else if (pass) {
                x_rm(&c->e, OP_LOAD | sink->wide, RAX, sink->value.mem);
                x_rm(&c->e, OP_STORE | wide(g->type), RAX, env);
            } else {
                x_rm(&c->e, OP_STORE | wide(g->type), sink->value.reg, env);
            }
        }
    }
}

void alloc_get(struct compiler *c, const struct ir_op *o)
{
    unsigned g = o->imm;
    int pin = the_host.pin[g];

    if (pin != NO_REG) {
        save_pin(c, pin);
        put(c, pin, c->at);
        return;
    }
    flush_pending(c, 1ull << g);
    save_env(c, g);
    c->home[c->at] = g + 1;
    c->env_val[g] = c->at;
    if (g == the_host.target->pc_global) {          /* restoring state changes it */
        use_reg(c, c->at);
        c->home[c->at] = c->env_val[g] = 0;
    }
}

static void set_deferrable(struct compiler *c, unsigned g, ir_val v)
{
    if (c->pending_mask >> g & 1) {
        unpend(c, g);
    }
    if (c->home[v] == g + 1) {
        return;
    }
    save_env(c, g);                             /* restoring state would overwrite it */
    c->pending[g] = v;
    c->pending_mask |= 1ull << g;
    c->pending_until[g] = c->ir->weak[c->at];
    if (c->pending_until[g] > c->life[v]) {
        c->life[v] = c->pending_until[g];
    }
}

void alloc_set(struct compiler *c, const struct ir_op *o)
{
    unsigned g = o->imm;
    ir_val v = o->a;
    int pin = the_host.pin[g];

    if (pin != NO_REG) {
        if (c->val_in[pin] == v) {
            return;
        }
        save_pin(c, pin);
        load_into(c, pin, v);
        put(c, pin, v);
        /* One register is enough, and this one lasts longer. */
        for (uint32_t m = c->where[v] & (GPR_TEMPS | XMM_TEMPS); m; m &= m - 1) {
            forget(c, __builtin_ctz(m));
        }
    } else if (c->ir->deferrable >> g & 1 && !is_vector(o->type)) {
        set_deferrable(c, g, v);
    } else {
        store_global(c, g, v);
    }
}

/* --- two globals as one vector ---------------------------------------------------------------- */

enum { OP_LOADHIGH = 0x16 | X_0F, OP_STOREHIGH = 0x17 | X_0F, OP_JOIN = 0x6c | X_0F | X_66,
       OP_SHUFFLE = 0x70 | X_0F | X_66, HIGH_TWICE = 0xee };

static struct mem field_of(const struct compiler *c, unsigned global)
{
    return env_mem(c->ir->globals[global].offset);
}

void alloc_get_pair(struct compiler *c, const struct ir_op *o)
{
    unsigned g = o->imm;
    int low = the_host.pin[g], high = the_host.pin[g + 1], d = dest_reg(c, NO_REG, 0, 0);

    assert(c->ir->globals[g + 1].offset == c->ir->globals[g].offset + 8);
    if (low != NO_REG) {
        x_mov(&c->e, true, d, low);
    } else if (high != NO_REG) {
        x_rm(&c->e, OP_LOADQ, d, field_of(c, g));
    } else {
        x_rm(&c->e, OP_LOADUPS, d, field_of(c, g));
    }
    if (high != NO_REG) {
        x_rr(&c->e, OP_JOIN, d, high);
    } else if (low != NO_REG) {
        x_rm(&c->e, OP_LOADHIGH, d, field_of(c, g + 1));
    }
    set_result(c, NO_REG, d);
}

static void set_low(struct compiler *c, unsigned g, ir_val v, int r, bool both)
{
    int pin = the_host.pin[g];

    if (pin == NO_REG) {
        save_env(c, g);
        x_rm(&c->e, both ? OP_STOREUPS : OP_STOREQ, r, field_of(c, g));
    } else if (c->val_in[pin] != v) {
        save_pin(c, pin);
        x_mov(&c->e, true, pin, r);
        put(c, pin, v);
        c->locked |= bit(pin);
    }
}

void alloc_set_pair(struct compiler *c, const struct ir_op *o)
{
    unsigned g = o->imm;
    int high = the_host.pin[g + 1], r = use_reg(c, o->a);
    bool both = the_host.pin[g] == NO_REG && high == NO_REG;

    if (both) {
        save_env(c, g + 1);
    }
    set_low(c, g, o->a, r, both);
    if (high != NO_REG) {
        save_pin(c, high);
        forget(c, high);
        x_rr(&c->e, OP_SHUFFLE, high, r);
        x_8(&c->e, HIGH_TWICE);
    } else if (!both) {
        save_env(c, g + 1);
        x_rm(&c->e, OP_STOREHIGH, r, field_of(c, g + 1));
    }
}

/* C code and thunks keep no more of a pin than its global. */
static void save_wide_pins(struct compiler *c)
{
    for (uint32_t m = the_host.xmm_pins; m; m &= m - 1) {
        int pin = __builtin_ctz(m);
        ir_val v = c->val_in[pin];

        if (v && type_of(c, v) == V128 &&
            c->ir->globals[the_host.global_of[pin]].type != V128) {
            evict(c, pin);
        }
    }
}

/* The arguments have been stored, but the record of the call may name what dies with it. */
void save_for_call(struct compiler *c, uint64_t writes)
{
    c->locked = 0;
    c->consumed = true;
    save_wide_pins(c);
    for (uint64_t w = writes; w; w &= w - 1) {
        unsigned g = __builtin_ctzll(w);
        int pin = the_host.pin[g];
        ir_val v = pin == NO_REG ? c->env_val[g] : c->val_in[pin];

        if (pin == NO_REG) {
            save_env(c, g);
        } else {
            if (v && live(c, v) && !has_other_place(c, v, pin)) {
                spill(c, v, pin);
            }
            forget(c, pin);
        }
        c->locked = 0;
    }
    for (uint32_t m = GPR_TEMPS | XMM_TEMPS; m; m &= m - 1) {
        evict(c, __builtin_ctz(m));
    }
}

void forget_written(struct compiler *c, uint64_t writes)
{
    for (; writes; writes &= writes - 1) {
        unsigned g = __builtin_ctzll(writes);

        if (c->pending_mask >> g & 1) {
            unpend(c, g);
        }
        if (the_host.pin[g] != NO_REG) {
            forget(c, the_host.pin[g]);
        } else if (c->env_val[g]) {
            c->home[c->env_val[g]] = 0;
            c->env_val[g] = 0;
        }
    }
}

void alloc_block(struct compiler *c)
{
    memset(c->val_in, 0, sizeof(c->val_in));
    memset(c->slot_val, 0, sizeof(c->slot_val));
    memset(c->pending, 0, c->ir->n_globals * sizeof(c->pending[0]));
    memset(c->env_val, 0, c->ir->n_globals * sizeof(c->env_val[0]));
    c->pending_mask = 0;
}
