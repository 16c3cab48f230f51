/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Virtio over PCI (Virtio 1.1, 4.1; 0.9.5, 2.1): registers of 0.9 in ports at BAR 0, MSI-X in BAR
 * 1, registers of 1.0 in memory at BAR 4.
 */
#ifndef HW_VIRTIO_VIRTIO_PCI_H
#define HW_VIRTIO_VIRTIO_PCI_H

#include "hw/pci/msix.h"
#include "hw/virtio/virtio.h"

/* Starts the saved state of every device. */
struct virtio_pci_state {
    struct virtio_state core;
    struct pci_msix_state msix;
};
FIELDS(virtio_pci_state) = {
    NESTED(virtio_pci_state, core, virtio_state), NESTED(virtio_pci_state, msix, pci_msix_state),
    FIELDS_END
};

/* Starts the struct of every device. */
struct virtio_pci {
    struct pci_device pci;
    struct virtio v;
    struct virtio_pci_state *s;
    struct pci_msix msix;
    struct memory_region ports, registers;
    unsigned window;                 /* offset of the capability that reaches BARs */
    bool disable_legacy, disable_modern, event_idx, indirect, packed;   /* properties */
    uint32_t vectors;                /* UINT32_MAX: one for each queue and one for changes */
};

#define VIRTIO_PCI_PROPERTIES(T, m)                                                                \
    PROP_BOOL("disable-legacy", T, m.disable_legacy, false),                                       \
    PROP_BOOL("disable-modern", T, m.disable_modern, false),                                       \
    PROP_BOOL("event_idx", T, m.event_idx, true),                                                  \
    PROP_BOOL("indirect_desc", T, m.indirect, true),                                               \
    PROP_BOOL("packed", T, m.packed, false),                                                       \
    PROP_UINT("vectors", T, m.vectors, UINT32_MAX)

/* What the configuration space says of a kind of device. */
struct virtio_pci_id {
    uint16_t transitional;           /* device number for old drivers; 0: there are none */
    uint32_t class_code;
};

/* In init, when the queues and features of t->v are there. */
bool virtio_pci_init(struct virtio_pci *t, const struct virtio_pci_id *id,
                     struct virtio_pci_state *s, struct error **err);
void virtio_pci_exit(struct virtio_pci *t);
/* The device's reset, reset_lines and loaded, or parts of its own. */
void virtio_pci_reset(struct device *dev);
void virtio_pci_reset_lines(struct device *dev);
bool virtio_pci_loaded(struct device *dev, struct error **err);

#endif
