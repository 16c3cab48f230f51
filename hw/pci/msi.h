/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * MSI (PCI Local Bus 3.0, 6.8.1): one vector with a 64-bit address, kept in the configuration
 * space, which is saved with it.
 */
#ifndef HW_PCI_MSI_H
#define HW_PCI_MSI_H

#include "hw/pci/pci.h"

struct pci_msi {
    struct pci_device *pci;
    unsigned capability;             /* 0: the device has none */
};

/* In the device's init. False when the capability does not fit. */
bool pci_msi_init(struct pci_msi *m, struct pci_device *pci, struct error **err);
bool pci_msi_enabled(const struct pci_msi *m);
/* Sends the message; only while it is enabled. */
void pci_msi_notify(struct pci_msi *m);

#endif
