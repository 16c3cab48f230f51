/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PCI configuration space: headers, write masks, base address registers, capabilities, DMA. */
#include <glib.h>
#include <string.h>

#include "base/bits.h"
#include "hw/core/loader.h"
#include "hw/core/machine.h"
#include "hw/pci/pci-impl.h"

/* --- the header ------------------------------------------------------------------------------ */

void pci_config_init(struct pci_device *pci)
{
    static const uint16_t command = PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER |
                                    0x40 | 0x100 | PCI_COMMAND_INTX_DISABLE;

    memset(&pci->pci, 0, sizeof(pci->pci));
    memset(pci->writable, 0, sizeof(pci->writable));
    memset(pci->write_one_clears, 0, sizeof(pci->write_one_clears));
    st16_le(pci->writable + PCI_COMMAND, command);
    st16_le(pci->write_one_clears + PCI_STATUS, 0xf900);
    pci->writable[PCI_CACHE_LINE] = 0xff;
    pci->writable[PCI_INTERRUPT_LINE] = 0xff;
    /* Registers that belong to the device from here on are its own to open. */
    memset(pci->writable + 0x40, 0xff, PCI_CONFIG_SIZE - 0x40);
    pci_set_subsystem(pci, 0x1af4, 0x1100);
    for (unsigned i = 0; i <= PCI_ROM_BAR; i++) {
        pci->bars[i] = (struct pci_bar){ .mapped_at = PCI_BAR_UNMAPPED };
    }
    if (pci->multifunction) {
        pci->pci.config[PCI_HEADER_TYPE] |= PCI_HEADER_MULTIFUNCTION;
    }
}

void pci_set_ids(struct pci_device *pci, uint16_t vendor, uint16_t device, uint8_t revision,
                 uint32_t class_code)
{
    uint8_t *config = pci->pci.config;

    st16_le(config + PCI_VENDOR_ID, vendor);
    st16_le(config + PCI_DEVICE_ID, device);
    config[PCI_REVISION] = revision;
    st_le(config + PCI_CLASS_PROG, 3, class_code);
}

void pci_set_subsystem(struct pci_device *pci, uint16_t vendor, uint16_t device)
{
    st16_le(pci->pci.config + PCI_SUBSYSTEM_VENDOR, vendor);
    st16_le(pci->pci.config + PCI_SUBSYSTEM_ID, device);
}

void pci_set_interrupt_pin(struct pci_device *pci, uint8_t pin)
{
    pci->pci.config[PCI_INTERRUPT_PIN] = pin;
}

unsigned pci_add_capability(struct pci_device *pci, uint8_t id, unsigned size)
{
    uint8_t *config = pci->pci.config;
    unsigned offset = 0x40, last = PCI_CAPABILITY_LIST;

    for (unsigned at = config[PCI_CAPABILITY_LIST]; at; at = config[at + 1]) {
        offset = MAX_OF(offset, at + pci->capability_size[at >> 2] * 4u);
        last = at + 1;
    }
    size = (unsigned)align_up(size, 4);
    if (offset + size > PCI_CONFIG_SIZE) {
        return 0;
    }
    memset(config + offset, 0, size);
    memset(pci->writable + offset, 0, size);
    config[offset] = id;
    config[last] = (uint8_t)offset;
    config[PCI_STATUS] |= PCI_STATUS_CAP_LIST;
    pci->capability_size[offset >> 2] = (uint8_t)(size / 4);
    return offset;
}

/* --- base address registers ------------------------------------------------------------------ */

static bool is_bridge(const struct pci_device *pci)
{
    return (pci->pci.config[PCI_HEADER_TYPE] & 0x7f) == 1;
}

static unsigned bar_register(const struct pci_device *pci, unsigned n)
{
    if (n < PCI_ROM_BAR) {
        return PCI_BAR0 + 4 * n;
    }
    return is_bridge(pci) ? 0x38 : PCI_ROM_ADDRESS;
}

void pci_add_bar(struct pci_device *pci, unsigned n, unsigned flags, struct memory_region *region)
{
    uint64_t size = bits_power_of_two_ceil(MAX_OF(region->size, flags & PCI_BAR_IO ? 4u : 16u));
    unsigned reg = bar_register(pci, n);

    if (size != region->size) {
        memory_region_set_size(region, size);
    }
    pci->bars[n] = (struct pci_bar){ region, size, (uint8_t)flags, PCI_BAR_UNMAPPED };
    st32_le(pci->pci.config + reg, n == PCI_ROM_BAR ? 0 : flags);
    st32_le(pci->writable + reg, (uint32_t)~(size - 1));
    if (n == PCI_ROM_BAR) {
        pci->writable[reg] |= 1;
    }
    if (flags & PCI_BAR_64BIT) {
        st32_le(pci->pci.config + reg + 4, 0);
        st32_le(pci->writable + reg + 4, (uint32_t)(~(size - 1) >> 32));
    }
}

static void *load_rom(const char *name, size_t *size, struct error **err)
{
    char *path = machine_find_firmware(name);
    void *data = NULL;

    if (path) {
        data = loader_read_file(path, size, 16u << 20, err);
    } else {
        error_set(err, "cannot find the option ROM '%s'", name);
    }
    g_free(path);
    return data;
}

