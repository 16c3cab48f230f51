/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The NE2000 card on the PCI bus: Realtek RTL8029. */
#include "hw/net/ne2000.h"

struct ne2k_pci {
    struct pci_device pci;
    struct net_nic nic;
    struct ne2000 chip;
    struct memory_region ports;
    struct ne2000_state s;
};

static bool card_init(struct device *dev, struct error **err)
{
    struct ne2k_pci *d = (struct ne2k_pci *)dev;

    pci_set_ids(&d->pci, 0x10ec, 0x8029, 0, 0x020000);
    pci_set_interrupt_pin(&d->pci, 1);
    d->chip = (struct ne2000){ &d->s, &d->nic, pci_intx(&d->pci) };
    if (!net_nic_open(&d->nic, "ne2k_pci", dev->id, &ne2000_handlers, &d->chip, err)) {
        return false;
    }
    if (!nic_add_rom(&d->pci, "efi-ne2k_pci.rom", err)) {
        net_nic_close(&d->nic);
        return false;
    }
    memory_region_init_mmio(&d->ports, "ne2000", 256, &ne2000_ops, &d->chip);
    pci_add_bar(&d->pci, 0, PCI_BAR_IO, &d->ports);
    return true;
}

static void card_exit(struct device *dev)
{
    struct ne2k_pci *d = (struct ne2k_pci *)dev;

    net_nic_close(&d->nic);
    memory_region_fini(&d->ports);
}

static void card_reset(struct device *dev)
{
    ne2000_reset(&((struct ne2k_pci *)dev)->chip);
}

static void card_reset_lines(struct device *dev)
{
    ne2000_update_irq(&((struct ne2k_pci *)dev)->chip);
}

static const struct property card_properties[] = { NET_NIC_PROPERTIES(ne2k_pci, nic), { 0 } };

DEVICE(ne2k_pci) = {
    .name = "ne2k_pci", .desc = "Realtek RTL8029 (NE2000) network card", .bus = "pci",
    .size = sizeof(struct ne2k_pci), .properties = card_properties,
    .init = card_init, .exit = card_exit, .reset = card_reset, .reset_lines = card_reset_lines,
    .state = STATE(ne2k_pci, s, ne2000_state, 1),
};
