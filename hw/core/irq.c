/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines made of lines. */
#include "hw/core/irq.h"

#include <glib.h>

static void invert(void *opaque, int n, int level)
{
    irq_set(*(struct irq *)opaque, !level);
}

struct irq irq_invert(struct irq target)
{
    struct irq *copy = g_new(struct irq, 1);

    *copy = target;
    return (struct irq){ invert, copy, 0 };
}

static void split(void *opaque, int n, int level)
{
    struct irq *targets = opaque;

    irq_set(targets[0], level);
    irq_set(targets[1], level);
}

struct irq irq_split(struct irq first, struct irq second)
{
    struct irq *targets = g_new(struct irq, 2);

    targets[0] = first;
    targets[1] = second;
    return (struct irq){ split, targets, 0 };
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
