/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finds the instructions of a region, and tells which flags are live where. */
#include "target-i386/region.h"

#include <string.h>

#include "cpu-debug.h"

uint64_t x86_linear_pc(const struct x86_dis *d, uint64_t pc)
{
    uint64_t lin = d->t->key.base + pc;

    return d->code64 ? lin : (uint32_t)lin;
}

/* A step does one instruction whatever is there, and so does an instruction that is restarted. */
bool x86_stops_at(const struct x86_dis *d, uint64_t lin)
{
    return cpu_breakpoint_count && !(d->mode & MODE_STEP) && !d->t->cpu->one_insn &&
           cpu_breakpoint_at(lin);
}

/* Offset of pc in the region's page, or -1. */
static int page_offset(const struct x86_dis *d, uint64_t pc)
{
    uint64_t at = x86_linear_pc(d, pc) - d->t->page;

    return at < d->t->page_size && at < X86_PAGE ? (int)at : -1;
}

/* An entry of one of the tables by offset, -1 when it is not of this region. */
static int look_up(const struct x86_dis *d, const uint32_t *table, uint64_t pc)
{
    int at = page_offset(d, pc);

    return at >= 0 && table[at] >> 16 == d->region->generation ? (int)(table[at] & 0xffff) : -1;
}

static void enter(struct x86_dis *d, uint32_t *table, uint64_t pc, unsigned value)
{
    int at = page_offset(d, pc);

    if (at >= 0) {
        table[at] = d->region->generation << 16 | value;
    }
}

static void new_generation(struct x86_region *r)
{
    if (++r->generation > 0xffff) {
        memset(r->insn_at, 0, sizeof(r->insn_at));
        memset(r->leader_at, 0, sizeof(r->leader_at));
        memset(r->live_at, 0, sizeof(r->live_at));
        r->generation = 1;
    }
    r->n_insns = r->n_runs = r->n_leaders = r->n_edges = r->n_outs = r->n_raises = 0;
    r->n_branches = 0;
    r->guessed = false;
}

static bool decode_at(struct x86_dis *d, struct x86_insn *in, uint64_t pc, int at)
{
    return at >= 0 && x86_decode(in, d->t->code + at, d->t->page_size - at, pc, d->mode,
                                 d->has, d->region->shapes);
}

static bool decode_in_page(struct x86_dis *d, struct x86_insn *in, uint64_t pc)
{
    return decode_at(d, in, pc, page_offset(d, pc));
}

/* The first instruction may need bytes of the next page. */
static void decode_first(struct x86_dis *d, struct x86_insn *in, uint64_t pc)
{
    uint8_t bytes[X86_MAX_INSN];

    if (!decode_in_page(d, in, pc)) {
        translate_fetch(d->t, x86_linear_pc(d, pc), bytes, sizeof(bytes));
        x86_decode(in, bytes, sizeof(bytes), pc, d->mode, d->has, d->region->shapes);
    }
}

static void add_edge(struct x86_region *r, unsigned from, uint64_t target)
{
    if (r->n_edges < sizeof(r->edges) / sizeof(r->edges[0])) {
        r->edges[r->n_edges++] = (struct x86_edge){ target, from };
    }
}

/* Decodes on from pc until control leaves, or what was decoded before comes. */
static void find_run(struct x86_dis *d, uint64_t pc, unsigned max_insns)
{
    struct x86_region *r = d->region;
    struct x86_run *run = &r->runs[r->n_runs];

    run->first = r->n_insns;
    while (r->n_insns < max_insns && r->n_branches < MAX_BRANCHES) {
        struct x86_insn *in = &r->insns[r->n_insns];
        int at = page_offset(d, pc);
        uint32_t attrs;

        if (r->n_insns == 0) {
            decode_first(d, in, pc);
        } else if (at >= 0 && r->insn_at[at] >> 16 == r->generation) {
            add_edge(r, r->n_insns - 1, pc);
            break;
        } else if (at < 0 || translate_is_entry(d->t, pc, at) || !decode_at(d, in, pc, at)) {
            break;
        }
        if (at >= 0) {
            r->insn_at[at] = r->generation << 16 | r->n_insns;
        }
        attrs = in->op ? in->op->attrs : A_END;
        if (attrs & (A_BRANCH | A_JUMP)) {
            add_edge(r, r->n_insns, in->imm);
            r->n_branches++;
        }
        r->n_insns++;
        pc = in->next;
        if (attrs & A_END) {
            break;
        }
    }
    run->count = r->n_insns - run->first;
    r->n_runs += run->count > 0;
}

