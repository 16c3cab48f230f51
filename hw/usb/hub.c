/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A full-speed hub with eight ports (USB 2.0, chapter 11, as far as 1.1 has it). */
#include <string.h>

#include "base/bits.h"
#include "base/trace.h"
#include "hw/usb/usb.h"

#define PORTS 8
#define CHANGE_BYTES 2              /* of a bit for the hub and one for each port */

enum { GET_STATUS = 0, CLEAR_FEATURE = 1, SET_FEATURE = 3, GET_DESCRIPTOR = 6 };
enum { DESCRIPTOR_HUB = 0x29 };
/* Features; those from 16 on are changes. */
enum { FEATURE_ENABLE = 1, FEATURE_SUSPEND = 2, FEATURE_RESET = 4, FEATURE_POWER = 8,
       FEATURE_CHANGE = 16, FEATURE_LAST = 20 };
/* Bits of a port, and of its changes. */
enum { PORT_CONNECTED = 0x001, PORT_ENABLED = 0x002, PORT_SUSPENDED = 0x004, PORT_RESET = 0x010,
       PORT_POWER = 0x100, PORT_LOW_SPEED = 0x200 };

struct hub_port { uint16_t status, change; };
FIELDS(hub_port) = { FIELD(hub_port, status), FIELD(hub_port, change), FIELDS_END };

struct usb_hub {
    struct usb_device usb;
    struct usb_bus bus;
    struct usb_hub_state { struct hub_port ports[PORTS]; } s;
};
FIELDS(usb_hub_state) = { NESTED_ARRAY(usb_hub_state, ports, hub_port), FIELDS_END };

static const char *const strings[] = { "QEMU", "QEMU USB Hub", "314159", NULL };
static const uint8_t device_descriptor[] = {
    18, 1, 0x10, 0x01, 9, 0, 0, 8, 0x09, 0x04, 0xaa, 0x55, 0x01, 0x01, 1, 2, 3, 1
};
static const uint8_t config_descriptor[] = {
    9, 2, 25, 0, 1, 1, 0, 0xe0, 0,                   /* self powered, remote wakeup */
    9, 4, 0, 0, 1, 9, 0, 0, 0,
    7, 5, 0x81, 3, CHANGE_BYTES, 0, 0xff
};
/* No power switching, no overcurrent; 10 ms until power is good; all devices removable. */
static const uint8_t hub_descriptor[] = {
    7 + 2 * CHANGE_BYTES, DESCRIPTOR_HUB, PORTS, 0x12, 0x00, 5, 0, 0x00, 0x00, 0xff, 0xff
};

/* --- ports ----------------------------------------------------------------------------------- */

static uint16_t connection(const struct usb_hub *h, unsigned n)
{
    const struct usb_device *d = h->bus.devices[n];

    return !d ? 0 : PORT_CONNECTED | (d->function->speed == USB_LOW ? PORT_LOW_SPEED : 0);
}

static void port_changed(void *opaque, unsigned n)
{
    struct usb_hub *h = opaque;
    struct hub_port *port = &h->s.ports[n];

    port->change |= PORT_CONNECTED | (port->status & PORT_ENABLED);
    port->status = (uint16_t)(PORT_POWER | connection(h, n));
    usb_wakeup(&h->usb);
}

static bool port_enabled(void *opaque, unsigned n)
{
    const struct hub_port *port = &((struct usb_hub *)opaque)->s.ports[n];

    return (port->status & (PORT_ENABLED | PORT_SUSPENDED)) == PORT_ENABLED;
}

static void resume(struct hub_port *port)
{
    if (port->status & PORT_SUSPENDED) {
        port->status &= ~PORT_SUSPENDED;
        port->change |= PORT_SUSPENDED;
    }
}

static void port_wakeup(void *opaque, unsigned n)
{
    struct usb_hub *h = opaque;

    resume(&h->s.ports[n]);
    usb_wakeup(&h->usb);
}

static const struct usb_port_ops port_ops = { port_changed, port_enabled, port_wakeup };

static void reset_ports(struct usb_device *d)
{
    struct usb_hub *h = (struct usb_hub *)d;

    for (unsigned n = 0; n < PORTS; n++) {
        uint16_t status = connection(h, n);

        h->s.ports[n] = (struct hub_port){ PORT_POWER | status, status & PORT_CONNECTED };
    }
}

/* --- requests -------------------------------------------------------------------------------- */

