/* SPDX-License-Identifier: GPL-2.0-or-later */
/* UHCI USB 1.1 host controller of the PIIX3 (UHCI 1.1): registers, root hub, frames. */
#include "hw/usb/uhci.h"

#include <stdio.h>

#include "base/log.h"
#include "base/trace.h"

#define FRAME_NS NS_PER_MS
/* After so many frames without a packet, so many are run at once: the host sleeps longer. */
enum { IDLE_FRAMES = 64, IDLE_BATCH = 8, LOST_FRAMES = 50 };

enum {
    REG_COMMAND = 0x00, REG_STATUS = 0x02, REG_ENABLE = 0x04, REG_NUMBER = 0x06,
    REG_BASE_LOW = 0x08, REG_BASE_HIGH = 0x0a, REG_START_OF_FRAME = 0x0c, REG_PORT = 0x10
};
enum { CONFIG_RELEASE = 0x60, CONFIG_LEGACY = 0xc0 };

static void update_irq(struct uhci *u)
{
    const struct uhci_state *s = &u->s;
    bool level = (s->status & UHCI_STATUS_INT && s->reasons & s->enabled) ||
        (s->status & UHCI_STATUS_ERROR && s->enabled & UHCI_INT_ERROR) ||
        (s->status & UHCI_STATUS_RESUME && s->enabled & UHCI_INT_RESUME) ||
        s->status & (UHCI_STATUS_HOST_ERROR | UHCI_STATUS_PROCESS_ERROR);

    pci_set_intx(&u->pci, level);
}

void uhci_fail(struct uhci *u, uint16_t status)
{
    trace(uhci_fail, "status %02x", status);
    u->s.status |= status | UHCI_STATUS_HALTED;
    u->s.command &= ~UHCI_COMMAND_RUN;
}

/* --- frames ---------------------------------------------------------------------------------- */

static unsigned passed_frames(const struct uhci *u)
{
    int64_t passed = clock_ns(CLOCK_VM) - u->s.frame_start;

    return passed > 0 ? (unsigned)MIN_OF(passed / FRAME_NS, 1000ll) : 0;
}

static void run_frames(void *opaque)
{
    struct uhci *u = opaque;
    struct uhci_state *s = &u->s;
    unsigned frames = passed_frames(u);

    if (frames > LOST_FRAMES) {
        s->frame_start = clock_ns(CLOCK_VM) - FRAME_NS;     /* the host was busy */
        frames = 1;
    }
    for (; frames && s->command & UHCI_COMMAND_RUN; frames--) {
        u->idle = uhci_run_frame(u) ? 0 : u->idle + 1;
        s->frame_start += FRAME_NS;
        s->frame_number = (s->frame_number + 1) & 0x7ff;
    }
    if (s->command & UHCI_COMMAND_RUN) {
        timer_set(&u->frame, s->frame_start +
                  (u->idle >= IDLE_FRAMES ? IDLE_BATCH : 1) * FRAME_NS);
    } else {
        s->status |= UHCI_STATUS_HALTED;
    }
    update_irq(u);
}

/* The guest does something: the next frame is not far. */
static void wake(struct uhci *u)
{
    u->idle = 0;
    if (timer_pending(&u->frame)) {
        int64_t next = clock_ns(CLOCK_VM) + FRAME_NS;

        timer_set(&u->frame, MIN_OF(next, timer_expiry(&u->frame)));
    }
}

static void start(struct uhci *u)
{
    u->s.status &= ~UHCI_STATUS_HALTED;
    u->s.frame_start = clock_ns(CLOCK_VM);
    timer_set(&u->frame, u->s.frame_start + FRAME_NS);
}

/* --- root hub -------------------------------------------------------------------------------- */

static void wake_host(struct uhci *u)
{
    if (u->s.command & UHCI_COMMAND_SUSPEND) {
        u->s.command |= UHCI_COMMAND_RESUME;
        u->s.status |= UHCI_STATUS_RESUME;
        update_irq(u);
    }
}

static void set_connected(struct uhci *u, unsigned n)
{
    const struct usb_device *d = u->bus.devices[n];
    uint16_t port = u->s.port[n] & ~(UHCI_PORT_CONNECTED | UHCI_PORT_LOW_SPEED);

    if (d) {
        port |= UHCI_PORT_CONNECTED | (d->function->speed == USB_LOW ? UHCI_PORT_LOW_SPEED : 0);
    } else {
        port |= port & UHCI_PORT_ENABLED ? UHCI_PORT_ENABLE_CHANGED : 0;
        port &= ~(UHCI_PORT_ENABLED | UHCI_PORT_SUSPENDED | UHCI_PORT_RESUME);
    }
    u->s.port[n] = port;
}