static void find_leaders(struct x86_dis *d)
{
    struct x86_region *r = d->region;

    memset(r->leader_of, 0, r->n_insns + 1);
    for (unsigned i = 0; i < r->n_edges; i++) {
        const struct x86_edge *e = &r->edges[i];
        int insn = look_up(d, r->insn_at, e->target);
        struct x86_leader *l = x86_region_leader(d, e->target);

        if (insn < 0 || r->insns[insn].pc != e->target) {
            continue;
        }
        if (!l) {
            l = &r->leaders[r->n_leaders];
            *l = (struct x86_leader){ .insn = insn };
            enter(d, r->leader_at, e->target, r->n_leaders++);
            r->leader_of[insn] = r->n_leaders;
        }
        l->edges++;
        l->back |= insn <= e->from;
    }
}

/*
 * By address, beginning with the first: who laid out the code has put what is run often in a row.
 */
static void sort_runs(struct x86_region *r)
{
    uint64_t start = r->insns[0].pc;

    for (unsigned i = 2; i < r->n_runs; i++) {
        struct x86_run run = r->runs[i];
        unsigned at = i;

        while (at > 1 &&
               r->insns[r->runs[at - 1].first].pc - start > r->insns[run.first].pc - start) {
            r->runs[at] = r->runs[at - 1];
            at--;
        }
        r->runs[at] = run;
    }
}

/* Backward: flags are unseen if they are overwritten before anything may raise. */
static void find_unseen_flags(struct x86_dis *d, const struct x86_run *run)
{
    struct x86_region *r = d->region;
    uint32_t seen = FL_ARITH;

    for (unsigned i = run->first + run->count; i-- > run->first; ) {
        struct x86_insn *in = &r->insns[i];

        in->flags_unseen = !seen && in->plain;
        seen = in->quiet ? (seen & ~x86_flags_written(in)) | in->flags_read : FL_ARITH;
        if (r->leader_of[i] && r->leaders[r->leader_of[i] - 1].back) {
            seen = FL_ARITH;                    /* it polls */
        }
    }
}

void x86_region_find(struct x86_dis *d, unsigned max_insns)
{
    bool looked_at = d->t->strict_flags || cpu_breakpoint_count ||
                     d->mode & (MODE_DR_CODE | MODE_CS_64K | MODE_CS_LIMIT | MODE_INHIBIT);
    struct x86_region *r = d->region;

    new_generation(r);
    find_run(d, d->t->key.pc, max_insns);
    if (max_insns == 1 || d->t->checked) {
        memset(r->leader_of, 0, r->n_insns + 1);
        return;
    }
    for (unsigned i = 0; i < r->n_edges && r->n_runs < REGION_MAX_BLOCKS; i++) {
        uint64_t pc = r->edges[i].target;

        if (page_offset(d, pc) >= 0 && look_up(d, r->insn_at, pc) < 0) {
            find_run(d, pc, max_insns);
        }
    }
    find_leaders(d);
    sort_runs(r);
    for (unsigned i = 0; i < r->n_runs && !looked_at; i++) {
        find_unseen_flags(d, &r->runs[i]);
    }
}

struct x86_leader *x86_region_leader(struct x86_dis *d, uint64_t pc)
{
    struct x86_region *r = d->region;
    int i = look_up(d, r->leader_at, pc);

    return i >= 0 && r->insns[r->leaders[i].insn].pc == pc ? &r->leaders[i] : NULL;
}

bool x86_region_crosses(struct x86_dis *d, uint64_t pc)
{
    struct x86_insn in;

    return page_offset(d, pc) >= 0 && look_up(d, d->region->insn_at, pc) < 0 &&
           !decode_in_page(d, &in, pc);
}

/* --- live flags ------------------------------------------------------------------------------ */

static uint32_t scan(struct x86_dis *d, uint64_t pc, unsigned *budget)
{
    uint32_t live = 0, open = FL_ARITH;

    while (open) {
        int known = look_up(d, d->region->insn_at, pc);
        struct x86_insn fresh;
        const struct x86_insn *in = known >= 0 ? &d->region->insns[known] : &fresh;

        if (*budget == 0 || (known < 0 && !decode_in_page(d, &fresh, pc)) || !in->op ||
            in->pc != pc || x86_stops_at(d, x86_linear_pc(d, pc))) {
            return live | open;
        }
        --*budget;
        live |= open & in->flags_read;
        open &= ~x86_flags_written(in);
        pc = in->next;
        if (in->op->attrs & A_JUMP || in->op->translate == trans_call) {
            pc = in->imm;
        } else if (in->op->attrs & A_BRANCH) {
            live |= open & scan(d, in->imm, budget);
        } else if (in->op->attrs & A_END) {
            return live | open;
        }
    }
    return live;
}

uint32_t x86_region_live(struct x86_dis *d, uint64_t pc)
{
    unsigned budget = 12;
    uint32_t live;
    int known;

    if (d->t->strict_flags) {
        return FL_ARITH;
    }
    known = look_up(d, d->region->live_at, pc);
    if (known >= 0) {
        return known;
    }
    live = scan(d, pc, &budget);
    enter(d, d->region->live_at, pc, live);
    return live;
}
