/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the PCI core share among themselves. */
#ifndef HW_PCI_PCI_IMPL_H
#define HW_PCI_PCI_IMPL_H

#include "hw/pci/pci.h"

/* Gives a freshly attached device the header and masks that every function has. */
void pci_config_init(struct pci_device *pci);
void pci_unmap_all(struct pci_device *pci);

/* Whether the pin is driven: the device's level and not disabled by the command register. */
bool pci_intx_asserted(const struct pci_device *pci);
void pci_intx_changed(struct pci_device *pci, bool asserted);
/* Counts anew which lines of a root bus are asserted, telling nobody. */
void pci_bus_recount(struct pci_bus *root);
/* Visits the root and every bus below it. */
void pci_bus_walk(struct pci_bus *root, void (*visit)(struct pci_bus *root, struct pci_bus *bus));

#endif
