/* SPDX-License-Identifier: GPL-2.0-or-later */
/* isa-serial: a 16550A at one of the four standard places, or where iobase= and irq= say. */
#include "hw/char/serial.h"
#include "hw/isa/isa.h"

enum { PORTS = 4 };
static const struct { uint16_t iobase; uint8_t irq; } standard[PORTS] = {
    { 0x3f8, 4 }, { 0x2f8, 3 }, { 0x3e8, 4 }, { 0x2e8, 3 }
};

struct isa_serial {
    struct device dev;
    uint32_t index, iobase, irq_number, baudbase;    /* UINT32_MAX: by place */
    struct chardev *chr;
    struct serial uart;
    struct memory_region ports;
    struct serial_state s;
};

static bool isa_serial_init(struct device *dev, struct error **err)
{
    struct isa_serial *d = (struct isa_serial *)dev;
    uint32_t index = d->index == UINT32_MAX ? dev->instance : d->index;

    if (index >= PORTS && (d->iobase == UINT32_MAX || d->irq_number == UINT32_MAX)) {
        error_set(err, "isa-serial: there are only %d standard ports; give iobase= and irq=",
                  PORTS);
        return false;
    }
    if (d->iobase == UINT32_MAX) {
        d->iobase = standard[index].iobase;
    }
    if (d->irq_number == UINT32_MAX) {
        d->irq_number = standard[index].irq;
    }
    if (d->iobase > 0xfff8) {
        error_set(err, "isa-serial: iobase is not a port number");
        return false;
    }
    if (!isa_connect_irq(dev, 0, d->irq_number, err)) {
        return false;
    }
    d->uart.chr = d->chr;
    d->uart.baudbase = d->baudbase;
    d->uart.irq = dev->irqs[0];
    if (!serial_init(&d->uart, &d->s, err)) {
        return false;
    }
    memory_region_init_mmio(&d->ports, "serial", 8, &serial_ops, &d->uart);
    isa_map(dev, &d->ports, d->iobase);
    return true;
}

static void isa_serial_exit(struct device *dev)
{
    struct isa_serial *d = (struct isa_serial *)dev;

    serial_exit(&d->uart);
    memory_region_fini(&d->ports);
}

static void isa_serial_reset(struct device *dev)
{
    serial_reset(&((struct isa_serial *)dev)->uart);
}

static void isa_serial_reset_lines(struct device *dev)
{
    struct isa_serial *d = (struct isa_serial *)dev;

    d->uart.irq = dev->irqs[0];
    serial_reset_lines(&d->uart);
}

static bool isa_serial_loaded(struct device *dev, struct error **err)
{
    return serial_loaded(&((struct isa_serial *)dev)->uart, err);
}

static const struct property isa_serial_properties[] = {
    PROP_UINT("index", isa_serial, index, UINT32_MAX),
    PROP_UINT("iobase", isa_serial, iobase, UINT32_MAX),
    PROP_UINT("irq", isa_serial, irq_number, UINT32_MAX),
    PROP_UINT("baudbase", isa_serial, baudbase, 115200),
    PROP_CHARDEV("chardev", isa_serial, chr),
    { 0 }
};

DEVICE(isa_serial) = {
    .name = "isa-serial", .desc = "16550A serial port", .bus = "isa",
    .size = sizeof(struct isa_serial), .properties = isa_serial_properties, .irqs = 1,
    .init = isa_serial_init, .exit = isa_serial_exit, .reset = isa_serial_reset,
    .reset_lines = isa_serial_reset_lines, .loaded = isa_serial_loaded,
    .state = STATE(isa_serial, s, serial_state, 1),
};
