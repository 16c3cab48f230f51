/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PL181 multimedia card interface (ARM DDI 0205) with an SD card. Outputs: 0 and 1 interrupts by
 * mask 0 and 1, 2 the card is write protected, 3 a card is there.
 */
#include <string.h>

#include "base/bits.h"
#include "base/log.h"
#include "block.h"
#include "hw/core/device.h"
#include "hw/misc/primecell.h"
#include "hw/sd/sd.h"

#define PL181_ID 0x00041181
#define FIFO 16

enum {
    REG_POWER = 0x00, REG_CLOCK = 0x04, REG_ARGUMENT = 0x08, REG_COMMAND = 0x0c,
    REG_REPLY_COMMAND = 0x10, REG_REPLY = 0x14, REG_TIMER = 0x24, REG_LENGTH = 0x28,
    REG_DATA_CONTROL = 0x2c, REG_COUNT = 0x30, REG_STATUS = 0x34, REG_CLEAR = 0x38,
    REG_MASK0 = 0x3c, REG_MASK1 = 0x40, REG_FIFO_COUNT = 0x48, REG_FIFO = 0x80
};
enum { COMMAND_INDEX = 0x3f, COMMAND_REPLY = 0x40, COMMAND_LONG = 0x80, COMMAND_ENABLE = 0x400 };
enum { DATA_ENABLE = 1, DATA_FROM_CARD = 2, DATA_STREAM = 4 };
enum {
    STATUS_TIMEOUT = 1 << 2, STATUS_REPLIED = 1 << 6, STATUS_SENT = 1 << 7,
    STATUS_DATA_END = 1 << 8, STATUS_BLOCK_END = 1 << 10, STATUS_TX_ACTIVE = 1 << 12,
    STATUS_RX_ACTIVE = 1 << 13, STATUS_TX_HALF_EMPTY = 1 << 14, STATUS_RX_HALF_FULL = 1 << 15,
    STATUS_TX_FULL = 1 << 16, STATUS_RX_FULL = 1 << 17, STATUS_TX_EMPTY = 1 << 18,
    STATUS_RX_EMPTY = 1 << 19, STATUS_TX_DATA = 1 << 20, STATUS_RX_DATA = 1 << 21,
    STATUS_CLEARABLE = 0x7ff
};

struct pl181 {
    struct device dev;
    struct block *block;
    struct device *card;
    struct pl181_state {
        uint32_t power, clock, argument, command, reply_command, reply[4], timer, length;
        uint32_t data_control, count, status, mask[2];
        uint32_t fifo[FIFO];
        uint8_t head, used;
    } s;
};

FIELDS(pl181_state) = {
    FIELD(pl181_state, power), FIELD(pl181_state, clock), FIELD(pl181_state, argument),
    FIELD(pl181_state, command), FIELD(pl181_state, reply_command), ARRAY(pl181_state, reply),
    FIELD(pl181_state, timer), FIELD(pl181_state, length), FIELD(pl181_state, data_control),
    FIELD(pl181_state, count), FIELD(pl181_state, status), ARRAY(pl181_state, mask),
    ARRAY(pl181_state, fifo), FIELD(pl181_state, head), FIELD(pl181_state, used), FIELDS_END
};

static bool reading(const struct pl181_state *s)
{
    return s->data_control & DATA_FROM_CARD;
}

/* The events that were kept, and what the FIFO says now. A read is active until the FIFO is empty:
 * drivers take nothing from it afterwards. */
static uint32_t status(const struct pl181_state *s)
{
    bool active = s->data_control & DATA_ENABLE;
    uint32_t value = s->status;

    if (reading(s)) {
        value |= (active ? STATUS_RX_ACTIVE : 0) | (s->used ? STATUS_RX_DATA : STATUS_RX_EMPTY) |
            (s->used >= FIFO / 2 ? STATUS_RX_HALF_FULL : 0) |
            (s->used == FIFO ? STATUS_RX_FULL : 0) | STATUS_TX_EMPTY;
    } else {
        value |= (active ? STATUS_TX_ACTIVE : 0) | (s->used ? STATUS_TX_DATA : STATUS_TX_EMPTY) |
            (active && s->used <= FIFO / 2 ? STATUS_TX_HALF_EMPTY : 0) |
            (s->used == FIFO ? STATUS_TX_FULL : 0) | STATUS_RX_EMPTY;
    }
    return value;
}

