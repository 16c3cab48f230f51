/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The AHCI function of ICH9, "ich9-ahci": registers, interrupts, and six ports as buses. */
#include "hw/ide/ahci.h"

#include <stdio.h>

#include "base/bits.h"
#include "base/log.h"
#include "hw/ide/drive.h"

FIELDS(ahci_port_state) = {
    FIELD(ahci_port_state, command_list), FIELD(ahci_port_state, received),
    FIELD(ahci_port_state, irq_status), FIELD(ahci_port_state, irq_enable),
    FIELD(ahci_port_state, command), FIELD(ahci_port_state, sata_control),
    FIELD(ahci_port_state, sata_error), FIELD(ahci_port_state, active),
    FIELD(ahci_port_state, issued), FIELD(ahci_port_state, slot),
    FIELD(ahci_port_state, last_slot), FIELD(ahci_port_state, stalled),
    FIELD(ahci_port_state, signature_due), FIELD(ahci_port_state, table),
    FIELD(ahci_port_state, address), FIELD(ahci_port_state, left), FIELD(ahci_port_state, moved),
    FIELD(ahci_port_state, entries), FIELD(ahci_port_state, next),
    FIELD(ahci_port_state, entry_interrupts), FIELD(ahci_port_state, overflow),
    FIELD(ahci_port_state, queued), FIELD(ahci_port_state, silent),
    NESTED(ahci_port_state, channel, ide_channel_state),
    FIELDS_END
};
FIELDS(ahci_state) = {
    FIELD(ahci_state, control), FIELD(ahci_state, irq_status),
    NESTED_ARRAY(ahci_state, ports, ahci_port_state), FIELDS_END
};

/* Generic registers (3.1) and those of a port (3.3). */
enum { CAP = 0x00, GHC = 0x04, IS = 0x08, PI = 0x0c, VS = 0x10, PORTS = 0x100, PORT_SIZE = 0x80 };
enum {
    PX_CLB = 0x00, PX_CLBU = 0x04, PX_FB = 0x08, PX_FBU = 0x0c, PX_IS = 0x10, PX_IE = 0x14,
    PX_CMD = 0x18, PX_TFD = 0x20, PX_SIG = 0x24, PX_SSTS = 0x28, PX_SCTL = 0x2c, PX_SERR = 0x30,
    PX_SACT = 0x34, PX_CI = 0x38
};
enum { GHC_RESET = 1u << 0, GHC_INTERRUPT = 1u << 1, GHC_AHCI = 1u << 31 };
/* 64-bit addresses, queues, command list override, AHCI only, 3 Gb/s, 32 slots. */
#define CAPABILITIES (1u << 31 | 1u << 30 | 1u << 24 | 1u << 18 | 2u << 20 |                       \
                      (AHCI_SLOTS - 1) << 8 | (AHCI_PORTS - 1))
#define VERSION 0x00010300u
/* What PxIE can enable, what PxCMD keeps. */
#define ENABLES 0xfdc000ffu
#define CMD_KEPT (AHCI_CMD_ST | AHCI_CMD_FRE | 1u << 24 | 1u << 25)

/* --- interrupts ------------------------------------------------------------------------------ */

static uint32_t port_irq_status(const struct ahci_port *port)
{
    return port->s->irq_status | (port->s->sata_error & AHCI_SERR_X ? AHCI_IS_PCS : 0);
}

/* `news': something happened, for which a message is due. */
static void update_irq(struct ahci *ahci, bool news)
{
    bool level = ahci->s.control & GHC_INTERRUPT && ahci->s.irq_status;

    if (pci_msi_enabled(&ahci->msi)) {
        pci_set_intx(&ahci->pci, 0);
        if (level && news) {
            ahci->moving++;
            pci_msi_notify(&ahci->msi);
            ahci->moving--;
        }
    } else {
        pci_set_intx(&ahci->pci, level);
    }
}

/* Bits of IS come from the ports and stay until they are cleared. */
static void update_port_irq(struct ahci_port *port, bool news)
{
    if (port_irq_status(port) & port->s->irq_enable) {
        port->ahci->s.irq_status |= 1u << port->n;
    }
    update_irq(port->ahci, news);
}

void ahci_port_event(struct ahci_port *port, uint32_t bits)
{
    port->s->irq_status |= bits;
    update_port_irq(port, (bits & port->s->irq_enable) != 0);
}

/* --- registers of a port --------------------------------------------------------------------- */

static uint32_t read_command(const struct ahci_port *port)
{
    uint32_t value = port->s->command | AHCI_CMD_SUD | AHCI_CMD_POD;

    value |= port->s->command & AHCI_CMD_ST ? AHCI_CMD_CR : 0;
    value |= port->s->command & AHCI_CMD_FRE ? AHCI_CMD_FR : 0;
    return value | (uint32_t)(port->s->last_slot & 0x1f) << 8;
}

