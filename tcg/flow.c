/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finds the instructions of a region, and tells which flags are live where. */
#include "tcg/flow.h"

#include <string.h>

enum { LIVE_BUDGET = 16, MAX_INSN = 4, ENTRY_STATE = 0 };

uint64_t flow_linear(const struct flow *f, uint64_t pc)
{
    uint64_t lin = f->t->key.base + (pc & f->pc_mask);

    return f->t->cpu->target->word_bits == 32 ? (uint32_t)lin : lin;
}

/* Offset of pc in the region's page, or -1. */
static int page_offset(const struct flow *f, uint64_t pc)
{
    uint64_t at = flow_linear(f, pc) - f->t->page;

    return at < f->t->page_size && at < FLOW_PAGE ? (int)at : -1;
}

/* An entry of one of the tables by offset, -1 when it is not of this region. */
static int look_up(const struct flow *f, const uint32_t *table, uint64_t pc)
{
    int at = page_offset(f, pc);

    return at >= 0 && table[at] >> 16 == f->generation ? (int)(table[at] & 0xffff) : -1;
}

static void enter(struct flow *f, uint32_t *table, uint64_t pc, unsigned value)
{
    int at = page_offset(f, pc);

    if (at >= 0) {
        table[at] = f->generation << 16 | value;
    }
}

static void new_generation(struct flow *f)
{
    if (++f->generation > 0xffff) {
        memset(f->insn_at, 0, sizeof(f->insn_at));
        memset(f->leader_at, 0, sizeof(f->leader_at));
        memset(f->live_at, 0, sizeof(f->live_at));
        f->generation = 1;
    }
    f->n_insns = f->n_runs = f->n_leaders = f->n_edges = f->n_outs = f->n_branches = 0;
}

static bool decode_in_page(struct flow *f, void *insn, uint64_t pc, uint32_t state)
{
    int at = page_offset(f, pc);

    return at >= 0 && f->decode(f->opaque, insn, pc, state, f->t->code + at,
                                f->t->page_size - at);
}

/* The first instruction may need bytes of the next page. */
static void decode_first(struct flow *f, void *insn, uint64_t pc, uint32_t state)
{
    uint8_t bytes[MAX_INSN];

    if (!decode_in_page(f, insn, pc, state)) {
        translate_fetch(f->t, flow_linear(f, pc), bytes, sizeof(bytes));
        f->decode(f->opaque, insn, pc, state, bytes, sizeof(bytes));
    }
}

static void add_edge(struct flow *f, unsigned from, uint64_t target)
{
    if (f->n_edges < sizeof(f->edges) / sizeof(f->edges[0])) {
        f->edges[f->n_edges].target = target;
        f->edges[f->n_edges++].from = from;
    }
}

static bool translated(struct flow *f, uint64_t pc)
{
    int at = page_offset(f, pc);

    return at >= 0 && translate_is_entry(f->t, pc, at);
}

/* Decodes on from pc until control leaves, or what was decoded before comes. */
static void find_run(struct flow *f, uint64_t pc, uint32_t state, unsigned max_insns)
{
    struct flow_run *run = &f->runs[f->n_runs];

    run->first = f->n_insns;
    while (f->n_insns < max_insns && f->n_branches < FLOW_BRANCHES) {
        struct flow_insn *in = flow_insn(f, f->n_insns);

        if (look_up(f, f->insn_at, pc) >= 0) {
            add_edge(f, f->n_insns - 1, pc);
            break;
        }
        if (f->n_insns && state == ENTRY_STATE && translated(f, pc)) {
            break;
        }
        if (f->n_insns == 0) {
            decode_first(f, in, pc, state);
        } else if (!decode_in_page(f, in, pc, state)) {
            break;
        }
        enter(f, f->insn_at, pc, f->n_insns);
        if (in->flags & FLOW_BRANCH) {
            add_edge(f, f->n_insns, in->target);
            f->n_branches++;
        }
        f->n_insns++;
        pc = in->next;
        state = in->next_state;
        if (in->flags & FLOW_END) {
            break;
        }
    }
    run->count = f->n_insns - run->first;
    f->n_runs += run->count > 0;
}

