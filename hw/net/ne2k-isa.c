/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The NE2000 card on the ISA bus. */
#include "hw/isa/isa.h"
#include "hw/net/ne2000.h"

struct ne2k_isa {
    struct device dev;
    struct net_nic nic;
    uint32_t iobase, irq_number;
    struct ne2000 chip;
    struct memory_region ports;
    struct ne2000_state s;
};

static bool isa_init(struct device *dev, struct error **err)
{
    struct ne2k_isa *d = (struct ne2k_isa *)dev;

    if (d->iobase > 0xffe0) {
        error_set(err, "ne2k_isa: iobase is not a port number");
        return false;
    }
    if (!isa_connect_irq(dev, 0, d->irq_number, err)) {
        return false;
    }
    d->chip = (struct ne2000){ &d->s, &d->nic, dev->irqs[0] };
    if (!net_nic_open(&d->nic, "ne2k_isa", dev->id, &ne2000_handlers, &d->chip, err)) {
        return false;
    }
    memory_region_init_mmio(&d->ports, "ne2000", 32, &ne2000_ops, &d->chip);
    isa_map(dev, &d->ports, (uint16_t)d->iobase);
    return true;
}

static void isa_exit(struct device *dev)
{
    struct ne2k_isa *d = (struct ne2k_isa *)dev;

    net_nic_close(&d->nic);
    memory_region_fini(&d->ports);
}

static void isa_reset(struct device *dev)
{
    ne2000_reset(&((struct ne2k_isa *)dev)->chip);
}

static void isa_reset_lines(struct device *dev)
{
    struct ne2k_isa *d = (struct ne2k_isa *)dev;

    d->chip.irq = dev->irqs[0];
    ne2000_update_irq(&d->chip);
}

static const struct property isa_properties[] = {
    PROP_UINT("iobase", ne2k_isa, iobase, 0x300), PROP_UINT("irq", ne2k_isa, irq_number, 9),
    NET_NIC_PROPERTIES(ne2k_isa, nic), { 0 }
};

DEVICE(ne2k_isa) = {
    .name = "ne2k_isa", .desc = "NE2000 network card", .bus = "isa",
    .size = sizeof(struct ne2k_isa), .properties = isa_properties, .irqs = 1,
    .init = isa_init, .exit = isa_exit, .reset = isa_reset, .reset_lines = isa_reset_lines,
    .state = STATE(ne2k_isa, s, ne2000_state, 1),
};
