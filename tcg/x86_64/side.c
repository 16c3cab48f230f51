/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The side table: what must be put right in env when code that translated code called looks at the
 * guest. Per record: return address (delta), guest pc, where each unstored deferrable global is.
 * Numbers are little-endian base-128 varints; signed ones are zigzag encoded.
 *
 *   table  = count, count * (ra delta, snapshot)
 *   snapshot = pc - key.pc (signed), mask of globals from the first deferrable on,
 *              per bit: place byte (kind | index << 2), and for constants the value (signed)
 */
#include <assert.h>
#include "tcg/x86_64/compile.h"

enum place { PLACE_CONST, PLACE_GLOBAL, PLACE_FRAME, PLACE_TEMP };

static uint8_t *put_varint(uint8_t *p, uint64_t v)
{
    for (; v >= 0x80; v >>= 7) {
        *p++ = v | 0x80;
    }
    *p++ = v;
    return p;
}

static uint8_t *put_signed(uint8_t *p, int64_t v)
{
    return put_varint(p, (uint64_t)v << 1 ^ v >> 63);
}

static uint64_t get_varint(const uint8_t **p)
{
    uint64_t v = 0;
    unsigned shift = 0;

    do {
        v |= (uint64_t)(**p & 0x7f) << shift;
        shift += 7;
    } while (*(*p)++ & 0x80);
    return v;
}

static int64_t get_signed(const uint8_t **p)
{
    uint64_t v = get_varint(p);

    return v >> 1 ^ -(v & 1);
}

static const uint8_t temp_index[] = { [RAX] = 0, [RCX] = 1, [RDX] = 2, [R11] = 3 };

static uint8_t *put_place(struct compiler *c, uint8_t *p, ir_val v)
{
    uint32_t regs = c->where[v];
    int64_t value;

    if (const_of(c, v, &value)) {
        *p++ = PLACE_CONST;
        return put_signed(p, value);
    }
    if (regs & the_host.gpr_pins) {
        *p++ = PLACE_GLOBAL | the_host.global_of[__builtin_ctz(regs & the_host.gpr_pins)] << 2;
    } else if (c->slot[v]) {
        *p++ = PLACE_FRAME | (c->slot[v] - 1) << 2;
        assert(c->slot[v] <= 64);
    } else if (regs) {
        *p++ = PLACE_TEMP | temp_index[__builtin_ctz(regs)] << 2;
    } else {
        assert(c->home[v] || c->too_big);
        *p++ = PLACE_GLOBAL | (c->home[v] - 1) << 2;
    }
    return p;
}

static unsigned first_deferrable(const struct ir *ir)
{
    return ir->deferrable ? __builtin_ctzll(ir->deferrable) : 0;
}

/* Describes the state before the present op. Equal neighbours share one description. */
uint16_t take_snapshot(struct compiler *c)
{
    uint8_t *start = c->snapshots + c->snapshot_len, *p;
    uint64_t mask = 0;
    int64_t ignored;
    unsigned last;

    if (c->snapshot_len > SNAPSHOT_BYTES || c->n_snapshots >= MAX_RECORDS) {
        c->too_big = true;
        return 0;
    }
    for (uint64_t m = c->pending_mask; m; m &= m - 1) {
        unsigned g = __builtin_ctzll(m);

        if (c->pending_until[g] >= c->at || const_of(c, c->pending[g], &ignored)) {
            mask |= 1ull << g;
        }
    }
    p = put_signed(start, c->pc - c->key->pc);
    p = put_varint(p, mask >> first_deferrable(c->ir));
    for (; mask; mask &= mask - 1) {
        p = put_place(c, p, c->pending[__builtin_ctzll(mask)]);
    }
    last = c->n_snapshots ? c->snapshot_at[c->n_snapshots - 1] : 0;
    if (c->n_snapshots && p - start == c->snapshot_len - last &&
        memcmp(start, c->snapshots + last, p - start) == 0) {
        return c->n_snapshots - 1;
    }
    c->snapshot_at[c->n_snapshots] = c->snapshot_len;
    c->snapshot_len += p - start;
    c->snapshot_at[c->n_snapshots + 1] = c->snapshot_len;
    return c->n_snapshots++;
}