static void find_leaders(struct flow *f)
{
    memset(f->leader_of, 0, f->n_insns + 1);
    for (unsigned i = 0; i < f->n_edges; i++) {
        uint64_t target = f->edges[i].target;
        int insn = look_up(f, f->insn_at, target);
        struct flow_leader *l = flow_leader(f, target);

        /* Branches go to where the decoder is in its plain state. */
        if (insn < 0 || flow_insn(f, insn)->pc != target ||
            (flow_insn(f, insn)->state != ENTRY_STATE &&
             flow_insn(f, f->edges[i].from)->next != target)) {
            continue;
        }
        if (!l) {
            l = &f->leaders[f->n_leaders];
            *l = (struct flow_leader){ .insn = insn };
            enter(f, f->leader_at, target, f->n_leaders++);
            f->leader_of[insn] = f->n_leaders;
        }
        l->edges++;
        l->back |= insn <= f->edges[i].from;
    }
}

void flow_find(struct flow *f, uint32_t state, unsigned max_insns)
{
    new_generation(f);
    find_run(f, f->t->key.pc, state, max_insns);
    if (max_insns == 1 || f->t->checked) {
        memset(f->leader_of, 0, f->n_insns + 1);
        return;
    }
    for (unsigned i = 0; i < f->n_edges && f->n_runs < REGION_MAX_BLOCKS; i++) {
        uint64_t pc = f->edges[i].target;

        if (page_offset(f, pc) >= 0 && look_up(f, f->insn_at, pc) < 0) {
            find_run(f, pc, ENTRY_STATE, max_insns);
        }
    }
    find_leaders(f);
}

struct flow_leader *flow_leader(struct flow *f, uint64_t pc)
{
    int i = look_up(f, f->leader_at, pc);

    return i >= 0 && flow_insn(f, f->leaders[i].insn)->pc == pc ? &f->leaders[i] : NULL;
}

bool flow_crosses(struct flow *f, uint64_t pc)
{
    uint64_t room[32];              /* for any target's decoded instruction */

    return !f->t->checked && page_offset(f, pc) >= 0 && f->insn_size <= sizeof(room) &&
           look_up(f, f->insn_at, pc) < 0 && !decode_in_page(f, room, pc, ENTRY_STATE);
}

/* --- live flags ------------------------------------------------------------------------------ */

static uint8_t scan(struct flow *f, uint64_t pc, uint32_t state, unsigned *budget)
{
    uint8_t live = 0, open = f->all_flags;

    while (open) {
        int known = look_up(f, f->insn_at, pc);
        uint64_t room[32];
        const struct flow_insn *in = known >= 0 ? flow_insn(f, known) : (void *)room;

        if (*budget == 0 || (known < 0 && !decode_in_page(f, room, pc, state)) || in->pc != pc ||
            in->state != state) {
            return live | open;
        }
        --*budget;
        live |= open & in->reads;
        open &= ~in->writes;
        pc = in->next;
        state = in->next_state;
        if ((in->flags & (FLOW_BRANCH | FLOW_END)) == FLOW_BRANCH) {
            live |= open & scan(f, in->target, ENTRY_STATE, budget);
        } else if (in->flags & (FLOW_BRANCH | FLOW_CALL)) {
            pc = in->target;
            state = ENTRY_STATE;
        } else if (in->flags & FLOW_END) {
            return live | open;
        }
    }
    return live;
}

uint8_t flow_live(struct flow *f, uint64_t pc, uint32_t state)
{
    unsigned budget = LIVE_BUDGET;
    uint8_t live;
    int known;

    if (f->t->strict_flags) {
        return f->all_flags;
    }
    known = state == ENTRY_STATE ? look_up(f, f->live_at, pc) : -1;
    if (known >= 0) {
        return known;
    }
    live = scan(f, pc, state, &budget);
    if (state == ENTRY_STATE) {
        enter(f, f->live_at, pc, live);
    }
    return live;
}
