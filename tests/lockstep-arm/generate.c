/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Blocks of random code: mostly instructions of the profile's categories, with the registers that
 * address memory loaded from literals first, so that accesses hit.
 */
#include "lockstep.h"

#include <stdlib.h>
#include <string.h>

#include "base/bits.h"

struct slot *add_slot(struct generator *g, const struct pick *p)
{
    struct slot *s = &g->b->slot[g->b->n++];

    *s = (struct slot){ .word = p->word, .len = p->in.flow.len, .thumb = g->thumb,
                        .row = p->in.row, .target = -1 };
    return s;
}

/* Thumb without Thumb-2 loads low registers only. */
bool literal_possible(const struct generator *g, unsigned reg)
{
    return reg != 15 && (!g->thumb || reg < 8 || rows_has(F_T2));
}

void add_literal(struct generator *g, unsigned reg, uint32_t value, int target)
{
    struct slot *s = &g->b->slot[g->b->n++];
    bool narrow = g->thumb && reg < 8 && (!rows_has(F_T2) || chance(50));

    *s = (struct slot){ .kind = SLOT_LITERAL, .value = value, .reg = reg, .thumb = g->thumb,
                        .len = narrow ? 2 : 4, .row = -1, .target = target };
    s->word = narrow ? (0x4800u | reg << 8) << 16 : g->thumb ? 0xf8df0000 | reg << 12
                                                             : 0xe59f0000 | reg << 12;
}

/* --- addresses ------------------------------------------------------------------------------- */

static uint32_t random_address(unsigned align)
{
    uint32_t at = MEMORY_AT + 4200 + below(MEMORY_SIZE - 8400);

    return at & ~(align - 1);
}

static uint32_t shifted(uint32_t v, unsigned type, unsigned amount)
{
    switch (type) {
    case 0: return v << amount;
    case 1: return amount ? v >> amount : 0;
    case 2: return (uint32_t)((int32_t)v >> (amount ? amount : 31));
    default: return amount ? v >> amount | v << (32 - amount) : v >> 1;
    }
}

/* The least alignment that never faults: words of multiple accesses, elements as they say. */
static unsigned alignment(const struct pick *p)
{
    const char *name = p->row->name;

    if (strncmp(name, "LDM", 3) == 0 || strncmp(name, "STM", 3) == 0 || strstr(name, "RD_")) {
        return rows_has(F_V6) ? 4 : 8;
    }
    if (strncmp(name, "SWP", 3) == 0) {
        return 4;
    }
    if (strcmp(p->row->file, "neon-ls.decode") == 0) {
        return chance(90) ? 32 : 1;
    }
    if (rows_category(p->row) == CAT_VECTOR_MEMORY) {
        return 4;
    }
    return rows_has(F_V6) && chance(40) ? 1 : 4;
}

/*
 * Some accesses of a misaligned address are the kernel's matter: on hardware the alignment fault
 * comes before all others, and Linux then does the access or not.
 */
static bool must_be_aligned(const struct pick *p)
{
    return pick_arg(p, "list") >= 0 || strstr(p->row->name, "RD_") ||
                                strncmp(p->row->name, "SWP", 3) == 0 ||
                                strcmp(p->row->file, "vfp.decode") == 0;
}

/* Literals that let the access hit memory. False: not possible. */
static bool add_addresses(struct generator *g, const struct pick *p)
{
    int rn = pick_arg(p, "rn"), rm = pick_arg(p, "rm"), imm = pick_arg(p, "imm");
    int pre = pick_arg(p, "p"), up = pick_arg(p, "u");
    uint32_t base = random_address(alignment(p)), offset = 0;
    bool vector = rows_category(p->row) == CAT_VECTOR_MEMORY;
    bool list = pick_arg(p, "list") >= 0 || strcmp(p->row->name, "VLDM") == 0;

    if (rn < 0 || rn == 15) {
        return true;
    }
    if (rm >= 0 && must_be_aligned(p) && (rm >= 13 || rm == rn)) {
        return false;
    }
    if (rm >= 0 && rm < 13 && rm != rn && strncmp(p->row->name, "SWP", 3) &&
        literal_possible(g, rm)) {
        uint32_t v = below(60) * (chance(80) || must_be_aligned(p) ? 4 : 1);
        int type = pick_arg(p, "shty"), amount = pick_arg(p, "shim");

        if (type > 0 && amount) {
            v <<= amount;
        }
        add_literal(g, rm, v, -1);
        g->b->slot[g->b->n - 1].keep = must_be_aligned(p);
        offset = type >= 0 ? shifted(v, type, amount) : v;
        offset = vector ? 0 : offset;
    } else if (!list && imm > 0) {
        offset = vector ? imm * 4 : imm;
    }
    if (pre != 0 || vector) {
        base -= up ? offset : -offset;
    }
    if (!literal_possible(g, rn)) {
        return false;
    }
    add_literal(g, rn, base, -1);
    g->b->slot[g->b->n - 1].keep = must_be_aligned(p);
    g->b->slot[g->b->n - 1].no_target = rm >= 0 && must_be_aligned(p);
    return true;
}

