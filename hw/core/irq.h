/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A signal line: a small value that says whom to tell. Copy it freely; all zero is "not connected".
 *
 * A line has no memory. The receiver that needs the last level keeps it in its own saved state.
 */
#ifndef HW_CORE_IRQ_H
#define HW_CORE_IRQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct irq {
    void (*handler)(void *opaque, int n, int level);
    void *opaque;
    int n;
};

static inline bool irq_connected(struct irq irq)
{
    return irq.handler != NULL;
}

static inline void irq_set(struct irq irq, int level)
{
    if (irq.handler) {
        irq.handler(irq.opaque, irq.n, level);
    }
}

static inline void irq_raise(struct irq irq)
{
    irq_set(irq, 1);
}

static inline void irq_lower(struct irq irq)
{
    irq_set(irq, 0);
}

static inline void irq_pulse(struct irq irq)
{
    irq_set(irq, 1);
    irq_set(irq, 0);
}

/* Lines made of lines, for boards; what they allocate lives as long as the process. */
struct irq irq_invert(struct irq target);
/* Drives both targets with the same level. */
struct irq irq_split(struct irq first, struct irq second);

/* A wired OR of up to 64 inputs; whoever embeds it saves `levels`. */
struct irq_or {
    struct irq output;
    uint64_t levels;
};
struct irq irq_or_input(struct irq_or *gate, int n);

#endif
