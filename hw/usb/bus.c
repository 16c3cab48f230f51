/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The USB bus: who is in which port, of a controller or behind hubs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "hw/usb/usb.h"

#define MAX_TIERS 5                 /* of hubs (USB 2.0, 4.1.1) */

static uint32_t numbers;            /* of controllers, a bit each */

/* --- places ---------------------------------------------------------------------------------- */

static bool is_hub(const struct device *dev)
{
    return strcmp(dev->class->name, "usb-hub") == 0;
}

static unsigned tier(const struct usb_bus *bus)
{
    unsigned n = 0;

    for (const char *p = bus->prefix; *p; p++) {
        n += *p == '.';
    }
    return n;
}

static unsigned free_ports(const struct usb_bus *bus, unsigned *first)
{
    unsigned count = 0;

    for (unsigned n = bus->ports; n > 0; n--) {
        if (!bus->devices[n - 1]) {
            *first = n;
            count++;
        }
    }
    return count;
}

/* "2.1" is port 1 of the hub in port 2. */
static struct usb_bus *follow(struct usb_bus *bus, const char *place, unsigned *port,
                              struct error **err)
{
    const char *at = place;

    for (;;) {
        char *end;
        unsigned long n = strtoul(at, &end, 10);
        struct usb_device *hub = n >= 1 && n <= bus->ports ? bus->devices[n - 1] : NULL;

        if (end == at || n < 1 || n > bus->ports || (*end && *end != '.')) {
            error_set(err, "usb port %s (bus %s) not found", place, bus->bus.name);
            return NULL;
        }
        if (!*end) {
            *port = (unsigned)n;
            return bus;
        }
        if (!hub || !hub->downstream) {
            error_set(err, "usb port %s (bus %s) not found: there is no hub in port %lu", place,
                      bus->bus.name, n);
            return NULL;
        }
        bus = hub->downstream;
        at = end + 1;
    }
}

/* A hub takes the last port, so that there is always room for more. */
static struct usb_bus *grow(struct usb_bus *bus, struct error **err)
{
    struct device *hub = device_create("usb-hub", err);

    if (!hub) {
        return NULL;
    }
    hub->bus = &bus->bus;
    if (!device_realize(hub, err)) {
        device_destroy(hub);
        return NULL;
    }
    device_reset(hub);
    return ((struct usb_device *)hub)->downstream;
}

/* The last hub of a full controller. */
static struct usb_bus *roomy_hub(struct usb_bus *bus)
{
    unsigned port;

    for (unsigned n = bus->ports; n > 0; n--) {
        struct usb_device *d = bus->devices[n - 1];

        if (d && d->downstream && free_ports(d->downstream, &port)) {
            return d->downstream;
        }
    }
    return bus;
}

static struct usb_bus *find_place(struct usb_bus *bus, struct device *dev, unsigned *port,
                                  struct error **err)
{
    const char *place = ((struct usb_device *)dev)->place;
    unsigned free;

    if (place) {
        return follow(bus, place, port, err);
    }
    free = free_ports(bus, port);
    if (bus->grows && free == 1 && !is_hub(dev)) {
        bus = grow(bus, err);
    } else if (!free) {
        bus = roomy_hub(bus);
    }
    if (bus && !free_ports(bus, port)) {
        *port = 0;
    }
    return bus;
}

static bool attach(struct bus *b, struct device *dev, struct error **err)
{
    struct usb_device *d = (struct usb_device *)dev;
    unsigned port = 0;
    struct usb_bus *bus = find_place((struct usb_bus *)b, dev, &port, err);

    if (!bus) {
        return false;
    }
    if (!port || bus->devices[port - 1]) {
        error_set(err, port ? "usb port %s (bus %s) already in use"
                            : "no free port for %s on USB bus %s",
                  port ? d->place : dev->class->name, bus->bus.name);
        return false;
    }
    if (is_hub(dev) && tier(bus) == MAX_TIERS) {
        error_set(err, "usb hub chain too deep");
        return false;
    }
    dev->bus = &bus->bus;
    d->port = port;
    bus->devices[port - 1] = d;
    return true;
}

static void detach(struct bus *b, struct device *dev)
{
    struct usb_bus *bus = (struct usb_bus *)b;
    unsigned n = ((struct usb_device *)dev)->port - 1;

    bus->devices[n] = NULL;
    bus->ops->changed(bus->opaque, n);
}

void usb_plug(struct usb_device *d)
{
    struct usb_bus *bus = (struct usb_bus *)d->dev.bus;

    bus->ops->changed(bus->opaque, d->port - 1);
}

/* Hubs are a tree of few tiers. */
struct usb_device *usb_find(struct usb_bus *bus, unsigned address)
{
    for (unsigned n = 0; n < bus->ports; n++) {
        struct usb_device *d = bus->devices[n];

        if (!d || !bus->ops->enabled(bus->opaque, n)) {
            continue;
        }
        if (d->usb.address == address) {
            return d;
        }
        d = d->downstream ? usb_find(d->downstream, address) : NULL;
        if (d) {
            return d;
        }
    }
    return NULL;
}

