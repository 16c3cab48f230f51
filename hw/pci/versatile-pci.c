/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The PCI host bridge in the FPGA of the Versatile/PB (ARM DUI 0224, 4.18).
 *
 * Regions: its registers; the configuration windows of itself and of the bus; port and memory
 * windows, the latter moved in steps of 256 MiB by the IMAP registers. Outputs are the four
 * interrupt lines that leave for the secondary controller.
 */
#include "hw/pci/versatile-pci.h"

#include "base/bits.h"
#include "base/log.h"

#define SELF_SLOT 11
#define WINDOWS 3
#define WINDOW_SIZE 0x10000000ull
#define FIRST_OFFSET 0x4000000ull

enum { REG_IMAP = 0x00, REG_SELF_ID = 0x0c, REG_FLAGS = 0x10, REG_SMAP = 0x14 };

struct versatile_pci {
    struct device dev;
    struct pci_bus bus;
    struct memory_region memory, io, io_window, windows[WINDOWS];
    struct versatile_pci_state { uint32_t imap[WINDOWS], smap[WINDOWS], self_id, flags; } s;
};

FIELDS(versatile_pci_state) = {
    ARRAY(versatile_pci_state, imap), ARRAY(versatile_pci_state, smap),
    FIELD(versatile_pci_state, self_id), FIELD(versatile_pci_state, flags), FIELDS_END
};

/* --- registers ------------------------------------------------------------------------------- */

static void update_windows(struct versatile_pci *host)
{
    for (unsigned i = 0; i < WINDOWS; i++) {
        /* The first window starts 64 MiB into its 256, behind configuration and ports. */
        memory_region_set_alias_offset(&host->windows[i], host->s.imap[i] * WINDOW_SIZE +
                                       (i ? 0 : FIRST_OFFSET));
    }
}

static uint64_t control_read(void *dev, uint64_t offset, unsigned size)
{
    const struct versatile_pci *host = dev;

    switch (offset) {
    case REG_IMAP ... REG_SELF_ID - 1: return host->s.imap[offset / 4];
    case REG_SELF_ID: return host->s.self_id;
    case REG_FLAGS: return host->s.flags;
    case REG_SMAP ... REG_SMAP + 4 * WINDOWS - 1: return host->s.smap[(offset - REG_SMAP) / 4];
    default: return 0;
    }
}

static void control_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    struct versatile_pci *host = dev;

    switch (offset) {
    case REG_IMAP ... REG_SELF_ID - 1:
        host->s.imap[offset / 4] = value & 15;
        update_windows(host);
        break;
    case REG_SELF_ID: host->s.self_id = value & 31; break;
    case REG_FLAGS: host->s.flags = value; break;
    case REG_SMAP ... REG_SMAP + 4 * WINDOWS - 1:
        host->s.smap[(offset - REG_SMAP) / 4] = value & 15;
        break;
    default: log_guest_error("versatile_pci: write of offset 0x%x", (int)offset); break;
    }
}

/* Bits 23 to 8 of the address are bus, slot and function. */
static uint64_t config_read(void *dev, uint64_t offset, unsigned size)
{
    struct versatile_pci *host = dev;

    return pci_config_read(&host->bus, (uint16_t)(offset >> 8), offset & 0xff, size);
}

static void config_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    struct versatile_pci *host = dev;

    pci_config_write(&host->bus, (uint16_t)(offset >> 8), offset & 0xff, (uint32_t)value, size);
}

static const struct device_region regions[] = {
    { "versatile-pci", 0x1000, { control_read, control_write, .min = 4 } },
    { "versatile-pci-selfconfig", 0x1000000, { config_read, config_write } },
    { "versatile-pci-config", 0x1000000, { config_read, config_write } },
    { 0 }
};

/* --- interrupts ------------------------------------------------------------------------------ */

static void set_irq(void *opaque, int line, int level)
{
    struct versatile_pci *host = opaque;

    if (line < (int)host->dev.class->irqs) {
        irq_set(host->dev.irqs[line], level);
    }
}

