/* SPDX-License-Identifier: GPL-2.0-or-later */
/* isa-debug-exit: a write ends the emulator with exit status value * 2 + 1. */
#include "hw/core/machine.h"
#include "hw/isa/isa.h"

struct debug_exit {
    struct device dev;
    uint32_t iobase, iosize;
    struct memory_region ports;
};

static uint64_t debug_exit_read(void *opaque, uint64_t offset, unsigned size)
{
    return 0;
}

static void debug_exit_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    machine_request_exit((int)(value << 1 | 1));
}

static const struct mmio_ops debug_exit_ops = { debug_exit_read, debug_exit_write, 1, 4 };

static bool debug_exit_init(struct device *dev, struct error **err)
{
    struct debug_exit *d = (struct debug_exit *)dev;

    if (d->iosize < 1 || d->iobase + (uint64_t)d->iosize > 0x10000) {
        error_set(err, "isa-debug-exit: iobase and iosize are not within the 64 KiB of ports");
        return false;
    }
    memory_region_init_mmio(&d->ports, "isa-debug-exit", d->iosize, &debug_exit_ops, d);
    isa_map(dev, &d->ports, d->iobase);
    return true;
}

static void debug_exit_exit(struct device *dev)
{
    memory_region_fini(&((struct debug_exit *)dev)->ports);
}

static const struct property debug_exit_properties[] = {
    PROP_UINT("iobase", debug_exit, iobase, 0x501),
    PROP_UINT("iosize", debug_exit, iosize, 2),
    { 0 }
};

DEVICE(debug_exit) = {
    .name = "isa-debug-exit", .desc = "Port that ends the emulator", .bus = "isa",
    .size = sizeof(struct debug_exit), .properties = debug_exit_properties,
    .init = debug_exit_init, .exit = debug_exit_exit,
};
