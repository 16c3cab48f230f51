/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The 82441FX (i440FX) host bridge: configuration mechanism 1, the PAM registers that shadow
 * 0xc0000 to 0xfffff, and system management RAM at 0xa0000.
 *
 * RAM lies under everything at priority 0. Where the guest reads from PCI, a window of the PCI
 * space lies on top; where RAM is write protected, a read-only alias does; so that plain RAM stays
 * one unbroken range.
 */
#include "hw/pci/i440fx.h"

#include "base/bits.h"

#define PAM_FIRST 0x59
#define SMRAM_CONTROL 0x72
#define SMRAM_BASE 0xa0000
#define SMRAM_SIZE 0x20000
#define SEGMENTS 13
#define LEGACY_END 0x100000

enum { PAM_READ = 1, PAM_WRITE = 2 };
enum { SMRAM_ENABLE = 0x08, SMRAM_LOCKED = 0x10, SMRAM_CLOSED = 0x20, SMRAM_OPEN = 0x40 };

struct i440fx {
    struct pci_device pci;
    struct memory_region pci_window[SEGMENTS], readonly[SEGMENTS];
    struct memory_region video, smm_system, smm_ram, nobody;
};

struct i440fx_host {
    struct device dev;
    struct pci_bus bus;
    uint8_t (*reset_read)(void *opaque);
    void (*reset_write)(void *opaque, uint8_t value);
    void *reset_opaque;
    struct i440fx_host_state { uint32_t address; } s;
};

FIELDS(i440fx_host_state) = { FIELD(i440fx_host_state, address), FIELDS_END };

/* --- ports 0xcf8 to 0xcff -------------------------------------------------------------------- */

static uint64_t address_read(void *dev, uint64_t offset, unsigned size)
{
    struct i440fx_host *host = dev;

    if (offset == 1 && size == 1 && host->reset_read) {
        return host->reset_read(host->reset_opaque);
    }
    return host->s.address >> 8 * offset & bits_mask(8 * size);
}

static void address_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    struct i440fx_host *host = dev;

    if (size == 4) {
        host->s.address = (uint32_t)value;
    } else if (offset == 1 && size == 1 && host->reset_write) {
        host->reset_write(host->reset_opaque, (uint8_t)value);
    }
}

static uint64_t data_read(void *dev, uint64_t offset, unsigned size)
{
    struct i440fx_host *host = dev;
    uint32_t address = host->s.address;

    if (!(address >> 31)) {
        return bits_mask(8 * size);
    }
    return pci_config_read(&host->bus, (uint16_t)(address >> 8), (address & 0xfc) + offset, size);
}

static void data_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    struct i440fx_host *host = dev;
    uint32_t address = host->s.address;

    if (address >> 31) {
        pci_config_write(&host->bus, (uint16_t)(address >> 8), (address & 0xfc) + offset,
                         (uint32_t)value, size);
    }
}

static const struct device_region host_regions[] = {
    { "pci-conf-idx", 4, { address_read, address_write, .min = 1, .max = 4, .unaligned = true } },
    { "pci-conf-data", 4, { data_read, data_write, .min = 1, .max = 4, .unaligned = true } },
    { 0 }
};

static bool host_init(struct device *dev, struct error **err)
{
    return true;
}

static void host_reset(struct device *dev)
{
    ((struct i440fx_host *)dev)->s.address = 0;
}

static void host_reset_lines(struct device *dev)
{
    pci_bus_refresh_irqs(&((struct i440fx_host *)dev)->bus);
}

DEVICE(i440fx_host) = {
    .name = "i440FX-pcihost",
    .desc = "i440FX host bridge ports",
    .internal = true,
    .size = sizeof(struct i440fx_host),
    .regions = host_regions,
    .init = host_init,
    .reset = host_reset,
    .reset_lines = host_reset_lines,
    .state = STATE(i440fx_host, s, i440fx_host_state, 1),
};

/* --- function 00.0 --------------------------------------------------------------------------- */

/* Segment 0 is the 64 KiB at 0xf0000, the others are 16 KiB from 0xc0000 on. */
static uint64_t segment_base(unsigned n)
{
    return n ? 0xc0000 + (n - 1) * 0x4000ull : 0xf0000;
}

static unsigned segment_mode(const struct i440fx *bridge, unsigned n)
{
    return bridge->pci.pci.config[PAM_FIRST + (n + 1) / 2] >> (n % 2 ? 0 : 4) & 3;
}

static void update_memory(struct i440fx *bridge)
{
    uint8_t smram = bridge->pci.pci.config[SMRAM_CONTROL];
    bool enabled = smram & SMRAM_ENABLE;

    memory_transaction_begin();
    for (unsigned n = 0; n < SEGMENTS; n++) {
        unsigned mode = segment_mode(bridge, n);
        memory_region_enable(&bridge->pci_window[n], !(mode & PAM_READ));
        memory_region_enable(&bridge->readonly[n], mode == PAM_READ);
    }
    memory_region_enable(&bridge->video, !(enabled && smram & SMRAM_OPEN));
    memory_region_enable(&bridge->smm_ram, enabled && !(smram & SMRAM_CLOSED));
    memory_transaction_commit();
}

