/* SPDX-License-Identifier: GPL-2.0-or-later */
/* OHCI USB 1.1 host controller on PCI (OpenHCI 1.0a): registers, root hub, frames. */
#include "hw/usb/ohci.h"

#include <stdio.h>

#include "base/log.h"
#include "base/trace.h"

#define FRAME_NS NS_PER_MS
#define BIT_NS 83                   /* of full speed, for the remaining bits of a frame */

enum {
    REG_REVISION = 0x00, REG_CONTROL = 0x04, REG_COMMAND = 0x08, REG_INTERRUPTS = 0x0c,
    REG_ENABLE = 0x10, REG_DISABLE = 0x14, REG_HCCA = 0x18, REG_PERIODIC = 0x1c,
    REG_CONTROL_HEAD = 0x20, REG_CONTROL_CURRENT = 0x24, REG_BULK_HEAD = 0x28,
    REG_BULK_CURRENT = 0x2c, REG_DONE = 0x30, REG_INTERVAL = 0x34, REG_REMAINING = 0x38,
    REG_NUMBER = 0x3c, REG_START = 0x40, REG_THRESHOLD = 0x44, REG_HUB_A = 0x48,
    REG_HUB_B = 0x4c, REG_HUB_STATUS = 0x50, REG_PORT = 0x54
};
enum { HUB_A_WRITABLE = 0xff001b00, HUB_NO_POWER_SWITCH = 0x200 };
enum { HCCA_FRAME = 0x80, HCCA_DONE = 0x84 };

void ohci_update_irq(struct ohci *o)
{
    bool level = o->s.enabled & OHCI_INT_MASTER &&
        o->s.interrupts & o->s.enabled & ~(uint32_t)OHCI_INT_MASTER;

    pci_set_intx(&o->pci, level);
}

static void raise(struct ohci *o, uint32_t interrupt)
{
    o->s.interrupts |= interrupt;
    ohci_update_irq(o);
}

void ohci_die(struct ohci *o)
{
    trace(ohci_die, "host error");
    timer_cancel(&o->frame);
    raise(o, OHCI_INT_ERROR);
}

bool ohci_load(struct ohci *o, uint32_t address, uint32_t *words, unsigned count)
{
    uint8_t bytes[16];

    if (pci_dma_read(&o->pci, address, bytes, 4 * count) != MEM_OK) {
        ohci_die(o);
        return false;
    }
    for (unsigned i = 0; i < count; i++) {
        words[i] = ld32_le(bytes + 4 * i);
    }
    return true;
}

bool ohci_store(struct ohci *o, uint32_t address, const uint32_t *words, unsigned count)
{
    uint8_t bytes[16];

    for (unsigned i = 0; i < count; i++) {
        st32_le(bytes + 4 * i, words[i]);
    }
    if (pci_dma_write(&o->pci, address, bytes, 4 * count) != MEM_OK) {
        ohci_die(o);
        return false;
    }
    return true;
}

/* --- frames ---------------------------------------------------------------------------------- */

static bool operational(const struct ohci *o)
{
    return (o->s.control & OHCI_CONTROL_STATE) == OHCI_OPERATIONAL;
}

/* Hands the done list over, once the guest has taken the last one. */
static void write_done(struct ohci *o)
{
    struct ohci_state *s = &o->s;
    uint32_t done = s->done;

    if (s->done_delay && s->done_delay != 7) {
        s->done_delay--;
    }
    if (s->done_delay || !s->done || s->interrupts & OHCI_INT_DONE) {
        return;
    }
    /* The low bit says that there are other events as well. */
    done |= (s->interrupts & s->enabled & ~(uint32_t)OHCI_INT_MASTER) != 0;
    if (ohci_store(o, s->hcca + HCCA_DONE, &done, 1)) {
        s->done = 0;
        s->done_delay = 7;
        s->interrupts |= OHCI_INT_DONE;
    }
}

static void run_frame(void *opaque)
{
    struct ohci *o = opaque;
    struct ohci_state *s = &o->s;
    uint32_t number;

    if (!operational(o)) {
        return;
    }
    s->frame_start += FRAME_NS;
    if (clock_ns(CLOCK_VM) - s->frame_start > 50 * FRAME_NS) {
        s->frame_start = clock_ns(CLOCK_VM);     /* the host was busy: frames are lost */
    }
    timer_set(&o->frame, s->frame_start + FRAME_NS);
    ohci_run_frame(o);
    write_done(o);
    s->frame_number++;
    number = s->frame_number;
    if (s->hcca && !ohci_store(o, s->hcca + HCCA_FRAME, &number, 1)) {
        return;
    }
    s->interrupts |= OHCI_INT_FRAME | (number & 0x7fff ? 0 : OHCI_INT_OVERFLOW);
    ohci_update_irq(o);
}