bool pci_add_rom(struct pci_device *pci, const char *file, struct error **err)
{
    const char *name = pci->rom_file ? pci->rom_file : file;
    size_t size;
    void *data;

    if (!pci->rom_bar || !name || !*name) {
        return true;
    }
    data = load_rom(name, &size, err);
    if (!data) {
        return false;
    }
    if (!memory_region_init_rom(&pci->rom, "pci-rom", bits_power_of_two_ceil(MAX_OF(size, 2048u)),
                                err)) {
        g_free(data);
        return false;
    }
    memcpy(memory_region_host(&pci->rom), data, size);
    g_free(data);
    pci_add_bar(pci, PCI_ROM_BAR, PCI_BAR_MEMORY, &pci->rom);
    return true;
}

/* Where the guest put a BAR. Addresses at 0 or past the end of the space are what sizing leaves
 * behind, so nothing is mapped there. */
static uint64_t bar_address(const struct pci_device *pci, unsigned n)
{
    const struct pci_bar *bar = &pci->bars[n];
    const uint8_t *config = pci->pci.config;
    unsigned reg = bar_register(pci, n);
    uint16_t command = ld16_le(config + PCI_COMMAND);
    uint64_t address = ld32_le(config + reg), limit = 0xffffffff;

    if (bar->flags & PCI_BAR_IO) {
        limit = 0xffff;
        if (!(command & PCI_COMMAND_IO)) {
            return PCI_BAR_UNMAPPED;
        }
    } else if (!(command & PCI_COMMAND_MEMORY) || (n == PCI_ROM_BAR && !(address & 1))) {
        return PCI_BAR_UNMAPPED;
    }
    if (bar->flags & PCI_BAR_64BIT) {
        address |= (uint64_t)ld32_le(config + reg + 4) << 32;
        limit = UINT64_MAX;
    }
    address &= ~(bar->size - 1);
    if (address == 0 || address > limit || limit - address < bar->size - 1 ||
        address + bar->size - 1 == limit) {
        return PCI_BAR_UNMAPPED;
    }
    return address;
}

static void map_bar(struct pci_device *pci, unsigned n, uint64_t address)
{
    struct pci_bus *bus = pci_bus_of(pci);
    struct pci_bar *bar = &pci->bars[n];
    struct memory_region *space = bar->flags & PCI_BAR_IO ? bus->io : bus->memory;

    if (!bar->region || bar->mapped_at == address) {
        return;
    }
    if (bar->mapped_at != PCI_BAR_UNMAPPED) {
        memory_region_remove(bar->region);
    }
    bar->mapped_at = address;
    if (address != PCI_BAR_UNMAPPED) {
        memory_region_add_priority(space, address, bar->region, 1);
    }
}

void pci_update_mappings(struct pci_device *pci)
{
    memory_transaction_begin();
    for (unsigned n = 0; n <= PCI_ROM_BAR; n++) {
        if (pci->bars[n].region) {
            map_bar(pci, n, bar_address(pci, n));
        }
    }
    memory_transaction_commit();
}

void pci_unmap_all(struct pci_device *pci)
{
    for (unsigned n = 0; n <= PCI_ROM_BAR; n++) {
        map_bar(pci, n, PCI_BAR_UNMAPPED);
    }
}

/* --- accesses -------------------------------------------------------------------------------- */

uint32_t pci_config_default_read(struct pci_device *pci, unsigned reg, unsigned size)
{
    if (reg >= PCI_CONFIG_SIZE) {
        return (uint32_t)bits_mask(8 * size);
    }
    return (uint32_t)ld_le(pci->pci.config + reg, MIN_OF(size, PCI_CONFIG_SIZE - reg));
}

static bool touches(unsigned reg, unsigned size, unsigned first, unsigned length)
{
    return reg < first + length && first < reg + size;
}

void pci_config_default_write(struct pci_device *pci, unsigned reg, uint32_t value, unsigned size)
{
    uint8_t *config = pci->pci.config;
    bool asserted = pci_intx_asserted(pci);

    for (unsigned i = reg; i < reg + size && i < PCI_CONFIG_SIZE; i++, value >>= 8) {
        uint8_t byte = (uint8_t)value;
        config[i] = (uint8_t)bits_merge(config[i], byte, pci->writable[i]);
        config[i] &= (uint8_t)~(byte & pci->write_one_clears[i]);
    }
    if (touches(reg, size, PCI_COMMAND, 2) || touches(reg, size, PCI_BAR0, 4 * PCI_BARS) ||
        touches(reg, size, bar_register(pci, PCI_ROM_BAR), 4)) {
        pci_update_mappings(pci);
    }
    if (asserted != pci_intx_asserted(pci)) {
        pci_intx_changed(pci, !asserted);
    }
}

/* --- bus mastering --------------------------------------------------------------------------- */

static bool is_master(const struct pci_device *pci)
{
    return pci->pci.config[PCI_COMMAND] & PCI_COMMAND_MASTER;
}

enum mem_result pci_dma_read(struct pci_device *pci, uint64_t address, void *data, size_t size)
{
    if (!is_master(pci)) {
        memset(data, 0xff, size);
        return MEM_UNASSIGNED;
    }
    return address_space_read(pci_bus_of(pci)->dma, address, data, size);
}

enum mem_result pci_dma_write(struct pci_device *pci, uint64_t address, const void *data,
                              size_t size)
{
    if (!is_master(pci)) {
        return MEM_UNASSIGNED;
    }
    return address_space_write(pci_bus_of(pci)->dma, address, data, size);
}
