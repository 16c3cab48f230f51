/* SPDX-License-Identifier: GPL-2.0-or-later */
/* MSI-X: the table of messages, masks and pending bits. */
#include "hw/pci/msix.h"

#include "base/bits.h"
#include "base/trace.h"

enum { CAPABILITY_ID = 0x11, CAPABILITY_SIZE = 12, BAR_SIZE = 4096, PENDING = 2048 };
/* The control word of the capability, and the last word of an entry. */
enum { CONTROL_ENABLE = 0x8000, CONTROL_MASK_ALL = 0x4000, ENTRY = 16, ENTRY_MASKED = 1 };

static uint16_t control(const struct pci_msix *m)
{
    return m->vectors ? ld16_le(m->pci->pci.config + m->capability + 2) : 0;
}

bool pci_msix_enabled(const struct pci_msix *m)
{
    return control(m) & CONTROL_ENABLE;
}

static bool is_masked(const struct pci_msix *m, unsigned n)
{
    return control(m) & CONTROL_MASK_ALL || m->s->table[n * ENTRY + 12] & ENTRY_MASKED;
}

/* --- messages -------------------------------------------------------------------------------- */

static void send(struct pci_msix *m, unsigned n)
{
    const uint8_t *entry = m->s->table + n * ENTRY;

    trace(msix_send, "%s vector %u data 0x%x", m->pci->dev.class->name, n, ld32_le(entry + 8));
    pci_dma_write(m->pci, ld64_le(entry) & ~3ull, entry + 8, 4);
}

void pci_msix_notify(struct pci_msix *m, unsigned n)
{
    if (n >= m->vectors || !pci_msix_enabled(m)) {
        return;
    }
    if (is_masked(m, n)) {
        m->s->pending[n / 8] |= (uint8_t)(1u << n % 8);
    } else {
        send(m, n);
    }
}

/* A mask went away. */
static void send_pending(struct pci_msix *m, unsigned n)
{
    uint8_t bit = (uint8_t)(1u << n % 8);

    if (pci_msix_enabled(m) && m->s->pending[n / 8] & bit && !is_masked(m, n)) {
        m->s->pending[n / 8] &= (uint8_t)~bit;
        send(m, n);
    }
}

void pci_msix_config_written(struct pci_msix *m)
{
    for (unsigned n = 0; n < m->vectors; n++) {
        send_pending(m, n);
    }
}

/* --- the BAR --------------------------------------------------------------------------------- */

static uint64_t msix_read(void *opaque, uint64_t offset, unsigned size)
{
    const struct pci_msix *m = opaque;

    if (offset < m->vectors * ENTRY) {
        return ld32_le(m->s->table + offset);
    }
    if (offset >= PENDING && offset - PENDING < sizeof(m->s->pending)) {
        return ld32_le(m->s->pending + (offset - PENDING));
    }
    return 0;
}

static void msix_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct pci_msix *m = opaque;

    if (offset < m->vectors * ENTRY) {
        st32_le(m->s->table + offset, (uint32_t)value);
        send_pending(m, (unsigned)offset / ENTRY);
    }
}

static const struct mmio_ops msix_ops = { msix_read, msix_write, .min = 4, .max = 4 };

/* --- life ------------------------------------------------------------------------------------ */

bool pci_msix_init(struct pci_msix *m, struct pci_device *pci, unsigned bar, unsigned vectors,
                   struct pci_msix_state *s, struct error **err)
{
    uint8_t *capability;

    *m = (struct pci_msix){ .pci = pci, .s = s };
    m->capability = pci_add_capability(pci, CAPABILITY_ID, CAPABILITY_SIZE);
    if (!m->capability || !vectors || vectors > PCI_MSIX_MAX) {
        error_set(err, "%s: %u MSI-X vectors are impossible (1 to %d)", pci->dev.class->name,
                  vectors, PCI_MSIX_MAX);
        return false;
    }
    m->vectors = vectors;
    capability = pci->pci.config + m->capability;
    st16_le(capability + 2, (uint16_t)(vectors - 1));
    st32_le(capability + 4, bar);
    st32_le(capability + 8, PENDING | bar);
    st16_le(pci->writable + m->capability + 2, CONTROL_ENABLE | CONTROL_MASK_ALL);
    memory_region_init_mmio(&m->region, "msix", BAR_SIZE, &msix_ops, m);
    pci_add_bar(pci, bar, PCI_BAR_MEMORY, &m->region);
    return true;
}

void pci_msix_fini(struct pci_msix *m)
{
    if (m->vectors) {
        memory_region_fini(&m->region);
        m->vectors = 0;
    }
}

void pci_msix_reset(struct pci_msix *m)
{
    if (!m->vectors) {
        return;
    }
    memset(m->s, 0, sizeof(*m->s));
    for (unsigned n = 0; n < PCI_MSIX_MAX; n++) {
        m->s->table[n * ENTRY + 12] = ENTRY_MASKED;
    }
}
