/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines made of lines. */
#include "hw/core/irq.h"

#include <glib.h>

struct line {
    struct irq targets[2];
    struct line *next;
};

static struct line *lines;   /* all that were made: there is no way to say when one is done with */

static struct line *make_line(struct irq first, struct irq second)
{
    struct line *line = g_new(struct line, 1);

    *line = (struct line){ { first, second }, lines };
    lines = line;
    return line;
}

static void invert(void *opaque, int n, int level)
{
    struct line *line = opaque;

    irq_set(line->targets[0], !level);
}

struct irq irq_invert(struct irq target)
{
    return (struct irq){ invert, make_line(target, (struct irq){ 0 }), 0 };
}

static void split(void *opaque, int n, int level)
{
    struct line *line = opaque;

    irq_set(line->targets[0], level);
    irq_set(line->targets[1], level);
}

struct irq irq_split(struct irq first, struct irq second)
{
    return (struct irq){ split, make_line(first, second), 0 };
}

static void set_or_input(void *opaque, int n, int level)
{
    struct irq_or *gate = opaque;
    uint64_t bit = 1ull << n;

    gate->levels = level ? gate->levels | bit : gate->levels & ~bit;
    irq_set(gate->output, gate->levels != 0);
}

struct irq irq_or_input(struct irq_or *gate, int n)
{
    return (struct irq){ set_or_input, gate, n };
}