void add_record(struct compiler *c, uint16_t snapshot)
{
    if (c->n_records >= MAX_RECORDS) {
        c->too_big = true;
        return;
    }
    c->records[c->n_records].ra = x_here(&c->e);
    c->records[c->n_records++].snapshot = snapshot;
}

bool write_side_table(struct compiler *c)
{
    uint8_t *p = c->e.p;
    uint32_t ra = c->out->host;

    if (p + 16 > c->e.limit) {
        return false;
    }
    c->out->side_table = x_here(&c->e);
    p = put_varint(p, c->n_records);
    for (unsigned i = 0; i < c->n_records; i++) {
        uint32_t from = c->snapshot_at[c->records[i].snapshot];
        uint32_t len = c->snapshot_at[c->records[i].snapshot + 1] - from;

        if (p + len + 8 > c->e.limit) {
            return false;
        }
        p = put_varint(p, c->records[i].ra - ra);
        ra = c->records[i].ra;
        memcpy(p, c->snapshots + from, len);
        p += len;
    }
    c->out->side_len = p - c->e.p;
    c->e.p = p;
    return true;
}

struct found {
    unsigned n;
    uint8_t global[64];
    uint64_t value[64];
};

static uint64_t read_global(const uint8_t *env, unsigned g)
{
    const struct ir_global *global = &the_host.target->globals[g];
    uint64_t v = 0;

    memcpy(&v, env + global->offset, global->type == I32 ? 4 : 8);
    return v;
}

static void write_global(uint8_t *env, unsigned g, uint64_t v)
{
    const struct ir_global *global = &the_host.target->globals[g];

    memcpy(env + global->offset, &v, global->type == I32 ? 4 : 8);
}

static uint64_t read_place(const uint8_t *env, const uint8_t *frame, const uint8_t **p)
{
    uint8_t place = *(*p)++;
    unsigned index = place >> 2;
    uint64_t v;

    switch (place & 3) {
    case PLACE_CONST:
        return get_signed(p);
    case PLACE_GLOBAL:
        return read_global(env, index);
    case PLACE_FRAME:
        memcpy(&v, frame + slot_offset(index), 8);
        return v;
    default:
        memcpy(&v, frame + FRAME_TEMPS + 8 * index, 8);
        return v;
    }
}

static void read_snapshot(const uint8_t *env, const uint8_t **p, unsigned first, uint64_t *pc,
                          struct found *found)
{
    const uint8_t *frame = (const uint8_t *)((const struct cpu_hot *)env)->scratch[0];

    *pc = get_signed(p);
    found->n = 0;
    for (uint64_t mask = get_varint(p); mask; mask &= mask - 1) {
        found->global[found->n] = first + __builtin_ctzll(mask);
        found->value[found->n++] = read_place(env, frame, p);
    }
}

void backend_restore(struct cpu *cpu, const uint8_t *buffer, const struct region *region,
                     uintptr_t ra)
{
    const struct target *target = the_host.target;
    const uint8_t *p = buffer + region->side_table;
    unsigned first = 0, n = get_varint(&p);
    uint32_t at = region->host, wanted = ra - (uintptr_t)buffer;
    struct found found;
    uint64_t pc;

    while (first < target->n_globals && target->globals[first].kind != IR_DEFERRABLE) {
        first++;
    }
    for (; n; n--) {
        at += get_varint(&p);
        read_snapshot(cpu->env, &p, first, &pc, &found);
        if (at == wanted) {
            break;
        }
    }
    assert(n);                                  /* every call out of translated code has one */
    for (unsigned i = 0; i < found.n; i++) {
        write_global(cpu->env, found.global[i], found.value[i]);
    }
    write_global(cpu->env, target->pc_global, pc + region->key.pc);
}