static void update(struct pl181 *m)
{
    uint32_t now = status(&m->s);

    irq_set(m->dev.irqs[0], (now & m->s.mask[0]) != 0);
    irq_set(m->dev.irqs[1], (now & m->s.mask[1]) != 0);
}

/* --- data ------------------------------------------------------------------------------------ */

static void fifo_put(struct pl181_state *s, uint32_t word)
{
    s->fifo[(s->head + s->used++) % FIFO] = word;
}

static uint32_t fifo_take(struct pl181_state *s)
{
    uint32_t word = s->fifo[s->head];

    if (!s->used) {
        return 0;
    }
    s->head = (s->head + 1) % FIFO;
    s->used--;
    return word;
}

static void fill_from_card(struct pl181 *m)
{
    struct pl181_state *s = &m->s;

    while (s->count && s->used < FIFO && sd_data_ready(m->card)) {
        uint32_t word = 0;

        for (unsigned i = 0; i < 4 && s->count; i++, s->count--) {
            word |= (uint32_t)sd_read(m->card) << 8 * i;
        }
        fifo_put(s, word);
    }
}

static void drain_to_card(struct pl181 *m)
{
    struct pl181_state *s = &m->s;

    while (s->count && s->used && sd_data_ready(m->card)) {
        uint32_t word = fifo_take(s);

        for (unsigned i = 0; i < 4 && s->count; i++, s->count--) {
            sd_write(m->card, word >> 8 * i);
        }
    }
}

/* Moves what can be moved; the last byte ends the transfer. */
static void move(struct pl181 *m)
{
    struct pl181_state *s = &m->s;

    if (!(s->data_control & DATA_ENABLE)) {
        return;
    }
    if (reading(s)) {
        fill_from_card(m);
    } else {
        drain_to_card(m);
    }
    if (!s->count && (!reading(s) || !s->used)) {
        s->data_control &= ~DATA_ENABLE;
        s->status |= STATUS_DATA_END | (s->data_control & DATA_STREAM ? 0 : STATUS_BLOCK_END);
        if (!reading(s)) {
            s->used = 0;
        }
    }
}

/* --- commands -------------------------------------------------------------------------------- */

static void run_command(struct pl181 *m)
{
    struct pl181_state *s = &m->s;
    bool wide = s->command & COMMAND_LONG;
    uint8_t reply[16] = { 0 };
    unsigned size = sd_command(m->card, s->command & COMMAND_INDEX, s->argument, reply);

    if (!(s->command & COMMAND_REPLY)) {
        s->status |= STATUS_SENT;
    } else if (size != (wide ? 16 : 4)) {
        s->status |= STATUS_TIMEOUT;
    } else {
        s->reply_command = wide ? COMMAND_INDEX : s->command & COMMAND_INDEX;
        for (unsigned i = 0; i < 4; i++) {
            s->reply[i] = ld32_be(reply + 4 * i);
        }
        if (wide) {
            s->reply[3] &= ~1u;
        }
        s->status |= STATUS_REPLIED;
    }
    s->command &= ~COMMAND_ENABLE;
    move(m);
}

/* --- registers ------------------------------------------------------------------------------- */

static uint64_t pl181_read(void *dev, uint64_t offset, unsigned size)
{
    struct pl181 *m = dev;
    struct pl181_state *s = &m->s;
    uint32_t word;

    switch (offset) {
    case REG_POWER: return s->power;
    case REG_CLOCK: return s->clock;
    case REG_ARGUMENT: return s->argument;
    case REG_COMMAND: return s->command;
    case REG_REPLY_COMMAND: return s->reply_command;
    case REG_REPLY ... REG_REPLY + 15: return s->reply[(offset - REG_REPLY) / 4];
    case REG_TIMER: return s->timer;
    case REG_LENGTH: return s->length;
    case REG_DATA_CONTROL: return s->data_control;
    case REG_COUNT: return s->count;
    case REG_STATUS: return status(s);
    case REG_MASK0: return s->mask[0];
    case REG_MASK1: return s->mask[1];
    case REG_FIFO_COUNT: return (s->count + 3) / 4;
    case REG_FIFO ... REG_FIFO + 4 * FIFO - 1:
        word = fifo_take(s);
        move(m);
        update(m);
        return word;
    case PRIMECELL_ID ... PRIMECELL_SIZE - 1: return primecell_id(PL181_ID, offset);
    default: return 0;
    }
}

