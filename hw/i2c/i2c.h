/* SPDX-License-Identifier: GPL-2.0-or-later */
/* I2C: devices behind 7-bit addresses, and a bus that is driven by two lines. */
#ifndef HW_I2C_I2C_H
#define HW_I2C_I2C_H

#include "hw/core/device.h"

/* Starts the struct of devices on the bus; the functions are set in their init. */
struct i2c_device {
    struct device dev;
    uint8_t address;                /* property */
    /* A transfer to or from this device begins; may be NULL. */
    void (*start)(struct i2c_device *i2c, bool read);
    /* False: not acknowledged. */
    bool (*write)(struct i2c_device *i2c, uint8_t byte);
    uint8_t (*read)(struct i2c_device *i2c);
};

struct i2c_bus {
    struct bus bus;
    struct i2c_device *devices[128];
};
void i2c_bus_init(struct i2c_bus *bus, const char *name, struct device *owner);

/* Two wires as a host drives them; who embeds it saves the state. */
struct i2c_wires {
    uint8_t scl, sda;               /* as the host drives them; 1 is released */
    uint8_t device_sda;             /* as the device does */
    uint8_t phase, bits, shift;
    uint8_t target;                 /* the address, 0xff for nobody */
};
FIELDS(i2c_wires) = {
    FIELD(i2c_wires, scl), FIELD(i2c_wires, sda), FIELD(i2c_wires, device_sda),
    FIELD(i2c_wires, phase), FIELD(i2c_wires, bits), FIELD(i2c_wires, shift),
    FIELD(i2c_wires, target), FIELDS_END
};
void i2c_wires_reset(struct i2c_wires *w);
void i2c_wires_set(struct i2c_bus *bus, struct i2c_wires *w, bool scl, bool sda);
static inline bool i2c_wires_sda(const struct i2c_wires *w)
{
    return w->sda && w->device_sda;
}

#endif
