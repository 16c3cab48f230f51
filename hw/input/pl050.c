/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PL050 keyboard and mouse interface (ARM DDI 0143): one PS/2 port each, for either device. */
#include <string.h>

#include "base/log.h"
#include "hw/core/device.h"
#include "hw/input/ps2.h"
#include "hw/misc/primecell.h"

#define PL050_ID 0x00041050

enum { REG_CONTROL = 0x00, REG_STATUS = 0x04, REG_DATA = 0x08, REG_CLOCK = 0x0c, REG_IRQ = 0x10 };
enum { CONTROL_TX_IRQ = 0x08, CONTROL_RX_IRQ = 0x10 };
enum {
    STATUS_DATA_IN = 0x01, STATUS_CLOCK_IN = 0x02, STATUS_PARITY = 0x04, STATUS_RX_FULL = 0x10,
    STATUS_TX_EMPTY = 0x40
};
enum { IRQ_RX = 1, IRQ_TX = 2 };

struct pl050 {
    struct device dev;
    bool mouse;
    struct device *ps2;
    struct pl050_state { uint8_t control, clock, last; } s;
};

FIELDS(pl050_state) = {
    FIELD(pl050_state, control), FIELD(pl050_state, clock), FIELD(pl050_state, last), FIELDS_END
};

static uint8_t pending(struct pl050 *k)
{
    return (ps2_pending(k->ps2) ? IRQ_RX : 0) | IRQ_TX;
}

static void update_irq(struct pl050 *k)
{
    uint8_t irqs = pending(k);

    irq_set(k->dev.irqs[0], (irqs & IRQ_RX && k->s.control & CONTROL_RX_IRQ) ||
            (irqs & IRQ_TX && k->s.control & CONTROL_TX_IRQ));
}

static void ps2_changed(void *opaque, int n, int level)
{
    update_irq(opaque);
}

static uint8_t status(struct pl050 *k)
{
    bool odd = !__builtin_parity(k->s.last);

    return STATUS_DATA_IN | STATUS_CLOCK_IN | STATUS_TX_EMPTY | (odd ? STATUS_PARITY : 0) |
        (ps2_pending(k->ps2) ? STATUS_RX_FULL : 0);
}

static uint64_t pl050_read(void *dev, uint64_t offset, unsigned size)
{
    struct pl050 *k = dev;

    switch (offset) {
    case REG_CONTROL: return k->s.control;
    case REG_STATUS: return status(k);
    case REG_DATA:
        if (ps2_pending(k->ps2)) {
            k->s.last = ps2_read(k->ps2);
        }
        return k->s.last;
    case REG_CLOCK: return k->s.clock;
    case REG_IRQ: return pending(k);
    case PRIMECELL_ID ... PRIMECELL_SIZE - 1: return primecell_id(PL050_ID, offset);
    default:
        log_guest_error("pl050: read of offset 0x%x", (int)offset);
        return 0;
    }
}

static void pl050_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    struct pl050 *k = dev;

    switch (offset) {
    case REG_CONTROL: k->s.control = value & 0x3f; break;
    case REG_DATA: ps2_write(k->ps2, value); break;
    case REG_CLOCK: k->s.clock = value & 0x0f; break;
    default: log_guest_error("pl050: write of offset 0x%x", (int)offset); break;
    }
    update_irq(k);
}

static bool pl050_init(struct device *dev, struct error **err)
{
    struct pl050 *k = (struct pl050 *)dev;

    k->mouse = strcmp(dev->class->name, "pl050_mouse") == 0;
    k->ps2 = device_create(k->mouse ? "ps2-mouse" : "ps2-kbd", err);
    if (!k->ps2) {
        return false;
    }
    device_connect(k->ps2, 0, (struct irq){ ps2_changed, k, 0 });
    return device_realize(k->ps2, err);
}

static void pl050_exit(struct device *dev)
{
    device_destroy(((struct pl050 *)dev)->ps2);
}

static void pl050_reset(struct device *dev)
{
    ((struct pl050 *)dev)->s = (struct pl050_state){ 0 };
}

static void pl050_reset_lines(struct device *dev)
{
    update_irq((struct pl050 *)dev);
}

static const struct device_region regions[] = {
    { "pl050", PRIMECELL_SIZE, { pl050_read, pl050_write, .min = 4 } }, { 0 }
};

DEVICE(pl050_keyboard) = {
    .name = "pl050_keyboard", .desc = "ARM PL050 keyboard interface", .internal = true,
    .size = sizeof(struct pl050), .regions = regions, .irqs = 1, .init = pl050_init,
    .exit = pl050_exit, .reset = pl050_reset, .reset_lines = pl050_reset_lines,
    .state = STATE(pl050, s, pl050_state, 1),
};

DEVICE(pl050_mouse) = {
    .name = "pl050_mouse", .desc = "ARM PL050 mouse interface", .internal = true,
    .size = sizeof(struct pl050), .regions = regions, .irqs = 1, .init = pl050_init,
    .exit = pl050_exit, .reset = pl050_reset, .reset_lines = pl050_reset_lines,
    .state = STATE(pl050, s, pl050_state, 1),
};