static void port_changed(void *opaque, unsigned n)
{
    struct uhci *u = opaque;

    set_connected(u, n);
    u->s.port[n] |= UHCI_PORT_CONNECT_CHANGED;
    wake_host(u);
}

static bool port_enabled(void *opaque, unsigned n)
{
    uint16_t port = ((struct uhci *)opaque)->s.port[n];

    return (port & (UHCI_PORT_ENABLED | UHCI_PORT_SUSPENDED)) == UHCI_PORT_ENABLED;
}

static void port_wakeup(void *opaque, unsigned n)
{
    struct uhci *u = opaque;

    if (u->s.port[n] & UHCI_PORT_SUSPENDED) {
        u->s.port[n] |= UHCI_PORT_RESUME;
    }
    wake_host(u);
}

static const struct usb_port_ops port_ops = { port_changed, port_enabled, port_wakeup };

static void write_port(struct uhci *u, unsigned n, uint16_t value)
{
    uint16_t *port = &u->s.port[n], before = *port;

    *port &= ~(value & UHCI_PORT_CLEARED);
    *port = (uint16_t)bits_merge(*port, value, UHCI_PORT_WRITABLE);
    if (value & UHCI_PORT_RESET) {
        *port &= ~(UHCI_PORT_ENABLED | UHCI_PORT_SUSPENDED | UHCI_PORT_RESUME);
    }
    if (value & ~before & UHCI_PORT_RESET && u->bus.devices[n]) {
        usb_reset_device(u->bus.devices[n]);
    }
    /* The end of a resume signal wakes the port. */
    if (before & ~value & UHCI_PORT_RESUME) {
        *port &= ~UHCI_PORT_SUSPENDED;
    }
    if (!(*port & UHCI_PORT_CONNECTED)) {
        *port &= ~(UHCI_PORT_ENABLED | UHCI_PORT_SUSPENDED);
    }
}

/* --- registers ------------------------------------------------------------------------------- */

static void reset_registers(struct uhci *u)
{
    timer_cancel(&u->frame);
    u->s = (struct uhci_state){
        .status = UHCI_STATUS_HALTED, .start_of_frame = 64,
        .port = { UHCI_PORT_ONE, UHCI_PORT_ONE },
    };
    for (unsigned n = 0; n < UHCI_PORTS; n++) {
        set_connected(u, n);
        u->s.port[n] |= u->bus.devices[n] ? UHCI_PORT_CONNECT_CHANGED : 0;
    }
}

static void reset_devices(struct uhci *u)
{
    for (unsigned n = 0; n < UHCI_PORTS; n++) {
        if (u->bus.devices[n]) {
            usb_reset_device(u->bus.devices[n]);
        }
    }
}

static void write_command(struct uhci *u, uint16_t value)
{
    uint16_t before = u->s.command;

    if (value & UHCI_COMMAND_RESET) {
        reset_devices(u);
        reset_registers(u);
        return;
    }
    if (value & ~before & UHCI_COMMAND_GLOBAL_RESET) {
        reset_devices(u);
        reset_registers(u);
    }
    u->s.command = value & 0xff;
    if (value & UHCI_COMMAND_RUN) {
        if (!(before & UHCI_COMMAND_RUN)) {
            start(u);
        }
    } else if (!timer_pending(&u->frame)) {
        u->s.status |= UHCI_STATUS_HALTED;
    }
}

static uint64_t uhci_read(void *dev, uint64_t offset, unsigned size)
{
    const struct uhci_state *s = &((struct uhci *)dev)->s;

    switch (offset) {
    case REG_COMMAND: return s->command;
    case REG_STATUS: return s->status;
    case REG_ENABLE: return s->enabled;
    case REG_NUMBER:
        return (s->frame_number + (s->command & UHCI_COMMAND_RUN ? passed_frames(dev) : 0)) & 0x7ff;
    case REG_BASE_LOW: return s->frame_base & 0xffff;
    case REG_BASE_HIGH: return s->frame_base >> 16;
    case REG_START_OF_FRAME: return s->start_of_frame;
    case REG_PORT: return s->port[0];
    case REG_PORT + 2: return s->port[1];
    default: return 0xff7f;          /* no port; drivers look for the bit that is always one */
    }
}