static void bridge_config_write(struct pci_device *pci, unsigned reg, uint32_t value,
                                unsigned size)
{
    struct i440fx *bridge = (struct i440fx *)pci;
    uint8_t smram = pci->pci.config[SMRAM_CONTROL];
    uint8_t *now = &pci->pci.config[SMRAM_CONTROL];

    pci_config_default_write(pci, reg, value, size);
    if (smram & SMRAM_LOCKED) {
        *now = smram;
    } else if (*now & SMRAM_LOCKED) {
        *now &= (uint8_t)~SMRAM_OPEN;
    }
    if (reg <= SMRAM_CONTROL && reg + size > PAM_FIRST) {
        update_memory(bridge);
    }
}

static bool bridge_init(struct device *dev, struct error **err)
{
    struct pci_device *pci = (struct pci_device *)dev;
    uint8_t *config = pci->pci.config;

    pci_set_ids(pci, 0x8086, 0x1237, 2, 0x060000);
    st16_le(config + PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    st16_le(config + PCI_STATUS, PCI_STATUS_DEVSEL_MEDIUM | PCI_STATUS_FAST_BACK);
    st16_le(pci->writable + PCI_COMMAND, 0x0100);
    config[SMRAM_CONTROL] = 0x02;
    pci->writable[SMRAM_CONTROL] = 0x78;
    pci->config_write = bridge_config_write;
    return true;
}

static void bridge_reset(struct device *dev)
{
    update_memory((struct i440fx *)dev);
}

static bool bridge_loaded(struct device *dev, struct error **err)
{
    update_memory((struct i440fx *)dev);
    return true;
}

DEVICE(i440fx) = {
    .name = "i440FX",
    .desc = "Host bridge",
    .bus = "pci",
    .internal = true,
    .size = sizeof(struct i440fx),
    .init = bridge_init,
    .reset = bridge_reset,
    .loaded = bridge_loaded,
};

/* --- making it ------------------------------------------------------------------------------- */

/* What PCI answers below 1 MiB where nothing is: RAM must not show through its windows. */
static uint64_t nobody_read(void *opaque, uint64_t offset, unsigned size)
{
    return UINT64_MAX;
}

static void nobody_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
}

static const struct mmio_ops nobody_ops = { nobody_read, nobody_write, .min = 1, .max = 8 };

static void map_windows(struct i440fx *bridge, const struct i440fx_memory *memory)
{
    memory_transaction_begin();
    memory_region_init_mmio(&bridge->nobody, "pci-nobody", LEGACY_END - SMRAM_BASE, &nobody_ops,
                            bridge);
    memory_region_add_priority(memory->pci, SMRAM_BASE, &bridge->nobody, -1);
    for (unsigned n = 0; n < SEGMENTS; n++) {
        uint64_t base = segment_base(n), size = n ? 0x4000 : 0x10000;
        memory_region_init_alias(&bridge->pci_window[n], "pam-pci", memory->pci, base, size);
        memory_region_init_alias(&bridge->readonly[n], "pam-rom", memory->ram, base, size);
        memory_region_set_readonly(&bridge->readonly[n], true);
        memory_region_enable(&bridge->readonly[n], false);
        memory_region_add_priority(memory->system, base, &bridge->pci_window[n], 1);
        memory_region_add_priority(memory->system, base, &bridge->readonly[n], 1);
    }
    memory_region_init_alias(&bridge->video, "smram-region", memory->pci, SMRAM_BASE, SMRAM_SIZE);
    memory_region_add_priority(memory->system, SMRAM_BASE, &bridge->video, 1);
    memory_region_init_alias(&bridge->smm_system, "smm-memory", memory->system, 0, 0);
    memory_region_init_alias(&bridge->smm_ram, "smram", memory->ram, SMRAM_BASE, SMRAM_SIZE);
    memory_region_enable(&bridge->smm_ram, false);
    memory_region_add(memory->smm, 0, &bridge->smm_system);
    memory_region_add_priority(memory->smm, SMRAM_BASE, &bridge->smm_ram, 1);
    memory_transaction_commit();
}

struct pci_bus *i440fx_create(const struct i440fx_memory *memory, struct error **err)
{
    struct device *host = device_create("i440FX-pcihost", err);
    struct device *bridge;
    struct pci_bus *bus;

    if (!host || !device_realize(host, err)) {
        return NULL;
    }
    bus = &((struct i440fx_host *)host)->bus;
    memory_region_add(memory->io, 0xcf8, &host->regions[0]);
    memory_region_add(memory->io, 0xcfc, &host->regions[1]);
    memory_region_add_priority(memory->system, 0, memory->pci, -1);
    pci_bus_init(bus, "pci.0", host, memory->pci, memory->io, memory->dma);

    bridge = device_create("i440FX", err);
    if (!bridge || !device_set(bridge, "addr", "0", err)) {
        return NULL;
    }
    map_windows((struct i440fx *)bridge, memory);
    return device_realize(bridge, err) ? bus : NULL;
}

void i440fx_set_reset_control(struct pci_bus *bus, uint8_t (*read)(void *opaque),
                              void (*write)(void *opaque, uint8_t value), void *opaque)
{
    struct i440fx_host *host = (struct i440fx_host *)bus->bus.owner;

    host->reset_read = read;
    host->reset_write = write;
    host->reset_opaque = opaque;
}