/* --- one instruction ------------------------------------------------------------------------- */

static enum category random_category(const struct profile *p)
{
    unsigned sum = 0, at;

    for (unsigned i = 0; i < CAT_COUNT; i++) {
        sum += p->weight[i];
    }
    at = below(sum);
    for (unsigned i = 0; ; i++) {
        if (at < p->weight[i]) {
            return i;
        }
        at -= p->weight[i];
    }
}

static bool accesses_memory(enum category c)
{
    return c == CAT_MEMORY || c == CAT_VECTOR_MEMORY || c == CAT_EXCLUSIVE;
}

/*
 * A load that reserves, some instructions, a store of that size. No reservation is left behind:
 * signals end it, but not the peer's.
 */
static void add_exclusive(struct generator *g)
{
    static const char *const loads[] = { "LDREX", "LDREXB", "LDREXH", "LDREXD", NULL };
    static const char *const stores[] = { "STREX", "STREXB", "STREXH", "STREXD", NULL };
    struct pick load, store, other;
    unsigned size = below(4);       /* another one for the store is unpredictable */
    unsigned first;
    const char *one[2] = { stores[size], NULL };
    uint32_t addr = random_address(8);

    if (!rows_pick_named(&load, (const char *const[]){ loads[size], NULL }, g->thumb, 0) ||
        !rows_pick_named(&store, one, g->thumb, 0) ||
        !literal_possible(g, pick_arg(&load, "rn")) ||
        !literal_possible(g, pick_arg(&store, "rn"))) {
        return;
    }
    add_literal(g, pick_arg(&load, "rn"), addr - pick_arg(&load, "imm"), -1);
    first = g->b->n;
    add_slot(g, &load);
    if (!g->thumb) {
        store.word = (store.word & 0x0fffffff) | (load.word & 0xf0000000);      /* both or none */
    }
    if (chance(50) && rows_pick(&other, CAT_INT, g->thumb, 0) && !other.in.sets) {
        add_slot(g, &other);
    }
    if (chance(5) && rows_pick_named(&other, (const char *const[]){ "CLREX", NULL }, g->thumb, 0)) {
        add_slot(g, &other);
    }
    add_literal(g, pick_arg(&store, "rn"),
                addr - pick_arg(&store, "imm") + (chance(5) ? 8 : 0), -1);
    add_slot(g, &store);
    for (unsigned i = first; i < g->b->n; i++) {
        g->b->slot[i].no_target = true;
    }
}

/* A call of the system that changes nothing: getuid32 */
static void add_svc(struct generator *g)
{
    struct pick p = { .word = g->thumb ? 0xdf000000 : 0xef000000 };

    p.in.row = -1;
    p.in.flow.len = g->thumb ? 2 : 4;
    for (unsigned i = 0; i < arm_ROWS; i++) {
        if (strcmp(arm_rows[i].name, "SVC") == 0 && (arm_rows[i].width == 16) == g->thumb) {
            p.in.row = i;
        }
    }
    add_literal(g, 7, 199, -1);
    g->b->slot[g->b->n - 1].keep = true;
    add_slot(g, &p)->no_target = true;
}