/* --- the type -------------------------------------------------------------------------------- */

static void reset(struct device *dev)
{
    ((struct usb_device *)dev)->usb = (struct usb_state){ 0 };
}

static bool loaded(struct device *dev, struct error **err)
{
    const struct usb_state *u = &((struct usb_device *)dev)->usb;

    if (u->at > u->length || u->length > USB_CONTROL_MAX) {
        error_set(err, "%s: impossible control transfer", dev->class->name);
        return false;
    }
    return true;
}

FIELDS(usb_state) = {
    FIELD(usb_state, address), FIELD(usb_state, configuration), ARRAY(usb_state, setup),
    FIELD(usb_state, stage), FIELD(usb_state, at), FIELD(usb_state, length),
    FIELD(usb_state, halted_in), FIELD(usb_state, halted_out), FIELD(usb_state, remote_wakeup),
    ARRAY(usb_state, data), FIELDS_END
};
static const struct property properties[] = {
    { "port", PROPERTY_STRING, PROPERTY_AT(usb_device, place), 0, NULL },
    { "serial", PROPERTY_STRING, PROPERTY_AT(usb_device, serial), 0, NULL }, { 0 }
};

BUS_TYPE(usb) = {
    .name = "usb-bus", .properties = properties, .state = STATE(usb_device, usb, usb_state, 1),
    .hot_unplug = true, .attach = attach, .detach = detach, .reset = reset, .loaded = loaded,
};

void usb_bus_init(struct usb_bus *bus, struct device *owner, unsigned ports,
                  const struct usb_port_ops *ops)
{
    while (bus->number < 31 && numbers >> bus->number & 1) {
        bus->number++;
    }
    numbers |= 1u << bus->number;
    if (owner->id) {
        snprintf(bus->name, sizeof(bus->name), "%s.0", owner->id);
    } else {
        snprintf(bus->name, sizeof(bus->name), "usb-bus.%u", bus->number);
    }
    bus->ports = MIN_OF(ports, USB_PORTS);
    bus->ops = ops;
    bus->opaque = owner;
    bus_init(&bus->bus, &usb_type, bus->name, owner);
}

void usb_bus_fini(struct usb_bus *bus)
{
    numbers &= ~(1u << bus->number);
    bus_fini(&bus->bus);
}

/* It is no bus of its own for -device and `info'. */
void usb_hub_bus_init(struct usb_bus *bus, struct usb_device *hub, unsigned ports,
                      const struct usb_port_ops *ops)
{
    const struct usb_bus *above = (const struct usb_bus *)hub->dev.bus;

    *bus = (struct usb_bus){
        .bus = { &usb_type, bus->name, &hub->dev, NULL }, .ports = MIN_OF(ports, USB_PORTS),
        .number = above->number, .ops = ops, .opaque = hub,
    };
    snprintf(bus->name, sizeof(bus->name), "%s", above->name);
    snprintf(bus->path, sizeof(bus->path), "%s", above->path);
    snprintf(bus->prefix, sizeof(bus->prefix), "%.16s%u.", above->prefix, hub->port);
    hub->downstream = bus;
}

/* --- `info usb' ------------------------------------------------------------------------------ */

/* The name from the device's descriptor. */
static const char *product(const struct usb_function *f)
{
    for (unsigned i = 0; f->strings[i]; i++) {
        if (i + 1 == f->device[15]) {
            return f->strings[i];
        }
    }
    return "";
}

static const struct usb_device *usb_device(const struct device *dev)
{
    const struct usb_device *d = (const struct usb_device *)dev;

    return dev->realized && dev->bus && dev->bus->type == &usb_type && d->function ? d : NULL;
}

void usb_print(FILE *out)
{
    static const char *const speeds[] = { "1.5", "12", "480" };

    for (const struct device *dev = device_first(); dev; dev = dev->next) {
        const struct usb_device *d = usb_device(dev);
        const struct usb_bus *bus = d ? (const struct usb_bus *)dev->bus : NULL;

        if (d) {
            fprintf(out, "  Device %u.%u, Port %s%u, Speed %s Mb/s, Product %s%s%s\n",
                    bus->number, d->usb.address, bus->prefix, d->port,
                    speeds[d->function->speed], product(d->function), dev->id ? ", ID: " : "",
                    dev->id ? dev->id : "");
        }
    }
    if (!bus_find("usb-bus")) {
        fprintf(out, "USB support not enabled\n");
    }
}

struct device *usb_device_at(const char *place, struct error **err)
{
    unsigned number, address;
    int end = 0;

    if (sscanf(place, "%u.%u%n", &number, &address, &end) != 2 || place[end]) {
        error_set(err, "'%s' is not BUS.ADDRESS as `info usb' shows it", place);
        return NULL;
    }
    for (struct device *dev = device_first(); dev; dev = dev->next) {
        const struct usb_device *d = usb_device(dev);

        if (d && d->usb.address == address && ((struct usb_bus *)dev->bus)->number == number) {
            return dev;
        }
    }
    error_set(err, "could not find a USB device at '%s'", place);
    return NULL;
}
