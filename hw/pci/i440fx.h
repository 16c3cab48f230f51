/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The 82441FX host bridge with its root bus, and the PIIX3 bridge to the ISA bus. */
#ifndef HW_PCI_I440FX_H
#define HW_PCI_I440FX_H

#include "base/error.h"
#include "hw/core/device.h"
#include "hw/core/memory.h"
#include "hw/isa/isa.h"
#include "hw/pci/pci.h"

/* What the board hands to the bridge; everything must stay. */
struct i440fx_memory {
    struct memory_region *system;    /* root of physical memory, RAM mapped at 0 with priority 0 */
    struct memory_region *io;        /* root of the port space */
    struct memory_region *pci;       /* container for BARs and legacy video, of all addresses */
    struct memory_region *ram;       /* whose first MiB the PAM registers shadow */
    struct memory_region *smm;       /* container shown to CPUs in SMM; the bridge fills it */
    struct address_space *dma;
};

/* Makes, realizes and wires the bridge: ports 0xcf8 to 0xcff, the bus "pci.0", function 00.0. */
struct pci_bus *i440fx_create(const struct i440fx_memory *memory, struct error **err);
/* PIIX3 at slot 1 of the bus, with the bus "isa.0" below it and the reset register 0xcf9. */
struct isa_bus *piix3_create(struct pci_bus *bus, const struct i440fx_memory *memory,
                             struct error **err);

/* Port 0xcf9 lies inside the bridge's address register: byte accesses go here. */
void i440fx_set_reset_control(struct pci_bus *bus, uint8_t (*read)(void *opaque),
                              void (*write)(void *opaque, uint8_t value), void *opaque);

#endif
