/* SPDX-License-Identifier: GPL-2.0-or-later */
/* isa-debugcon: a port whose bytes go to a character device (Bochs' 0xe9, SeaBIOS' 0x402). */
#include "char.h"
#include "hw/isa/isa.h"

struct debugcon {
    struct device dev;
    uint32_t iobase, readback;
    struct chardev *chr;
};

static uint64_t debugcon_read(void *dev, uint64_t offset, unsigned size)
{
    return ((struct debugcon *)dev)->readback;
}

static void debugcon_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    struct debugcon *d = dev;
    uint8_t byte = value;

    chardev_write_all(d->chr, &byte, 1);
}

static bool debugcon_init(struct device *dev, struct error **err)
{
    struct debugcon *d = (struct debugcon *)dev;
    static const struct chardev_handlers handlers;

    if (!d->chr) {
        error_set(err, "isa-debugcon needs a character device: chardev=ID");
        return false;
    }
    if (d->iobase > 0xffff) {
        error_set(err, "isa-debugcon: iobase is not a port number");
        return false;
    }
    if (!chardev_attach(d->chr, &handlers, d, err)) {
        return false;
    }
    isa_map(dev, &dev->regions[0], d->iobase);
    return true;
}

static void debugcon_exit(struct device *dev)
{
    chardev_detach(((struct debugcon *)dev)->chr, dev);
}

static const struct property debugcon_properties[] = {
    PROP_UINT("iobase", debugcon, iobase, 0xe9),
    PROP_UINT("readback", debugcon, readback, 0xe9),
    PROP_CHARDEV("chardev", debugcon, chr),
    { 0 }
};

static const struct device_region debugcon_regions[] = {
    { "isa-debugcon", 1, { debugcon_read, debugcon_write, .max = 1 } },
    { 0 }
};

DEVICE(debugcon) = {
    .name = "isa-debugcon", .desc = "Debug console port", .bus = "isa",
    .size = sizeof(struct debugcon), .properties = debugcon_properties,
    .regions = debugcon_regions, .init = debugcon_init, .exit = debugcon_exit,
};
