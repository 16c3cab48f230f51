/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The PCI host bridge of the Versatile/PB. */
#ifndef HW_PCI_VERSATILE_PCI_H
#define HW_PCI_VERSATILE_PCI_H

#include "hw/pci/pci.h"

/* Makes it and maps its registers and windows where the board has them; the four outputs go to
 * lines 27 to 30 of the secondary interrupt controller. */
struct device *versatile_pci_create(struct memory_region *system, struct address_space *dma,
                                    struct error **err);

#endif
