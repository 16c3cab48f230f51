/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The I2C bus and the protocol on its wires (UM10204, chapter 3). */
#include "hw/i2c/i2c.h"

#include "base/bits.h"

#define NOBODY 0xff

enum { IDLE, ADDRESS, WRITING, READING };

static bool attach(struct bus *bus, struct device *dev, struct error **err)
{
    struct i2c_bus *i2c = (struct i2c_bus *)bus;
    uint8_t address = ((struct i2c_device *)dev)->address;

    if (address >= ARRAY_LEN(i2c->devices) || i2c->devices[address]) {
        error_set(err, "%s: address 0x%02x is %s", dev->class->name, address,
                  address >= ARRAY_LEN(i2c->devices) ? "no I2C address" : "in use");
        return false;
    }
    i2c->devices[address] = (struct i2c_device *)dev;
    return true;
}

static void detach(struct bus *bus, struct device *dev)
{
    ((struct i2c_bus *)bus)->devices[((struct i2c_device *)dev)->address] = NULL;
}

static const struct property properties[] = {
    { "address", PROPERTY_UINT, PROPERTY_AT(i2c_device, address), 0, NULL }, { 0 }
};

BUS_TYPE(i2c) = {
    .name = "i2c-bus", .properties = properties, .attach = attach, .detach = detach,
};

void i2c_bus_init(struct i2c_bus *bus, const char *name, struct device *owner)
{
    bus_init(&bus->bus, &i2c_type, name, owner);
}

/* --- wires ----------------------------------------------------------------------------------- */

static struct i2c_device *target(struct i2c_bus *bus, const struct i2c_wires *w)
{
    return w->target < ARRAY_LEN(bus->devices) ? bus->devices[w->target] : NULL;
}

void i2c_wires_reset(struct i2c_wires *w)
{
    *w = (struct i2c_wires){ .scl = 1, .sda = 1, .device_sda = 1, .target = NOBODY };
}

static void start(struct i2c_wires *w)
{
    w->phase = ADDRESS;
    w->bits = 0;
    w->shift = 0;
    w->device_sda = 1;
}

static void stop(struct i2c_wires *w)
{
    w->phase = IDLE;
    w->device_sda = 1;
    w->target = NOBODY;
}

/* The clock rose: somebody reads the line. Bits 0 to 7 are data, bit 8 the acknowledgement. */
static void sample(struct i2c_wires *w)
{
    if (w->bits < 8 && w->phase != READING) {
        w->shift = w->shift << 1 | w->sda;
    } else if (w->bits == 8 && w->phase == READING && w->sda) {
        w->phase = IDLE;             /* the host has read enough */
    }
    w->bits++;
}

static bool take_byte(struct i2c_bus *bus, struct i2c_wires *w)
{
    struct i2c_device *device;

    if (w->phase == WRITING) {
        device = target(bus, w);
        return device && device->write(device, w->shift);
    }
    w->target = w->shift >> 1;
    device = target(bus, w);
    if (!device) {
        w->target = NOBODY;
        return false;
    }
    if (device->start) {
        device->start(device, w->shift & 1);
    }
    return true;
}

/* The clock fell: the device changes what it drives. */
static void next_bit(struct i2c_bus *bus, struct i2c_wires *w)
{
    struct i2c_device *device = target(bus, w);

    if (w->bits == 8 && w->phase != READING) {
        w->device_sda = !take_byte(bus, w);
        return;
    }
    if (w->bits == 9) {
        w->bits = 0;
        w->device_sda = 1;
        if (w->phase == ADDRESS) {
            w->phase = w->target == NOBODY ? IDLE : w->shift & 1 ? READING : WRITING;
        }
        if (w->phase == READING) {
            device = target(bus, w);
            w->shift = device ? device->read(device) : 0xff;
        } else {
            w->shift = 0;
        }
    }
    if (w->phase == READING) {
        w->device_sda = w->bits < 8 ? w->shift >> (7 - w->bits) & 1 : 1;
    }
}

void i2c_wires_set(struct i2c_bus *bus, struct i2c_wires *w, bool scl, bool sda)
{
    bool rises = scl && !w->scl, falls = !scl && w->scl;
    bool old_sda = w->sda;

    w->scl = scl;
    w->sda = sda;
    if (scl && !rises && old_sda && !sda) {
        start(w);
    } else if (scl && !rises && !old_sda && sda) {
        stop(w);
    } else if (rises && w->phase != IDLE) {
        sample(w);
    } else if (falls && w->phase != IDLE) {
        next_bit(bus, w);
    }
}