static void start_data(struct pl181 *m, uint32_t value)
{
    m->s.data_control = value & 0xff;
    m->s.used = m->s.head = 0;
    if (value & DATA_ENABLE) {
        m->s.count = m->s.length;
        if (m->s.count) {
            move(m);
        }
    }
}

static void pl181_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    struct pl181 *m = dev;
    struct pl181_state *s = &m->s;

    switch (offset) {
    case REG_POWER: s->power = value & 0xff; break;
    case REG_CLOCK: s->clock = value & 0xfff; break;
    case REG_ARGUMENT: s->argument = value; break;
    case REG_COMMAND:
        s->command = value & 0x7ff;
        if (value & COMMAND_ENABLE) {
            run_command(m);
        }
        break;
    case REG_TIMER: s->timer = value; break;
    case REG_LENGTH: s->length = value & 0xffff; break;
    case REG_DATA_CONTROL: start_data(m, value); break;
    case REG_CLEAR: s->status &= ~(value & STATUS_CLEARABLE); break;
    case REG_MASK0: s->mask[0] = value; break;
    case REG_MASK1: s->mask[1] = value; break;
    case REG_FIFO ... REG_FIFO + 4 * FIFO - 1:
        if (!reading(s) && s->data_control & DATA_ENABLE && s->used < FIFO) {
            fifo_put(s, value);
            move(m);
        }
        break;
    default: log_guest_error("pl181: write of offset 0x%x", (int)offset); break;
    }
    update(m);
}

/* --- life ------------------------------------------------------------------------------------ */

/* Lines 2 and 3 follow the card's 0 and 1. */
static void card_line(void *opaque, int n, int level)
{
    irq_set(((struct pl181 *)opaque)->dev.irqs[n], level);
}

static bool pl181_init(struct device *dev, struct error **err)
{
    struct pl181 *m = (struct pl181 *)dev;

    m->card = device_create("sd-card", err);
    if (!m->card) {
        return false;
    }
    device_set_pointer(m->card, "drive", m->block);
    device_connect(m->card, 0, (struct irq){ card_line, m, 2 });
    device_connect(m->card, 1, (struct irq){ card_line, m, 3 });
    return device_realize(m->card, err);
}

static void pl181_exit(struct device *dev)
{
    device_destroy(((struct pl181 *)dev)->card);
}

static void pl181_reset(struct device *dev)
{
    ((struct pl181 *)dev)->s = (struct pl181_state){ 0 };
}

static void pl181_reset_lines(struct device *dev)
{
    struct pl181 *m = (struct pl181 *)dev;

    update(m);
    irq_set(dev->irqs[2], sd_protected(m->card));
    irq_set(dev->irqs[3], sd_present(m->card));
}

static bool pl181_loaded(struct device *dev, struct error **err)
{
    const struct pl181_state *s = &((struct pl181 *)dev)->s;

    if (s->head >= FIFO || s->used > FIFO) {
        error_set(err, "pl181: impossible FIFO");
        return false;
    }
    return true;
}

static const struct device_region regions[] = {
    { "pl181", PRIMECELL_SIZE, { pl181_read, pl181_write, .min = 4 } }, { 0 }
};
static const struct property properties[] = { PROP_DRIVE("drive", pl181, block), { 0 } };

DEVICE(pl181) = {
    .name = "pl181", .desc = "ARM PL181 card interface", .internal = true,
    .size = sizeof(struct pl181), .properties = properties, .regions = regions, .irqs = 4,
    .init = pl181_init, .exit = pl181_exit, .reset = pl181_reset,
    .reset_lines = pl181_reset_lines, .state = STATE(pl181, s, pl181_state, 1),
    .loaded = pl181_loaded,
};
