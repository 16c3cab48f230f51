/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The I2C port of ARM boards: two lines that the guest sets and clears itself. */
#include "base/log.h"
#include "hw/i2c/i2c.h"

enum { REG_SET = 0, REG_CLEAR = 4 };
enum { LINE_CLOCK = 1, LINE_DATA = 2 };

struct versatile_i2c {
    struct device dev;
    struct i2c_bus bus;
    struct versatile_i2c_state { struct i2c_wires wires; } s;
};

FIELDS(versatile_i2c_state) = { NESTED(versatile_i2c_state, wires, i2c_wires), FIELDS_END };

static uint64_t port_read(void *dev, uint64_t offset, unsigned size)
{
    const struct i2c_wires *w = &((struct versatile_i2c *)dev)->s.wires;

    return offset == REG_SET ? (w->scl ? LINE_CLOCK : 0) | (i2c_wires_sda(w) ? LINE_DATA : 0) : 0;
}

static void port_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    struct versatile_i2c *port = dev;
    struct i2c_wires *w = &port->s.wires;
    unsigned lines = (w->scl ? LINE_CLOCK : 0) | (w->sda ? LINE_DATA : 0);

    if (offset == REG_SET) {
        lines |= value;
    } else if (offset == REG_CLEAR) {
        lines &= ~value;
    } else {
        log_guest_error("versatile_i2c: write of offset 0x%x", (int)offset);
    }
    i2c_wires_set(&port->bus, w, lines & LINE_CLOCK, lines & LINE_DATA);
}

static bool port_init(struct device *dev, struct error **err)
{
    i2c_bus_init(&((struct versatile_i2c *)dev)->bus, "i2c", dev);
    return true;
}

static void port_exit(struct device *dev)
{
    bus_fini(&((struct versatile_i2c *)dev)->bus.bus);
}

static void port_reset(struct device *dev)
{
    i2c_wires_reset(&((struct versatile_i2c *)dev)->s.wires);
}

static const struct device_region regions[] = {
    { "versatile_i2c", 0x1000, { port_read, port_write, .min = 4 } }, { 0 }
};

DEVICE(versatile_i2c) = {
    .name = "versatile_i2c", .desc = "Versatile I2C port", .internal = true,
    .size = sizeof(struct versatile_i2c), .regions = regions, .init = port_init,
    .exit = port_exit, .reset = port_reset,
    .state = STATE(versatile_i2c, s, versatile_i2c_state, 1),
};
