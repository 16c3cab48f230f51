/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PL190 vectored interrupt controller (ARM DDI 0181): 32 lines, 16 of which may have vectors and
 * priorities. Output 0 is IRQ, output 1 FIQ.
 */
#include "base/bits.h"
#include "base/log.h"
#include "hw/core/device.h"
#include "hw/misc/primecell.h"

#define SLOTS 16
#define LEAST SLOTS                 /* the priority of lines without vector */
#define IDLE (SLOTS + 1)            /* no interrupt is in service */
#define PL190_ID 0x00041190

enum {
    REG_IRQ_STATUS = 0x00, REG_FIQ_STATUS = 0x04, REG_RAW = 0x08, REG_SELECT = 0x0c,
    REG_ENABLE = 0x10, REG_DISABLE = 0x14, REG_SOFT = 0x18, REG_SOFT_CLEAR = 0x1c,
    REG_PROTECTION = 0x20, REG_VECTOR = 0x30, REG_DEFAULT = 0x34, REG_ADDRESS = 0x100,
    REG_CONTROL = 0x200, REG_TEST = 0x300
};
#define CONTROL_ENABLE 0x20

struct pl190 {
    struct device dev;
    struct pl190_state {
        uint32_t level, soft, enable, select, default_vector;
        uint32_t address[SLOTS];
        uint8_t control[SLOTS];
        uint8_t priority;           /* in service, IDLE if none */
        uint8_t previous[SLOTS + 2];    /* what each priority interrupted */
        bool protection;
    } s;
};

FIELDS(pl190_state) = {
    FIELD(pl190_state, level), FIELD(pl190_state, soft), FIELD(pl190_state, enable),
    FIELD(pl190_state, select), FIELD(pl190_state, default_vector), ARRAY(pl190_state, address),
    ARRAY(pl190_state, control), FIELD(pl190_state, priority), ARRAY(pl190_state, previous),
    FIELD(pl190_state, protection), FIELDS_END
};

static uint32_t raw(const struct pl190_state *s)
{
    return s->level | s->soft;
}

static uint32_t pending_irqs(const struct pl190_state *s)
{
    return raw(s) & s->enable & ~s->select;
}

/* The best pending priority: a slot, LEAST, or IDLE if nothing is pending. */
static unsigned best(const struct pl190_state *s)
{
    uint32_t pending = pending_irqs(s);

    for (unsigned i = 0; pending && i < SLOTS; i++) {
        if (s->control[i] & CONTROL_ENABLE && pending >> (s->control[i] & 31) & 1) {
            return i;
        }
    }
    return pending ? LEAST : IDLE;
}

static void update(struct pl190 *vic)
{
    const struct pl190_state *s = &vic->s;

    irq_set(vic->dev.irqs[0], best(s) < s->priority);
    irq_set(vic->dev.irqs[1], (raw(s) & s->enable & s->select) != 0);
}

static void pl190_input(void *dev, int n, int level)
{
    struct pl190 *vic = dev;

    vic->s.level = bits_deposit(vic->s.level, (unsigned)n, 1, level != 0);
    update(vic);
}

/* Reading the vector takes the interrupt into service; writing it ends the service. */
static uint32_t acknowledge(struct pl190 *vic)
{
    struct pl190_state *s = &vic->s;
    unsigned slot = best(s);

    if (slot < s->priority) {
        s->previous[slot] = s->priority;
        s->priority = slot;
        update(vic);
    }
    return slot < SLOTS ? s->address[slot] : s->default_vector;
}

static void end_of_service(struct pl190 *vic)
{
    struct pl190_state *s = &vic->s;

    if (s->priority < IDLE) {
        s->priority = s->previous[s->priority];
    }
}

static uint64_t pl190_read(void *dev, uint64_t offset, unsigned size)
{
    struct pl190 *vic = dev;
    const struct pl190_state *s = &vic->s;

    switch (offset) {
    case REG_IRQ_STATUS: return pending_irqs(s);
    case REG_FIQ_STATUS: return raw(s) & s->enable & s->select;
    case REG_RAW: return raw(s);
    case REG_SELECT: return s->select;
    case REG_ENABLE: return s->enable;
    case REG_SOFT: return s->soft;
    case REG_PROTECTION: return s->protection;
    case REG_VECTOR: return acknowledge(vic);
    case REG_DEFAULT: return s->default_vector;
    case REG_ADDRESS ... REG_ADDRESS + 4 * SLOTS - 1: return s->address[(offset >> 2) % SLOTS];
    case REG_CONTROL ... REG_CONTROL + 4 * SLOTS - 1: return s->control[(offset >> 2) % SLOTS];
    case PRIMECELL_ID ... PRIMECELL_SIZE - 1: return primecell_id(PL190_ID, offset);
    default: return 0;
    }
}

static void pl190_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    struct pl190 *vic = dev;
    struct pl190_state *s = &vic->s;

    switch (offset) {
    case REG_SELECT: s->select = value; break;
    case REG_ENABLE: s->enable |= value; break;
    case REG_DISABLE: s->enable &= ~value; break;
    case REG_SOFT: s->soft |= value; break;
    case REG_SOFT_CLEAR: s->soft &= ~value; break;
    case REG_PROTECTION: s->protection = value & 1; break;
    case REG_VECTOR: end_of_service(vic); break;
    case REG_DEFAULT: s->default_vector = value; break;
    case REG_ADDRESS ... REG_ADDRESS + 4 * SLOTS - 1:
        s->address[(offset >> 2) % SLOTS] = value;
        break;
    case REG_CONTROL ... REG_CONTROL + 4 * SLOTS - 1:
        s->control[(offset >> 2) % SLOTS] = value & 0x3f;
        break;
    case REG_TEST: break;
    default: log_guest_error("pl190: write of offset 0x%x", (int)offset); break;
    }
    update(vic);
}

static bool pl190_init(struct device *dev, struct error **err)
{
    return true;
}

/* The lines keep their levels: their owners drive them again. */
static void pl190_reset(struct device *dev)
{
    ((struct pl190 *)dev)->s = (struct pl190_state){ .priority = IDLE };
}

static void pl190_reset_lines(struct device *dev)
{
    update((struct pl190 *)dev);
}

static bool pl190_loaded(struct device *dev, struct error **err)
{
    const struct pl190_state *s = &((struct pl190 *)dev)->s;
    bool good = s->priority <= IDLE;

    for (unsigned i = 0; i < ARRAY_LEN(s->previous); i++) {
        good &= s->previous[i] <= IDLE;
    }
    if (!good) {
        error_set(err, "pl190: impossible priority");
    }
    return good;
}

static const struct device_region regions[] = {
    { "pl190", PRIMECELL_SIZE, { pl190_read, pl190_write, .min = 4 } }, { 0 }
};

DEVICE(pl190) = {
    .name = "pl190", .desc = "ARM PL190 interrupt controller", .internal = true,
    .size = sizeof(struct pl190), .regions = regions, .irqs = 2, .inputs = 32,
    .input = pl190_input, .init = pl190_init, .reset = pl190_reset,
    .reset_lines = pl190_reset_lines, .state = STATE(pl190, s, pl190_state, 1),
    .loaded = pl190_loaded,
};