static void start(struct ohci *o)
{
    o->s.frame_start = clock_ns(CLOCK_VM);
    timer_set(&o->frame, o->s.frame_start + FRAME_NS);
}

/* --- root hub -------------------------------------------------------------------------------- */

static void set_connected(struct ohci *o, unsigned n)
{
    const struct usb_device *d = o->bus.devices[n];
    uint32_t port = o->s.port[n];

    port &= ~(uint32_t)(OHCI_PORT_CONNECTED | OHCI_PORT_LOW_SPEED);
    if (d) {
        port |= OHCI_PORT_CONNECTED | (d->function->speed == USB_LOW ? OHCI_PORT_LOW_SPEED : 0);
    } else {
        if (port & OHCI_PORT_ENABLED) {
            port |= OHCI_PORT_ENABLE_CHANGED;
        }
        port &= ~(uint32_t)(OHCI_PORT_ENABLED | OHCI_PORT_SUSPENDED);
    }
    o->s.port[n] = port;
}

static void port_changed(void *opaque, unsigned n)
{
    struct ohci *o = opaque;

    set_connected(o, n);
    o->s.port[n] |= OHCI_PORT_CHANGED;
    if ((o->s.control & OHCI_CONTROL_STATE) == OHCI_SUSPEND) {
        raise(o, OHCI_INT_RESUME);
    }
    raise(o, OHCI_INT_HUB);
}

static bool port_enabled(void *opaque, unsigned n)
{
    return ((struct ohci *)opaque)->s.port[n] & OHCI_PORT_ENABLED;
}

static void port_wakeup(void *opaque, unsigned n)
{
    struct ohci *o = opaque;
    uint32_t *port = &o->s.port[n];

    if (*port & OHCI_PORT_SUSPENDED) {
        *port = (*port & ~(uint32_t)OHCI_PORT_SUSPENDED) | OHCI_PORT_RESUMED;
        raise(o, OHCI_INT_HUB);
    }
    if ((o->s.control & OHCI_CONTROL_STATE) == OHCI_SUSPEND) {
        raise(o, OHCI_INT_RESUME);
    }
}

static const struct usb_port_ops port_ops = { port_changed, port_enabled, port_wakeup };

/* Bits that only work while something is connected; otherwise the attempt shows as a change. */
static bool needs_connection(struct ohci *o, unsigned n)
{
    if (o->s.port[n] & OHCI_PORT_CONNECTED) {
        return true;
    }
    o->s.port[n] |= OHCI_PORT_CHANGED;
    return false;
}

static void reset_port(struct ohci *o, unsigned n)
{
    uint32_t *port = &o->s.port[n];

    usb_reset_device(o->bus.devices[n]);
    *port &= ~(uint32_t)(OHCI_PORT_RESET | OHCI_PORT_SUSPENDED);
    *port |= OHCI_PORT_ENABLED | OHCI_PORT_RESET_DONE;
}

static void write_port(struct ohci *o, unsigned n, uint32_t value)
{
    uint32_t *port = &o->s.port[n], before = *port;

    *port &= ~(value & 0x1f0000);
    if (value & OHCI_PORT_CONNECTED) {               /* clear enable */
        *port &= ~(uint32_t)OHCI_PORT_ENABLED;
    }
    if (value & OHCI_PORT_ENABLED && needs_connection(o, n)) {
        *port |= OHCI_PORT_ENABLED;
    }
    if (value & OHCI_PORT_SUSPENDED && needs_connection(o, n)) {
        *port |= OHCI_PORT_SUSPENDED;
    }
    if (value & 0x008 && *port & OHCI_PORT_SUSPENDED) {      /* clear suspend */
        *port = (*port & ~(uint32_t)OHCI_PORT_SUSPENDED) | OHCI_PORT_RESUMED;
    }
    if (value & OHCI_PORT_RESET && needs_connection(o, n) && o->bus.devices[n]) {
        reset_port(o, n);
    }
    if (value & OHCI_PORT_POWER) {
        *port |= OHCI_PORT_POWER;
    }
    if (value & OHCI_PORT_LOW_SPEED) {               /* clear power */
        *port &= ~(uint32_t)OHCI_PORT_POWER;
    }
    if (*port & ~before & 0x1f0000) {
        raise(o, OHCI_INT_HUB);
    }
}