/* Slots 24, 28, ... have INTA on the first line, the next ones rotate; the backplane adds two. */
static int map_irq(void *opaque, struct pci_device *pci, int pin)
{
    return ((pci->devfn >> 3) + pin + 2) & 3;
}

/* --- the bridge as the bus sees it ----------------------------------------------------------- */

static bool self_init(struct device *dev, struct error **err)
{
    struct pci_device *pci = (struct pci_device *)dev;

    pci_set_ids(pci, 0x10ee, 0x0300, 0, 0x0b4000);
    st16_le(pci->pci.config + PCI_STATUS, PCI_STATUS_66MHZ | PCI_STATUS_DEVSEL_MEDIUM);
    return true;
}

DEVICE(versatile_pci_self) = {
    .name = "versatile_pci_host", .desc = "Versatile PCI bridge", .bus = "pci", .internal = true,
    .size = sizeof(struct pci_device), .init = self_init,
};

/* --- making it ------------------------------------------------------------------------------- */

static bool host_init(struct device *dev, struct error **err)
{
    return true;
}

static void host_reset(struct device *dev)
{
    struct versatile_pci *host = (struct versatile_pci *)dev;

    host->s = (struct versatile_pci_state){ .imap = { 4, 5, 6 } };
    update_windows(host);
}

static void host_reset_lines(struct device *dev)
{
    pci_bus_refresh_irqs(&((struct versatile_pci *)dev)->bus);
}

static bool host_loaded(struct device *dev, struct error **err)
{
    struct versatile_pci *host = (struct versatile_pci *)dev;

    for (unsigned i = 0; i < WINDOWS; i++) {
        host->s.imap[i] &= 15;
    }
    update_windows(host);
    return true;
}

DEVICE(versatile_pci) = {
    .name = "versatile_pci", .desc = "Versatile PCI host bridge", .internal = true,
    .size = sizeof(struct versatile_pci), .regions = regions, .irqs = 4, .init = host_init,
    .reset = host_reset, .reset_lines = host_reset_lines,
    .state = STATE(versatile_pci, s, versatile_pci_state, 1), .loaded = host_loaded,
};

struct device *versatile_pci_create(struct memory_region *system, struct address_space *dma,
                                    struct error **err)
{
    static const struct { uint64_t at, size; } windows[WINDOWS] = {
        { 0x44000000, 0x0c000000 }, { 0x50000000, WINDOW_SIZE }, { 0x60000000, WINDOW_SIZE }
    };
    struct device *dev = device_create("versatile_pci", err), *self;
    struct versatile_pci *host = (struct versatile_pci *)dev;

    if (!dev || !device_realize(dev, err)) {
        return NULL;
    }
    memory_region_init(&host->memory, "pci-memory", 1ull << 32);
    memory_region_init(&host->io, "pci-io", 1ull << 32);
    pci_bus_init(&host->bus, "pci.0", dev, &host->memory, &host->io, dma);
    pci_bus_set_irqs(&host->bus, set_irq, map_irq, host);
    host->bus.first_slot = SELF_SLOT + 1;
    memory_region_init_alias(&host->io_window, "pci-io-window", &host->io, 0, 0x100000);
    memory_region_add(system, 0x10001000, &dev->regions[0]);
    memory_region_add(system, 0x41000000, &dev->regions[1]);
    memory_region_add(system, 0x42000000, &dev->regions[2]);
    memory_region_add(system, 0x43000000, &host->io_window);
    for (unsigned i = 0; i < WINDOWS; i++) {
        memory_region_init_alias(&host->windows[i], "pci-window", &host->memory, 0,
                                 windows[i].size);
        memory_region_add(system, windows[i].at, &host->windows[i]);
    }
    self = device_create("versatile_pci_host", err);
    if (!self || !device_set(self, "addr", "b", err) || !device_realize(self, err)) {
        return NULL;
    }
    return dev;
}