static void uhci_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    struct uhci *u = dev;
    struct uhci_state *s = &u->s;

    switch (offset) {
    case REG_COMMAND: write_command(u, (uint16_t)value); break;
    case REG_STATUS:
        s->status &= ~(value & 0x1f);
        s->reasons = value & UHCI_STATUS_INT ? 0 : s->reasons;
        break;
    case REG_ENABLE: s->enabled = value & 0xf; break;
    case REG_NUMBER:
        if (s->status & UHCI_STATUS_HALTED) {
            s->frame_number = value & 0x7ff;
        }
        break;
    case REG_BASE_LOW: s->frame_base = (s->frame_base & 0xffff0000) | (value & 0xf000); break;
    case REG_BASE_HIGH:
        s->frame_base = (s->frame_base & 0xffff) | (uint32_t)(value & 0xffff) << 16;
        break;
    case REG_START_OF_FRAME: s->start_of_frame = value & 0x7f; break;
    case REG_PORT:
    case REG_PORT + 2: write_port(u, (offset - REG_PORT) / 2, (uint16_t)value); break;
    default: break;
    }
    wake(u);
    update_irq(u);
}

/* --- life ------------------------------------------------------------------------------------ */

static bool uhci_init(struct device *dev, struct error **err)
{
    struct uhci *u = (struct uhci *)dev;

    pci_set_ids(&u->pci, 0x8086, 0x7020, 1, 0x0c0300);
    u->pci.pci.config[CONFIG_RELEASE] = 0x10;
    st16_le(u->pci.pci.config + CONFIG_LEGACY, 0x2000);
    st16_le(u->pci.writable + CONFIG_LEGACY, 0x20bf);
    st16_le(u->pci.write_one_clears + CONFIG_LEGACY, 0x8f00);
    pci_set_interrupt_pin(&u->pci, 4);
    pci_add_bar(&u->pci, 4, PCI_BAR_IO, &dev->regions[0]);
    timer_init(&u->frame, CLOCK_VM, run_frames, u);
    snprintf(u->bus.path, sizeof(u->bus.path), "pci:%02x.%u", u->pci.devfn >> 3,
             u->pci.devfn & 7);
    u->bus.grows = true;
    usb_bus_init(&u->bus, dev, UHCI_PORTS, &port_ops);
    return true;
}

static void uhci_exit(struct device *dev)
{
    struct uhci *u = (struct uhci *)dev;

    timer_cancel(&u->frame);
    usb_bus_fini(&u->bus);
}

static void uhci_reset(struct device *dev)
{
    reset_registers((struct uhci *)dev);
}

static void uhci_reset_lines(struct device *dev)
{
    struct uhci *u = (struct uhci *)dev;

    for (unsigned n = 0; n < UHCI_PORTS; n++) {
        set_connected(u, n);
    }
    update_irq(u);
}

static bool uhci_loaded(struct device *dev, struct error **err)
{
    struct uhci *u = (struct uhci *)dev;

    if (u->s.command & UHCI_COMMAND_RUN) {
        timer_set(&u->frame, u->s.frame_start + FRAME_NS);
    } else {
        timer_cancel(&u->frame);
    }
    return true;
}

FIELDS(uhci_state) = {
    FIELD(uhci_state, command), FIELD(uhci_state, status), FIELD(uhci_state, enabled),
    FIELD(uhci_state, frame_number), FIELD(uhci_state, frame_base),
    FIELD(uhci_state, start_of_frame), FIELD(uhci_state, reasons), ARRAY(uhci_state, port),
    FIELD(uhci_state, frame_start), FIELDS_END
};

static const struct device_region regions[] = {
    { "uhci", 32, { uhci_read, uhci_write, .min = 2, .max = 2 } }, { 0 }
};

DEVICE(uhci) = {
    .name = "piix3-usb-uhci", .desc = "USB 1.1 controller of the PIIX3", .bus = "pci",
    .size = sizeof(struct uhci), .regions = regions, .init = uhci_init, .exit = uhci_exit,
    .reset = uhci_reset, .reset_lines = uhci_reset_lines, .state = STATE(uhci, s, uhci_state, 1),
    .loaded = uhci_loaded,
};