static void write_hub_status(struct ohci *o, uint32_t value)
{
    for (unsigned n = 0; n < o->bus.ports; n++) {
        if (value & 0x00001) {                       /* global power off */
            o->s.port[n] &= ~(uint32_t)OHCI_PORT_POWER;
        }
        if (value & 0x10000) {
            o->s.port[n] |= OHCI_PORT_POWER;
        }
    }
    o->s.hub_status = value & 0x8000 ? o->s.hub_status | 0x8000 : o->s.hub_status;
    o->s.hub_status &= value & 1u << 31 ? ~0x8000u : ~0u;
}

/* --- registers ------------------------------------------------------------------------------- */

static void reset_registers(struct ohci *o)
{
    struct ohci_state *s = &o->s;
    uint32_t routing = s->control & OHCI_CONTROL_SMI;

    timer_cancel(&o->frame);
    *s = (struct ohci_state){
        .interval = 0x27782edf, .threshold = 0x628, .done_delay = 7, .control = routing,
        .hub_a = HUB_NO_POWER_SWITCH | o->bus.ports,
    };
    for (unsigned n = 0; n < o->bus.ports; n++) {
        if (o->bus.devices[n]) {
            usb_reset_device(o->bus.devices[n]);
            set_connected(o, n);
            s->port[n] |= OHCI_PORT_CHANGED;
        }
    }
    ohci_update_irq(o);
}

/* By the driver's command, the root hub and the operational registers are reset, then suspended. */
static void command_reset(struct ohci *o)
{
    reset_registers(o);
    o->s.control |= OHCI_SUSPEND;
}

static uint32_t remaining(const struct ohci *o)
{
    int64_t bits = (clock_ns(CLOCK_VM) - o->s.frame_start) / BIT_NS;
    uint32_t interval = o->s.interval & 0x3fff;

    if (!operational(o)) {
        return 0;
    }
    return (o->s.interval & 1u << 31) | (uint32_t)(bits >= interval ? 0 : interval - bits);
}

static uint64_t ohci_read(void *dev, uint64_t offset, unsigned size)
{
    struct ohci *o = dev;
    const struct ohci_state *s = &o->s;

    switch (offset) {
    case REG_REVISION: return 0x10;
    case REG_CONTROL: return s->control;
    case REG_COMMAND: return s->command;
    case REG_INTERRUPTS: return s->interrupts;
    case REG_ENABLE:
    case REG_DISABLE: return s->enabled;
    case REG_HCCA: return s->hcca;
    case REG_PERIODIC: return s->periodic_current;
    case REG_CONTROL_HEAD: return s->control_head;
    case REG_CONTROL_CURRENT: return s->control_current;
    case REG_BULK_HEAD: return s->bulk_head;
    case REG_BULK_CURRENT: return s->bulk_current;
    case REG_DONE: return s->done;
    case REG_INTERVAL: return s->interval;
    case REG_REMAINING: return remaining(o);
    case REG_NUMBER: return s->frame_number;
    case REG_START: return s->periodic_start;
    case REG_THRESHOLD: return s->threshold;
    case REG_HUB_A: return s->hub_a;
    case REG_HUB_B: return s->hub_b;
    case REG_HUB_STATUS: return s->hub_status;
    default: break;
    }
    if (offset >= REG_PORT && (offset - REG_PORT) / 4 < o->bus.ports) {
        return s->port[(offset - REG_PORT) / 4];
    }
    return 0;
}

static void write_control(struct ohci *o, uint32_t value)
{
    uint32_t before = o->s.control & OHCI_CONTROL_STATE, now = value & OHCI_CONTROL_STATE;

    o->s.control = value & 0x7ff;
    if (now == before) {
        return;
    }
    if (now == OHCI_OPERATIONAL) {
        start(o);
    } else {
        timer_cancel(&o->frame);
    }
    if (now == OHCI_RESET) {
        for (unsigned n = 0; n < o->bus.ports; n++) {
            if (o->bus.devices[n]) {
                usb_reset_device(o->bus.devices[n]);
            }
        }
    }
}

static void write_command(struct ohci *o, uint32_t value)
{
    if (value & OHCI_COMMAND_RESET) {
        command_reset(o);
        return;
    }
    o->s.command |= value & (OHCI_COMMAND_CONTROL | OHCI_COMMAND_BULK);
    if (value & OHCI_COMMAND_OWNER) {                /* nobody else owns it */
        o->s.control &= ~(uint32_t)OHCI_CONTROL_SMI;
        raise(o, OHCI_INT_OWNER);
    }
}

