/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What makes a description wrong as a whole: patterns that overlap, patterns that are hidden. */
#include "tcg/decodetree/decodetree.h"

static bool overlap(const struct pattern *a, const struct pattern *b)
{
    return !(a->mask & b->mask & (a->bits ^ b->bits));
}

/* Calls `visit' for every pair of a pattern below a and one below b. */
static void for_pairs(const struct item *a, const struct item *b,
                      void (*visit)(const struct pattern *, const struct pattern *))
{
    if (a->group) {
        for (unsigned i = 0; i < a->group->n; i++) {
            for_pairs(&a->group->item[i], b, visit);
        }
    } else if (b->group) {
        for (unsigned i = 0; i < b->group->n; i++) {
            for_pairs(a, &b->group->item[i], visit);
        }
    } else {
        visit(a->pattern, b->pattern);
    }
}

static void must_differ(const struct pattern *a, const struct pattern *b)
{
    if (overlap(a, b)) {
        tree_error(b->file, b->line, "'%s' overlaps '%s' in line %d", b->name, a->name, a->line);
    }
}

/* a comes first. */
static void must_not_hide(const struct pattern *a, const struct pattern *b)
{
    if (!a->n_predicates && overlap(a, b) && (a->mask & ~b->mask) == 0) {
        tree_error(b->file, b->line, "'%s' is never reached, as '%s' in line %d comes first",
                   b->name, a->name, a->line);
    }
}

void tree_check(const struct group *g)
{
    for (unsigned i = 0; i < g->n; i++) {
        for (unsigned k = i + 1; k < g->n; k++) {
            for_pairs(&g->item[i], &g->item[k], g->exclusive ? must_differ : must_not_hide);
        }
        if (g->item[i].group) {
            tree_check(g->item[i].group);
        }
    }
}