static int set_feature(struct usb_hub *h, unsigned n, unsigned feature)
{
    struct hub_port *port = &h->s.ports[n];
    struct usb_device *d = h->bus.devices[n];

    switch (feature) {
    case FEATURE_SUSPEND:
        port->status |= port->status & PORT_ENABLED ? PORT_SUSPENDED : 0;
        return 0;
    case FEATURE_RESET:
        if (d) {
            usb_reset_device(d);
            port->status = (uint16_t)((port->status & ~PORT_SUSPENDED) | PORT_ENABLED);
            port->change |= PORT_RESET;
        }
        return 0;
    case FEATURE_POWER: return 0;
    default: return USB_STALL;
    }
}

static int clear_feature(struct usb_hub *h, unsigned n, unsigned feature)
{
    struct hub_port *port = &h->s.ports[n];

    if (feature >= FEATURE_CHANGE && feature <= FEATURE_LAST) {
        port->change &= (uint16_t)~(1u << (feature - FEATURE_CHANGE));
        return 0;
    }
    switch (feature) {
    case FEATURE_ENABLE:
        port->status &= ~PORT_ENABLED;
        return 0;
    case FEATURE_SUSPEND:
        resume(port);
        return 0;
    case FEATURE_POWER: return 0;
    default: return USB_STALL;
    }
}

static int port_request(struct usb_hub *h, const struct usb_setup *setup, uint8_t *data)
{
    unsigned n = (setup->index & 0xffu) - 1;

    if (n >= PORTS) {
        return USB_STALL;
    }
    switch (setup->request) {
    case GET_STATUS:
        st16_le(data, h->s.ports[n].status);
        st16_le(data + 2, h->s.ports[n].change);
        return 4;
    case SET_FEATURE: return set_feature(h, n, setup->value);
    case CLEAR_FEATURE: return clear_feature(h, n, setup->value);
    default: return USB_STALL;
    }
}

/* The recipient "other" is a port. */
static int hub_control(struct usb_device *d, const struct usb_setup *setup, uint8_t *data)
{
    struct usb_hub *h = (struct usb_hub *)d;

    if ((setup->type & USB_KIND) != USB_CLASS) {
        return USB_STALL;
    }
    trace(usb_hub_request, "type %02x request %u value %04x index %04x", setup->type,
          setup->request, setup->value, setup->index);
    if ((setup->type & USB_RECIPIENT) == 3) {
        return port_request(h, setup, data);
    }
    switch (setup->request) {
    case GET_STATUS:
        memset(data, 0, 4);
        return 4;
    case SET_FEATURE:
    case CLEAR_FEATURE:              /* of changes that never happen: power, overcurrent */
        return setup->value < 2 ? 0 : USB_STALL;
    case GET_DESCRIPTOR:
        if (setup->value >> 8 && setup->value >> 8 != DESCRIPTOR_HUB) {
            return USB_STALL;
        }
        memcpy(data, hub_descriptor, sizeof(hub_descriptor));
        return sizeof(hub_descriptor);
    default: return USB_STALL;
    }
}

static int hub_data(struct usb_device *d, enum usb_pid pid, unsigned endpoint, uint8_t *data,
                    unsigned size)
{
    const struct usb_hub *h = (const struct usb_hub *)d;
    uint8_t bytes[CHANGE_BYTES];
    unsigned changes = 0;

    if (pid != USB_IN || endpoint != 1) {
        return USB_STALL;
    }
    for (unsigned n = 0; n < PORTS; n++) {
        changes |= h->s.ports[n].change ? 2u << n : 0;
    }
    if (!changes) {
        return USB_NAK;
    }
    st16_le(bytes, (uint16_t)changes);
    size = MIN_OF(size, (unsigned)CHANGE_BYTES);
    memcpy(data, bytes, size);
    return (int)size;
}

static const struct usb_function function = {
    .device = device_descriptor, .config = config_descriptor, .strings = strings,
    .serial_string = 3, .speed = USB_FULL, .control = hub_control, .data = hub_data,
    .reset = reset_ports,
};

/* --- life ------------------------------------------------------------------------------------ */

static bool hub_init(struct device *dev, struct error **err)
{
    struct usb_hub *h = (struct usb_hub *)dev;

    h->usb.function = &function;
    usb_hub_bus_init(&h->bus, &h->usb, PORTS, &port_ops);
    reset_ports(&h->usb);
    usb_plug(&h->usb);
    return true;
}

static void hub_reset(struct device *dev)
{
    reset_ports((struct usb_device *)dev);
}

DEVICE(usb_hub) = {
    .name = "usb-hub", .desc = "USB hub", .bus = "usb-bus", .size = sizeof(struct usb_hub),
    .init = hub_init, .reset = hub_reset, .state = STATE(usb_hub, s, usb_hub_state, 1),
};
