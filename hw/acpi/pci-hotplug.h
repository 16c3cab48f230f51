/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hot plug of the cards on a root bus, as the ACPI tables tell guests: registers that say which
 * slots changed, and one that lets go of slots. A power management chip embeds it.
 */
#ifndef HW_ACPI_PCI_HOTPLUG_H
#define HW_ACPI_PCI_HOTPLUG_H

#include "hw/pci/pci.h"

/* Ports that the tables name; a bit for each slot in four bytes. */
#define PCI_HOTPLUG_PORT 0xae00
enum { PCI_HOTPLUG_UP = 0, PCI_HOTPLUG_DOWN = 4, PCI_HOTPLUG_EJECT = 8, PCI_HOTPLUG_SIZE = 12 };
/* The general purpose event that says to look. */
#define PCI_HOTPLUG_GPE 1

struct pci_hotplug_state {
    uint32_t up, down;             /* to be told; reading clears */
    uint32_t leaving;              /* asked for and not yet let go */
};

struct pci_hotplug {
    struct pci_hotplug_state *s;
    struct pci_bus *bus;
    uint32_t eject;                /* that the main thread is about to take out */
    void (*event)(void *opaque);
    void *opaque;
};

/* `event` raises the general purpose event. */
void pci_hotplug_init(struct pci_hotplug *h, struct pci_hotplug_state *s, struct pci_bus *bus,
                      void (*event)(void *opaque), void *opaque);
/* The guest is gone, so cards that were to leave do. Call it before the state is cleared. */
void pci_hotplug_reset(struct pci_hotplug *h);
uint64_t pci_hotplug_read(struct pci_hotplug *h, uint64_t offset);
void pci_hotplug_write(struct pci_hotplug *h, uint64_t offset, uint8_t value);
/* Whether all that is in a slot may leave; true of an empty one. */
bool pci_hotplug_allows(const struct pci_bus *bus, unsigned slot);

FIELDS(pci_hotplug_state) = {
    FIELD(pci_hotplug_state, up), FIELD(pci_hotplug_state, down),
    FIELD(pci_hotplug_state, leaving), FIELDS_END
};

#endif
