/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * MSI-X (PCI Local Bus 3.0, 6.8.2): interrupts as messages that a device writes to memory.
 *
 * Table and pending bits share one BAR of 4 KiB. The owner keeps the state struct in its own saved
 * state, calls config_written() behind every write to its configuration space and loaded() after a
 * load.
 */
#ifndef HW_PCI_MSIX_H
#define HW_PCI_MSIX_H

#include "hw/pci/pci.h"

#define PCI_MSIX_MAX 128

struct pci_msix_state {
    uint8_t table[PCI_MSIX_MAX * 16];
    uint8_t pending[PCI_MSIX_MAX / 8];
};
FIELDS(pci_msix_state) = {
    ARRAY(pci_msix_state, table), ARRAY(pci_msix_state, pending), FIELDS_END
};

struct pci_msix {
    struct pci_device *pci;
    struct pci_msix_state *s;
    struct memory_region region;
    unsigned vectors, capability;    /* 0 vectors: the device has none */
};

/* In the device's init; `vectors` is 1 to PCI_MSIX_MAX. False when the capability does not fit. */
bool pci_msix_init(struct pci_msix *m, struct pci_device *pci, unsigned bar, unsigned vectors,
                   struct pci_msix_state *s, struct error **err);
/* Right for a struct that was never initialized, too. */
void pci_msix_fini(struct pci_msix *m);
void pci_msix_reset(struct pci_msix *m);
bool pci_msix_enabled(const struct pci_msix *m);
/* Sends the message of vector n, or remembers it while it is masked. Others are ignored. */
void pci_msix_notify(struct pci_msix *m, unsigned n);
void pci_msix_config_written(struct pci_msix *m);

#endif
