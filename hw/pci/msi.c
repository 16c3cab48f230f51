/* SPDX-License-Identifier: GPL-2.0-or-later */
/* MSI: the capability that holds a device's one message. */
#include "hw/pci/msi.h"

#include "base/bits.h"
#include "base/trace.h"

enum { CAPABILITY_ID = 0x05, CAPABILITY_SIZE = 14, CONTROL = 2, ADDRESS = 4, DATA = 12 };
enum { CONTROL_ENABLE = 0x01, CONTROL_64BIT = 0x80 };

bool pci_msi_init(struct pci_msi *m, struct pci_device *pci, struct error **err)
{
    unsigned at = pci_add_capability(pci, CAPABILITY_ID, CAPABILITY_SIZE);

    *m = (struct pci_msi){ pci, at };
    if (!at) {
        error_set(err, "%s: no room for the MSI capability", pci->dev.class->name);
        return false;
    }
    pci->pci.config[at + CONTROL] = CONTROL_64BIT;
    pci->writable[at + CONTROL] = CONTROL_ENABLE;
    st32_le(pci->writable + at + ADDRESS, ~3u);
    st32_le(pci->writable + at + ADDRESS + 4, ~0u);
    st16_le(pci->writable + at + DATA, 0xffff);
    return true;
}

bool pci_msi_enabled(const struct pci_msi *m)
{
    return m->capability && m->pci->pci.config[m->capability + CONTROL] & CONTROL_ENABLE;
}

void pci_msi_notify(struct pci_msi *m)
{
    const uint8_t *capability = m->pci->pci.config + m->capability;
    uint8_t message[4] = { capability[DATA], capability[DATA + 1] };

    if (pci_msi_enabled(m)) {
        trace(msi_send, "%s data 0x%x", m->pci->dev.class->name, ld16_le(message));
        pci_dma_write(m->pci, ld64_le(capability + ADDRESS) & ~3ull, message, sizeof(message));
    }
}
