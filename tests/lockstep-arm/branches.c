/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Branches of all forms. They go forward, to one of the next instructions; those that may change
 * between ARM and Thumb state go to the very next one when they do.
 */
#include "lockstep.h"

#include "base/bits.h"

/* A target for one that does not switch: a few slots on. */
static int somewhere(void)
{
    return NEXT_SLOT + below(4);
}

static uint32_t always(const struct generator *g, uint32_t word)
{
    return g->thumb ? word : (word & 0x0fffffff) | 0xe0000000;
}

static void switch_state(struct generator *g)
{
    g->thumb = !g->thumb;
}

/* Which core changes state by what it loads or computes */
static bool may_switch(const struct generator *g, bool arithmetic)
{
    return chance(50) && (arithmetic ? rows_has(F_V7) && !g->thumb : rows_has(F_V5));
}

static void add_direct(struct generator *g)
{
    static const char *const names[] = { "B", "BL", "B_cond", "CBZ", NULL };
    static const char *const x[] = { "BLX_i", NULL };
    bool switching = chance(20);
    struct pick p;
    struct slot *s;

    if (!rows_pick_named(&p, switching ? x : names, g->thumb, 0)) {
        return;
    }
    s = add_slot(g, &p);
    s->kind = SLOT_BRANCH;
    s->keep = s->exact = switching;
    s->target = switching ? NEXT_SLOT : somewhere();
    if (switching) {
        switch_state(g);
    }
}

static void add_register(struct generator *g)
{
    static const char *const names[] = { "BX", "BLX_r", "BXJ", NULL };
    bool switching = chance(50);
    struct pick p;
    struct slot *s;

    if (!rows_pick_named(&p, names, g->thumb, 0) || !literal_possible(g, pick_arg(&p, "rm")) ||
        pick_arg(&p, "rm") == 13) {
        return;
    }
    add_literal(g, pick_arg(&p, "rm"), 0, switching ? NEXT_SLOT + 1 : somewhere() + 1);
    g->b->slot[g->b->n - 1].keep = g->b->slot[g->b->n - 1].exact = switching;
    if (switching) {
        p.word = always(g, p.word);
    }
    s = add_slot(g, &p);
    s->keep = switching;
    s->no_target = true;
    if (switching) {
        switch_state(g);
    }
}

/* Where in memory a load takes the pc from, with its base there. */
static uint32_t pc_word(const struct pick *p, uint32_t base)
{
    int list = pick_arg(p, "list"), imm = pick_arg(p, "imm"), n;

    if (list < 0) {
        return base + (pick_arg(p, "p") ? (pick_arg(p, "u") ? imm : -imm) : 0);
    }
    n = __builtin_popcount(list);
    if (pick_arg(p, "u")) {
        return base + 4 * (n - 1) + (pick_arg(p, "p") ? 4 : 0);
    }
    return base - (pick_arg(p, "p") ? 4 : 0);
}

/* The store of r0 to [r1] */
static void add_store(struct generator *g)
{
    struct pick p = { .word = g->thumb ? 0x60080000 : 0xe5810000 };

    p.in.row = -1;
    p.in.flow.len = g->thumb ? 2 : 4;
    add_slot(g, &p)->keep = true;
}

static void add_load(struct generator *g)
{
    bool switching = may_switch(g, false);
    uint32_t base = MEMORY_AT + 0x2000 + below(256) * 4;
    struct pick p;
    struct slot *s;
    int rn;

    if (!rows_pick_load_of_pc(&p, g->thumb)) {
        return;
    }
    rn = pick_arg(&p, "rn");
    if (rn == 15 || !literal_possible(g, rn)) {
        return;
    }
    add_literal(g, 0, 0, (switching ? NEXT_SLOT : somewhere()) + 4);
    g->b->slot[g->b->n - 1].keep = true;
    g->b->slot[g->b->n - 1].exact = switching;
    add_literal(g, 1, pc_word(&p, base), -1);
    g->b->slot[g->b->n - 1].keep = true;
    add_store(g);
    add_literal(g, rn, base, -1);
    g->b->slot[g->b->n - 1].keep = true;
    p.word = switching ? always(g, p.word) : p.word;
    s = add_slot(g, &p);
    s->keep = s->no_target = true;
    for (unsigned i = 2; i < 5; i++) {
        g->b->slot[g->b->n - i].no_target = true;
    }
    if (switching) {
        switch_state(g);
    }
}

/* MOV pc, rm: by the encoding all states have */
static void add_move(struct generator *g)
{
    bool switching = may_switch(g, true);
    unsigned rm = below(8);
    struct pick p = { .word = g->thumb ? 0x46870000 | rm << 19
                                       : (below(15) << 28 | 0x01a0f000 | rm) };
    struct slot *s;

    p.in.row = -1;
    p.in.flow.len = g->thumb ? 2 : 4;
    add_literal(g, rm, g->thumb && chance(50), (switching ? NEXT_SLOT : somewhere()) + 1);
    g->b->slot[g->b->n - 1].keep = g->b->slot[g->b->n - 1].exact = switching;
    p.word = switching ? always(g, p.word) : p.word;
    s = add_slot(g, &p);
    s->keep = switching;
    s->no_target = true;
    if (switching) {
        switch_state(g);
    }
}

/* A table with one entry, behind the instruction */
static void add_table(struct generator *g)
{
    static const char *const names[] = { "TBB", "TBH", NULL };
    struct pick p;
    struct slot *s;

    if (!rows_pick_named(&p, names, g->thumb, 0)) {
        return;
    }
    p.word |= 15 << 16;                             /* the table is at the pc */
    if (pick_arg(&p, "rm") == pick_arg(&p, "rn")) {
        return;
    }
    add_literal(g, pick_arg(&p, "rm"), 0, -1);
    g->b->slot[g->b->n - 1].keep = true;
    s = add_slot(g, &p);
    s->keep = s->no_target = true;
    p.in.row = -1;
    p.in.flow.len = 2;
    p.word = 0;
    s = add_slot(g, &p);
    s->kind = SLOT_TABLE;
    s->data = s->keep = s->no_target = true;
    s->target = somewhere();
}

void add_branch(struct generator *g)
{
    switch (below(5)) {
    case 0: add_direct(g); break;
    case 1: add_register(g); break;
    case 2: add_load(g); break;
    case 3: add_move(g); break;
    default:
        if (g->thumb && rows_has(F_T2)) {
            add_table(g);
        } else {
            add_direct(g);
        }
    }
}
