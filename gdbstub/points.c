/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Break- and watchpoints. Software and hardware ones are the same here: neither is in the guest's
 * memory. Inserting or removing one twice does no harm, as the protocol has it.
 */
#include "gdbstub/stub.h"

#include <stdlib.h>
#include "cpu-debug.h"

static bool take_point(struct cursor *c, struct point *p)
{
    uint64_t type;

    if (!take_hex(c, &type) || type > POINT_ACCESS || !take_char(c, ',') ||
        !take_hex(c, &p->addr) || !take_char(c, ',') || !take_hex(c, &p->len) || !at_end(c)) {
        return false;
    }
    p->type = type;
    if (the_target.word_bits == 32) {
        p->addr = (uint32_t)p->addr;
    }
    return true;
}

static struct point *find(const struct gdb *g, const struct point *p)
{
    for (unsigned i = 0; i < g->n_points; i++) {
        struct point *q = &g->points[i];

        if (q->type == p->type && q->addr == p->addr && q->len == p->len) {
            return q;
        }
    }
    return NULL;
}

static unsigned watch_access(const struct point *p)
{
    return p->type == POINT_WRITE ? CPU_WATCH_WRITE
         : p->type == POINT_READ ? CPU_WATCH_READ : CPU_WATCH_WRITE | CPU_WATCH_READ;
}

static void drop(const struct point *p)
{
    if (p->type <= POINT_HARDWARE) {
        cpu_breakpoint_remove(p->addr);
    } else {
        cpu_watchpoint_remove(p->addr, p->len, watch_access(p));
    }
}

enum answer insert_point(struct gdb *g, struct cursor *c)
{
    struct point p, *grown;

    if (!take_point(c, &p)) {
        reply_error(g, 22);
        return ANSWER_REPLY;
    }
    if (find(g, &p)) {
        reply_text(g, "OK");
        return ANSWER_REPLY;
    }
    grown = g->n_points < BREAKPOINTS_MAX
          ? realloc(g->points, (g->n_points + 1) * sizeof(*g->points)) : NULL;
    if (grown) {
        g->points = grown;
    }
    if (!grown || (p.type > POINT_HARDWARE &&
                   !cpu_watchpoint_insert(p.addr, p.len, watch_access(&p)))) {
        reply_error(g, 28);
        return ANSWER_REPLY;
    }
    if (p.type <= POINT_HARDWARE) {
        cpu_breakpoint_insert(p.addr);
    }
    g->points[g->n_points++] = p;
    reply_text(g, "OK");
    return ANSWER_REPLY;
}

enum answer remove_point(struct gdb *g, struct cursor *c)
{
    struct point p, *q;

    if (!take_point(c, &p)) {
        reply_error(g, 22);
        return ANSWER_REPLY;
    }
    q = find(g, &p);
    if (q) {
        drop(q);
        *q = g->points[--g->n_points];
    }
    reply_text(g, "OK");
    return ANSWER_REPLY;
}

void points_clear(struct gdb *g)
{
    while (g->n_points) {
        drop(&g->points[--g->n_points]);
    }
}

bool points_have(const struct gdb *g, enum point_type type, uint64_t addr)
{
    for (unsigned i = 0; i < g->n_points; i++) {
        if (g->points[i].type == type && g->points[i].addr == addr) {
            return true;
        }
    }
    return false;
}