/* A device is there, at 3 Gb/s, and the link is active; or it was told to be off. */
static uint32_t sata_status(const struct ahci_port *port)
{
    if (ahci_port_is_offline(port)) {
        return (port->s->sata_control & 0xf) == 4 ? 4 : 0;
    }
    return 0x123;
}

static uint32_t port_read(const struct ahci_port *port, unsigned reg)
{
    const struct ahci_port_state *s = port->s;

    switch (reg) {
    case PX_CLB:  return (uint32_t)s->command_list;
    case PX_CLBU: return (uint32_t)(s->command_list >> 32);
    case PX_FB:   return (uint32_t)s->received;
    case PX_FBU:  return (uint32_t)(s->received >> 32);
    case PX_IS:   return port_irq_status(port);
    case PX_IE:   return s->irq_enable;
    case PX_CMD:  return read_command(port);
    case PX_TFD:  return ahci_port_task_file(port);
    case PX_SIG:  return ahci_port_signature(port);
    case PX_SSTS: return sata_status(port);
    case PX_SCTL: return s->sata_control;
    case PX_SERR: return s->sata_error;
    case PX_SACT: return s->active;
    case PX_CI:   return s->issued;
    default:      return 0;
    }
}

static void write_command(struct ahci_port *port, uint32_t value)
{
    struct ahci_port_state *s = port->s;
    uint32_t changed = s->command ^ value;

    s->command = value & CMD_KEPT;
    if (changed & AHCI_CMD_ST && !(value & AHCI_CMD_ST)) {
        ahci_port_stop(port);
    }
    if (value & AHCI_CMD_CLO) {
        ahci_port_override(port);
    }
    ahci_port_send_signature(port);
}

/* A COMRESET lasts while DET is 1; the drive comes back when it is 0 again. */
static void write_sata_control(struct ahci_port *port, uint32_t value)
{
    uint32_t before = port->s->sata_control & 0xf;

    port->s->sata_control = value & 0xfff;
    if (before != (value & 0xf)) {
        ahci_port_reset_link(port);
    }
}

static void port_write(struct ahci_port *port, unsigned reg, uint32_t value)
{
    struct ahci_port_state *s = port->s;

    switch (reg) {
    case PX_CLB:
        s->command_list = bits_deposit(s->command_list, 0, 32, value & ~0x3ffu);
        break;
    case PX_CLBU:
        s->command_list = bits_deposit(s->command_list, 32, 32, value);
        break;
    case PX_FB:
        s->received = bits_deposit(s->received, 0, 32, value & ~0xffu);
        break;
    case PX_FBU:
        s->received = bits_deposit(s->received, 32, 32, value);
        break;
    case PX_IS:
        s->irq_status &= ~value;
        break;
    case PX_IE:
        s->irq_enable = value & ENABLES;
        break;
    case PX_CMD:
        write_command(port, value);
        break;
    case PX_SCTL:
        write_sata_control(port, value);
        break;
    case PX_SERR:
        s->sata_error &= ~value;
        break;
    case PX_SACT:
        s->active |= s->command & AHCI_CMD_ST ? value : 0;
        break;
    case PX_CI:
        s->issued |= s->command & AHCI_CMD_ST ? value : 0;
        break;
    }
    ahci_port_run(port);
    update_port_irq(port, reg == PX_IE);
}

/* --- registers of the controller ------------------------------------------------------------- */

static void reset_registers(struct ahci *ahci)
{
    ahci->s.control = GHC_AHCI;
    ahci->s.irq_status = 0;
    for (unsigned n = 0; n < AHCI_PORTS; n++) {
        struct ahci_port_state *s = &ahci->s.ports[n];

        *s = (struct ahci_port_state){ .slot = AHCI_NO_SLOT };
        if (ahci->ports[n].channel.drives[0]) {
            s->sata_error = AHCI_SERR_X;
            s->signature_due = 1;
        }
    }
}

/* By the guest: unlike at power-on the drives must be told. */
static void reset_controller(struct ahci *ahci)
{
    for (unsigned n = 0; n < AHCI_PORTS; n++) {
        ahci_port_stop(&ahci->ports[n]);
    }
    reset_registers(ahci);
    for (unsigned n = 0; n < AHCI_PORTS; n++) {
        ahci_port_reset_link(&ahci->ports[n]);
    }
}

static uint64_t ahci_read(void *dev, uint64_t offset, unsigned size)
{
    struct ahci *ahci = dev;

    if (ahci->moving) {
        log_guest_error("ahci: a transfer from its own registers");
        return 0xffffffff;
    }
    if (offset >= PORTS) {
        unsigned n = (unsigned)(offset - PORTS) / PORT_SIZE;
        return n < AHCI_PORTS ? port_read(&ahci->ports[n], offset % PORT_SIZE) : 0;
    }
    switch (offset) {
    case CAP: return CAPABILITIES;
    case GHC: return ahci->s.control;
    case IS:  return ahci->s.irq_status;
    case PI:  return (1u << AHCI_PORTS) - 1;
    case VS:  return VERSION;
    default:  return 0;
    }
}

