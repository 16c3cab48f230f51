/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PL061 general purpose I/O (ARM DDI 0190). Output 0 interrupts, 1 to 8 are the pins. */
#include "base/bits.h"
#include "base/log.h"
#include "hw/core/device.h"
#include "hw/misc/primecell.h"

#define PL061_ID 0x00041061
#define PINS 8

enum {
    REG_DIRECTION = 0x400, REG_LEVEL_SENSE = 0x404, REG_BOTH_EDGES = 0x408, REG_EVENT = 0x40c,
    REG_MASK = 0x410, REG_RAW = 0x414, REG_MASKED = 0x418, REG_CLEAR = 0x41c, REG_MODE = 0x420
};

struct pl061 {
    struct device dev;
    struct pl061_state {
        uint8_t data, input, direction, sense, both, event, mask, raw, mode;
    } s;
};

FIELDS(pl061_state) = {
    FIELD(pl061_state, data), FIELD(pl061_state, input), FIELD(pl061_state, direction),
    FIELD(pl061_state, sense), FIELD(pl061_state, both), FIELD(pl061_state, event),
    FIELD(pl061_state, mask), FIELD(pl061_state, raw), FIELD(pl061_state, mode), FIELDS_END
};

static uint8_t pins(const struct pl061_state *s)
{
    return bits_merge(s->input, s->data, s->direction);
}

/* Levels interrupt while they last; edges are kept until they are cleared. */
static void update(struct pl061 *g)
{
    struct pl061_state *s = &g->s;
    uint8_t level = ~(pins(s) ^ s->event);

    s->raw = bits_merge(s->raw, level, s->sense);
    for (unsigned n = 0; n < PINS; n++) {
        if (s->direction >> n & 1) {
            irq_set(g->dev.irqs[1 + n], s->data >> n & 1);
        }
    }
    irq_set(g->dev.irqs[0], (s->raw & s->mask) != 0);
}

static void note_edges(struct pl061_state *s, uint8_t before)
{
    uint8_t changed = before ^ pins(s), wanted = s->both | ~(pins(s) ^ s->event);

    s->raw |= changed & wanted & ~s->sense;
}

static void pl061_input(void *dev, int n, int level)
{
    struct pl061 *g = dev;
    uint8_t before = pins(&g->s);

    g->s.input = bits_deposit(g->s.input, (unsigned)n, 1, level != 0);
    note_edges(&g->s, before);
    update(g);
}

static uint64_t pl061_read(void *dev, uint64_t offset, unsigned size)
{
    const struct pl061_state *s = &((struct pl061 *)dev)->s;

    switch (offset) {
    case 0 ... REG_DIRECTION - 1: return pins(s) & offset >> 2;
    case REG_DIRECTION: return s->direction;
    case REG_LEVEL_SENSE: return s->sense;
    case REG_BOTH_EDGES: return s->both;
    case REG_EVENT: return s->event;
    case REG_MASK: return s->mask;
    case REG_RAW: return s->raw;
    case REG_MASKED: return s->raw & s->mask;
    case REG_MODE: return s->mode;
    case PRIMECELL_ID ... PRIMECELL_SIZE - 1: return primecell_id(PL061_ID, offset);
    default: return 0;
    }
}

static void pl061_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    struct pl061 *g = dev;
    struct pl061_state *s = &g->s;
    uint8_t before = pins(s);

    switch (offset) {
    case 0 ... REG_DIRECTION - 1:
        s->data = bits_merge(s->data, value, offset >> 2 & s->direction);
        break;
    case REG_DIRECTION: s->direction = value; break;
    case REG_LEVEL_SENSE: s->sense = value; break;
    case REG_BOTH_EDGES: s->both = value; break;
    case REG_EVENT: s->event = value; break;
    case REG_MASK: s->mask = value; break;
    case REG_CLEAR: s->raw &= ~(value & ~s->sense); break;
    case REG_MODE: s->mode = value; break;
    default: log_guest_error("pl061: write of offset 0x%x", (int)offset); break;
    }
    note_edges(s, before);
    update(g);
}

static bool pl061_init(struct device *dev, struct error **err)
{
    return true;
}

static void pl061_reset(struct device *dev)
{
    ((struct pl061 *)dev)->s = (struct pl061_state){ 0 };
}

static void pl061_reset_lines(struct device *dev)
{
    update((struct pl061 *)dev);
}

static const struct device_region regions[] = {
    { "pl061", PRIMECELL_SIZE, { pl061_read, pl061_write, .min = 4 } }, { 0 }
};

DEVICE(pl061) = {
    .name = "pl061", .desc = "ARM PL061 GPIO", .internal = true, .size = sizeof(struct pl061),
    .regions = regions, .irqs = 1 + PINS, .inputs = PINS, .input = pl061_input,
    .init = pl061_init, .reset = pl061_reset, .reset_lines = pl061_reset_lines,
    .state = STATE(pl061, s, pl061_state, 1),
};
