/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pvpanic: a port by which the guest's kernel says that it is lost. A read tells which events it
 * takes: bit 0 a panic, bit 1 a crash kernel that takes over. */
#include "base/event.h"
#include "base/json.h"
#include "hw/core/machine.h"
#include "hw/isa/isa.h"

enum { PANICKED = 1, CRASH_LOADED = 2, EVENTS = PANICKED | CRASH_LOADED };

struct pvpanic {
    struct device dev;
    uint16_t iobase;
    uint8_t events;
    struct memory_region port;
};

static uint64_t pvpanic_read(void *opaque, uint64_t offset, unsigned size)
{
    return ((struct pvpanic *)opaque)->events;
}

static void pvpanic_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct pvpanic *d = opaque;

    value &= d->events;
    if (value & PANICKED) {
        machine_request_panic();
    } else if (value & CRASH_LOADED) {
        struct json *data = json_object();

        json_set_string(data, "action", "run");
        event_emit("GUEST_CRASHLOADED", data);
    }
}

static const struct mmio_ops pvpanic_ops = { pvpanic_read, pvpanic_write, 1, 1 };

static bool pvpanic_init(struct device *dev, struct error **err)
{
    struct pvpanic *d = (struct pvpanic *)dev;

    if (d->events & ~EVENTS) {
        error_set(err, "pvpanic: events= takes 0 to %u", EVENTS);
        return false;
    }
    memory_region_init_mmio(&d->port, "pvpanic", 1, &pvpanic_ops, d);
    isa_map(dev, &d->port, d->iobase);
    return true;
}

static void pvpanic_exit(struct device *dev)
{
    memory_region_fini(&((struct pvpanic *)dev)->port);
}

static const struct property pvpanic_properties[] = {
    PROP_UINT("ioport", pvpanic, iobase, 0x505), PROP_UINT("events", pvpanic, events, EVENTS), { 0 }
};

DEVICE(pvpanic) = {
    .name = "pvpanic", .desc = "Port by which a guest tells of its panic", .bus = "isa",
    .size = sizeof(struct pvpanic), .properties = pvpanic_properties,
    .init = pvpanic_init, .exit = pvpanic_exit,
};