static void ohci_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    struct ohci *o = dev;
    struct ohci_state *s = &o->s;

    switch (offset) {
    case REG_CONTROL: write_control(o, (uint32_t)value); break;
    case REG_COMMAND: write_command(o, (uint32_t)value); break;
    case REG_INTERRUPTS: s->interrupts &= ~(uint32_t)value; break;
    case REG_ENABLE: s->enabled |= value; break;
    case REG_DISABLE: s->enabled &= ~(uint32_t)value; break;
    case REG_HCCA: s->hcca = value & ~0xffu; break;
    case REG_CONTROL_HEAD: s->control_head = value & ~15u; break;
    case REG_CONTROL_CURRENT: s->control_current = value & ~15u; break;
    case REG_BULK_HEAD: s->bulk_head = value & ~15u; break;
    case REG_BULK_CURRENT: s->bulk_current = value & ~15u; break;
    case REG_INTERVAL: s->interval = (uint32_t)value & 0xffff3fff; break;
    case REG_START: s->periodic_start = value & 0x3fff; break;
    case REG_THRESHOLD: s->threshold = value & 0xfff; break;
    case REG_HUB_A: s->hub_a = (uint32_t)bits_merge(s->hub_a, value, HUB_A_WRITABLE); break;
    case REG_HUB_B: s->hub_b = (uint32_t)value; break;
    case REG_HUB_STATUS: write_hub_status(o, (uint32_t)value); break;
    default:
        if (offset >= REG_PORT && (offset - REG_PORT) / 4 < o->bus.ports) {
            write_port(o, (offset - REG_PORT) / 4, (uint32_t)value);
        }
    }
    ohci_update_irq(o);
}

/* --- life ------------------------------------------------------------------------------------ */

static bool ohci_init(struct device *dev, struct error **err)
{
    struct ohci *o = (struct ohci *)dev;

    if (o->ports < 1 || o->ports > OHCI_PORTS) {
        error_set(err, "pci-ohci: num-ports must be 1 to %d", OHCI_PORTS);
        return false;
    }
    pci_set_ids(&o->pci, 0x106b, 0x003f, 0, 0x0c0310);
    pci_set_interrupt_pin(&o->pci, 1);
    pci_add_bar(&o->pci, 0, PCI_BAR_MEMORY, &dev->regions[0]);
    timer_init(&o->frame, CLOCK_VM, run_frame, o);
    snprintf(o->bus.path, sizeof(o->bus.path), "pci:%02x.%u", o->pci.devfn >> 3,
             o->pci.devfn & 7);
    usb_bus_init(&o->bus, dev, o->ports, &port_ops);
    return true;
}

static void ohci_exit(struct device *dev)
{
    struct ohci *o = (struct ohci *)dev;

    timer_cancel(&o->frame);
    usb_bus_fini(&o->bus);
}

static void ohci_reset(struct device *dev)
{
    struct ohci *o = (struct ohci *)dev;

    o->s.control = 0;
    reset_registers(o);
}

static void ohci_reset_lines(struct device *dev)
{
    struct ohci *o = (struct ohci *)dev;

    for (unsigned n = 0; n < o->bus.ports; n++) {
        set_connected(o, n);
    }
    ohci_update_irq(o);
}

static bool ohci_loaded(struct device *dev, struct error **err)
{
    struct ohci *o = (struct ohci *)dev;

    if (operational(o)) {
        timer_set(&o->frame, o->s.frame_start + FRAME_NS);
    }
    return true;
}

FIELDS(ohci_state) = {
    FIELD(ohci_state, control), FIELD(ohci_state, command), FIELD(ohci_state, interrupts),
    FIELD(ohci_state, enabled), FIELD(ohci_state, hcca), FIELD(ohci_state, periodic_current),
    FIELD(ohci_state, control_head), FIELD(ohci_state, control_current),
    FIELD(ohci_state, bulk_head), FIELD(ohci_state, bulk_current), FIELD(ohci_state, done),
    FIELD(ohci_state, interval), FIELD(ohci_state, periodic_start), FIELD(ohci_state, threshold),
    FIELD(ohci_state, hub_a), FIELD(ohci_state, hub_b), FIELD(ohci_state, hub_status),
    ARRAY(ohci_state, port), FIELD(ohci_state, frame_number), FIELD(ohci_state, done_delay),
    FIELD(ohci_state, frame_start), FIELDS_END
};

static const struct device_region regions[] = {
    { "ohci", 256, { ohci_read, ohci_write, .min = 4 } }, { 0 }
};
static const struct property properties[] = { PROP_UINT("num-ports", ohci, ports, 3), { 0 } };

DEVICE(ohci) = {
    .name = "pci-ohci", .desc = "Apple USB Controller", .bus = "pci", .size = sizeof(struct ohci),
    .properties = properties, .regions = regions, .init = ohci_init, .exit = ohci_exit,
    .reset = ohci_reset, .reset_lines = ohci_reset_lines, .state = STATE(ohci, s, ohci_state, 1),
    .loaded = ohci_loaded,
};