static void ahci_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    struct ahci *ahci = dev;

    if (ahci->moving) {
        log_guest_error("ahci: a transfer to its own registers");
        return;
    }
    if (offset >= PORTS) {
        unsigned n = (unsigned)(offset - PORTS) / PORT_SIZE;
        if (n < AHCI_PORTS) {
            port_write(&ahci->ports[n], offset % PORT_SIZE, (uint32_t)value);
        }
        return;
    }
    if (offset == GHC) {
        ahci->s.control = GHC_AHCI | (value & GHC_INTERRUPT);
        if (value & GHC_RESET) {
            reset_controller(ahci);
        }
    } else if (offset == IS) {
        ahci->s.irq_status &= ~(uint32_t)value;
        for (unsigned n = 0; n < AHCI_PORTS; n++) {
            update_port_irq(&ahci->ports[n], false);
        }
    }
    update_irq(ahci, true);
}

static const struct device_region ahci_regions[] = {
    { "ahci", 0x1000, { ahci_read, ahci_write, .min = 4, .max = 4 } },
    { 0 }
};

/* --- the device ------------------------------------------------------------------------------ */

/* Ports are "ID.N", or continue the numbers of the other IDE buses. */
static void name_bus(struct ide_channel *channel, const char *id, unsigned n)
{
    if (id) {
        snprintf(channel->name, sizeof(channel->name), "%.24s.%u", id, n);
        return;
    }
    bus_fini(&channel->bus);
    for (unsigned i = 0; i == 0 || bus_find(channel->name); i++) {
        snprintf(channel->name, sizeof(channel->name), "ide.%u", i);
    }
    bus_init(&channel->bus, channel->bus.type, channel->name, channel->bus.owner);
}

static void init_port(struct ahci *ahci, unsigned n)
{
    struct ahci_port *port = &ahci->ports[n];

    port->ahci = ahci;
    port->n = n;
    port->s = &ahci->s.ports[n];
    ide_channel_init(&port->channel, &ahci->pci.dev, n, &port->s->channel);
    name_bus(&port->channel, ahci->pci.dev.id, n);
    port->channel.sata = true;
    port->channel.dma = &ahci_dma_ops;
    port->channel.dma_opaque = port;
}

static bool ahci_init(struct device *dev, struct error **err)
{
    struct ahci *ahci = (struct ahci *)dev;

    pci_set_ids(&ahci->pci, 0x8086, 0x2922, 2, 0x010601);
    pci_set_interrupt_pin(&ahci->pci, 1);
    if (!pci_msi_init(&ahci->msi, &ahci->pci, err)) {
        return false;
    }
    pci_add_bar(&ahci->pci, 5, PCI_BAR_MEMORY, &dev->regions[0]);
    for (unsigned n = 0; n < AHCI_PORTS; n++) {
        init_port(ahci, n);
    }
    return true;
}

static void ahci_exit(struct device *dev)
{
    struct ahci *ahci = (struct ahci *)dev;

    for (unsigned n = 0; n < AHCI_PORTS; n++) {
        ide_channel_fini(&ahci->ports[n].channel);
    }
}

static void ahci_reset(struct device *dev)
{
    reset_registers((struct ahci *)dev);
}

static void ahci_reset_lines(struct device *dev)
{
    update_irq((struct ahci *)dev, false);
}

static bool ahci_loaded(struct device *dev, struct error **err)
{
    struct ahci *ahci = (struct ahci *)dev;

    for (unsigned n = 0; n < AHCI_PORTS; n++) {
        const struct ahci_port_state *s = &ahci->s.ports[n];

        if (s->slot > AHCI_NO_SLOT || s->last_slot >= AHCI_SLOTS || s->channel.selected ||
            s->left > 0x400000 || (s->slot != AHCI_NO_SLOT && !ahci->ports[n].channel.drives[0])) {
            error_set(err, "%s: impossible state of port %u", dev->class->name, n);
            return false;
        }
    }
    return true;
}

DEVICE(ahci) = {
    .name = "ich9-ahci",
    .alias = "ahci",
    .desc = "Intel ICH9 SATA controller with 6 ports",
    .bus = "pci",
    .size = sizeof(struct ahci),
    .regions = ahci_regions,
    .init = ahci_init,
    .exit = ahci_exit,
    .reset = ahci_reset,
    .reset_lines = ahci_reset_lines,
    .loaded = ahci_loaded,
    .state = STATE(ahci, s, ahci_state, 1),
};
