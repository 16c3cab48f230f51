/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PIIX3 (82371SB) function 0: PCI interrupts to ISA lines, the ISA bus, reset port 0xcf9. */
#include "base/bits.h"
#include "hw/core/machine.h"
#include "hw/pci/i440fx.h"

#define PIRQ_ROUTE 0x60
#define PIRQS 4
#define PIRQ_DISABLED 0x80

struct piix3 {
    struct pci_device pci;
    struct isa_bus isa;
    struct piix3_state {
        uint16_t driven;          /* ISA lines as PCI drives them */
        uint8_t reset_control;
    } s;
};

FIELDS(piix3_state) = {
    FIELD(piix3_state, driven), FIELD(piix3_state, reset_control), FIELDS_END
};

static const struct { uint8_t reg, value; } power_on[] = {
    { 0x4c, 0x4d }, { 0x4e, 0x03 }, { 0x60, 0x80 }, { 0x61, 0x80 }, { 0x62, 0x80 }, { 0x63, 0x80 },
    { 0x69, 0x02 }, { 0x70, 0x80 }, { 0x76, 0x0c }, { 0x77, 0x0c }, { 0x78, 0x02 }, { 0xa0, 0x08 },
};

/* --- interrupts ------------------------------------------------------------------------------ */

static uint16_t wanted_lines(const struct piix3 *bridge)
{
    uint16_t lines = 0;

    for (int pirq = 0; pirq < PIRQS; pirq++) {
        uint8_t route = bridge->pci.pci.config[PIRQ_ROUTE + pirq];
        if (!(route & PIRQ_DISABLED) && (route & 0xf) == route &&
            pci_bus_line_level(pci_bus_of((struct pci_device *)&bridge->pci), pirq)) {
            lines |= (uint16_t)(1u << route);
        }
    }
    return lines;
}

/* Several PIRQs may share a line, and a line that PCI does not drive belongs to ISA. */
static void update_lines(struct piix3 *bridge)
{
    uint16_t lines = wanted_lines(bridge), changed = lines ^ bridge->s.driven;

    bridge->s.driven = lines;
    for (unsigned n = 0; n < ISA_IRQS; n++) {
        if (changed >> n & 1) {
            irq_set(bridge->isa.irqs[n], lines >> n & 1);
        }
    }
}

static void pirq_changed(void *opaque, int line, int level)
{
    update_lines(opaque);
}

static int pirq_of(void *opaque, struct pci_device *pci, int pin)
{
    return (pin + (pci->devfn >> 3) - 1) & 3;
}

static void piix3_config_write(struct pci_device *pci, unsigned reg, uint32_t value, unsigned size)
{
    pci_config_default_write(pci, reg, value, size);
    if (reg < PIRQ_ROUTE + PIRQS && reg + size > PIRQ_ROUTE) {
        update_lines((struct piix3 *)pci);
    }
}

/* --- the reset control register -------------------------------------------------------------- */

static uint8_t reset_control_read(void *opaque)
{
    return ((struct piix3 *)opaque)->s.reset_control;
}

static void reset_control_write(void *opaque, uint8_t value)
{
    struct piix3 *bridge = opaque;

    if (value & 4) {
        machine_request_reset();
    }
    bridge->s.reset_control = value & 2;
}

/* --- the device ------------------------------------------------------------------------------ */

static bool piix3_init(struct device *dev, struct error **err)
{
    struct pci_device *pci = (struct pci_device *)dev;
    uint8_t *config = pci->pci.config;

    pci_set_ids(pci, 0x8086, 0x7000, 0, 0x060100);
    st16_le(config + PCI_COMMAND, PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    st16_le(config + PCI_STATUS, PCI_STATUS_DEVSEL_MEDIUM);
    for (unsigned i = 0; i < ARRAY_LEN(power_on); i++) {
        config[power_on[i].reg] = power_on[i].value;
    }
    for (unsigned i = 0; i < PIRQS; i++) {
        pci->writable[PIRQ_ROUTE + i] = 0x8f;
    }
    pci->config_write = piix3_config_write;
    return true;
}

static void piix3_reset(struct device *dev)
{
    ((struct piix3 *)dev)->s = (struct piix3_state){ 0 };
}

static void piix3_reset_lines(struct device *dev)
{
    struct piix3 *bridge = (struct piix3 *)dev;

    bridge->s.driven = wanted_lines(bridge);
    for (unsigned n = 0; n < ISA_IRQS; n++) {
        if (bridge->s.driven >> n & 1) {
            irq_raise(bridge->isa.irqs[n]);
        }
    }
}

DEVICE(piix3) = {
    .name = "PIIX3",
    .desc = "ISA bridge",
    .bus = "pci",
    .internal = true,
    .size = sizeof(struct piix3),
    .init = piix3_init,
    .reset = piix3_reset,
    .reset_lines = piix3_reset_lines,
    .state = STATE(piix3, s, piix3_state, 1),
};

struct isa_bus *piix3_create(struct pci_bus *bus, const struct i440fx_memory *memory,
                             struct error **err)
{
    struct device *dev = device_create("PIIX3", err);
    struct piix3 *bridge = (struct piix3 *)dev;

    if (!dev || !device_set(dev, "addr", "1", err) ||
        !device_set(dev, "multifunction", "on", err) || !device_realize(dev, err)) {
        return NULL;
    }
    isa_bus_init(&bridge->isa, dev, memory->io, memory->system);
    pci_bus_set_irqs(bus, pirq_changed, pirq_of, bridge);
    i440fx_set_reset_control(bus, reset_control_read, reset_control_write, bridge);
    return &bridge->isa;
}