/* Up to four conditional instructions; their literals come before. */
static void add_it_block(struct generator *g)
{
    unsigned n = 1 + below(4), cond = below(15), same = cond & 1 ? 15 : 0, mask;
    struct pick it = { 0 }, pick[4];
    uint8_t state;

    /* The mask: the lowest bits of the conditions from the second on, then a 1. Never an AL. */
    mask = (cond == COND_AL ? same : below(16)) << (5 - n) | 1 << (4 - n);
    state = cond << 4 | (mask & 15);
    it.word = 0xbf000000 | (uint32_t)state << 16;
    for (unsigned i = 0; i < n; i++) {
        enum category c;
        uint8_t now = state;

        do {
            c = random_category(g->p);
        } while (c == CAT_BRANCH || c == CAT_SYSTEM || c == CAT_EXCLUSIVE);
        for (unsigned k = 0; k < i; k++) {
            now = (now & 0xe0) | (now << 1 & 0x1f);
        }
        if (!rows_pick(&pick[i], c, true, now)) {
            return;
        }
        if (accesses_memory(c) && (must_be_aligned(&pick[i]) || !add_addresses(g, &pick[i]))) {
            return;
        }
    }
    it.in.flow.len = 2;
    it.in.row = -1;
    for (unsigned i = 0; i < arm_ROWS; i++) {
        if (strcmp(arm_rows[i].name, "IT") == 0) {
            it.in.row = i;
        }
    }
    add_slot(g, &it)->keep = true;
    for (unsigned i = 0; i < n; i++) {
        add_slot(g, &pick[i])->no_target = true;
    }
}

static void add_random(struct generator *g)
{
    enum category c = random_category(g->p);
    struct pick p;

    if (c == CAT_BRANCH) {
        add_branch(g);
    } else if (c == CAT_EXCLUSIVE) {
        add_exclusive(g);
    } else if (c == CAT_SYSTEM && chance(4) && literal_possible(g, 7)) {
        add_svc(g);
    } else if (g->thumb && rows_has(F_T2) && chance(12)) {
        add_it_block(g);
    } else if (rows_pick(&p, c, g->thumb, 0)) {
        bool aligned = accesses_memory(c) && must_be_aligned(&p);

        if (accesses_memory(c) && (aligned || chance(94)) && !add_addresses(g, &p) && aligned) {
            return;
        }
        add_slot(g, &p)->no_target = aligned;
    }
}

static void make_block(struct block *b, const struct profile *p, unsigned insns)
{
    struct generator g = { .b = b, .p = p, .thumb = p->thumb, .wanted = insns };

    b->n = 0;
    b->thumb = p->thumb;
    b->big = rows_has(F_V6) && (p->weight[CAT_MEMORY] || p->weight[CAT_VECTOR_MEMORY]) &&
             chance(10);
    if (b->big) {
        struct pick big;

        rows_pick_named(&big, (const char *const[]){ "SETEND", NULL }, g.thumb, 0);
        big.word = g.thumb ? 0xb6580000 : 0xf1010200;
        add_slot(&g, &big)->keep = true;
    }
    while (b->n < insns) {
        add_random(&g);
    }
    b->end_thumb = g.thumb;
    for (unsigned i = 0; i < b->n; i++) {
        if (b->slot[i].row >= 0) {
            rows_used[b->slot[i].row]++;
        }
    }
}

/* --- states ---------------------------------------------------------------------------------- */

static uint32_t random_fpscr(const struct profile *p)
{
    static const uint32_t some[] = { 0, 0, 0, 1 << 22, 2 << 22, 3 << 22, 1 << 24, 1 << 25,
                                     3 << 24 | 2 << 22 };
    uint32_t v = some[below(ARRAY_LEN(some))] | below(16) << 28;

    if (p->floats && chance(80)) {
        v &= 0xf3000000;
    }
    if (p->vectors) {
        v |= below(4) << 16;                        /* a stride of 2 is 4 for the peer */
    }
    return v;
}

static void make_run(struct run *r, const struct profile *p)
{
    memset(r, 0, sizeof(*r));
    for (unsigned i = 0; i < 64; i++) {
        r->d[i] = p->floats ? random_float() : random_value();
    }
    for (unsigned i = 0; i < 13; i++) {
        r->r[i] = chance(20) ? random_address(8) : random_value();
    }
    r->lr = random_value();
    r->sp = random_address(8);
    r->fpscr = random_fpscr(p);
    r->cpsr = below(32) << 27 | (rows_has(F_V6) ? below(16) << 16 : 0) | 0x10;
}

void generate_batch(struct batch *b, const struct profile *p, unsigned blocks, unsigned insns)
{
    rows_init(p);
    b->profile = p;
    b->n_blocks = blocks;
    for (unsigned i = 0; i < blocks; i++) {
        make_block(&b->block[i], p, insns);
        for (unsigned k = 0; k < RUNS_PER_BLOCK; k++) {
            make_run(&b->run[i * RUNS_PER_BLOCK + k], p);
        }
    }
    for (unsigned i = 0; i < MEMORY_SIZE; i += 4) {
        uint32_t v = random_value();

        memcpy(b->memory + i, &v, 4);
    }
}
